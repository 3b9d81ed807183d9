"""What a project's policy demands of a command besides who gives it: a reason, and a limit on what it may spend.

As `fleet.policy` the settings are told by the host: `policy/<n>/<project>/reason_for` (verbs, joined by newlines),
`.../max_usd` (dollars) and `.../hands_off` (`yes`). Of all policies that fit a project every one counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from orchestrator_tui.events import Facts, Settings
from orchestrator_tui.fleet.policy import PREFIX

SPENDS = {"run": "budget_usd", "loop": "budget_usd", "budget": "usd", "escalate": "cap_usd", "split": "budget_usd"}
"""Verbs that let money be spent -> the argument that says how much at most."""


def reason_missing(settings: Settings, project: str | None, verb: str, why: str) -> str:
    """Why the command is refused for want of a reason; "" when it has one, or needs none."""
    if why.strip() or not any(value in (verb, "*") for value in _values(settings, project, "reason_for")):
        return ""
    return f"the policy of {project or 'this place'} wants a reason for {verb}: --why"


def max_usd(settings: Settings, project: str | None) -> float | None:
    """The least that any policy of the project lets one command spend; None: no policy says."""
    found = []
    for value in _values(settings, project, "max_usd"):
        try:
            found.append(float(value))
        except ValueError:
            continue
    return min(found, default=None)


def too_dear(settings: Settings, project: str | None, verb: str, arguments: Facts, agent: str = "") -> str:
    """Why the command is refused for what it may spend; "" when it is within the limit, or a person said yes to it.

    `agent`: from inside which agent it was asked; its yes is none.
    """
    limit = max_usd(settings, project)
    if limit is None or verb not in SPENDS:
        return ""
    asked = arguments.get(SPENDS[verb])
    known = isinstance(asked, int | float) and not isinstance(asked, bool)
    if known and float(asked) <= limit:  # type: ignore[arg-type]
        return ""
    if arguments.get("confirmed") is True and not agent:
        return ""
    how = f"may spend ${float(asked):.2f}" if known else "has no limit"  # type: ignore[arg-type]
    return f"this {verb} {how}, the policy of {project or 'this place'} allows ${limit:.2f}"


def hands_off(settings: Settings, project: str | None) -> bool:
    """Whether no guard and no governor acts there."""
    return any(value == "yes" for value in _values(settings, project, "hands_off"))


def _values(settings: Settings, project: str | None, name: str) -> Iterator[str]:
    for key, value in settings.items():
        if not key.startswith(PREFIX) or not key.endswith(f"/{name}"):
            continue
        pattern = key.removeprefix(PREFIX).removesuffix(f"/{name}").partition("/")[2]
        if isinstance(value, str) and value and fnmatchcase(project or "", pattern):
            yield from value.split("\n")
