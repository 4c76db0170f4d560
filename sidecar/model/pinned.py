"""The models whose files are known by SHA-256. A package index and the hub have the same bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .install import verified
from .sources import Packages


@dataclass(frozen=True)
class Pinned:
    """`name`, `revision`: on the hub. `packages`: wheels that carry the files."""

    name: str
    revision: str
    packages: Packages
    sha256: Mapping[str, str]

    def is_in(self, directory: Path) -> bool:
        """Whether all files are there with the pinned digests."""
        return verified(directory, self.sha256)


# config.json is first in each, so that another model's directory is recognized without reading its weights.
BASE = Pinned(
    "Systran/faster-whisper-base",
    "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
    Packages(Path(__file__).with_name("base.txt"), 66_273_783 + 67_069_883),
    {
        "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
        "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
    },
)
TINY_EN = Pinned(
    "Systran/faster-whisper-tiny.en",
    "0d3d19a32d3338f10357c0889762bd8d64bbdeba",
    Packages(Path(__file__).with_name("tiny-en.txt"), 70_653_446),
    {
        "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
        "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
    },
)
PINNED = {pinned.name: pinned for pinned in (BASE, TINY_EN)}
DEFAULT = BASE
