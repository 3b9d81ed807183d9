"""How Claude Code is started: argument lists that no text can break out of."""

from __future__ import annotations

import pytest

from orchestrator_tui.clients.claude.drive import ClaudeDrive
from orchestrator_tui.clients.driving import Drive, Task, Unsupported

DRIVE: Drive = ClaudeDrive()
PARENT = "7fc879bd-d39a-48bb-91b9-29f8f6c96a28"
OWN = "0a1b2c3d-0000-4000-8000-00000000000f"
PATH = f"/home/a b/.claude/projects/-x/{PARENT}.jsonl"
HOSTILE = [
    "--help",
    "-p",
    "",
    " ",
    "$(id)",
    "; touch x",
    "a\nb",
    "a\0b",
    "../x",
    "/etc/passwd",
    "'",
    "é",
    PARENT.upper(),
    PARENT + "\n",
]


@pytest.mark.parametrize(
    ("task", "more", "session"),
    [
        (Task("hi", "/w", session=OWN), [f"--session-id={OWN}"], OWN),
        (
            Task("hi", "/w", "opus", "max", session=OWN, title="--help\n\x1b[31mx"),
            [f"--session-id={OWN}", "--model=opus", "--effort=max", "--name=--help ⏎ x"],
            OWN,
        ),
        (Task("hi", "/w", resume=PARENT), [f"--resume={PARENT}"], PARENT),
        (Task("hi", "/w", resume=PARENT, session=PARENT), [f"--resume={PARENT}"], PARENT),
        (Task("hi", "/w", resume=PATH), [f"--resume={PATH}"], PARENT),
        (
            Task("hi", "/w", resume=PARENT, fork=True, session=OWN),
            [f"--resume={PARENT}", "--fork-session", f"--session-id={OWN}"],
            OWN,
        ),
        (
            Task("hi", "/w", resume=PATH, fork=True, session=OWN),
            [f"--resume={PATH}", "--fork-session", f"--session-id={OWN}"],
            OWN,
        ),
    ],
)
def test_the_command_line(task: Task, more: list[str], session: str) -> None:
    launch = DRIVE.launch("/opt/claude", task)
    assert launch.argv[:2] == ("/opt/claude", "-p") and list(launch.argv[7:]) == more
    assert (launch.cwd, launch.session) == ("/w", session)
    assert "CLAUDECODE" in launch.without


def test_a_new_session_gets_an_id_of_its_own() -> None:
    ids = {DRIVE.launch("claude", Task("", "/w", resume=r, fork=bool(r))).session for r in (None, None, PARENT, PARENT)}
    assert len(ids) == 4 and PARENT not in ids and None not in ids


@pytest.mark.parametrize("prompt", [*HOSTILE, "--dangerously-skip-permissions"])
def test_the_prompt_is_no_argument(prompt: str) -> None:
    plain = DRIVE.launch("claude", Task("", "/w", session=OWN))
    assert DRIVE.launch("claude", Task(prompt, "/w", session=OWN)) == plain


@pytest.mark.parametrize("bad", HOSTILE)
def test_hostile_names_start_nothing(bad: str) -> None:
    for task in (
        Task("x", "/w", resume=bad),
        Task("x", "/w", resume=bad, fork=True),
        Task("x", "/w", resume=PARENT, session=bad),
        Task("x", "/w", resume=PARENT, fork=True, session=bad or "x"),
        Task("x", "/w", session=bad or "x"),
        Task("x", "/w", model=bad),
        Task("x", "/w", effort=bad),
        Task("x", bad if not bad.startswith("/") else "/a\0b"),
        Task("x", "/w", resume=f"/x/../{PARENT}.jsonl"),
        Task("x", "/w", resume=f"/x/\n{PARENT}.jsonl"),
        Task("x", "/w", fork=True),
    ):
        if task.model == PARENT.upper():
            continue
        with pytest.raises(Unsupported) as raised:
            DRIVE.launch("claude", task)
        assert "\n" not in str(raised.value) and "\0" not in str(raised.value)
    with pytest.raises(Unsupported):
        DRIVE.resume_words(bad, "/w")


def test_the_line_for_a_terminal() -> None:
    assert DRIVE.resume_words(PARENT, "/w") == ["claude", "--resume", PARENT]
    assert DRIVE.channel == "stream-json"
