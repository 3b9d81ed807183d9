"""Runs the play: `python -m orchestrator_tui.demo.director SCRATCH SEED LOOPS SECONDS (whole|open)`.

It makes repositories and starts on each what works there, the first already at work while the last are made. `whole`
(headless) plays every act and says what came of it, exit status 0 only when all of it worked; `open` (beside the
dashboard) only pauses one, and leaves the rest to the person.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from orchestrator_tui import paths
from orchestrator_tui.cli.answer import say
from orchestrator_tui.cli.asking import asked
from orchestrator_tui.cli.fleets import View, view
from orchestrator_tui.demo import acts
from orchestrator_tui.demo.cast import SMALL, STATUSES, Part, cast, directives
from orchestrator_tui.demo.sums import compare
from orchestrator_tui.errors import OrcError
from orchestrator_tui.events import CommandEnded, Facts
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.loops.embedded import repos
from orchestrator_tui.loops.embedded.repos import NotMade, Repo
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.text import line

MAKERS = 2
"""Repositories that are made at once."""
LOOK, TELL = 0.4, 4.0
"""Seconds between two looks, and between two lines of progress."""
TRIES = 4
SETTLING = 60.0
"""Seconds after the end of the play that a slow machine is given for what is not yet seen or done."""


class Director:
    """The play so far."""

    def __init__(self, scratch: Path, seed: int, loops: int, whole: bool) -> None:
        self.scratch, self.seed, self.whole = scratch, seed, whole
        self.place = paths.find()
        self.parts = cast(loops)
        self.repos: dict[str, Repo] = {}
        self.sessions: dict[str, str] = {}
        """Part -> session."""
        self.seen: set[str] = set()
        self.troubles: list[str] = []
        self.results: dict[str, str] = {}
        """Act -> what came of it; "" is well."""
        self.now: View | None = None
        self._lock = threading.Lock()
        self._begun: set[str] = set()

    # --- the cast -----------------------------------------------------------------------------------------

    def enter(self) -> None:
        """Make the repositories and start everybody, in threads; returns at once."""
        pool = ThreadPoolExecutor(MAKERS)
        for number, part in enumerate(self.parts):
            pool.submit(self._enter, number, part)
        pool.shutdown(wait=False)

    def _enter(self, number: int, part: Part) -> None:
        try:
            repo = self._repo(number, part)
            self.repos[part.name] = repo
            wanted: Facts = {
                "agent": "builtin", "model": SMALL, "prompt": repo.task, "cwd": str(repo.directory),
                "title": part.title,
            }  # fmt: skip
            if part.way == "loop":
                wanted |= {"until": repo.check, "max_iterations": part.most, "worktree": True, "seed": self.seed}
            if part.usd is not None:
                wanted["budget_usd"] = part.usd
            ended = self.ask("loop" if part.way == "loop" else "run", wanted)
            if ended.outcome != "done":
                raise OrcError(ended.text)
            self.sessions[part.name] = str(ended.receipt["session"])
        except (OrcError, NotMade) as error:
            self.troubles.append(f"{part.name} did not begin: {line(str(error), 200)}")

    def _repo(self, number: int, part: Part) -> Repo:
        directory = self.scratch / "home" / "work" / part.name
        for attempt in range(TRIES):
            try:
                seed = self.seed + number // len(self.parts) + 100 * attempt
                return repos.make(directory, part.kind, seed, directives(part, self.whole))
            except NotMade:
                if attempt == TRIES - 1:
                    raise
        raise AssertionError

    # --- acting -------------------------------------------------------------------------------------------

    def ask(self, verb: str, arguments: Facts) -> CommandEnded:
        """What `orc <verb>` asks of the host, and its answer. Raises OrcError."""
        return asyncio.run(asked(self.place, verb, {**arguments, "confirmed": True}, f"orc {verb}", why="the demo"))

    def session(self, name: str) -> Session | None:
        """A part's session as it was last seen, or one by its id."""
        return self.now.fleet.sessions.get(self.sessions.get(name, name)) if self.now is not None else None

    def status(self, name: str) -> str:
        """Its status as it was last seen; "" where it is not known."""
        status = self.now.statuses.get(self.sessions.get(name, name)) if self.now is not None else None
        return status.status if status is not None else ""

    def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is seen; whether it was."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return True
            time.sleep(0.1)
        return condition()

    def _act(self) -> None:
        for name, (ready, act) in acts.ACTS.items():
            if name not in self._begun and (self.whole or name in acts.OPEN) and ready(self):
                self._begun.add(name)
                threading.Thread(target=self._play, args=(name, act), daemon=True).start()

    def _play(self, name: str, act: Callable[[Director], str]) -> None:
        try:
            words, why = act(self), ""
        except (acts.Flop, OrcError) as error:
            words, why = "", line(str(error), 300) or "it failed"
        except Exception as error:
            words, why = "", line(f"{type(error).__name__}: {error}", 300)
        with self._lock:
            self.results[name] = why
        self._say(f"{name}: {words or 'FAILED: ' + why}")

    def _say(self, text: str) -> None:
        say(f"{time.monotonic() - self.begun:5.1f} s  {text}")

    # --- watching -----------------------------------------------------------------------------------------

    def play(self, seconds: float) -> bool:
        """To the end; whether every part worked."""
        self.begun = told = time.monotonic()
        self.enter()
        with Reader(self.place.database) as reader:
            while (passed := time.monotonic() - self.begun) < seconds + SETTLING:
                self._look(reader)
                if self.now is not None and self.now.note:
                    self.troubles.append(self.now.note)
                    break
                if passed >= seconds and (not self.whole or self._complete()):
                    break
                self._act()
                if time.monotonic() - told >= TELL:
                    told = time.monotonic()
                    self._progress()
                time.sleep(LOOK)
            return self._summary(reader) if self.whole else True

    def _complete(self) -> bool:
        return len(self.results) == len(acts.ACTS) and set(STATUSES) <= self.seen

    def _look(self, reader: Reader) -> None:
        self.now = view(reader, self.place, None, False)
        own = [s for s in self.now.sessions if s.client == "loop"]
        new = {self.now.statuses[s.id].status for s in own} - self.seen
        self.seen |= new
        if new & set(STATUSES):
            self._say("seen: " + ", ".join(sorted(new & set(STATUSES))))

    def _progress(self) -> None:
        if self.now is None:
            return
        requests = sum(s.spend.requests for s in self.now.sessions)
        total = self.now.fleet.totals(self.now.sessions)
        states = sorted({self.now.statuses[s.id].status for s in self.now.sessions})
        self._say(f"{len(self.now.sessions)} sessions  {requests} responses  ${total.cost / 1e9:.3f}  "
                  f"{', '.join(states)}")  # fmt: skip

    def _summary(self, reader: Reader) -> bool:
        missing = [name for name in STATUSES if name not in self.seen]
        say(f"statuses seen: {', '.join(name for name in STATUSES if name in self.seen)}")
        if missing:
            say(f"statuses NOT seen: {', '.join(missing)}")
        for trouble in self.troubles:
            say(f"NOT well: {trouble}")
        say(f"{len(self.sessions)} of {len(self.parts)} loops and sessions began")
        sums = compare(reader, self.place)
        say(f"{'' if sums.equal else 'NOT well: '}{sums.words}")
        for name in acts.ACTS:
            why = self.results.get(name, "it was not reached")
            say(f"{name}: {'well' if not why else 'NOT well: ' + why}")
        well = not missing and not self.troubles and sums.equal and not any(
            self.results.get(name, "no") for name in acts.ACTS
        )  # fmt: skip
        say("every part worked" if well else "not every part worked")
        return well


def main(words: list[str]) -> int:
    """Play."""
    scratch, seed, loops, seconds, how = words
    return 0 if Director(Path(scratch), int(seed), int(loops), how == "whole").play(float(seconds)) else 1


if __name__ == "__main__":
    well = main(sys.argv[1:])
    sys.stderr.flush()
    # Whoever has not entered by now need not, and whoever waits for an answer is not waited for.
    os._exit(well)
