import pytest

from nas.errors import ConfigError, RunFolderError
from nas.record.claim import claimed_finish, claimed_run
from nas.record.run_folder import RunFolder


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def begin(place, error, *, resume=False):
    """Write what a command writes before its first trial, and end with an error."""
    with claimed_run(place, resume=resume) as claim:
        settings = ("config.yaml", "overrides.yaml", "environment.json", "log.txt")
        for name in (*settings, "references.csv", "believed.csv"):
            (claim.folder.path / name).write_text(f"new {name}")
        with claim.folder.study_journal.open("a") as journal:
            journal.write('{"op_code": 0, "study_name": "x"}\n')
        raise error


@pytest.mark.parametrize("error", [ConfigError("no"), KeyboardInterrupt()], ids=["refused", "^C"])
def test_a_refused_command_leaves_no_folder_and_none_of_its_parents(tmp_path, error):
    with pytest.raises(type(error)):
        begin(tmp_path / "runs" / "deep" / "x", error)

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_a_signal_left_half_written_does_not_stay(tmp_path):
    def search():
        with claimed_run(tmp_path / "x", resume=False) as claim:
            (claim.folder.path / ".overrides.yaml.fwarjg6k").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search()

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_there_and_empty_stays(tmp_path):
    (tmp_path / "x").mkdir()

    with pytest.raises(ConfigError):
        begin(tmp_path / "x", ConfigError("no"))

    assert list((tmp_path / "x").iterdir()) == []


def test_a_refused_command_keeps_the_users_files_and_earlier_runs(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.yaml").write_text("mine")

    with pytest.raises(RunFolderError, match="exists already"):
        begin(tmp_path / "mine", ConfigError("no"))

    assert contents(tmp_path) == {"mine/config.yaml": b"mine"}


def test_a_refused_resume_leaves_the_settings_as_they_were(tmp_path):
    (tmp_path / "config.yaml").write_text("old")
    (tmp_path / "study.journal").write_text('{"datetime_start": 1}\n')

    with pytest.raises(ConfigError):
        begin(tmp_path, ConfigError("no"), resume=True)

    assert (tmp_path / "config.yaml").read_text() == "old"
    assert not (tmp_path / "overrides.yaml").exists()
    assert '"datetime_start"' in (tmp_path / "study.journal").read_text()


def test_a_command_that_fails_after_its_first_trial_keeps_everything(tmp_path):
    def search():
        with claimed_run(tmp_path / "x", resume=False) as claim:
            claim.folder.config_yaml.write_text("new")
            claim.folder.study_journal.write_text('{"datetime_start": 1}\n')
            raise ConfigError("too many trials failed")

    with pytest.raises(ConfigError):
        search()

    assert {"config.yaml", "study.journal"} <= contents(tmp_path / "x").keys()


def test_an_unexpected_error_keeps_its_log_and_blocks_no_repetition(tmp_path):
    with pytest.raises(ZeroDivisionError):
        begin(tmp_path / "x", ZeroDivisionError())
    assert contents(tmp_path / "x").keys() == {".lease", "log.txt"}

    with claimed_run(tmp_path / "x", resume=False) as claim:
        assert claim.folder.name == "x"


def test_a_command_that_is_refused_by_a_living_one_changes_nothing(tmp_path):
    with claimed_run(tmp_path / "x", resume=False) as claim:
        claim.folder.config_yaml.write_text("first")
        before = contents(tmp_path)
        for resume in (True, False):
            with pytest.raises(RunFolderError):
                begin(tmp_path / "x", ConfigError("no"), resume=resume)

        assert contents(tmp_path) == before


@pytest.mark.parametrize("left", [[], ["overrides.yaml"], ["overrides.yaml", ".config.yaml.ab"]])
def test_a_beginning_that_was_killed_can_be_repeated(tmp_path, left):
    for name in (".lease", *left):
        (tmp_path / name).write_text("")

    assert RunFolder.create(tmp_path).path == tmp_path


def test_a_refused_finish_leaves_nothing_and_a_living_one_is_not_disturbed(tmp_path):
    finish = tmp_path / "finish"

    def refused():
        with claimed_finish(finish):
            (finish / "log.txt").write_text("")
            raise ConfigError("no")

    with pytest.raises(ConfigError):
        refused()
    assert not finish.exists()

    with claimed_finish(finish), pytest.raises(RunFolderError), claimed_finish(finish):
        pass
    assert finish.is_dir()
