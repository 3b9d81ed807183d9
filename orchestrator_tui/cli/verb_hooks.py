"""`orc hooks`: let the dashboard answer the permission requests of Claude Code sessions that run in terminals.

It is the only verb that writes to a client's files (docs/contract.md §1): it shows what it would change, asks, keeps
a copy, and takes out exactly what it put in.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import time
from importlib import resources
from pathlib import Path

import msgspec
from msgspec import Struct

from orchestrator_tui import config, paths
from orchestrator_tui.cli.answer import give_json, say
from orchestrator_tui.clients.claude.hooks import Unusable, has_hook, with_hook, without_hook
from orchestrator_tui.errors import OrcError
from orchestrator_tui.host.control.callers import MARKS
from orchestrator_tui.paths import Paths, make_private

MARGIN = 10
"""Seconds that the client waits for the hook beyond what the hook waits for an answer."""


class Installed(Struct, frozen=True):
    """What was done, so that it can be taken back."""

    path: str
    put_in: str
    copy: str
    """Where the settings are kept as they were; "" where there were none."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("what", choices=("install", "remove", "status"), help="both changes are shown first, and asked")
    parser.add_argument("client", nargs="?", choices=("claude",), default="claude", help="default claude")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="for status: one JSON object (schema orc.hooks/1)")


def run(args: argparse.Namespace) -> int:
    """Install, remove, or say how it stands."""
    place = paths.find()
    settings = _settings()
    text = _read(settings)
    script = place.state_dir / "hooks" / "permission.sh"
    try:
        there = has_hook(text, str(script))
        if args.what == "status":
            return _status(settings, script, there, args.json)
        _refuse_agents()
        record = _record(place)
        if args.what == "install":
            if there:
                _write_script(script)
                say(f"the hook is in {settings} already")
                return 0
            seconds = int(config.load(place.config).control.hook_wait_seconds) + MARGIN
            new, put_in = with_hook(text, str(script), str(place.spool), seconds)
        else:
            if not there:
                say(f"no hook of orc's is in {settings}")
                return 0
            new, put_in = without_hook(text, record.put_in if record is not None else "", str(script)), ""
    except Unusable as error:
        raise OrcError(f"{settings} cannot be edited: {error}; nothing was changed") from error
    _agree(settings, text, new, args.yes)
    if args.what == "install":
        _write_script(script)
        copy = _keep(place, settings, text)
        data = msgspec.json.encode(Installed(str(settings), put_in, copy))
        _replace(script.with_name("claude.json"), data, 0o600)
    _write(settings, new, record if args.what == "remove" else None)
    done = "is in" if args.what == "install" else "is out of"
    say(f"the hook {done} {settings}; sessions that start from now on " + ("use it" if put_in else "do without it"))
    return 0


def _status(settings: Path, script: Path, there: bool, as_json: bool) -> int:
    if as_json:
        give_json({"schema": "orc.hooks/1", "client": "claude", "settings": str(settings), "installed": there})
    elif there and not script.exists():
        say(f"claude: {settings} names {script}, which is gone; `orc hooks install claude` makes it anew")
        return 1
    else:
        print(f"claude: {'installed in' if there else 'not in'} {settings}")
    return 0


def _refuse_agents() -> None:
    inside = next((client for name, client in MARKS.items() if name in os.environ), None)
    if inside is not None:
        raise OrcError(f"agents may look, not rule: this was asked from inside {inside}")


def _agree(settings: Path, old: str, new: str, yes: bool) -> None:
    """Show the difference and wait for a yes. Raises OrcError without one."""
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), f"{settings} (now)", f"{settings} (then)"
    )
    say("".join(line if line.endswith("\n") else line + "\n" for line in lines).rstrip())
    if yes:
        return
    if not sys.stdin.isatty():
        raise OrcError("nothing was changed; --yes agrees to it")
    sys.stderr.write(f"write {settings}? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().casefold() not in ("y", "yes"):
        raise OrcError("nothing was changed")


def _settings() -> Path:
    own = os.environ.get("CLAUDE_CONFIG_DIR")
    directory = Path(own) if own else Path(os.environ.get("HOME") or "~").expanduser() / ".claude"
    return (directory / "settings.json").resolve()


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise OrcError(f"cannot read {path}: {error}") from error


def _record(place: Paths) -> Installed | None:
    try:
        return msgspec.json.decode((place.state_dir / "hooks" / "claude.json").read_bytes(), type=Installed)
    except (OSError, msgspec.DecodeError):
        return None


def _keep(place: Paths, settings: Path, text: str) -> str:
    if not settings.exists():
        return ""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    copy = place.state_dir / "hooks" / f"claude-settings-{stamp}.json"
    _replace(copy, text.encode(), 0o600)
    return str(copy)


def _write_script(script: Path) -> None:
    make_private(script.parent)
    _replace(script, resources.files("orchestrator_tui.clients.claude").joinpath("permission.sh").read_bytes(), 0o700)


def _write(settings: Path, text: str, record: Installed | None) -> None:
    """Put the settings in place; a file that was made for the hook alone goes with it."""
    if not text and record is not None and not record.copy:
        settings.unlink()
        return
    mode = settings.stat().st_mode & 0o777 if settings.exists() else 0o600
    settings.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _replace(settings, text.encode(), mode)


def _replace(path: Path, data: bytes, mode: int) -> None:
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        with os.fdopen(fd, "wb") as file:
            os.fchmod(fd, mode)
            file.write(data)
        new.rename(path)
    except OSError as error:
        raise OrcError(f"cannot write {path}: {error.strerror}") from error
