"""A session of the built-in agent that goes on after its process ended: same id, same log, and it knows what was said."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from orchestrator_tui.loops.agent.conversation import Conversation
from orchestrator_tui.loops.agent.recall import CUT_OFF, past_of
from orchestrator_tui.loops.agent.task import WrongTask
from orchestrator_tui.loops.embedded import repos
from tests.conftest import Orc, wait_for
from tests.loops.agent.serving import call, done, of, serving, start, stop, task, text, usage

SLOW = 90


def calls_in(log: str | None) -> int:
    """Tool calls that its log tells of by now."""
    path = Path(log or "")
    return path.read_bytes().count(b'"kind":"tool_call"') if path.exists() else 0


def told(log: Path) -> list[dict[str, Any]]:
    talk = Conversation("system")
    past_of(log).tell(talk)
    return talk.messages[1:]


def test_one_that_was_killed_goes_on_with_all_that_was_said(tmp_path: Path) -> None:
    write = [
        text("I write."),
        call("write", {"path": "a.txt", "content": "one"}, name="x1"),
        stop("tool_calls"),
        usage(),
    ]
    hang = [call("bash", {"command": "sleep 600"}, name="x2"), stop("tool_calls"), usage()]
    with serving(write, hang, done("it is whole")) as server:
        whole = task(tmp_path, api_base=server.base)
        process = start(tmp_path, whole)
        wait_for(lambda: calls_in(whole.log) == 2, SLOW)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        with Path(whole.log or "").open("ab") as file:
            file.write(b'{"kind":"user","te')
        again = start(tmp_path, replace(whole, prompt="go on, please"), "--resume")
        _, errors = again.communicate(timeout=SLOW)
        assert again.returncode == 0, errors
        asked = server.requests[-1]["messages"]
    assert [m["role"] for m in asked] == ["system", "user", "assistant", "tool", "assistant", "tool", "user"]
    assert asked[1]["content"] == "do it" and asked[-1]["content"] == "go on, please"
    assert asked[2]["content"] == "I write." and asked[2]["tool_calls"][0]["function"]["name"] == "write"
    assert json.loads(asked[2]["tool_calls"][0]["function"]["arguments"]) == {"path": "a.txt", "content": "one"}
    assert asked[5]["content"] == CUT_OFF and asked[5]["tool_call_id"] == asked[4]["tool_calls"][0]["id"]
    kept = [json.loads(one) for one in Path(whole.log or "").read_bytes().splitlines() if one != b'{"kind":"user","te']
    assert [one["kind"] for one in kept].count("session") == 1 and kept[-1]["kind"] == "result"
    ids = [one["id"] for one in of(kept, "usage")]
    assert len(ids) == len(set(ids)) == 3
    calls = [one["id"] for one in of(kept, "tool_call")]
    assert len(calls) == len(set(calls)) == 3


def test_it_is_not_resumed_while_it_runs_or_where_there_is_none(tmp_path: Path) -> None:
    with serving([call("bash", {"command": "sleep 600"}), stop("tool_calls"), usage()]) as server:
        whole = task(tmp_path, api_base=server.base)
        process = start(tmp_path, whole)
        wait_for(lambda: calls_in(whole.log) == 1, SLOW)
        second = start(tmp_path, whole, "--resume")
        _, errors = second.communicate(timeout=SLOW)
        assert second.returncode == 2 and b"runs already" in errors
        process.terminate()
        process.communicate()
    other = start(tmp_path, replace(whole, session="s2", log=str(tmp_path / "logs" / "s2.jsonl")), "--resume")
    _, errors = other.communicate(timeout=SLOW)
    assert other.returncode == 2 and b"no session to go on with" in errors
    assert not (tmp_path / "logs" / "s2.jsonl").exists()


@pytest.mark.parametrize(
    "rows",
    [
        [{"kind": "tool_call", "id": 7, "tool": "\x1b[x", "args": [1]}], [{"kind": "tool_result", "id": None}],
        [{"kind": "assistant_text", "text": 5}], [{"kind": "user", "text": ["x"]}], [{"kind": ["user"]}],
        [{"kind": "tool_call", "id": "c1", "tool": "bash", "args": {}}, {"kind": "user", "text": "and?"}],
    ],
)  # fmt: skip
def test_whatever_a_log_holds_the_conversation_is_one_that_servers_take(tmp_path: Path, rows: list[Any]) -> None:
    log = tmp_path / "x.jsonl"
    first: list[Any] = [{"kind": "user", "text": "do it"}]
    log.write_text("".join(json.dumps(row) + "\n" for row in [*first, *rows, [], "x"]) + "{")
    messages = told(log)
    assert messages[0] == {"role": "user", "content": "do it"}
    open_: set[str] = set()
    for message in messages:
        if message["role"] != "tool":
            assert not open_
        open_ |= {one["id"] for one in message.get("tool_calls", [])}
        open_ -= {message.get("tool_call_id", "")}
    assert not open_
    log.write_text("{}\n")
    with pytest.raises(WrongTask, match="nothing was said"):
        past_of(log)


def test_a_dead_session_is_revived_by_the_host(orc: Orc, tmp_path: Path) -> None:
    orc.env["ORC_EMBEDDED_PACE"] = "0.3"
    orc.paths.make()
    orc.paths.config.write_text('[[policy]]\nproject = "*"\nagents_may = ["*"]\n')
    repo = repos.make(tmp_path / "web", "return", 1, "[[embedded: sleep seconds=600 after=1]]")
    host = orc.start_host()
    try:
        given = ("run", repo.task, "--agent", "builtin", "--model", "embedded/small", "--dir", str(repo.directory))
        session = orc.json(*given, "--yes")["receipt"]["session"]
        wait_for(lambda: orc.sessions()[session]["status"] == "tool_running", 60)
        before = orc.sessions()[session]
        assert orc.run("kill", session, "--now", "--yes").returncode == 0
        wait_for(lambda: orc.sessions()[session]["status"] in ("dead", "finished"), 30)
        revived = orc.json("revive", session, "--yes")
        assert revived["outcome"] == "done" and revived["receipt"]["session"] == session, revived
        # Killed it has finished, too: until it goes on.
        wait_for(lambda: orc.sessions()[session]["cost_usd"] > before["cost_usd"], 60)
        wait_for(lambda: orc.sessions()[session]["status"] == "finished", 90)
        check = subprocess.run(repo.check.split(), cwd=repo.directory, capture_output=True)
        assert check.returncode == 0
    finally:
        host.terminate()
        host.wait(20)
        if host.stderr is not None:
            host.stderr.close()
        from tests.host.owned.conftest import end_all

        end_all(orc.state)
