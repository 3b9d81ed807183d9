"""The recordings that play beside the loops: the same play for the same seed, read by the clients' own parsers."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

import pytest

from orchestrator_tui import demo
from orchestrator_tui.clients import BY_NAME
from orchestrator_tui.clients.base import FileRef
from orchestrator_tui.demo import scenes
from orchestrator_tui.demo.play import path_of, schedule
from orchestrator_tui.demo.scenes import SCENES, Scene, stamped, take
from orchestrator_tui.events import SessionUpdated, ToolCall, Unparsed, UserMessage
from tests.clients.feeding import feed

RECORDINGS = Path(demo.__file__).parent / "recordings"
NOW = "2026-12-01T10:00:00.000Z"
LEFTOVERS = re.compile(r"sk-ant-|/root/|(?<!/tmp/demo)/home/\w+|@[\w-]+\.(?:com|net|org)\b|ANTHROPIC_API_KEY")
each_scene = pytest.mark.parametrize("number", range(len(SCENES)), ids=lambda n: f"{n}-{SCENES[n].recording}")


@each_scene
def test_the_same_seed_is_the_same_play(number: int, tmp_path: Path) -> None:
    scene, home = SCENES[number], str(tmp_path)
    once, again, other = (take(scene, number, seed, f"{home}/work") for seed in (3, 3, 4))
    assert once == again
    assert once.session != other.session
    assert once.main != other.main
    plays = [schedule(scene, number, seed, home, 1000.0) for seed in (3, 3, 4)]
    assert plays[0] == plays[1]
    assert plays[0].due != plays[2].due
    times = [at for at, _, _ in plays[0].due]
    assert times == sorted(times) and times[0] > 1000.0
    assert take(scene, number + 1, 3, home).session != once.session


@each_scene
def test_every_line_is_read_by_the_clients_parser(number: int, tmp_path: Path) -> None:
    scene = SCENES[number]
    assert (RECORDINGS / scene.recording / "main.jsonl").is_file()
    play = schedule(scene, number, 3, str(tmp_path), 1_795_000_000.0)
    for which in {which for _, which, _ in play.due}:
        path = path_of(play, which)
        ref = FileRef(scene.client, str(path), "lines", str(tmp_path))
        parser = BY_NAME[scene.client].parser(ref, None, 0)
        drafts = feed(parser, [stamped(text, NOW).encode() for _, kind, text in play.due if kind == which])
        assert drafts
        assert [draft.body for draft in drafts if isinstance(draft.body, Unparsed)] == []
        native = play.take.session if which == "main" else play.take.agent_id
        assert native in str(parser.session)
        assert PurePath(path).is_relative_to(tmp_path)


@each_scene
def test_a_scene_says_what_it_is_about_and_nothing_else(number: int, tmp_path: Path) -> None:
    scene = SCENES[number]
    play = schedule(scene, number, 3, str(tmp_path), 1_795_000_000.0)
    text = "".join(line for _, _, line in play.due)
    assert scene.prompt in text
    assert "/tmp/demo/webapp" not in text
    assert f"{tmp_path}/work/{scene.project}" in text
    ref = FileRef(scene.client, str(path_of(play, "main")), "lines", str(tmp_path))
    drafts = feed(
        BY_NAME[scene.client].parser(ref, None, 0), [line.encode() for _, kind, line in play.due if kind == "main"]
    )
    said = [d.body.text.text for d in drafts if isinstance(d.body, UserMessage) and not d.body.synthetic]
    titles = [d.body.title for d in drafts if isinstance(d.body, SessionUpdated) and d.body.title]
    assert any(scene.prompt in words for words in said)
    assert not any(scenes._PROMPTS.search(words) for words in [*said, *titles])


def test_recordings_hold_nothing_of_the_machine_they_were_made_on() -> None:
    files = [path for path in RECORDINGS.rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} == {scene.recording for scene in SCENES}
    for path in files:
        found = LEFTOVERS.search(path.read_text(encoding="utf-8"))
        assert found is None, (path, found)


def test_ids_of_a_cast_are_its_own() -> None:
    takes = [take(scene, number, 1, "/w") for number, scene in enumerate(SCENES)]
    assert len({one.session for one in takes}) == len(SCENES)
    ids = [set(scenes._IDS.findall("".join((*one.main, *one.agent)))) for one in takes]
    assert all(not ids[a] & ids[b] for a in range(len(ids)) for b in range(a))


def test_a_sub_agent_works_while_its_parent_waits(tmp_path: Path) -> None:
    number = next(n for n, scene in enumerate(SCENES) if scene.recording == "claude-subagent")
    play = schedule(SCENES[number], number, 3, str(tmp_path), 0.0)
    kinds = [which for _, which, _ in play.due]
    first, last = kinds.index("agent"), len(kinds) - 1 - kinds[::-1].index("agent")
    assert "main" in kinds[:first] and "main" in kinds[last:]
    calls = [text for _, which, text in play.due[:first] if which == "main"]
    ref = FileRef("claude", str(path_of(play, "main")), "lines", str(tmp_path))
    drafts = feed(BY_NAME["claude"].parser(ref, None, 0), [text.encode() for text in calls])
    assert isinstance([d.body for d in drafts if isinstance(d.body, ToolCall)][-1], ToolCall)


def test_what_hangs_stops_in_the_middle(tmp_path: Path) -> None:
    for number, scene in enumerate(SCENES):
        play = schedule(scene, number, 3, str(tmp_path), 0.0)
        whole = len(play.take.main) + len(play.take.agent)
        assert (len(play.due) < whole) == (scene.end == "hangs")


def test_every_end_is_on_stage() -> None:
    assert {scene.end for scene in SCENES} == {"stays", "killed", "asks", "hangs"}
    assert {scene.client for scene in SCENES} == {"claude", "codex"}
    assert all(isinstance(scene, Scene) and scene.prompt for scene in SCENES)
