"""A student of an encoder guesses hidden tokens: the masked-language loss.

After Devlin et al., BERT, https://arxiv.org/abs/1810.04805, section 3.1: of each text 15 % of the
tokens are guessed; of these 80 % are hidden, 10 % are replaced by others and 10 % are seen as they
are. Where the teacher can guess too, half of the loss is the divergence from its guesses (Sanh et
al., DistilBERT, https://arxiv.org/abs/1910.01108, section 2).

    B texts, T tokens, N guessed tokens, V vocabulary
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from nas.models.encoder import Encoder
from nas.models.masked_head import MaskedHead

# ruff: noqa: N803, N806 - names of tensors end in their shapes

_GUESSED, _HIDDEN, _REPLACED = 0.15, 0.8, 0.1
_TABLE = "embeddings.word_embeddings.weight"


@dataclass(frozen=True)
class MaskedWords:
    """How a student guesses hidden tokens.

    Attributes:
        head: of the student, on its device.
        weight: share of this in the loss.
        mask: the token that stands in the place of a hidden one.
        teacher: model and head that guess too; None where the teacher has no head.
    """

    head: MaskedHead
    weight: float
    mask: int
    teacher: tuple[Encoder, MaskedHead] | None = None

    def loss(
        self, model: Encoder, tokens_BT: torch.Tensor, rng: np.random.Generator
    ) -> torch.Tensor:
        """Return the loss in nats for each guessed token.

        Args:
            model: the student.
            tokens_BT: texts with the tokens that begin and end them, which are not guessed.
            rng: draws what is guessed.
        """
        seen_BT, is_guessed_BT = hidden_text(tokens_BT, self.mask, model.plan.vocabulary, rng)
        wanted_N = tokens_BT[is_guessed_BT]
        logits_NV = _guesses(model, self.head, seen_BT, is_guessed_BT)
        loss = functional.cross_entropy(logits_NV, wanted_N)
        if self.teacher is None:
            return loss
        with torch.no_grad():
            taught_NV = _guesses(*self.teacher, seen_BT, is_guessed_BT)
        divergence = functional.kl_div(
            functional.log_softmax(logits_NV, dim=-1),
            functional.log_softmax(taught_NV, dim=-1),
            log_target=True,
            reduction="batchmean",
        )
        return 0.5 * (loss + divergence)


class EncoderWithHead(nn.Module):
    """What learns together: a student and its head.

    Args:
        student: returns vectors of texts.
        head: guesses hidden tokens.
    """

    def __init__(self, student: nn.Module, head: MaskedHead) -> None:
        super().__init__()
        self.student = student
        self.head = head


def hidden_text(
    tokens_BT: torch.Tensor, mask: int, vocabulary: int, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return texts as the student sees them, and (B, T) true where a token is guessed.

    At least one token of the batch is guessed, never the first or last of a text.
    """
    size, length = tokens_BT.shape
    is_guessed = rng.random((size, length)) < _GUESSED
    is_guessed[:, 0] = is_guessed[:, -1] = False
    if not is_guessed.any():
        is_guessed[0, length // 2] = True
    fate = rng.random((size, length))
    others = rng.integers(0, vocabulary, (size, length))
    is_hidden = is_guessed & (fate < _HIDDEN)
    is_replaced = is_guessed & (fate >= _HIDDEN) & (fate < _HIDDEN + _REPLACED)

    def here(values: npt.NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(values).to(tokens_BT.device)

    seen_BT = torch.where(here(is_replaced), here(others), tokens_BT)
    return seen_BT.masked_fill(here(is_hidden), mask), here(is_guessed)


def _guesses(
    model: Encoder, head: MaskedHead, seen_BT: torch.Tensor, is_guessed_BT: torch.Tensor
) -> torch.Tensor:
    run = model.portable
    features_NW = run.hidden(seen_BT)[-1][is_guessed_BT]
    logits: torch.Tensor = head(features_NW, run.tensors[_TABLE])
    return logits.float()
