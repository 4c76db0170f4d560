"""Compares the sidecar's ONNX graphs with PyTorch's networks on the same weights and the same audio.

python -m bench.diarization.parity WEIGHTS 3D-SPEAKER AUDIO…

WEIGHTS: the directory of the two checkpoints. 3D-SPEAKER: a checkout of modelscope/3D-Speaker. Needs
`pip install torch pyannote.audio`, which neither the sidecar nor any other bench needs.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
import torchaudio.compliance.kaldi as kaldi
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.segmentation import PyanNet

from sidecar.diarization import checkpoint, embedding_graph
from sidecar.diarization.features import fbank
from sidecar.diarization.models import Models
from sidecar.model.diarization import EMBEDDING, SEGMENTATION

from .recordings import samples

WINDOW = 160_000
CROP = 198


def main(weights: Path, speaker: Path, audio: list[Path]) -> int:
    sys.path.insert(0, str(speaker))
    from speakerlab.models.campplus.DTDNN import CAMPPlus

    signals = [samples(path) for path in audio]
    windows = [
        signal[at : at + WINDOW] for signal in signals for at in range(0, len(signal) - WINDOW, WINDOW)
    ]
    batch = np.stack(windows)[:, None]
    network = _pyannet(checkpoint.read(weights / SEGMENTATION))
    models = Models(weights / SEGMENTATION, weights / EMBEDDING, workers=1, exact=True)
    ours = np.concatenate([models.segment(window, [0], WINDOW) for window in windows])
    theirs = _torch(network, batch)
    print("| graph | inputs | largest difference | mean difference | |")
    print("| --- | ---: | ---: | ---: | --- |")
    same = (ours.argmax(2) == theirs.argmax(2)).mean()
    _row(
        "segmentation (log-probability)",
        ours,
        theirs,
        f"the same class in {same:.4%} of frames",
    )

    features = [fbank(window) for window in windows]
    kaldis = [
        kaldi.fbank(
            torch.from_numpy(w)[None],
            num_mel_bins=80,
            sample_frequency=16_000,
            dither=0,
        ).numpy()
        for w in windows
    ]
    _row("mel features (log)", np.stack(features), np.stack(kaldis), "")
    crops = np.stack([f[at : at + CROP] for f in features for at in range(0, len(f) - CROP, CROP)])
    crops -= crops.mean(axis=1, keepdims=True)
    campplus = CAMPPlus(feat_dim=80, embedding_size=192)
    campplus.load_state_dict(torch.load(weights / EMBEDDING, weights_only=True))
    ours = _embeddings(checkpoint.read(weights / EMBEDDING), crops)
    theirs = _torch(campplus, crops)
    cosine = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    _row("embedding", ours, theirs, f"cosine at least {cosine.min():.7f}")
    return 0


def _embeddings(weights: checkpoint.Weights, crops: np.ndarray) -> Any:
    features = _run(embedding_graph.build(weights), crops)
    statistics = np.concatenate([features.mean(axis=1), features.std(axis=1, ddof=1)], axis=1)
    return _run(embedding_graph.build_last_layer(weights), statistics)


def _pyannet(weights: checkpoint.Weights) -> PyanNet:
    network = PyanNet(
        sincnet={"stride": 10},
        lstm={
            "hidden_size": 128,
            "num_layers": 4,
            "bidirectional": True,
            "monolithic": True,
        },
        linear={"hidden_size": 128, "num_layers": 2},
    )
    network.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=10.0,
        classes=["1", "2", "3"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    network.build()
    network.load_state_dict({name: torch.from_numpy(np.array(values)) for name, values in weights.items()})
    return network


def _torch(network: torch.nn.Module, batch: np.ndarray) -> np.ndarray:
    network.eval()
    with torch.inference_mode():
        result: np.ndarray = network(torch.from_numpy(batch)).numpy()
    return result


def _run(graph: bytes, batch: np.ndarray) -> Any:
    return onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"]).run(None, {"x": batch})[0]


def _row(name: str, ours: np.ndarray, theirs: np.ndarray, remark: str) -> None:
    difference = np.abs(ours - theirs)
    print(f"| {name} | {len(ours)} | {difference.max():.1e} | {difference.mean():.1e} | {remark} |")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(path) for path in sys.argv[3:]]))
