"""At the end of a search: what its sampler believes of the results, for who chooses winners."""

from pathlib import Path

from nas.record.beliefs import read_beliefs, write_beliefs
from nas.study.study import SearchStudy
from nas.trial import TrialState


def keep_beliefs(study: SearchStudy, path: Path) -> None:
    """Write them, unless the file is of the same results: a model takes seconds to be made.

    Args:
        study: of the search, which has ended or was interrupted.
        path: the file.
    """
    complete = [r for r in study.records if r.state is TrialState.COMPLETE]
    if not read_beliefs(path, complete):
        write_beliefs(path, study.records, study.beliefs())
