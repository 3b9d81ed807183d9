"""What leaves by `orc export`, read back: by orc, by a parser, and by a browser."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import DATA, Orc

CLIENTS = DATA / "clients"
SECRET = "q7Zr2mK9xT4vB8nL1cW5"
HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> \u202e \x1b[31m"
)
KEPT = ("title", "project", "model", "status", "severity", "tokens", "requests", "cost_usd", "turns", "context_tokens")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Orc:
    """Every recorded session of Claude Code and Codex."""
    base = tmp_path_factory.mktemp("recorded")
    (base / "home").mkdir()
    orc = Orc(base / "state", base / "home")
    roots = []
    for client, inside in (("claude", "projects"), ("codex", "sessions")):
        for folder in sorted(CLIENTS.glob(f"{client}-*/*/")):
            found = next(folder.rglob(inside), None)
            roots += ["--root", f"{client}={found.parent}"] if found is not None else []
    orc.run("ingest", "--all", *roots)
    return orc


def write(orc: Orc, name: str, lines: list[dict[str, Any]]) -> None:
    """An open log in the inbox, read."""
    inbox = orc.state / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    head = {"kind": "session", "schema": "orc.log/1", "session": name, "t": 0, "epoch": 1_795_000_000, "title": HOSTILE}
    (inbox / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [head, *lines]))
    orc.run("ingest", "--all")


def hostile(orc: Orc) -> None:
    write(
        orc,
        "bad",
        [
            {"kind": "user", "t": 1, "text": f"{HOSTILE} export API_KEY={SECRET} | `x` ```"},
            {
                "kind": "tool_call",
                "t": 2,
                "id": "a",
                "tool": HOSTILE,
                "args": {"command": f"curl -H 'Bearer {SECRET}'"},
            },
            {"kind": "tool_result", "t": 3, "id": "a", "ok": True, "text": f"ghp_{SECRET}\n````\n# not a heading"},
            {"kind": "usage", "t": 4, "id": "r", "model": "claude-opus-4-8", "input": 10, "output": 20},
            {"kind": "assistant_text", "t": 5, "text": f"done\u2028 {HOSTILE}", "stop_reason": "end_turn"},
        ],
    )


def test_a_log_imports_again_to_the_same_sessions_tokens_money_and_statuses(recorded: Orc, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    recorded.run("export", "fleet", "--since", "900d", "--format", "jsonl", "-o", str(logs))
    other = Orc(tmp_path / "state", recorded.home)
    other.run("ingest", "--all", "--root", f"log={logs}")
    before, after = recorded.sessions(), other.sessions()
    assert len(before) == len(after) > 30
    for name, session in before.items():
        native = name.replace(":", ".").replace("/", ".")
        found = after.get(f"log:{native}") or next(
            (value for key, value in after.items() if key.endswith(f"/{native}")), None
        )
        assert found is not None, name
        assert {k: found[k] for k in KEPT} == {k: session[k] for k in KEPT}, name
    assert (
        recorded.run("store", "verify", "--deep").returncode == other.run("store", "verify", "--deep").returncode == 0
    )


def test_reading_an_export_twice_counts_once(recorded: Orc, tmp_path: Path) -> None:
    name = max(recorded.sessions().values(), key=lambda s: s["requests"])["id"]
    other = Orc(tmp_path / "state", recorded.home)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        recorded.run("export", name, "--format", "jsonl", "-o", str(tmp_path / folder / "x.jsonl"))
        other.run("ingest", "--all", "--root", f"log={tmp_path / folder}")
    counted = sum(s["requests"] for s in other.sessions().values())
    tree = [s for key, s in recorded.sessions().items() if key == name or s["parent"] == name]
    assert counted == sum(s["requests"] for s in tree)


@pytest.mark.parametrize("form", ["jsonl", "md", "html"])
def test_secrets_stay_unless_asked_for_and_the_file_is_private(orc: Orc, form: str) -> None:
    hostile(orc)
    target = orc.state.parent / f"x.{form}"
    orc.run("export", "log:bad", "--format", form, "-o", str(target))
    assert SECRET not in target.read_text() and "[masked]" in target.read_text()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    orc.run("export", "log:bad", "--format", form, "-o", str(target), "--unmasked")
    assert SECRET in target.read_text()
    assert [p.name for p in target.parent.glob(".*part")] == []


def test_what_cannot_be_written_is_one_line(orc: Orc) -> None:
    hostile(orc)
    target = orc.state.parent / "no" / "such" / "x.md"
    done = orc.run("export", "log:bad", "--format", "md", "-o", str(target), check=False)
    assert (done.returncode, done.stderr.count("\n"), "cannot be written" in done.stderr) == (1, 1, True)
    assert orc.run("export", "nobody", "--format", "md", "-o", "x", check=False).returncode == 1
    assert orc.run("export", "log:bad", "--format", "gif", "-o", "x", check=False).returncode == 2


def test_a_write_up_keeps_its_shape_whatever_a_session_wrote(orc: Orc) -> None:
    hostile(orc)
    target = orc.state.parent / "x.md"
    orc.run("export", "log:bad", "--format", "md", "-o", str(target))
    text = target.read_text()
    headings = [line for line in text.split("\n") if line.startswith("#")]
    assert len(headings) == 3 and headings[1:] == ["## Cost", "## What happened"]
    assert "\x1b" not in text and "\u202e" not in text
    assert "  `````text" in text


class Scripts(HTMLParser):
    """Which elements a page has."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on") and name not in ("src", "href"), (tag, name, value)


def test_a_page_has_no_element_of_a_session_s_own(orc: Orc) -> None:
    hostile(orc)
    for what in ("log:bad", "fleet"):
        target = orc.state.parent / "x.html"
        orc.run("export", what, "--since", "900d", "--format", "html", "-o", str(target))
        page = Scripts()
        page.feed(target.read_text())
        assert page.tags.count("script") == 2 and "img" not in page.tags


def test_fog_is_not_green() -> None:
    parts = files("orchestrator_tui.export")
    assert 'status === "fog" ? "fog" : "ok"' in (parts / "page.js").read_text()
    assert "tr.fog td:first-child" in (parts / "page.html").read_text()


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVE = """
<script>
window.addEventListener("load", () => {
  const at = document.getElementById("at"), seen = [];
  for (const value of ["0", at.max]) {
    at.value = value; at.dispatchEvent(new Event("input"));
    seen.push([document.getElementById("when").textContent, document.querySelectorAll("#told li").length,
      document.querySelectorAll("#rows tr").length, document.images.length]);
  }
  const out = document.createElement("pre");
  out.id = "seen"; out.textContent = JSON.stringify({title: document.title, seen, text: document.body.innerText});
  document.body.appendChild(out);
});
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium")
def test_a_browser_scrubs_it_and_hostile_text_is_inert(orc: Orc, tmp_path: Path) -> None:
    hostile(orc)
    target = tmp_path / "x.html"
    orc.run("export", "log:bad", "--format", "html", "-o", str(target))
    # The page's own policy forbids a second script: the driver's copy is without it.
    text = target.read_text()
    policy, rest = text.split("<meta http-equiv", 1)[1].split(">", 1)
    assert "default-src 'none'" in policy
    target.write_text(text.split("<meta http-equiv", 1)[0] + rest.replace("</body>", DRIVE + "</body>"))
    argv = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=2000", "--dump-dom", target.as_uri(),
    ]  # fmt: skip
    dom = subprocess.run(argv, capture_output=True, text=True, timeout=90).stdout

    class Seen(HTMLParser):
        inside, text = False, ""

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.inside = ("id", "seen") in attrs

        def handle_data(self, data: str) -> None:
            self.text += data if self.inside else ""

    seen = Seen()
    seen.feed(dom)
    told = json.loads(seen.text)
    first, last = told["seen"]
    assert told["title"] != "owned" and "onerror" in told["title"]
    assert first[0] < last[0] and first[1] < last[1] == 4, told["seen"]
    assert (last[2], last[3]) == (1, 0)
    assert SECRET not in dom


@pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium")
def test_its_own_script_runs_under_its_own_policy(orc: Orc, tmp_path: Path) -> None:
    hostile(orc)
    target = tmp_path / "x.html"
    orc.run("export", "log:bad", "--format", "html", "-o", str(target))
    argv = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=2000", "--dump-dom", target.as_uri(),
    ]  # fmt: skip
    dom = subprocess.run(argv, capture_output=True, text=True, timeout=90).stdout
    assert "<td>finished</td>" in dom or "<td>fog</td>" in dom, dom[-2000:]


# --- kind `event` on the way in -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"type": "command.requested", "command_id": "x", "verb": "kill", "actor": "me"},
        {"type": "command.ended", "command_id": "x", "outcome": "done"},
        {"type": "usage.corrected", "tokens": {"output": -99}}, {"type": "usage", "tokens": {"output": -99}},
        {"type": "usage", "tokens": {"output": 1}, "cost": 10**17}, {"type": "settings.changed", "settings": {}},
        {"type": "session.adopted"}, {"type": "budget.set", "usd": 1}, {"type": "nonsense"}, "text", None, [[[[]]]],
        {"type": "user.message", "text": 3}, {"type": "group.assigned", "number": 1, "sessions": []},
    ],
)  # fmt: skip
def test_a_body_that_no_client_could_say_is_not_taken(orc: Orc, body: object) -> None:
    write(orc, "forged", [{"kind": "event", "t": 1, "body": body}, {"kind": "user", "t": 2, "text": "go"}])
    types = [event["type"] for event in orc.json("events", "log:forged")["events"]]
    assert types.count("unparsed") == 1 and "user.message" in types
    assert not {"command.requested", "command.ended", "usage", "settings.changed", "budget.set"} & set(types)


def test_no_process_of_a_log_can_be_signalled(orc: Orc) -> None:
    proc = {"type": "process.observed", "pid": 1, "started": 5, "proof": "trust me"}
    owner = {"type": "session.updated", "owned": True, "parent": "claude:other", "relation": "fork", "client": "claude"}
    write(orc, "forged", [{"kind": "event", "t": 1, "body": proc}, {"kind": "event", "t": 2, "body": owner}])
    session = orc.sessions()["log:forged"]
    assert (session["owned"], session["parent"], session["client"]) == (False, None, "log")
    events = orc.json("events", "log:forged")["events"]
    seen = next(event["body"] for event in events if event["type"] == "process.observed")
    assert not seen.get("started") and not seen.get("proof")
