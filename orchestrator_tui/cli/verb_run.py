"""`orc run`: start a session under orc's own hand, or with a check or a number of tries a loop of them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from orchestrator_tui.cli.commanding import add_common, give, run_one
from orchestrator_tui.cli.verb_loops import loop_arguments, loop_facts
from orchestrator_tui.errors import UsageError
from orchestrator_tui.events import Facts

AGENTS = ("claude", "codex", "opencode", "gemini", "builtin", "command")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("spec", metavar="SPEC", help="a file if there is one of that name, - for stdin, else the text")
    parser.add_argument("--agent", choices=AGENTS, default="claude", help="which client (default claude)")
    parser.add_argument("--model", metavar="M", default="", help="the client's own name of a model")
    parser.add_argument("--effort", metavar="E", default="", help="how much it shall think, in the client's words")
    parser.add_argument("--name", metavar="TEXT", default="", help="its title on the map")
    parser.add_argument("--budget", metavar="USD", type=float, help="what it may cost, its sub-agents included")
    parser.add_argument("--dir", metavar="DIR", default=".", help="where it works (default: here)")
    loop_arguments(parser)
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the host for it, and say which session it is."""
    prompt = spec_of(args.spec)
    if args.until or args.max or args.command:
        return _answer("loop", args, loop_facts(args, prompt))
    wanted: Facts = {
        "agent": args.agent,
        "prompt": prompt,
        "cwd": str(Path(args.dir).resolve()),
        "model": args.model,
        "effort": args.effort,
        "title": args.name,
    }
    if args.budget is not None:
        wanted["budget_usd"] = args.budget
    return _answer("run", args, wanted)


def _answer(verb: str, args: argparse.Namespace, wanted: Facts) -> int:
    ended = run_one(verb, args, wanted)
    session = ended.receipt.get("session")
    give(verb, session if isinstance(session, str) else None, ended, args.json)
    return 0 if ended.outcome == "done" else 1


def spec_of(spec: str) -> str:
    """What is to be done. Raises UsageError when it cannot be read, or is nothing."""
    try:
        if spec == "-":
            text = sys.stdin.read()
        else:
            path = Path(spec)
            text = path.read_text(encoding="utf-8") if len(spec) < 4096 and path.is_file() else spec
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {spec}: {error}") from error
    if not text.strip():
        raise UsageError("there is nothing to do: the spec is empty")
    return text
