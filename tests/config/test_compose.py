from pathlib import Path

import pytest

from nas.config.compose import compose_values
from nas.config.show import show_config, show_info
from nas.config.source import ConfigSource
from nas.errors import ConfigError
from nas.paths import conf_dir


def test_a_conf_folder_where_the_user_starts_is_not_read(launch_folder):
    (launch_folder / "conf").mkdir()
    (launch_folder / "conf/search.yaml").write_text("seed: 99\n")

    assert compose_values(ConfigSource()).values["seed"] == 0


def test_a_folder_of_the_user_adds_choices(write_conf):
    folder = write_conf("sampler/mine.yaml", "_target_: optuna.samplers.RandomSampler\nseed: 5\n")

    composed = compose_values(ConfigSource(config_dir=folder, overrides=("sampler=mine",)))

    assert composed.faults == ()
    assert composed.values["sampler"]["seed"] == 5


def test_a_folder_with_blanks_and_quotes_in_its_name_is_read(tmp_path):
    folder = tmp_path / "my conf's, all"
    (folder / "sampler").mkdir(parents=True)
    (folder / "sampler/mine.yaml").write_text("_target_: optuna.samplers.RandomSampler\n")

    composed = compose_values(ConfigSource(config_dir=folder, overrides=("sampler=mine",)))

    assert composed.values["sampler"]["_target_"] == "optuna.samplers.RandomSampler"


def test_a_file_to_begin_with_builds_on_the_shipped_one(write_conf):
    folder = write_conf(
        "experiment.yaml",
        "defaults:\n  - search\n  - override sampler: tpe\n  - _self_\nseed: 3\n",
    )

    values = compose_values(ConfigSource(config_dir=folder, config_name="experiment")).values

    assert values["seed"] == 3
    assert values["sampler"]["_target_"] == "optuna.samplers.TPESampler"


def test_a_preset_yields_to_the_command_line():
    values = compose_values(
        ConfigSource(overrides=("preset=smoke", "stopping.num_trials=9"))
    ).values

    assert values["stopping"]["num_trials"] == 9
    assert values["execution"]["kind"] == "inline"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (ConfigSource(config_dir=Path("/nowhere")), "--config-dir /nowhere is no folder"),
        (ConfigSource(config_name="serach"), "--config-name serach: .* nearest first: search"),
    ],
    ids=["folder", "file"],
)
def test_a_source_that_is_not_there_is_refused(source, told):
    with pytest.raises(ConfigError, match=told):
        compose_values(source)


@pytest.mark.parametrize(
    "override", ["hydra.run.dir=out", "+hydra/launcher=basic", "++hydra.sweep.dir=out"]
)
def test_a_setting_of_hydra_that_would_change_nothing_is_refused(override):
    faults = compose_values(ConfigSource(overrides=(override, "seed=3"))).faults

    assert len(faults) == 1
    assert f"'{override}' would change nothing" in faults[0]
    assert "run_folder=" in faults[0]


def test_a_search_path_of_hydra_adds_choices(write_conf):
    folder = write_conf("sampler/mine.yaml", "_target_: optuna.samplers.RandomSampler\n")
    overrides = (f"hydra.searchpath=[file://{folder}]", "sampler=mine")

    composed = compose_values(ConfigSource(overrides=overrides))

    assert composed.faults == ()
    assert composed.values["sampler"]["_target_"] == "optuna.samplers.RandomSampler"


def test_a_broken_file_of_the_user_is_told(write_conf):
    folder = write_conf("sampler/mine.yaml", "_target_: [unclosed\n")

    faults = compose_values(ConfigSource(config_dir=folder, overrides=("sampler=mine",))).faults

    assert len(faults) == 1
    assert "sampler=mine" in faults[0]


def test_a_name_that_nothing_resolves_is_told():
    faults = compose_values(ConfigSource(overrides=("name=${nowhere}",))).faults

    assert any("name cannot be resolved" in fault and "nowhere" in fault for fault in faults)


def test_a_plain_value_in_place_of_a_group_is_told_once():
    faults = compose_values(ConfigSource(overrides=("preset=table", "table=results.csv"))).faults

    (told,) = [fault for fault in faults if "table.path" in fault]
    assert "table='results.csv' is a plain value" in told
    assert not any("cannot be resolved" in fault for fault in faults)


@pytest.mark.parametrize(
    ("what", "told"), [("job", "population_size: 20"), ("all", "hydra:")], ids=["job", "all"]
)
def test_hydra_still_shows_the_configuration(what, told, capsys):
    show_config(ConfigSource(overrides=("sampler=nsga2",)), what=what)

    assert told in capsys.readouterr().out


def test_hydra_still_shows_a_package_resolved(capsys):
    show_config(
        ConfigSource(overrides=("seed=5",)), what="job", package="sampler", is_resolved=True
    )

    assert "seed: 5" in capsys.readouterr().out


def test_hydra_still_shows_its_search_path(capsys, tmp_path):
    show_info(ConfigSource(config_dir=tmp_path), what="searchpath")

    shown = capsys.readouterr().out
    assert str(conf_dir()) in shown
    assert str(tmp_path)[:20] in shown


def test_showing_a_faulty_configuration_is_refused():
    with pytest.raises(ConfigError, match="no such choice of sampler"):
        show_config(ConfigSource(overrides=("sampler=nothing",)), what="job")
