"""`orc store`: what is kept, whether it holds together, a copy of it, and what is let go of."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

import msgspec

from orchestrator_tui import config, paths
from orchestrator_tui.cli.answer import give_json, give_table, say
from orchestrator_tui.cli.asking import asked
from orchestrator_tui.clock import SystemClock, iso
from orchestrator_tui.errors import HostRunning, OrcError
from orchestrator_tui.events import Facts
from orchestrator_tui.host.lock import holder_of
from orchestrator_tui.host.run import prune_once
from orchestrator_tui.paths import Paths
from orchestrator_tui.store import upkeep
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.text import line


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    words = parser.add_subparsers(dest="what", metavar="stats|verify|backup|prune", required=True)
    stats = words.add_parser("stats", help="how much is kept, of what, since when")
    verify = words.add_parser("verify", help="whether pages, events, sums and counts hold together; status 1 if not")
    verify.add_argument("--deep", action="store_true", help="also fold every event anew")
    backup = words.add_parser("backup", help="a complete copy, also while a host runs")
    backup.add_argument("file", type=Path, metavar="FILE", help="a new file; nothing is overwritten")
    prune = words.add_parser(
        "prune", help="let go of texts past their age or over the size cap ([store] in the config)"
    )
    for child, schema in ((stats, "stats"), (verify, "verify"), (backup, "backup"), (prune, "prune")):
        child.add_argument("--json", action="store_true", help=f"one JSON object (schema orc.store.{schema}/1)")


def run(args: argparse.Namespace) -> int:
    """Do one of them."""
    place = paths.find()
    return {"stats": _stats, "verify": _verify, "backup": _backup, "prune": _prune}[args.what](place, args)


def _stats(place: Paths, args: argparse.Namespace) -> int:
    with Reader(place.database) as reader:
        held = upkeep.stats(reader)
    if args.json:
        value: dict[str, Any] = msgspec.to_builtins(held)
        times = {name: iso(value[name]) if value[name] else None for name in ("first_at", "last_at", "texts_from")}
        complete = held.texts_from if held.texts_from is not None else held.first_at
        times["replay_complete_from"] = iso(complete) if complete is not None else None
        give_json({"schema": "orc.store.stats/1", **value, **times})
        return 0
    span = f"{iso(held.first_at)} to {iso(held.last_at or 0)}" if held.first_at is not None else "nothing yet"
    free = f", {_size(held.free_bytes)} of it free" if held.free_bytes else ""
    sizes = f"{_size(held.bytes)}{free}, log {_size(held.log_bytes)}, schema {held.schema_version}"
    print(f"{line(held.path, 400)}: {sizes}")
    print(f"{held.events} events, {held.sessions} sessions, {held.responses} responses, {span}")
    print(f"{held.snapshots} snapshots, {_size(held.snapshot_bytes)}")
    print(_complete(held))
    if held.transcripts_gone:
        print(f"{held.transcripts_gone} transcripts were deleted by their clients; what they said is kept here")
    columns = (("type", "left"), ("events", "right"), ("size", "right"))
    give_table(columns, [[(one.type, ""), (str(one.events), ""), (_size(one.bytes), "")] for one in held.types])
    return 0


def _complete(held: upkeep.Stats) -> str:
    """From when on replay says all that was said then."""
    if held.texts_from is None:
        return "replay is complete for the whole time: all texts that were taken up are kept"
    return (
        f"replay is complete from {iso(held.texts_from)}; of what began before, events, money and decisions are all "
        "there, but texts are pruned, and what was told from their words may be missing"
    )


def _verify(place: Paths, args: argparse.Namespace) -> int:
    with Reader(place.database) as reader:
        found = upkeep.verify(reader, deep=args.deep)
    if args.json:
        give_json({"schema": "orc.store.verify/1", "ok": not found, "findings": found})
    else:
        for words in found:
            print(line(words, 400))
        if not found:
            print("ok: pages, events, sums and counts hold together")
    return 1 if found else 0


def _backup(place: Paths, args: argparse.Namespace) -> int:
    written = upkeep.backup(place.database, args.file.absolute())
    if args.json:
        give_json({"schema": "orc.store.backup/1", "file": str(args.file.absolute()), "bytes": written})
    else:
        print(line(f"{args.file}: {_size(written)}", 400))
    return 0


def _prune(place: Paths, args: argparse.Namespace) -> int:
    settings = config.load(place.config)
    if not place.database.exists():
        raise OrcError(f"nothing stored yet in {place.database.parent}")
    done: Facts
    if holder_of(place.host_lock) is None:
        try:
            done = asyncio.run(prune_once(place, settings, SystemClock().now()))
        except HostRunning:
            done = asyncio.run(_ask(place))
    else:
        done = asyncio.run(_ask(place))
    if not (settings.store.output_days or settings.store.text_days):
        say("orc store prune: no ages are set ([store] output_days, text_days): only the size cap holds")
    if int(str(done["bytes"])) > settings.store.max_bytes:
        cap = _size(settings.store.max_bytes)
        say(f"orc store prune: still over the cap of {cap}: what is left is never let go of ([store] max_bytes)")
    if args.json:
        give_json({"schema": "orc.store.prune/1", **done})
    else:
        print(
            f"{done['outputs']} outputs and {done['texts']} other texts let go of; {_size(int(str(done['bytes'])))} now"
        )
    return 0


async def _ask(place: Paths) -> Facts:
    ended = await asked(place, "prune", {}, "orc store prune")
    if ended.outcome != "done":
        raise OrcError(f"the host refused: {ended.text}")
    return ended.receipt


def _size(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"
