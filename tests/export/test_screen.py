"""Pictures and recordings of the dashboard: what is on them, and what is not."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.conftest import Orc
from tests.export.test_export import SECRET, write

SGR = re.compile(r"\x1b\[[0-9;]*m")
ROW = re.compile(r"\x1b\[(\d+);1H")


@pytest.fixture
def lived(orc: Orc) -> Orc:
    """A fleet of one that asked, worked, and wrote a secret, ten minutes apart."""
    lines = [
        {"kind": "user", "t": 1, "text": f"use ghp_{SECRET} to push"},
        {"kind": "tool_call", "t": 300, "id": "a", "tool": "Bash", "args": {"command": "echo first"}},
        {"kind": "tool_result", "t": 301, "id": "a", "ok": True, "text": "first"},
        {"kind": "usage", "t": 302, "id": "r", "model": "claude-opus-4-8", "input": 10, "output": 20},
        {"kind": "assistant_text", "t": 900, "text": "all done here", "stop_reason": "end_turn"},
    ]
    write(orc, "lived", lines)
    return orc


def played(path: Path) -> tuple[dict[str, object], list[tuple[float, list[str]]]]:
    """The header, and the screen as text after each frame."""
    head, *frames = (json.loads(line) for line in path.read_text().splitlines())
    screen, seen = [""] * int(head["height"]), []
    for at, kind, text in frames:
        assert kind == "o"
        for place, row in zip(*[iter(ROW.split(text)[1:])] * 2, strict=True):
            screen[int(place) - 1] = SGR.sub("", row)
        seen.append((at, list(screen)))
    return head, seen


def test_a_recording_plays_to_the_last_screen_and_writes_only_what_changed(lived: Orc) -> None:
    target = lived.state.parent / "x.cast"
    lived.run("export", "lived", "--format", "cast", "-o", str(target), "--speed", "300", "--size", "100x30")
    head, frames = played(target)
    assert (head["version"], head["width"], head["height"]) == (2, 100, 30)
    times = [at for at, _ in frames]
    assert times == sorted(times) and len(frames) > 5
    first, last = "\n".join(frames[0][1]), "\n".join(frames[-1][1])
    assert "REPLAY" in first and "all done here" not in first
    assert "all done here" in last and "echo first" in last
    assert all(len(row) <= 100 for _, screen in frames for row in screen)
    text = target.read_text()
    assert SECRET not in text and "ghp_" in text
    changed = [len(ROW.findall(json.loads(line)[2])) for line in text.splitlines()[2:]]
    assert sum(changed) / len(changed) < 15


def test_a_picture_is_of_its_instant(lived: Orc) -> None:
    target = lived.state.parent / "x.svg"
    events = lived.json("events", "lived")["events"]
    for event, there in ((events[1], False), (events[-1], True)):
        words = ["--at", event["at"]]
        lived.run("export", "lived", "--format", "svg", "-o", str(target), *words)
        svg = target.read_text()
        root = ET.fromstring(svg)
        text = "".join(root.itertext()).replace("\xa0", " ")
        assert ("all done here" in text) is there
        assert SECRET not in svg and "http" not in svg.replace("http://www.w3.org", "")


@pytest.mark.parametrize("words", [["--size", "9x9"], ["--size", "x"], ["--speed", "0"], ["--speed", "nan"]])
def test_what_is_no_screen_is_refused(lived: Orc, words: list[str]) -> None:
    done = lived.run("export", "lived", "--format", "cast", "-o", "x.cast", *words, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
