"""The space elastic_lm: the smaller decoders inside a trained one, and their search."""

import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from nas.cli.main import main
from nas.data.text_loaders import load_text
from nas.data.tokenizers import ByteTokenizer
from nas.errors import SpaceError
from nas.evaluation.language import LanguageEvaluator
from nas.measure.cost import on_meta_device
from nas.models.decoder import Decoder, DecoderLayer, DecoderPlan
from nas.models.decoder_files import config_of, tensors_of
from nas.objective import objective_for
from nas.record.run_folder import RunFolder
from nas.study.journal import load_records
from nas.task import DataShape, token_shape
from nas.testing.space_contract import SpaceContract
from nas.train.token_recipe import TokenRecipe
from nas.trial import TrialSpec, TrialState
from search_spaces.elastic_lm import ElasticDecoderSpace

PLAN = DecoderPlan(
    vocabulary=256,
    context=32,
    width=16,
    num_heads=4,
    num_kv_heads=2,
    head_features=8,
    activation="silu",
    is_tied=False,
    window=8,
    layers=tuple(DecoderLayer(mixer, 24) for mixer in ("attention", "window", "attention")),
)
DATA = token_shape(context=32, vocabularies=[256])
WHOLE = {"depth": 1.0, "heads": 1.0, "mlp": 1.0, "width": 1.0}


def write_model(folder, *, plan=PLAN, seed=0, has_tokenizer=True):
    """Write a folder as nas finish does, and return the model in it."""
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        model = Decoder(plan)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    (folder / "config.json").write_text(json.dumps(config_of(plan)))
    save_file(tensors_of(plan, model.state_dict()), folder / "model.safetensors")
    tokenizer = ByteTokenizer(has_end=False).to_json()
    (folder / "tokenizer.json").write_text(tokenizer if has_tokenizer else "")
    return model.eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("model") / "12"
    write_model(place)
    return place


class TestElasticDecoderSpace(SpaceContract):
    data_shapes = (DATA,)

    @pytest.fixture(autouse=True)
    def take_folder(self, folder):
        self.folder = folder

    def make_space(self):
        return ElasticDecoderSpace(str(self.folder))


def test_all_of_the_whole_gives_its_logits(tmp_path):
    model = write_model(tmp_path / "m")
    space = ElasticDecoderSpace(str(tmp_path / "m"))
    built = space.build(space.architecture(WHOLE), DATA).eval()
    tokens = torch.randint(0, 256, (2, 32))
    assert torch.allclose(built(tokens), model(tokens), atol=1e-4)
    assert torch.allclose(space.teacher(32)(tokens), model(tokens), atol=1e-4)


def test_costs_in_closed_form_are_those_of_the_built_networks(folder):
    space = ElasticDecoderSpace(str(folder))
    rng = np.random.default_rng(0)
    for architecture in [space.sample(rng) for _ in range(20)]:
        stated = space.static_costs(architecture, DATA)
        with on_meta_device():
            model = space.build(architecture, DATA)
        assert stated["num_params"] == sum(p.numel() for p in model.parameters())


def test_after_calibration_what_adds_nothing_goes_first(tmp_path):
    """One layer, one pair of heads and half of the features inside add nothing: none is missed."""
    model = write_model(tmp_path / "m")
    state = model.state_dict()
    state["blocks.1.mixer.out.weight"].zero_()
    state["blocks.1.feed_forward.out.weight"].zero_()
    for index in (0, 2):
        state[f"blocks.{index}.mixer.out.weight"][:, :16].zero_()
        state[f"blocks.{index}.feed_forward.out.weight"][:, ::2].zero_()
    save_file(tensors_of(PLAN, state), tmp_path / "m" / "model.safetensors")
    space = ElasticDecoderSpace(
        str(tmp_path / "m"),
        parameters={"depth": 0.67, "heads": 0.5, "mlp": 0.5, "width": 1.0},
        calibration_tokens=64,
    )
    tokens = np.arange(4000, dtype=np.uint16) % 251
    space.calibrate(tokens)
    smaller = space.build(
        space.architecture({"depth": 0.67, "heads": 0.5, "mlp": 0.5, "width": 1.0}), DATA
    ).eval()
    assert (len(smaller.blocks), smaller.plan.num_heads, smaller.plan.num_kv_heads) == (2, 2, 1)
    assert [layer.mixer for layer in smaller.plan.layers] == ["attention", "attention"]
    seen = torch.randint(0, 256, (2, 32))
    assert torch.allclose(smaller(seen), model(seen), atol=1e-4)


def test_shares_that_round_alike_are_one_network(folder):
    space = ElasticDecoderSpace(str(folder), parameters={"depth": {"choice": [0.6, 0.7, 1.0]}})
    first, second, other = (space.architecture({"depth": s}) for s in (0.6, 0.7, 1.0))
    assert space.identity(first) == space.identity(second) != space.identity(other)


def test_images_and_other_tokens_are_refused(folder, tmp_path):
    space = ElasticDecoderSpace(str(folder))
    with pytest.raises(SpaceError, match="data are images"):
        space.check_data(DataShape((3, 8, 8), 10))
    with pytest.raises(SpaceError, match=r"data\.tokenizer="):
        space.check_data(token_shape(context=32, vocabularies=[300]))
    other = {"model": {"vocab": {"a": 0}}, "added_tokens": []}
    with pytest.raises(SpaceError, match="trained on other tokens"):
        space.check_tokens(json.dumps(other))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"model": "absent"}, "no folder with config.json"),
        ({"parameters": {"depth": 1.5}}, "depth must be a number above 0 and at most 1"),
        ({"parameters": {"layers": 2}}, "no parameter 'layers'"),
        ({"teacher_weight": 2}, "from 0 to 1"),
    ],
)
def test_what_is_wrong_with_a_setting_is_told(folder, settings, told):
    with pytest.raises(SpaceError, match=told):
        ElasticDecoderSpace(**{"model": str(folder), **settings})


def test_a_trial_heals_what_is_left_with_the_whole_as_teacher(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat and the dog on the log\n" * 400)
    write_model(tmp_path / "m")
    space = ElasticDecoderSpace(str(tmp_path / "m"), calibration_tokens=256)
    data = load_text(path=str(text), tokenizer=str(tmp_path / "m"), context=32)
    objectives = (objective_for("bits_per_byte"), objective_for("size_bytes"))
    recipe = TokenRecipe(tokens=8192, batch_tokens=256)
    evaluator = LanguageEvaluator(space, data, recipe, objectives)
    half = space.architecture({"depth": 0.5, "heads": 0.5, "mlp": 0.5, "width": 1.0})
    result = evaluator.evaluate(TrialSpec(number=0, architecture=half, seed=0))
    assert result.state is TrialState.COMPLETE
    assert result.metrics["bits_per_byte"] < 7.0
    pickled = pickle.dumps(space)  # weights stay behind, importance goes along
    assert len(pickled) < 20_000
    again = pickle.loads(pickled).build(half, data.shape).state_dict()
    built = space.build(half, data.shape).state_dict()
    assert all(torch.equal(again[name], tensor) for name, tensor in built.items())


@pytest.mark.slow
def test_a_search_makes_a_trained_model_smaller_and_finish_ships_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat and the dog on the log\n" * 400)
    write_model(tmp_path / "m")
    words = ["search", "preset=elastic_lm", f"search_space.model={tmp_path}/m", "data=text"]
    words += [f"data.path={text}", "data.context=32", "training.tokens=2048"]
    words += ["training.batch_tokens=256", "stopping.num_trials=3"]
    run = ["execution=inline", "ui=none"]
    assert main([*words, *run, f"run_folder={tmp_path}/run"]) == 0
    records = load_records(RunFolder(tmp_path / "run").study_journal)
    assert [record.state for record in records] == [TrialState.COMPLETE] * 3
    assert main(["finish", f"run={tmp_path}/run", "seeds=1", "export.onnx=false", *run]) == 0
    made = list((tmp_path / "run" / "finish").glob("*/model.safetensors"))
    assert made
    again = ElasticDecoderSpace(str(made[0].parent))  # a winner is a whole of its own
    assert again.whole_plan.vocabulary == 256
