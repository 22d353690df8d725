"""Whether the hub is asked at all, without any network."""

import socket
import time

from huggingface_hub import constants

from nas.models.hub import hub_or_cache, is_reachable


def test_a_server_that_listens_is_reachable_and_a_closed_port_is_not():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert is_reachable(("127.0.0.1", port))

    assert not is_reachable(("127.0.0.1", port), wait_s=1.0)


def test_a_server_that_never_answers_is_given_up_in_time():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        port = server.getsockname()[1]
        full = [socket.socket() for _ in range(4)]
        for one in full:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        started = time.monotonic()
        is_reachable(("127.0.0.1", port), wait_s=0.2)
        for one in full:
            one.close()

    assert time.monotonic() - started < 2.0


def test_the_cache_alone_is_used_while_the_hub_cannot_be_reached(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{port}")
    before = constants.HF_HUB_OFFLINE

    with hub_or_cache():
        inside = constants.HF_HUB_OFFLINE

    assert inside is True
    assert before == constants.HF_HUB_OFFLINE
