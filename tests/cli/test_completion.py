"""Completion in the real shells: verbs, options, values, sessions; and names that a session gave itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator_tui.cli.completion import SHELLS as SCRIPTS
from orchestrator_tui.cli.described import whole
from tests.conftest import Orc

BASH = """
orc() { if [ "$1 $2" = "completion sessions" ]; then cat "$SESSIONS"; fi; }
source "$SCRIPT"
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _orc 2>/dev/null; printf '%s\\n' "${COMPREPLY[@]}"
"""
ZSH = """
orc() { if [ "$1 $2" = "completion sessions" ]; then cat "$SESSIONS"; fi; }
compdef() { :; }
_describe() { print -rl -- ${(P)argv[-1]} }
_files() { print -r -- FILES }
source "$SCRIPT"
words=("$@"); CURRENT=$#; PREFIX=$words[-1]; _orc
"""
FISH = """
function orc; test "$argv" = "completion sessions"; and cat $SESSIONS; end
source $SCRIPT
complete -C "$argv"
"""
SHELLS = [
    pytest.param(name, marks=pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed"))
    for name in ("bash", "zsh", "fish")
]
NAMES = "api/7\tworking fix: it\nweb/1\tstalled docs\n"


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("completion")
    for shell, script in SCRIPTS.items():
        (place / shell).write_text(script(whole()))
    (place / "sessions").write_text(NAMES)
    (place / "PROMPT.md").write_text("do it")
    return place


def complete(scripts: Path, shell: str, *words: str) -> list[str]:
    """The words that `shell` offers for the last of `words`."""
    script, start = {"bash": (BASH, ["--norc"]), "zsh": (ZSH, ["-f"]), "fish": (FISH, ["--no-config"])}[shell]
    given = [" ".join(words)] if shell == "fish" else list(words)
    done = subprocess.run(
        [shell, *start, "-c", script, *([shell] if shell != "fish" else []), *given],
        env={"PATH": os.environ["PATH"], "HOME": str(scripts), "SCRIPT": str(scripts / shell),
             "SESSIONS": str(scripts / "sessions")},
        capture_output=True, text=True, timeout=30, cwd=scripts,
    )  # fmt: skip
    assert done.stderr == ""
    offered = [line.split("\t")[0] if shell == "fish" else line.split(":")[0] for line in done.stdout.splitlines()]
    return [word for word in offered if word.startswith(words[-1]) or word == "FILES"]


@pytest.mark.parametrize("shell", SHELLS)
def test_verbs_options_and_values(scripts: Path, shell: str) -> None:
    assert complete(scripts, shell, "orc", "se") == ["sessions"]
    assert sorted(complete(scripts, shell, "orc", "res")) == ["resume"]
    assert complete(scripts, shell, "orc", "store", "pr") == ["prune"]
    assert complete(scripts, shell, "orc", "hooks", "in") == ["install"]
    assert complete(scripts, shell, "orc", "run", "--agent", "co") == ["codex", "command"]
    assert complete(scripts, shell, "orc", "store", "prune", "--j") == ["--json"]
    assert complete(scripts, shell, "orc", "run", "--unt") == ["--until"]
    assert complete(scripts, shell, "orc", "run", "--until", "se") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_sessions_by_their_seats(scripts: Path, shell: str) -> None:
    assert complete(scripts, shell, "orc", "kill", "") == ["api/7", "web/1"]
    assert complete(scripts, shell, "orc", "kill", "api/7", "w") == ["web/1"]
    assert complete(scripts, shell, "orc", "show", "a") == ["api/7"]
    assert complete(scripts, shell, "orc", "kill", "--n") == ["--now"]


@pytest.mark.parametrize("shell", SHELLS)
def test_files_where_a_file_is_wanted(scripts: Path, shell: str) -> None:
    assert complete(scripts, shell, "orc", "run", "PR") in (["PROMPT.md"], ["FILES"])
    assert complete(scripts, shell, "orc", "export", "-o", "PR") in (["PROMPT.md"], ["FILES"])


def test_a_session_cannot_name_itself_into_a_shell(orc: Orc) -> None:
    inbox = orc.state / "inbox"
    inbox.mkdir(parents=True)
    for n, name in enumerate(["$(touch pwned)", "`id`", "a b", "-rf", "x;y", "plain-1", "new\nline", "~root", "*"]):
        head = {"kind": "session", "schema": "orc.log/1", "session": name, "t": 0, "title": "\x1b[2J$(id)\tx\ny"}
        (inbox / f"{n}.jsonl").write_text(json.dumps(head) + '\n{"kind":"user","text":"go","t":1}\n')
    orc.run("ingest")
    lines = orc.run("completion", "sessions").stdout.splitlines()
    names = [line.split("\t")[0] for line in lines]
    assert "plain-1" in names or any("/" in name for name in names)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789/-_.") for name in names)
    assert all(line.count("\t") == 1 and line.isprintable() is False and "\x1b" not in line for line in lines)


def test_without_a_store_there_are_no_names(orc: Orc) -> None:
    assert orc.run("completion", "sessions").stdout == ""
    assert not orc.state.exists() or not (orc.state / "events.db").exists()
