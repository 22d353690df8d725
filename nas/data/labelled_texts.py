"""Short texts with labels, from a table: what vectors of texts are judged by.

A CSV or TSV file with the columns `text` and `label`. A third of the texts tests,
chosen by a hash of the text, so that equal texts come to the same side and no file changes it.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from nas.errors import DataError
from nas.tables.text import read_text_table

_COLUMNS = ("text", "label")
_TESTED = 3  # one text of so many
_LEAST = 2  # texts of a label on each side
_SUFFIXES = (".csv", ".tsv")


@dataclass(frozen=True)
class LabelledTexts:
    """Texts of two splits, each with its label.

    Attributes:
        train: texts that a classifier learns from.
        train_labels: of them.
        test: texts that it is judged by.
        test_labels: of them.
    """

    train: tuple[str, ...]
    train_labels: tuple[str, ...]
    test: tuple[str, ...]
    test_labels: tuple[str, ...]


def read_labelled_texts(path: Path) -> LabelledTexts:
    """Return the texts of a table.

    Raises:
        DataError: it cannot be read, lacks a column, or too few texts have a label.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise DataError(
            f"evaluation.labelled_texts: {path} must end in .csv or .tsv, a table with the "
            "columns text and label"
        )
    try:
        names, table = read_text_table(path, _COLUMNS)
    except DataError as error:
        raise DataError(f"evaluation.labelled_texts: {error}") from error
    for column in _COLUMNS:
        if names.count(column) != 1:
            raise DataError(
                f"evaluation.labelled_texts: {path} has {names.count(column)} columns {column!r}; "
                f"it has {', '.join(names)}; give a table with one text and one label"
            )
    texts, labels = (table[column].to_pylist() for column in _COLUMNS)
    pairs = [(text, label) for text, label in zip(texts, labels, strict=True) if text and label]
    return split_texts(pairs, where=str(path))


def split_texts(pairs: list[tuple[str, str]], *, where: str) -> LabelledTexts:
    """Return two splits of texts with their labels.

    Args:
        pairs: text and label.
        where: they come from, for messages.

    Raises:
        DataError: fewer than two labels, or one with too few texts on a side.
    """
    sides: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
    for text, label in pairs:
        number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big")
        sides[number % _TESTED == 0].append((text, label))
    labels = sorted({label for _, label in pairs})
    counts = [Counter(label for _, label in side) for side in sides]
    few = [label for label in labels if min(count[label] for count in counts) < _LEAST]
    if len(labels) < 2 or few:
        told = f"{few[0]!r} has too few texts" if few else "fewer than two labels"
        raise DataError(
            f"evaluation.labelled_texts: {where}: {told}; each label needs at least {_LEAST} "
            "texts that train and as many that test (a third of all, by a hash): give more texts, "
            "or leave rare labels out"
        )
    train, test = (tuple(zip(*side, strict=True)) for side in sides)
    return LabelledTexts(*train, *test)
