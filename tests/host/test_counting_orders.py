"""Every recording of every client is counted exactly, in whatever order, pieces and places its files are read."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator_tui.config import Config
from orchestrator_tui.config import Store as Kept
from orchestrator_tui.errors import StoreError
from orchestrator_tui.events import Event
from orchestrator_tui.host import follow, reading
from orchestrator_tui.host.roots import named_roots
from orchestrator_tui.store.batch import Batch
from orchestrator_tui.store.writer import Store
from tests.conftest import Orc
from tests.host.recordings import Recording, counted, ingest, recordings, roots_in, summed

ALL = recordings()
WHOLE = summed([recording for recording in ALL if recording.name != "opencode-serve-api"])
"""All of them together: that one's database is an earlier state of `permission-ask-headless`'s."""
DAY = 86_400


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The homes of all recordings, where files may be touched, each under its recording's name."""
    folder = tmp_path_factory.mktemp("recordings")
    for recording in ALL:
        shutil.copytree(recording.home, folder / recording.name)
    return folder


def of_all(folder: Path, names: Sequence[Recording] = ALL) -> dict[str, Sequence[Path]]:
    """The roots of several homes, one after the other."""
    found: dict[str, list[Path]] = {}
    for recording in names:
        for client, paths in roots_in(folder / recording.name).items():
            found.setdefault(client, []).extend(paths)
    return dict(found)


def groups(home: Path) -> list[list[Path]]:
    """The files below a home; what a database has beside it comes and goes with it."""
    found: dict[str, list[Path]] = {}
    for path in sorted(home.rglob("*")):
        if path.is_file():
            found.setdefault(str(path).removesuffix("-wal").removesuffix("-shm"), []).append(path)
    return list(found.values())


def touched(home: Path, rng: random.Random) -> None:
    """Files are read in the order of their times, newest first: give them any."""
    for group in groups(home):
        at = time.time() - rng.uniform(1, 300) * DAY
        for path in group:
            os.utime(path, (at, at))


@pytest.mark.parametrize("recording", ALL, ids=lambda r: r.name)
async def test_file_by_file_in_any_order_with_a_host_for_each(
    recording: Recording, copies: Path, tmp_path: Path
) -> None:
    rng = random.Random(recording.name)
    whole, home, state = copies / recording.name, tmp_path / "home", tmp_path / "state"
    for folder in [path for path in whole.rglob("*") if path.is_dir()]:
        (home / folder.relative_to(whole)).mkdir(parents=True, exist_ok=True)
    order = groups(whole)
    rng.shuffle(order)
    # At most five hosts: a client may have many small files that hold no counts.
    for part in (order[start :: min(5, len(order))] for start in range(min(5, len(order)))):
        for path in (path for group in part for path in group):
            shutil.copyfile(path, home / path.relative_to(whole))
        touched(home, rng)
        await ingest(state, roots_in(home))
    assert counted(state) == recording.truth


@pytest.mark.parametrize("seed", range(4))
async def test_all_recordings_at_once_in_shuffled_order(seed: int, copies: Path, tmp_path: Path) -> None:
    rng = random.Random(seed)
    for recording in ALL:
        touched(copies / recording.name, rng)
    shuffled = rng.sample(ALL, len(ALL))
    await ingest(tmp_path, of_all(copies, shuffled))
    assert counted(tmp_path) == WHOLE


class Cut(Exception):
    """The process ends here."""


@pytest.mark.parametrize("recording", ALL, ids=lambda r: r.name)
async def test_cut_after_any_step_and_gone_on_with(
    recording: Recording, copies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In small steps, each a transaction; the host ends before one of them, or after it and before it knows."""
    rng = random.Random(recording.name)
    for module, name, value in ((reading, "STEP_BYTES", 3000), (reading, "STEP_DRAFTS", 3), (follow, "BATCH", 1)):
        monkeypatch.setattr(module, name, value)
    append = Store.append
    left = 0

    async def cutting(self: Store, batches: Sequence[Batch], seen_at: int) -> list[Event]:
        nonlocal left
        left -= 1
        if left == 0 and rng.random() < 0.5:
            raise Cut
        events = await append(self, batches, seen_at)
        if left == 0:
            raise Cut
        return events

    monkeypatch.setattr(Store, "append", cutting)
    cuts = 0
    while True:
        left = rng.randint(1, 1 + 2 * cuts) if cuts < 8 else 1 << 40
        try:
            await ingest(tmp_path, roots_in(copies / recording.name))
            break
        except Cut:
            cuts += 1
    assert cuts > 0
    assert counted(tmp_path) == recording.truth


@pytest.mark.parametrize("recording", ALL, ids=lambda r: r.name)
async def test_read_again_by_other_paths_and_as_copies(recording: Recording, copies: Path, tmp_path: Path) -> None:
    home, state = tmp_path / "home", tmp_path / "state"
    shutil.copytree(copies / recording.name, home)
    (tmp_path / "link").symlink_to(home)
    assert await ingest(state, roots_in(home)) > 0
    assert await ingest(state, roots_in(home)) == 0, "a second pass finds nothing"
    named = [f"{client}={root}" for client, roots in roots_in(home).items() for root in roots]
    linked = [text.replace(str(home), str(tmp_path / "link")) for text in named]
    assert await ingest(state, dict(named_roots([*linked, *named]))) == 0, "one directory by two names"
    shutil.copytree(home, tmp_path / "copy")
    both = {client: [*roots, *roots_in(tmp_path / "copy")[client]] for client, roots in roots_in(home).items()}
    await ingest(state, both)
    assert counted(state) == recording.truth, "a copy beside what is stored"
    await ingest(tmp_path / "fresh", both)
    assert counted(tmp_path / "fresh") == recording.truth, "both for the first time"


async def test_without_text_it_is_the_same(copies: Path, tmp_path: Path) -> None:
    await ingest(tmp_path, of_all(copies), Config(store=Kept(text="none")))
    assert counted(tmp_path) == WHOLE


def test_a_recording_is_found_by_its_client(copies: Path) -> None:
    """Otherwise all of the above would be about nothing."""
    assert {recording.client for recording in ALL} >= {"claude", "codex"}
    for recording in ALL:
        (root, *_) = roots_in(copies / recording.name)[recording.client]
        assert any(root.iterdir()), recording.name


def test_killed_at_random_instants_and_gone_on_with(copies: Path, tmp_path: Path) -> None:
    found = of_all(copies)
    words = ["ingest", "--all", *(f"--root={client}={root}" for client, roots in found.items() for root in roots)]
    calm, shaken = Orc(tmp_path / "calm", tmp_path), Orc(tmp_path / "shaken", tmp_path)
    begun = time.monotonic()
    calm.run(*words)
    takes = time.monotonic() - begun
    assert counted(calm.state) == WHOLE
    rng, killed = random.Random(7), 0
    for _ in range(8):
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestrator_tui", *words], env=shaken.env, stdout=subprocess.DEVNULL
        )
        try:
            process.wait(rng.uniform(0.3, 0.95) * takes)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
            try:
                sofar = counted(shaken.state)
            except StoreError as error:
                assert "nothing stored yet" in str(error)
            else:
                assert all(sofar[kind] <= count for kind, count in WHOLE.items())
    assert killed > 1
    shaken.run(*words)
    assert counted(shaken.state) == WHOLE
    assert shaken.run(*words).stdout.split()[3] == "0"
