"""The working study's storage: in memory, with one write for all parameters of a trial.

Optuna's in-memory storage copies a trial for each parameter that it is given, and shows every
sampler all trials there ever were. Here the parameters come in one piece, and an evolutionary
sampler is shown the two newest generations and their parents, which is all that it reads: an ask
of NSGA-II costs the same at 100 trials and at 10,000 (a test holds its proposals equal).
"""

import copy
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, NSGAIIISampler, NSGAIISampler
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState


class WorkingStorage(InMemoryStorage):
    """Holds one study; a trial's id is its number."""

    def set_params(
        self, trial_id: int, params: Mapping[str, Any], flat: Mapping[str, BaseDistribution]
    ) -> None:
        """Give a trial all its parameters.

        Args:
            trial_id: a running trial.
            params: parameter -> value.
            flat: parameter -> distribution; kept as it is, so it must not change.
        """
        trial = copy.copy(self.get_trial(trial_id))
        trial.params = dict(params)
        trial.distributions = flat if isinstance(flat, dict) else dict(flat)
        self._set_trial(trial_id, trial)

    def add(self, trial: FrozenTrial) -> None:
        """Take a trial of an earlier command, without the deep copy that Optuna makes."""
        trial_id = super().create_new_trial(0)
        trial.number, trial._trial_id = trial_id, trial_id
        self._set_trial(trial_id, trial)

    def study_notes(self) -> Mapping[str, Any]:
        """Return what the sampler noted with the study."""
        return self.get_study_system_attrs(0)


class EvolutionStorage(WorkingStorage):
    """Shows the trials of the newest generations only.

    Args:
        generation_key: the trial attribute in which the sampler keeps a trial's generation.
        parents_prefix: the study attribute, before a generation's number, with its parents' ids.
    """

    def __init__(self, generation_key: str, parents_prefix: str) -> None:
        super().__init__()
        self._generation_key = generation_key
        self._parents_prefix = parents_prefix
        self._members: defaultdict[int, set[int]] = defaultdict(set)
        self._parents: dict[int, tuple[int, ...]] = {}

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Note an attribute; the generation is what this class goes by."""
        super().set_trial_system_attr(trial_id, key, value)
        if key == self._generation_key:
            self._members[value].add(trial_id)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Note an attribute; the parents of a generation stay in sight while it is bred."""
        super().set_study_system_attr(study_id, key, value)
        if key.startswith(self._parents_prefix):
            self._parents[int(key.removeprefix(self._parents_prefix))] = tuple(value)

    def add(self, trial: FrozenTrial) -> None:
        """Take a trial of an earlier command, into its generation."""
        super().add(trial)
        generation = trial.system_attrs.get(self._generation_key)
        if generation is not None:
            self._members[generation].add(trial.number)

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[OptunaState] | None = None,
    ) -> list[FrozenTrial]:
        """Return the trials that the next generation is bred from, in order of number."""
        if states == (OptunaState.WAITING,):  # Optuna's own look for enqueued trials
            return super().get_all_trials(study_id, deepcopy, states)
        trials = [self.get_trial(trial_id) for trial_id in sorted(self._in_sight())]
        shown = [trial for trial in trials if states is None or trial.state in states]
        return copy.deepcopy(shown) if deepcopy else shown

    def _in_sight(self) -> Iterable[int]:
        # A generation begins when the one before has enough finished members, so the newest one
        # with a finished member is at most one behind the newest of all.
        newest = max(self._members, default=0)
        for stale in [generation for generation in self._members if generation < newest - 1]:
            del self._members[stale]
        for stale in [generation for generation in self._parents if generation < newest - 1]:
            del self._parents[stale]
        return {*(i for ids in self._members.values() for i in ids)} | {
            *(i for ids in self._parents.values() for i in ids)
        }


def storage_for(sampler: BaseSampler) -> WorkingStorage:
    """Return an empty storage that suits the sampler."""
    if isinstance(sampler, NSGAIISampler | NSGAIIISampler):
        return EvolutionStorage(
            sampler._get_generation_key(), sampler._get_parent_cache_key_prefix()
        )
    return WorkingStorage()
