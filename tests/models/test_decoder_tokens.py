"""A model reads only the tokens that it was trained on."""

import pytest

from nas.data.tokenizers import ByteTokenizer, CharacterTokenizer
from nas.errors import SpaceError
from nas.models.decoder_tokens import refuse_other_tokens


def characters(text):
    return CharacterTokenizer(text, has_unknown=False, has_end=True).to_json()


def test_the_same_tokens_pass_and_a_model_without_a_tokenizer_is_not_compared():
    refuse_other_tokens(characters("abc"), characters("abc"), model="m")
    refuse_other_tokens("", characters("abc"), model="m")


@pytest.mark.parametrize("other", [characters("abd"), ByteTokenizer(has_end=True).to_json()])
def test_other_tokens_are_refused_though_they_may_be_as_many(other):
    with pytest.raises(SpaceError, match="trained on other tokens"):
        refuse_other_tokens(characters("abc"), other, model="m")
