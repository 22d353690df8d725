"""Which images are held out: the same share of each class, by a rule that can be repeated."""

import numpy as np
import numpy.typing as npt

from nas.data.dataset import Labels
from nas.errors import DataError
from nas.seeding import generator

Indices = npt.NDArray[np.int64]


def hold_out(
    labels: Labels, *, fraction: float, seed: int, setting: str, where: str
) -> tuple[Indices, Indices]:
    """Return the indices to keep and to hold out, both ascending.

    From each class, `fraction` of the images, rounded, are drawn; at least one is drawn, and at
    least one stays.

    Args:
        labels: (N,) class of each image.
        fraction: share to hold out, above 0 and below 1.
        seed: of the draw.
        setting: name of the setting that `fraction` comes from, for messages.
        where: name of the data, for messages.

    Raises:
        DataError: the fraction is out of range, or a class has a single image.
    """
    if not 0.0 < fraction < 1.0:
        raise DataError(f"{setting} must be above 0 and below 1, but got {fraction}")
    rng = generator(seed, "hold out", setting)
    held: list[int] = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) < 2:
            raise DataError(
                f"{where}: class {label} has {len(members)} image, too few to split; "
                "give each class at least 2, or leave the class out"
            )
        count = min(max(round(fraction * len(members)), 1), len(members) - 1)
        held.extend(rng.permutation(members)[:count].tolist())
    out = np.sort(np.array(held, dtype=np.int64))
    return np.setdiff1d(np.arange(len(labels)), out), out
