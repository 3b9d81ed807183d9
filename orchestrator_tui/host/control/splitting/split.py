"""Split: a session's remaining work in parts, each a session of its own that knows what this one knew.

On record in this order: started, worktrees, the parent paused, committed, the children. Whatever fails on the way is
taken back as far as nothing is lost by it; what is left is said. The parent's own files are only read.
"""

from __future__ import annotations

import asyncio
import re
import socket
import uuid
from pathlib import Path

from msgspec import Struct

from orchestrator_tui.clients.driving import Task
from orchestrator_tui.events import AssistantMessage, BudgetSet, Facts, SplitMade, UserMessage
from orchestrator_tui.fleet.parts import MAX_PART, MAX_PARTS, Where, prompt_of, proposed, summary_of, title_of
from orchestrator_tui.host.control.loops import looping
from orchestrator_tui.host.control.order import Failed, Order, Refused, Undone
from orchestrator_tui.host.control.splitting import carrying, fork_trees
from orchestrator_tui.host.control.splitting.fork_trees import Ground, Tree, Unfit
from orchestrator_tui.host.control.splitting.parent import go_on, stand_still, standing_of
from orchestrator_tui.host.control.splitting.unsplit import end_children
from orchestrator_tui.host.git import Git, GitTrouble
from orchestrator_tui.text import line

FORKS = frozenset({"claude", "codex", "opencode"})
"""Clients that can fork a session."""
AGENTS = FORKS | {"gemini", "loop"}
EFFORTS = frozenset({"minimal", "low", "medium", "high", "xhigh", "max"})
STARTING = 60.0
"""Seconds for one child."""
LAST_EVENTS, LAST_SAID = 300, 8
_NATIVE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+\[\]-]{0,127}")


class Plan(Struct, frozen=True):
    """What is to be done; nothing of it is, yet."""

    parts: list[str]
    cwd: str
    git: Git | None
    ground: Ground | None
    """None: all work in the parent's directory."""
    carry: bool
    resume: str | None
    """The client's own id of the parent, or its transcript; None: the children begin fresh."""
    note: str
    model: str | None
    effort: str | None
    each_usd: float | None


class Made(Struct):
    """What there is so far."""

    trees: list[Tree]
    children: list[str]
    frozen: bool = False


async def split(order: Order) -> Facts:
    """`parts`, `dirty` (carry | refuse), `shared`, `fresh`, `model`. The receipt names children and worktrees."""
    plan = await _plan(order)
    parts = len(plan.parts)
    where = "one shared directory" if plan.ground is None else "a worktree each"
    standing = await standing_of(order)
    words = f"{parts} parts, {'forked' if plan.resume else 'fresh with a summary'}, in {where}"
    await order.begin(standing.tree, None, standing.words or words)
    made, why = Made([], []), ""
    try:
        await _make_trees(order, plan, made)
        made.frozen, why = await stand_still(order, standing)
        await _carry(plan, made)
        await order.commit()
        for number in range(parts):
            await order.progress(number, parts, f"part {number + 1}: {title_of(plan.parts[number])}")
            await _start(order, plan, made, number)
        await order.note(SplitMade(made.children, [tree.path for tree in made.trees]))
    except Undone as undone:
        raise Undone(str(undone), await _take_back(order, plan, made)) from None
    except Exception as error:
        receipt = await _take_back(order, plan, made)
        words = str(error) if isinstance(error, Failed | Refused | GitTrouble) else f"{type(error).__name__}: {error}"
        raise Failed(f"{line(words, 300)}; {receipt['left']}", receipt) from error
    return {
        "session": order.session.id,
        "children": made.children,
        "parts": plan.parts,
        "worktrees": [tree.path for tree in made.trees],
        "branches": [tree.branch for tree in made.trees],
        "carried_files": made.trees[0].carried if made.trees else 0,
        "lacks": plan.ground.lacks if plan.ground is not None else "",
        "parent_paused": made.frozen,
        "why_not_paused": why,
        "budget_each_usd": plan.each_usd,
        "context": "forked" if plan.resume else "fresh with a summary",
    }


# --- before anything is touched -------------------------------------------------------------------------------------


async def _plan(order: Order) -> Plan:
    """Every check. Raises Refused."""
    session, native = order.session, order.session.id.partition(":")[2]
    if session.relation == "subagent":
        raise Refused("a sub-agent cannot be split alone; split the session it works for")
    if session.relation == "iteration" or looping.folder_of(order.host, session.id) is not None:
        raise Refused("a loop cannot be split; start one for each part: `orc run --worktree --until ...`")
    if session.client not in AGENTS:
        raise Refused(
            f"orc cannot start sessions of {line(session.client or 'this client', 40)}, so it cannot split it"
        )
    if session.host not in (None, socket.gethostname()):
        raise Refused(f"it runs on another machine ({line(session.host or '', 60)})")
    parts = _parts(order)
    dirty = order.text("dirty", "refuse")
    if dirty not in ("carry", "refuse"):
        raise Refused(f"dirty is carry or refuse, not {line(dirty, 40)!r}")
    cwd = session.cwd or ""
    if not Path(cwd).is_absolute() or "\0" in cwd or not Path(cwd).is_dir():
        raise Refused(f"its directory {line(cwd or '?', 200)} is gone")
    asked = order.text("model")
    if asked and _MODEL.fullmatch(asked) is None:
        raise Refused(f"{line(asked, 60)!r} is no name of a model")
    forked = session.client in FORKS and not order.flag("fresh")
    if forked and _NATIVE.fullmatch(native) is None:
        raise Refused(f"{line(native, 60)!r} is no session id that {session.client} could fork")
    each = _each_usd(order, len(parts))
    git = Git.find()
    ground = None if order.flag("shared") else await _ground(order, git, cwd, dirty == "carry")
    model, effort = asked or None, None
    if session.client != "opencode":
        # What transcripts say is checked as what is typed; OpenCode keeps the model of what it forks.
        model = model or (session.model if session.model and _MODEL.fullmatch(session.model) else None)
    if session.client in ("claude", "codex") and session.effort in EFFORTS:
        effort = session.effort
    note = "" if forked else _summary(order)
    return Plan(
        parts, cwd, git, ground, dirty == "carry", _source(order, native) if forked else None, note, model, effort, each
    )  # fmt: skip


def _source(order: Order, native: str) -> str:
    """What the client finds the session by in any directory; Claude Code finds an id only near where it began."""
    if order.session.client != "claude":
        return native
    paths = (path for client, path in order.host.ingest.files if client == "claude")
    return next((path for path in paths if Path(path).name == f"{native}.jsonl"), native)


def _parts(order: Order) -> list[str]:
    given = [part.strip() for part in order.texts("parts")]
    parts = given or proposed(order.session)
    if not parts:
        raise Refused("it has no to-do list with anything open; say the parts yourself, each with --part")
    if not 2 <= len(parts) <= MAX_PARTS:
        found = "" if given else ", as its own to-do list has it"
        raise Refused(f"a split has 2 to {MAX_PARTS} parts; this is {len(parts)}{found}")
    for number, part in enumerate(parts, 1):
        if not part or len(part.encode("utf-8", "replace")) > MAX_PART:
            raise Refused(f"part {number} is {'empty' if not part else f'longer than {MAX_PART} bytes'}")
    if len(set(parts)) < len(parts):
        raise Refused("two parts are the same")
    return parts


async def _ground(order: Order, git: Git | None, cwd: str, carry: bool) -> Ground:
    try:
        ground = await asyncio.to_thread(fork_trees.look, git, cwd, order.host.paths.state_dir)
    except Unfit as why:
        raise Refused(f"{line(str(why), 300)}; with --shared all parts work in that one directory") from None
    if ground.dirty and not carry:
        files = "1 file is" if len(ground.dirty) == 1 else f"{len(ground.dirty)} files are"
        raise Refused(
            f"{files} not committed in {line(ground.place.root, 200)}, and a worktree begins from the last commit; "
            "commit, or say --carry to copy them into each worktree"
        )
    if ground.unmerged:
        raise Refused("a merge in its checkout is not finished; finish it, or split with --shared")
    _, why_not = await asyncio.to_thread(carrying.measure, ground.place.root, ground.dirty)
    if why_not:
        raise Refused(f"{why_not}; commit, or ignore what need not be carried")
    return ground


def _each_usd(order: Order, parts: int) -> float | None:
    """What each child may cost: an equal share of what is left of the parent's budget; None where it has none."""
    session, fleet = order.session, order.host.fleet
    limit = fleet.budgets.one(session.steering.budget_usd)
    if limit is None:
        return None
    tree = [session, *(s for s in fleet.descendants(session, fleet.children()) if s.relation == "subagent")]
    left = limit - fleet.totals(tree).cost
    if left // parts <= 0:
        raise Refused(f"its budget of ${limit / 1e9:.2f} is used up, so nothing is left to divide; set another first")
    return left // parts / 1e9


def _summary(order: Order) -> str:
    reader, session = order.host.reader, order.session
    goal = next((e.body.text.text for e in reader.of_session(session.id) if isinstance(e.body, UserMessage)), "")
    said: list[tuple[str, str]] = []
    for event in reader.latest_of_session(session.id, LAST_EVENTS):
        body = event.body
        if isinstance(body, AssistantMessage) and body.text.text.strip():
            said.append(("it", body.text.text))
        elif isinstance(body, UserMessage) and not body.local and body.text.text.strip():
            said.append(("told", body.text.text))
    return summary_of(session, goal, said[-LAST_SAID:])


# --- step by step -----------------------------------------------------------------------------------------------------


async def _make_trees(order: Order, plan: Plan, made: Made) -> None:
    if plan.ground is None or plan.git is None:
        return
    session, native = order.session, order.session.id.partition(":")[2]
    # The ids of one hour begin alike in OpenCode: their ends tell them apart.
    short = native[-8:] if session.client == "opencode" else native[:8]
    for _ in plan.parts:
        name = session.project or Path(plan.ground.place.root).name
        tree = await asyncio.to_thread(
            fork_trees.make, plan.git, plan.ground, order.host.paths.worktrees, name, short, order.id
        )
        made.trees.append(tree)


async def _carry(plan: Plan, made: Made) -> None:
    """After the parent was stopped, so that nothing changes meanwhile."""
    if plan.carry and plan.git is not None and plan.ground is not None and plan.ground.dirty:
        for number, tree in enumerate(made.trees):
            made.trees[number] = await asyncio.to_thread(fork_trees.carry, plan.git, plan.ground, tree)


async def _start(order: Order, plan: Plan, made: Made, number: int) -> None:
    session, part = order.session, plan.parts[number]
    others = [other for at, other in enumerate(plan.parts) if at != number]
    tree = made.trees[number] if made.trees else None
    lacks = plan.ground.lacks if plan.ground is not None else ""
    where = Where(tree.cwd, tree.branch, plan.cwd, lacks) if tree is not None else Where(plan.cwd)
    title = title_of(part)
    task = Task(
        prompt_of(part, others, where, plan.note), where.path, plan.model, plan.effort, plan.resume,
        plan.resume is not None, str(uuid.uuid4()), title,
    )  # fmt: skip
    try:
        async with asyncio.timeout(STARTING):
            child = await order.host.owned.start(session.client, task, title=title, parent=session.id, relation="split")
    except TimeoutError:
        raise Failed(f"part {number + 1} did not start within {STARTING:.0f} s") from None
    made.children.append(child)
    if plan.each_usd is not None:
        await order.host.note([(child, BudgetSet(plan.each_usd))])


async def _take_back(order: Order, plan: Plan, made: Made) -> Facts:
    """Undo a split that did not come about; says what is left of it."""
    running = await end_children(order, made.children)
    kept: list[str] = []
    for number, tree in enumerate(made.trees):
        if plan.git is None:
            break
        if not order.committed or number > len(made.children):
            # Nobody was let into it.
            await asyncio.to_thread(fork_trees.discard, plan.git, tree)
        elif why := await asyncio.to_thread(fork_trees.remove, plan.git, tree):
            kept.append(f"{tree.path} ({why})")
    words = [f"still running: {', '.join(running)}"] if running else []
    words += [f"kept: {'; '.join(kept)}"] if kept else []
    if made.frozen:
        why = await go_on(order, order.session)
        words += [f"the parent is still paused: {why}"] if why else []
    left = "; ".join(words) or "nothing is left of it"
    return {"session": order.session.id, "left": left, "kept": kept, "running": running}
