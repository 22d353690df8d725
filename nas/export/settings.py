"""Which files does a `nas finish` make, and how are they measured?"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nas.errors import ConfigError
from nas.export.format import FileKind, Format

_BITS = (None, 8, 4)  # of the weights that a network may have been trained with
# Files in a network's folder that belong to no format.
_OWN_FILES = (
    "README.md",
    "architecture.json",
    "artefacts.json",
    "confusion.csv",
    "confusion.png",
    "example.json",
    "example.npy",
    "example.png",
    "input.json",
    "mistakes.csv",
    "mistakes.npz",
    "mistakes.png",
    "predict.py",
)


@dataclass(frozen=True)
class ExportSettings:
    """Which files to make, and how to measure them.

    Attributes:
        formats: name on the command line -> format, in the order in which the files are made.
        num_threads: CPU threads that times are taken with, at least 1.
        peak_memory: measure it, in a fresh process for each file.

    Raises:
        ConfigError: two formats make one file, or one makes a file of a name that is not allowed.
    """

    formats: Mapping[str, Format]
    num_threads: int = 1
    peak_memory: bool = True

    def __post_init__(self) -> None:
        """Check that each file has a name of its own."""
        for bits in _BITS:
            taken: dict[str, str] = dict.fromkeys(_OWN_FILES, "nas itself")
            for name, file in self.files_of(bits).items():
                _check_name(name, file)
                for what in (file.name, f"kind {file.kind}"):
                    if what in taken:
                        raise ConfigError(
                            f"export.formats.{name} makes {what}, and so does {taken[what]}; give "
                            "each file a name and a kind of its own in file_of"
                        )
                    taken[what] = f"export.formats.{name}"

    def files_of(self, bits: int | None) -> dict[str, FileKind]:
        """Return what the formats make of a network with weights of so many bits; None: floats."""
        found = {name: chosen.file_of(bits) for name, chosen in self.formats.items()}
        return {name: file for name, file in found.items() if file is not None}

    def check_packages(self) -> None:
        """Refuse files that cannot be made here, before anything is trained for them.

        Raises:
            MissingPackageError: a package or a compiler is missing.
        """
        for chosen in self.formats.values():
            chosen.check_packages()

    def usages(self, kinds: frozenset[str]) -> list[str]:
        """Return what model cards say of the use of files of these kinds, each text once."""
        made = {
            name
            for bits in _BITS
            for name, file in self.files_of(bits).items()
            if file.kind in kinds
        }
        texts = [chosen.usage for name, chosen in self.formats.items() if name in made]
        return list(dict.fromkeys(text for text in texts if text))


def _check_name(name: str, file: FileKind) -> None:
    """Refuse what is no plain name of a file.

    Raises:
        ConfigError: it is empty, or has a folder in it.
    """
    if not isinstance(file, FileKind):
        raise ConfigError(
            f"export.formats.{name}: file_of must return a nas.export.format.FileKind or None, "
            f"but returned {type(file).__name__}"
        )
    if file.name in ("", ".", "..") or Path(file.name).name != file.name or "\\" in file.name:
        raise ConfigError(
            f"export.formats.{name} makes '{file.name}', which is no name of a file; give a name "
            "without folders"
        )
