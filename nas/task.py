"""What a network must fit: the shape of its input and of its output."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataShape:
    """Shape of one example and number of classes; all that building a model needs of the data.

    Attributes:
        input_shape: (channels, height, width) of one image as stored.
        num_classes: number of classes, at least 2.
    """

    input_shape: tuple[int, int, int]
    num_classes: int
