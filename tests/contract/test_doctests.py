"""The examples in docstrings give what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

import nas

ROOT = Path(nas.__file__).parent
WITH_EXAMPLES = [
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
    for path in sorted(ROOT.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_the_examples_of_a_module_hold(module):
    outcome = doctest.testmod(importlib.import_module(module))

    assert outcome.failed == 0
    assert outcome.attempted > 0
