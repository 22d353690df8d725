from nas.report.recipes import recipe_lines, recipe_warning


def test_a_setting_of_the_training_that_differs_is_told_with_both_values():
    one = {"training": {"epochs": 3, "batch_size": 32}}
    other = {"training": {"epochs": 10, "batch_size": 32}}

    assert recipe_lines(["a", "b"], [one, other]) == ["training.epochs is 3 in a and 10 in b"]


def test_what_is_compared_and_where_data_lie_are_no_difference():
    one = {"sampler": {"_target_": "A"}, "seed": 0, "data": {"path": "x", "image_size": 32}}
    other = {"sampler": {"_target_": "B"}, "seed": 1, "data": {"path": "y", "image_size": 32}}

    assert recipe_lines(["a", "b"], [one, other]) == []
    assert recipe_warning([]) == ""


def test_many_differences_are_counted_and_not_all_told():
    one = {"training": {f"s{i}": 0 for i in range(9)}}
    other = {"training": {f"s{i}": 1 for i in range(9)}}

    assert recipe_lines(["a", "b"], [one, other])[-1] == "and 3 more settings"
