"""What do runtimes make of a network's operators before they run it?

Batch norms become part of the convolution before them, and clamps (ReLU, ReLU6) run inside of the
operator that puts out what they take. Both need that nothing else reads that tensor. Other
activations stay operators of their own, as in TensorFlow Lite and, mostly, ONNX Runtime.
"""

from collections import Counter
from dataclasses import replace

from nas.device.operators import CONVOLUTIONS, Node, OperatorGraph

_TAKES_NORM = (*CONVOLUTIONS, "linear")
_TAKES_CLAMP = (*_TAKES_NORM, "elementwise", "norm")


def folded(graph: OperatorGraph) -> OperatorGraph:
    """Return the graph with batch norms and clamps inside of the operators before them.

    What cannot be folded stays: a batch norm as `norm`, a clamp (ReLU) as `activation`.
    Operators that lead to no output are dropped, as exporters do.
    """
    graph = _without_dead(graph)
    readers = Counter(tensor for node in graph.nodes for tensor in node.inputs)
    readers.update(graph.outputs)
    made: dict[int, int] = {}  # tensor -> place of the node that writes it
    nodes: list[Node] = []
    for node in graph.nodes:
        place = made.get(node.inputs[0]) if len(node.inputs) == 1 else None
        if place is not None and readers[node.inputs[0]] == 1:
            merged = _merged(nodes[place], node)
            if merged is not None:
                nodes[place] = merged
                made[node.output] = place
                continue
        made[node.output] = len(nodes)
        nodes.append(_by_itself(node))
    kept = {*graph.inputs, *(node.output for node in nodes)}
    sizes = {tensor: size for tensor, size in graph.sizes.items() if tensor in kept}
    return replace(graph, nodes=tuple(nodes), sizes=sizes)


def may_fold_into_before(graph: OperatorGraph) -> bool:
    """Say whether a graph, not folded yet, begins with what the operator before it may run."""
    readers = [node for node in _without_dead(graph).nodes if graph.inputs[0] in node.inputs]
    return len(readers) == 1 and readers[0].operator.kind in ("batch_norm", "clamp")


def _merged(before: Node, node: Node) -> Node | None:
    """Return one node in place of two; None where no runtime does that."""
    kind, host = node.operator.kind, before.operator
    if kind == "batch_norm" and host.kind in _TAKES_NORM and not host.function:
        return replace(before, output=node.output)
    if kind == "clamp" and host.kind in _TAKES_CLAMP and not host.function:
        operator = host._replace(function=node.operator.function)
        return replace(before, operator=operator, output=node.output)
    return None


def _by_itself(node: Node) -> Node:
    names = {"batch_norm": "norm", "clamp": "activation"}
    kind = names.get(node.operator.kind, node.operator.kind)
    return replace(node, operator=node.operator._replace(kind=kind))


def _without_dead(graph: OperatorGraph) -> OperatorGraph:
    wanted = set(graph.outputs)
    kept = []
    for node in reversed(graph.nodes):
        if node.output in wanted:
            wanted.update(node.inputs)
            kept.append(node)
    return replace(graph, nodes=tuple(reversed(kept)))
