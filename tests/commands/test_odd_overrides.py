"""Whatever is said on a command line ends soon, with 0 or with one message and 2."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nas.cli.main import main
from nas.config.choices import Choices
from nas.paths import conf_dir

CPU_LIMIT_S = 10.0
TINY = (
    "execution=inline",
    "ui=none",
    "stopping.num_trials=1",
    "training.epochs=1",
    "search_space.parameters.resolution.choice=[8]",
    "search_space.parameters.width.choice=[0.125]",
    "search_space.parameters.stages.repeat=1",
    "search_space.parameters.stages.depth=1",
)
ODD = (
    *("", "null", "true", "-1", "0", "3", "1e308", "-1e308", "nan", "inf", "-inf", "1e-320"),
    *("99999999999999999999999", "1" * 5000, "a", "'a b'", "é", "☃", "\ud800", "\udcff"),
    *("a\x00b", "a\nb", "\x1b[31mred", "[]", "{}", "[a,b]", "[-1]", "[nan]", "[[]]", "{a:1}"),
    *("{choice:[]}", "{int:[1,1000000000]}", "{int:[1,100000]}", "{float:[0,1]}", "{repeat:1}"),
    *("[" * 300, "[" * 300 + "]" * 300, "{a:" * 300 + "1" + "}" * 300, "a" * 300, "a/" * 3000),
    *("???", "${name}", "${seed}", "${nope}", "${oc.env:NOPE}", "${", "'", '"', "\\", "~", "*"),
    *(
        "1,2",
        "range(1,1000000000)",
        "interval(0,1)",
        "glob(*)",
        "choice()",
        "int(a)",
        "${training}",
    ),
    *(
        "/proc/nope",
        "/dev/null/x",
        "/dev/null",
        "/",
        ".",
        "sqlite:///",
        "postgresql://",
        "os.system",
    ),
)


def keys_of(config_name: str) -> list[str]:
    choices = Choices((conf_dir(),), config_name)
    options = [option.key for option in choices.options()]
    return sorted({*options, *choices.groups(), *(key.rpartition(".")[0] for key in options)})


KEYS = {name: [key for key in keys_of(name) if key] for name in ("search", "finish")}
OPERATORS = ("", "", "", "", "+", "++", "~")


@st.composite
def overrides(draw: st.DrawFn, config_name: str) -> str:
    key = draw(st.sampled_from([*KEYS[config_name], "nope", "seed.a", "sampler@x", ""]))
    value = draw(st.sampled_from(ODD) | st.text(max_size=5))
    return f"{draw(st.sampled_from(OPERATORS))}{key}={value}"


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    odd = draw(st.lists(overrides("search"), min_size=1, max_size=2))
    kind = draw(st.sampled_from(["search", "search", "profile", "finish", "spaces", "other"]))
    if kind == "search":
        flags = draw(st.sampled_from([(), (), ("--multirun",), ("--cfg", "job")]))
        return ["search", *flags, *TINY, *odd, "execution=inline"]
    if kind == "profile":
        return ["profile", "samples=3", "train=false", *TINY, *odd, "execution=inline"]
    if kind == "finish":
        return ["finish", "run=nope", *draw(st.lists(overrides("finish"), min_size=1, max_size=2))]
    if kind == "spaces":
        word = draw(st.sampled_from(["list", "show", "check", "nope"]))
        own = [text.replace("search_space.", "", 1) for text in odd]
        return ["spaces", word, draw(st.sampled_from(["mobilenet", "nope", ""])), *own]
    command = draw(st.sampled_from(["report", "compare", "dashboard", "reproduce", "nope", ""]))
    key = draw(st.sampled_from(["run", "runs", "into", "out", "port", "nope"]))
    return [command, f"{key}={draw(st.sampled_from(ODD))}"]


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def assert_is_answered(words: list[str], folder: Path, capsys: pytest.CaptureFixture) -> None:
    before, started_s = files_below(folder), time.process_time()
    capsys.readouterr()

    status = main(words)

    spent_s, told = time.process_time() - started_s, capsys.readouterr().err
    assert status in (0, 2), (words, told)
    assert "Traceback" not in told, (words, told)
    assert spent_s < CPU_LIMIT_S, (words, spent_s)
    assert status == 0 or told.startswith("nas: "), (words, told)
    assert status == 0 or files_below(folder) == before, (words, files_below(folder) - before)


@pytest.fixture
def warm(launch_folder, capsys) -> Iterator[None]:
    """Import what commands import, so that their own time is measured."""
    main(["search", *TINY, "name=warm"])
    main(["finish", "run=nope"])
    main(["profile", "samples=3", "train=false", *TINY])
    capsys.readouterr()
    yield
    sys.stdout.flush()


SUPPRESSED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=8, suppress_health_check=SUPPRESSED)
@given(words=command_lines())
def test_an_odd_command_line_is_done_or_refused_in_one_message(warm, words, launch_folder, capsys):
    assert_is_answered(words, launch_folder, capsys)


@pytest.mark.long
@settings(max_examples=1000, suppress_health_check=SUPPRESSED)
@given(words=command_lines())
def test_a_thousand_odd_command_lines_are_done_or_refused(warm, words, launch_folder, capsys):
    assert_is_answered(words, launch_folder, capsys)
