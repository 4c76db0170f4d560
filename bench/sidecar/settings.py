"""The effect of the server's settings and of request parameters."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import product
from pathlib import Path

from .bench import Bench, Long, Result
from .measure import Row, Subject, add_ratios, by_turns, measured, say, word_errors
from .process import cores
from .server import Server

SHORT = 600.0


def filling(bench: Bench) -> Result:
    """Batches filled from all requests in flight, compared with every window decoded separately."""
    rows = _switched(bench, "filling", bench.serving({"MAX_BATCH_SIZE": "1"}))
    return rows, ["Off is MAX_BATCH_SIZE=1: no windows share a batch, not even those of one request."]


def windows(bench: Bench) -> Result:
    """Windows encoded at their own length, compared with all windows at 30 s."""
    return _switched(bench, "windows", bench.serving({}, module="bench.sidecar.full_windows")), []


def words(bench: Bench) -> Result:
    """The cost of word times."""
    ours = {"ours, without words": {}, "ours, with words": {"return_timestamps": "word"}}
    return _with_parameters(bench, "words", ours, {})


def beam(bench: Bench) -> Result:
    """Greedy decoding compared with a beam of 5."""
    return _with_parameters(
        bench,
        "beam",
        {"ours, beam 5": {"beam_size": 5}, "ours, greedy": {"beam_size": 1}},
        {
            "faster-whisper batched, 8, beam 5": {"beam_size": 5},
            "faster-whisper batched, 8, greedy": {"beam_size": 1},
        },
    )


def threads(bench: Bench) -> Result:
    """Workers, threads per worker and OpenMP's wait policy, in a new server for each run."""
    count = cores()
    pairs = {(1, 1), (count, 2)} | {
        (workers, count // workers) for workers in range(1, count + 1) if count % workers == 0
    }
    grid: dict[str, dict[str, str]] = {"ours, as it comes": {}}
    for (workers, each), policy in product(
        sorted(pairs), ("passive",) if bench.quick else ("passive", "active")
    ):
        grid[f"ours, {workers} workers of {each} threads, {policy}"] = {
            "CPU_WORKERS": str(workers),
            "CPU_THREADS": str(each),
            "OMP_WAIT_POLICY": policy,
        }
    long = bench.b(min(bench.seconds, 120))
    return _each_alone(bench, "threads", grid, long, runs=bench.runs), [long.corpus.about]


def gpu(bench: Bench) -> Result:
    """Batch sizes, each in its own server. No rows without a CUDA device."""
    if bench.device != "cuda":
        return [], ["There is no CUDA device here."]
    grid = {f"ours, batch {size}": {"MAX_BATCH_SIZE": str(size)} for size in (1, 2, 4, 8, 16, 32, 64)}
    rows = _each_alone(bench, "gpu", grid, bench.a(bench.seconds), runs=bench.runs)
    return rows + _each_alone(bench, "gpu", grid, bench.b(bench.seconds), runs=bench.runs), []


def _switched(bench: Bench, scenario: str, off: AbstractContextManager[Server]) -> list[Row]:
    clips, long = bench.clips, bench.a(min(bench.seconds, SHORT))
    with off as without:
        rows: list[Row] = []
        for row, references, work in (
            (
                clips.row(scenario),
                clips.references,
                lambda server: server.transcribe_all(clips.paths, concurrency=16),
            ),
            (long.row(scenario), long.references, lambda server: [server.transcribe(long.path)]),
        ):
            subjects = [
                _subject(f"ours, {scenario} on", bench.server, work),
                _subject(f"ours, {scenario} off", without, work),
            ]
            rows += by_turns(
                subjects, runs=bench.runs, baselines=[subjects[0].name], row=row, references=references
            )
    return rows


def _subject(name: str, server: Server, work: Callable[[Server], list[str]]) -> Subject:
    return Subject(name, server.pid, lambda: work(server))


def _with_parameters(bench: Bench, scenario: str, ours: dict[str, dict], theirs: dict[str, dict]) -> Result:
    """The same file with different parameters. The first is the baseline."""
    rows: list[Row] = []
    notes = []
    for long in (bench.a(min(bench.seconds, SHORT)), bench.b(min(bench.seconds, SHORT))):
        path: Path = long.path
        notes.append(long.corpus.about)
        subjects = [
            *(
                Subject(
                    name,
                    bench.server.pid,
                    lambda parameters=parameters, path=path: [bench.server.transcribe(path, **parameters)],
                )
                for name, parameters in ours.items()
            ),
            *(
                Subject(
                    name,
                    bench.baseline.pid,
                    lambda parameters=parameters, path=path: bench.baseline.batched(
                        path, batch=8, **parameters
                    ),
                )
                for name, parameters in theirs.items()
            ),
        ]
        rows += by_turns(
            subjects,
            runs=bench.runs,
            baselines=[subjects[0].name],
            row=long.row(scenario),
            references=long.references,
        )
    return rows, notes


def _each_alone(
    bench: Bench, scenario: str, grid: dict[str, dict[str, str]], long: Long, *, runs: int
) -> list[Row]:
    """Runs one server at a time, since spinning threads would slow the others. The first is the baseline."""
    rows = {name: long.row(scenario)(name) for name in grid}
    rounds: list[dict[str, float]] = []
    for number in range(runs):
        rounds.append({})
        for name, environment in grid.items():
            with bench.serving(environment) as server:
                result = measured(server.pid, lambda server=server: [server.transcribe(long.path)])
            rows[name].add(result)
            rounds[-1][name] = result.seconds
            say(f"{scenario}, {name}, run {number + 1}: {result.seconds:.2f} s")
    add_ratios(rows, rounds, next(iter(grid)))
    for row in rows.values():
        row.errors = word_errors(long.references, row.texts)
    return list(rows.values())
