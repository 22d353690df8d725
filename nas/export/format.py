"""What is asked of a file format? One class answers: which file it makes, how, and how it is run.

The formats that ship are in `nas.export.formats`, one module each, and `conf/finish.yaml` lists
them. A format of your own is a child of `Format` in a module of yours; its name on the command
line is `+export.formats.NAME._target_=my_formats.Mine` (docs/finish.md).
"""

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from nas.export.parity import FLOAT_TOLERANCE, Tolerance
from nas.export.peak_memory import MemoryProbe
from nas.export.shipped import Runner, ShippedNetwork


@dataclass(frozen=True)
class FileKind:
    """What a format makes of one network.

    Attributes:
        kind: its name in `artefacts.csv`, such as "onnx int8".
        name: of the file, without a folder.
        tolerance: how far the file's outputs may be from those of the torch model.
    """

    kind: str
    name: str
    tolerance: Tolerance = FLOAT_TOLERANCE


@runtime_checkable
class Format(Protocol):
    """Writes one file of a network, and runs it.

    A format with settings is a frozen dataclass: each field is a setting, and its value can be
    given in YAML or on the command line. What a method raises costs this one file only.

    Attributes:
        usage: a paragraph of the model card that says how to use the file; may be empty.
        probe: how a fresh process runs the file while its memory is measured; None: it is not
            measured.
    """

    usage: ClassVar[str] = ""
    probe: ClassVar[MemoryProbe | None] = None

    def check_packages(self) -> None:
        """Refuse to go on where the file cannot be made; called before anything is trained.

        Raises:
            MissingPackageError: a package or a program is missing.
        """
        return

    @abstractmethod
    def file_of(self, bits: int | None) -> FileKind | None:
        """Return what is made of a network; None: nothing.

        Args:
            bits: 8 or 4 where the network was trained with weights of so many bits; None for a
                network of floats.
        """

    @abstractmethod
    def write(self, network: ShippedNetwork, path: Path) -> None:
        """Write the file."""

    @abstractmethod
    def load(self, network: ShippedNetwork, path: Path) -> Runner:
        """Return a function that runs the file in its own runtime: inputs to outputs.

        Args:
            network: that the file was made of; its `num_threads` are those of the timing.
            path: of the file.
        """
