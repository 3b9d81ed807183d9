"""Mutated lines of every client's recordings through its parser, the counting and the fold; nothing may break.

`nice python -m tests.bench.fuzz_lines --count 1000000 --seed 1 [--client codex]`. What must hold for each line: it does not
raise, takes less than a second, gives storable drafts; a line that did not parse changes no total; memory stays flat.
"""

from __future__ import annotations

import argparse
import gc
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct, field

from orchestrator_tui import events as ev
from orchestrator_tui.clients import BY_NAME
from orchestrator_tui.clients.base import Draft, FileRef, Parser, Record
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.judging import Judge
from orchestrator_tui.store.counting import Owner, Response, count
from tests.bench.fuzz_mutate import Mutator
from tests.bench.report import table

DATA = Path(__file__).parents[1] / "data"
SECOND = 1_000_000_000
NOW = 1_795_300_000 * SECOND
SLOW = 1.0
"""Seconds that no line may take."""
STATE = 256 << 10
"""Bytes that a parser's checkpoint may have, whatever it read."""
PER_LINE = 4
"""Mutated lines between two recorded ones."""
CLIENTS = ("claude", "codex", "gemini", "log", "loop")
Totals = dict[str, int]


class File(Struct, frozen=True):
    """One recorded file of lines, or one document as its only line."""

    ref: FileRef
    lines: list[bytes]


class Found(Struct):
    """What a run of the fuzzer saw of one client."""

    client: str
    lines: int = 0
    """Mutated ones."""
    unparsed: int = 0
    partly: int = 0
    """Told as unparsed, with a usage that stood whole in it."""
    unknown: int = 0
    drafts: int = 0
    slowest: float = 0.0
    """Seconds."""
    state: int = 0
    """Bytes of the largest checkpoint."""
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)
    grown: int = 0
    """Bytes by which the process grew after the first tenth."""


def corpus(client: str) -> list[File]:
    """A client's recordings; of the open log and of loops the labelled cases."""
    files = []
    if client in ("log", "loop"):
        for path in sorted((DATA / "status-cases").glob("*.jsonl")):
            where = f"/state/loops/{path.stem}/loop.jsonl" if client == "loop" else f"/inbox/{path.name}"
            root = "/state/loops" if client == "loop" else "/inbox"
            lines = path.read_bytes().splitlines(keepends=True)[:200]
            files.append(File(FileRef(client, where, "lines", root), lines))
        return files
    for path in sorted((DATA / "clients").glob(f"{client}-*/*/home/**/*.json*")):
        parts = path.parts
        root = str(Path(*parts[: parts.index("home") + 2]))
        lines = path.read_bytes().splitlines(keepends=True)
        if path.suffix == ".jsonl" and path.name != "history.jsonl":
            files.append(File(FileRef(client, str(path), "lines", root), lines))
        elif _is_document(client, path):
            files.append(File(FileRef(client, str(path), "document", root), [path.read_bytes()]))
    return files


def _is_document(client: str, path: Path) -> bool:
    if client == "gemini":
        return path.parent.name == "chats"
    return client == "claude" and (path.name.endswith(".meta.json") or path.parent.parent.name == "tasks")


class Counted:
    """What the store would count of some drafts: every response once, in the session that has it."""

    def __init__(self) -> None:
        self.responses: dict[bytes, Response] = {}
        self.loose: Counter[str] = Counter()
        self._owner = Owner(1, "s")

    def take(self, drafts: list[Draft]) -> None:
        """Count what these say."""
        for draft in drafts:
            body = draft.body
            if not isinstance(body, ev.Usage):
                continue
            if draft.response is None:
                self.loose[repr(body.tokens)] += 1
                continue
            known = self.responses.get(draft.response)
            self.responses[draft.response], _ = count(body, self._owner, 0, draft.offset, known, self._owner)

    @property
    def totals(self) -> Totals:
        """Responses and tokens of each kind, and nano-dollars where the writer named them."""
        told: Counter[str] = Counter(requests=len(self.responses), loose=self.loose.total())
        for response in self.responses.values():
            tokens = response.tokens
            told.update({name: getattr(tokens, name) for name in tokens.__struct_fields__}, cost=response.cost or 0)
        return dict(told)


class Round:
    """One recorded file, with mutated lines between its own."""

    def __init__(self, file: File, mutator: Mutator, others: list[bytes], found: Found) -> None:
        self.file, self.mutator, self.others, self.found = file, mutator, others, found
        self.offset, self.seq = 0, 0
        self.fleet = Fleet()
        self.fleet.watch.always = True

    def run(self) -> None:
        """Read it; faults are told in `found`."""
        good, mixed = Counted(), Counted()
        clean, tested, wild = self._parser(), self._parser(), self._parser()
        document = self.file.ref.kind == "document"
        for line in self.file.lines:
            self.offset += len(line)
            good.take(self._fed(clean, line))
            for changed in self._changed(line):
                self.found.lines += 1
                self._fed(wild, changed, mutated=True)
                tested = self._tried(tested, mixed, changed)
            if document:
                tested, wild = self._parser(), self._parser()
            mixed.take(self._fed(tested, line))
            self._fed(wild, line)
        if good.totals != mixed.totals:
            self.found.faults.append(f"{self.file.ref.path}: totals {good.totals} became {mixed.totals}")
        self._told()

    def _changed(self, line: bytes) -> Iterator[bytes]:
        for _ in range(PER_LINE):
            yield self.mutator.change(line, self.others)

    def _parser(self, state: bytes | None = None) -> Parser:
        return BY_NAME[self.file.ref.client].parser(self.file.ref, state, NOW)

    def _fed(self, parser: Parser, line: bytes, mutated: bool = False) -> list[Draft]:
        """The drafts of one line, each checked; a fault is told once and the line gives none."""
        found = self.found
        begun = time.perf_counter()
        try:
            drafts = list(parser.feed(Record(self.offset, len(line), line, NOW)))
            took = time.perf_counter() - begun
            for draft in drafts:
                packed = ev.encode(draft.body)
                if len(packed) > 64 << 10:
                    found.faults.append(f"{len(packed)} bytes of {type(draft.body).__name__}: {line[:300]!r}")
                if isinstance(ev.decode(ev.type_of(draft.body), packed), ev.Unknown):
                    found.faults.append(f"cannot be read back: {draft!r}"[:300])
                if not 0 <= draft.key < 1 << 63 or (draft.source_at is not None and abs(draft.source_at) >= 1 << 63):
                    found.faults.append(f"cannot be stored: {draft!r}"[:300])
            if mutated:
                self._folded(drafts)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            found.faults.append(f"{type(error).__name__}: {error} at {line[:2000]!r}")
            return []
        if mutated:
            found.slowest = max(found.slowest, took)
            found.drafts += len(drafts)
            if took > SLOW:
                found.faults.append(f"{took:.2f} s for {len(line)} bytes: {line[:300]!r}")
        return drafts

    def _tried(self, parser: Parser, mixed: Counted, line: bytes) -> Parser:
        """The parser after a line if that did not parse, else as it was before."""
        before = msgspec.msgpack.encode(parser.state)
        self.found.state = max(self.found.state, len(before))
        if len(before) > STATE:
            self.found.faults.append(f"a checkpoint of {len(before)} bytes")
        document = self.file.ref.kind == "document"
        probe = self._parser(None if document else before)
        drafts = self._fed(probe, line)
        bodies = [draft.body for draft in drafts]
        self.found.unknown += any(isinstance(body, ev.UnknownRecord) for body in bodies)
        if not any(isinstance(body, ev.Unparsed) for body in bodies):
            return parser
        if any(isinstance(body, ev.Usage) for body in bodies):
            self.found.partly += 1
            return parser
        self.found.unparsed += 1
        mixed.take(drafts)
        return probe

    def _folded(self, drafts: list[Draft]) -> None:
        for draft in drafts:
            self.seq += 1
            at = NOW + self.seq
            self.fleet.apply(ev.Event(self.seq, at, at, draft.source_at, draft.session, draft.body))

    def _told(self) -> None:
        """What came of the wild lines is judged, and goes through a snapshot."""
        try:
            Judge().update(self.fleet, NOW + 60 * SECOND, set(self.fleet.sessions), self.fleet.children())
            Fleet().load(self.fleet.dump())
        except Exception as error:
            self.found.faults.append(f"{self.file.ref.path}: the fold: {type(error).__name__}: {error}")


def resident() -> int:
    """Bytes of this process in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def fuzz(client: str, lines: int, seed: int, most: int = 20) -> Found:
    """At least so many mutated lines of a client, file after file; ends early at so many faults."""
    rng = random.Random(f"{client}{seed}")
    files = corpus(client)
    others = [line for file in files for line in file.lines]
    found, begun, early = Found(client), time.perf_counter(), 0
    while found.lines < lines and len(found.faults) < most:
        Round(rng.choice(files), Mutator(rng), others, found).run()
        if not early and found.lines >= lines // 10:
            early = resident()
    found.seconds = time.perf_counter() - begun
    found.grown = resident() - early if early else 0
    return found


def show(founds: list[Found]) -> None:
    """One row per client, then what was wrong."""
    heads = ("client", "lines", "unparsed", "unknown", "in part", "drafts", "slowest ms", "checkpoint kB", "lines/s",
             "RSS MB +", "faults")  # fmt: skip
    rows = [
        (f.client, f"{f.lines:,}", f"{f.unparsed:,}", f"{f.unknown:,}", f"{f.partly:,}", f"{f.drafts:,}",
                     f"{f.slowest * 1000:.1f}", f"{f.state / 1000:.1f}", f"{f.lines / max(f.seconds, 1e-9):,.0f}",
                     f"{f.grown / 1e6:.1f}", str(len(f.faults)))
        for f in founds
    ]  # fmt: skip
    table("mutated lines", heads, rows)
    for f in founds:
        for fault in f.faults[:20]:
            print(f"{f.client}: {fault}")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000, help="mutated lines, over all clients together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--client", choices=CLIENTS, action="append")
    args = parser.parse_args()
    clients = args.client or list(CLIENTS)
    founds = []
    for client in clients:
        founds.append(fuzz(client, args.count // len(clients), args.seed))
        print(f"{client}: {founds[-1].lines:,} lines, {len(founds[-1].faults)} faults", flush=True)
    show(founds)
    return 1 if any(found.faults for found in founds) else 0


if __name__ == "__main__":
    raise SystemExit(main())
