from pathlib import Path

import pytest

from nas.errors import RunFolderError
from nas.record.run_folder import RunFolder


def test_create_makes_the_folder_and_its_parents(tmp_path):
    folder = RunFolder.create(tmp_path / "runs" / "first")

    assert folder.path.is_dir()
    assert folder.name == "first"


def test_create_accepts_a_folder_that_is_empty(tmp_path):
    assert RunFolder.create(tmp_path).path == tmp_path


def test_create_refuses_a_taken_folder_and_names_the_way_on(tmp_path):
    (tmp_path / "config.yaml").write_text("seed: 0\n")

    with pytest.raises(RunFolderError, match="resume=true"):
        RunFolder.create(tmp_path)


@pytest.mark.parametrize("below", [".", "deeper"])
def test_create_refuses_a_path_that_is_a_file(tmp_path, below):
    file = tmp_path / "file"
    file.write_text("")

    with pytest.raises(RunFolderError, match="is a file"):
        RunFolder.create(file / below)


@pytest.mark.parametrize("file", ["config.yaml", "study.journal"])
def test_open_finds_a_run_by_its_settings_or_its_record(tmp_path, file):
    (tmp_path / file).write_text("")

    assert RunFolder.open(tmp_path).path == tmp_path


def test_open_names_a_run_that_lies_in_runs(tmp_path):
    RunFolder.create(tmp_path / "runs" / "a").config_yaml.write_text("")

    with pytest.raises(RunFolderError, match="write runs/a"):
        RunFolder.open(tmp_path / "a")


def test_open_lists_the_runs_beside_a_missing_one_nearest_first(tmp_path):
    for name in ("resnet", "mobile1"):
        (RunFolder.create(tmp_path / name).config_yaml).write_text("")

    with pytest.raises(RunFolderError, match=r"does not exist; .*nearest first: mobile1, resnet"):
        RunFolder.open(tmp_path / "mobile2")


def test_open_refuses_a_folder_without_a_run(tmp_path):
    (tmp_path / "empty").mkdir()

    with pytest.raises(RunFolderError, match=r"neither config\.yaml nor study\.journal"):
        RunFolder.open(tmp_path / "empty")


def test_a_relative_path_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert RunFolder.create("runs/a").path == tmp_path / "runs" / "a"


def test_files_stand_where_the_contract_says():
    folder = RunFolder(Path("runs/n"))

    names = {
        folder.config_yaml: "config.yaml",
        folder.overrides_yaml: "overrides.yaml",
        folder.environment_json: "environment.json",
        folder.log_txt: "log.txt",
        folder.study_journal: "study.journal",
        folder.trials_csv: "trials.csv",
        folder.front_csv: "front.csv",
        folder.front_png: "front.png",
        folder.report_html: "report.html",
        folder.models_dir: "models",
        folder.model_dir(7): "models/7",
        folder.finish_dir: "finish",
    }

    assert {str(path.relative_to(folder.path)) for path in names} == set(names.values())
    assert all(path == folder.path / name for path, name in names.items())
