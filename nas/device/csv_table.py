"""The rows of a table of measurements, by whatever program it was saved.

Spreadsheets separate columns by commas, semicolons or tabs, begin files with a mark of their
encoding, and write 0,5 for 0.5 where that is the custom.
"""

import csv
import io
from pathlib import Path

from nas.errors import ConfigError

_SEPARATORS = (",", ";", "\t")
NETWORK = "network"


def read_rows(path: Path) -> tuple[list[dict[str, str]], list[str]]:
    """Return the rows, column name -> text, and the columns; names are in small letters.

    Raises:
        ConfigError: it cannot be read, names no networks, or has no rows.
    """
    text = _text_of(path)
    separator = max(_SEPARATORS, key=text.partition("\n")[0].count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    columns = [name.strip().lower() for name in lines[0]] if lines else []
    if NETWORK not in columns:
        raise ConfigError(
            f"{path} has no column '{NETWORK}'; it has {', '.join(columns) or 'none'}. Give the "
            "table that measure.py wrote, or one with the columns network and latency_ms"
        )
    rows = [
        dict(zip(columns, [*cells, *[""] * (len(columns) - len(cells))], strict=False))
        for cells in lines[1:]
        if any(cell.strip() for cell in cells)
    ]
    if not rows:
        raise ConfigError(f"{path} has no rows; run measure.py on the device")
    return rows, columns


def read_number(text: str) -> float:
    """Return a number; a comma may stand for the point.

    Raises:
        ValueError: it is none.
    """
    return float(text.strip().replace(",", "."))


def _text_of(path: Path) -> str:
    try:
        content = path.read_bytes()
        is_wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
        return content.decode("utf-16" if is_wide else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read ({error}); save it as CSV with the encoding UTF-8"
        ) from error
