"""What would a little more or a little less give? The members of the front beside a trial."""

from collections.abc import Sequence
from dataclasses import dataclass

from nas.metric import Direction, is_share
from nas.objective import Objective
from nas.report.front import leading_objective
from nas.report.values import format_value, heading_of
from nas.trial import TrialRecord


@dataclass(frozen=True)
class Neighbour:
    """A member of the front beside a trial.

    Attributes:
        record: the member.
        is_larger: by the objective that orders the front, such as the size.
        told: what changes when it is taken instead, in words.
    """

    record: TrialRecord
    is_larger: bool
    told: str


def neighbours_of(
    record: TrialRecord, front: Sequence[TrialRecord], objectives: Sequence[Objective]
) -> list[Neighbour]:
    """Return the next smaller and the next larger member of the front, where there are any.

    The trial itself need not be on the front. Members that are equal to it in what orders the
    front are passed over.
    """
    lead = leading_objective(objectives)
    own = lead.loss(record.metrics[lead.metric])
    by_size = [(lead.loss(member.metrics[lead.metric]), member) for member in front]
    smaller = [pair for pair in by_size if pair[0] < own]
    larger = [pair for pair in by_size if pair[0] > own]
    found = []
    if smaller:
        found.append((max(smaller, key=lambda pair: pair[0])[1], False))
    if larger:
        found.append((min(larger, key=lambda pair: pair[0])[1], True))
    return [
        Neighbour(member, is_larger, change_words(record, member, objectives))
        for member, is_larger in found
    ]


def change_words(record: TrialRecord, other: TrialRecord, objectives: Sequence[Objective]) -> str:
    """Return what changes from one trial to another: the size first, then the other objectives."""
    lead = leading_objective(objectives)
    ordered = [lead, *(objective for objective in objectives if objective is not lead)]
    return ", ".join(
        _change(o, record.metrics.get(o.metric), other.metrics.get(o.metric)) for o in ordered
    )


def _change(objective: Objective, before: float | None, after: float | None) -> str:
    heading = heading_of(objective.metric)
    if before is None or after is None:
        return f"{heading} not known"
    difference = after - before
    if difference == 0:
        return f"the same {heading}"
    word = "more" if difference > 0 else "less"
    if is_share(objective.metric):
        amount = f"{abs(difference) * 100:.2f} points"
    else:
        amount = format_value(objective.metric, abs(difference))
    is_better = (difference > 0) == (objective.direction is Direction.MAXIMIZE)
    # Of a cost the direction is plain; of what was measured it is said which way is better.
    judged = "" if objective.is_static else f" ({'better' if is_better else 'worse'})"
    share = "" if is_share(objective.metric) or not before else f" ({difference / before:+.0%})"
    return f"{amount} {word} {heading}{judged or share}"
