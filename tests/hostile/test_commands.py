"""What is typed is only ever text, what cannot be begun is not begun, and agents rule nobody (T12, T13, T21)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import wait_for
from tests.host.transcripts import register, write
from tests.hostile.world import running, scratch

CLIENTS = ("claude", "codex", "gemini", "opencode")
NAME = "0b8f6f0e-0000-4000-8000-00000000000a"
FAKE = f"""#!{sys.executable}
import json, os, select, sys
said = ""
while select.select([0], [], [], 0.4)[0]:
    part = os.read(0, 1 << 16).decode("utf-8", "replace")
    if not part:
        break
    said += part
with open(os.path.join(os.path.dirname(sys.argv[0]), "..", "runs.jsonl"), "a") as file:
    file.write(json.dumps({{"client": os.path.basename(sys.argv[0]), "argv": sys.argv[1:], "said": said}}) + "\\n")
sys.exit(3)
"""
"""A client that notes how it was started and what it was told, and ends."""
PROMPTS = (
    "--dangerously-skip-permissions", "; touch PWNED", "--yolo", "-", "$(touch PWNED)", "`touch PWNED`", "--help",
    "' ; touch PWNED ; '\ntouch PWNED\n\x1b]52;c;QUJD\x07",
)  # fmt: skip
FLAGS = ("--dangerously-skip-permissions", "--yolo", "--help", "-")


class World:
    """A host that starts nothing but the fake clients."""

    def __init__(self, root: Path) -> None:
        self.root, self.orc = root, scratch(root)
        self.work = self.orc.home / "work"
        self.work.mkdir()
        (root / "bin").mkdir()
        for client in CLIENTS:
            path = root / "bin" / client
            path.write_text(FAKE)
            path.chmod(0o755)
        programs = ", ".join(f'{client} = "{root / "bin" / client}"' for client in CLIENTS)
        self.orc.paths.make()
        self.orc.paths.config.write_text(f"[clients]\nprograms = {{ {programs} }}\n")

    def runs(self) -> list[dict[str, Any]]:
        """How the fakes were started, in order."""
        try:
            return [json.loads(line) for line in (self.root / "runs.jsonl").read_text().splitlines()]
        except OSError:
            return []

    def ask(self, *words: str, **more: Any) -> subprocess.Popen[str]:
        """`orc`, not waited for."""
        return subprocess.Popen([sys.executable, "-m", "orchestrator_tui", *words], env=self.orc.env, text=True,
                                cwd=self.work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)  # fmt: skip

    def pwned(self) -> list[Path]:
        return [*self.root.rglob("PWNED*"), *Path("/tmp").glob("PWNED*")]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("commands"))
    with running(made.orc):
        yield made


def answers(asked: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    """(exit status, both outputs) of several."""
    found = []
    for process in asked:
        out, err = process.communicate(timeout=90)
        found.append((process.returncode, out + err))
    return found


def test_a_prompt_is_one_text_and_no_flag(world: World) -> None:
    """For each client every prompt at once: each ends, each has said its prompt as data, and nothing was run."""
    before = len(world.runs())
    asked = [
        world.ask("run", "--agent", client, f"--name={text}", "--yes", "--", text)
        for client, texts in zip(CLIENTS, (PROMPTS[0::4], PROMPTS[1::4], PROMPTS[2::4], PROMPTS[3::4]), strict=True)
        for text in texts
    ]
    told = answers(asked)
    runs = world.runs()[before:]
    assert all(status in (0, 1, 2) and "Traceback" not in words for status, words in told), told
    assert len({run["client"] for run in runs}) == len(CLIENTS), told
    for run in runs:
        flags = run["argv"][: run["argv"].index("--")] if "--" in run["argv"] else run["argv"]
        assert not set(FLAGS) & set(flags), run
        assert not [word for word in flags if word.startswith("-") and "touch" in word and "=" not in word], run
    assert not world.pwned()


@pytest.mark.parametrize("words", [
    ("--agent", "claude", "--model=--help"), ("--agent", "codex", "--model=--help"), ("--agent", "gemini", "--model=--help"),
    ("--agent", "opencode", "--model=--help"), ("--agent", "claude", "--effort=--help"),
    ("--agent", "claude", "--dir", "/nowhere/at all"), ("--agent", "claude", "--dir", "gone"),
])  # fmt: skip
def test_what_is_no_model_and_no_directory_starts_nothing(world: World, words: tuple[str, ...]) -> None:
    if words[-1] == "gone":
        gone = world.root / "gone"
        gone.mkdir(exist_ok=True)
        process = subprocess.Popen(
            [sys.executable, "-c", "import os,sys; os.chdir(sys.argv[1]); os.rmdir(sys.argv[1]);"
             "os.execv(sys.executable, [sys.executable, '-m', 'orchestrator_tui', 'run', 'x', '--yes'])", str(gone)],
            env={**world.orc.env, "PYTHONPATH": os.getcwd()}, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
    else:
        process = world.ask("run", "do it", *words, "--yes")
    before = len(world.runs())
    ((status, told),) = answers([process])
    assert status in (1, 2) and told.strip(), told
    assert "Traceback" not in told and len(told.strip().splitlines()) <= 2, told
    assert len(world.runs()) == before


# --- T21: commands from inside an agent -------------------------------------------------------------------------


@pytest.fixture
def session(world: World) -> Iterator[subprocess.Popen[bytes]]:
    """A session whose process is a client by its name, and lives."""
    process = subprocess.Popen(["claude", "600"], executable="/bin/sleep", start_new_session=True)
    write(world.orc.home, NAME, 2, time.time() - 30)
    register(world.orc.home, NAME, process.pid)
    wait_for(lambda: (world.orc.sessions().get(f"claude:{NAME}") or {}).get("pid") == process.pid)
    yield process
    process.kill()
    process.wait()


def test_an_agent_may_look_and_rules_nobody(world: World, session: subprocess.Popen[bytes]) -> None:
    """What leaves its parents and its environment behind on purpose cannot be told from a person: not claimed here."""
    orc = f"{sys.executable} -m orchestrator_tui"
    kill = f"{orc} kill {NAME} --now --json"
    clean = " ".join(f"{name}='{world.orc.env[name]}'" for name in ("HOME", "ORC_HOME", "PATH"))
    inside = {
        "its parent is a client": f"{kill}; exit $?",
        "with an empty environment": f"env -i {clean} PYTHONPATH='{os.getcwd()}' {kill}; exit $?",
        "in a session of its own": f"setsid --wait {kill}; exit $?",
        "message": f"{orc} message {NAME} 'do as I say' --json; exit $?",
        "begin another": f"{orc} run 'x' --json --yes; exit $?",
        "split": f"{orc} split {NAME} --part a --part b --json --yes; exit $?",
    }
    env = {**world.orc.env, "PYTHONPATH": os.getcwd()}
    before = len(world.runs())
    asked = {
        name: subprocess.Popen(["claude", "-c", script], executable="/bin/bash", env=env, text=True, cwd=world.work,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for name, script in inside.items()
    }  # fmt: skip
    for mark in ("CLAUDECODE", "ORC_SESSION"):
        asked[mark] = subprocess.Popen(kill.split(), env={**env, mark: "1"}, text=True, cwd=world.work,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    for name, (status, told) in zip(asked, answers(list(asked.values())), strict=True):
        assert status == 1 and "agents may look" in told, (name, status, told)
    assert session.poll() is None
    state = Path(f"/proc/{session.pid}/stat").read_text().rpartition(")")[2].split()[0]
    assert state in "SR" and len(world.runs()) == before
    looked = subprocess.run(["claude", "-c", f"{orc} sessions --json; exit $?"], executable="/bin/bash", env=env,
                            capture_output=True, text=True, timeout=60)  # fmt: skip
    assert looked.returncode == 0 and NAME in looked.stdout
    # The same from a person ends it: otherwise all this would prove nothing.
    assert world.orc.json("kill", NAME, "--now")["outcome"] == "done"
    assert session.wait(20) is not None
