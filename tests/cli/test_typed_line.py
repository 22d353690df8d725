import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.cli.typed_line import TypedLine, read_line

BASH = " \t\n\"'@><=;|&(:"


@pytest.mark.parametrize(
    ("line", "words", "current", "num_kept"),
    [
        ("", [], "", 0),
        ("nas ", ["nas"], "", 0),
        ("nas  finish   run=ru", ["nas", "finish"], "run=ru", 4),
        ("nas a='b c' d", ["nas", "a=b c"], "d", 0),
        (r"nas data.path=my\ pho", ["nas"], "data.path=my pho", 10),
        ("nas 'runs=[a,b", ["nas"], "runs=[a,b", 0),
        ('nas x="my pho', ["nas"], "x=my pho", 2),
        ("nas '' ", ["nas", ""], "", 0),
        ("nas address=host:1", ["nas"], "address=host:1", 13),
    ],
)
def test_a_line_is_read_as_bash_reads_it(line, words, current, num_kept):
    read = read_line(line, breaks=BASH)

    assert (read.words, read.current, read.num_kept) == (words, current, num_kept)


def test_only_what_follows_the_last_break_is_inserted_and_escaped():
    assert (
        read_line("nas data.path=m", breaks=BASH).inserted("data.path=my it's/") == r"my\ it\'s/"
    )
    assert read_line("nas data.path=m").inserted("data.path=my/") == "data.path=my/"


def test_nothing_is_escaped_in_a_quote_or_for_a_shell_that_does_so():
    assert (
        read_line("nas 'data.path=m", breaks=BASH).inserted("data.path=my x") == "data.path=my x"
    )
    assert TypedLine([], "").inserted("my x", escapes=False) == "my x"


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1))
def test_what_is_inserted_reads_as_the_word_that_was_chosen(word):
    inserted = read_line("nas ").inserted(word)

    assert shlex.split(f"nas {inserted}") == ["nas", word]
    assert read_line(f"nas {inserted}").current == word
