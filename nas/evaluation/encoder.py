"""Judges students of an encoder: they learn from it, and how far they agree is measured."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from nas.adapt.encoder_training import FRAME, EncoderTeacher, EncoderTraining, mean_agreement
from nas.adapt.masked_words import MaskedWords
from nas.data.labelled_texts import LabelledTexts, read_labelled_texts
from nas.data.text import TextData, TextSearchData
from nas.errors import ConfigError, MissingPackageError
from nas.evaluation.language import LanguageEvaluator, Vocabulary
from nas.evaluation.language_spaces import HasEncoderTeacher
from nas.evaluation.probe import accuracy_of_encoder
from nas.models.encoder import Encoder
from nas.objective import Objective
from nas.space.space import SearchSpace
from nas.train.token_recipe import TokenRecipe
from nas.train.token_training import TokenArray, TokenTraining

AGREEMENT, PROBE = "agreement", "probe_accuracy"


class EncoderEvaluator(LanguageEvaluator):
    """Trains students of an encoder on a text, with what the teacher makes of it.

    Args:
        space: builds the students and has the teacher.
        data: its training and validation splits are used.
        recipe: how to train.
        objectives: what the search makes better.
        labelled_texts: a table of texts with labels, which a linear classifier on top of each
            student is judged by; None for none.
        settings: of `LanguageEvaluator`.
    """

    measured: ClassVar[tuple[str, ...]] = (AGREEMENT, PROBE, "seconds")

    def __init__(
        self,
        space: SearchSpace,
        data: TextData,
        recipe: TokenRecipe,
        objectives: Sequence[Objective],
        *,
        labelled_texts: str | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(space, data, recipe, objectives, **settings)
        asked = {*settings.get("metrics", ()), *(o.metric for o in objectives)}
        if PROBE in asked and labelled_texts is None:
            raise ConfigError(
                f"{PROBE} needs texts with labels: evaluation.labelled_texts=FILE.csv, a table "
                "with the columns text and label"
            )
        self._texts = None if labelled_texts is None else _read_texts(labelled_texts)
        self._encoder_space.calibrate(self.data.train_tokens(next(iter(self.data.tokenized))))

    def _check_kind(self) -> None:
        if not isinstance(self.space, HasEncoderTeacher):
            raise ConfigError(
                f"{type(self.space).__name__} has no teacher to agree with; evaluation=language "
                "is for models that guess tokens, evaluation=encoder for search_space="
                "encoder_student"
            )

    @property
    def _encoder_space(self) -> HasEncoderTeacher:
        assert isinstance(self.space, HasEncoderTeacher), "_check_kind refuses others"
        return self.space

    def _training_of(
        self, model: nn.Module, tokens: TokenArray, recipe: TokenRecipe, **settings: Any
    ) -> TokenTraining:
        settings["teacher"] = self._teacher_on(settings["device"])
        settings["hidden_weight"] = self._encoder_space.hidden_weight
        settings["words"] = self._masked_words(model, settings["device"])
        return EncoderTraining(model, tokens, recipe, **settings)

    def _masked_words(self, model: nn.Module, device: torch.device) -> MaskedWords | None:
        space, teacher = self._encoder_space, self._teacher_on(device)
        if space.masked_weight == 0.0:
            return None
        assert isinstance(model, Encoder), "its space builds these"
        assert teacher.mask is not None, "the space refuses a teacher that has none"
        guesses = None if teacher.head is None else (teacher.model, teacher.head)
        head = space.masked_head(model).to(device)
        return MaskedWords(head, space.masked_weight, teacher.mask, guesses)

    def _judge(
        self, model: nn.Module, seen: Vocabulary, *, device: torch.device
    ) -> dict[str, float]:
        del seen  # all students read the same texts
        value = agreement_of(model, self._teacher_on(device), self.data, device=device)
        if self._texts is None:
            return {AGREEMENT: value}
        assert isinstance(model, Encoder), "its space builds these"
        return {AGREEMENT: value, PROBE: probe_of(model, self._texts, self.data, device=device)}

    def _teacher_on(self, device: torch.device) -> EncoderTeacher:
        teacher = self._encoder_space.encoder_teacher()
        teacher.model.to(device)
        if teacher.head is not None:
            teacher.head.to(device)
        return teacher


def _read_texts(place: str) -> LabelledTexts:
    if find_spec("tokenizers") is None:
        raise MissingPackageError(
            "evaluation.labelled_texts needs the package tokenizers: pip install 'nas[language]'"
        )
    return read_labelled_texts(Path(place).expanduser())


def probe_of(
    model: Encoder, texts: LabelledTexts, data: TextSearchData, *, device: torch.device
) -> float:
    """Return the accuracy of a linear classifier on the vectors of an encoder.

    Args:
        model: in evaluation mode, on the device.
        texts: with labels; cut where they are longer than the texts of the data.
        data: has the tokenizer.
        device: of the model.
    """
    tokenizer = next(iter(data.tokenized.values())).tokenizer.to_json()
    length = min(data.context + FRAME, model.plan.positions)
    return accuracy_of_encoder(model, texts, tokenizer=tokenizer, length=length, device=device)


def agreement_of(
    model: nn.Module, teacher: EncoderTeacher, data: TextSearchData, *, device: torch.device
) -> float:
    """Return how far a student agrees with its teacher on the text that models are judged by."""
    judged = data.judged_by(next(iter(data.tokenized)))
    return mean_agreement(model, teacher, judged.tokens, context=data.context, device=device)
