"""What a search and a finish tell to a tracker; without one, nothing is done."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nas.assemble.tracking import make_tracker
from nas.config.schema import Tracking
from nas.engine.view import Progress, SearchPlan, View
from nas.objective import Objective
from nas.record.artefacts import read_artefacts
from nas.record.run_folder import RunFolder
from nas.record.winners import read_winners
from nas.secrets import masked_setting
from nas.tracking.background import Background
from nas.tracking.tracker import TrackedRun, Tracker, flat, id_of, keep_id
from nas.trial import TrialRecord, TrialState

_OF_A_SEARCH = (
    "config.yaml",
    "environment.json",
    "front.csv",
    "trials.csv",
    "front.png",
    "report.html",
)
_OF_A_FINISH = ("winners.csv", "artefacts.csv", "finish.png", "files.png")


class Tracked:
    """A view that passes everything on to another, and tells a tracker of each trial.

    Args:
        view: watches as well.
        tracker: is told.
        objectives: whose best values are told too.
    """

    def __init__(self, view: View, tracker: Background, objectives: Sequence[Objective]) -> None:
        self._view, self._tracker = view, tracker
        self._objectives = tuple(objectives)

    def start(self, plan: SearchPlan) -> None:
        """Pass it on."""
        self._view.start(plan)

    def trial_finished(self, record: TrialRecord, progress: Progress) -> None:
        """Tell the numbers of the trial, and how the front stands."""
        if record.state is not TrialState.FAILED:
            self._tracker.numbers(
                {**record.metrics, "seconds": record.seconds}, step=record.number
            )
        done = {f"best_{name}": value for name, value in self._best(progress.front).items()}
        done |= {"front_size": len(progress.front), "num_failed": progress.num_failed}
        self._tracker.numbers(done, step=progress.num_done)
        self._view.trial_finished(record, progress)

    def rung_reached(self, record: TrialRecord, progress: Progress) -> None:
        """Pass it on."""
        self._view.rung_reached(record, progress)

    def tick(self, progress: Progress) -> None:
        """Pass it on."""
        self._view.tick(progress)

    def message(self, text: str) -> None:
        """Pass it on."""
        self._view.message(text)

    def close(self) -> None:
        """Pass it on."""
        self._view.close()

    def _best(self, front: Sequence[TrialRecord]) -> dict[str, float]:
        return {
            o.metric: min((r.metrics[o.metric] for r in front), key=o.loss)
            for o in self._objectives
            if front
        }


class Tracks:
    """The tracker of a command, or none.

    Args:
        config: which one.

    Raises:
        MissingPackageError: its package is not installed.
    """

    def __init__(self, config: Tracking) -> None:
        self._kind = config.kind.value
        self._tracker: Tracker | None = make_tracker(config)
        self._background: Background | None = None

    @contextmanager
    def following(
        self, folder: RunFolder, values: Mapping[str, Any], say: Callable[[str], None]
    ) -> Iterator[None]:
        """Track a run as long as the block runs; afterwards everything is handed on."""
        if self._tracker is None:
            yield
            return
        self._background = Background(self._tracker, say)
        settings = dict(flat(masked_setting(dict(values))))
        run = TrackedRun(folder.name, folder.path, settings, id_of(folder.path, self._kind))
        self._background.start(run, lambda known: keep_id(folder.path, self._kind, known))
        is_failed = True
        try:
            yield
            is_failed = False
        finally:
            self._background.close(is_failed=is_failed)

    def watching(self, view: View, objectives: Sequence[Objective]) -> View:
        """Return a view that tells the tracker of each trial."""
        tracker = self._background
        return view if tracker is None else Tracked(view, tracker, objectives)

    def searched(self, folder: RunFolder) -> None:
        """Hand on the files of a search, with the front."""
        self._hand_on((folder.path / name, name) for name in _OF_A_SEARCH)

    def finished(self, folder: RunFolder) -> None:
        """Hand on what a finish found: its tables, its pictures, the winners' files."""
        if self._background is None:
            return
        self.searched(folder)  # the run may not have been tracked while it searched
        place = folder.finish_dir
        winners = place / "winners.csv"
        for row in read_winners(winners) if winners.is_file() else ():
            if not row.is_baseline:
                values = {f"test_{row.metric}": row.test_mean, "test_std": row.test_std}
                self._background.numbers(values, step=row.trial)
        self._hand_on((place / name, f"finish/{name}") for name in _OF_A_FINISH)
        made = place / "artefacts.csv"
        rows = read_artefacts(made) if made.is_file() else []
        for own in sorted({(place / row.file).parent for row in rows}):
            files = (path for path in sorted(own.iterdir()) if path.is_file())
            self._hand_on((path, f"finish/{path.relative_to(place)}") for path in files)

    def _hand_on(self, files: Iterator[tuple[Path, str]]) -> None:
        for path, name in files:
            if self._background is not None and path.is_file():
                self._background.file(path, name)
