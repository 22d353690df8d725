"""Names of compressions, what they do to a network, and what is stored of it."""

import copy

import pytest
import timm
import torch
from hypothesis import given
from hypothesis import strategies as st

from nas.compress.compression import (
    Compression,
    load_stored,
    quantized_bytes,
    reshape,
    stored_tensors,
)
from nas.compress.quantize import quantize_weights, remove_weight_parametrizations
from nas.compress.storage import storage_of
from nas.errors import ConfigError
from nas.measure.cost import num_params

IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def made(seed=0):
    torch.manual_seed(seed)
    return timm.create_model("test_resnet", num_classes=10).eval()


@given(
    kept=st.sampled_from([1.0, 0.5, 0.25]),
    rank=st.sampled_from([1.0, 0.5, 0.125]),
    weight_bits=st.sampled_from([32, 8, 4]),
)
def test_a_name_says_all_of_a_compression(kept, rank, weight_bits):
    compression = Compression(kept, rank, weight_bits)
    if compression != Compression():
        assert Compression.named(compression.name) == compression


@pytest.mark.parametrize(
    "name", ["", "int2", "int32", "kept1.5", "kept0", "int8+int4", "kept0.5+", "half", "rank.0"]
)
def test_what_says_nothing_that_can_be_done_is_refused(name):
    with pytest.raises(ConfigError, match="is no compression; it may be int8"):
        Compression.named(name)


@pytest.mark.parametrize(
    "name", ["int8", "int4", "kept0.5", "rank0.5+int8", "kept0.5+rank0.5+int4"]
)
def test_what_is_stored_gives_the_compressed_network_back(name):
    compression = Compression.named(name)
    whole = made()
    model = copy.deepcopy(whole)
    reshape(model, compression, IMAGES)
    stored = stored_tensors(model, compression)
    remove_weight_parametrizations(model)
    again = made(seed=1)
    load_stored(again, compression, stored, IMAGES)
    with torch.no_grad():
        torch.testing.assert_close(again(IMAGES), model(IMAGES))
    assert sum(t.numel() * t.element_size() for t in stored.values()) < sum(
        t.numel() * t.element_size() for t in whole.state_dict().values()
    )


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_bytes_are_known_before_weights_are_quantized(bits, device):
    model = made()
    told = quantized_bytes(copy.deepcopy(model).to(device), bits=bits)
    quantize_weights(model, bits=bits)
    assert told == storage_of(model).num_bytes(model)


def test_fewer_channels_and_ranks_are_fewer_parameters():
    sizes = []
    for compression in (Compression(), Compression(rank=0.5), Compression(0.5, 0.5)):
        model = made()
        reshape(model, compression, IMAGES)
        sizes.append(num_params(model))
    assert sizes[0] > sizes[1] > sizes[2]
