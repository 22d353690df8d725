"""Compression around any space, from the command line."""

import pytest

from nas.assemble.check import check_search
from nas.assemble.make import make, make_space
from nas.config.source import ConfigSource
from nas.errors import ConfigError
from search_spaces.compressed import CompressedSpace
from search_spaces.resnet import ResNetSpace


def checked(*overrides):
    return check_search(ConfigSource(overrides=("name=x", *overrides)))


def test_any_space_is_compressed_by_one_word():
    config = checked("search_space=resnet", "search_space/compression=int8")
    space = make_space(config.search_space)
    assert isinstance(space, CompressedSpace)
    assert isinstance(space.space, ResNetSpace)
    assert list(space.domains["weight_bits"].values()) == [32, 8]
    assert "kept" not in space.domains


def test_what_is_compressed_and_how_is_narrowed_side_by_side():
    config = checked(
        "search_space/compression=pruning",
        "search_space.compression.kept.choice=[0.5,1.0]",
        "search_space.compression.weight_bits=8",
        "search_space.parameters.width.choice=[0.5]",
    )
    space = make_space(config.search_space)
    assert list(space.domains["kept"].values()) == [0.5, 1.0]
    assert list(space.domains["weight_bits"].values()) == [8]
    assert list(space.domains["width"].values()) == [0.5]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("search_space/compression=int9", "no such choice of search_space/compression"),
        ("search_space.compression=int8", "write search_space/compression=int8"),
        ("search_space.compression.bits=3", r"search_space.compression has no option 'bits'"),
        ("search_space.compression.weight_bits.choice=[3]", "weight_bits must be one of"),
    ],
)
def test_a_fault_is_told_with_the_word_that_mends_it(override, message):
    given = (
        []
        if override.startswith(("search_space/", "search_space.compression="))
        else ["search_space/compression=int8"]
    )
    with pytest.raises(ConfigError, match=message):
        checked(*given, override)


def test_a_text_that_would_be_read_as_a_reference_is_refused():
    with pytest.raises(ConfigError, match=r"path is 'photos/\$\{x\}'.*rename what it names"):
        make({"_target_": "builtins.dict", "path": "photos/${x}"})
