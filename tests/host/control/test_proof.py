"""What only a file says is no proof: lying registries, transcripts that name a process, and processes that have gone."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator_tui.host.control.callers import is_client
from tests.conftest import Orc, wait_for
from tests.host.transcripts import register, write

NAME = "0b8f6f0e-0000-4000-8000-00000000000a"


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def command(orc: Orc, *args: str) -> dict[str, Any]:
    done = orc.run(*args, "--json", check=False)
    return dict(json.loads(done.stdout))


def pid_of(orc: Orc) -> int | None:
    session = orc.sessions().get(f"claude:{NAME}")
    return session["pid"] if session else None


@pytest.mark.parametrize("verb", ["kill", "pause"])
def test_a_registry_that_names_somebody_else_s_process_ends_nobody(
    host: Orc, bystander: subprocess.Popen[bytes], verb: str
) -> None:
    write(host.home, NAME, 2, time.time() - 30)
    register(host.home, NAME, bystander.pid)
    wait_for(lambda: pid_of(host) == bystander.pid)
    answer = command(host, verb, NAME)
    assert (answer["outcome"], "is no claude" in answer["text"]) == ("refused", True), answer
    assert bystander.poll() is None
    assert Path(f"/proc/{bystander.pid}/stat").read_text().rpartition(")")[2].split()[0] in "SR"


def test_a_registry_that_names_the_first_process_or_this_one_ends_nobody(host: Orc) -> None:
    write(host.home, NAME, 2, time.time() - 30)
    register(host.home, NAME, 1)
    wait_for(lambda: f"claude:{NAME}" in host.sessions())
    assert command(host, "kill", NAME, "--now")["outcome"] == "refused"
    register(host.home, NAME, os.getpid())
    wait_for(lambda: pid_of(host) == os.getpid())
    answer = command(host, "kill", NAME, "--now")
    assert answer["outcome"] == "refused", answer


def test_a_transcript_that_names_a_process_is_nothing_to_signal_by(
    host: Orc, bystander: subprocess.Popen[bytes]
) -> None:
    inbox = host.paths.inbox
    header = {"kind": "session", "schema": "orc.log/1", "session": "liar", "t": 0, "pid": bystander.pid}
    (inbox / "liar.jsonl").write_text(json.dumps(header) + "\n" + json.dumps({"kind": "turn_started", "t": 1}) + "\n")
    wait_for(lambda: "log:liar" in host.sessions())
    for verb in ("kill", "pause"):
        answer = command(host, verb, "log:liar")
        assert (answer["outcome"], "no process" in answer["text"]) == ("refused", True), answer
    assert bystander.poll() is None


def test_a_process_that_has_gone_and_another_with_its_number(host: Orc) -> None:
    write(host.home, NAME, 2, time.time() - 30)
    # Its number is used by a process that began at another time.
    register(host.home, NAME, os.getppid(), started=1)
    wait_for(lambda: f"claude:{NAME}" in host.sessions())
    answer = command(host, "kill", NAME)
    assert answer["outcome"] == "refused", answer


@pytest.mark.parametrize(
    ("argv", "wanted"),
    [
        (["claude"], True),
        (["/usr/bin/claude", "-p"], True),
        (["node", "--max-old-space-size=1", "/x/bin/gemini"], True),
        (["node", "/x/node_modules/@anthropic-ai/claude-code/cli.js"], True),
        (["/x/node_modules/@openai/codex/vendor/codex", "exec"], True),
        (["sleep", "claude"], False),
        (["vim", "claude.js"], False),
        (["python", "claude"], False),
        ([], False),
    ],
)
def test_a_client_is_known_by_its_program(argv: list[str], wanted: bool) -> None:
    assert is_client(argv) is wanted
