"""`orc help`, the manual page and the words for a verb that is none."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from orchestrator_tui.cli import run
from orchestrator_tui.cli.described import whole
from orchestrator_tui.cli.manual import roff
from orchestrator_tui.cli.verbs import VERBS


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The exit status of `orc WORDS`, and what it said."""
    try:
        status = run(words)
    except SystemExit as end:
        status = int(end.code or 0)
    done = capsys.readouterr()
    return status, done.out, done.err


@pytest.mark.parametrize("words", [("kill",), ("store",), ("store", "prune"), ("help",)])
def test_help_says_what_the_option_says(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    status, out, err = said(capsys, "help", *words)
    assert (status, out, err) == said(capsys, *words, "--help")
    assert out.startswith(f"usage: orc {' '.join(words)} ")


def test_help_alone_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = said(capsys, "help")
    assert out == said(capsys, "--help")[1]
    assert [verb for verb in VERBS if not re.search(rf"^    {verb}\s", out, re.M)] == []


@pytest.mark.parametrize(
    ("words", "words_said"),
    [
        (("help", "nope"), "orc help: orc has no 'nope'; there are demo, host,"),
        (("help", "store", "nope"), "orc help: orc store has no 'nope'; there are stats, verify, backup, prune"),
        (("help", "kill", "now"), "orc help: orc kill has no 'now'; see `orc kill --help`"),
        (("help", "--man", "kill"), "orc help: --man is of all verbs together"),
        (("sesions",), "orc: there is no verb 'sesions'; did you mean `orc sessions`?"),
        (("qqqq",), "orc: there is no verb 'qqqq'; `orc --help` lists them"),
        (("\x1b]0;x\x07kill",), "orc: there is no verb"),
    ],
)
def test_what_is_no_verb_is_said_in_one_line(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], words_said: str
) -> None:
    status, out, err = said(capsys, *words)
    assert (status, out) == (2, "")
    assert err.startswith(words_said)
    assert err.count("\n") == 1
    assert "\x1b" not in err


def test_the_manual_page_has_every_verb_and_option() -> None:
    page = roff(whole(), "1.2.3")
    for command in whole().all():
        assert not command.words or f".SS orc {' '.join(command.words)}\n" in page
        for argument in command.arguments:
            names = [name.replace("-", "\\-") for name in argument.names if name not in ("-h", "--help")]
            assert all(name in page for name in names)


def test_every_option_has_its_words() -> None:
    bare = [(" ".join(c.words), a.names or a.value) for c in whole().all() for a in c.arguments if not a.help]
    assert bare == []


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_finds_no_fault_in_the_manual_page(capsys: pytest.CaptureFixture[str]) -> None:
    _, page, _ = said(capsys, "help", "--man")
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tascii", "-P-cbou"], input=page, capture_output=True, text=True, timeout=30,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.stderr == ""
    assert "orc kill [-h] [--why TEXT] [--yes] [--json] [--now] SESSION [SESSION" in " ".join(done.stdout.split())
    assert 'eval "$(orc completion bash)"' in " ".join(done.stdout.split())
