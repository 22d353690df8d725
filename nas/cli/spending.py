"""What a search takes, noted while it runs: a kill loses little of it."""

from dataclasses import asdict

from nas.engine.view import Progress, SearchPlan, View
from nas.measure.energy import EnergyWatch, Meters
from nas.record.run_folder import RunFolder
from nas.record.spent import Noting, Spent
from nas.trial import TrialRecord


class Spending:
    """A view that passes everything on to another, and knows what the search takes.

    Args:
        folder: of the run.
        view: watches as well.
        meters: of energy; those of this machine by default.
        is_simulated: trials run on a simulated clock.

    Attributes:
        noting: while it is open, what is taken is noted in the run folder.
    """

    def __init__(
        self,
        folder: RunFolder,
        view: View,
        meters: Meters | None = None,
        *,
        is_simulated: bool = False,
    ) -> None:
        self._view = view
        self._is_simulated = is_simulated
        self._energy = EnergyWatch(meters)
        self._num_known = self._num_forbidden = 0
        self.noting = Noting(folder.spent_jsonl, self.so_far)

    def so_far(self) -> Spent:
        """Return what the command took."""
        return Spent(
            **asdict(self._energy.so_far()),
            num_known=self._num_known,
            num_forbidden=self._num_forbidden,
            is_simulated=self._is_simulated,
        )

    def drawn_again(self, *, num_redrawn: int, num_known: int) -> None:
        """Remember proposals that were not trained, of which some were known networks."""
        self._num_known, self._num_forbidden = num_known, num_redrawn - num_known

    def start(self, plan: SearchPlan) -> None:
        """Pass it on."""
        self._view.start(plan)

    def trial_finished(self, record: TrialRecord, progress: Progress) -> None:
        """Remember what was drawn again."""
        self._hear(progress)
        self._view.trial_finished(record, progress)

    def rung_reached(self, record: TrialRecord, progress: Progress) -> None:
        """Remember what was drawn again."""
        self._hear(progress)
        self._view.rung_reached(record, progress)

    def tick(self, progress: Progress) -> None:
        """Remember what was drawn again."""
        self._hear(progress)
        self._view.tick(progress)

    def message(self, text: str) -> None:
        """Pass it on."""
        self._view.message(text)

    def close(self) -> None:
        """Pass it on."""
        self._view.close()

    def _hear(self, progress: Progress) -> None:
        self.drawn_again(num_redrawn=progress.num_redrawn, num_known=progress.num_known)
