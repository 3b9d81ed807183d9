"""How answers are written: escapes in JSON, columns of a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from orchestrator_tui.cli.answer import GAP, NARROW, align, ascii_controls, give_table


def by_definition(text: str) -> str:
    """One character after the other."""
    if text.isascii():
        return text
    out = []
    for char in text:
        raw = char.encode("utf-16-be", "surrogatepass")
        units = [int.from_bytes(raw[i : i + 2], "big") for i in range(0, len(raw), 2)]
        out.append(char if char == "\n" or char.isprintable() else "".join(f"\\u{unit:04x}" for unit in units))
    return "".join(out)


ODD = "\x00\t\x7f\x85\x9b\xad\u200b\u202e\u2028\ud83d\udc7f\ufeff\U000e0001\U0010ffff\r\n é日🦉"


@given(st.text(st.one_of(st.characters(), st.sampled_from(ODD)), max_size=60))
def test_escapes_are_what_they_are_by_definition(text: str) -> None:
    assert ascii_controls(text) == by_definition(text)


CELLS = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Cf", "Mn", "Zl", "Zp")), max_size=30)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=6), st.integers(3 * NARROW + 4, 120))
def test_columns_stand_below_each_other_and_fit(rows: list[tuple[str, str, str]], width: int) -> None:
    lines = align(["left", "right", "last"], [[(text, "") for text in row] for row in rows], width)
    sizes = {tuple(cell_len(text) for text, _ in parts) for parts in lines}
    assert len(sizes) == 1
    assert sum(sizes.pop()) <= width


def test_a_table_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [[("a\x1b[31mb", "red"), ("7", "")], [("日本語", ""), ("1000", "dim")], [("two\nlines", ""), ("", "")]]
    give_table([("name", "left"), ("count", "right")], rows)
    assert capsys.readouterr().out == (
        f"name       {GAP}count\nab         {GAP}    7\n日本語     {GAP} 1000\ntwo ⏎ lines\n"
    )
