"""Words that several commands take."""

from nas.cli.command import Argument
from nas.cli.completers import runs

BOOLS = ("true", "false")
RUN = Argument(
    "run=runs/N",
    "the folder of the run; runs/N alone, as the first word, means the same",
    runs,
    is_required=True,
    is_first=True,
)
OUTPUT = Argument(
    "output=json",
    "one JSON document on standard output, everything else on standard error (docs/json.md)",
    choices=("json", "text"),
)
