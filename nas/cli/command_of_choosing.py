"""`nas show` and `nas pick` in the table of commands."""

from nas.cli.arguments import OUTPUT, RUN
from nas.cli.command import Argument, Command
from nas.metric import METRICS

SHOW = Command(
    "show",
    "nas.cli.show",
    "print a run, or one of its trials in full, with its neighbours on the front",
    about="Prints how a run stands: its trials by state, its front, what it is compared with, and "
    "what nas finish found. With trial=N it prints one network in full: all that was measured, "
    "the whole architecture, and what a little more or less would give.",
    arguments=(
        RUN,
        Argument("trial=N", "the number of a trial"),
        OUTPUT,
    ),
    ending="It reads the run folder and writes nothing.",
)

_LIMITED = tuple(f"{name}.{end}=" for name in METRICS for end in ("max", "min"))

PICK = Command(
    "pick",
    "nas.cli.pick",
    "say which network of a run to take within limits, and why",
    about="Prints the network to take, its neighbours on the front (what a little more or less "
    "would give) and the command that finishes it. Without limits it is the knee of the front; "
    "with limits of costs the best that keeps them; with limits of quality alone the smallest.",
    arguments=(
        RUN,
        Argument("size_bytes.max=500kB", "at most so many bytes; any metric of a trial may stand"),
        Argument("accuracy.min=0.95", "at least so much"),
        Argument(
            "which=knee",
            "the knee, the best or the smallest of those that keep the limits",
            choices=("knee", "best", "smallest"),
        ),
        OUTPUT,
    ),
    further=_LIMITED,
    ending="It reads the run folder and writes nothing.",
)
