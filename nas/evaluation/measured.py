"""Does the task of the data measure what a search wants?"""

from collections.abc import Collection

from nas.data.dataset import SearchData
from nas.errors import ConfigError
from nas.evaluation.known import known_before


def check_measured(wanted: Collection[str], data: SearchData) -> None:
    """Refuse objectives that the task of the data does not measure.

    Raises:
        ConfigError: one is not measured; what is, is listed.
    """
    if data.task is None:
        return
    known = {*known_before(wanted), "latency_ms", "seconds", "loss", *data.task.measures}
    for name in wanted:
        if name not in known:
            measured = ", ".join(data.task.measures)
            raise ConfigError(
                f"{type(data.task).__name__} does not measure {name}; it measures {measured} and "
                f"loss: objectives=[{data.task.measures[0]},size_bytes]"
            )
