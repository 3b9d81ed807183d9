"""The real program in a terminal: hostile text never reaches it, it costs nothing when idle, it tidies up (T1 to T7, T20)."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from typing import Any

import pytest

from tests.conftest import Orc
from tests.ui.terminal import Terminal, plain, sequences

HOSTILE: dict[str, str] = {
    "clipboard": "\x1b]52;c;QUJD\x07",
    "title": "\x1b]0;pwn\x07",
    "link": "\x1b]8;;http://evil\x1b\\t\x1b]8;;\x1b\\",
    "dcs": "\x1bPqQ\x1b\\",
    "apc": "\x1b_Gq\x1b\\",
    "report": "\x1b[6n",
    "reset": "\x1bc",
    "clear": "\x1b[2J\x1b[3J",
    "c1": "\x9b2J\x9d52;c;QQ==\x9c\x90q\x9c",
    "unterminated": "\x1b]0;never ends",
    "moved": "safe\revil rm -rf /\b\b\bls \x00 \x07 \x7f",
    "bidi": "\u202e\u2066gpj\u2069",
    "invisible": "a\u200b\ufeff\U000e0041\u115f\u3164b",
    "marks": "e" + "\u0301" * 50,
    "markup": "[/] [bold [link=file:///etc/passwd]c[/link] [@click=app.quit]x[/]",
    "surrogate": "\ud83d",
}
KEYS = (
    *"..,,  ", *"lljjhhkk", "\x1b[C", "\x1b[B", "-", "+", "T", "T", "T", "T", "\r", "\x1b", "?", "\x1b",
    ":", "t", "h", "\x1b", "/", "[", "\x7f", "\x1b", ".", "\r", "T", "\x1b",
    "m", "a", "\x1b", "s", "\x1b", "c", "b", "\x1b", "w", "a", "\x1b", "v", "l", "v", "b", "1", "\x1b", "V", "E", "\x1b", "g", "\x1b",
)  # fmt: skip
"""A walk over everything: queue, map, zoom, themes, session, help, palette, filter, questions."""
IDLE = 5.0
"""Seconds in which a screen without an event and without a step of an age writes nothing."""
QUEUE, AGES = 20, 300.0
"""So many that wait write at most so many bytes a second, for their ages alone."""
BAD = re.compile("[\x80-\x9f\u202a-\u202e\u2066-\u2069\u200b\ufeff\u115f\u3164\U000e0041]|\u0301{3}")


def log(orc: Orc, name: str, lines: list[dict[str, Any]], epoch: float) -> None:
    """An open log, complete at once."""
    head = {"kind": "session", "schema": "orc.log/1", "session": name, "t": 0, "epoch": epoch}
    part = orc.paths.inbox / f".{name}"
    part.write_text("".join(json.dumps(line) + "\n" for line in [{**head, **lines[0]}, *lines[1:]]))
    part.rename(orc.paths.inbox / f"{name}.jsonl")


def hostile_session(text: str) -> list[dict[str, Any]]:
    """Every field that reaches a screen."""
    return [
        {"title": f"{text} end", "project": f"p {text}", "model": text, "branch": text, "effort": text, "cwd": text},
        {"kind": "user", "t": 1, "text": f"{text}\n{text} later line"},
        {"kind": "assistant_text", "t": 2, "text": text},
        {"kind": "tool_call", "t": 3, "id": text, "tool": text, "args": {"command": text, text: text}, "agent": text},
        {"kind": "tool_result", "t": 4, "id": text, "ok": False, "text": f"{text}\n{text}"},
        {"kind": "usage", "t": 5, "id": text, "model": text, "input": 5, "output": 7},
        {"kind": text, "t": 6},
        {"kind": "hook", "t": 7, "name": text, "type": "permission_prompt", "text": f"asks {text}"},
        {"kind": "api_error", "t": 8, "status": 401, "type": text, "text": f"error {text} after", "final": True},
    ]


def test_nothing_hostile_reaches_the_terminal(host: Orc) -> None:
    with Terminal(host) as quiet:
        quiet.wait("no session yet")
        quiet.press(*KEYS)
        assert quiet.leave() == 0
        assert quiet.restored
        allowed = sequences(quiet.text)
    texts = list(HOSTILE.values())
    groups = [" ".join(texts[start::4]) for start in range(4)]
    for number, text in enumerate(groups):
        log(host, f"h{number}", hostile_session(text), time.time() - 300 - number)
    with (host.paths.inbox / "h0.jsonl").open("ab") as file:
        file.write(b"\x1b]52;c;QQ==\x07 no json \xff\xfe\n")
    with Terminal(host) as shown:
        shown.wait(f"needs you {len(groups)}")
        for _ in groups:
            shown.press(".")
            at = len(shown.text)
            shown.press("\r")
            shown.wait("after", at)
            shown.press("\x1b")
        shown.press(*KEYS)
        told = plain(shown.text)
        assert sequences(shown.text) <= allowed
        assert not BAD.search(shown.text), BAD.search(shown.text)
        assert not {"\x1b]52", "\x1b]0", "\x1b]8", "\x1bP", "\x1b_"} & {found[:4] for found in sequences(shown.text)}
        for words in (
            "later line",
            "[@click=app.quit]x[/]",
            "[link=file:///etc/passwd]c[/link]",
            "safe␍evil",
            "never ends",
        ):
            assert words in told, words
        assert "Traceback" not in told
        assert shown.leave() == 0
        assert shown.restored


@pytest.mark.parametrize(
    ("number", "key"),
    [(0, "q"), (0, "\x03"), (signal.SIGTERM, ""), (signal.SIGHUP, "")],
    ids=["q", "ctrl-c", "SIGTERM", "SIGHUP"],
)
def test_the_terminal_is_left_as_it_was(host: Orc, number: int, key: str) -> None:
    with Terminal(host, 80, 24) as terminal:
        terminal.wait("no session yet")
        if key:
            terminal.press(key)
        assert terminal.end(number) == (128 + number if number else 0)
        assert terminal.restored
        assert "Traceback" not in terminal.text


def quiet_fleet(orc: Orc, count: int) -> None:
    """Sessions that finished hours ago; their ages next step half a minute from now."""
    base = time.time() - 5 * 3600 - 25
    for number in range(count):
        lines: list[dict[str, Any]] = [
            {"title": f"job {number}", "project": f"p{number % 4}", "model": "m"},
            {"kind": "user", "t": 0, "text": "go"},
            {"kind": "usage", "t": 60, "id": "r", "input": 900 * number, "output": 7},
            {"kind": "assistant_text", "t": 60, "text": "done", "stop_reason": "end_turn"},
        ]
        log(orc, f"q{number}", lines, base - 60 * number)


def waiting_fleet(orc: Orc, count: int) -> None:
    """Sessions that wait for somebody, each for another time: from two minutes to an hour."""
    now = time.time()
    for number in range(count):
        waited = 120 + 3480 * number / count
        lines: list[dict[str, Any]] = [
            {"title": f"job {number}", "project": f"p{number % 4}", "model": "m"},
            {"kind": "user", "t": 0, "text": "go"},
            {"kind": "usage", "t": 20, "id": "r", "input": 900 * number, "output": 7},
            {"kind": "hook", "t": 60, "name": "n", "type": "permission_prompt", "text": f"Bash make job-{number}"},
        ]
        log(orc, f"w{number}", lines, now - waited - 60)


def test_a_queue_of_twenty_ages_writes_little(host: Orc) -> None:
    waiting_fleet(host, QUEUE)
    with Terminal(host) as terminal:
        terminal.wait(f"needs you {QUEUE}")
        # A red alert stands out for three seconds, and all of these are new to this host.
        terminal.read(6.0)
        for keys in ("", "G"):
            terminal.press(keys)
            terminal.read(2.0)
            begun = time.monotonic()
            wrote = len(terminal.read(20.0))
            rate = wrote / (time.monotonic() - begun)
            assert 0 < rate < AGES, (keys, rate)
        terminal.press("q")
        assert terminal.end() == 0


def test_an_idle_screen_writes_nothing_and_a_line_little(host: Orc) -> None:
    quiet_fleet(host, 40)
    with Terminal(host) as terminal:
        terminal.wait("p3/10")  # the last seat is taken: nothing moves any more
        terminal.settle(1.2)
        # On a slow machine the minute of an age may begin just now: five seconds without one write nothing.
        assert any(terminal.read(IDLE) == b"" for _ in range(3))
        terminal.press("G")
        terminal.settle(1.2)
        assert any(terminal.read(IDLE) == b"" for _ in range(3)), "glance"
        terminal.press("G")
        terminal.settle(1.2)
        with (host.paths.inbox / "q7.jsonl").open("a") as file:
            at = len(terminal.text)
            file.write(json.dumps({"kind": "user", "t": 5 * 3600 + 60 * 7 + 25, "text": "again, please"}) + "\n")
        terminal.wait("1 thinking", at)
        terminal.read(0.5)
        assert 0 < len(terminal.text[at:].encode()) < 8000
        terminal.press("q")
        assert terminal.end() == 0
        assert terminal.restored


@pytest.mark.parametrize("drawn", [True, False])
def test_it_ends_with_its_terminal_though_no_signal_says_so(orc: Orc, drawn: bool) -> None:
    with Terminal(orc) as terminal:
        if drawn:
            terminal.wait("needs you")
        for fd in (terminal.master, terminal.slave):
            os.close(fd)
        try:
            # 120: what Python had left to write had nowhere to go.
            assert terminal.process.wait(30) in (120, 128 + signal.SIGHUP)
        finally:
            terminal.master, terminal.slave = (os.open(os.devnull, os.O_RDWR) for _ in range(2))
