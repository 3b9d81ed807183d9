"""What a project's policy demands: who may command, and what wants a second key (`[[policy]]` of the settings).

The host tells the policies with its other settings (`settings.changed`), as `policy/<n>/<project>/agents_may` and
`policy/<n>/<project>/second_key`, each a list joined by newlines; of all that fit a project every one counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from orchestrator_tui.events import Settings

PREFIX = "policy/"


def told(number: int, project: str, name: str, values: list[str]) -> tuple[str, str]:
    """One list of one policy as a setting."""
    return f"{PREFIX}{number}/{project}/{name}", "\n".join(values)


def second_key(settings: Settings, project: str | None, what: str) -> str:
    """The pattern that wants a second key for that, or ""; each part of a chain of commands counts."""
    patterns = list(_values(settings, project, "second_key"))
    for part in _parts(what):
        for pattern in patterns:
            if fnmatchcase(part, pattern):
                return pattern
    return ""


def agents_may(settings: Settings, project: str | None, verb: str) -> bool:
    """Whether an agent may give this command in that project."""
    return any(value in (verb, "*") for value in _values(settings, project, "agents_may"))


def _values(settings: Settings, project: str | None, name: str) -> Iterator[str]:
    for key, value in settings.items():
        if not key.startswith(PREFIX) or not key.endswith(f"/{name}"):
            continue
        pattern = key.removeprefix(PREFIX).removesuffix(f"/{name}").partition("/")[2]
        if isinstance(value, str) and value and fnmatchcase(project or "", pattern):
            yield from value.split("\n")


_BREAKS = str.maketrans(dict.fromkeys(";|&()`\n{}'\"", "\n"))


def _parts(what: str) -> list[str]:
    """The whole, and each command in it; what stands before a command (`sudo`, `FOO=1`) is taken off, too."""
    parts = [what.strip()]
    for piece in what.replace("$(", "\n").translate(_BREAKS).split("\n"):
        words = piece.split()
        # Every tail is tried: `env X=1 sudo git push` is a git push.
        parts += [" ".join(words[start:]) for start in range(min(len(words), 6))]
    return parts
