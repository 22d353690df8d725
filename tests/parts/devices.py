"""An invented device: networks with known times, as a table of measurements would have them."""

import csv
import hashlib

import numpy as np

from nas.device.operators import Node, Operator, OperatorGraph
from nas.export.measuring_folder import NetworkToMeasure, write_measuring_folder

START_MS, MACS_PER_MS, NUMBERS_PER_MS = 0.02, 2e6, 5e5


def operator_ms(operator):
    """What one operator takes on the invented device."""
    depthwise = 3.0 if operator.kind == "depthwise" else 1.0
    traffic = operator.num_in + operator.num_out + operator.num_weights
    return START_MS + depthwise * operator.num_macs / MACS_PER_MS + traffic / NUMBERS_PER_MS


def network_ms(counts):
    return sum(count * operator_ms(operator) for operator, count in counts.items())


def convolution(channels, positions, *, kind="conv", kernel=9):
    groups = channels if kind == "depthwise" else 1
    weights = channels * channels // groups * kernel
    return Operator(
        kind,
        weights * positions,
        channels * positions,
        channels * positions,
        weights,
        in_channels=channels,
        channels=channels,
        positions=positions,
        kernel=kernel,
        groups=groups,
    )


def random_counts(rng):
    """A network of a few kinds of convolutions at a few sizes."""
    counts = {}
    for _ in range(rng.integers(3, 12)):
        channels, positions = int(rng.choice([8, 16, 32, 64])), int(rng.choice([16, 64, 256]))
        kind, kernel = [("conv", 9), ("depthwise", 9), ("depthwise", 25), ("pointwise", 1)][
            rng.integers(4)
        ]
        operator = convolution(channels, positions, kind=kind, kernel=kernel)
        counts[operator] = counts.get(operator, 0) + 1
    return counts


def graph_of(counts):
    """A chain of operators; its tensors have the operators' sizes."""
    nodes, sizes = [], {0: 64}
    for operator, count in counts.items():
        for _ in range(count):
            nodes.append(Node(operator, (len(nodes),), len(nodes) + 1))
            sizes[len(nodes)] = operator.num_out
    num_params = sum(node.operator.num_weights for node in nodes)
    return OperatorGraph(tuple(nodes), sizes, (0,), (len(nodes),), num_params)


def write_networks(folder, number, *, seed=0):
    """Write the folder of a device; the files of the networks are no real ONNX files."""
    rng = np.random.default_rng(seed)
    graphs = [graph_of(random_counts(rng)) for _ in range(number)]
    networks = [
        NetworkToMeasure(f"network_{place:03}", graph, f"file {seed} {place}".encode())
        for place, graph in enumerate(graphs)
    ]
    write_measuring_folder(folder, networks, about={"search_space": "invented"})
    return graphs


def rows_of(graphs, *, seed=0, threads="1"):
    """The rows that measure.py would write."""
    return [
        {
            "network": f"network_{place:03}",
            "sha256": hashlib.sha256(f"file {seed} {place}".encode()).hexdigest(),
            "threads": threads,
            "latency_ms": f"{network_ms(graph.counts):.6g}",
            "fastest_ms": f"{0.9 * network_ms(graph.counts):.6g}",
            "noisy": "no",
            "runtime": "onnxruntime 1.0",
        }
        for place, graph in enumerate(graphs)
    ]


def write_rows(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path
