"""One room per real client. Adding a client is one room here and one line in `ALL`."""

from __future__ import annotations

from orchestrator_tui.clients.base import Client
from orchestrator_tui.clients.claude import Claude
from orchestrator_tui.clients.codex import Codex
from orchestrator_tui.clients.gemini import Gemini
from orchestrator_tui.clients.log import Log
from orchestrator_tui.clients.loop import Loop
from orchestrator_tui.clients.opencode import OpenCode

ALL: tuple[Client, ...] = (Claude(), Codex(), OpenCode(), Gemini(), Loop(), Log())
BY_NAME: dict[str, Client] = {client.name: client for client in ALL}
