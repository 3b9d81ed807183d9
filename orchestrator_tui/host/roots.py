"""Where the clients' files are for this user: their own places, the settings', and those a person names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from orchestrator_tui.clients import ALL, BY_NAME
from orchestrator_tui.clients.listing import existing
from orchestrator_tui.config import Config
from orchestrator_tui.errors import UsageError
from orchestrator_tui.paths import Paths

Roots = Mapping[str, Sequence[Path]]
"""Client name -> its directories."""


def find_roots(paths: Paths, config: Config, environ: Mapping[str, str] | None = None) -> Roots:
    """Every client's directories, links resolved, each once."""
    env = os.environ if environ is None else environ
    found: dict[str, list[Path]] = {}
    for client in ALL:
        if client.name in config.clients.off:
            continue
        extra = [Path(text) for text in config.clients.roots.get(client.name, [])]
        own = {"log": [paths.inbox], "loop": [paths.loops]}.get(client.name, [])
        found[client.name] = existing([*client.roots(env), *own, *extra])
    return found


def named_roots(texts: Iterable[str]) -> Roots:
    """`CLIENT=DIR` as a person writes it. Raises UsageError naming what is wrong."""
    found: dict[str, list[Path]] = {}
    for text in texts:
        name, _, directory = text.partition("=")
        if name not in BY_NAME or not directory:
            raise UsageError(f"not a root: {text!r}; write CLIENT=DIR, CLIENT one of {', '.join(BY_NAME)}")
        real = existing([Path(directory)])
        if not real:
            raise UsageError(f"no such directory: {directory}")
        found.setdefault(name, []).extend(real)
    return found


def add_roots(roots: Roots, texts: Iterable[str]) -> Roots:
    """These roots and the ones named, each once; what cannot be used is left out."""
    merged = {name: list(paths) for name, paths in roots.items()}
    for text in texts:
        name, _, directory = text.partition("=")
        if name in BY_NAME:
            for real in existing([Path(directory)]):
                if real not in merged.setdefault(name, []):
                    merged[name].append(real)
    return merged
