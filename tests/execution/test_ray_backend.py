"""A cluster address where nothing listens is refused before Ray tries for minutes."""

import socket

import pytest

from nas.errors import ExecutionError
from nas.execution.ray_backend import RayBackend, RaySettings


def test_an_address_where_nothing_listens_is_refused_by_name():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ExecutionError, match=f"no Ray cluster answers at .*{address}"):
        RayBackend(None, RaySettings(address=address))
