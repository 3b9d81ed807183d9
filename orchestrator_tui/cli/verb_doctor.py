"""`orc doctor`: what was found, what is off, and how to fix it."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import PurePath

from orchestrator_tui import __version__, config, paths
from orchestrator_tui.cli.answer import give_json, give_table
from orchestrator_tui.cli.findings import Finding, recognised
from orchestrator_tui.cli.findings import found as say
from orchestrator_tui.clients import ALL
from orchestrator_tui.clients.base import FileRef
from orchestrator_tui.clients.listing import Listing
from orchestrator_tui.clock import DAY, SystemClock
from orchestrator_tui.errors import ConfigError, OrcError
from orchestrator_tui.host import price_files
from orchestrator_tui.host.lock import holder_of
from orchestrator_tui.host.notify import ways
from orchestrator_tui.host.procfs import same_start, table
from orchestrator_tui.host.reading import Job, read
from orchestrator_tui.host.roots import find_roots
from orchestrator_tui.paths import Paths
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.schema import NETWORK, SCHEMA_VERSION, filesystem
from orchestrator_tui.text import age

LITTLE = 500_000_000
"""Bytes free, below which little can be stored."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("--json", action="store_true", help="one JSON object (schema orc.doctor/1)")


def run(args: argparse.Namespace) -> int:
    """Look at everything; exit status 1 when something is broken."""
    place = paths.find()
    findings = examine(place)
    if args.json:
        give_json({"schema": "orc.doctor/1", "version": __version__, "findings": findings})
    else:
        marks = {"ok": ("✓", "green"), "note": ("·", "dim"), "bad": ("╳", "bold red")}
        rows = []
        for f in findings:
            mark, style = marks[f.state]
            text = f.text + (f"  →  {f.fix}" if f.fix else "")
            rows.append([(mark, style), (f.about, "dim"), (text, style if f.state == "bad" else "")])
        give_table((("", "left"), ("", "left"), ("", "last")), rows)
    return 1 if any(f.state == "bad" for f in findings) else 0


def examine(place: Paths) -> list[Finding]:
    """Everything that `orc doctor` knows to ask."""
    settings, found = config.Config(), [say("orc", version=__version__, python=sys.version.split()[0])]
    try:
        settings = config.load(place.config)
        found.append(say("settings.read" if place.config.exists() else "settings.none", file=place.config))
    except ConfigError as error:
        found.append(say("settings.wrong", error=error))
    found += _places(place) + _store(place, settings) + _host(place) + _clients(place, settings)
    found += [recognised("prices", None, note) for note in price_files.load(settings.prices).notes]
    found += _terminal()
    found += [recognised("notify", way.state, way.text, way.fix) for way in ways(settings, os.environ)]
    return found


def _places(place: Paths) -> list[Finding]:
    found = []
    home = "ORC_HOME" if os.environ.get("ORC_HOME") else "the platform's own place"
    for name, directory in (("state", place.state_dir), ("run", place.run_dir)):
        if not directory.exists():
            found.append(say("place.new", name, directory=directory, home=home))
        elif not os.access(directory, os.W_OK | os.X_OK):
            found.append(say("place.read-only", name, directory=directory))
        elif directory.stat().st_mode & 0o077:
            found.append(say("place.open", name, directory=directory))
        else:
            found.append(say("place.ok", name, directory=directory, home=home))
    kind = filesystem(place.state_dir if place.state_dir.exists() else place.state_dir.parent)
    if kind in NETWORK:
        found.append(say("disk.network", kind=kind))
    return found


def _store(place: Paths, settings: config.Config) -> list[Finding]:
    if place.state_dir.exists() and not os.access(place.state_dir, os.R_OK | os.X_OK):
        return [say("store.unusable", error=f"{place.state_dir} may not be read")]
    found = [
        say("store.kept", name=kept.name)
        for kept in sorted(place.state_dir.glob("events.db.damaged-*"))
        if not kept.name.endswith(("-wal", "-shm"))
    ]
    if not place.database.exists():
        return [*found, say("store.none")]
    try:
        with Reader(place.database) as reader:
            ((count,),) = reader.query("SELECT count(*) FROM events")
            ((sessions,),) = reader.query("SELECT count(*) FROM sessions")
            health = reader.check()
    except OrcError as error:
        return [*found, say("store.unusable", error=error)]
    size = place.database.stat().st_size
    counts = f"{count} events of {sessions} sessions, {size / 1e6:.1f} MB, schema {SCHEMA_VERSION}"
    if health != "ok":
        return [*found, say("store.damaged", counts=counts, pages=health)]
    if place.database.stat().st_mode & 0o077:
        found.append(say("store.open", file=place.database))
    free = shutil.disk_usage(place.state_dir).free
    if free < LITTLE:
        found.append(say("disk.full", megabytes=f"{free / 1e6:.0f}"))
    return [*found, say("store.ok", counts=counts, gigabytes=f"{settings.store.max_bytes / 1e9:.0f}")]


def _host(place: Paths) -> list[Finding]:
    holder = holder_of(place.host_lock)
    if holder is None:
        return [say("host.none")]
    if holder.version != __version__:
        return [say("host.other", pid=holder.pid, version=holder.version)]
    return [say("host.ok", pid=holder.pid, age=age(SystemClock().now() - holder.since))]


def _clients(place: Paths, settings: config.Config) -> list[Finding]:
    found, now, processes = [], SystemClock().now(), table()
    roots = find_roots(place, settings)
    for client in ALL:
        name = client.name
        if name in settings.clients.off:
            found.append(say("client.off", name))
            continue
        if not roots.get(name):
            found.append(say("client.none", name))
        for root in roots.get(name, ()):
            listing = Listing()
            refs = list(client.discover(root, listing, now))
            files = [ref for ref in refs if ref.kind == "lines"]
            databases = [ref for ref in refs if ref.kind == "database"]
            recent = sum(_written(f.path) > now - 7 * DAY for f in files)
            running = 0
            for claim in client.claims(root, listing, now):
                stat = processes.stat(claim.pid)
                running += stat is not None and same_start(stat, claim.started)
            words = f"{len(files)} transcripts, {recent} of the last 7 days"
            if databases:
                words = ", ".join(PurePath(ref.path).name for ref in databases)
            words += f", {running} running" if running else ""
            found.append(say("client.ok", name, directory=root, files=words))
            if not os.access(root, os.R_OK | os.X_OK):
                found.append(say("client.unreadable", name, path=root))
            found += [finding for ref in databases if (finding := _database(ref, now)) is not None]
    if not any(finding.code == "client.ok" and finding.about not in ("loop", "log") for finding in found):
        found.append(say("client.nobody"))
    known = {client.name for client in ALL}
    for setting, given in (("off", settings.clients.off), ("roots", settings.clients.roots)):
        found += [
            say("client.unknown", name, setting=setting, name=name, clients=", ".join(sorted(known)))
            for name in sorted(set(given) - known)
        ]
    return found


def _database(ref: FileRef, now: int) -> Finding | None:
    """Whether a client's database can be read as the host reads it."""
    step = read(Job(ref, None, now))
    if step is None:
        return say("client.unreadable", ref.client, path=ref.path)
    return say("client.database", ref.client, path=ref.path, why=step.trouble) if step.trouble else None


def _terminal() -> list[Finding]:
    term, colour = os.environ.get("TERM", ""), os.environ.get("COLORTERM", "")
    if os.environ.get("NO_COLOR") or term == "dumb":
        depth = "no colour, as asked"
    elif colour in ("truecolor", "24bit"):
        depth = "16 million colours"
    elif "256" in term:
        depth = "256 colours"
    else:
        depth = "16 colours"
    depth += ", in tmux" if os.environ.get("TMUX") else ""
    found = [say("terminal.ok", term=term or "unset", colours=depth)]
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding != "utf8":
        found.append(say("terminal.encoding", encoding=encoding or "unknown"))
    if term and not colour and "256" in term:
        found.append(say("terminal.colours"))
    return found


def _written(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
