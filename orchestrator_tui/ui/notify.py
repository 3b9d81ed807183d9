"""What the dashboard writes to its own terminal when somebody is needed: the bell, and OSC 9 or OSC 777."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from orchestrator_tui.config import Notify
from orchestrator_tui.events import Event
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.notices import Notice, Notices
from orchestrator_tui.host.notify import local_minute, terminal_way, wishes_of

BELL = "\x07"
# A sequence ends with ST, so that the only BEL that is ever written is the bell itself.
_ST = "\x1b\\"


class Output(Protocol):
    """What takes bytes for the terminal: Textual's driver."""

    def write(self, data: str) -> None:
        """Write as it is."""


def composed(notice: Notice, way: Literal["osc9", "osc777"], tmux: bool) -> str:
    """The sequence that has a terminal show a notice; with `tmux`, as tmux passes it on."""
    if way == "osc9":
        # Text that began with a digit could be one of ConEmu's own OSC 9 commands.
        sequence = f"\x1b]9;orc: {notice.title} - {notice.body}{_ST}"
    else:
        # A semicolon ends a field.
        title, body = (text.replace(";", ",") for text in (notice.title, notice.body))
        sequence = f"\x1b]777;notify;orc: {title};{body}{_ST}"
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + _ST if tmux else sequence


class Bells:
    """Announces in one terminal what happens from now on."""

    def __init__(self, settings: Notify, fleet: Fleet, now: int, environment: Mapping[str, str] | None = None) -> None:
        """`fleet` is the fleet as the dashboard opens: what is open in it rings nothing."""
        environment = os.environ if environment is None else environment
        self._way = terminal_way(settings, environment)
        self._tmux = bool(environment.get("TMUX"))
        self._bell = settings.bell or self._way == "bell"
        self._silent = settings.off or not (self._bell or self._way != "off")
        self._notices = Notices(wishes_of(settings), fleet, now)

    def see(self, fleet: Fleet, events: Sequence[Event], now: int) -> None:
        """Take up what was appended and folded in just now."""
        if not self._silent:
            self._notices.see(fleet, events, now, local_minute(now))

    def due(self, now: int) -> str:
        """What is to be written to the terminal now; "" when nothing."""
        notices = [] if self._silent else self._notices.due(now)
        way = self._way
        shown = [composed(notice, way, self._tmux) for notice in notices] if way in ("osc9", "osc777") else []
        return "".join(shown) + (BELL if notices and self._bell else "")

    def ring(self, now: int, output: Output | None) -> None:
        """Write what is due, where there is a terminal."""
        due = self.due(now)
        if due and output is not None:
            output.write(due)
