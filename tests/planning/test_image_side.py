import pytest

from nas.planning.image_side import FoundImage, kept_channels, kept_size, rounded_side


def photos(*sizes):
    return [FoundImage(height, width, is_grey=False) for height, width in sizes]


def test_small_images_of_one_size_stay_as_they_are():
    kept = kept_size(photos((28, 30), (28, 30)), most=64)
    assert (kept.height, kept.width, kept.are_alike) == (28, 30, True)
    assert not kept.is_much_smaller


def test_large_images_become_squares_of_the_largest_side_allowed():
    kept = kept_size(photos((480, 640), (300, 400), (200, 150)), most=64)
    assert (kept.height, kept.width, kept.typical) == (64, 64, (300, 400))
    assert kept.is_much_smaller


def test_small_images_of_several_sizes_become_squares_of_the_usual_shorter_side():
    kept = kept_size(photos((30, 33), (31, 50), (33, 31)), most=64)
    assert (kept.height, kept.width) == (28, 28)  # 31, rounded down to what halves twice


def test_one_huge_image_changes_nothing():
    kept = kept_size(photos(*[(40, 40)] * 9, (9000, 9000)), most=64)
    assert (kept.height, kept.typical) == (40, (40, 40))


@pytest.mark.parametrize("side", [1, 5, 17, 47, 48, 63, 224])
def test_a_rounded_side_is_no_larger_but_for_the_least(side):
    assert rounded_side(side) <= max(4, side)


def test_images_are_grey_where_none_has_colour():
    grey, coloured = FoundImage(9, 9, is_grey=True), FoundImage(9, 9, is_grey=False)
    assert kept_channels([grey, grey]) == 1
    assert kept_channels([grey, coloured]) == 3
