"""What takes the time on a device? The measured networks' predicted times, by kind of operator."""

from collections import Counter

from nas.device.latency_model import LatencyModel


def shares_by_kind(model: LatencyModel) -> list[tuple[str, float, float]]:
    """Return kind, share of all operators' time, and mean time of one; the largest first.

    Kinds that the model finds to take no time have a share of 0.
    """
    total: Counter[str] = Counter()
    number: Counter[str] = Counter()
    for counts in model.networks:
        for operator, count in counts.items():
            total[operator.kind] += count * model.operator_ms(operator)  # type: ignore[assignment]
            number[operator.kind] += count
    positive = {kind: max(float(time), 0.0) for kind, time in total.items()}
    everything = sum(positive.values()) or 1.0
    rows = [(kind, time / everything, time / number[kind]) for kind, time in positive.items()]
    return sorted(rows, key=lambda row: -row[1])
