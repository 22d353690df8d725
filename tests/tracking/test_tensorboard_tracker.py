import pytest

from nas.tracking.tracker import TrackedRun

pytest.importorskip(
    "tensorboard", reason="TensorBoard is not installed: pip install 'nas[tensorboard]'"
)


def test_a_run_has_its_curves_settings_and_files(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from nas.tracking.tensorboard_tracker import TensorboardTracker

    (tmp_path / "front.csv").write_text("trial,accuracy\n")
    tracker = TensorboardTracker(None, "mine")

    place = tracker.start(TrackedRun("first", tmp_path, {"seed": 3}))
    tracker.numbers({"accuracy": 0.5}, step=0)
    tracker.numbers({"accuracy": 0.75}, step=1)
    tracker.file(tmp_path / "front.csv", "finish/front.csv")
    tracker.close(is_failed=False)

    assert place == str(tmp_path / "tensorboard")
    events = EventAccumulator(place)
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("accuracy")] == [(0, 0.5), (1, 0.75)]
    (settings,) = events.Tensors("settings/text_summary")
    assert b"| seed | 3 |" in settings.tensor_proto.string_val[0]
    copy = tmp_path / "tensorboard/files/finish/front.csv"
    assert copy.read_text() == "trial,accuracy\n"
