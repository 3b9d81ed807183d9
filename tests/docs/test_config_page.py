"""docs/config.md is what the program says of its settings."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct, structs

from orchestrator_tui.config import Config, Guard, Policy
from orchestrator_tui.config.reference import reference

KEPT = Path(__file__).parents[2] / "docs" / "config.md"


def test_the_page_is_as_the_program_makes_it() -> None:
    if os.environ.get("ORC_UPDATE_SNAPSHOTS") == "1":
        KEPT.write_text(reference(), encoding="utf-8")
    assert KEPT.read_text(encoding="utf-8") == reference(), "ORC_UPDATE_SNAPSHOTS=1 makes it anew"


def test_every_setting_has_its_words() -> None:
    page = reference()
    bare = [line for line in page.splitlines() if line.startswith("| `") and line.endswith("|  |")]
    assert bare == []
    for section in structs.fields(Config):
        assert f"[{section.name}]" in page
        part = {"policy": Policy, "guard": Guard}.get(section.name, type(getattr(Config(), section.name)))
        if issubclass(part, Struct):
            assert all(f"| `{one.name}` | " in page for one in structs.fields(part))
