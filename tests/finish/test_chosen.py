from nas.finish.chosen import remember_chosen, remembered_chosen


def test_what_a_budget_went_to_is_known_until_budget_or_search_change(tmp_path):
    folder = tmp_path / "finish"
    assert remembered_chosen(folder, budget_s=60.0, num_trials=9) == frozenset()

    remember_chosen(folder, ["b", "a"], budget_s=60.0, num_trials=9)

    assert remembered_chosen(folder, budget_s=60.0, num_trials=9) == {"a", "b"}
    assert remembered_chosen(folder, budget_s=61.0, num_trials=9) == frozenset()
    assert remembered_chosen(folder, budget_s=60.0, num_trials=10) == frozenset()


def test_a_damaged_file_says_nothing(tmp_path):
    (tmp_path / "chosen.json").write_text('{"budget_s": 60.0')
    assert remembered_chosen(tmp_path, budget_s=60.0, num_trials=9) == frozenset()
