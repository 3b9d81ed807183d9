"""Sessions that are not stuck, in the words of many clients: nothing of them may ever be red."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.excerpt import excerpt
from tests.fleet.playing import Play, busy, idle

CASES: dict[str, Callable[[], Play]] = {}


def case(build: Callable[[], Play]) -> Callable[[], Play]:
    CASES[build.__name__] = build
    return build


# --- asking again, and getting another answer ----------------------------------------------------------------


@case
def poll_that_moves() -> Play:
    p = Play(30).user()
    for n in range(20):
        p.do("shell_command", {"command": "gh pr checks 12"}, f"{n} of 20 checks passed")
    return p.ends()


@case
def poll_that_moves_seldom() -> Play:
    p = Play(30).user()
    for n in range(30):
        p.do("exec_command", {"cmd": "kubectl get pods -n web"}, f"web-{n // 8} Running")
    return p.ends()


@case
def poll_of_a_failing_endpoint_until_it_is_up() -> Play:
    p = Play(30).user()
    for _ in range(9):
        p.sh("curl -sf localhost:8080/health", "curl: (7) Failed to connect", ok=False)
    return p.sh("curl -sf localhost:8080/health", "ok").ends()


@case
def poll_with_a_sleep_of_its_own() -> Play:
    p = Play(15).user()
    for _ in range(8):
        p.do("run_shell_command", {"command": "sleep 15 && cat out/progress.txt"}, "stage 1 running")
    return p.ends()


@case
def poll_with_a_sleep_between() -> Play:
    p = Play(4).user()
    for _ in range(10):
        p.do("read_file", {"absolute_path": "/w/train.log"}, "epoch 1 loss 0.9")
        p.sh("sleep 30", took=30)
    return p.ends()


@case
def waiting_for_a_busy_process() -> Play:
    p = Play(10, permission_mode="bypass").user()
    p.do("exec_command", {"cmd": "cargo build --release"}, "Process running")
    for _ in range(40):
        p.do("write_stdin", {"chars": "", "session_id": 1, "yield_time_ms": 30000}, "Process running", took=30)
        p.proc(busy("cargo"), wait=1)
    return p.ends()


@case
def draining_a_stream() -> Play:
    p = Play(2).user()
    for n in range(60):
        p.do("mcp__pty__read_output", {"session": "dbg"}, f"ModLoad {n:x} lib{n}.dll")
    return p.ends()


@case
def scrolling() -> Play:
    p = Play(3).user()
    for n in range(15):
        p.do("mcp__browser__scroll", {"direction": "down"}, f"viewport {n}")
    return p.ends()


@case
def a_spacer_between_moving_answers() -> Play:
    p = Play(5).user()
    for n in range(15):
        p.do("read_output", {"handle": "p1"}, f"[{n * 5}%] unit {n}").sh("sleep 5")
    return p.ends()


@case
def one_thing_stands_while_another_moves() -> Play:
    p = Play(5).user()
    for n in range(8):
        p.sh("ls dist/", "ls: cannot access 'dist/'", ok=False).sh("tail -1 build.log", f"compiled {n} of 9")
    return p.ends()


@case
def a_flaky_test_run_again() -> Play:
    p = Play(20).user()
    p.sh("pytest -q t.py", "1 failed", ok=False).sh("pytest -q t.py", "9 passed").sh("pytest -q t.py", "9 passed")
    return p.sh("pytest -q t.py", "1 failed, 8 passed", ok=False).sh("pytest -q t.py", "9 passed").ends()


@case
def a_retry_that_succeeds() -> Play:
    p = Play(10).user()
    p.sh("npm ci", "npm ERR! network timeout", ok=False).sh("npm ci", "npm ERR! network timeout", ok=False)
    return p.sh("npm ci", "added 812 packages").ends()


@case
def retries_each_after_a_change() -> Play:
    p = Play(10).user()
    for n in range(5):
        p.sh("docker build .", "ERROR: failed to solve: exit code 1", ok=False)
        p.edit("Dockerfile", f"RUN {n}", f"RUN {n + 1}", f"d{n}")
        p.sh(f"cat layer{n}.txt", f"layer {n}")
    return p.sh("docker build .", "done").ends()


# --- edits ---------------------------------------------------------------------------------------------------


@case
def edit_and_test_until_green() -> Play:
    p = Play(20).user()
    for n, failing in enumerate((9, 7, 7, 4, 4, 3, 1, 0)):
        p.edit("z.py", f"o{n}", f"n{n}", f"z{n}")
        p.sh("pytest -q", f"{failing} failed, {20 - failing} passed" if failing else "20 passed", ok=not failing)
    return p.ends()


@case
def edit_and_test_without_hashes() -> Play:
    p = Play(20).user()
    for n, failing in enumerate((9, 7, 7, 4, 4, 3, 1, 0)):
        p.do("replace", {"file_path": "z.ts", "old_string": f"o{n}", "new_string": f"n{n}"}, "ok")
        p.do(
            "run_shell_command", {"command": "npx vitest run"}, f"Tests  {failing} failed | {20 - failing} passed (20)"
        )
    return p.ends()


@case
def edits_through_the_shell() -> Play:
    p = Play(10).user()
    for n in range(7):
        p.do("shell", {"command": ["bash", "-lc", f"sed -i 's/a{n}/b{n}/' f.c"]})
        p.do("shell", {"command": ["bash", "-lc", "make test"]}, f"{7 - n} failed, {n} passed", ok=False)
    return p.ends()


@case
def green_after_each_feature() -> Play:
    p = Play(20).user()
    for n in range(8):
        p.edit(f"feat{n}.py", "x", f"y{n}", f"f{n}").sh("pytest -q", "12 passed")
    return p.ends()


@case
def many_edits_one_answer() -> Play:
    p = Play(3).user()
    for n in range(40):
        p.do("edit", {"filePath": f"src/m{n}.ts", "oldString": "var", "newString": "const"}, "ok")
    return p.ends()


@case
def one_rename_in_many_places_of_one_file() -> Play:
    p = Play(3).user()
    for n in range(12):
        p.do(
            "apply_patch",
            f"*** Update File: a.go\n@@ func f{n}\n-old()\n+new()",
            "Success. Updated the following files:\nM a.go",
        )
    return p.ends()


@case
def files_moved_one_by_one() -> Play:
    p = Play(3).user()
    for n in range(30):
        p.sh(f"git mv old/f{n}.c new/f{n}.c")
    return p.ends()


@case
def status_after_each_commit() -> Play:
    p = Play(5).user()
    for n in range(8):
        p.edit("a.py", f"o{n}", f"n{n}", f"h{n}")
        p.sh("git add -A && git commit -qm step", f"[main {n}abc] step").sh("git status --short")
    return p.ends()


@case
def a_mutation_tried_and_taken_back_each_time() -> Play:
    p = Play(5).user()
    for n in range(5):
        p.edit("calc.py", "a + b", f"a - b * {n}", f"broken{n}").sh("pytest -q", f"{n + 1} failed", ok=False)
        p.edit("calc.py", f"a - b * {n}", "a + b", "good").sh("pytest -q", "30 passed")
    return p.ends()


@case
def stash_test_and_pop() -> Play:
    p = Play(5).user()
    for n in range(3):
        p.sh("git stash && pytest -q t_api.py", f"{3 - n} failed").event(ev.FileChanged(path="a.py", hash="base"), 1)
        p.sh("git stash pop", "Dropped refs/stash").event(ev.FileChanged(path="a.py", hash="mine"), 1)
        p.edit("b.py", f"{n}", f"{n}x", f"b{n}")
    return p.ends()


@case
def one_stubborn_test_whose_error_moves() -> Play:
    p = Play(20).user()
    errors = (
        "KeyError: 'id'",
        "TypeError: None",
        "ValueError: bad date",
        "AttributeError: x",
        "IndexError",
        "OSError: y",
        "AssertionError: z",
    )
    for n, error in enumerate(errors):
        p.edit("api.py", f"a{n}", f"b{n}", f"h{n}").sh("pytest -q t.py", f"E   {error}\n1 failed, 3 passed", ok=False)
    return p.edit("api.py", "last", "fix", "hz").sh("pytest -q t.py", "4 passed").ends()


@case
def red_first_then_more_tests() -> Play:
    p = Play(20).user()
    for n in range(9):
        p.edit("t.py", f"t{n}", f"u{n}", f"h{n}").sh("go test ./...", f"{3 + n % 2} failed, {10 + n} passed", ok=False)
    return p.ends()


# --- looking around ------------------------------------------------------------------------------------------


@case
def many_files_read() -> Play:
    p = Play(3).user()
    for n in range(60):
        p.do("read_file", {"path": f"src/f{n}.rs"}, f"pub fn f{n}() {{}}")
    return p.ends()


@case
def a_log_read_in_pages() -> Play:
    p = Play(3).user()
    for n in range(40):
        p.do("Read", {"file_path": "sys.log", "offset": n * 100, "limit": 100}, f"part {n}")
    return p.ends()


@case
def pages_through_sed() -> Play:
    p = Play(3).user()
    for n in range(20):
        p.do("exec_command", {"cmd": f"sed -n '{n * 200 + 1},{n * 200 + 200}p' core.c"}, f"part {n}")
    return p.ends()


@case
def a_whole_file_then_closer_looks() -> Play:
    p = Play(3).user().do("Read", {"file_path": "big.py", "offset": 0, "limit": 2000}, "all")
    for n in (40, 300, 900, 120, 1500, 700, 1800):
        p.do("Read", {"file_path": "big.py", "offset": n, "limit": 60}, f"lines at {n}")
    return p.ends()


@case
def a_file_read_again_after_compaction() -> Play:
    p = Play(3).user()
    for _ in range(2):
        for n in range(8):
            p.do("Read", {"file_path": "core.py", "offset": n * 100, "limit": 100}, f"part {n}")
        p.event(ev.CompactStarted()).event(ev.CompactEnded(pre_tokens=190_000, post_tokens=20_000))
    return p.ends()


@case
def the_same_files_after_compaction() -> Play:
    p = Play(3).user()
    for _ in range(3):
        for n in range(15):
            p.do("Read", {"file_path": f"f{n}.py"}, f"body {n}")
        for n in range(4):
            p.edit("out.py", f"{p.seq}", f"{p.seq + n}")
        p.event(ev.CompactEnded(pre_tokens=190_000, post_tokens=20_000))
    return p.ends()


@case
def greps_that_find_nothing() -> Play:
    p = Play(2).user()
    for n in range(15):
        p.do("Grep", {"pattern": f"old_name_{n}", "path": "src"}, "No matches found")
    return p.ends()


@case
def shell_greps_that_find_nothing() -> Play:
    p = Play(2).user()
    for n in range(15):
        p.do("exec_command", {"cmd": f"rg -n legacy_{n} src"}, "", ok=False)
    return p.ends()


@case
def searches_with_an_empty_list() -> Play:
    p = Play(2).user()
    for who in ("ann", "bob", "cy", "di", "ed", "flo", "gus", "hal"):
        p.do("directory_search", {"query": who}, '{"results":[],"total":0}')
    return p.ends()


@case
def clicks_that_all_say_ok() -> Play:
    p = Play(2).user()
    for n in range(25):
        p.do("mcp__browser__click", {"selector": f"#row-{n} .delete"}, "Clicked element.")
    return p.ends()


@case
def rows_written_to_a_database() -> Play:
    p = Play(2).user()
    for n in range(25):
        p.do("mcp__db__execute", {"sql": f"insert into t values ({n})"}, "1 row was inserted")
    return p.ends()


@case
def issues_closed_one_by_one() -> Play:
    p = Play(2).user()
    for n in range(20):
        p.do("mcp__github__update_issue", {"number": n, "state": "closed"}, "Issue updated")
    return p.ends()


@case
def research_without_edits() -> Play:
    p = Play(20).user()
    for n in range(25):
        p.do("WebSearch", {"query": f"topic {n}"}, f"results {n}").usage()
    return p.ends()


@case
def a_probe_among_new_pages() -> Play:
    p = Play(5).user()
    for n in range(12):
        p.sh("git status --short").do("Read", {"file_path": f"a{n}.py"}, f"a{n}").do(
            "Read", {"file_path": f"b{n}.py"}, f"b{n}"
        )
        p.do("Read", {"file_path": f"c{n}.py"}, f"c{n}")
    return p.ends()


@case
def reads_at_the_start_in_one_message() -> Play:
    p = Play(0.1).user()
    ids = [p.ask("Read", {"file_path": "README.md"}, message_id="m1") for _ in range(6)]
    for call in ids:
        p.answer(call, "# readme")
    return p.ends()


@case
def reads_at_the_start_without_message_ids() -> Play:
    p = Play(0.1).user()
    ids = [p.ask("Read", {"file_path": "README.md"}) for _ in range(6)]
    for call in ids:
        p.answer(call, "# readme")
    return p.ends()


@case
def three_agents_one_command() -> Play:
    p = Play(2).user()
    ids = [p.ask("Task", {"prompt": f"part {n}"}) for n in range(3)]
    for n, call in enumerate(ids):
        p.event(ev.SessionUpdated(parent="log:s", relation="subagent", parent_call=call), agent=f"a{n}")
    for turn in range(2):
        for n in range(3):
            p.fails("Bash", {"command": "npm test"}, "3 failed", agent=f"a{n}")
        for n in range(3):
            p.do("Edit", {"file_path": f"f{n}{turn}", "old_string": "a", "new_string": "b"}, "ok", agent=f"a{n}")
    for call in ids:
        p.answer(call, "done")
    return p.ends()


@case
def approved_and_seen_for_the_first_time() -> Play:
    p = Play().user()
    call = p.ask("Bash", {"command": "cd web && npm run e2e"})
    p.event(ev.Hook(name="n", kind="permission_prompt", text="Bash npm run e2e"))
    p.told.clear()
    return p.proc(busy("npm run e2e"), times=4).answer(call, "ok").ends()


@case
def the_next_page_by_a_click() -> Play:
    p = Play(3).user()
    for n in range(12):
        p.do("mcp__browser__click", {"selector": "#next"}, "Clicked").do("mcp__browser__get_text", {}, f"page {n}")
    return p.ends()


@case
def a_key_pressed_some_times() -> Play:
    p = Play(3).user()
    for _ in range(6):
        p.do("browser_press_key", {"key": "Tab"}, "ok")
    return p.ends()


@case
def the_same_list_after_each_read() -> Play:
    p = Play(3).user()
    for n in range(12):
        p.do("TodoWrite", {"todos": [{"content": "x"}]}, "ok").do("Read", {"file_path": f"f{n}"}, f"body {n}")
    return p.ends()


@case
def edits_by_a_server_that_nobody_knows() -> Play:
    p = Play(10).user()
    for n in range(5):
        p.do("mcp__cad__set_width", {"part": "a", "mm": n}, "ok").do("mcp__cad__check", {}, "wall too thin", ok=False)
    return p.do("mcp__cad__check", {}, "fine").ends()


@case
def pictures_of_a_screen() -> Play:
    p = Play(3).user()
    for n in range(10):
        p.do("mcp__browser__click", {"ref": f"e{n}"}, "ok").do("mcp__browser__screenshot", {}, "[image]")
    return p.ends()


@case
def searches_whose_answers_are_not_kept() -> Play:
    p = Play(3).user()
    for n in range(30):
        p.do("web_search_call", {"query": f"q{n}"}, "")
    return p.ends()


@case
def files_guessed_in_one_message() -> Play:
    p = Play(0.1).user()
    ids = [p.ask("Read", {"file_path": f"guess{n}.md"}, message_id="m1") for n in range(8)]
    for call in ids:
        p.answer(call, "File does not exist.", ok=False)
    return p.ends()


@case
def calls_that_a_person_denies() -> Play:
    p = Play(10).user()
    for _ in range(6):
        p.fails("Bash", {"command": "rm -rf build"}, "The user doesn't want to proceed with this tool use.")
    return p.ends()


@case
def work_under_tmp() -> Play:
    p = Play(3).user()
    for n in range(12):
        p.do("Glob", {"pattern": f"**/*{n}.py"}, f"/tmp/repo/src/part{n}.py")
    return p.ends()


@case
def a_build_whose_last_words_are_always_the_same() -> Play:
    p = Play(20).user()
    for n in range(9):
        p.edit("a.ts", f"{n}", f"{n}x", f"h{n}")
        text = f"src/a.ts({n},5): error TS2322: Type 'A{'b' * n}' is not assignable.\nerror Command failed with exit code 1."
        p.do("run_shell_command", {"command": "yarn build"}, text, ok=False)
    return p.ends()


@case
def approved_and_at_work() -> Play:
    p = Play().user()
    call = p.ask("Bash", {"command": "git push"})
    p.proc(idle("node mcp-server")).event(ev.Hook(name="n", kind="permission_prompt", text="Bash git push"))
    assert p.told[-1].status == "waiting"
    p.told.clear()
    p.proc(idle("node mcp-server"), busy("git push"), wait=5)
    assert p.told[-1].status == "tool_running"
    return p.answer(call, "pushed").ends()


# --- lists, plans and talk -----------------------------------------------------------------------------------


@case
def todos_ticked_off() -> Play:
    p = Play(3).user()
    for n in range(25):
        p.do("TodoWrite", {"todos": [{"content": "x", "done": n}]}, "Todos have been modified successfully.")
        p.do("Read", {"file_path": f"f{n}"}, f"body {n}")
    return p.ends()


@case
def the_same_plan_now_and_then() -> Play:
    p = Play(3).user()
    for n in range(8):
        p.do("update_plan", {"plan": [{"step": "a", "status": "in_progress"}]}, "Plan updated")
        for m in range(3):
            p.do("read_file", {"path": f"{n}-{m}"}, f"body {n} {m}")
    return p.ends()


@case
def a_list_of_lines_that_begin_alike() -> Play:
    text = "\n".join(f"The file src/module_{n}.py was changed to use the new interface of part {n}." for n in range(30))
    return Play().user().says(text, "end_turn")


@case
def a_table_of_equal_cells() -> Play:
    return Play().user().says("| file | state |\n" + "| some file here | passed without findings |\n" * 30, "end_turn")


@case
def code_with_equal_lines() -> Play:
    return Play().user().says("```python\n" + "values.append(compute(next(source)))\n" * 30 + "```\nDone.", "end_turn")


@case
def bullets_with_equal_words() -> Play:
    return Play().user().says("- migrated without any change.\n" * 25, "end_turn")


@case
def a_refrain_far_apart() -> Play:
    text = "".join(
        f"Chapter {n} tells of {'many different things ' * 20}{n}. The river kept flowing. " for n in range(4)
    )
    return Play().user().says(text, "end_turn")


@case
def short_words_repeated() -> Play:
    return Play().user().says("Yes. " * 40, "end_turn")


@case
def a_person_who_asks_the_same_three_times() -> Play:
    p = Play(20)
    for n in range(4):
        p.user(f"and now? {n}").says("It is still building.", "end_turn")
    return p


@case
def a_heartbeat_every_half_hour() -> Play:
    p = Play(5).user("watch the queue")
    for _ in range(10):
        p.user("heartbeat: anything to do?", wait=1800, synthetic=True).says("Nothing to do.", "end_turn")
    return p


@case
def text_between_tool_calls() -> Play:
    p = Play(5).user()
    for n in range(10):
        p.says("Let me look at the next file.").do("Read", {"file_path": f"f{n}"}, f"b{n}")
    return p.ends()


@case
def a_person_between_failures() -> Play:
    p = Play(10)
    for word in ("push it", "try again", "I fixed the key, again please", "now?"):
        p.user(word).fails("Bash", {"command": "git push"}, "Permission denied (publickey)").ends(
            f"It failed ({word})."
        )
    return p


@case
def answers_of_a_person_between_failures() -> Play:
    p = Play(10).user()
    for n in range(4):
        p.fails("Bash", {"command": "sudo make install"}, "sudo: a password is required")
        p.do("AskUserQuestion", {"question": f"try {n}?"}, "yes")
    return p.ends()


@case
def history_copied_by_a_resume() -> Play:
    p = Play(1).user()
    for n in range(6):
        call = f"old{n}"
        args = excerpt('{"command":"pytest -q"}')
        p.event(ev.ToolCall(call_id=call, tool="Bash", arguments=args, replayed=True))
        p.event(ev.ToolResult(call_id=call, ok=False, output=excerpt("1 failed"), replayed=True))
    return p.sh("pytest -q", "1 failed", ok=False).ends()


@case
def lines_written_twice() -> Play:
    p = Play(1).user()
    for n in range(2):
        call = ev.ToolCall(call_id=f"x{n}", tool="Bash", arguments=excerpt('{"command":"pytest -q"}'))
        result = ev.ToolResult(call_id=f"x{n}", ok=False, output=excerpt("1 failed"))
        for body in (call, call, result, call, result, result):
            p.event(body)
    p.ends()
    assert not p.fleet.sessions["log:s"].calls
    return p


# --- silence that is explained -------------------------------------------------------------------------------


@case
def a_long_build_at_work() -> Play:
    p = Play(permission_mode="bypass").user()
    call = p.ask("Bash", {"command": "make -j8 world"})
    return p.proc(busy(), times=90).answer(call, "built").ends()


@case
def a_download_without_cpu() -> Play:
    p = Play(permission_mode="bypass").user()
    call = p.ask("shell", {"command": "docker pull big"})
    return p.proc(busy("docker", 0.5, 40_000_000), times=60).answer(call, "pulled").ends()


@case
def a_build_that_pauses_for_ten_minutes() -> Play:
    p = Play(permission_mode="bypass").user()
    call = p.ask("Bash", {"command": "make"})
    for _ in range(4):
        p.proc(busy(), times=3).proc(idle(), times=10)
    return p.answer(call, "built").ends()


@case
def a_sleep_that_was_announced() -> Play:
    p = Play(permission_mode="bypass").user()
    call = p.ask("run_shell_command", {"command": "sleep 1800 && dig ex.test"})
    return p.proc(idle("sleep 1800"), times=30).answer(call, "1.2.3.4").ends()


@case
def a_sleep_in_a_loop() -> Play:
    p = Play(permission_mode="bypass").user()
    call = p.ask("Bash", {"command": "for i in $(seq 1 60); do curl -sf x && break; sleep 30; done"})
    return p.proc(idle("bash"), times=29).answer(call, "up").ends()


@case
def a_timeout_that_was_stated() -> Play:
    p = Play(permission_mode="bypass").user()
    call = p.ask("Bash", {"command": "npm run e2e", "timeout": 1_500_000})
    return p.proc(idle("npm run e2e"), times=24).answer(call, "ok").ends()


@case
def a_remote_tool_of_nine_minutes() -> Play:
    p = Play(permission_mode="bypass").user()
    call = p.ask("mcp__farm__evaluate", {"suite": "all"})
    return p.proc(ev.Child("mcp-farm", 0.4, "S", 300), times=9).answer(call, "0.81").ends()


@case
def a_remote_tool_with_traffic() -> Play:
    p = Play(permission_mode="bypass").user()
    call = p.ask("mcp__farm__evaluate", {"suite": "all"})
    return p.proc(ev.Child("mcp-farm", 0.4, "S", 300), times=40, net=900).answer(call, "0.81").ends()


@case
def a_tool_that_always_takes_long() -> Play:
    p = Play(permission_mode="bypass").user()
    for n in range(3):
        call = p.ask("mcp__farm__evaluate", {"suite": "all"})
        p.proc(idle("mcp-farm"), times=8 * (n + 1)).answer(call, f"0.{n}")
    return p.ends()


@case
def the_model_thinks_nine_minutes() -> Play:
    return Play().user().proc(times=9).ends()


@case
def the_model_thinks_long_at_high_effort() -> Play:
    return Play(effort="xhigh").user().proc(times=18).ends()


@case
def the_model_thinks_long_on_a_long_prompt() -> Play:
    p = Play().user().do("Read", {"file_path": "x"}, "y").usage(prompt=180_000)
    return p.proc(times=18).ends()


@case
def a_slow_classifier() -> Play:
    p = Play(permission_mode="auto").user()
    call = p.ask("Bash", {"command": "ls"})
    return p.proc(times=7).answer(call, "a b").ends()


@case
def an_edit_that_waits_for_approval_all_night() -> Play:
    p = Play(permission_mode="default").user()
    call = p.ask("write_file", {"file_path": "a", "content": "b"})
    return p.proc(times=40).answer(call, "ok").ends()


@case
def a_command_that_waits_for_approval_all_night() -> Play:
    p = Play(permission_mode="on-request").user()
    call = p.ask("exec_command", {"cmd": "rm -r build"})
    return p.proc(times=40).answer(call, "").ends()


@case
def a_sub_agent_at_work() -> Play:
    p = Play(5).user()
    call = p.ask("invoke_agent", {"agent_name": "researcher", "prompt": "all of it"})
    p.event(ev.SessionUpdated(parent="log:s", relation="subagent", parent_call=call), agent="r")
    for n in range(30):
        p.do("WebFetch", {"url": f"https://ex.test/{n}"}, f"page {n}", took=50, agent="r").proc(wait=1)
    return p.event(ev.TurnEnded(), agent="r").answer(call, "report").ends()


@case
def a_sub_agent_without_an_end_line() -> Play:
    p = Play(5).user()
    call = p.ask("Task", {"prompt": "x"})
    p.event(ev.SessionUpdated(parent="log:s", relation="subagent", parent_call=call), agent="r")
    p.event(ev.UserMessage(text=excerpt("x")), agent="r").do("Read", {"file_path": "f"}, "b", agent="r")
    p.answer(call, "report").ends().proc(times=30)
    p.event(ev.TaskUpdated(task_id="1", subject="x", status="pending"), wait=60, agent="r")
    return p.event(ev.ProcessGone(pid=41)).event(ev.TaskUpdated(task_id="1", subject="x", status="done"), agent="r")


@case
def the_machine_slept() -> Play:
    p = Play().user()
    for n in range(5):
        p.proc(monotonic=1000.0 + 60 * n)
    p.proc(wait=8 * 3600, monotonic=1300.0)
    for n in range(8):
        p.proc(monotonic=1360.0 + 60 * n)
    return p.ends()


@case
def the_machine_slept_within_a_command() -> Play:
    p = Play(permission_mode="bypass").user()
    call = p.ask("Bash", {"command": "make"})
    p.proc(idle(), monotonic=10.0).proc(idle(), wait=30_000, monotonic=75.0).proc(idle(), monotonic=135.0, times=5)
    return p.answer(call, "ok").ends()


@case
def a_writer_that_did_not_look_for_a_day() -> Play:
    p = Play().user()
    p.ask("Bash", {"command": "ls"})
    return p.proc(wait=86_400).proc(wait=30)


@case
def finished_for_hours() -> Play:
    return Play().user().ends().proc(times=300)


@case
def local_commands_after_the_end() -> Play:
    p = Play().user("hi").says("Hello.", "end_turn")
    return p.user("<bash-input>ls</bash-input>", local=True).user("/model", local=True).proc(times=40)


@case
def a_server_in_the_background() -> Play:
    p = Play(permission_mode="bypass").user()
    call = p.ask("Bash", {"command": "npm run dev", "run_in_background": True}, background=True)
    return p.answer(call, "running with ID b1").ends().proc(idle("node server.js"), times=60)


@case
def reconnects_that_work() -> Play:
    p = Play(2).user()
    for n in (1, 2, 3):
        p.event(
            ev.ApiError(kind="stream_disconnected", text=f"reconnecting {n}/5", retry_in=0.4, attempt=n, max_attempts=5)
        )
    return p.sh("ls", "a").ends()


@case
def a_long_wait_that_was_announced() -> Play:
    p = Play(2).user()
    p.event(ev.ApiError(status=529, text="Overloaded", retry_in=1200, attempt=9, max_attempts=10))
    return p.proc(times=19).ends()


@case
def a_quota_that_ends_by_itself() -> Play:
    p = (
        Play(2)
        .user()
        .event(ev.ApiError(status=429, text="usage limit reached, try again in 2 hours 10 minutes", final=True))
    )
    return p.proc(times=120)


@case
def a_clock_that_steps() -> Play:
    p = Play().user()
    p.sh("date", "ok").now -= 0
    return p.says("Done.", "end_turn", wait=3600)


@case
def twelve_hours_of_a_person() -> Play:
    p = Play(1).user("start").says("Ready.", "end_turn")
    return p.user("nightly", wait=43_200).sh("ls", "ok").ends()


@case
def a_terminal_that_an_editor_reads_shortly() -> Play:
    p = Play(permission_mode="bypass").user()
    call = p.ask("Bash", {"command": "git rebase -i HEAD~3"})
    return p.proc(idle("vim", terminal=True), times=2).answer(call, "rebased").ends()


@case
def a_daemon_without_a_terminal() -> Play:
    p = Play(interactive=False).user("nightly", headless=True)
    call = p.ask("Bash", {"command": "make"})
    return p.proc(busy(), times=5, cpu=60, ppid=1, tty="").answer(call, "ok").ends()


@case
def a_full_window_that_compacts() -> Play:
    p = Play(context_window=200_000, auto_compact=True).user()
    for used in (150_000, 176_000, 186_000):
        p.do("Read", {"file_path": f"{used}"}, f"{used}").usage(prompt=used)
    return p.event(ev.CompactEnded(pre_tokens=186_000, post_tokens=20_000)).ends()


@case
def two_compactions_far_apart() -> Play:
    p = Play(2).user()
    for turn in range(4):
        for n in range(5):
            p.do("Read", {"file_path": f"{turn}-{n}"}, f"body {turn} {n}")
        p.event(ev.CompactEnded(pre_tokens=190_000, post_tokens=20_000))
    return p.ends()


@case
def an_offer_at_the_end() -> Play:
    return Play().user().ends("All done. Would you like me to also add tests for the new module?").proc(times=5)


@case
def one_big_bill() -> Play:
    p = Play(5).user()
    for n in range(10):
        p.do("Read", {"file_path": f"s{n}"}, f"sec {n}").usage(cost=4 * 10**9 if n == 5 else 5 * 10**7)
    return p.ends()


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_red(name: str) -> None:
    play = CASES[name]()
    asks = {"answers_of_a_person_between_failures"}
    assert [red for red in play.reds() if name not in asks or not red[1].startswith("waiting |")] == []
