"""Named policies of augmentation, and the single settings over them."""

import pytest

from nas.errors import ConfigError
from nas.train.policy import POLICIES, Augmentation
from nas.train.recipe import Recipe


def test_a_recipe_that_says_nothing_changes_no_image():
    assert Recipe().augmentations == Augmentation()


def test_a_policy_gives_its_strengths():
    assert Recipe(augmentation="photo").augmentations == POLICIES["photo"]


def test_a_single_setting_overrides_the_policy_also_by_zero():
    found = Recipe(augmentation="strong", crop=0.1, mixup=0.0).augmentations
    assert (found.crop, found.mixup) == (0.1, 0.0)
    assert (found.colour, found.erasing) == (POLICIES["strong"].colour, POLICIES["strong"].erasing)


def test_a_shift_is_the_least_that_a_policy_moves():
    assert Recipe(augmentation="light", shift=0.25).augmentations.shift == 0.25
    assert Recipe(augmentation="light", shift=0.0).augmentations.shift == POLICIES["light"].shift


def test_an_unknown_policy_is_refused_with_those_there_are():
    message = r"must be one of none, light, photo, strong, but got 'foto'; nearest first: photo"
    with pytest.raises(ConfigError, match=message):
        Recipe(augmentation="foto")


@pytest.mark.parametrize("name", ["crop", "colour", "erasing", "mixup"])
def test_a_strength_below_zero_is_refused_by_name(name):
    with pytest.raises(ConfigError, match=f"training.{name} must be from 0"):
        Recipe(**{name: -0.1})
