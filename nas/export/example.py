"""The example beside a network's files: one test input, and what each file makes of it.

`predict.py` without an argument runs it, so that whoever receives the folder sees at once whether
the files compute there what they computed here.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from nas.data.dataset import Dataset
from nas.evaluation.winner_metric import AnyData, WinnerMetric
from nas.export.deployable import FloatArray
from nas.export.format import FileKind
from nas.files import write_bytes, write_text

# Of the greatest output, how far another machine may be: floats are summed in another order there,
# and what is rounded to 8 bits may fall on the other side.
_FLOATS, _INTEGERS = 1e-3, 0.1
RUNNABLE = (".onnx", ".pt2")  # by predict.py
COMPILED = "model_compiled.pt2"


@dataclass
class Example:
    """A test input, and what files make of it.

    Attributes:
        index: its place in the test split.
        outputs: name of a file -> its outputs for this input, (...).
        tolerances: name of a file -> how far these may be elsewhere.
    """

    index: int
    outputs: dict[str, FloatArray] = field(default_factory=dict)
    tolerances: dict[str, float] = field(default_factory=dict)

    def note(self, file: FileKind, outputs: FloatArray) -> None:
        """Keep what a file makes of the example.

        Args:
            file: that was run.
            outputs: (1, ...) of it.
        """
        if not file.name.endswith(RUNNABLE) or file.name == COMPILED:
            return
        share = _FLOATS if file.tolerance.difference < _FLOATS else _INTEGERS
        self.outputs[file.name] = outputs[0]
        self.tolerances[file.name] = share * float(np.abs(outputs).max())

    def forget(self, name: str) -> None:
        """Drop what a file made of it: that file is not shipped."""
        self.outputs.pop(name, None)


def example_of(
    expected: FloatArray, targets: npt.NDArray[np.generic], winner_metric: WinnerMetric
) -> Example:
    """Return the first test input whose class is found; the first one where there are none."""
    if not winner_metric.tells_classes:
        return Example(0)
    return Example(int(np.argmax(expected.argmax(1) == targets)))


def write_example(place: Path, example: Example, dataset: AnyData) -> None:
    """Write the input, as a picture where the data were image files, and example.json."""
    pixels = np.asarray(dataset.test.images[example.index : example.index + 1])
    stored = dataset.stored if isinstance(dataset, Dataset) else None
    name, content = ("example.npy", _npy(pixels)) if stored is None else ("example.png", None)
    write_bytes(place / name, content or _png(pixels[0]))
    told: dict[str, object] = {"file": name, "test_index": example.index}
    if isinstance(dataset, Dataset):
        told["class"] = dataset.class_names[int(dataset.test.labels[example.index])]
    told["outputs"] = _as_json(example.outputs, example.tolerances)
    write_text(place / "example.json", json.dumps(told, indent=2) + "\n")


def _as_json(
    outputs: Mapping[str, FloatArray], tolerances: Mapping[str, float]
) -> dict[str, dict[str, object]]:
    return {
        name: {"values": values.tolist(), "tolerance": tolerances[name]}
        for name, values in outputs.items()
    }


def _npy(array: npt.NDArray[np.generic]) -> bytes:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    return content.getvalue()


def _png(pixels_HWC: npt.NDArray[np.generic]) -> bytes:  # noqa: N803 - a tensor's name ends in its shape
    content = io.BytesIO()
    flat = pixels_HWC[..., 0] if pixels_HWC.shape[2] == 1 else pixels_HWC
    Image.fromarray(np.ascontiguousarray(flat)).save(content, format="png")
    return content.getvalue()
