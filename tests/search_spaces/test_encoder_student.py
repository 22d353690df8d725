"""The space encoder_student: what students keep of their teacher, and their search and files."""

import csv
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from parts.small_encoder import PLAN, WORDS, drawn_head, tokenizer_json, write_encoder_folder
from safetensors.torch import save_file

from nas.cli.main import main
from nas.data.text_loaders import load_text
from nas.errors import ConfigError, SpaceError
from nas.evaluation.encoder import EncoderEvaluator
from nas.evaluation.language import LanguageEvaluator
from nas.evaluation.space_check import Fault, check_space
from nas.measure.cost import on_meta_device
from nas.models.embed_without_nas import load
from nas.objective import objective_for
from nas.record.run_folder import RunFolder
from nas.study.journal import load_records
from nas.task import DataShape, token_shape
from nas.train.token_recipe import TokenRecipe
from nas.trial import TrialSpec, TrialState
from search_spaces.encoder_student import EncoderStudentSpace

DATA = token_shape(context=16, vocabularies=[len(WORDS)])
WHOLE = {"depth": 1.0, "order": "even", "width": 1.0, "heads": 1.0, "mlp": 1.0}
TEXT = "the cat sat on the mat and the dog sat on the log and the cat\n" * 300
OBJECTIVES = (objective_for("agreement"), objective_for("size_bytes"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("teacher") / "bert"
    write_encoder_folder(place)
    return place


def test_all_of_the_teacher_gives_its_vectors(folder, tmp_path):
    teacher = write_encoder_folder(tmp_path / "bert")
    space = EncoderStudentSpace(str(tmp_path / "bert"))
    tokens = torch.randint(0, len(WORDS), (3, 12))
    student = space.build(space.architecture(WHOLE), DATA)
    assert torch.allclose(student(tokens), teacher(tokens), atol=1e-6)
    assert torch.allclose(space.encoder_teacher().model(tokens), teacher(tokens), atol=1e-6)


def test_costs_in_closed_form_are_those_of_the_built_students(folder):
    space = EncoderStudentSpace(str(folder))
    rng = np.random.default_rng(0)
    for architecture in [space.sample(rng) for _ in range(20)]:
        with on_meta_device():
            model = space.build(architecture, DATA)
        stated = space.static_costs(architecture, DATA)["num_params"]
        assert stated == sum(p.numel() for p in model.parameters())


def test_heads_that_add_nothing_can_go_without_the_width(tmp_path):
    teacher = write_encoder_folder(tmp_path / "bert")
    state = teacher.state_dict()
    size = PLAN.head_features
    for index in range(3):
        # The second and the last head add nothing.
        for head in (1, 3):
            place = slice(head * size, (head + 1) * size)
            state[f"encoder.layer.{index}.attention.output.dense.weight"][:, place] = 0.0
    save_file(dict(state), tmp_path / "bert" / "model.safetensors")
    space = EncoderStudentSpace(str(tmp_path / "bert"), calibration_tokens=64)
    space.calibrate(np.arange(500, dtype=np.uint16) % len(WORDS))
    student = space.build(space.architecture({**WHOLE, "heads": 0.5}), DATA)
    tokens = torch.randint(0, len(WORDS), (2, 12))
    assert (student.plan.num_heads, student.plan.width) == (2, PLAN.width)
    assert torch.allclose(student(tokens), teacher(tokens), atol=1e-5)


def test_the_space_has_no_faults(folder):
    space = EncoderStudentSpace(str(folder))
    (data,) = space.example_data
    assert check_space(space, data, num_architectures=30) == []


def test_a_network_that_costs_other_than_is_said_is_a_fault(folder):
    class Dishonest(EncoderStudentSpace):
        def static_costs(self, architecture, data):
            return {**super().static_costs(architecture, data), "num_macs": 1.0}

    space = Dishonest(str(folder))
    (data,) = space.example_data
    faults = {finding.fault for finding in check_space(space, data, num_architectures=5)}
    assert faults == {Fault.COST_DIFFERS}


def test_hidden_words_need_a_token_that_hides(tmp_path):
    write_encoder_folder(tmp_path / "bert")
    place = tmp_path / "bert" / "tokenizer.json"
    place.write_text(place.read_text().replace("[MASK]", "[HIDE]"))
    with pytest.raises(SpaceError, match="give masked_weight=0"):
        EncoderStudentSpace(str(tmp_path / "bert"), masked_weight=0.2)
    with pytest.raises(SpaceError, match="from 0 to less than 1"):
        EncoderStudentSpace(str(tmp_path / "bert"), masked_weight=1.0)


def test_a_head_begins_with_what_the_teacher_s_has_for_the_features_that_stay(tmp_path):
    head = drawn_head()
    write_encoder_folder(tmp_path / "bert", head=head)
    space = EncoderStudentSpace(str(tmp_path / "bert"), masked_weight=0.2)
    student = space.build(space.architecture({**WHOLE, "width": 0.5}), DATA)
    own, kept = space.masked_head(student), student.kept.width_V
    assert torch.equal(own.dense.weight, head.dense.weight[kept][:, kept])
    assert torch.equal(own.bias, head.bias)
    assert space.encoder_teacher().head is not None


def test_what_adds_nothing_is_missed_by_nobody(tmp_path):
    """One layer changes nothing, and one head and half of the features inside add nothing."""
    teacher = write_encoder_folder(tmp_path / "bert")
    state = teacher.state_dict()
    for index in range(3):
        name = f"encoder.layer.{index}"
        state[f"{name}.output.dense.weight"][:, ::2] = 0.0
    save_file(dict(state), tmp_path / "bert" / "model.safetensors")
    space = EncoderStudentSpace(str(tmp_path / "bert"), calibration_tokens=64)
    space.calibrate(np.arange(500, dtype=np.uint16) % len(WORDS))
    student = space.build(space.architecture({**WHOLE, "mlp": 0.5}), DATA)
    tokens = torch.randint(0, len(WORDS), (2, 12))
    assert student.plan.hidden_features == 12
    assert torch.allclose(student(tokens), teacher(tokens), atol=1e-5)


def test_layers_are_those_at_even_distances_or_the_ones_that_turn_tokens_most(folder):
    space = EncoderStudentSpace(str(folder), calibration_tokens=64)
    space.calibrate(np.arange(500, dtype=np.uint16) % len(WORDS))
    turns = space._importance.layers
    even, important = (
        space.kept(space.architecture({**WHOLE, "depth": 0.67, "order": order})).layers
        for order in ("even", "important")
    )
    assert even == (0, 2)
    assert set(important) == set(turns.argsort(descending=True)[:2].tolist())


def test_data_of_other_kinds_are_refused(folder):
    space = EncoderStudentSpace(str(folder))
    with pytest.raises(SpaceError, match="data are images"):
        space.check_data(DataShape((3, 8, 8), 10))
    with pytest.raises(SpaceError, match=r"data\.tokenizer="):
        space.check_data(token_shape(context=16, vocabularies=[300]))
    with pytest.raises(SpaceError, match=r"give data\.context=38"):
        space.check_data(token_shape(context=64, vocabularies=[len(WORDS)]))


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"model_type": "roberta"}, "model_type 'roberta'"),
        ({"position_embedding_type": "relative_key"}, "relative_key"),
        ({"hidden_act": "swish"}, "hidden_act 'swish'"),
        ({"intermediate_size": 99}, "config.json makes it"),
    ],
)
def test_a_checkpoint_of_another_kind_is_refused_by_name(tmp_path, config, told):
    write_encoder_folder(tmp_path / "bert", **config)
    with pytest.raises(SpaceError, match=told):
        EncoderStudentSpace(str(tmp_path / "bert"))


def test_a_folder_that_is_none_is_told_what_it_must_hold(tmp_path):
    with pytest.raises(SpaceError, match=r"config\.json, model\.safetensors and tokenizer\.json"):
        EncoderStudentSpace(str(tmp_path / "absent"))


@pytest.fixture
def text(tmp_path, monkeypatch, folder):
    """Return a text in the teacher's tokens."""
    pytest.importorskip("tokenizers")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "text.txt").write_text(TEXT)
    return load_text(path=str(tmp_path / "text.txt"), tokenizer=str(folder), context=16)


def test_a_published_tokenizer_reads_all_of_a_text_whatever_it_does_to_single_ones(text):
    (made,) = text.tokenized.values()
    # A split may be cut inside a word.
    assert 0 <= sum(map(len, made.file.stretches.values())) - len(TEXT.split()) <= 2


def test_a_student_that_learns_agrees_more_than_at_first(text, folder):
    space = EncoderStudentSpace(str(folder), calibration_tokens=256)
    half = space.architecture(
        {"depth": 0.34, "order": "even", "width": 0.5, "heads": 1.0, "mlp": 0.5}
    )
    values = []
    for rate in (1e-9, 0.01):
        recipe = TokenRecipe(tokens=8192, batch_tokens=256, learning_rate=rate, optimizer="adamw")
        evaluator = EncoderEvaluator(space, text, recipe, OBJECTIVES)
        result = evaluator.evaluate(TrialSpec(number=0, architecture=half, seed=0))
        assert result.state is TrialState.COMPLETE
        values.append(result.metrics["agreement"])
    assert values[0] < 0.9 < 0.99 < values[1] < 1.0
    assert len(pickle.dumps(space)) < 20_000  # weights stay behind


def test_the_teacher_agrees_with_itself_without_learning(text, folder):
    space = EncoderStudentSpace(str(folder))
    recipe = TokenRecipe(tokens=1024, batch_tokens=256, learning_rate=1e-9, optimizer="adamw")
    evaluator = EncoderEvaluator(space, text, recipe, OBJECTIVES)
    result = evaluator.evaluate(TrialSpec(0, space.architecture(WHOLE), seed=0))
    assert result.metrics["agreement"] == pytest.approx(1.0, abs=1e-4)


def test_spaces_and_evaluations_that_do_not_fit_are_told(text, folder):
    recipe = TokenRecipe(tokens=1024, batch_tokens=256)
    with pytest.raises(ConfigError, match="preset=encoder_student"):
        LanguageEvaluator(EncoderStudentSpace(str(folder)), text, recipe, OBJECTIVES)
    with pytest.raises(ConfigError, match="language models have no bits_per_byte"):
        EncoderEvaluator(
            EncoderStudentSpace(str(folder)), text, recipe, (objective_for("bits_per_byte"),)
        )


def test_a_probe_needs_texts_with_labels_and_is_measured_of_them(text, folder, tmp_path):
    space = EncoderStudentSpace(str(folder))
    recipe = TokenRecipe(tokens=1024, batch_tokens=256, learning_rate=1e-9, optimizer="adamw")
    wanted = (objective_for("probe_accuracy"), objective_for("size_bytes"))
    with pytest.raises(ConfigError, match=r"evaluation\.labelled_texts=FILE\.csv"):
        EncoderEvaluator(space, text, recipe, wanted)
    lines = [f"the {animal} sat {n},{animal}" for n in range(40) for animal in ("cat", "dog")]
    (tmp_path / "labelled.csv").write_text("\n".join(["text,label", *lines]))
    evaluator = EncoderEvaluator(
        space, text, recipe, wanted, labelled_texts=str(tmp_path / "labelled.csv")
    )
    result = evaluator.evaluate(TrialSpec(0, space.architecture(WHOLE), seed=0))
    assert result.metrics["probe_accuracy"] == 1.0


def test_students_begin_with_their_teacher_not_with_each_other(text, folder, tmp_path, capsys):
    words = ["search", "preset=encoder_student", f"search_space.teacher={folder}"]
    words += [f"data.path={tmp_path}/text.txt", "data.context=16", "execution=inline", "ui=none"]
    assert main([*words, "training.inherit=true", f"run_folder={tmp_path}/run"]) != 0
    assert "begin with parts of a trained model already" in capsys.readouterr().err


@pytest.mark.slow
def test_a_search_ends_with_students_that_run_without_nas(text, folder, tmp_path):
    words = ["search", "preset=encoder_student", f"search_space.teacher={folder}"]
    words += [f"data.path={tmp_path}/text.txt", "data.context=16", "training.tokens=2048"]
    words += ["training.batch_tokens=256", "stopping.num_trials=3"]
    words += ["search_space.masked_weight=0.2"]
    run = ["execution=inline", "ui=none"]
    assert main([*words, *run, f"run_folder={tmp_path}/run"]) == 0
    records = load_records(RunFolder(tmp_path / "run").study_journal)
    assert [record.state for record in records] == [TrialState.COMPLETE] * 3
    assert main(["finish", f"run={tmp_path}/run", "seeds=1", "pick=knee", *run]) == 0
    (made,) = (tmp_path / "run" / "finish").glob("*/model.safetensors")
    own = made.parent
    table = (tmp_path / "run" / "finish" / "artefacts.csv").read_text()
    rows = list(csv.DictReader(table.splitlines()))
    differences = {row["format"]: float(row["max_difference"]) for row in rows}
    assert differences["safetensors"] < 1e-5 < differences["safetensors int8"] < 0.1
    assert differences["ONNX"] < 1e-5
    sizes = {row["format"]: int(row["size_bytes"]) for row in rows}
    assert sizes["safetensors int8"] == (own / "model_int8.safetensors").stat().st_size
    assert json.loads((own / "tokenizer.json").read_text()) == json.loads(tokenizer_json())
    config = json.loads((own / "config.json").read_text())
    assert config["model_type"] == "bert"
    vectors = load(own).embed(torch.tensor([[2, 4, 5, 3]]))
    assert vectors.shape == (1, PLAN.width)
    said = subprocess.run(
        [sys.executable, str(own / "embed.py"), "the cat sat", "the cat sat"],
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout.split()  # fmt: skip
    assert [float(number) for number in said] == [1.0] * 4


@pytest.mark.parametrize(("share", "heads"), [(1.0, 1.0), (0.5, 1.0), (0.5, 0.5)])
def test_transformers_loads_a_student_with_equal_features(folder, tmp_path, share, heads):
    transformers = pytest.importorskip("transformers")
    from nas.export.encoder_files import write_encoder

    space = EncoderStudentSpace(str(folder))
    architecture = space.architecture({**WHOLE, "depth": 0.67, "width": share, "heads": heads})
    model = space.build(architecture, DATA)
    write_encoder(tmp_path / "out", model, architecture=architecture, tokenizer=tokenizer_json())
    theirs = transformers.BertModel.from_pretrained(tmp_path / "out", add_pooling_layer=False)
    tokens = torch.randint(4, len(WORDS), (2, 12))
    with torch.inference_mode():
        ours, told = model.portable.hidden(tokens)[-1], theirs(tokens).last_hidden_state
    assert torch.allclose(ours, told, atol=1e-5)
