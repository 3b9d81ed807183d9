"""`orc report` from outside: its JSON, its sums, and documents in which hostile text is only text."""

from __future__ import annotations

import asyncio
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.cli.writing.html import html
from orchestrator_tui.cli.writing.markdown import markdown
from orchestrator_tui.cli.writing.safe import masked_report
from orchestrator_tui.export.plain import escaped
from orchestrator_tui.fleet.report.shapes import Report
from orchestrator_tui.fleet.report.sheet import sheet_of
from tests.conftest import Orc
from tests.fleet.test_report import START, Step, about, day, report, use, write

HOSTILE = (
    "</td><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a | b `c` [d](http://evil.test) **e** <b>",
    "javascript:alert(1)", "\x1b]52;c;QUJD\x07\x1b[2J\u202eevil\u2066x", "&lt;script&gt; &#x3c;", "--><style>*{}</style>",
    "line\nbreak\r# not a heading\n- no list", "key sk-ant-api03-abcdefghijklmnop", "</title></style>", "\ud800 lone",
)  # fmt: skip
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "section", "div", "b", "bdi", "span", "figure",
    "figcaption", "svg", "path", "table", "tr", "th", "td", "ul", "li",
}  # fmt: skip
VOID = {"meta"}


class Strict(HTMLParser):
    """Fails on any element or attribute that the writer does not write, and on elements that do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED, tag
        for name, value in attrs:
            assert name in {
                "lang", "charset", "http-equiv", "content", "name", "class", "viewbox", "preserveaspectratio", "role",
                "aria-label", "d", "fill", "opacity",
            }, (tag, name)  # fmt: skip
            assert "http" not in (value or "") or name == "http-equiv"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "path"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def hostile() -> list[Step]:
    """Every string that comes from outside is hostile."""
    steps: list[Step] = []
    for n, text in enumerate(HOSTILE):
        safe = text.encode("utf-8", "replace").decode()
        name, cause = f"claude:h{n}", f"c{n}"
        steps += [
            (n, name, about("claude", project=safe, title=safe, title_rank=3)),
            (n, name, ev.SeatTaken(region=safe, number=n)),
            (20 + n, name, use(n, 1, safe)),
            (40 + n, name, ev.Check(name=safe, ok=bool(n % 2))),
            (60 + n, name, ev.AlertRaised(cause=cause, status="looping", severity="red", evidence=safe, since=START)),
            (
                80 + n,
                None,
                ev.CommandRequested(command_id=cause, verb="kill", arguments={"session": name}, actor=safe, why=safe),
            ),
            (81 + n, None, ev.CommandStarted(cause, ev.Moment(name, "looping", "red", safe, 0.01, 9, 9))),
            (82 + n, None, ev.CommandEnded(cause, "failed", safe)),
        ]
    return sorted(steps, key=lambda step: step[0])


@pytest.fixture
def told(tmp_path: Path) -> Report:
    return masked_report(report(tmp_path / "events.db", hostile()))


def test_hostile_text_is_only_text_in_html(told: Report) -> None:
    page = html(sheet_of(told))
    parser = Strict()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    shown = "".join(parser.text)
    assert "<script>alert(1)</script>" in shown and "<script" not in page
    assert "\u202e" not in page and "\u2066" not in page and "\x1b" not in page and "\x07" not in page
    assert "sk-ant-[masked]" in shown and "abcdefghijklmnop" not in page
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style and "@import" not in style
    assert "default-src 'none'" in page
    page.encode("utf-8")


def test_hostile_text_is_only_text_in_markdown(told: Report) -> None:
    text = markdown(sheet_of(told))
    assert "abcdefghijklmnop" not in text
    rows = [row for row in text.split("\n") if row.startswith("|")]
    assert all(row.endswith("|") for row in rows)
    plain = re.sub(r"`[^`|]*` \|", "|", text)
    unescaped = re.compile(r"(?<!\\)(?:\\\\)*([<>`\[\]*])")
    assert not unescaped.search(plain.replace("> \\?", "")), unescaped.search(plain)
    assert "\u202e" not in text and "\x1b" not in text
    heads = [row for row in text.split("\n") if row.startswith("#")]
    assert all(re.fullmatch(r"#{1,2} [A-Z][a-z -]+", head) for head in heads), heads


@pytest.mark.parametrize("text", HOSTILE)
def test_a_cell_of_markdown_is_one_line(text: str) -> None:
    cell = escaped(text)
    assert "\n" not in cell and "\r" not in cell
    assert not re.search(r"(?<!\\)[|<`\[]", cell)
    assert "://" not in cell.replace("\\:", "")


def test_a_badge_is_told_by_its_own_name(tmp_path: Path) -> None:
    words = {"evidence": "$0.02 of the $0.02 that a session may cost", "status": "tool_running", "severity": "red"}
    steps: list[Step] = [
        (0, "claude:a", about("claude", title="a")),
        (9, "claude:a", ev.AlertRaised(cause="budget red", since=START, **words)),  # type: ignore[arg-type]
    ]
    shown = markdown(sheet_of(report(tmp_path / "b.db", steps)))
    assert "red over budget" in shown and "tool running" not in shown


def test_an_empty_report_is_a_whole_document(tmp_path: Path) -> None:
    sheet = sheet_of(report(tmp_path / "e.db", []))
    parser = Strict()
    parser.feed(html(sheet))
    assert parser.open == []
    assert markdown(sheet).startswith("# After")


def test_the_report_adds_up_to_the_sessions(orc: Orc) -> None:
    orc.paths.make()
    asyncio.run(write(orc.paths.database, day()))
    answer, sessions = orc.json("report"), orc.json("sessions", "--all")
    assert answer["schema"] == "orc.report/1"
    totals = sessions["totals"]
    assert answer["totals"]["cost_usd"] == totals["cost_usd"] == pytest.approx(0.84)
    assert answer["totals"]["tokens"] == totals["tokens"]
    assert answer["totals"]["cost_state"] == totals["cost_state"] == "partial"
    assert answer["waste"]["cost_usd"] == pytest.approx(sum(s["wasted_usd"] for s in sessions["sessions"]))
    for groups in answer["groups"].values():
        assert sum(g["cost_usd"] or 0 for g in groups) == pytest.approx(totals["cost_usd"])
        assert sum(g["requests"] for g in groups) == totals["requests"]
    assert answer["success"]["usd_per_success"] == pytest.approx(0.50)
    assert answer["success"]["winner_usd_per_success"] == pytest.approx(0.20)
    alert = next(a for a in answer["alerts"] if a["session"] == "claude:a")
    assert (alert["noticed_after_s"], alert["noticed_basis"], alert["acted_after_s"]) == (30.0, "look", 60.0)
    assert answer["acted_at_first_red"]["basis"] == "estimate" and answer["acted_at_first_red"]["assumption"]
    assert answer["false_alarms"] == 1


def test_documents_are_private_and_plain_text_is_printed(orc: Orc, tmp_path: Path) -> None:
    orc.paths.make()
    asyncio.run(write(orc.paths.database, hostile()))
    page = tmp_path / "report.html"
    orc.run("report", "--html", str(page))
    assert page.stat().st_mode & 0o777 == 0o600 and "<script" not in page.read_text("utf-8")
    assert orc.run("report", "--markdown", "-").stdout.startswith("# After")
    text = orc.run("report").stdout
    assert "Waste by cause" in text and "\x1b" not in text and "\u202e" not in text
    assert orc.run("report", "--html", str(tmp_path / "no" / "x"), check=False).returncode == 1
    assert orc.run("report", "--json", "--html", "x", check=False).returncode == 2
    assert orc.run("report", "--since", "yesterday", check=False).returncode == 2
