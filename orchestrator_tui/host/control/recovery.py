"""What a host that has just started makes of commands that the one before began and did not end.

Not committed: nothing is ended any more; what was stopped stays so, is shown as paused, and `resume` lets it go on.
Committed less than a minute ago in this boot, and every process is still the one that was named: it is finished.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from orchestrator_tui.clock import HOUR, SECOND
from orchestrator_tui.events import (
    CommandCommitted,
    CommandEnded,
    CommandRequested,
    CommandStarted,
    Facts,
    HostStarted,
    ProcessRef,
)
from orchestrator_tui.host.control.halfway import left_of
from orchestrator_tui.host.control.processes.identity import check, is_alive, is_stopped
from orchestrator_tui.host.control.processes.trees import Root, marks_of
from orchestrator_tui.host.control.stopping import ending
from orchestrator_tui.host.control.stopping.ending import named
from orchestrator_tui.host.control.stopping.freeze import Setup, release, setup_of

if TYPE_CHECKING:
    from orchestrator_tui.host.service import Host

LOOK_BACK = 24 * HOUR
FINISHED_WITHIN = 60 * SECOND
ENDED = "the host ended in between"
_HELD = re.compile(r"held with it:((?: \d+)+)")


class Begun(Struct):
    """A command that was begun and has no end."""

    request: CommandRequested
    started: CommandStarted
    seq: int
    started_at: int = 0
    committed_at: int | None = None


async def recover(host: Host) -> None:
    """End what the host before left open; to be called once, before commands are obeyed."""
    for begun in unfinished(host):
        if begun.request.verb == "kill" and begun.committed_at is not None and _may_finish(host, begun):
            host.start(_finish(host, begun))
        else:
            await _close(host, begun)


def unfinished(host: Host) -> list[Begun]:
    """Commands of the last day that were begun and not ended."""
    requests: dict[str, CommandRequested] = {}
    open_: dict[str, Begun] = {}
    rows = host.reader.query("SELECT coalesce(max(seq), 0) FROM events WHERE at < ?", host.clock.now() - LOOK_BACK)
    for event in host.reader.commands(int(rows[0][0])):
        body = event.body
        if isinstance(body, CommandRequested):
            requests[body.command_id] = body
        elif isinstance(body, CommandStarted) and body.command_id in requests:
            open_[body.command_id] = Begun(requests[body.command_id], body, event.seq, event.seen_at)
        elif isinstance(body, CommandCommitted) and body.command_id in open_:
            open_[body.command_id].committed_at = event.seen_at
        elif isinstance(body, CommandEnded):
            open_.pop(body.command_id, None)
    return list(open_.values())


def held_in(started: CommandStarted) -> list[ProcessRef]:
    """The shells of a begun command: stopped for a while, never to be ended."""
    found = _HELD.fullmatch(started.text)
    pids = {int(word) for word in found[1].split()} if found is not None else set()
    return [ref for ref in started.tree if ref.pid in pids]


def _may_finish(host: Host, begun: Begun) -> bool:
    if begun.committed_at is None or not 0 <= host.clock.now() - begun.committed_at < FINISHED_WITHIN:
        return False
    if not begun.started.tree or _boot_of(host, begun.seq) != host.processes.table.boot_id():
        return False
    # Either gone, or the very same.
    return all(
        not why or why.endswith(" is gone") for why in (check(host.processes.table, r) for r in begun.started.tree)
    )


def _boot_of(host: Host, seq: int) -> str:
    """In which boot of the machine an event was appended."""
    sql = "SELECT max(seq) FROM events WHERE type = 'host.started' AND seq < ?"
    found = host.reader.query(sql, seq)[0][0]
    body = host.reader.numbered([found])[0].body if found is not None else None
    return body.boot_id if isinstance(body, HostStarted) else ""


async def _finish(host: Host, begun: Begun) -> None:
    table, session = host.processes.table, str(begun.request.arguments.get("session"))
    held = held_in(begun.started)
    members = [ref for ref in begun.started.tree if ref not in held]
    client, native = session.partition(":")[::2]
    first = members[0]
    fleet = host.fleet.sessions.get(session)
    run = fleet.steering.run if fleet is not None else None
    shim = run.shim.pid if run is not None and is_alive(table, run.shim) else None
    marks = marks_of(client, native, first.pid, session, run.run if run else "")
    others = frozenset(w.pid for name, w in host.processes.watched.items() if name != session)
    root = Root(first, marks, shim, others, first.started)
    setup = await setup_of(table, first) if is_alive(table, first) else Setup("plain")
    ended = await ending.end(table, client, root, members, setup, host.paths.run_dir / "terminals")
    release(table, Setup("shells", tuple(held)))
    receipt: Facts = {"ended": ended.ended(table), "survived": ended.survived(table), "finished_later": True}
    await host.note([(None, CommandEnded(begun.request.command_id, "done", "finished by the next host", receipt))])


async def _close(host: Host, begun: Begun) -> None:
    table = host.processes.table
    same = _boot_of(host, begun.seq) == table.boot_id()
    held = held_in(begun.started)
    if same and begun.started.tree and not is_alive(table, begun.started.tree[0]):
        # The client is gone: nobody would ever let its shell go on.
        release(table, Setup("shells", tuple(held)))
    alive = [ref for ref in begun.started.tree if same and is_alive(table, ref)]
    stopped = [ref for ref in alive if is_stopped(table, ref)]
    words = ENDED
    if begun.committed_at is not None and begun.request.verb == "kill":
        words += "; it was not finished, it is too long ago or a process changed"
    if stopped:
        words += f"; frozen: {', '.join(str(ref.pid) for ref in stopped)}; resume lets it go on"
    more, found = await left_of(host, begun)
    receipt: Facts = {"frozen": bool(stopped), "alive": named(alive), **found}
    words += more
    await host.note([(None, CommandEnded(begun.request.command_id, "failed", words, receipt))])
