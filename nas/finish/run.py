"""The order of `nas finish`: choose, confirm, then make each winner into files.

Each result is written to disk at once; the command, killed at any point, goes on from there.
"""

from collections.abc import Callable, Sequence

from nas.finish.choose import choose, whole_ones
from nas.finish.retrain import Crew
from nas.finish.steps import FinishSteps
from nas.finish.task import FinishSummary, FinishTask
from nas.finish.teach import check_teacher_choice
from nas.record.lease import Lease
from nas.record.run_folder import LEASE, RunFolder
from nas.record.winners import WinnerRow


def run_finish(
    task: FinishTask,
    *,
    folder: RunFolder,
    crew: Crew,
    publish: Callable[[Sequence[WinnerRow]], None],
    lease: Lease | None = None,
) -> FinishSummary:
    """Choose, confirm and export, and leave everything in the run's `finish` folder.

    Args:
        task: what to finish.
        folder: of the run.
        crew: workers and onlookers.
        publish: draws `winners.csv`; called when the confirmation ends.
        lease: the right to write the `finish` folder, where the caller has it; else it is taken.

    Raises:
        ConstraintError: nothing fits what was asked for.
        ConfigError: a setting does not fit the run.
        ExecutionError: workers cannot be had.
        RunFolderError: another process writes in this folder.
        MissingPackageError: files are wanted that need a package which is not installed.
    """
    if task.export is not None:
        task.export.check_packages()
    chosen = choose(task.records, objectives=task.objectives, pick=task.pick)
    if task.teaching is not None:
        number = len(whole_ones(chosen, task.records))
        check_teacher_choice(task.teaching, num_winners=number, dataset=task.dataset)
    task.shrinking.check_packages()
    own_lease = Lease(folder.finish_dir / LEASE) if lease is None else None
    try:
        finish = FinishSteps(task, folder, crew)
        if tested := finish.confirm(chosen):
            publish(tested)
        if task.teaching is not None and not finish.is_interrupted:
            finish.distil(task.teaching)
        if finish.has_smaller_ones and not finish.is_interrupted:
            finish.shrink(task.shrinking)
        if task.export is not None and not finish.is_interrupted:
            finish.make_files(task.export)
        return finish.summary()
    finally:
        if own_lease is not None:
            own_lease.release()
