import pytest
from parts.engine import OBJECTIVES, SMALL, WIDE, ClosedForm, complete

from nas.assemble.facts import facts_of
from nas.engine.costs import CachedCosts
from nas.frontier.sampler import FrontierSampler
from nas.space.space import SearchSpace
from nas.study.study import SearchStudy


class Notes:
    """A record that keeps what samplers note."""

    def __init__(self):
        self.noted_so_far = {}

    def started(self, record): ...
    def finished(self, record, variants=()): ...
    def noted(self, key, value):
        self.noted_so_far[key] = value


def open_study(tree, journal, records=()):
    space = SearchSpace(tree)
    facts = facts_of(ClosedForm(), space=space, objectives=OBJECTIVES)
    return SearchStudy(
        space=space,
        make_sampler=lambda seed: FrontierSampler(space, facts, objectives=OBJECTIVES, seed=seed),
        objectives=OBJECTIVES,
        costs=CachedCosts(ClosedForm()),
        journal=journal,
        records=records,
        notes=dict(journal.noted_so_far),
        seed=7,
    )


def run(study, num_trials):
    asked = []
    for _ in range(num_trials):
        spec = study.ask()
        asked.append(spec.architecture)
        study.tell(complete(spec))
    return asked


@pytest.mark.parametrize("tree", [SMALL, WIDE], ids=["whole", "sampled"])
def test_a_search_that_is_taken_up_again_goes_on_as_if_it_had_never_stopped(tree):
    journal = Notes()
    study = open_study(tree, journal)
    run(study, 10)
    resumed = open_study(tree, journal, records=list(study.records))

    assert run(resumed, 4) == run(study, 4)


def test_a_trial_that_ran_when_the_search_was_killed_runs_again_and_the_next_ask_is_the_same():
    journal = Notes()
    study = open_study(SMALL, journal)
    run(study, 10)
    running = study.ask()
    resumed = open_study(SMALL, journal, records=list(study.records))

    assert resumed.ask().architecture == running.architecture
    assert resumed.ask().architecture == study.ask().architecture
