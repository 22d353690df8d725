"""artefacts.csv: every file that `nas finish` made of a winner, measured on the file itself.

Together the rows are one front over (architecture x compression): bytes of the shipped file
against accuracy on the test split.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.record.rows import read_rows, write_rows


@dataclass(frozen=True)
class ArtefactRow:
    """One file. NaN where a number was not measured.

    Attributes:
        name: of the winner, such as "trial 12".
        variant: how its weights came about: "retrained", "distilled", "pruned 0.50".
        format: "onnx", "onnx int8", "torch.export", "safetensors".
        file: its path below the `finish` folder.
        size_bytes: of the file.
        num_params: trained numbers of the network.
        metric: what is judged: "accuracy", or what a task of the user's measures.
        test_value: on the test split, by the file.
        torch_value: of the torch model that it was made of, of the same weights.
        max_difference: greatest difference of an output to the torch model, test split.
        agreement: share of test examples with the same class as the torch model says; NaN where
            there are no classes.
        latency_ms: median time of one image.
        latency_low_ms: lower quartile of it.
        latency_high_ms: upper quartile of it.
        latency_32_ms: median time of 32 images at once.
        latency_32_low_ms: lower quartile of it.
        latency_32_high_ms: upper quartile of it.
        num_threads: CPU threads that the times were taken with.
        peak_memory_bytes: of a fresh process, by loading the file and running one image.
        refused: why it must not be shipped; empty if it may.
    """

    name: str
    variant: str
    format: str
    file: str
    size_bytes: int
    num_params: int
    metric: str
    test_value: float
    torch_value: float
    max_difference: float
    agreement: float
    latency_ms: float
    latency_low_ms: float
    latency_high_ms: float
    latency_32_ms: float
    latency_32_low_ms: float
    latency_32_high_ms: float
    num_threads: int
    peak_memory_bytes: float
    refused: str


def write_artefacts(path: Path, rows: Sequence[ArtefactRow]) -> None:
    """Write the rows, whole or not at all."""
    write_rows(path, rows, kind=ArtefactRow)


def read_artefacts(path: Path) -> list[ArtefactRow]:
    """Read what `write_artefacts` wrote.

    Raises:
        RunFolderError: there is no such file.
    """
    return read_rows(path, kind=ArtefactRow, made_by=f"nas finish run={path.parents[1]}")
