"""What the host announces: on the desktop, and by a command of the person's. Argument lists only, never a shell."""

from __future__ import annotations

import asyncio
import html
import os
import shutil
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from orchestrator_tui.clock import SECOND, Clock
from orchestrator_tui.config import Config, Notify
from orchestrator_tui.events import Event
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.notices import Notice, Notices, Wishes, is_quiet

PATIENCE = 10.0
"""Seconds that a program has for one notice."""
TO_DIE = 2.0
"""Seconds that are waited for what was killed."""
AT_ONCE = 4
"""Programs that run at the same time; a notice for which there is no room is left out."""
DESKTOP = "notify-send"


class Way(Struct, frozen=True):
    """One line of what would be used, for `orc doctor`."""

    state: Literal["ok", "note", "bad"]
    text: str
    fix: str | None = None


def wishes_of(settings: Notify) -> Wishes:
    """The settings as the decision needs them."""
    on = frozenset[str]() if settings.off else frozenset[str](settings.on)
    return Wishes(on, settings.quiet_minutes, int(settings.min_turn_seconds * SECOND))


def local_minute(now: int) -> int:
    """The minute of this machine's day, 0 to 1439."""
    moment = datetime.fromtimestamp(now // SECOND, UTC).astimezone()
    return moment.hour * 60 + moment.minute


# --- programs ------------------------------------------------------------------------------------------------


def desktop_arguments(program: str, notice: Notice) -> list[str]:
    """The argument list of `notify-send`, in which nothing of the notice is an option, markup or an escape."""
    # notify-send reads C escapes in the body before the desktop reads markup: `\074b\076` would be `<b>`.
    body = html.escape(notice.body, quote=False).replace("\\", "\\\\")
    urgency = "critical" if notice.severity == "red" else "normal"
    return [program, "--app-name=orc", f"--urgency={urgency}", "--", notice.title, body]


def fields(notice: Notice) -> dict[str, str | int]:
    """A notice as a command gets it."""
    return {
        "title": notice.title,
        "body": notice.body,
        "session": notice.session,
        "name": notice.name,
        "status": notice.status,
        "severity": notice.severity,
        "cause": notice.cause,
        "count": notice.count,
    }


def as_environment(notice: Notice) -> dict[str, str]:
    """The same as variables."""
    return {f"ORC_NOTICE_{name.upper()}": str(value) for name, value in fields(notice).items()}


def as_json(notice: Notice) -> bytes:
    """The same as one JSON object on a line."""
    return msgspec.json.encode({"schema": "orc.notice/1", **fields(notice)}) + b"\n"


def program_of(command: Sequence[str]) -> str | None:
    """Where the command's program is; None when it cannot be run."""
    return shutil.which(os.fspath(Path(command[0]).expanduser()) if command[0].startswith("~/") else command[0])


async def run_limited(
    arguments: Sequence[str], more: Mapping[str, str], given: bytes, seconds: float = PATIENCE
) -> str:
    """Run a program to its end with `given` on its input; returns what went wrong, "" when nothing did.

    After `seconds`, or when this is cancelled, it is killed with all that it started.
    """
    environment = {**os.environb, **{name.encode(): value.encode() for name, value in more.items()}}
    try:
        process = await asyncio.create_subprocess_exec(
            *(part.encode() for part in arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return f"cannot be started: {getattr(error, 'strerror', None) or error}"
    try:
        async with asyncio.timeout(seconds):
            await process.communicate(given)
    except TimeoutError:
        return f"took longer than {seconds:g} s and was killed"
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            with suppress(TimeoutError):
                async with asyncio.timeout(TO_DIE):
                    await process.wait()
    return f"ended with status {process.returncode}" if process.returncode else ""


class Notifier:
    """Announces while the host runs, whether or not a dashboard is open."""

    def __init__(self, settings: Notify, fleet: Fleet, clock: Clock, say: Callable[[str], None]) -> None:
        """`say` writes one line to the host's log."""
        self._settings, self._clock, self._say = settings, clock, say
        self._wanted = not settings.off and (settings.desktop or bool(settings.command))
        self._notices = Notices(wishes_of(settings), fleet, clock.now())
        self._said: set[str] = set()
        self._running = 0

    def see(self, fleet: Fleet, events: Sequence[Event]) -> None:
        """Take up what was appended and folded in just now."""
        if self._wanted:
            now = self._clock.now()
            self._notices.see(fleet, events, now, local_minute(now))

    def tell(self, start: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        """Announce what is due; `start` runs a program beside the host's loop."""
        for notice in self._notices.due(self._clock.now()) if self._wanted else ():
            self._announce(notice, start)

    def announce(self, notice: Notice, start: Callable[[Coroutine[Any, Any, None]], None]) -> int:
        """Announce what was decided elsewhere; returns by how many programs, 0 in quiet hours too."""
        quiet = is_quiet(self._settings.quiet_minutes, local_minute(self._clock.now()))
        return self._announce(notice, start) if self._wanted and not quiet else 0

    def _announce(self, notice: Notice, start: Callable[[Coroutine[Any, Any, None]], None]) -> int:
        begun = 0
        for work in self._ways(notice):
            if self._running >= AT_ONCE:
                work.close()
                self._say_once("notify", f"{AT_ONCE} programs are still at earlier notices; this one is left out")
                continue
            self._running += 1
            begun += 1
            start(work)
        return begun

    def _ways(self, notice: Notice) -> list[Coroutine[Any, Any, None]]:
        ways = []
        if self._settings.desktop:
            program = shutil.which(DESKTOP)
            if program is None:
                self._say_once("notify.desktop", f"{DESKTOP} is not on PATH")
            else:
                ways.append(self._run("notify.desktop", desktop_arguments(program, notice), {}, b""))
        if self._settings.command:
            program = program_of(self._settings.command)
            arguments = [program or self._settings.command[0], *self._settings.command[1:]]
            ways.append(self._run("notify.command", arguments, as_environment(notice), as_json(notice)))
        return ways

    async def _run(self, way: str, arguments: Sequence[str], more: Mapping[str, str], given: bytes) -> None:
        try:
            fault = await run_limited(arguments, more, given)
        finally:
            self._running -= 1
        if fault:
            self._say_once(way, f"{Path(arguments[0]).name} {fault}")

    def _say_once(self, way: str, fault: str) -> None:
        """Tell of a way that fails once while this host runs: it fails for every notice."""
        if way not in self._said:
            self._said.add(way)
            self._say(f"{way}: {fault}; not told again")


# --- what would be used --------------------------------------------------------------------------------------


def in_multiplexer(environment: Mapping[str, str]) -> bool:
    """Whether a multiplexer, which keeps OSC to itself, is between the dashboard and the terminal."""
    return bool(environment.get("TMUX") or environment.get("STY"))


def terminal_way(settings: Notify, environment: Mapping[str, str]) -> Literal["off", "osc9", "osc777", "bell"]:
    """How the dashboard's terminal is told besides its bell; `bell` where the sequence would not get through."""
    if settings.terminal != "off" and in_multiplexer(environment):
        through = settings.tmux_passthrough and environment.get("TMUX")
        return settings.terminal if through else "bell"
    return settings.terminal


def ways(config: Config, environment: Mapping[str, str]) -> list[Way]:
    """What would be used to announce, and what cannot be."""
    settings = config.notify
    if settings.off or not settings.on:
        return [Way("note", "switched off in the settings")]
    terminal = terminal_way(settings, environment)
    used = ["bell"] if settings.bell or terminal == "bell" else []
    used += [terminal] if terminal.startswith("osc") else []
    found = []
    if terminal == "bell":
        words = f"the bell in place of {settings.terminal}: a multiplexer is in between"
        found.append(Way("note", words, "[notify] tmux_passthrough = true, and in tmux `set -g allow-passthrough on`"))
    if settings.desktop:
        program = shutil.which(DESKTOP)
        if program is None:
            found.append(Way("bad", f"desktop: {DESKTOP} is not on PATH", "install libnotify, or use [notify] command"))
        else:
            used.append(program)
    if settings.command:
        program = program_of(settings.command)
        if program is None:
            found.append(Way("bad", f"command: {settings.command[0]} cannot be run", "name a program on PATH"))
        else:
            used.append(program)
    if (settings.desktop or settings.command) and config.host.idle_minutes:
        words = f"the host ends {config.host.idle_minutes:g} min after the last dashboard, and announces no more"
        found.append(Way("note", words, "[host] idle_minutes = 0 keeps it"))
    quiet = f", not {settings.quiet}" if settings.quiet else ""
    return [Way("ok", f"{', '.join(used) or 'nothing'}, on {', '.join(settings.on)}{quiet}"), *found]
