"""Text from a data set of Hugging Face: from the hub's cache, or from a folder.

Needs the `datasets` package (`pip install 'nas[data]'`). Each row is a document. The texts are
written once to the cache folder, one behind the other, so that none of them stays in memory.
"""

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nas.data.curation import NONE
from nas.data.documents import SPLITS, Document, Piece, deal
from nas.data.huggingface import check_columns, open_dataset
from nas.data.split_names import by_split
from nas.data.text import TextData
from nas.data.text_loaders import check_text_settings, curations_of, vocabularies_of
from nas.data.tokenized_data import tokenized_data
from nas.errors import DataError
from nas.paths import cache_dir

_ROWS_AT_ONCE = 1000


def load_text_dataset(
    name: str,
    *,
    subset: str | None = None,
    text_column: str = "text",
    is_offline: bool = True,
    tokenizer: str = "byte",
    vocabulary_size: int | Sequence[int] | None = None,
    context: int = 256,
    validation_fraction: float = 0.05,
    test_fraction: float = 0.05,
    split_seed: int = 0,
    judged_tokens: int = 262_144,
    curation: str | Sequence[str] = NONE,
) -> TextData:
    """Return the texts of a data set as tokens.

    Splits that the data set lacks are held out of its training split, whole documents by a hash of
    their text. Texts that are there twice, once to learn from and once to judge by, are left where
    the data set has them.

    Args:
        name: on the hub, as `roneneldan/TinyStories`; a folder that `save_to_disk` wrote; or one
            of parquet, JSON lines or text files.
        subset: of data sets that have several configurations.
        text_column: holds the texts.
        is_offline: take what is in the cache; false lets the package fetch what is not.
        tokenizer: byte, character, bpe, or where a model is whose own is taken.
        vocabulary_size: of bpe; several are tokenized each, and a space may choose among them.
        context: most tokens that a model sees at once.
        validation_fraction: share of the bytes, where there is no such split.
        test_fraction: likewise.
        split_seed: of the order in which documents are dealt.
        judged_tokens: most tokens of validation, or of test, that models are judged by.
        curation: what is done to the training text (`nas.data.curation`).

    Raises:
        MissingPackageError: `datasets`, or what a setting needs, is not installed.
        DataError: the data set, its column or a setting is not as it must be.
    """
    shares = {"validation": validation_fraction, "test": test_fraction}
    check_text_settings(tokenizer, context, "documents", shares, split_seed, judged_tokens)
    vocabularies = vocabularies_of(tokenizer, vocabulary_size)
    curations = curations_of(curation)
    opened = open_dataset(name, subset, is_offline=is_offline)
    chosen = by_split(
        map(str, opened), where=name, remedy="save a data set with one of them, by save_to_disk"
    )
    if "train" not in chosen:
        raise DataError(f"{name} has no split 'train'; it has {', '.join(map(str, opened))}")
    documents = _written({word: opened[chosen[word]] for word in chosen}, text_column, name)
    published = ", ".join(chosen.values())
    dealt, rule = _dealt(documents, shares, split_seed, published)
    return tokenized_data(
        name.rstrip("/").rpartition("/")[2],
        [document for own in documents.values() for document in own],
        dealt,
        rule=rule,
        settings=["dataset", sorted(chosen), shares, split_seed],
        kind=tokenizer,
        vocabularies=vocabularies,
        context=context,
        judged_tokens=judged_tokens,
        curations=curations,
    )


def _dealt(
    documents: Mapping[str, Sequence[Document]],
    shares: dict[str, float],
    seed: int,
    published: str,
) -> tuple[dict[str, list[Piece]], str]:
    """Return the pieces of each split, and one sentence that says how they were drawn."""
    absent = {word: share for word, share in shares.items() if word not in documents}
    rule = f"{published}: as published"
    dealt: dict[str, list[Piece]] = {
        word: [Piece(document, 0, document.num_bytes) for document in own]
        for word, own in documents.items()
    }
    if absent:
        # What is not asked for gets no room, and train has the rest.
        held_out, how = deal(
            documents["train"],
            shares={word: absent.get(word, 0.0) for word in shares},
            seed=seed,
            by="documents",
            needed=("train", *absent),
        )
        dealt |= {word: held_out[word] for word in ("train", *absent)}
        rule = f"{rule}; {' and '.join(absent)} out of train: {how}"
    return {word: dealt[word] for word in SPLITS}, rule


def _written(parts: Mapping[str, Any], column: str, name: str) -> dict[str, list[Document]]:
    """Write all texts to one file in the cache folder; return the documents of each split.

    Raises:
        DataError: the column is absent or holds no texts, or a split is empty.
    """
    folder = cache_dir() / "texts"
    folder.mkdir(parents=True, exist_ok=True)
    handle, made = tempfile.mkstemp(dir=folder, prefix="making-")
    found: dict[str, list[tuple[bytes, int, int]]] = {}
    whole = hashlib.blake2b(digest_size=16)
    try:
        with os.fdopen(handle, "wb") as file:
            place = 0
            for word, part in parts.items():
                check_columns(part, (column,), name)
                found[word] = []
                for batch in part.iter(batch_size=_ROWS_AT_ONCE):
                    for text in batch[column]:
                        content = _content(text, column, name)
                        if not content:
                            continue
                        digest = hashlib.blake2b(content, digest_size=16).digest()
                        whole.update(digest)
                        found[word].append((digest, place, len(content)))
                        place += file.write(content)
        path = folder / f"{whole.hexdigest()}.txt"
        Path(made).replace(path)
    finally:
        Path(made).unlink(missing_ok=True)
    empty = [word for word, own in found.items() if not own]
    if empty:
        raise DataError(f"{name}: the split {empty[0]} holds no text in the column {column!r}")
    return {
        word: [Document(path, size, digest, start) for digest, start, size in own]
        for word, own in found.items()
    }


def _content(text: Any, column: str, name: str) -> bytes:
    if text is None:
        return b""
    if not isinstance(text, str):
        raise DataError(
            f"{name}: the column {column!r} holds {type(text).__name__}, but texts are needed; "
            "data.text_column names another one"
        )
    return text.encode("utf-8", errors="replace")  # half a pair of surrogates is no character
