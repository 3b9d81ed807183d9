"""What the pages name is there: files, verbs, options, keys, settings."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest
from msgspec import Struct, structs

from orchestrator_tui.cli.described import whole
from orchestrator_tui.cli.verbs import VERBS
from orchestrator_tui.config import Config, Guard, Policy

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = {" ".join(command.words): command for command in whole().all()}
SECTIONS = {
    part.name: {"policy": Policy, "guard": Guard}.get(part.name, type(getattr(Config(), part.name)))
    for part in structs.fields(Config)
}
page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)


def code(path: Path) -> list[str]:
    """Everything that is code in a page: between backticks, and in fenced blocks, line by line."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    rest = re.sub(r"^```\w*\n.*?^```", "", text, flags=re.M | re.S)
    return [*re.findall(r"`([^`\n]+)`", rest), *chain.from_iterable(block.splitlines() for block in blocks)]


@page
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)", text)
    assert [target for target in targets if "://" not in target and not (page.parent / target).exists()] == []


@page
def test_verbs_and_options_are_there(page: Path) -> None:
    wrong = []
    for line in code(page):
        for said in re.findall(r"(?:^|[(;&] *)orc ([a-z][^#&;)]*)", line):
            first, *rest = said.split()
            for verb in re.split(r"\\?\|", first):
                if verb not in VERBS:
                    wrong.append(f"orc {verb}")
                    continue
                known = {
                    n
                    for name, c in COMMANDS.items()
                    if name.split()[:1] == [verb]
                    for a in c.arguments
                    for n in a.names
                }
                options = re.findall(r"(?<![\w-])--[a-z][\w-]*", " ".join(rest))
                wrong += [f"orc {verb} {option}" for option in options if option not in known and "-- " not in said]
    assert wrong == []


@page
def test_settings_are_there(page: Path) -> None:
    wrong = []
    for line in code(page):
        match = re.match(r"\[{1,2}([a-z]+)(?:\.[\w.\"]+)?\]{1,2}(?: ([a-z_]+)\b)?", line)
        if match is None or match[0].startswith("[masked"):
            continue
        section, name = match.groups()
        kind = SECTIONS.get(section)
        if section == "colors" or "SETTING" in line:
            continue
        if kind is None or (name and issubclass(kind, Struct) and name not in kind.__struct_fields__):
            wrong.append(match[0])
    assert wrong == []


def test_the_readme_names_every_verb() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(chain.from_iterable(re.split(r"\\?\|", words) for words in re.findall(r"`orc ([a-z|\\]+)", text)))
    assert set(VERBS) - named == set()


def test_the_contract_names_every_verb() -> None:
    text = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
    assert [verb for verb in VERBS if not re.search(rf"`(orc )?[^`]*\b{verb}\b", text)] == []


def test_the_first_lines_of_every_page_say_what_it_is() -> None:
    for path in PAGES:
        first = path.read_text(encoding="utf-8").splitlines()
        assert first[0].startswith("# ") and first[1] == "" and first[2], path.name
