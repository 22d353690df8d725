"""How wide a network is, by hand."""

import pytest

from nas.widths import WIDTHS, Layer, widths_of


def test_widths_are_the_geometric_mean_the_smallest_and_what_the_last_layer_sees():
    layers = [Layer(3, 4, 64), Layer(4, 32, 16), Layer(32, 2, 16), Layer(2, 10, 1)]
    assert widths_of(layers) == {
        "mean_width": pytest.approx((4 * 32 * 2) ** (1 / 3)),
        "min_width": 2.0,
        "num_features": 2.0,
    }


def test_attention_over_channels_and_filters_of_one_channel_do_not_count():
    squeeze, filtering = [Layer(8, 2, 1), Layer(2, 8, 1)], Layer(1, 1, 64)
    plain = [Layer(3, 8, 64), Layer(8, 16, 64), Layer(16, 10, 1)]
    assert widths_of([filtering, plain[0], *squeeze, *plain[1:]]) == widths_of(plain)


def test_a_network_without_maps_is_as_wide_as_its_hidden_layers():
    widths = widths_of([Layer(64, 100, 1), Layer(100, 25, 1), Layer(25, 10, 1)])
    assert widths == {"mean_width": 50.0, "min_width": 25.0, "num_features": 25.0}


def test_one_layer_alone_has_the_features_that_it_sees():
    assert widths_of([Layer(64, 10, 1)])["num_features"] == 64.0
    assert set(widths_of([])) == set(WIDTHS)
