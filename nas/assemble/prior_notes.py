"""What is to be told of experts' priors in a search space: whether the sampler asks for them."""

import re
from collections.abc import Mapping
from typing import Any

from nas.config.check import INJECTED
from nas.config.nodes import offers_of
from nas.space.space import SearchSpace

_NAMED = 4  # parameters that a line names


def prior_notes(sampler: Mapping[str, Any], space: SearchSpace) -> list[str]:
    """Return a line where parameters have priors that a sampler ignores.

    Args:
        sampler: its node; one that takes the space sees the priors, and Optuna's do not.
        space: what is searched.
    """
    told = [p.name for p in space.parameters if p.domain.prior is not None]
    if not told or "space" in offers_of(sampler, INJECTED["sampler"]):
        return []
    names = list(dict.fromkeys(re.sub(r"\.\d+(?=\.)", ".*", name) for name in told))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    kind = str(sampler["_target_"]).rpartition(".")[2]
    ignored = f"the prior of {', '.join(names[:_NAMED])}{more} is not used"
    return [f"{ignored}: {kind} knows no priors; sampler=frontier does"]
