"""What may differ between a run's record and the command that goes on with it."""

from nas.assemble.changed_settings import changed_settings
from nas.config.compose import compose_values
from nas.config.open_settings import with_settled
from nas.config.source import ConfigSource


def composed(*overrides):
    return with_settled(compose_values(ConfigSource(overrides=("name=x", *overrides))).values)


def without(values, place, *keys):
    node = {key: value for key, value in values[place].items() if key not in keys}
    return {**values, place: node}


def test_a_record_without_settings_that_came_later_is_at_their_defaults():
    now = composed()
    earlier = without(now, "evaluation", "metrics", "checkpoint_every_s")
    earlier = without(earlier, "training", "norm_momentum", "class_weights")
    earlier = without(earlier, "search_space", "stem_stride")
    assert changed_settings(earlier, now) == []


def test_a_setting_that_came_later_and_is_not_at_its_default_is_a_change():
    now = composed("training.class_weights=balanced")
    earlier = without(now, "training", "class_weights")
    assert changed_settings(earlier, now) == [
        "training.class_weights was none and is now balanced"
    ]


def test_where_images_lie_is_no_change_and_their_size_is():
    kept = composed("data=image_folder", "data.path=photos")
    streamed = composed("data=image_folder", "data.path=photos", "data.streaming=true")
    smaller = composed("data=image_folder", "data.path=photos", "data.image_size=32")
    assert changed_settings(kept, streamed) == []
    assert "data.image_size" in changed_settings(kept, smaller)[0]


def test_more_models_of_timm_are_no_change():
    few = composed("search_space=timm_family", "search_space.models=[test_resnet]")
    more = composed("search_space=timm_family", "search_space.models=[test_resnet,test_vit]")
    assert changed_settings(few, more) == []
    assert "search_space.models" in changed_settings(more, few)[0]


def test_more_bits_are_no_change_and_another_kind_of_compression_is():
    eight = composed("search_space/compression=int8")
    four = composed(
        "search_space/compression=int8",
        "search_space.compression.weight_bits.choice=[32,8,4]",
    )
    assert changed_settings(eight, four) == []
    assert changed_settings(four, eight) != []
    assert changed_settings(composed(), eight) != []
    ranks = composed("search_space/compression=int8", "search_space.compression.rank=0.5")
    assert any("rank is new" in line for line in changed_settings(eight, ranks))


def test_another_prior_is_no_change():
    small, large = (
        composed(
            "search_space/training=learning_rate",
            f"search_space.training.learning_rate.prior={guess}",
            f"+search_space.parameters.activation.prior={{{option}:3}}",
        )
        for guess, option in ((0.004, "relu"), (0.04, "silu"))
    )
    assert small["search_space"] != large["search_space"]
    assert changed_settings(small, large) == []


def test_trials_that_inherit_are_not_comparable_with_those_that_do_not():
    now = composed("training.inherit=true")
    assert changed_settings(composed(), now) == ["training.inherit was False and is now True"]


def test_a_run_from_before_there_was_inheritance_goes_on():
    now = composed()
    earlier = without(now, "training", "inherit", "inherit_share", "inherit_rate")
    assert changed_settings(earlier, now) == []
    assert changed_settings(composed("training.trial_time_limit_s=9"), now) == []
