"""Verbs that only the host's own guards ask for: `notify` tells a person, `would` says what a dry run would do."""

from __future__ import annotations

from orchestrator_tui.events import Facts
from orchestrator_tui.fleet.notices import Notice
from orchestrator_tui.host.control.order import Order, Refused
from orchestrator_tui.text import line

OWN = frozenset({"notify", "would"})
"""Nobody else may give these."""


async def notify(order: Order) -> Facts:
    """Announce what a guard found, by the ways of `[notify]`; its receipt says by how many."""
    session, why = order.session, order.request.why
    status = order.text("status") or "errored"
    name = line(session.place or session.title or session.id, 60)
    cause = order.text("cause")
    notice = Notice(
        f"{name}: {status.replace('_', ' ')}", line(why, 200), session.id, "red", line(cause, 200), status, name,
        (session.id, cause),
    )  # fmt: skip
    ways = order.host.notifier.announce(notice, order.host.start)
    return {"session": session.id, "announced": ways}


async def would(order: Order) -> Facts:
    """Put on record what would be done. Raises Refused always: that outcome says that nothing was touched."""
    verb = order.text("would")
    raise Refused(f"dry run: it would {verb} {line(order.session.place or order.session.id, 60)}", {"would": verb})
