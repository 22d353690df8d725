"""A search as a process of its own, for tests that interrupt or kill it.

python -m parts.driver FOLDER --num-trials 60 --backend ray --seconds 0.02
"""

import argparse
import signal
import sys
from pathlib import Path

from nas.engine.stopping import Stopping
from nas.errors import NasError
from nas.execution.inline import InlineBackend
from parts.engine import ClosedForm, RecordingView, nsga2_sampler, search, small_task


def _ray(evaluator):
    from nas.execution.ray_backend import RayBackend, RaySettings

    return RayBackend(evaluator, RaySettings())


def main() -> int:
    # Tests that a shell started in the background, or under nohup, would ignore these two.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--num-trials", type=int, default=None)
    parser.add_argument("--backend", choices=["inline", "ray"], default="inline")
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--storage-url", default=None)
    options = parser.parse_args()
    log = options.folder.with_suffix(".acknowledged")

    def acknowledge(record):
        with log.open("a") as file:
            file.write(f"{record.number} {record.architecture.id}\n")

    task = small_task(
        evaluator=ClosedForm(options.seconds, log=options.folder.with_suffix(".evaluated")),
        make_sampler=nsga2_sampler,
        stopping=Stopping(num_trials=options.num_trials),
    )
    extra = {} if options.storage_url is None else {"storage_url": options.storage_url}
    try:
        summary = search(
            task,
            options.folder,
            make_backend=_ray if options.backend == "ray" else InlineBackend,
            view=RecordingView(on_finished=acknowledge),
            **extra,
        )
    except NasError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:  # as the command line does
        return 130
    return 130 if summary.is_interrupted else 0


if __name__ == "__main__":
    sys.exit(main())
