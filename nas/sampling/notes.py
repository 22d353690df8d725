"""What a sampler settles at its first ask, and keeps with the study."""

from collections.abc import Callable

from optuna.study import Study


def noted(study: Study, key: str, settle: Callable[[], int]) -> int:
    """Return the number noted with the study under a key; settled and noted now if none is."""
    known = study._storage.get_study_system_attrs(study._study_id).get(key)
    if known is not None:
        return int(known)
    number = settle()
    study._storage.set_study_system_attr(study._study_id, key, number)
    return number
