"""Which recordings are played, under which names; and how a recording is made into a new session."""

from __future__ import annotations

import random
import re
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Literal

from msgspec import Struct

End = Literal["stays", "killed", "asks", "hangs"]


class Scene(Struct, frozen=True):
    """One recorded session and the part it plays."""

    recording: str
    """Its folder under `recordings/`; the name begins with the client's."""
    project: str
    prompt: str
    """What the recorded prompt is replaced by."""
    end: End = "stays"
    """`killed`: its process is ended in mid-turn. `asks`: its client says that it waits. `hangs`: no line any more."""

    @property
    def client(self) -> str:
        """`claude` or `codex`."""
        return self.recording.partition("-")[0]


SCENES: tuple[Scene, ...] = (
    Scene("claude-loop", "webapp", "wait until the build is green, then deploy the preview"),
    Scene("claude-subagent", "api", "map every caller of the billing client"),
    Scene("codex-loop", "api", "find out why the nightly job never ends"),
    Scene("claude-sigkill-midtool", "infra", "rebuild the base images", "killed"),
    Scene("claude-interactive-tmux", "infra", "roll the new image out to staging", "asks"),
    Scene("claude-thinking-parallel", "docs", "rewrite the quick start for newcomers"),
    Scene("codex-tool", "webapp", "list what the login page still lacks"),
    Scene("claude-tool", "webapp", "check which assets are not used any more"),
    Scene("codex-subagent", "infra", "compare the two terraform plans"),
    Scene("claude-usage-limit-429", "api", "port the rate limiter to the new gateway"),
    Scene("claude-write", "docs", "write release notes for 2.4"),
    Scene("codex-thinking-parallel", "billing", "plan the migration of the invoice tables"),
    Scene("claude-err529-forever", "billing", "reconcile the ledger of october"),
    Scene("claude-hang-midway", "api", "explain the flaky upload test", "hangs"),
    Scene("codex-usage-limit-429", "billing", "add the tax rules for norway"),
    Scene("claude-loop", "billing", "watch the import until it has caught up"),
    Scene("claude-subagent", "docs", "collect every broken link"),
    Scene("codex-loop", "webapp", "make the snapshot tests deterministic"),
    Scene("claude-thinking-parallel", "api", "split the session store in two"),
    Scene("codex-tool", "infra", "list the volumes that nobody mounts"),
)

_IDS = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|(?:msg|req|toolu|resp|call|rs|fc)_[0-9a-f]{12,32}"
    r"|(?<=agent-)a[0-9a-f]{16}|(?<=\"agentId\":\")a[0-9a-f]{16}"
)
_TIMES = re.compile(r"2026-11-20T\d\d:\d\d:\d\d\.\d{3}Z")
_PROMPTS = re.compile(
    r"keep checking|use a subagent|list the files|think about the plan|think about it|long sleep|usage limit"
    r"|write notes|overloaded forever|hang midway"
)
_HEX = "0123456789abcdef"


class Take(Struct, frozen=True):
    """A recording made into a session of its own."""

    session: str
    """The client's id of it."""
    main: tuple[str, ...]
    """Lines, each with its line feed; times are still the recorded ones (see `stamped`)."""
    agent: tuple[str, ...]
    """The sub-agent's lines."""
    agent_id: str
    meta: str


def take(scene: Scene, number: int, seed: int, cwd: str) -> Take:
    """The scene's recording with ids of its own: the same for the same number and seed."""
    folder = Path(str(files("orchestrator_tui.demo") / "recordings" / scene.recording))

    def fresh(match: re.Match[str]) -> str:
        code = blake2b(f"{seed}:{number}:{match[0]}".encode(), digest_size=32).hexdigest()
        letters = iter(code)
        kept = match[0].rfind("_") + 1
        body = "".join(next(letters) if char in _HEX else char for char in match[0][kept:])
        return match[0][:kept] + body

    def renew(text: str) -> str:
        return _IDS.sub(fresh, text).replace("/tmp/demo/webapp", cwd)  # noqa: S108

    main = [renew(text) for text in _lines(folder / "main.jsonl")]
    agent = [renew(text) for text in _lines(folder / "agent.jsonl")]
    meta_path = folder / "agent.meta.json"
    key = '"sessionId":"' if scene.client == "claude" else '"id":"'
    ids = [text.partition(key)[2][:36] for text in main if key in text]
    agents = [text.partition('"agentId":"' if scene.client == "claude" else key)[2] for text in agent]
    return Take(
        session=ids[0],
        main=tuple(_PROMPTS.sub(scene.prompt, text) if _is_prompt(text) else text for text in main),
        agent=tuple(agent),
        agent_id=next((text[: text.index('"')] for text in agents if text), ""),
        meta=renew(meta_path.read_text(encoding="utf-8")) if meta_path.exists() else "",
    )


def _is_prompt(text: str) -> bool:
    """Whether the line holds what the person wrote: the same words stand in errors and answers too."""
    return any(mark in text for mark in ('"role":"user"', '"UserMessage"', '"queue-operation"', '"last-prompt"'))


def stamped(text: str, now: str) -> str:
    """The line as if it were written now (`2026-11-20T14:02:00.000Z`)."""
    return _TIMES.sub(now, text)


def pauses(count: int, rng: random.Random) -> list[float]:
    """Seconds before each of a session's lines: mostly short, now and then a tool that takes its time."""
    return [rng.choice((0.1, 0.2, 0.4, 0.8, 1.2, 2.5)) for _ in range(count)]


def _lines(path: Path) -> list[str]:
    if not path.exists():
        return []
    return [text + "\n" for text in path.read_text(encoding="utf-8").split("\n") if text]
