"""What is a file that is no UTF-8 text? Told for people, with what to do about it.

`nas.data.documents` finds the byte that does not belong; here the first bytes of the file, what
stands around that byte and how far it is from the end say what the file is likely to be.
"""

import re
import shlex
from pathlib import Path

# First bytes of files that are taken for text now and then: what they are, and what to do.
_KNOWN: tuple[tuple[bytes, str, str], ...] = (
    (b"\x1f\x8b", "compressed by gzip", "unpack it: gunzip -k FILE"),
    (b"BZh", "compressed by bzip2", "unpack it: bunzip2 -k FILE"),
    (b"\xfd7zXZ\x00", "compressed by xz", "unpack it: unxz -k FILE"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", "unpack it: unzstd FILE"),
    (
        b"PK\x03\x04",
        "a zip archive, as .docx, .epub and .xlsx are too",
        "unpack it, or save it as plain text",
    ),
    (b"%PDF-", "a PDF", "turn it into text: pdftotext FILE"),
    (
        b"PAR1",
        "a parquet file",
        "read it with data=huggingface_text data.name=FOLDER (the folder that holds it)",
    ),
    (b"GGUF", "a model in GGUF", "give text; data.tokenizer may name a model"),
    (b"SQLite format 3\x00", "a SQLite database", "export its texts"),
    (b"\x89PNG", "a PNG image", "give text"),
    (b"\xff\xd8\xff", "a JPEG image", "give text"),
    (b"\x7fELF", "a program", "give text"),
    (b"\xff\xfe\x00\x00", "UTF-32", "convert it: iconv -f utf-32 -t utf-8 FILE > NEW"),
    (b"\x00\x00\xfe\xff", "UTF-32", "convert it: iconv -f utf-32 -t utf-8 FILE > NEW"),
    (b"\xff\xfe", "UTF-16", "convert it: iconv -f utf-16 -t utf-8 FILE > NEW"),
    (b"\xfe\xff", "UTF-16", "convert it: iconv -f utf-16 -t utf-8 FILE > NEW"),
)
_LOOKED_AT = 64 << 10  # bytes, from the beginning of the file
# In UTF-16 the first or the second byte of each usual character is zero, and hardly one of the
# others; binary files have zeros at both places.
_MANY, _FEW = 0.7, 0.05
_WHOLE_CHARACTER = re.compile(rb"[\xc3-\xf4][\x80-\xbf]")


def describe_foreign(path: Path, *, place: int, is_cut: bool) -> tuple[str, str]:
    """Return what a file is likely to be, and what to do.

    Args:
        path: of the file.
        place: of the first byte that is no UTF-8, or zero.
        is_cut: the file ends within a character.
    """
    with path.open("rb") as file:
        start = file.read(_LOOKED_AT)
        file.seek(place)
        byte = file.read(1)
    what, remedy = _describe(start, byte, place, is_cut)
    # `FILE` and `NEW` in a command are this file and one beside it.
    new = path.with_name(f"{path.stem}-utf8{path.suffix}")
    for word, target in (("FILE", path), ("NEW", new)):
        remedy = remedy.replace(word, shlex.quote(str(target)))
    return what, remedy


def _describe(start: bytes, byte: bytes, place: int, is_cut: bool) -> tuple[str, str]:
    for magic, what, remedy in _KNOWN:
        if start.startswith(magic):
            return f"it is {what}", remedy
    told = f"byte {place:,} is {byte[0]:#04x}"
    for first, name in ((1, "utf-16le"), (0, "utf-16be")):
        own, others = start[first::2], start[1 - first :: 2]
        if own.count(0) > _MANY * len(own) and others.count(0) < _FEW * len(others):
            remedy = f"convert it: iconv -f {name} -t utf-8 FILE > NEW"
            return f"{told}, and each second byte zero, as in UTF-16", remedy
    if byte == b"\0":
        return f"{told}, which text does not hold", "take it out: tr -d '\\000' < FILE > NEW"
    if b"\0" in start:
        return f"{told}, and it holds zero bytes, as binary files do", "give text"
    if is_cut:
        told = f"{told}, and the file ends within that character"
        return told, "leave it out: iconv -c -f utf-8 -t utf-8 FILE > NEW"
    # Whole characters of several bytes before it: converting them all would garble those.
    if _WHOLE_CHARACTER.search(start[:place]):
        told = f"{told}, though there is UTF-8 before it"
        return told, "leave such bytes out: iconv -c -f utf-8 -t utf-8 FILE > NEW"
    return told, "if it is of Windows or Latin-1: iconv -f windows-1252 -t utf-8 FILE > NEW"
