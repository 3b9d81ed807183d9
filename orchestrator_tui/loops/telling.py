"""What a loop tells of itself in its open session log (docs/contract.md §3); each thing once."""

from __future__ import annotations

import os

from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.fleet.queueing import QUEUE, QUEUED
from orchestrator_tui.loops.ending import good
from orchestrator_tui.loops.folder import Folder
from orchestrator_tui.loops.jobs import Job
from orchestrator_tui.loops.loglines import LoopLog
from orchestrator_tui.loops.spec import LoopSpec
from orchestrator_tui.loops.state import NANO, CheckResult, Iteration, LoopState
from orchestrator_tui.text import line


class Teller:
    """Writes one loop's lines."""

    def __init__(self, log: LoopLog, spec: LoopSpec) -> None:
        self._log, self._spec = log, spec

    def began(self, state: LoopState) -> None:
        """The header, and what is to be done."""
        spec = self._spec
        self._log.write(
            "header", "session", schema="orc.log/1", session=spec.id, title=spec.title, project=spec.cwd,
            cwd=spec.work_dir, branch=spec.tree.branch if spec.tree is not None else None, model=spec.model,
            effort=spec.effort, interactive=False, owned=True, pid=os.getpid(), iterations=spec.max_iterations,
        )  # fmt: skip
        until = f"\n\nuntil: {line(spec.check_words, 1000)}" if spec.until else ""
        self._log.write("user", "user", text=spec.prompt + until, headless=True)

    def checking(self, n: int) -> None:
        """The check is being run."""
        if n == 0:
            self._say("checking", f"running the check before any work: {line(self._spec.check_words, 200)}")

    def checked(self, n: int, check: CheckResult, before: CheckResult | None) -> None:
        """What the check says."""
        name = line(self._spec.check_words, 200)
        self._log.write(f"{n}.check", "check", name=name, ok=check.ok, score=check.score)
        where = f"iteration {n}" if n else "before any work"
        same = before is not None and before.digest == check.digest and not check.ok
        self._say(f"{n}.says", f"{where}: {check.words}{', the same as before' if same else ''}")

    def already(self, check: CheckResult) -> None:
        """There may be nothing to do."""
        words = (
            f"the check passes before any work ({check.words}): is there anything to do? `orc loops go {self._spec.id}`"
        )
        self._log.write("already", "hook", name="loop", type="elicitation_dialog", text=words)

    def anyway(self) -> None:
        """A person wants it all the same."""
        self._log.write("anyway", "user", text="go on anyway", headless=True)

    def planned(self, it: Iteration, folder: Folder, job: Job) -> None:
        """An iteration begins."""
        self._log.write(
            f"{it.n}.iteration", "iteration", n=it.n, session=it.session, project=self._spec.cwd,
            model=it.model or None, command=self._name(it),
        )  # fmt: skip
        self._log.write(
            f"{it.n}.call", "tool_call", id=f"iteration-{it.n}", tool="task",
            args={"iteration": it.n, "agent": self._spec.agent, "session": it.session},
        )  # fmt: skip
        if self._spec.agent == "command":
            self._command(it, folder, job)

    def waits(self, n: int, words: str, seconds: float) -> None:
        """It waits for its turn before iteration `n`, so long at the least; as `fleet.queueing.held` reads it."""
        args = {"for": words, "seconds": round(seconds)}
        self._log.write(f"{n}.waits", "tool_call", id=f"{QUEUED}{n}", tool=QUEUE, args=args)

    def went_on(self, n: int) -> None:
        """What it waited for is there."""
        if self._log.has(f"{n}.waits"):
            self._log.write(f"{n}.went_on", "tool_result", id=f"{QUEUED}{n}", ok=True, text="it goes on")

    def started(self, it: Iteration) -> None:
        """It has a process, or its session is known now."""
        if it.session is not None:
            key = f"{it.n}.session.{it.session}"
            self._log.write(key, "iteration", n=it.n, session=it.session, project=self._spec.cwd, pid=it.pid)

    def ran(self, it: Iteration, folder: Folder, job: Job) -> None:
        """Its agent has ended."""
        if self._spec.agent == "command":
            self._command(it, folder, job)
        cost = f", ${it.cost / NANO:.4f}" if it.cost else ""
        how = "done" if not it.failed else it.trouble or (f"signal {it.signal}" if it.signal else f"status {it.status}")
        text = f"{line(how, 300)}{cost}"
        self._log.write(f"{it.n}.result", "tool_result", id=f"iteration-{it.n}", ok=not it.failed, text=text)
        if it.failed:
            self._say(f"{it.n}.failed", f"iteration {it.n}: the agent did not end well: {line(how, 300)}")
        if it.unpriced and self._spec.budget_usd is not None:
            self._say("unpriced", "some responses have no price: the budget counts only the others")

    def committed(self, it: Iteration, why: str) -> None:
        """Its work is kept, or why there is no commit."""
        said = f"committed {it.commit[:12]}" if it.commit else why
        self._say(f"{it.n}.commit", f"iteration {it.n}: {said}")

    def ended(self, state: LoopState) -> None:
        """It is over."""
        self._log.write(
            "result", "result", is_error=not good(self._spec, state) and state.outcome != "stopped",
            subtype=state.outcome, text=excerpt(state.words, 1000).text,
        )  # fmt: skip

    def _command(self, it: Iteration, folder: Folder, job: Job) -> None:
        """The log of an iteration whose agent writes none itself: what it was told, and what it said."""
        spec = self._spec
        log = LoopLog(folder.iterations / f"{it.n}.jsonl", self._log.clock)
        try:
            log.write(
                "header", "session", schema="orc.log/1", session=it.native, title=f"{spec.title} #{it.n}",
                project=spec.cwd, cwd=spec.work_dir, interactive=False, owned=True, parent=spec.id,
                relation="iteration",
            )  # fmt: skip
            log.write("user", "user", text=job.output("in"), headless=True)
            args = {"command": line(" ".join(spec.command), 1000)}
            log.write("call", "tool_call", id="run", tool="bash", args=args)
            if it.phase == "ran":
                said = job.output("out") + job.output("err")
                log.write("end", "tool_result", id="run", ok=not it.failed, text=said[-(64 << 10) :])
                words = it.trouble or f"it ended with status {it.status}"
                log.write("result", "result", is_error=it.failed, subtype="error" if it.failed else "done", text=words)
        finally:
            log.close()

    def _say(self, key: str, text: str) -> None:
        self._log.write(key, "assistant_text", text=text)

    def _name(self, it: Iteration) -> str | None:
        return line(" ".join(self._spec.command), 200) if self._spec.agent == "command" else None
