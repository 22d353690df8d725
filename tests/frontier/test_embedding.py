import numpy as np
import pytest

from nas.frontier.embedding import Embedding
from nas.frontier.encoding import Encoding
from nas.space.facts import Facts
from nas.space.space import SearchSpace

OPTIONS = ["a", "b", "c", "d"]
SPACE = SearchSpace({f"e{i}": {"choice": OPTIONS} for i in range(4)})
# Four positions of four options: how many of the 256 rows have an option 0 to 4 times.
COUNTS = np.array([81, 108, 54, 12, 1])


def embed():
    encoding = Encoding(SPACE)
    codes = np.array([encoding.encode(a) for a in SPACE.enumerate()])
    facts = [Facts(float(row.sum()), str(row)) for row in codes]
    return codes, Embedding(encoding, codes, facts, is_exhaustive=True)(codes, facts)


def test_shares_of_an_option_count_by_rank():
    codes, features = embed()
    taken = (codes == 0).sum(axis=1)
    # Mean ranks of the five shares, on 0..1 between the lowest and the highest.
    ranks = np.cumsum(COUNTS) - COUNTS / 2
    expected = ((ranks - ranks[0]) / (ranks[-1] - ranks[0]))[taken]
    found = [np.allclose(column, expected) for column in features.T]
    assert sum(found) == 1


def test_features_other_than_positions_lie_between_0_and_1():
    _, features = embed()
    assert features.min() == 0.0
    assert features.max() == 1.0


def test_two_options_of_a_position_are_1_apart():
    _, features = embed()
    # Sixteen columns of positions come first; the rows differ in the last position alone.
    difference = features[0, :16] - features[1, :16]
    assert np.isclose(difference @ difference, 1.0)


def test_size_alone_has_a_term_of_the_covariance():
    encoding = Encoding(SPACE)
    codes = np.array([encoding.encode(a) for a in SPACE.enumerate()])
    facts = [Facts(float(row.sum()), str(row), numbers=(float(row[0]),)) for row in codes]
    embedding = Embedding(encoding, codes, facts)
    kernel, features = embedding.kernel, embedding(codes, facts)

    (size,) = kernel.terms[0]
    assert np.allclose(features[:, kernel.blocks[size]][:, 0], codes.sum(axis=1) / 12.0)
    assert all(size in term for term in kernel.terms)


def test_a_space_with_no_fact_but_the_size_has_no_term_twice():
    space = SearchSpace({"width": {"choice": [8, 16]}, "act": {"choice": ["relu", "gelu"]}})
    encoding = Encoding(space)
    codes = np.array([encoding.encode(a) for a in space.enumerate()])
    facts = [Facts(float(i), str(i)) for i in range(len(codes))]
    terms = Embedding(encoding, codes, facts).kernel.terms
    assert len(terms) == len(set(terms)) == 2


def test_groups_of_like_positions_share_the_weight_of_each_kind_of_fact():
    one = SearchSpace({f"a{i}": {"choice": OPTIONS} for i in range(6)})
    two = SearchSpace(
        {
            **{f"a{i}": {"choice": OPTIONS} for i in range(3)},
            **{f"b{i}": {"choice": [1, 2, 3]} for i in range(3)},
        }
    )
    # Beside positions and facts of the configuration there is the size alone.
    totals = [sum(kernel_of(space).medians[6:-1]) for space in (one, two)]
    np.testing.assert_allclose(totals[0], totals[1])


def kernel_of(space):
    encoding = Encoding(space)
    # Fully random rows: every fact varies but the number of positions that are present.
    codes = encoding.draw(200, np.random.default_rng(0))
    facts = [Facts(float(row.sum()), str(row)) for row in codes]
    return Embedding(encoding, codes, facts).kernel


TRAINING = SearchSpace(
    {
        "width": {"choice": [8, 16, 32]},
        "rate": {"choice": ["0.001", "0.01", "0.1"]},
        "dropout_1": {"choice": [0.0, 0.2, 0.4]},
        "dropout_2": {"choice": [0.0, 0.2, 0.4]},
    }
)


def embed_training(settings):
    encoding = Encoding(TRAINING)
    codes = np.array([encoding.encode(a) for a in TRAINING.enumerate()])
    facts = [Facts(float(row[0]), str(row)) for row in codes]
    return codes, Embedding(encoding, codes, facts, settings=settings), facts


def test_settings_stand_in_the_order_of_their_numbers():
    codes, embedding, facts = embed_training({1, 2, 3})
    rows = codes[(codes[:, [0, 2, 3]] == 0).all(axis=1)]
    features = embedding(rows, facts[:3])
    distance = np.linalg.norm(features - features[0], axis=1)
    np.testing.assert_allclose(distance[np.argsort(rows[:, 1])], 6.0**0.5 * np.array([0, 0.5, 1]))


def test_values_of_a_number_among_the_settings_are_as_far_apart_as_options():
    rates, schedules = [*range(1, 102)], ["constant", "cosine", "linear"]
    space = SearchSpace({"rate": {"choice": rates}, "schedule": {"choice": schedules}})
    encoding = Encoding(space)
    codes = np.array([encoding.encode(a) for a in space.enumerate()])
    facts = [Facts(float(i), str(i)) for i in range(len(codes))]
    features = Embedding(encoding, codes, facts, settings={0, 1})(codes, facts)

    def squares(fixed):
        rows = features[codes[:, fixed] == 0, :-1]  # the last one is the size
        return ((rows[:, None] - rows[None]) ** 2).sum(axis=2)

    two_options = squares(0)[~np.eye(3, dtype=bool)]
    assert two_options.mean() == pytest.approx(1.0)
    assert squares(1).mean() == pytest.approx(1.0, abs=0.03)


def test_settings_have_a_term_of_their_own():
    _, embedding, _ = embed_training({1, 2, 3})
    size = 4  # the blocks are the four positions and the size
    assert embedding.kernel.terms == ((size,), (0, 1, 2, 3, size), (1, 2, 3))
