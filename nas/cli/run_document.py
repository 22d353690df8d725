"""A run, a trial and a choice as plain values, for `output=json`. docs/json.md describes them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from nas.cli.finished_trial import (
    content_of_files_within,
    finished_trial,
    folder_of_files,
)
from nas.cli.missing import resume_command
from nas.cli.run_view import RunView
from nas.finish.which import Which
from nas.metric import describe_metric
from nas.objective import Constraint
from nas.record.artefacts import ArtefactRow
from nas.record.winners import read_winners
from nas.report.neighbours import Neighbour, neighbours_of
from nas.trial import TrialRecord, trainings


def run_content(view: RunView) -> dict[str, Any]:
    """Return a run: what it was after, its trials by state, its front, its files."""
    winners = view.folder.finish_dir / "winners.csv"
    states = Counter(view.state_of(record) for record in trainings(view.records))
    return {
        **_place(view),
        "objectives": [
            {
                "metric": objective.metric,
                "direction": objective.direction.value,
                "unit": describe_metric(objective.metric).unit,
                "known_before_training": objective.is_static,
            }
            for objective in view.objectives
        ],
        "trials": dict(states),
        "front": [member_content(view, record) for record in view.front],
        "knee": None if view.knee is None else view.knee.number,
        "references": [asdict(reference) for reference in view.references],
        "finished": [asdict(row) for row in read_winners(winners)] if winners.is_file() else [],
        "files": {
            name: str(path)
            for name, path in (
                ("report", view.folder.report_html),
                ("front", view.folder.front_csv),
                ("trials", view.folder.trials_csv),
                ("log", view.folder.log_txt),
            )
            if path.is_file()
        },
        "resume": resume_command(view.folder),
    }


def trial_content(view: RunView, record: TrialRecord) -> dict[str, Any]:
    """Return a trial and its neighbours on the front."""
    is_member = record in view.front
    beside = neighbours_of(record, view.front, view.objectives) if is_member else []
    return {
        **_place(view),
        "trial": {
            **member_content(view, record),
            "state": view.state_of(record),
            "seconds": record.seconds,
            "share_of_training": record.budget,
            "failure": None if record.failure is None else record.failure.message,
        },
        "on_front": is_member,
        "neighbours": neighbours_content(view, beside),
        "finished": finished_content(view, record),
    }


def pick_content(
    view: RunView,
    record: TrialRecord,
    *,
    why: str,
    beside: Sequence[Neighbour],
    command: str,
    limits: Sequence[Constraint] = (),
    way: Which = Which.AUTO,
) -> dict[str, Any]:
    """Return a choice; no command that finishes it where that was done, or it is of a table."""
    finished = finished_content(view, record)
    is_done = finished is not None or folder_of_files(view.folder, record) is not None
    needs_finish = view.has_networks and not is_done
    return {
        **_place(view),
        "trial": member_content(view, record),
        "why": why,
        "on_front": record in view.front,
        "neighbours": neighbours_content(view, beside),
        "finish": command if needs_finish else None,
        "finished": finished,
        "files_within_limits": content_of_files_within(view.folder, limits, way),
    }


def finish_content(view: RunView, *, files: Sequence[ArtefactRow]) -> dict[str, Any]:
    """Return what `nas finish` found out: tests, and files."""
    winners = view.folder.finish_dir / "winners.csv"
    return {
        **_place(view),
        "folder": str(view.folder.finish_dir),
        "finished": [asdict(row) for row in read_winners(winners)] if winners.is_file() else [],
        "files": [asdict(row) for row in files],
    }


def finished_content(view: RunView, record: TrialRecord) -> dict[str, Any] | None:
    """Return what `nas finish` found out about a trial; None where it did not take it."""
    found = finished_trial(view.folder, record)
    return None if found is None else found.content()


def member_content(view: RunView, record: TrialRecord) -> dict[str, Any]:
    """Return a network: its number, what was measured, its architecture, its weights."""
    return {
        "number": record.number,
        "metrics": dict(record.metrics),
        "architecture": dict(record.architecture.items()),
        "architecture_id": record.architecture.id,
        "parent": record.parent,
        "variant": record.variant,
        "weights": view.weights_of(record),
    }


def neighbours_content(view: RunView, beside: Sequence[Neighbour]) -> list[Mapping[str, Any]]:
    """Return the neighbours of a trial, with what changes if one is taken instead."""
    return [
        {
            **member_content(view, neighbour.record),
            "is_larger": neighbour.is_larger,
            "change": neighbour.told,
        }
        for neighbour in beside
    ]


def _place(view: RunView) -> dict[str, str]:
    return {"name": view.folder.name, "path": str(view.folder.path)}
