"""Finds activity types: every file of this package that names a `TYPE`, and installed packages' entry points."""

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import entry_points
from typing import Any, Final

import realtime.activities
from realtime.activities import generic
from realtime.activities.contract import ActivityType
from realtime.core.errors import Refusal

ENTRY_POINT_GROUP: Final = "plenum.activity_types"
Kind = ActivityType[Any, Any]


class Registry:
    """Activity types by name and alias; unregistered names get the pass-through type, or are refused when strict."""

    def __init__(self, kinds: Iterable[Kind], *, fallback: Kind) -> None:
        self._by_name: dict[str, Kind] = {}
        self._fallback = fallback
        for kind in kinds:
            for name in (kind.name, *kind.aliases):
                if name in self._by_name:
                    raise ValueError(f"two activity types are called {name!r}")
                self._by_name[name] = kind

    def resolve(self, name: str, *, strict: bool = False) -> Kind:
        """The type of that name or alias; Refusal `unknown_type` for an unregistered one when strict."""
        kind = self._by_name.get(name)
        if kind is None:
            if strict:
                raise Refusal("unknown_type", details={"field": "type", "reason": "not registered"})
            return self._fallback
        return kind

    def canonical(self, name: str) -> str:
        """The name under which a type is stored: an alias becomes its type's name, an unknown one stays."""
        kind = self._by_name.get(name)
        return kind.name if kind is not None else name

    def kinds(self) -> Mapping[str, Kind]:
        """The registered types by their own names."""
        return {kind.name: kind for kind in self._by_name.values()}


@lru_cache(maxsize=1)
def installed() -> Registry:
    """All types of this package and of installed packages; found once per process."""
    package = realtime.activities
    found: list[Kind] = []
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        kind = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), "TYPE", None)
        if isinstance(kind, ActivityType):
            found.append(kind)
    for point in entry_points(group=ENTRY_POINT_GROUP):
        kind = point.load()
        if not isinstance(kind, ActivityType):
            raise TypeError(f"entry point {point.name!r} of group {ENTRY_POINT_GROUP} is no ActivityType instance")
        found.append(kind)
    return Registry(found, fallback=generic.TYPE)
