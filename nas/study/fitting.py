"""Does a record of trials fit the space that a run goes on with?

The settings of a run may be equal and yet mean another space: a table may have changed, or be
read otherwise than by an earlier version of nas.
"""

from collections.abc import Iterable

from nas.architecture import Value
from nas.errors import RunFolderError
from nas.space.parameters import Choice
from nas.space.space import SearchSpace
from nas.trial import TrialRecord

_LISTED = 8  # options that a message names


def check_fits(records: Iterable[TrialRecord], space: SearchSpace) -> None:
    """Refuse a record with an option that its parameter does not have.

    Raises:
        RunFolderError: naming the first such trial.
    """
    options = {
        p.name: {_told_apart(value) for value in p.domain.options}
        for p in space.parameters
        if isinstance(p.domain, Choice)
    }
    for record in records:
        for name, value in record.architecture.items():
            if name in options and _told_apart(value) not in options[name]:
                known = list(dict.fromkeys(map(repr, space.domains[name].values())))
                listed = ", ".join(known[:_LISTED]) + (", ..." if len(known) > _LISTED else "")
                raise RunFolderError(
                    f"trial {record.number} on record has {name}={value!r}, but {name} is "
                    f"one of {listed} now; the data or this version of nas differ from those that "
                    "the run began with: bring them back, or start a new run with another name=..."
                )


def _told_apart(value: Value) -> tuple[bool, Value]:
    """Return what is equal for equal options: 1 is 1.0, but not true and not the text."""
    return isinstance(value, bool), value
