"""Importance finds what adds nothing, and what stays computes as it did."""

from dataclasses import replace

import pytest
import torch

from nas.models.decoder import Decoder, DecoderLayer, DecoderPlan
from nas.models.decoder_pruning import (
    KeptParts,
    find_importance,
    num_groups,
    smaller_plan,
    smaller_state,
)

PLAN = DecoderPlan(
    vocabulary=32,
    context=16,
    width=12,
    num_heads=4,
    num_kv_heads=1,
    head_features=4,
    activation="silu",
    is_tied=True,
    window=4,
    layers=(DecoderLayer("attention", 16),) * 3,
)
TEXTS = torch.arange(64).view(4, 16) % 32


def make_model(plan=PLAN):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return Decoder(plan).eval()


@pytest.mark.parametrize(("kv", "groups"), [(1, 4), (2, 2), (4, 4)])
def test_heads_go_with_the_keys_that_they_share(kv, groups):
    plan = replace(PLAN, num_kv_heads=kv)
    assert num_groups(plan) == groups
    importance = find_importance(make_model(plan), TEXTS)
    assert importance.groups.shape == (3, groups)
    smaller = smaller_plan(plan, importance, KeptParts(3, groups // 2, 16, 12))
    assert (smaller.num_heads, smaller.num_kv_heads) == (2, max(1, kv // 2))


def test_a_head_of_one_shared_key_that_adds_nothing_is_not_missed():
    model = make_model()
    for block in model.blocks:
        block.mixer.out.weight.data[:, 4:12].zero_()  # heads 1 and 2
    importance = find_importance(model, TEXTS)
    kept = KeptParts(3, 2, 16, 12)
    smaller = Decoder(smaller_plan(PLAN, importance, kept)).eval()
    smaller.load_state_dict(smaller_state(PLAN, model.state_dict(), importance, kept))
    assert torch.allclose(smaller(TEXTS), model(TEXTS), atol=1e-5)


def test_a_layer_that_leaves_its_tokens_alone_is_the_least_important():
    model = make_model()
    for part in (model.blocks[1].mixer.out, model.blocks[1].feed_forward.out):
        part.weight.data.zero_()
    importance = find_importance(model, TEXTS)
    assert importance.layers.argmin() == 1
    assert importance.layers[1] == pytest.approx(0.0, abs=1e-5)


def test_a_width_that_no_token_has_is_the_least_important():
    model = make_model()
    for name, parameter in model.named_parameters():
        if name.endswith("norm.weight"):
            parameter.data[5] = 0.0
    assert find_importance(model, TEXTS).width.argmin() == 5


def test_nothing_listens_to_the_model_afterwards():
    model = make_model()
    find_importance(model, TEXTS)
    assert not any(
        module._forward_hooks or module._forward_pre_hooks for module in model.modules()
    )
