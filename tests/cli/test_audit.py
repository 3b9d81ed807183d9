"""`orc audit`: the labelled sessions, the thresholds on the command line, sub-agents, other clients' transcripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator_tui.cli.main import main
from orchestrator_tui.cli.verb_audit import audit_file

CASES = Path(__file__).parents[1] / "data" / "status-cases"
CLIENTS = Path(__file__).parents[1] / "data" / "clients"
QUIET = {"tool_running", "thinking", "working", "finished", "paused", "fog"}
LIKE_WORKING = {"working", "thinking", "tool_running"}
MAY_STAY_AMBER = {"permission_inferred", "interrupted", "backoff", "quota"}


def expected() -> list[Any]:
    return [json.loads(path.read_text()) for path in sorted(CASES.glob("*.expect.json"))]


@pytest.mark.parametrize("case", expected(), ids=lambda case: case["id"])
def test_labelled_session(case: dict[str, Any]) -> None:
    """Found in time and not too early, with nothing else cried before it; or nothing red, and the right end."""
    timeline = audit_file(CASES / f"{case['id']}.jsonl").timeline
    label, allowed = case["label"], set(case.get("allowed_states") or ())
    red = [
        (change.event, {change.status.status, *change.status.badges})
        for change in timeline
        if change.status.severity == "red"
    ]
    if label == "ok":
        assert [(event, names - allowed) for event, names in red if names - allowed] == []
        want = {case["state_at_end"]} | allowed | (LIKE_WORKING if case["state_at_end"] == "working" else set())
        assert timeline[-1].status.status in want
        return
    enough = {"red", "amber"} if case.get("subtype") in MAY_STAY_AMBER else {"red"}
    hit = next(
        change
        for change in timeline
        if change.status.severity in enough and label in {change.status.status, *change.status.badges}
    )
    assert case.get("not_before_event", 0) <= hit.event <= case["detect_by_event"]
    assert all(names <= QUIET | allowed | {label} for event, names in red if event < hit.event)
    assert hit.status.evidence


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert main(["audit", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_finding_has_its_cause_and_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    answer = told(capsys, str(CASES / "L01_exact_repeat.jsonl"))
    last = answer["timeline"][-1]
    assert (last["status"], last["severity"], last["agent"]) == ("looping", "red", None)
    assert last["cause"].startswith("call:")
    assert len(last["lines"]) == 2


def test_a_sub_agents_loop_is_told_as_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    answer = told(capsys, str(CASES / "L24_subagent_loops.jsonl"))
    last = answer["timeline"][-1]
    assert (last["status"], last["agent"]) == ("looping", "s1")


@pytest.mark.parametrize(("value", "red"), [("repeat_error=9", False), ("repeat_error=2", True)])
def test_thresholds_may_be_set(capsys: pytest.CaptureFixture[str], value: str, red: bool) -> None:
    case = CASES / "N05_retry_succeeds.jsonl" if red else CASES / "L01_exact_repeat.jsonl"
    answer = told(capsys, str(case), "--set", value, "--set", "model_seconds=1200")
    assert any(entry["severity"] == "red" for entry in answer["timeline"]) is red


@pytest.mark.parametrize(
    "value", ["repeat_eror=3", "repeat_error", "repeat_error=x", "repeat_error=0", "repeat_error=2.5"]
)
def test_a_wrong_threshold_is_one_line_and_2(capsys: pytest.CaptureFixture[str], value: str) -> None:
    assert main(["audit", str(CASES / "L01_exact_repeat.jsonl"), "--set", value]) == 2
    heard = capsys.readouterr()
    assert not heard.out
    assert heard.err.startswith(f"orc audit: --set {value!r}" if "=" not in value else f"orc audit: --set {value}: ")
    assert heard.err.count("\n") == 1


@pytest.mark.parametrize("client", ["claude", "codex", "gemini"])
def test_a_loop_is_found_in_a_clients_own_transcript(client: str) -> None:
    """Recorded with the real clients: one command, the same answer, again and again."""
    (path,) = [p for p in CLIENTS.glob(f"{client}-*/loop/home/**/*.jsonl") if "history" not in p.name]
    audit = audit_file(path)
    red = [change.status for change in audit.timeline if change.status.severity == "red"]
    assert red and {status.status for status in red} == {"looping"}
    assert "cat build.log, identical output" in red[0].evidence
    assert audit.session.startswith(f"{client}:")


RECORDED = [
    path
    for path in CLIENTS.glob("*/*/home/**/*.jsonl")
    if not {"loop", "usage-limit-429", "err529-forever"} & set(path.parts) and "history" not in path.name
]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: "-".join(path.parts[-8:-5]) + path.name[-12:])
def test_recorded_work_of_real_clients_is_quiet(path: Path) -> None:
    stuck = {"looping", "spinning", "stalled", "waiting", "orphaned"}
    assert [
        c.status.evidence for c in audit_file(path).timeline if c.status.severity == "red" and c.status.status in stuck
    ] == []
