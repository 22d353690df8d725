import pytest

from nas.data.memory import free_bytes
from nas.evaluation.model_memory import check_memory


def test_a_network_that_fits_is_let_through():
    check_memory({"num_params": 1e6}, copies=2)


def test_gradients_count_beside_the_weights():
    fits_once = {"num_params": 0.2 * free_bytes()}  # four bytes each: 0.8 of what is free
    check_memory(fits_once, copies=1)
    with pytest.raises(MemoryError, match="weights and their gradients"):
        check_memory(fits_once, copies=2)


def test_a_network_of_more_weights_than_memory_is_told_with_its_size():
    with pytest.raises(MemoryError, match=r"at least 3\.73e\+06 GiB .*constraints.num_params.max"):
        check_memory({"num_params": 1e15}, copies=1)


def test_a_network_whose_size_nobody_knows_is_let_through():
    check_memory({}, copies=1)
