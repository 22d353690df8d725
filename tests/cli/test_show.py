from nas.study.journal import load_records


def best_of(run):
    return max(load_records(run / "study.journal"), key=lambda r: r.metrics["quality"])


def test_a_run_is_shown_with_its_states_its_front_and_what_to_do_next(nas, table_run):
    status, shown, told = nas("show", "runs/t")

    assert (status, told) == (0, "")
    assert shown.startswith("t: 5 trials (5 complete)\n")
    assert "quality" in shown
    assert "nas pick runs/t" in shown


def test_a_run_is_read_and_nothing_is_written(nas, table_run):
    before = {path: path.stat().st_mtime_ns for path in table_run.rglob("*")}

    nas("show", "runs/t")
    nas("pick", "runs/t")

    assert {path: path.stat().st_mtime_ns for path in table_run.rglob("*")} == before


def test_a_trial_is_shown_with_all_that_was_measured_and_its_architecture(nas, table_run):
    best = best_of(table_run)

    _, shown, _ = nas("show", "runs/t", f"trial={best.number}")

    assert shown.startswith(f"Trial {best.number} of t: complete, on the front (")
    lines = [line.split() for line in shown.splitlines()]
    assert ["a", str(best.architecture["a"])] in lines
    assert ["b", str(best.architecture["b"])] in lines
    assert f"nas finish runs/t 'pick=[{best.number}]'" in shown
    assert "this one" in shown


def test_a_trial_that_there_is_not_is_refused_with_those_on_the_front(nas, table_run):
    for number in ("99", "-1", "best"):
        status, _, error = nas("show", "runs/t", f"trial={number}")

        assert status == 2
        assert f"t has no trial '{number}'; it has 5, and on its front are" in error
