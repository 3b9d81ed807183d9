"""What the fleet is said to have cost, held against the responses that its logs have."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from orchestrator_tui.errors import OrcError
from orchestrator_tui.fleet.tokens import Spend
from orchestrator_tui.loops import folder as folders
from orchestrator_tui.loops import state as states
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.load import fleet_now
from orchestrator_tui.store.reader import Reader

NANO = 1_000_000_000
LOGS = ("agents/*.jsonl", "*/iterations/*.jsonl")
READING = 6.0
"""Seconds for the host to read what is in the logs."""
ROUNDING = 10_000
"""Nano-dollars."""


class Sums(Struct, frozen=True):
    """How the two compare."""

    equal: bool
    words: str


def logged(log: Path) -> dict[str, int]:
    """Response -> nano-dollars, of one log."""
    found: dict[str, int] = {}
    for text in log.read_bytes().splitlines():
        try:
            value = msgspec.json.decode(text)
        except msgspec.DecodeError:
            # The last line of one that was killed.
            continue
        if isinstance(value, dict) and value.get("kind") == "usage" and not value.get("stream"):
            found[str(value.get("id"))] = round(float(value.get("cost") or 0) * NANO)
    return found


def compare(reader: Reader, place: Paths) -> Sums:
    """The fleet's and the loops' costs against the responses in the logs, which may go on meanwhile."""
    logs = {_session(path): path for pattern in LOGS for path in place.loops.glob(pattern)}
    before = {name: len(logged(path)) for name, path in logs.items()}
    end = time.monotonic() + READING
    while True:
        fleet = fleet_now(reader)
        spent = {name: s.spend if (s := fleet.sessions.get(name)) is not None else Spend() for name in logs}
        if all(spent[name].requests >= count for name, count in before.items()) or time.monotonic() > end:
            break
        time.sleep(0.2)
    wrong = []
    for name, path in logs.items():
        told, own = spent[name], list(logged(path).values())
        if told.requests < before[name] or abs(told.cost - sum(own[: told.requests])) > 10 * len(own):
            wrong.append(f"{name} has {len(own)} responses for {_usd(sum(own))} in its log, "
                         f"and {told.requests} for {_usd(told.cost)} in the fleet")  # fmt: skip
    wrong += _loops(place)
    if wrong:
        return Sums(False, f"costs differ: {'; '.join(wrong[:3])}")
    responses, cost = sum(told.requests for told in spent.values()), sum(told.cost for told in spent.values())
    words = f"costs: {_usd(cost)} is the sum of {responses} responses of {len(logs)} sessions"
    return Sums(bool(responses), words)


def _loops(place: Paths) -> list[str]:
    """Loops that have ended and say another sum than their responses'."""
    wrong = []
    for folder in folders.folders(place.state_dir):
        with suppress(OrcError):
            state = states.load(folder.state, folder.id)
            own = sum(sum(logged(path).values()) for path in folder.iterations.glob("*.jsonl"))
            if state.outcome is not None and abs(state.cost - own) > ROUNDING:
                wrong.append(f"loop {folder.id} says {_usd(state.cost)}, its responses cost {_usd(own)}")
    return wrong


def _session(path: Path) -> str:
    if path.parent.name == "iterations":
        return f"loop:{path.parent.parent.name}/{path.stem}"
    return f"loop:{path.stem}"


def _usd(nano: int) -> str:
    return f"${nano / NANO:.6f}"
