"""Who keeps the limits on what training measures."""

import math

from nas.objective import Constraint
from nas.report.front import front_records, knee_record
from nas.report.limits import keeps, limit_floors, limits_line

LIMITS = (Constraint("accuracy", minimum=0.6),)


def test_a_limit_itself_is_kept_and_what_was_not_measured_keeps_none(trial):
    records = [trial(0, accuracy=0.6, size_bytes=10), trial(1, accuracy=0.59, size_bytes=5)]

    assert [keeps(record, LIMITS) for record in records] == [True, False]
    assert not keeps(records[0], (Constraint("latency_ms", maximum=5.0),))


def test_the_line_counts_trials_and_names_members(trial, accuracy_size):
    records = [
        trial(0, accuracy=0.5, size_bytes=10),
        trial(1, accuracy=0.7, size_bytes=100),
        trial(2, accuracy=0.65, size_bytes=200),
    ]
    front = front_records(records, accuracy_size)

    line = limits_line(records, front, LIMITS)

    assert line == "accuracy >= 60.00 %: kept by 2 of 3 complete trials; on the front: trial 1."
    assert limits_line(records, front, ()) == ""


def test_the_knee_keeps_the_limit_where_a_member_does(trial, accuracy_size):
    records = [
        trial(0, accuracy=0.1, size_bytes=1),
        trial(1, accuracy=0.55, size_bytes=2),
        trial(2, accuracy=0.6, size_bytes=1000),
    ]
    front = front_records(records, accuracy_size)
    floors = limit_floors(LIMITS, accuracy_size)

    assert knee_record(front, accuracy_size).number == 1
    assert knee_record(front, accuracy_size, floors=floors).number == 2
    unkept = limit_floors([Constraint("accuracy", minimum=0.9)], accuracy_size)
    assert knee_record(front, accuracy_size, floors=unkept).number == 1
    assert math.isinf(floors[0][1])
