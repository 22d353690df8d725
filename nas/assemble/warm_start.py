"""Earlier runs that tell a sampler what to expect: folders in the configuration, their results."""

from collections.abc import Sequence
from pathlib import Path

from nas.errors import ConfigError, SpaceError
from nas.frontier.warm_start import Results, results_of
from nas.objective import Objective
from nas.record.run_folder import RunFolder
from nas.space.space import SearchSpace
from nas.study.journal import load_records
from nas.trial import TrialState, trainings


def earlier_results(
    folders: Sequence[str], *, space: SearchSpace, objectives: Sequence[Objective]
) -> list[Results]:
    """Return what earlier runs found out.

    Args:
        folders: of the runs.
        space: what is searched.
        objectives: of the search; the first that training tells is what a run must have measured.

    Raises:
        ConfigError: a run has no results for this search.
        RunFolderError: a folder holds no run.
    """
    metric = next((o.metric for o in objectives if not o.is_static), "")
    return [_results(Path(path), metric, space) for path in folders]


def _results(path: Path, metric: str, space: SearchSpace) -> Results:
    records = trainings(load_records(RunFolder.open(path).study_journal))
    full = [record for record in records if record.state is TrialState.COMPLETE]
    results = [(r.architecture, r.metrics[metric]) for r in full if metric in r.metrics]
    if full and not results:
        raise ConfigError(f"warm_start: {path} did not measure {metric}")
    try:
        results_of(space, results)
    except SpaceError as error:
        raise ConfigError(f"warm_start: {path}: {error}") from error
    return results
