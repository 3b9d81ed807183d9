"""The clients that orc can start by itself, and how each is driven."""

from __future__ import annotations

from orchestrator_tui.clients.claude.drive import ClaudeDrive
from orchestrator_tui.clients.codex.drive import CodexDrive
from orchestrator_tui.clients.driving import Drive
from orchestrator_tui.clients.gemini.drive import GeminiDrive
from orchestrator_tui.clients.loop.drive import BuiltinDrive
from orchestrator_tui.clients.loop_drive import LoopDrive
from orchestrator_tui.clients.opencode.drive import OpenCodeDrive

DRIVES: dict[str, Drive] = {
    "claude": ClaudeDrive(),
    "codex": CodexDrive(),
    "gemini": GeminiDrive(),
    "loop": LoopDrive(BuiltinDrive()),
    "opencode": OpenCodeDrive(),
}
