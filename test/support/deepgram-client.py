"""Transcribes a file with Deepgram's client. Arguments: base URL, key, path. Prints the response as JSON."""

import sys

from deepgram import DeepgramClient
from deepgram.environment import DeepgramClientEnvironment

url, key, path = sys.argv[1:]
environment = DeepgramClientEnvironment(base=url, production=url, agent=url, agent_rest=url)
with open(path, "rb") as file:
    response = DeepgramClient(api_key=key, environment=environment).listen.v1.media.transcribe_file(
        request=file.read(), model="nova-3", keyterm=["library", "river"], utterances=True, paragraphs=True
    )
print(response.model_dump_json())
