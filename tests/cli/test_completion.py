import os
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from parts.terminal import Terminal

from nas.cli.completion import complete

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nas se", ["search"]),
        ("nas search sam", ["sampler.", "sampler="]),
        ("nas search sampler=nsga", ["sampler=nsga2", "sampler=nsga3"]),
        (
            "nas search stopping.",
            ["stopping.max_failed_share=", "stopping.num_trials=", "stopping.time_limit_s="],
        ),
        ("nas search sampler=tpe sampler.mu", ["sampler.multivariate="]),
        ("nas search constraints.size_bytes.ma", ["constraints.size_bytes.max="]),
        ("nas search resume=", ["resume=false", "resume=true"]),
        ("nas search ui=p", ["ui=plain"]),
        ("nas search --conf", ["--config-dir", "--config-name", "--config-path"]),
        ("nas search --cfg j", ["job"]),
        ("nas spaces ", ["check", "copy", "list", "show"]),
        ("nas spaces show mobilenet_", ["mobilenet_224"]),
        ("nas completion ", ["bash", "fish", "zsh"]),
        ("nas compare ", ["labels=", "out=", "output=", "runs="]),
        ("nas report ", ["run="]),
        ("nas finish r", ["run="]),
        ("nas show run=x t", ["trial="]),
        ("nas pick run=x size", ["size_bytes."]),
        ("nas pick run=x size_bytes.", ["size_bytes.max=", "size_bytes.min="]),
        ("nas pick run=x which=", ["which=best", "which=knee", "which=smallest"]),
        ("nas search output=", ["output=json", "output=text"]),
        ("nas finish run=x r", []),
        ("nas finish pick=s", ["pick=smallest", "pick=spread"]),
        ("nas finish pick", ["pick.", "pick="]),
        ("nas finish pick.size", ["pick.size_bytes."]),
        ("nas finish training.ep", ["training.epochs="]),
        ("nas finish execution=", ["execution=inline", "execution=ray"]),
        ("nas finish ui=n", ["ui=none"]),
        ("nas finish export.onnx=f", ["export.onnx=false"]),
        ("nas finish compression.to=[int8,r", ["compression.to=[int8,rank0.5"]),
        ("nas finish sampler=", []),
        ("nas reproduce tr", ["trust="]),
        ("nas reproduce trust=t", ["trust=true"]),
        ("nas profile proxies=[naswot,z", ["proxies=[naswot,zico"]),
        ("nas profile --mul", []),
        ("nas search objectives=[num_m", ["objectives=[num_macs"]),
        ("nas search objectives=quality", ["objectives=quality_size"]),
        ("nas spaces check mobilenet_", ["mobilenet_224"]),
        ("nas spaces show vit compression=l", ["compression=low_rank"]),
        ("nas spaces show vit --", ["--config-dir", "--help"]),
        ("nas spaces shew ", []),
        ("nas nothing x", []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_word_is_completed(line, words):
    assert complete(line) == words


def test_choices_of_the_users_folder_are_completed(launch_folder):
    (launch_folder / "my_conf/search_space").mkdir(parents=True)
    (launch_folder / "my_conf/search_space/mine.yaml").write_text("depth: 3\n")

    assert complete("nas search --config-dir my_conf search_space=mi") == ["search_space=mine"]
    assert complete("nas search --config-dir=my_conf search_space=mine search_space.d") == [
        "search_space.depth="
    ]


def test_runs_are_completed(launch_folder):
    for name in ("one", "two"):
        (launch_folder / "runs" / name).mkdir(parents=True)
        (launch_folder / "runs" / name / "config.yaml").touch()

    assert complete("nas report run=runs/o") == ["run=runs/one"]
    assert complete("nas finish run=") == ["run=runs/one", "run=runs/two"]
    assert complete("nas reproduce run=runs/t") == ["run=runs/two"]
    assert complete("nas repair run=runs/t") == ["run=runs/two"]
    assert complete("nas search --config-path runs/o") == ["runs/one"]
    assert complete("nas search warm_start=[runs/one,") == ["warm_start=[runs/one,runs/two"]
    assert complete("nas compare runs=[runs/one,runs/t") == ["runs=[runs/one,runs/two"]
    assert complete("nas search name=t") == ["name=two"]


def test_a_run_is_completed_as_the_first_word_without_its_key(launch_folder):
    for name in ("one", "two"):
        (launch_folder / "runs" / name).mkdir(parents=True)
        (launch_folder / "runs" / name / "config.yaml").touch()

    for command in ("finish", "report", "show", "pick", "repair", "reproduce", "dashboard"):
        assert complete(f"nas {command} runs/t") == ["runs/two"]
        assert "runs/one" in complete(f"nas {command} ")
    assert complete("nas finish runs/one runs/t") == []
    assert complete("nas finish run=runs/one runs/t") == []
    assert complete("nas compare runs/one runs/") == ["runs/two"]


def test_files_and_folders_are_completed(launch_folder):
    (launch_folder / "my photos/sub").mkdir(parents=True)
    (launch_folder / "my.npz").touch()
    (launch_folder / ".hidden").touch()

    assert complete("nas finish data.path=") == ["data.path=my photos/", "data.path=my.npz"]
    assert complete("nas reproduce into=") == ["into=my photos/"]
    assert complete(r"nas reproduce data.path=my\ photos/") == ["data.path=my photos/sub/"]
    assert complete("nas reproduce data.path=gone/") == []


def test_only_what_reads_files_is_imported():
    code = (
        "import sys; from nas.cli.completion import complete; complete('nas search sampler=');"
        "complete('nas finish pick='); complete('nas spaces show ');"
        "print(sorted({'torch', 'ray', 'optuna', 'hydra', 'omegaconf', 'rich', 'numpy'}"
        " & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


@pytest.fixture
def path_with_nas(tmp_path, monkeypatch):
    """A `nas` that a shell finds, whatever is installed: the one that is tested."""
    script = tmp_path / "bin/nas"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m nas "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.usefixtures("path_with_nas")
@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("nas fi\t", "nas finish "),
        ("nas finish runs\t", "nas finish runs/one "),
        ("nas finish run=\t", "nas finish run=runs/one "),
        ("nas compare runs/o\t", "nas compare runs/one "),
        ("nas pick runs/one size\t", "nas pick runs/one size_bytes."),
        ("nas finish pick=kn\t", "nas finish pick=knee "),
        ("nas reproduce run=\t", "nas reproduce run=runs/one "),
        ("nas search stopping.num\t", "nas search stopping.num_trials="),
        ("nas search sampler=t\t", "nas search sampler=tpe "),
        ("nas compare runs=[runs/o\t", "nas compare runs=[runs/one"),
        ("nas compare 'runs=[runs/o\t", "nas compare 'runs=[runs/one'"),
        ("nas finish data.path=my\t", r"nas finish data.path=my\ photos/"),
        ("nas finish data.path=my\\ \t", r"nas finish data.path=my\ photos/"),
        ("nas finish 'data.path=my p\t", "nas finish 'data.path=my photos/'"),
    ],
    ids=repr,
)
def test_the_tab_key_completes_in_a_bash_that_ran_the_documented_line(launch_folder, line, shown):
    (launch_folder / "runs/one").mkdir(parents=True)
    (launch_folder / "runs/one/config.yaml").touch()
    (launch_folder / "my photos").mkdir()

    with Terminal("bash", "--norc", "--noprofile", "-i") as bash:
        bash.type('PS1=; bind "set enable-bracketed-paste off"; eval "$(nas completion bash)"\n')
        bash.type("echo re''ady\n")
        bash.wait_for("\nready\n")
        bash.type(line)

        assert bash.wait_for(shown) == shown


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
@pytest.mark.usefixtures("path_with_nas")
@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("nas fi\t", "nas finish "),
        ("nas finish runs/o\t", "nas finish runs/one "),
        ("nas finish run=\t", "nas finish run=runs/one "),
        ("nas finish pick=kn\t", "nas finish pick=knee "),
        ("nas search stopping.num\t", "nas search stopping.num_trials="),
        ("nas compare runs=\\[runs/o\t", r"nas compare runs=\[runs/one"),
        ("nas finish data.path=my\t", r"nas finish data.path=my\ photos/"),
    ],
    ids=repr,
)
def test_the_tab_key_completes_in_a_zsh_that_ran_the_documented_line(launch_folder, line, shown):
    (launch_folder / "runs/one").mkdir(parents=True)
    (launch_folder / "runs/one/config.yaml").touch()
    (launch_folder / "my photos").mkdir()

    with Terminal("zsh", "-f", "-i") as zsh:
        zsh.type("PS1=; PROMPT_SP=; unsetopt prompt_sp; autoload -U compinit; compinit -u -D\n")
        zsh.type('eval "$(nas completion zsh)"\n')
        zsh.type("echo re''ady\n")
        zsh.wait_for("\nready\n ")  # it writes a blank before its prompt
        zsh.type(line)

        assert zsh.wait_for(shown) == shown


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.usefixtures("path_with_nas")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nas fi", ["finish"]),
        ("nas finish runs/o", ["runs/one"]),
        ("nas finish run=", ["run=runs/one"]),
        ("nas finish pick=kn", ["pick=knee"]),
        ("nas search stopping.num", ["stopping.num_trials="]),
        ("nas search sampler=nsga", ["sampler=nsga2", "sampler=nsga3"]),
        ("nas finish data.path=my", ["data.path=my photos/"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_fish_that_ran_the_documented_line_offers_the_words(launch_folder, line, words):
    (launch_folder / "runs/one").mkdir(parents=True)
    (launch_folder / "runs/one/config.yaml").touch()
    (launch_folder / "my photos").mkdir()

    # What fish itself makes of the tab key at the end of a line.
    code = f"nas completion fish | source; complete -C {shlex.quote(line)}"
    done = subprocess.run(
        ["fish", "--no-config", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "HOME": str(launch_folder)},
    )

    assert [offered.partition("\t")[0] for offered in done.stdout.splitlines()] == words
