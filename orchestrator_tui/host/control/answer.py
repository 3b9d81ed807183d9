"""Approve and deny: what the client asks is answered on its own channel, or through the hook that asked.

An answer names the request that the person saw: when another one stands there by then, nothing is answered.
"""

from __future__ import annotations

from orchestrator_tui.events import Facts, PermissionAnswered, PermissionAsked
from orchestrator_tui.fleet import policy
from orchestrator_tui.fleet.equality import subject
from orchestrator_tui.host import spool
from orchestrator_tui.host.control.order import Order, Refused
from orchestrator_tui.host.owned.joined import reach

ELSEWHERE = (
    "nothing is asked of it that orc could answer; go to its terminal (t), or let orc answer from now on: "
    "`orc hooks install claude`, before the session starts"
)


async def approve(order: Order) -> Facts:
    """Allow what is asked, this once; `words` answer a question."""
    asked = _asked(order)
    what = f"{asked.tool} {asked.what.text}"
    pattern = policy.second_key(order.host.fleet.settings, order.session.project, asked.what.text) or policy.second_key(
        order.host.fleet.settings, order.session.project, subject(asked.what.text)
    )
    if pattern and not order.flag("second"):
        words = f"{pattern} wants a second key in this project: say it once more (--second)"
        raise Refused(words, {"second_key": pattern, "request": asked.request_id, "what": what})
    return await _answer(order, asked, True, order.text("words"))


async def deny(order: Order) -> Facts:
    """Refuse what is asked; `words` are told to the model."""
    return await _answer(order, _asked(order), False, order.text("words"))


def _asked(order: Order) -> PermissionAsked:
    asks = order.session.steering.asks
    wanted = order.text("request")
    if wanted and wanted not in asks:
        raise Refused("that is not asked any more; nothing was answered")
    if not asks:
        raise Refused(ELSEWHERE)
    if not wanted and len(asks) > 1:
        raise Refused(f"{len(asks)} things are asked; name one: --request {' or '.join(list(asks)[:4])}")
    return asks[wanted or next(iter(asks))].asked


async def _answer(order: Order, asked: PermissionAsked, allow: bool, words: str) -> Facts:
    channel = await reach(order.host, order.session.id) if asked.via == "channel" else None
    if asked.via == "channel" and channel is None:
        raise Refused("the session's channel is gone; it asks nobody any more")
    await order.begin()
    # Approving is final.
    await order.commit()
    if channel is not None:
        await channel.answer(asked.request_id, allow, words)
    else:
        await spool.answer(order.host.paths, asked.request_id, allow, words)
    if asked.request_id in order.session.steering.asks:
        await order.note(PermissionAnswered(asked.request_id, "allowed" if allow else "denied"))
    return {
        "session": order.session.id,
        "request": asked.request_id,
        "decision": "allowed" if allow else "denied",
        "tool": asked.tool,
        "what": asked.what.text,
        "via": asked.via,
    }
