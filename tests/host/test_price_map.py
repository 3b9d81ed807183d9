"""The price map is read entry by entry, and stays the one that was opened."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from orchestrator_tui.host.price_files import find_map
from orchestrator_tui.host.price_map import PriceMap


def test_every_entry_of_the_shipped_map_is_what_the_file_says() -> None:
    path = find_map()
    assert path is not None
    whole = msgspec.json.decode(path.read_bytes())
    kept = PriceMap(path)
    assert list(kept) == list(whole) and len(kept) == len(whole) > 1000
    assert all(msgspec.json.decode(kept[name]) == entry for name, entry in whole.items())
    assert kept.get("no such model") is None and "no such model" not in kept


def test_a_name_that_is_there_twice_has_its_last_entry(tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    path.write_text('{"a": {"x": 1}, "b": {"x": 2}, "ü": {"x": 2}, "a": {"x": 3}, "c": {"in": {"x": 3}}}')
    assert {name: msgspec.json.decode(entry)["x"] for name, entry in PriceMap(path).items() if name != "c"} == {
        "a": 3, "b": 2, "ü": 2,
    }  # fmt: skip


def test_an_upgrade_changes_nothing_of_a_map_that_is_open(tmp_path: Path) -> None:
    path, other = tmp_path / "map.json", tmp_path / "new.json"
    path.write_text('{"a": {"x": 1}}')
    kept = PriceMap(path)
    other.write_text('{"b": {"x": 22222}, "a": {"x": 9}}')
    os.replace(other, path)
    assert msgspec.json.decode(kept["a"]) == {"x": 1} and "b" not in kept


@pytest.mark.parametrize("text", ["", "[]", '{"a": ', '"x"'])
def test_what_is_no_map_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "map.json"
    path.write_text(text)
    with pytest.raises(msgspec.DecodeError):
        PriceMap(path)
