"""A run as an object: its trials, its front, its networks."""

import math
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.config.units import unit_of
from nas.errors import ConfigError, RunFolderError, nearest_first
from nas.metric import Direction, is_share
from nas.objective import Objective, objective_for
from nas.record.run_folder import RunFolder
from nas.trial import TrialRecord

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure
    from torch import nn


class Run:
    """A search on disk, finished or not. It reads what is in the folder when it is first asked.

    Args:
        path: the run folder.

    Raises:
        RunFolderError: there is no run.
    """

    def __init__(self, path: Path | str) -> None:
        self._folder = RunFolder.open(Path(path))

    @property
    def path(self) -> Path:
        """The run folder."""
        return self._folder.path

    @property
    def name(self) -> str:
        """The name of the run."""
        return self._folder.name

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """What the search makes better."""
        from nas.config.recorded import recorded_objectives

        return recorded_objectives(self._folder)

    @cached_property
    def trials(self) -> list[TrialRecord]:
        """All trials, by number."""
        from nas.study.journal import load_records

        return sorted(load_records(self._folder.study_journal), key=lambda trial: trial.number)

    @cached_property
    def front(self) -> list[TrialRecord]:
        """The trials that no other one beats, smallest first."""
        from nas.report.front import front_records

        return front_records(self.trials, self.objectives)

    @property
    def knee(self) -> TrialRecord | None:
        """The member of the front where more size stops paying; None for an empty front.

        As on the command line, one that a trivial model beats, or that breaks a limit, is passed
        over where another one is there.
        """
        from nas.cli.run_view import RunView
        from nas.report.front import knee_record

        floors = RunView.open(str(self.path)).floors
        return knee_record(self.front, self.objectives, floors=floors)

    def best(self, **limits: float | str) -> TrialRecord:
        """Return the member of the front that is best in the first measured objective.

        Args:
            **limits: the worst that is allowed of a metric: the most where less is better
                (`size_bytes=500_000`), the least where more is (`accuracy=0.9`). With a limit of
                accuracy alone, the smallest network that reaches it. With units as on the command
                line: `size_bytes="500kB"`, `accuracy="90%"`.

        Raises:
            ConfigError: no trial has such a metric, a limit is no number or one that nothing can
                have, or no member of the front keeps the limits.
        """
        if not self.front:
            raise ConfigError(f"{self.name} has no front: no trial of it was trained in full")
        bounds = {name: _number(name, limit) for name, limit in limits.items()}
        within = [trial for trial in self.front if self._keeps(trial, bounds)]
        if not within:
            told = ", ".join(f"{name}={limit:g}" for name, limit in bounds.items())
            raise ConfigError(
                f"no member of the front of {self.name} keeps {told}; "
                f"its {len(self.front)} members stand in run.front"
            )
        is_least = [self._objective(name).direction is Direction.MAXIMIZE for name in limits]
        if limits and all(is_least):
            return within[0]
        return min(within, key=self._measured_loss)

    def to_frame(self, *, front_only: bool = False) -> "pandas.DataFrame":
        """Return the trials as a table of pandas: a row each, as in trials.csv.

        Args:
            front_only: the members of the front alone, smallest first.

        Raises:
            ConfigError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise ConfigError("to_frame needs pandas; pip install pandas") from error
        trials = self.front if front_only else self.trials
        rows = [
            {
                "number": trial.number,
                "state": trial.state.value,
                "architecture_id": trial.architecture.id,
                **trial.metrics,
                **{f"param.{name}": value for name, value in trial.architecture.items()},
            }
            for trial in trials
        ]
        return pandas.DataFrame(rows)

    def plot_front(self) -> "Figure":
        """Return the picture of the front, as in front.png; notebooks show it."""
        from nas.report.plots import plot_front

        return plot_front(self.trials, objectives=self.objectives, name=self.name)

    def load(self, trial: TrialRecord | int) -> "nn.Module":
        """Return the trained network of a member of the front, in evaluation mode.

        It is called with a batch (B, C, H, W) of images as the data set gives them, made to
        floats and normalised as in training.

        Raises:
            RunFolderError: the run keeps no weights of that trial, or they are damaged.
        """
        from nas.api.networks import load_network

        number = trial if isinstance(trial, int) else trial.number
        kept = [other.number for other in self.front]
        if number not in kept:
            raise RunFolderError(
                f"a run keeps the networks of its front alone, and trial {number} of {self.name} "
                f"is not on it; on it are {', '.join(map(str, kept)) or 'none'}"
            )
        return load_network(self._folder, number)

    def finish(self, *overrides: str, **settings: Any) -> "Run":
        """Retrain, shrink, export and test the winners, as `nas finish` does.

        Args:
            *overrides: as on the command line: `"pick.size_bytes.max=100000"`.
            **settings: the same by keyword: `seeds=5`, `training={"epochs": 40}`.

        Returns:
            This run; its files are in `path / "finish"`.

        Raises:
            NasError: the run cannot be finished, or a setting is wrong.
        """
        from nas.api.words import as_words
        from nas.cli.finish import run as run_finish

        run_finish([*as_words([], {"run": self.path}), *as_words(overrides, settings)])
        return self

    def resume(self, *overrides: str, **settings: Any) -> "Run":
        """Go on with the search, with the settings it was begun with.

        Raises:
            NasError: another process searches in this folder, or a setting may not change.
        """
        from nas.api.search import search

        place: dict[str, Any] = {"run_folder": self.path, "resume": True}
        given = [*(word.partition("=")[0].lstrip("+~") for word in overrides), *settings]
        if fixed := [key for key in given if key in place]:
            raise ConfigError(
                f"{fixed[0]} cannot be given: a run goes on where it is, {self.path}"
            )
        return search(*overrides, **settings, **place)

    def __repr__(self) -> str:
        """Return where the run is, and what it holds."""
        return f"Run('{self.path}': {len(self.trials)} trials, {len(self.front)} on the front)"

    def _repr_html_(self) -> str:
        """Return the front as a table, which notebooks show."""
        from nas.api.notebook import front_as_html

        return front_as_html(self.front, objectives=self.objectives, title=repr(self))

    def _keeps(self, trial: TrialRecord, limits: dict[str, float]) -> bool:
        wishes = ((self._objective(name), limit) for name, limit in limits.items())
        return all(
            wish.loss(trial.metrics.get(wish.metric, math.nan)) <= wish.loss(limit)
            for wish, limit in wishes
        )

    def _objective(self, name: str) -> Objective:
        measured = {metric for trial in self.front for metric in trial.metrics}
        if name not in measured:
            known = nearest_first(name, sorted(measured))
            raise ConfigError(
                f"no trial of {self.name} has a metric '{name}'; known, nearest first: {known}"
            )
        own = {objective.metric: objective for objective in self.objectives}
        return own[name] if name in own else objective_for(name)

    def _measured_loss(self, trial: TrialRecord) -> float:
        objectives = self.objectives
        leading = next((o for o in objectives if not o.is_static), objectives[0])
        return leading.loss(trial.metrics[leading.metric])


def _number(name: str, limit: float | str) -> float:
    """Return a limit as a number, in the unit of its metric.

    Raises:
        ConfigError: it is none, or a share that is none.
    """
    unit = unit_of(name)
    found: float | None = None
    if isinstance(limit, int | float) and not isinstance(limit, bool):
        found = float(limit)
    elif unit is not None and isinstance(limit, str):
        found = unit.read(limit)
    if found is None or math.isnan(found):
        told = f" ({unit.words})" if unit is not None else ""
        raise ConfigError(f"{name} must be a number{told}, but got {limit!r}")
    if is_share(name) and not 0 <= found <= 1:
        raise ConfigError(f"{name} must be a share from 0 to 1, or as 60%, but got {limit!r}")
    return float(found)


def open_run(path: Path | str) -> Run:
    """Return a run on disk.

    Args:
        path: its folder, such as `runs/a`.

    Raises:
        RunFolderError: there is no run.
    """
    return Run(path)
