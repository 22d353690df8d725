import pytest

from nas.architecture import Architecture
from nas.report.influence import importance_section, traits, traits_section


def of(*kernels):
    return Architecture({f"stages.{i}.kernel": kernel for i, kernel in enumerate(kernels)})


def test_a_trait_is_a_value_that_the_front_has_more_often():
    (found,) = traits([of(5, 5), of(5, 3)], [of(5, 5), of(5, 3), of(3, 3), of(3, 3)])

    assert found.words == "stages.kernel = 5"
    assert found.front == pytest.approx(3 / 4)
    assert found.others == pytest.approx(3 / 8)


def test_what_all_trials_have_is_no_trait():
    assert traits([of(5)], [of(5), of(5)]) == []


def test_few_trials_have_no_importances(search_records, accuracy_size):
    assert importance_section(search_records(10), accuracy_size) is None


def test_each_objective_has_bars_whose_longest_is_whole(search_records, accuracy_size):
    section = importance_section(search_records(200), accuracy_size)

    assert [bars.title for bars in section.lists] == ["for accuracy", "for size"]
    assert [max(bar.share for bar in bars.bars) for bars in section.lists] == [1.0, 1.0]


def test_a_front_of_two_shares_nothing_worth_telling(trial, accuracy_size):
    records = [trial(n, accuracy=0.5 + n / 10, size_bytes=10.0 + n) for n in range(2)]

    assert traits_section(records, accuracy_size, records) is None
