"""One training of an encoder by a teacher: vectors of texts, and features between layers.

After Sanh et al., DistilBERT, https://arxiv.org/abs/1910.01108: a student that begins with some of
its teacher's layers learns from what the teacher makes of a text. A stretch of the text, between
the tokens that begin and end each text, stands for a text; each step has stretches of one length,
from an eighth of the context to all of it, so that the student learns short texts too.

    B texts, T tokens, W width of the teacher, V features that the student kept
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from nas.adapt.masked_words import EncoderWithHead, MaskedWords
from nas.models.encoder import Encoder
from nas.models.masked_head import MaskedHead
from nas.seeding import generator
from nas.train.device import autocast
from nas.train.token_recipe import TokenRecipe
from nas.train.token_training import TokenArray, TokenTraining

# ruff: noqa: N803, N806 - names of tensors end in their shapes

_SHARES = (1.0, 0.5, 0.25, 0.125)  # of the context: lengths of the stretches of a step
FRAME = 2  # tokens that begin and end a text
_LEAST_LENGTH = 4
_JUDGED_AT_ONCE = 4096  # tokens


@dataclass(frozen=True)
class EncoderTeacher:
    """A trained encoder that students learn from.

    Attributes:
        model: the teacher, in evaluation mode.
        first: token that begins each text.
        last: token that ends each text.
        mask: token that hides another one; None where there is none.
        head: guesses hidden tokens; None where the teacher cannot.
    """

    model: Encoder
    first: int
    last: int
    mask: int | None = None
    head: MaskedHead | None = None

    def framed(self, tokens_BT: torch.Tensor) -> torch.Tensor:
        """Return stretches (B, T + 2) with the tokens that begin and end a text."""
        ends = [
            tokens_BT.new_full((len(tokens_BT), 1), token) for token in (self.first, self.last)
        ]
        return torch.cat([ends[0], tokens_BT, ends[1]], dim=1)


class EncoderTraining(TokenTraining):
    """A training of a student that has come to some step.

    Args:
        model: an `Encoder`, on the device.
        tokens: (N,) to learn from.
        recipe: how to train.
        teacher: what is learnt.
        hidden_weight: share of the features between layers in the loss.
        words: how hidden tokens are guessed; None for not at all.
        settings: of `TokenTraining`.
    """

    def __init__(
        self,
        model: nn.Module,
        tokens: TokenArray,
        recipe: TokenRecipe,
        *,
        teacher: EncoderTeacher,
        hidden_weight: float,
        words: MaskedWords | None = None,
        **settings: Any,
    ) -> None:
        assert isinstance(model, Encoder), "its space builds these"
        learns = model if words is None else EncoderWithHead(model, words.head)
        super().__init__(learns, tokens, recipe, **settings)
        self._student = model
        self._words = words
        self._encoder_teacher = teacher
        self._hidden_weight = hidden_weight

    def _draw(self) -> npt.NDArray[np.int64]:
        """Return (B, T) tokens of this step, all of one length."""
        stretches = super()._draw()[:, :-1]
        context = stretches.shape[1]
        share = _SHARES[generator(self.seed, "length", self.step).integers(len(_SHARES))]
        length = max(min(_LEAST_LENGTH, context), round(share * context))
        number = context // length
        return stretches[:, : number * length].reshape(-1, length)

    def _loss(self, stretches: torch.Tensor) -> torch.Tensor:
        tokens_BT = self._encoder_teacher.framed(stretches)
        if self._words is None:
            return self._difference(tokens_BT)
        rng = generator(self.seed, "hidden", self.step)
        with autocast(self.device):
            guessing = self._words.loss(self._student, tokens_BT, rng)
        weight = self._words.weight
        return (1.0 - weight) * self._difference(tokens_BT) + weight * guessing

    def _difference(self, tokens_BT: torch.Tensor) -> torch.Tensor:
        """Return how far the student is from its teacher."""
        teacher, model = self._encoder_teacher, self._student
        kept = model.kept
        assert kept is not None, "a student has it"
        with autocast(self.device):
            with torch.no_grad():
                run = teacher.model.portable
                taught = run.hidden(tokens_BT)
                aim_BW = run.pooled(taught[-1])
            own_run = model.portable
            own = own_run.hidden(tokens_BT)
            given_BW = own_run.pooled(own[-1])
        loss = 1.0 - (given_BW.float() * aim_BW.float()).sum(-1).mean()
        if self._hidden_weight == 0.0:
            return loss
        pairs = [(own[0], taught[0])]
        pairs += [(own[i + 1], taught[n + 1]) for i, n in enumerate(kept.layers)]
        return loss + self._hidden_weight * self._differences(pairs, kept.width_V)

    def _differences(
        self, pairs: list[tuple[torch.Tensor, torch.Tensor]], width_V: torch.Tensor
    ) -> torch.Tensor:
        """Return the mean squared difference of features, as a share of the teacher's own size."""
        total = torch.zeros((), device=self.device)
        for own_BTV, taught_BTW in pairs:
            aim_BTV = taught_BTW[..., width_V.to(self.device)].float()
            size = aim_BTV.square().mean().clamp_min(1e-12)
            total = total + functional.mse_loss(own_BTV.float(), aim_BTV) / size
        return total / len(pairs)


def mean_agreement(
    model: nn.Module,
    teacher: EncoderTeacher,
    tokens: TokenArray,
    *,
    context: int,
    device: torch.device,
) -> float:
    """Return the mean cosine of a student's vectors of texts and its teacher's.

    Args:
        model: takes tokens (B, T), returns vectors (B, W) of length 1.
        teacher: in evaluation mode, on the device.
        tokens: (N,) or (S, N), cut into texts of the context; what is left over is left out. Each
            counts as a whole, and again cut into four.
        context: tokens of a text, those that begin and end it not counted.
        device: of both.
    """
    model.eval()
    means = []
    with torch.inference_mode(), autocast(device):
        for length in (context, max(1, context // 4)):
            found = []
            for texts in _texts(tokens, length):
                framed = teacher.framed(torch.from_numpy(texts).to(device))
                found.append((model(framed) * teacher.model(framed)).sum(-1).float())
            means.append(float(torch.cat(found).mean()))
    return sum(means) / len(means)


def _texts(tokens: TokenArray, length: int) -> list[npt.NDArray[np.int64]]:
    """Return texts (B, length), some at once."""
    rows = tokens.reshape(-1, tokens.shape[-1])
    number = max(1, rows.shape[1] // length)
    cut = rows[:, : number * length].astype(np.int64).reshape(len(rows) * number, -1)
    at_once = max(1, _JUDGED_AT_ONCE // length)
    return [cut[first : first + at_once] for first in range(0, len(cut), at_once)]
