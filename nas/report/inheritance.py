"""What must a reader know of trials that started from the weights of others?"""

from collections.abc import Sequence

from nas.report.values import counted
from nas.trial import TrialRecord, trainings


def inheritance_line(records: Sequence[TrialRecord], *, is_retrained: bool) -> str | None:
    """Return one sentence; None where every trial started from random weights.

    Args:
        records: all trials of a search.
        is_retrained: its winners were trained from scratch since.
    """
    trained = trainings(records)
    sliced = [r for r in trained if r.is_sliced]
    number, source = sum(r.has_inherited for r in trained), "the weights of another one"
    reason = "the order of the trials"
    if sliced:
        number, source, reason = len(sliced), "the weights of a supernet", "what that has learnt"
    if not number:
        return None
    what = f"{number} of {counted(len(trained), 'trial')} started from {source}"
    if is_retrained:
        return f"{what}; nas finish trained the winners from scratch."
    return (
        f"{what}, so accuracies depend on {reason} and the front is not confirmed: "
        "nas finish trains it from scratch."
    )
