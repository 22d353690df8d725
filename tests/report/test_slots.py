from dataclasses import replace

from nas.report.slots import slots_section, timeline
from nas.trial import TrialState


def spans(trial, *places):
    return [
        replace(trial(n, accuracy=0.5), started_s=1e9 + start, finished_s=1e9 + end)
        for n, (start, end) in enumerate(places)
    ]


def test_trials_that_overlap_have_slots_of_their_own(trial):
    shown = timeline(spans(trial, (0, 4), (1, 3), (3, 6), (4, 5)))

    assert shown["slot"] == [1, 2, 2, 1]
    assert shown["start"] == [0, 1, 3, 4]
    assert shown["end"] == [4, 3, 6, 5]


def test_running_trials_and_variants_have_no_bar(trial):
    running = replace(trial(0, state=TrialState.RUNNING), finished_s=None, started_s=1e9)
    variant = replace(trial(1, accuracy=0.5), parent=0, started_s=1e9)

    assert timeline([running, variant])["number"] == []
    assert slots_section([running, variant]) is None
