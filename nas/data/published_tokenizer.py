"""A tokenizer that came with a model: its tokenizer.json, or the GGUF file that holds it."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from nas.data.tokenizers import (
    END,
    NUM_BYTES,
    UNKNOWN,
    ByteTokenizer,
    CharacterTokenizer,
    StoredTokenizer,
    Tokenizer,
    Tokens,
)
from nas.errors import DataError, gguf_packages_missing

# What tokens that end a text are called, the most usual first.
_ENDS = (END, "</s>", "<|end_of_text|>", "<eos>", "<|im_end|>", "[SEP]")


class PublishedTokenizer(StoredTokenizer):
    """That of a model; the token that ends a text stands behind each document, if there is one."""

    kind = "published"

    @property
    def num_pieces(self) -> int:
        """All tokens, those that stand for no text among them."""
        return int(self._ready.get_vocab_size(with_added_tokens=True))

    @property
    def vocabulary_size(self) -> int:
        """Number of different tokens; the end is one of them."""
        return self.num_pieces

    @property
    def end(self) -> int | None:
        """The token that ends a document; None where there is none."""
        if not self.has_end:
            return None
        places = (self._ready.token_to_id(name) for name in _ENDS)
        return next((int(place) for place in places if place is not None), None)

    def encode(self, content: bytes) -> Tokens:
        """Return the pieces."""
        ids = self._ready.encode(content.decode(), add_special_tokens=False).ids
        return np.array(ids, dtype=np.int64)

    def model(self) -> dict[str, Any]:
        """Return what was published."""
        found: dict[str, Any] = json.loads(self.content)
        return found

    def to_json(self) -> str:
        """Return the text of `tokenizer.json`."""
        return self.content


def read_tokenizer(path: Path, *, has_end: bool) -> Tokenizer:
    """Return the tokenizer of a model: of its folder, its tokenizer.json or its GGUF file.

    Raises:
        DataError: there is none.
        MissingPackageError: what reads it is not installed.
    """
    if path.suffix == ".gguf" and path.is_file():
        return PublishedTokenizer(_from_gguf(path), has_end=has_end)
    place = path / "tokenizer.json" if path.is_dir() else path
    try:
        content = place.read_text(encoding="utf-8")
        vocabulary = json.loads(content)["model"]["vocab"]
        merges = json.loads(content)["model"].get("merges")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"data.tokenizer must be byte, character, bpe, or the folder, tokenizer.json or .gguf "
            f"file of a model, but {path} is none: {error!r}"
        ) from error
    own = None if merges else _own(content, vocabulary)
    return own or PublishedTokenizer(content, has_end=has_end)


def _own(content: str, vocabulary: dict[str, int]) -> Tokenizer | None:
    """Return one of ours that needs no package, where the file was written by it."""
    named = [entry["content"] for entry in json.loads(content).get("added_tokens") or []]
    has_end, has_unknown = END in named, UNKNOWN in named
    characters = "".join(name for name in vocabulary if name != UNKNOWN)
    candidates: list[Tokenizer] = [
        CharacterTokenizer(characters, has_unknown=has_unknown, has_end=has_end)
    ]
    if len(vocabulary) == NUM_BYTES:
        candidates.insert(0, ByteTokenizer(has_end=has_end))
    return next((made for made in candidates if made.to_json() == content), None)


def _from_gguf(path: Path) -> str:
    try:
        import gguf  # noqa: F401 - transformers needs it
        from transformers import AutoTokenizer
    except ImportError as error:
        raise gguf_packages_missing(path.name) from error
    found = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    return str(found.backend_tokenizer.to_str())
