"""The working study's storage: in memory, with one write for all parameters of a trial.

Optuna's in-memory storage copies a trial for each parameter that it is given, and shows every
sampler all trials there ever were. Here the parameters come in one piece, and an evolutionary
sampler is shown the two newest generations and their parents, which is all that it reads: an ask
of NSGA-II costs the same at 100 trials and at 10,000 (a test holds its proposals equal).
"""

import copy
from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
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
            flat: parameter -> distribution; not copied, so the caller must not change it.
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
    """Shows the complete trials of the newest generations only.

    Args:
        generation_key: the trial attribute in which the sampler keeps a trial's generation.
        parents_prefix: the study attribute, before a generation's number, with its parents' ids.
    """

    def __init__(self, generation_key: str, parents_prefix: str) -> None:
        super().__init__()
        self._generation_key = generation_key
        self._parents_prefix = parents_prefix
        self._newest = 0
        self._complete: defaultdict[int, set[int]] = defaultdict(set)
        self._parents: dict[int, tuple[int, ...]] = {}
        self._in_sight: list[FrozenTrial] | None = None

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Note an attribute; this class needs the one that holds the generation."""
        super().set_trial_system_attr(trial_id, key, value)
        if key == self._generation_key and value > self._newest:
            self._newest = value
            self._in_sight = None

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Note an attribute; the parents of a generation stay in sight while it is bred."""
        super().set_study_system_attr(study_id, key, value)
        if key.startswith(self._parents_prefix):
            self._parents[int(key.removeprefix(self._parents_prefix))] = tuple(value)
            self._in_sight = None

    def set_trial_state_values(
        self, trial_id: int, state: OptunaState, values: Sequence[float] | None = None
    ) -> bool:
        """End a trial; a complete one comes into sight."""
        is_set = super().set_trial_state_values(trial_id, state, values)
        self._note_complete(self.get_trial(trial_id))
        return is_set

    def add(self, trial: FrozenTrial) -> None:
        """Take a trial of an earlier command, into its generation."""
        super().add(trial)
        self._newest = max(self._newest, trial.system_attrs.get(self._generation_key, 0))
        self._note_complete(trial)

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[OptunaState] | None = None,
    ) -> list[FrozenTrial]:
        """Return the trials that the next generation is bred from, in order of number."""
        if states == (OptunaState.WAITING,):  # Optuna's own look for enqueued trials
            return super().get_all_trials(study_id, deepcopy, states)
        if self._in_sight is None:
            self._in_sight = [self.get_trial(trial_id) for trial_id in self._ids_in_sight()]
        shown = [trial for trial in self._in_sight if states is None or trial.state in states]
        return copy.deepcopy(shown) if deepcopy else shown

    def _note_complete(self, trial: FrozenTrial) -> None:
        generation = trial.system_attrs.get(self._generation_key)
        if trial.state is OptunaState.COMPLETE and generation is not None:
            self._complete[generation].add(trial.number)
            self._in_sight = None

    def _ids_in_sight(self) -> list[int]:
        # A generation begins when the one before has enough complete members, so the newest one
        # with a complete member is at most one behind the newest of all.
        for known in (self._complete, self._parents):
            for stale in [generation for generation in known if generation < self._newest - 1]:
                del known[stale]
        ids = {i for members in self._complete.values() for i in members}
        return sorted(ids.union(*self._parents.values()))


def storage_for(sampler: BaseSampler) -> WorkingStorage:
    """Return an empty storage that suits the sampler."""
    if isinstance(sampler, NSGAIISampler | NSGAIIISampler):
        return EvolutionStorage(
            sampler._get_generation_key(), sampler._get_parent_cache_key_prefix()
        )
    return WorkingStorage()
