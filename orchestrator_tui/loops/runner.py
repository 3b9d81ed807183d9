"""Runs one loop to its end: `python -m orchestrator_tui.loops.runner LOOPDIR`.

Every step is written down before its effect, and agents and checks have parents of their own: a runner that is killed
at any instant and started again goes on exactly there. No iteration is run twice, none is lost.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from orchestrator_tui.clock import MINUTE, SECOND, Clock, SystemClock
from orchestrator_tui.errors import OrcError
from orchestrator_tui.fleet.queueing import in_window, opens_at
from orchestrator_tui.loops import checks, ending, state, trees
from orchestrator_tui.loops import spec as specs
from orchestrator_tui.loops.folder import Folder
from orchestrator_tui.loops.jobs import Job
from orchestrator_tui.loops.launch import plan, session_in, start_of
from orchestrator_tui.loops.loglines import LoopLog
from orchestrator_tui.loops.meter import Meter
from orchestrator_tui.loops.prompt import prompt_of
from orchestrator_tui.loops.state import NANO, CheckResult, Iteration, Outcome
from orchestrator_tui.loops.telling import Teller
from orchestrator_tui.text import line

ENOUGH = 2.0
"""Seconds between two looks at what was spent."""
WAITING = 0.2
"""Seconds between two looks for a person's word."""
ATTEMPTS = 3
"""Runs of one check that are killed from outside, after which it counts as failed."""
BUSY, DAMAGED = 3, 4
"""Exit statuses: another runner has the loop; its files cannot be used."""


class Runner:
    """One loop; use it once."""

    def __init__(self, folder: Folder, clock: Clock) -> None:
        """Read what is there. Raises OrcError and OSError."""
        self.folder, self.clock = folder, clock
        self.spec = specs.load(folder.spec)
        self.state = state.load(folder.state, self.spec.id)
        self.tell = Teller(LoopLog(folder.log, clock), self.spec)
        self.meter = Meter(folder, self.spec)
        self.asked: str | None = None
        """A signal said that it is to stop."""
        self._job: Job | None = None
        self._looked = 0.0

    def run(self) -> int:
        """To its end; 0 when it has done what it was to do, 1 when not, 130 when it was stopped."""
        self.folder.make()
        if not self.state.began_at:
            self.state.began_at = self.clock.now()
            self.save()
        self.tell.began(self.state)
        if self.state.outcome is None:
            self._first_check()
        while self.state.outcome is None:
            it = self.state.iterations[-1] if self.state.iterations else None
            if it is None or it.phase == "committed":
                outcome = self.reason()
                if outcome is not None:
                    self._end(outcome)
                    break
                if self._waits():
                    continue
                it = self._plan()
            self._go_on(it)
        self.tell.ended(self.state)
        self.meter.close()
        return ending.status_of(self.spec, self.state)

    def save(self) -> None:
        """Write down how far it is. Raises OSError."""
        state.save(self.folder.state, self.state)

    def reason(self) -> Outcome | None:
        """Why it ends before another iteration; None: it goes on."""
        self.meter.refresh(self.state)
        now = self.clock.now()
        outcome = ending.reason(self.spec, self.state, now)
        if outcome == "passed":
            return outcome
        return "stopped" if self._stopping() else self.state.stopping or outcome

    # --- the check before any work ------------------------------------------------------------------------

    def _first_check(self) -> None:
        if not self.spec.until or self.state.iterations:
            return
        if self.state.first is None:
            self.state.first = self._check(0)
            self.state.already = self.state.first is not None and self.state.first.ok and not self.spec.anyway
            self.save()
        if self.state.first is None:
            return
        self.tell.checked(0, self.state.first, None)
        if not self.state.already:
            return
        self.tell.already(self.state.first)
        while not self.folder.anyway.exists():
            if self.asked is not None or self.folder.stop.exists():
                return
            time.sleep(WAITING)
        self.tell.anyway()
        self.state.already = False
        self.save()

    # --- an iteration -------------------------------------------------------------------------------------

    def _waits(self) -> bool:
        """Wait where no iteration may begin at this time of the day; whether it had to."""
        window, n, waited = self.spec.window, len(self.state.iterations) + 1, False
        while window and not in_window(window, self.clock.now()):
            if self._stopping() or ending.reason(self.spec, self.state, self.clock.now()) is not None:
                return True
            now = self.clock.now()
            self.tell.waits(n, f"for {window}", ((opens_at(window, now) or now) - now) / SECOND)
            waited = True
            time.sleep(WAITING)
        self.tell.went_on(n)
        return waited

    def _plan(self) -> Iteration:
        use = self.folder.use()
        model, effort = use.model or self.spec.model, use.effort or self.spec.effort
        it = plan(self.spec, len(self.state.iterations) + 1, model, effort, self.clock.now())
        self.state.iterations.append(it)
        self.save()
        return it

    def _go_on(self, it: Iteration) -> None:
        """From wherever it is to its end; each step is saved when it is done."""
        if it.phase in ("planned", "running"):
            self._work(it)
        if it.phase == "ran":
            if self.spec.until and self.state.stopping != "stopped":
                it.check = self._check(it.n)
            it.phase = "checked"
            self.save()
        if it.phase == "checked":
            if it.check is not None:
                self.tell.checked(it.n, it.check, self._before(it.n))
            if self.spec.tree is not None:
                words = it.check.words if it.check is not None else self.state.stopping or "done"
                it.commit, why = trees.commit(self.spec.tree, self.spec.id, it.n, words, self._commit_before(it.n))
                self.tell.committed(it, why)
            it.phase = "committed"
            self.save()

    def _work(self, it: Iteration) -> None:
        """Run its agent, or see through one that was begun before."""
        job = self._job = Job(self.folder.jobs, f"{it.n}-agent", f"{self.spec.id}/{it.n}-agent")
        try:
            if not job.path("begun").exists():
                left = self.meter.left(self.state)
                start = start_of(self.folder, self.spec, it, self._prompt(it), left)
                job.prepare(start.argv, self.spec.work_dir, given=start.given, environ=start.environ)
            self.tell.planned(it, self.folder, job)
            ended = job.run(lambda: self._watch(it))
        finally:
            self._job = None
        it.ended_at = ended.at if ended is not None else self.clock.now()
        if ended is None:
            it.lost = True
            it.trouble = "its agent was killed from outside; how it ended was not seen"
        else:
            it.status, it.signal = ended.status, ended.signal
            if ended.status != 0:
                it.trouble = ended.words or ending.last_words(job)
        self._found(it, job)
        it.cost, it.unpriced = self.meter.final(it, job)
        it.phase = "ran"
        # Told before it is saved: what is told twice is written once, what was never told is missing.
        self.tell.ran(it, self.folder, job)
        self.save()

    def _watch(self, it: Iteration) -> None:
        """While an agent runs: who it is, what it spends, and whether it has to stop."""
        job = self._job
        child = job.child() if job is not None else None
        if job is None or child is None:
            return
        if it.phase == "planned":
            it.phase, it.pid, it.pid_started, it.started_at = "running", child.pid, child.started, child.at
            self.save()
            self.tell.started(it)
        self._found(it, job)
        why: Outcome | None = "stopped" if self._stopping() else self.state.stopping
        if why is None and time.monotonic() - self._looked > ENOUGH:
            self._looked = time.monotonic()
            it.cost, it.unpriced = self.meter.look(it)
            self.meter.refresh(self.state)
            if self.spec.budget_usd is not None and self.state.cost > self.spec.budget_usd * NANO:
                why = "budget"
        if why is None and self.spec.minutes is not None:
            why = "minutes" if self.clock.now() - self.state.began_at > self.spec.minutes * MINUTE else None
        if why is not None:
            self._stop(why)
            job.stop()

    def _found(self, it: Iteration, job: Job) -> None:
        """Which session it is, where only the agent's output says so."""
        if it.session is None:
            it.session = session_in(self.spec.agent, job.output(most=1 << 16))
            if it.session is not None:
                self.save()
                self.tell.started(it)

    def _prompt(self, it: Iteration) -> str:
        before = self.state.iterations[it.n - 2] if it.n > 1 else None
        check = before.check if before is not None else self.state.first
        try:
            output = (self.folder.checks / f"{it.n - 1}.txt").read_bytes().decode("utf-8", "replace")
        except OSError:
            output = ""
        tried = trees.tried(self.spec.tree) if self.spec.tree is not None else ""
        return prompt_of(self.spec, it.n, check, output, tried)

    def _before(self, n: int) -> CheckResult | None:
        """The check before that of iteration `n`."""
        found = [it.check for it in self.state.iterations[: n - 1] if it.check is not None]
        return found[-1] if found else self.state.first

    def _commit_before(self, n: int) -> str:
        found = [it.commit for it in self.state.iterations[: n - 1] if it.commit is not None]
        return found[-1] if found else self.spec.tree.base if self.spec.tree is not None else ""

    # --- checks and the end -------------------------------------------------------------------------------

    def _check(self, n: int) -> CheckResult | None:
        """Run the check after iteration `n`; one that was begun is seen through, one that was killed begun anew.

        None when the loop was stopped meanwhile.
        """
        it = self.state.iterations[n - 1] if n else None
        attempt = max(1, it.checks if it is not None else self.state.first_checks)
        while attempt <= ATTEMPTS:
            if it is not None:
                it.checks = attempt
            else:
                self.state.first_checks = attempt
            self.save()
            self.tell.checking(n)
            job = Job(self.folder.jobs, f"{n}-{attempt}-check", f"{self.spec.id}/{n}-{attempt}-check")
            result = checks.run(self.folder, self.spec, f"{n}-{attempt}", lambda job=job: self._watch_check(job))  # type: ignore[misc]
            if result is not None and (result.ok or not self._stopping()):
                return result
            if self._stopping():
                self._stop("stopped")
                return None
            attempt += 1
        return CheckResult(False, words=f"the check was killed from outside {ATTEMPTS} times", at=self.clock.now())

    def _watch_check(self, job: Job) -> None:
        if self._stopping():
            self._stop("stopped")
            job.stop()

    def _stop(self, why: Outcome) -> None:
        """Write down that it is being stopped, before it is."""
        if self.state.stopping is None or why == "stopped":
            self.state.stopping = why
            self.save()

    def _stopping(self) -> bool:
        return self.asked is not None or self.state.stopping == "stopped" or self.folder.stop.exists()

    def _end(self, outcome: Outcome) -> None:
        now = self.clock.now()
        self.state.outcome, self.state.ended_at, self.state.already = outcome, now, False
        self.state.words = ending.words(self.folder, self.spec, self.state, self.asked)
        self.save()


def main(arguments: list[str]) -> int:
    """Run the loop of a directory."""
    if len(arguments) != 1:
        print("usage: python -m orchestrator_tui.loops.runner LOOPDIR", file=sys.stderr)
        return 2
    folder = Folder(Path(arguments[0]).absolute())
    try:
        if not folder.spec.is_file():
            raise OrcError(f"there is no loop in {folder.path}")
        lock = folder.take()
        if lock is None:
            print(f"loop {folder.id} has a runner already", file=sys.stderr)
            return BUSY
        runner = Runner(folder, SystemClock())

        def stop(number: int, _: object) -> None:
            runner.asked = signal.Signals(number).name

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        print(f"loop {folder.id} runs", flush=True)
        return runner.run()
    except (OrcError, OSError) as error:
        print(f"loop {folder.id}: {line(str(error), 300)}", file=sys.stderr)
        return DAMAGED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
