"""confusion.csv beside a network's files: of each class, what its test examples were taken for."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nas.errors import RunFolderError
from nas.files import write_text
from nas.record.reading import read_text

CONFUSION_CSV = "confusion.csv"
_CORNER = "class \\ taken for"


@dataclass(frozen=True)
class ClassErrors:
    """How one class fares.

    Attributes:
        name: of the class.
        num_examples: test examples of the class.
        num_right: test examples of the class that were predicted right.
        taken_for: the class that they were most often mistaken for; empty where none was.
        num_taken_for: how many were taken for that one.
    """

    name: str
    num_examples: int
    num_right: int
    taken_for: str
    num_taken_for: int

    @property
    def share_right(self) -> float:
        """Share of the class's examples that were predicted right, from 0 to 1."""
        return self.num_right / self.num_examples


@dataclass(frozen=True, eq=False)
class Confusion:
    """Test examples by class and by what the network says.

    Attributes:
        class_names: of K classes.
        counts: (K, K) examples; rows are true classes, columns what they were taken for.
    """

    class_names: tuple[str, ...]
    counts: npt.NDArray[np.int64]

    def worst(self, number: int) -> list[ClassErrors]:
        """Return up to so many classes with mistakes, the smallest share of correct answers first.

        Classes without a test example are left out. At ties the class with more examples comes
        first.
        """
        found = [self._errors(index) for index in range(len(self.class_names))]
        wrong = [errors for errors in found if errors.num_right < errors.num_examples]
        return sorted(wrong, key=lambda e: (e.share_right, -e.num_examples))[:number]

    def _errors(self, index: int) -> ClassErrors:
        row = self.counts[index]
        others = row.copy()
        others[index] = 0
        most = int(others.argmax())
        name = self.class_names[most] if others[most] else ""
        return ClassErrors(
            self.class_names[index], int(row.sum()), int(row[index]), name, int(others[most])
        )


def confusion_of(
    told: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], class_names: Sequence[str]
) -> Confusion:
    """Count the examples (N,) of each class by the class that was predicted."""
    number = len(class_names)
    counts = np.zeros((number, number), dtype=np.int64)
    np.add.at(counts, (labels, told), 1)
    return Confusion(tuple(class_names), counts)


def write_confusion(path: Path, confusion: Confusion) -> None:
    """Write the matrix with its names, whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_CORNER, *confusion.class_names])
    rows = zip(confusion.class_names, confusion.counts.tolist(), strict=True)
    writer.writerows([name, *row] for name, row in rows)
    write_text(path, text.getvalue())


def read_confusion(path: Path) -> Confusion:
    """Read what `write_confusion` wrote.

    Raises:
        RunFolderError: it cannot be read, or is damaged.
    """
    remedy = "remove it and make it again by nas finish"
    text = read_text(path, remedy=remedy)
    try:
        (_, *names), *rows = csv.reader(io.StringIO(text, newline=""))
        counts = np.array([[int(cell) for cell in row[1:]] for row in rows], dtype=np.int64)
    except (csv.Error, ValueError) as error:
        raise RunFolderError(f"{path} is damaged ({str(error)[:80]}); {remedy}") from error
    if counts.shape != (len(names), len(names)):
        raise RunFolderError(f"{path} is damaged (it is no square of numbers); {remedy}")
    return Confusion(tuple(names), counts)
