"""Transcribes a file with OpenAI's client. Arguments: base URL, key, path. Prints what it read as JSON."""

import json
import sys
from pathlib import Path

from openai import OpenAI

url, key, path = sys.argv[1:]
transcriptions = OpenAI(base_url=url, api_key=key, max_retries=0).audio.transcriptions
file = Path(path)
verbose = transcriptions.create(
    file=file, model="whisper-1", response_format="verbose_json", timestamp_granularities=["word", "segment"]
)
stream = transcriptions.create(file=file, model="gpt-4o-transcribe", stream=True)
read = {
    "text": transcriptions.create(file=file, model="gpt-4o-transcribe", language="en").text,
    "srt": transcriptions.create(file=file, model="whisper-1", response_format="srt"),
    "language": verbose.language,
    "words": [word.word for word in verbose.words or []],
    "segments": len(verbose.segments or []),
    "streamed": "".join(event.delta for event in stream if event.type == "transcript.text.delta"),
}
print(json.dumps(read))
