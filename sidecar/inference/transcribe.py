"""Audio → segments: the entry to inference, shared by all requests."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO

from tokenizers import Tokenizer as Vocabulary

from ..languages import NAMES, known_code
from .decoding import PromptBuilder
from .engine import Engine
from .gate import Gate
from .listener import Listener
from .observer import Observer
from .padding import sizes
from .parameters import Parameters
from .preparation import Preparation
from .request import Request
from .request_thread import RequestThread
from .scheduler import Scheduler
from .segments import Segment
from .transcript import Transcript


class Transcriber:
    """Owns the threads that feed the engine. `workers`: batches at once. `gate`: shared with other models."""

    def __init__(
        self,
        engine: Engine,
        directory: Path,
        *,
        batch_size: int,
        workers: int,
        observer: Observer,
        gate: Gate | None = None,
    ):
        self.engine = engine
        self.batch_size = batch_size
        self.observer = observer
        self.scheduler = Scheduler(
            engine, batch_size=batch_size, workers=workers, observer=observer, gate=gate
        )
        self._preparation = Preparation(self.scheduler.prepare, device=engine.device)
        self._vocabulary = Vocabulary.from_file(str(directory / "tokenizer.json"))
        self.languages = self._known_languages()

    def _known_languages(self) -> frozenset[str]:
        if not self.engine.multilingual:
            return frozenset({"en"})
        return frozenset(code for code in NAMES if self._vocabulary.token_to_id(f"<|{code}|>") is not None)

    @property
    def waiting(self) -> int:
        """Windows that are not in a batch yet."""
        return self.scheduler.waiting

    def transcribe(
        self,
        file: IO[bytes],
        parameters: Parameters,
        *,
        cancelled: Callable[[], bool],
        on_segments: Callable[[list[Segment]], None],
        longest: float,
        listener: Listener | None = None,
    ) -> Transcript:
        """Calls `on_segments` with segments, in order, once all earlier ones are known. longest: seconds of
        audio. listener: by default one for the parameters' context.

        May be called from many threads at once. Raises RequestError if the audio is invalid or the model
        fails, and Cancelled soon after `cancelled` returns true.
        """
        if parameters.language is not None:
            parameters = replace(parameters, language=known_code(parameters.language, self.languages))
        candidates = {known_code(code, self.languages) for code in parameters.languages}
        parameters = replace(parameters, languages=tuple(sorted(candidates & self.languages)))
        request = Request(
            parameters,
            self.prompt_builder(parameters),
            self.prompt_builder(replace(parameters, hotwords=None)) if parameters.hotwords else None,
            sizes(self.engine.device),
        )
        self.scheduler.open(request)
        try:
            thread = RequestThread(
                request,
                scheduler=self.scheduler,
                preparation=self._preparation,
                observer=self.observer,
                multilingual=self.engine.multilingual,
                listener=listener or Listener(parameters.context_before, parameters.context_after),
                cancelled=cancelled,
                on_segments=on_segments,
            )
            return thread.run(file, longest)
        finally:
            self.scheduler.close_request(request)

    def prompt_builder(self, parameters: Parameters) -> PromptBuilder:
        return PromptBuilder(
            self._vocabulary,
            multilingual=self.engine.multilingual,
            task=parameters.task,
            initial_prompt=parameters.initial_prompt,
            hotwords=parameters.hotwords,
        )

    def close(self) -> None:
        self.scheduler.close()
        self._preparation.close()
