"""What `nas finish` found out, for the page: tests with error bars, files, and their sizes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nas.record.artefacts import ArtefactRow
from nas.record.winners import WinnerRow
from nas.report.confirmation import confirmation_table, optimism_line
from nas.report.page_parts import Cell, PageTable, Row, Section, TableSection
from nas.report.shipped import FILES_LEGEND, artefact_table, files_line, front_files
from nas.report.values import axis_title, format_value, scaled

_SIZES_LEAD = (
    "The sizes of one network. Stored tensors: the bytes of its weights, which the search counts. "
    "A file also holds the graph. An int8 file holds 8-bit weights and their scales."
)


@dataclass(frozen=True)
class WinnersSection(TableSection):
    """The table of the winners below a picture of them.

    Attributes:
        has_intervals: several retrainings of a winner tell how much they vary.
    """

    has_intervals: bool = True


def winners_section(winners: Sequence[WinnerRow]) -> Section | None:
    """Return picture and table of the retrained winners; None before `nas finish`."""
    if not winners:
        return None
    headings, *lines = confirmation_table(winners)
    rows = [Row([Cell(text) for text in line]) for line in lines]
    return WinnersSection(
        "winners.html",
        "Winners: retrained and tested",
        table=PageTable(headings, rows, "Winners, smallest first"),
        lead=optimism_line(winners),
        has_intervals=any(math.isfinite(row.confidence_low) for row in winners),
    )


def files_section(files: Sequence[ArtefactRow]) -> Section | None:
    """Return the table of all files that were made; None where there are none."""
    if not files:
        return None
    headings, *lines = artefact_table(files)
    rows = [
        Row([Cell(line[0], link=f"finish/{row.file}"), *map(Cell, line[1:])])
        for row, line in zip(files, lines, strict=True)
    ]
    return TableSection(
        "titled_table.html",
        "Files",
        table=PageTable(headings, rows, "Files of the winners"),
        lead=files_line(files),
        note=FILES_LEGEND,
    )


def sizes_section(winners: Sequence[WinnerRow], files: Sequence[ArtefactRow]) -> Section | None:
    """Return stored tensors, file and int8 file of each network side by side."""
    shipped = [row for row in files if not row.refused]
    formats = list(dict.fromkeys(row.format for row in shipped))
    stored = {row.name: row.size_bytes for row in winners}
    if not shipped:
        return None
    rows = []
    for name, variant in dict.fromkeys((row.name, row.variant) for row in shipped):
        own = {r.format: r.size_bytes for r in shipped if (r.name, r.variant) == (name, variant)}
        tensors = stored.get(name) if variant == "retrained" else None
        sizes = [tensors, *(own.get(kind) for kind in formats)]
        rows.append(Row([Cell(name), Cell(variant), *map(_size_cell, sizes)]))
    headings = ["network", "weights", "stored tensors", *(f"{kind} file" for kind in formats)]
    table = PageTable(headings, rows, "Sizes of each network")
    return TableSection("titled_table.html", "Sizes", table=table, lead=_SIZES_LEAD)


def _size_cell(size_bytes: float | None) -> Cell:
    known = None if size_bytes is None or math.isnan(size_bytes) else float(size_bytes)
    return Cell(format_value("size_bytes", known), known, is_number=True)


def finish_chart(
    winners: Sequence[WinnerRow], files: Sequence[ArtefactRow]
) -> dict[str, Any] | None:
    """Return what the picture of the winners draws; None before `nas finish`."""
    if not winners:
        return None
    metric = winners[0].metric
    best = {row.file for row in front_files(files)}
    return {
        "title": axis_title(metric).removeprefix("validation "),
        "metric": metric,
        "winners": [_winner(row) for row in winners],
        "files": [
            {
                "name": f"{row.name}, {row.variant}",
                "format": row.format,
                "size": row.size_bytes,
                "value": scaled(metric, row.test_value),
                "is_front": row.file in best,
            }
            for row in files
            if not row.refused and row.metric == metric and math.isfinite(row.test_value)
        ],
    }


def _winner(row: WinnerRow) -> dict[str, Any]:
    numbers = (row.search_value, row.test_mean, row.confidence_low, row.confidence_high)
    search, mean, low, high = (
        scaled(row.metric, value) if math.isfinite(value) else None for value in numbers
    )
    return {
        "name": row.name, "size": row.size_bytes, "search": search, "mean": mean, "low": low,
        "high": high, "is_baseline": row.is_baseline, "is_beaten": bool(row.beaten_by),
    }  # fmt: skip
