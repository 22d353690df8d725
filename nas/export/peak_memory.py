"""How much memory does a file need? Measured in a fresh process that loads it and runs one input.

What importing the runtime takes is left out. Only Linux tells the peak, in steps of 1024 bytes.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_PROGRAM = """
import json, sys
import numpy as np
path, shape = sys.argv[1], json.loads(sys.argv[2])
images = np.zeros(shape, np.float32)
def peak():
    # Of this program alone: ru_maxrss would include the process that started it.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
{prepare}
before = peak()
{run}
print(peak() - before)
"""


@dataclass(frozen=True)
class MemoryProbe:
    """The Python lines that a fresh process runs.

    Attributes:
        prepare: imports the runtime; its memory does not count.
        run: loads the file `path` and runs the array `images` (1, C, H, W); its memory counts.
    """

    prepare: str
    run: str


def peak_memory_bytes(path: Path, image_shape: tuple[int, ...], *, probe: MemoryProbe) -> float:
    """Return by how much loading a file and running one input raises a process's peak memory.

    NaN where it cannot be measured.
    """
    program = _PROGRAM.format(prepare=probe.prepare.strip(), run=probe.run.strip())
    shape = json.dumps([1, *image_shape])
    command = [sys.executable, "-W", "ignore", "-c", program, str(path), shape]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not done.stdout.strip().isdigit():
        return float("nan")
    return 1024.0 * float(done.stdout)
