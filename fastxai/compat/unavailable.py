"""Names of mindspore_xai that fastxai does not have: importing them works, using them does not."""

from __future__ import annotations

from typing import Any, NoReturn


class _NotAvailable(type):
    """A class of which nothing can be used: `__doc__` says so to whoever asks."""

    def __call__(cls, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(cls.__doc__)

    def __getattr__(cls, name: str) -> NoReturn:
        # Python and inspection tools look for names of their own, and take a no.
        raise (AttributeError(name) if name.startswith("_") else NotImplementedError(cls.__doc__))


def not_available(name: str) -> Any:
    """A stand-in for a class or function of mindspore_xai.

    Args:
        name: Its name there.

    Returns:
        A class that can be imported and named; calling it, or using a method of it, raises
        NotImplementedError with a sentence that says what to do.
    """
    sentence = (
        f"fastxai does not have {name} yet: it explains image classifiers only. Tabular data "
        f"still needs mindspore_xai, in an environment where its own modules are imported."
    )
    return _NotAvailable(name, (), {"__doc__": sentence, "__module__": __name__})
