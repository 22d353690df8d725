"""Low-rank updates change nothing at first, train alone, and merge into an ordinary decoder."""

import json

import pytest
import torch
from safetensors.torch import save_file

from nas.export.update_files import write_updates
from nas.measure.cost import on_meta_device
from nas.models.decoder import Decoder, DecoderLayer, DecoderPlan
from nas.models.decoder_files import config_of, tensors_of
from nas.models.decoder_lora import (
    TARGETS,
    LoraPlan,
    add_updates,
    has_updates,
    merged_decoder,
    num_update_weights,
    peft_config,
    peft_tensors,
    plan_of_updates,
)

PLAN = DecoderPlan(
    vocabulary=32,
    context=16,
    width=12,
    num_heads=4,
    num_kv_heads=2,
    head_features=4,
    activation="silu",
    is_tied=True,
    window=4,
    layers=(DecoderLayer("attention", 16),) * 3,
)
TOKENS = torch.arange(64).view(4, 16) % 32


def make(lora, *, is_trained=True):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = Decoder(PLAN)
        whole = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        add_updates(model, lora)
        if is_trained:
            for parameter in model.parameters():
                torch.nn.init.normal_(parameter, std=0.3)
    return model.eval(), whole


def test_new_updates_change_nothing_and_all_else_is_frozen():
    model, whole = make(LoraPlan(2, 4.0, "all", 3), is_trained=False)
    plain = Decoder(PLAN).eval()
    plain.load_state_dict(whole)
    assert has_updates(model)
    assert not has_updates(plain)
    assert torch.allclose(model(TOKENS), plain(TOKENS), atol=1e-6)
    assert all(".down." in name or ".up." in name for name in model.state_dict())
    assert {name for name, _ in model.named_parameters()} == set(model.state_dict())


@pytest.mark.parametrize("targets", TARGETS)
@pytest.mark.parametrize("num_layers", [1, 3])
def test_what_is_trained_is_counted_in_closed_form(targets, num_layers):
    lora = LoraPlan(3, 4.0, targets, num_layers)
    with on_meta_device():
        model = Decoder(PLAN)
        add_updates(model, lora)
    assert sum(p.numel() for p in model.parameters()) == num_update_weights(PLAN, lora)
    assert plan_of_updates(model) == lora


@pytest.mark.parametrize("targets", TARGETS)
def test_a_merged_decoder_computes_the_same(targets):
    model, _ = make(LoraPlan(2, 4.0, targets, 2))
    merged = merged_decoder(model).eval()
    assert not has_updates(merged)
    assert torch.allclose(merged(TOKENS), model(TOKENS), atol=1e-4)


def test_the_last_layers_alone_have_updates():
    model, _ = make(LoraPlan(2, 4.0, "attention", 1))
    assert all(name.startswith("blocks.2.mixer.") for name in model.state_dict())


@pytest.mark.filterwarnings("ignore")  # of packages that are newer than one another
def test_peft_gives_the_same_logits(tmp_path):
    peft = pytest.importorskip("peft")
    transformers = pytest.importorskip("transformers")
    model, whole = make(LoraPlan(2, 6.0, "all", 2))
    (tmp_path / "config.json").write_text(json.dumps(config_of(PLAN)))
    save_file(tensors_of(PLAN, whole), tmp_path / "model.safetensors", metadata={"format": "pt"})
    write_updates(tmp_path / "adapter", model, base=str(tmp_path))
    base = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    adapted = peft.PeftModel.from_pretrained(base, tmp_path / "adapter").eval()
    with torch.no_grad():
        assert torch.allclose(adapted(TOKENS).logits, model(TOKENS), atol=1e-4)


def test_every_part_has_its_own_thin_matrices_by_llamas_names():
    model, _ = make(LoraPlan(2, 6.0, "mlp", 2))
    tensors = peft_tensors(model)
    assert len(tensors) == 2 * 3 * 2  # layers, matrices, thin ones
    name = "base_model.model.model.layers.2.mlp.up_proj.lora_B.weight"
    assert tensors[name].shape == (16, 2)
    config = peft_config(plan_of_updates(model), num_layers=3, base="b")
    assert config["layers_to_transform"] == [1, 2]
    assert config["target_modules"] == ["gate_proj", "up_proj", "down_proj"]
