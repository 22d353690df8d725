"""Weights of earlier retrainings, read back: whole, or named with what to do."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors

from nas.errors import RunFolderError
from nas.record.reading import is_there, read_bytes


def read_weights(path: Path) -> bytes:
    """Return the bytes of a safetensors file.

    Raises:
        RunFolderError: it is missing, or cut.
    """
    remedy = "nas repair forgets that training, and nas finish does it again"
    if not is_there(path):
        raise RunFolderError(
            f"there is no {path}; bring it back from a copy, or move ledger.jsonl of that finish "
            "folder away: then nas finish trains again"
        )
    content = read_bytes(path, remedy=remedy)
    try:
        load_safetensors(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise RunFolderError(f"{path} is damaged ({str(error)[:80]}); {remedy}") from error
    return content
