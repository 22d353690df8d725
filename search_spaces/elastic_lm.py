"""The space `elastic_lm`: the smaller decoders inside a trained one.

Layers, heads with the keys and values that they share, features of the feed-forwards and width are
taken out, the least important first (`nas.models.decoder_pruning`); what is left is healed by a
short training with the whole as teacher.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy.typing as npt
import torch
from torch import nn

from nas.architecture import Architecture
from nas.models.decoder import Decoder, DecoderPlan
from nas.models.decoder_costs import decoder_costs
from nas.models.decoder_pruning import (
    Importance,
    KeptParts,
    find_importance,
    num_groups,
    smaller_plan,
    smaller_state,
)
from nas.space.rules import Rule, above, check_arguments, check_parameters, whole
from nas.task import DataShape
from search_spaces.pretrained_lm import COMMON_RULES, MOST_CONTEXT, PretrainedDecoderSpace

_WORDS = ("depth", "heads", "mlp", "width")
_MULTIPLE = 4  # of features that stay, where there are as many


class ElasticDecoderSpace(PretrainedDecoderSpace):
    """The smaller decoders inside a trained one.

    Args:
        model: a folder that `nas finish` or transformers wrote, or a file in GGUF.
        parameters: `depth`, `heads`, `mlp`, `width`: shares that stay, 1.0 for all; perhaps
            `context` and `curation`.
        calibration_tokens: of the training text, by which importance is found.
        calibration_context: tokens of a stretch of it.
        teacher_weight: share of the whole model's guesses in the loss; 0 for none.
        temperature: softens both distributions.

    Raises:
        SpaceError: the model cannot be had, or a setting is not as it must be.
    """

    default_parameters: ClassVar[Mapping[str, Any]] = {
        "depth": {"choice": [0.25, 0.5, 0.75, 1.0]},
        "heads": {"choice": [0.5, 1.0]},
        "mlp": {"choice": [0.25, 0.5, 0.75, 1.0]},
        "width": {"choice": [0.5, 0.75, 1.0]},
    }

    def __init__(
        self,
        model: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        calibration_tokens: int = 16_384,
        calibration_context: int = 256,
        teacher_weight: float = 0.5,
        temperature: float = 1.0,
    ) -> None:
        check_arguments(
            {
                "calibration_tokens": calibration_tokens,
                "calibration_context": calibration_context,
                "teacher_weight": teacher_weight,
                "temperature": temperature,
            },
            {
                "calibration_tokens": whole(64, 1 << 30),
                "calibration_context": whole(8, MOST_CONTEXT),
                "teacher_weight": Rule("from 0 to 1", lambda v: _is_number(v) and 0 <= v <= 1),
                "temperature": above(0, 100),
            },
            space="elastic_lm",
        )
        super().__init__(model, parameters)
        rules = {**{word: above(0, 1) for word in _WORDS}, **COMMON_RULES}
        check_parameters(self.domains, rules, space="elastic_lm", optional=frozenset(rules))
        self.calibration_tokens = calibration_tokens
        self.calibration_context = calibration_context
        self.teacher_weight = teacher_weight
        self.temperature = temperature
        self._importance = _first_parts(self.whole_plan)

    def calibrate(self, tokens: npt.NDArray[Any]) -> None:
        """Find what matters in the model when it reads a text.

        Args:
            tokens: (N,) of the training text.
        """
        length = min(self.calibration_context, self.whole_plan.context, len(tokens))
        number = max(1, min(self.calibration_tokens, len(tokens)) // length)
        step = len(tokens) // number
        parts = [tokens[i * step : i * step + length].astype("int64") for i in range(number)]
        texts = torch.stack([torch.from_numpy(part) for part in parts])
        self._importance = find_importance(self._built_whole(length), texts)

    def teacher(self, context: int) -> nn.Module | None:
        """Return the whole model, in evaluation mode; None where it does not teach."""
        if self.teacher_weight == 0.0:
            return None
        return self._built_whole(context).eval().requires_grad_(False)

    def build(self, architecture: Architecture, data: DataShape) -> nn.Module:
        """Return a smaller decoder with the weights of the whole, to be healed."""
        plan = self.plan(architecture, data)
        model = Decoder(plan)
        if model.embedding.weight.is_meta:
            return model
        kept = self.kept(architecture)
        with torch.device("cpu"):
            state = smaller_state(self.whole_plan, self._read.state, self._importance, kept)
        model.load_state_dict(state)
        return model

    def static_costs(self, architecture: Architecture, data: DataShape) -> Mapping[str, float]:
        """Return parameters, bytes, multiply-accumulates and the cache, without building."""
        return decoder_costs(self.plan(architecture, data))

    def identity(self, architecture: Architecture) -> str:
        """Return what is kept: shares that round alike are one network."""
        rest = [str(architecture.get(name, "")) for name in ("context", "curation")]
        return " ".join([str(self.kept(architecture)), *rest])

    def plan(self, architecture: Architecture, data: DataShape) -> DecoderPlan:
        """Return the network's definition in numbers."""
        smaller = smaller_plan(self.whole_plan, self._importance, self.kept(architecture))
        return replace(smaller, context=self.context_of(architecture, data))

    def kept(self, architecture: Architecture) -> KeptParts:
        """Return how much of the whole an architecture keeps."""
        plan, shares = self.whole_plan, {w: float(architecture.get(w, 1.0)) for w in _WORDS}
        return KeptParts(
            layers=_part(len(plan.layers), shares["depth"]),
            groups=_part(num_groups(plan), shares["heads"]),
            hidden=_part(plan.layers[0].hidden_features, shares["mlp"], multiple=_MULTIPLE),
            width=_part(plan.width, shares["width"], multiple=_MULTIPLE),
        )

    def _built_whole(self, context: int) -> Decoder:
        model = Decoder(replace(self.whole_plan, context=context))
        model.load_state_dict(self._read.state)
        return model


def _first_parts(plan: DecoderPlan) -> Importance:
    """Return an order in which the last parts go first: before a text was read."""

    def falling(number: int) -> torch.Tensor:
        return -torch.arange(number, dtype=torch.float32, device="cpu")

    number = len(plan.layers)
    return Importance(
        layers=falling(number),
        groups=torch.stack([falling(num_groups(plan))] * number),
        hidden=(falling(plan.layers[0].hidden_features),) * number,
        width=falling(plan.width),
    )


def _part(number: int, share: float, *, multiple: int = 1) -> int:
    """Return a share of a number: at least 1, a multiple where there are as many.

    >>> [_part(6, 0.5), _part(6, 0.01), _part(30, 0.5, multiple=4), _part(3, 0.5, multiple=4)]
    [3, 1, 16, 2]
    """
    if share >= 1.0:
        return number
    wanted = max(1, round(number * share + 1e-9))
    if number < multiple:
        return wanted
    return min(number, max(multiple, multiple * round(wanted / multiple + 1e-9)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
