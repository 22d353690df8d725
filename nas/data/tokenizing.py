"""Writes a text as tokens, once: the file is in the cache folder of the user from then on."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nas.data.curating import Curator
from nas.data.curation import Curation
from nas.data.documents import SPLITS, Document, Piece
from nas.data.text import Tokenized
from nas.data.token_file import Stretch, append_tokens, as_facts, read_or_make
from nas.data.tokenizers import (
    BpeTokenizer,
    ByteTokenizer,
    CharacterTokenizer,
    Tokenizer,
    learn_bpe,
    learn_characters,
)
from nas.paths import cache_dir

_FORMAT = 3  # of the files in the cache
_CURATION_FORMAT = 1  # of what curation does
# Pieces are learnt from so much of a text at most, from stretches all over it.
_LEARNT_BYTES = 256 << 20


def text_key(documents: Sequence[Document], settings: Sequence[Any]) -> str:
    """Return a text that changes when documents or settings do."""
    digest = hashlib.blake2b(json.dumps([_FORMAT, *settings]).encode(), digest_size=16)
    for document in documents:
        digest.update(document.digest)
    return digest.hexdigest()


def tokenized_text(
    kind: str,
    size: int | None,
    dealt: Mapping[str, Sequence[Piece]],
    has_end: bool,
    key: str,
    *,
    published: Tokenizer | None = None,
) -> Tokenized:
    """Return the text in the tokens of one vocabulary, from the cache where it is there.

    Args:
        kind: byte, character or bpe.
        size: of the vocabulary of bpe.
        dealt: the pieces of each split.
        has_end: a token ends each document.
        key: of the text and its splits.
        published: is taken in place of one that is learnt.
    """
    made: list[Tokenizer] = [] if published is None else [published]

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
    known = published or _tokenizer_of(kind, file.facts["tokenizer"], has_end)
    return Tokenized(known, file)


def curated_text(
    plain: Tokenized,
    curation: Curation,
    curator: Curator,
    dealt: Mapping[str, Sequence[Piece]],
) -> Tokenized:
    """Return a text whose training split was curated, in the same tokens, from the cache or new.

    Args:
        plain: the text as it is.
        curation: what is done to its training split.
        curator: does it.
        dealt: the pieces of each split of the plain text.
    """
    tokenizer = plain.tokenizer

    def write(path: Path) -> dict[str, Any]:
        made = curator.curated(curation)
        parts = {**dealt, "train": made.passages.pieces()}
        stretches = _write(path, tokenizer, parts, plain.file.dtype, parted="train")
        return {"stretches": as_facts(stretches), "curation": made.facts()}

    name = f"{plain.file.folder.name}-{curation.name}-{_CURATION_FORMAT}"
    file = read_or_make(cache_dir() / "tokens" / name, write, dtype=lambda: plain.file.dtype)
    return Tokenized(tokenizer, file)


def _learn(
    kind: str, size: int | None, dealt: Mapping[str, Sequence[Piece]], has_end: bool
) -> Tokenizer:
    """Return a tokenizer; what it knows comes from the training split alone."""
    if kind == "byte":
        return ByteTokenizer(has_end=has_end)
    chunks = (chunk for piece in dealt["train"] for chunk in piece.chunks())
    if kind == "bpe":
        some = _spread(dealt["train"], most=_LEARNT_BYTES)
        return learn_bpe(some, vocabulary_size=size or 512, has_end=has_end)
    known = learn_characters(chunks)
    others = (c for word in SPLITS[1:] for piece in dealt[word] for c in piece.chunks())
    has_unknown = bool(set(learn_characters(others)) - set(known))
    return CharacterTokenizer(known, has_unknown=has_unknown, has_end=has_end)


def _spread(pieces: Sequence[Piece], *, most: int) -> Iterator[bytes]:
    """Yield a text, or chunks from all over it that are about `most` bytes together."""
    every = max(1, -(-sum(piece.stop - piece.start for piece in pieces) // most))
    chunks = (chunk for piece in pieces for chunk in piece.chunks())
    return islice(chunks, 0, None, every)


def _write(
    path: Path,
    tokenizer: Tokenizer,
    dealt: Mapping[str, Sequence[Piece]],
    dtype: str,
    *,
    parted: str | None = None,
) -> dict[str, Stretch]:
    """Write the tokens of all splits; between the pieces of the split `parted` stands an end."""
    stretches, start = {}, 0
    for word in SPLITS:
        num_unknown = 0
        stop = start

        def blocks(piece: Piece, is_parted: bool) -> Iterator[npt.NDArray[np.int64]]:
            nonlocal num_unknown
            for chunk in piece.chunks():
                tokens = tokenizer.encode(chunk)
                if tokenizer.unknown is not None:
                    num_unknown += int((tokens == tokenizer.unknown).sum())
                yield tokens
            is_end = is_parted or piece.stop == piece.document.num_bytes
            if tokenizer.end is not None and is_end:
                yield np.array([tokenizer.end])

        for piece in dealt[word]:
            stop += append_tokens(path, blocks(piece, word == parted), dtype=dtype)
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


def digests_of(dealt: Mapping[str, Sequence[Piece]]) -> dict[str, npt.NDArray[np.uint8]]:
    """Return (N, 16) of the pieces of each split: of their text, and where they are in it."""
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
