"""Trials that begin as slices of a supernet, which is trained once before the first of them.

A trial's lowest rung is its slices as they are: the norms are measured again and the network is
judged, without a training step. What follows trains from these weights.
"""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import nn

from nas.data.dataset import Dataset
from nas.data.task_data import TaskData
from nas.device.device import KnownDevice
from nas.errors import ConfigError, RunFolderError
from nas.evaluation.evaluator import SharesWeights
from nas.evaluation.hand_made import KEY
from nas.evaluation.placement import move_to_device
from nas.evaluation.supernet_family import check_places, supernet_of
from nas.evaluation.trained import TrainedEvaluator
from nas.files import remove_own, write_bytes, write_text
from nas.objective import Objective
from nas.planning.duration import duration_words
from nas.space.space import SearchSpace
from nas.train.calibration import recalibrate_norms
from nas.train.checkpoint import RegularCheckpoints, load_checkpoint, save_checkpoint
from nas.train.device import own_randomness, prepare_process, release_device_memory
from nas.train.loop import Training
from nas.train.recipe import Recipe
from nas.train.shared_weights import SharedWeights
from nas.train.supernet import SupernetTraining
from nas.trial import SUPERNET_SHARE, TrialSpec

_WEIGHTS, _TOLD = "weights.safetensors", "supernet.json"
_CHECKPOINT = ("training.pt",)
_TOLD_AFTER = 4  # steps, of which the first takes longer than the others
_NUM_TOLD = 4  # further lines while it is trained
# Of the peak learning rate: slices are trained already.
RATE = 0.5


class SupernetEvaluator(TrainedEvaluator, SharesWeights):
    """Trains networks from the weights of a supernet.

    Args:
        space: builds the models, and says which of their parts share weights.
        data: as for `TrainedEvaluator`; its examples have classes.
        recipe: of a whole training from random weights, and of the supernet.
        objectives: as for `TrainedEvaluator`, as all others but the last two.
        metrics: further metrics.
        num_threads: CPU threads of a trial.
        gpu_share: GPUs of each worker.
        variants: compressed copies of each network.
        fine_tuning: of variants, as a share of the recipe's epochs.
        checkpoint_every_s: seconds between two savings, of a trial and of the supernet.
        devices: name -> device.
        supernet_epochs: passes of the supernet's training over the images, as a multiple of those
            of a trial; each step trains four networks.
        share: of a whole training's steps, that a trial from its slices gets at most.

    Attributes:
        slice_share: a trial that may spend no more than this is judged without any training.

    Raises:
        ConfigError: the space does not say which parts share weights, the data have no classes,
            or a number is out of its range.
    """

    slice_share = 0.05

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
        supernet_epochs: float = 4.0,
        share: float = 0.5,
    ) -> None:
        _check(supernet_epochs, share)
        super().__init__(
            space,
            data,
            recipe,
            objectives,
            metrics=metrics,
            num_threads=num_threads,
            gpu_share=gpu_share,
            variants=variants,
            fine_tuning=fine_tuning,
            checkpoint_every_s=checkpoint_every_s,
            devices=devices,
        )
        check_places(space)
        if self.data.task is not None or recipe.adapter_rank is not None:
            raise ConfigError(
                "evaluation=supernet: its networks learn the answers of the largest one, as "
                "classes and with all weights; other tasks and training.adapter_rank need "
                "evaluation=trained"
            )
        self._supernet_epochs, self._share = supernet_epochs, share
        self._shared: SharedWeights | None = None

    def prepare_run(
        self,
        folder: Path,
        *,
        seed: int,
        say: Callable[[str], None],
        is_ended: Callable[[], bool],
    ) -> bool:
        """Train the supernet, or read the one that an earlier command trained.

        Args:
            folder: of the run; it is kept in `supernet` there.
            seed: of the search.
            say: is told how far it is.
            is_ended: asked after each step; if so, the training is saved and left.

        Returns:
            Whether it is there.

        Raises:
            RunFolderError: the folder holds one of other settings, or one that cannot be read.
        """
        place = folder / "supernet"
        device = prepare_process(self.recipe.device, num_threads=None, gpu_share=None)
        with own_randomness(device, seed):
            family, weights = supernet_of(self.space, self.data.shape, seed=seed)
            epochs = max(1, round(self._supernet_epochs * self.recipe.epochs))
            recipe = replace(self.recipe.for_weights(), epochs=epochs)
            told = {"space": repr(self.space.parameters), "recipe": repr(recipe), "seed": seed}
            if (place / _TOLD).is_file():
                self._shared = _read(weights, place, told)
                return True
            training = SupernetTraining(
                family, weights.to(device), move_to_device(self.data, device), recipe, seed=seed
            )
            is_whole = self._train_supernet(training, place, say, is_ended)
        release_device_memory(device)
        if not is_whole:
            return False
        self._shared = weights.to("cpu")
        write_bytes(place / _WEIGHTS, save_safetensors(weights.tensors()))
        told |= {"seconds": training.spent_s, "num_params": _num_params(weights)}
        write_text(place / _TOLD, json.dumps(told))
        remove_own(place, _CHECKPOINT)
        say(f"the supernet is trained: {training.spent_s:.0f} s, before the first trial")
        return True

    def _train_supernet(
        self,
        training: SupernetTraining,
        place: Path,
        say: Callable[[str], None],
        is_ended: Callable[[], bool],
    ) -> bool:
        """Train to the end, and keep checkpoints; say whether it came to the end."""
        is_taken_up = load_checkpoint(training, place)
        regular = RegularCheckpoints(training, place, every_s=self._checkpoint_every_s or math.inf)

        def after_step() -> None:
            regular()
            if is_ended():
                raise _LeftError

        begun = f"goes on at step {training.step:,}" if is_taken_up else "is trained"
        say(f"a supernet of {_num_params(training.model):,} parameters {begun} first")
        began, began_s = training.step, time.monotonic()
        shares = [(began + _TOLD_AFTER) / training.num_steps]
        shares += [count / _NUM_TOLD for count in range(1, _NUM_TOLD + 1)]
        try:
            for share in sorted(min(share, 1.0) for share in shares):
                before = training.step
                training.run(budget=share, after_step=after_step)
                if before < training.step < training.num_steps:
                    step_s = (time.monotonic() - began_s) / (training.step - began)
                    left_s = step_s * (training.num_steps - training.step)
                    say(
                        f"supernet: {training.step:,} of {training.num_steps:,} steps; "
                        f"about {duration_words(left_s)} left"
                    )
        except _LeftError:
            save_checkpoint(training, place)
            return False
        return True

    def _build(self, spec: TrialSpec, device: torch.device) -> tuple[nn.Module, float, Recipe]:
        model, share, recipe = super()._build(spec, device)
        if not self._starts_from_slices(spec):
            return model, share, recipe
        assert self._shared is not None, "asked before"
        shared = self._shared.to(device)
        shared.of(model, self.space.places(spec.architecture) or {}).take_weights()
        peak = RATE * recipe.learning_rate
        return model, self._share, replace(recipe.for_weights(), learning_rate=peak)

    def _run(self, training: Training, spec: TrialSpec) -> float:
        if self._starts_from_slices(spec):
            if training.step == 0:  # later steps only move the statistics on, by their momentum
                recalibrate_norms(training.model, training.data)
            if spec.budget <= self.slice_share:
                return 0.0
        return super()._run(training, spec)

    def _measured(
        self, model: nn.Module, spec: TrialSpec, device: torch.device
    ) -> dict[str, float]:
        found = super()._measured(model, spec, device)
        if not self._starts_from_slices(spec):
            return found
        return {**found, "training_share": self._share, SUPERNET_SHARE: 1.0}

    def _starts_from_slices(self, spec: TrialSpec) -> bool:
        """Say whether there are weights for a network; a hand-made one has none."""
        return self._shared is not None and KEY not in spec.architecture


class _LeftError(Exception):
    """A signal came."""


def _read(weights: SharedWeights, place: Path, wanted: Mapping[str, Any]) -> SharedWeights:
    """Return the trained weights that lie in a folder."""
    try:
        told = json.loads((place / _TOLD).read_text())
        tensors = load_safetensors((place / _WEIGHTS).read_bytes())
        weights.take(tensors)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise RunFolderError(
            f"the supernet in {place} cannot be read: {error}; remove that folder, and it is "
            "trained again"
        ) from error
    changed = [name for name, value in wanted.items() if told.get(name) != value]
    if changed:
        raise RunFolderError(
            f"the supernet in {place} was trained with other settings ({', '.join(changed)}); "
            "its run goes on with its own settings, or a new run needs another name"
        )
    return weights


def _check(supernet_epochs: float, share: float) -> None:
    if not 0 < supernet_epochs <= 1000:
        raise ConfigError(
            f"evaluation.supernet_epochs must be above 0 and at most 1000, but got "
            f"{supernet_epochs:g}; it is a multiple of training.epochs, and 4 is a good number"
        )
    if not 0 < share <= 1:
        raise ConfigError(
            f"evaluation.share must be above 0 and at most 1, but got {share:g}; it is a share "
            "of a whole training, and 0.5 is a good number"
        )


def _num_params(weights: nn.Module) -> int:
    return sum(parameter.numel() for parameter in weights.parameters())
