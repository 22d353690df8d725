from nas.engine.pace import SamplerPace


def pace_of(ask_s, ends_per_s, monkeypatch, *, busy_share=1.0):
    """Return a pace that has seen a minute of trials on a clock of our own."""
    now = [1000.0]
    monkeypatch.setattr("nas.engine.pace.time.monotonic", lambda: now[0])
    pace = SamplerPace()
    for _ in range(int(60 * ends_per_s)):
        now[0] += 1.0 / ends_per_s
        pace.asked(ask_s, busy_s=ask_s * busy_share, idle_share=0.5)
        pace.ended(1)
    return pace


def test_a_fast_sampler_proposes_nothing_ahead(monkeypatch):
    assert pace_of(0.001, 4.0, monkeypatch).num_ahead(8) == 0


def test_a_slow_sampler_proposes_as_many_as_come_free_meanwhile(monkeypatch):
    pace = pace_of(0.5, 4.0, monkeypatch)

    assert pace.num_ahead(100) == 5  # two come free while one ask runs
    assert pace.num_ahead(3) == 3


def test_the_warning_comes_once_and_names_the_figures(monkeypatch):
    pace = pace_of(0.25, 4.0, monkeypatch)

    text = pace.warning(num_trials=500, num_slots=8)

    assert text is not None
    assert "at 500 trials an ask takes 0.25 s, and 51% of the time of 8 workers" in text
    assert pace.warning(num_trials=501, num_slots=8) is None


def test_a_machine_short_of_processors_is_not_the_samplers_fault(monkeypatch):
    pace = pace_of(0.25, 4.0, monkeypatch, busy_share=0.05)

    assert pace.warning(num_trials=500, num_slots=8) is None


def test_a_sampler_as_fast_as_the_loop_is_not_blamed(monkeypatch):
    assert pace_of(0.01, 50.0, monkeypatch).warning(num_trials=500, num_slots=8) is None
