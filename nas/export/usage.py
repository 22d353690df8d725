"""How is a shipped network used? The lines of the model card that can be copied and run."""

from collections.abc import Collection

from nas.data.dataset import Dataset
from nas.evaluation.winner_metric import AnyData
from nas.export.example import COMPILED, RUNNABLE

_SHELL = """`predict.py` needs numpy{pillow} and ONNX Runtime or torch, not nas.

```sh
python predict.py {inputs}    # a line for each: {told}
python predict.py{gap}    # runs {example} and checks that all comes out as it did here
```

From Python:

```python
import sys

sys.path.insert(0, ".")  # the folder of this card
import predict

network = predict.load()
{call}
print({result})
```"""


def is_runnable(files: Collection[str]) -> bool:
    """Say whether one of these files can be run by `predict.py`."""
    return any(name.endswith(RUNNABLE) and name != COMPILED for name in files)


def predict_words(dataset: AnyData) -> str:
    """Return how to use `predict.py`, for the model card."""
    has_files = isinstance(dataset, Dataset) and dataset.stored is not None
    inputs = "photo.jpg other.png" if has_files else "inputs.npy"
    given = '[predict.HERE / "example.png"]' if has_files else "images"
    lines = [f"logits = network({given})"]
    if not has_files:
        lines.insert(0, 'images = predict.read_array(predict.HERE / "example.npy")')
    has_classes = isinstance(dataset, Dataset)
    return _SHELL.format(
        pillow=", Pillow" if has_files else "",
        inputs=inputs,
        gap=" " * (len(inputs) + 1),
        told="the likeliest classes and their probabilities" if has_classes else "what comes out",
        example="the example of this folder",
        call="\n".join(lines),
        result="predict.probabilities_of(logits)" if has_classes else "logits",
    )
