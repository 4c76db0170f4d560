"""Transcribes a file with AssemblyAI's client. Arguments: base URL, key, path. Prints what it read as JSON."""

import json
import sys

import assemblyai as aai

aai.settings.base_url, aai.settings.api_key, path = sys.argv[1:]
aai.settings.polling_interval = 0.1
config = aai.TranscriptionConfig(
    punctuate=True,
    format_text=True,
    language_detection=True,
    word_boost=["library"],
    custom_spelling={"Colour": ["color"]},
)
transcriber = aai.Transcriber(config=config)
transcript = transcriber.transcribe(path)
listed = transcriber.list_transcripts(aai.ListTranscriptParameters(limit=5))
read = {
    "id": transcript.id,
    "status": transcript.status,
    "error": transcript.error,
    "text": transcript.text,
    "words": [word.text for word in transcript.words or []],
    "sentences": [sentence.text for sentence in transcript.get_sentences()],
    "paragraphs": [paragraph.text for paragraph in transcript.get_paragraphs()],
    "srt": transcript.export_subtitles_srt(chars_per_caption=24),
    "listed": [item.id for item in listed.transcripts],
    "deleted": aai.Transcript.delete_by_id(transcript.id).text,
}
print(json.dumps(read))
