# ruff: noqa: E501 - each case stands on one line
import copy
import re

import pytest

from nas.assemble.check import check_search, check_values
from nas.assemble.make import make_space
from nas.config.compose import Composed, compose_values
from nas.config.schema import ExecutionKind, Ui
from nas.config.source import ConfigSource
from nas.errors import ConfigError


def check(*overrides, config_dir=None):
    return check_search(ConfigSource(config_dir=config_dir, overrides=overrides))


def faults_of(*overrides, config_dir=None) -> str:
    with pytest.raises(ConfigError) as caught:
        check(*overrides, config_dir=config_dir)
    return str(caught.value)


def test_every_default_of_the_design_is_as_written():
    config = check("name=first")

    assert config.run_folder == "runs/first"
    assert (config.seed, config.resume, config.ui) == (0, False, Ui.AUTO)
    assert config.execution.kind is ExecutionKind.RAY
    assert config.objectives.metrics == ["accuracy", "size_bytes"]
    assert config.search_space["_target_"] == "search_spaces.mobilenet.MobileNetSpace"
    assert config.data["_target_"] == "nas.data.digits.load_digits"
    assert config.storage.url is None


def test_a_run_without_a_name_is_called_by_date_and_time():
    config = check()

    assert config.name[:2] == "20"
    assert len(config.name) == len("2026-01-31_12-00-00")


@pytest.mark.parametrize(
    "sampler", ["frontier", "nsga2", "nsga3", "tpe", "gp", "random", "qmc", "brute_force"]
)
def test_each_sampler_fits_its_signature_and_can_be_made(sampler):
    config = check(f"sampler={sampler}", "seed=7")

    assert config.sampler["seed"] == 7


@pytest.mark.parametrize(
    ("choice", "metrics"),
    [
        ("accuracy_size", ["accuracy", "size_bytes"]),
        ("accuracy_params", ["accuracy", "num_params"]),
        ("accuracy_macs", ["accuracy", "num_macs"]),
        ("accuracy_size_latency", ["accuracy", "size_bytes", "latency_ms"]),
        ("[accuracy,num_macs]", ["accuracy", "num_macs"]),
    ],
)
def test_objectives_are_a_choice_or_a_list(choice, metrics):
    assert check(f"objectives={choice}").objectives.metrics == metrics


def test_limits_are_given_by_metric():
    config = check("constraints.size_bytes.max=2e6", "constraints.num_macs.min=1000")

    assert config.constraints["size_bytes"].max == 2e6
    assert config.constraints["num_macs"].min == 1000.0
    assert config.constraints["num_params"].max is None


def test_custom_resources_need_no_plus_sign():
    assert check("execution.resources.jetson=1").execution.resources == {"jetson": 1.0}


def test_a_space_is_narrowed_from_the_command_line():
    config = check("search_space.parameters.width.choice=[0.5,1.0]")

    assert config.search_space["parameters"]["width"]["choice"] == [0.5, 1.0]


@pytest.fixture(scope="module")
def sound_values():
    return compose_values(
        ConfigSource(overrides=("name=first", "execution.resources.jetson=1"))
    ).values


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("seed", 'abc', "seed must be a whole number of at least 0 and at most 4,294,967,295, but got 'abc'"),
        ("seed", -1, "seed must be a whole number of at least 0"),
        ("resume", 'maybe', "resume must be true or false, but got 'maybe'"),
        ("ui", 'plan', "ui must be one of plain, auto, none, but got 'plan'"),
        ("stopping.num_trials", 0, "must be a whole number of at least 1, or null, but got 0; use preset=smoke"),
        ("stopping.num_trials", 1.5, "stopping.num_trials must be a whole number"),
        ("stopping.time_limit_s", 0, "stopping.time_limit_s must be a number (seconds, or as 90s, 30min, 1h) above 0 and at most 100,000,000, or null, but got 0"),
        ("stopping.max_failed_share", 2, "above 0 and at most 1, but got 2"),
        ("execution.num_workers", 0, "execution.num_workers must be a whole number of at least 1"),
        ("execution.cpus_per_trial", float("inf"), "execution.cpus_per_trial must be a number above 0"),
        ("execution.gpus_per_trial", -1, "execution.gpus_per_trial must be a number of at least 0"),
        ("execution.resources.jetson", 'x', "execution.resources.jetson must be a number, but got 'x'"),
        ("training.epochs", 0, "training.epochs must be a whole number of at least 1, but got 0"),
        ("training.epochs", 'many', "training.epochs must be a whole number, but got 'many'"),
        ("training.trial_time_limit_s", -1, "training.trial_time_limit_s must be a number (seconds, or as 90s, 30min, 1h) above 0"),
        ("budget", 0.001, "of at least 10 and at most 100,000,000, or null, but got 0.001; null sets no limit"),
        ("budget", 3.6e11, "of at least 10 and at most 100,000,000, or null, but got 360000000000.0"),
        ("constraints.accuracy.min", 60, "constraints.accuracy.min must be a share from 0 to 1, or as 60%, but got 60"),
        ("constraints.size_bytes", 5, "size_bytes must be a mapping, but got 5; give constraints.size_bytes.min=... or constraints.size_bytes.max=..."),
        ("references.mobilenetv3_small", [0.5, -1], "a list, each a number above 0 and at most 10, or null, but got [0.5, -1]"),
        ("search_space.channels", 0, "search_space.channels must be a list, each a whole number, but got 0"),
        ("search_space.channels", [], "search_space: mobilenet: channels is empty"),
        ("name", "a/b", "name must be letters, digits"),
        ("objectives.metrics", [], "objectives.metrics is empty"),
        ("objectives.metrics", ['acuracy'], "there is no metric 'acuracy'; known, nearest first: accuracy"),
        ("constraints.size_byte.max", 1, "size_byte is no metric; what can be limited, nearest first: size_bytes"),
        ("constraints.energy_j.max", 1, "no trial measures energy_j, unless an evaluator of your own does"),
        ("constraints.latency_ms.max", 1, "latency_ms is measured by training, so the search must also make it better"),
        ("constraints.size_bytes.maximum", 1, "constraints.size_bytes has no option 'maximum'; known, nearest first: max"),
        ("storage.url", "studies.db", "storage.url must be like sqlite:///studies.db"),
        ("objectives.metrics", ["loss", "loss"], "objectives.metrics names a metric twice"),
    ],
)  # fmt: skip
def test_a_value_that_is_not_allowed_is_told_with_what_is(sound_values, name, value, told):
    values = copy.deepcopy(sound_values)
    *parents, last = name.split(".")
    node = values
    for parent in parents:
        node = node.setdefault(parent, {})
    node[last] = value

    with pytest.raises(ConfigError, match=re.escape(told)):
        check_values(Composed(values))


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["sampler=tpa"], "sampler=tpa: there is no such choice of sampler; known, nearest first: tpe"),
        (["stopping.num_trails=3"], "stopping has no option 'num_trails'; known, nearest first: num_trials"),
        (["data=/tmp"], "data=/tmp: that is a folder; write data=image_folder data.path=/tmp"),
        ([f"data={'x' * 300}"], "there is no such choice of data; known, nearest first"),
        (["budget", "=", "9min"], "'budget' has spaces around its =; write budget=9min"),
        (["budget", "=9min"], "'budget' has spaces around its =; write budget=9min"),
        (["data=digits", "=9min"], "'=9min' has no name before its ="),
        (["budget=", "9min"], "'budget' has spaces around its =; write budget=9min"),
        (["num_trials=9"], "there is no option 'num_trials'; write stopping.num_trials=..."),
        (["workers=2"], "there is no option 'workers'; write execution.num_workers=..."),
        (["size=1"], "a limit is written constraints.size_bytes.max"),
        (["samplr=tpe"], "there is no option 'samplr'; known, nearest first: sampler"),
        (["run=runs/a"], "there is no option 'run'; to go on with a search write run_folder=runs/N resume=true"),
        (["mobilenet"], "'mobilenet' is no override; write search_space=mobilenet"),
        (["seed.x=1"], "seed is a single value, so it has no 'x'"),
        (["seed=1,2"], "'seed=1,2' has several values; add --multirun"),
        (["execution=inline", "execution.num_workers=2"], "the chosen execution has no 'num_workers', but execution=ray has: write execution=ray execution.num_workers=2"),
        (["sampler.population_size=20"], "but sampler=nsga2 has: write sampler=nsga2 sampler.population_size=20; nsga3 has it, too"),
        (["data.path=my", "summer", "photos"], "'summer' sets nothing; a value with spaces needs quotes around it: 'data.path=my summer photos'"),
        (["seed=1", "budget", "3min"], "'budget' has no value; write budget=3min"),
        (["execution=simulated", "+table=null"], "execution=simulated runs on the times of a table"),
        (["name=..", "run_folder=x"], "name must be letters, digits"),
        (["constraints.size_bytes={min: 2, max: 1}"], "min 2 is above max 1, so nothing can keep both"),
        (["fidelity=rungs", "fidelity.shares=[0.5]"], "fidelity.shares must ascend from above 0 to 1"),
        (["constraints.size_bytes.max=-1"], "constraints.size_bytes.max is -1, and every network has more than 0; raise it"),
        (["constraints.latency_ms@pi5.max=-1"], "constraints.latency_ms@pi5.max is -1, and every network has more than 0; raise it"),
        (["sampler=nsga2", "sampler.population_size=1"], "optuna.samplers.NSGAIISampler refuses its arguments"),
        (["sampler=nsga2", "sampler.population_size=ten"], "sampler.population_size must be a whole number, but got 'ten'"),
        (["sampler=nsga2", "+sampler.populaton=3"], "sampler has no option 'populaton'; known, nearest first: population_size"),
        (["sampler._target_=optuna.samplers.NSGAISampler"], "'optuna.samplers' has no 'NSGAISampler'; it has, nearest first: NSGAI"),
        (["~sampler._target_"], "sampler._target_ is missing"),
        (["search_space.parameters.width.choice=[]"], "search_space: parameter 'width': choice is empty"),
        (["preset=table"], "table.path must be given: table.path=..."),
        (["preset=table", "finish=true"], "finish=true retrains networks, and a search of a table has none"),
        (["resume=true", "name=gone"], "the run folder .*gone does not exist"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_a_fault_is_told_with_what_is_allowed(overrides, told):
    with pytest.raises(ConfigError, match=told.replace("[", r"\[").replace("(", r"\(")):
        check(*overrides)


def test_all_faults_come_in_one_message():
    told = faults_of(
        "sampler=nsga4", "stopping.num_trials=0", "seed=abc", "foo=1", "objectives=[accuracy,foo]"
    )

    assert told.startswith("the configuration has 5 faults\n  1. ")
    for part in ("nsga4", "stopping.num_trials", "'abc'", "'foo'; known", "no metric 'foo'"):
        assert part in told


def test_a_wrong_key_does_not_make_a_given_one_missing():
    faults = faults_of("data=npz", "data.path=mine.npz", "training.epoch=3")

    assert "training has no option 'epoch'; write training.epochs=..." in faults
    assert "data has no option" not in faults
    assert "must be given" not in faults


def test_each_missing_value_of_a_table_is_named_once():
    told = faults_of("preset=table", "table.path=gone.csv")

    assert told.count("table.quality must be given") == 1
    assert "table.path: there is no" in told
    assert "search_space.table" not in told


def test_a_warm_start_needs_runs_and_a_sampler_that_learns_from_them():
    told = faults_of("warm_start=[runs/gone]", "sampler=tpe")

    assert "warm_start is for a sampler that learns from other searches: frontier" in told
    assert "warm_start: the run folder" in told
    assert "runs/gone does not exist" in told


def test_a_run_folder_with_files_is_not_used_again(launch_folder):
    (launch_folder / "runs/first").mkdir(parents=True)
    (launch_folder / "runs/first/trials.csv").touch()

    assert "exists already; add resume=true" in faults_of("name=first")


def test_a_space_of_the_user_is_found_in_the_launch_folder(launch_folder, write_conf):
    (launch_folder / "my_spaces.py").write_text(
        "from nas.space.space import SearchSpace\nclass Mine(SearchSpace): pass\n"
    )
    from nas.config.launch import open_launch_folder

    open_launch_folder()
    folder = write_conf(
        "search_space/mine.yaml",
        "_target_: my_spaces.Mine\nparameters:\n  width: {choice: [1, 2]}\n",
    )

    config = check("search_space=mine", config_dir=folder)

    assert config.search_space["_target_"] == "my_spaces.Mine"


def test_a_function_that_builds_may_stand_where_a_space_does(launch_folder, write_conf):
    (launch_folder / "my_function.py").write_text(
        "from torch import nn\n\n\ndef build(architecture, data):\n    return nn.Identity()\n"
    )
    from nas.config.launch import open_launch_folder

    open_launch_folder()
    text = "_target_: my_function.build\nparameters:\n  width: {choice: [4, 8]}\n"
    folder = write_conf("search_space/mine.yaml", text)

    config = check("search_space=mine", "sampler=random", config_dir=folder)

    assert make_space(config.search_space).num_architectures() == 2
    assert "search_space has no option 'widths'" in faults_of(
        "search_space=mine", "+search_space.widths=3", config_dir=folder
    )


def test_a_space_that_cannot_be_imported_is_told_with_its_line(launch_folder, write_conf):
    (launch_folder / "broken_space.py").write_text("import math\nmath.nothing\n")
    from nas.config.launch import open_launch_folder

    open_launch_folder()
    folder = write_conf("search_space/mine.yaml", "_target_: broken_space.Mine\n")

    told = faults_of("search_space=mine", config_dir=folder)

    assert "importing 'broken_space' failed: AttributeError" in told
    assert "broken_space.py, line 2" in told


def test_a_space_whose_module_is_nowhere_is_told_where_to_put_it(write_conf):
    folder = write_conf("search_space/mine.yaml", "_target_: absent_module.Mine\n")

    told = faults_of("search_space=mine", config_dir=folder)

    assert "put absent_module.py into the folder that you start from" in told
