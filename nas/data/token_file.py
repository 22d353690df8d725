"""Tokens on disk, in one array that all processes of a machine share.

The file is mapped into memory, never loaded: the system keeps the parts that are used, once for
all workers. It is made once for each text and tokenizer, in the cache folder of the user.
"""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nas.errors import DataError

_TOKENS, _FACTS = "tokens.bin", "facts.json"
TokenArray = npt.NDArray[Any]  # uint16 or uint32


@dataclass(frozen=True)
class Stretch:
    """The tokens of one split.

    Attributes:
        start: place of the first one in the file.
        stop: the place after the last one.
        num_bytes: of the text that they stand for.
        num_documents: that they are of.
        num_unknown: characters that the tokenizer does not know.
    """

    start: int
    stop: int
    num_bytes: int
    num_documents: int
    num_unknown: int = 0

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def bytes_per_token(self) -> float:
        """Bytes of text that a token stands for, in the mean."""
        return self.num_bytes / max(1, len(self))


@dataclass(frozen=True)
class TokenFile:
    """A file of tokens.

    Attributes:
        folder: where it is kept.
        dtype: uint16, or uint32 for large vocabularies.
        stretches: split -> its tokens.
        facts: what else was found while it was made.
    """

    folder: Path
    dtype: str
    stretches: Mapping[str, Stretch]
    facts: Mapping[str, Any]

    def __getstate__(self) -> dict[str, Any]:
        """Travel without the mapped array: each process maps it for itself."""
        return {k: v for k, v in self.__dict__.items() if k != "tokens"}

    @cached_property
    def tokens(self) -> TokenArray:
        """All tokens, mapped and not writable.

        Raises:
            DataError: the file is not on this machine.
        """
        path = self.folder / _TOKENS
        try:
            return np.memmap(path, dtype=self.dtype, mode="r")
        except (OSError, ValueError) as error:
            raise DataError(
                f"the tokens {path} are not on this machine: {error}; on a cluster put the cache "
                "on a disk that all machines share: XDG_CACHE_HOME=/shared/cache"
            ) from error

    def of(self, word: str) -> TokenArray:
        """Return the tokens of a split."""
        stretch = self.stretches[word]
        return self.tokens[stretch.start : stretch.stop]


def read_or_make(
    folder: Path, write: Callable[[Path], Mapping[str, Any]], *, dtype: Callable[[], str]
) -> TokenFile:
    """Return a token file, made by `write` where it is absent; a crash leaves none.

    Args:
        folder: where it belongs.
        write: writes the tokens to a path, and returns `stretches` and other facts.
        dtype: of the tokens; asked for where they are written.
    """
    known = _read(folder)
    if known is not None:
        return known
    folder.parent.mkdir(parents=True, exist_ok=True)
    begun = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        facts = {**write(begun / _TOKENS), "dtype": dtype()}
        (begun / _FACTS).write_text(json.dumps(facts))
        with contextlib.suppress(OSError):  # another process was quicker
            begun.rename(folder)
    except OSError as error:
        raise DataError(
            f"the tokens cannot be written below {folder.parent}: {error}; XDG_CACHE_HOME names "
            "another place"
        ) from error
    finally:
        shutil.rmtree(begun, ignore_errors=True)
    made = _read(folder)
    if made is None:  # a broken one stood there
        shutil.rmtree(folder, ignore_errors=True)
        return read_or_make(folder, write, dtype=dtype)
    return made


def append_tokens(path: Path, blocks: Iterator[npt.NDArray[np.int64]], *, dtype: str) -> int:
    """Append tokens to a file; return how many."""
    number = 0
    with path.open("ab") as file:
        for block in blocks:
            file.write(block.astype(dtype).tobytes())
            number += len(block)
    return number


def as_facts(stretches: Mapping[str, Stretch]) -> dict[str, Any]:
    """Return stretches as plain values."""
    return {word: asdict(stretch) for word, stretch in stretches.items()}


def _read(folder: Path) -> TokenFile | None:
    try:
        facts = json.loads((folder / _FACTS).read_text())
        stretches = {word: Stretch(**told) for word, told in facts.pop("stretches").items()}
        dtype = str(facts.pop("dtype"))
        size = (folder / _TOKENS).stat().st_size
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if size != max(s.stop for s in stretches.values()) * np.dtype(dtype).itemsize:
        return None
    return TokenFile(folder, dtype, stretches, facts)
