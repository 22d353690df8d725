"""The space `encoder_student`: smaller encoders that begin with parts of one, and learn from it.

Layers, heads with their share of the width, and features of the feed-forwards stay
(`nas.models.encoder_pruning`); the student learns the vectors that its teacher makes of texts.
"""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy.typing as npt
import torch
from torch import nn

from nas.adapt.encoder_training import FRAME, EncoderTeacher
from nas.architecture import Architecture
from nas.data.curation import is_curation
from nas.errors import SpaceError
from nas.models.decoder_tokens import refuse_other_tokens, text_for
from nas.models.encoder import Encoder, EncoderPlan, Kept, encoder_costs
from nas.models.encoder_pruning import (
    KeptOfEncoder,
    find_encoder_importance,
    first_importance,
    kept_layers,
    kept_width,
    student_plan,
    student_state,
)
from nas.models.encoder_reading import ReadEncoder, read_encoder
from nas.models.masked_head import MaskedHead, smaller_head_state
from nas.space.rules import Rule, above, check_arguments, check_parameters, one_of, whole
from nas.space.space import SearchSpace
from nas.task import DataShape, token_shape
from nas.widths import WIDTHS

_EXAMPLE_CONTEXT = 16  # tokens of the texts that a check of the space trains on


class EncoderStudentSpace(SearchSpace):
    """Students of one encoder of BERT's kind.

    Args:
        teacher: a folder with config.json, model.safetensors and tokenizer.json.
        parameters: `depth`, `width`, `heads`, `mlp`: shares that stay, 1.0 for all; `order`: even
            or important layers; perhaps `curation`. The width shrinks by whole heads, and `heads`
            are a share of those that it holds.
        calibration_tokens: of the training text, by which importance is found.
        hidden_weight: share of the features between layers in the loss; 0 for none.
        masked_weight: share of the guesses of hidden tokens in the whole loss; 0 for none.
        start: teacher, or random: weights that a student begins with.

    Raises:
        SpaceError: the teacher cannot be had, or a setting is not as it must be.
    """

    default_parameters: ClassVar[Mapping[str, Any]] = {
        "depth": {"choice": [0.17, 0.34, 0.5, 0.67, 0.84, 1.0]},
        "order": {"choice": ["even", "important"]},
        "width": {"choice": [0.25, 0.5, 0.75, 1.0]},
        "heads": {"choice": [0.5, 1.0]},
        "mlp": {"choice": [0.25, 0.5, 0.75, 1.0]},
    }
    # Layers without modules of their own cannot be counted from outside.
    told_of_files: ClassVar[frozenset[str]] = frozenset(WIDTHS)

    def __init__(
        self,
        teacher: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        calibration_tokens: int = 8192,
        hidden_weight: float = 1.0,
        masked_weight: float = 0.0,
        start: str = "teacher",
    ) -> None:
        super().__init__(parameters)
        check_arguments(
            {
                "calibration_tokens": calibration_tokens,
                "hidden_weight": hidden_weight,
                "masked_weight": masked_weight,
                "start": start,
            },
            {
                "calibration_tokens": whole(64, 1 << 30),
                "hidden_weight": Rule("from 0 to 100", lambda v: _is_number(v) and 0 <= v <= 100),
                "masked_weight": Rule(
                    "from 0 to less than 1", lambda v: _is_number(v) and 0 <= v < 1
                ),
                "start": one_of("teacher", "random"),
            },
            space="encoder_student",
        )
        rules: dict[str, Rule] = {
            **{word: above(0, 1) for word in ("depth", "width", "heads", "mlp")},
            "order": one_of("even", "important"),
            "curation": Rule("a curation, such as near+easy0.5", is_curation),
        }
        check_parameters(self.domains, rules, space="encoder_student", optional=frozenset(rules))
        # Workers may start in other folders.
        self.teacher_path = str(Path(teacher).expanduser().absolute())
        self.calibration_tokens = calibration_tokens
        self.hidden_weight = hidden_weight
        self.masked_weight = float(masked_weight)
        self.start = start
        self.whole_plan: EncoderPlan = self._read.plan
        self._check_mask()
        self._importance = first_importance(self.whole_plan)
        self.vector_features = self.whole_plan.embedding_features
        context = min(_EXAMPLE_CONTEXT, self.whole_plan.positions - FRAME)
        self.example_data = (
            token_shape(context=context, vocabularies=[self.whole_plan.vocabulary]),
        )

    def _check_mask(self) -> None:
        if self.masked_weight and self._read.mask is None:
            raise SpaceError(
                f"search_space.masked_weight is {self.masked_weight:g}, but {self.teacher_path}"
                "/tokenizer.json has no [MASK] among its added_tokens to hide others with; give "
                "masked_weight=0"
            )

    def __getstate__(self) -> dict[str, Any]:
        """Leave the weights behind: each process reads them once."""
        return {k: v for k, v in self.__dict__.items() if k not in ("_read", "_teacher")}

    @cached_property
    def _read(self) -> ReadEncoder:
        return read_encoder(Path(self.teacher_path))

    @cached_property
    def _teacher(self) -> EncoderTeacher:
        read = self._read
        with torch.device("meta"):  # no draw is made: trials draw alike in each process
            model, head = Encoder(read.plan), MaskedHead(read.plan)
        model.load_state_dict(read.state, assign=True)
        if read.head is not None:
            head.load_state_dict(read.head, assign=True)
            head.eval().requires_grad_(False)
        return EncoderTeacher(
            model.eval().requires_grad_(False),
            read.first,
            read.last,
            read.mask,
            head if read.head is not None else None,
        )

    def encoder_teacher(self) -> EncoderTeacher:
        """Return the teacher, in evaluation mode."""
        return self._teacher

    def masked_head(self, model: Encoder) -> MaskedHead:
        """Return what guesses hidden tokens for a student; the teacher's head where it has one."""
        head = MaskedHead(model.plan)
        if self.start == "teacher" and self._read.head is not None:
            assert model.kept is not None, "a student has it"
            head.load_state_dict(smaller_head_state(self._read.head, model.kept.width_V))
        return head

    def check_data(self, data: DataShape) -> None:
        """Refuse images, other vocabularies, and texts that are too long for the teacher.

        Raises:
            SpaceError: the data do not fit.
        """
        text = text_for(data, model=self.teacher_path, vocabulary=self.whole_plan.vocabulary)
        most = self.whole_plan.positions - FRAME
        if text.context > most:
            raise SpaceError(
                f"data.context is {text.context:,}, but the teacher reads texts of at most "
                f"{most:,} tokens; give data.context={most}"
            )

    def check_tokens(self, tokenizer: str) -> None:
        """Refuse a text in other tokens than the teacher's.

        Raises:
            SpaceError: the teacher was trained on other tokens.
        """
        refuse_other_tokens(self._read.tokenizer, tokenizer, model=self.teacher_path)

    def calibrate(self, tokens: npt.NDArray[Any]) -> None:
        """Find what matters in the teacher when it reads a text.

        Args:
            tokens: (N,) of the training text.
        """
        length = min(64, self.whole_plan.positions - FRAME, len(tokens))
        number = max(1, min(self.calibration_tokens, len(tokens)) // length)
        step = len(tokens) // number
        parts = [tokens[i * step : i * step + length].astype("int64") for i in range(number)]
        texts = torch.stack([torch.from_numpy(part) for part in parts])
        teacher = self.encoder_teacher()
        self._importance = find_encoder_importance(teacher.model, teacher.framed(texts))

    def build(self, architecture: Architecture, data: DataShape) -> nn.Module:
        """Return a student; `kept` says which of the teacher's features it has.

        Its `context` is that of the data, with the tokens that begin and end a text.
        """
        kept = self.kept(architecture)
        with torch.device("cpu"):
            width = kept_width(self._importance, kept)
        model = Encoder(student_plan(self.whole_plan, kept), Kept(kept.layers, width))
        model.context = data.input_shape[2] + FRAME
        if self.start == "teacher" and not next(model.parameters()).is_meta:
            with torch.device("cpu"):
                state = student_state(self.whole_plan, self._read.state, self._importance, kept)
            model.load_state_dict(state)
        return model

    def static_costs(self, architecture: Architecture, data: DataShape) -> Mapping[str, float]:
        """Return parameters, bytes and multiply-accumulates, without building."""
        plan = student_plan(self.whole_plan, self.kept(architecture))
        return encoder_costs(plan, context=data.input_shape[2] + FRAME)

    def identity(self, architecture: Architecture) -> str:
        """Return what is kept: shares that round alike are one network."""
        return f"{self.kept(architecture)} {architecture.get('curation', '')}"

    def kept(self, architecture: Architecture) -> KeptOfEncoder:
        """Return what of its teacher an architecture begins with."""
        plan = self.whole_plan
        number = _part(plan.num_layers, architecture.get("depth", 1.0))
        order = str(architecture.get("order", "even"))
        heads_of_width = _part(plan.num_heads, architecture.get("width", 1.0))
        return KeptOfEncoder(
            layers=kept_layers(self._importance, number, order),
            width=heads_of_width * plan.head_features,
            num_heads=_part(heads_of_width, architecture.get("heads", 1.0)),
            hidden_features=_part(plan.hidden_features, architecture.get("mlp", 1.0)),
        )


def _part(number: int, share: Any) -> int:
    """Return a share of a number, at least 1.

    >>> [_part(6, 0.5), _part(6, 0.01), _part(12, 0.34)]
    [3, 1, 4]
    """
    return max(1, min(number, round(number * float(share) + 1e-9)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
