"""docs/troubleshooting.md explains everything that `orc doctor` can say."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestrator_tui.cli.findings import KNOWN, found, recognised
from orchestrator_tui.config import Config, Host, Notify, Prices
from orchestrator_tui.host import notify, price_files
from tests.conftest import Orc

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", KNOWN)
def test_every_finding_is_explained(code: str) -> None:
    said = re.sub(r"\{(\w+)\}", lambda name: name[1].upper(), KNOWN[code].text)
    rows = [row for row in PAGE.splitlines() if row.startswith("| ") and f"`: `{said}` |" in row]
    assert rows, f"docs/troubleshooting.md does not explain `{said}` ({code})"
    assert all(len(row.split(" | ")) == 3 for row in rows)


def test_nothing_is_explained_that_is_never_said() -> None:
    said = {re.sub(r"\{(\w+)\}", lambda name: name[1].upper(), known.text) for known in KNOWN.values()}
    explained = {match[1] for match in re.finditer(r"^\| .*?`: `([^`]*(?:`[^`|]+`[^`|]*)*?)` \|", PAGE, re.M)}
    assert explained == said


def test_doctor_says_nothing_else() -> None:
    source = (ROOT / "orchestrator_tui" / "cli" / "verb_doctor.py").read_text(encoding="utf-8")
    assert not re.search(r"\bFinding\(", source)
    used = set(re.findall(r'\bsay\(\s*"([\w.-]+)"', source)) | {"settings.read", "settings.none"}
    assert used | {code for code in KNOWN if code.startswith(("prices.", "notify."))} == set(KNOWN)


def test_what_is_said_of_notices_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = set()
    kinds: Any = product(
        (False, True), ([], ["red"]), ("off", "osc9"), (False, True), ([], ["no-such"], ["sh"]), (0, 5)
    )
    for off, on, terminal, desktop, command, minutes in kinds:
        settings = Config(
            notify=Notify(off=off, on=on, terminal=terminal, desktop=desktop, command=command, quiet="22:00-07:00"),
            host=Host(idle_minutes=minutes),
        )
        for environment in ({}, {"TMUX": "/tmp/t"}):
            monkeypatch.setattr(notify.shutil, "which", lambda name, **_: f"/bin/{name}" if name == "sh" else None)
            for way in notify.ways(settings, environment):
                code = recognised("notify", way.state, way.text, way.fix).code
                assert code, way
                codes.add(code)
    assert codes == {code for code in KNOWN if code.startswith("notify.")}


def test_what_is_said_of_prices_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Prices(models={"m": {"input": 1.0, "output": 2.0}})
    (tmp_path / "bad.json").write_text("{")
    notes = price_files.load(own).notes
    notes += price_files.load(own, tmp_path / "bad.json", tmp_path / "none.json").notes
    monkeypatch.setattr(price_files, "find_map", lambda: None)
    notes += price_files.load(own).notes
    found_codes = {recognised("prices", None, note).code for note in notes}
    assert found_codes == {code for code in KNOWN if code.startswith("prices.")}
    assert recognised("prices", None, price_files.load(own).notes[1]).state == "bad"


def test_every_line_of_a_real_report_has_its_code(orc: Orc) -> None:
    orc.paths.make()
    orc.paths.config.write_text('[clients]\noff = ["gemini", "gemni"]\n[clients.roots]\nclaud = ["/x"]\n')
    (orc.state / "events.db.damaged-20260101T000000Z").write_bytes(b"x")
    answer = orc.run("doctor", "--json", check=False)
    said = msgspec.json.decode(answer.stdout)["findings"]
    assert answer.returncode == 1
    assert [line for line in said if line["code"] not in KNOWN] == []
    assert {"client.unknown", "client.off", "store.kept", "settings.read", "store.none"} <= {f["code"] for f in said}


def test_a_terminal_that_cannot_write_the_signs_is_told_so(orc: Orc) -> None:
    done = orc.run("doctor", check=False, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (1, "")
    assert "its encoding is ascii" in done.stdout


def test_words_are_put_in_their_place() -> None:
    one = found("place.open", "state", directory="/a{b}")
    assert (one.about, one.text, one.fix) == ("state", "/a{b} is open to others", "chmod 700 /a{b}")
