"""The space lora_lm: updates of a frozen decoder in 32, 8 or 4 bits, and what is shipped of it."""

import csv
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from nas.cli.main import main
from nas.data.text_loaders import load_text
from nas.data.tokenizers import ByteTokenizer
from nas.errors import SpaceError
from nas.evaluation.language import LanguageEvaluator
from nas.measure.cost import on_meta_device
from nas.models.decoder import Decoder, DecoderLayer, DecoderPlan
from nas.models.decoder_files import config_of, tensors_of
from nas.models.generate_without_nas import unpacked
from nas.objective import objective_for
from nas.task import token_shape
from nas.testing.space_contract import SpaceContract
from nas.train.token_recipe import TokenRecipe
from nas.trial import TrialSpec, TrialState
from search_spaces.lora_lm import LoraDecoderSpace

PLAN = DecoderPlan(
    vocabulary=256,
    context=32,
    width=32,
    num_heads=4,
    num_kv_heads=2,
    head_features=8,
    activation="silu",
    is_tied=True,
    window=8,
    layers=(DecoderLayer("attention", 64),) * 2,
)
DATA = token_shape(context=32, vocabularies=[256])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of a decoder with drawn weights."""
    place = tmp_path_factory.mktemp("base")
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = Decoder(PLAN)
    (place / "config.json").write_text(json.dumps(config_of(PLAN)))
    save_file(tensors_of(PLAN, model.state_dict()), place / "model.safetensors")
    (place / "tokenizer.json").write_text(ByteTokenizer(has_end=False).to_json())
    return place


class TestLoraDecoderSpace(SpaceContract):
    data_shapes = (DATA,)

    @pytest.fixture(autouse=True)
    def take_folder(self, folder):
        self.folder = folder

    def make_space(self):
        return LoraDecoderSpace(str(self.folder))


def test_a_space_is_checked_with_text_in_the_tokens_of_its_model(folder):
    (example,) = LoraDecoderSpace(str(folder)).example_data
    assert (example.context, example.vocabularies) == (32, (256,))


def chosen(space, **values):
    first = {"rank": 2, "alpha": 8.0, "targets": "all", "depth": 1.0, "base_bits": 32}
    return space.architecture({**first, **values})


def test_costs_are_those_of_what_is_built_and_stored(folder):
    space = LoraDecoderSpace(str(folder))
    rng = np.random.default_rng(0)
    for architecture in [space.sample(rng) for _ in range(12)]:
        stated = space.static_costs(architecture, DATA)
        model = space.build(architecture, DATA)
        trained = sum(p.numel() for p in model.parameters())
        shipped = space.shipped(model, architecture).values()
        assert stated["trained_bytes"] == 4 * trained
        assert stated["size_bytes"] == sum(t.numel() * t.element_size() for t in shipped)
        with on_meta_device():
            assert sum(p.numel() for p in space.build(architecture, DATA).parameters()) == trained


def test_a_frozen_model_in_few_bits_computes_as_its_file_does(folder):
    space = LoraDecoderSpace(str(folder))
    four = chosen(space, base_bits=4)
    model = space.build(four, DATA)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    floats = unpacked(space.shipped(model, four))
    updated = model.blocks[1].feed_forward.out.merged()
    assert torch.allclose(floats["model.layers.1.mlp.down_proj.weight"], updated, atol=1e-5)
    sizes = [
        space.static_costs(chosen(space, base_bits=b), DATA)["size_bytes"] for b in (32, 8, 4)
    ]
    assert sizes[0] > 3 * sizes[1] > 4 * sizes[2]


def test_a_trial_trains_the_updates_alone(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat and the dog on the log\n" * 400)
    space = LoraDecoderSpace(str(folder))
    data = load_text(path=str(text), context=32)
    objectives = tuple(map(objective_for, ("bits_per_byte", "size_bytes", "trained_bytes")))
    recipe = TokenRecipe(tokens=8192, batch_tokens=256, optimizer="adamw", learning_rate=0.01)
    evaluator = LanguageEvaluator(space, data, recipe, objectives)
    result = evaluator.evaluate(TrialSpec(number=0, architecture=chosen(space), seed=0))
    assert result.state is TrialState.COMPLETE
    assert result.metrics["bits_per_byte"] < 7.5
    assert len(result.weights) < 2 * result.metrics["trained_bytes"]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"alpha": 8.0}, "needs the parameter rank"),
        ({"rank": 0}, "rank must be a whole number of at least 1"),
        ({"rank": 2, "base_bits": 3}, "base_bits must be 32, 8 or 4"),
        ({"rank": 2, "targets": "norms"}, "targets must be one of attention, mlp, all"),
    ],
)
def test_what_is_wrong_with_a_parameter_is_told(folder, parameters, told):
    with pytest.raises(SpaceError, match=told):
        LoraDecoderSpace(str(folder), parameters=parameters)


@pytest.mark.slow
def test_a_search_of_updates_ends_with_files_of_which_each_is_judged(
    folder, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat and the dog on the log\n" * 400)
    words = ["search", "preset=lora_lm", f"search_space.model={folder}", f"data.path={text}"]
    words += ["data.context=32", "training.tokens=2048", "training.batch_tokens=256"]
    words += ["stopping.num_trials=3"]
    run = ["execution=inline", "ui=none"]
    assert main([*words, *run, f"run_folder={tmp_path}/run"]) == 0
    assert main(["finish", f"run={tmp_path}/run", "seeds=1", "pick=knee", *run]) == 0
    with (tmp_path / "run" / "finish" / "artefacts.csv").open() as file:
        told = list(csv.DictReader(file))
    rows = [row for row in told if row["format"] == "safetensors adapted"]
    assert rows
    assert all(float(row["max_difference"]) < 1e-2 for row in rows)
    made = [row for row in told if row["format"] == "ONNX with cache"]
    assert all(float(row["max_difference"]) < 1e-3 for row in made)
    assert len(made) == len(rows)
    place = (tmp_path / "run" / "finish" / rows[0]["file"]).parent / "adapter"
    assert load_file(place / "adapter_model.safetensors")
