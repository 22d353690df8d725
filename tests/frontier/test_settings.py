import numpy as np

from nas.frontier.encoding import Encoding
from nas.frontier.settings import settings_of
from nas.space.facts import Facts
from nas.space.space import SearchSpace

SPACE = SearchSpace(
    {
        "width": {"choice": [8, 16, 32]},
        "rate": {"float": [0.001, 0.1], "log": True},
        "dropout": {"choice": [0.0, 0.3, 0.6]},
        "deep": {"choice": [False, True]},
        "kernel": {"choice": [3, 5], "when": {"deep": [True]}},
        "only": {"choice": ["relu"]},
    }
)
RATE, DROPOUT = 1, 2


def facts(architecture):
    size = architecture["width"] * (1 + architecture.get("kernel", 0))
    return Facts(float(np.log10(size)), architecture.id)


def found(space=SPACE, facts=facts, *, seed=0):
    encoding = Encoding(space)
    rng = np.random.default_rng(seed)
    rows = encoding.draw(100, rng)
    return settings_of(encoding, rows, lambda row: facts(encoding.decode(row)), rng)


def test_parameters_that_move_no_cost_are_settings():
    assert found() == {RATE, DROPOUT}


def test_what_moves_another_known_number_is_no_setting():
    def slower(architecture):
        return Facts(facts(architecture).log_size, architecture.id, (architecture["dropout"],))

    # The learning rate alone is left, and one setting alone counts as none.
    assert found(facts=slower) == frozenset()


def test_a_choice_without_any_effect_on_the_network_is_no_setting():
    def same_network(architecture):
        kept = {k: v for k, v in architecture.items() if k not in ("rate", "dropout")}
        return Facts(facts(architecture).log_size, str(sorted(kept.items())))

    assert found(facts=same_network) == frozenset()


def test_networks_that_cannot_be_built_tell_nothing():
    assert found(facts=lambda architecture: None) == frozenset()


def test_a_cost_that_one_of_many_options_moves_is_seen():
    space = SearchSpace({"op": {"choice": ["a", "b", "c", "wide"]}, "rate": {"float": [0.0, 1.0]}})

    def of_op(architecture):
        return Facts(1.0 if architecture["op"] == "wide" else 0.0, architecture.id)

    assert found(space, of_op) == frozenset()


def test_settings_of_two_options_are_found_whatever_the_draws():
    space = SearchSpace(
        {
            "width": {"choice": [8, 16]},
            "schedule": {"choice": ["constant", "cosine"]},
            "flip": {"choice": [False, True]},
        }
    )

    def of_width(architecture):
        return Facts(float(architecture["width"]), architecture.id)

    assert {found(space, of_width, seed=seed) for seed in range(30)} == {frozenset({1, 2})}
