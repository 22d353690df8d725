"""What is written and said of the data that a search trains on."""

import logging

from nas.config.run_data import write_data
from nas.data.dataset import Dataset
from nas.data.fingerprint import Fingerprint
from nas.data.report import DataReport, report_data
from nas.record.run_folder import RunFolder

_LOG = logging.getLogger(__name__)
_MAX_LISTED = 12  # classes whose counts are shown


def note_data(folder: RunFolder, data: object, fingerprint: Fingerprint | None) -> None:
    """Write what a data set is, its splits and its normalisation; warn of what is doubtful.

    Args:
        folder: of the run.
        data: what a loader returned, or a table.
        fingerprint: of them; None for data of a kind that has none.
    """
    report = report_data(data) if isinstance(data, Dataset) else None
    write_data(folder, data, fingerprint, report=report)
    if report is None or not isinstance(data, Dataset):
        return
    for line in report.warnings():
        _LOG.warning("data: %s", line)
    for line in data.skipped:
        _LOG.info("left out: %s", line)


def data_lines(data: Dataset, report: DataReport) -> list[str]:
    """Return what a data set is, for people."""
    channels, height, width = data.shape.input_shape
    sizes = ", ".join(f"{len(split):,} {word}" for word, split in data.splits().items())
    shape = f"{height}x{width} pixels, {channels} channel{'s' if channels > 1 else ''}"
    lines = [f"{data.name}: {len(data.class_names)} classes, {shape}; {sizes}"]
    counts = report.class_counts["train"]
    if len(set(counts)) > 1 and len(counts) <= _MAX_LISTED:
        named = zip(data.class_names, counts, strict=True)
        lines.append("training images: " + ", ".join(f"{name} {n:,}" for name, n in named))
    return lines + [f"note: {line}" for line in report.warnings()]
