"""The port for a runtime that processes batches of windows, and its CTranslate2 implementation."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import ctranslate2
import numpy as np

from .encoder import Encoder

POSITIONS = 448
"""Tokens that the decoder can hold. At most half of them may be new."""
_SAMPLES = 5


@dataclass(frozen=True)
class Search:
    """temperature 0: beam search over `beam_size`, for the most probable `hypotheses`. Above 0: the best of
    five samples. `limit`: maximum of new tokens."""

    beam_size: int
    temperature: float
    limit: int
    suppressed: tuple[int, ...]
    hypotheses: int = 1


@dataclass(frozen=True)
class Generated:
    """`logprob`: the mean over the tokens and the end of text."""

    tokens: list[int]
    logprob: float
    no_speech_probability: float


@dataclass(frozen=True)
class Alignment:
    """`path`: (token index, encoder frame of 20 ms) pairs. `probabilities`: one per token."""

    path: list[tuple[int, int]]
    probabilities: list[float]


class Engine(Protocol):
    """Every method takes items of equal encoded length, and may be called from several threads.

    An encoded item is an array [frames of 20 ms, width].
    """

    device: str
    compute_type: str
    multilingual: bool
    mel_bins: int

    def encode(self, mels: Sequence[np.ndarray], *, lone: bool = False) -> list[np.ndarray]:
        """mels: float32 arrays [mel bins, frames of 10 ms]. lone: the device has no other work."""

    def detect(self, encoded: Sequence[np.ndarray]) -> list[dict[str, float]]:
        """For each item, the probability of each language code."""

    def generate(
        self, encoded: Sequence[np.ndarray], prompts: Sequence[list[int]], search: Search
    ) -> list[list[Generated]]:
        """For each item its hypotheses, the most probable first. All prompts have their start-of-transcript
        token at the same position."""

    def align(
        self,
        encoded: Sequence[np.ndarray],
        start: list[int],
        tokens: Sequence[list[int]],
        frames: Sequence[int],
    ) -> list[Alignment]:
        """start: the tokens from start of transcript to task. frames: each item's frames of 10 ms, without
        padding."""


class CTranslate2:
    """Whisper on CTranslate2: `workers` batches and one express batch at once, each on `threads` CPU threads.

    devices: the GPUs' numbers. Each GPU runs that many batches. Ignored on a CPU.
    encoder: replaces CTranslate2's on a CPU.
    """

    def __init__(
        self,
        directory: Path,
        *,
        device: str,
        compute_type: str,
        workers: int,
        threads: int,
        devices: Sequence[int] = (0,),
        encoder: Encoder | None = None,
    ):
        self._encoder = encoder
        self._whisper = ctranslate2.models.Whisper(
            str(directory),
            device=device,
            device_index=list(devices) if device == "cuda" else 0,
            compute_type=compute_type,
            inter_threads=workers + 1,
            intra_threads=threads,
        )
        self.device = device
        self.compute_type = self._whisper.compute_type
        self.multilingual = self._whisper.is_multilingual
        self.mel_bins = self._whisper.n_mels

    def encode(self, mels: Sequence[np.ndarray], *, lone: bool = False) -> list[np.ndarray]:
        if self._encoder:
            return [self._encoder.encode(mel, lone=lone) for mel in mels]
        # On a CPU one call with many windows is slower than one call per window. A GPU gains from batches.
        if self.device == "cpu":
            return [self._encode(mel[None])[0] for mel in mels]
        return list(self._encode(np.stack(mels)))

    def _encode(self, mels: np.ndarray) -> np.ndarray:
        features = ctranslate2.StorageView.from_array(np.ascontiguousarray(mels, np.float32))
        return np.array(self._whisper.encode(features, to_cpu=True))

    def detect(self, encoded: Sequence[np.ndarray]) -> list[dict[str, float]]:
        results = self._whisper.detect_language(_stacked(encoded))
        return [{token[2:-2]: probability for token, probability in pairs} for pairs in results]

    def generate(
        self, encoded: Sequence[np.ndarray], prompts: Sequence[list[int]], search: Search
    ) -> list[list[Generated]]:
        prompt = max(map(len, prompts))
        # CTranslate2 limits new tokens to half of max_length, and to max_length less the prompt.
        length = min(POSITIONS, max(2 * search.limit, search.limit + prompt))
        sampled = search.temperature > 0
        results = self._whisper.generate(
            _stacked(encoded),
            list(prompts),
            beam_size=1 if sampled else search.beam_size,
            num_hypotheses=_SAMPLES if sampled else min(search.hypotheses, search.beam_size),
            sampling_topk=0 if sampled else 1,
            sampling_temperature=search.temperature if sampled else 1,
            max_length=length,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=list(search.suppressed),
        )
        return [
            [
                Generated(
                    tokens=tokens,
                    logprob=score * len(tokens) / (len(tokens) + 1),
                    no_speech_probability=result.no_speech_prob,
                )
                for tokens, score in zip(result.sequences_ids, result.scores, strict=True)
            ]
            for result in results
        ]

    def align(
        self,
        encoded: Sequence[np.ndarray],
        start: list[int],
        tokens: Sequence[list[int]],
        frames: Sequence[int],
    ) -> list[Alignment]:
        results = self._whisper.align(_stacked(encoded), start, list(tokens), list(frames))
        return [Alignment(result.alignments, result.text_token_probs) for result in results]


def device_for(setting: str) -> str:
    """`auto` is a GPU if CTranslate2 finds one."""
    if setting == "auto":
        return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    return setting


def _stacked(encoded: Sequence[np.ndarray]) -> ctranslate2.StorageView:
    return ctranslate2.StorageView.from_array(np.stack(encoded))
