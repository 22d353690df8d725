import json
import sys

import pytest

from nas.cli.answer import answer, answering, document, parted, wants_json
from nas.errors import ConfigError


def test_outside_of_the_block_nothing_is_kept():
    answer("run", {"name": "a"})

    assert not wants_json()
    with answering():
        assert json.loads(document(0)) == {"schema": 1, "status": 0, "kind": "nothing"}


def test_what_is_printed_goes_to_standard_error(capsys):
    with answering():
        sys.stdout.write("a line")

    sys.stdout.write("the document")
    assert capsys.readouterr() == ("the document", "a line")


def test_one_answer_is_the_document_and_several_are_a_list():
    with answering():
        answer("run", {"name": "a"})
        one = json.loads(document(0))
        answer("run", {"name": "b"})
        two = json.loads(document(1))

    assert one == {"schema": 1, "status": 0, "kind": "run", "name": "a"}
    assert two["kind"] == "several"
    assert [each["name"] for each in two["documents"]] == ["a", "b"]


def test_numbers_that_json_lacks_are_null():
    with answering():
        answer("run", {"values": (float("nan"), float("inf"), 1.5, True, None)})

        assert json.loads(document(0))["values"] == [None, None, 1.5, True, None]


def test_an_error_stands_beside_what_there_is():
    with answering():
        answer("run", {"name": "a"})
        told = json.loads(document(2, error=ConfigError("no"), message="no"))

    assert told["name"] == "a"
    assert told["error"] == {"type": "ConfigError", "message": "no"}


def test_the_last_output_counts_and_another_form_is_refused():
    assert parted(["output=text", "a=1", "output=json"]) == (["a=1"], True)
    with pytest.raises(ConfigError, match="output must be text or json, but got 'xml'"):
        parted(["output=xml"])


def test_a_search_answers_with_its_run_alone_on_standard_output(nas, launch_folder, table_words):
    status, out, err = nas("search", *table_words, "name=j", "execution=inline", "output=json")

    told = json.loads(out)
    assert (status, told["status"], told["kind"], told["schema"]) == (0, 0, "run", 1)
    assert told["trials"] == {"complete": 5}
    assert told["path"] == str(launch_folder / "runs/j")
    assert told["ended"] == "stopping.num_trials=5 is reached"
    assert [goal["metric"] for goal in told["objectives"]] == ["quality", "bytes"]
    assert told["knee"] in [member["number"] for member in told["front"]]
    assert set(told["front"][0]["architecture"]) == {"a", "b"}
    assert "5 trials" in err


@pytest.mark.parametrize("words", [["seed=x"], ["nothing=1"]], ids=" ".join)
def test_a_refused_search_answers_with_its_error_and_its_status(nas, launch_folder, words):
    status, out, err = nas("search", *words, "output=json")

    told = json.loads(out)
    assert status == told["status"] == 2
    assert told["error"]["type"] == "ConfigError"
    assert told["error"]["message"] in err


def test_several_searches_answer_with_one_document(nas, launch_folder, table_words):
    words = ["-m", "seed=0,1", "name=m", "execution=inline", "output=json"]

    status, out, _ = nas("search", *table_words, *words)

    told = json.loads(out)
    assert status == 0
    assert [run["trials"] for run in told["documents"]] == [{"complete": 5}] * 2


def test_a_run_a_trial_a_choice_and_a_comparison_answer(nas, table_run):
    run = json.loads(nas("show", "runs/t", "output=json")[1])
    number = run["front"][-1]["number"]
    trial = json.loads(nas("show", "runs/t", f"trial={number}", "output=json")[1])
    pick = json.loads(nas("pick", "runs/t", "which=best", "output=json")[1])
    compared = json.loads(nas("compare", "runs/t", "output=json")[1])

    assert (run["kind"], trial["kind"], pick["kind"]) == ("run", "trial", "pick")
    assert trial["trial"]["metrics"] == run["front"][-1]["metrics"]
    assert trial["on_front"]
    assert pick["trial"]["number"] == number
    assert pick["finish"] is None  # a row of a table has nothing to train
    assert compared["kind"] == "comparison"
    assert [row["run"] for row in compared["runs"]] == ["t"]
