"""Searches whose trainings give several points: numbers, weights, samplers, kills, resumes."""

from dataclasses import dataclass, replace

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from parts.engine import (
    OBJECTIVES,
    SMALL,
    ClosedForm,
    RecordingView,
    accuracy_of,
    ids,
    nsga2_sampler,
    random_sampler,
    search,
    size_of,
    small_task,
)

from nas.engine.costs import CachedCosts
from nas.engine.stopping import Stopping
from nas.report.front import front_records
from nas.sampling.distributions import flat_distributions
from nas.space.space import SearchSpace
from nas.study.database import load_from_database, opened
from nas.study.journal import StudyJournal, load_records, load_study
from nas.study.study import SearchStudy
from nas.trial import Failure, FailureKind, TrialState, Variant, trainings


@dataclass
class WithVariants(ClosedForm):
    """Judges each network and two copies: one of a quarter of the bytes, and one that fails."""

    fails: bool = False

    def evaluate(self, spec):
        whole = super().evaluate(spec)
        size, accuracy = size_of(spec.architecture), accuracy_of(spec.architecture)
        metrics = {"size_bytes": size / 4, "accuracy": accuracy - 0.01}
        variants = [Variant("int8", metrics, seconds=0.5, weights=b"small")]
        if self.fails:
            broken = Failure(FailureKind.ERROR, "RuntimeError: no such layer")
            variants.append(Variant("kept0.5", failure=broken))
        return replace(whole, weights=b"whole", variants=tuple(variants))


def variants_task(num_trials, **changes):
    return small_task(num_trials, **{"evaluator": WithVariants(), **changes})


def test_each_training_gives_two_points_and_counts_once(tmp_path):
    view = RecordingView()
    summary = search(variants_task(6), tmp_path / "run", view=view)

    assert [r.number for r in summary.records] == list(range(12))
    assert len(trainings(summary.records)) == 6
    for record in summary.records:
        if record.parent is None:
            continue
        parent = summary.records[record.parent]
        assert (record.variant, record.architecture) == ("int8", parent.architecture)
        assert record.metrics["size_bytes"] == parent.metrics["size_bytes"] / 4
        assert record.metrics["accuracy"] == pytest.approx(parent.metrics["accuracy"] - 0.01)
    assert [r.number for r in view.finished] == sorted(r.number for r in summary.records)
    assert view.progress[-1].num_done == 6
    assert load_records(tmp_path / "run" / "study.journal") == [
        replace(r, sampler_notes=r.sampler_notes) for r in summary.records
    ]


class Nowhere:
    """A record that keeps nothing."""

    def started(self, record):
        pass

    def finished(self, record, variants=()):
        pass

    def noted(self, key, value):
        pass


def study_of(make_sampler, records=(), notes=None):
    evaluator = ClosedForm()
    return SearchStudy(
        space=SearchSpace(SMALL),
        make_sampler=make_sampler,
        objectives=OBJECTIVES,
        costs=CachedCosts(evaluator),
        journal=Nowhere(),
        records=records,
        notes=notes,
    )


def run(study, evaluator, number):
    """Ask and tell one after the other, as no search does when its sampler is slow."""
    for _ in range(number):
        study.tell(evaluator.evaluate(study.ask()))
    return ids(trainings(study.records))


samplers = pytest.mark.parametrize("make_sampler", [random_sampler, nsga2_sampler])


@samplers
def test_a_sampler_proposes_as_if_there_were_no_variants(make_sampler):
    plain = run(study_of(make_sampler), ClosedForm(), 40)
    assert run(study_of(make_sampler), WithVariants(), 40) == plain


@samplers
def test_a_study_that_is_taken_up_proposes_as_if_there_were_no_variants(make_sampler):
    found = []
    for evaluator in (ClosedForm(), WithVariants()):
        first = study_of(make_sampler)
        run(first, evaluator, 15)
        # A sampler's seed after a resume depends on how much is on record.
        again = study_of(lambda _seed: make_sampler(7), first.records, first._noted)
        found.append(run(again, evaluator, 25))
    assert found[0] == found[1]
    assert len(found[0]) == 40


def test_the_front_and_its_weights_hold_variants(tmp_path):
    summary = search(variants_task(20), tmp_path / "run")
    members = {record.number: record for record in front_records(summary.records, OBJECTIVES)}
    assert any(record.parent is not None for record in members.values())
    kept = {int(place.name): place for place in (tmp_path / "run" / "models").iterdir()}
    assert kept.keys() == members.keys()
    for number, place in kept.items():
        is_variant = members[number].parent is not None
        assert (place / "variant.json").is_file() == is_variant
        expected = b"small" if is_variant else b"whole"
        assert (place / "weights.safetensors").read_bytes() == expected


def test_a_variant_that_fails_is_a_failed_trial_that_ends_no_search(tmp_path):
    task = variants_task(8, evaluator=WithVariants(fails=True))
    task = replace(task, stopping=Stopping(num_trials=8, max_failed_share=0.2))
    summary = search(task, tmp_path / "run")
    failed = [r for r in summary.records if r.variant == "kept0.5"]
    assert len(failed) == 8
    assert {r.state for r in failed} == {TrialState.FAILED}
    assert {r.failure.message for r in failed} == {"RuntimeError: no such layer"}


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_journal_that_is_cut_anywhere_loses_and_doubles_nothing(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("cut")
    search(variants_task(5), folder / "run")
    journal = folder / "run" / "study.journal"
    content = journal.read_bytes()
    whole = {(r.parent, r.variant, r.architecture) for r in load_records(journal)}
    cut = data.draw(st.integers(content.index(b"\n") + 1, len(content)))
    journal.write_bytes(content[:cut])
    before = load_records(journal) if cut else []

    summary = search(variants_task(5), folder / "run")

    records = summary.records
    assert [r.number for r in records] == list(range(10))
    assert len(trainings(records)) == 5
    assert len({(r.parent, r.variant) for r in records if r.parent is not None}) == 5
    ended = [r for r in before if r.state is not TrialState.RUNNING]
    assert [records[r.number] for r in ended] == ended
    assert load_records(journal) == list(records)
    if cut == len(content):
        assert {(r.parent, r.variant, r.architecture) for r in records} == whole


def test_optuna_sees_variants_as_ordinary_trials(tmp_path):
    summary = search(variants_task(4), tmp_path / "run")
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "run" / "study.journal")))
    study = optuna.load_study(study_name="run", storage=storage)
    assert len(study.trials) == 8
    for trial, record in zip(study.trials, summary.records, strict=True):
        assert trial.state is optuna.trial.TrialState.COMPLETE
        assert trial.values == [record.metrics["accuracy"], record.metrics["size_bytes"]]
        assert trial.params == dict(record.architecture)
        assert trial.user_attrs.get("parent") == record.parent
    assert {trial.number for trial in study.best_trials} == {
        record.number for record in front_records(summary.records, OBJECTIVES)
    }


def test_a_copy_of_a_record_has_its_variants(tmp_path):
    search(variants_task(4), tmp_path / "run")
    history = load_study(tmp_path / "run" / "study.journal")
    flat = flat_distributions(SearchSpace(SMALL))
    copied = tmp_path / "copy.journal"
    journal = StudyJournal(copied, name="run", objectives=OBJECTIVES, distributions=flat)
    journal.copy(history)
    journal.close()
    assert load_records(copied) == list(history.records)


def test_a_database_follows_with_the_variants_and_a_run_goes_on_from_it_alone(tmp_path):
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    first = search(variants_task(3), tmp_path / "here" / "run", storage_url=url)
    with opened(url) as storage:
        assert list(load_from_database(storage, "run").records) == list(first.records)

    again = search(variants_task(5), tmp_path / "there" / "run", storage_url=url)

    assert list(again.records[:6]) == list(first.records)
    assert [r.number for r in again.records] == list(range(10))
    assert load_records(tmp_path / "there" / "run" / "study.journal") == list(again.records)
