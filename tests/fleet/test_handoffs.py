"""Work handed to sub-agents again in other words is told as possible; handing on different work is not."""

from __future__ import annotations

import pytest

from tests.fleet.playing import Play

AGAIN = (
    "Search the web for the opening hours of the Natural History Museum in Vienna and report the hours for Sunday",
    "Find the Sunday opening hours of the Natural History Museum in Vienna on the web and report them",
    "Look up the opening hours for Sunday of the Natural History Museum in Vienna, search the web again and report",
    "Search the web again: Natural History Museum Vienna, opening hours on Sunday, and report the hours found",
)
SAME_FILE = (
    "Investigate why src/parser.py rejects nested quotes and list the failing cases in tests/test_parser.py",
    "Implement the change in src/parser.py so that nested quotes are accepted, following the design above",
    "Write tests in tests/test_parser.py that cover nested quotes, escapes and empty strings",
    "Review src/parser.py for correctness and style, be critical about error handling",
)
EACH_ITS_FILE = tuple(
    f"Convert the module src/{name}.py from callbacks to asyncio and keep its public interface as it is"
    for name in ("reader", "writer", "server", "client", "worker")
)


def give(p: Play, task: str, answer: str) -> Play:
    return p.do("Task", {"description": task[:24], "prompt": task, "subagent_type": "general"}, answer)


def told(p: Play) -> bool:
    assert not any("hand-offs" in words for _, words in p.reds())
    return "possible loop" in p.status().evidence or "looping" in p.status().badges


def test_the_same_in_other_words_is_told_as_possible() -> None:
    p = Play().user()
    for number, task in enumerate(AGAIN):
        give(p, task, f"I could not determine the hours, attempt number {number}: the page did not load for me.")
    status = p.status()
    assert (status.status, status.severity) == ("looping", "amber")
    assert "4 hand-offs ask for much the same, none names anything new" in status.evidence


@pytest.mark.parametrize("tasks", [SAME_FILE, EACH_ITS_FILE], ids=["one file, other work", "other files"])
def test_other_work_is_not(tasks: tuple[str, ...]) -> None:
    p = Play().user()
    for task in tasks:
        give(p, task, f"Done: {task.split()[0]} finished, see {len(task)} lines of the report.")
    assert not told(p)


def test_parts_of_one_message_are_one_step() -> None:
    p = Play().user()
    asked = [p.ask("Task", {"prompt": task}, 0, message_id="m1") for task in AGAIN]
    for number, call in enumerate(asked):
        p.answer(call, f"part {number}")
    assert not told(p)


def test_an_edit_between_ends_it() -> None:
    p = Play().user()
    for number, task in enumerate(AGAIN):
        give(p, task, f"answer {number}")
        p.edit("notes.md", f"line {number}", f"line {number + 1}")
    assert not told(p)


def test_a_person_s_word_ends_it() -> None:
    p = Play().user()
    for task in AGAIN:
        give(p, task, "not found")
    p.user("then try the museum's own page")
    assert not told(p)
