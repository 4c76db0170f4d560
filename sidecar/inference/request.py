"""The state of a request and of its windows between decoding stages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from queue import SimpleQueue
from typing import TYPE_CHECKING

import numpy as np

from ..audio import vad
from ..audio.features import FULL
from ..audio.windows import LONGEST, Window
from . import segments
from .decoding import CARE_TEMPERATURES, Decoded, Job, PromptBuilder, best_attempt
from .detection import LanguageTrack
from .engine import Alignment
from .hotwords import Hotwords
from .padding import FRAMES_PER_POSITION, SIZES, lengthened, positions
from .parameters import Parameters
from .passes import Pass, choose
from .segments import TimedText

if TYPE_CHECKING:
    from .word_frequencies import WordFrequencies

_MIN_REMAINDER_SECONDS = 1.0
_MAX_REMAINDERS = 4


class Turns:
    """The turns of one request, or of all requests with one share. `last`: the round of the latest window.
    `requests`: those in flight."""

    def __init__(self) -> None:
        self.last = -1
        self.requests = 0


class Request:
    """The state that a request's own thread and the scheduler share. The scheduler's lock guards all but
    `results`.

    `plain_prompt_builder`: builds the prompts without the hotwords; only needed if the request has some.
    `sizes`: frames that the encoder's inputs can have. `number`: of the requests, in the order in which they
    came. `queue_seconds`: seconds until a worker took the first window. `results`: items with their text, the
    error that fails the request, or None if `undecided` changed.
    """

    def __init__(
        self,
        parameters: Parameters,
        prompt_builder: PromptBuilder,
        plain_prompt_builder: PromptBuilder | None = None,
        sizes: Sequence[int] = SIZES,
    ):
        self.parameters = parameters
        self.prompt_builder = prompt_builder
        self.plain_prompt_builder = plain_prompt_builder or prompt_builder
        self.hotwords = Hotwords(parameters.hotwords) if parameters.hotwords else None
        self.sizes = sizes
        self.results: SimpleQueue[Item | Exception | None] = SimpleQueue()
        self.abandoned = False
        self.queue_seconds: float | None = None
        self.turns = Turns()
        self.number = 0
        self._track = LanguageTrack(hint=parameters.language)
        self._detections: dict[int, tuple[Item, dict[str, float]]] = {}
        self._undecided: list[Item] = []
        self._next_index = 0
        self._window_count: int | None = None

    @cached_property
    def word_frequencies(self) -> "WordFrequencies":
        """Imported by the first request that needs them: the package takes 17 MB."""
        from .word_frequencies import WordFrequencies

        terms = [self.parameters.hotwords or "", self.parameters.initial_prompt or ""]
        return WordFrequencies(" ".join(terms))

    def frames(self, window: Window) -> int:
        """Of the encoder's input for the window."""
        return self.parameters.policy.padding.frames(window.seconds, self.sizes)

    @property
    def undecided(self) -> int:
        """Windows whose language depends on later windows."""
        return len(self._undecided)

    def add_detection(self, item: "Item", probabilities: dict[str, float]) -> list["Item"]:
        """Adds a window's language probabilities. Returns the items whose language is decided now."""
        self._detections[item.index] = (item, probabilities)
        codes: list[str] = []
        while self._next_index in self._detections:
            item_in_order, language_probabilities = self._detections.pop(self._next_index)
            self._undecided.append(item_in_order)
            self._next_index += 1
            codes += self._track.push(language_probabilities, vad.seconds(item_in_order.window.speech))
        return self._decided(codes)

    def set_window_count(self, count: int) -> list["Item"]:
        """The request has `count` windows in all. Returns the items whose language is decided now."""
        self._window_count = count
        return self._decided([])

    def _decided(self, codes: list[str]) -> list["Item"]:
        if self._next_index == self._window_count:
            codes = codes + self._track.finish()
        decided, self._undecided = self._undecided[: len(codes)], self._undecided[len(codes) :]
        for item, code in zip(decided, codes, strict=True):
            item.language = code
        return decided


@dataclass(eq=False)
class Item:
    """A window, or the remainder of a window whose text ended early.

    `index`: the window's number in its request. `samples`: its own, int16. `detects`: the spoken
    language is detected even if `language` is set. `without_hotwords`: its text contained none, so the window
    is decoded again without them. `later`: a part of the window that is decoded after this item. `passes`:
    those that are done, of a quality that has several.
    """

    request: Request
    index: int
    window: Window
    samples: np.ndarray
    language: str | None
    frames: int
    detects: bool = False
    mel: np.ndarray | None = None
    encoded: np.ndarray | None = None
    language_probabilities: dict[str, float] | None = None
    decoded: Decoded | None = None
    texts: list[TimedText] = field(default_factory=list)
    alignment: Alignment | None = None
    remainders: int = 0
    has_remainder: bool = False
    without_hotwords: bool = False
    later: "Item | None" = None
    attempts: list[Decoded] | None = None
    passes: list[Pass] = field(default_factory=list)
    round: int = 0
    arrival: int = 0
    retried: bool = False
    submitted: float = 0.0

    @property
    def first(self) -> bool:
        """Whether somebody may be waiting for this window's text."""
        return self.index == 0 and self.request.parameters.hurried

    @property
    def standing(self) -> int:
        """Lower goes first: 0 for the first window of the only request of a share, 1 for that of one among
        several, 2 for later windows."""
        if not self.first:
            return 2
        return 1 if self.request.turns.requests > 1 else 0

    @property
    def positions(self) -> int:
        """Of the decoder's input."""
        return positions(self.frames)

    @property
    def features(self) -> np.ndarray:
        """The encoder's output. Only for an encoded item."""
        assert self.encoded is not None
        return self.encoded

    @property
    def decoder_input(self) -> np.ndarray:
        """[positions, width]. Only for an encoded item."""
        return lengthened(self.features, self.positions)

    @property
    def needs_detection(self) -> bool:
        return self.detects and self.language_probabilities is None

    @property
    def decided_language(self) -> str:
        """The language's code. Only after detection."""
        assert self.language is not None
        return self.language

    @property
    def careful(self) -> bool:
        return self.attempts is not None

    @property
    def temperature(self) -> float:
        return CARE_TEMPERATURES[len(self.attempts)] if self.attempts is not None else 0.0

    @property
    def key(self) -> tuple[object, ...]:
        """Items with equal keys can share a decoding batch. Doubtful items may run long, and share batches
        only with each other."""
        attempts = None if self.attempts is None else len(self.attempts)
        return (
            self.positions,
            self.request.parameters.beam_size,
            self._prompt_builder.previous_length,
            attempts,
        )

    @property
    def _prompt_builder(self) -> PromptBuilder:
        return self.request.plain_prompt_builder if self.without_hotwords else self.request.prompt_builder

    def job(self) -> Job:
        return self._prompt_builder.job(
            self.decoder_input,
            self.decided_language,
            self.window.seconds,
            careful=self.careful,
            hypotheses=self.request.parameters.policy.hypotheses,
        )

    def accept(self, hypotheses: Sequence[Decoded]) -> str | None:
        """None if the text is accepted. Otherwise the reason why the item is decoded again: first without
        hotwords if it has none, since they harm other words; then, if it is doubtful, at the 30 s of padding
        that the model was trained on; while it is a loop, at rising temperatures; then in another pass, if
        the quality has several; then in two parts if speech is left out.

        hypotheses: the most probable first.
        """
        decoded = hypotheses[0]
        if self.passes:
            return self._accept_pass(hypotheses)
        if self._lacks_hotwords(decoded):
            self.without_hotwords = True
            self.attempts = None
            return "hotwords"
        if self.attempts is not None:
            self.attempts.append(decoded)
            if decoded.doubtful and decoded.looping and len(self.attempts) < len(CARE_TEMPERATURES):
                return "doubtful"
            return self._settle(best_attempt(self.attempts) if decoded.doubtful else decoded)
        if decoded.doubtful or decoded.stutters:
            self.attempts = []
            self.frames = FULL
            self.mel = self.encoded = None
            return "doubtful"
        if decoded.silent or self.request.parameters.policy.hypotheses == 1:
            return self._settle(decoded)
        return self._accept_pass(hypotheses)

    def _accept_pass(self, hypotheses: Sequence[Decoded]) -> str | None:
        self.passes.append(Pass(self.window, self.samples, self.features, hypotheses))
        first, leads = self.passes[0], self.request.parameters.policy.leads[len(self.passes) - 1 :]
        if leads and first.window.seconds + leads[0] <= LONGEST:
            self._read(*first.delayed(leads[0]))
            return "pass"
        language = "en" if self.request.parameters.task == "translate" else self.decided_language
        chosen, decoded = choose(
            self.passes, lambda text: self.request.word_frequencies.logarithm(text, language)
        )
        self.window, self.samples = chosen.window, chosen.samples
        self.encoded, self.frames = chosen.features, FRAMES_PER_POSITION * len(chosen.features)
        self.passes = []
        return self._settle(decoded)

    def _settle(self, decoded: Decoded) -> str | None:
        self.decoded = decoded
        tokenizer = self.request.prompt_builder.tokenizer(self.decided_language)
        self.texts = [] if decoded.silent else segments.timed_texts(decoded.tokens, tokenizer)
        # In noise a text can be short because the rest is unintelligible.
        if not decoded.clear or self.later is not None:
            return None
        parts = segments.parted(self.window, self.texts, self.decided_language, self.samples)
        if parts is None:
            return None
        self._narrow(*parts)
        return "parts"

    def _narrow(self, window: Window, later: Window) -> None:
        """Leaves the later part of the window to another item."""
        self.later = self._part(later)
        self.attempts = None
        self._read(window, self._samples(window))

    def _read(self, window: Window, samples: np.ndarray) -> None:
        """Makes this window the model's next input."""
        self.window, self.samples = window, samples
        self.frames = self.request.frames(window)
        self.mel = self.encoded = None

    def _lacks_hotwords(self, decoded: Decoded) -> bool:
        hotwords = self.request.hotwords
        if hotwords is None or self.without_hotwords:
            return False
        text = self.request.prompt_builder.tokenizer(self.decided_language).decode(decoded.tokens)
        return not hotwords.heard_in(text)

    def remainder(self) -> "Item | None":
        """The speech after the end of the text, if the text ends early, or the later part of the window."""
        rest = segments.remainder_of(self.window, self.texts, min_seconds=_MIN_REMAINDER_SECONDS)
        if rest is None or self.remainders == _MAX_REMAINDERS:
            following = self.later
        else:
            following = self._part(rest)
            following.later = self.later
        self.has_remainder = following is not None
        return following

    def _part(self, window: Window) -> "Item":
        return Item(
            self.request,
            self.index,
            window,
            self._samples(window),
            self.language,
            self.request.frames(window),
            remainders=self.remainders + 1,
            round=self.round,
            arrival=self.arrival,
        )

    def _samples(self, window: Window) -> np.ndarray:
        return self.samples[window.start - self.window.start : window.end - self.window.start]
