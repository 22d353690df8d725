"""Judges an architecture by training it: build, train a share of the budget, validate, measure.

Fulfils `nas.evaluation.evaluator.Evaluator`. Whatever goes wrong in a trial is a result with its
traceback. The test split never comes here: only the training and validation images are kept.
"""

import copy
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from nas.adapt.adapters import adapt, merge
from nas.adapt.distillation import TaughtLoss, TeacherTargets
from nas.adapt.teacher_targets import checked_teacher, targets_of_teacher
from nas.adapt.transfer import networks_of, transfer
from nas.architecture import Architecture
from nas.data.dataset import Dataset
from nas.data.task_data import TaskData
from nas.device.device import KnownDevice
from nas.errors import ConfigError
from nas.evaluation.chosen import check_chosen, with_chosen
from nas.evaluation.evaluator import BringsWeights, CountsExamples, Evaluator, KnowsWidths
from nas.evaluation.failures import failed_result, worker_name
from nas.evaluation.hand_made import WithBaselines
from nas.evaluation.inherited import StartsFromOthers, begin, share_told, start
from nas.evaluation.known import KnownBefore, known_before
from nas.evaluation.measured import check_measured
from nas.evaluation.model_memory import check_memory
from nas.evaluation.part_clock import PartClock
from nas.evaluation.placement import move_to_device
from nas.evaluation.variants import TrainedModel, as_bytes, make_variants, plan_variants
from nas.measure.cost import input_size
from nas.measure.latency import measure_latency_ms
from nas.objective import Objective, dominates, losses
from nas.running_clock import running_s
from nas.space.space import SearchSpace
from nas.train.batches import TrialData
from nas.train.checkpoint import (
    RegularCheckpoints,
    checked_interval,
    load_checkpoint,
    save_checkpoint,
)
from nas.train.device import own_randomness, prepare_process, release_device_memory
from nas.train.layout import placed
from nas.train.loop import Loss, Training
from nas.train.recipe import Recipe
from nas.trial import TrialResult, TrialSpec, TrialState, Variant

# Images of the shortest measurement: batch norms want several; and what makes a step long.
_LEAST_BATCH, _FIRST_STEP_MACS = 4, 6e8
_ALWAYS_COUNTED = ("num_params", "size_bytes", "num_macs")
MAX_THREADS = 1024  # of a trial; the system refuses to start many more


class TrainedEvaluator(StartsFromOthers, Evaluator, KnowsWidths, CountsExamples, BringsWeights):
    """Trains architectures of a space on a data set.

    Args:
        space: builds the models.
        data: its training and validation splits are kept, its test split is not.
        recipe: how to train.
        objectives: what the search makes better; decides which weights are worth sending.
        metrics: further metrics to report: `activation_bytes`, `latency_ms`.
        num_threads: CPU threads of a trial, at least 1; None for as many as torch takes.
        gpu_share: GPUs of each worker; below 1 its share of the GPU's memory is kept too.
        variants: compressed copies to make of each network at the end of its training, each a
            point of its own: `int8`, `kept0.5+int8` (see `nas.compress.compression`).
        fine_tuning: of variants that lost channels or ranks, as a share of the recipe's epochs.
        checkpoint_every_s: a trial is saved so often while it trains, in the folder that its order
            names, and goes on from there on another worker; None for no such checkpoints.
        devices: name -> device, each that an objective or a metric names: `latency_ms@pi5`.

    Attributes:
        brings_weights: results of members of the front come with weights.
        measures: what a subclass measures that none of this class does, such as `energy_j`.
        data: what is learnt from and judged by.
        teacher_targets: a teacher's outputs for the training images, or None.
    """

    brings_weights = True
    measures: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        space: SearchSpace,
        data: Dataset | TaskData,
        recipe: Recipe,
        objectives: Sequence[Objective],
        *,
        metrics: Sequence[str] = (),
        num_threads: float | None = None,
        gpu_share: float | None = None,
        variants: Sequence[str] = (),
        fine_tuning: float = 0.25,
        checkpoint_every_s: float | None = None,
        devices: Mapping[str, KnownDevice] | None = None,
    ) -> None:
        if num_threads is not None and not 0 < num_threads <= MAX_THREADS:
            raise ConfigError(
                f"evaluation.num_threads must be above 0 and at most {MAX_THREADS}, but got "
                f"{num_threads:g}; the CPU cores of a trial are a good number"
            )
        self.space, self._builder = space, WithBaselines(space)
        self.data = data.search_data()
        space.check_data(self.data.shape)
        check_chosen(recipe, space.domains)
        self.recipe, self.objectives = recipe, tuple(objectives)
        wanted = {*_ALWAYS_COUNTED, *metrics, *(o.metric for o in objectives)}
        check_measured(wanted, self.data, also=self.measures)
        counted = known_before(wanted)
        self._known = KnownBefore(self._builder, self.data.shape, metrics=counted, devices=devices)
        self._measures_latency = "latency_ms" in wanted
        self._num_threads = num_threads
        self._gpu_share = gpu_share
        self._variants = plan_variants(
            variants, fine_tuning=fine_tuning, space=space, recipe=recipe
        )
        self._checkpoint_every_s = checked_interval(checkpoint_every_s)
        self._resident: TrialData | None = None
        self.teacher_targets: TeacherTargets | None = None
        if recipe.distillation is not None:
            checked_teacher(recipe.distillation)
        if recipe.transfer_from is not None:
            networks_of(recipe.transfer_from)

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what each process makes for itself."""
        return {**self.__dict__, "_resident": None}

    def static_costs(self, architecture: Architecture) -> Mapping[str, float]:
        """Return the static costs; counted once for each architecture."""
        return self._known.costs(architecture)

    def widths(self, architecture: Architecture) -> Mapping[str, float]:
        """Return how wide the network is (`nas.widths`); nothing where the space hides it."""
        return self._known.widths(architecture)

    def meet_parts(self) -> None:
        """Look at the parts of networks, so that further ones are quickly described."""
        self._known.meet_parts()

    def prepare(self) -> None:
        """Set up the process: memory, threads and device; and move the data there."""
        if self._resident is not None:
            return
        device = prepare_process(
            self.recipe.device, num_threads=self._num_threads, gpu_share=self._gpu_share
        )
        num_loaders = max(1, int(self._num_threads or 1))
        self._resident = move_to_device(self.data, device, num_loaders=num_loaders)
        teacher = self.recipe.distillation
        if self.teacher_targets is None and teacher is not None:
            self.teacher_targets = targets_of_teacher(
                teacher, self.space, self._resident, self.data.shape
            )

    @property
    def num_judged(self) -> int:
        """How many validation images an accuracy is a share of; 0 where a task judges."""
        return len(self.data.validation) if self.data.task is None else 0

    @property
    def _num_shown(self) -> int:
        """Images that a full training sees, each as often as it comes."""
        return self.recipe.epochs * len(self.data.train)

    def first_share(self, costs: Mapping[str, float]) -> float:
        """Return the share of a full training that is measured first: one step.

        It has fewer images where a whole step would take long.

        Args:
            costs: of the network.
        """
        images = int(_FIRST_STEP_MACS / max(1.0, costs.get("num_macs", 1.0)))
        return min(max(_LEAST_BATCH, images), self.recipe.batch_size) / self._num_shown

    def batch_at(self, share: float) -> int:
        """Return the images of one step in a share of a training, where it is no whole step."""
        return min(self.recipe.batch_size, max(1, round(share * self._num_shown)))

    def judging_by(self, share: float, step_share: float = 1.0) -> "TrainedEvaluator":
        """Return an evaluator for measuring what a share of a trial takes.

        It validates on the first images alone, a share of them, so that training and validating
        cost the same share; and its steps are no larger than `step_share` of a training.
        """
        self.prepare()
        data = self._resident
        assert data is not None, "prepare has moved the data"
        part = copy.copy(self)
        part.recipe = replace(self.recipe, batch_size=self.batch_at(step_share))
        number = max(1, round(share * len(self.data.validation)))
        part._resident = replace(data, validation=data.validation.head(number))
        return part

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
            if self._resident is not None:
                release_device_memory(self._resident.mean.device)

    def _train(self, spec: TrialSpec, *, started: float) -> TrialResult:
        self.prepare()
        data = self._resident
        assert data is not None, "prepare has moved the data"
        device, clock = data.mean.device, PartClock()
        with own_randomness(device, spec.seed):
            with clock.part("build"):
                model, share, recipe = self._build(spec, device)
            with clock.part("data"):
                data = data.resized(input_size(model, self.data.shape))
                recipe = begin(model, lambda: self._new(spec), data, recipe)
                training = Training(
                    model,
                    data,
                    recipe if spec.epochs is None else replace(recipe, epochs=spec.epochs),
                    seed=spec.seed,
                    share=share,
                    **spec.time_bounds(spent_s=time.monotonic() - started),
                    loss=self._loss(model, device, recipe),
                )
            with clock.part("train"):
                saving_s = self._run(training, spec)
                if recipe.adapter_rank is not None and spec.budget >= 1.0:
                    merge(model)
            earlier_s = max(training.earlier_s, spec.spent_s)
            clock.move(saving_s, source="train", to="checkpoint")
            clock.add("train", earlier_s)
            with clock.part("validate"):
                metrics = training.score().metrics()
            with clock.part("measure"):
                metrics |= self._measured(model, spec, device)
                taken = 1.0 if spec.within_s is None else training.share_taken
                metrics |= share_told(spec.inheritance, taken)
            seconds = earlier_s + time.monotonic() - started
            is_whole = spec.budget >= 1.0
            with clock.part("variants"):
                variants = self._make_variants(spec, training) if is_whole else ()
        return TrialResult(
            number=spec.number,
            attempt=spec.attempt,
            state=TrialState.COMPLETE if is_whole else TrialState.STOPPED,
            metrics={**metrics, "seconds": seconds},
            seconds=seconds,
            budget=spec.budget,
            worker=worker_name(),
            weights=as_bytes(model.state_dict()) if self._is_kept(spec, metrics) else None,
            variants=variants,
            parts_s=clock.parts_s,
        )

    def _new(self, spec: TrialSpec) -> nn.Module:
        return self._builder.build(spec.architecture, self.data.shape)

    def _build(self, spec: TrialSpec, device: torch.device) -> tuple[nn.Module, float, Recipe]:
        """Return the network, and how it is trained: the share of a training, and the recipe."""
        chosen = with_chosen(self.recipe, spec.architecture)
        has_gradients = device.type == "cpu" and chosen.adapter_rank is None
        check_memory(self.static_costs(spec.architecture), copies=1 + has_gradients)
        model = self._new(spec)
        if chosen.transfer_from is not None and spec.inheritance is None:
            transfer(model, chosen.transfer_from)
            chosen = chosen.for_weights()
        share, recipe = start(model, spec.inheritance, chosen)
        if recipe.adapter_rank is not None:
            adapt(model, rank=recipe.adapter_rank)
            recipe = recipe.for_weights()
        return placed(model, device), share, recipe

    def _measured(
        self, model: nn.Module, spec: TrialSpec, device: torch.device
    ) -> dict[str, float]:
        found = dict(self.static_costs(spec.architecture))
        if self._measures_latency:
            found["latency_ms"] = measure_latency_ms(model, self.data.shape, device=device)
        return found

    def _make_variants(self, spec: TrialSpec, training: Training) -> tuple[Variant, ...]:
        shape, device = self.data.shape, training.device
        limit_s = spec.time_limit_s
        now_s = running_s()
        trained = TrainedModel(
            build=lambda: self.space.build(spec.architecture, shape),
            state=training.model.state_dict(),
            data=training.data,
            shape=shape,
            costs=dict(self.static_costs(spec.architecture)),
            seed=spec.seed,
            deadline_s=None if limit_s is None else now_s + limit_s - training.spent_s,
            loss=lambda model: self._loss(model, device, self.recipe),
            measures_latency=self._measures_latency,
            devices=self._known.devices,
        )
        return make_variants(
            trained, self._variants, is_wanted=lambda found: self._is_wanted(spec, found)
        )

    def _run(self, training: Training, spec: TrialSpec) -> float:
        """Train on and keep checkpoints; return the seconds that these took."""
        if spec.checkpoint is None:
            training.run(budget=spec.budget)
            return 0.0
        folder, every_s, clock = Path(spec.checkpoint), self._checkpoint_every_s, PartClock()
        with clock.part("checkpoint"):
            load_checkpoint(training, folder)
        regular = None
        if every_s is not None:
            regular = RegularCheckpoints(training, folder, every_s=every_s)
        training.run(budget=spec.budget, after_step=regular)
        if spec.budget < 1.0:
            with clock.part("checkpoint"):
                save_checkpoint(training, folder)
        return clock.parts_s["checkpoint"] + (0.0 if regular is None else regular.spent_s)

    def _loss(self, model: nn.Module, device: torch.device, recipe: Recipe) -> Loss | None:
        if self.teacher_targets is None:
            return None
        smoothing = recipe.label_smoothing
        taught = TaughtLoss(self.teacher_targets, model, device=device, label_smoothing=smoothing)
        return lambda logits, labels, taken: taught(
            logits, labels, indices=taken.indices, mirrored=taken.mirrored
        )

    def _is_kept(self, spec: TrialSpec, metrics: Mapping[str, float]) -> bool:
        return (spec.keeps_weights and spec.budget >= 1.0) or self._is_wanted(spec, metrics)

    def _is_wanted(self, spec: TrialSpec, metrics: Mapping[str, float]) -> bool:
        """Say whether a network of these metrics may stand on the front."""
        ours = losses(self.objectives, metrics)
        if spec.budget < 1.0 or ours is None:
            return False
        return not any(dominates(point, ours) for point in spec.front)
