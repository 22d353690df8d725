"""`model_compiled.pt2`: machine code for this kind of processor, by torch's AOTInductor.

It needs a C++ compiler and takes about half a minute for each network.
"""

import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch

from nas.errors import MissingPackageError
from nas.export.format import FileKind, Format
from nas.export.shipped import Runner, ShippedNetwork, torch_runner
from nas.export.traced import traced

_COMPILERS = ("g++", "clang++", "c++")


@dataclass(frozen=True)
class AotInductor(Format):
    """Machine code, weights included."""

    def check_packages(self) -> None:
        """Refuse to go on where nothing can be compiled.

        Raises:
            MissingPackageError: there is no C++ compiler on the path.
        """
        if not any(map(shutil.which, _COMPILERS)):
            raise MissingPackageError(
                f"export.aot_inductor needs a C++ compiler, and none of {', '.join(_COMPILERS)} "
                "is on the path: install one, or leave it out by export.aot_inductor=false"
            )

    def file_of(self, bits: int | None) -> FileKind:
        """Return the same file for every network."""
        del bits
        return FileKind("AOTInductor", "model_compiled.pt2")

    def write(self, network: ShippedNetwork, path: Path) -> None:
        """Compile."""
        compile_ahead(network.once(traced), path)

    def load(self, network: ShippedNetwork, path: Path) -> Runner:
        """Return the compiled network; it runs with torch's own number of threads."""
        del network
        return compiled_runner(path)


def compile_ahead(exported: torch.export.ExportedProgram, path: Path) -> None:
    """Write machine code for this kind of processor into `path`, weights included."""
    from torch._inductor import aoti_compile_and_package

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        aoti_compile_and_package(exported, package_path=str(path))


def compiled_runner(path: Path) -> Runner:
    """Load what `compile_ahead` wrote."""
    from torch._inductor import aoti_load_package

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch_runner(aoti_load_package(str(path)))
