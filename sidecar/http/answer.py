"""A transcript → the JSON that Hugging Face's clients expect, and the details that the parameters request."""

from ..diarization.block import Voice, clipped
from ..inference.parameters import Parameters
from ..inference.segments import Segment, Word
from ..inference.transcript import Transcript
from .service import Speakers, Timed


def answer(timed: Timed, parameters: Parameters, *, model: str) -> dict[str, object]:
    transcript = timed.transcript
    body: dict[str, object] = {"text": transcript.text, **_chunks(transcript, parameters)}
    if parameters.details:
        body.update(_details(timed, parameters, model))
        body["segments"] = [_segment(segment, words=parameters.words) for segment in transcript.segments]
    elif timed.speakers:
        body.update(_diarization(timed.speakers, transcript.duration, before=parameters.context_before))
    return body


def event(segment: Segment, parameters: Parameters, *, index: int) -> dict[str, object]:
    """One event of a stream, in text-generation-inference's shape. index: counts from 1."""
    body = _segment(segment, words=parameters.words)
    return {"index": index, "segment": body, "generated_text": None, "details": None}


def last_event(timed: Timed, parameters: Parameters, *, index: int, model: str) -> dict[str, object]:
    """The whole transcript without its segments, which earlier events carried."""
    body = {"index": index, "segment": None, "generated_text": timed.transcript.text}
    details = _details(timed, parameters, model)
    return {**body, "details": details, **_chunks(timed.transcript, parameters)}


def _details(timed: Timed, parameters: Parameters, model: str) -> dict[str, object]:
    transcript, spoken = timed.transcript, timed.transcript.spoken
    details: dict[str, object] = {
        "language": transcript.language,
        "detected_language": spoken and spoken.code,
        "detected_language_probability": spoken and round(spoken.probability, 4),
        "duration": _seconds(transcript.duration),
        "model": model,
    }
    if timed.speakers:
        details.update(_diarization(timed.speakers, transcript.duration, before=parameters.context_before))
    return details


def _diarization(speakers: Speakers, duration: float, *, before: float) -> dict[str, object]:
    """Times count from the end of the context before the transcribed audio."""
    diarization = speakers.diarization
    if diarization is None:
        return {"diarization": None, "diarization_error": speakers.error}
    turns = clipped(diarization.turns, before, before + duration)
    numbers = {voice: number for number, voice in enumerate(dict.fromkeys(turn.voice for turn in turns))}
    voices = [_voice(diarization.voices[voice], number) for voice, number in numbers.items()]
    return {
        "diarization": {
            "turns": [
                {
                    "voice": numbers[turn.voice],
                    "start": _seconds(turn.start - before),
                    "end": _seconds(turn.end - before),
                }
                for turn in turns
            ],
            "voices": voices,
        }
    }


def _voice(voice: Voice, number: int) -> dict[str, object]:
    embedding = [round(float(value), 5) for value in voice.embedding]
    return {"voice": number, "seconds": round(voice.seconds, 2), "embedding": embedding}


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
