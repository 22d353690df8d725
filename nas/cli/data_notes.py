"""What is written and said of the data that a search trains on."""

import logging
from collections.abc import Callable

from nas.assemble.run_data import write_data
from nas.data.dataset import Dataset
from nas.data.fingerprint import Fingerprint
from nas.data.report import DataReport, report_data
from nas.data.text import TextData
from nas.record.run_folder import RunFolder

_LOG = logging.getLogger(__name__)
_MAX_LISTED = 12  # classes whose counts are shown


def note_data(
    folder: RunFolder,
    data: object,
    fingerprint: Fingerprint | None,
    *,
    say: Callable[[str], None] | None = None,
) -> None:
    """Write what a data set is, its splits and its normalisation; warn of what is doubtful.

    Args:
        folder: of the run.
        data: what a loader returned, or a table.
        fingerprint: of them; None for data of a kind that has none.
        say: takes the lines that are no warnings.
    """
    report = report_data(data) if isinstance(data, Dataset) else None
    write_data(folder, data, fingerprint, report=report)
    if isinstance(data, TextData):
        _note_text(data, say)
    if report is None or not isinstance(data, Dataset):
        return
    for line, is_doubtful in _lines(data, report):
        _LOG.log(logging.WARNING if is_doubtful else logging.INFO, "data: %s", line)
        if say is not None and not is_doubtful:  # warnings come to the terminal by themselves
            say(f"data: {line}")
    for line in data.skipped:
        _LOG.info("left out: %s", line)


def _note_text(data: TextData, say: Callable[[str], None] | None) -> None:
    for line in (data.summary(), f"split: {data.split_rule}", *data.notes):
        _LOG.info("data: %s", line)
        if say is not None:
            say(f"data: {line}")


def data_lines(data: Dataset, report: DataReport) -> list[str]:
    """Return what a data set is and what is doubtful of it, for people."""
    return [f"{'note: ' * doubtful}{line}" for line, doubtful in _lines(data, report)]


def _lines(data: Dataset, report: DataReport) -> list[tuple[str, bool]]:
    """Return lines, and whether each is a doubt: what the data are, doubts, then the rest."""
    doubts = [*data.findings.warnings(), *report.warnings()]
    facts = [*_counts(data, report), *data.findings.notes()]
    return [
        (_summary(data), False),
        *((line, True) for line in doubts),
        *((line, False) for line in facts),
    ]


def _summary(data: Dataset) -> str:
    channels, height, width = data.shape.input_shape
    sizes = ", ".join(f"{len(split):,} {word}" for word, split in data.splits().items())
    shape = f"{height}x{width} pixels, {channels} channel{'s' if channels > 1 else ''}"
    return f"{data.name}: {len(data.class_names)} classes, {shape}; {sizes}"


def _counts(data: Dataset, report: DataReport) -> list[str]:
    counts = report.class_counts["train"]
    if len(set(counts)) == 1 or len(counts) > _MAX_LISTED:
        return []
    named = zip(data.class_names, counts, strict=True)
    return ["training images: " + ", ".join(f"{name} {n:,}" for name, n in named)]
