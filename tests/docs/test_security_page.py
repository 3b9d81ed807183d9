"""docs/security.md names a test for each claim, and each of them is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_named_test_is_there(path: str, name: str) -> None:
    assert name in names_in(path)


def test_every_claim_has_its_test() -> None:
    rows = [row for row in PAGE.splitlines() if row.startswith("| ") and "| claim |" not in row]
    claims = [row for row in rows if "::" in row or row.count(" | ") == 1]
    trust = PAGE.partition("## What is trusted")[2].partition("\n## ")[0]
    bare = [row for row in claims if "::" not in row and row not in trust]
    assert len(NAMED) > 40
    assert bare == []
