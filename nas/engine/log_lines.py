"""What a search says in its log and to its view: one line for each trial, and why it ends."""

from collections.abc import Sequence

from nas.objective import Objective
from nas.study.proposals import SpaceExhausted
from nas.trial import TrialRecord


def trial_line(record: TrialRecord, objectives: Sequence[Objective]) -> str:
    """Return number, state, objectives and time of a trial that ended."""
    values = " ".join(
        f"{o.metric}={record.metrics.get(o.metric, float('nan')):g}" for o in objectives
    )
    why = f" {record.failure.kind}: {record.failure.message}" if record.failure else ""
    state = record.state.value
    origin = record.origin and f" ({record.origin.removesuffix(': ')})"
    return f"trial {record.number}{origin} {state} {values}{why} in {record.seconds:.1f} s"


def rung_line(record: TrialRecord, objectives: Sequence[Objective]) -> str:
    """Return number, share, objectives and time of a trial that waits at a rung."""
    rung = record.rungs[-1]
    values = " ".join(
        f"{o.metric}={rung.metrics.get(o.metric, float('nan')):g}" for o in objectives
    )
    return f"trial {record.number} at {rung.budget:g} {values} in {rung.seconds:.1f} s"


def exhausted_line(end: SpaceExhausted, *, num_trials: int) -> str:
    """Return why no further trial is proposed."""
    if end.is_proven:
        return (
            f"all {num_trials} architectures that the space and its constraints allow are "
            "known: the search is complete"
        )
    return (
        f"after {num_trials} trials a long search found no further architecture that keeps the "
        "constraints: the search ends"
    )
