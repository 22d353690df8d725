"""Checkpoints by Llama's names become our blocks, and others are refused."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from nas.errors import SpaceError
from nas.models.decoder import Decoder, DecoderLayer, DecoderPlan
from nas.models.decoder_files import config_of, portable_model, tensors_of
from nas.models.decoder_reading import read_decoder

PLAN = DecoderPlan(
    vocabulary=40,
    context=24,
    width=12,
    num_heads=4,
    num_kv_heads=2,
    head_features=6,
    activation="gelu",
    is_tied=True,
    window=8,
    layers=(DecoderLayer("attention", 16), DecoderLayer("window", 16)),
    rope_base=500.0,
    norm_epsilon=1e-3,
)


def written(folder, plan=PLAN, **changes):
    model = Decoder(plan)
    config = config_of(plan) | changes
    (folder / "config.json").write_text(json.dumps(config))
    save_file(tensors_of(plan, model.state_dict()), folder / "model.safetensors")
    return model.eval()


@pytest.mark.parametrize("is_tied", [True, False])
def test_what_was_written_is_read_with_equal_logits(tmp_path, is_tied):
    model = written(tmp_path, replace(PLAN, is_tied=is_tied))
    found = read_decoder(tmp_path)
    again = Decoder(found.plan)
    again.load_state_dict(found.state)
    tokens = torch.randint(0, 40, (2, 24))
    assert found.plan == replace(PLAN, is_tied=is_tied)
    assert torch.allclose(again.eval()(tokens), model(tokens), atol=1e-5)
    assert torch.allclose(portable_model(again)(tokens), model(tokens), atol=1e-5)


def test_weights_in_several_files_are_read(tmp_path):
    written(tmp_path)
    whole = dict(read_decoder(tmp_path).state)
    tensors = tensors_of(PLAN, whole)
    names = sorted(tensors)
    (tmp_path / "model.safetensors").unlink()
    parts = {"a.safetensors": names[:5], "b.safetensors": names[5:]}
    for file, own in parts.items():
        save_file({name: tensors[name] for name in own}, tmp_path / file)
    index = {"weight_map": {name: file for file, own in parts.items() for name in own}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    again = read_decoder(tmp_path).state
    assert all(torch.equal(again[name], tensor) for name, tensor in whole.items())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model_type": "gpt2"}, "model_type 'gpt2'"),
        ({"attention_bias": True}, "biases"),
        ({"hidden_act": "gelu_new"}, "hidden_act 'gelu_new'"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "rotary positions"),
        ({"quantization_config": {"bits": 4}}, "quantized weights"),
        ({"hidden_size": 20}, r"has shape \(40, 12\), but config.json makes it \(40, 20\)"),
        ({"num_hidden_layers": 3, "layer_types": None}, "is missing"),
        ({"hidden_size": "wide"}, "is not as transformers writes it"),
        ({"rope_scaling": ["x"]}, "is not as transformers writes it"),
        ({"num_hidden_layers": 0, "layer_types": None}, "a size is below 1"),
        ({"max_position_embeddings": 0}, "a size is below 1"),
        ({"num_key_value_heads": 3}, "3 key-value heads do not divide 4"),
        ({"head_dim": 3}, "a head has 3 features, an odd number"),
    ],
)
def test_a_checkpoint_of_another_kind_is_told(tmp_path, changes, told):
    written(tmp_path, **changes)
    with pytest.raises(SpaceError, match=told):
        read_decoder(tmp_path)


def test_a_place_without_a_checkpoint_and_a_broken_one_are_told(tmp_path):
    with pytest.raises(SpaceError, match=r"no folder with config\.json"):
        read_decoder(tmp_path)
    written(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(SpaceError, match="cannot be read"):
        read_decoder(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(SpaceError, match="an object"):
        read_decoder(tmp_path)
    written(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes(b"\xff\xfe")
    with pytest.raises(SpaceError, match=r"tokenizer\.json: 'utf-8' codec"):
        read_decoder(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "model.safetensors.index.json").write_text('{"weight_map": 7}')
    with pytest.raises(SpaceError, match=r"the weights of .* cannot be read"):
        read_decoder(tmp_path)


def test_a_damaged_gguf_file_is_told(tmp_path):
    for package in ("gguf", "transformers", "accelerate"):
        pytest.importorskip(package)
    (tmp_path / "m.gguf").write_bytes(b"GGUF" + bytes(range(99)))
    with pytest.raises(SpaceError, match=r"m.gguf is damaged, cut off, or of a kind that"):
        read_decoder(tmp_path / "m.gguf")
