"""`orc replay`, `report`, `ledger`, `store` and `export` with what cannot be: one clear line, and nothing is written."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from pathlib import Path

import pytest

from orchestrator_tui.clock import SECOND, iso
from tests.conftest import Orc

LATER = "2260-01-01"
BEGUN = int(time.time()) - 3600
"""Seconds since 1970."""


def after(seconds: int) -> str:
    """A time as an option, so many seconds after the session began."""
    return iso((BEGUN + seconds) * SECOND)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Orc:
    """A session that ended half an hour ago."""
    base = tmp_path_factory.mktemp("lived")
    (base / "home").mkdir()
    orc = Orc(base / "state", base / "home")
    (orc.state / "inbox").mkdir(parents=True)
    lines: list[dict[str, object]] = [
        {"kind": "session", "schema": "orc.log/1", "session": "a", "t": 0, "epoch": BEGUN},
        {"kind": "user", "t": 1, "text": "go"},
        {"kind": "usage", "t": 100, "id": "r", "model": "claude-opus-4-8", "input": 10, "output": 20},
        {"kind": "assistant_text", "t": 1800, "text": "the end of it", "stop_reason": "end_turn"},
    ]
    (orc.state / "inbox" / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    orc.run("ingest", "--all")
    return orc


def said(orc: Orc, words: str, status: int) -> str:
    """The one line that a failing command says."""
    done = orc.run(*words.split(), check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (status, "", 1), (words, done)
    assert done.stderr.startswith("orc ") and "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (f"replay --at {LATER}", "--at lies in the future"), (f"report --since {LATER}", "--since lies in the future"),
        (f"report --until {LATER}", "--until lies in the future"), ("report --since 1h --until 2h", "is after --until"),
        (f"ledger --since {LATER}", "--since lies in the future"), ("report --since soon", "not a time"),
        (f"export a --format html -o x --until {LATER}", "--until lies in the future"),
        (f"export a --format svg -o x --at {LATER}", "--at lies in the future"),
        ("export a --format svg -o x --at 1999-01-01", "it begins at"),
        ("export fleet --format svg -o x --at 1999-01-01", "it begins at"),
        ("export a --format md -o x --since 1s", "is after the end"),
        ("export fleet --format jsonl -o -", "is a directory"),
    ],
)  # fmt: skip
def test_times_and_names_that_cannot_be(lived: Orc, words: str, told: str) -> None:
    assert told in said(lived, words, 2)
    assert not (lived.state.parent / "x").exists()


def test_what_is_asked_as_of_a_time_holds_nothing_later(lived: Orc) -> None:
    before = lived.run("export", "a", "--format", "md", "-o", "-", "--until", after(900))
    assert "the end of it" not in before.stdout and "as it stood at" in before.stdout
    assert "the end of it" in lived.run("export", "a", "--format", "md", "-o", "-").stdout
    assert lived.json("report", "--until", after(50))["totals"]["requests"] == 0
    assert lived.json("report", "--until", after(900))["totals"]["requests"] == 1


def test_a_stretch_begins_with_what_is_stored(lived: Orc) -> None:
    # Of a day of which an hour is stored, all instants but a few would be empty.
    for what, since in (("fleet", ()), ("fleet", ("--since", "900d")), ("a", ("--since", "900d"))):
        text = lived.run("export", what, *since, "--format", "html", "-o", "-").stdout
        page = json.loads(text.split('id="data">', 1)[1].split("</script>", 1)[0])
        assert page["frames"][0]["t"] >= BEGUN and len(page["frames"]) > 100
        assert all(frame["rows"] for frame in page["frames"])


def test_a_store_says_from_when_its_replay_is_complete(lived: Orc, tmp_path: Path) -> None:
    orc = Orc(tmp_path / "state", lived.home)
    shutil.copytree(lived.state, orc.state)
    whole = orc.json("store", "stats")
    assert (whole["texts_from"], whole["replay_complete_from"]) == (None, whole["first_at"])
    assert "replay is complete for the whole time" in orc.run("store", "stats").stdout
    orc.paths.config.write_text("[store]\noutput_days = 0.001\ntext_days = 0.001\n")
    assert orc.json("store", "prune")["texts"] == 2
    pruned = orc.json("store", "stats")
    assert pruned["replay_complete_from"] == pruned["texts_from"] > after(1799)
    words = orc.run("store", "stats").stdout
    assert f"replay is complete from {pruned['texts_from']}" in words and "for the whole time" not in words
    assert "the end of it" not in orc.run("export", "a", "--format", "md", "-o", "-").stdout
    orc.paths.config.write_text("[store]\nmax_bytes = 1\n")
    assert "still over the cap of 1 B" in orc.run("store", "prune").stderr


def test_an_empty_store(orc: Orc) -> None:
    assert "nothing stored yet" in said(orc, "store prune", 1)
    orc.run("ingest", "--all")
    for form in ("svg", "jsonl"):
        assert "nothing to export" in said(orc, f"export fleet --format {form} -o x", 1)
    assert orc.json("report")["totals"]["requests"] == 0
    assert orc.json("ledger")["decisions"] == []


def test_a_store_of_a_newer_orc(orc: Orc, tmp_path: Path) -> None:
    orc.run("ingest", "--all")
    with sqlite3.connect(orc.state / "events.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    for words in ("report", "ledger", "store stats", "store prune", "export fleet --format svg -o x", "replay"):
        assert "has schema 99" in said(orc, words, 1)
