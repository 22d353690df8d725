"""A text in three fixed splits, as tokens that all workers of a machine share.

Loaders (`nas.data.text_loaders`) return a `TextData`; the search is handed its `search_data()`, in
which no place names the test split.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from nas.data.curation import NONE
from nas.data.documents import SPLITS
from nas.data.token_file import TokenArray, TokenFile
from nas.data.tokenizers import NUM_CHARACTERS, Tokenizer
from nas.task import TokenShape, token_shape


@dataclass(frozen=True)
class Tokenized:
    """A text in the tokens of one vocabulary.

    Attributes:
        tokenizer: made them.
        file: holds them.
    """

    tokenizer: Tokenizer
    file: TokenFile


@dataclass(frozen=True)
class JudgedTokens:
    """What models are judged by: a split, or stretches from all over it.

    Attributes:
        tokens: (N,) the split as stored; or (S, T + 1), of whose stretches all tokens but the
            first are guessed.
        bytes_per_token: bytes of text that a token of the split stands for.
        unknown_nats: what a token costs in the mean for characters that the vocabulary lacks.
    """

    tokens: TokenArray
    bytes_per_token: float
    unknown_nats: float


@dataclass(frozen=True)
class TextSearchData:
    """What a search, or the last training of winners, may see of a text.

    Attributes:
        name: for people.
        tokenized: by size of the vocabulary.
        train: names of the splits that are learnt from.
        judged: name of the split that models are judged by.
        judged_tokens: most tokens of it.
        context: most tokens that a model sees at once.
        curated: by curation, then by size of the vocabulary; models learn from the first one
            unless their space chooses. Empty where the text is learnt from as it is.
    """

    name: str
    tokenized: Mapping[int, Tokenized]
    train: tuple[str, ...]
    judged: str
    judged_tokens: int
    context: int
    curated: Mapping[str, Mapping[int, Tokenized]] = field(default_factory=dict)

    @property
    def shape(self) -> TokenShape:
        """What models must fit."""
        return token_shape(
            context=self.context,
            vocabularies=list(self.tokenized),
            curations=tuple(self.curated) or (NONE,),
        )

    def train_tokens(self, vocabulary: int, curation: str | None = None) -> TokenArray:
        """Return the tokens (N,) to learn from.

        Args:
            vocabulary: its size.
            curation: which training text; None for the first.
        """
        known = self.curated or {NONE: self.tokenized}
        file = known[curation or next(iter(known))][vocabulary].file
        first, last = (file.stretches[word] for word in (self.train[0], self.train[-1]))
        return file.tokens[first.start : last.stop]

    def judged_by(self, vocabulary: int) -> JudgedTokens:
        """Return the tokens that models are judged by: the same for all of a vocabulary.

        The whole split, or where the limit is lower as many stretches of the data's context as it
        allows, at even distances. The limit counts tokens of the first vocabulary; others get as
        much text at the same places.
        """
        first = next(iter(self.tokenized.values())).file.stretches[self.judged]
        file = self.tokenized[vocabulary].file
        own = file.stretches[self.judged]
        unknown = own.num_unknown * math.log(NUM_CHARACTERS) / max(1, len(own))
        tokens = file.of(self.judged)
        if self.judged_tokens < len(first):
            length = min(self.context, self.judged_tokens)
            number = self.judged_tokens // length
            own_length = max(1, int(length * len(own) / len(first)))
            tokens = spread_stretches(tokens, number=number, length=own_length)
        return JudgedTokens(tokens, own.bytes_per_token, unknown)


@dataclass(frozen=True)
class TextData:
    """A text in three fixed splits, tokenized by one vocabulary or several.

    Attributes:
        name: for people and records.
        tokenized: by size of the vocabulary.
        context: most tokens that a model sees at once.
        judged_tokens: most tokens of validation, or of test, that models are judged by.
        split_rule: one sentence that says how the splits were drawn.
        digests: split -> (N, 16) of its pieces of documents.
        notes: what is to be told of the text, a line each.
        curated: by curation, then by size of the vocabulary.
    """

    name: str
    tokenized: Mapping[int, Tokenized]
    context: int
    judged_tokens: int
    split_rule: str
    digests: Mapping[str, npt.NDArray[np.uint8]] = field(repr=False)
    notes: tuple[str, ...] = ()
    curated: Mapping[str, Mapping[int, Tokenized]] = field(default_factory=dict)

    @property
    def shape(self) -> TokenShape:
        """What models must fit."""
        return self.search_data().shape

    def search_data(self) -> TextSearchData:
        """Return what the search may see."""
        return TextSearchData(
            self.name,
            self.tokenized,
            ("train",),
            "validation",
            self.judged_tokens,
            self.context,
            self.curated,
        )

    def final_data(self) -> TextSearchData:
        """Return what the last training of winners may see: it is judged by the test split."""
        return replace(self.search_data(), train=("train", "validation"), judged="test")

    def describe(self) -> dict[str, object]:
        """Return what a record keeps: sizes, vocabularies, split rule, what curation did."""
        first = next(iter(self.tokenized.values()))
        stretches = first.file.stretches
        return {
            "name": self.name,
            "tokenizer": first.tokenizer.kind,
            "vocabularies": list(self.tokenized),
            "context": self.context,
            "num_tokens": {word: len(stretches[word]) for word in SPLITS},
            "num_bytes": {word: stretches[word].num_bytes for word in SPLITS},
            "num_documents": {word: stretches[word].num_documents for word in SPLITS},
            "split_rule": self.split_rule,
            **({"curation": self._curation_steps()} if self.curated else {}),
        }

    def _curation_steps(self) -> dict[str, object]:
        """Return curation -> its steps; those of another vocabulary are the same."""
        return {
            name: next(iter(made.values())).file.facts.get("curation", [])
            for name, made in self.curated.items()
        }

    def summary(self) -> str:
        """Return one line for people."""
        first = next(iter(self.tokenized.values()))
        sizes = ", ".join(
            f"{first.file.stretches[word].num_bytes:,} {word} bytes" for word in SPLITS
        )
        vocabularies = ", ".join(f"{size:,}" for size in self.tokenized)
        return f"{self.name}: {first.tokenizer.kind} tokens, vocabulary {vocabularies}; {sizes}"


def spread_stretches(tokens: TokenArray, *, number: int, length: int) -> TokenArray:
    """Return stretches of a text at even distances, from its first token to its last.

    Args:
        tokens: (N,).
        number: of stretches, at least 1; number * length is below N, so that none overlap.
        length: tokens that are guessed in each.

    Returns:
        (number, length + 1): the first token of a stretch is seen only.

    >>> spread_stretches(np.arange(10), number=2, length=3).tolist()
    [[0, 1, 2, 3], [6, 7, 8, 9]]
    """
    last = len(tokens) - 1 - length
    starts = np.arange(number) * last // max(1, number - 1)
    return np.asarray(tokens[starts[:, None] + np.arange(length + 1)])
