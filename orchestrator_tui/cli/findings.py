"""Everything that `orc doctor` can say, each once; docs/troubleshooting.md explains every one of them."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

State = Literal["ok", "note", "bad"]


class Finding(Struct, frozen=True):
    """One line of the report."""

    about: str
    state: State
    text: str
    fix: str | None = None
    code: str = ""
    """Which of KNOWN it is."""


class Known(Struct, frozen=True):
    """What can be said, with {names} for what differs."""

    about: str
    state: State
    text: str
    fix: str | None = None


KNOWN: dict[str, Known] = {
    "orc": Known("orc", "ok", "{version}, Python {python}"),
    "settings.read": Known("settings", "ok", "{file}: as set there"),
    "settings.none": Known("settings", "ok", "{file}: no file: the defaults are in force"),
    "settings.wrong": Known("settings", "bad", "{error}"),
    "place.new": Known("{about}", "note", "{directory} ({home}): not made yet"),
    "place.read-only": Known(
        "{about}", "bad", "{directory} may not be written", "change its mode or owner, or set ORC_HOME"
    ),
    "place.open": Known("{about}", "bad", "{directory} is open to others", "chmod 700 {directory}"),
    "place.ok": Known("{about}", "ok", "{directory} ({home})"),
    "disk.network": Known("disk", "bad", "{kind} is a network file system", "set ORC_HOME to a local directory"),
    "disk.full": Known("disk", "bad", "only {megabytes} MB free", "make room: nothing can be stored without"),
    "store.kept": Known("store", "note", "a damaged store was kept: {name}", "remove it when you do not need it"),
    "store.none": Known("store", "note", "nothing stored yet", "`orc host` starts watching"),
    "store.unusable": Known("store", "bad", "{error}"),
    "store.damaged": Known(
        "store", "bad", "{counts}; damaged: {pages}", "the next host keeps it aside and starts a fresh one"
    ),
    "store.open": Known("store", "bad", "others may read it", "chmod 600 {file}"),
    "store.ok": Known("store", "ok", "{counts}, cap {gigabytes} GB"),
    "host.none": Known("host", "note", "not running: nobody looks", "`orc host` starts it"),
    "host.other": Known("host", "bad", "pid {pid} runs version {version}", "`orc host stop`, then `orc host`"),
    "host.ok": Known("host", "ok", "pid {pid}, for {age}"),
    "client.nobody": Known(
        "clients", "note", "no agent has run here yet", "`orc demo` shows a small fleet; any agent can write open logs"
    ),
    "client.off": Known("{about}", "note", "switched off in the settings"),
    "client.none": Known("{about}", "note", "no files of it on this machine"),
    "client.ok": Known("{about}", "ok", "{directory}: {files}"),
    "client.unreadable": Known("{about}", "bad", "{path} may not be read", "run orc as the user who owns it"),
    "client.database": Known("{about}", "bad", "{path} cannot be read: {why}", "the host tries again"),
    "client.unknown": Known(
        "{about}", "bad", "[clients.{setting}] names an unknown client: {name}", "the clients are {clients}"
    ),
    "prices.litellm": Known("prices", "ok", "litellm {version}, installed {day}: {count} entries"),
    "prices.orc": Known("prices", "ok", "orc {day}: {count} {what}"),
    "prices.own": Known("prices", "ok", "config: {count} models"),
    "prices.no-map": Known(
        "prices", "bad", "litellm's price map was not found: only retired models and your own have a price",
        "reinstall orc with its dependencies",
    ),
    "prices.bad-map": Known("prices", "bad", "litellm's price map cannot be read: {error}; reinstall litellm ({file})"),
    "prices.bad-table": Known(
        "prices", "bad", "the table of {what} cannot be read: {error}; reinstall orchestrator-tui ({file})"
    ),
    "terminal.ok": Known("terminal", "ok", "{term}, {colours}"),
    "terminal.encoding": Known("terminal", "bad", "its encoding is {encoding}", "set LANG to a UTF-8 locale"),
    "terminal.colours": Known(
        "terminal", "note", "COLORTERM is unset", "export COLORTERM=truecolor if it can do more"
    ),
    "notify.off": Known("notify", "note", "switched off in the settings"),
    "notify.bell": Known(
        "notify", "note", "the bell in place of {what}: a multiplexer is in between",
        "[notify] tmux_passthrough = true, and in tmux `set -g allow-passthrough on`",
    ),
    "notify.desktop": Known(
        "notify", "bad", "desktop: notify-send is not on PATH", "install libnotify, or use [notify] command"
    ),
    "notify.command": Known("notify", "bad", "command: {program} cannot be run", "name a program on PATH"),
    "notify.ends": Known(
        "notify", "note", "the host ends {minutes} min after the last dashboard, and announces no more",
        "[host] idle_minutes = 0 keeps it",
    ),
    "notify.ok": Known("notify", "ok", "{ways}, on {what}"),
}  # fmt: skip
"""Code -> what it says."""


def found(code: str, about: str = "", **values: object) -> Finding:
    """What is said of one of KNOWN."""
    known = KNOWN[code]
    words = {name: str(value) for name, value in values.items()}
    fix = known.fix.format(**words) if known.fix else None
    return Finding(about or known.about, known.state, known.text.format(**words), fix, code)


def recognised(about: str, state: State | None, text: str, fix: str | None = None) -> Finding:
    """What another room said, as the one of KNOWN that it is; `state` and `fix` are its own where it has them."""
    for code, known in KNOWN.items():
        pattern = re.sub(r"\\\{\w+\\\}", "(.+)", re.escape(known.text))
        if known.about == about and state in (None, known.state) and re.fullmatch(pattern, text, re.DOTALL):
            return Finding(about, known.state, text, fix or known.fix, code)
    return Finding(about, state or "note", text, fix)
