"""What a method of the contest must do, and small things that several of them need."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from nas.architecture import Value

Genome = dict[str, Value]
Losses = tuple[float, float]


class Method(Protocol):
    """Proposes genomes: a value for every parameter of the flat space.

    Both losses are to be minimised: (-quality, log10 size). A method is also told genomes that it
    did not ask for.
    """

    def ask(self) -> Genome:
        """Return the next genome; it may repeat itself, which costs no training."""
        ...

    def tell(self, genome: Genome, losses: Losses) -> None:
        """Take a result."""
        ...


class Coding:
    """Genomes as vectors of option numbers, and as one-hot vectors.

    Args:
        options: name -> values, of the flat space.
    """

    def __init__(self, options: Mapping[str, Sequence[Value]]) -> None:
        self.names = list(options)
        self.options = [tuple(values) for values in options.values()]
        self.sizes = np.array([len(values) for values in self.options])

    def encode(self, genome: Mapping[str, Value]) -> np.ndarray:
        """Return (parameters,) option numbers."""
        return np.array(
            [
                values.index(genome[name])
                for name, values in zip(self.names, self.options, strict=True)
            ]
        )

    def decode(self, numbers: Sequence[int] | np.ndarray) -> Genome:
        """Return the genome of option numbers."""
        return {
            name: values[int(number)]
            for name, values, number in zip(self.names, self.options, numbers, strict=True)
        }

    def one_hot(self, numbers: np.ndarray) -> np.ndarray:
        """Return (n, sum of options) zeros and ones for (n, parameters) option numbers."""
        columns = [
            np.arange(size)[None, :] == numbers[:, [i]] for i, size in enumerate(self.sizes)
        ]
        return np.concatenate(columns, axis=1).astype(np.float64)

    def random(self, rng: np.random.Generator, num: int) -> np.ndarray:
        """Return (num, parameters) random option numbers."""
        return rng.integers(self.sizes, size=(num, len(self.sizes)))

    def mutate(self, numbers: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return a copy with one parameter drawn anew, to another option."""
        movable = np.flatnonzero(self.sizes > 1)
        changed, at = numbers.copy(), int(rng.choice(movable))
        changed[at] = (changed[at] + rng.integers(1, self.sizes[at])) % self.sizes[at]
        return changed
