"""`orc hooks`: the only verb that writes to a client's files."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.conftest import Orc

TEXT = '{\n\t"model": "opus",\n  "hooks": {"Stop": []}\n}'


def settings_of(orc: Orc) -> Path:
    path = orc.home / ".claude" / "settings.json"
    path.parent.mkdir()
    return path


def test_installed_and_removed_byte_for_byte_with_a_copy_kept(orc: Orc) -> None:
    settings = settings_of(orc)
    settings.write_text(TEXT)
    settings.chmod(0o640)
    done = orc.run("hooks", "install", "claude", "--yes")
    assert "+" in done.stderr and "permission.sh" in done.stderr
    assert settings.stat().st_mode & 0o777 == 0o640
    assert json.loads(settings.read_text())["model"] == "opus"
    (copy,) = (orc.state / "hooks").glob("claude-settings-*.json")
    assert copy.read_text() == TEXT
    assert copy.stat().st_mode & 0o777 == 0o600
    assert orc.json("hooks", "status")["installed"] is True
    assert "already" in orc.run("hooks", "install", "--yes").stderr
    orc.run("hooks", "remove", "claude", "--yes")
    assert settings.read_bytes() == TEXT.encode()
    assert orc.json("hooks", "status")["installed"] is False


def test_nothing_is_written_without_a_yes_or_by_an_agent(orc: Orc) -> None:
    settings = settings_of(orc)
    settings.write_text(TEXT)
    assert orc.run("hooks", "install", check=False).returncode == 1
    refused = orc.run("hooks", "install", "--yes", check=False, CLAUDECODE="1")
    assert (refused.returncode, "agents may look" in refused.stderr) == (1, True)
    assert settings.read_text() == TEXT
    settings.write_text("{ nonsense")
    broken = orc.run("hooks", "install", "--yes", check=False)
    assert (broken.returncode, "nothing was changed" in broken.stderr) == (1, True)
    assert settings.read_text() == "{ nonsense"


def test_settings_that_were_not_there_go_again_and_a_link_stays_one(orc: Orc) -> None:
    orc.run("hooks", "install", "--yes")
    settings = orc.home / ".claude" / "settings.json"
    assert settings.exists()
    orc.run("hooks", "remove", "--yes")
    assert not settings.exists()
    real = orc.home / "dotfiles.json"
    real.write_text(TEXT)
    settings.symlink_to(real)
    orc.run("hooks", "install", "--yes")
    assert settings.is_symlink() and "permission.sh" in real.read_text()
    orc.run("hooks", "remove", "--yes")
    assert settings.is_symlink() and real.read_text() == TEXT


def test_the_hook_says_nothing_where_no_host_runs(orc: Orc) -> None:
    orc.run("hooks", "install", "--yes")
    hooks = json.loads((orc.home / ".claude" / "settings.json").read_text())["hooks"]
    command = hooks["PermissionRequest"][0]["hooks"][0]["command"]
    ask = json.dumps({"session_id": "x", "tool_name": "Bash", "tool_input": {"command": "ls"}})
    spool = orc.state / "run" / "spool"
    for ready in (None, "", "999999999 60", "nonsense"):
        if ready is not None:
            spool.mkdir(parents=True, exist_ok=True)
            (spool / "ready").write_text(ready)
        done = subprocess.run(["sh", "-c", command], input=ask, capture_output=True, text=True, timeout=10)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), ready
    # A process that is no host does not take notice: the dialog is not held up.
    (spool / "ready").write_text(f"{os.getpid()} 60\n")
    done = subprocess.run(["sh", "-c", command], input=ask, capture_output=True, text=True, timeout=10)
    assert (done.returncode, done.stdout) == (0, "")
    assert sorted(path.name for path in spool.iterdir()) == ["ready"]
