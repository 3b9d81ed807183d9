"""The built-in agent as a program, against a model server that does its worst."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from orchestrator_tui.loops.agent.task import AgentTask
from tests.conftest import wait_for
from tests.loops.agent.serving import (
    call,
    command,
    done,
    environ,
    lines,
    of,
    serving,
    start,
    stop,
    task,
    text,
    usage,
)

SLOW = 90
"""Seconds for a program that loads a large library on a busy machine."""


def run(tmp_path: Path, whole: AgentTask, **more: str) -> tuple[int, str, list[dict[str, Any]]]:
    """(exit status, its error output, its log)."""
    process = start(tmp_path, whole, **more)
    out, err = process.communicate(timeout=SLOW)
    assert out == b""
    return process.returncode, err.decode(), lines(whole.log)


def test_it_works_in_real_files_and_counts_what_the_server_counts(tmp_path: Path) -> None:
    steps = [
        [text("I'll "), text("look."), call("bash", {"command": "pwd; ls; echo $ORC_SESSION"}), stop("tool_calls"),
         usage(1000, 600, 20, 5)],
        [call("write", {"path": "a.txt", "content": "one\ntwo\n"}, 0, "w"),
         call("edit", {"path": "a.txt", "old": "two", "new": "2"}, 1, "e"),
         call("read", {"path": "a.txt"}, 2, "r"), stop("tool_calls"), usage(1100, 1000, 30)],
        [text("Done, "), *done("wrote a.txt")],
    ]  # fmt: skip
    with serving(*steps) as server:
        whole = task(tmp_path, api_base=server.base, title="A task", parent="l1", relation="iteration")
        status, err, log = run(tmp_path, whole, OPENAI_API_KEY="sk-of-somebody-else")
    work = Path(whole.cwd)
    assert (status, (work / "a.txt").read_text()) == (0, "one\n2\n"), err
    header = log[0]
    assert (header["kind"], header["schema"], header["session"], header["pid"]) == (
        "session",
        "orc.log/1",
        "s1",
        header["pid"],
    )
    assert (header["parent"], header["relation"], header["owned"], header["agent"]) == (
        "l1",
        "iteration",
        True,
        "builtin",
    )
    assert [(u["id"], u["input"], u["cache_read"], u["cache_write"], u["output"], u["reasoning"]) for u in of(log, "usage")] == [
        ("r1", 400, 600, 0, 20, 5), ("r2", 100, 1000, 0, 30, 0), ("r3", 100, 0, 0, 10, 0),
    ]  # fmt: skip
    results = {line["id"]: line for line in of(log, "tool_result")}
    assert results["c1"]["text"].startswith(f"{work}\n") and "loop:s1" in results["c1"]["text"]
    assert results["c4"]["text"] == "one\n2\n"
    assert len(of(log, "file_change")) == 2
    assert log[-1] == {
        "kind": "result",
        "t": log[-1]["t"],
        "subtype": "success",
        "is_error": False,
        "text": "wrote a.txt",
    }
    # A key that is meant for another server is not sent to this one.
    assert set(server.keys) == {"Bearer no-key"}
    sent = server.requests[-1]
    assert sent["stream_options"] == {"include_usage": True}
    assert [m["role"] for m in sent["messages"]] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
        "tool",
        "tool",
        "tool",
    ]
    assert os.stat(whole.log or "").st_mode & 0o777 == 0o600


def test_whatever_a_model_sends_it_gets_an_answer_and_the_log_stays_whole(tmp_path: Path) -> None:
    huge = "x" * 300_000
    steps = [
        [call("rm -rf /\x1b]0;owned\x07", {"command": "true"}), usage()],
        [call("bash", '{"command": "echo', name=""), stop("tool_calls"), usage()],
        [call("bash", "[1, 2]", 0, "same"), call("bash", '"\\"nested\\""', 1, "same"), usage()],
        [call("bash", {"command": 7}), call("bash", {"command": "printf '\\033[31m\\377\\000'; exit 3"}, 1, "b"), usage()],
        [call("bash", {"command": "head -c 5000000 /dev/zero | tr '\\0' a", "timeout": "soon"}), usage()],
        [call("write", {"path": "big", "content": huge}), call("write", {"path": "/dev/full", "content": "x"}, 1, "f"), usage()],
        [call("read", {"path": "/dev/zero"}, 0, "1"), call("read", {"path": "a\x00b"}, 1, "2"), call("edit", {"path": "big", "old": "x", "new": "y"}, 2, "3"), usage()],
        [call("edit", '{"path": "big", "old": "\\ud83d", "new": NaN}'), usage()],
        [call("bash", "[" * 5000), call("", {}, 1, "n"), usage()],
        [call("bash", {"command": "echo \ud83d"}), usage()],
        [*(call("bash", {"command": "true"}, n, f"many{n}") for n in range(50)), usage()],
        [text("\x1b[2J\u202e hostile"), call("done", "not json"), usage()],
        [call("ask_user", {"question": "Which?"}), usage()],
        [call("bash", {"command": "sleep 60 & sleep 60", "timeout": 0.3}), usage()],
        [b"data: {\"choices\": [{\"delta\": {\"content\": 5}}]}\n\n", b": comment\n\n", text("odd"), usage(10, 500, 3, 99)],
        [text("no usage here"), call("bash", {"command": "true"}), stop("tool_calls")],
        done("survived"),
    ]  # fmt: skip
    with serving(*steps) as server:
        whole = task(tmp_path, api_base=server.base)
        status, err, log = run(tmp_path, whole)
    assert (status, len(server.requests)) == (0, len(steps)), (err, log[-3:])
    calls = {line["id"] for line in of(log, "tool_call")}
    results = {line["id"]: line for line in of(log, "tool_result")}
    assert calls == results.keys() and len(calls) == 21 + 32
    # Every call of a message has its result in the next request.
    for request in server.requests:
        wanted = [c["id"] for m in request["messages"] for c in m.get("tool_calls") or ()]
        given = [m["tool_call_id"] for m in request["messages"] if m["role"] == "tool"]
        assert wanted == given
    assert all(len(str(line)) < 150_000 for line in log)
    said = [line["text"] for line in results.values()]
    assert any("bytes left out" in words and len(words) < 20_000 for words in said)
    assert any("killed: it took longer than 0.3 s" in words for words in said)
    assert any("Nobody is there" in words for words in said)
    assert (Path(whole.cwd) / "big").read_text() == huge
    (odd,) = [line for line in of(log, "usage") if line["output"] == 3]
    assert (odd["input"], odd["cache_read"], odd["reasoning"]) == (0, 10, 3)
    assert len(of(log, "usage")) == len(steps) - 1
    assert len([line for line in of(log, "note") if "tells no usage" in line["text"]]) == 1
    assert b"\x1b" not in Path(whole.log or "").read_bytes()


def test_waits_and_errors_are_told_and_nothing_is_tried_behind_anybodys_back(tmp_path: Path) -> None:
    busy = (429, {"retry-after": "1"}, {"error": {"message": "Rate limit reached", "type": "rate_limit_error"}})
    down = (503, {}, {"error": {"message": "overloaded"}})
    refused = (401, {}, {"error": {"message": "Incorrect API key: the-key-itself"}})
    with serving(busy, down, [text("x"), 30.0], refused) as server:
        whole = task(tmp_path, api_base=server.base, request_timeout=2.0, api_key_env="MY_KEY")
        status, _, log = run(tmp_path, whole, MY_KEY="the-key-itself")
    errors = of(log, "api_error")
    assert [(e.get("status"), e["type"], e["attempt"], e["final"]) for e in errors] == [
        (429, "rate_limit_error", 1, False), (503, "overloaded_error", 2, False),
        (None, errors[2]["type"], 3, False), (401, "authentication_error", 4, True),
    ]  # fmt: skip
    assert errors[2]["type"] in ("timeout", "connection_error")
    assert errors[0]["retry_in"] == 1.0 and "retry_in" not in errors[3]
    assert len(server.requests) == 4 and server.asked_at[1] - server.asked_at[0] >= 1.0
    assert status == 1 and log[-1]["subtype"] == "error" and log[-1]["is_error"] is True
    assert "the-key-itself" not in str(log) and set(server.keys) == {"Bearer the-key-itself"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_hang_is_silence_and_a_signal_ends_it(tmp_path: Path, number: signal.Signals) -> None:
    with serving([600.0]) as server:
        whole = task(tmp_path, api_base=server.base)
        process = start(tmp_path, whole)
        wait_for(lambda: server.requests, SLOW)
        before = lines(whole.log)
        assert [line["kind"] for line in before] == ["session", "user"]
        process.send_signal(number)
        process.communicate(timeout=20)
    log = lines(whole.log)
    assert process.returncode == 130
    assert [line["kind"] for line in log[2:]] == ["user", "result"]
    assert log[2]["interrupt"] is True and log[3]["subtype"] == "interrupted"


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_killed_in_a_command(tmp_path: Path, number: signal.Signals) -> None:
    with serving([call("bash", {"command": "echo $$ > pid; sleep 300 & wait"}), usage()]) as server:
        whole = task(tmp_path, api_base=server.base)
        process = start(tmp_path, whole)
        pid = Path(whole.cwd) / "pid"
        wait_for(lambda: pid.exists() and pid.read_text().strip(), SLOW)
        shell = int(pid.read_text())
        process.send_signal(number)
        process.communicate(timeout=20)
    log = lines(whole.log)
    if number == signal.SIGKILL:
        assert log[-1]["kind"] == "tool_call" and alive(shell)
        os.killpg(shell, signal.SIGKILL)
        return
    assert process.returncode == 130 and not alive(shell)
    assert [line["kind"] for line in log[-3:]] == ["tool_result", "user", "result"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not what it should be"),
        (b"[]", "not what it should be"),
        (b'{"prompt":"x","cwd":"/","model":"m","extra":1}', "extra"),
        (b'{"prompt":"x","cwd":"/","model":"m","session":"../x"}', "no session id"),
        (b'{"prompt":"x","cwd":"/nowhere/at/all","model":"m","session":"s"}', "no directory"),
        (b'{"prompt":"x","cwd":"/","model":"-m","session":"s"}', "no model"),
        (b'{"prompt":"x","cwd":"/","model":"m","session":"s"}', "ORC_LOOPS"),
        (b'{"prompt":"x","cwd":"/","model":"m","session":"s","log":"x.jsonl"}', "absolute"),
        (b'{"prompt":"x","cwd":"/","model":"m","session":"s","log":"/proc/x.jsonl"}', "cannot make the log"),
        (b'{"prompt":"x","cwd":"/","model":"m","session":"s","log":"/x.jsonl","max_usd":-1}', "max_usd"),
    ],
)
def test_a_wrong_task_is_refused_in_one_line(data: bytes, words: str) -> None:
    done = subprocess.run(
        command("--task-from-stdin"), input=data + b"\n", env=environ(), capture_output=True, timeout=60
    )
    assert done.returncode == 2 and done.stdout == b""
    said = done.stderr.decode()
    assert said.startswith("orc agent: ") and words in said and said.count("\n") == 1


def test_a_session_is_run_once(tmp_path: Path) -> None:
    whole = task(tmp_path)
    Path(whole.log or "").parent.mkdir()
    Path(whole.log or "").write_text("mine\n")
    process = start(tmp_path, whole)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2 and b"run once" in err
    assert Path(whole.log or "").read_text() == "mine\n"
