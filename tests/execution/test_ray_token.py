"""Which token is shown to a cluster is decided as Ray decides it."""

import pytest

from nas.errors import ExecutionError
from nas.execution.ray_token import has_token, shown_token


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ray").mkdir()
    return tmp_path


def test_without_variable_and_file_there_is_no_token(home):
    assert not has_token({})


def test_the_variable_is_a_token(home):
    assert has_token({"RAY_AUTH_TOKEN": "abc"})


def test_the_file_of_the_home_folder_is_a_token(home):
    (home / ".ray" / "auth_token").write_text("abc\n")

    assert has_token({})


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe"], ids=["empty", "blank", "binary"])
def test_a_file_without_text_is_no_token(home, content):
    (home / "mine").write_bytes(content)

    assert not has_token({"RAY_AUTH_TOKEN_PATH": str(home / "mine")})


def test_a_named_file_that_is_absent_is_no_token(home):
    assert not has_token({"RAY_AUTH_TOKEN_PATH": str(home / "absent")})


def test_a_named_file_without_a_token_is_refused_before_ray_would_abort(home, monkeypatch):
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(home / "absent"))

    with (
        pytest.raises(ExecutionError, match=r"RAY_AUTH_TOKEN_PATH=.*absent is no readable file"),
        shown_token("auto"),
    ):
        pass
