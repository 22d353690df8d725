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
from nas.errors import DataError, MissingPackageError, gguf_packages_missing

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

    @property
    def unknown(self) -> int | None:
        """The token of what it does not know; None where it knows all, or says none."""
        told = self.model()["model"]
        if told.get("unk_id") is not None:
            return int(told["unk_id"])
        place = self._ready.token_to_id(told.get("unk_token") or "")
        return None if place is None else int(place)

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
        return _checked(PublishedTokenizer(_from_gguf(path), has_end=has_end), path)
    place = path / "tokenizer.json" if path.is_dir() else path
    try:
        content = place.read_text(encoding="utf-8")
        model = json.loads(content)["model"]
        vocabulary, merges = model["vocab"], model.get("merges")
    except OSError as error:
        raise _no_tokenizer(path, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise _no_tokenizer(path, "it is no text") from error
    except (ValueError, KeyError, TypeError) as error:
        raise _no_tokenizer(path, "it is no JSON with a model that has a vocabulary") from error
    own = None
    if isinstance(vocabulary, dict) and not merges:
        own = _own(content, vocabulary)
    return own or _checked(PublishedTokenizer(content, has_end=has_end), path)


def _checked(tokenizer: PublishedTokenizer, path: Path) -> PublishedTokenizer:
    """Return a tokenizer that its package can read, and that knows some tokens.

    Raises:
        DataError: it is another.
    """
    try:
        size = tokenizer.vocabulary_size
    except MissingPackageError:
        raise
    except Exception as error:  # the package raises nothing narrower
        raise _no_tokenizer(path, f"the package tokenizers says: {error}") from error
    if size < 2:
        raise _no_tokenizer(path, f"it knows {size} tokens")
    return tokenizer


def _no_tokenizer(path: Path, why: str) -> DataError:
    return DataError(
        f"data.tokenizer must be byte, character, bpe, or the folder, tokenizer.json or .gguf "
        f"file of a model, but {path} is none: {why}"
    )


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
    try:
        found = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
        return str(found.backend_tokenizer.to_str())
    except Exception as error:  # of a damaged file transformers and gguf raise all kinds
        raise _no_tokenizer(path, f"transformers cannot read it: {error!r}") from error
