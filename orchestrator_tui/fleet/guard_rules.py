"""`[[guard]]` and `[governor]` of the settings: what happens by itself, with nobody watching (docs/guards.md)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

On = Literal["looping", "spinning", "stalled", "errored", "over_budget", "context_nearly_full"]
Action = Literal["notify", "pause", "stepdown", "escalate", "kill", "stop"]
MAX_STEPS = 8
MAX_NAME = 60
GOVERNOR = "governor"
"""Under this name the governor's own decisions are on record."""
Usd = Annotated[float, Meta(ge=0, le=1e9)]


class Guard(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[guard]]`: when something holds, what is done; its steps are taken one after the other while it goes on."""

    on: list[On]
    """What it looks for: a status or a badge, e.g. `["looping", "spinning"]`; `over_budget` is also the budget of a
    loop with all its iterations, of a project's day and of the day."""
    then: Action | list[Action]
    """What it does: `notify`, `pause`, `stepdown`, `escalate`, `kill` (or `stop`), or a list: the next one when the
    cause still holds after `after_seconds` more."""
    name: str = ""
    """How it is called in the ledger; without one it is called by what it does."""
    project: str = "*"
    """A pattern of project names."""
    client: str = "*"
    """A pattern of clients: `claude`, `codex`, `opencode`, `gemini`, `loop`, `log`."""
    loop: str = "*"
    """A pattern of loop ids; with one only loops and their iterations count."""
    after_seconds: Annotated[float, Meta(ge=0, le=604_800)] = 0.0
    """For how long it must have held."""
    amber: bool = False
    """Act on what is only probable, too; without it only on what is red."""
    cap_usd: Annotated[float, Meta(gt=0, le=1e9)] = 1.0
    """What an escalation may cost before it steps down again."""
    dry_run: bool = False
    """Only say in the ledger what would be done."""

    def __post_init__(self) -> None:
        if not self.on:
            raise ValueError("guard.on is empty; name what it looks for, e.g. looping")
        if not 0 < len(self.steps) <= MAX_STEPS:
            raise ValueError(f"guard.then must be one action or up to {MAX_STEPS} of them")
        if self.name == GOVERNOR or len(self.name) > MAX_NAME or not self.name.isprintable():
            raise ValueError(f"guard.name must be at most {MAX_NAME} printable characters and not {GOVERNOR!r}")

    @property
    def steps(self) -> tuple[str, ...]:
        """The verbs, in the order in which they are tried."""
        given = [self.then] if isinstance(self.then, str) else self.then
        return tuple("kill" if action == "stop" else action for action in given)

    @property
    def title(self) -> str:
        """Its name, else what it does; what the ledger knows it by."""
        where = " ".join(
            f"{what} {pattern}"
            for what, pattern in (("project", self.project), ("client", self.client), ("loop", self.loop))
            if pattern != "*"
        )
        return self.name or f"{', '.join(self.on)}: {', then '.join(self.steps)}{' in ' + where if where else ''}"


class Governor(Struct, frozen=True, forbid_unknown_fields=True):
    """`[governor]`: over one of these it pauses the least productive first, and lets go on what it paused."""

    usd_per_minute: Usd = 0.0
    """What the fleet may burn, over the last minute; 0 is no limit, also in the other two."""
    usd_per_day: Usd = 0.0
    """What the fleet may cost from midnight to midnight."""
    max_parallel: Annotated[int, Meta(ge=0, le=100_000)] = 0
    """How many sessions may be at work at once."""
    dry_run: bool = False
    """Only say in the ledger what would be done."""


class Rules(Struct, frozen=True):
    """All of it."""

    guards: tuple[Guard, ...] = ()
    governor: Governor = field(default_factory=Governor)


def checked(guards: Iterable[Guard]) -> None:
    """Raises ValueError for two guards of one name: each is known by it in the ledger."""
    names = [guard.name for guard in guards if guard.name]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two guards are called {name!r}; give each a name of its own")
