"""Which classes of an image are explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastxai.dataset.items import Item

GIVEN, TOP, LABEL, DIFFER = "given", "top", "label", "differ"
_WORDS = f"'{GIVEN}', '{TOP}', 'top:K', '{LABEL}', '{DIFFER}' or classes"


@dataclass(frozen=True)
class TargetRule:
    """Chooses the classes of every image.

    Attributes:
        word: A word of the above; '' where `classes` holds.
        count: K of 'top:K'.
        classes: The same for all images.
        names: Names of the network's classes.
    """

    word: str
    count: int = 1
    classes: tuple[int | str, ...] = ()
    names: Sequence[str] | None = None

    @classmethod
    def of(cls, targets: Any, names: Sequence[str] | None = None) -> TargetRule:
        """Reads an argument `targets`.

        Raises:
            ValueError: It is none of those, or names a class that `names` does not have.
        """
        names = None if names is None else tuple(names)
        if targets in (GIVEN, TOP, LABEL, DIFFER):
            return cls(targets, names=names)
        if isinstance(targets, str) and targets.startswith(f"{TOP}:"):
            text = targets.partition(":")[2]
            if not (text.isascii() and text.isdigit() and int(text) > 0):
                raise ValueError(f"dataset: `targets` must be {_WORDS}, got {targets!r}.")
            return cls(TOP, int(text), names=names)
        if isinstance(targets, (int, np.integer)):
            targets = (int(targets),)
        if isinstance(targets, str) or not targets:
            raise ValueError(f"dataset: `targets` must be {_WORDS}, got {targets!r}.")
        rule = cls("", classes=tuple(targets), names=names)
        for each in rule.classes:  # a name that is none would fail with every image
            try:
                rule._index(each)
            except ValueError as error:
                raise ValueError(f"dataset: `targets` must be {_WORDS}; {error}.") from None
        return rule

    def check_classes(self, number: int) -> None:
        """Refuses classes that every image would fail with.

        Args:
            number: Classes that the network has.

        Raises:
            ValueError: It does not have one of those that hold for all images.
        """
        for each in map(self._index, self.classes):
            if not 0 <= each < number:
                raise ValueError(f"dataset: `targets` must be in [0, {number}), got {each}.")

    @property
    def text(self) -> list[Any]:
        """As a manifest has it."""
        return [self.word, self.count, list(self.classes)]

    def label(self, item: Item) -> int | None:
        """The index of an image's true class."""
        return None if item.label is None else self._index(item.label)

    def choose(self, item: Item, scores: np.ndarray) -> tuple[int, ...]:
        """The classes of an image by its scores (K,), none twice; () where nothing is asked for.

        Raises:
            ValueError: There is none, or one that the network does not have.
        """
        found = [self._index(each) for each in self._wanted(item, scores)]
        for each in found:
            if not 0 <= each < len(scores):
                raise ValueError(f"the target must be in [0, {len(scores)}), got {each}")
        return tuple(dict.fromkeys(found))

    def _wanted(self, item: Item, scores: np.ndarray) -> Sequence[int | str]:
        order = [int(index) for index in np.argsort(-scores, kind="stable")]
        if self.word == TOP:
            return order[: self.count]
        if self.word == GIVEN:
            if not item.targets:
                raise ValueError("no target is given with this image")
            return item.targets
        if self.word in (LABEL, DIFFER):
            if item.label is None:
                raise ValueError("no label is given with this image")
            label = self._index(item.label)
            if self.word == LABEL:
                return [label]
            return [] if label == order[0] else [order[0], label]
        return self.classes

    def _index(self, value: int | str) -> int:
        if not isinstance(value, str):
            return int(value)
        if self.names is None:
            raise ValueError(f"{value!r} is a name of a class, and there are no class names")
        places = [place for place, name in enumerate(self.names) if name == value]
        if len(places) != 1:
            kind = "no class is" if not places else f"classes {places} are"
            raise ValueError(f"{kind} called {value!r}")
        return places[0]
