"""What some spaces of language models have beside `build`, and how an evaluator asks for it."""

from typing import Any, Protocol, runtime_checkable

import numpy.typing as npt
from torch import nn

from nas.adapt.encoder_training import EncoderTeacher
from nas.models.encoder import Encoder
from nas.models.masked_head import MaskedHead


@runtime_checkable
class HasTokens(Protocol):
    """A space whose networks read the tokens of one tokenizer only."""

    def check_tokens(self, tokenizer: str) -> None:
        """Refuse a text in other tokens, told by the tokenizer.json that made them."""
        ...


@runtime_checkable
class StartsFromModel(Protocol):
    """A space whose networks are parts of a trained model.

    Attributes:
        temperature: softens the guesses of both when the whole teaches.
        teacher_weight: share of the whole's guesses in the loss.
    """

    temperature: float
    teacher_weight: float

    def calibrate(self, tokens: npt.NDArray[Any]) -> None:
        """Find what matters in the model when it reads a text."""
        ...

    def teacher(self, context: int) -> nn.Module | None:
        """Return the whole model, in evaluation mode; None where it does not teach."""
        ...


@runtime_checkable
class ReturnsVectors(Protocol):
    """A space whose networks return a vector of each text, of length 1, and no logits.

    Attributes:
        vector_features: of a vector.
    """

    vector_features: int


@runtime_checkable
class HasEncoderTeacher(Protocol):
    """A space of encoders that learn from one teacher.

    Attributes:
        teacher_path: where the teacher is.
        hidden_weight: share of the features between layers in the loss.
        masked_weight: share of the guesses of hidden tokens in the loss.
    """

    teacher_path: str
    hidden_weight: float
    masked_weight: float

    def calibrate(self, tokens: npt.NDArray[Any]) -> None:
        """Find what matters in the teacher when it reads a text."""
        ...

    def encoder_teacher(self) -> EncoderTeacher:
        """Return the teacher."""
        ...

    def masked_head(self, model: Encoder) -> MaskedHead:
        """Return what guesses hidden tokens from a student's features."""
        ...
