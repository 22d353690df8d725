"""Winners of language searches read as many tokens as a budget holds, and go on with the same."""

import json

import pytest

from nas.cli.main import main
from nas.record.winners import read_winners

TOKENS = 4096
SMALL = ["width.choice=[16]", "heads.choice=[1]", "context.choice=[16]", "layers.repeat.int=[1,2]"]
QUIET = ["execution=inline", "ui=plain"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a search of a text of 27,600 bytes; trials read 4,096 tokens of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat and the dog on the log\n" * 600)
    words = ["search", "preset=small_lm", "data=text", f"data.path={text}", "data.context=16"]
    words += [f"search_space.parameters.{setting}" for setting in SMALL]
    words += [f"training.tokens={TOKENS}", "training.batch_tokens=256", "stopping.num_trials=2"]
    assert main([*words, *QUIET, f"run_folder={tmp_path}/run"]) == 0
    return tmp_path / "run"


def finish(run, *words):
    common = ["pick=smallest", "seeds=2", "export.files=false", *QUIET]
    assert main(["finish", f"run={run}", *common, *words]) == 0


def trained(run):
    """Return the keys of the retrainings on record."""
    lines = (run / "finish" / "ledger.jsonl").read_text().splitlines()
    return [json.loads(line)["job"] for line in lines]


def test_a_budget_decides_how_many_tokens_and_a_text_is_read_four_times_at_most(run, capsys):
    finish(run, "budget=3600")
    told = " ".join(capsys.readouterr().out.split())
    most = 4 * (27_600 - 1380)  # train and validation
    assert f"winners read {most:,} tokens each, {most / TOKENS:.3g} times as many" in told
    assert json.loads((run / "finish" / "tokens.json").read_text())["tokens"] == most
    before = trained(run)
    finish(run, "budget=3600")
    assert trained(run) == before  # it knows what it had decided
    assert len(read_winners(run / "finish" / "winners.csv")) == 1


def test_a_shorter_budget_keeps_the_longer_retrainings_of_an_earlier_command(run, capsys):
    finish(run, "budget=3600")
    before, row = trained(run), read_winners(run / "finish" / "winners.csv")
    finish(run, "budget=1s")
    told = " ".join(capsys.readouterr().out.split())
    assert "an earlier nas finish had more time, so its retrainings stay" in told
    assert trained(run) == before
    assert read_winners(run / "finish" / "winners.csv") == row


def test_without_a_budget_it_is_told_what_would_be_better(run, capsys):
    finish(run)
    told = " ".join(capsys.readouterr().out.split())
    assert f"winners read as many tokens as trials, {TOKENS:,} of a text of 26,220" in told
    assert f"training.tokens={10 * TOKENS}" in told


def test_a_budget_that_is_too_short_is_told(run, capsys):
    finish(run, "budget=1s")
    told = " ".join(capsys.readouterr().out.split())
    assert "the budget is too short: 2 retrainings as long as trials take about" in told
    assert f"winners read {TOKENS:,} tokens each, 1 times" in told


def test_tokens_on_the_command_line_stand(run, capsys):
    finish(run, "budget=3600", "training.tokens=2048")
    assert "winners read" not in capsys.readouterr().out
    assert not (run / "finish" / "tokens.json").exists()
