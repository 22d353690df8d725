"""Loads text for language models: a file or folder of UTF-8, or the sources of Python itself.

Text is read in pieces, split, and written once as tokens. `python_source` is what every machine
has: nothing to download.
"""

import platform
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from nas.data.curating import require_rensa
from nas.data.curation import NONE, Curation
from nas.data.documents import deal, read_documents
from nas.data.text import TextData
from nas.data.text_files import find_files
from nas.data.tokenized_data import KINDS, tokenized_data
from nas.data.tokenizers import NUM_BYTES
from nas.errors import DataError

_MAX_CONTEXT = 1 << 20
# Folders of Python's library that hold tests or other people's packages.
_NOT_PYTHON = frozenset({"site-packages", "dist-packages", "test", "tests", "idle_test"})


def load_text(
    *,
    path: str,
    suffixes: Sequence[str] = (".txt", ".md"),
    tokenizer: str = "byte",
    vocabulary_size: int | Sequence[int] | None = None,
    context: int = 256,
    split_by: str = "auto",
    validation_fraction: float = 0.05,
    test_fraction: float = 0.05,
    split_seed: int = 0,
    judged_tokens: int = 262_144,
    on_broken: str = "refuse",
    curation: str | Sequence[str] = NONE,
) -> TextData:
    """Return a file, or the files of a folder, as tokens.

    Args:
        path: of the file or folder.
        suffixes: endings of the names of files that count in a folder.
        tokenizer: byte, character, bpe, or where a model is whose own is taken.
        vocabulary_size: of bpe; several are tokenized each, and a space may choose among them.
        context: most tokens that a model sees at once.
        split_by: documents, position or auto.
        validation_fraction: share of the bytes.
        test_fraction: likewise.
        split_seed: of the order in which documents are dealt.
        judged_tokens: most tokens of validation, or of test, that models are judged by.
        on_broken: refuse files that are no UTF-8, or skip them.
        curation: what is done to the training text (`nas.data.curation`); of several, a space may
            choose.

    Raises:
        DataError: the text or a setting is not as it must be.
        MissingPackageError: bpe, or near duplicates, are asked for without their package.
    """
    if not path:
        raise DataError("data.path is empty; give a file or folder of text, or . for this folder")
    place = Path(path)
    if on_broken not in ("refuse", "skip"):
        raise DataError(f"data.on_broken must be refuse or skip, but got {on_broken!r}")
    return _load(
        place.name,
        find_files(place, suffixes=suffixes),
        kind=tokenizer,
        vocabularies=vocabularies_of(tokenizer, vocabulary_size),
        context=context,
        split_by=split_by,
        shares={"validation": validation_fraction, "test": test_fraction},
        seed=split_seed,
        judged_tokens=judged_tokens,
        skips_others=on_broken == "skip",
        curations=curations_of(curation),
    )


def load_python_source(
    *,
    tokenizer: str = "byte",
    vocabulary_size: int | Sequence[int] | None = None,
    context: int = 256,
    validation_fraction: float = 0.05,
    test_fraction: float = 0.05,
    split_seed: int = 0,
    judged_tokens: int = 32_768,
    curation: str | Sequence[str] = NONE,
) -> TextData:
    """Return the sources of this Python's standard library, without its tests, as tokens.

    Args:
        tokenizer: byte, character, bpe, or where a model is whose own is taken.
        vocabulary_size: of bpe; several are tokenized each, and a space may choose among them.
        context: most tokens that a model sees at once.
        validation_fraction: share of the bytes.
        test_fraction: likewise.
        split_seed: of the order in which documents are dealt.
        judged_tokens: most tokens of validation, or of test, that models are judged by.
        curation: what is done to the training text (`nas.data.curation`); of several, a space may
            choose.

    Raises:
        DataError: there are no sources, or a setting is not as it must be.
        MissingPackageError: bpe, or near duplicates, are asked for without their package.
    """
    root = Path(sysconfig.get_paths()["stdlib"])
    files = find_files(root, suffixes=[".py"])
    own = [path for path in files if not _NOT_PYTHON & set(path.relative_to(root).parts)]
    return _load(
        f"python_source {platform.python_version()}",
        own,
        kind=tokenizer,
        vocabularies=vocabularies_of(tokenizer, vocabulary_size),
        context=context,
        split_by="documents",
        shares={"validation": validation_fraction, "test": test_fraction},
        seed=split_seed,
        judged_tokens=judged_tokens,
        skips_others=True,
        curations=curations_of(curation),
    )


def _load(
    name: str,
    files: Sequence[Path],
    *,
    kind: str,
    vocabularies: Sequence[int | None],
    context: int,
    split_by: str,
    shares: dict[str, float],
    seed: int,
    judged_tokens: int,
    skips_others: bool,
    curations: Sequence[Curation],
) -> TextData:
    check_text_settings(kind, context, split_by, shares, seed, judged_tokens)
    documents, left_out = read_documents(files, skips_others=skips_others)
    dealt, rule = deal(documents, shares=shares, seed=seed, by=split_by)
    return tokenized_data(
        name,
        documents,
        dealt,
        rule=rule,
        settings=[split_by, shares, seed],
        kind=kind,
        vocabularies=vocabularies,
        context=context,
        judged_tokens=judged_tokens,
        curations=curations,
        notes=[_left_out_note(left_out)] if left_out else [],
    )


def curations_of(asked: str | Sequence[str]) -> list[Curation]:
    """Return the curations that a setting names.

    Raises:
        DataError: there are none, or one is unknown.
        MissingPackageError: what finds near duplicates is not installed.
    """
    names = [asked] if isinstance(asked, str) else list(asked)
    if not names:
        raise DataError("data.curation is empty; give at least one, such as none")
    found = [Curation.named(name) for name in dict.fromkeys(names)]
    if any(curation.duplicates == "near" for curation in found):
        require_rensa()
    return found


def vocabularies_of(kind: str, asked: int | Sequence[int] | None) -> list[int | None]:
    """Return the sizes of the vocabularies of bpe; one that is None for other tokenizers.

    Raises:
        DataError: a size is out of its range, or the tokenizer has none to choose.
    """
    if kind != "bpe":
        if asked is not None:
            raise DataError(
                f"data.vocabulary_size is for tokenizer=bpe, but the tokenizer is {kind!r}; leave "
                "it out"
            )
        return [None]
    sizes = [512] if asked is None else [asked] if isinstance(asked, int | str) else list(asked)
    if not sizes:
        raise DataError("data.vocabulary_size is empty; give at least one size, such as 512")
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, int) or not NUM_BYTES < size < 2**20:
            raise DataError(
                f"data.vocabulary_size must be whole numbers above {NUM_BYTES} and below "
                f"{2**20:,}, but got {size!r}"
            )
    return list(dict.fromkeys(sizes))


def check_text_settings(
    kind: str,
    context: int,
    split_by: str,
    shares: Mapping[str, float],
    seed: int,
    judged_tokens: int,
) -> None:
    """Refuse settings of a text that are out of their range.

    Raises:
        DataError: which, and what is allowed.
    """
    if kind not in KINDS and not Path(kind).exists():
        raise DataError(
            f"data.tokenizer must be one of {', '.join(KINDS)}, or the folder, tokenizer.json or "
            f".gguf file of a model, but got {kind!r}"
        )
    if split_by not in ("auto", "documents", "position"):
        raise DataError(
            f"data.split_by must be one of auto, documents, position, but got {split_by!r}"
        )
    for name, value, least, most in (
        ("context", context, 8, _MAX_CONTEXT),
        ("judged_tokens", judged_tokens, 64, 2**40),
        ("split_seed", seed, 0, 2**32 - 1),
    ):
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise DataError(
                f"data.{name} must be a whole number from {least} to {most:,}, but got {value!r}"
            )
    for word, share in shares.items():
        if not 0.0 < share <= 0.45:
            raise DataError(
                f"data.{word}_fraction must be above 0 and at most 0.45, but got {share!r}"
            )


def _left_out_note(left_out: Sequence[str]) -> str:
    more = f" and {len(left_out) - 1} more" if len(left_out) > 1 else ""
    return f"left out: {left_out[0]}{more}"
