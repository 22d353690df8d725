"""Trials whose seconds are CPU seconds of their process: a shared machine counts for nothing."""

import time
from dataclasses import replace

from nas.evaluation.trained import TrainedEvaluator
from nas.trial import TrialResult, TrialSpec


class CpuTimedEvaluator(TrainedEvaluator):
    """Trains as `nas search` does, and tells the CPU time of each trial as its seconds."""

    def evaluate(self, spec: TrialSpec) -> TrialResult:
        """Train and judge one architecture."""
        self.prepare()
        started_s = time.process_time()
        result = super().evaluate(spec)
        return replace(result, seconds=time.process_time() - started_s)
