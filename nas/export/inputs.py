"""What inputs do the files take? Stated in input.json and on the model card."""

from typing import Any

from nas.data.dataset import Dataset
from nas.data.picture import MODES
from nas.data.task_data import MultiLabel
from nas.evaluation.winner_metric import AnyData
from nas.export.markdown import code_span

_MAX_NAMED = 50  # classes that a card names; input.json names all
_INTERPOLATION = "bilinear, antialiased"
_FIT_WORDS = {
    "stretch": "each side is resized by itself",
    "crop": "the middle is cut out in the ratio of the sides, then resized",
    "pad": "all of it is resized in its own ratio, with black beside it",
}


def describe_input(dataset: AnyData, size: tuple[int, int]) -> dict[str, Any]:
    """Return what input.json holds.

    Args:
        dataset: what was learnt from.
        size: (height, width) that the network takes.
    """
    channels, *stored_size = dataset.shape.input_shape
    normalisation = dataset.normalisation
    dtype = str(dataset.test.images.dtype)
    return {
        "dtype": dtype,
        "value_range": [0, 255] if dtype == "uint8" else None,
        "channels": channels,
        "channel_order": _order(dataset),
        "image_size": stored_size,
        **_file_rules(dataset),
        "height": size[0],
        "width": size[1],
        "interpolation": _INTERPOLATION,
        "mean": list(normalisation.mean),
        "std": list(normalisation.std),
        "outputs": _outputs(dataset),
        "classes": list(dataset.class_names) if isinstance(dataset, Dataset) else [],
    }


def _outputs(dataset: AnyData) -> str:
    """Return what a row of outputs is: logits of classes, of labels by themselves, or values."""
    if isinstance(dataset, Dataset):
        return "classes"
    return "labels" if isinstance(dataset.task, MultiLabel) else "values"


def _file_rules(dataset: AnyData) -> dict[str, str | None]:
    """Return how image files became stored images; nothing where the data came as arrays."""
    stored = dataset.stored if isinstance(dataset, Dataset) else None
    if stored is None:
        return {"fit": None, "exif": None, "mode": None}
    fit = None if stored.size is None else str(stored.fit)
    return {"fit": fit, "exif": "upright", "mode": MODES[stored.channels]}


def _order(dataset: AnyData) -> str | None:
    stored = dataset.stored if isinstance(dataset, Dataset) else None
    if stored is not None:
        return {"L": "grey"}.get(MODES[stored.channels], MODES[stored.channels])
    return None  # as the user's arrays have it


def input_words(dataset: AnyData) -> str:
    """Return the section of the model card on inputs."""
    told = describe_input(dataset, (0, 0))
    channels, (height, width) = told["channels"], told["image_size"]
    order = (
        told["channel_order"] or f"{channels} channel{'s' if channels > 1 else ''} as in the data"
    )
    values = "uint8, 0 to 255" if told["value_range"] else f"{told['dtype']}, as in the data"
    parts = [f"Stored images: {height} x {width} (height x width), {order}; {values}."]
    if told["exif"]:
        size = (
            f"then `fit={told['fit']}` to {height} x {width}: {_FIT_WORDS[told['fit']]}"
            if told["fit"]
            else f"and must be {height} x {width}"
        )
        parts.append(
            f"Image files are turned upright by their EXIF orientation and made {order}, {size} "
            f"({_INTERPOLATION}). `predict.py` does this to files."
        )
    parts.append(
        "The network takes them at the size that `input.json` gives (resized, "
        f"{_INTERPOLATION}) and normalises them itself, with the mean {_listed(told['mean'])} and "
        f"the deviation {_listed(told['std'])} of the channels."
    )
    names = told["classes"]
    if names:
        more = "" if len(names) <= _MAX_NAMED else f" and {len(names) - _MAX_NAMED} more"
        shown = ", ".join(code_span(name) for name in names[:_MAX_NAMED])
        parts.append(f"Classes, in the order of the outputs: {shown}{more}.")
    return "## Inputs\n\n" + " ".join(parts)


def _listed(values: list[float]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)
