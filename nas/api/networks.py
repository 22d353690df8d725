"""Trained networks of a run, read back from its folder."""

from typing import TYPE_CHECKING

from nas.architecture import Architecture
from nas.errors import RunFolderError
from nas.record.reading import read_bytes, read_text
from nas.record.run_folder import RunFolder

if TYPE_CHECKING:
    from torch import nn


def load_network(folder: RunFolder, number: int) -> "nn.Module":
    """Return the network of a trial with its weights, in evaluation mode.

    Raises:
        RunFolderError: its weights are not there, are damaged, or are those of a compressed
            variant.
        DataError: the data set cannot be opened, which says how many classes there are.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    from nas.assemble.make import make_data, make_space
    from nas.config.recorded import read_mapping

    place = folder.model_dir(number)
    remedy = f"nas search run_folder={folder.path} resume=true trains it again"
    if (place / "variant.json").is_file():
        raise RunFolderError(
            f"trial {number} of {folder.name} is a compressed variant of another trial's network; "
            "load that one, or let nas finish make the file"
        )
    architecture = Architecture.from_json(read_text(place / "architecture.json", remedy=remedy))
    content = read_bytes(place / "weights.safetensors", remedy=remedy)
    values = read_mapping(folder.config_yaml)
    network: nn.Module = make_space(values["search_space"]).build(
        architecture, make_data(values["data"]).shape
    )
    try:
        network.load_state_dict(load(content))
    except (SafetensorError, RuntimeError, ValueError, KeyError) as error:
        told = str(error).splitlines()[0][:80]
        raise RunFolderError(
            f"{place / 'weights.safetensors'} is damaged ({told}); {remedy}"
        ) from error
    return network.eval()
