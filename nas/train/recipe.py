"""How a trial trains: one short recipe, its numbers checked, the same for every architecture."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nas.errors import ConfigError
from nas.train.policy import Augmentation, augmentation_of


@dataclass(frozen=True)
class Recipe:
    """Settings of a training.

    Attributes:
        epochs: passes over the training images in a full training.
        batch_size: images in a step.
        optimizer: adamw; or muon, for the kernels of convolutions inside a network
            (`nas.train.schedule`), with AdamW for all else.
        learning_rate: its peak, of AdamW; Muon's follows from it.
        weight_decay: of weight matrices and kernels; norms and biases have none.
        label_smoothing: share of the target that is spread over all classes.
        class_weights: none, or balanced: each class counts alike in the loss, however rare it is.
        warmup: share of all steps in which the learning rate rises to its peak.
        gradient_norm: gradients are scaled down to this norm.
        augmentation: how training images are changed by chance: none, light, photo or strong
            (`nas.train.policy`); the next five set single strengths of it.
        shift: images are moved by up to this share of their side, or what the policy says if more.
        crop: a random part of at least the rest of the area is shown; None: as the policy says.
        colour: strength of changes of tone; None: as the policy says.
        erasing: share of images with a rectangle erased; None: as the policy says.
        mixup: how strongly pairs of images are mixed; None: as the policy says.
        whitening: networks that begin at random get a first convolution that whitens patches of
            the training images (`nas.train.whitening`).
        norm_momentum: weight of the newest batch in the running statistics of batch norms.
        device: auto, cpu, cuda or mps.
        adapter_rank: rank of the updates by which a network that has weights already learns
            (`nas.adapt.adapters`); 0 trains norms and the last layer alone, None all of it.
        transfer_from: folder of an earlier run, whose weights trials and winners start from
            (`nas.adapt.transfer`); None starts from those that the space gives.
        distillation: a teacher for every trial: `teacher`, a folder of runs/N/models, and perhaps
            `temperature`, `weight`, `feature_weight`; None for no teacher.

    Raises:
        ConfigError: a value is out of its range.
    """

    epochs: int = 4
    batch_size: int = 32
    learning_rate: float = 0.02
    weight_decay: float = 0.02
    label_smoothing: float = 0.1
    class_weights: str = "none"
    warmup: float = 0.25
    gradient_norm: float = 1.0
    shift: float = 0.0
    norm_momentum: float = 0.1
    device: str = "auto"
    adapter_rank: int | None = None
    transfer_from: str | None = None
    distillation: Mapping[str, Any] | None = None
    augmentation: str = "none"
    crop: float | None = None
    colour: float | None = None
    erasing: float | None = None
    mixup: float | None = None
    whitening: bool = False
    optimizer: str = "adamw"

    def __post_init__(self) -> None:
        """Check each value against its range."""
        _whole("epochs", self.epochs, "use preset=smoke for the shortest run", most=MAX_EPOCHS)
        _whole("batch_size", self.batch_size, "32 suits small data")
        if self.adapter_rank is not None:
            _whole("adapter_rank", self.adapter_rank, "null trains all weights", least=0)
        _within("learning_rate", self.learning_rate, 0.0, 10.0, includes_low=False)
        _within("weight_decay", self.weight_decay, 0.0, 10.0)
        _within("label_smoothing", self.label_smoothing, 0.0, 0.9)
        _within("warmup", self.warmup, 0.0, 0.9)
        _within("gradient_norm", self.gradient_norm, 0.0, 1e6, includes_low=False)
        _within("shift", self.shift, 0.0, 0.5)
        for name, most in (("crop", 0.9), ("colour", 1.0), ("erasing", 1.0), ("mixup", 10.0)):
            if getattr(self, name) is not None:
                _within(name, getattr(self, name), 0.0, most)
        _ = self.augmentations
        _within("norm_momentum", self.norm_momentum, 0.0, 1.0, includes_low=False)
        if self.optimizer not in OPTIMIZERS:
            raise ConfigError(
                f"training.optimizer must be one of {', '.join(OPTIMIZERS)}, "
                f"but got {self.optimizer!r}"
            )
        if not isinstance(self.whitening, bool):
            raise ConfigError(
                f"training.whitening must be true or false, but got {self.whitening!r}"
            )
        if self.class_weights not in CLASS_WEIGHTS:
            raise ConfigError(
                f"training.class_weights must be one of {', '.join(CLASS_WEIGHTS)}, "
                f"but got {self.class_weights!r}"
            )
        if self.device not in DEVICES:
            raise ConfigError(
                f"training.device must be one of {', '.join(DEVICES)}, but got {self.device!r}"
            )

    @property
    def augmentations(self) -> Augmentation:
        """What the policy and the single settings add up to."""
        return augmentation_of(
            self.augmentation,
            shift=self.shift,
            crop=self.crop,
            colour=self.colour,
            erasing=self.erasing,
            mixup=self.mixup,
        )

    def for_weights(self) -> "Recipe":
        """Return the recipe for a network that has learnt already.

        Its first convolution stays, and AdamW, whose steps can be small, trains it.
        """
        return replace(self, whitening=False, optimizer="adamw")


OPTIMIZERS = ("adamw", "muon")
CLASS_WEIGHTS = ("none", "balanced")
DEVICES = ("auto", "cpu", "cuda", "mps")
MAX_EPOCHS, _MOST = 100_000, 1_000_000  # a slip of the finger above


def _whole(name: str, value: int, advice: str, *, least: int = 1, most: int = _MOST) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(
            f"training.{name} must be a whole number of at least {least}, but got {value!r}; "
            f"{advice}"
        )
    if value > most:
        raise ConfigError(f"training.{name} must be at most {most:,}, but got {value:,}; {advice}")


def _within(
    name: str, value: float, low: float, high: float, *, includes_low: bool = True
) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not low <= value <= high or (value == low and not includes_low):
        start = f"from {low:g}" if includes_low else f"above {low:g}"
        raise ConfigError(f"training.{name} must be {start} up to {high:g}, but got {value!r}")
