"""What does the model of accuracy see of an architecture? A row of numbers, scaled to 0..1.

A position (one parameter) is a one-hot code for a choice and a number in 0..1 otherwise. Where it
is absent its columns are all zero, so that absence lies between the options instead of being one
more. Facts are the exact size, the numbers that came with it, and what the configuration alone
says. One term of the covariance compares sizes, one facts, one positions and facts, so the effect
of size is not attributed to options. Settings, which move no known cost, have a term of their own:
what is learned of them with small networks holds for large ones.

Where the pool holds every architecture of the space, two things are better known. Shares of
options count by rank: a cell with a single operation is rare, but not several times further away.
And a position counts as its mean over all configurations of the same network, so a choice without
effect (on a dead edge, say) becomes an even mixture and drops out.

Notation:
    n        architectures; `codes` (n, parameters) rows of `nas.frontier.encoding`
    raw      (n, columns) features before scaling: positions, then facts
    low, span   (columns,) least value and range over the pool; features are (raw - low) / span
    block    columns that share a weight in the covariance; share, place, repeats, present: kinds
             of configuration facts (`nas.space.facts`)
    hint     what a model of an earlier search expects of an architecture; the last columns
"""

import copy
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nas.frontier.encoding import Encoding, scaled
from nas.frontier.gaussian_process import Kernel, Posterior, equal_blocks
from nas.frontier.ordered import numbers_apart, ordered_places
from nas.space.facts import ConfigurationFacts, Facts
from nas.space.parameters import Choice, Domain

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Priors:
    """Prior medians of weights, and how far weights may go from them.

    Those of positions share a total, and each kind of configuration fact does, so that two random
    architectures are about equally far apart however many positions and groups of like ones there
    are (Hvarfner et al. 2024, "Vanilla Bayesian optimization performs great in high dimensions").

    Attributes:
        positions: of all positions together.
        configuration: of all facts of each kind that the configuration tells, together.
        fact: of each other fact.
        spread: factor of one standard deviation of a weight.
    """

    positions: float
    configuration: Mapping[str, float]
    fact: float
    spread: float


_PLACES = {"place": 0.1, "present": 0.5, "repeats": 0.1}
WHOLE = Priors(3.0, {"share": 2.5, **_PLACES}, 0.5, 2.0)
# Spaces too large to be enumerated have dozens of blocks, of which few matter: their
# weights must be free to go far up and down, and what is known of the network tells more than any
# one of them.
SAMPLED = Priors(1.5, {"share": 1.2, **_PLACES}, 1.0, 5.0)
# Two random places on 0..1 are 1/6 apart, as a mean of squares, two different options 1. Settings
# are to be as far apart whether they are numbers or names: one bad learning rate would otherwise
# speak against all others.
STRETCH = 6.0**0.5


class Embedding:
    """Turns architectures into rows of features; scales are those of a pool, fixed from then on.

    Attributes:
        setting_columns: which features are settings.

    Args:
        encoding: of the space.
        codes: (n, parameters) rows of the pool.
        facts: (n) facts of the pool.
        is_exhaustive: the pool holds every architecture of the space.
        settings: columns of the parameters that move no known cost.
    """

    def __init__(
        self,
        encoding: Encoding,
        codes: FloatArray,
        facts: Sequence[Facts],
        *,
        is_exhaustive: bool = False,
        settings: Collection[int] = (),
    ) -> None:
        apart = {*settings, *(numbers_apart(encoding.domains) if settings else ())}
        self._positions = _Positions(encoding.domains, settings, ordered=apart)
        self._configuration = ConfigurationFacts(encoding.space.parameters, left_out=apart)
        self._means: dict[str, FloatArray] = {}
        if is_exhaustive:
            self._means = _class_means(self._own(codes), [fact.identity for fact in facts])
        raw = self._raw(codes, facts)
        priors = WHOLE if is_exhaustive else SAMPLED
        blocks = self._blocks_of(raw.shape[1], priors)
        is_share = np.repeat([b.is_share for b in blocks], [b.width for b in blocks])
        # Of a sample the rarest shares are not known, and the front may be beyond them.
        ranked = np.flatnonzero(is_share).tolist() if is_exhaustive else []
        self._ranks = {column: _ranks(raw[:, column]) for column in ranked}
        raw = self._ranked(raw)
        width = sum(block.width for block in blocks)
        assert width == raw.shape[1], "every column belongs to a block"
        is_position = np.repeat([b.is_position for b in blocks], [b.width for b in blocks])
        low, high = raw.min(axis=0), raw.max(axis=0)
        low[is_position], high[is_position] = 0.0, 1.0
        self._varies = high > low
        self._low, self._span = low[self._varies], (high - low)[self._varies]
        is_setting = np.repeat([b.is_setting for b in blocks], [b.width for b in blocks])
        self.setting_columns = np.flatnonzero(is_setting[self._varies])
        self._blocks = blocks
        self._priors = priors
        self._models: tuple[Posterior, ...] = ()
        self._least, self._range = np.empty(0), np.empty(0)
        self.kernel = _kernel(blocks, self._varies, priors.spread)

    def __call__(self, codes: FloatArray, facts: Sequence[Facts]) -> FloatArray:
        """Return the features (n, columns) of rows and their facts."""
        features = self._ranked(self._raw(codes, facts))
        features = (features[:, self._varies] - self._low) / self._span
        if self._models:
            features = np.hstack([features, (self._hints(features) - self._least) / self._range])
        return np.asarray(features)

    def with_hints(self, models: Sequence[Posterior], pool: FloatArray) -> "Embedding":
        """Return an embedding with one more column, at the end, for each model.

        It is a fact: the loss that the model expects.

        Args:
            models: of the columns of this embedding.
            pool: (n, columns) features of the pool, which set the scale.
        """
        hinted = copy.copy(self)
        hinted._models = tuple(models)
        hints = hinted._hints(pool)
        hinted._least = hints.min(axis=0)
        hinted._range = np.maximum(hints.max(axis=0) - hinted._least, 1e-9)
        blocks = [*self._blocks, *[_Block(1, self._priors.fact)] * len(models)]
        varies = np.append(self._varies, [True] * len(models))
        hinted.kernel = _kernel(blocks, varies, self._priors.spread)
        return hinted

    def _hints(self, features: FloatArray) -> FloatArray:
        """Return what each model expects (n, models)."""
        return np.column_stack([model.mean(features) for model in self._models])

    def _ranked(self, raw: FloatArray) -> FloatArray:
        """Return the features with the shares' ranks in the pool in place of the shares."""
        for column, (values, ranks) in self._ranks.items():
            raw[:, column] = np.interp(raw[:, column], values, ranks)
        return raw

    def _raw(self, codes: FloatArray, facts: Sequence[Facts]) -> FloatArray:
        own = self._own(codes)
        for index, fact in enumerate(facts if self._means else ()):
            mean = self._means.get(fact.identity)
            if mean is not None:
                own[index] = mean[:-1]
        columns = [own, np.array([[f.log_size, *f.numbers] for f in facts])]
        if self._means:
            counts = [
                self._means[f.identity][-1] if f.identity in self._means else 0.0 for f in facts
            ]
            columns.append(np.array(counts)[:, None])
        return np.hstack(columns)

    def _own(self, codes: FloatArray) -> FloatArray:
        return np.hstack([self._positions(codes), self._configuration(codes)])

    def _blocks_of(self, num_columns: int, priors: Priors) -> list["_Block"]:
        """Return what the columns of `_raw` are, in order."""
        widths = self._positions.widths
        blocks = [
            _Block(w, priors.positions / len(widths), is_position=True, is_setting=is_setting)
            for w, is_setting in zip(widths, self._positions.is_setting, strict=True)
        ]
        groups = self._configuration.blocks
        num_facts = num_columns - sum(widths)
        num_blocks = Counter(kind for group in groups for kind, _ in group)
        for group in groups:
            blocks += [
                _Block(
                    width,
                    priors.configuration[kind] / num_blocks[kind],
                    is_share=kind == "share",
                )
                for kind, width in group
            ]
            num_facts -= sum(width for _, width in group)
        return blocks + [_Block(1, priors.fact, is_size=i == 0) for i in range(num_facts)]


@dataclass(frozen=True)
class _Block:
    """Adjoining columns with one weight."""

    width: int
    median: float
    is_position: bool = False
    is_setting: bool = False
    is_share: bool = False
    is_size: bool = False


def _kernel(blocks: Sequence[_Block], varies: NDArray[np.bool_], weight_spread: float) -> Kernel:
    """Return the covariance over the columns that vary."""
    ends = np.cumsum([block.width for block in blocks])
    widths = [int(part.sum()) for part in np.split(varies, ends[:-1])]
    kept = [(b, w) for b, w in zip(blocks, widths, strict=True) if w]
    positions = tuple(i for i, (block, _) in enumerate(kept) if block.is_position)
    facts = tuple(i for i, (block, _) in enumerate(kept) if not block.is_position)
    sizes = tuple(i for i, (block, _) in enumerate(kept) if block.is_size)
    settings = tuple(i for i, (block, _) in enumerate(kept) if block.is_setting)
    terms = (sizes, facts, positions + facts, settings)
    return Kernel(
        equal_blocks([width for _, width in kept]),
        tuple(dict.fromkeys(term for term in terms if term)),
        tuple(block.median for block, _ in kept),
        weight_spread,
    )


class _Positions:
    """The columns of the parameters that have several values.

    A choice is a one-hot code. A number is its place on 0..1 and its presence.

    Args:
        domains: of all parameters.
        settings: which of them move no known cost.
        ordered: which choices count as numbers if their options are. Their places, and those of
            other numbers among them, are stretched.
    """

    def __init__(
        self, domains: Sequence[Domain], settings: Collection[int], *, ordered: Collection[int]
    ) -> None:
        several = [(i, domain) for i, domain in enumerate(domains) if domain.num_values > 1]
        self.is_setting = [i in settings for i, _ in several]
        scales = [_scale_of(domain, is_ordered=i in ordered) for i, domain in several]
        self.widths = [
            int(domain.num_values) if scale is None else 2
            for (_, domain), scale in zip(several, scales, strict=True)
        ]
        starts = np.cumsum([0, *self.widths]).tolist()
        self._numbers = [
            (scale, STRETCH if index in ordered else 1.0, index, start)
            for scale, (index, _), start in zip(scales, several, starts, strict=False)
            if scale is not None
        ]
        # Parameter and code that set each column; a number's own columns are filled apart.
        self._sources = np.repeat(np.array([i for i, _ in several], dtype=np.int64), self.widths)
        self._codes = np.array([code for width in self.widths for code in range(width)])

    def __call__(self, codes: FloatArray) -> FloatArray:
        """Return the columns (n, sum of widths); two different options are 1 apart."""
        found = (np.take(codes, self._sources, axis=1) == self._codes) / np.sqrt(2.0)
        for scale, stretch, index, start in self._numbers:
            column = codes[:, index]
            is_present = ~np.isnan(column)
            found[:, start] = 0.5 * stretch
            found[is_present, start] = stretch * scale(column[is_present])
            found[:, start + 1] = is_present / np.sqrt(2.0)
        return np.asarray(found)


def _scale_of(domain: Domain, *, is_ordered: bool) -> Callable[[FloatArray], FloatArray] | None:
    """Return what places the codes of a domain on 0..1; None for a one-hot code."""
    if not isinstance(domain, Choice):
        return partial(scaled, domain)
    places = ordered_places(domain.options) if is_ordered else None
    return None if places is None else lambda codes: places[codes.astype(np.int64)]


def _ranks(column: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the distinct values of a column and their mean ranks, on 0..1."""
    # Shares are fractions of the same number of positions: rounding makes equal ones equal.
    values, counts = np.unique(column.round(9), return_counts=True)
    return values, (np.cumsum(counts) - counts / 2) / len(column)


def _class_means(own: FloatArray, identities: Sequence[str]) -> dict[str, FloatArray]:
    """Return, for each network, the mean features of its configurations and their log count."""
    names, classes, counts = np.unique(
        np.array(identities), return_inverse=True, return_counts=True
    )
    if len(names) == len(identities):
        return {}
    total = np.zeros((len(names), own.shape[1]))
    np.add.at(total, classes, own)
    means = np.column_stack([total / counts[:, None], np.log(counts)])
    return dict(zip(names.tolist(), means, strict=True))
