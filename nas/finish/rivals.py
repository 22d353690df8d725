"""Networks that the search put behind winners of their size: would a long training, too?

Members of a front stand in the order of their sizes, in a search of any length. Whether its
trainings told good networks from others is seen beside networks of like size alone.
"""

from collections.abc import Sequence
from dataclasses import replace

from nas.finish.confirm import RetrainingPlan, Winner, candidate_of
from nas.finish.intervals import sampling_std
from nas.finish.ranking import are_alike
from nas.finish.task import FinishTask
from nas.trial import TrialRecord, TrialState, trainings

NUM_RIVALS = 3  # beside the smallest winner, the largest and one between
_MORE_THAN_NOISE = 2.0  # deviations of a share of the validation examples


def find_rivals(
    winners: Sequence[Winner], task: FinishTask, plan: RetrainingPlan
) -> tuple[list[Winner], RetrainingPlan]:
    """Return trials of like size as some winners, and how to train each once, as long as these.

    Of those that the search put behind a winner by more than the noise the best is taken. There
    are none where the winners train no longer than the search did.

    Args:
        winners: that are retrained.
        task: what to finish.
        plan: of the winners.
    """
    if task.search_epochs is None or plan.longest <= task.search_epochs:
        return [], plan
    taken = {winner.architecture.id for winner in winners}
    rivals, epochs = list[Winner](), dict(plan.epochs)
    for winner in _spread(winners):
        found = _rival(winner, task, taken)
        if found is None:
            continue
        rivals.append(
            replace(candidate_of(found), name=f"trial {found.number}, beside {winner.name}")
        )
        taken.add(found.architecture.id)
        length = plan.epochs.get(winner.architecture.id, plan.recipe.epochs)
        epochs[found.architecture.id] = length
    return rivals, replace(plan, num_seeds=1, epochs=epochs)


def _spread(winners: Sequence[Winner]) -> list[Winner]:
    """Return the smallest of the trials among the winners, the largest, and one between."""
    ordered = sorted((w for w in winners if w.record is not None), key=lambda w: _size(w.record))
    last = len(ordered) - 1
    places = {round(i * last / (NUM_RIVALS - 1)) for i in range(NUM_RIVALS)} if ordered else set()
    return [ordered[place] for place in sorted(places)]


def _rival(winner: Winner, task: FinishTask, taken: set[str]) -> TrialRecord | None:
    """Return the best trial of like size that is surely behind in the search, or None."""
    assert winner.record is not None, "only trials have rivals"
    judged, number = task.winner_metric, len(task.dataset.validation)
    value = winner.record.metrics.get(judged.metric)
    if value is None:
        return None
    noise = sampling_std(value, num_examples=number) if judged.is_share else 0.0
    behind = [
        (judged.gain(value, record.metrics[judged.metric]), record.number, record)
        for record in trainings(task.records)
        if record.state is TrialState.COMPLETE
        and record.architecture.id not in taken
        and judged.metric in record.metrics
        and are_alike(_size(record), _size(winner.record))
    ]
    surely = [found for found in behind if found[0] > _MORE_THAN_NOISE * noise]
    return min(surely)[2] if surely else None


def _size(record: TrialRecord | None) -> float:
    return 0.0 if record is None else record.metrics["size_bytes"]
