"""Makes a training text better: duplicates out, odd passages out, the best share, easy to hard.

Only the training split is touched, so that models which learnt from other data are judged alike.
Each step reads the text once, or twice, as a stream; what it took is on record.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nas.data.curation import Curation
from nas.data.documents import Piece
from nas.data.ngrams import NgramModel
from nas.data.passages import Passages, passages_of
from nas.errors import DataError, MissingPackageError

# As published for near duplicates in text: words in a row, and how alike two sets of them are.
SHINGLE_WORDS = 5
NEAR_SIMILARITY = 0.8
_PERMUTATIONS, _BANDS = 128, 16
_LEAST_LETTERS = 32  # bytes of a passage beside blanks
_DEVIATIONS = 4.0  # from the median entropy
# A small model learns from so much of the text at most.
_LEARNT_BYTES = 32 << 20

Kept = npt.NDArray[np.integer] | npt.NDArray[np.bool_]


@dataclass(frozen=True)
class CurationStep:
    """What a step did.

    Attributes:
        name: of the step, or passages, for taking the text apart.
        num_passages: that are left.
        num_bytes: that are left.
        cpu_s: processor time of the step, seconds.
    """

    name: str
    num_passages: int
    num_bytes: int
    cpu_s: float


@dataclass(frozen=True)
class Curated:
    """A training text after some steps.

    Attributes:
        passages: what is left, in the order in which it is learnt from.
        steps: what was done.
    """

    passages: Passages
    steps: tuple[CurationStep, ...]

    def facts(self) -> list[dict[str, Any]]:
        """Return the steps as plain values."""
        return [asdict(step) for step in self.steps]


class Curator:
    """Curates one training text in one way or several; steps that these share are taken once.

    Args:
        pieces: of the training split.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        self._known: dict[tuple[str, ...], Curated] = {}

    def curated(self, curation: Curation) -> Curated:
        """Return what is left of the text.

        Raises:
            DataError: nothing is left.
            MissingPackageError: near duplicates are asked for without the package that finds them.
        """
        return self._after(tuple(curation.steps), curation)

    def _after(self, steps: tuple[str, ...], curation: Curation) -> Curated:
        if steps not in self._known:
            began_s = time.process_time()
            done: tuple[CurationStep, ...] = ()
            if not steps:
                name, passages = "passages", passages_of(self._pieces)
            else:
                before = self._after(steps[:-1], curation)
                began_s = time.process_time()
                name, done = steps[-1], before.steps
                passages = before.passages.taken(_STEPS[_kind(name)](before.passages, curation))
            if not len(passages):
                raise DataError(
                    f"data.curation: nothing of the training text is left after '{name}'; leave "
                    "that step out"
                )
            spent_s = time.process_time() - began_s
            step = CurationStep(name, len(passages), passages.num_bytes, spent_s)
            self._known[steps] = Curated(passages, (*done, step))
        return self._known[steps]


def _kind(step: str) -> str:
    return step.rstrip("0123456789.")


def _first_of_equal(passages: Passages, curation: Curation) -> Kept:
    """Keep the first of passages that hold the same but for blanks at their ends."""
    del curation
    seen: set[bytes] = set()
    kept = np.zeros(len(passages), dtype=bool)
    for place, text in enumerate(passages.texts()):
        digest = hashlib.blake2b(text.strip(), digest_size=8).digest()
        kept[place] = digest not in seen
        seen.add(digest)
    return kept


def _first_of_like(passages: Passages, curation: Curation) -> Kept:
    """Keep a passage unless one that was kept before has nearly the same words.

    MinHash (Broder, 1997, "On the resemblance and containment of documents"), in bands; those
    that share a band are compared by all their hashes.
    """
    del curation
    minhash = require_rensa()
    index = minhash.RMinHashLSH(
        threshold=NEAR_SIMILARITY, num_perm=_PERMUTATIONS, num_bands=_BANDS
    )
    signatures: dict[int, Any] = {}
    kept = np.zeros(len(passages), dtype=bool)
    for place, text in enumerate(passages.texts()):
        signature = minhash.RMinHash(num_perm=_PERMUTATIONS, seed=0)
        signature.update(shingles(text))
        like = index.query(signature)
        if any(signatures[other].jaccard(signature) >= NEAR_SIMILARITY for other in like):
            continue
        kept[place] = True
        signatures[place] = signature
        index.insert(place, signature)
    return kept


def shingles(text: bytes) -> list[str]:
    """Return the sets of words in a row by which passages are compared; of short ones, all words.

    >>> shingles(b"a rose is a rose is")
    ['a rose is a rose', 'rose is a rose is']
    """
    words = text.decode(errors="replace").lower().split()
    if len(words) <= SHINGLE_WORDS:
        return [" ".join(words)]
    last = len(words) - SHINGLE_WORDS
    return [" ".join(words[i : i + SHINGLE_WORDS]) for i in range(last + 1)]


def _usual(passages: Passages, curation: Curation) -> Kept:
    """Keep passages that are long enough and whose bytes are as varied as most."""
    del curation
    entropy, letters = np.zeros(len(passages)), np.zeros(len(passages), dtype=np.int64)
    for place, text in enumerate(passages.texts()):
        letters[place] = len(b"".join(text.split()))
        entropy[place] = entropy_of(text)
    is_long = letters >= _LEAST_LETTERS
    if not is_long.any():
        return is_long
    middle = np.median(entropy[is_long])
    # As wide as a normal distribution with the same quartiles.
    width = _DEVIATIONS * 1.4826 * np.median(np.abs(entropy[is_long] - middle))
    is_usual: Kept = is_long & (np.abs(entropy - middle) <= max(width, 0.5))
    return is_usual


def entropy_of(text: bytes) -> float:
    """Return the entropy of the bytes of a text, bits a byte.

    >>> entropy_of(b"abababab")
    1.0
    """
    counts = np.bincount(np.frombuffer(text, dtype=np.uint8), minlength=256)
    share = counts[counts > 0] / max(1, len(text))
    return float(-(share * np.log2(share)).sum())


def guessed(passages: Passages) -> npt.NDArray[np.float64]:
    """Return (N,) bits a byte that a small model takes for each passage.

    Two models learn from half of the passages each, by turns; each judges those that the other
    learnt from. Of a long text they learn from its first part alone.
    """
    models = [NgramModel(num_bytes=_LEARNT_BYTES) for _ in range(2)]
    for place, text in enumerate(passages.texts()):
        models[place % 2].learn(text)
        if all(model.is_full for model in models):
            break
    judged = (models[1 - place % 2].bits_per_byte(t) for place, t in enumerate(passages.texts()))
    return np.fromiter(judged, dtype=np.float64, count=len(passages))


def _share_by_loss(passages: Passages, curation: Curation) -> Kept:
    """Keep a share of the bytes: the easiest, the middle, or the hardest passages."""
    order = np.argsort(guessed(passages), kind="stable")
    size = (passages.stop - passages.start)[order]
    middle = (np.cumsum(size) - size / 2) / size.sum()
    low = {"easy": 0.0, "middle": (1.0 - curation.share) / 2, "hard": 1.0 - curation.share}
    first = low[curation.part]
    kept = np.zeros(len(passages), dtype=bool)
    kept[order[(middle >= first) & (middle <= first + curation.share)]] = True
    return kept


def _easy_first(passages: Passages, curation: Curation) -> Kept:
    """Return all places, the easiest first."""
    del curation
    return np.argsort(guessed(passages), kind="stable")


_STEPS: Mapping[str, Callable[[Passages, Curation], Kept]] = {
    "exact": _first_of_equal,
    "near": _first_of_like,
    "filtered": _usual,
    "easy": _share_by_loss,
    "middle": _share_by_loss,
    "hard": _share_by_loss,
    "ordered": _easy_first,
}


def require_rensa() -> Any:
    """Return the package `rensa`, which finds near duplicates.

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        import rensa
    except ImportError as error:
        raise MissingPackageError(
            "data.curation: near duplicates need the package rensa: pip install 'nas[language]'; "
            "'exact' needs nothing"
        ) from error
    return rensa
