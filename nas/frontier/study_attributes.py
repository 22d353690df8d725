"""Numbers that a sampler computes at its first ask and keeps with the study from then on."""

from collections.abc import Callable

from optuna.study import Study


def study_attribute(study: Study, key: str, compute: Callable[[], int]) -> int:
    """Return the number kept under a key; where none is, compute it and keep it."""
    known = study._storage.get_study_system_attrs(study._study_id).get(key)
    if known is not None:
        return int(known)
    number = compute()
    study._storage.set_study_system_attr(study._study_id, key, number)
    return number
