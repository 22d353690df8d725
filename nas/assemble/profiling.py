"""From a command line to a `nas profile`: a search's overrides, and a few settings of its own.

With `run=runs/N` the settings are those that the run was composed of, overrides on top.
"""

from dataclasses import dataclass

from nas.assemble.budget import time_budget
from nas.assemble.search import AssembledSearch
from nas.assemble.settle import settle
from nas.assemble.workers import num_cpus, num_workers
from nas.config.compose import Composed
from nas.config.schema import SearchConfig
from nas.profile.trial_time import PlannedSearch


@dataclass(frozen=True)
class ProfilePlan:
    """A checked look, ready to be taken.

    Attributes:
        config: of the search that is looked at.
        search: its parts; no worker was started.
        plan: how long it is to take.
        is_table: results are looked up, nothing is trained.
        decided: what was decided of settings that are `auto`, for people.
    """

    config: SearchConfig
    search: AssembledSearch
    plan: PlannedSearch
    is_table: bool
    decided: tuple[str, ...] = ()


def plan_profile(composed: Composed, asked: SearchConfig) -> ProfilePlan:
    """Build everything but the workers.

    Args:
        composed: the settings of the search.
        asked: the same, checked.

    Raises:
        NasError: a part refuses its settings.
    """
    settled = settle(composed.values, asked, budget=time_budget(asked))
    config = settled.config
    return ProfilePlan(
        config=config,
        search=settled.search,
        plan=PlannedSearch(
            num_trials=config.stopping.num_trials,
            time_limit_s=config.stopping.time_limit_s,
            num_workers=num_workers(config.execution, num_cpus=num_cpus()),
            trial_time_limit_s=settled.search.task.trial_time_limit_s,
            expected_s=None if settled.plan is None else settled.plan.seconds,
        ),
        is_table=config.table is not None,
        decided=settled.lines,
    )
