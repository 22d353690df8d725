import signal
import subprocess
import sys

import pytest

PROGRAM = """
import signal
import time
from nas.engine.interrupt import as_ctrl_c
# What starts the tests in the background has them ignored, and so they would stay here.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
try:
    with as_ctrl_c():
        try:
            print("ready", flush=True)
            time.sleep(60)
        finally:
            print("undoing", flush=True)
            time.sleep(2)
            print("undone", flush=True)
except KeyboardInterrupt:
    raise SystemExit(7)
"""


@pytest.mark.parametrize(
    ("second", "status", "told"),
    [(signal.SIGHUP, 7, ["undone"]), (signal.SIGTERM, 130, []), (signal.SIGINT, 130, [])],
    ids=["a session that ends", "TERM again", "Ctrl-C"],
)
def test_what_a_signal_has_undone_is_ended_by_a_second_one_but_not_by_its_echo(
    second, status, told
):
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "undoing\n"
        process.send_signal(second)
        assert process.stdout.read().split() == told

    assert process.returncode == status
