"""What `nas finish` of language models is handed, and the names of its trainings."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Protocol, runtime_checkable

import torch

from nas.architecture import Architecture
from nas.data.text import TextData
from nas.evaluation.encoder import AGREEMENT
from nas.evaluation.language_spaces import HasEncoderTeacher
from nas.evaluation.winner_metric import WinnerMetric
from nas.finish.choose import Pick
from nas.finish.confirm import CONFIRM, Winner
from nas.finish.retrain import Retraining
from nas.models.decoder import Decoder
from nas.objective import Objective
from nas.seeding import derive_seed
from nas.space.space import SearchSpace
from nas.train.token_recipe import TokenRecipe
from nas.trial import TrialRecord

BITS_PER_BYTE = WinnerMetric("bits_per_byte", tells_classes=False)
AGREEMENT_OF_STUDENTS = WinnerMetric(AGREEMENT, tells_classes=False)


@runtime_checkable
class ShipsUpdates(Protocol):
    """A space whose models are a frozen one with updates.

    Attributes:
        model: where the frozen one is.
    """

    model: str

    def shipped(self, model: Decoder, architecture: Architecture) -> dict[str, torch.Tensor]:
        """Return what is stored of a trained model."""
        ...


@dataclass(frozen=True)
class LanguageTask:
    """What to finish.

    Attributes:
        space: builds the models.
        dataset: all three splits.
        recipe: the full recipe.
        objectives: of the search.
        records: trials that may stand on its front.
        pick: which of them to take.
        num_seeds: retrainings of each, at least 1.
        seed: of the run.
        distils: the winners are trained once more with the largest of them as their teacher.
        temperature: of the teacher.
        teacher_weight: share of the teacher in the loss.
        bits: of the weights of each file; None for floats; empty for no files.
        has_onnx: files for ONNX Runtime are made too.
        has_gguf: GGUF files are made too, where they can hold a model.
        labelled_texts: a table that a classifier on students is judged by; None for none.
        license: of the weights, as the user states it; for the model cards.
        command: what makes the files again; for the model cards.
        num_threads: CPU threads of a training.
        gpu_share: GPUs of a training; None where there are none.
        num_slots: trainings at once.
        budget_s: of the whole command; None for no limit.
        keeps_tokens: the user says how long trainings are.
    """

    space: SearchSpace
    dataset: TextData
    recipe: TokenRecipe
    objectives: tuple[Objective, ...]
    records: tuple[TrialRecord, ...]
    pick: Pick = field(default_factory=Pick)
    num_seeds: int = 3
    seed: int = 0
    distils: bool = False
    temperature: float = 2.0
    teacher_weight: float = 0.5
    bits: tuple[int | None, ...] = (None, 8, 4)
    has_onnx: bool = False
    has_gguf: bool = False
    labelled_texts: str | None = None
    license: str = ""
    command: str = ""
    num_threads: float = 1
    gpu_share: float | None = None
    num_slots: int = 1
    budget_s: float | None = None
    keeps_tokens: bool = False

    @property
    def winner_metric(self) -> WinnerMetric:
        """What the winners are judged by."""
        return AGREEMENT_OF_STUDENTS if self.has_students else BITS_PER_BYTE

    @property
    def has_students(self) -> bool:
        """Whether the models are students of an encoder."""
        return isinstance(self.space, HasEncoderTeacher)


@dataclass(frozen=True)
class TokenPlan:
    """Names the trainings of each winner. Fulfils `nas.finish.confirm.JobPlan`.

    Attributes:
        recipe: how to train.
        num_seeds: retrainings of each.
        seed: of the run.
        data_key: stands for the text.
        step: `CONFIRM`, or what else is done to their training.
        winner_metric: what the candidates are judged by.
    """

    recipe: TokenRecipe
    num_seeds: int
    seed: int
    data_key: str
    step: str = CONFIRM
    winner_metric: WinnerMetric = BITS_PER_BYTE

    def jobs_of(self, candidate: Winner) -> list[Retraining]:
        """Return one job for each seed, the one that is shipped first."""
        return [self.job(candidate, index) for index in range(self.num_seeds)]

    def job(self, candidate: Winner, index: int) -> Retraining:
        """Return the job of one seed: 0, 1, ..."""
        architecture = candidate.architecture
        seed = derive_seed(self.seed, "finish", architecture.id, index)
        told = {k: v for k, v in asdict(self.recipe).items() if k != "device" and v is not None}
        text = json.dumps([architecture.id, seed, told, self.data_key, self.step], sort_keys=True)
        key = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        taught = "" if self.step == CONFIRM else " distilled"
        return Retraining(
            key, f"{candidate.name}{taught} seed {index}", architecture, seed, self.step
        )
