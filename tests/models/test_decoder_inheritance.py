"""Single matrices of a decoder, and what another decoder takes of them."""

from dataclasses import replace

import torch

from nas.models.decoder import Decoder, DecoderLayer, DecoderPlan
from nas.models.decoder_inheritance import single_matrices
from nas.train.inheritance import inherit_into

PLAN = DecoderPlan(
    vocabulary=20,
    context=16,
    width=16,
    num_heads=4,
    num_kv_heads=2,
    head_features=4,
    activation="silu",
    is_tied=True,
    window=8,
    layers=(DecoderLayer("attention", 24),) * 2,
)


def test_a_view_of_a_matrix_is_the_decoder_s_own():
    state = Decoder(PLAN).state_dict()
    parts = single_matrices(state)
    assert sum(part.numel() for part in parts.values()) == sum(t.numel() for t in state.values())
    parts["blocks.1.mixer.k.weight"].fill_(7.0)
    qkv = state["blocks.1.mixer.qkv.weight"]
    assert (qkv[16:24] == 7.0).all()
    assert not (qkv[:16] == 7.0).any()
    assert not (qkv[24:] == 7.0).any()


def test_a_decoder_with_other_heads_and_features_takes_queries_as_queries_and_gates_as_gates():
    """Feed-forward features are added at the end: with a weight of zero they change nothing."""
    one = Decoder(PLAN).eval()
    wider = replace(PLAN, layers=(DecoderLayer("attention", 40),) * 2)
    other = Decoder(wider).eval()
    inherit_into(single_matrices(other.state_dict()), single_matrices(one.state_dict()))
    tokens = torch.randint(0, 20, (2, 16))
    with torch.inference_mode():
        assert torch.allclose(other(tokens), one(tokens), atol=1e-5)


def test_more_heads_keep_those_that_there_were():
    one, other = Decoder(PLAN), Decoder(replace(PLAN, num_heads=8, num_kv_heads=4))
    inherit_into(single_matrices(other.state_dict()), single_matrices(one.state_dict()))
    ours, theirs = single_matrices(other.state_dict()), single_matrices(one.state_dict())
    for name, rows in (("q", 16), ("k", 8), ("v", 8)):
        word = f"blocks.0.mixer.{name}.weight"
        assert torch.equal(ours[word][:rows], theirs[word])
