"""What does an expert expect of a parameter's values, before anything is trained?

Of a choice weights of its options, of a number a best guess. How often values are drawn is another
matter (`Choice.weights`): a prior only guides a sampler that asks for it, and less so with each
result (`nas.frontier.expert_prior`).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from nas.architecture import Value
from nas.errors import SpaceError, nearest_first

_FORM = "{option: weight}, such as {relu: 3}; an option that is not named weighs 1"


def checked_prior(prior: Any, options: Sequence[Value]) -> tuple[float, ...] | None:
    """Return the weight of each option of a choice; None where there is no prior.

    Args:
        prior: option -> weight above 0; what is not named weighs 1.
        options: of the choice.

    Raises:
        SpaceError: it names no option, an unknown one, or a weight is no finite number above 0.
    """
    if prior is None:
        return None
    if not isinstance(prior, Mapping) or not prior:
        raise SpaceError(f"the prior of a choice must be {_FORM}, but got {prior!r}")
    weights = [1.0] * len(options)
    for name, weight in prior.items():
        if not _is_number(weight) or not 0 < weight < math.inf:
            raise SpaceError(
                f"the prior of option {name!r} must be a number above 0, but got {weight!r}; "
                "to leave an option out, leave it out of the choice"
            )
        places = [place for place, option in enumerate(options) if _is_same(name, option)]
        if not places:
            known = nearest_first(str(name), map(str, options))
            raise SpaceError(f"the prior names {name!r}, no option; known, nearest first: {known}")
        weights[places[0]] = float(weight)
    return tuple(weights)


def checked_guess(prior: Any, *, low: float, high: float) -> float | None:
    """Return the best guess at a number; None where there is no prior.

    Raises:
        SpaceError: it is no number from `low` to `high`.
    """
    if prior is None:
        return None
    if not _is_number(prior) or not low <= prior <= high:
        raise SpaceError(
            f"the prior of a number must be a best guess from {low} to {high}, but got {prior!r}"
        )
    return float(prior)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_same(name: Any, option: Value) -> bool:
    """Say whether a key means an option: 1 is 1.0, but not true.

    A command line hands over all keys as texts.
    """
    if isinstance(name, str) and isinstance(option, bool):
        return name.lower() == str(option).lower()
    if isinstance(name, str) and not isinstance(option, str):
        return _number_in(name) == option
    return bool(name == option) and isinstance(name, bool) == isinstance(option, bool)


def _number_in(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
