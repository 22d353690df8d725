"""Which parameters matter, and what do the front's members share?"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from nas.architecture import Architecture, Value
from nas.objective import Objective
from nas.report.front import comparable_records
from nas.report.page_parts import Section
from nas.report.values import heading_of
from nas.study.importance import FEWEST_TRIALS, parameter_importances
from nas.trial import TrialRecord, trainings

_MOST_BARS = 10  # parameters, and traits, that are shown
_MOST_OPTIONS = 12  # values of a parameter that are counted one by one
_LEAST_DIFFERENCE = 0.15  # between the front and all trials, for a trait to be shown
_FEWEST_MEMBERS = 3


@dataclass(frozen=True)
class Bar:
    """A line of a bar chart: its words, its length as a share of the whole, what is written."""

    label: str
    share: float
    text: str


@dataclass(frozen=True)
class BarList:
    """Bars under a heading."""

    title: str
    bars: Sequence[Bar]


@dataclass(frozen=True)
class BarsSection(Section):
    """Bar charts side by side.

    Attributes:
        lists: what is drawn.
        note: small print.
    """

    lists: Sequence[BarList] = field(kw_only=True)
    note: str = ""


@dataclass(frozen=True)
class Trait:
    """A value that the front has more often than all trials, or less often.

    Attributes:
        words: parameter and value.
        front: share of the front's blocks that have it.
        others: share of all trials' blocks.
    """

    words: str
    front: float
    others: float


def importance_section(
    records: Sequence[TrialRecord], objectives: Sequence[Objective]
) -> Section | None:
    """Return the bars of PED-ANOVA for each objective; None where trials are too few."""
    full = trainings(comparable_records(records, objectives))
    if len(full) < FEWEST_TRIALS:
        return None
    lists = []
    for objective in objectives:
        losses = [objective.loss(record.metrics[objective.metric]) for record in full]
        found = parameter_importances([record.architecture for record in full], losses)
        total = sum(found.values())
        top = list(found.items())[:_MOST_BARS] if total > 0 else []
        if top:
            bars = [Bar(name, v / top[0][1], f"{v / total:.0%}") for name, v in top]
            lists.append(BarList(f"for {heading_of(objective.metric)}", bars))
    if not lists:
        return None
    note = (
        "How much a parameter alone tells the best tenth of the trials from all of them "
        "(PED-ANOVA), as a share of all parameters. Trials are no random sample, "
        "so small differences mean nothing."
    )
    return BarsSection("bars.html", "Which parameters matter", lists=lists, note=note)


def traits_section(
    records: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    front: Sequence[TrialRecord],
) -> Section | None:
    """Return what the front's members share; None where the front is too small or shares none."""
    full = trainings(comparable_records(records, objectives))
    found = traits([r.architecture for r in front], [r.architecture for r in full])
    if len(front) < _FEWEST_MEMBERS or not found:
        return None
    bars = [Bar(t.words, t.front, f"{t.front:.0%} (all trials {t.others:.0%})") for t in found]
    note = "Share of the front's networks, or of their blocks, that have a value."
    return BarsSection(
        "bars.html", "What the front's members share", lists=[BarList("", bars)], note=note
    )


def traits(front: Sequence[Architecture], trials: Sequence[Architecture]) -> list[Trait]:
    """Return the values that are more frequent on the front than among all trials.

    A parameter of repeated blocks is counted over all blocks. The most different come first.
    """
    ours, all_of_them = _counts(front), _counts(trials)
    found = []
    for label, counts in ours.items():
        others = all_of_them.get(label, Counter())
        if len(others) > _MOST_OPTIONS or len(others) < 2:
            continue
        for value, number in counts.items():
            shares = number / counts.total(), others[value] / max(1, others.total())
            if shares[0] - shares[1] >= _LEAST_DIFFERENCE:
                found.append(Trait(f"{label} = {_shown(value)}", *shares))
    return sorted(found, key=lambda t: (t.others - t.front, t.words))[:_MOST_BARS]


def _counts(architectures: Sequence[Architecture]) -> dict[str, Counter[Value]]:
    counts: dict[str, Counter[Value]] = {}
    for architecture in architectures:
        for name, value in architecture.items():
            label = ".".join(part for part in name.split(".") if not part.isdigit())
            counts.setdefault(label, Counter())[value] += 1
    return counts


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
