"""Settings of how a person hears that somebody is needed."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

_HOURS = re.compile(r"([01]?\d|2[0-3]):([0-5]\d) ?- ?([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)


class Notify(Struct, frozen=True, forbid_unknown_fields=True):
    """`[notify]`: how you hear that somebody is needed."""

    off: bool = False
    """Announce nothing at all."""
    on: list[Literal["red", "waiting", "amber", "finished"]] = field(default_factory=lambda: ["red", "waiting"])
    """What is announced: `red` (act now), `waiting` (a person is owed), `amber` (soon, or probably), `finished`."""
    bell: bool = True
    """Ring the bell of the dashboard's terminal."""
    terminal: Literal["off", "osc9", "osc777"] = "off"
    """Have the dashboard's terminal show a notification: `osc9` (iTerm2, kitty, WezTerm), `osc777` (foot, urxvt)."""
    tmux_passthrough: bool = False
    """Within tmux, send that on to the outer terminal (tmux: `set -g allow-passthrough on`); else the bell rings."""
    desktop: bool = False
    """The host shows a desktop notification by `notify-send`, also with the dashboard closed."""
    command: list[str] = field(default_factory=list)
    """The host runs this program with these arguments, also with the dashboard closed; it finds the notice in
    `ORC_NOTICE_*` variables and as JSON on its input, and has 10 s. E.g. `["ntfy-me", "--quiet"]`."""
    quiet: str = ""
    """Hours of your day in which nothing is announced, e.g. `22:00-07:00`."""
    min_turn_seconds: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    """Seconds from the start of a turn within which nothing is announced of it: you are still looking."""

    def __post_init__(self) -> None:
        if self.quiet and self.quiet_minutes is None:
            raise ValueError(f"notify.quiet must be two different times such as 22:00-07:00, not {self.quiet!r}")
        program = self.command[0] if self.command else "-"
        if not program or ("/" in program and not program.startswith(("/", "~/"))):
            raise ValueError("notify.command must begin with a program: a name on PATH, or a path from / or ~/")
        if any("\0" in part for part in self.command):
            raise ValueError("notify.command must not hold a NUL character")

    @property
    def quiet_minutes(self) -> tuple[int, int] | None:
        """The quiet hours as minutes of the day, until before the second; None when there are none."""
        found = _HOURS.fullmatch(self.quiet)
        if found is None:
            return None
        start, end = (int(found[n]) * 60 + int(found[n + 1]) for n in (1, 3))
        return (start, end) if start != end else None
