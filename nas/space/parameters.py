"""The kinds of parameters: what one parameter may be, and how its values are drawn.

`nas.space.flatten` makes a flat list of parameters out of a tree of them, as written in YAML.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Value
from nas.errors import SpaceError
from nas.space.prior import checked_guess, checked_prior

# Limits that keep every look at a parameter quick.
MAX_OPTIONS = MAX_VALUES = 100_000

FloatArray: TypeAlias = NDArray[np.float64]

# How often a change of an ordered choice goes to a neighbour, and not just anywhere.
NEIGHBOUR_SHARE = 0.75


@dataclass(frozen=True)
class Choice:
    """One of several options; numbers of mixed kinds become floats.

    Attributes:
        options: what it may be.
        weights: how often each is drawn, in proportion; None for all alike. Any option can still
            be found: weights say where to look first.
        is_ordered: the options stand in an order, and neighbours are alike: most changes then go
            to a neighbour.
        prior: how good an expert expects each to be, in proportion; None where nobody says.
    """

    options: tuple[Value, ...]
    weights: tuple[float, ...] | None = field(default=None, repr=False)
    is_ordered: bool = field(default=False, repr=False)
    prior: tuple[float, ...] | None = field(default=None, repr=False)

    def __init__(
        self,
        options: Sequence[Value],
        *,
        weights: Sequence[float] | None = None,
        is_ordered: bool = False,
        prior: Mapping[Value, float] | None = None,
    ) -> None:
        object.__setattr__(self, "options", _checked_options(options))
        object.__setattr__(self, "weights", _checked_weights(weights, self.options))
        object.__setattr__(self, "is_ordered", is_ordered)
        object.__setattr__(self, "prior", checked_prior(prior, self.options))

    def __str__(self) -> str:
        """Return the options as a sentence names them."""
        return f"one of {', '.join(map(repr, self.options))}"

    @property
    def num_values(self) -> float:
        """How many values there are."""
        return len(self.options)

    def values(self) -> tuple[Value, ...]:
        """Return all values, in order."""
        return self.options

    def contains(self, value: object) -> bool:
        """Say whether `value` is allowed; True is not 1, and 1 is not 1.0."""
        return any(value == option and type(value) is type(option) for option in self.options)

    def place_of(self, value: Value) -> int:
        """Return the index of an option; True is not 1, and 1 is not 1.0."""
        kinds = [(type(option), option) for option in self.options]
        return kinds.index((type(value), value))

    def probabilities(self) -> FloatArray:
        """Return how likely each option is drawn."""
        if self.weights is None:
            return np.full(len(self.options), 1.0 / len(self.options))
        weights = np.array(self.weights)
        return np.asarray(weights / weights.sum())

    def sample(self, rng: np.random.Generator) -> Value:
        """Draw a value: all alike, or by the weights."""
        if self.weights is None:
            return self.options[int(rng.integers(len(self.options)))]
        return self.options[int(rng.choice(len(self.options), p=self.probabilities()))]

    def changes_from(self, place: int) -> FloatArray:
        """Return how likely a change leads from the option at `place` to each other one."""
        chances = self.probabilities()
        chances[place] = 0.0
        if self.is_ordered:
            near = np.abs(np.arange(len(chances)) - place) == 1
            chances = _share_out(chances, near)
        return np.asarray(chances / chances.sum())


@dataclass(frozen=True)
class Int:
    """A whole number from `low` to `high`, both included; `prior` is an expert's best guess."""

    low: int
    high: int
    step: int = 1
    log: bool = False
    prior: float | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.low > self.high or self.step < 1:
            raise SpaceError(
                f"int range [{self.low}, {self.high}] step {self.step} is empty; "
                "write {int: [low, high]} with low <= high and a step of at least 1"
            )
        _check_number(self.num_values, self)
        if self.log and (self.low < 1 or self.step != 1):
            raise SpaceError(
                "a logarithmic int range needs low >= 1 and no step, "
                f"but got {self.low}, step {self.step}"
            )
        checked_guess(self.prior, low=self.low, high=self.high)

    def __str__(self) -> str:
        """Return the range as a sentence names it."""
        return f"{self.low} to {self.high}" + (f" by {self.step}" if self.step != 1 else "")

    @property
    def num_values(self) -> float:
        """How many values there are."""
        return (self.high - self.low) // self.step + 1

    def values(self) -> tuple[int, ...]:
        """Return all values, in order."""
        return tuple(range(self.low, self.high + 1, self.step))

    def contains(self, value: object) -> bool:
        """Say whether `value` is allowed."""
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
            and (value - self.low) % self.step == 0
        )

    def sample(self, rng: np.random.Generator) -> int:
        """Draw a value, all alike; all magnitudes alike if `log`."""
        if self.log:
            drawn = math.exp(rng.uniform(math.log(self.low - 0.5), math.log(self.high + 0.5)))
            return min(max(round(drawn), self.low), self.high)
        return int(self.low + self.step * rng.integers(int(self.num_values)))


@dataclass(frozen=True)
class Float:
    """A real number from `low` to `high`, both included; `prior` is an expert's best guess."""

    low: float
    high: float
    step: float | None = None
    log: bool = False
    prior: float | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.low <= self.high or (self.step is not None and not self.step > 0):
            raise SpaceError(
                f"float range [{self.low}, {self.high}] step {self.step} is empty; "
                "write {float: [low, high]} with low <= high and a step above 0"
            )
        if not math.isfinite(self.low) or not math.isfinite(self.high):
            raise SpaceError(f"float range [{self.low}, {self.high}] must have finite ends")
        if self.step is not None and (self.high - self.low) / self.step > MAX_VALUES:
            _check_number(math.inf, self)
        if self.log and (self.low <= 0 or self.step is not None):
            raise SpaceError(
                "a logarithmic float range needs low > 0 and no step, "
                f"but got {self.low}, step {self.step}"
            )
        checked_guess(self.prior, low=self.low, high=self.high)

    def __str__(self) -> str:
        """Return the range as a sentence names it."""
        return f"{self.low} to {self.high}" + (f" by {self.step}" if self.step else "")

    @property
    def num_values(self) -> float:
        """How many values there are; infinite without a step."""
        if self.step is None:
            return 1 if self.low == self.high else math.inf
        return math.floor((self.high - self.low) / self.step + 1e-9) + 1

    def values(self) -> tuple[float, ...]:
        """Return all values, in order.

        Raises:
            SpaceError: there are infinitely many.
        """
        if math.isinf(self.num_values):
            raise SpaceError(
                f"float range [{self.low}, {self.high}] cannot be listed; give it a step"
            )
        return tuple(self.low + i * (self.step or 0.0) for i in range(int(self.num_values)))

    def contains(self, value: object) -> bool:
        """Say whether `value` is allowed, within rounding."""
        if not isinstance(value, float) or not self.low <= value <= self.high:
            return False
        if self.step is None:
            return True
        steps = (value - self.low) / self.step
        return abs(steps - round(steps)) < 1e-6

    def sample(self, rng: np.random.Generator) -> float:
        """Draw a value, all alike; all magnitudes alike if `log`."""
        if self.step is not None:
            return self.low + self.step * int(rng.integers(int(self.num_values)))
        if self.log:
            drawn = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
            return min(max(drawn, self.low), self.high)
        return float(rng.uniform(self.low, self.high))


Domain: TypeAlias = Choice | Int | Float


@dataclass(frozen=True)
class Condition:
    """Holds when the named parameter is active and has one of the values."""

    parameter: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Parameter:
    """One dimension of the flat space.

    Attributes:
        name: dotted, as in the YAML, with block numbers: `stages.0.kernel`.
        domain: what it may be.
        conditions: all must hold, or the parameter is absent from the architecture.
    """

    name: str
    domain: Domain
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Repeat:
    """A group that stands once per block; their number is a parameter (`<name>.repeat`)."""

    count: Domain
    group: Mapping[str, Any]


@dataclass(frozen=True)
class When:
    """A parameter or group that is active only under conditions: parameter -> value or values."""

    node: Any
    conditions: Mapping[str, Any]


@dataclass(frozen=True)
class Same:
    """No parameter of its own: has the value of another one, at one more place."""

    parameter: str


def _check_number(number: float, domain: Int | Float) -> None:
    if number > MAX_VALUES:
        raise SpaceError(
            f"the range {domain} has more than {MAX_VALUES:,} values; narrow it or give it a "
            "larger step"
        )


def _checked_options(options: Sequence[Value]) -> tuple[Value, ...]:
    values = tuple(options)
    if len(values) > MAX_OPTIONS:
        raise SpaceError(
            f"choice has {len(values):,} options, and may have {MAX_OPTIONS:,}; leave some out"
        )
    if not values:
        raise SpaceError("choice is empty; give at least one option")
    for value in values:
        if not isinstance(value, bool | int | float | str):
            raise SpaceError(f"option {value!r} is no plain value (bool, int, float or str)")
        if isinstance(value, float) and not math.isfinite(value):
            raise SpaceError(f"option {value!r} is not finite")
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values) and any(
        isinstance(v, float) for v in values
    ):
        values = tuple(float(v) for v in values)
    if len({(type(value), value) for value in values}) != len(values):
        raise SpaceError(f"choice {list(values)!r} names an option twice")
    return values


def _checked_weights(
    weights: Sequence[float] | None, options: Sequence[Value]
) -> tuple[float, ...] | None:
    if weights is None:
        return None
    numbers = list(weights) if isinstance(weights, Sequence) else []
    is_sound = all(
        isinstance(w, int | float) and not isinstance(w, bool) and 0 < w < math.inf
        for w in numbers
    )
    if len(numbers) != len(options) or not is_sound:
        raise SpaceError(
            f"weights must be {len(options)} numbers above 0, one for each option, but got "
            f"{weights!r}; to leave an option out, leave it out of the choice"
        )
    return tuple(float(w) for w in numbers)


def _share_out(chances: FloatArray, near: NDArray[np.bool_]) -> FloatArray:
    """Give neighbours their share of the chances, and the rest to all others."""
    far = ~near & (chances > 0)
    if not near.any() or not far.any():
        return chances
    shared = np.zeros_like(chances)
    shared[near] = NEIGHBOUR_SHARE * chances[near] / chances[near].sum()
    shared[far] = (1.0 - NEIGHBOUR_SHARE) * chances[far] / chances[far].sum()
    return shared
