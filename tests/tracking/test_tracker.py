from nas.tracking.tracker import flat, id_of, keep_id


def test_the_ids_of_a_run_are_kept_by_tracker(tmp_path):
    assert id_of(tmp_path, "mlflow") is None

    keep_id(tmp_path, "mlflow", "abc")
    keep_id(tmp_path, "wandb", "def")

    assert id_of(tmp_path, "mlflow") == "abc"
    assert id_of(tmp_path, "wandb") == "def"


def test_damaged_ids_are_no_ids(tmp_path):
    for text in ("{", "[1]", '{"mlflow": 3}'):
        (tmp_path / "tracking.json").write_text(text)
        assert id_of(tmp_path, "mlflow") is None


def test_nested_settings_become_dotted_names():
    nested = {"seed": 1, "training": {"epochs": 3, "steps": {}}, "devices": []}

    assert dict(flat(nested)) == {
        "seed": 1,
        "training.epochs": 3,
        "training.steps": {},
        "devices": [],
    }
