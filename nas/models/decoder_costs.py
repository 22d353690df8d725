"""Closed-form costs of decoders; tests hold them against the built model."""

import math
from functools import lru_cache

from nas.models.decoder import ATTENTION, LINEAR, DecoderLayer, DecoderPlan
from nas.models.layer_costs import MAX_KEPT
from nas.widths import widths_from

_BYTES_PER_WEIGHT = 4
_CACHE_BYTES = 2  # a number of the key-value cache, 16 bits


def decoder_costs(plan: DecoderPlan) -> dict[str, float]:
    """Return what a decoder costs, without building it.

    `num_params` and `size_bytes` of all weights; `num_body_params` of those that are no embedding
    and no output matrix; `num_macs` of one whole context; `kv_bytes_per_token`: bytes that are
    kept of the context while text is written, 16 bits a number, divided by its tokens; and widths.
    """
    shape = (plan.width, plan.query_features, plan.kv_features)
    body = sum(_layer_params(*shape, layer.hidden_features) for layer in plan.layers) + plan.width
    tables = plan.vocabulary * plan.width * (1 if plan.is_tied else 2)
    products = body - plan.width * (2 * len(plan.layers) + 1)
    macs = plan.context * (products + plan.vocabulary * plan.width)
    macs += len(plan.layers) * 2 * plan.context**2 * plan.query_features
    kept = sum(_kept_numbers(plan, layer) for layer in plan.layers)
    num_params = body + tables
    mixing = (plan.query_features + 2 * plan.kv_features, plan.width)
    widths = [w for la in plan.layers for w in (*mixing, 2 * la.hidden_features, plan.width)]
    return {
        "num_params": num_params,
        "size_bytes": _BYTES_PER_WEIGHT * num_params,
        "trained_bytes": _BYTES_PER_WEIGHT * num_params,
        "num_body_params": body,
        "num_macs": macs,
        "kv_bytes_per_token": _CACHE_BYTES * kept / plan.context,
        **widths_from(
            num_layers=len(widths),
            log_width=sum(map(math.log10, widths)),
            min_width=min(widths),
            num_features=plan.layers[-1].hidden_features,
        ),
    }


@lru_cache(MAX_KEPT)
def _layer_params(width: int, query: int, kv: int, hidden: int) -> int:
    attention = width * (query + 2 * kv) + query * width
    return attention + 3 * width * hidden + 2 * width


def _kept_numbers(plan: DecoderPlan, layer: DecoderLayer) -> float:
    """Return the numbers that a layer keeps of a full context."""
    if layer.mixer == LINEAR:
        return plan.num_heads * plan.head_features**2
    seen = plan.context if layer.mixer == ATTENTION else min(plan.window, plan.context)
    return 2 * plan.kv_features * seen
