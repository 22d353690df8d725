"""How does text become tokens, and tokens text? Bytes, characters, or pieces learnt from the text.

Bytes and characters need no package. Byte-pair encoding (Sennrich et al., 2016,
https://arxiv.org/abs/1508.07909) is learnt and applied by the package `tokenizers`. Each writes
itself as a `tokenizer.json` of that package, which transformers loads.

The last token of a vocabulary ends a document, where the text has several.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from nas.errors import DataError, MissingPackageError

Tokens = npt.NDArray[np.int64]

END = "<|endoftext|>"
UNKNOWN = "<|unknown|>"
NUM_BYTES = 256
# Code points that UTF-8 can hold: what an unknown character may be.
NUM_CHARACTERS = 0x110000 - 0x800
MOST_TOKENS = 2**32


class Tokenizer(ABC):
    """Text to tokens and back.

    Args:
        has_end: the last token ends a document.

    Attributes:
        kind: its name in the settings.
    """

    kind: ClassVar[str]

    def __init__(self, *, has_end: bool) -> None:
        self.has_end = has_end

    @property
    @abstractmethod
    def num_pieces(self) -> int:
        """Tokens that stand for text, the unknown one among them."""

    @abstractmethod
    def encode(self, content: bytes) -> Tokens:
        """Return the tokens (N,) of UTF-8 text."""

    @abstractmethod
    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens; the end of a document is left out."""

    @abstractmethod
    def model(self) -> dict[str, Any]:
        """Return the parts of `tokenizer.json` that tell this tokenizer from others."""

    @property
    def vocabulary_size(self) -> int:
        """Number of different tokens."""
        return self.num_pieces + self.has_end

    @property
    def end(self) -> int | None:
        """The token that ends a document; None where there is none."""
        return self.num_pieces if self.has_end else None

    @property
    def unknown(self) -> int | None:
        """The token of characters that it does not know; None where it knows all."""
        return None

    def to_json(self) -> str:
        """Return the text of `tokenizer.json`."""
        special = [UNKNOWN] * (self.unknown is not None) + [END] * self.has_end
        first = self.vocabulary_size - len(special)
        added = [
            {"id": first + place, "content": content, "special": True} | _NOT_STRIPPED
            for place, content in enumerate(special)
        ]
        content = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added}
        content |= {"normalizer": None, "post_processor": None, **self.model()}
        return json.dumps(content, ensure_ascii=False)


_NOT_STRIPPED = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
_BYTE_LEVEL = {
    "type": "ByteLevel",
    "add_prefix_space": False,
    "trim_offsets": True,
    "use_regex": False,
}


class ByteTokenizer(Tokenizer):
    """Each byte of UTF-8 is a token."""

    kind = "byte"

    @property
    def num_pieces(self) -> int:
        """All bytes."""
        return NUM_BYTES

    def encode(self, content: bytes) -> Tokens:
        """Return the bytes."""
        return np.frombuffer(content, dtype=np.uint8).astype(np.int64)

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text; bytes that are no UTF-8 are replaced."""
        return bytes(token for token in tokens if token < NUM_BYTES).decode(errors="replace")

    def model(self) -> dict[str, Any]:
        """Return byte-pair encoding without a single pair."""
        vocabulary = {character: byte for byte, character in enumerate(_byte_characters())}
        return {
            "pre_tokenizer": _BYTE_LEVEL,
            "decoder": _BYTE_LEVEL,
            "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
        }


class CharacterTokenizer(Tokenizer):
    """Each character that the training text holds is a token, others are unknown.

    Args:
        characters: known ones, sorted.
        has_unknown: a token stands for all others.
        has_end: the last token ends a document.
    """

    kind = "character"

    def __init__(self, characters: str, *, has_unknown: bool, has_end: bool) -> None:
        super().__init__(has_end=has_end)
        self.characters = characters
        self.has_unknown = has_unknown

    @property
    def num_pieces(self) -> int:
        """Known characters, and the unknown."""
        return len(self.characters) + self.has_unknown

    @property
    def unknown(self) -> int | None:
        """The token of all other characters."""
        return len(self.characters) if self.has_unknown else None

    @cached_property
    def _codes(self) -> npt.NDArray[np.uint32]:
        return np.frombuffer(self.characters.encode("utf-32-le"), dtype="<u4")

    def encode(self, content: bytes) -> Tokens:
        """Return the places of the characters among the known ones."""
        codes = np.frombuffer(content.decode().encode("utf-32-le"), dtype="<u4")
        places = np.searchsorted(self._codes, codes)
        is_known = self._codes[np.minimum(places, len(self._codes) - 1)] == codes
        return np.where(is_known, places, len(self._codes)).astype(np.int64)

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text; unknown characters become the replacement character."""
        known = len(self.characters)
        shown = (self.characters[t] if t < known else "\ufffd" for t in tokens if t != self.end)
        return "".join(shown)

    def model(self) -> dict[str, Any]:
        """Return byte-pair encoding of characters without a single pair."""
        vocabulary = {character: place for place, character in enumerate(self.characters)}
        if self.has_unknown:
            vocabulary[UNKNOWN] = len(vocabulary)
        unknown = {"unk_token": UNKNOWN if self.has_unknown else None, "fuse_unk": False}
        return {
            "pre_tokenizer": None,
            "decoder": {"type": "Fuse"},
            "model": {"type": "BPE", "vocab": vocabulary, "merges": [], **unknown},
        }


class StoredTokenizer(Tokenizer):
    """Applied by the package `tokenizers`, from what a file says.

    Args:
        content: of a `tokenizer.json`.
        has_end: a token ends each document.
    """

    def __init__(self, content: str, *, has_end: bool) -> None:
        super().__init__(has_end=has_end)
        self.content = content

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what each process makes for itself."""
        return {"content": self.content, "has_end": self.has_end}

    @cached_property
    def _ready(self) -> Any:
        ready = require_tokenizers().Tokenizer.from_str(self.content)
        # A file may say that texts are cut or filled up to some length: that is for single ones.
        ready.no_truncation()
        ready.no_padding()
        return ready

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text."""
        return str(self._ready.decode(list(tokens)))


class BpeTokenizer(StoredTokenizer):
    """Frequent sequences of bytes are tokens, learnt from the training text; the last ends it."""

    kind = "bpe"

    @property
    def num_pieces(self) -> int:
        """Pieces, without the end of a document."""
        return int(self._ready.get_vocab_size(with_added_tokens=False))

    def encode(self, content: bytes) -> Tokens:
        """Return the pieces."""
        return np.array(self._ready.encode(content.decode()).ids, dtype=np.int64)

    def model(self) -> dict[str, Any]:
        """Return what was learnt."""
        told = json.loads(self.content)
        return {name: told[name] for name in ("pre_tokenizer", "decoder", "model")}


def learn_characters(chunks: Iterable[bytes]) -> str:
    """Return the characters of a text, sorted."""
    found: set[str] = set()
    for chunk in chunks:
        found.update(chunk.decode())
    return "".join(sorted(found))


def learn_bpe(chunks: Iterator[bytes], *, vocabulary_size: int, has_end: bool) -> BpeTokenizer:
    """Return byte-pair encoding learnt from a text.

    Args:
        chunks: of the training text.
        vocabulary_size: tokens, the end of a document among them.
        has_end: the last token ends a document.

    Raises:
        MissingPackageError: `tokenizers` is not installed.
        DataError: the text does not hold so many pieces.
    """
    package = require_tokenizers()
    learnt = package.Tokenizer(package.models.BPE())
    level = package.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    learnt.pre_tokenizer = level
    learnt.decoder = package.decoders.ByteLevel()
    trainer = package.trainers.BpeTrainer(
        vocab_size=vocabulary_size - has_end,
        initial_alphabet=package.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    learnt.train_from_iterator((chunk.decode() for chunk in chunks), trainer)
    found = BpeTokenizer(learnt.to_str(), has_end=has_end)
    if found.vocabulary_size < vocabulary_size:
        raise DataError(
            f"data.vocabulary_size is {vocabulary_size:,}, but the training text holds only "
            f"{found.vocabulary_size:,} different pieces; give at most that, or more text"
        )
    return found


def require_tokenizers() -> Any:
    """Return the package `tokenizers`.

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        import tokenizers
    except ImportError as error:
        raise MissingPackageError(
            "data.tokenizer=bpe needs the package tokenizers: pip install 'nas[language]'; "
            "data.tokenizer=byte and data.tokenizer=character need nothing"
        ) from error
    return tokenizers


def _byte_characters() -> list[str]:
    """Return the printable character that stands for each byte in `tokenizer.json`.

    Those of Latin-1 that can be seen stand for themselves, the others follow from 256 on.
    """
    seen = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(NUM_BYTES) if byte not in seen]
    known = {byte: chr(byte) for byte in seen}
    known |= {byte: chr(NUM_BYTES + place) for place, byte in enumerate(hidden)}
    return [known[byte] for byte in range(NUM_BYTES)]
