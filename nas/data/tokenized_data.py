"""From pieces of text that were dealt to splits to tokens, curated where that is asked for."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nas.data.curating import Curator
from nas.data.curation import NONE, Curation
from nas.data.documents import Document, Piece
from nas.data.published_tokenizer import read_tokenizer
from nas.data.text import TextData, Tokenized
from nas.data.tokenizing import curated_text, digests_of, text_key, tokenized_text
from nas.errors import DataError

KINDS = ("byte", "character", "bpe")
_BLOCK = 1 << 20  # tokens


def tokenized_data(
    name: str,
    documents: Sequence[Document],
    dealt: Mapping[str, Sequence[Piece]],
    *,
    rule: str,
    settings: Sequence[Any],
    kind: str,
    vocabularies: Sequence[int | None],
    context: int,
    judged_tokens: int,
    curations: Sequence[Curation],
    notes: Sequence[str] = (),
) -> TextData:
    """Return text that was dealt to splits as tokens.

    Args:
        name: of the text.
        documents: all, in the order in which they were found.
        dealt: the pieces of each split.
        rule: one sentence that says how they were dealt.
        settings: that the pieces hang on.
        kind: byte, character, bpe, or where a model is whose tokenizer is taken.
        vocabularies: sizes of bpe; one that is None for other tokenizers.
        context: most tokens that a model sees at once.
        judged_tokens: most tokens that models are judged by.
        curations: of the training text.
        notes: for the user.

    Raises:
        DataError: a split is shorter than the context, or there is no such tokenizer.
    """
    published = None if kind in KINDS else read_tokenizer(Path(kind), has_end=True)
    has_end = len(documents) > 1 if published is None else published.has_end
    told = kind if published is None else published.to_json()
    key = text_key(documents, [told, *settings, has_end])
    made = [
        tokenized_text(kind, size, dealt, has_end, key, published=published)
        for size in vocabularies
    ]
    tokenized = {found.tokenizer.vocabulary_size: found for found in made}
    for found in tokenized.values():
        _check_lengths(found, context)
    curated = _curated(curations, tokenized, dealt, context)
    if len(documents) == 1:
        notes = [
            *notes,
            (
                "one document: train, validation and test are stretches of the same text, so the "
                "test does not show how a model does on other documents"
            ),
        ]
    return TextData(
        name,
        tokenized,
        context,
        judged_tokens,
        rule,
        digests_of(dealt),
        notes=tuple(notes),
        curated=curated,
    )


def _curated(
    curations: Sequence[Curation],
    tokenized: Mapping[int, Tokenized],
    dealt: Mapping[str, Sequence[Piece]],
    context: int,
) -> dict[str, Mapping[int, Tokenized]]:
    """Return the text with its training split curated in each way; nothing where none is asked."""
    if [curation.name for curation in curations] == [NONE]:
        return {}
    curator = Curator(dealt["train"])
    made: dict[str, Mapping[int, Tokenized]] = {}
    for curation in curations:
        if curation.name == NONE:
            made[NONE] = tokenized
            continue
        made[curation.name] = {
            size: curated_text(plain, curation, curator, dealt)
            for size, plain in tokenized.items()
        }
        for found in made[curation.name].values():
            _check_lengths(found, context, after=f" after curation={curation.name}")
    return made


def _check_lengths(found: Tokenized, context: int, *, after: str = "") -> None:
    """Refuse a context that a split cannot fill, and a text of one token again and again.

    Raises:
        DataError: which split, and how many tokens it has.
    """
    for word, stretch in found.file.stretches.items():
        if len(stretch) <= context:
            raise DataError(
                f"data.context is {context:,}, but the {word} split has only {len(stretch):,} "
                f"tokens{after}; give a shorter context, or more text"
            )
    tokens = found.file.of("train")
    # In blocks, the first of which mostly says it: a large file is not read to its end.
    blocks = (tokens[first : first + _BLOCK] for first in range(0, len(tokens), _BLOCK))
    if all((block == tokens[0]).all() for block in blocks):
        raise DataError(
            f"data: the training text is {len(tokens):,} times the same token{after}; there is "
            "nothing to learn from it"
        )
