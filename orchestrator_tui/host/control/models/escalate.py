"""Escalate, step down, choose a model: in place where the client can, else a clean stop and the same conversation anew.

On record in this order: started, committed, the model that is asked for, what came of it. Clients rename models without
a word: only the next response says which one it is.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from orchestrator_tui.clients.driving import Task, Unsupported
from orchestrator_tui.events import Facts, ModelRequested
from orchestrator_tui.fleet import ladder
from orchestrator_tui.fleet.ladder import NoRung, Step, same_model
from orchestrator_tui.fleet.note import note_down, note_of
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import findings_of
from orchestrator_tui.host.control.loops import looping
from orchestrator_tui.host.control.models.used import Answer, until
from orchestrator_tui.host.control.order import Failed, Order, Refused
from orchestrator_tui.host.control.stopping import ending, kill
from orchestrator_tui.host.control.stopping.shared import INTERRUPTS
from orchestrator_tui.host.owned import launch
from orchestrator_tui.host.owned.joined import reach
from orchestrator_tui.host.procfs import same_start
from orchestrator_tui.loops.folder import Folder
from orchestrator_tui.text import line, utf8

if TYPE_CHECKING:
    from orchestrator_tui.host.owned.channel import Channel

CLIENTS = frozenset({"claude", "codex", "opencode", "gemini", "loop"})
WITHIN_A_TURN = frozenset({"claude"})
"""Clients that ask another model from the next request on; the others do so from the next turn on."""
STUCK = frozenset({"looping", "spinning", "stalled"})
STOP_SECONDS = 5.0
"""How long an interrupted turn may take to end."""
MAX_NOTE = 16_384
CONTINUE = "continue"
TOLD = frozenset({"gemini"})
"""Clients that cannot be brought back without being told something."""
_NATIVE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


async def escalate(order: Order) -> Facts:
    """One rung up the client's ladder, with a note of what failed; `cap_usd`: steps down again after that much."""
    return await _go(order, lambda s: ladder.up(s, order.host.fleet.settings, order.host.prices.table))


async def stepdown(order: Order) -> Facts:
    """One rung down; after an escalation back to where it came from."""
    return await _go(order, lambda s: ladder.down(s, order.host.fleet.settings, order.host.prices.table))


async def use(order: Order) -> Facts:
    """The model that is named, or another `effort` of the same one."""
    model, effort = order.text("model") or None, order.text("effort") or None
    if model is None and effort is None:
        raise Refused("which model is not said; name one, or an effort")
    return await _go(order, lambda s: ladder.use(s, model, effort, order.host.fleet.settings, order.host.prices.table))


async def _go(order: Order, choose: Callable[[Session], Step]) -> Facts:
    session = order.session
    step, given = _checked(session, choose), _given(order)
    cap = _cap(order, step)
    made = given if given is not None else _made(order, step)
    folder = looping.folder_of(order.host, session.id)
    if folder is not None:
        return await _next_iterations(order, folder, step)
    channel = await reach(order.host, session.id)
    task = _task(order, step, given, made)
    _check_start(order, task, channel is None)
    target = await _target(order) if channel is None else None
    await order.begin(kill.refs_of(target) if target is not None else (), words=step.words)
    # Neither the client's stop nor what a larger model has cost can be taken back.
    await order.commit()
    wanted = ModelRequested(step.to, step.frm, step.effort, step.direction, cap, made)
    receipt: Facts = {"session": session.id, "asked_model": step.to, "previous_model": step.frm}
    receipt |= {"effort": step.effort, "price": step.words, "reread_usd": step.reread_usd, "cap_usd": cap}
    answer = Answer(order, session.id, wanted, session.spend.requests)
    if channel is not None and await _in_place(order, channel, wanted, given, receipt):
        awaited = bool(receipt["said"]) or order.session.turn_open
    else:
        if channel is not None:
            _check_start(order, task, True)
            target = await _target(order)
        name = await _anew(order, replace(wanted, note=task.prompt), task, target, receipt)
        awaited = bool(task.prompt)
        if name != session.id:
            answer = Answer(order, name, wanted, 0)
    if not awaited:
        return {**receipt, "used_model": None, "remapped": False, "words": f"{step.to} from its next turn on"}
    return {**receipt, **await answer.first()}


async def _next_iterations(order: Order, folder: Folder, step: Step) -> Facts:
    """A loop's own row: what runs goes on, the iterations after it use the other model."""
    session = order.session
    await order.begin(words=step.words)
    await order.commit()
    await asyncio.to_thread(folder.go_on_with, step.to, step.effort)
    await order.note(ModelRequested(step.to, step.frm, step.effort, step.direction))
    words = f"{step.to} from its next iteration on"
    receipt: Facts = {"session": session.id, "asked_model": step.to, "previous_model": step.frm, "used_model": None}
    return {**receipt, "effort": step.effort, "price": step.words, "remapped": False, "words": words, "how": words}


# --- before anything is touched -------------------------------------------------------------------------------


def _checked(session: Session, choose: Callable[[Session], Step]) -> Step:
    """The step to be taken. Raises Refused."""
    if session.client not in CLIENTS:
        raise Refused(f"orc cannot choose the model of a {session.client or 'nameless'} session")
    if session.relation == "subagent":
        raise Refused(f"a sub-agent's model is its lead's to choose: name {line(session.parent or 'its lead', 120)}")
    process = session.process
    if process is not None and process.gone_at is None and process.seen.stopped:
        raise Refused("it is paused: resume it first")
    if not _NATIVE.fullmatch(_native(session)):
        raise Refused(f"{line(_native(session), 60)!r} is no id that can be handed to {session.client}")
    cwd = session.cwd or ""
    if not cwd.startswith("/") or "\0" in cwd or not Path(cwd).is_dir():
        raise Refused(
            f"its directory is {'gone: ' + line(cwd, 120) if cwd else 'not known'}; it cannot go on elsewhere"
        )
    try:
        step = choose(session)
    except NoRung as why:
        raise Refused(str(why)) from None
    if same_model(step.to, session.model) and step.effort in (None, ladder.effort_of(session)):
        raise Refused(f"it runs {step.to} already")
    if not step.fits:
        raise Refused(f"{step.words}; have it compact first, or choose another model")
    return step


def _cap(order: Order, step: Step) -> float | None:
    cap = order.number("cap_usd")
    if cap is None:
        return None
    if not 0 < cap <= 1e9:
        raise Refused("a cap is dollars above 0")
    if order.host.prices.table.find(step.to) is None:
        raise Refused(f"{step.to} has no price, so a cap could not hold; give it one: [prices.models] in config.toml")
    return cap


def _given(order: Order) -> str | None:
    """What a person wants it told; None when that is left to us."""
    if "note" not in order.request.arguments:
        return None
    note = utf8(order.text("note"))
    if "\0" in note or len(note) > MAX_NOTE:
        raise Refused(f"a note is a text of at most {MAX_NOTE} characters without NUL")
    return note


def _made(order: Order, step: Step) -> str:
    session, host = order.session, order.host
    if step.direction != "up":
        return note_down(session) if step.direction == "down" else CONTINUE
    status = host.alarming.judge.statuses.get(session.id)
    return note_of(session, status, findings_of(host.fleet, session, host.clock.now()))


def _native(session: Session) -> str:
    return session.id.partition(":")[2]


# --- in place -------------------------------------------------------------------------------------------------


async def _in_place(
    order: Order, channel: Channel, wanted: ModelRequested, given: str | None, receipt: Facts
) -> bool:  # fmt: skip
    """Have the client itself change over; False when it cannot: then at most its turn has ended."""
    session = order.session
    status = order.host.alarming.judge.statuses.get(session.id)
    stuck = wanted.direction == "up" and status is not None and status.status in STUCK
    stop = session.turn_open and (stuck or session.client not in WITHIN_A_TURN)
    try:
        if stop:
            await channel.interrupt()
            await until(lambda: not order.session.turn_open or getattr(channel, "busy", True) is False, STOP_SECONDS)
        await channel.use(wanted.model, wanted.effort)
    except Failed as why:
        receipt["not_in_place"] = str(why)
        return False
    # A larger model is told what failed; a smaller one just goes on, unless its turn was stopped for it.
    words = given if given is not None else wanted.note if stop or wanted.direction == "up" else ""
    await order.note(replace(wanted, note=words))
    receipt |= {"how": "in place", "interrupted": stop, "note": words, "said": bool(words)}
    if words:
        try:
            await channel.say(words)
        except Failed as why:
            raise Failed(f"it is on {wanted.model} now, but could not be told to go on: {why}", receipt) from None
    return True


# --- anew -----------------------------------------------------------------------------------------------------


def _task(order: Order, step: Step, given: str | None, made: str) -> Task:
    """How it would be brought back. Only a larger model, or a turn that is cut off for it, needs a word to go on."""
    session = order.session
    prompt = given if given is not None else made if step.direction == "up" or session.turn_open else ""
    if not prompt.strip() and session.client in TOLD:
        prompt = CONTINUE
    effort = step.effort or (ladder.effort_of(session) if step.direction == "up" else None)
    return Task(prompt, session.cwd or "", step.to, effort, resume=_native(session))


def _check_start(order: Order, task: Task, program: bool) -> None:
    """Nothing is stopped that could not be started again. Raises Refused."""
    from orchestrator_tui.clients.drives import DRIVES

    client = order.session.client
    if client == looping.CLIENT and not program:
        # It changes in place or not at all.
        return
    try:
        DRIVES[client].launch(client, task)
        if program:
            launch.find_program(client, getattr(order.host.config.clients, "programs", {}))
    except (Unsupported, Failed) as why:
        raise Refused(str(why)) from None


async def _target(order: Order) -> kill.Target | None:
    """The process that is to be stopped; None where it has none of its own. Raises Refused for what may not be."""
    watched = order.session.id in order.host.processes.watched
    return await kill.target_of(order, order.request.verb) if watched else None


async def _stop(order: Order, target: kill.Target | None) -> Facts:
    """End the client cleanly, and its tools; or the turn alone where its process is shared with others."""
    session, host = order.session, order.host
    if target is None:
        way = INTERRUPTS.get(session.client)
        alone = way is None or not session.turn_open or (session.process is not None and session.process.gone_at)
        return {"survived": []} if way is None or alone else {"survived": [], "not_interrupted_why": await way(order)}
    table = host.processes.table
    ended = await ending.end(table, session.client, target.root, target.tree.members, target.setup, target.kept)
    return {"ended": ended.ended(table), "survived": ended.survived(table)}


async def _anew(
    order: Order, wanted: ModelRequested, task: Task, target: kill.Target | None, receipt: Facts
) -> str:  # fmt: skip
    """Stop it cleanly and go on with the same conversation, or with a fork of it where somebody still writes it."""
    session, owned = order.session, order.host.owned
    receipt |= await _stop(order, target)
    await until(lambda: owned.channel(session.id) is None, STOP_SECONDS)
    receipt |= {"note": task.prompt, "said": bool(task.prompt)}
    held = session.client == "codex" and has_writer(order.host.roots().get("codex", []), _native(session))
    if held:
        receipt["not_resumed"] = "another process has the thread open"
    try:
        if not held and not _is_alive(order):
            await order.note(wanted)
            try:
                name: str = await owned.start(session.client, task)
                receipt["how"] = "stopped and resumed"
                return name
            except Failed as why:
                # Its daemon may hold the thread's lock: then a copy of the thread can still go on.
                if session.client != "codex":
                    raise
                receipt["not_resumed"] = str(why)
        fork = replace(task, fork=True)
        name = await owned.start(session.client, fork, parent=session.id, relation="escalation")
    except Failed as why:
        raise Failed(f"it could not be brought back on {wanted.model}: {why}", receipt) from None
    receipt |= {"how": "forked", "fork": name}
    await order.host.note([(name, wanted)])
    return name


def _is_alive(order: Order) -> bool:
    """Whether the client that writes the conversation is still there: two must never write it."""
    process = order.session.process
    if process is None or process.gone_at is not None or not process.seen.pid:
        return False
    stat = order.host.processes.table.stat(process.seen.pid)
    return stat is not None and stat.state not in ("Z", "X") and same_start(stat, process.seen.started)


def has_writer(roots: Iterable[Path], thread: str) -> bool:
    """Whether a process holds a Codex thread's lock, as the kernel tells: Codex would wait for it in vain."""
    with suppress(OSError, ValueError, IndexError):
        table = [line.split() for line in Path("/proc/locks").read_text(encoding="ascii").splitlines()]
        for root in roots:
            lock = root / "thread-writer-locks" / f"{thread}.lock"
            inode = str(lock.lstat().st_ino) if lock.is_file() else ""
            pids = {words[4] for words in table if words[1] == "FLOCK" and words[5].rpartition(":")[2] == inode}
            if any(_has_open(pid, lock) for pid in pids):
                return True
    return False


def _has_open(pid: str, path: Path) -> bool:
    """An inode's number is unique only within one file system."""
    for entry in Path("/proc", pid, "fd").iterdir():
        with suppress(OSError):
            if entry.samefile(path):
                return True
    return False
