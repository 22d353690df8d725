"""`nas show runs`: which runs lie in a folder, and how each stands?"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas.cli.finished_trial import tested_records
from nas.cli.run_view import RunView
from nas.errors import NasError
from nas.record.run_folder import RunFolder
from nas.report.front import front_records
from nas.report.values import counted, format_value
from nas.trial import TrialRecord, TrialState, trainings


def runs_in(place: Path) -> list[Path]:
    """Return the folders in a folder that hold a run, the newest first."""
    if not place.is_dir() or RunFolder(place.absolute()).holds_run():
        return []
    found = [p for p in place.iterdir() if p.is_dir() and RunFolder(p.absolute()).holds_run()]
    return sorted(found, key=_when, reverse=True)


def run_row(path: Path) -> dict[str, Any]:
    """Return how a run stands, as plain values; `error` says why where it cannot be read."""
    try:
        view = RunView.open(str(path))
        trained = [r for r in trainings(view.records) if r.state is TrialState.COMPLETE]
        tested = tested_records(view.folder, view.records, view.objectives)
    except NasError as error:
        return {"name": path.name, "path": str(path), "error": str(error)}
    best = view.front[-1] if view.front else None
    tested = front_records(tested, view.objectives)
    return {
        "name": path.name,
        "path": str(path),
        "trials": len(trained),
        "failed": sum(r.state is TrialState.FAILED for r in trainings(view.records)),
        "front": len(view.front),
        "largest": {} if best is None else _values(best, view),
        "largest_tested": _values(tested[-1], view) if tested else {},
        "finished": (view.folder.finish_dir / "winners.csv").is_file(),
        "searches_now": view.is_searched_now,
    }  # fmt: skip


def run_lines(rows: list[dict[str, Any]]) -> list[str]:
    """Return a line for each run."""
    width = max(len(row["name"]) for row in rows)
    return [f"  {row['name']:<{width}}  {_told(row)}" for row in rows]


def _told(row: dict[str, Any]) -> str:
    if "error" in row:
        return f"cannot be read: {row['error'].splitlines()[0]}"
    words = [counted(row["trials"], "trial")]
    words += [f"{row['failed']:,} failed"] if row["failed"] else []
    words += [f"{row['front']} on the front"]
    words += [f"the largest {_texts(row['largest'])}"] if row["largest"] else []
    if row["largest_tested"]:
        words += [f"finished, the largest in the test {_texts(row['largest_tested'])}"]
    elif row["finished"]:
        words += ["finished"]
    words += ["a search is at work"] if row["searches_now"] else []
    return ", ".join(words)


def _values(record: TrialRecord, view: RunView) -> dict[str, float | None]:
    return {o.metric: record.metrics.get(o.metric) for o in view.objectives}


def _texts(values: Mapping[str, float | None]) -> str:
    return ", ".join(format_value(name, value) for name, value in values.items())


def _when(path: Path) -> float:
    return max(p.stat().st_mtime for p in (path, path / "study.journal") if p.exists())
