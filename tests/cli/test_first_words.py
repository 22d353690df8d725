import pytest

from nas.cli.commands import COMMANDS
from nas.cli.first_words import refuse_unknown_flags, with_keys
from nas.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "words", "full"),
    [
        ("finish", ["runs/a", "seeds=5"], ["run=runs/a", "seeds=5"]),
        ("finish", ["run=runs/a"], ["run=runs/a"]),
        ("report", ["runs/a"], ["run=runs/a"]),
        ("compare", ["runs/a", "runs/b", "out=c"], ["runs=[runs/a,runs/b]", "out=c"]),
        ("compare", ["runs/a"], ["runs=[runs/a]"]),
        ("report", ["trust=true", "runs/a"], ["trust=true", "runs/a"]),
        ("search", ["runs/a"], ["runs/a"]),
        ("show", [], []),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_a_run_may_stand_first_without_its_key(name, words, full):
    assert with_keys(words, COMMANDS[name]) == full


def test_a_folder_with_an_equals_sign_in_its_name_may_stand_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lr=0.1").mkdir()

    assert with_keys(["lr=0.1", "seeds=5"], COMMANDS["finish"]) == ["run=lr=0.1", "seeds=5"]
    assert with_keys(["lr=0.2", "seeds=5"], COMMANDS["finish"]) == ["lr=0.2", "seeds=5"]


def test_a_run_that_is_given_twice_is_refused():
    with pytest.raises(ConfigError, match="run is given twice: as runs/a and by run="):
        with_keys(["runs/a", "run=runs/b"], COMMANDS["report"])


@pytest.mark.parametrize("name", ["show", "pick", "finish", "reproduce", "report", "repair"])
def test_each_command_of_a_run_takes_its_folder_as_the_first_word(nas, table_run, name):
    status, _, error = nas(name, "runs/gone")

    assert status == 2
    assert "runs/gone does not exist; runs beside it, nearest first: t" in error


def test_a_run_in_a_folder_with_an_odd_name_is_found(nas, table_run):
    odd = table_run.rename(table_run.parent / "t (2), it's odd")

    assert nas("show", f"runs/{odd.name}")[0] == 0
    assert "trust" not in nas("finish", f"runs/{odd.name}")[2]
    assert "does not exist" not in nas("finish", f"runs/{odd.name}")[2]


@pytest.mark.parametrize(
    ("name", "words", "meant"),
    [
        ("search", ["--budget", "3min", "--finish"], "budget=3min, finish=true"),
        ("search", ["--data.path=my photos"], "'data.path=my photos'"),
        ("show", ["runs/a", "--trial", "1"], "trial=1"),
        ("search", ["--num-workers", "2", "seed=1"], "num_workers=2"),
    ],
)
def test_a_setting_that_is_written_as_a_flag_is_refused_with_the_word_that_sets_it(
    name, words, meant
):
    with pytest.raises(ConfigError, match=f"as key=value: {meant}$"):
        refuse_unknown_flags(words, COMMANDS[name])


@pytest.mark.parametrize("words", [["-m", "seed=1,2"], ["--cfg", "job"], ["seed=-1", "~name"]])
def test_what_is_a_flag_or_only_has_a_dash_is_left_alone(words):
    refuse_unknown_flags(words, COMMANDS["search"])
