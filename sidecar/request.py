"""A request's windows on their way through the engine."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue

import numpy as np

from . import segments, vad
from .decoding import CARE_TEMPERATURES, Decoded, Job, Wording, least_bad
from .detection import LanguageTrack
from .engine import Alignment
from .features import FULL, SIZES, padded
from .parameters import Parameters
from .segments import Piece
from .windows import Window

_LEAST_REST = 1.0
_MOST_RESTS = 4


class Request:
    """What a request's own thread and the scheduler share; all but `finished` is guarded by the scheduler's lock.

    `sizes`: frames that its windows are padded to.
    `waited`: seconds before a worker took up the first window.
    `finished`: items with their text, what made the request fail, or None for a look at `undecided`.
    """

    def __init__(self, asked: Parameters, wording: Wording, sizes: Sequence[int] = SIZES):
        self.asked = asked
        self.wording = wording
        self.sizes = sizes
        self.finished: SimpleQueue[Item | Exception | None] = SimpleQueue()
        self.gone = False
        self.waited: float | None = None
        self.turn = -1
        self._track = LanguageTrack()
        self._heard: dict[int, tuple[Item, dict[str, float]]] = {}
        self._undecided: list[Item] = []
        self._next = 0
        self._count: int | None = None

    @property
    def undecided(self) -> int:
        """Windows that wait for later ones to tell their language."""
        return len(self._undecided)

    def hear(self, item: "Item", probabilities: dict[str, float]) -> list["Item"]:
        """The items whose language is certain now."""
        self._heard[item.place] = (item, probabilities)
        codes: list[str] = []
        while self._next in self._heard:
            following, found = self._heard.pop(self._next)
            self._undecided.append(following)
            self._next += 1
            codes += self._track.push(found, vad.seconds(following.window.speech))
        return self._decided(codes)

    def end(self, count: int) -> list["Item"]:
        """No window comes after `count`; as `hear`."""
        self._count = count
        return self._decided([])

    def _decided(self, codes: list[str]) -> list["Item"]:
        if self._next == self._count:
            codes = codes + self._track.finish()
        decided, self._undecided = self._undecided[: len(codes)], self._undecided[len(codes) :]
        for item, code in zip(decided, codes, strict=True):
            item.language = code
        return decided


@dataclass(eq=False)
class Item:
    """One window, or the rest of one whose text ended early. samples: int16, its own; place: the window's number."""

    request: Request
    place: int
    window: Window
    samples: np.ndarray
    language: str | None
    frames: int
    mel: np.ndarray | None = None
    encoded: np.ndarray | None = None
    decoded: Decoded | None = None
    pieces: list[Piece] = field(default_factory=list)
    alignment: Alignment | None = None
    rests: int = 0
    followed: bool = False
    tries: list[Decoded] | None = None
    turn: int = 0
    arrival: int = 0
    retried: bool = False
    submitted: float = 0.0

    @property
    def first(self) -> bool:
        return self.place == 0

    @property
    def careful(self) -> bool:
        return self.tries is not None

    @property
    def temperature(self) -> float:
        return CARE_TEMPERATURES[len(self.tries)] if self.tries is not None else 0.0

    @property
    def key(self) -> tuple[object, ...]:
        """Items with one key can share a decoding batch; doubtful ones may run long, and hold up only each other."""
        tries = None if self.tries is None else len(self.tries)
        return self.frames, self.request.asked.beam_size, self.request.wording.previous_length, tries

    def job(self) -> Job:
        return self.request.wording.job(self.encoded, self.language, self.window.seconds, careful=self.careful)

    def judge(self, decoded: Decoded) -> bool:
        """Takes a text; False asks for another: at the 30 s of padding that the model was trained on, then hotter."""
        if self.tries is None:
            if decoded.doubtful or decoded.stutters:
                self.tries = []
                self.frames = FULL
                self.mel = self.encoded = None
                return False
        else:
            self.tries.append(decoded)
            if decoded.doubtful and len(self.tries) < len(CARE_TEMPERATURES):
                return False
            decoded = least_bad(self.tries) if decoded.doubtful else decoded
        self.decoded = decoded
        tokenizer = self.request.wording.tokenizer(self.language)
        self.pieces = [] if decoded.silent else segments.pieces(decoded.tokens, tokenizer)
        return True

    def rest(self) -> "Item | None":
        """What the text leaves out when it ends before the window does."""
        if self.rests == _MOST_RESTS:
            return None
        left = segments.rest_of(self.window, self.pieces, least=_LEAST_REST)
        if left is None:
            return None
        self.followed = True
        samples = self.samples[left.start - self.window.start : left.end - self.window.start]
        return Item(
            self.request,
            self.place,
            left,
            samples,
            self.language,
            padded(left.seconds, self.request.sizes),
            rests=self.rests + 1,
            turn=self.turn,
            arrival=self.arrival,
        )
