import pickle

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from nas.architecture import Architecture
from nas.errors import ConfigError, DataError, UnbuildableError
from nas.tables.table import open_table

ROWS = {
    "kernel": [5, 3, 5, 3],
    "op": ["conv", "none", "none", "conv"],
    "acc": [0.9, 0.5, 0.6, 0.8],
    "params": [400, 100, 200, 300],
    "test": [0.89, 0.49, 0.59, 0.79],
    "net": [1, 0, 2, 1],
}
NAMES = {"parameters": ["kernel", "op"], "quality": "acc", "size": "params"}


@pytest.fixture
def write(tmp_path):
    def write_parquet(**changed):
        path = tmp_path / "table.parquet"
        pa.parquet.write_table(pa.table({**ROWS, **changed}), path)
        return path

    return write_parquet


def test_row_of_an_architecture_is_found_by_its_values(write):
    table = open_table(write(), **NAMES)

    row = table.row({"kernel": 3, "op": "none"})

    assert row == 1
    assert table.numbers["acc"][row] == 0.5
    assert table.architecture(row) == Architecture({"kernel": 3, "op": "none"})


def test_options_are_distinct_and_ascending(write):
    table = open_table(write(), **NAMES)

    assert table.options == {"kernel": (3, 5), "op": ("conv", "none")}


def test_combination_without_a_row_is_none_and_named_when_it_must_exist(write):
    table = open_table(write(), **NAMES)

    assert table.row({"kernel": 7, "op": "none"}) is None
    with pytest.raises(UnbuildableError, match="no row for kernel=7 op=none"):
        table.existing_row(Architecture({"kernel": 7, "op": "none"}))


def test_equal_identities_are_one_network(write):
    table = open_table(write(), **NAMES, identity="net")

    identities = [table.identity(table.architecture(row)) for row in range(4)]

    assert identities == ["1", "0", "2", "1"]


def test_identity_without_a_column_is_the_architecture_id(write):
    table = open_table(write(), **NAMES)
    architecture = table.architecture(2)

    assert table.identity(architecture) == architecture.id


@pytest.mark.parametrize("empty", [None, float("nan")], ids=["null", "nan"])
def test_empty_cells_are_absent_positions(write, empty):
    table = open_table(write(kernel=[5.0, empty, 5.0, 3.0]), **NAMES)

    assert table.options["kernel"] == (3.0, 5.0)
    assert table.architecture(1) == Architecture({"op": "none"})
    assert table.row({"op": "none"}) == 1


def test_dictionary_columns_of_pandas_are_read_as_their_words(write):
    words = pa.array(ROWS["op"]).dictionary_encode()

    table = open_table(write(op=words), **NAMES)

    assert table.options["op"] == ("conv", "none")


def test_csv_equals_parquet_and_keeps_the_word_none(write, tmp_path):
    path = tmp_path / "table.csv"
    pa.csv.write_csv(pa.table(ROWS), path)

    from_csv, from_parquet = open_table(path, **NAMES), open_table(write(), **NAMES)

    assert from_csv.options == from_parquet.options
    assert (from_csv.codes == from_parquet.codes).all()
    assert from_csv.numbers["acc"].tolist() == ROWS["acc"]


def test_empty_text_in_csv_is_absent(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b,acc,params\nx,y,1,2\nx,,3,4\n")

    table = open_table(path, parameters=["a", "b"], quality="acc", size="params")

    assert table.architecture(1) == Architecture({"a": "x"})


def test_equal_rows_count_once(write):
    twice = {name: [*values, values[0]] for name, values in ROWS.items()}

    table = open_table(write(**twice), **NAMES)

    assert table.num_rows == 4
    assert table.rows.tolist() == [0, 1, 2, 3]


def test_table_travels_to_a_worker(write):
    table = open_table(write(), **NAMES, identity="net")

    copy = pickle.loads(pickle.dumps(table))

    assert copy.row({"kernel": 3, "op": "conv"}) == 3


def test_file_that_changed_is_read_again(write):
    before = open_table(write(), **NAMES)
    after = open_table(write(acc=[0.1, 0.2, 0.3, 0.4]), **NAMES)

    assert before.numbers["acc"].tolist() != after.numbers["acc"].tolist()


@pytest.mark.parametrize(
    ("changed", "names", "message"),
    [
        ({}, {"quality": "acuracy"}, "no column 'acuracy'; columns, nearest first: acc"),
        (
            {"acc": ["a", "b", "c", "d"]},
            {},
            "'acc' must hold numbers, but holds string such as 'a' in row 0",
        ),
        ({"acc": [1.0, None, 2.0, float("nan")]}, {}, "'acc' has no finite number in 2 of 4 rows"),
        ({"params": [1.0, 2.0, float("inf"), 3.0]}, {}, "first in row 2"),
        (
            {"params": [1, -2, 3, 4]},
            {},
            "'params' must not be negative, but its lowest value is -2",
        ),
        (
            {"kernel": [3, 3, 5, 3]},
            {},
            "rows 0 and 3 .* equal parameters, but 'acc' is 0.9 and 0.8",
        ),
        ({"kernel": [None] * 4}, {}, "column 'kernel' is empty"),
        ({"kernel": [[1], [2], [3], [4]]}, {}, "'kernel' holds list"),
        (
            {"net": [1, None, 2, 3]},
            {"identity": "net"},
            "identity column 'net' is empty in 1 rows",
        ),
        ({"test": [1.0, None, 2.0, 3.0]}, {"score": "test"}, "'test' has no finite number"),
        (
            {name: [values[0]] * 4 for name, values in ROWS.items() if name != "net"},
            {"identity": "net"},
            "identities '1' and '0'",
        ),
    ],
    ids=[
        "missing column",
        "text",
        "nan",
        "infinite",
        "negative size",
        "contradiction",
        "empty parameter",
        "list",
        "identity with gaps",
        "score with gaps",
        "two identities",
    ],
)
def test_unusable_table_is_refused_with_the_column_and_the_value(write, changed, names, message):
    with pytest.raises(DataError, match=message):
        open_table(write(**changed), **{**NAMES, **names})


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"parameters": []}, "table.parameters is empty"),
        ({"parameters": "[op]"}, "must be a list of columns, but got the text"),
        ({"parameters": ["op", "op"]}, "names op twice"),
        ({"size": "acc"}, "both name 'acc'"),
        ({"facts": ["test"], "score": "test"}, "'test' is an outcome"),
        ({"parameters": ["kernel", "acc"]}, "'acc' is an outcome"),
        ({"rungs": [{"quality": "test", "cost": 1.5}]}, "'test' must be above 0 and below 1"),
        ({"rungs": [{"column": "test"}]}, "must be a list of"),
    ],
    ids=[
        "none",
        "text",
        "twice",
        "size is quality",
        "score leaks",
        "quality leaks",
        "cost",
        "rung keys",
    ],
)
def test_contradicting_columns_are_refused(write, names, message):
    with pytest.raises(ConfigError, match=message):
        open_table(write(), **{**NAMES, **names})


def test_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no table at .*missing\.parquet"):
        open_table(tmp_path / "missing.parquet", **NAMES)


@pytest.mark.parametrize("name", ["broken.parquet", "broken.csv"])
def test_broken_file_is_named(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"a,b\n1,2,3\n")

    with pytest.raises(DataError, match=f"{name}' cannot be read as"):
        open_table(path, **NAMES)


def test_table_without_rows_is_refused(write):
    with pytest.raises(DataError, match="has no rows"):
        open_table(write(**{name: pa.array([], pa.int64()) for name in ROWS}), **NAMES)
