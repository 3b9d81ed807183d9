"""How Codex is started: nothing of a task is an argument, and what can be no name starts nothing."""

from __future__ import annotations

import pytest

from orchestrator_tui.clients.codex.drive import CodexDrive
from orchestrator_tui.clients.driving import Drive, Task, Unsupported

DRIVE: Drive = CodexDrive()
PARENT = "01a1fb36-9ffd-77f3-897d-d01f2ccacc42"
HOSTILE = [
    "--help",
    "",
    " ",
    "$(id)",
    "; touch x",
    "a\nb",
    "a\0b",
    "../x",
    "é",
    PARENT.upper(),
    PARENT + "\n",
    "a name",
]


@pytest.mark.parametrize(
    "task",
    [
        Task("--dangerously-bypass-approvals-and-sandbox", "/w"),
        Task("$(id)\n\0", "/w", "gpt-5", "high", title="--help", session="whatever"),
        Task("x", "/w", resume=PARENT),
        Task("x", "/w", resume=PARENT, fork=True),
    ],
)
def test_the_command_line(task: Task) -> None:
    launch = DRIVE.launch("/opt/codex", task)
    assert (launch.argv, launch.cwd, launch.session) == (("/opt/codex", "app-server"), "/w", None)
    assert "CODEX_THREAD_ID" in launch.without


@pytest.mark.parametrize("bad", HOSTILE)
def test_hostile_names_start_nothing(bad: str) -> None:
    tasks = [Task("x", "/w", resume=bad), Task("x", "/w", resume=bad, fork=True), Task("x", "/w", effort=bad)]
    tasks += [Task("x", bad), Task("x", "/a\0"), Task("x", "/w", fork=True)]
    if bad != PARENT.upper():
        tasks.append(Task("x", "/w", model=bad))
    for task in tasks:
        with pytest.raises(Unsupported) as raised:
            DRIVE.launch("codex", task)
        assert "\n" not in str(raised.value) and "\0" not in str(raised.value)
    with pytest.raises(Unsupported):
        DRIVE.resume_words(bad, "/w")


def test_the_line_for_a_terminal() -> None:
    assert DRIVE.resume_words(PARENT, "/w") == ["codex", "resume", PARENT]
    assert DRIVE.channel == "app-server"
