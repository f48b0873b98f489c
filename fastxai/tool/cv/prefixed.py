"""A Cell that saves the Parameters of a child under longer names and leaves theirs alone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mindspore import Parameter, nn

from fastxai.network import evaluation


class NamedParameter:
    """A Parameter with a name of its own; everything else is the Parameter's.

    `mindspore.save_checkpoint` and `load_param_into_net` take names from the objects that
    `Cell.parameters_and_names` yields: yielding these gives a checkpoint its keys and leaves
    `Parameter.name` to the network that owns it.
    """

    def __init__(self, name: str, parameter: Parameter) -> None:
        vars(self).update(name=name, parameter=parameter)

    def __getattr__(self, name: str) -> Any:
        return getattr(vars(self)["parameter"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "name":
            vars(self)["name"] = value
        else:
            setattr(self.parameter, name, value)

    def __repr__(self) -> str:
        return f"NamedParameter({self.name!r}, {self.parameter!r})"


class PrefixedCell(nn.Cell):
    """A Cell with a child that belongs to somebody else.

    An attribute would be renamed by MindSpore: put the child in with `insert_child_to_cell`. Its
    checkpoint keys are then what an attribute would have. A Cell that contains this one and is
    saved as a whole uses `Parameter.name`.
    """

    _foreign: str  # name of the child

    def parameters_and_names(self, name_prefix: str = "", expand: bool = True) -> Iterator[Any]:
        """Same as every Cell's; the child's Parameters are named as in a checkpoint."""
        for name, parameter in super().parameters_and_names(name_prefix, expand):
            if name.startswith(f"{name_prefix}.{self._foreign}.".lstrip(".")):
                yield name, NamedParameter(name, parameter)
            else:
                yield name, parameter

    def get_parameters(self, expand: bool = True) -> Iterator[Parameter]:
        """Same as every Cell's: the Parameters themselves."""
        for _, parameter in super().parameters_and_names(expand=expand):
            yield parameter

    def parameters_dict(self, recurse: bool = True) -> OrderedDict[str, Parameter]:
        """As every Cell's: the Parameters themselves, under the names of a checkpoint."""
        names = [parameter.name for _, parameter in self.parameters_and_names(expand=recurse)]
        return OrderedDict(zip(names, self.get_parameters(recurse), strict=True))

    @contextmanager
    def renamed(self) -> Iterator[None]:
        """Gives the child's Parameters their names in a checkpoint for a while."""
        child = self._cells[self._foreign]
        names = child.parameters_and_names()
        with evaluation.renamed((each, f"{self._foreign}.{name}") for name, each in names):
            yield
