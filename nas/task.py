"""What a network must fit: the shape of its input and of its output, and what these are for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class DataShape:
    """Shape of one example and number of classes; all that building a model needs of the data.

    Attributes:
        input_shape: (channels, height, width) of one image as stored.
        num_classes: number of classes, at least 2.
    """

    input_shape: tuple[int, int, int]
    num_classes: int


@dataclass(frozen=True)
class TokenShape(DataShape):
    """Shape of tokenized text: a model takes (B, T) tokens and returns logits (B, T, vocabulary).

    Attributes:
        input_shape: (1, 1, T), T the longest context that the data allow.
        num_classes: size of the vocabulary, of the first one where the data have several.
        vocabularies: sizes of all vocabularies that the data are tokenized by.
        curations: names of the training texts that models may learn from.
    """

    vocabularies: tuple[int, ...] = ()
    curations: tuple[str, ...] = ("none",)

    @property
    def context(self) -> int:
        """Most tokens that a model sees at once."""
        return self.input_shape[2]


def token_shape(
    *, context: int, vocabularies: Sequence[int], curations: tuple[str, ...] = ("none",)
) -> TokenShape:
    """Return the shape of text, tokenized by one vocabulary or several."""
    return TokenShape((1, 1, context), vocabularies[0], tuple(vocabularies), curations)


class Task:
    """What outputs are trained by and judged by, where that is not telling classes apart.

    A subclass defines `loss` and `metrics`; `nas.data.task_data.TaskData` joins it with data.

    Attributes:
        measures: names of what `metrics` returns, each of `nas.metric.METRICS`. A number that
            has no name there is told as `quality`, higher is better.
    """

    measures: ClassVar[tuple[str, ...]] = ("quality",)

    def loss(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """Return the mean loss of a batch, a scalar.

        Args:
            outputs: (B, ...) what the model returns.
            targets: (B, ...) as the data hold them.
        """
        raise NotImplementedError(f"{type(self).__name__} must define loss(outputs, targets)")

    def metrics(self, outputs: "Tensor", targets: "Tensor") -> Mapping[str, float]:
        """Return how good the outputs for all validation examples are, under `measures`."""
        raise NotImplementedError(f"{type(self).__name__} must define metrics(outputs, targets)")
