import pytest

from nas.config.compose import compose_values
from nas.config.open_settings import AUTO, AutoValues, leaves, with_recorded, with_settled
from nas.config.source import ConfigSource
from nas.task import DataShape

PHOTOS = AutoValues(
    DataShape((3, 64, 64), 5),
    {"epochs": 20, "batch_size": 64, "learning_rate": 0.01, "shift": 0.125},
    num_trials=None,
)
DECIDED = ("search_space.", "stopping.", "training.epochs", "training.batch_size")


def composed(*overrides):
    return compose_values(ConfigSource(overrides=("name=x", *overrides))).values


@pytest.mark.parametrize("space", ["mobilenet", "resnet", "vit", "cell", "mobilenet_224"])
def test_nothing_stays_open_in_any_shipped_space(space):
    settled = dict(leaves(with_settled(composed(f"search_space={space}"), PHOTOS)))
    assert not [k for k, v in settled.items() if v == AUTO and k.startswith(DECIDED)]


def test_what_was_given_stands():
    told = composed(
        "training.epochs=3",
        "stopping.num_trials=7",
        "search_space.stem_stride=1",
        "search_space.parameters.width.choice=[0.5]",
    )
    settled = dict(leaves(with_settled(told, PHOTOS)))
    assert settled["training.epochs"] == 3
    assert settled["stopping.num_trials"] == 7
    assert settled["search_space.stem_stride"] == 1
    assert settled["search_space.parameters.width.choice"] == [0.5]


def test_the_networks_follow_the_side_of_the_images():
    node = with_settled(composed(), PHOTOS)["search_space"]
    assert node["parameters"]["resolution"]["choice"] == [32, 48, 64]
    assert node["stem_stride"] == 2


def test_a_run_that_goes_on_has_what_was_decided_for_it():
    recorded = with_settled(composed(), PHOTOS)
    assert with_recorded(composed(), recorded) == recorded


def test_what_is_told_to_be_open_is_decided_again():
    recorded = with_settled(composed(), PHOTOS)
    told = ("training.epochs=auto",)
    again = with_recorded(composed(*told), recorded, told=told)
    assert again["training"]["epochs"] == AUTO
    assert again["training"]["batch_size"] == 64


def test_a_limit_that_was_decided_stays_unless_it_is_lifted():
    limits = {"constraints": {"num_macs": {"min": None, "max": 5e5}}}
    recorded = {**with_settled(composed(), PHOTOS), **limits}
    lifted = ("constraints.num_macs.max=null",)
    kept, free = (with_recorded(composed(*t), recorded, told=t) for t in ((), lifted))
    assert kept["constraints"]["num_macs"]["max"] == 5e5
    assert free["constraints"]["num_macs"]["max"] is None


def test_only_decided_settings_come_from_the_record():
    recorded = {**with_settled(composed(), PHOTOS), "ui": "none"}
    assert with_recorded(composed(), recorded)["ui"] == AUTO


def test_a_record_brings_no_node_in_the_place_of_a_value():
    recorded = with_settled(composed(), PHOTOS)
    recorded["training"] = {**recorded["training"], "epochs": {"_target_": "os.getcwd"}}
    assert with_recorded(composed(), recorded)["training"]["epochs"] == AUTO


def test_a_parameter_that_came_later_stays_out_of_a_space_that_lacked_it():
    recorded = with_settled(composed(), PHOTOS)
    del recorded["search_space"]["parameters"]["stages"]["fused"]
    del recorded["search_space"]["parameters"]["stages"]["residual"]
    del recorded["search_space"]["stem_pool"]
    assert with_recorded(composed(), recorded) == recorded
