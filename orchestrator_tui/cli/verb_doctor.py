"""`orc doctor`: what was found, what is off, and how to fix it."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import PurePath
from typing import Literal

from msgspec import Struct

from orchestrator_tui import __version__, config, paths
from orchestrator_tui.cli.answer import give_json, give_table
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

State = Literal["ok", "note", "bad"]


class Finding(Struct, frozen=True):
    """One line of the report."""

    about: str
    state: State
    text: str
    fix: str | None = None


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
    settings, found = (
        config.Config(),
        [Finding("orc", "ok", f"{__version__}, Python {sys.version.split()[0]}")],
    )
    try:
        settings = config.load(place.config)
        state = "as set there" if place.config.exists() else "no file: the defaults are in force"
        found.append(Finding("settings", "ok", f"{place.config}: {state}"))
    except ConfigError as error:
        found.append(Finding("settings", "bad", str(error)))
    found += _state(place) + _store(place, settings) + _host(place) + _clients(place, settings)
    found += _prices(settings) + _terminal()
    found += [Finding("notify", way.state, way.text, way.fix) for way in ways(settings, os.environ)]
    return found


def _state(place: Paths) -> list[Finding]:
    found = []
    home = "ORC_HOME" if os.environ.get("ORC_HOME") else "the platform's own place"
    for name, directory in (("state", place.state_dir), ("run", place.run_dir)):
        if not directory.exists():
            found.append(Finding(name, "note", f"{directory} ({home}): not made yet"))
            continue
        status = directory.stat()
        if not os.access(directory, os.W_OK | os.X_OK):
            found.append(Finding(name, "bad", f"{directory} may not be written", "change its mode, or set ORC_HOME"))
        elif status.st_mode & 0o077:
            found.append(Finding(name, "bad", f"{directory} is open to others", f"chmod 700 {directory}"))
        else:
            found.append(Finding(name, "ok", f"{directory} ({home})"))
    kind = filesystem(place.state_dir if place.state_dir.exists() else place.state_dir.parent)
    if kind in NETWORK:
        found.append(Finding("disk", "bad", f"{kind} is a network file system", "set ORC_HOME to a local directory"))
    return found


def _store(place: Paths, settings: config.Config) -> list[Finding]:
    found = [
        Finding("store", "note", f"a damaged store was kept: {kept.name}", "remove it when you do not need it")
        for kept in sorted(place.state_dir.glob("events.db.damaged-*"))
        if not kept.name.endswith(("-wal", "-shm"))
    ]
    if not place.database.exists():
        return [*found, Finding("store", "note", "nothing stored yet", "`orc host` starts watching")]
    try:
        with Reader(place.database) as reader:
            ((count,),) = reader.query("SELECT count(*) FROM events")
            ((sessions,),) = reader.query("SELECT count(*) FROM sessions")
            health = reader.check()
    except OrcError as error:
        return [
            *found,
            Finding("store", "bad", str(error), "the next host sets it aside and starts a fresh one"),
        ]
    size = place.database.stat().st_size
    words = f"{count} events of {sessions} sessions, {size / 1e6:.1f} MB, schema {SCHEMA_VERSION}"
    if health != "ok":
        return [
            *found,
            Finding("store", "bad", f"{words}; damaged: {health}", "the next host starts a fresh one beside it"),
        ]
    if place.database.stat().st_mode & 0o077:
        found.append(Finding("store", "bad", "others may read it", f"chmod 600 {place.database}"))
    free = shutil.disk_usage(place.state_dir).free
    if free < 500_000_000:
        found.append(
            Finding("disk", "bad", f"only {free / 1e6:.0f} MB free", "make room: nothing can be stored without")
        )
    return [*found, Finding("store", "ok", f"{words}, cap {settings.store.max_bytes / 1e9:.0f} GB")]


def _host(place: Paths) -> list[Finding]:
    holder = holder_of(place.host_lock)
    if holder is None:
        return [Finding("host", "note", "not running: nobody looks", "`orc host` starts it")]
    if holder.version != __version__:
        text = f"pid {holder.pid} runs version {holder.version}"
        return [Finding("host", "bad", text, "`orc host stop`, then `orc host`")]
    return [Finding("host", "ok", f"pid {holder.pid}, for {age(SystemClock().now() - holder.since)}")]


def _clients(place: Paths, settings: config.Config) -> list[Finding]:
    found, now, processes = [], SystemClock().now(), table()
    roots = find_roots(place, settings)
    for client in ALL:
        if client.name in settings.clients.off:
            found.append(Finding(client.name, "note", "switched off in the settings"))
            continue
        if not roots.get(client.name):
            found.append(Finding(client.name, "note", "no files of it on this machine"))
        for root in roots.get(client.name, ()):
            listing = Listing()
            refs = list(client.discover(root, listing, now))
            files = [ref for ref in refs if ref.kind == "lines"]
            databases = [ref for ref in refs if ref.kind == "database"]
            recent = sum(_written(f.path) > now - 7 * DAY for f in files)
            running = 0
            for claim in client.claims(root, listing, now):
                stat = processes.stat(claim.pid)
                running += stat is not None and same_start(stat, claim.started)
            words = f"{root}: {len(files)} transcripts, {recent} of the last 7 days"
            if databases:
                words = f"{root}: {', '.join(PurePath(ref.path).name for ref in databases)}"
            found.append(Finding(client.name, "ok", words + (f", {running} running" if running else "")))
            if not os.access(root, os.R_OK | os.X_OK):
                found.append(Finding(client.name, "bad", f"{root} may not be read", "run orc as the user who owns it"))
            found += [finding for ref in databases if (finding := _database(ref, now)) is not None]
    unknown = sorted(set(settings.clients.roots) - {c.name for c in ALL})
    found += [Finding(name, "bad", f"[clients.roots] names an unknown client: {name}") for name in unknown]
    return found


def _database(ref: FileRef, now: int) -> Finding | None:
    """Whether a client's database can be read as the host reads it."""
    step = read(Job(ref, None, now))
    if step is None:
        return Finding(ref.client, "bad", f"{ref.path} may not be read", "run orc as the user who owns it")
    if not step.trouble:
        return None
    return Finding(ref.client, "bad", f"{ref.path} cannot be read: {step.trouble}", "the host tries again")


def _prices(settings: config.Config) -> list[Finding]:
    """Which price tables are there, and what keeps one from being read."""
    bad = ("cannot be read", "was not found")
    notes = price_files.load(settings.prices).notes
    return [Finding("prices", "bad" if any(word in note for word in bad) else "ok", note) for note in notes]


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
    found = [Finding("terminal", "ok", f"{term or 'unset'}, {depth}" + (", in tmux" if os.environ.get("TMUX") else ""))]
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding != "utf8":
        found.append(
            Finding("terminal", "bad", f"its encoding is {encoding or 'unknown'}", "set LANG to a UTF-8 locale")
        )
    if term and not colour and "256" in term:
        found.append(Finding("terminal", "note", "COLORTERM is unset", "export COLORTERM=truecolor if it can do more"))
    return found


def _written(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
