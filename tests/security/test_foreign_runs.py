"""A run folder of someone else runs nothing, writes nowhere else, and connects to nobody."""

import os
import pickle
import warnings
from pathlib import Path

import pytest
import timm
import torch
import yaml
from security.conftest import record

COMMANDS = [
    ("finish", "run=runs/evil", "execution=inline", "seeds=1"),
    ("reproduce", "run=runs/evil"),
    ("search", "name=evil", "resume=true", "stopping.num_trials=3"),
    ("search", "--config-path", "runs/evil", "name=again"),
    ("search", "--config-path", "runs/evil", "name=again", "--cfg", "job", "--resolve"),
    ("profile", "run=runs/evil", "samples=3", "train=false"),
]
TITLE = " ".join
REPRODUCE = COMMANDS[1]
BUILDERS = [words for words in COMMANDS if "--cfg" not in words]  # they make a space
# One that makes networks and one that goes on; the others in the slow set.
USUAL = (COMMANDS[0], COMMANDS[2])
READERS = [
    ("report", "run=runs/evil"),
    ("compare", "runs=[runs/evil,runs/evil]"),
]
TOUCH = "touch canary"
SCRIPT = "open('canary', 'w').close()\n"
ELASTIC = {"_target_": "search_spaces.elastic.ElasticSpace", "parameters": {"width": 0.5}}
FUNCTION = {
    "_target_": "search_spaces.function.FunctionSpace",
    "parameters": {"width": {"choice": [1, 2]}},
}
TARGETS = {
    "os.system": {"_target_": "os.system", "command": TOUCH},
    "posix.system": {"_target_": "posix.system", "command": TOUCH},
    "eval": {"_target_": "builtins.eval", "_args_": [SCRIPT.strip()]},
    "subprocess": {"_target_": "subprocess.run", "args": TOUCH, "shell": True},
    "another module's os": {"_target_": "nas.record.environment.os.system", "command": TOUCH},
    "a writer of ours": {
        "_target_": "nas.cli.data_notes.write_text",
        "path": "canary",
        "content": "x",
    },
    "optuna's os": {"_target_": "optuna.storages.journal._file.os.system", "command": TOUCH},
    "an instantiator": {
        "_target_": "hydra.utils.instantiate",
        "config": {"_target_": "os.system", "command": TOUCH},
    },
    "code in the run folder": {"_target_": "runs.evil.payload.Mine"},
    "a package in the run folder": {"_target_": "runs.evil.package.space.Mine"},
    "a script of the user": {"_target_": "script.work"},
    "a class of the user that is none": {"_target_": "script.Plain"},
    "a module that is run": {"_target_": "script.__main__.work"},
}


def some(commands):
    """Return commands as parameters; in the default suite the usual ones alone."""
    return [w if w in USUAL else pytest.param(w, marks=pytest.mark.slow) for w in commands]


class Touches:
    """Its pickle makes the canary."""

    def __reduce__(self):
        return os.system, (TOUCH,)


@pytest.fixture
def canary(launch_folder) -> Path:
    """A file that only code of the hostile folder, or a script of the user, would make."""
    (launch_folder / "script.py").write_text(
        f"{SCRIPT}class Plain:\n    pass\ndef work(*_, **__):\n    open('canary', 'w').close()\n"
    )
    return launch_folder / "canary"


@pytest.fixture
def payload(evil) -> None:
    text = f"from nas.space.space import SearchSpace\n{SCRIPT}class Mine(SearchSpace):\n    pass\n"
    (evil / "payload.py").write_text(text)
    (evil / "package").mkdir()
    (evil / "package/__init__.py").write_text(SCRIPT)
    (evil / "package/space.py").write_text(text)


def only_refused(nas, canary, words, *, told: str = "") -> None:
    status, shown = nas(*words)
    assert not canary.exists()
    assert status == 2
    assert shown.count("nas: ") == 1
    assert "Traceback" not in shown
    assert told in shown


def does_nothing(nas, canary, words) -> None:
    status, shown = nas(*words)
    assert not canary.exists()
    assert status in (0, 2)
    assert "Traceback" not in shown


@pytest.mark.parametrize("node", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize(
    "place",
    [
        "data",
        *(
            pytest.param(place, marks=pytest.mark.slow)
            for place in ("search_space", "sampler", "training", "evaluation")
        ),
    ],
)
def test_no_target_of_a_record_is_called_that_is_none_of_its_kind(
    nas, evil, canary, payload, place, node
):
    record(evil, place, node)

    only_refused(nas, canary, REPRODUCE)


@pytest.mark.slow
@pytest.mark.parametrize("node", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("words", [REPRODUCE, COMMANDS[2]], ids=TITLE)
def test_no_stop_rule_of_a_record_is_called_that_is_none(nas, evil, canary, payload, words, node):
    record(evil, "stopping.rules.mine", node)

    only_refused(nas, canary, words)


@pytest.mark.parametrize("words", some(COMMANDS), ids=TITLE)
@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        pytest.param("code in the run folder", marks=pytest.mark.slow),
        pytest.param("a script of the user", marks=pytest.mark.slow),
    ],
)
def test_no_command_calls_the_target_of_a_record(nas, evil, canary, payload, name, words):
    record(evil, "search_space", TARGETS[name])

    only_refused(nas, canary, words)


@pytest.mark.parametrize("words", some(COMMANDS), ids=TITLE)
def test_the_message_says_what_trust_means(nas, evil, canary, words):
    record(evil, "search_space", TARGETS["os.system"])

    only_refused(nas, canary, words, told="trust=true runs it with all your rights")


@pytest.mark.parametrize(
    "words", [COMMANDS[0], pytest.param(REPRODUCE, marks=pytest.mark.slow)], ids=TITLE
)
@pytest.mark.parametrize(
    ("key", "node"),
    [
        ("evaluation", TARGETS["os.system"]),
        ("training", TARGETS["subprocess"]),
        ("search_space.parameters.width", TARGETS["os.system"]),
        ("search_space.compression", TARGETS["os.system"]),
        ("search_space", {**FUNCTION, "build": "script.work"}),
        ("search_space", {**FUNCTION, "build": "os.system"}),
        ("search_space", {**FUNCTION, "build": "runs.evil.payload.Mine"}),
        ("search_space", {**ELASTIC, "model": "script.work"}),
        ("search_space", {**ELASTIC, "model": "os.abort"}),
        ("search_space", {**ELASTIC, "model": "runs.evil.payload.Mine"}),
        ("search_space", "${oc.create:{_target_: os.system, command: touch canary}}"),
        ("search_space.parameters", "${oc.decode:'{_target_: os.system, command: touch canary}'}"),
    ],
)
def test_no_code_hides_elsewhere_in_a_record(nas, evil, canary, payload, key, node, words):
    record(evil, key, node)

    does_nothing(nas, canary, [*words, *["export.files=false"] * (words[0] == "finish")])


@pytest.mark.parametrize("words", some(BUILDERS), ids=TITLE)
@pytest.mark.parametrize("argument", ["model", pytest.param("weights", marks=pytest.mark.slow)])
def test_a_pickle_that_a_record_names_is_not_read(nas, evil, canary, argument, words):
    pickled = evil / "evil.pt"
    torch.save({"a": Touches()}, pickled)
    node = {**ELASTIC, "model": "test_resnet", argument: str(pickled)}
    record(evil, "search_space", node)

    only_refused(nas, canary, words, told="run whatever code its author put into it")


@pytest.mark.parametrize("words", some(BUILDERS), ids=TITLE)
def test_a_script_of_torch_that_a_record_names_is_not_read(nas, evil, canary, words):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of newer torch: it is to go
        torch.jit.script(torch.nn.Linear(1, 1)).save(evil / "script.pt")
    record(evil, "search_space", {**ELASTIC, "model": str(evil / "script.pt")})

    only_refused(nas, canary, words, told="trust=true")


def test_a_whole_model_takes_trust_on_the_command_line_too(nas, launch_folder):
    torch.save(timm.create_model("test_resnet", num_classes=10, in_chans=1), "mine.pt")
    words = ("profile", "search_space=elastic", "search_space.model=mine.pt", "train=false")

    refused, told = nas(*words, "samples=2")
    done, _ = nas(*words, "samples=2", "trust=true")

    assert (refused, done) == (2, 0)
    assert "torch.save(model.state_dict(), path)" in told


def test_trust_is_never_taken_from_a_record(nas, evil, canary):
    record(evil, "search_space", TARGETS["os.system"])
    record(evil, "trust", True)

    only_refused(nas, canary, COMMANDS[1])
    only_refused(nas, canary, COMMANDS[0])


@pytest.mark.parametrize("words", READERS, ids=TITLE)
@pytest.mark.parametrize("node", [TARGETS["os.system"], TARGETS["code in the run folder"]])
def test_what_only_reads_a_run_calls_nothing(nas, evil, canary, payload, node, words):
    record(evil, "search_space", node)
    record(evil, "sampler", node)

    does_nothing(nas, canary, words)


@pytest.mark.parametrize("words", [REPRODUCE, COMMANDS[3]], ids=TITLE)
@pytest.mark.parametrize(
    "told",
    [
        "hydra.searchpath=[pkg://script]",
        "+hydra.callbacks.mine={_target_: script.work}",
        "hydra/job_logging=none",
        "++hydra.job_logging.formatters.simple={'()': os.system}",
    ],
)
def test_hydra_itself_is_not_set_up_by_a_record(nas, evil, canary, told, words):
    _append(evil, told)

    only_refused(nas, canary, words, told="hydra")


@pytest.mark.parametrize("words", some(COMMANDS[1:]), ids=TITLE)
def test_yaml_files_in_the_run_folder_are_not_composed(nas, evil, canary, words):
    (evil / "conf").mkdir()
    (evil / "conf/mine.yaml").write_text(
        "defaults: [search, _self_]\nhydra: {searchpath: ['pkg://script']}\n"
    )
    _set(evil, config_dir=str(evil / "conf"), config_name="mine")

    only_refused(nas, canary, words, told="config_dir")


@pytest.mark.parametrize("words", some(COMMANDS[1:]), ids=TITLE)
def test_a_secret_of_the_environment_is_not_brought_into_files(
    nas, evil, canary, monkeypatch, words
):
    monkeypatch.setenv("SECRET", "s3cr3t-of-the-user")
    _append(evil, "++data.name=${oc.env:SECRET}")

    status, shown = nas(*words)

    assert status == 2
    assert "SECRET" in shown
    assert "s3cr3t" not in shown


@pytest.mark.parametrize("words", [REPRODUCE, COMMANDS[2]], ids=TITLE)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("storage.url", "postgresql://me@db.evil.example/studies"),
        ("storage.url", "postgresql://me@localhost/studies?hostaddr=203.0.113.1"),
        ("storage.url", "mysql://me@203.0.113.1/studies"),
        ("storage.url", "sqlite:///victim.txt"),
        ("execution.address", "ray://evil.example:10001"),
        ("execution.address", "203.0.113.1:6379"),
        ("tracking.place", "http://evil.example:5000"),
        ("tracking.place", "file:../elsewhere"),
    ],
)
def test_no_other_machine_is_connected_to(nas, evil, canary, launch_folder, key, value, words):
    (launch_folder / "victim.txt").write_text("mine")
    record(evil, key, value)

    only_refused(nas, canary, words, told=f"say {key}=... yourself")

    assert (launch_folder / "victim.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "name",
    ["log.txt", "study.journal", "models", "finish", "models/0", "models/0/weights.safetensors"],
)
@pytest.mark.parametrize("words", [COMMANDS[0], COMMANDS[2], READERS[0]], ids=TITLE)
def test_a_link_that_leads_out_of_the_folder_is_refused(nas, evil, canary, tmp_path, name, words):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "0").mkdir()
    (outside / "0/mine.txt").write_text("mine")
    _replace_by_link(evil / name, outside)

    only_refused(nas, canary, words, told="outside of the run folder")

    assert [path.name for path in outside.rglob("*")] == ["0", "mine.txt"]


@pytest.mark.parametrize("words", [*some(COMMANDS), *READERS], ids=TITLE)
def test_a_pipe_in_the_folder_holds_no_command(nas, evil, canary, words):
    (evil / "log.txt").unlink()
    os.mkfifo(evil / "log.txt")

    only_refused(nas, canary, words, told="pipe")


def test_a_resumed_record_does_not_say_where_to_write(nas, evil, canary, own_run, tmp_path):
    before = {path: path.read_bytes() for path in own_run.rglob("*") if path.is_file()}
    record(evil, "run_folder", str(own_run))

    status, _ = nas("search", "name=evil", "resume=true", "stopping.num_trials=2")

    assert status == 0
    assert {path: path.read_bytes() for path in own_run.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_a_checkpoint_that_is_a_pickle_is_left_alone(nas, evil, canary, own_run):
    assert (
        nas(
            "finish",
            "run=runs/evil",
            "execution=inline",
            "seeds=1",
            "export.files=false",
            "training.epochs=1",
        )[0]
        == 0
    )
    (weights,) = [*(evil / "finish/weights").glob("*.safetensors")][:1]
    (evil / "finish/ledger.jsonl").unlink()
    place = evil / "finish/checkpoints" / weights.stem
    place.mkdir(parents=True)
    torch.save({"seed": Touches()}, place / "training.pt")
    (place / "other.pt").write_bytes(pickle.dumps(Touches()))
    weights.write_bytes(pickle.dumps(Touches()))

    does_nothing(
        nas,
        canary,
        (
            "finish",
            "run=runs/evil",
            "execution=inline",
            "seeds=1",
            "export.files=false",
            "training.epochs=1",
        ),
    )


def test_own_code_beside_the_run_goes_on_without_a_word(nas, evil, launch_folder):
    (launch_folder / "my_space_here.py").write_text(
        "from search_spaces.resnet import ResNetSpace\nclass Mine(ResNetSpace):\n    pass\n"
    )
    target = yaml.safe_load((evil / "config.yaml").read_text())["search_space"]["_target_"]
    (launch_folder / "my_space_here.py").write_text(
        f"import {target.rpartition('.')[0]}\nclass Mine({target}):\n    pass\n"
    )
    record(evil, "search_space._target_", "my_space_here.Mine")

    status, shown = nas("search", "name=evil", "resume=true", "stopping.num_trials=2")

    assert (status, shown) == (0, shown)


def test_trust_lets_a_run_call_what_it_names(nas, evil, launch_folder):
    (launch_folder / "my_data_here.py").write_text(
        "import importlib\n"
        "def load():\n"
        "    return importlib.import_module('nas.data.digits').load_digits()\n"
    )
    record(evil, "data", {"_target_": "my_data_here.load"})
    words = ("search", "name=evil", "resume=true", "stopping.num_trials=2")

    refused, told = nas(*words)
    done, _ = nas(*words, "trust=true")

    assert (refused, done) == (2, 0)
    assert "def load() -> Dataset" in told


def _set(run: Path, **values: str) -> None:
    told = yaml.safe_load((run / "overrides.yaml").read_text())
    (run / "overrides.yaml").write_text(yaml.safe_dump({**told, **values}))


def _append(run: Path, override: str) -> None:
    told = yaml.safe_load((run / "overrides.yaml").read_text())
    told["overrides"].append(override)
    (run / "overrides.yaml").write_text(yaml.safe_dump(told))


def _replace_by_link(place: Path, target: Path) -> None:
    place.parent.mkdir(exist_ok=True)
    aside = place.with_name("aside")
    for found in [place] * place.exists():
        found.rename(aside)
    place.symlink_to(target)


@pytest.mark.parametrize("words", [READERS[0], COMMANDS[2]], ids=TITLE)
def test_a_configuration_that_multiplies_itself_is_refused_unread(evil, nas, words):
    config = evil / "config.yaml"
    tenfold = "".join(f"a{i}: &a{i} [{f'*a{i - 1}, ' * 9}]\n" for i in range(1, 12))
    config.write_text(f"a0: &a0 [x]\n{tenfold}{config.read_text()}")

    status, shown = nas(*words)

    assert status == 2
    assert "refers to parts of itself" in shown
