"""Plays the scenes into a scratch home, line by line, with real processes behind them.

Runs as a process of its own (`python -m orchestrator_tui.demo.play SCRATCH SEED SESSIONS`). When its standard input
ends, however the demo came to its end, it ends everything of the demo and removes its directory.
"""

from __future__ import annotations

import contextlib
import json
import random
import select
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from orchestrator_tui.demo.scenes import SCENES, Scene, Take, pauses, stamped, take
from orchestrator_tui.demo.sweeping import sweep

TICK = 0.05
AGAIN = 25.0
"""Seconds after which a scene that is over makes room for the next."""


class Playing(Struct):
    """A session that is being written."""

    scene: Scene
    take: Take
    begin: float
    due: list[tuple[float, str, str]]
    """(when, which file, line), in order."""
    home: str
    process: subprocess.Popen[bytes] | None = None
    told: str = ""
    ended: float | None = None


def schedule(scene: Scene, number: int, seed: int, home: str, begin: float) -> Playing:
    """When each line of a scene is written; the same for the same seed."""
    rng = random.Random(f"{seed}:{number}")  # noqa: S311 - a script, not a secret
    made = take(scene, number, seed, f"{home}/work/{scene.project}")
    main = [("main", text) for text in made.main]
    if made.agent:
        # A sub-agent works while its parent waits for it.
        call = next((i for i, (_, text) in enumerate(main) if "spawn_agent" in text or '"name":"Agent"' in text), 1)
        main[call + 1 : call + 1] = [("agent", text) for text in made.agent]
    if scene.end == "hangs":
        main = main[: len(main) // 2 + 1]
    due, clock = [], begin
    for wait, (which, text) in zip(pauses(len(main), rng), main, strict=True):
        clock += wait
        due.append((clock, which, text))
    return Playing(scene, made, begin, due, home)


def path_of(playing: Playing, which: str) -> Path:
    """The file that a line belongs to, where the real client would have it."""
    home = Path(playing.home)
    made = playing.take
    if playing.scene.client == "claude":
        project = home / ".claude" / "projects" / f"{playing.home}/work/{playing.scene.project}".replace("/", "-")
        if which == "main":
            return project / f"{made.session}.jsonl"
        return project / made.session / "subagents" / f"agent-{made.agent_id}.jsonl"
    day = datetime.fromtimestamp(playing.begin, UTC)
    thread = made.session if which == "main" else made.agent_id
    return home / ".codex" / "sessions" / f"{day:%Y/%m/%d}" / f"rollout-{day:%Y-%m-%dT%H-%M-%S}-{thread}.jsonl"


def write(playing: Playing, which: str, text: str) -> None:
    """One line, stamped now."""
    path = path_of(playing, which)
    path.parent.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    with path.open("a", encoding="utf-8") as file:
        file.write(stamped(text, f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"))
    meta = path.with_suffix(".meta.json")
    if which == "agent" and playing.take.meta and not meta.exists():
        meta.write_text(playing.take.meta, encoding="utf-8")


def register(playing: Playing, status: str) -> None:
    """Say in Claude Code's registry what the session's process does; only on change."""
    if playing.scene.client != "claude" or playing.process is None or status == playing.told:
        return
    playing.told = status
    pid = playing.process.pid
    started = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[19]
    entry = {
        "pid": pid,
        "sessionId": playing.take.session,
        "cwd": f"{playing.home}/work/{playing.scene.project}",
        "procStart": started,
        "version": "2.1.197",
        "kind": "interactive",
        "entrypoint": "cli",
        "status": status,
        **({"waitingFor": "permission prompt"} if status == "waiting" else {}),
    }
    path = Path(playing.home) / ".claude" / "sessions" / f"{pid}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(entry), encoding="utf-8")
    part.rename(path)


def step(playing: Playing, now: float) -> None:
    """Do what is due."""
    if playing.process is None and playing.due and now >= playing.begin:
        # A process that does nothing stands in for the client: what is watched of it is real.
        playing.process = subprocess.Popen(["sleep", "86400"], stdin=subprocess.DEVNULL)
        with contextlib.suppress(OSError):
            register(playing, "busy")
    while playing.due and playing.due[0][0] <= now:
        _, which, text = playing.due.pop(0)
        write(playing, which, text)
    if not playing.due and playing.ended is None:
        playing.ended = now
        if playing.scene.end == "killed" and playing.process is not None:
            playing.process.kill()
            playing.process.wait()
        else:
            with contextlib.suppress(OSError):
                register(playing, {"asks": "waiting", "hangs": "busy"}.get(playing.scene.end, "idle"))


def main(home: str, seed: int, sessions: int) -> None:
    """Play until standard input ends."""
    rng = random.Random(seed)  # noqa: S311 - a script, not a secret
    begin = time.time()
    number = 0
    cast: list[Playing] = []

    def enter(at: float) -> None:
        nonlocal number
        cast.append(schedule(SCENES[number % len(SCENES)], number, seed, home, at))
        number += 1

    for _ in range(sessions):
        enter(begin + rng.uniform(0, 12))
    try:
        while not select.select([sys.stdin], [], [], TICK)[0]:
            now = time.time()
            for playing in cast:
                step(playing, now)
            over = [p for p in cast if p.ended is not None and now - p.ended > AGAIN and p.scene.end == "stays"]
            for playing in over[:1]:
                # It stays on the map, finished; its process ends as a closed window does.
                end(playing)
                cast.remove(playing)
                enter(now + 1)
    finally:
        for playing in cast:
            end(playing)


def end(playing: Playing) -> None:
    """End a session's process, its registry entry with it."""
    if playing.process is not None:
        path = Path(playing.home) / ".claude" / "sessions" / f"{playing.process.pid}.json"
        path.unlink(missing_ok=True)
        playing.process.kill()
        playing.process.wait()


if __name__ == "__main__":
    try:
        main(f"{sys.argv[1]}/home", int(sys.argv[2]), int(sys.argv[3]))
    finally:
        # One sweep is enough where the demo waits for it; where the demo was killed, this is the only one.
        sweep(Path(sys.argv[1]))
