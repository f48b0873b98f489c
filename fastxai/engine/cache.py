"""Engines that were made, the most recently used ones, and why others could not be."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from fastxai.engine.protocol import Engine, Unusable
from fastxai.network.structure import WeakStructure

_MOST_ENGINES = 4  # each holds the weights once more: 100 to 200 MB for ResNet50
_MOST_FINDINGS = 64


@dataclass(frozen=True)
class _Entry:
    structure: WeakStructure
    key: Hashable
    values: int | None  # checksum of the weights; None: whatever they are
    made: Engine | Unusable
    watch: weakref.ref[Any]  # takes the entry out when the network is gone


class EngineCache:
    """Finds engines by structure, values and a key of all else that they depend on."""

    def __init__(self, most_engines: int = _MOST_ENGINES) -> None:
        self._most_engines = most_engines
        self._entries: OrderedDict[int, _Entry] = OrderedDict()  # least recently used first
        self._next = 0

    def find(self, found: list[Any], values: int, key: Hashable) -> Engine | Unusable | None:
        """The engine that was kept for this network, or None.

        Args:
            found: `structure_of` the network, its cell first.
            values: Its `checksum`.
            key: Shape of the batch, engine, precision, ...
        """
        for number, entry in reversed(list(self._entries.items())):
            if (
                entry.key == key
                and entry.values in (None, values)
                and entry.structure.matches(found)
            ):
                self._entries.move_to_end(number)
                return entry.made
        return None

    def keep(self, found: list[Any], values: int, key: Hashable, made: Engine | Unusable) -> None:
        """Keeps what was made; drops engines of other weights of this network, then the oldest."""
        for_good = isinstance(made, Unusable) and made.for_good
        for number, entry in list(self._entries.items()):
            if entry.key == key and entry.structure.matches(found):
                del self._entries[number]
        number, self._next = self._next, self._next + 1
        watch = weakref.ref(found[0], lambda _: self._entries.pop(number, None))
        self._entries[number] = _Entry(
            WeakStructure(found), key, None if for_good else values, made, watch
        )
        self._bound(Engine, self._most_engines)
        self._bound(Unusable, _MOST_FINDINGS)

    def drop(self, engine: Engine) -> None:
        """Forgets an engine."""
        for number, entry in list(self._entries.items()):
            if entry.made is engine:
                del self._entries[number]

    def clear(self) -> None:
        """Forgets all."""
        self._entries.clear()

    def __len__(self) -> int:
        return sum(isinstance(entry.made, Engine) for entry in self._entries.values())

    def _bound(self, kind: type, most: int) -> None:
        numbers = [n for n, entry in self._entries.items() if isinstance(entry.made, kind)]
        for number in numbers[: max(0, len(numbers) - most)]:
            del self._entries[number]
