"""A training on disk, whole or absent: what it needs to go on as if it had never been cut.

A worker may be killed and a node taken away at any moment, so a long training is saved while it
runs (`RegularCheckpoints`); whoever takes it up loses what came after the last saving, no more.
"""

import copy
import io
import logging
import pickle
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from nas.errors import ConfigError
from nas.files import write_bytes
from nas.train.course import Course

_LOG = logging.getLogger(__name__)

_FILE = "training.pt"
_BROKEN = (
    OSError,
    RuntimeError,
    EOFError,
    pickle.UnpicklingError,
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    IndexError,
)
# However often it is asked for, saving takes no more than this share of the time.
MAX_SHARE = 0.02


class HoldsState(Protocol):
    """What has a state to save and to load: an optimizer, or several together."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Take a state."""


class Resumable(Protocol):
    """A training that can be saved at any of its steps, and go on from there."""

    model: nn.Module
    seed: int
    step: int
    num_steps: int
    earlier_s: float
    device: torch.device
    course: Course

    @property
    def optimizer(self) -> HoldsState:
        """What changes the weights."""

    @property
    def spent_s(self) -> float:
        """Seconds since it began."""


def save_checkpoint(training: Resumable, folder: Path) -> None:
    """Write the training's state to `folder`; a crash leaves the old state or the new one."""
    buffer = io.BytesIO()
    torch.save(
        {
            "model": training.model.state_dict(),
            "optimizer": training.optimizer.state_dict(),
            "step": training.step,
            "place": training.course.place(training.step),
            "num_steps": training.num_steps,
            "seed": training.seed,
            "spent_s": training.spent_s,
            "random": torch.get_rng_state(),
            "cuda_random": (
                torch.cuda.get_rng_state() if training.device.type == "cuda" else None
            ),
        },
        buffer,
    )
    write_bytes(folder / _FILE, buffer.getvalue())


def load_checkpoint(training: Resumable, folder: Path) -> bool:
    """Bring a fresh training to the state that was saved in `folder`; say whether there was one.

    A state of another seed or another number of steps belongs to other settings and is left alone;
    so is one that cannot be read: the trial begins again rather than fail.
    """
    path = folder / _FILE
    if not path.is_file():
        return False
    before = copy.deepcopy(training.model.state_dict())
    fresh = copy.deepcopy(training.optimizer.state_dict())
    try:
        state = torch.load(path, map_location=training.device, weights_only=True)
        if (state["seed"], state["num_steps"]) != (training.seed, training.num_steps):
            return False
        _take(training, state)
    except _BROKEN as error:
        _LOG.warning("the checkpoint %s cannot be read and is left alone: %s", path, error)
        training.model.load_state_dict(before)
        training.optimizer.load_state_dict(fresh)
        return False
    return True


def _take(training: Resumable, state: Mapping[str, Any]) -> None:
    """Bring a training to a state; of a broken one nothing counts."""
    step, earlier_s = int(state["step"]), float(state["spent_s"])
    if not 0 <= step <= training.num_steps:
        raise ValueError(f"there is no step {step} of {training.num_steps}")
    place = float(state.get("place", step))  # earlier versions knew steps alone
    random = state["random"].cpu()
    training.model.load_state_dict(state["model"])
    training.optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(random)
    if state["cuda_random"] is not None and training.device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda_random"].cpu())
    training.step, training.earlier_s = step, earlier_s
    training.course.go_on_from(place)


class RegularCheckpoints:
    """Saves a training now and then; called after each of its steps.

    Args:
        training: what to save.
        folder: where to.
        every_s: seconds between two savings, and before the first: what is shorter is not saved.

    Attributes:
        spent_s: wall time of all savings.
    """

    def __init__(self, training: Resumable, folder: Path, *, every_s: float) -> None:
        self._training = training
        self._folder = folder
        self._every_s = every_s
        self._due_s = time.monotonic() + every_s
        self.spent_s = 0.0

    def __call__(self) -> None:
        """Save, if it is time; a full disk costs the checkpoint, not the trial."""
        began_s = time.monotonic()
        if began_s < self._due_s:
            return
        try:
            save_checkpoint(self._training, self._folder)
        except OSError as error:
            _LOG.warning("no checkpoint could be saved in %s: %s", self._folder, error)
        ended_s = time.monotonic()
        self.spent_s += ended_s - began_s
        self._due_s = ended_s + max(self._every_s, (ended_s - began_s) / MAX_SHARE)


def checked_interval(every_s: float | None) -> float | None:
    """Return the seconds between two checkpoints; None for none.

    Raises:
        ConfigError: it is not above 0.
    """
    if every_s is not None and not every_s > 0:
        raise ConfigError(
            f"evaluation.checkpoint_every_s must be above 0, but got {every_s}; null saves none"
        )
    return every_s
