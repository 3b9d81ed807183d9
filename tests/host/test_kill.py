"""kill -9 at random instants: nothing lost, nothing doubled, against a run that nobody disturbed."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

from orchestrator_tui.events import encode, type_of
from orchestrator_tui.store.load import fleet_now
from orchestrator_tui.store.reader import Reader
from tests.conftest import Orc, wait_for
from tests.host.transcripts import lines, write

HOSTS_OWN = ("host.", "settings.", "command.", "process.", "client.", "seat.", "beat")


def stored(orc: Orc) -> dict[str, list[bytes]]:
    """Session -> the bodies of its events in order, the host's own observations left out."""
    found = defaultdict(list)
    with Reader(orc.paths.database) as reader:
        for event in reader.tail(0):
            if not type_of(event.body).startswith(HOSTS_OWN):
                found[event.session or ""].append(encode(event.body))
        assert reader.check() == "ok"
    return dict(found)


def test_ingest_killed_again_and_again_ends_as_if_it_never_was(tmp_path: Path) -> None:
    home = tmp_path / "home"
    now = time.time()
    for n in range(12):
        write(home, f"s{n:02d}", 200 + 50 * n, now - 86_400 * (n + 1))
    calm, shaken = Orc(tmp_path / "calm", home), Orc(tmp_path / "shaken", home)
    begun = time.monotonic()
    calm.run("ingest", "--all")
    takes = time.monotonic() - begun
    rng = random.Random(11)
    killed = 0
    for _ in range(14):
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestrator_tui", "ingest", "--all"],
            env=shaken.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(rng.uniform(0.1, 0.35 * takes))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
    assert killed > 3
    shaken.run("ingest", "--all")
    assert stored(shaken) == stored(calm)
    assert shaken.run("ingest", "--all").stdout.split()[3] == "0"


def test_a_host_killed_while_sessions_are_written_loses_and_doubles_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    orc = Orc(tmp_path / "state", home)
    project = home / ".claude" / "projects" / "-tmp-demo-web"
    project.mkdir(parents=True)
    rng = random.Random(5)
    streams = {f"live{n}": list(lines(f"live{n}", 25, time.time() - 130)) for n in range(4)}
    written: dict[str, int] = dict.fromkeys(streams, 0)
    host = orc.start_host()
    while any(written[name] < len(streams[name]) for name in streams):
        for _ in range(rng.randint(5, 60)):
            name = rng.choice(sorted(streams))
            if written[name] < len(streams[name]):
                raw = streams[name][written[name]]
                with (project / f"{name}.jsonl").open("ab", buffering=0) as file:
                    # Writers do not write whole lines at once.
                    cut = rng.randint(0, len(raw))
                    file.write(raw[:cut])
                    file.write(raw[cut:])
                written[name] += 1
        if rng.random() < 0.7:
            time.sleep(rng.uniform(0, 0.4))
            host.kill()
            host.wait()
            host = orc.start_host()
    wanted = {f"claude:{name}": 50 for name in streams}
    wait_for(lambda: {s["id"]: s["requests"] for s in orc.json("sessions", "--all")["sessions"]} == wanted)
    host.terminate()
    assert host.wait(20) == 0
    calm = Orc(tmp_path / "calm", home)
    calm.run("ingest", "--all")
    assert stored(orc) == stored(calm)
    with Reader(orc.paths.database) as reader:
        fleet = fleet_now(reader)
    assert fleet.totals(fleet.sessions.values()).tokens.output == 7 * 200
