import os
import signal
import subprocess
import sys
import time

import pytest

from nas import running_clock

STOP_S = 7.0
PROGRAM = """
import sys, time
from nas.running_clock import running_s
running_s_0, wall_s = running_s(), time.monotonic()
print("ready", flush=True)
sys.stdin.readline()
print(running_s() - running_s_0, time.monotonic() - wall_s)
"""


@pytest.mark.slow
def test_a_stop_of_the_process_does_not_count():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", PROGRAM], **pipes) as process:
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(STOP_S)
        os.kill(process.pid, signal.SIGCONT)
        ran_s, wall_s = map(float, process.communicate("go\n")[0].split())

    assert wall_s >= STOP_S
    assert ran_s == pytest.approx(wall_s - STOP_S, abs=1.5)


def test_work_and_sleep_count():
    before_s, wall_s = running_clock.running_s(), time.monotonic()

    time.sleep(0.3)
    sum(range(10**6))

    assert running_clock.running_s() - before_s == pytest.approx(
        time.monotonic() - wall_s, abs=0.05
    )
