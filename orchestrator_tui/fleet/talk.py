"""What a session says: the same again, nothing, a chant, a question, a claim; and who speaks to it."""

from __future__ import annotations

from msgspec import Struct, field

from orchestrator_tui.excerpt import Excerpt
from orchestrator_tui.fleet.marks import Mark
from orchestrator_tui.fleet.messages import alike, chant, claims_green, ends_with_question, sketch
from orchestrator_tui.fleet.outputs import digest_of

MAX_SAID = 4
ALIKE = 0.75
SAME_PROMPT = 2
"""A prompt that a person wrote so many times before, word for word, is typed by a script."""


class Said(Struct, array_like=True, gc=False):
    """One message, without a tool call since."""

    first: Mark
    last: Mark
    label: str
    count: int = 1


class Ending(Struct, array_like=True, gc=False):
    """What the last message came to: a question, or a claim."""

    at: int
    seq: int
    text: str
    blocking: bool
    """Whether nothing can go on without the answer."""


class Talk(Struct):
    """The counters of one session."""

    said: dict[int, Said] = field(default_factory=dict)
    last: int = 0
    """The last message."""
    message: str = ""
    """The response it belongs to: a client may write one message twice."""
    empty: int = 0
    empty_first: Mark | None = None
    empty_last: Mark | None = None
    chants: int = 0
    chant: Said | None = None
    sketches: list[tuple[int, ...]] = field(default_factory=list)
    similar: int = 0
    """Messages in a row that say much what one of the last four said."""
    similar_first: Mark | None = None
    similar_last: Mark | None = None
    question: Ending | None = None
    claim: Ending | None = None
    """Tests pass, it says."""
    prompt: int = 0
    prompts: int = 0
    """Times in a row that the last prompt was given."""
    nudges: int = 0
    """Prompts of machines since a person last spoke."""
    headless: bool = False
    """The last prompt came from a program."""
    nudged: bool = False
    """The turn in progress, or the last one, began with such a prompt."""

    # --- who speaks -------------------------------------------------------------------------------------------

    def prompted(self, text: Excerpt, machine: bool, headless: bool) -> bool:
        """A prompt came; tells whether a person thought of it."""
        key = digest_of(text)
        self.prompts = self.prompts + 1 if key == self.prompt else 1
        self.prompt = key
        self.question = self.claim = None
        self.headless = headless
        if machine or self.prompts > (1 if headless else SAME_PROMPT):
            self.nudges += 1
            self.nudged = True
            return False
        self.nudges, self.nudged = 0, False
        self.forget()
        return True

    def forget(self) -> None:
        """What was said before counts no more."""
        self.acted()
        self.chant, self.chants, self.sketches = None, 0, []

    def acted(self) -> None:
        """A tool was called: it does not only talk."""
        if self.last or self.empty or self.chant is not None:
            self.said.clear()
            self.last = self.empty = self.similar = 0
            self.question = self.claim = self.chant = None

    # --- the model speaks -------------------------------------------------------------------------------------

    def spoke(self, text: Excerpt, message: str, open_ended: bool, mark: Mark) -> None:
        """A message of the model; `open_ended`: its turn is over, or nothing says that it goes on."""
        if not text.length:
            self._nothing(mark)
            return
        key = digest_of(text)
        if message and message == self.message and key == self.last:
            return
        self.message, self.last = message, key
        self.empty = 0
        said = self.said.get(key)
        if said is None:
            if self.said:
                self._likeness(text, mark)
            self.said[key] = Said(mark, mark, text.text[:100])
            if len(self.said) > MAX_SAID:
                del self.said[next(iter(self.said))]
        else:
            said.count, said.last = said.count + 1, mark
        count, words = chant(text)
        self.chant = Said(mark, mark, words[:100], count) if count else None
        self.question = self.claim = None
        if not open_ended:
            return
        asks, question = ends_with_question(text)
        self.question = Ending(mark.at, mark.seq, question[:200], asks) if question else None
        claim = claims_green(text)
        self.claim = Ending(mark.at, mark.seq, claim, False) if claim else None

    def thought(self, text: Excerpt, mark: Mark) -> None:
        """Reasoning that the client shows: only a chant in it means something."""
        count, words = chant(text)
        if count:
            self.chant = Said(mark, mark, words[:100], count)

    def _nothing(self, mark: Mark) -> None:
        if not self.empty:
            self.empty_first = mark
        self.empty += 1
        self.empty_last = mark

    def _likeness(self, text: Excerpt, mark: Mark) -> None:
        mine = sketch(text.text)
        if len(mine) >= 6 and any(alike(mine, other) >= ALIKE for other in self.sketches):
            if not self.similar:
                self.similar_first = mark
            self.similar += 1
            self.similar_last = mark
        else:
            self.similar = 0
        self.sketches = [*self.sketches, mine][-MAX_SAID:]
