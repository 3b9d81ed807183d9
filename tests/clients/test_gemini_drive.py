"""How Gemini CLI is started."""

from __future__ import annotations

import pytest

from orchestrator_tui.clients.driving import Drive, Task, Unsupported
from orchestrator_tui.clients.gemini.drive import GeminiDrive

ID = "1f7a3b49-8c4e-46bd-81be-8dbee49918dd"
HOSTILE = ["", "-", "--help", "latest", "1", "$(id)", f"{ID}\n", f"{ID}\0", f"-{ID}", f"../{ID}", "x" * 10_000]


def test_a_new_session_is_told_nothing_on_its_command_line() -> None:
    drive: Drive = GeminiDrive()
    for prompt in ("say hello", "--yolo", "$(id)\n-y", "\0"):
        assert drive.launch("/bin/gemini", Task(prompt, "/w")).argv == ("/bin/gemini", "--acp")
    launch = drive.launch("/bin/gemini", Task("x", "/w", "gemini-2.5-pro"))
    assert (launch.argv, launch.cwd, launch.session) == (("/bin/gemini", "--acp", "-m", "gemini-2.5-pro"), "/w", None)


@pytest.mark.parametrize("prompt", ["-p", "--help", "a\nb; $(id)", "-"])
def test_a_session_goes_on_with_one_word_for_its_prompt(prompt: str) -> None:
    launch = GeminiDrive().launch("gemini", Task(prompt, "/w", "m", resume=ID))
    assert launch.argv == ("gemini", "--resume", ID, "-m", "m", "--output-format", "stream-json", f"--prompt={prompt}")
    assert launch.session == ID


@pytest.mark.parametrize("session", HOSTILE)
def test_a_hostile_id_starts_nothing(session: str) -> None:
    with pytest.raises(Unsupported):
        GeminiDrive().launch("gemini", Task("x", "/w", resume=session))
    with pytest.raises(Unsupported):
        GeminiDrive().resume_words(session, "/w")


@pytest.mark.parametrize("model", ["", "-", "--help", "a b", "a\nb", "a\0", "$(id)", "\x1b[2J", "x" * 200])
def test_a_hostile_model_starts_nothing(model: str) -> None:
    with pytest.raises(Unsupported):
        GeminiDrive().launch("gemini", Task("x", "/w", model))


def test_what_it_cannot_do_is_said() -> None:
    drive = GeminiDrive()
    for task in (
        Task("x", "/w", effort="high"),
        Task("x", "/w", resume=ID, fork=True),
        Task(" \0\n", "/w", resume=ID),
    ):
        with pytest.raises(Unsupported, match="Gemini CLI"):
            drive.launch("gemini", task)
    with pytest.raises(Unsupported):
        drive.dialogue(Task("x", "/w", resume=ID))
    assert drive.resume_words(ID, "/w") == ["gemini", "--resume", ID]
