"""When calls are the same, what commands do, what answers say, when a limit ends: tables."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator_tui.events import ApiError
from orchestrator_tui.excerpt import excerpt, output
from orchestrator_tui.fleet.commands import Command, command_of, test_scope
from orchestrator_tui.fleet.equality import asked, subject
from orchestrator_tui.fleet.limits import refusal
from orchestrator_tui.fleet.outputs import Figures, error_signature, figures, is_refusal, says_done, says_nothing
from orchestrator_tui.fleet.tools import tool_of
from tests.fleet.generated import SECOND

test_scope.__test__ = False  # type: ignore[attr-defined]


def key(tool: str, args: Any) -> int:
    return asked(tool, excerpt(json.dumps(args, sort_keys=True), 1024), 0, 1).key


@pytest.mark.parametrize(
    ("tool", "one", "other"),
    [
        ("Bash", {"command": "ls"}, {"command": "ls", "description": "list"}),
        ("Bash", {"command": "ls", "timeout": 1}, {"command": "ls", "timeout": 2}),
        ("LS", {"path": ".", "depth": 2}, {"depth": 2, "path": "."}),
        ("exec_command", {"cmd": "ls", "yield_time_ms": 1}, {"cmd": "ls", "max_output_tokens": 9}),
    ],
)
def test_the_same_call(tool: str, one: Any, other: Any) -> None:
    assert key(tool, one) == key(tool, other)


@pytest.mark.parametrize(
    ("tool", "one", "other"),
    [
        ("Bash", {"command": "ls"}, {"command": "ls -a"}),
        ("Read", {"file_path": "a", "offset": 0}, {"file_path": "a", "offset": 100}),
        ("Task", {"description": "a", "prompt": "x"}, {"description": "b", "prompt": "x"}),
        ("mcp__gh__create_issue", {"title": "t", "description": "a"}, {"title": "t", "description": "b"}),
        ("Write", {"content": "x" * 3000 + "a"}, {"content": "x" * 3000 + "b"}),
        ("Bash", {"command": "date 2026-01-01"}, {"command": "date 2026-01-02"}),
    ],
)
def test_another_call(tool: str, one: Any, other: Any) -> None:
    assert key(tool, one) != key(tool, other)


@pytest.mark.parametrize(
    ("name", "kind", "remote"),
    [
        ("Bash", "shell", False), ("run_shell_command", "shell", False), ("local_shell_call", "shell", False),
        ("apply_patch", "edit", False), ("str_replace_based_edit_tool", "edit", False), ("replace", "edit", False),
        ("mcp__wiki__search", "query", True), ("mcp__fs__write_file", "edit", True), ("mcp__browser__click", "act", True),
        ("WebFetch", "web", True), ("update_plan", "note", False), ("invoke_agent", "agent", False),
        ("ask_user", "ask", False), ("askHumanForHelp", "ask", False), ("BashOutput", "wait", False),
        ("get_job_status", "query", False), ("frobnicate", "other", False),
    ],
)  # fmt: skip
def test_what_a_name_stands_for(name: str, kind: str, remote: bool) -> None:
    assert (tool_of(name).kind, tool_of(name).remote) == (kind, remote)


@pytest.mark.parametrize(
    ("text", "true"),
    [
        ("sleep 30", {"spacer": True, "sleeps": 30.0}),
        ("sleep 5 && echo done", {"spacer": True}),
        ("sleep 2m; tail -5 train.log", {"polls": True, "sleeps": 120.0, "looks": True}),
        ("gh run view 991", {"polls": True}),
        ("kubectl get pods -n web", {"polls": True}),
        ("./jobctl status 77", {"polls": True}),
        ("until curl -sf x; do sleep 5; done", {"polls": True, "sleeps": 5.0}),
        ("for i in $(seq 1 10); do check; sleep 6; done", {"sleeps": 60.0}),
        ("timeout 5m npm run e2e", {"limit": 300.0}),
        ("cd web && pytest -q tests/a 2>&1 | tail -5", {"tests": True, "scope": "pytest tests/a"}),
        ("CI=1 npx vitest run", {"tests": True}),
        ("uv run pytest", {"tests": True}),
        ("python -m unittest tests.a", {"tests": True}),
        ("cargo test -p core", {"tests": True}),
        ("make check", {"tests": True}),
        ("./run_tests.sh", {"tests": True}),
        ("sed -i 's/a/b/' f.c", {"changes": True}),
        ("cat > a.py <<'EOF'", {"changes": True}),
        ("git stash pop", {"changes": True, "restores": True}),
        ("git add -A && git commit -m x", {"changes": True, "commits": True}),
        ("npm install left-pad", {"changes": True}),
        ("rg -n foo src | head", {"looks": True}),
        ("sed -n '1,20p' a.c", {"looks": True}),
    ],
)
def test_what_a_command_does(text: str, true: dict[str, Any]) -> None:
    command = command_of(text)
    assert {name: getattr(command, name) for name in true} == true


@pytest.mark.parametrize(
    ("text", "false"),
    [
        ("pytest -q | tail -5", ("polls", "changes", "looks")),
        ("make 2>&1", ("changes", "tests")),
        ("ls > /dev/null", ("changes",)),
        ("rg pytest src", ("tests",)),
        ("cat pytest.ini", ("tests",)),
        ("sleep 5 && pytest", ("spacer", "polls")),
        ("git push", ("polls", "changes", "commits")),
        ("node -e 'a => b'", ("changes",)),
        ("while true; do sleep 1; done", ("spacer",)),
    ],
)
def test_what_a_command_does_not(text: str, false: tuple[str, ...]) -> None:
    command = command_of(text)
    assert not any(getattr(command, name) for name in false), command


def test_an_empty_command_waits() -> None:
    assert command_of("") == Command(polls=True)


@pytest.mark.parametrize(
    ("text", "failing", "passing"),
    [
        ("3 failed, 5 passed in 1.2s", 3, 5),
        ("12 passed", 0, 12),
        ("Test Suites: 1 failed, 1 total\nTests:       3 failed, 5 passed, 8 total\nTime: 2 s", 3, 5),
        ("Tests  4 failed | 16 passed (20)", 4, 16),
        ("test result: FAILED. 5 passed; 2 failed; 0 ignored", 2, 5),
        ("Ran 9 tests\nFAILED (failures=2, errors=1)", 3, None),
        ("  7 passing (2s)\n  2 failing", 2, None),
        ("12 examples, 3 failures", 3, None),
        ("Found 12 errors in 3 files (checked 9)", 12, None),
        ("✖ 12 problems (3 errors, 9 warnings)", 15, None),
        ("Failed: 2, Passed: 10, Skipped: 0", 2, 10),
        ("src/a.py: error: x\nFound 1 error in 1 file", 1, None),
    ],
)
def test_figures(text: str, failing: int, passing: int | None) -> None:
    counted = figures(output(text))
    assert counted is not None and counted.failing == failing
    assert passing is None or counted == Figures(failing, passing)


@pytest.mark.parametrize(
    "text", ["", "done", "built in 3s", "passed on to the next", "error", "fail fast", "port 8080"]
)
def test_no_figures(text: str) -> None:
    assert figures(output(text)) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("line 1\nModuleNotFoundError: No module named cv2", "line 22\nModuleNotFoundError: No module named cv2", True),
        ("E   assert 3 == 2\n1 failed", "E   assert 4 == 2\n2 failed", True),
        ("KeyError: 'a'", "KeyError: 'b'", False),
        (
            "TS2322: x\nerror Command failed with exit code 1.",
            "TS2304: y\nerror Command failed with exit code 1.",
            False,
        ),
        (
            "undefined reference to `a'\nmake: *** [all] Error 2",
            "undefined reference to `b'\nmake: *** [all] Error 2",
            False,
        ),
    ],
)
def test_one_error_or_two(one: str, other: str, same: bool) -> None:
    first, second = (error_signature(output(text), False) for text in (one, other))
    assert first and second
    assert (first == second) is same


@pytest.mark.parametrize("text", ["", "[]", "{}", "No matches found", "(no new output; process still running)", '{"results":[],"total":0}', "0 results", "null", "Exit code 1", "nothing to commit, working tree clean", "No files found"])  # fmt: skip
def test_an_answer_that_says_nothing(text: str) -> None:
    assert says_nothing(output(text))


@pytest.mark.parametrize("text", ["a.py:3: TODO", "3 failed", '{"total":7}', "job 77: UNKNOWN", "No module named cv2", "main", "note: this is a long answer about nothing in particular, and still"])  # fmt: skip
def test_an_answer_that_says_something(text: str) -> None:
    assert not says_nothing(output(text))


@pytest.mark.parametrize("text", ["ok", "Done.", "Success", "Issue updated", "The file /a/b.py has been updated", "1 row was inserted", "Clicked element", "Todos have been modified successfully."])  # fmt: skip
def test_a_plain_deed(text: str) -> None:
    assert says_done(output(text))


@pytest.mark.parametrize("text", ["src/opts.c:77: parse_flag(", "job 77 PD", "body of a.c", "3 warnings in a.js"])
def test_no_plain_deed(text: str) -> None:
    assert not says_done(output(text))


def test_who_said_no() -> None:
    assert is_refusal(output("The user doesn't want to proceed with this tool use. The tool use was rejected."))
    assert is_refusal(output("Command rejected by user"))
    assert not is_refusal(output("Access denied for user 'root'@'localhost'"))


NOW = 1_790_000_000
"""2026-09-21T14:13:20Z."""


@pytest.mark.parametrize(
    ("status", "text", "kind", "seconds", "when"),
    [
        (429, "Server is temporarily limiting requests (not your usage limit)", "throttle", None, ""),
        (429, "Claude AI usage limit reached|1790003600", "quota", 3600, ""),
        (429, "You've hit your usage limit. Try again in 3 hours 21 minutes.", "quota", 12_060, ""),
        (429, "You've hit your usage limit. Visit x to purchase more credits or try again at 11:56 PM.", "quota", None, "11:56 PM"),
        (429, "You've hit your session limit · resets 4pm (America/Los_Angeles)", "quota", None, "4pm (America/Los_Angeles)"),
        (429, "limit resets at 2026-09-21T16:00:00Z", "quota", 6400, ""),
        (429, "quota resets 16:00 UTC", "quota", 6400, "16:00"),
        (429, "Rate limit reached for gpt-5 on tokens per min. Please try again in 1.3s", "throttle", 1.3, ""),
        (529, "Overloaded", "overload", None, ""),
        (503, "Service unavailable", "overload", None, ""),
        (401, "OAuth token expired. Please run /login", "login", None, ""),
        (403, "forbidden", "login", None, ""),
        (None, "Your credit balance is too low to access the API", "credits", None, ""),
        (429, "You exceeded your current quota, please check your plan and billing details (insufficient_quota)", "credits", None, ""),
        (400, "prompt is too long: 210000 tokens > 200000 maximum", "refused", None, ""),
        (None, "This model's maximum context length is 128000 tokens", "refused", None, ""),
        (None, "stream disconnected before completion", "transport", None, ""),
        (500, "Internal server error", "transport", None, ""),
    ],
)  # fmt: skip
def test_what_a_service_means(status: int | None, text: str, kind: str, seconds: float | None, when: str) -> None:
    why = refusal(ApiError(status=status, text=text), NOW * SECOND)
    assert (why.kind, why.when) == (kind, when)
    assert why.until == (None if seconds is None else (NOW * SECOND + round(seconds * SECOND)))


def test_what_a_call_is_about() -> None:
    assert subject('{"command":["bash","-lc","make all"]}') == "make all"
    assert subject('{"content":"' + "x" * 900).startswith('{"content"')
    assert subject("not json") == "not json"
