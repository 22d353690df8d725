"""The records of a training's compressed variants: trials of their own, linked to their parent.

They stand in the record and on the front like any trial. The working study never hears of them:
they are no points that a sampler could have asked for, and would be second results of an
architecture that it has seen.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

from nas.objective import Objective, losses
from nas.trial import Failure, FailureKind, TrialRecord, TrialState, Variant


def records_of_variants(
    parent: TrialRecord,
    variants: Sequence[Variant],
    *,
    objectives: Sequence[Objective],
    first_number: int,
    known: Collection[str] = (),
) -> list[TrialRecord]:
    """Return the records of a training's variants, numbered from `first_number` on.

    Args:
        parent: the training, ended.
        variants: the compressed networks that were made from its network.
        objectives: what each must have a value of.
        first_number: the next free number.
        known: variants that are on record: a driver was killed after it wrote them and before it
            wrote the parent's end, and the training was done again.
    """
    fresh = [variant for variant in variants if variant.name not in known]
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
