"""Speech as mp3:

`python -m bench.sidecar.recordings FOLDER --model DIR [--audio DIR] [--minutes 25] [--clips 64]`

Writes two long files and the clips of `corpora` in a podcast's format: 44.1 kHz, stereo, 128 kbit/s. Prints
one JSON list of `{name, about, seconds, recordings: [{file, text}]}`, one entry per long file and one for all
clips.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import av
import numpy as np

from .corpora import NoAudio, Speakers
from .measure import say
from .speech import RATE, Speech

_BITS_PER_SECOND = 128_000
_MP3_RATE = 44100


def write_mp3(speech: Speech, path: Path) -> None:
    with av.open(str(path), "w", format="mp3") as container:
        stream = container.add_stream(
            "libmp3lame", rate=_MP3_RATE, layout="stereo", bit_rate=_BITS_PER_SECOND
        )
        resampler = av.AudioResampler(format="s16p", layout="stereo", rate=_MP3_RATE)
        for start in range(0, len(speech.pcm), RATE):
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(speech.pcm[None, start : start + RATE]), format="s16", layout="mono"
            )
            frame.sample_rate = RATE
            frame.pts = start
            for resampled in resampler.resample(frame):
                container.mux(stream.encode(resampled))
        for resampled in resampler.resample(None):
            container.mux(stream.encode(resampled))
        container.mux(stream.encode(None))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.sidecar.recordings")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--clips", type=int, default=64)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-recordings-") as work:
        try:
            speakers = Speakers(options.audio, options.model, Path(work))
        except NoAudio as error:
            say(str(error))
            return 2
        made = []
        for corpus in (speakers.a(60 * options.minutes), speakers.b(60 * options.minutes)):
            made.append((corpus.name, corpus.about, [corpus.speech]))
        clips, made_of = speakers.clips(options.clips)
        made.append(("clips", f"{len(clips)} clips of 3 to 15 s: {made_of}.", clips))
        print(json.dumps([_written(options.folder, *one) for one in made]))
    return 0


def _written(folder: Path, name: str, about: str, speeches: list[Speech]) -> dict[str, object]:
    recordings = []
    for number, speech in enumerate(speeches):
        path = folder / f"{name.split()[0]}-{number}.mp3"
        write_mp3(speech, path)
        recordings.append({"file": str(path), "text": speech.text})
    return {
        "name": name,
        "about": about,
        "seconds": sum(speech.seconds for speech in speeches),
        "recordings": recordings,
    }


if __name__ == "__main__":
    sys.exit(main())
