"""Does the task of the data measure what a search wants?"""

from collections.abc import Collection

from nas.data.dataset import SearchData
from nas.errors import ConfigError
from nas.evaluation.known import known_before

_OF_CLASSES = ("accuracy",)


def check_measured(
    wanted: Collection[str], data: SearchData, *, also: Collection[str] = ()
) -> None:
    """Refuse objectives that no trial on these data measures.

    Args:
        wanted: names of metrics.
        data: of the search.
        also: what the evaluator measures by itself.

    Raises:
        ConfigError: one is not measured; what is, is listed.
    """
    measures = _OF_CLASSES if data.task is None else data.task.measures
    who = "a trial on classified data" if data.task is None else type(data.task).__name__
    known = {*known_before(wanted), "latency_ms", "seconds", "loss", *measures, *also}
    for name in wanted:
        if name not in known:
            raise ConfigError(
                f"{who} does not measure {name}; it measures {', '.join(measures)} and loss: "
                f"objectives=[{measures[0]},size_bytes]"
            )
