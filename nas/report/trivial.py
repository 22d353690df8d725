"""Is any network better than a trivial model? Where none is, its accuracy is no use to anybody."""

import math
from collections.abc import Sequence

from nas.record.references import TRIVIAL, Reference
from nas.report.values import format_value

_SUFFICES = 0.995  # accuracy of a trivial model, above which hardly anything is left to learn


def trivial_line(accuracies: Sequence[float], references: Sequence[Reference]) -> str:
    """Return a warning where no network is better than a trivial model; empty where one is.

    Args:
        accuracies: of networks, from 0 to 1; none where they are judged by something else.
        references: what they are compared with.
    """
    trivial = [r for r in references if r.kind == TRIVIAL and math.isfinite(r.accuracy)]
    known = [accuracy for accuracy in accuracies if math.isfinite(accuracy)]
    if not trivial or not known:
        return ""
    best = max(trivial, key=lambda reference: reference.accuracy)
    if max(known) > best.accuracy:
        return ""
    word = "This network is" if len(known) == 1 else "No network is"
    than = "no better" if len(known) == 1 else "better"
    accuracy = format_value("accuracy", best.accuracy)
    told = f"{word} {than} than a trivial model ({best.name}, {accuracy})"
    if best.accuracy >= _SUFFICES:
        return f"{told}, which is enough for these data."
    return (
        f"{told}: trainings were too short to learn more, or the data hold no more. Give more "
        "time, such as budget=10min, or an idler machine."
    )
