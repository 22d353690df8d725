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
        latency_low_ms: lower quartile of those times.
        latency_high_ms: upper quartile of those times.
        latency_32_ms: median time of 32 images at once.
        latency_32_low_ms: lower quartile of those times.
        latency_32_high_ms: upper quartile of those times.
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


def drawbacks(rows: Sequence[ArtefactRow], *, with_folders: bool = False) -> list[str]:
    """Return a sentence for each file that should save bytes or time over its floats and does not.

    A file is compared with that of the floats in the same runtime. It is slower where its lower
    quartile lies above their upper one.

    Args:
        rows: files, refused ones among them.
        with_folders: name files by their paths below the `finish` folder.
    """
    by_place: dict[tuple[str, str], ArtefactRow] = {
        (str(Path(row.file).parent), row.format): row for row in rows if not row.refused
    }
    found = []
    for (place, kind), row in by_place.items():
        runtime, _, rest = kind.partition(" ")
        floats = by_place.get((place, runtime))
        if rest and floats is not None:
            found += _drawbacks_of(row, floats, with_folders=with_folders)
    return found


def _drawbacks_of(row: ArtefactRow, floats: ArtefactRow, *, with_folders: bool) -> list[str]:
    name = row.file if with_folders else Path(row.file).name
    other = Path(floats.file).name
    faults = []
    if row.size_bytes >= floats.size_bytes:
        word = "larger" if row.size_bytes > floats.size_bytes else "no smaller"
        faults.append(f"{word} ({row.size_bytes:,} against {floats.size_bytes:,} bytes)")
    if row.latency_low_ms > floats.latency_high_ms:
        times = f"{row.latency_ms:.3f} against {floats.latency_ms:.3f} ms for one example"
        faults.append(f"slower on this machine ({times})")
    if not faults:
        return []
    return [f"`{name}` is {' and '.join(faults)} than `{other}`, the same network in floats."]


def write_artefacts(path: Path, rows: Sequence[ArtefactRow]) -> None:
    """Write the rows, whole or not at all."""
    write_rows(path, rows, kind=ArtefactRow)


def read_artefacts(path: Path) -> list[ArtefactRow]:
    """Read what `write_artefacts` wrote.

    Raises:
        RunFolderError: there is no such file.
    """
    return read_rows(path, kind=ArtefactRow, made_by=f"nas finish run={path.parents[1]}")
