"""The first steps: what an empty map offers, and what is done by verbs of orc's own beside the screen."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
from textual.app import SuspendNotSupported

from orchestrator_tui.clock import SECOND
from orchestrator_tui.errors import HostRunning, OrcError
from orchestrator_tui.text import line
from orchestrator_tui.ui import machine, own_verb
from orchestrator_tui.ui.draw.ink import Line, Run
from orchestrator_tui.ui.draw.welcome import Empty, draw_empty
from orchestrator_tui.ui.machine import Found
from orchestrator_tui.ui.questions import Question
from orchestrator_tui.ui.screens.doctor import DoctorScreen, Finding

if TYPE_CHECKING:
    from orchestrator_tui.ui.app import OrcApp

AGAIN = 15 * SECOND
"""After so long an empty map looks at the machine again."""
PATIENCE = 60.0
"""Seconds that a verb may take."""
SHOWN = 24
"""Changed lines of a settings file that a question shows."""


class First:
    """Looks at the machine while the map is empty, and does the first steps."""

    def __init__(self, app: OrcApp) -> None:
        self.app = app
        self.found: Found | None = None
        self._looked_at = -AGAIN
        self._looking = False

    # --- the empty map ------------------------------------------------------------------------------------

    @property
    def empty(self) -> bool:
        """Whether the map shows nobody, and not because of a filter."""
        return not self.app.drawn.regions and not self.app.filter

    def settle(self) -> None:
        """Look at the machine, now and then, while there is nothing else to see."""
        now = self.app.clock.monotonic()
        if self.empty and not self._looking and now - self._looked_at >= AGAIN:
            self._looking, self._looked_at = True, now
            self.app.run_worker(self._look(), exclusive=True, group="machine")

    async def _look(self) -> None:
        try:
            found = await asyncio.to_thread(machine.look, self.app.paths, self.app.config, self.app.clock.now())
        finally:
            self._looking = False
        if found != self.found:
            self.found = found
            self.app.redraw()

    def lines(self, columns: int, rows: int) -> list[Line]:
        """What the empty map says."""
        app = self.app
        fleet = app.live.fleet
        now = app.clock.now()
        reading = ""
        for order in fleet.orders.open.values():
            if order.verb == "ingest":
                reading = f"{order.done:,} of {order.total:,} files" if order.total else "everything that is on disk"
        wrong = "" if app.live.alive else app.live.watch_words(now)
        filtered = app.filter if app.drawn.hidden or fleet.sessions else ""
        empty = Empty(filtered, app.drawn.hidden, len(fleet.sessions), self.found, wrong, reading)
        return draw_empty(empty, columns, rows, app.keys)

    # --- steps --------------------------------------------------------------------------------------------

    def read_all(self) -> None:
        """Have the host read every transcript."""
        if self.app.live.host_runs():
            self.app.commanding.ask("ingest", {"all": True, "roots": ""})
            self.app.commanding.tell("reading everything that is on disk: it comes in as it is read")
        else:
            self._no_host()

    def start_host(self) -> None:
        """Start a host, where none runs."""
        self.app.run_worker(self._start(), exclusive=True, group="host")

    async def _start(self) -> None:
        from orchestrator_tui.host.run import start_in_background

        tell = self.app.commanding.tell
        tell("starting the host ...")
        try:
            record = await asyncio.to_thread(start_in_background, self.app.paths)
        except HostRunning as words:
            tell(line(str(words)))
        except (OrcError, OSError) as error:
            self.app.notify(f"the host did not start: {error}", severity="error", timeout=15, markup=False)
        else:
            tell(f"the host runs now: pid {record.pid}")

    def hook(self) -> None:
        """Show what the hook would change, and ask."""
        self.app.run_worker(self._hook(), exclusive=True, group="hook")

    async def _hook(self) -> None:
        # Without a yes it only shows; the verb itself refuses what it may not do.
        status, out = await own_verb.run("hooks", "install", "claude", seconds=PATIENCE)
        changed = [row for row in out.splitlines() if row[:1] in "+-" and row[:3] not in ("+++", "---")]
        if not changed:
            self.app.commanding.tell(_last(out) or f"`orc hooks install claude` ended with status {status}")
            return
        facts: list[Run] = [(line(row, 200), "working" if row[0] == "+" else "errored") for row in changed[:SHOWN]]
        if len(changed) > SHOWN:
            facts.append((f"and {len(changed) - SHOWN} more lines", "dim"))
        target = next((row[4:].removesuffix(" (then)") for row in out.splitlines() if row[:4] == "+++ "), "")
        facts.append(("a copy is kept; `orc hooks remove claude` takes it out again", "dim"))
        title = f"install Claude's hook: change {line(target, 120) or 'its settings'}"
        self.app.commanding.open(Question(title, "install it", self._install, tuple(facts), careful=True))

    def _install(self, values: dict[str, str]) -> str:
        # Another key does not break it off.
        self.app.run_worker(self._installed(), group="install")
        return ""

    async def _installed(self) -> None:
        status, out = await own_verb.run("hooks", "install", "claude", "--yes", seconds=PATIENCE)
        self.app.notify(
            _last(out) or "the hook is in place",
            severity="error" if status else "information",
            timeout=10,
            markup=False,
        )
        self._looked_at = -AGAIN
        self.settle()

    def doctor(self) -> None:
        """What was found, and what is off, on a page of its own."""
        shown = self.app.screen
        screen = shown if isinstance(shown, DoctorScreen) else DoctorScreen()
        if screen is shown:
            screen.show(screen.findings, "looking again ...")
        else:
            self.app.push_screen(screen)
        self.app.run_worker(self._examined(screen), exclusive=True, group="doctor")

    async def _examined(self, screen: DoctorScreen) -> None:
        status, out = await own_verb.run("doctor", "--json", seconds=PATIENCE)
        try:
            found = msgspec.json.decode(out[out.index("{") :], type=Report)
        except (ValueError, msgspec.DecodeError):
            screen.show((), _last(out) or f"`orc doctor` ended with status {status}")
        else:
            screen.show(found.findings, "")

    def demo(self) -> None:
        """The demo has a dashboard of its own: this one steps aside meanwhile."""
        try:
            with self.app.suspend():
                subprocess.run([sys.executable, "-m", "orchestrator_tui", "demo"], check=False)
        except SuspendNotSupported:
            self.app.commanding.tell("this terminal cannot be shared: run `orc demo` in another one")
        self.app.redraw()

    def _no_host(self) -> None:
        key = self.app.keys.shown("start-host") or "`orc host`"
        self.app.commanding.tell(f"no host is running that could do it; {key} starts one")


class Report(msgspec.Struct):
    """What `orc doctor --json` says."""

    findings: tuple[Finding, ...] = ()


def _last(out: str) -> str:
    rows = own_verb.rows_of(out)
    return rows[-1] if rows else ""
