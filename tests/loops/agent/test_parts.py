"""The parts of the built-in agent, each by itself."""

from __future__ import annotations

import asyncio
import email.utils
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_tui.events import Tokens
from orchestrator_tui.loops.agent import files, shell
from orchestrator_tui.loops.agent.cutting import OUTPUT, Ends, cut, cut_value
from orchestrator_tui.loops.agent.journal import Journal
from orchestrator_tui.loops.agent.money import Money
from orchestrator_tui.loops.agent.refused import trouble_of, wait_for
from orchestrator_tui.loops.agent.reply import Gathering, TooLong, count
from tests.conftest import wait_for as wait_for_it


@pytest.mark.parametrize(
    "module",
    [
        "orchestrator_tui.loops.agent.task",
        "orchestrator_tui.clients.loop.drive",
        "orchestrator_tui.loops.agent.session",
        "orchestrator_tui.loops.agent.main",
    ],
)
def test_the_model_s_library_is_loaded_by_the_program_alone(module: str) -> None:
    code = f"import {module}, sys; print('litellm' in sys.modules, 'asyncio' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert said[0] == "False"
    assert said[1] == "False" or module.rpartition(".")[2] in ("session", "main")


# --- texts ----------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=40), max_size=40), st.integers(2, 64))
def test_both_ends_of_a_stream_are_kept(pieces: list[bytes], limit: int) -> None:
    ends = Ends(limit)
    for piece in pieces:
        ends.add(piece)
    whole, said = b"".join(pieces), ends.text()
    half = limit // 2
    if len(whole) <= 2 * half:
        assert said == whole.decode("utf-8", "replace")
    else:
        assert said.startswith(whole[:half].decode("utf-8", "replace"))
        assert said.endswith(whole[-half:].decode("utf-8", "replace"))
        assert f"[... {len(whole) - 2 * half} bytes left out ...]" in said


def test_what_is_cut_says_how_much() -> None:
    assert cut("abc", 3) == "abc"
    assert cut("a" * 10 + "b" * 10, 10) == f"{'a' * 5}\n[... 10 characters left out ...]\n{'b' * 5}"
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    assert json.dumps(cut_value({"a": deep, "b": "y" * 100}, 10))


# --- files and commands ---------------------------------------------------------------------------------------


def test_an_edit_is_of_one_place_only(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"x = 1\r\ny = \xff\nx = 2\n")
    path.chmod(0o755)
    link = tmp_path / "link.py"
    link.symlink_to(path)
    for old in ("x = ", "z", ""):
        with pytest.raises(files.Wrong):
            files.edit(path, old, "q")
    assert files.edit(link, "x = 1\r\n", "x = 'ä'\r\n")
    assert path.read_bytes() == "x = 'ä'\r\n".encode() + b"y = \xff\nx = 2\n"
    assert link.is_symlink() and path.stat().st_mode & 0o777 == 0o755
    assert [entry.name for entry in sorted(tmp_path.iterdir())] == ["a.py", "link.py"]


def test_reading_is_bounded_and_says_how_to_go_on(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_text("".join(f"line {n} {'x' * 90}\n" for n in range(1, 2001)))
    said = files.read(path)
    assert len(said) < OUTPUT + 200 and "of 2000; go on with offset=" in said
    offset = int(said.rpartition("=")[2].rstrip("]"))
    assert files.read(path, offset).startswith(f"line {offset} ")
    assert files.read(path, 2000) == f"line 2000 {'x' * 90}\n"
    with pytest.raises(files.Wrong):
        files.read(path, 2001)
    (tmp_path / "one").write_text("y" * 100_000)
    assert len(files.read(tmp_path / "one")) < OUTPUT + 200
    assert files.read(tmp_path).split() == ["long", "one"]


def runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_what_a_command_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    outcome = await shell.run("sleep 300 & echo $!; sleep 300 & echo $!", str(tmp_path), {"PATH": "/usr/bin:/bin"}, 30)
    pids = outcome.text.split()
    assert outcome.ok and len(pids) == 2
    # It is on its way out: what takes a moment is the kernel's part.
    wait_for_it(lambda: not any(runs(pid) for pid in pids))


async def test_a_command_that_is_interrupted_is_ended(tmp_path: Path) -> None:
    work = asyncio.ensure_future(
        shell.run("trap '' TERM; echo $$ > pid; sleep 300", str(tmp_path), {"PATH": "/usr/bin:/bin"}, 300)
    )
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


@pytest.mark.parametrize("command", ["a\0b", "true " + "x" * 200_000, "\ud83d"])
async def test_a_command_that_cannot_be_one_is_told(tmp_path: Path, command: str) -> None:
    assert not (await shell.run(command, str(tmp_path), {}, 5)).ok


# --- the log --------------------------------------------------------------------------------------------------


def test_a_line_that_has_no_room_leaves_nothing_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestrator_tui.loops.agent import journal as module

    journal = Journal(str(tmp_path / "a" / "s.jsonl"))
    journal.write("user", text="one", missing=None)
    real, calls = module.os.write, []

    def full(fd: int, data: bytes) -> int:
        calls.append(data)
        if len(calls) == 1:
            return int(real(fd, data[:5]))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "write", full)
    with pytest.raises(OSError, match="No space"):
        journal.write("user", text="two")
    monkeypatch.undo()
    journal.write("user", text="three\ud83d\x1b")
    journal.note("once")
    journal.note("once")
    said = [json.loads(line) for line in Path(journal.path).read_bytes().splitlines()]
    assert [line.get("text") for line in said] == ["one", "three\ud83d\x1b", "once"]
    assert "missing" not in said[0]
    with pytest.raises(FileExistsError):
        Journal(journal.path)


# --- replies and counts ---------------------------------------------------------------------------------------


def piece(text: Any = None, calls: Any = None) -> SimpleNamespace:
    delta = SimpleNamespace(content=text, tool_calls=calls)
    return SimpleNamespace(id="r", choices=[SimpleNamespace(delta=delta, finish_reason=None)])


def part(index: Any, name: Any, tool: Any, arguments: Any) -> SimpleNamespace:
    return SimpleNamespace(index=index, id=name, function=SimpleNamespace(name=tool, arguments=arguments))


def test_pieces_of_calls_find_their_call() -> None:
    gathering = Gathering()
    # Two calls under one number, the arguments in pieces, a name that comes twice.
    for call in (
        part(0, "a", "bash", ""), part(0, None, None, '{"command":'), part(0, None, "bash", '"x"}'),
        part(0, "b", "read", '{"path":'), part(1, None, None, '"y"}'), part(None, "c", "done", None), part(7, None, None, {"k": 1}),
    ):  # fmt: skip
        gathering.add(piece(calls=[call]))
    reply = gathering.reply(3)
    assert [(call.id, call.tool, call.arguments) for call in reply.calls] == [
        ("a", "bash", {"command": "x"}), ("b", "read", {"path": "y"}), ("c", "done", {}), ("call_3_3", "?", {"k": 1}),
    ]  # fmt: skip
    json.dumps(reply.message())


def test_an_answer_without_end_is_broken_off() -> None:
    gathering = Gathering()
    with pytest.raises(TooLong):
        for _ in range(100):
            gathering.add(piece("x" * 100_000))
    with pytest.raises(TooLong):
        for n in range(1000):
            gathering.add(piece(calls=[part(n, f"i{n}", "bash", "{}")]))


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        # OpenAI: the prompt includes what was cached.
        ({"prompt_tokens": 100, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 60},
          "completion_tokens_details": {"reasoning_tokens": 4}}, Tokens(40, 60, 0, 9, 0, 4)),
        # Anthropic, as litellm adds it up.
        ({"prompt_tokens": 100, "completion_tokens": 9, "cache_read_input_tokens": 50, "cache_creation_input_tokens": 30,
          "prompt_tokens_details": {"cached_tokens": 50, "cache_creation_tokens": 30,
                                    "cache_creation_token_details": {"ephemeral_1h_input_tokens": 10}}},
         Tokens(20, 50, 30, 9, 10)),
        ({"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 99}}, Tokens(0, 5, 0, 1)),
        ({"prompt_tokens": 5, "completion_tokens": -1}, None),
        ({"prompt_tokens": True, "completion_tokens": 1}, None),
        ({"prompt_tokens": 1e9, "completion_tokens": 1}, None),
        ({"prompt_tokens": 1 << 60, "completion_tokens": 1}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_counts_are_made_disjoint(usage: dict[str, Any], tokens: Tokens | None) -> None:
    counted = count(usage)
    assert (None if counted is None else counted.tokens) == tokens


# --- errors and money -----------------------------------------------------------------------------------------


class Refused(Exception):
    def __init__(self, status: int | None, headers: dict[str, str] | None = None, words: str = "no") -> None:
        super().__init__(words)
        self.status_code, self.litellm_response_headers = status, headers


@pytest.mark.parametrize(
    ("error", "again", "kind", "wait"),
    [
        (Refused(429, {"retry-after": "7"}), True, "rate_limit_error", 7.0),
        (Refused(429, {"retry-after-ms": "1500"}), True, "rate_limit_error", 1.5),
        (Refused(429, {"retry-after": "nan"}), True, "rate_limit_error", None),
        (Refused(429, {"retry-after": "-5"}), True, "rate_limit_error", 0.0),
        (Refused(429, {"retry-after": "86400"}), False, "rate_limit_error", 86400.0),
        (Refused(429, None, '{"retryDelay": "3.5s"}'), True, "rate_limit_error", 3.5),
        (Refused(529), True, "overloaded_error", None),
        (Refused(500), True, "server_error", None),
        (Refused(400), False, "invalid_request_error", None),
        (Refused(400, None, "maximum context length is 8192"), False, "context_window_exceeded", None),
        (Refused(404), False, "not_found_error", None),
        (TimeoutError(), True, "timeout", None),
        (ConnectionResetError("reset"), True, "connection_error", None),
        (KeyError("bug"), False, "client_error", None),
    ],
)
def test_what_an_error_means(error: Exception, again: bool, kind: str, wait: float | None) -> None:
    trouble = trouble_of(error)
    assert (trouble.again, trouble.kind, trouble.wait) == (again, kind, wait)


def test_words_of_an_error_hold_no_key_and_no_traceback() -> None:
    words = "litellm.RateLimitError: RateLimitError: OpenAIException - no\x1b[2J sk-1234567\nTraceback (most recent call last)\n  File"
    assert trouble_of(Refused(429, None, words), "sk-1234567").text == "no [key]"
    date = email.utils.formatdate(time.time() + 30, usegmt=True)
    assert 25 < (trouble_of(Refused(429, {"retry-after": date})).wait or 0) <= 31
    waits = [wait_for(trouble_of(Refused(500)), n, random.Random(1)) for n in range(1, 12)]
    assert 0.8 <= waits[0] <= 1.2 and max(waits) <= 72


def test_money_is_what_a_table_says(tmp_path: Path) -> None:
    own = tmp_path / "prices.json"
    own.write_text(
        json.dumps(
            {"openai/m": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6, "max_input_tokens": 5000}}
        )
    )
    money = Money(str(own))
    assert money.pay("openai/m", Tokens(input=1000, output=100)) is None
    assert (money.spent, money.unpriced, money.window("openai/m")) == (1_200_000, 0, 5000)
    assert money.knows("claude-sonnet-4-5-20250929") and not money.knows("openai/nobody-knows-this")
    money.pay("openai/nobody-knows-this", Tokens(input=1))
    assert (money.spent, money.unpriced) == (1_200_000, 1)
    money.register()
    assert money.pay("embedded/small", Tokens(input=1000, output=100)) == pytest.approx(0.0007)
    assert money.window("embedded/small") == 64_000
    assert Money(str(tmp_path / "none")).notes
