import os
import shutil
import stat
import subprocess
import sys

import pytest

from nas.cli.completion import complete


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
        ("nas compare ", ["runs=["]),
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
    assert complete("nas compare runs=[runs/one,runs/t") == ["runs=[runs/one,runs/two"]
    assert complete("nas search name=t") == ["name=two"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "point", "replies"),
    [
        (["nas", "se"], 1, ["search"]),
        (["nas", "search", "sampler", "=", "t"], 4, ["tpe"]),
        (["nas", "search", "sampler", "="], 3, ["brute_force", "frontier", "gp"]),
        (["nas", "search", "stopping.num"], 2, ["stopping.num_trials="]),
    ],
    ids=["command", "choice", "all choices", "key"],
)
def test_bash_completes_with_the_documented_line(launch_folder, words, point, replies):
    script = launch_folder / "bin/nas"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m nas "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    line = " ".join(words).replace(" = ", "=").replace(" =", "=")
    quoted = " ".join(f"'{word}'" for word in words)
    commands = (
        'eval "$(nas completion bash)"; '
        f"COMP_WORDS=({quoted}); COMP_CWORD={point}; "
        f"COMP_LINE='{line}'; COMP_POINT={len(line)}; "
        '_nas_complete; printf "%s\\n" "${COMPREPLY[@]}"; complete -p nas'
    )
    path = f"{script.parent}{os.pathsep}{os.environ['PATH']}"

    done = subprocess.run(
        ["bash", "-c", commands],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )

    lines = done.stdout.splitlines()
    assert lines[: len(replies)] == replies
    assert "-F _nas_complete nas" in lines[-1]
