"""Loops whose agents are the real clients: the prompt arrives, it answers, the session is known."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator_tui.loops.folder import Folder
from orchestrator_tui.loops.spec import LoopSpec, checked, save
from tests.conftest import Orc
from tests.loops.workshop import lines, state_of
from tests.real.conftest import Claude, Codex, Gemini, OpenCode, Program, end_all

pytestmark = pytest.mark.clients


@pytest.mark.parametrize(
    ("name", "make", "use"),
    [("claude", Claude, None), ("codex", Codex, None), ("opencode", OpenCode, None), ("gemini", Gemini, "gemini-2.5-flash")],
)  # fmt: skip
def test_an_iteration_of_a_real_client(
    orc: Orc, model: str, tmp_path: Path, name: str, make: Callable[[Orc, str, Path], Program], use: str | None
) -> None:
    client = make(orc, model, tmp_path / "web")
    subprocess.run(["git", "init", "-q"], cwd=client.project, check=True)
    folder = Folder(tmp_path / "state" / "loops" / "one")
    folder.make()
    spec = LoopSpec(
        id="one", agent=name, prompt="say hello", cwd=str(client.project), program=str(client.binary),  # type: ignore[arg-type]
        until=("true",), anyway=True, model=use,
    )  # fmt: skip
    save(folder.spec, checked(spec))
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "orchestrator_tui.loops.runner", str(folder.path)], env=client.env, cwd="/",
            capture_output=True, timeout=200,
        )  # fmt: skip
    finally:
        end_all(orc.home)
    state = state_of(folder)
    said = [(folder.jobs / f"1-agent.{kind}").read_text()[-20_000:] for kind in ("out", "err")]
    assert done.returncode == 0 and state.outcome == "passed", (done, state, said)
    (it,) = state.iterations
    assert it.status == 0 and it.session is not None and it.session.startswith(f"{name}:"), (it, said)
    assert "Hello! How can I help" in said[0]
    assert lines(folder, "iteration")[-1]["session"] == it.session
