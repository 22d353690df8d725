"""`nas profile`: what a search space holds and what a search would cost, before any is spent."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nas.cli.commands import PROFILE
from nas.cli.flags import parse_flags
from nas.config.launch import open_launch_folder
from nas.errors import ConfigError, ConstraintError
from nas.exit_status import ExitStatus

if TYPE_CHECKING:
    from rich.console import Console

    from nas.assemble.profile_settings import ProfileSettings
    from nas.assemble.profiling import ProfilePlan
    from nas.profile.proxy_ranks import ProxyRanks
    from nas.profile.space_profile import CountMore, SpaceProfile
    from nas.profile.trial_time import TrialTimes

LOOK_S = 45.0  # aim for all of it
SECONDS_EACH = 5.0  # aim for measuring each of three models, less where time is short
LEAST_SECONDS_EACH = 1.0
PROXY_TIME_S = 15.0


def run(words: Sequence[str]) -> int:
    """Look at a space and print what was seen."""
    started_s = time.monotonic()
    flags = parse_flags(words, PROFILE)
    open_launch_folder()
    from nas.assemble.profile_settings import checked, read_settings
    from nas.config.source import ConfigSource

    settings = read_settings(flags.overrides, known_proxies=_known_proxies)
    composed, asked = checked(ConfigSource(flags.config_dir, flags.config_name), settings)
    from nas.assemble.profiling import plan_profile  # brings torch, which no refused line needs

    return _look(plan_profile(composed, asked), settings, until_s=started_s + LOOK_S)


def _known_proxies() -> tuple[str, ...]:
    from nas.measure.proxies import PROXIES

    return tuple(PROXIES)


def _look(plan: "ProfilePlan", settings: "ProfileSettings", *, until_s: float) -> int:
    """Print what networks of the space cost, how long trials take, and what proxies say."""
    from nas.cli.profile_view import print_feasibility, print_proxies, write_profile
    from nas.cli.terminal import make_console

    console = make_console()
    profile = _print_costs(console, plan, settings)
    print_feasibility(console, profile, constraints=plan.search.task.constraints)
    with console.status("training a small, a median and a large one, for seconds each"):
        times = _times(plan, profile, settings, until_s=until_s)
    if times is not None:
        _print_times(console, plan, times)
    elif plan.is_table:
        console.print("\nResults are looked up in a table: nothing is trained.")
    ranks = _ranks(plan, profile, settings)
    if ranks is not None:
        print_proxies(console, ranks)
    if settings.save is not None:
        try:
            write_profile(settings.save, profile, times, ranks)
        except OSError as error:
            why = f"save: {settings.save} cannot be written: {error.strerror}"
            raise ConfigError(why) from error
    feasibility = profile.feasibility
    if feasibility is not None and not feasibility.is_possible:
        raise ConstraintError(
            "no architecture was found that keeps the constraints; widen a limit or the space"
        )
    return ExitStatus.DONE


def _print_costs(
    console: "Console", plan: "ProfilePlan", settings: "ProfileSettings"
) -> "SpaceProfile":
    """Count what networks of the space cost, and print it below what is said of the data.

    Raises:
        ConfigError: none of them can be built.
    """
    from nas.cli.data_notes import data_lines
    from nas.cli.profile_view import print_lines, print_sizes, unbuildable_line
    from nas.data.dataset import Dataset
    from nas.data.report import report_data
    from nas.profile.space_profile import Sampling, profile_space

    task = plan.search.task
    with console.status("counting what networks cost"):
        profile = profile_space(
            task.space,
            task.evaluator,
            constraints=task.constraints,
            count_more=_activations(plan),
            sampling=Sampling(num_samples=settings.num_samples, seed=plan.config.seed),
        )
    if isinstance(plan.search.data, Dataset):
        print_lines(console, data_lines(plan.search.data, report_data(plan.search.data)))
    print_lines(console, plan.decided)
    print_sizes(console, profile, space=type(task.space).__name__)
    if not profile.sample.members:
        raise ConfigError(unbuildable_line(profile))
    return profile


def _print_times(console: "Console", plan: "ProfilePlan", times: "TrialTimes") -> None:
    from nas.cli.profile_view import print_lines, print_times
    from nas.train.device import choose_device

    device = str(choose_device(str(plan.config.training.get("device", "auto"))))
    print_times(console, times, config=plan.config, device=device, plan=plan.plan)
    print_lines(console, _batch_notes(plan, times))


def _activations(plan: "ProfilePlan") -> "CountMore | None":
    """Return what counts peak activations, where the search does not."""
    from nas.evaluation.trained import TrainedEvaluator
    from nas.measure.cost import count_costs

    evaluator = plan.search.task.evaluator
    if not isinstance(evaluator, TrainedEvaluator):
        return None
    space, shape = evaluator.space, evaluator.data.shape
    return lambda architecture: count_costs(
        lambda: space.build(architecture, shape), shape, metrics=("activation_bytes",)
    )


def _times(
    plan: "ProfilePlan", profile: "SpaceProfile", settings: "ProfileSettings", *, until_s: float
) -> "TrialTimes | None":
    """Measure three of those that the search may train."""
    from nas.evaluation.trained import TrainedEvaluator
    from nas.profile.space_profile import kept
    from nas.profile.trial_time import time_trials

    if plan.is_table or not settings.trains:
        return None
    task = plan.search.task
    evaluator = task.evaluator
    at_share, first_share = None, None
    if isinstance(evaluator, TrainedEvaluator):
        at_share, first_share = evaluator.judging_by, evaluator.first_share
    # Starting up costs a model's part too.
    each_s = min(SECONDS_EACH, (until_s - time.monotonic()) / 4)
    return time_trials(
        evaluator,
        kept(profile.sample, task.constraints),
        plan=plan.plan,
        seconds_each=max(LEAST_SECONDS_EACH, each_s),
        seed=plan.config.seed,
        at_share=at_share,
        first_share=first_share,
    )


def _batch_notes(plan: "ProfilePlan", times: "TrialTimes") -> list[str]:
    """Say which models were too slow for whole steps."""
    from nas.evaluation.trained import TrainedEvaluator

    evaluator = plan.search.task.evaluator
    if not isinstance(evaluator, TrainedEvaluator):
        return []
    whole = evaluator.batch_at(1.0)
    return [
        f"{trial.word}: measured in steps of {number} images instead of {whole}"
        for trial in times.trials
        if (number := evaluator.batch_at(trial.step_share)) < whole
    ]


def _ranks(
    plan: "ProfilePlan", profile: "SpaceProfile", settings: "ProfileSettings"
) -> "ProxyRanks | None":
    from nas.evaluation.trained import TrainedEvaluator
    from nas.profile.proxy_ranks import rank_with_results, rank_with_size
    from nas.record.run_folder import RunFolder
    from nas.report.front import comparable_records
    from nas.study.journal import load_records
    from nas.trial import trainings

    if not settings.proxies:
        return None
    task = plan.search.task
    if not isinstance(task.evaluator, TrainedEvaluator):
        raise ConfigError("proxies need networks that can be built; a table has none")
    if settings.run is None:
        return rank_with_size(
            task.evaluator,
            profile.sample.members,
            names=settings.proxies,
            time_limit_s=PROXY_TIME_S,
            seed=plan.config.seed,
        )
    records = trainings(load_records(RunFolder.open(settings.run).study_journal))
    return rank_with_results(
        task.evaluator,
        comparable_records(records, task.objectives),
        task.objectives,
        names=settings.proxies,
        time_limit_s=PROXY_TIME_S,
        seed=plan.config.seed,
    )
