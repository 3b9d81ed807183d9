"""What a person says of a session, and what is asked of the host as a whole: `ack`, `snooze`, `view`, `budget`, ..."""

from __future__ import annotations

from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import (
    Acknowledged,
    BudgetSet,
    CommandProgressed,
    Facts,
    GroupAssigned,
    RegionsArranged,
    Snoozed,
    Viewed,
)
from orchestrator_tui.fleet.arranged import MAX_REGIONS
from orchestrator_tui.host.control.order import Order, Refused
from orchestrator_tui.text import line

MAX_SNOOZE = 7 * 24 * 3600 * SECOND
MAX_USD = 1e9
MAX_GROUP = 10_000
MAX_NAME = 40
"""Characters of a region's name, as the map has it."""
FLEET = frozenset({"ingest", "group", "arrange", "run", "loop", "prune"})
"""Verbs that are about no session."""


def _receipt(order: Order) -> Facts:
    moment = order.moment()
    if moment is None:
        return {}
    return {
        "session": moment.session,
        "status": moment.status,
        "evidence": moment.evidence,
        "cost_usd": moment.cost_usd,
    }


async def view(order: Order) -> Facts:
    """A person looked at it."""
    await order.note(Viewed())
    return _receipt(order)


async def snooze(order: Order) -> Facts:
    """Leave it out of the queue for `seconds`; 0 takes it back."""
    now, seconds = order.host.clock.now(), order.number("seconds")
    if seconds is None or not 0 <= seconds <= 1e9:
        raise Refused("for how long is not said")
    receipt = _receipt(order)
    await order.note(Snoozed(until=min(now + int(seconds * SECOND), now + MAX_SNOOZE) if seconds else 0))
    return receipt


async def ack(order: Order) -> Facts:
    """What is told of it is no trouble: that cause stays muted."""
    status = order.host.alarming.judge.statuses.get(order.session.id)
    cause = order.text("cause") or (status.cause if status is not None else "")
    if not cause or (status is not None and status.severity == "ok"):
        raise Refused("nothing is told of it that could be acknowledged")
    receipt = _receipt(order)
    await order.note(Acknowledged(cause=cause, reason=order.request.why or order.text("why")))
    return receipt


async def budget(order: Order) -> Facts:
    """What this session may cost: `usd`, or None for what the settings say."""
    usd = order.number("usd")
    if usd is not None and not 0 < usd <= MAX_USD:
        raise Refused("a budget is dollars above 0")
    await order.note(BudgetSet(usd=usd))
    return {**_receipt(order), "usd": usd}


async def group(order: Order) -> Facts:
    """Assign a control group."""
    number = order.number("number")
    if number is None or number not in range(1, 10):
        raise Refused("a control group has a number from 1 to 9")
    known = order.host.fleet.sessions
    sessions = [name for name in order.texts("sessions") if name in known][:MAX_GROUP]
    await order.host.note([(None, GroupAssigned(int(number), sessions))])
    return {"number": int(number), "sessions": sessions}


async def arrange(order: Order) -> Facts:
    """Put the map's regions: `regions` in their order, `pinned` before all others."""
    regions, pinned = ([line(name, MAX_NAME) for name in order.texts(key)] for key in ("regions", "pinned"))
    if len(regions) > MAX_REGIONS or len(pinned) > MAX_REGIONS:
        raise Refused(f"more than {MAX_REGIONS} regions cannot be arranged")
    await order.host.note([(None, RegionsArranged(regions, pinned))])
    return {"regions": regions, "pinned": pinned}


async def ingest(order: Order) -> Facts:
    """`orc ingest` while a host runs: one complete pass, its progress told as events."""
    host = order.host
    named = order.text("roots").splitlines()
    told = 0

    async def progress(done: int, total: int) -> None:
        nonlocal told
        now = host.clock.now()
        if not 0 <= now - told < SECOND or done == total:
            told = now
            await host.note([(None, CommandProgressed(command_id=order.id, done=done, total=total))])

    before = host.reader.last_seq()
    await host.read_all(order.flag("all"), named, progress)
    return {"files": len(host.ingest.files), "events": host.reader.last_seq() - before}


async def prune(order: Order) -> Facts:
    """`orc store prune` while a host runs: texts past their age go now, not at the next tidying."""
    host = order.host
    pruned = await host.prune(host.clock.now())
    return {"outputs": pruned.outputs, "texts": pruned.texts, "bytes": await host.store.size()}
