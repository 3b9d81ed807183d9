"""Giving away what is replayed: the instant, or the marked stretch, written by `orc export` in a process of its own.

The dashboard does not know how files are made: it asks, and runs the same verb that a person would type.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator_tui.clock import MILLISECOND, iso
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.text import line
from orchestrator_tui.ui import own_verb
from orchestrator_tui.ui.draw.gantt import seconds_of
from orchestrator_tui.ui.draw.ink import Run
from orchestrator_tui.ui.plans import called
from orchestrator_tui.ui.questions import Field, Question, Values
from orchestrator_tui.ui.screens.session import SessionScreen

if TYPE_CHECKING:
    from orchestrator_tui.ui.replay.deck import Deck

PATIENCE = 1800.0
"""Seconds: a recording of many hours takes minutes."""
FLEET = "the fleet"
MASKED, BARE = "masked", "left in"
FORMATS = {"picture": "svg", "recording": "cast", "page": "html", "write-up": "md", "log": "jsonl"}
"""What a person chooses -> `--format`."""
WHOLE = ("svg", "cast")
"""Formats that show a screen, in the size of this one."""


class Exporting:
    """Asks what to write, and has it written; one at a time."""

    def __init__(self, deck: Deck) -> None:
        self.deck, self.app = deck, deck.app
        self._busy = False

    def ask(self) -> None:
        """Open the question; the time stands still meanwhile."""
        deck, app = self.deck, self.app
        if self._busy:
            deck.say("an export is being written; one at a time")
            return
        deck.playing = False
        session = app.live.fleet.sessions.get(app.selected or "")
        name = _name(session) if session is not None else ""
        names = (FLEET, name) if name else (FLEET,)
        alone = session is not None and isinstance(app.screen, SessionScreen)
        at, start, marked = deck.clock.at, self.start, len(deck.loop) > 0
        stretch = (
            f"{seconds_of(start)} to {seconds_of(self.end)}{', as marked' if marked else ', as the timeline shows'}"
        )
        facts: list[Run] = [
            (f"picture, write-up: {seconds_of(at)}   recording, page: {stretch}   log: all of it", "dim"),
        ]
        fields = (
            Field("format", "what", choices=tuple(FORMATS)),
            Field("of", "of", names[-1] if alone else names[0], choices=names),
            Field("secrets", "secrets", choices=(MASKED, BARE)),
            Field("file", "file", hint=f"empty: a new name in {line(str(self.folder), 200)}"),
        )
        who = session.id if session is not None else None
        question = Question("export", "write", lambda values: self._go(values, who), tuple(facts), fields=fields)
        app.commanding.open(question)

    @property
    def start(self) -> int:
        """Where the stretch begins: at the mark, else where the timeline does."""
        return self.deck.loop[0] if self.deck.loop else min(self.deck.start, self.deck.clock.at)

    @property
    def end(self) -> int:
        """Where it ends: at the second mark, else at the instant that is shown."""
        return self.deck.loop[1] if len(self.deck.loop) == 2 else max(self.deck.clock.at, self.start)

    @property
    def folder(self) -> Path:
        """Where files go that have no name yet: where the dashboard was started, else the person's home."""
        try:
            here = Path.cwd()
        except OSError:
            return Path.home()
        return here if os.access(here, os.W_OK) else Path.home()

    def _go(self, values: Values, session: str | None) -> str:
        form = FORMATS[values["format"]]
        of = None if values["of"] == FLEET else session
        if form == "md" and of is None:
            return "a write-up is of one session: choose it, or `orc report --markdown FILE` for the fleet"
        stem = "fleet" if of is None else "".join(c if c.isalnum() or c in "-_" else "-" for c in of)[:60]
        folder = form == "jsonl" and of is None
        stamp = iso(self.deck.clock.at)[:19].replace(":", "")
        name = f"orc-{stem}-{stamp}" + ("" if folder else f".{form}")
        try:
            given = Path(values["file"]).expanduser() if values["file"] else self.folder
            target = (self.folder / given).absolute()
            target = target / name if target.is_dir() else target
            if target.exists():
                return f"{line(str(target), 200)} is there already; give another name"
            if not target.parent.is_dir():
                return f"there is no directory {line(str(target.parent), 200)}"
        except (OSError, RuntimeError, ValueError) as error:
            return f"that is no name of a file: {line(str(error), 200)}"
        words = self.arguments(form, of, target, values["secrets"] == BARE)
        self._busy = True
        self.app.run_worker(self._write(words, target), group="export")
        return ""

    def arguments(self, form: str, session: str | None, target: Path, bare: bool) -> list[str]:
        """The verb and its options, as a list; what a session is called is never an option."""
        size, at = self.app.size, _upto(self.deck.clock.at)
        columns, rows = max(20, min(size.width, 500)), max(6, min(size.height, 200))
        words = ["export", f"--format={form}", f"--output={target}"]
        if form in WHOLE:
            words.append(f"--size={columns}x{rows}")
        if form == "svg":
            words.append(f"--at={at}")
        elif form == "md":
            words.append(f"--until={at}")
        elif form in ("cast", "html"):
            words += [f"--since={iso(self.start)}", f"--until={_upto(self.end)}"]
        if form == "cast":
            words.append(f"--speed={self.deck.speed}")
        if bare:
            words.append("--unmasked")
        return [*words, "--", session or "fleet"]

    async def _write(self, words: list[str], target: Path) -> None:
        app = self.app
        self.deck.say(f"writing {line(str(target), 300)} ...")
        try:
            status, out = await own_verb.run(*words, seconds=PATIENCE)
        finally:
            self._busy = False
        said = own_verb.rows_of(out)
        if status:
            app.notify(said[-1] if said else f"`orc export` ended with status {status}",
                       title="nothing was exported", severity="error", timeout=15, markup=False)  # fmt: skip
        else:
            app.notify(said[0] if said else f"wrote {target}", timeout=15, markup=False)


def _name(session: Session) -> str:
    """What the choice is called: never as the fleet is."""
    name = called(session)
    return name if name not in ("", FLEET) else line(session.id, 60)


def _upto(at: int) -> str:
    """An instant as an option: milliseconds are written, and what happened within the last one belongs to it."""
    return iso(at + MILLISECOND - 1)
