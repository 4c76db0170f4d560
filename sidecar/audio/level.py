"""Raises quiet recordings, so that speech detection and the model hear them as they hear loud ones."""

from collections.abc import Iterable, Iterator

import numpy as np

from .decoder import SAMPLE_RATE

_FRAME = SAMPLE_RATE // 20
_PART = 10 * SAMPLE_RATE
_LOUD_FRAMES = 6
_QUIET = 10 ** (-50 / 20) * 32768
_TARGET = 10 ** (-26 / 20) * 32768
_MAX_GAIN = 10 ** (45 / 20)
_HIGHEST = 32_000


def raised(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The same int16 samples in parts of 10 s, the quiet ones louder. Parts that are loud enough stay as they
    are, bit for bit.

    The loudness of a part is the RMS of the loudest 0.3 s of it and of the parts before and after it: a click
    does not count, a single word does, and a pause stays quieter than the speech around it. A part is quiet
    below -50 dBFS: its speech peaks at about -40 dBFS. Parts have fixed places in the audio, so the result
    does not depend on how the audio was divided into blocks.
    """
    previous: np.ndarray | None = None
    current: np.ndarray | None = None
    for following in _parts(blocks):
        if current is not None:
            yield _levelled(previous, current, following)
        previous, current = current, following
    if current is not None:
        yield _levelled(previous, current, None)


def _parts(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    held: list[np.ndarray] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += len(block)
        if count >= _PART:
            samples = np.concatenate(held)
            whole = count - count % _PART
            yield from samples[:whole].reshape(-1, _PART)
            held, count = [samples[whole:]], count - whole
    if count:
        yield np.concatenate(held)


def _levelled(previous: np.ndarray | None, part: np.ndarray, following: np.ndarray | None) -> np.ndarray:
    around = np.concatenate([_rms(samples) for samples in (previous, part, following) if samples is not None])
    loudness = float(np.sort(around)[-_LOUD_FRAMES:][0])
    if loudness >= _QUIET or not loudness:
        return part
    gain = min(_TARGET / loudness, _MAX_GAIN)
    samples = _frames(part).astype(np.float32)
    peaks = np.maximum(np.abs(samples).max(axis=1), 1)
    gains = np.minimum(gain, _HIGHEST / peaks)
    louder: np.ndarray = np.round(samples * gains[:, None]).astype(np.int16).reshape(-1)[: len(part)]
    return louder


def _rms(part: np.ndarray) -> np.ndarray:
    rms: np.ndarray = np.sqrt((_frames(part).astype(np.float32) ** 2).mean(axis=1))
    return rms


def _frames(part: np.ndarray) -> np.ndarray:
    """[frames, samples], the last one padded with silence."""
    frames: np.ndarray = np.pad(part, (0, -len(part) % _FRAME)).reshape(-1, _FRAME)
    return frames
