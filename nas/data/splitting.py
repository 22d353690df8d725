"""Which images are held out: the same share of each class, by a rule that can be repeated."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from nas.data.dataset import Labels
from nas.errors import DataError
from nas.seeding import generator

Indices = npt.NDArray[np.int64]
_MAX_NAMED = 8  # classes


def hold_out(
    labels: Labels,
    fractions: Mapping[str, float],
    *,
    seed: int,
    class_names: Sequence[str],
    where: str,
    contents: Indices | None = None,
) -> dict[str, Indices]:
    """Return the indices of each split, ascending: `train` keeps what the others do not draw.

    From each class every split draws its share, rounded, but at least one image; at least one
    stays. Images of a class that share their content are drawn as one, so that no copy comes to
    stand in another split; where too few different ones are left for that, each is drawn alone.

    Args:
        labels: (N,) class of each image.
        fractions: name of a split -> share of each class, each above 0, together below 1.
        seed: of the draw.
        class_names: one for each class, for messages.
        where: name of the data, for messages.
        contents: (N,) a number for each image that equal images share; None: all differ.

    Raises:
        DataError: a share is out of range, or a class has too few images.
    """
    check_fractions(fractions)
    rng = generator(seed, "hold out")
    drawn: dict[str, list[int]] = {name: [] for name in ("train", *fractions)}
    _check_classes(labels, drawn, class_names=class_names, where=where)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        groups = _groups(members, contents, at_least=len(drawn))
        order = [groups[place] for place in rng.permutation(len(groups))]
        for name, count in _counts(len(groups), fractions).items():
            drawn[name].extend(np.concatenate(order[:count]).tolist())
            order = order[count:]
        drawn["train"].extend(np.concatenate(order).tolist())
    return {name: np.sort(np.array(found, dtype=np.int64)) for name, found in drawn.items()}


def _check_classes(
    labels: Labels, splits: Collection[str], *, class_names: Sequence[str], where: str
) -> None:
    """Refuse classes that cannot have an example in each split, all of them by name."""
    known, numbers = np.unique(labels, return_counts=True)
    few = [(class_names[k], n) for k, n in zip(known, numbers, strict=True) if n < len(splits)]
    if not few:
        return
    named = ", ".join(f"{name} ({number})" for name, number in few[:_MAX_NAMED])
    more = f" and {len(few) - _MAX_NAMED} more" if len(few) > _MAX_NAMED else ""
    raise DataError(
        f"{where}: too few images to split into {', '.join(splits)} in "
        f"{'class' if len(few) == 1 else 'the classes'} {named}{more}; give each class at least "
        f"{len(splits)}, or leave it out"
    )


def _groups(members: Indices, contents: Indices | None, *, at_least: int) -> list[Indices]:
    """Return images that are drawn together, in the order of the first of each."""
    alone = [members[place : place + 1] for place in range(len(members))]
    if contents is None:
        return alone
    _, first, group = np.unique(contents[members], return_index=True, return_inverse=True)
    if len(first) == len(members) or len(first) < at_least:
        return alone
    by_group = np.argsort(group.reshape(-1), kind="stable")
    ends = np.cumsum(np.bincount(group.reshape(-1)))[:-1]
    apart = np.split(members[by_group], ends)
    return [apart[number] for number in np.argsort(first)]


def _counts(num_members: int, fractions: Mapping[str, float]) -> dict[str, int]:
    counts = {name: max(round(share * num_members), 1) for name, share in fractions.items()}
    while sum(counts.values()) >= num_members:  # rounding left nothing to train on
        largest = max(counts, key=lambda name: counts[name])
        counts[largest] -= 1
    return counts


def check_fractions(fractions: Mapping[str, float]) -> None:
    """Refuse shares that cannot be held out.

    Args:
        fractions: name of a split -> share of each class.

    Raises:
        DataError: one is not above 0, or they leave nothing to train on.
    """
    for name, share in fractions.items():
        if not 0.0 < share < 1.0:
            raise DataError(
                f"data.{name}_fraction must be above 0 and below 1, but got {share}; 0.2 is usual"
            )
    if sum(fractions.values()) >= 1.0:
        given = " + ".join(f"data.{name}_fraction {share:g}" for name, share in fractions.items())
        raise DataError(f"{given} leaves nothing to train on; keep the sum below 1")
