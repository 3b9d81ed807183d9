"""The session that is split stands still while others do its work, and goes on when the split is taken back."""

from __future__ import annotations

from msgspec import Struct

from orchestrator_tui.events import ProcessRef
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.host.control.order import Order, Refused
from orchestrator_tui.host.control.processes.identity import is_stopped
from orchestrator_tui.host.control.stopping import freeze, kill


class Standing(Struct, frozen=True):
    """What can be stopped of it; `why` says why nothing can be, or need be."""

    target: kill.Target | None
    why: str = ""

    @property
    def tree(self) -> list[ProcessRef]:
        """Every process that may be touched."""
        return kill.refs_of(self.target) if self.target is not None else []

    @property
    def words(self) -> str:
        """What is only held meanwhile, as a host that comes later reads it; "" where nothing is."""
        return kill.words_of(self.target.setup) if self.target is not None and not self.target.setup.why else ""


async def standing_of(order: Order) -> Standing:
    """What stopping the session would touch; nothing is touched yet."""
    session = order.session
    if not session.turn_open:
        return Standing(None, "it is between turns: nothing of it runs")
    if session.process is not None and session.process.gone_at is not None:
        return Standing(None, "its process has ended")
    try:
        target = await kill.target_of(order, "pause")
    except Refused as why:
        return Standing(None, str(why))
    if is_stopped(order.host.processes.table, target.client):
        return Standing(None, "it was stopped already, and stays so")
    return Standing(target)


async def stand_still(order: Order, standing: Standing) -> tuple[bool, str]:
    """Stop it: (whether it is frozen, why not). Where freezing does not hold its turn is interrupted."""
    target, table = standing.target, order.host.processes.table
    why, setup = standing.why, freeze.Setup("plain")
    if target is not None:
        setup = target.setup
        frozen = await freeze.freeze(
            table, target.client, lambda: kill.look_again(order, target), target.setup, target.kept
        )
        await kill.tell(order, target.client)
        if not frozen.why:
            return True, ""
        why = f"not frozen: {frozen.why}"
    elif not _runs(order.session) or "already" in why:
        return False, why
    how = await kill.interrupt(order, setup)
    return False, f"{why}; its turn was interrupted {how}" if how else f"{why}; it goes on beside its children"


def _runs(session: Session) -> bool:
    return session.turn_open and (session.process is None or session.process.gone_at is None)


async def go_on(order: Order, parent: Session) -> str:
    """Let it go on; returns "" or why it does not."""
    # An undo names the split's command, not the session.
    own = Order(order.host, order.request, parent)
    table = order.host.processes.table
    try:
        target = await kill.target_of(own, "resume")
    except Refused as why:
        return str(why)
    stopped = [ref for ref in target.tree.members if is_stopped(table, ref)]
    if not stopped:
        return ""
    why_not = await freeze.thaw(table, target.client, stopped, target.setup, target.kept)
    await kill.tell(own, target.client)
    return why_not
