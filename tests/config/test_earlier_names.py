"""Runs and YAML files of earlier versions."""

import pytest

from nas.assemble.jobs import plan_jobs
from nas.config.compose import compose_values
from nas.config.earlier_names import ARGUMENTS, SETTINGS, TARGETS, with_new_names
from nas.config.recorded import read_mapping, read_source, write_config
from nas.config.source import ConfigSource
from nas.config.targets import arguments_of, locate
from nas.errors import ConfigError
from nas.record.run_folder import RunFolder

_OLD_SAMPLER = "_target_: nas.sampling.frontier.FrontierSampler\nnum_looks: 600\nseed: ${seed}\n"


def begin_long_ago(*overrides, config_dir=None) -> RunFolder:
    """Begin a run and rewrite its record as version 0.1.0 wrote it."""
    (job,) = plan_jobs(ConfigSource(config_dir=config_dir, overrides=overrides))
    folder = RunFolder.create(job.config.run_folder)
    write_config(folder, values=job.values, source=job.source)
    for path in (folder.config_yaml, folder.overrides_yaml):
        text = path.read_text().replace("num_candidates", "num_looks")
        path.write_text(text.replace("nas.FrontierSampler", *TARGETS))
    return folder


def resumed(*overrides, config_dir=None):
    words = ("name=old", "resume=true", *overrides)
    return plan_jobs(ConfigSource(config_dir=config_dir, overrides=words))[0]


def test_a_run_with_an_old_target_in_its_record_goes_on():
    begin_long_ago("name=old")

    assert resumed("stopping.num_trials=9").config.sampler["_target_"] == "nas.FrontierSampler"


@pytest.mark.parametrize("prefix", ["", "++"])
def test_a_recorded_setting_that_was_renamed_keeps_its_value(prefix):
    begin_long_ago("name=old", f"{prefix}sampler.num_candidates=200")

    job = resumed()

    assert job.config.sampler["num_candidates"] == 200
    assert "num_looks" not in job.config.sampler


def test_another_sampler_may_take_over_from_one_with_a_renamed_setting():
    begin_long_ago("name=old", "sampler.num_candidates=200")

    assert "num_candidates" not in resumed("sampler=tpe").config.sampler


def test_the_record_is_written_anew_under_the_new_name():
    begin_long_ago("name=old", "sampler.num_candidates=200")

    assert "sampler.num_candidates=200" in resumed().source.overrides


def test_a_recorded_setting_of_a_users_own_old_file_stays_as_the_file_has_it(write_conf):
    conf = write_conf("sampler/mine.yaml", _OLD_SAMPLER)
    begin_long_ago("name=old", "sampler=mine", "sampler.num_looks=300", config_dir=conf)

    job = resumed(config_dir=conf)

    assert job.config.sampler["num_candidates"] == 300


def test_settings_are_read_in_the_names_of_this_version():
    folder = begin_long_ago("name=old")

    sampler = read_mapping(folder.config_yaml)["sampler"]

    assert sampler["_target_"] == "nas.FrontierSampler"
    assert "num_candidates" in sampler
    assert read_source(folder).overrides == ("name='old'",)


def test_a_users_file_with_an_old_name_works_and_is_told_what_to_write(write_conf):
    conf = write_conf("sampler/mine.yaml", _OLD_SAMPLER)

    (job,) = plan_jobs(ConfigSource(config_dir=conf, overrides=("sampler=mine",)))

    assert job.config.sampler["num_candidates"] == 600
    assert "write nas.FrontierSampler now" in job.notes[0]
    assert "num_looks of nas.FrontierSampler is called num_candidates now" in job.notes[1]


def test_files_of_this_version_bring_no_note():
    assert plan_jobs(ConfigSource())[0].notes == ()


def test_an_old_setting_on_the_command_line_is_told_its_new_name():
    faults = compose_values(ConfigSource(overrides=("sampler.num_looks=200",))).faults

    told = "it is called num_candidates now: write sampler.num_candidates"
    assert faults == (f"sampler has no option 'num_looks'; {told}",)


def test_an_argument_under_both_names_is_refused():
    with pytest.raises(ConfigError, match="it is called num_candidates now"):
        plan_jobs(ConfigSource(overrides=("++sampler.num_looks=200",)))


@pytest.mark.parametrize("target", TARGETS.values())
def test_every_new_target_is_there(target):
    assert callable(locate(target))


@pytest.mark.parametrize("target", ARGUMENTS)
def test_every_new_argument_is_there(target):
    assert set(ARGUMENTS[target].values()) <= arguments_of(locate(target)).keys()


def test_every_setting_that_was_renamed_is_there_under_its_new_name():
    values = compose_values(ConfigSource()).values

    for name in SETTINGS.values():
        group, _, key = name.partition(".")
        assert key in values[group]


def test_new_names_are_left_alone():
    values = {"a": [{"_target_": "nas.FrontierSampler", "num_candidates": 1}], "b": None}

    assert with_new_names(values) == values
