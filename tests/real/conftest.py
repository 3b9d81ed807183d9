"""Real clients from npm, pointed at a scripted model server on loopback, each with a home of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.conftest import Orc, wait_for

KEY = "test-key-of-no-account-000000000000"


def clients() -> Path:
    """Where `make test-clients` put them."""
    return Path(os.environ.get("ORC_CLIENTS", "")) / "node_modules" / ".bin"


@pytest.fixture
def model(tmp_path: Path) -> Iterator[str]:
    """The address of a running model server."""
    yield from serving("mock_model.py", tmp_path)


def serving(name: str, tmp_path: Path) -> Iterator[str]:
    """Run a model server's script while its address is used."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = Path(__file__).with_name(name)
    log = tmp_path / "requests.jsonl"
    server = subprocess.Popen(
        [sys.executable, str(script), "--port", str(port), "--log", str(log), "--otlp", str(tmp_path / "otlp.jsonl")]
    )

    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_for(answers)
    yield f"http://127.0.0.1:{port}"
    server.kill()
    server.wait()


Start = Callable[..., "subprocess.Popen[bytes]"]


class Tmux:
    """A program in a tmux server of its own."""

    def __init__(self, socket: Path, argv: list[str], env: dict[str, str], cwd: Path) -> None:
        settings = socket.with_name("tmux.conf")
        # The last words of a program that ended are worth reading.
        settings.write_text("set -g remain-on-exit on\n")
        self._base = ["tmux", "-S", str(socket), "-f", str(settings)]
        self._env, self._argv, self._cwd = env, argv, cwd
        self("new-session", "-d", "-s", "t", "-x", "120", "-y", "40", "-c", str(cwd), "--", *argv)

    def __call__(self, *args: str, check: bool = True) -> str:
        done = subprocess.run([*self._base, *args], env=self._env, capture_output=True, text=True)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def type(self, text: str) -> None:
        """Type a line; Enter only after the text is on the screen."""
        self("send-keys", "-t", "t", "-l", text)
        self.wait_for_text(text)
        self("send-keys", "-t", "t", "Enter")

    def wait_for_text(self, text: str) -> None:
        """Wait until the screen shows it; a program that ended before has its last words in the failure."""

        def shown() -> bool:
            screen = self("capture-pane", "-p", "-t", "t")
            ended = self("display-message", "-p", "-t", "t", "#{pane_dead} #{pane_dead_status}").startswith("1")
            assert text in screen or not ended, f"{self._argv[0]} ended: {screen.rstrip()[-2000:]}"
            return text in screen

        wait_for(shown, 30)

    def open(self, text: str) -> None:
        """Wait until the program takes input; one that ended while it started is started once more."""
        try:
            self.wait_for_text(text)
        except AssertionError as error:
            if " ended: " not in str(error):
                raise
            print(error)
            self("respawn-pane", "-k", "-t", "t", "-c", str(self._cwd), "--", *self._argv)
            self.wait_for_text(text)


class Program(Protocol):
    """A client, ready to be started."""

    binary: Path
    project: Path
    env: dict[str, str]


def started(client: Program, home: Path) -> Iterator[Start]:
    """Starts the client in its project; what is left of it is ended afterwards."""
    running = []

    def start(*args: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [str(client.binary), *args],
            env=client.env,
            cwd=client.project,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
    end_all(home)


def in_tmux(client: Program, socket: Path, home: Path) -> Iterator[Tmux]:
    """The client, interactive in a terminal."""
    if shutil.which("tmux") is None:
        pytest.skip("no tmux there")
    tmux = Tmux(socket, [str(client.binary)], {**client.env, "TERM": "xterm-256color"}, client.project)
    yield tmux
    tmux("kill-server", check=False)
    end_all(home)


class Claude:
    """How Claude Code is started in these tests."""

    def __init__(self, orc: Orc, model: str, project: Path) -> None:
        self.binary = clients() / "claude"
        if not self.binary.exists():
            pytest.skip("no claude there; `make test-clients` installs it")
        self.project = project
        project.mkdir()
        settings = {
            "hasCompletedOnboarding": True,
            "theme": "dark",
            "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
            "projects": {str(project): {"hasTrustDialogAccepted": True, "allowedTools": []}},
        }
        (orc.home / ".claude.json").write_text(json.dumps(settings))
        self.env = {
            **{k: v for k, v in orc.env.items() if not k.startswith("TMUX")},
            "ANTHROPIC_BASE_URL": model,
            "ANTHROPIC_API_KEY": KEY,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
        }


@pytest.fixture
def claude_in_tmux(orc: Orc, model: str, tmp_path: Path) -> Iterator[Tmux]:
    """An interactive `claude`."""
    yield from in_tmux(Claude(orc, model, tmp_path / "web"), tmp_path / "tmux", orc.home)


@pytest.fixture
def claude(orc: Orc, model: str, tmp_path: Path) -> Iterator[Start]:
    """Starts `claude ARGS...`."""
    yield from started(Claude(orc, model, tmp_path / "web"), orc.home)


class Codex:
    """How Codex is started in these tests: a model provider of its own on loopback."""

    def __init__(self, orc: Orc, model: str, project: Path) -> None:
        self.binary = clients() / "codex"
        if not self.binary.exists():
            pytest.skip("no codex there; `make test-clients` installs it")
        self.project = project
        project.mkdir()
        config = orc.home / ".codex" / "config.toml"
        config.parent.mkdir()
        config.write_text(
            'model = "gpt-5.1-codex"\nmodel_provider = "mock"\n'
            f'[model_providers.mock]\nname = "mock"\nbase_url = "{model}/v1"\nenv_key = "MOCK_KEY"\nwire_api = "responses"\n'
            f'[projects."{project}"]\ntrust_level = "trusted"\n[analytics]\nenabled = false\n'
        )
        self.env = {**{k: v for k, v in orc.env.items() if not k.startswith("TMUX")}, "MOCK_KEY": "dummy"}
        self.env |= {"TERM": "xterm-256color", "LANG": "C.UTF-8"}


@pytest.fixture
def codex(orc: Orc, model: str, tmp_path: Path) -> Iterator[Start]:
    """Starts `codex ARGS...`."""
    yield from started(Codex(orc, model, tmp_path / "web"), orc.home)


@pytest.fixture
def codex_in_tmux(orc: Orc, model: str, tmp_path: Path) -> Iterator[Tmux]:
    """An interactive `codex`."""
    yield from in_tmux(Codex(orc, model, tmp_path / "web"), tmp_path / "tmux", orc.home)


class Gemini:
    """How Gemini CLI is started in these tests: with a key, in a folder that it trusts."""

    def __init__(self, orc: Orc, model: str, project: Path) -> None:
        self.binary = clients() / "gemini"
        if not self.binary.exists():
            pytest.skip("no gemini there; `make test-clients` installs it")
        self.project = project
        project.mkdir()
        settings = orc.home / ".gemini" / "settings.json"
        settings.parent.mkdir()
        settings.write_text(
            '{"security":{"auth":{"selectedType":"gemini-api-key"}},"general":{"enableAutoUpdate":false}}'
        )
        self.env = {
            **{k: v for k, v in orc.env.items() if not k.startswith(("TMUX", "GOOGLE"))},
            "GEMINI_API_KEY": KEY,
            "GOOGLE_GEMINI_BASE_URL": model,
            "GEMINI_TELEMETRY_ENABLED": "false",
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
        }


@pytest.fixture
def gemini(orc: Orc, model: str, tmp_path: Path) -> Iterator[Start]:
    """Starts `gemini ARGS...`."""
    yield from started(Gemini(orc, model, tmp_path / "web"), orc.home)


@pytest.fixture
def gemini_in_tmux(orc: Orc, model: str, tmp_path: Path) -> Iterator[Tmux]:
    """An interactive `gemini`."""
    yield from in_tmux(Gemini(orc, model, tmp_path / "web"), tmp_path / "tmux", orc.home)


class OpenCode:
    """How OpenCode is started in these tests: a model provider of its own on loopback, shell commands asked for."""

    def __init__(self, orc: Orc, model: str, project: Path) -> None:
        self.binary = clients() / "opencode"
        if not self.binary.exists():
            pytest.skip("no opencode there; `make test-clients` installs it")
        self.project = project
        project.mkdir()
        models = {
            name: {"name": name, "limit": {"context": 200_000, "output": 8_000}}
            for name in ("mock-small", "mock-large")
        }
        options = {"baseURL": f"{model}/v1", "apiKey": KEY}
        config = orc.home / ".config" / "opencode" / "opencode.json"
        config.parent.mkdir(parents=True)
        config.write_text(
            json.dumps(
                {
                    "model": "mock/mock-small",
                    "small_model": "mock/mock-small",
                    "share": "disabled",
                    "autoupdate": False,
                    "provider": {
                        "mock": {
                            "npm": "@ai-sdk/openai-compatible",
                            "name": "mock",
                            "options": options,
                            "models": models,
                        }
                    },
                }
            )
        )
        self.env = {k: v for k, v in orc.env.items() if not k.startswith("TMUX")}
        switches = ("AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD", "SHARE")
        self.env |= {f"OPENCODE_DISABLE_{name}": "1" for name in switches}
        # It believes the shell's word for where it is.
        self.env |= {"TERM": "xterm-256color", "LANG": "C.UTF-8", "PWD": str(project)}


@pytest.fixture
def opencode(orc: Orc, model: str, tmp_path: Path) -> Iterator[Start]:
    """Starts `opencode ARGS...`."""
    yield from started(OpenCode(orc, model, tmp_path / "web"), orc.home)


@pytest.fixture
def opencode_in_tmux(orc: Orc, model: str, tmp_path: Path) -> Iterator[Tmux]:
    """An interactive `opencode`."""
    yield from in_tmux(OpenCode(orc, model, tmp_path / "web"), tmp_path / "tmux", orc.home)


def end_all(home: Path) -> None:
    """Tool shells live in sessions of their own; they carry the scratch home in their environment."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and f"HOME={home}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), 9)
        except OSError:
            continue
