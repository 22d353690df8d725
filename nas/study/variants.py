"""The records of a training's compressed variants: trials of their own, linked to their parent.

They stand in the record and on the front like any trial. The working study never hears of them:
they are no points that a sampler could have asked for, and would be second results of an
architecture that it has seen.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from nas.objective import Objective, losses
from nas.trial import Failure, FailureKind, TrialRecord, TrialResult, TrialState, Variant


def records_of_variants(
    parent: TrialRecord,
    result: TrialResult,
    objectives: Sequence[Objective],
    *,
    first_number: int,
    earlier: Iterable[TrialRecord] = (),
) -> list[TrialRecord]:
    """Return the records of a training's variants, numbered from `first_number` on.

    Args:
        parent: the training, ended.
        result: of that training; one that did not complete has no variants.
        objectives: what each must have a value of.
        first_number: the next free number.
        earlier: what is on record: a driver may have been killed after it wrote variants and
            before it wrote the parent's end, and the training was done again.
    """
    if parent.state is not TrialState.COMPLETE:
        return []
    known = {record.variant for record in earlier if record.parent == parent.number}
    fresh = [variant for variant in result.variants if variant.name not in known]
    return [
        _record(parent, variant, objectives, first_number + index)
        for index, variant in enumerate(fresh)
    ]


def _record(
    parent: TrialRecord, variant: Variant, objectives: Sequence[Objective], number: int
) -> TrialRecord:
    metrics = {**variant.metrics, "seconds": variant.seconds}
    finite = {name: float(value) for name, value in metrics.items() if math.isfinite(value)}
    failure = variant.failure
    if failure is None and losses(objectives, finite) is None:
        absent = [o.metric for o in objectives if o.metric not in finite]
        failure = Failure(
            FailureKind.NONFINITE, f"no finite value of {', '.join(absent)} was measured"
        )
    return replace(
        parent,
        number=number,
        state=TrialState.COMPLETE if failure is None else TrialState.FAILED,
        metrics=finite,
        seconds=variant.seconds,
        failure=failure,
        sampler_notes={},
        parent=parent.number,
        variant=variant.name,
    )
