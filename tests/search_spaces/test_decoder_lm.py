"""The space decoder_lm: costs in closed form, and the same network by Llama's names."""

import json

import numpy as np
import pytest
import torch

from nas.errors import SpaceError
from nas.measure.cost import costs_of, on_meta_device
from nas.models.decoder import Decoder, window_mask
from nas.models.decoder_files import config_of, is_published, portable_model, tensors_of
from nas.task import DataShape, token_shape
from nas.testing.space_contract import SpaceContract
from search_spaces.decoder_lm import DecoderSpace

DATA = token_shape(context=256, vocabularies=[257])
TREE = DecoderSpace.default_parameters
SMALL = {
    **TREE,
    "context": {"choice": [64, 80]},
    "width": {"choice": [24, 40]},
    "activation": {"choice": ["silu", "gelu", "relu"]},
    "layers": {
        "repeat": {"int": [1, 3]},
        "mlp_ratio": {"choice": [1.0, 2.7]},
        "mixer": {"choice": ["attention", "window", "linear"]},
    },
}


class TestDecoderSpace(SpaceContract):
    data_shapes = (token_shape(context=80, vocabularies=[65]),)

    def make_space(self):
        return DecoderSpace(SMALL)


def drawn(space, count, seed=0):
    rng = np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(count)]


def test_counts_of_200_architectures_are_those_of_the_built_models():
    space = DecoderSpace()
    for architecture in drawn(space, 200):
        stated = space.static_costs(architecture, DATA)
        with on_meta_device():
            model = space.build(architecture, DATA)
        every = {name: p.numel() for name, p in model.named_parameters()}
        tables = sum(n for name, n in every.items() if name.startswith(("embedding", "head")))
        assert stated["num_params"] == sum(every.values())
        assert stated["num_body_params"] == stated["num_params"] - tables
        assert stated["size_bytes"] == 4 * stated["num_params"]


def test_multiply_accumulates_and_widths_are_those_that_are_counted():
    space = DecoderSpace(SMALL)
    for architecture in drawn(space, 10, seed=1):
        with on_meta_device():
            model = space.build(architecture, DATA)
        counted = costs_of(model, DATA, metrics=("num_macs", "mean_width", "num_features"))
        stated = space.static_costs(architecture, DATA)
        assert {name: stated[name] for name in counted} == pytest.approx(counted)


def test_the_space_reaches_from_ten_thousand_to_a_hundred_million_parameters():
    small = {"width": 24, "heads": 1, "layers": {"repeat": 1, "mlp_ratio": 1.0}}
    large = {"width": 768, "heads": 12, "layers": {"repeat": 14, "mlp_ratio": 8 / 3}}
    found = []
    for tree, head in ((small, 16), (large, 64)):
        space = DecoderSpace(tree, head_features=head)
        found.append(space.static_costs(drawn(space, 1)[0], DATA)["num_params"])
    assert found[0] < 10_000
    assert found[1] > 99_000_000


def test_the_cache_of_a_token_is_counted_by_hand():
    """2 key-value heads of 16, keys and values, 2 bytes; one of two layers holds 32 of 128."""
    tree = {
        "width": 64,
        "heads": 4,
        "heads_per_kv": 2,
        "context": 128,
        "layers": {"repeat": 2, "mlp_ratio": 1.0, "mixer": {"choice": ["attention", "window"]}},
    }
    space = DecoderSpace(tree, window=32)
    values = {"width": 64, "heads": 4, "heads_per_kv": 2, "context": 128, "layers.repeat": 2}
    values |= {"layers.0.mlp_ratio": 1.0, "layers.1.mlp_ratio": 1.0}
    values |= {"layers.0.mixer": "attention", "layers.1.mixer": "window"}
    found = space.static_costs(space.architecture(values), DATA)
    assert found["kv_bytes_per_token"] == 2 * 2 * 16 * 2 * (1 + 32 / 128)


def restarted(model):
    """Return the model with weights that make logits large and norms matter."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(0.3 * noise if parameter.ndim == 2 else 1.0 + 0.2 * noise)
    return model.eval()


def test_the_program_beside_a_model_gives_its_logits_at_once_and_token_by_token():
    space = DecoderSpace(SMALL, window=16)
    for architecture in drawn(space, 12, seed=2):
        model = restarted(space.build(architecture, DATA))
        portable = portable_model(model)
        tokens = torch.randint(257, (2, 48))
        kept = {}
        with torch.no_grad():
            expected = model(tokens)
            steps = [portable(tokens[:, :20], kept)]
            steps += [portable(tokens[:, t : t + 1], kept) for t in range(20, 48)]
            torch.testing.assert_close(portable(tokens), expected, rtol=1e-4, atol=1e-4)
            torch.testing.assert_close(torch.cat(steps, dim=1), expected, rtol=1e-4, atol=1e-4)


def test_transformers_gives_equal_logits_as_llama_or_smollm3(tmp_path):
    transformers = pytest.importorskip("transformers")
    from safetensors.torch import save_file

    kinds = set()
    tree = {**SMALL, "layers": {**SMALL["layers"], "mixer": {"choice": ["attention", "window"]}}}
    for number, architecture in enumerate(drawn(DecoderSpace(tree, window=16), 8, seed=3)):
        model = restarted(DecoderSpace(tree, window=16).build(architecture, DATA))
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(config_of(model.plan)))
        tensors = tensors_of(model.plan, model.state_dict())
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        loaded = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
        tokens = torch.randint(257, (2, model.plan.context))
        with torch.no_grad():
            difference = (model(tokens) - loaded(tokens).logits).abs().max()
        assert difference < 1e-4
        kinds.add(type(loaded).__name__)
    assert kinds == {"LlamaForCausalLM", "SmolLM3ForCausalLM"}


def test_linear_attention_is_told_to_be_no_published_definition():
    tree = {"width": 24, "heads": 1, "layers": {"repeat": 1, "mlp_ratio": 1.0, "mixer": "linear"}}
    space = DecoderSpace(tree)
    assert not is_published(space.plan(drawn(space, 1)[0], DATA))


@pytest.mark.parametrize("mixer", ["attention", "window", "linear"])
def test_no_token_sees_a_later_one(mixer):
    tree = {"width": 24, "heads": 2, "layers": {"repeat": 2, "mlp_ratio": 1.0, "mixer": mixer}}
    space = DecoderSpace(tree, window=8)
    model = restarted(space.build(drawn(space, 1)[0], DATA))
    tokens = torch.randint(257, (1, 64))
    other = tokens.clone()
    other[:, 40:] = (other[:, 40:] + 1) % 257
    with torch.no_grad():
        one, changed = model(tokens), model(other)
    torch.testing.assert_close(one[:, :40], changed[:, :40])
    assert not torch.allclose(one[:, 40:], changed[:, 40:])


def test_a_window_shows_a_token_itself_and_those_just_before():
    assert window_mask(4, 2, torch.device("cpu")).int().tolist() == [
        [1, 0, 0, 0],
        [1, 1, 0, 0],
        [0, 1, 1, 0],
        [0, 0, 1, 1],
    ]


def test_a_window_that_holds_the_context_is_attention_under_one_identity():
    tree = {**SMALL, "context": {"choice": [16, 64]}}
    space = DecoderSpace(tree, window=16)
    base = {"width": 24, "heads": 2, "heads_per_kv": 1, "activation": "silu", "is_tied": True}
    base |= {"layers.repeat": 1, "layers.0.mlp_ratio": 1.0}
    short, long = (
        [
            space.identity(space.architecture({**base, "context": c, "layers.0.mixer": m}))
            for m in ("attention", "window")
        ]
        for c in (16, 64)
    )
    assert short[0] == short[1]
    assert long[0] != long[1]


def test_first_logits_are_of_one_size_at_every_width():
    """At the start a guess is nearly even: the loss is log V, whatever the width."""
    for width in (32, 512):
        tree = {"width": width, "heads": 2, "layers": {"repeat": 2, "mlp_ratio": 2.0}}
        space = DecoderSpace(tree)
        with torch.random.fork_rng([]), torch.no_grad():
            torch.manual_seed(0)
            model = space.build(drawn(space, 1)[0], DATA)
            assert isinstance(model, Decoder)
            logits = model(torch.randint(257, (4, 64)))
        assert 0.1 < float(logits.std()) < 2.0


def test_images_and_other_vocabularies_are_refused():
    with pytest.raises(SpaceError, match="data=python_source"):
        DecoderSpace().check_data(DataShape((3, 32, 32), 10))
    space = DecoderSpace({**TREE, "vocabulary": {"choice": [257, 512]}})
    with pytest.raises(SpaceError, match="vocabulary 512 is none of the data's"):
        space.check_data(DATA)
