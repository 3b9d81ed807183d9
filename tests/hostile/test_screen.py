"""Text that real clients' files hold, in every field that they have, before the real dashboard on a pty (T1 to T7).

The open log's fields are in tests/ui/test_pty.py; here are Claude's, Codex's and Gemini's own.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import DATA, Orc, wait_for
from tests.hostile.world import lay_out, running, scratch
from tests.ui.terminal import Terminal, plain, sequences
from tests.ui.test_pty import BAD, HOSTILE

KEPT = frozenset({
    "type", "role", "timestamp", "startTime", "lastUpdated", "uuid", "parentUuid", "sessionId", "id", "requestId", "kind",
    "stop_reason", "isSidechain", "userType", "subtype", "entrypoint", "service_tier", "status", "turn_id", "call_id",
    "tool_use_id", "parent_thread_id", "forked_from_id", "response_id", "projectHash", "thread_source", "phase",
})  # fmt: skip
"""Words that say what a record is: the rest of every record's strings becomes hostile."""
RECORDINGS = {
    "claude": ("claude-2.1.197/thinking-parallel", "claude-2.1.197/err401", "claude-2.1.197/subagent"),
    "codex": ("codex-0.169.0/tool", "codex-0.169.0/usage-limit-429"),
    "gemini": ("gemini-0.61.0/thinking-parallel", "gemini-0.61.0/tool"),
}
WORDS = " ".join(HOSTILE.values())
"""All of it at once; after it stands what must still be seen."""
WALK = (
    *"jlkh", "o", "o", "-", "+", "+", "D", "\x1b", "R", "\x1b", "G", "\x1b", "r", "[", "{", "V", "\x1b", "\x1b", "/", "e", "v", "\r",
    "\x1b", "c", "\x1b", "m", "\x1b", "e", "\x1b", "s", "\x1b", "x", "n", "?", "\x1b", ":", "a", "\x1b", "!", "\x1b",
)  # fmt: skip
"""Over everything: map, overlays, zooms, diff, report, glance, replay, comparison, filter, questions, help, palette, doctor."""
INSIDE = ("O", "\t", "\t", "\x1b[5~", "/", "l", "a", "\r", "N", "=", "\x1b")
"""In a session: everything unfolded, each instrument, a search, the evidence."""


def walk(shown: Terminal, keys: tuple[str, ...]) -> None:
    """Type keys as fast as a person does; an Escape needs its time, or it is taken for Alt."""
    for key in keys:
        os.write(shown.master, key.encode())
        shown.read(0.15 if key == "\x1b" else 0.03)


def spoilt(value: Any, name: str = "") -> Any:
    """A record with hostile text in every string that is not its structure."""
    if isinstance(value, dict):
        return {
            key: item if key in KEPT and isinstance(item, str) else spoilt(item, key) for key, item in value.items()
        }
    if isinstance(value, list):
        return [spoilt(item, name) for item in value]
    return f"{WORDS}\nlater line of {name} {value[:40]}" if isinstance(value, str) else value


@pytest.fixture(scope="module")
def orc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orc]:
    made = scratch(tmp_path_factory.mktemp("screen"))
    for names in RECORDINGS.values():
        for name in names:
            for path in lay_out(DATA / "clients" / name / "home", made.home):
                lines = [json.dumps(spoilt(json.loads(line))) for line in path.read_text().splitlines()]
                path.write_text("\n".join(lines) + "\n")
    with running(made):
        wait_for(lambda: len(clients(made)) == len(RECORDINGS), 30)
        yield made


def clients(orc: Orc) -> set[str]:
    """Whose sessions are there."""
    return {name.partition(":")[0] for name, session in orc.sessions().items() if session["requests"]}


def allowed(root: Path) -> set[str]:
    """What a dashboard writes that has nothing hostile to show."""
    orc = scratch(root)
    with Terminal(orc) as quiet:
        quiet.wait("no session yet")
        walk(quiet, (":", "\x1b", "?", "\x1b", "/", "\x1b", "R", "\x1b"))
        assert quiet.leave() == 0
    orc.run("host", "stop")
    return sequences(quiet.text)


def test_nothing_that_a_client_wrote_reaches_the_terminal(orc: Orc, tmp_path: Path) -> None:
    usual = allowed(tmp_path)
    with Terminal(orc) as shown:
        shown.wait("later line")
        for key in (".", ","):
            shown.press(key)
            at = len(shown.text)
            shown.press("\r")
            shown.wait("later", at)
            walk(shown, (*INSIDE, "\x1b"))
        walk(shown, WALK)
        shown.read(0.5)
        told = plain(shown.text)
        assert sequences(shown.text) - usual == set()
        assert not BAD.search(shown.text), BAD.search(shown.text)
        assert not re.search("[\x80-\x9f]", shown.text)
        # Only what tmux and the terminal know of the dashboard itself: no clipboard, title, link, string of any kind.
        assert not {"\x1b]52", "\x1b]0;", "\x1b]8;", "\x1bPq", "\x1b_G"} & {one[:4] for one in sequences(shown.text)}
        assert "Traceback" not in told and "later line" in told and "[@click=app.quit]" in told
        assert shown.leave() == 0 and shown.restored
    printed = [orc.run(*words).stdout for words in (("sessions", "--all"), ("report",))]
    printed += [orc.run("show", name).stdout for name in list(orc.sessions())[:3]]
    for text in printed:
        assert not BAD.search(text) and not re.search("[\x00-\x08\x0b-\x1f\x7f]", text), text[:2000]
