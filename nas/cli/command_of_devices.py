"""`nas device` in the table of commands: its actions and the words that they take."""

from nas.cli.command import Argument, Command
from nas.cli.command_of_spaces import CONFIG_DIR
from nas.cli.completers import device_names, files, listed

_NAME = Argument("NAME", "what the device is called: letters, digits, _ and -", device_names)
_CSV = Argument("MEASURED.csv", "the table that measure.py wrote on the device", files)
_THREADS = Argument("threads=1", "the rows with so many threads, where the table has several")
_USE = Argument(
    "use=fastest",
    "of each network the median of its turns, or the fastest turn: for a machine that other work "
    "slows down",
    choices=("median", "fastest"),
    default="median",
)

DEVICE = Command(
    "device",
    "",
    "latency of a device that is not at hand: measure a few networks there, predict all others",
    about="Learns how long networks take on a device from a few dozen that were measured there. "
    "Then latency_ms@NAME is an objective or a constraint that is known before any training.",
    ending="""\
Examples
  nas device new pi5 search_space=mobilenet            writes the folder devices/pi5
  python measure.py                                    in that folder, on the device
  nas device fit pi5 measured.csv                      learns from what was measured
  nas search 'objectives=[accuracy,latency_ms@pi5]'    searches with it
nas device new --help says more of an action.""",
    actions=(
        Command(
            "device new",
            "nas.cli.device:new",
            "write the folder that travels to the device",
            about="Writes devices/NAME: networks drawn from a search space so that their times "
            "tell most about it, as ONNX files, and measure.py, which needs ONNX Runtime alone. "
            "Takes the settings of nas search: search_space and data count, for the size of the "
            "images.",
            arguments=(
                _NAME,
                Argument("networks=30", "how many networks to measure, 10 to 200"),
                CONFIG_DIR,
            ),
            overrides="search",
        ),
        Command(
            "device fit",
            "nas.cli.device:fit",
            "learn from what was measured on the device",
            about="Fits the model of the device and prints its error in cross-validation, beside "
            "lines through multiply-accumulates and parameters alone. From 10 networks on.",
            arguments=(
                _NAME,
                _CSV,
                _THREADS,
                _USE,
                Argument(
                    "from=[pi4]",
                    "start from devices that this one resembles",
                    listed(device_names),
                ),
            ),
        ),
        Command("device list", "nas.cli.device:show_all", "the devices that have a model"),
        Command(
            "device show",
            "nas.cli.device:show",
            "how good its predictions are, and what takes the time",
            arguments=(_NAME,),
        ),
        Command(
            "device confirm",
            "nas.cli.device:confirm",
            "put measured times of winners beside predicted ones",
            about="Reads the table that measure.py wrote in a run's finish/device folder (nas "
            "finish makes it), and prints measured beside predicted times.",
            arguments=(
                _NAME,
                _CSV,
                _THREADS,
                _USE,
            ),
        ),
    ),
)
