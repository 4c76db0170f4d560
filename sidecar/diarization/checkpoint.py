"""Reads the tensors of a PyTorch checkpoint (zip format) without PyTorch."""

import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

Weights = dict[str, np.ndarray]

_DTYPES = {
    "FloatStorage": np.float32,
    "DoubleStorage": np.float64,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
}


def read(path: Path) -> Weights:
    """The state dictionary: the checkpoint itself, or its entry `state_dict`.

    Raises ValueError if the file is not such a checkpoint.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            [pickled] = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            with archive.open(pickled) as file:
                content = _Unpickler(file, archive, pickled.removesuffix("data.pkl")).load()
    except (zipfile.BadZipFile, pickle.UnpicklingError, KeyError, EOFError) as error:
        raise ValueError(f"{path.name} is not a PyTorch checkpoint: {error}") from error
    weights = content.get("state_dict", content)
    return {name: value for name, value in weights.items() if isinstance(value, np.ndarray)}


class _Unpickler(pickle.Unpickler):
    """Builds tensors as arrays. Other classes become inert placeholders, so nothing in the file runs."""

    def __init__(self, file: Any, archive: zipfile.ZipFile, root: str):
        super().__init__(file)
        self._archive = archive
        self._root = root

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch._utils" and name == "_rebuild_tensor_v2":
            return _tensor
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        return _Placeholder

    def persistent_load(self, identifier: tuple[str, type[np.generic], str, str, int]) -> np.ndarray:
        _, dtype, key, _, _ = identifier
        return np.frombuffer(self._archive.read(f"{self._root}data/{key}"), dtype=dtype)


class _Placeholder:
    def __init__(self, *arguments: object, **named: object):
        pass

    def __setstate__(self, state: object) -> None:
        pass


def _tensor(
    storage: np.ndarray, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> np.ndarray:
    strides = [step * storage.itemsize for step in stride]
    tensor: np.ndarray = np.lib.stride_tricks.as_strided(storage[offset:], size, strides).copy()
    return tensor
