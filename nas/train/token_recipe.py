"""How a language model trains: its numbers checked, the same for every architecture."""

from dataclasses import dataclass

from nas.errors import ConfigError
from nas.train.recipe import DEVICES

OPTIMIZERS = ("adamw", "muon")
MAX_TOKENS = 10**15


@dataclass(frozen=True)
class TokenRecipe:
    """Settings of a training on tokens.

    Attributes:
        tokens: that a full training reads, each as often as it comes.
        batch_tokens: in a step.
        micro_batch_tokens: that are computed at once; gradients of the parts of a step add up.
            None computes a step at once.
        optimizer: muon for the matrices inside and adamw for the rest, or adamw for all.
        learning_rate: its peak, for the matrices of a network of width 64; the others follow by
            the rule of `nas.train.width_rules`.
        weight_decay: of matrices; norms have none.
        warmup: share of all steps in which the learning rate rises to its peak.
        gradient_norm: gradients are scaled down to this norm.
        averaging: share of all steps, the last ones, whose weights are averaged; 0 for none.
        device: auto, cpu, cuda or mps.

    Raises:
        ConfigError: a value is out of its range.
    """

    tokens: int = 1_000_000
    batch_tokens: int = 4096
    micro_batch_tokens: int | None = None
    optimizer: str = "muon"
    learning_rate: float = 0.02
    weight_decay: float = 0.1
    warmup: float = 0.1
    gradient_norm: float = 1.0
    averaging: float = 0.0
    device: str = "auto"

    def __post_init__(self) -> None:
        """Check each value against its range."""
        _whole("tokens", self.tokens, 1024, MAX_TOKENS)
        _whole("batch_tokens", self.batch_tokens, 16, 1 << 30)
        if self.micro_batch_tokens is not None:
            _whole("micro_batch_tokens", self.micro_batch_tokens, 16, 1 << 30)
        _within("learning_rate", self.learning_rate, 1e-9, 10.0)
        _within("weight_decay", self.weight_decay, 0.0, 10.0)
        _within("warmup", self.warmup, 0.0, 0.9)
        _within("gradient_norm", self.gradient_norm, 1e-9, 1e6)
        _within("averaging", self.averaging, 0.0, 0.9)
        for name, value, allowed in (
            ("optimizer", self.optimizer, OPTIMIZERS),
            ("device", self.device, DEVICES),
        ):
            if value not in allowed:
                raise ConfigError(
                    f"training.{name} must be one of {', '.join(allowed)}, but got {value!r}"
                )
        if self.tokens < self.batch_tokens:
            raise ConfigError(
                f"training.tokens is {self.tokens:,} and training.batch_tokens "
                f"{self.batch_tokens:,}: a training would not fill one step; give more tokens"
            )


def _whole(name: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ConfigError(
            f"training.{name} must be a whole number from {least:,} to {most:,}, but got {value!r}"
        )


def _within(name: str, value: object, low: float, high: float) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not low <= float(str(value)) <= high:
        raise ConfigError(f"training.{name} must be from {low:g} to {high:g}, but got {value!r}")
