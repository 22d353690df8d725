"""Text for language models: a file or folder of UTF-8, or the sources of Python itself.

Text is read in pieces, split, and written once as tokens to a file that all workers of a machine
share. `python_source` is what every machine has: nothing to download.
"""

import hashlib
import json
import math
import platform
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nas.data.documents import (
    SPLITS,
    Document,
    Piece,
    deal,
    find_files,
    read_documents,
)
from nas.data.token_file import (
    Stretch,
    TokenArray,
    TokenFile,
    append_tokens,
    as_facts,
    read_or_make,
)
from nas.data.tokenizers import (
    NUM_BYTES,
    NUM_CHARACTERS,
    BpeTokenizer,
    ByteTokenizer,
    CharacterTokenizer,
    Tokenizer,
    learn_bpe,
    learn_characters,
)
from nas.errors import DataError
from nas.paths import cache_dir
from nas.task import TokenShape, token_shape

_FORMAT = 1  # of the files in the cache
KINDS = ("byte", "character", "bpe")
_MAX_CONTEXT = 1 << 20
# Folders of Python's library that hold tests or other people's packages.
_NOT_PYTHON = frozenset({"site-packages", "dist-packages", "test", "tests", "idle_test"})


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
    """What models are judged by: the first tokens of a split.

    Attributes:
        tokens: (N,) as stored.
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
    """

    name: str
    tokenized: Mapping[int, Tokenized]
    train: tuple[str, ...]
    judged: str
    judged_tokens: int
    context: int

    @property
    def shape(self) -> TokenShape:
        """What models must fit."""
        return token_shape(context=self.context, vocabularies=list(self.tokenized))

    def train_tokens(self, vocabulary: int) -> TokenArray:
        """Return the tokens (N,) to learn from."""
        file = self.tokenized[vocabulary].file
        first, last = (file.stretches[word] for word in (self.train[0], self.train[-1]))
        return file.tokens[first.start : last.stop]

    def judged_by(self, vocabulary: int) -> JudgedTokens:
        """Return the tokens that models are judged by: of the same text for all vocabularies.

        The limit counts tokens of the first vocabulary; others get as much text.
        """
        first = next(iter(self.tokenized.values())).file.stretches[self.judged]
        file = self.tokenized[vocabulary].file
        own = file.stretches[self.judged]
        most = round(self.judged_tokens * len(own) / max(1, len(first)))
        unknown = own.num_unknown * math.log(NUM_CHARACTERS) / max(1, len(own))
        return JudgedTokens(file.of(self.judged)[:most], own.bytes_per_token, unknown)


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
    """

    name: str
    tokenized: Mapping[int, Tokenized]
    context: int
    judged_tokens: int
    split_rule: str
    digests: Mapping[str, npt.NDArray[np.uint8]] = field(repr=False)
    notes: tuple[str, ...] = ()

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
        )

    def final_data(self) -> TextSearchData:
        """Return what the last training of winners may see: it is judged by the test split."""
        return replace(self.search_data(), train=("train", "validation"), judged="test")

    def describe(self) -> dict[str, object]:
        """Return what a record keeps: sizes, vocabularies, split rule."""
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
        }

    def summary(self) -> str:
        """Return one line for people."""
        first = next(iter(self.tokenized.values()))
        sizes = ", ".join(
            f"{first.file.stretches[word].num_bytes:,} {word} bytes" for word in SPLITS
        )
        vocabularies = ", ".join(f"{size:,}" for size in self.tokenized)
        return f"{self.name}: {first.tokenizer.kind} tokens, vocabulary {vocabularies}; {sizes}"


def load_text(
    *,
    path: str,
    suffixes: Sequence[str] = (".txt", ".md"),
    tokenizer: str = "byte",
    vocabulary_size: int | Sequence[int] | None = None,
    context: int = 256,
    split_by: str = "auto",
    validation_fraction: float = 0.05,
    test_fraction: float = 0.05,
    split_seed: int = 0,
    judged_tokens: int = 262_144,
    on_broken: str = "refuse",
) -> TextData:
    """Return a file, or the files of a folder, as tokens.

    Args:
        path: of the file or folder.
        suffixes: endings of the names of files that count in a folder.
        tokenizer: byte, character or bpe.
        vocabulary_size: of bpe; several are tokenized each, and a space may choose among them.
        context: most tokens that a model sees at once.
        split_by: documents, position or auto.
        validation_fraction: share of the bytes.
        test_fraction: likewise.
        split_seed: of the order in which documents are dealt.
        judged_tokens: most tokens of validation, or of test, that models are judged by.
        on_broken: refuse files that are no UTF-8, or skip them.

    Raises:
        DataError: the text or a setting is not as it must be.
        MissingPackageError: bpe is asked for without the package that learns it.
    """
    place = Path(path)
    if on_broken not in ("refuse", "skip"):
        raise DataError(f"data.on_broken must be refuse or skip, but got {on_broken!r}")
    return _load(
        place.name,
        find_files(place, suffixes=suffixes),
        kind=tokenizer,
        vocabularies=_vocabularies(tokenizer, vocabulary_size),
        context=context,
        split_by=split_by,
        shares={"validation": validation_fraction, "test": test_fraction},
        seed=split_seed,
        judged_tokens=judged_tokens,
        skips_others=on_broken == "skip",
    )


def load_python_source(
    *,
    tokenizer: str = "byte",
    vocabulary_size: int | Sequence[int] | None = None,
    context: int = 256,
    validation_fraction: float = 0.05,
    test_fraction: float = 0.05,
    split_seed: int = 0,
    judged_tokens: int = 65_536,
) -> TextData:
    """Return the sources of this Python's standard library, without its tests, as tokens.

    Args:
        tokenizer: byte, character or bpe.
        vocabulary_size: of bpe; several are tokenized each, and a space may choose among them.
        context: most tokens that a model sees at once.
        validation_fraction: share of the bytes.
        test_fraction: likewise.
        split_seed: of the order in which documents are dealt.
        judged_tokens: most tokens of validation, or of test, that models are judged by.

    Raises:
        DataError: there are no sources, or a setting is not as it must be.
        MissingPackageError: bpe is asked for without the package that learns it.
    """
    root = Path(sysconfig.get_paths()["stdlib"])
    files = find_files(root, suffixes=[".py"])
    own = [path for path in files if not _NOT_PYTHON & set(path.relative_to(root).parts)]
    return _load(
        f"python_source {platform.python_version()}",
        own,
        kind=tokenizer,
        vocabularies=_vocabularies(tokenizer, vocabulary_size),
        context=context,
        split_by="documents",
        shares={"validation": validation_fraction, "test": test_fraction},
        seed=split_seed,
        judged_tokens=judged_tokens,
        skips_others=True,
    )


def _load(
    name: str,
    files: Sequence[Path],
    *,
    kind: str,
    vocabularies: Sequence[int | None],
    context: int,
    split_by: str,
    shares: dict[str, float],
    seed: int,
    judged_tokens: int,
    skips_others: bool,
) -> TextData:
    _check_settings(kind, context, split_by, shares, seed, judged_tokens)
    documents, left_out = read_documents(files, skips_others=skips_others)
    dealt, rule = deal(documents, shares=shares, seed=seed, by=split_by)
    has_end = len(documents) > 1
    key = _key(documents, [kind, split_by, shares, seed, has_end])
    made = [_tokenized(kind, size, dealt, has_end, key) for size in vocabularies]
    tokenized = {found.tokenizer.vocabulary_size: found for found in made}
    for found in tokenized.values():
        _check_lengths(found, context)
    notes = [_left_out_note(left_out)] if left_out else []
    if len(documents) == 1:
        notes.append(
            "one document: train, validation and test are stretches of the same text, so the test "
            "does not show how a model does on other documents"
        )
    return TextData(
        name, tokenized, context, judged_tokens, rule, _digests(dealt), notes=tuple(notes)
    )


def _vocabularies(kind: str, asked: int | Sequence[int] | None) -> list[int | None]:
    if kind != "bpe":
        if asked is not None:
            raise DataError(
                f"data.vocabulary_size is for tokenizer=bpe, but the tokenizer is {kind!r}; leave "
                "it out"
            )
        return [None]
    sizes = [512] if asked is None else [asked] if isinstance(asked, int) else list(asked)
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, int) or not NUM_BYTES < size < 2**20:
            raise DataError(
                f"data.vocabulary_size must be whole numbers above {NUM_BYTES} and below "
                f"{2**20:,}, but got {size!r}"
            )
    return list(dict.fromkeys(sizes))


def _check_settings(
    kind: str,
    context: int,
    split_by: str,
    shares: Mapping[str, float],
    seed: int,
    judged_tokens: int,
) -> None:
    if kind not in KINDS:
        raise DataError(f"data.tokenizer must be one of {', '.join(KINDS)}, but got {kind!r}")
    if split_by not in ("auto", "documents", "position"):
        raise DataError(
            f"data.split_by must be one of auto, documents, position, but got {split_by!r}"
        )
    for name, value, least, most in (
        ("context", context, 8, _MAX_CONTEXT),
        ("judged_tokens", judged_tokens, 64, 2**40),
        ("split_seed", seed, 0, 2**32 - 1),
    ):
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise DataError(
                f"data.{name} must be a whole number from {least} to {most:,}, but got {value!r}"
            )
    for word, share in shares.items():
        if not 0.0 < share <= 0.45:
            raise DataError(
                f"data.{word}_fraction must be above 0 and at most 0.45, but got {share!r}"
            )


def _check_lengths(found: Tokenized, context: int) -> None:
    """Refuse a context that a split cannot fill.

    Raises:
        DataError: which split, and how many tokens it has.
    """
    for word, stretch in found.file.stretches.items():
        if len(stretch) <= context:
            raise DataError(
                f"data.context is {context:,}, but the {word} split has only {len(stretch):,} "
                "tokens; give a shorter context, or more text"
            )


def _left_out_note(left_out: Sequence[str]) -> str:
    more = f" and {len(left_out) - 1} more" if len(left_out) > 1 else ""
    return f"left out: {left_out[0]}{more}"


def _key(documents: Sequence[Document], settings: Sequence[Any]) -> str:
    digest = hashlib.blake2b(json.dumps([_FORMAT, *settings]).encode(), digest_size=16)
    for document in documents:
        digest.update(document.digest)
    return digest.hexdigest()


def _tokenized(
    kind: str,
    size: int | None,
    dealt: Mapping[str, Sequence[Piece]],
    has_end: bool,
    key: str,
) -> Tokenized:
    """Return the text in the tokens of one vocabulary, from the cache where it is there."""
    made: list[Tokenizer] = []

    def tokenizer() -> Tokenizer:
        if not made:
            made.append(_learn(kind, size, dealt, has_end))
        return made[0]

    def dtype() -> str:
        return "uint16" if tokenizer().vocabulary_size <= 2**16 else "uint32"

    def write(path: Path) -> dict[str, Any]:
        stretches = _write(path, tokenizer(), dealt, dtype())
        return {"stretches": as_facts(stretches), "tokenizer": _state(tokenizer())}

    folder = cache_dir() / "tokens" / (key if size is None else f"{key}-{size}")
    file = read_or_make(folder, write, dtype=dtype)
    return Tokenized(_tokenizer_of(kind, file.facts["tokenizer"], has_end), file)


def _learn(
    kind: str, size: int | None, dealt: Mapping[str, Sequence[Piece]], has_end: bool
) -> Tokenizer:
    """Return a tokenizer; what it knows comes from the training split alone."""
    if kind == "byte":
        return ByteTokenizer(has_end=has_end)
    chunks = (chunk for piece in dealt["train"] for chunk in piece.chunks())
    if kind == "bpe":
        return learn_bpe(chunks, vocabulary_size=size or 512, has_end=has_end)
    known = learn_characters(chunks)
    others = (c for word in SPLITS[1:] for piece in dealt[word] for c in piece.chunks())
    has_unknown = bool(set(learn_characters(others)) - set(known))
    return CharacterTokenizer(known, has_unknown=has_unknown, has_end=has_end)


def _write(
    path: Path, tokenizer: Tokenizer, dealt: Mapping[str, Sequence[Piece]], dtype: str
) -> dict[str, Stretch]:
    stretches, start = {}, 0
    for word in SPLITS:
        num_unknown = 0
        stop = start

        def blocks(piece: Piece) -> Any:
            nonlocal num_unknown
            for chunk in piece.chunks():
                tokens = tokenizer.encode(chunk)
                if tokenizer.unknown is not None:
                    num_unknown += int((tokens == tokenizer.unknown).sum())
                yield tokens
            if tokenizer.end is not None and piece.stop == piece.document.num_bytes:
                yield np.array([tokenizer.end])

        for piece in dealt[word]:
            stop += append_tokens(path, blocks(piece), dtype=dtype)
        num_bytes = sum(piece.stop - piece.start for piece in dealt[word])
        stretches[word] = Stretch(start, stop, num_bytes, len(dealt[word]), num_unknown)
        start = stop
    return stretches


def _state(tokenizer: Tokenizer) -> dict[str, Any]:
    if isinstance(tokenizer, BpeTokenizer):
        return {"content": tokenizer.content}
    if isinstance(tokenizer, CharacterTokenizer):
        return {"characters": tokenizer.characters, "has_unknown": tokenizer.has_unknown}
    return {}


def _tokenizer_of(kind: str, state: Mapping[str, Any], has_end: bool) -> Tokenizer:
    kinds = {"byte": ByteTokenizer, "character": CharacterTokenizer, "bpe": BpeTokenizer}
    make = partial(kinds[kind], **state)
    made: Tokenizer = make(has_end=has_end)
    return made


def _digests(dealt: Mapping[str, Sequence[Piece]]) -> dict[str, npt.NDArray[np.uint8]]:
    found = {}
    for word, pieces in dealt.items():
        rows = [
            hashlib.blake2b(
                piece.document.digest + f"{piece.start} {piece.stop}".encode(), digest_size=16
            ).digest()
            for piece in pieces
        ]
        found[word] = np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(-1, 16)
    return found
