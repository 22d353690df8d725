"""What users call their classes and folders stands on a model card as it is."""

import pytest

from nas.export.markdown import code_span, escaped


@pytest.mark.parametrize(
    ("name", "span"),
    [
        ("cat", "`cat`"),
        ("a`b``c", "```a`b``c```"),
        ("`c`", "`` `c` ``"),
        (" cat", "`  cat `"),
        ("a\nb\u2028c", r"`a\nb\u2028c`"),
        ("a|b", "`a|b`"),
        ("\u202eexe", r"`\u202eexe`"),
        ("مي\u200cخ", "`مي\u200cخ`"),
    ],
    ids=ascii,
)
def test_a_name_is_code_that_it_cannot_end(name, span):
    assert code_span(name) == span


def test_a_bar_does_not_end_a_cell():
    assert code_span("a|b", in_table=True) == r"`a\|b`"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("photos 2024-05_b", "photos 2024-05_b"),
        ("my *p* [x](y) `c` <b> & | #1", r"my \*p\* \[x\](y) \`c\` \<b\> \& \| \#1"),
        ("_it_", r"\_it\_"),
        ("a\\b $x$", r"a\\b \$x\$"),
    ],
)
def test_markdown_in_a_text_is_escaped(text, told):
    assert escaped(text) == told
