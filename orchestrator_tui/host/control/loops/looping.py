"""Loops as the host sees them: made and started by a person's command, started again when their runner was killed."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from orchestrator_tui import private
from orchestrator_tui.clients.driving import Task
from orchestrator_tui.clients.values import session_id
from orchestrator_tui.clock import MINUTE, SECOND, parse_iso
from orchestrator_tui.errors import OrcError
from orchestrator_tui.events import BudgetSet, Facts
from orchestrator_tui.fleet.prices import PriceTable
from orchestrator_tui.host.control.order import Failed, Order, Refused
from orchestrator_tui.host.owned.launch import find_program
from orchestrator_tui.loops import folder as folders
from orchestrator_tui.loops import spec as specs
from orchestrator_tui.loops import state as states
from orchestrator_tui.loops import trees
from orchestrator_tui.loops.folder import Folder
from orchestrator_tui.loops.spec import CHECK_SECONDS, Agent, LoopSpec
from orchestrator_tui.text import line

if TYPE_CHECKING:
    from orchestrator_tui.host.service import Host

CLIENT = "loop"
PROGRAMS = frozenset({"claude", "codex", "opencode", "gemini"})
AGAIN = (2 * SECOND, MINUTE)
"""Until a loop whose runner does not live long is started again: twice as long each time, from this to that."""
_PER_TOKEN = 10**15
"""Rates are nano-dollars per million tokens, a price map has dollars per token."""


class Begun(Struct, frozen=True):
    """A loop that was made."""

    folder: Folder
    spec: LoopSpec
    lacks: str = ""
    """What its working tree does not have, in words."""


async def start_loop(order: Order) -> Facts:
    """Make a loop and start its runner; its receipt names session, directory and branch.

    Arguments, as `cli.verb_loops.loop_facts` gives them: `agent` `prompt` `cwd` `until` `command` `model` `effort`
    `title` `score` `budget_usd` `max_iterations` `minutes` `check_seconds` `worktree` `anyway` `ladder` `owner`
    `after` `at` `window` `max_parallel` `seed` `api_base` `api_key_env`. With `after`, `at` or `window` it is only
    made: the queue starts it.
    """
    host = order.host
    spec = spec_of(order)
    if spec.agent in PROGRAMS:
        programs = getattr(host.config.clients, "programs", {})
        spec = replace(spec, program=await asyncio.to_thread(find_program, spec.agent, programs))
    if spec.after:
        spec = replace(spec, after=await asyncio.to_thread(_known, host, spec.after))
    await order.begin()
    await order.commit()
    # From its first file on it looks like one whose runner was killed.
    host.loops.starting.add(spec.id)
    try:
        return await _made_and_started(host, spec)
    finally:
        host.loops.starting.discard(spec.id)


async def _made_and_started(host: Host, spec: LoopSpec) -> Facts:
    begun = await asyncio.to_thread(make, host, spec)
    session = session_id(CLIENT, spec.id)
    receipt: Facts = {"session": session, "loop": spec.id, "directory": begun.spec.work_dir}
    if begun.spec.tree is not None:
        receipt |= {"branch": begun.spec.tree.branch, "lacks": begun.lacks or None}
    if is_queued(spec):
        if spec.budget_usd is not None:
            await host.note([(session, BudgetSet(usd=spec.budget_usd))])
        return receipt | {"queued": spec.id not in await host.queue.step()}
    try:
        session = await launch(host, begun.folder, begun.spec)
    except BaseException:
        if not (begun.folder.state.exists() or begun.folder.runs):
            await asyncio.to_thread(_take_back, begun)
        raise
    if spec.budget_usd is not None:
        await host.note([(session, BudgetSet(usd=spec.budget_usd))])
    return receipt | {"max_iterations": spec.max_iterations}


def spec_of(order: Order) -> LoopSpec:
    """The spec that a command asks for. Raises Refused, one line."""
    name = order.text("title")
    most, parallel, seed = order.number("max_iterations"), order.number("max_parallel"), order.number("seed")
    now = order.host.clock.now()
    try:
        until = order.text("until")
        at = parse_iso(order.text("at")) if order.text("at") else None
        if order.text("at") and at is None:
            raise OrcError(f"--at {line(order.text('at'), 60)!r} is no time")
        return specs.checked(
            LoopSpec(
                id=specs.loop_id(name or order.text("prompt").strip().partition("\n")[0], now),
                agent=cast(Agent, order.text("agent")), prompt=order.text("prompt"), cwd=order.text("cwd"), name=name,
                command=tuple(order.texts("command")), model=order.text("model") or None,
                effort=order.text("effort") or None, until=specs.check_of(until) if until else (),
                check_seconds=order.number("check_seconds") or CHECK_SECONDS,
                score_pattern=order.text("score") or None, budget_usd=order.number("budget_usd"),
                max_iterations=int(most) if most is not None else None, minutes=order.number("minutes"),
                anyway=order.flag("anyway"), worktree=order.flag("worktree"), ladder=tuple(order.texts("ladder")),
                why=order.request.why, owner=order.text("owner"), after=tuple(order.texts("after")), at=at,
                window=order.text("window") or None, max_parallel=int(parallel) if parallel is not None else None,
                made_at=now, database=str(order.host.paths.database), seed=int(seed or 0),
                api_base=order.text("api_base") or None, api_key_env=order.text("api_key_env") or None,
            )
        )  # fmt: skip
    except OrcError as error:
        raise Refused(str(error)) from error


def _known(host: Host, names: Iterable[str]) -> tuple[str, ...]:
    """The loops that are named, each by its id or a unique part of it. Raises Refused."""
    ids, found = [one.id for one in folders.folders(host.paths.state_dir)], []
    for name in names:
        wanted = name.removeprefix("loop:")
        fits = [one for one in ids if one == wanted] or [one for one in ids if wanted in one]
        if len(fits) != 1:
            raise Refused(f"--after {line(name, 80)!r} fits {len(fits)} loops; `orc loops` lists them")
        found.append(fits[0])
    return tuple(found)


def is_queued(spec: LoopSpec) -> bool:
    """Whether it is the queue that starts it."""
    return bool(spec.after or spec.window) or spec.at is not None or spec.max_parallel is not None


def make(host: Host, spec: LoopSpec) -> Begun:
    """A loop's directory and working tree; blocks. Raises Failed, and then nothing of it is left."""
    folder = Folder(host.paths.state_dir / "loops" / spec.id)
    begun = Begun(folder, spec)
    try:
        folder.make()
        if spec.worktree:
            tree, lacks = trees.make(host.paths.worktrees, spec.id, spec.cwd)
            begun = Begun(folder, replace(spec, tree=tree), lacks)
        known = prices_of(host.prices.table, [name for name in (spec.model, *spec.ladder) if name])
        if spec.agent == "builtin" and known:
            private.write_durably(folder.prices, msgspec.json.encode(known))
        specs.save(folder.spec, begun.spec)
    except (OrcError, OSError) as error:
        _take_back(begun)
        raise Failed(f"the loop cannot be made: {error}") from error
    return begun


async def launch(host: Host, folder: Folder, spec: LoopSpec) -> str:
    """Start a loop's runner under a shim of its own; returns the session's id. Raises Failed, also where one lives."""
    task = Task("", spec.cwd, spec.model, spec.effort, resume=str(folder.path), session=spec.id)
    return await host.owned.start(CLIENT, task, title=spec.title)


class Loops:
    """Starts again what was killed; one for a host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._tried: dict[str, tuple[int, int]] = {}
        """Loop -> (when it was started last, how long until it is again)."""
        self.starting: set[str] = set()
        """Loops that a command is about to start."""

    async def resume(self) -> list[str]:
        """Start the runner of every loop that has begun, has not ended, and has none; returns their ids.

        Call it at the host's start, when the shims have been taken over, and every few seconds.
        """
        now, begun = self._host.clock.now(), []
        for one in await asyncio.to_thread(self._without):
            last, wait = self._tried.get(one.id, (0, AGAIN[0]))
            if now - last < wait or one.id in self.starting or one.runs:
                continue
            self._tried[one.id] = (now, min(2 * wait, AGAIN[1]))
            with suppress(OrcError, Failed):
                await launch(self._host, one, await asyncio.to_thread(specs.load, one.spec))
                begun.append(one.id)
        return begun

    def _without(self) -> list[Folder]:
        found = []
        for one in folders.folders(self._host.paths.state_dir):
            with suppress(OrcError):
                if one.runs or states.load(one.state, one.id).outcome is not None:
                    continue
                if one.state.exists() or not is_queued(specs.load(one.spec)):
                    found.append(one)
        return found

    async def busy(self) -> bool:
        """Whether a loop runs: then the host is needed."""
        known = await asyncio.to_thread(folders.folders, self._host.paths.state_dir)
        return any(one.runs for one in known)


def folder_of(host: Host, session: str) -> Folder | None:
    """The directory of the loop that a session is; None for any other session."""
    client, _, loop = session.partition(":")
    folder = Folder(host.paths.state_dir / "loops" / loop)
    return folder if client == CLIENT and folders.ID.fullmatch(loop) and folder.spec.is_file() else None


def mark_stopped(host: Host, loop: str, why: str) -> bool:
    """Have a loop end, whatever becomes of its runner: for `kill`, before its first signal. False: there is none."""
    folder = Folder(host.paths.state_dir / "loops" / loop)
    if not folders.ID.fullmatch(loop) or not folder.spec.is_file():
        return False
    private.write_durably(folder.stop, line(why, 400).encode())
    return True


def prices_of(table: PriceTable, models: Iterable[str]) -> dict[str, Any]:
    """Some models' prices, as a price map has them; models without a price are left out."""
    known: dict[str, Any] = {}
    for model in models:
        found = table.find(model)
        if found is None:
            continue
        raw = next((one.entries[found.name] for one in table.sources if found.name in one.entries), None)
        if isinstance(raw, msgspec.Raw):
            known[model] = raw
        elif found.rates.local:
            known[model] = {"litellm_provider": "ollama", "mode": "chat"}
        elif found.rates.sheets:
            sheet = found.rates.sheets[-1]
            given = {
                "input_cost_per_token": sheet.input, "output_cost_per_token": sheet.output,
                "cache_read_input_token_cost": sheet.cache_read, "cache_creation_input_token_cost": sheet.cache_write,
            }  # fmt: skip
            known[model] = {name: rate / _PER_TOKEN for name, rate in given.items() if rate is not None}
            known[model] |= {"litellm_provider": found.rates.provider or "own", "mode": "chat"}
    return known


def _take_back(begun: Begun) -> None:
    """Remove a loop that was not started."""
    if begun.spec.tree is not None:
        with suppress(OrcError):
            trees.discard(begun.spec.tree)
    shutil.rmtree(begun.folder.path, ignore_errors=True)
