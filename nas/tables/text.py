"""Tables of text (CSV): which bytes are letters, what parts the columns, what a cell says.

Nothing is guessed from looks: a cell stays the text that stands in the file. A column becomes
numbers only where writing the numbers back would give that text again, so that `007`, `1e5`,
`10:20`, `2024-01-02` or an id of 23 digits come back as they were written.
"""

import codecs
import csv
import io
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from nas.architecture import Value
from nas.errors import DataError

# Words that stand for a missing number; in a column of texts they are texts like any other.
MISSING_NUMBERS = ("NaN", "nan", "NA", "N/A", "null", "NULL")
_DELIMITERS = (",", ";", "\t", "|")
_MARKS = (  # the longest first: that of UTF-32 begins like that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WHOLE = re.compile(r"-?[1-9][0-9]*|0")
_INT64 = range(-(2**63), 2**63)
_MAX_BLOCK_BYTES = 1 << 26  # a row must fit in a block


def read_text_table(file: Path, wanted: Sequence[str]) -> tuple[list[str], pa.Table]:
    """Return the names of all columns, and those of the wanted ones that are there once, as text.

    An empty cell is null. The columns are parted by the comma, semicolon, tab or bar that shows
    most of the wanted names in the first line.

    Raises:
        DataError: it is no text, or its rows do not have the columns of the first line.
    """
    content = _as_utf8(file, _uncompressed(file))
    delimiter, names = _read_head(file, content, wanted)
    once = [name for name in wanted if names.count(name) == 1]
    block = min(max(len(content), 1), _MAX_BLOCK_BYTES)
    try:
        table = pa.csv.read_csv(
            pa.BufferReader(content),
            read_options=pa.csv.ReadOptions(block_size=block),
            parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                include_columns=once,
                column_types=dict.fromkeys(once, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowException as error:
        cause = " ".join(str(error).split())
        raise DataError(f"'{file}' cannot be read as CSV: {cause}") from error
    return names, table


def _uncompressed(file: Path) -> bytes:
    try:
        with pa.input_stream(str(file), compression="detect") as stream:
            return bytes(stream.read())
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"'{file}' cannot be read as CSV: {error}") from error


def _as_utf8(file: Path, content: bytes) -> bytes:
    """Return the text as UTF-8 without a mark.

    Raises:
        DataError: it is in another encoding, which no file says by itself.
    """
    mark, encoding = next((pair for pair in _MARKS if content.startswith(pair[0])), (b"", "utf-8"))
    body = content[len(mark) :]
    at = -1 if mark else body.find(b"\0")
    if at >= 0:
        place = _place_after(body[:at].decode(errors="replace"))
        raise DataError(
            f"'{file}' is no text: {place} is a zero byte; if it is UTF-16 "
            f"without a mark, convert it: {_conversion(file, 'UTF-16LE')}"
        )
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        before = body[: error.start].decode(encoding)
        place = _place_after(before)
        told = " ".join(f"0x{byte:02x}" for byte in body[error.start : error.start + 1])
        raise DataError(
            f"'{file}' is no {encoding.upper()}: {place} is the byte {told}; "
            f"if it is of Windows or Latin-1, convert it: {_conversion(file, 'WINDOWS-1252')}"
        ) from error
    return text.encode() if mark else body


def _place_after(text: str) -> str:
    """Say where the next letter of a text stands.

    >>> _place_after("a,b")
    'line 1, column 4'
    """
    lines = re.split(r"\r\n|\r|\n", text)
    return f"line {len(lines)}, column {len(lines[-1]) + 1}"


def _conversion(file: Path, encoding: str) -> str:
    source = shlex.quote(str(file))
    target = shlex.quote(str(file.with_name(f"{file.stem}-utf8{file.suffix}")))
    return f"iconv -f {encoding} -t UTF-8 {source} > {target}"


def _read_head(file: Path, content: bytes, wanted: Sequence[str]) -> tuple[str, list[str]]:
    heads = {mark: _first_row(content, mark) for mark in _DELIMITERS}
    found = {mark: len({*names} & {*wanted}) for mark, names in heads.items()}
    best = max(_DELIMITERS, key=lambda mark: (found[mark], len(heads[mark])))
    if not heads[best]:
        raise DataError(f"'{file}' cannot be read as CSV: it is empty")
    return best, heads[best]


def _first_row(content: bytes, delimiter: str) -> list[str]:
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline=None)
    try:
        return next((row for row in csv.reader(text, delimiter=delimiter) if row), [])
    except csv.Error:  # a quote that never ends, or a field without end
        return []


def as_written(column: pa.ChunkedArray) -> pa.Array:
    """Return texts as numbers where those would be written just so, else as they are.

    Whole numbers are without a plus, zeros in front or gaps, and within 64 bits. Other numbers
    are as Python writes them, whole ones among them as they are, and no two cells that differ are
    equal numbers (`1` and `1.0`). One word for a missing number, as R and pandas write it, is an
    empty cell of such a column.
    """
    encoded = pc.dictionary_encode(_one_array(column))
    texts = encoded.dictionary.to_pylist()
    words = [text for text in texts if text in MISSING_NUMBERS]
    is_gap = len(words) == 1 and not encoded.null_count
    numbers = _numbers([text for text in texts if not (is_gap and text in words)])
    if numbers is None:
        return encoded.dictionary_decode()
    of_text = dict(zip((t for t in texts if not (is_gap and t in words)), numbers, strict=True))
    values = pa.array([of_text.get(text) for text in texts])
    return values.take(encoded.indices)


def _numbers(texts: Sequence[str]) -> list[Value] | None:
    """Return what distinct texts say if all of them are numbers as written, else None."""
    if not texts:
        return None
    if all(_WHOLE.fullmatch(text) and int(text) in _INT64 for text in texts):
        return [int(text) for text in texts]
    if not all(_is_real_as_written(text) for text in texts):
        return None
    reals: list[Value] = [float(text) for text in texts]
    return reals if max(Counter(reals).values()) == 1 else None


def _is_real_as_written(text: str) -> bool:
    try:
        number = float(text)
    except ValueError:
        return False
    if not np.isfinite(number):
        return False
    return repr(number) == text or bool(_WHOLE.fullmatch(text) and repr(number) == f"{text}.0")


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
