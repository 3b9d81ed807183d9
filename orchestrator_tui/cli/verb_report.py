"""`orc report`: what was spent, what went wrong, who noticed when, what decisions changed."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from orchestrator_tui import config, paths
from orchestrator_tui.cli.answer import give_json, give_table, say
from orchestrator_tui.cli.fleets import check_host
from orchestrator_tui.cli.stretch import check_times
from orchestrator_tui.cli.writing.html import html
from orchestrator_tui.cli.writing.markdown import markdown
from orchestrator_tui.cli.writing.report_json import report_json
from orchestrator_tui.cli.writing.safe import masked_report
from orchestrator_tui.clock import SystemClock, parse_time
from orchestrator_tui.export.files import put
from orchestrator_tui.fleet.report.saying import LEGEND
from orchestrator_tui.fleet.report.sheet import Sheet, sheet_of
from orchestrator_tui.fleet.report.tables import Table
from orchestrator_tui.store.load import fleet_at, fleet_now
from orchestrator_tui.store.reader import Reader
from orchestrator_tui.store.reporting import report_of
from orchestrator_tui.text import clean
from orchestrator_tui.ui.draw.report import columns_for

TONES = {"good": "green", "bad": "red", "amber": "yellow", "money": "bold", "": ""}
ROLES = {"dim": "dim", "money": "bold"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("--since", metavar="TIME", help="an ISO time, or how long ago: 15m, 2h, 3d; else everything")
    parser.add_argument("--until", metavar="TIME", help="as it would have been told then; else to now")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object (schema orc.report/1)")
    form.add_argument("--markdown", metavar="FILE", help="write it as Markdown; - is standard output")
    form.add_argument("--html", metavar="FILE", help="write it as one HTML file without scripts; - is standard output")


def run(args: argparse.Namespace) -> int:
    """Work it out and give it."""
    place = paths.find()
    config.load(place.config)
    now = SystemClock().now()
    since = parse_time(args.since, now) if args.since else None
    until = parse_time(args.until, now) if args.until else None
    check_times(since, until, now)
    with Reader(place.database) as reader:
        if until is None:
            fleet = fleet_now(reader)
            note = check_host(fleet, place, now)
            report = report_of(reader, fleet, since, now)
        else:
            note = None
            report = report_of(reader, fleet_at(reader, until), since, until, past=True)
    if args.json:
        give_json(report_json(report))
        return 0
    if args.markdown is not None:
        _write(args.markdown, markdown(sheet_of(masked_report(report))))
    elif args.html is not None:
        _write(args.html, html(sheet_of(masked_report(report))))
    else:
        give(sheet_of(report))
        if note:
            say(note)
    return 0


def _write(name: str, text: str) -> None:
    """To a file of one's own only, or to standard output. Raises OrcError."""
    if name == "-":
        sys.stdout.write(text)
        return
    put(Path(name), text)
    say(f"wrote {name}")


def give(sheet: Sheet) -> None:
    """Print it for people."""
    print(f"{sheet.title}, {sheet.period} (UTC)\n")
    columns = (("", "left"), ("", "right"), ("", "last"))
    give_table(columns, [[(f.label, "dim"), (f.value, TONES[f.tone]), (f.words, "dim")] for f in sheet.figures])
    for table in sheet.tables:
        if table.rows:
            print(f"\n{clean(table.title)}")
            _give(table)
    print(f"\n{LEGEND}")
    for note in sheet.notes:
        print(clean(note))


def _give(table: Table) -> None:
    width = os.get_terminal_size().columns if sys.stdout.isatty() else 240
    places = columns_for(table, width)
    rows = []
    for number, row in enumerate(table.rows):
        tone = TONES.get(table.tones[number], "") if table.tones else ""
        rows.append([(row[at], tone if at == 0 and tone else ROLES.get(table.columns[at].role, "")) for at in places])
    give_table([(table.columns[at].title, table.columns[at].side) for at in places], rows)
    if table.more:
        print(f"and {table.more} more, in --json")
