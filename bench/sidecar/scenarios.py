"""The sidecar compared with faster-whisper. Each scenario takes a Bench and returns rows and notes."""

import random
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from .bench import Bench, Result
from .measure import Row, by_turns, measured, say, word_errors
from .report import spread

# Seconds from which faster-whisper's slower modes, which are not the baseline, run only once.
LONG = 1200
VAD = {"vad_filter": True, "condition_on_previous_text": False}


def file(bench: Bench) -> Result:
    """A long file in one HTTP request, compared with faster-whisper's modes in one process with all cores."""
    rows, notes = [], []
    for long in (bench.a(bench.seconds), bench.b(bench.seconds)):
        notes.append(long.corpus.about)
        once = bench.seconds >= LONG
        batched = [
            bench.theirs(
                f" batched, {size}",
                lambda size=size, long=long: bench.baseline.batched(long.path, batch=size),
            )
            for size in ((4, 8, 16) if bench.device == "cpu" else (8, 16, 32, 64))
        ]
        subjects = [
            bench.ours("", lambda long=long: [bench.server.transcribe(long.path)]),
            *batched,
            bench.theirs(" sequential", lambda long=long: bench.baseline.sequential(long.path), once=once),
            bench.theirs(
                " sequential, VAD, no previous text",
                lambda long=long: bench.baseline.sequential(long.path, **VAD),
                once=once,
            ),
        ]
        rows += by_turns(
            subjects,
            runs=bench.runs,
            baselines=[subject.name for subject in batched],
            row=long.row("file"),
            references=long.references,
        )
    return rows, [
        *notes,
        "The baseline is faster-whisper's best batch size in the first run, the only one run again.",
    ]


def clips(bench: Bench) -> Result:
    """Many short clips in concurrent requests, compared with faster-whisper taking one after another."""
    clips = bench.clips
    counts = sorted({1, 4, 16, 64} if not bench.quick else {1, 4, len(clips.paths)})
    subjects = [
        bench.theirs(", one after another", lambda: bench.baseline.sequential(*clips.paths)),
        *(
            bench.ours(
                f", {n} at a time", lambda n=n: bench.server.transcribe_all(clips.paths, concurrency=n)
            )
            for n in counts
        ),
    ]
    rows = by_turns(
        subjects,
        runs=bench.runs,
        baselines=[subjects[0].name],
        row=clips.row("clips"),
        references=clips.references,
    )
    one, all_at_once = rows[1], rows[-1]
    ratios = [b / a for a, b in zip(one.seconds, all_at_once.seconds, strict=True)]
    same = sum(a == b for a, b in zip(one.texts, all_at_once.texts, strict=True))
    return rows, [
        *(f"{row.subject}: {len(clips.paths) / row.median:.1f} clips a second." for row in rows),
        f"{counts[-1]} at a time take {spread(ratios, 2)} of the time that one at a time takes; "
        f"{same} of {len(clips.paths)} texts are the same.",
    ]


def lone(bench: Bench) -> Result:
    """One short clip on an idle server."""
    clip = bench.lone
    subjects = [
        bench.theirs("", lambda: bench.baseline.sequential(clip.paths[0])),
        bench.ours("", lambda: [bench.server.transcribe(clip.paths[0])]),
    ]
    rows = by_turns(
        subjects,
        runs=5 * bench.runs,
        baselines=[subjects[0].name],
        row=clip.row("lone"),
        references=clip.references,
    )
    return rows, []


def beside(bench: Bench) -> Result:
    """A short clip sent while a long file is transcribed, repeated until the file is done."""
    clip, server = bench.lone, bench.server
    rows, notes = [], []
    for long in (bench.a(bench.beside_seconds), bench.b(bench.beside_seconds)):
        kind = long.corpus.name
        notes.append(long.corpus.about)
        alone = clip.row("beside")(f"ours, alone (before {kind})")
        crowded = clip.row("beside")(f"ours, beside {kind}")
        jitter = random.Random(0)
        for number in range(bench.runs):
            before = [measured(server.pid, lambda: [server.transcribe(clip.paths[0])]) for _ in range(5)]
            during = []
            with ThreadPoolExecutor(1) as pool:
                whole = pool.submit(server.transcribe, long.path)
                time.sleep(0.5)
                while not whole.done() and len(during) < 20:
                    during.append(measured(server.pid, lambda: [server.transcribe(clip.paths[0])]))
                    time.sleep(jitter.uniform(0.1, 1))
                whole.result()
            for row, results in ((alone, before), (crowded, during)):
                for result in results:
                    row.add(result)
            if during:
                middles = [
                    statistics.median(result.seconds for result in results) for results in (before, during)
                ]
                crowded.ratios.append(middles[1] / middles[0])
            say(f"beside, {kind}, run {number + 1}: {len(during)} clips during the file")
        alone.baseline = crowded.baseline = alone.subject
        for row in (alone, crowded):
            row.cpu.clear()  # CPU time is of the whole server, with the file.
        if crowded.seconds:
            alone.errors, crowded.errors = (
                word_errors(clip.references, row.texts) for row in (alone, crowded)
            )
            rows += [alone, crowded]
        else:
            notes.append(f"{kind}: the file was done before a clip could be sent; take more --seconds.")
    return rows, [*notes, "Runs count clips; a ratio is of the two medians of one run."]


def mix(bench: Bench) -> Result:
    """A file and clips at once, four clips at a time."""
    long = bench.a(bench.seconds / 4)
    some = bench.clips.paths[:16]
    references = long.references + bench.clips.references[:16]
    seconds = long.corpus.speech.seconds + sum(clip.seconds for clip in bench.clips.speeches[:16])

    def at_once() -> list[str]:
        with ThreadPoolExecutor(1) as pool:
            whole = pool.submit(bench.server.transcribe, long.path)
            texts = bench.server.transcribe_all(some, concurrency=4)
            return [whole.result(), *texts]

    def in_turn() -> list[str]:
        texts = bench.baseline.sequential(*some)
        return [*bench.baseline.batched(long.path, batch=8), *texts]

    subjects = [
        bench.theirs(", the clips one after another, then the file batched, 8", in_turn),
        bench.ours(", all at once", at_once),
        bench.ours(
            ", one request at a time", lambda: bench.server.transcribe_all([long.path, *some], concurrency=1)
        ),
    ]
    return (
        by_turns(
            subjects,
            runs=bench.runs,
            baselines=[subjects[0].name],
            row=lambda subject: Row("mix", f"{long.corpus.name}, and {len(some)} clips", subject, seconds),
            references=references,
        ),
        [],
    )
