"""The table of commands: help, usage, dispatch and the tab key are made from it.

A new command is a module with `run(words)`, which returns an exit status, and an entry here.
Commands that have actions are described in modules of their own, `command_of_NAME`.
Nothing that runs a command is imported here: `nas --help` must come at once.
"""

from nas.cli.arguments import BOOLS, OUTPUT, RUN
from nas.cli.command import Argument, Command
from nas.cli.command_of_choosing import PICK, SHOW
from nas.cli.command_of_devices import DEVICE
from nas.cli.command_of_spaces import CONFIG_DIR as _CONFIG_DIR
from nas.cli.command_of_spaces import SPACES
from nas.cli.completers import (
    files,
    folders,
    listed,
    metrics,
    one_of,
    run_names,
    runs,
)
from nas.config.schema import Ui
from nas.finish.which import Which

_TRUST = Argument(
    "trust=true",
    "run code that a run folder or a file names, with all your rights (docs/foreign.md)",
    choices=BOOLS,
)
_CONFIG_NAME = Argument("--config-name, -cn NAME", "begin with NAME.yaml of one of these folders")
_OF_A_SEARCH = {
    "name": run_names,
    "objectives": listed(metrics),
    "objectives.metrics": listed(metrics),
    "warm_start": listed(runs),
    "run_folder": folders,
    **dict.fromkeys(("data.path", "search_space.weights", "table.path"), files),
    "ui": one_of(*Ui),
}

SEARCH = Command(
    "search",
    "nas.cli.search",
    "search; print the front; write the run folder",
    about="Searches for the networks that are best for their size, prints them, and writes "
    "everything into a run folder. Killed or interrupted, it goes on with resume=true.",
    arguments=(
        _TRUST,
        OUTPUT,
        _CONFIG_DIR,
        _CONFIG_NAME,
        Argument(
            "--config-path, -cp RUN", "begin with all settings of the run in this folder", runs
        ),
        Argument("--multirun, -m", "run each combination of comma-separated values"),
        Argument(
            "--cfg, -c WHAT",
            "print the configuration and run nothing: job, hydra or all",
            choices=("job", "hydra", "all"),
        ),
        Argument("--package, -p NODE", "with --cfg: only this node, as in --package sampler"),
        Argument("--resolve", "with --cfg: with interpolations replaced by their values"),
        Argument(
            "--info, -i WHAT",
            "print how the configuration is composed and run nothing",
            choices=("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
        ),
    ),
    overrides="search",
    completers=_OF_A_SEARCH,
    details="nas.cli.search_help:search_help",
    ending="""\
Examples
  nas search preset=smoke                                  seconds, to see that everything works
  nas search name=small constraints.size_bytes.max=2e5     networks of at most 200 kB
  nas search 'search_space.parameters.width.choice=[0.5,1.0]' stopping.num_trials=200
  nas search -m seed=0,1,2 name=repeat                     three runs, one after the other
  nas search --config-dir my_conf search_space=mine        with YAML files of your own
  nas search name=small resume=true                        go on with a run
  nas search name=small resume=true trust=true             the same; it names its own code
  nas search data=image_folder data.path=photos budget=10min output=json
                                                           fixed time, one JSON document""",
)

PROFILE = Command(
    "profile",
    "nas.cli.profile",
    "look before spending: what the space holds, what keeps the limits, trials per hour",
    about="A look before spending, in a minute or two: how many architectures there are, how "
    "large they are, how many keep the constraints, how long a trial takes here, and so how long "
    "the search will take. It takes the settings of nas search and writes no run folder. Settings "
    "of its own:",
    arguments=(
        Argument("samples=1000", "count the costs of at most so many architectures"),
        Argument("train=false", "do not measure how long trials take", choices=BOOLS),
        Argument(
            "run=runs/N",
            "look at the space of a run; with proxies=..., also at how these rank the networks "
            "that it trained",
            runs,
            is_first=True,
        ),
        Argument(
            "proxies=[naswot,synflow]",
            "zero-cost proxies to compute: synflow, naswot, grad_norm, zico; or all",
            listed(one_of("synflow", "naswot", "grad_norm", "zico", "all")),
        ),
        Argument("save=profile.json", "write all numbers into a file", files),
        _TRUST,
        _CONFIG_DIR,
        _CONFIG_NAME,
    ),
    overrides="search",
    completers=_OF_A_SEARCH,
    ending="Where no architecture keeps the constraints, the exit status is 2, as a search's "
    "would be.",
)

_COMPRESSIONS = listed(one_of("kept0.5", "rank0.5", "int8", "int4", "kept0.5+int8"))
FINISH = Command(
    "finish",
    "nas.cli.finish",
    "confirm winners on the test split; export and measure them",
    about="Retrains winners on train and validation, once for each seed, tests each once, and "
    "makes files of them: safetensors, torch.export, ONNX in floats and int8. Accuracy and speed "
    "of each file are measured.",
    arguments=(
        RUN,
        Argument(
            "pick=knee",
            "the knee alone; or all (default), best, smallest",
            lambda typed: [*one_of(*Which)(typed), "["],
        ),
        Argument("pick=5", "five winners, spread over the front"),
        Argument("pick=[3,17]", "these trials"),
        Argument("pick.size_bytes.max=100000", "the most accurate of at most 100 kB"),
        Argument("pick.accuracy.min=0.95", "the smallest of at least 95 % accuracy"),
        Argument("budget=30min", "wall time of the whole command; winners that fit are retrained"),
        Argument("seeds=3", "how often each is retrained, every time with another seed"),
        Argument("training.epochs=40", "any setting of the training that differs from the search"),
        Argument(
            "baselines.mobilenetv3_small=[0.25]",
            "train MobileNetV3 of this width too, to compare with",
        ),
        Argument("baselines.random=2", "train two random architectures of the same cost too"),
        Argument(
            "distillation.teacher=largest",
            "train the winners once more with the largest as their teacher",
            one_of("largest", "ensemble", "null"),
        ),
        Argument(
            "compression.to=[kept0.5,int8]",
            "make smaller networks of the winners and train them on: kept0.5 keeps half of the "
            "channels, int8 trains under rounding to 8 bits",
            _COMPRESSIONS,
        ),
        Argument(
            "export.int4=true",
            "further files: weights in 4 bits; also int8_dynamic, aot_inductor, executorch, "
            "executorch_int8",
            choices=BOOLS,
        ),
        Argument(
            "export.files=false", "make no files; export.int8=false: none in int8", choices=BOOLS
        ),
        Argument(
            "license=apache-2.0",
            "of the weights, for the model cards",
            one_of("apache-2.0", "bsd-3-clause", "cc-by-4.0", "mit"),
        ),
        Argument(
            "execution=inline", "train in this process; default: Ray", choices=("inline", "ray")
        ),
        Argument(
            "data.path=photos",
            "where the data are now, if they moved; they must be the same",
            files,
        ),
        _TRUST,
        OUTPUT,
    ),
    overrides="finish",
    borrowed=("training.",),
    completers={"ui": one_of(*Ui), "pick.which": one_of(*Which)},
    ending="Killed or interrupted, the same command goes on. All settings: conf/finish.yaml.",
)

REPRODUCE = Command(
    "reproduce",
    "nas.cli.reproduce",
    "repeat a run from its folder; say what differs",
    about="Runs the search of a run folder once more, with the settings that it remembers, into a "
    "new folder. Lists what differs on this machine, and compares the proposals and the "
    "objectives, trial by trial. With one worker at a time (execution=inline, or "
    "execution.num_workers=1) the proposals are the same; with several they depend on the order "
    "in which results arrive.",
    arguments=(
        RUN,
        Argument("into=runs/N-again", "the new folder; by default beside the run", folders),
        Argument(
            "data.path=photos",
            "where the data are now, if they moved; they must be the same",
            files,
        ),
        Argument("table.path=t.csv", "the same of a table", files),
        _TRUST,
    ),
)

REPORT = Command(
    "report",
    "nas.cli.report",
    "make tables, pictures and page again from a run folder",
    about="Makes trials.csv, front.csv, front.png and report.html again from the study, and "
    "prints the front.",
    arguments=(RUN,),
)

REPAIR = Command(
    "repair",
    "nas.cli.repair",
    "save what is whole of a damaged run folder",
    about="Saves what is whole of a damaged run folder: every whole line of study.journal and of "
    "finish/ledger.jsonl stays, the others are named. The originals are kept beside them as "
    "*.damaged. A folder, a pipe or a link that stands in place of a table, a picture or a log is "
    "moved to *.damaged as well; nas report and nas finish make the file again. A run that is "
    "whole is left as it is.",
    arguments=(RUN,),
)

COMPARE = Command(
    "compare",
    "nas.cli.compare",
    "several fronts in one picture, with their hypervolumes",
    about="Prints groups of runs, best first, and draws their fronts. Runs whose settings differ "
    "by the seed alone are one group.",
    arguments=(
        Argument(
            "runs=[runs/a,runs/b]",
            "the runs; a pattern stands for several: 'runs=[runs/tpe-*,runs/nsga2-*]'",
            listed(runs),
            is_required=True,
            is_first=True,
        ),
        Argument("labels=[x,y]", "other groups: one label for each run", default="[]"),
        Argument(
            "out=comparison",
            "folder for comparison.png, runs.csv and growth.csv",
            folders,
            default="comparison",
        ),
        OUTPUT,
    ),
)

DASHBOARD = Command(
    "dashboard",
    "nas.cli.dashboard",
    "watch a run's study in a browser (optuna-dashboard)",
    about="Shows the study of a run in a browser, also while the run goes on. Nothing that is "
    "done there changes the run, unless write=true is said. Ctrl-C ends it.",
    arguments=(
        RUN,
        Argument(
            "host=127.0.0.1",
            "the address to listen at",
            one_of("127.0.0.1", "0.0.0.0"),
            default="127.0.0.1",
        ),
        Argument("port=8080", "the port, 1 to 65535", default="8080"),
        Argument(
            "write=true",
            "let the browser write notes, and delete the study",
            choices=BOOLS,
            default="false",
        ),
    ),
)

COMPLETION = Command(
    "completion",
    "nas.cli.completion",
    "print a script that lets the tab key complete these commands",
    about="""\
Prints a script that lets the tab key complete commands, settings, choices and runs.
  bash   add to ~/.bashrc:                     eval "$(nas completion bash)"
  zsh    add to ~/.zshrc, after compinit:      eval "$(nas completion zsh)"
  fish   add to ~/.config/fish/config.fish:    nas completion fish | source""",
    arguments=(Argument("bash|zsh|fish", "the shell", choices=("bash", "zsh", "fish")),),
)

COMMANDS = {
    command.name: command
    for command in (
        SEARCH,
        PROFILE,
        SHOW,
        PICK,
        FINISH,
        REPRODUCE,
        REPORT,
        REPAIR,
        COMPARE,
        SPACES,
        DEVICE,
        DASHBOARD,
        COMPLETION,
    )
}
