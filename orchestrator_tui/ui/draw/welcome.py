"""What an empty map says: what was found, what orc may do, and the key of each next step. Never a dead end."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from orchestrator_tui.text import line
from orchestrator_tui.ui.actions import BY_ID
from orchestrator_tui.ui.draw.ink import Line, Run, count_of, fit, line_of, width, wrapped
from orchestrator_tui.ui.keymap import DEFAULT, Keymap
from orchestrator_tui.ui.machine import Found

LABEL = 8
"""Columns of the labels at the left."""
MARGIN = 3
MAY = (
    "orc reads these files and your process table. It touches a process only for a key that you press or a rule in "
    "your settings, and writes to a client's files only for the hook, after showing the change. It sends nothing."
)


class Empty(Struct, frozen=True):
    """Why the map is empty."""

    filter: str = ""
    hidden: int = 0
    """Sessions that the filter hides."""
    known: int = 0
    """Sessions of the store, none of which is shown."""
    found: Found | None = None
    """None while that is being counted."""
    host: str = ""
    """What is wrong with the host; "" where one runs."""
    reading: str = ""
    """How far the reading of everything is; "" where nothing is read."""


def draw_empty(empty: Empty, columns: int, rows: int, keys: Keymap = DEFAULT) -> list[Line]:
    """So many lines at most: what matters most stays where there is little room."""
    margin = MARGIN if columns >= 60 else 1
    room = max(1, columns - 2 * margin)
    head, told, steps, notes = _parts(empty, room, keys)
    blank: Line = ()
    brief = _brief(empty, room) if not empty.filter else []
    for parts in ([head, told, steps, notes], [head, told, steps], [head, brief, steps], [head, steps]):
        kept = [part for part in parts if part]
        loose = [row for part in kept for row in (blank, *part)]
        tight = [row for part in kept for row in part]
        for lines in (loose, tight):
            if len(lines) <= rows:
                return [_indented(one, margin, columns) for one in lines]
    if rows > 2:
        return [_indented(one, margin, columns) for one in [*head[:1], *steps][:rows]]
    runs: list[Run] = [("nothing matches" if empty.filter else "no session yet", "strong bold")]
    for name in ("back", "filter") if empty.filter else ("help", "doctor", "demo"):
        key = keys.shown(name)
        if key:
            runs += [("  " + key, "key bold"), (" " + BY_ID[name].label, "text")]
    return [_indented(line_of(runs, room), margin, columns)][:rows]


def _indented(one: Line, margin: int, columns: int) -> Line:
    return line_of([(" " * margin, "text"), *one], columns)


def _parts(empty: Empty, room: int, keys: Keymap) -> tuple[list[Line], list[Line], list[Line], list[Line]]:
    """(what is the matter, what was found, what can be done, what orc may do)"""
    if empty.filter:
        word = line(empty.filter, 60)
        head = _text(f"Nothing matches {word}", "strong bold", room)
        hidden = _text(f"{count_of(empty.hidden, 'session')} hidden by the filter", "dim", room) if empty.hidden else []
        return head, hidden, _steps([("back", "take the filter away"), ("filter", "another word")], room, keys), []
    steps: list[tuple[str, str]] = []
    if empty.host:
        steps.append(("start-host", "start the host: without it nobody looks"))
    if empty.known:
        head = _text(f"All {count_of(empty.known, 'session')} ended some time ago", "strong bold", room)
        told = _text(empty.host, "waiting", room) if empty.host else []
        told += _text("Start an agent in any terminal: it is here within a second.", "text", room)
        steps += [("new", "begin a session here"), ("read-all", "read all that is on disk"), ("doctor", "what is off")]
        return head, told, _steps(steps, room, keys), []
    words = "There is no session yet" if room < 60 else "There is no session yet. Start an agent in any terminal"
    words += ": it is here within a second." if room >= 80 else "."
    head = _text(words, "strong bold", room)
    told = _found(empty, room)
    files, wide = empty.found.files if empty.found is not None else 0, room >= 84
    if not empty.host and not empty.reading and (files or empty.found is None):
        many = f"read all {files:,} transcripts" if files > 1 else "read everything"
        steps.append(("read-all", many + (" that are on this disk, not only the last days" if wide else "")))
    if empty.found is not None and empty.found.hook == "out":
        hook = "let orc answer Claude's permission requests: shows the change, then asks"
        steps.append(("hook", hook if wide else "answer Claude's requests here: asks first"))
    demo = "play the demo: a fleet at work, without key and network; it comes back here"
    steps += [("demo", demo if wide else "play the demo"), ("new", "begin a session here")]
    steps += [("doctor", "what was found, what is off"), ("help", "all keys and signs")]
    return head, told, _steps(steps, room, keys), _text(MAY, "dim", room, 4)


def _found(empty: Empty, room: int) -> list[Line]:
    found = empty.found
    rows: list[tuple[str, Sequence[Run]]] = []
    if found is None:
        rows.append(("found", [("looking at what is on this machine ...", "dim")]))
    else:
        name = max((len(place.client) for place in found.places), default=0)
        for place in found.places:
            count = count_of(place.files, "transcript") if place.files else "no transcript yet"
            count = count.replace(str(place.files), f"{place.files:,}", 1)
            recent = f", {place.recent:,} of the last 7 days" if place.files else ""
            runs: list[Run] = [(fit(place.client, name) + "  ", "strong"), (count + recent, "text")]
            rows.append(("found", [*runs, (f"  {line(place.path, 80)}", "dim")]))
        if not found.places:
            rows.append(("found", [("no agent that orc knows: " + ", ".join(found.absent), "waiting")]))
        elif found.absent:
            rows.append(("not", [(", ".join(found.absent), "dim")]))
        if not found.whole:
            rows.append(("", [("and more: it was not counted to the end", "dim")]))
        hooks = {
            "in": "installed: what Claude asks can be answered here",
            "out": "not installed: what Claude asks is answered in its own terminal",
        }
        if found.hook in hooks:
            rows.append(("hook", [(hooks[found.hook], "text")]))
    if empty.reading:
        rows.append(("reading", [(empty.reading, "working")]))
    rows.append(("host", [(empty.host or "runs, and looks", "waiting" if empty.host else "text")]))
    out: list[Line] = []
    before = ""
    for label, runs_ in rows:
        shown = label if label != before else ""
        before = label or before
        out.append(line_of([(fit(shown, LABEL), "dim"), *runs_], room))
    return out


def _brief(empty: Empty, room: int) -> list[Line]:
    """What was found, in one line, and what is wrong with the host in another."""
    found = empty.found
    out = _text(empty.host, "waiting", room, 1) if empty.host else []
    if empty.reading:
        out += _text(empty.reading, "working", room, 1)
    elif found is not None:
        places = [f"{place.client} {place.files:,}" for place in found.places if place.files]
        words = "found " + ", ".join(places) if places else "no transcripts found"
        out += _text(words + {"in": "; hook installed", "out": "; no hook"}.get(found.hook, ""), "dim", room, 1)
    return out


def _steps(steps: Sequence[tuple[str, str]], room: int, keys: Keymap) -> list[Line]:
    """A key and what it does, a line each; what has no key is done from the palette."""
    shown = [(keys.shown(name), words) for name, words in steps]
    shown = [(key, words) for key, words in shown if key]
    wide = max((width(key) for key, _ in shown), default=1)
    out = [line_of([(fit(key, wide), "key bold"), ("  " + words, "text")], room) for key, words in shown]
    return out or _text("every action: orc --help", "dim", room)


def _text(words: str, role: str, room: int, rows: int = 3) -> list[Line]:
    return [line_of([(part, role)], room) for part in wrapped(words, room, rows)]
