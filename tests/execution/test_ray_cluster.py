import os
import signal
import socket
import sys

import pytest

from nas.errors import ExecutionError
from nas.execution import ray_cluster
from nas.execution.ray_cluster import (
    RaySettings,
    connect,
    fitting_on,
    require_ray,
    users_modules,
)

GPU_NODE = {"CPU": 8.0, "GPU": 2.0, "board": 1.0}


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ({"CPU": 1.0}, 8),
        ({"CPU": 3.0}, 2),
        ({"CPU": 0.1}, 80),
        ({"CPU": 1.0, "GPU": 1.0}, 2),
        ({"CPU": 1.0, "GPU": 2.0}, 1),
        ({"CPU": 1.0, "GPU": 0.25}, 8),
        ({"CPU": 0.5, "GPU": 0.25}, 8),
        ({"CPU": 1.0, "GPU": 0.4}, 4),  # two on each: a share comes from one GPU
        ({"CPU": 1.0, "board": 0.5}, 2),
        ({"CPU": 1.0, "antenna": 1.0}, 0),
        ({"CPU": 16.0}, 0),
    ],
)
def test_so_many_trials_fit_on_a_node(needs, expected):
    assert fitting_on(GPU_NODE, needs) == expected


def test_needs_are_named_as_ray_names_them():
    settings = RaySettings(cpus_per_trial=2, gpus_per_trial=0.5, resources={"board": 1})

    assert settings.needs == {"CPU": 2.0, "GPU": 0.5, "board": 1.0}
    assert settings.describe_needs() == "CPU 2, GPU 0.5, board 1"


def test_a_ray_that_cannot_be_imported_is_told_with_what_helps(monkeypatch):
    def broken(name):
        raise KeyError("libamd_smi.so")

    monkeypatch.setattr(ray_cluster, "import_module", broken)

    with pytest.raises(ExecutionError, match=r"KeyError.*uninstall amdsmi.*execution=inline"):
        require_ray()


def test_only_the_users_own_modules_travel(tmp_path, monkeypatch):
    (tmp_path / "my_space.py").write_text("X = 1\n")
    package = tmp_path / "my_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    __import__("my_space")
    __import__("my_package")
    try:
        assert users_modules() == [str(package), str(tmp_path / "my_space.py")]
    finally:
        del sys.modules["my_space"], sys.modules["my_package"]


@pytest.mark.parametrize(("num_aborted", "is_joined"), [(0, True), (2, True), (3, False)])
def test_a_cluster_whose_server_for_clients_ended_at_its_start_is_joined_again(
    monkeypatch, num_aborted, is_joined
):
    import ray

    calls = []

    def init(**options):
        calls.append(options)
        if len(calls) <= num_aborted:
            raise ConnectionAbortedError("Initialization failure from server:\nTraceback")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray_cluster, "JOIN_AGAIN_S", (0.0, 0.0))
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings = RaySettings(address=f"ray://127.0.0.1:{server.getsockname()[1]}")
        if is_joined:
            assert connect(settings) is None
        else:
            with pytest.raises(ExecutionError, match="Initialization failure"):
                connect(settings)

    assert len(calls) == min(3, num_aborted + 1)


def test_rays_handlers_do_not_stay_and_a_signal_while_it_starts_is_ctrl_c(monkeypatch):
    own = signal.getsignal(signal.SIGTERM)

    def start(*_, **__):
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(number))  # as `ray.init` does
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray_cluster, "start_local_ray", start)
    monkeypatch.setattr("ray.is_initialized", lambda: False)

    with pytest.raises(KeyboardInterrupt):
        connect(RaySettings())

    assert signal.getsignal(signal.SIGTERM) is own
