"""A transcript → the JSON that Hugging Face's clients expect, and more where it was asked for."""

from .parameters import Parameters
from .segments import Segment, Word
from .transcribe import Transcript


def answer(transcript: Transcript, asked: Parameters, *, model: str) -> dict[str, object]:
    body: dict[str, object] = {"text": transcript.text}
    if asked.timestamps == "word":
        body["chunks"] = [_chunk(w.word, w) for s in transcript.segments for w in s.words or ()]
    elif asked.timestamps:
        body["chunks"] = [_chunk(s.text, s) for s in transcript.segments]
    if asked.details:
        body["language"] = transcript.language
        body["duration"] = _seconds(transcript.duration)
        body["model"] = model
        body["segments"] = [_segment(segment, words=asked.words) for segment in transcript.segments]
    return body


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
