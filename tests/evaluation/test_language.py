"""Language models are trained, judged and searched like all others; faults are results."""

import math

import pytest
import torch
from safetensors.torch import load

from nas.cli.main import main
from nas.data.text_loaders import load_text
from nas.errors import ConfigError
from nas.evaluation.language import LanguageEvaluator
from nas.objective import objective_for
from nas.record.run_folder import RunFolder
from nas.study.journal import load_records
from nas.train.token_recipe import TokenRecipe
from nas.trial import FailureKind, Inheritance, TrialSpec, TrialState
from search_spaces.decoder_lm import DecoderSpace

SPACE = DecoderSpace(
    {
        "width": {"choice": [16, 24]},
        "heads": 1,
        "context": {"choice": [16, 32]},
        "layers": {"repeat": {"int": [1, 2]}, "mlp_ratio": 1.0},
    },
    head_features=8,
)
VALUES = {"width": 16, "heads": 1, "context": 32, "layers.repeat": 1, "layers.0.mlp_ratio": 1.0}
OBJECTIVES = (objective_for("bits_per_byte"), objective_for("size_bytes"))
RECIPE = TokenRecipe(tokens=8_000, batch_tokens=256)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("the cat sat on the mat and the dog on the log\n" * 400)
    return path


def make_evaluator(text, *, objectives=OBJECTIVES, recipe=RECIPE, **settings):
    data = load_text(path=str(text), context=32)
    return LanguageEvaluator(SPACE, data, recipe, objectives, **settings)


def make_spec(**settings):
    return TrialSpec(number=0, architecture=SPACE.architecture(VALUES), seed=1, **settings)


def test_a_trial_reports_loss_perplexity_and_bits_of_a_byte(text):
    result = make_evaluator(text, metrics=["kv_bytes_per_token"]).evaluate(make_spec())
    found = result.metrics
    assert result.state is TrialState.COMPLETE
    assert found["loss"] < math.log(256) - 1.0  # it learnt
    assert found["perplexity"] == pytest.approx(math.exp(found["loss"]))
    assert found["bits_per_byte"] == pytest.approx(found["loss"] / math.log(2))  # bytes are tokens
    assert found["kv_bytes_per_token"] == 2 * 8 * 2
    assert result.weights is not None


def test_the_same_order_gives_the_same_result_and_leaves_the_processs_chance_alone(text):
    evaluator = make_evaluator(text)
    state = torch.get_rng_state()
    one, other = (evaluator.evaluate(make_spec()).metrics["loss"] for _ in range(2))
    assert one == other
    assert torch.equal(state, torch.get_rng_state())


def test_part_of_the_budget_is_kept_and_the_rest_ends_as_a_whole_training(text, tmp_path):
    evaluator = make_evaluator(text)
    whole = evaluator.evaluate(make_spec()).metrics["loss"]
    folder = str(tmp_path / "checkpoint")
    part = evaluator.evaluate(make_spec(budget=0.4, checkpoint=folder))
    rest = evaluator.evaluate(make_spec(checkpoint=folder))
    assert part.state is TrialState.STOPPED
    assert part.metrics["loss"] > whole
    assert rest.metrics["loss"] == whole


def test_a_trial_that_starts_from_another_is_shorter_and_ahead_of_one_that_does_not(text):
    evaluator = make_evaluator(text)
    whole = evaluator.evaluate(make_spec(keeps_weights=True))
    short = make_evaluator(text, recipe=TokenRecipe(tokens=2_000, batch_tokens=256))
    alone = short.evaluate(make_spec()).metrics
    start = Inheritance(whole.weights, share=0.25, learning_rate_share=1.0)
    taken_up = evaluator.evaluate(make_spec(inheritance=start)).metrics
    assert taken_up["training_share"] == 0.25
    assert taken_up["loss"] < alone["loss"] - 0.5
    assert set(evaluator.weight_shapes(make_spec().architecture)) == set(load(whole.weights))


def test_a_failure_is_a_result(text):
    result = make_evaluator(text).evaluate(make_spec(time_limit_s=1e-9))
    assert result.state is TrialState.FAILED
    assert result.failure.kind is FailureKind.TIMEOUT


def test_tokens_a_second_are_measured_where_they_are_asked_for(text):
    objectives = (objective_for("bits_per_byte"), objective_for("tokens_per_s"))
    result = make_evaluator(text, objectives=objectives).evaluate(make_spec())
    assert result.metrics["tokens_per_s"] > 1.0


def test_what_language_models_do_not_measure_is_told(text):
    with pytest.raises(ConfigError, match="language models have no accuracy"):
        make_evaluator(text, objectives=(objective_for("accuracy"),))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["data=python_source"], "preset=small_lm sets all that text needs"),
        (["preset=small_lm", "data=digits"], "for text, but data is not"),
        (["data=digits", "search_space=decoder_lm"], "take data=python_source"),
    ],
)
def test_parts_that_do_not_fit_are_told_before_anything_trains(words, told, capsys, tmp_path):
    run = ["search", *words, "execution=inline", f"run_folder={tmp_path}/run"]
    assert main(run) == 2
    shown = capsys.readouterr()
    assert told in " ".join((shown.out + shown.err).split())


def test_a_search_on_a_text_of_ones_own_ends_with_a_front(text, tmp_path):
    words = ["search", "preset=small_lm", "data=text", f"data.path={text}", "data.context=32"]
    words += ["execution=inline", "ui=none", f"run_folder={tmp_path}/run", "stopping.num_trials=3"]
    words += ["training.tokens=4000", "training.batch_tokens=256"]
    words += ["search_space.parameters.context.choice=[32]"]
    words += ["search_space.parameters.width.choice=[8,16]"]
    words += ["search_space.parameters.layers.repeat.int=[1,2]"]
    assert main(words) == 0
    records = load_records(RunFolder(tmp_path / "run").study_journal)
    assert [record.state for record in records] == [TrialState.COMPLETE] * 3
    assert all(0 < record.metrics["bits_per_byte"] < 8.5 for record in records)
    assert (tmp_path / "run" / "report.html").is_file()


def test_a_metric_of_text_is_refused_for_images(capsys, tmp_path):
    run = ["search", "objectives=[accuracy,kv_bytes_per_token]", "execution=inline"]
    assert main([*run, f"run_folder={tmp_path}/run"]) == 2
    assert "is of language models" in capsys.readouterr().err


def test_a_search_chooses_its_training_text_and_the_page_says_what_that_gave(text, tmp_path):
    words = ["search", "preset=small_lm", "data=text", f"data.path={text}", "data.context=32"]
    words += ["execution=inline", "ui=none", f"run_folder={tmp_path}/run", "sampler=random"]
    words += ["training.tokens=2048", "training.batch_tokens=256", "stopping.num_trials=6"]
    words += ["search_space.parameters.context.choice=[32]", "data.curation=[none,exact]"]
    words += ["search_space.parameters.width.choice=[8,16]"]
    words += ["+search_space.parameters.curation.choice=[none,exact]"]
    assert main(words) == 0
    records = load_records(RunFolder(tmp_path / "run").study_journal)
    assert {record.architecture["curation"] for record in records} == {"none", "exact"}
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Better data" in page
    assert "of processor time" in page


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["data.curation=[none,exact]"], "nothing chooses among them"),
        (["+search_space.parameters.curation.choice=[exact]"], "has exact, but data.curation has"),
        (["data.curation=best"], "'best' is none; it may be"),
        (["+search_space.parameters.curation.choice=[best]"], "must be a curation"),
    ],
)
def test_a_training_text_that_cannot_be_chosen_is_told(words, told, text, capsys, tmp_path):
    run = ["search", "preset=small_lm", "data=text", f"data.path={text}", "data.context=256"]
    assert main([*run, *words, "execution=inline", f"run_folder={tmp_path}/run"]) == 2
    shown = capsys.readouterr()
    assert told in " ".join((shown.out + shown.err).split())
