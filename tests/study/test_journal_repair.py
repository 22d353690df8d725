"""What is whole of a damaged journal stays, under its number, and everything else is named."""

import json

import pytest
from parts.engine import OBJECTIVES, SMALL, accuracy_of, size_of

from nas.errors import RunFolderError
from nas.sampling.distributions import flat_distributions
from nas.space.space import SearchSpace
from nas.study.journal import StudyJournal, load_records
from nas.study.journal_repair import is_whole, repaired
from nas.trial import TrialRecord, TrialState

SPACE = SearchSpace(SMALL)
ARCHITECTURES = list(SPACE.enumerate())
PER_TRIAL = 5  # lines: a start, accuracy, seconds, budget, an end
NUL = b"\0"


def write(path, *, name="run", num_trials=5):
    """Write a journal of complete trials; return its lines and its records."""
    journal = StudyJournal(
        path, name=name, objectives=OBJECTIVES, distributions=flat_distributions(SPACE)
    )
    for number in range(num_trials):
        architecture = ARCHITECTURES[number]
        costs = {"size_bytes": size_of(architecture)}
        started_s = 1_700_000_000.0 + number
        record = TrialRecord(number, architecture, TrialState.RUNNING, costs, started_s=started_s)
        journal.started(record)
        metrics = {**costs, "accuracy": accuracy_of(architecture), "seconds": 1.5}
        journal.finished(
            TrialRecord(number, architecture, TrialState.COMPLETE, metrics, 1.5, 1.0, None,
                        started_s, started_s + 2)
        )  # fmt: skip
    journal.close()
    return path.read_bytes().split(b"\n")[:-1], load_records(path)


def mend(path, lines, *, name="run"):
    """Write lines, repair them, and return the repair and the records it leaves."""
    path.write_bytes(b"\n".join(lines) + b"\n")
    assert not is_whole(path.read_bytes())
    with pytest.raises(RunFolderError, match=r"line \d+ of .* is damaged: .*nas repair run="):
        load_records(path)
    repair = repaired(path.read_bytes(), name=name, objectives=OBJECTIVES)
    path.write_bytes(repair.content)
    assert is_whole(repair.content)
    return repair, load_records(path)


@pytest.mark.parametrize(
    "garbage",
    [b"", b"junk", NUL * 99, b"\xff\xfe\x00", b"[" * 200_000, b"null", b"3", b"{}", b"9" * 5000,
     b'{"op_code":77,"worker_id":"a"}', b'{"op_code":"6","worker_id":"a"}', b'{"op_code":6}',
     b'{"op_code":6,"worker_id":"a","trial_id":"x","state":1,"values":null}',
     b'{"op_code":6,"worker_id":"a","trial_id":40,"state":1,"values":null}',
     b'{"op_code":6,"worker_id":"a","trial_id":1,"state":0,"values":null}',
     b'{"op_code":8,"worker_id":"a","trial_id":[],"user_attr":{"x":1}}',
     b'{"op_code":0,"worker_id":"a","study_name":"other","directions":[1]}',
     b'{"op_code":3,"worker_id":"a","study_id":1,"system_attr":{"x":1}}',
     b'{"op_code":4,"worker_id":"a","study_id":0,"datetime_start":7}'],
    ids=range(19),
)  # fmt: skip
def test_a_line_too_many_is_named_and_left_out(tmp_path, garbage):
    lines, records = write(tmp_path / "study.journal")
    at = 1 + 2 * PER_TRIAL

    repair, kept = mend(tmp_path / "study.journal", [*lines[:at], garbage, *lines[at:]])

    assert kept == records
    assert [number for number, _ in repair.dropped] == [at + 1]


@pytest.mark.parametrize("lost", [1, 1 + 2 * PER_TRIAL])
def test_a_trial_whose_start_is_lost_keeps_its_number_and_the_others_their_results(tmp_path, lost):
    lines, records = write(tmp_path / "study.journal")
    number = (lost - 1) // PER_TRIAL

    repair, kept = mend(tmp_path / "study.journal", [*lines[:lost], b"?", *lines[lost + 1 :]])

    assert repair.lost_trials == (number,)
    assert kept[number].state is TrialState.FAILED
    assert kept[:number] + kept[number + 1 :] == records[:number] + records[number + 1 :]


def test_so_it_is_in_files_of_earlier_versions_which_do_not_tell_the_numbers(tmp_path):
    lines, records = write(tmp_path / "study.journal")
    old = []
    for line in lines:
        entry = json.loads(line)
        drop = {"trial_id"} if entry["op_code"] == 4 else set()
        old.append(json.dumps({k: v for k, v in entry.items() if k not in drop}).encode())
    old = [line.replace(b'{"op_code": ', b'{"op_code":') for line in old]
    (tmp_path / "study.journal").write_bytes(b"\n".join(old) + b"\n")
    assert load_records(tmp_path / "study.journal") == records
    lost = 1 + 2 * PER_TRIAL

    repair, kept = mend(tmp_path / "study.journal", [*old[:lost], b"?", *old[lost + 1 :]])

    assert repair.lost_trials == (2,)
    assert kept[:2] + kept[3:] == records[:2] + records[3:]


def test_lines_in_any_order_are_put_in_order(tmp_path):
    lines, records = write(tmp_path / "study.journal")

    repair, kept = mend(tmp_path / "study.journal", lines[::-1])

    assert kept == records
    assert repair.dropped == ()


def test_of_doubled_lines_the_first_count(tmp_path):
    lines, records = write(tmp_path / "study.journal")

    _, kept = mend(tmp_path / "study.journal", [line for line in lines for _ in range(2)])

    assert kept == records


@pytest.mark.parametrize("is_first", [True, False])
def test_of_two_journals_in_one_file_that_of_the_run_stays(tmp_path, is_first):
    ours, records = write(tmp_path / "study.journal")
    theirs, _ = write(tmp_path / "other.journal", name="other", num_trials=8)
    both = ours + theirs if is_first else theirs + ours

    _, kept = mend(tmp_path / "study.journal", both)

    assert kept == records


def test_a_line_glued_to_a_torn_one_is_saved(tmp_path):
    lines, records = write(tmp_path / "study.journal")
    lines[7:9] = [lines[7] + lines[8]]
    lines[12] = NUL * 4096 + lines[12]
    lines[15] = lines[15][:30] + lines[15]

    _, kept = mend(tmp_path / "study.journal", lines)

    assert kept == records


def test_a_journal_without_its_first_line_gets_it_again(tmp_path):
    lines, records = write(tmp_path / "study.journal")

    _, kept = mend(tmp_path / "study.journal", [b"?", *lines[1:]])

    assert kept == records


def test_a_measured_objective_whose_line_is_lost_is_taken_from_the_result(tmp_path):
    lines, records = write(tmp_path / "study.journal")
    (at,) = [n for n, line in enumerate(lines) if b"accuracy" in line and b'"trial_id":3' in line]

    _, kept = mend(tmp_path / "study.journal", [*lines[:at], b"?", *lines[at + 1 :]])

    assert kept == records


def test_nothing_whole_is_said_and_nothing_made_up():
    with pytest.raises(RunFolderError, match=r"no line of .* is whole"):
        repaired(b"junk\n" * 3, name="run", objectives=OBJECTIVES)


@pytest.mark.parametrize("end", [NUL * 4096, b'{"op_code":6,"tri', b""])
def test_a_torn_last_line_is_no_damage(tmp_path, end):
    path = tmp_path / "study.journal"
    lines, records = write(path)
    path.write_bytes(b"\n".join(lines) + b"\n" + end)

    assert is_whole(path.read_bytes())
    assert load_records(path) == records
