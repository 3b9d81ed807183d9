"""What a running program holds: how many things lie in each of its containers, by the way that leads there."""

from __future__ import annotations

import functools
import gc
import sys
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

OWN = "orchestrator_tui"
DEEPEST = 14
"""Steps from the root that are named; what lies deeper counts for the last of them."""


def sizes(roots: dict[str, object], least: int = 1) -> dict[str, int]:
    """Way -> entries, summed over all containers that are reached by it; `Host.fleet.sessions[].calls` for instance.

    Only our own objects and plain containers are walked through; each is counted once, by its shortest way.
    """
    found: Counter[str] = Counter()
    seen: set[int] = set()
    queue: deque[tuple[str, int, Any]] = deque((name, 0, root) for name, root in roots.items())
    while queue:
        way, depth, value = queue.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        inside: Iterator[tuple[str, Any]]
        if isinstance(value, dict):
            found[way] += len(value)
            inside = (("[]", part) for part in value.values())
        elif isinstance(value, list | tuple | set | frozenset | deque):
            if not isinstance(value, tuple):
                found[way] += len(value)
            inside = (("[]", part) for part in value)
        else:
            inside = ((f".{name}", part) for name, part in _attributes(value))
        for step, part in inside:
            if isinstance(part, int | float | str | bytes | None):
                continue
            queue.append((way + step if depth < DEEPEST else way, depth + 1, part))
    for name, size in _caches():
        found[name] += size
    return {way: count for way, count in found.items() if count >= least}


def objects(least: int = 100) -> dict[str, int]:
    """Type -> how many of it the collector knows, all modules'."""
    found = Counter(f"{type(thing).__module__}.{type(thing).__qualname__}" for thing in gc.get_objects())
    return {name: count for name, count in found.items() if count >= least}


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    kind = type(value)
    if not kind.__module__.startswith((OWN, "tests.")):
        return
    names = value.__struct_fields__ if isinstance(value, Struct) else [*_slots(kind), *getattr(value, "__dict__", ())]
    for name in names:
        part = getattr(value, name, None)
        if not callable(part) or type(part).__module__.startswith(OWN):
            yield name, part


def _slots(kind: type) -> Iterator[str]:
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        yield from [slots] if isinstance(slots, str) else slots


def _caches() -> Iterator[tuple[str, int]]:
    """The caches of functions and the containers of modules."""
    for name, module in list(sys.modules.items()):
        if not name.startswith(OWN) or module is None:
            continue
        for word, value in list(vars(module).items()):
            if isinstance(value, functools._lru_cache_wrapper):
                if value.__module__ == name:
                    yield f"{name}.{word}()", value.cache_info().currsize
            elif isinstance(value, dict | list | set) and not word.startswith("__"):
                yield f"{name}.{word}", len(value)
            elif isinstance(value, type) and value.__module__ == name:
                for inner, method in list(vars(value).items()):
                    if isinstance(method, functools._lru_cache_wrapper):
                        yield f"{name}.{word}.{inner}()", method.cache_info().currsize
