"""The rules, the repositories, the prices and the provider's edges, without litellm where that will do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestrator_tui.fleet.prices.rates import decode
from orchestrator_tui.loops.embedded import PRICES
from orchestrator_tui.loops.embedded.directives import directives
from orchestrator_tui.loops.embedded.edits import edit
from orchestrator_tui.loops.embedded.outcomes import outcome
from orchestrator_tui.loops.embedded.repair import undone
from orchestrator_tui.loops.embedded.repos import KINDS, NotMade, make, solvable_by
from orchestrator_tui.loops.embedded.rules import RULES, candidates, functions, parsed
from orchestrator_tui.loops.embedded.search import TOOLS, run
from orchestrator_tui.loops.embedded.steps import Call, source_of
from orchestrator_tui.loops.embedded.themes import THEMES
from orchestrator_tui.loops.embedded.tokens import Cache
from orchestrator_tui.loops.embedded.toolbox import Toolbox
from orchestrator_tui.loops.embedded.work import command_in, parts


@pytest.mark.parametrize("kind", ["spelling", "return", "boundary", "hard-function", "impossible"])
def test_a_repository_fails_and_is_solved_by_whom_it_says(tmp_path: Path, kind: str) -> None:
    repo = make(tmp_path / "one", kind, 0)
    assert not run(repo.check, repo.directory)[0]
    assert run("git status --porcelain", repo.directory) == (True, "")
    easy = kind in ("spelling", "return")
    assert repo.needs == solvable_by(repo) == ("small" if easy else None if kind == "impossible" else "large")
    again = make(tmp_path / "two", kind, 0)
    for path in repo.directory.rglob("*.*"):
        if ".git" not in path.relative_to(repo.directory).parts:
            assert path.read_bytes() == (again.directory / path.relative_to(repo.directory)).read_bytes()


def test_every_theme_is_right_before_it_is_broken(tmp_path: Path) -> None:
    for theme in THEMES:
        (tmp_path / f"{theme.name}.py").write_text(theme.code)
        (tmp_path / f"{theme.helper}.py").write_text(theme.helps)
        (tmp_path / f"test_{theme.name}.py").write_text(theme.tests)
    assert run("python3 -B -m unittest -q", tmp_path)[0]


def test_what_cannot_be_made_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotMade, match="no kind of repository 'x'"):
        make(tmp_path / "x", "x", 0)
    assert "docs" in KINDS and not (tmp_path / "x").exists()


def test_every_rule_gives_valid_edits_of_one_line() -> None:
    seen = set()
    for theme in THEMES:
        for source in (theme.code, theme.helps):
            module = parsed(source)
            assert module is not None
            for function in functions(module):
                for rule in RULES:
                    for one in candidates(source, function.name, rule):
                        assert parsed(one.applied(source)) is not None and one.before != one.after
                        seen.add(rule)
    assert seen == set(RULES) - {"spelling"}
    assert candidates("def f(:", "f", "operator") == ()
    assert [one.after for one in candidates('def f(a):\n    return "ä" + a\n', "f", "operator")] == [
        '    return "ä" - a',
        '    return "ä" * a',
    ]


def test_an_edit_names_a_text_that_stands_once() -> None:
    text = "a\nb\na\nb\nc\n"
    call = edit("x", text, "a\nb\na\nd\nc\n")
    assert call.tool == "edit" and text.count(call.args["old"]) == 1
    assert text.replace(call.args["old"], call.args["new"]) == "a\nb\na\nd\nc\n"
    assert edit("x", "", "a\n") == Call("write", {"path": "x", "content": "a\n"})


def test_what_a_diff_says_is_taken_back() -> None:
    diff = "--- a/x\n+++ b/x\n@@ -2 +2 @@ def f\n-old\n+new\n@@ -4,0 +5 @@\n+more\n"
    assert undone("a\nnew\nb\nc\nmore\n", diff) == "a\nold\nb\nc\n"
    assert undone("a\nother\n", diff) is None
    assert undone("a\n", "") is None


def test_outcomes_of_unittest_and_pytest() -> None:
    assert outcome("Ran 3 tests in 0.001s\n\nOK\n").passed
    assert not outcome("Ran 0 tests\n\nFAILED (failures=1, errors=2)\n[exit status 1]").passed
    assert outcome("FAILED (failures=1, errors=2)").failing == 3
    assert outcome("==== 4 passed in 0.01s ====").passed
    told = outcome(
        "tests/test_x.py:7: AssertionError\nFAILED tests/test_x.py::X::test_a - assert 1 == 2\n1 failed, 4 passed in 0.1s"
    )
    assert (told.passed, told.failing, told.tests) == (False, 1, ("test_a",)) and told.places[0].line == 7
    assert not outcome("").passed and not outcome("OK\n[exit status 2]").passed


def test_the_agents_own_names_are_used() -> None:
    tools = [
        {"function": {"name": "shell", "parameters": {"properties": {"cmd": {}}}}},
        {
            "function": {
                "name": "edit",
                "parameters": {"properties": {"file_path": {}, "old_string": {}, "new_string": {}}},
            }
        },
    ]
    box = Toolbox(tools)
    assert box.put(Call("read", {"path": "a b"})) == ("shell", {"cmd": "cat -- 'a b'"})
    assert box.put(Call("edit", {"path": "x", "old": "a", "new": "b"})) == (
        "edit",
        {"file_path": "x", "old_string": "a", "new_string": "b"},
    )
    assert box.put(Call("done", {"summary": "x"})) is None
    assert Toolbox(TOOLS).has("ask") and not Toolbox(None).has("bash")


def test_directives() -> None:
    text = "[[embedded: stall seconds=3 after=1]]\n[[embedded: loop only=large]] [[embedded: dance]]"
    assert [one.name for one in directives(text, "small")] == ["stall"]
    assert [one.name for one in directives(text, "large")] == ["stall", "loop"]
    assert directives(text, "small")[0].number("seconds", 9) == 3 and directives(text, "small")[0].after == 1


def test_tasks() -> None:
    assert command_in("Make `x` right; `python3 -m unittest -q` must pass") == "python3 -m unittest -q"
    assert command_in("The check: pytest -q tests") == "pytest -q tests"
    assert command_in("nothing") is None
    assert len(parts("Two:\n- Fix a: `pytest a`\n- Fix b: `pytest b`")) == 2
    assert parts("A list:\n- one\n- two") == ["A list:\n- one\n- two"]
    assert source_of("     1\ta\n     2\t  b\n") == "a\n  b\n" and source_of("a") == "a\n"


def test_the_cache_reads_what_stood_before() -> None:
    cache, first = Cache(), {"role": "user", "content": "x" * 8000}
    one = cache.count("small", [first], None, 10)
    assert (one.input, one.cache_read, one.output) == (0, 0, 3) and one.cache_write > 2000
    two = cache.count("small", [first, {"role": "user", "content": "y" * 400}], None, 0)
    assert two.cache_read == one.cache_write and 0 < two.cache_write < 120
    assert cache.count("large", [first], None, 0).cache_read == 0
    assert cache.count("small", [{"role": "user", "content": "short"}], None, 0).cache_write == 0


@pytest.mark.parametrize(("name", "dollars"), [("embedded/small", "0.5"), ("embedded/large", "5")])
def test_prices_are_as_the_map_has_them(name: str, dollars: str) -> None:
    """Per million tokens: cached ones cost a tenth to read and a quarter more to write."""
    entries = msgspec.json.decode(PRICES.read_bytes(), type=dict[str, Any])["models"]
    rates = decode(msgspec.Raw(msgspec.json.encode(entries[name])))
    assert rates is not None and rates.window
    sheet, nano = rates.sheets[-1], int(float(dollars) * 1e9)
    assert (sheet.input, sheet.cache_read, sheet.cache_write) == (nano, nano // 10, nano * 5 // 4)
    assert sheet.output == (2_000_000_000 if name.endswith("small") else 25_000_000_000)


def test_nothing_imports_litellm_before_register() -> None:
    code = "import sys, orchestrator_tui.loops.embedded.repos; assert 'litellm' not in sys.modules and 'httpx' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
