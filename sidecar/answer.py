"""A transcript → the JSON that Hugging Face's clients expect, and more where it was asked for."""

from .parameters import Parameters
from .segments import Segment, Word
from .transcribe import Transcript


def answer(transcript: Transcript, asked: Parameters, *, model: str) -> dict[str, object]:
    body: dict[str, object] = {"text": transcript.text, **_chunks(transcript, asked)}
    if asked.details:
        body.update(_details(transcript, model))
        body["segments"] = [_segment(segment, words=asked.words) for segment in transcript.segments]
    return body


def event(segment: Segment, asked: Parameters, *, index: int) -> dict[str, object]:
    """One of a stream, shaped like text-generation-inference's; index: from 1."""
    told = _segment(segment, words=asked.words)
    return {"index": index, "segment": told, "generated_text": None, "details": None}


def last_event(transcript: Transcript, asked: Parameters, *, index: int, model: str) -> dict[str, object]:
    """The whole, but for the segments, which have been told already."""
    whole = {"index": index, "segment": None, "generated_text": transcript.text}
    return {**whole, "details": _details(transcript, model), **_chunks(transcript, asked)}


def _details(transcript: Transcript, model: str) -> dict[str, object]:
    return {"language": transcript.language, "duration": _seconds(transcript.duration), "model": model}


def _chunks(transcript: Transcript, asked: Parameters) -> dict[str, object]:
    if asked.timestamps is None:
        return {}
    if asked.timestamps == "word":
        return {"chunks": [_chunk(w.word, w) for s in transcript.segments for w in s.words or ()]}
    return {"chunks": [_chunk(s.text, s) for s in transcript.segments]}


def _chunk(text: str, timed: Segment | Word) -> dict[str, object]:
    return {"text": text, "timestamp": [_seconds(timed.start), _seconds(timed.end)]}


def _segment(segment: Segment, *, words: bool) -> dict[str, object]:
    body: dict[str, object] = {
        "start": _seconds(segment.start),
        "end": _seconds(segment.end),
        "text": segment.text,
        "language": segment.language,
        "avg_logprob": round(segment.avg_logprob, 4),
        "compression_ratio": round(segment.compression_ratio, 4),
        "no_speech_prob": round(segment.no_speech_prob, 6),
    }
    if words:
        body["words"] = [
            {
                "start": _seconds(word.start),
                "end": _seconds(word.end),
                "word": word.word,
                "probability": round(word.probability, 4),
            }
            for word in segment.words or ()
        ]
    return body


def _seconds(value: float) -> float:
    return round(value, 3)
