"""Judges a language model by training it on tokens: loss, bits per byte, and what it costs.

Fulfils `nas.evaluation.evaluator.Evaluator`. Whatever goes wrong in a trial is a result with its
traceback. The tokens are mapped from a file that all workers of a machine share; the test split
never comes here.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from nas.architecture import Architecture
from nas.data.curation import Curation
from nas.data.text import TextData, TextSearchData
from nas.errors import ConfigError
from nas.evaluation.chosen import check_chosen, with_chosen
from nas.evaluation.evaluator import BringsWeights, Evaluator, Inherits, KnowsWidths
from nas.evaluation.failures import failed_result, worker_name
from nas.evaluation.inherited import shapes_of_weights, share_told, start_decoder
from nas.evaluation.known import KnownBefore
from nas.evaluation.language_spaces import HasEncoderTeacher, HasTokens, StartsFromModel
from nas.evaluation.model_memory import check_memory
from nas.evaluation.variants import as_bytes
from nas.metric import METRICS
from nas.models.decoder import Decoder
from nas.objective import Objective, losses
from nas.space.space import SearchSpace
from nas.train.checkpoint import (
    RegularCheckpoints,
    checked_interval,
    load_checkpoint,
    save_checkpoint,
)
from nas.train.device import own_randomness, prepare_process, release_device_memory
from nas.train.token_recipe import TokenRecipe
from nas.train.token_training import TokenArray, TokenTeacher, TokenTraining, mean_loss
from nas.trial import TrialResult, TrialSpec, TrialState

_ALWAYS_COUNTED = ("num_params", "size_bytes", "num_macs", "num_body_params")
MEASURED = ("loss", "perplexity", "bits_per_byte", "tokens_per_s", "seconds")
_COUNTED = (*_ALWAYS_COUNTED, "kv_bytes_per_token", "trained_bytes")

# Tells how many tokens a second a model writes.
Speed = Callable[[Decoder], float]


@dataclass(frozen=True)
class Vocabulary:
    """Which tokens a model is trained on.

    Attributes:
        size: of the vocabulary.
        context: tokens that the model sees at once.
    """

    size: int
    context: int


class LanguageEvaluator(Evaluator, Inherits, KnowsWidths, BringsWeights):
    """Trains language models of a space on a text.

    Args:
        space: builds the models.
        data: its training and validation splits are used.
        recipe: how to train.
        objectives: what the search makes better; decides which weights are worth sending.
        metrics: further metrics to report: `kv_bytes_per_token`, `trained_bytes`,
            `tokens_per_s`.
        num_threads: CPU threads of a trial, at least 1; None leaves torch's own number.
        gpu_share: GPUs of each worker; below 1 its share of the GPU's memory is kept too.
        checkpoint_every_s: a trial is saved so often while it trains, in the folder that its order
            names, and goes on from there on another worker; None for no such checkpoints.

    Attributes:
        brings_weights: results of members of the front come with weights.
        data: what is learnt from and judged by.
        teacher: makes the model that is learnt from beside the text; None for none.
    """

    brings_weights = True
    measured: ClassVar[tuple[str, ...]] = MEASURED

    def __init__(
        self,
        space: SearchSpace,
        data: TextData,
        recipe: TokenRecipe,
        objectives: Sequence[Objective],
        *,
        metrics: Sequence[str] = (),
        num_threads: float | None = None,
        gpu_share: float | None = None,
        checkpoint_every_s: float | None = None,
    ) -> None:
        self.space = space
        self.data: TextSearchData = data.search_data()
        space.check_data(self.data.shape)
        _check_curations(space, self.data)
        first, made = next(iter(self.data.tokenized.items()))
        if isinstance(space, HasTokens):
            space.check_tokens(made.tokenizer.to_json())
        if isinstance(space, StartsFromModel):
            space.calibrate(self.data.train_tokens(first))
        check_chosen(recipe, space.domains)
        self.recipe = recipe
        self.objectives = tuple(objectives)
        wanted = {*_ALWAYS_COUNTED, *metrics, *(o.metric for o in objectives)}
        self._check_kind()
        _check_measured(wanted, self.measured)
        counted = [name for name in _COUNTED if name in wanted]
        self._known = KnownBefore(space, self.data.shape, metrics=counted)
        self._measures_speed = "tokens_per_s" in wanted
        self._num_threads = num_threads
        self._gpu_share = gpu_share
        self._checkpoint_every_s = checked_interval(checkpoint_every_s)
        self._device: torch.device | None = None
        self.teacher: TokenTeacher | None = None

    def _check_kind(self) -> None:
        """Refuse a space whose networks are trained in another way.

        Raises:
            ConfigError: what to write.
        """
        if isinstance(self.space, HasEncoderTeacher):
            raise ConfigError(
                "this space has students of an encoder, which guess no tokens; preset="
                "encoder_student sets what they need: nas search preset=encoder_student "
                "search_space.teacher=MODEL data.path=..."
            )

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what each process finds for itself."""
        return {**self.__dict__, "_device": None}

    def static_costs(self, architecture: Architecture) -> Mapping[str, float]:
        """Return the static costs; counted once for each architecture."""
        return self._known.costs(architecture)

    def widths(self, architecture: Architecture) -> Mapping[str, float]:
        """Return how wide the network is (`nas.widths`)."""
        return self._known.widths(architecture)

    def weight_shapes(self, architecture: Architecture) -> Mapping[str, tuple[int, ...]]:
        """Return name -> shape of what a network's state dict holds."""
        return shapes_of_weights(self.space, architecture, self.data.shape)

    def prepare(self) -> None:
        """Set up the process: memory, threads and device; and map the tokens."""
        if self._device is not None:
            return
        device = prepare_process(
            self.recipe.device, num_threads=self._num_threads, gpu_share=self._gpu_share
        )
        for size in self.data.tokenized:
            self.data.train_tokens(size)
        self._device = device

    def evaluate(self, spec: TrialSpec) -> TrialResult:
        """Train and judge one architecture; every failure is a result."""
        started = time.monotonic()
        try:
            return self._train(spec, started=started)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a user's build may raise anything
            return failed_result(spec, error, seconds=time.monotonic() - started)
        finally:
            if self._device is not None:
                release_device_memory(self._device)

    def _train(self, spec: TrialSpec, *, started: float) -> TrialResult:
        self.prepare()
        device = self._device
        assert device is not None, "prepare has chosen it"
        with own_randomness(device, spec.seed):
            check_memory(self.static_costs(spec.architecture), copies=2)
            model = self.space.build(spec.architecture, self.data.shape).to(device)
            seen = vocabulary_of(model, self.data)
            first = self.data.shape.curations[0]
            curation = str(spec.architecture.get("curation", first))
            chosen = with_chosen(self.recipe, spec.architecture)
            training = self._training_of(
                model,
                self.data.train_tokens(seen.size, curation),
                start_decoder(model, spec.inheritance, chosen),
                context=seen.context,
                seed=spec.seed,
                device=device,
                time_limit_s=spec.time_limit_s,
                teacher=self.teacher or self._whole_as_teacher(seen.context),
                grows=Curation.named(curation).is_ordered,
            )
            self._run(training, spec)
            metrics = self._judge(model, seen, device=device)
            metrics |= self.static_costs(spec.architecture)
            metrics |= share_told(spec.inheritance)
            if self._measures_speed:
                metrics["tokens_per_s"] = speed_of(model)
        seconds = training.earlier_s + time.monotonic() - started
        is_whole = spec.budget >= 1.0
        return TrialResult(
            number=spec.number,
            attempt=spec.attempt,
            state=TrialState.COMPLETE if is_whole else TrialState.STOPPED,
            metrics={**metrics, "seconds": seconds},
            seconds=seconds,
            budget=spec.budget,
            worker=worker_name(),
            weights=as_bytes(model.state_dict()) if self._is_wanted(spec, metrics) else None,
        )

    def _training_of(
        self, model: nn.Module, tokens: TokenArray, recipe: TokenRecipe, **settings: Any
    ) -> TokenTraining:
        """Return a training; `settings` are those of `TokenTraining`."""
        return TokenTraining(model, tokens, recipe, **settings)

    def _judge(
        self, model: nn.Module, seen: Vocabulary, *, device: torch.device
    ) -> dict[str, float]:
        """Return what a trained model is judged by."""
        return judge(model, self.data, seen, device=device)

    def _whole_as_teacher(self, context: int) -> TokenTeacher | None:
        """Return the model that the networks of the space are parts of, where it teaches them."""
        if not isinstance(self.space, StartsFromModel):
            return None
        whole = self.space.teacher(context)
        if whole is None:
            return None
        return TokenTeacher(
            whole.to(self._device), self.space.temperature, self.space.teacher_weight
        )

    def _run(self, training: TokenTraining, spec: TrialSpec) -> None:
        """Train from the last checkpoint on, and keep some; a part of the budget is kept whole."""
        if spec.checkpoint is None:
            training.run(budget=spec.budget)
            return
        folder, every_s = Path(spec.checkpoint), self._checkpoint_every_s
        load_checkpoint(training, folder)
        regular = None
        if every_s is not None:
            regular = RegularCheckpoints(training, folder, every_s=every_s)
        training.run(budget=spec.budget, after_step=regular)
        if spec.budget < 1.0:
            save_checkpoint(training, folder)

    def _is_wanted(self, spec: TrialSpec, metrics: Mapping[str, float]) -> bool:
        """Say whether a network may stand on the front, or others are to start from it."""
        ours = losses(self.objectives, metrics)
        if spec.budget < 1.0 or ours is None:
            return False
        return spec.keeps_weights or not any(
            all(a <= b for a, b in zip(point, ours, strict=True)) and point != ours
            for point in spec.front
        )


def _check_curations(space: SearchSpace, data: TextSearchData) -> None:
    """Refuse training texts that no trial would learn from, and choices that there are not.

    Raises:
        ConfigError: which, and what to write.
    """
    known, domain = data.shape.curations, space.domains.get("curation")
    if domain is None:
        if len(known) > 1:
            listed = ",".join(known)
            raise ConfigError(
                f"data.curation has {len(known)} values, but nothing chooses among them; let the "
                f"space: '+search_space.parameters.curation.choice=[{listed}]', or give one"
            )
        return
    absent = [str(value) for value in domain.values() if value not in known]
    if absent:
        raise ConfigError(
            f"search_space.parameters.curation has {absent[0]}, but data.curation has only "
            f"{', '.join(known)}; give both the same values"
        )


def vocabulary_of(model: nn.Module, data: TextSearchData) -> Vocabulary:
    """Return the vocabulary and context of a model: its own, or else those of the data."""
    plan = getattr(model, "plan", None)
    size = getattr(plan, "vocabulary", data.shape.num_classes)
    return Vocabulary(int(size), int(getattr(plan, "context", data.context)))


def judge(
    model: nn.Module, data: TextSearchData, seen: Vocabulary, *, device: torch.device
) -> dict[str, float]:
    """Return the loss in nats a token, perplexity, and bits a byte of the text that it guesses.

    Bits a byte compare over vocabularies; characters that a vocabulary lacks cost what it takes to
    name one of all that there are.
    """
    judged = data.judged_by(seen.size)
    loss = mean_loss(model, judged.tokens, context=seen.context, device=device)
    whole = loss + judged.unknown_nats
    return {
        "loss": loss,
        "perplexity": math.exp(min(loss, 700.0)),
        "bits_per_byte": whole / math.log(2) / judged.bytes_per_token,
    }


def speed_of(model: nn.Module) -> float:
    """Return the tokens a second that a model writes, one at a time, with its cache.

    Raises:
        ConfigError: it is no decoder of `nas.models.decoder`.
    """
    from nas.models.decoder_files import portable_model
    from nas.models.generate_without_nas import tokens_per_second

    if not isinstance(model, Decoder):
        raise ConfigError(
            f"tokens_per_s is measured of search_space=decoder_lm, but the space builds "
            f"{type(model).__name__}; leave tokens_per_s out"
        )
    return tokens_per_second(portable_model(model))


def _check_measured(wanted: set[str], measured: Sequence[str]) -> None:
    known = {*_COUNTED, *measured}
    first = "agreement" if "agreement" in known else "bits_per_byte"
    for name in sorted(wanted - known):
        told = "it is measured of others" if name in METRICS else "there is no such metric"
        raise ConfigError(
            f"language models have no {name}: {told}; known are {', '.join(sorted(known))}: "
            f"objectives=[{first},size_bytes]"
        )
