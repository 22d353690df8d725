import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from nas.engine.interrupt import TWICE_S, InterruptWatch, as_ctrl_c

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
        time.sleep(2 * TWICE_S)
        process.send_signal(second)
        assert process.stdout.read().split() == told

    assert process.returncode == status


WATCHED = """
import signal
import sys
import time
from nas.engine.interrupt import InterruptWatch, StopWords, as_ctrl_c, say_when_stopped
signal.signal(signal.SIGINT, signal.default_int_handler)
with as_ctrl_c():
    say_when_stopped(StopWords("the folder is tidied up", "nas search resume=true"))
    with InterruptWatch("a training is waited for") as watch:
        print("ready", flush=True)
        sorted(range(30_000_000))  # the main thread hears nothing meanwhile
        while not watch.requested:
            time.sleep(0.01)
    print("closed", flush=True)
    time.sleep(60)
"""
FIRST = "nas: stopping: {}; a second Ctrl-C ends at once\n"


def _watched():
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", WATCHED]
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)


def test_the_first_signal_is_answered_at_once_and_the_second_one_ends_whatever_runs():
    with _watched() as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline() == FIRST.format("a training is waited for")
        assert process.stdout.readline() == "closed\n"
        process.send_signal(signal.SIGINT)
        told = process.stderr.read()

    assert process.returncode == 130
    assert told == "nas: ended at once. Go on with:\n  nas search resume=true\n"


def test_two_signals_that_come_while_a_library_runs_are_two():
    with _watched() as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline() == FIRST.format("a training is waited for")
        time.sleep(2 * TWICE_S)
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == ""  # the trainings were not waited for

    assert process.returncode == 130


def test_a_signal_that_is_sent_twice_as_timeout_does_is_one():
    with _watched() as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "closed\n"
        process.kill()


def test_a_signal_outside_of_trainings_says_what_the_command_does_then():
    program = WATCHED.replace("sorted(range(30_000_000))", "").replace(
        "while not watch.requested:", "if False:"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:
        assert [p.stdout.readline(), p.stdout.readline()] == ["ready\n", "closed\n"]
        p.send_signal(signal.SIGINT)
        assert p.stderr.readline() == FIRST.format("the folder is tidied up")
        assert p.stderr.read().endswith("KeyboardInterrupt\n")

    assert p.returncode != 0


def test_a_watch_leaves_threads_and_handlers_as_they_were():
    before = threading.active_count(), signal.getsignal(signal.SIGINT)

    for _ in range(3):
        with InterruptWatch("x") as watch:
            assert not watch.requested

    assert (threading.active_count(), signal.getsignal(signal.SIGINT)) == before
    assert signal.set_wakeup_fd(-1) == -1


def test_a_signal_whose_exception_was_dropped_ends_the_next_trainings():
    with as_ctrl_c():
        with suppress(KeyboardInterrupt):  # as Python does within a callback
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)
        with InterruptWatch() as watch:
            assert watch.requested

    with as_ctrl_c(), InterruptWatch() as watch:
        assert not watch.requested
