"""One training of a language model: other stretches of text at each step, no padding.

The tokens are mapped from a file; a step takes stretches of them at places that the seed and the
number of the step tell, so a training that was cut goes on with the same text. No loader, no
processes. Saved and continued by `nas.train.checkpoint`.

    B stretches in a step, T tokens of each, V vocabulary
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from nas.running_clock import running_s
from nas.seeding import generator
from nas.train.course import Course
from nas.train.device import autocast
from nas.train.loop import NonfiniteLossError, TimeLimitError
from nas.train.schedule import learning_rate_factor
from nas.train.token_recipe import TokenRecipe
from nas.train.width_rules import TokenOptimizer

# ruff: noqa: N803, N806 - names of tensors end in their shapes

_JUDGED_AT_ONCE = 16_384  # tokens
_STEPS_BETWEEN_CHECKS = 50

TokenArray = npt.NDArray[np.unsignedinteger]


@dataclass(frozen=True)
class TokenTeacher:
    """A trained model whose guesses are learnt beside the text.

    Attributes:
        model: on the device, in evaluation mode; it takes as many tokens as the student.
        temperature: softens both distributions.
        weight: share of the teacher in the loss.
    """

    model: nn.Module
    temperature: float = 2.0
    weight: float = 0.5

    def loss(self, logits_NV: torch.Tensor, tokens_BT: torch.Tensor) -> torch.Tensor:
        """Return the divergence of the student's guesses from the teacher's, nats a token."""
        with torch.no_grad():
            taught_NV = self.model(tokens_BT).flatten(0, 1).float() / self.temperature
        own_NV = functional.log_softmax(logits_NV / self.temperature, dim=-1)
        aim_NV = functional.log_softmax(taught_NV, dim=-1)
        divergence = functional.kl_div(own_NV, aim_NV, log_target=True, reduction="batchmean")
        return divergence * self.temperature**2


class TokenTraining:
    """A training that has come to some step.

    Args:
        model: on the device; takes tokens (B, T) and returns logits (B, T, V).
        tokens: (N,) to learn from, perhaps mapped from a file.
        recipe: how to train.
        context: tokens of a stretch.
        seed: of the places of the stretches.
        device: of the model.
        time_limit_s: seconds of training until `TimeLimitError`; None for no limit.
        teacher: learnt beside the text; None for none.
        grows: the text goes from easy to hard, and more and more of it is drawn from.

    Attributes:
        step: steps that were taken.
        num_steps: steps of a full training.
        course: how far it has come.
        earlier_s: seconds that were spent before it was cut and taken up; they count.
    """

    def __init__(
        self,
        model: nn.Module,
        tokens: TokenArray,
        recipe: TokenRecipe,
        *,
        context: int,
        seed: int,
        device: torch.device,
        time_limit_s: float | None = None,
        teacher: TokenTeacher | None = None,
        grows: bool = False,
    ) -> None:
        self.model = model
        self.recipe = recipe
        self.seed = seed
        self.device = device
        self.step = 0
        self.earlier_s = 0.0
        self._tokens = tokens
        self._context = context
        self._teacher = teacher
        self._grows = grows
        self._time_limit_s = time_limit_s
        self._started = running_s()
        self._num_stretches = max(1, recipe.batch_tokens // context)
        at_once = recipe.micro_batch_tokens or recipe.batch_tokens
        self._at_once = max(1, min(self._num_stretches, at_once // context))
        self.num_steps = max(1, recipe.tokens // (self._num_stretches * context))
        self.course = Course(self.num_steps)
        self.optimizer = TokenOptimizer(model, recipe, device)

    @property
    def spent_s(self) -> float:
        """Seconds since it began, those before a cut included; not those of a stopped process."""
        return self.earlier_s + running_s() - self._started

    def run(self, *, budget: float = 1.0, after_step: Callable[[], None] | None = None) -> None:
        """Train until `budget`, a share of all tokens, is spent; does nothing if it was.

        Args:
            budget: in (0, 1].
            after_step: called after each step; may save the training, but not change it.

        Raises:
            NonfiniteLossError: the loss is not finite.
            TimeLimitError: the time is over.
        """
        last = min(self.num_steps, max(1, round(budget * self.num_steps)))
        self.model.train()
        total, number = torch.zeros((), device=self.device), 0
        while self.step < last:
            total += self._take_step()
            number += 1
            if number == _STEPS_BETWEEN_CHECKS or self.step == last:
                self._check_loss(float(total) / number)
                total.zero_()
                number = 0
            self._check_time()
            if after_step is not None:
                after_step()
        if self.step == self.num_steps:
            self.optimizer.take_mean()

    def _take_step(self) -> torch.Tensor:
        stretches = torch.from_numpy(self._draw()).to(self.device)
        loss = torch.zeros((), device=self.device)
        for part in torch.split(stretches, self._at_once):
            own = self._loss(part) * (len(part) / len(stretches))
            torch.autograd.backward(own)
            loss += own.detach()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.gradient_norm)
        factor = learning_rate_factor(
            self.step, num_steps=self.num_steps, warmup=self.recipe.warmup
        )
        self.optimizer.step(factor)
        self.step += 1
        if self.step > self.num_steps * (1.0 - self.recipe.averaging):
            self.optimizer.average()
        return loss

    def _draw(self) -> npt.NDArray[np.int64]:
        """Return (B, T + 1) tokens of this step."""
        rng = generator(self.seed, "stretches", self.step)
        last = len(self._tokens) - self._context
        if self._grows:
            last = max(1, round(last * share_of_text(self.step / self.num_steps)))
        starts = rng.integers(0, last, size=self._num_stretches)
        taken = self._tokens[starts[:, None] + np.arange(self._context + 1)]
        return np.asarray(taken, dtype=np.int64)

    def _loss(self, stretches: torch.Tensor) -> torch.Tensor:
        tokens_BT, next_BT = stretches[:, :-1], stretches[:, 1:]
        with autocast(self.device):
            logits_NV = self.model(tokens_BT).flatten(0, 1)
        loss = functional.cross_entropy(logits_NV.float(), next_BT.flatten())
        if self._teacher is None:
            return loss
        weight = self._teacher.weight
        return (1.0 - weight) * loss + weight * self._teacher.loss(logits_NV.float(), tokens_BT)

    def _check_loss(self, mean: float) -> None:
        if not np.isfinite(mean):
            raise NonfiniteLossError(
                f"the training loss is {mean} at step {self.step} of {self.num_steps}"
            )

    def _check_time(self) -> None:
        limit = self._time_limit_s
        if limit is not None and self.spent_s > limit:
            raise TimeLimitError(
                f"the training took longer than {limit:g} s: step {self.step} of {self.num_steps}"
            )


def share_of_text(progress: float) -> float:
    """Return how much of a text that goes from easy to hard is drawn from.

    A tenth at first, all of it from the middle of the training on; in between as the root of the
    progress, after Platanios et al., 2019, https://arxiv.org/abs/1903.09848, equation 7.

    >>> [round(share_of_text(progress), 2) for progress in (0.0, 0.125, 0.5, 1.0)]
    [0.1, 0.51, 1.0, 1.0]
    """
    return float(min(1.0, (2.0 * progress * (1.0 - 0.1**2) + 0.1**2) ** 0.5))


def mean_loss(
    model: nn.Module, tokens: TokenArray, *, context: int, device: torch.device
) -> float:
    """Return the mean loss of a text, nats a token; each token but the first is guessed once.

    The text is cut into stretches of the context, so that the first tokens of each are guessed
    from few.

    Args:
        model: left in evaluation mode.
        tokens: (N,), two or more; or (S, N), that many texts, cut each for itself.
        context: most tokens that the model sees at once.
        device: of the model.

    Raises:
        NonfiniteLossError: it is not finite.
    """
    model.eval()
    total = 0.0
    with torch.inference_mode(), autocast(device):
        for seen, wanted in _stretches(tokens, context):
            logits = model(torch.from_numpy(seen).to(device)).float().flatten(0, 1)
            aim = torch.from_numpy(wanted).to(device).flatten()
            total += float(functional.cross_entropy(logits, aim, reduction="sum"))
    loss = total / float(tokens.size - tokens.size // tokens.shape[-1])
    if not np.isfinite(loss):
        raise NonfiniteLossError(f"the validation loss is {loss}")
    return loss


def _stretches(
    tokens: TokenArray, context: int
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Yield what is seen and what is guessed, some stretches at once; the last may be short."""
    length, all_tokens = tokens.shape[-1], tokens.reshape(-1)
    texts = np.arange(0, len(all_tokens), length)  # where each begins
    whole, rest = divmod(length - 1, context)
    cuts = [(np.arange(whole) * context, context)]
    if rest:
        cuts.append((np.array([whole * context]), rest))
    for places, size in cuts:
        starts = (texts[:, None] + places).ravel()
        at_once = max(1, _JUDGED_AT_ONCE // size)
        for first in range(0, len(starts), at_once):
            each = starts[first : first + at_once, None] + np.arange(size + 1)
            taken = all_tokens[each].astype(np.int64)
            yield taken[:, :-1], taken[:, 1:]
