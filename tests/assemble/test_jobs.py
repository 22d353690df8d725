import pytest

from nas.assemble.changed_settings import changed_settings
from nas.assemble.jobs import expand, plan_jobs
from nas.config.compose import compose_values, on_top
from nas.config.open_settings import with_settled
from nas.config.recorded import objectives_of, read_source, recorded_objectives, write_config
from nas.config.source import ConfigSource
from nas.errors import ConfigError, RunFolderError
from nas.metric import Direction
from nas.objective import Objective
from nas.record.run_folder import RunFolder


def plan(*overrides, **more):
    return plan_jobs(ConfigSource(overrides=overrides), **more)


def begin(*overrides) -> RunFolder:
    (job,) = plan(*overrides)
    folder = RunFolder.create(job.config.run_folder)
    write_config(folder, values=with_settled(job.values), source=job.source)
    return folder


def test_swept_values_multiply():
    combined = [overrides for overrides, _ in expand(["seed=0,1", "ui=none", "name=choice(a,b)"])]

    assert combined == [
        ("seed=0", "ui=none", "name=a"),
        ("seed=0", "ui=none", "name=b"),
        ("seed=1", "ui=none", "name=a"),
        ("seed=1", "ui=none", "name=b"),
    ]


def test_a_range_is_swept():
    assert [label for _, label in expand(["seed=range(3)"])] == ["seed-0", "seed-1", "seed-2"]


def test_a_sweep_without_end_is_refused():
    with pytest.raises(ConfigError, match="has no end; list the values"):
        list(expand(["training.learning_rate=interval(0,1)"]))


def test_a_sweep_over_names_that_are_not_listed_is_refused():
    with pytest.raises(ConfigError, match="not looked up here; list them"):
        list(expand(["sampler=glob(*)"]))


def test_each_run_of_a_sweep_has_a_name_of_its_own():
    jobs = plan("seed=0,1", "name=demo", is_multirun=True)

    assert [job.config.name for job in jobs] == ["demo-seed-0", "demo-seed-1"]
    assert [job.config.run_folder for job in jobs] == ["runs/demo-seed-0", "runs/demo-seed-1"]
    assert [job.config.seed for job in jobs] == [0, 1]


def test_a_run_folder_without_the_name_in_it_is_told_apart_too():
    jobs = plan("seed=0,1", "run_folder=out/x", "name=demo", is_multirun=True)

    assert [job.config.run_folder for job in jobs] == ["out/x-seed-0", "out/x-seed-1"]


def test_the_faults_of_all_runs_of_a_sweep_are_told():
    with pytest.raises(ConfigError, match=r"(?s)seed--1: .*sampler-nothing|nothing"):
        plan("seed=0,-1", "sampler=nothing", is_multirun=True)


def test_a_run_is_taken_up_with_what_its_folder_remembers():
    begin("name=first", "sampler=tpe", "stopping.num_trials=5")

    (job,) = plan("name=first", "resume=true", "stopping.num_trials=9")

    assert job.config.resume
    assert job.config.sampler["_target_"] == "optuna.samplers.TPESampler"
    assert job.config.stopping.num_trials == 9


def test_what_was_said_of_an_old_choice_ends_with_it():
    begin("name=first", "execution.num_workers=8", "execution.cpus_per_trial=2", "sampler=tpe")

    (job,) = plan("name=first", "resume=true", "execution=inline")

    assert job.config.execution.kind == "inline"
    assert job.config.execution.cpus_per_trial == 2  # which an inline execution has, too
    assert "execution.num_workers=8" not in job.source.overrides


def test_a_choice_that_is_not_there_is_told_on_top_of_what_a_run_was_told():
    before = ConfigSource(overrides=("execution.num_workers=8",))

    faults = compose_values(on_top(before, ["execution=nonsense"])).faults

    assert any("there is no such choice of execution" in fault for fault in faults)


def test_a_run_without_a_name_is_taken_up_by_its_date():
    folder = begin("seed=4")

    (job,) = plan(f"name={folder.name}", "resume=true")

    assert job.config.seed == 4


def test_the_folder_of_yaml_files_is_remembered(write_conf):
    place = write_conf("sampler/mine.yaml", "_target_: optuna.samplers.RandomSampler\n")
    (job,) = plan_jobs(ConfigSource(config_dir=place, overrides=("sampler=mine", "name=first")))
    folder = RunFolder.create(job.config.run_folder)
    write_config(folder, values=job.values, source=job.source)

    (again,) = plan("name=first", "resume=true")

    assert read_source(folder).config_dir == place
    assert again.config.sampler["_target_"] == "optuna.samplers.RandomSampler"


@pytest.mark.parametrize(
    ("override", "name"),
    [
        ("training.epochs=9", "training.epochs was 4 and is now 9"),
        ("seed=1", "seed was 0 and is now 1"),
        ("objectives=accuracy_macs", "objectives.metrics"),
        ("constraints.num_macs.max=9", "constraints.num_macs.max was None and is now 9"),
        ("search_space.parameters.width.choice=[1.0]", "search_space.parameters.width.choice"),
    ],
)
def test_a_change_that_makes_trials_incomparable_is_refused_by_name(override, name):
    begin("name=first")

    with pytest.raises(RunFolderError, match=name):
        plan("name=first", "resume=true", override)


@pytest.mark.parametrize(
    "override",
    ["sampler=random", "execution=inline", "ui=none", "training.trial_time_limit_s=5"],
)
def test_a_change_that_leaves_trials_comparable_is_allowed(override):
    begin("name=first")

    assert plan("name=first", "resume=true", override)


def test_a_folder_without_its_configuration_cannot_be_taken_up():
    folder = begin("name=first")
    folder.overrides_yaml.unlink()

    with pytest.raises(RunFolderError, match=r"lacks config.yaml or overrides.yaml"):
        plan("name=first", "resume=true")


def test_a_run_that_is_not_there_is_told_with_its_neighbours():
    begin("name=first")

    with pytest.raises(RunFolderError, match="nearest first: first"):
        plan("name=frist", "resume=true")


def test_settings_that_only_one_side_has_are_changes():
    assert changed_settings({"seed": 1}, {"seed": 1, "table": {"path": "x"}}) == [
        "table.path was absent and is now x"
    ]


def test_the_columns_of_a_table_are_static_and_minimised():
    values = {
        "objectives": {"metrics": ["quality", "bytes"]},
        "table": {"size": "bytes", "facts": []},
    }

    quality, size = objectives_of(values)

    assert quality.direction is Direction.MAXIMIZE
    assert size == Objective("bytes", Direction.MINIMIZE, is_static=True)


def test_the_objectives_of_a_run_are_read_from_its_folder():
    folder = begin("name=first", "objectives=[accuracy,num_macs]")

    assert [o.metric for o in recorded_objectives(folder)] == ["accuracy", "num_macs"]


def test_objectives_need_a_configuration(tmp_path):
    with pytest.raises(RunFolderError, match=r"has no config.yaml"):
        recorded_objectives(RunFolder(tmp_path))
