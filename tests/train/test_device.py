"""Threads, device and memory of a worker process."""

import os
import subprocess
import sys

import pytest
import torch

from nas.errors import ConfigError
from nas.train.device import autocast, choose_device, is_out_of_memory, keep_freed_memory
from nas.train.threads import set_worker_environment, worker_environment


def test_a_worker_waits_passively_with_the_threads_asked_for():
    assert worker_environment(3) == {
        "OMP_NUM_THREADS": "3",
        "MKL_NUM_THREADS": "3",
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    assert worker_environment(0)["OMP_NUM_THREADS"] == "1"


def test_what_the_user_has_set_stays(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("MKL_NUM_THREADS", "7")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    set_worker_environment(2)
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"


def test_torch_obeys_an_environment_that_was_set_before_its_import():
    code = (
        "import sys; from nas.train.threads import set_worker_environment; "
        "assert 'torch' not in sys.modules; set_worker_environment(1); "
        "import torch; print(torch.get_num_threads())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={}
    )
    assert done.stdout.strip() == "1"


def test_auto_finds_a_device_and_cpu_is_always_there():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in ("cpu", "cuda", "mps")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(
        ConfigError, match=r"training.device is 'cuda', but torch finds only .*cpu"
    ):
        choose_device("cuda")


def test_the_cpu_computes_in_full_precision():
    with autocast(torch.device("cpu")):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_more_memory_than_the_machine_has_is_recognised():
    keep_freed_memory()
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50)
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_memory_that_ran_out_is_known_by_its_type_and_not_by_its_words():
    assert is_out_of_memory(torch.OutOfMemoryError("whatever"))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 7.6 GiB)"))
    assert not is_out_of_memory(RuntimeError("the camera ran out of memory cards"))
    assert not is_out_of_memory(ValueError("DefaultCPUAllocator: can't allocate memory"))


@pytest.mark.parametrize(("code", "is_memory"), [(2, True), (719, False), (None, False)])
def test_an_accelerator_says_by_its_code_that_its_memory_ran_out(code, is_memory):
    error = torch.AcceleratorError("CUDA error: out of memory")
    error.error_code = code

    assert is_out_of_memory(error) is is_memory
