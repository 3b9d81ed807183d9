"""`orc loops`: what loops have done, at what price, with which odds; their work shown, merged, tidied away."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from orchestrator_tui import paths, private
from orchestrator_tui.cli.answer import give_json, give_table, say
from orchestrator_tui.clock import SystemClock, iso
from orchestrator_tui.errors import OrcError, UsageError
from orchestrator_tui.events import Facts
from orchestrator_tui.fleet import queueing
from orchestrator_tui.host.control.loops.looping import is_queued
from orchestrator_tui.host.control.loops.queue import waiting_of
from orchestrator_tui.loops import folder as folders
from orchestrator_tui.loops import spec as specs
from orchestrator_tui.loops import state as states
from orchestrator_tui.loops import trees
from orchestrator_tui.loops.folder import Folder
from orchestrator_tui.loops.meter import Meter
from orchestrator_tui.loops.spec import LoopSpec
from orchestrator_tui.loops.state import NANO, LoopState
from orchestrator_tui.text import age, clean, line

SCHEMA = "orc.loops/1"
ACTIONS = ("list", "diff", "merge", "clean", "stop", "go")
ENDS = 30.0
"""Seconds for a loop to end once it has been stopped."""
COLUMNS = (
    ("state", "left"), ("loop", "left"), ("name", "left"), ("agent", "left"), ("done", "right"), ("odds", "right"),
    ("spent", "right"), ("for", "right"), ("check", "last"),
)  # fmt: skip
STYLES = {"failed": "bold red", "budget": "yellow", "already": "bold red", "passed": "green", "lost": "yellow"}


class Seen(Struct):
    """One loop."""

    folder: Folder
    spec: LoopSpec
    state: LoopState
    runs: bool
    waits: str = ""
    """What it waits for; "" where it does not."""

    @property
    def word(self) -> str:
        """How it stands, in one word; `lost`: it has no runner now, and a host will start one."""
        word = "queued" if self.waits else self.state.word
        return "lost" if self.state.outcome is None and not self.runs and self.state.began_at else word


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument(
        "action", nargs="?", choices=ACTIONS, default="list",
        help="list (default); diff: what it changed; merge: into the checkout it came from; clean: remove working trees"
        " that are merged; stop; go: go on although the check passes",
    )  # fmt: skip
    parser.add_argument("loop", nargs="*", metavar="LOOP", help="an id, a unique part of it, or of its name")
    parser.add_argument("--why", metavar="TEXT", default="", help="the reason, for the loop's log")
    parser.add_argument("--json", action="store_true", help=f"one JSON object (schema {SCHEMA})")


def run(args: argparse.Namespace) -> int:
    """List loops, or act on some."""
    found = seen(paths.find().state_dir)
    if args.action == "list":
        chosen = [pick(found, name) for name in args.loop] if args.loop else found
        give_json({"schema": SCHEMA, "loops": list(map(loop_json, chosen))}) if args.json else give(chosen)
        return 0
    if not args.loop and args.action != "clean":
        raise UsageError(f"which loop? `orc loops {args.action} LOOP`; `orc loops` lists them")
    chosen = [pick(found, name) for name in args.loop] if args.loop else [one for one in found if one.spec.tree]
    act: dict[str, Callable[[Seen, str], int]] = {
        "diff": _diff, "merge": _merge, "clean": _clean, "stop": _stop, "go": _go,
    }  # fmt: skip
    return max((act[args.action](one, args.why) for one in chosen), default=0)


def loop_facts(args: argparse.Namespace, prompt: str) -> Facts:
    """What `orc run` asks the host for (verb `loop`); what is not given is left out."""
    given: Facts = {
        "agent": args.agent, "prompt": prompt, "cwd": str(Path(args.dir).resolve()), "model": args.model or None,
        "effort": args.effort or None, "title": args.name or None, "until": args.until, "score": args.score,
        "budget_usd": args.budget, "max_iterations": args.max, "minutes": args.minutes,
        "check_seconds": args.check_seconds, "worktree": args.worktree or None, "anyway": args.anyway or None,
        "command": specs.words(args.command, "--command"), "owner": args.owner,
        "ladder": [name for name in (args.ladder or "").split(",") if name.strip()] or None,
        "after": args.after, "at": args.at, "window": args.window, "max_parallel": args.max_parallel,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value not in (None, [], "")}


def loop_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `orc run` that are a loop's."""
    add = parser.add_argument
    add("--until", metavar="CMD", help="the check: run again and again until this command succeeds")
    add("--score", metavar="REGEX", help="its first group is the score in the check's output; higher is better")
    add("--check-seconds", metavar="S", type=float, help="what the check may take (default 600)")
    add("--max", metavar="N", type=int, help="at most so many iterations")
    add("--minutes", metavar="M", type=float, help="no longer than this")
    add("--worktree", action="store_true", help="in a git worktree of its own, with a commit for each iteration")
    add("--anyway", action="store_true", help="begin also where the check passes before any work")
    add("--command", metavar="CMD", help="with --agent command: the program; the prompt comes on its standard input")
    add("--ladder", metavar="M,M", help="models, the smallest first: what guards step along")
    add("--owner", metavar="WHO", help="who answers for it")
    add("--after", metavar="LOOP", action="append", help="only when that one has succeeded; may be repeated")
    add("--at", metavar="TIME", help="not before (ISO 8601)")
    add("--window", metavar="HH:MM-HH:MM", help="iterations begin only at these times of the day")
    add("--max-parallel", metavar="N", type=int, help="wait while so many loops run")


# --- looking ------------------------------------------------------------------------------------------------------


def seen(state_dir: Path) -> list[Seen]:
    """Every loop that can be read; of one that cannot, a line says why."""
    found = []
    for folder in folders.folders(state_dir):
        try:
            spec, state = specs.load(folder.spec), states.load(folder.state, folder.id)
        except OrcError as error:
            say(f"orc loops: {error}")
            continue
        meter = Meter(folder, spec)
        meter.refresh(state)
        meter.close()
        found.append(Seen(folder, spec, state, folder.runs))
    known = {one.spec.id: queueing.standing(one.state.outcome, bool(one.state.began_at) or one.runs) for one in found}
    now = SystemClock().now()
    for one in found:
        if is_queued(one.spec) and known[one.spec.id] == "waiting":
            one.waits = f"waits {queueing.waits_until(waiting_of(one.spec), known, now) or 'for a host'}"
    return found


def pick(found: list[Seen], name: str) -> Seen:
    """The loop that a person names. Raises OrcError when none fits, UsageError when several do."""
    wanted = name.removeprefix("loop:").casefold()
    fits = [one for one in found if one.folder.id == wanted]
    fits = fits or [one for one in found if wanted and one.folder.id.startswith(wanted)]
    fits = fits or [one for one in found if wanted and wanted in f"{one.folder.id} {clean(one.spec.title)}".casefold()]
    if not fits:
        raise OrcError(f"no loop is named {line(name, 80)!r}; `orc loops` lists them")
    if len(fits) > 1:
        some = ", ".join(one.folder.id for one in fits[:5])
        raise UsageError(f"{line(name, 80)!r} fits {len(fits)} loops: {some}; write more of it")
    return fits[0]


def give(found: list[Seen]) -> None:
    """Print them for people."""
    give_table(COLUMNS, [_row(one) for one in found])
    running = sum(one.runs for one in found)
    total = sum(one.state.cost for one in found) / NANO
    say(f"{len(found)} loops, {running} running, ${total:.2f}")


def loop_json(one: Seen) -> dict[str, Any]:
    """One loop as JSON."""
    spec, state = one.spec, one.state
    last, (better, tries) = state.last, state.odds()
    return {
        "id": spec.id, "session": f"loop:{spec.id}", "name": spec.title, "agent": spec.agent, "model": spec.model,
        "state": one.word, "words": state.words or one.waits or None, "running": one.runs, "directory": spec.work_dir,
        "branch": spec.tree.branch if spec.tree is not None else None, "until": spec.check_words or None,
        "iterations": len(state.iterations), "max_iterations": spec.max_iterations,
        "check": {"ok": last.ok, "score": last.score, "words": last.words} if last is not None else None,
        "best": max(state.scores(), default=None), "improved": better, "checks": tries,
        "odds": better / tries if tries else None, "cost_usd": state.cost / NANO, "unpriced_requests": state.unpriced,
        "budget_usd": spec.budget_usd, "owner": spec.owner or None, "why": spec.why or None,
        "began_at": iso(state.began_at) if state.began_at else None,
        "ended_at": iso(state.ended_at) if state.ended_at is not None else None,
        "sessions": [it.session for it in state.iterations],
    }  # fmt: skip


def _row(one: Seen) -> list[tuple[str, str]]:
    spec, state = one.spec, one.state
    (better, tries), last = state.odds(), state.last
    most = f"/{spec.max_iterations}" if spec.max_iterations is not None else ""
    budget = f" of ${spec.budget_usd:g}" if spec.budget_usd is not None else ""
    until = state.ended_at or SystemClock().now()
    return [
        (one.word, STYLES.get(one.word, "")),
        (spec.id, ""),
        (line(spec.title, 36), "bold"),
        (spec.agent, "dim"),
        (f"{len(state.iterations)}{most}", ""),
        (f"{better} of {tries}" if tries else "", ""),
        (f"{'≥ ' if state.unpriced else ''}${state.cost / NANO:.2f}{budget}" if spec.agent != "command" else "", ""),
        (age(until - state.began_at) if state.began_at else "", "dim"),
        (line(state.words or one.waits or (last.words if last is not None else ""), 160), ""),
    ]


# --- acting -------------------------------------------------------------------------------------------------------


def _diff(one: Seen, why: str) -> int:
    if one.spec.tree is None:
        raise OrcError(f"{one.folder.id} works in {line(one.spec.cwd, 120)} itself; `git diff` there shows its work")
    patch = trees.diff(one.spec.tree)
    if sys.stdout.isatty():
        sys.stdout.write(clean(patch.decode("utf-8", "replace")))
    else:
        sys.stdout.buffer.write(patch)
    return 0


def _merge(one: Seen, why: str) -> int:
    if one.spec.tree is None:
        raise OrcError(f"{one.folder.id} has no branch of its own; its work is in {line(one.spec.cwd, 120)} already")
    if one.runs or one.state.outcome is None:
        raise OrcError(f"{one.folder.id} has not ended; `orc loops stop {one.folder.id}` ends it")
    say(trees.merge(one.spec.tree, one.spec.title))
    return 0


def _clean(one: Seen, why: str) -> int:
    if one.spec.tree is None or trees.is_gone(one.spec.tree):
        return 0
    kept = "it has not ended" if one.runs or one.state.outcome is None else trees.clean(one.spec.tree)
    say(f"{one.folder.id}: {f'kept, {kept}' if kept else 'its working tree and branch are removed'}")
    return 0


def _stop(one: Seen, why: str) -> int:
    if one.state.outcome is not None and not one.runs:
        say(f"{one.folder.id}: {one.state.words}")
        return 0
    private.write_durably(one.folder.stop, line(why or "a person said so", 400).encode("utf-8", "replace"))
    end = time.monotonic() + ENDS
    while one.folder.runs and time.monotonic() < end:
        time.sleep(0.1)
    if not one.folder.runs and states.load(one.folder.state, one.folder.id).outcome is None:
        # Nobody runs it now: it ends what its last runner left, and says so.
        words = [sys.executable, "-P", "-m", "orchestrator_tui.loops.runner", str(one.folder.path)]
        subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=ENDS, check=False, cwd="/")
    state = states.load(one.folder.state, one.folder.id)
    say(f"{one.folder.id}: {state.words or 'it has not ended yet'}")
    return 0 if state.outcome is not None else 1


def _go(one: Seen, why: str) -> int:
    if not one.state.already:
        raise OrcError(f"{one.folder.id} does not wait for that: it is {one.word}")
    private.write_durably(one.folder.anyway, b"")
    say(f"{one.folder.id}: it goes on")
    return 0
