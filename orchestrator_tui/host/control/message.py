"""`message`: tell a session something by its own channel, Codex's queue, or its tmux pane, and see that it landed."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

from orchestrator_tui.clients.driving import Unsupported
from orchestrator_tui.clients.values import decode_object
from orchestrator_tui.events import Event, Facts, UserMessage
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.host.control.callers import environment
from orchestrator_tui.host.control.order import Failed, Order, Refused, Undone
from orchestrator_tui.host.control.terminal.front import call
from orchestrator_tui.host.control.terminal.pasting import cleaned, paste
from orchestrator_tui.host.control.terminal.terminals import going_on
from orchestrator_tui.host.control.terminal.tmux import Pane, obstacle, pane_of
from orchestrator_tui.host.owned.channel import Channel
from orchestrator_tui.host.owned.launch import find_program
from orchestrator_tui.host.procfs import same_start

MAX_BYTES = 64 * 1024
LANDING = 5.0
"""Seconds for the message to be seen in the session's own record."""
QUEUEING = 15.0
"""Seconds that `codex queue` may take."""
STEP = 0.1
RECENT = 100
"""Newest events of a session that are looked at."""
HEAD = 64
"""Letters of a text's beginning by which it is known again."""
MAX_TAIL = 4 << 20
"""Bytes of a transcript's end that are looked at for what the client has queued."""
DIALOGS = ("asks:", "permission:", "asked:", "report:", "prompt:")
"""Causes of a session's waiting (docs/contract.md §4) for which its screen shows a dialog, not its input."""


async def message(order: Order) -> Facts:
    """Tell it `text`. The receipt: `way`, `landed`, `queued`, `seconds`, and `note` where there is more to say."""
    text = _text(order)
    session = order.session
    _check(order, session)
    channel = order.host.owned.channel(session.id)
    if channel is not None:
        return await _by_channel(order, channel, text)
    pane, why = await _pane(order, session)
    if session.client == "codex" and pane is None:
        return await _by_queue(order, session, text)
    if pane is None:
        raise Refused(why)
    pid = session.pid or 0
    why = await obstacle(pane, pid)
    if why:
        raise Refused(why)
    return await _by_pane(order, pane, pid, text)


def _text(order: Order) -> str:
    text = order.text("text")
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise Refused("the message has more than 64 KiB: put it into a file and name that")
    text = cleaned(text)
    if not text.strip():
        raise Refused("an empty message says nothing")
    return text


def _check(order: Order, session: Session) -> None:
    """Raises Refused for a session that nothing can be told now."""
    if session.relation == "subagent":
        lead, known, passed = session.parent or "its lead", order.host.fleet.sessions, {session.id}
        while lead not in passed and lead in known and known[lead].relation == "subagent" and known[lead].parent:
            passed.add(lead)
            lead = known[lead].parent or lead
        raise Refused(f"a sub-agent listens to its lead only: tell {lead}")
    process = session.process
    status = order.host.alarming.judge.statuses.get(session.id)
    stopped = process is not None and process.gone_at is None and process.seen.stopped
    if stopped or (status is not None and status.status == "paused"):
        raise Refused("it is paused: resume it first (p, orc resume)")


# --- its own channel ----------------------------------------------------------------------------------------------


async def _by_channel(order: Order, channel: Channel, text: str) -> Facts:
    begun, mark = time.monotonic(), order.host.reader.last_seq()
    await order.begin(words=f"by its {channel.name} channel")
    await order.commit()
    busy = order.session.turn_open
    try:
        await channel.say(text)
    except (Unsupported, Failed) as error:
        raise Failed(f"did not land: {error}", {"way": channel.name, "landed": False}) from None
    landed = await _landed(order, mark, text)
    # The client has acknowledged it: what is not in its record yet is in its queue.
    return _receipt(channel.name, begun, landed, queued=landed is None, busy=busy)


# --- Codex's queue ------------------------------------------------------------------------------------------------


async def _by_queue(order: Order, session: Session, text: str) -> Facts:
    """`codex queue`: an idle thread of its daemon takes it at once, a busy one after its turn, a closed one later."""
    from orchestrator_tui.clients.codex import daemon

    native = session.id.partition(":")[2]
    try:
        binary = find_program("codex", order.host.config.clients.programs)
        words = daemon.queueing(binary, native, text)
    except (Unsupported, Failed) as error:
        raise Refused(str(error)) from None
    begun, mark = time.monotonic(), order.host.reader.last_seq()
    await order.begin(words="by codex queue")
    await order.commit()
    busy = session.turn_open
    code, output = await call(words, seconds=QUEUEING, environ=_codex_home(order, session))
    if code or daemon.queued(output, native) is None:
        raise Failed(f"did not land: codex queue: {_line(output)}", {"way": "codex queue", "landed": False})
    landed = await _landed(order, mark, text)
    receipt = _receipt("codex queue", begun, landed, queued=landed is None, busy=busy)
    if landed is None and not busy:
        receipt["note"] = f"stored: it takes it when it is open again: {going_on(session)}"
    return receipt


def _codex_home(order: Order, session: Session) -> dict[str, str]:
    """Where the session's Codex keeps its things: where its rollout lies, else what its process was told."""
    path = _record(order, session)
    if path is not None and "sessions" in path.parts:
        return {"CODEX_HOME": str(Path(*path.parts[: path.parts.index("sessions")]))}
    told = environment(session.pid) if session.pid else {}
    return {name: told[name] for name in ("CODEX_HOME", "HOME") if told.get(name)}


# --- its tmux pane ------------------------------------------------------------------------------------------------


async def _pane(order: Order, session: Session) -> tuple[Pane | None, str]:
    """(its pane, why there is none and what works instead)."""
    process = session.process
    if session.pid is None or process is None:
        return None, f"no process of it runs; this goes on with it: {going_on(session)}"
    stat = order.host.processes.table.stat(session.pid)
    if stat is None or not same_start(stat, process.seen.started):
        return None, f"process {session.pid} is gone; this goes on with it: {going_on(session)}"
    if not process.seen.tty:
        return None, f"it runs without a terminal, and orc did not start it; when it has ended: {going_on(session)}"
    pane = await pane_of(process.seen.tty, session.pid)
    if pane is None:
        return None, f"its terminal {process.seen.tty} is not in tmux: only its own keyboard reaches it there"
    status = order.host.alarming.judge.statuses.get(session.id)
    dialog = status is not None and status.status == "waiting" and (status.cause or "").startswith(DIALOGS)
    if dialog or session.steering.asks or (session.report is not None and session.report.status == "waiting"):
        raise Refused("it shows a question that waits for an answer: answer that first (y, n, or t)")
    return pane, ""


async def _by_pane(order: Order, pane: Pane, pid: int, text: str) -> Facts:
    way = f"tmux {pane.id}"
    begun, mark, busy = time.monotonic(), order.host.reader.last_seq(), order.session.turn_open
    record = _record(order, order.session)
    size = await asyncio.to_thread(_size, record)
    await order.begin(words=f"typed into its tmux pane {pane.id}")
    facts: Facts = {"way": way, "landed": False}
    try:
        why = await paste(pane, pid, text, order.commit)
    except Undone:
        raise Undone("taken back; the text stands in its input, not sent", facts) from None
    if why:
        raise Failed(f"did not land: {why}", facts)
    landed = await _landed(order, mark, text)
    busy = busy or order.session.turn_open
    queued = landed is None and busy
    if queued and order.session.client == "claude":
        queued = await asyncio.to_thread(_is_queued, record, size, text)
    if landed is None and not queued:
        raise Failed(f"did not land: typed, but not seen in its record within {LANDING:g} s", facts)
    return _receipt(way, begun, landed, queued, busy)


def _record(order: Order, session: Session) -> Path | None:
    """The client's file in which the session was read last; None when it is read from none."""
    reader = order.host.reader
    for event in reversed(reader.latest_of_session(session.id, RECENT)):
        source = reader.source(event.seq)
        if source is not None:
            return Path(source.path)
    return None


def _size(path: Path | None) -> int:
    try:
        return os.stat(path).st_size if path is not None else 0
    except OSError:
        return 0


def _is_queued(path: Path | None, start: int, text: str) -> bool:
    """Whether Claude has written down, from there on, that it keeps this text until its turn is over."""
    if path is None:
        return False
    try:
        with path.open("rb") as file:
            file.seek(start)
            lines = file.read(MAX_TAIL).splitlines()
    except OSError:
        return False
    for record in (decode_object(line) for line in lines if b'"queue-operation"' in line):
        said: Any = (record or {}).get("content")
        if isinstance(said, str) and (record or {}).get("operation") == "enqueue" and _same(said, text) is not None:
            return True
    return False


# --- proof --------------------------------------------------------------------------------------------------------


async def _landed(order: Order, mark: int, text: str) -> str | None:
    """Wait until the text is in the session's record: "" when it is, or what else was sent with it; None: it is not."""
    until = time.monotonic() + LANDING
    while True:
        for event in order.host.reader.latest_of_session(order.session.id, RECENT):
            if event.seq > mark and (found := _heard(event, text)) is not None:
                return found
        if time.monotonic() > until:
            return None
        # The host looks more seldom when nothing happens.
        order.host.rung.set()
        await asyncio.sleep(STEP)


def _heard(event: Event, text: str) -> str | None:
    body = event.body
    if not isinstance(body, UserMessage) or body.synthetic or body.replayed or body.interrupt:
        return None
    return _same(body.text.text, text)


def _same(said: str, text: str) -> str | None:
    """What stood before the text in the client's input and was said with it, "" for nothing; None: something else."""
    head = "".join(text.split())[:HEAD]
    place = "".join(said.split()).find(head)
    return None if place < 0 else "" if place == 0 or said.startswith('"') else "".join(said.split())[:place]


def _receipt(way: str, begun: float, landed: str | None, queued: bool, busy: bool) -> Facts:
    facts: Facts = {"way": way, "landed": landed is not None, "queued": queued}
    facts["seconds"] = round(time.monotonic() - begun, 2)
    if queued and busy:
        facts["note"] = "queued: it takes it after this turn"
    if landed:
        facts["note"] = f"sent together with what stood in its input: {_line(landed)}"
    return facts


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
