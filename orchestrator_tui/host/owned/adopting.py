"""Taking over what the host before has started: the dialogue is heard again, and nothing is stored or said twice."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from orchestrator_tui.clients.values import session_id
from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import PermissionAsked, decode
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.host.owned import launch as launching
from orchestrator_tui.host.owned import runs
from orchestrator_tui.host.owned.channel import LineChannel
from orchestrator_tui.host.owned.live import Live, beside, dialogue_of, drive_of
from orchestrator_tui.host.owned.runs import Record, Run

if TYPE_CHECKING:
    from orchestrator_tui.host.owned.owned import Owned

STARTING = 5.0
"""Seconds for a shim that a host was starting when it died."""
FRESH = 30 * SECOND
"""A run made longer ago than this is not being started any more."""
LOOK = 0.1
AGAIN = 10.0
"""Seconds until a client that did not answer is asked again."""


async def adopt(owned: Owned, run: Run) -> None:
    """Take over one run, or close what it left open. Raises Failed and OSError."""
    record = run.record()
    if record is None or run.name in owned.live:
        return
    session = session_id(record.client, record.session) if record.session is not None else None
    shim = await _shim_of(owned, run, record)
    if shim is None or run.name in owned.live:
        known = owned.host.fleet.sessions.get(session or "")
        if shim is None and known is not None and known.steering.run is not None and known.steering.run.run == run.name:
            await owned.nothing_asked(session)
        return
    live = owned.live[run.name] = Live(run, record, shim, session)
    try:
        await (_reopen if record.served else _hear_again)(owned, live)
    except (Failed, OSError, TimeoutError):
        # A client that does not answer now may do so later; it is let live in any case.
        if live.task is None:
            live.task = beside(_again(owned, live))
        raise


async def _again(owned: Owned, live: Live) -> None:
    """Try until it answers, or has ended."""
    table = owned.host.processes.table
    while live.run.exit() is None and (live.run.has_shim() or live.run.has_client(table)):
        await asyncio.sleep(AGAIN)
        with suppress(Failed, OSError, TimeoutError):
            await (_reopen if live.record.served else _hear_again)(owned, live)
            return
    owned.live.pop(live.run.name, None)
    await owned.nothing_asked(live.session)


async def _hear_again(owned: Owned, live: Live) -> None:
    record, session = live.record, live.session
    dialogue = dialogue_of(drive_of(record.client), record.task)
    # What it numbers, it numbers as it did the first time.
    dialogue.opening()
    native = record.session or record.launch.session
    channel = LineChannel(record.channel, live.run, dialogue, owned.teller(live), native)
    await channel.hear_past(*_asked(owned, session))
    owned.follow(live, channel)
    if session is None:
        await owned.named(live, channel)
    else:
        live.channel = channel
        await _tell_adopted(owned, live)


async def _reopen(owned: Owned, live: Live) -> None:
    from orchestrator_tui.host.owned import served

    if live.record.session is None:
        await owned.open_served(live)
        return
    live.channel = await served.reopen(live.run, live.record.session, owned.note)
    owned.watch(live)
    await _tell_adopted(owned, live)


async def _tell_adopted(owned: Owned, live: Live) -> None:
    """Say so, unless the host before said the same."""
    adopted, known = owned.adopted(live), owned.host.fleet.sessions.get(live.session or "")
    told = known.steering.run if known is not None else None
    if live.session and (told is None or (told.run, told.shim.pid) != (adopted.run, adopted.shim.pid)):
        await owned.note(live.session, adopted)


async def _shim_of(owned: Owned, run: Run, record: Record) -> runs.Shim | None:
    """The run's shim, a new one where the client lives without; None when nothing lives."""
    table, waited = owned.host.processes.table, 0.0
    while waited < STARTING:
        if run.exit() is not None:
            return None
        shim = run.shim()
        if run.has_shim():
            if shim is not None and run.has_client(table):
                return shim
        elif not (run.path / "spec.json").exists() or owned.host.clock.now() - record.made_at > FRESH:
            break
        waited += LOOK
        await asyncio.sleep(LOOK)
    if not run.has_client(table):
        return None
    return await launching.attach(run)


def _asked(owned: Owned, session: str | None) -> tuple[set[str], set[str]]:
    """(request ids that are open, all that were ever stored) of a session's channel."""
    known = owned.host.fleet.sessions.get(session or "")
    key = owned.host.reader.session_key(session or "")
    if known is None or key is None:
        return set(), set()
    sql = "SELECT type, payload FROM events WHERE session = ? AND type = 'permission.asked'"
    bodies = [decode(kind, payload) for kind, payload in owned.host.reader.query(sql, key)]
    stored = {body.request_id for body in bodies if isinstance(body, PermissionAsked)}
    return {name for name, ask in known.steering.asks.items() if ask.asked.via == "channel"}, stored
