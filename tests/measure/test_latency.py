"""Latency is a positive median, and larger for a network that does a thousand times more."""

import torch
from torch import nn

from nas.measure.latency import measure_latency_ms
from nas.task import DataShape

CPU = torch.device("cpu")


def test_a_thousand_times_more_work_takes_longer():
    data = DataShape((4, 16, 16), 2)
    small, large = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 512, 9)
    times = [
        measure_latency_ms(model, data, device=CPU, min_repeats=5, min_seconds=0.01)
        for model in (small, large)
    ]
    assert 0.0 < times[0] < times[1]


def test_the_model_is_measured_in_evaluation_mode_at_its_own_size():
    seen = []

    class Watching(nn.Module):
        input_size = (5, 6)

        def forward(self, images):
            seen.append((tuple(images.shape), self.training))
            return images

    measure_latency_ms(
        Watching(), DataShape((2, 9, 9), 2), device=CPU, min_repeats=3, min_seconds=0.0
    )
    assert set(seen) == {((1, 2, 5, 6), False)}
    assert len(seen) == 10 + 3
