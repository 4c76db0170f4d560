"""A transcript → the JSON that Hugging Face's clients expect, and the details that the parameters request."""

from ..inference.parameters import Parameters
from ..inference.segments import Segment, Word
from ..inference.transcript import Transcript


def answer(transcript: Transcript, parameters: Parameters, *, model: str) -> dict[str, object]:
    body: dict[str, object] = {"text": transcript.text, **_chunks(transcript, parameters)}
    if parameters.details:
        body.update(_details(transcript, model))
        body["segments"] = [_segment(segment, words=parameters.words) for segment in transcript.segments]
    return body


def event(segment: Segment, parameters: Parameters, *, index: int) -> dict[str, object]:
    """One event of a stream, in text-generation-inference's shape. index: counts from 1."""
    body = _segment(segment, words=parameters.words)
    return {"index": index, "segment": body, "generated_text": None, "details": None}


def last_event(
    transcript: Transcript, parameters: Parameters, *, index: int, model: str
) -> dict[str, object]:
    """The whole transcript without its segments, which earlier events carried."""
    body = {"index": index, "segment": None, "generated_text": transcript.text}
    return {**body, "details": _details(transcript, model), **_chunks(transcript, parameters)}


def _details(transcript: Transcript, model: str) -> dict[str, object]:
    spoken = transcript.spoken
    return {
        "language": transcript.language,
        "detected_language": spoken and spoken.code,
        "detected_language_probability": spoken and round(spoken.probability, 4),
        "duration": _seconds(transcript.duration),
        "model": model,
    }


def _chunks(transcript: Transcript, parameters: Parameters) -> dict[str, object]:
    if parameters.timestamps is None:
        return {}
    if parameters.timestamps == "word":
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
