"""Which parameters decide a result? PED-ANOVA on the trials of a run.

PED-ANOVA compares how the best trials' values of a parameter are spread with how all trials' are
(Watanabe, Bansal, Hutter 2023, "PED-ANOVA: efficiently quantifying hyperparameter importance in
arbitrary subspaces"); the implementation is Optuna's.
"""

import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import create_trial

from nas.architecture import Value

MOST_TRIALS = 500  # the last ones count: enough to tell, and quick
_MOST_OPTIONS = 64  # values of a number that are told apart one by one
FEWEST_TRIALS = 20  # of fewer the best tenth says nothing


def parameter_importances(
    architectures: Sequence[Mapping[str, Value]], losses: Sequence[float]
) -> dict[str, float]:
    """Return parameter -> how much it tells the best tenth from the rest, the largest first.

    Each parameter is judged on the trials that have it, so that parameters of blocks that some
    networks lack count too. Numbers are not scaled; those of a parameter that fewer than 20 trials
    have, or that had one value alone, are left out.

    Args:
        architectures: (n,) parameter -> value, of trials that ended.
        losses: (n,) lower is better, finite.
    """
    rows = list(zip(architectures, losses, strict=True))[-MOST_TRIALS:]
    members: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for name in sorted({name for architecture, _ in rows for name in architecture}):
        having = tuple(i for i, (architecture, _) in enumerate(rows) if name in architecture)
        if len(having) >= FEWEST_TRIALS and len({rows[i][0][name] for i in having}) > 1:
            members[having].append(name)
    found: dict[str, float] = {}
    for having, names in members.items():
        found |= _importances(names, [rows[i] for i in having])
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _importances(
    names: Sequence[str], rows: Sequence[tuple[Mapping[str, Value], float]]
) -> dict[str, float]:
    """Return the importances of parameters that all these trials have."""
    flat = {
        name: _distribution([architecture[name] for architecture, _ in rows]) for name in names
    }
    study = _new_study()
    study.add_trials(
        [
            create_trial(
                params={name: architecture[name] for name in names},
                distributions=flat,
                value=loss,
            )
            for architecture, loss in rows
        ]
    )
    with warnings.catch_warnings():
        # Of equal losses: all importances are 0 then, which says the same.
        warnings.filterwarnings("ignore", message="Target and region quantiles select the same")
        found = PedAnovaImportanceEvaluator().evaluate(study)
    return {name: float(value) for name, value in found.items()}


def _new_study() -> optuna.Study:
    """Return an empty study, without the line that Optuna would write to the log."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study()
    finally:
        optuna.logging.set_verbosity(before)


def _distribution(values: Sequence[Value]) -> BaseDistribution:
    distinct = sorted(set(values), key=lambda value: (str(type(value)), value))
    if len(distinct) > _MOST_OPTIONS and all(isinstance(v, int | float) for v in distinct):
        numbers = [float(value) for value in distinct]
        return FloatDistribution(min(numbers), max(numbers))
    return CategoricalDistribution(distinct)
