"""Sessions that are stuck, waiting, limited or broken, in the words of many clients: found, not too early, and proved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.fleet.status import Status
from tests.fleet.playing import Play, busy, idle

CASES: dict[str, tuple[str, str, Callable[[], Play]]] = {}


def case(name: str, words: str) -> Callable[[Callable[[], Play]], Callable[[], Play]]:
    """`name` is red in the end, and its evidence holds `words`."""

    def keep(build: Callable[[], Play]) -> Callable[[], Play]:
        CASES[build.__name__] = (name, words, build)
        return build

    return keep


# --- the same again ------------------------------------------------------------------------------------------


@case("looping", "same run_shell_command call 4x: npm run lint, identical output")
def same_good_answer() -> Play:
    p = Play().user()
    for _ in range(4):
        p.do("run_shell_command", {"command": "npm run lint"}, "3 warnings in a.js, b.js and c.js")
    return p


@case("looping", "same shell call 3x: make, identical error")
def same_error_with_words_between() -> Play:
    p = Play().user()
    for n in range(3):
        p.says(f"Attempt {n}: let me build.").fails(
            "shell", {"command": ["bash", "-lc", "make"]}, "undefined reference to `foo'"
        )
    return p


@case("looping", "same apply_patch call 3x")
def a_patch_that_never_applies() -> Play:
    p = Play().user()
    for _ in range(3):
        p.fails("apply_patch", "*** Update File: a.go\n-x\n+y", "apply_patch verification failed: context not found")
    return p


@case("looping", "an error each time, in other words")
def same_call_other_words() -> Play:
    p = Play().user()
    for words in ("bad verb", "unknown verb strat", "no such verb; see --help", "verb?"):
        p.fails("local_shell", {"command": "ctl strat"}, f"error: {words}")
    return p


@case("looping", "same exec_command call 4x")
def cosmetic_arguments_differ() -> Play:
    p = Play().user()
    for n in range(4):
        args = {"cmd": "ls -R src", "justification": f"look {n}", "yield_time_ms": 1000 + n, "timeout": 5 + n}
        p.do("exec_command", args, "a.c b.c c.c")
    return p


@case("looping", "identical error")
def volatile_words_in_the_answer() -> Play:
    p = Play().user()
    for n in range(3):
        text = f"[2026-03-0{n + 1}T10:0{n}:07Z] pid {4100 + n} failed after {n}.2s at 0x7f{n}a0c see /tmp/run-{n}8f/log.txt"
        p.fails("Bash", {"command": "./check"}, text)
    return p


@case("looping", "same get_task call 4x")
def an_answer_that_was_spilled() -> Play:
    p = Play(5).user()
    for n in range(4):
        p.do("get_task", {"id": 3}, f"output saved to /tmp/spill/{n}f.txt sha256:77ab, 4 open")
    return p


@case("looping", "same Bash call 4x")
def two_equal_calls_in_each_message() -> Play:
    p = Play().user()
    for n in range(4):
        ids = [p.ask("Bash", {"command": "id"}, message_id=f"m{n}") for _ in range(2)]
        for call in ids:
            p.answer(call, "uid=0(root)")
    return p


@case("looping", "same Grep call 5x")
def the_same_among_new_things() -> Play:
    p = Play().user()
    for n in range(5):
        p.do("Grep", {"pattern": "TODO"}, "a.py:3: TODO fix").do("Read", {"file_path": f"{n}.py"}, f"body {n}")
    return p


@case("looping", "same Bash call 4x")
def the_same_failure_among_new_things() -> Play:
    p = Play().user()
    for n in range(4):
        p.fails("Bash", {"command": "make"}, "linker: symbol x missing").do(
            "Read", {"file_path": f"{n}.c"}, f"body {n}"
        )
    return p


@case("looping", "same Bash call 3x")
def through_a_compaction_and_nudges() -> Play:
    p = Play(30).user("go on until CI passes")
    p.fails("Bash", {"command": "git push"}, "fatal: could not read from remote").ends("Push failed.")
    p.event(ev.CompactEnded(pre_tokens=150_000, post_tokens=9_000)).user("continue", synthetic=True)
    p.fails("Bash", {"command": "git push"}, "fatal: could not read from remote").ends("Push failed again.")
    p.user("continue", synthetic=True).fails("Bash", {"command": "git push"}, "fatal: could not read from remote")
    return p.user("continue", synthetic=True).fails(
        "Bash", {"command": "git push"}, "fatal: could not read from remote"
    )


@case("looping", "same Bash call 3x")
def a_runner_that_types_the_same_prompt() -> Play:
    p = Play(30, interactive=False)
    for _ in range(4):
        p.user("keep going", headless=True).fails("Bash", {"command": "terraform apply"}, "Error: no credentials")
        p.ends("Stopped.")
    return p


@case("looping", "same 2 calls 3 times over: Read a.py → Read b.py")
def back_and_forth() -> Play:
    p = Play().user()
    for _ in range(3):
        p.do("Read", {"file_path": "a.py"}, "body a").do("Read", {"file_path": "b.py"}, "body b")
    return p


@case("looping", "same 3 calls 3 times over")
def a_round_of_edits_and_tests() -> Play:
    p = Play().user()
    for _ in range(3):
        p.do("mcp__fs__stat", {"p": "a"}, "12 bytes").do("read_file", {"path": "a"}, "x").do(
            "list_dir", {"path": "."}, "a b"
        )
    return p


@case("looping", "5 different WebFetch calls, the same error each time")
def one_error_for_every_page() -> Play:
    p = Play().user()
    for n in range(5):
        p.fails("WebFetch", {"url": f"https://ex.test/{n}"}, "Request failed with status code 403")
    return p


@case("looping", "8 different search_symbols calls, the same output each time")
def one_answer_for_every_question() -> Play:
    p = Play().user()
    for n in range(8):
        p.do("search_symbols", {"q": f"parse{n}"}, "src/opts.c:77: parse_flag(")
    return p


@case("looping", "nothing found each time")
def twenty_times_nothing() -> Play:
    p = Play().user()
    for n in range(20):
        p.do("grep_search", {"query": f"name{n}"}, "No matches found")
    return p


@case("looping", "asked 12x")
def a_job_that_never_moves() -> Play:
    p = Play(30).user()
    for _ in range(14):
        p.do("shell_command", {"command": "squeue -j 77"}, "77 batch PD (Resources)")
    return p


@case("looping", "asked")
def waiting_for_a_process_that_does_nothing() -> Play:
    p = Play(5, permission_mode="bypass").user()
    p.do("exec_command", {"cmd": "python train.py"}, "Process running")
    for _ in range(26):
        p.do("write_stdin", {"session_id": 1, "chars": ""}, "Process running", took=30).proc(idle("python"), wait=0)
    return p


@case("looping", "parts of sys.log read again")
def a_log_swept_twice() -> Play:
    p = Play().user()
    for _ in range(2):
        for n in range(6):
            p.do("Read", {"file_path": "sys.log", "offset": n * 100, "limit": 100}, f"part {n}")
    return p


@case("looping", "read again")
def a_file_paged_again_by_other_pages() -> Play:
    p = Play().user()
    for n in range(6):
        p.do("view", {"path": "core.c", "start_line": n * 100, "end_line": n * 100 + 99}, f"part {n}")
    for n in range(6):
        p.do("view", {"path": "core.c", "start_line": n * 90, "end_line": n * 90 + 89}, f"piece {n}")
    return p


@case("looping", 'same message 3x without a tool call: "I will now')
def the_same_plan_told_three_times() -> Play:
    p = Play(20).user()
    for _ in range(3):
        p.says("I will now open the migration and run it.", "end_turn").user("[auto] use a tool", synthetic=True)
    return p


@case("looping", "4 empty messages")
def nothing_said_at_all() -> Play:
    p = Play(20).user()
    for _ in range(4):
        p.says("", "end_turn").user("continue", synthetic=True)
    return p


@case("looping", "one sentence")
def a_chant() -> Play:
    return Play().user().says("Let me think. " + "The totals match the three regions. " * 14)


@case("looping", "one sentence")
def a_chant_longer_than_what_is_kept() -> Play:
    sentence = "I need to check whether the configuration that was written by the earlier step of this very long plan is the one that the second service reads when it starts in the container, and only then go on with it, slowly and with care. "
    return Play().user().says(sentence * 40)


@case("looping", "one sentence")
def a_chant_without_stops() -> Play:
    return Play().user().says("ok so " + "i check the file again and " * 40)


@case("looping", "one sentence")
def a_chant_in_thoughts() -> Play:
    return Play().user().event(ev.AssistantThinking(text=excerpt("Wait, let me reconsider this. " * 20)))


@case("looping", "cfg.py went back to an earlier content 2x")
def back_and_forth_between_two_contents() -> Play:
    p = Play().user()
    for n in range(4):
        old, new = ("60", "30") if n % 2 == 0 else ("30", "60")
        p.edit("cfg.py", f"T={old}", f"T={new}", f"h{new}").sh("pytest -q t.py", "1 failed", ok=False)
    return p


@case("looping", "went back to an earlier content 2x")
def back_and_forth_told_by_edits_only() -> Play:
    p = Play().user()
    for n in range(4):
        old, new = ("60", "30") if n % 2 == 0 else ("30", "60")
        p.do("replace", {"file_path": "cfg.py", "old_string": f"T={old}", "new_string": f"T={new}"}, "ok")
        p.do("run_shell_command", {"command": "pytest -q t.py"}, f"{n} ran: timeout test failed", ok=False)
    return p


@case("looping", "went back to an earlier content 2x")
def back_and_forth_by_whole_files() -> Play:
    p = Play().user()
    for n in range(5):
        p.do("write", {"filePath": "m.ts", "content": f"export const mode = {n % 2}"}, "Wrote file successfully.")
        p.do("bash", {"command": f"bun run check --n {n}"}, f"run {n}: mode test failed", ok=False)
    return p


# --- busy, and nothing comes of it ---------------------------------------------------------------------------


@case("spinning", "20 calls in a row brought nothing new")
def the_same_files_in_any_order() -> Play:
    p = Play().user()
    order = [0, 3, 1, 4, 2, 5, 3, 0, 4, 2, 1, 5, 2, 4, 0, 3, 5, 1, 4, 0, 2, 5, 3, 1, 0, 4, 5]
    for n in [*range(6), *order]:
        p.do("read_file", {"path": f"{n}.c"}, f"body of {n}")
    return p


@case("spinning", "still 12 failing (best 12)")
def figures_that_stay() -> Play:
    p = Play(30).user()
    for n in range(9):
        p.edit("core.py", f"v{n}", f"v{n + 1}", f"h{n}").sh(
            "pytest -q", f"{12 + n % 2} failed, {28 - n % 2} passed", ok=False
        )
    return p


@case("spinning", "failing (best 3)")
def figures_that_stay_in_jest() -> Play:
    p = Play(30).user()
    for n in range(9):
        p.do("replace", {"file_path": "a.ts", "old_string": f"{n}", "new_string": f"{n}x"}, "ok")
        text = f"Test Suites: 1 failed, 1 total\nTests:       3 failed, 5 passed, 8 total\nTime: {n}.1 s"
        p.do("run_shell_command", {"command": f"npx jest --silent 2>&1 | tail -{n + 5}"}, text)
    return p


@case("spinning", "score 0.4")
def a_check_that_stays() -> Play:
    p = Play(30).user()
    for n in range(9):
        p.edit("m.py", f"{n}", f"{n}x", f"h{n}").event(ev.Check(name="accuracy", ok=False, score=0.4 if n else 0.41))
    return p


@case("spinning", "the same error 6x through")
def one_error_through_new_files() -> Play:
    p = Play(30).user()
    for n in range(6):
        p.do("write_file", {"file_path": f"try_{n}.py", "content": f"# {n}"}, "ok")
        p.fails(
            "run_shell_command",
            {"command": f"python try_{n}.py"},
            f"Traceback, line {n}\nModuleNotFoundError: No module named cv2",
        )
    return p


@case("spinning", "3 compactions")
def full_again_at_once() -> Play:
    p = Play(10).user()
    for n in range(3):
        p.do("Read", {"file_path": f"huge{n}.json"}, f"{n}" * 500)
        p.event(ev.CompactEnded(pre_tokens=199_000, post_tokens=150_000))
    return p


@case("spinning", "looks finished: pytest -q came out well 4x")
def green_again_and_again() -> Play:
    p = Play(20).user().edit("a.py", "x", "y", "h")
    for n in range(4):
        p.sh("pytest -q", f"12 passed in 0.{n}1s")
    return p


@case("spinning", "looks finished")
def green_again_with_other_flags() -> Play:
    p = Play(20).user().edit("a.py", "x", "y", "h")
    for flags in ("-q", "-q -x", "-q --no-header", "-q --tb=short"):
        p.sh(f"pytest {flags} tests", "12 passed")
    return p


# --- silence -------------------------------------------------------------------------------------------------


@case("stalled", "no bytes from the model for 11m after the prompt")
def the_model_says_nothing() -> Play:
    return Play().user().proc(times=12, net=0)


@case("stalled", "after its first tokens")
def the_stream_froze() -> Play:
    return Play().user().event(ev.StreamProgress(output=120)).event(ev.StreamProgress(output=410)).proc(times=7)


@case("stalled", "no bytes from the model")
def the_model_says_nothing_at_high_effort() -> Play:
    return Play(effort="max").user().proc(times=22)


@case("stalled", "wants input")
def somebody_must_type() -> Play:
    p = Play(permission_mode="bypass").user()
    p.ask("run_shell_command", {"command": "npm init"})
    return p.proc(idle("npm init", terminal=True), times=5)


@case("stalled", "its processes do nothing")
def a_build_that_went_quiet() -> Play:
    p = Play(permission_mode="bypass").user()
    p.ask("exec_command", {"cmd": "cargo build"})
    return p.proc(busy("cargo"), times=5).proc(idle("cargo"), times=17)


@case("stalled", "no process was seen")
def a_command_that_never_began() -> Play:
    p = Play(permission_mode="bypass").user()
    p.ask("bash", {"command": "ls"})
    return p.proc(times=7)


@case("stalled", "no process was seen")
def a_command_that_never_began_beside_helpers() -> Play:
    p = Play(permission_mode="bypass").user()
    p.ask("bash", {"command": "ls"})
    return p.proc(idle("node mcp-server-github --stdio"), times=7)


@case("stalled", "it should be instant")
def an_edit_that_never_returns() -> Play:
    p = Play(permission_mode="bypassPermissions").user()
    p.ask("Edit", {"file_path": "a", "old_string": "b", "new_string": "c"})
    return p.proc(times=7)


@case("stalled", "a remote tool")
def a_server_that_never_answers() -> Play:
    p = Play(permission_mode="bypass").user()
    p.ask("mcp__jira__get_issue", {"key": "A-1"})
    return p.proc(ev.Child("mcp-jira", 0.0, "S", 0), times=12, net=0)


@case("stalled", "the sub-agent has ended")
def a_result_that_got_lost() -> Play:
    p = Play(permission_mode="bypass").user()
    call = p.ask("Task", {"prompt": "x"})
    p.event(ev.SessionUpdated(parent="log:s", relation="subagent", parent_call=call), agent="a")
    p.do("Read", {"file_path": "f"}, "b", agent="a").event(ev.TurnEnded(), agent="a")
    return p.proc(times=7)


@case("stalled", "compacting its context")
def a_compaction_without_an_end() -> Play:
    return Play().user().event(ev.CompactStarted()).proc(times=12)


@case("stalled", "was due")
def a_retry_that_never_came() -> Play:
    p = Play(2).user().event(ev.ApiError(status=529, text="Overloaded", retry_in=30, attempt=2, max_attempts=10))
    return p.proc(times=13)


@case("stalled", "540")
def a_sleep_that_does_not_end() -> Play:
    p = Play(permission_mode="bypass").user()
    p.ask("Bash", {"command": "sleep 540"})
    return p.proc(idle("sleep 540"), times=12)


# --- people, limits, ends ------------------------------------------------------------------------------------


@case("waiting", "asks you for")
def a_question_tool() -> Play:
    p = Play().user()
    p.ask("request_user_input", {"question": "which region?"})
    return p.proc(times=3)


@case("waiting", "asks you for")
def a_question_tool_of_another_client() -> Play:
    p = Play().user()
    p.ask("ask_followup_question", {"question": "which region?"})
    return p.proc()


@case("waiting", "asks you for")
def a_plan_to_approve() -> Play:
    p = Play().user()
    p.ask("ExitPlanMode", {"plan": "1. do it"})
    return p.proc()


@case("waiting", "git push")
def a_permission_that_a_hook_told_of() -> Play:
    p = Play().user()
    p.ask("Bash", {"command": "git push"})
    return p.event(ev.Hook(name="Notification", kind="permission_prompt", text="Bash git push")).proc(times=2)


@case("waiting", "git push")
def a_permission_beside_a_server_that_ran_before() -> Play:
    p = Play().user()
    p.ask("Bash", {"command": "git push"})
    p.event(ev.Hook(name="Notification", kind="permission_prompt", text="Bash git push"))
    return p.proc(idle("node vite.js"), times=3)


@case("waiting", "Which database")
def a_turn_that_ends_with_a_question() -> Play:
    return Play().user().ends("I looked at both. Which database should I use, Postgres or SQLite?").proc(times=2)


@case("waiting", "confirm")
def a_turn_that_asks_to_confirm() -> Play:
    return Play().user().ends("This will drop the table `users`.\n\nPlease confirm before I go on.").proc()


@case("errored", "login")
def a_login_that_ran_out() -> Play:
    return Play().user().event(ev.ApiError(status=401, kind="authentication_error", text="OAuth token expired")).proc()


@case("errored", "after 3 retries")
def retries_used_up() -> Play:
    p = Play(2).user()
    for n in (1, 2, 3):
        p.event(ev.ApiError(kind="stream_disconnected", text="reconnecting", attempt=n, max_attempts=3, retry_in=1))
    return p.event(ev.ApiError(kind="stream_disconnected", text="stream disconnected", final=True)).proc()


@case("errored", "prompt is too long")
def a_prompt_that_does_not_fit() -> Play:
    return Play().user().event(ev.ApiError(status=400, text="prompt is too long: 210000 > 200000", final=True))


@case("errored", "prompt is too long")
def a_prompt_that_does_not_fit_without_a_code() -> Play:
    return Play().user().event(ev.ApiError(kind="invalid_request_error", text="prompt is too long: 210000 > 200000"))


@case("errored", "max turns")
def an_end_that_is_an_error() -> Play:
    return Play().user().event(ev.SessionEnded(is_error=True, reason="error_max_turns", text="Reached max turns (50)"))


@case("rate_limited", 'needs "continue"')
def parked_by_a_throttle() -> Play:
    text = "Server is temporarily limiting requests (not your usage limit)"
    return Play().user().event(ev.ApiError(status=429, text=text, final=True)).proc(times=2)


@case("rate_limited", 'needs "continue"')
def a_quota_whose_end_went_by() -> Play:
    error = ev.ApiError(status=429, text="You've hit your usage limit, try again in 10 minutes", final=True)
    return Play().user().event(error).proc(times=15)


@case("dead", "gone 9s ago with Bash make open")
def gone_within_a_command() -> Play:
    p = Play().user()
    p.ask("Bash", {"command": "make"})
    return (
        p.proc(busy()).event(ev.ProcessGone(pid=41)).event(ev.TaskUpdated(task_id="1", subject="x", status="y"), wait=9)
    )


@case("orphaned", "terminal gone")
def without_a_terminal() -> Play:
    p = Play(interactive=True).user().sh("ls", "ok")
    return p.proc(busy("node"), cpu=60, times=3, ppid=1, tty="")


@case("context_nearly_full", "context 183k/200k (92 %), auto-compact off")
def a_full_window() -> Play:
    p = Play(context_window=200_000, auto_compact=False).user()
    for used in (120_000, 176_000, 183_000):
        p.do("Read", {"file_path": f"{used}"}, f"{used}").usage(prompt=used, out=900)
    return p


@pytest.mark.parametrize("name", CASES)
def test_it_is_found(name: str) -> None:
    status, words, build = CASES[name]
    play = build()
    red = play.first_red(status)
    assert red is not None, [(s.status, s.severity, s.evidence) for s in play.told[-3:]]
    proofs = {finding.evidence for finding in play.found if finding.severity == "red" and finding.name == status}
    assert any(words in proof for proof in proofs), proofs
    assert red.cause


ALONE = {name for name, (status, _, _) in CASES.items() if status in ("stalled", "waiting", "errored", "dead")}


@pytest.mark.parametrize("name", sorted(ALONE))
def test_nothing_else_is_cried_before(name: str) -> None:
    status, _, build = CASES[name]
    for told in build().told:
        if told.severity == "red":
            assert told.status == status or status in told.badges
            return


# --- details -------------------------------------------------------------------------------------------------


def last(play: Play) -> Status:
    return play.told[-1]


def test_evidence_has_count_span_and_money_and_the_two_lines() -> None:
    p = Play(5).user()
    for _ in range(3):
        p.fails("Bash", {"command": "pytest -q"}, "E assert 1 == 2\n1 failed").usage(cost=210_000_000)
    told = last(p)
    assert told.evidence == "same Bash call 3x: pytest -q, identical error, 20s, $0.63 since, no edit between"
    assert len(told.lines) == 2 and told.lines[0] < told.lines[1]
    assert told.cause.startswith("call:")


def test_amber_one_before_red_and_ok_before_that() -> None:
    p = Play().user()
    for _ in range(3):
        p.fails("Bash", {"command": "make"}, "error: x")
    assert [s.severity for s in p.told if s.status in ("thinking", "looping")] == ["ok", "ok", "amber", "amber", "red"]


def test_tokens_stand_where_there_is_no_price() -> None:
    p = Play(5).user()
    for _ in range(3):
        p.fails("Bash", {"command": "make"}, "error: x").usage(prompt=20_000, cost=None)
    assert "60k tokens since" in last(p).evidence


@pytest.mark.parametrize(
    ("what", "left"),
    [
        (lambda p: p.edit("a.py", "x", "y", "h"), True),
        (lambda p: [p.do("Read", {"file_path": f"n{n}"}, f"b{n}") for n in range(3)], True),
        (lambda p: p.user("try it with sudo"), True),
        (lambda p: p.do("Read", {"file_path": "n"}, "b"), False),
        (lambda p: p.user("continue", synthetic=True), False),
        (lambda p: p.event(ev.CompactEnded(post_tokens=5)), False),
    ],
)
def test_what_ends_a_loop(what: Callable[[Play], Any], left: bool) -> None:
    p = Play().user()
    for _ in range(3):
        p.fails("Bash", {"command": "make"}, "error: x")
    assert last(p).status == "looping"
    what(p)
    assert (last(p).status != "looping") is left


def test_a_muted_cause_is_possible_only_and_another_one_speaks() -> None:
    p = Play().user()
    for _ in range(3):
        p.fails("Bash", {"command": "make"}, "error: x")
    session = p.fleet.sessions["log:s"]
    session.alerts.mute(0, last(p).cause)
    told = p.status()
    assert (told.status, told.severity) == ("thinking", "ok")
    assert told.possible[0].startswith("looping (muted): same Bash call 3x")
    for _ in range(3):
        p.fails("Bash", {"command": "make all"}, "error: y")
    assert last(p).status == "looping"


def test_a_cycle_is_one_cause_wherever_it_begins() -> None:
    causes = set()
    for shift in range(3):
        p = Play().user()
        for n in range(9):
            name = "abc"[(n + shift) % 3]
            p.do("Read", {"file_path": name}, f"body {name}")
        causes.add(last(p).cause)
    assert len(causes) == 1


def test_a_loop_of_a_sub_agent_is_told_of_the_sub_agent() -> None:
    p = Play(5).user()
    call = p.ask("Task", {"prompt": "x"})
    p.event(ev.SessionUpdated(parent="log:s", relation="subagent", parent_call=call), agent="a")
    for _ in range(3):
        p.fails("WebFetch", {"url": "https://ex.test"}, "HTTP 403", agent="a")
    assert p.agents["a"][-1].status == "looping"
    assert last(p).status == "tool_running"
    assert "1 sub-agent at work" in last(p).evidence


def test_a_quota_is_amber_until_it_ends() -> None:
    p = Play().user().event(ev.ApiError(status=429, text="usage limit reached, try again in 2 hours", final=True))
    assert last(p).severity == "amber"
    assert "resets in 2h" in last(p).evidence
    assert p.status(7190).severity == "amber"
    assert p.status(7400).severity == "red"


@pytest.mark.parametrize(
    "text",
    [
        "You've hit your session limit · resets 4pm (America/Los_Angeles)",
        "5-hour limit reached ∙ resets 3pm",
        "try again at Nov 21st, 2026 3:04 PM: usage limit",
        "Weekly limit reached. Resets Mon at 09:30",
    ],
)
def test_a_quota_with_a_clock_time_says_it(text: str) -> None:
    p = Play().user().event(ev.ApiError(status=429, text=text, final=True))
    assert (last(p).status, last(p).severity) == ("rate_limited", "amber"), last(p).evidence


def test_a_prompt_is_probable_only() -> None:
    p = Play(permission_mode="default").user()
    p.ask("Edit", {"file_path": "README.md", "old_string": "a", "new_string": "b"})
    told = last(p.proc(wait=30))
    assert (told.status, told.severity) == ("waiting", "amber")
    assert told.evidence.startswith("probably waiting for approval: Edit README.md (no process,")


def test_a_claim_without_a_run_is_unproven() -> None:
    p = Play().user().sh("pytest -q", "12 passed").edit("a.py", "x", "y", "h").ends("Fixed. All tests pass now.")
    assert (last(p).status, last(p).severity, last(p).badges) == ("finished", "amber", ("unproven",))
    assert 'says "All tests pass now."' in last(p).evidence
    p.user().sh("pytest -q", "12 passed").ends("All tests pass.")
    assert (last(p).severity, last(p).badges) == ("ok", ())


@pytest.mark.parametrize(
    "text",
    [
        "All tests should pass now.",
        "Run pytest to see if all tests pass.",
        "Not all tests pass.",
        "The tests do not pass.",
    ],
)
def test_what_claims_nothing_is_no_claim(text: str) -> None:
    assert last(Play().user().edit("a.py", "x", "y", "h").ends(text)).severity == "ok"


def test_likeness_is_never_red() -> None:
    p = Play().user()
    plan = "first open the migration file in the editor then look at the schema of the users table and then apply it"
    for n in range(6):
        p.says(f"{plan} step{n}")
    assert last(p).severity == "amber"
    assert not list(p.reds())


def test_progress_is_edits_scores_and_what_is_new() -> None:
    p = Play().user()
    session = p.fleet.sessions["log:s"]
    p.do("Read", {"file_path": "a"}, "body")
    first = session.progress_at
    assert first == p.now
    p.do("Read", {"file_path": "a"}, "body").usage()
    assert session.progress_at == first
    assert session.since_progress.requests == 1
    p.edit("a", "x", "y")
    assert session.progress_at is not None and session.progress_at > first
    assert session.since_progress.requests == 0
