"""How far a loop is, as `state.json` keeps it: enough for a runner that starts again to go on exactly there."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, field

from orchestrator_tui.errors import OrcError
from orchestrator_tui.loops.folder import MAX_FILE
from orchestrator_tui.private import write_durably
from orchestrator_tui.text import line

NANO = 1_000_000_000
Phase = Literal["planned", "running", "ran", "checked", "committed"]
Outcome = Literal["passed", "budget", "iterations", "minutes", "stopped", "failed", "skipped"]


class CheckResult(Struct, frozen=True, omit_defaults=True):
    """One run of the check."""

    ok: bool
    status: int | None = None
    """The exit status; None when it was killed or could not be run."""
    score: float | None = None
    """Of tests the part that passes, from 0 to 1; else what the person's expression found."""
    words: str = ""
    """One line: `4 of 7 tests pass`."""
    digest: str = ""
    """Equal for two outputs that say the same."""
    seconds: float = 0.0
    timed_out: bool = False
    at: int = 0


class Iteration(Struct, omit_defaults=True):
    """One run of the agent, and what came of it."""

    n: int
    """From 1; a number is never used again."""
    phase: Phase = "planned"
    session: str | None = None
    """Our id of the agent's session; None where it is not known."""
    native: str | None = None
    """The client's own id, where it lets one choose."""
    model: str | None = None
    effort: str | None = None
    pid: int | None = None
    pid_started: int | None = None
    planned_at: int = 0
    started_at: int | None = None
    ended_at: int | None = None
    status: int | None = None
    signal: int | None = None
    lost: bool = False
    """Its agent was killed from outside, and nobody saw how it ended."""
    trouble: str = ""
    """Why the agent could not be run, or its last words when it failed."""
    check: CheckResult | None = None
    checks: int = 0
    """Runs of its check that were begun; a killed one is begun anew."""
    commit: str | None = None
    cost: int = 0
    """Nano-dollars, as far as they are known."""
    unpriced: int = 0
    """Responses without a price."""

    @property
    def failed(self) -> bool:
        """Whether the agent itself did not end well."""
        return self.lost or self.status != 0


class LoopState(Struct, omit_defaults=True):
    """One loop."""

    id: str
    began_at: int = 0
    first: CheckResult | None = None
    """The check before any work."""
    first_checks: int = 0
    already: bool = False
    """That one passed, and a person has to say what now."""
    iterations: list[Iteration] = field(default_factory=list)
    stopping: Outcome | None = None
    """Why its agent is being stopped; it ends with that."""
    outcome: Outcome | None = None
    """Set once it has ended."""
    words: str = ""
    """Why it ended, for a person."""
    ended_at: int | None = None

    @property
    def last(self) -> CheckResult | None:
        """The newest check."""
        return next((it.check for it in reversed(self.iterations) if it.check is not None), self.first)

    @property
    def cost(self) -> int:
        """Nano-dollars of all iterations."""
        return sum(it.cost for it in self.iterations)

    @property
    def unpriced(self) -> int:
        """Responses without a price."""
        return sum(it.unpriced for it in self.iterations)

    @property
    def word(self) -> str:
        """How it stands, in one word."""
        if self.outcome is not None:
            return self.outcome
        if self.stopping is not None:
            return "stopping"
        return "already" if self.already else "running" if self.iterations else "begun"

    def scores(self) -> list[float]:
        """Of each check, what it was worth: its score, else whether it passed."""
        found = [self.first, *(it.check for it in self.iterations)]
        return [one.score if one.score is not None else float(one.ok) for one in found if one is not None]

    def odds(self) -> tuple[int, int]:
        """(how many checks were better than all before them, how many could have been)."""
        scores = self.scores()
        better = sum(score > max(scores[:place]) for place, score in enumerate(scores) if place)
        return better, max(0, len(scores) - 1)


def save(path: Path, state: LoopState) -> None:
    """Write `state.json`, whole or not at all. Raises OSError."""
    write_durably(path, msgspec.json.encode(state))


def load(path: Path, loop: str) -> LoopState:
    """Read `state.json`; a loop that has none begins. Raises OrcError: a damaged one is never begun anew."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise OrcError(f"{path} is larger than any loop's state; the loop is left as it is")
        state = msgspec.json.decode(path.read_bytes(), type=LoopState)
    except FileNotFoundError:
        return LoopState(loop)
    except (OSError, msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise OrcError(f"{path} cannot be read: {line(str(error), 200)}; the loop is left as it is") from error
    if state.id != loop or [it.n for it in state.iterations] != list(range(1, len(state.iterations) + 1)):
        raise OrcError(f"{path} is not the state of {loop}; the loop is left as it is")
    return state
