"""Which texts are there, and which train, judge and test? Files in pieces that fit the memory.

A document is a file, or a part of one. Documents are dealt to the splits by a hash of what they
hold, so that equal documents come to one split; where they are too few, the whole text is cut by
position instead.
Nothing here keeps a file in memory: what is larger than `CHUNK` bytes comes in pieces.
"""

import codecs
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.data.foreign_bytes import describe_foreign
from nas.errors import DataError

CHUNK = 4 << 20  # bytes
SPLITS = ("train", "validation", "test")
# With fewer documents their shares of the text would be left to chance.
MIN_DOCUMENTS = 20
_SKIPPING = ", or leave such files out: data.on_broken=skip"


@dataclass(frozen=True)
class Document:
    """A file of text, or a part of one.

    Attributes:
        path: where it is.
        num_bytes: its length.
        digest: 16 bytes that documents of equal text share.
        offset: its first byte in the file; the places of pieces count from there.
    """

    path: Path
    num_bytes: int
    digest: bytes
    offset: int = 0


@dataclass(frozen=True)
class Piece:
    """A stretch of a document that belongs to one split.

    Attributes:
        document: which one.
        start: its first byte.
        stop: the byte after its last.
    """

    document: Document
    start: int
    stop: int

    def chunks(self) -> Iterator[bytes]:
        """Yield the text, each part whole characters, cut after a line where there is one."""
        with self.document.path.open("rb") as file:
            file.seek(self.document.offset + self.start)
            left, kept = self.stop - self.start, b""
            while left > 0:
                read = file.read(min(CHUNK, left))
                if not read:
                    break
                left -= len(read)
                content = kept + read
                place = len(content) if left == 0 else _last_cut(content)
                kept = content[place:]
                yield content[:place]


class NoTextError(Exception):
    """A file is no UTF-8 text.

    Args:
        path: of the file.
        place: of the first byte that does not belong.
        is_cut: the file ends within a character.
    """

    def __init__(self, path: Path, place: int, *, is_cut: bool = False) -> None:
        what, self.remedy = describe_foreign(path, place=place, is_cut=is_cut)
        super().__init__(f"{path} is no UTF-8 text: {what}")


def read_documents(
    paths: Sequence[Path], *, skips_others: bool
) -> tuple[list[Document], list[str]]:
    """Return the documents, and what was left out, a line each; reads every file once.

    Args:
        paths: of the files.
        skips_others: files that are no UTF-8 text are left out; else they are refused.

    Raises:
        DataError: a file is no UTF-8 text (what it is, is told) or cannot be read, or all are
            empty.
    """
    documents, left_out = [], []
    for path in paths:
        try:
            document = _read(path)
        except NoTextError as error:
            if not skips_others:
                raise DataError(
                    f"data.path: {error}; {error.remedy}{_SKIPPING if len(paths) > 1 else ''}"
                ) from error
            left_out.append(str(error))
            continue
        except OSError as error:
            raise DataError(
                f"data.path: {path} cannot be read: {error.strerror or error}"
            ) from error
        if document.num_bytes:
            documents.append(document)
        else:
            left_out.append(f"{path} is empty")
    if not documents:
        why = left_out[0] if len(left_out) == 1 else f"none of {len(left_out)} files holds any"
        raise DataError(f"data.path: there is no text: {why}")
    return documents, left_out


def _read(path: Path) -> Document:
    """Read a file once; a byte order mark at its beginning is no part of the text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    digest, num_bytes, mark = hashlib.blake2b(digest_size=16), 0, 0
    with path.open("rb") as file:
        while True:
            content = file.read(CHUNK)
            begun = len(decoder.getstate()[0])  # bytes of a character that an earlier part began
            try:
                decoder.decode(content, final=not content)
            except UnicodeDecodeError as error:
                place = num_bytes - begun + error.start
                raise NoTextError(path, place, is_cut=not content) from None
            if not content:
                return Document(path, num_bytes - mark, digest.digest(), mark)
            zero = content.find(0)
            if zero >= 0:
                raise NoTextError(path, num_bytes + zero)
            if num_bytes == 0 and content.startswith(codecs.BOM_UTF8):
                mark = len(codecs.BOM_UTF8)
            digest.update(content if num_bytes else content[mark:])
            num_bytes += len(content)


def deal(
    documents: Sequence[Document],
    *,
    shares: dict[str, float],
    seed: int,
    by: str,
    needed: Sequence[str] = SPLITS,
) -> tuple[dict[str, list[Piece]], str]:
    """Return the pieces of each split, and one sentence that says how they were drawn.

    Args:
        documents: at least one, in the order in which they were found.
        shares: of the bytes, for validation and test.
        seed: of the order in which documents are dealt.
        by: documents, position, or auto: documents where there are `MIN_DOCUMENTS` or more.
        needed: splits that must not be empty.

    Raises:
        DataError: a split would be empty.
    """
    is_by_documents = by == "documents" or (by == "auto" and len(documents) >= MIN_DOCUMENTS)
    if is_by_documents:
        dealt = _by_documents(documents, shares, seed)
        rule = f"whole documents in the order of a hash of their text, seed {seed}"
    else:
        dealt = _by_position(documents, shares)
        rule = "by position: the first bytes train, then those of validation, then those of test"
    empty = [word for word in needed if not dealt[word]]
    if empty:
        many = "document" if len(documents) == 1 else "documents"
        total = sum(document.num_bytes for document in documents)
        remedy = f"{total:,} bytes are too few; give more text"
        if is_by_documents:
            remedy = "data.split_by=position cuts the text by position"
        raise DataError(
            f"data: {len(documents)} {many} cannot be dealt to {len(needed)} splits, {empty[0]} "
            f"would be empty; {remedy}"
        )
    return dealt, rule


def _by_documents(
    documents: Sequence[Document], shares: dict[str, float], seed: int
) -> dict[str, list[Piece]]:
    order: dict[bytes, list[Document]] = {}
    for document in documents:
        salted = hashlib.blake2b(document.digest, digest_size=16, salt=seed.to_bytes(8, "little"))
        order.setdefault(salted.digest(), []).append(document)
    total = sum(document.num_bytes for document in documents)
    left = {word: shares[word] * total for word in ("test", "validation")}
    dealt: dict[str, list[Piece]] = {word: [] for word in SPLITS}
    for key in sorted(order):
        equal = order[key]
        size = sum(document.num_bytes for document in equal)
        word = next((word for word, room in left.items() if size <= room), "train")
        if word != "train":
            left[word] -= size
        dealt[word] += [Piece(document, 0, document.num_bytes) for document in equal]
    return dealt


def _by_position(
    documents: Sequence[Document], shares: dict[str, float]
) -> dict[str, list[Piece]]:
    total = sum(document.num_bytes for document in documents)
    # Rounded first: 1 - 0.05 - 0.05 is a little less than 0.9.
    ends = {
        "train": int(round(total * (1.0 - shares["validation"] - shares["test"]), 3)),
        "validation": int(round(total * (1.0 - shares["test"]), 3)),
        "test": total,
    }
    dealt: dict[str, list[Piece]] = {word: [] for word in SPLITS}
    first = 0
    for document in documents:
        start = 0
        for word in SPLITS:
            stop = min(document.num_bytes, ends[word] - first)
            stop = document.num_bytes if word == "test" else _character_start(document, stop)
            if stop > start:
                dealt[word].append(Piece(document, start, stop))
                start = stop
        first += document.num_bytes
    return dealt


def _character_start(document: Document, place: int) -> int:
    """Return the start of the character that holds a byte."""
    if not 0 < place < document.num_bytes:
        return min(max(place, 0), document.num_bytes)
    with document.path.open("rb") as file:
        file.seek(document.offset + max(0, place - 3))
        before = file.read(min(place, 3) + 1)
    back = 0
    while back < len(before) - 1 and before[-1 - back] & 0xC0 == 0x80:
        back += 1
    return place - back


def _last_cut(content: bytes) -> int:
    """Return where to cut: after the last line, or else before the last character."""
    line = content.rfind(b"\n") + 1
    if line:
        return line
    place = len(content) - 1
    while place > 0 and content[place] & 0xC0 == 0x80:
        place -= 1
    return place
