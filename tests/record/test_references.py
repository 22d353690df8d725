"""What a search is compared with, on record and as floors."""

import math

import pytest

from nas.errors import RunFolderError
from nas.objective import objective_for
from nas.record.references import (
    HAND_MADE,
    TRIVIAL,
    Reference,
    floors_of,
    read_references,
    write_references,
)

LINEAR = Reference("linear classifier", TRIVIAL, 0.4, 400.0, 100.0, 90.0, 0.5)
NETWORK = Reference("mobilenetv3_small x0.25", HAND_MADE, 0.7, 1e6, 2.5e5, math.nan, 30.0)


def test_references_come_back_as_they_were_written(tmp_path):
    write_references(tmp_path / "references.csv", [LINEAR, NETWORK])

    again = read_references(tmp_path / "references.csv")

    assert list(map(repr, again)) == list(map(repr, [LINEAR, NETWORK]))
    assert read_references(tmp_path / "absent.csv") == []


def test_damaged_references_are_refused_by_name(tmp_path):
    (tmp_path / "references.csv").write_text("a,b\n1,2\n")

    with pytest.raises(RunFolderError, match=r"references\.csv has other columns"):
        read_references(tmp_path / "references.csv")


def test_trivial_models_are_floors_of_what_is_measured_alone():
    objectives = [objective_for("accuracy"), objective_for("size_bytes")]

    assert floors_of([LINEAR, NETWORK], objectives) == ((-0.4, math.inf),)
    assert floors_of([LINEAR], [objective_for("loss"), objective_for("size_bytes")]) == ()
