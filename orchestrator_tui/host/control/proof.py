"""Whether the process that a session is matched to is its client's: asked before any verb that reaches into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator_tui.fleet.session import Session
from orchestrator_tui.host.control.callers import is_client
from orchestrator_tui.host.control.order import Refused
from orchestrator_tui.host.procfs import same_start

if TYPE_CHECKING:
    from orchestrator_tui.host.service import Host


def check(host: Host, session: Session) -> None:
    """Nothing to say of a session without a process: the verb knows what it can do then.

    Raises Refused when what runs under that number is not the client's program: a registry entry may lie.
    """
    watched = host.processes.watched.get(session.id)
    if watched is None or session.owned:
        return
    table = host.processes.table
    stat = table.stat(watched.pid)
    if stat is None or not same_start(stat, watched.started):
        raise Refused(f"process {watched.pid} is gone; another may have its number by now")
    if not is_client(table.argv(watched.pid)):
        command = table.command(watched.pid)[:60]
        raise Refused(f"process {watched.pid} is no {session.client}: {command}; nothing was signalled")
