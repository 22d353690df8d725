"""`nas spaces` in the table of commands: its actions and the words that they take."""

from nas.cli.command import Argument, Command
from nas.cli.completers import choices_of, folders

CONFIG_DIR = Argument(
    "--config-dir, -cd DIR", "your own folder of YAML files, besides the shipped ones", folders
)
_SPACE = Argument(
    "NAME", "the name of a search space (nas spaces list)", choices_of("search_space")
)
SPACES = Command(
    "spaces",
    "",
    "look at search spaces; copy or check one",
    about="Lists search spaces, shows what one holds, copies one to change it, or checks one.",
    ending="nas spaces show --help says more of an action.",
    actions=(
        Command(
            "spaces list",
            "nas.cli.spaces:show_all",
            "the search spaces that come with the package",
        ),
        Command(
            "spaces show",
            "nas.cli.spaces:show",
            "its parameters, and how many architectures",
            about="Shows the parameters of a space, what each may be and when it counts, and how "
            "many architectures there are. Settings show what a change does: "
            "nas spaces show mobilenet channels=[8,16,32,64]",
            arguments=(
                _SPACE,
                Argument(
                    "compression=int8",
                    "with compression as a parameter",
                    choices_of("search_space/compression", "null"),
                ),
                Argument(
                    "training=usual",
                    "with settings of the training as parameters",
                    choices_of("search_space/training", "null"),
                ),
                Argument("channels=[8,16,32]", "any other setting of the space"),
                CONFIG_DIR,
            ),
        ),
        Command(
            "spaces copy",
            "nas.cli.spaces:copy",
            "its YAML and Python into a folder, to change",
            about="Copies the YAML and the Python of a space into a folder, as my_NAME: to "
            "change, and to search with --config-dir DIR search_space=my_NAME.",
            arguments=(_SPACE, Argument("DIR", "the folder for the copy", folders)),
        ),
        Command(
            "spaces check",
            "nas.cli.spaces:check",
            "builds and trains some of its networks; says what is wrong",
            about="Builds, counts and trains some networks of a space, and says what is wrong. "
            "For a space of your own: nas spaces check my_mobilenet --config-dir DIR",
            arguments=(
                _SPACE,
                Argument("num_architectures=100", "how many are built; 3 or more"),
                Argument("channels=[8,16,32]", "any setting of the space"),
                CONFIG_DIR,
            ),
        ),
    ),
)
