"""Who is on stage: loops and sessions of the built-in agent, each with a part to play."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

FEWEST, MOST, USUAL = 8, 40, 10
UNHURRIED = "slow seconds=5"
SMALL, LARGE = "embedded/small", "embedded/large"
STATUSES = (
    "working", "thinking", "tool_running", "waiting", "rate_limited", "looping", "spinning", "stalled", "errored",
    "dead", "paused", "finished",
)  # fmt: skip
"""What is to be seen within a minute. A lost terminal needs a terminal, and fog a host that does not look."""
SETTINGS = """\
# Of this demo alone: what takes minutes in earnest shows within seconds here.
[status]
model_seconds = 20.0
model_long_seconds = 20.0
stream_seconds = 20.0
steady_seconds = 2.0
flat_runs = 4
flat_edits = 3

[host]
idle_minutes = 0

[control]
undo_seconds = 3.0

[ladder]
loop = ["embedded/small", "embedded/large"]

[[policy]]
project = "*"
agents_may = ["*"]
"""


class Part(Struct, frozen=True):
    """One loop, or one session."""

    name: str
    """Of its repository, too; no two are alike."""
    kind: str
    """Of the repository, as `loops.embedded.repos` makes it."""
    title: str
    directive: str = ""
    """What the model does wrong, as `loops.embedded.directives` has it."""
    way: Literal["session", "loop"] = "session"
    usd: float | None = None
    most: int = 4
    """Iterations of a loop."""


CAST: tuple[Part, ...] = (
    Part("ingest", "return", "find out why the import hangs", "stall seconds=3600 after=1"),
    Part("gateway", "hard-function", "write the missing helper", "loop after=1 only=small"),
    Part("ledger", "parts", "repair both halves of the ledger"),
    Part("search", "comparison", "make the ranking stable", "spin after=1"),
    Part("archive", "twin", "describe every module first", "overspend tokens=3000", "loop", 0.02),
    Part("builds", "return", "run the whole build", "sleep seconds=600 after=1"),
    Part("billing", "default", "round as the contract says", "rate-limit after=1 seconds=8 times=1"),
    Part("webapp", "return", "make the tests green", way="loop"),
    Part("release", "spelling", "settle what the docs promise", "ask after=1"),
    Part("mirror", "return", "copy the nightly mirror", "error after=1 kind=auth"),
)
"""The parts that the acts need come first; with eight, two of them are played by one (see `cast`)."""
MORE: tuple[Part, ...] = (
    Part("names", "rename", "rename it everywhere", way="loop"),
    Part("manual", "docs", "write the missing docs", way="loop"),
    Part("helpers", "function", "add the missing function", way="loop"),
    Part("typos", "spelling", "find the slip", way="loop"),
    Part("talk", "return", "say what the plan is", "chatter after=1"),
    Part("claims", "comparison", "prove that it works", "claim after=1", "loop", most=3),
    Part("quiet", "twin", "wait for the answer", "ask after=1"),
    Part("patience", "default", "mind the limits", "rate-limit after=2 seconds=20 times=3"),
)


def cast(count: int) -> list[Part]:
    """So many parts, the first to begin first; from 8 on every status and every verb has one."""
    if count < len(CAST):
        both = Part("billing", "default", "round as the contract says",
                    "rate-limit after=1 seconds=8 times=1\nask after=2\nerror after=4 kind=auth")  # fmt: skip
        first = [both if one.name == "billing" else one for one in CAST[:FEWEST]]
    else:
        first = list(CAST)
    found = list(first)
    while len(found) < count:
        round_, number = divmod(len(found) - len(first), len(MORE))
        one = MORE[number]
        found.append(one if not round_ else Part(f"{one.name}-{round_ + 1}", *(getattr(one, f) for f in _REST)))
    return found


def directives(part: Part, whole: bool = True) -> str:
    """Its misbehaviour as it stands below the task; whoever works well takes time where a person looks on."""
    texts = part.directive.split("\n") if part.directive else [] if whole else [UNHURRIED]
    return "\n".join(f"[[embedded: {text}]]" for text in texts)


_REST = Part.__struct_fields__[1:]
