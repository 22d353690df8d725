import csv
import gzip
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.errors import DataError
from nas.tables.table import open_table

NAMES = {"parameters": ["p"], "quality": "acc", "size": "params"}
IDENTIFIERS = {
    "zeros in front": ["007", "7", "07"],
    "23 digits": ["12345678901234567890123", "12345678901234567890124"],
    "20 digits with a point": ["0.12345678901234567890", "0.12345678901234567891"],
    "times": ["10:20", "10:20:00", "1:20"],
    "dates": ["2024-01-02", "2024-1-2", "20240102"],
    "time stamps": ["2024-01-02 10:20:00", "2024-01-02T10:20:00"],
    "exponents": ["1e5", "1E5", "100000"],
    "exponents alone": ["1e5", "2e7"],
    "hexadecimal": ["0x10", "16"],
    "truths": ["TRUE", "true", "True", "1"],
    "truths alone": ["true", "false"],
    "missing words": ["NA", "null", "nan", "NULL", "NaN", "N/A", "none"],
    "a missing word among texts": ["NA", "DE", "FR"],
    "gaps around": [" a", "a", "a "],
    "gaps around numbers": [" 1", "1", "1 "],
    "plus": ["+1", "1"],
    "minus nothing": ["-0", "0"],
    "equal numbers": ["1", "1.0", "1.00"],
    "versions": ["1.1", "1.10", "1.2"],
    "full width": ["\uff11", "1"],
    "underscore": ["1_000", "1000"],
    "thousands": ["1,000", "1000"],
    "not finite": ["inf", "-inf", "Infinity"],
    "newline": ["a\nb", "a b"],
    "quotes": ['a"b', "a'b", '"a"'],
    "marks of YAML": ["~", "[1,2]", "{a: 1}", "${x}", "yes", "!!int 3", "1:30"],
    "letters": ["Zürich", "zürich", "Zu\u0308rich", "日本"],
}
texts = pytest.mark.parametrize("cells", IDENTIFIERS.values(), ids=IDENTIFIERS.keys())


def write_csv(path, cells, *, column="p", delimiter=",", encoding="utf-8"):
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow([column, "acc", "params"])
        writer.writerows((cell, 0.5 + i / 100, 10 + i) for i, cell in enumerate(cells))
    return path


def write_parquet(path, cells, *, column="p"):
    num = len(cells)
    content = {column: cells, "acc": [0.5] * num, "params": list(range(num))}
    pa.parquet.write_table(pa.table(content), path)
    return path


@texts
def test_a_parameter_of_texts_comes_back_as_it_is_written(tmp_path, cells):
    table = open_table(write_csv(tmp_path / "t.csv", cells), **NAMES)

    assert [table.architecture(row)["p"] for row in range(len(cells))] == cells
    assert table.num_rows == len(cells)


@texts
def test_an_identity_comes_back_as_it_is_written(tmp_path, cells):
    path = tmp_path / "t.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["p", "acc", "params", "id"])
        writer.writerows((i, 0.5, 10, cell) for i, cell in enumerate(cells))

    table = open_table(path, **NAMES, identity="id")

    assert [table.identity(table.architecture(row)) for row in range(len(cells))] == cells


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["3", "-5", "0"], [3, -5, 0]),
        (["9223372036854775807", "1"], [2**63 - 1, 1]),
        (["0.5", "1.0", "2.0"], [0.5, 1.0, 2.0]),
        (["0.5", "1", "2"], [0.5, 1.0, 2.0]),
        (["1e-05", "0.001", "1e+16"], [1e-5, 1e-3, 1e16]),
        (["0.1", "-0.25"], [0.1, -0.25]),
    ],
    ids=["whole", "64 bits", "real", "mixed", "exponents of Python", "negative"],
)
def test_a_parameter_of_plain_numbers_is_numbers(tmp_path, cells, values):
    table = open_table(write_csv(tmp_path / "t.csv", cells), **NAMES)

    read = [table.architecture(row)["p"] for row in range(len(cells))]
    assert read == values
    assert [type(value) for value in read] == [type(value) for value in values]


def test_one_word_for_a_missing_number_is_an_absent_position(tmp_path):
    table = open_table(write_csv(tmp_path / "t.csv", ["3", "NA", "5"]), **NAMES)

    assert table.options["p"] == (3, 5)
    assert dict(table.architecture(1)) == {}


def test_an_empty_cell_beside_a_missing_word_leaves_the_word_a_word(tmp_path):
    table = open_table(write_csv(tmp_path / "t.csv", ["3", "NA", ""]), **NAMES)

    assert table.options["p"] == ("3", "NA")
    assert dict(table.architecture(2)) == {}


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
        min_size=1,
        unique=True,
    )
)
@settings(deadline=None, max_examples=60)
def test_distinct_cells_are_distinct_options(tmp_path_factory, cells):
    path = write_csv(tmp_path_factory.mktemp("t") / "t.csv", cells)

    table = open_table(path, **NAMES)

    assert table.num_rows == len(cells)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (pa.array([2**64 - 1, 7], pa.uint64()), ["18446744073709551615", "7"]),
        (pa.array([2**63 - 1, 7], pa.uint64()), [2**63 - 1, 7]),
        (
            pa.array([Decimal(10**22 + 1), Decimal(10**22 + 2)], pa.decimal128(38, 0)),
            ["10000000000000000000001", "10000000000000000000002"],
        ),
        (pa.array([Decimal("0.50"), Decimal("12.00")], pa.decimal128(10, 2)), [0.5, 12.0]),
        (pa.array([Decimal(3), Decimal(5)], pa.decimal128(10, 0)), [3, 5]),
        (pa.array(["007", "7"]), ["007", "7"]),
        (pa.array(["1", "2"]), ["1", "2"]),
        (pa.array([b"007", b"7"]), ["007", "7"]),
        (pa.array(["007", "7", "7"]).dictionary_encode()[:2], ["007", "7"]),
        (pa.array([7, 8, 8]).dictionary_encode()[:2], [7, 8]),
        (pa.array([True, False]), [True, False]),
        (pa.array([19000, 19001], pa.date32()), ["2022-01-08", "2022-01-09"]),
        (pa.array([1, 2], pa.int8()), [1, 2]),
        (pa.array([0.5, 0.25], pa.float32()), [0.5, 0.25]),
    ],
    ids=[
        "uint64",
        "uint64 within 64 bits",
        "long decimal",
        "decimal",
        "whole decimal",
        "text",
        "text of digits",
        "bytes",
        "categories",
        "categories of numbers",
        "truths",
        "dates",
        "int8",
        "float32",
    ],
)
def test_parquet_keeps_what_a_column_holds(tmp_path, cells, expected):
    path = write_parquet(tmp_path / "t.parquet", cells)

    table = open_table(path, **NAMES)

    assert [table.architecture(row)["p"] for row in range(2)] == expected


def test_wide_whole_numbers_of_parquet_are_identities(tmp_path):
    path = tmp_path / "t.parquet"
    ids = pa.array([2**64 - 1, 2**64 - 2], pa.uint64())
    pa.parquet.write_table(
        pa.table({"p": [1, 2], "acc": [0.5, 0.6], "params": [1, 2], "id": ids}), path
    )

    table = open_table(path, **NAMES, identity="id")

    assert table.identities == ("18446744073709551615", "18446744073709551614")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"], ids=["plain", "mark", "16", "32"]
)
def test_unicode_files_are_read_by_their_mark(tmp_path, encoding):
    path = write_csv(tmp_path / "t.csv", ["Zürich", "007"], encoding=encoding)

    assert open_table(path, **NAMES).options["p"] == ("007", "Zürich")


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_another_encoding_is_refused_with_the_place_and_the_remedy(tmp_path, encoding):
    path = write_csv(tmp_path / "t.csv", ["Bern", "Zürich"], encoding=encoding)

    message = r"no UTF-8: line 3, column 2 is the byte 0xfc; .* iconv -f WINDOWS-1252 -t UTF-8"
    with pytest.raises(DataError, match=message):
        open_table(path, **NAMES)


def test_utf_16_without_a_mark_is_refused_with_the_remedy(tmp_path):
    path = write_csv(tmp_path / "t.csv", ["a", "b"], encoding="utf-16-le")

    with pytest.raises(DataError, match=r"line 1, column 2 is a zero byte; .* -f UTF-16LE"):
        open_table(path, **NAMES)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"], ids=["comma", "semi", "tab", "bar"])
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt"])
def test_columns_are_parted_by_what_shows_their_names(tmp_path, delimiter, name):
    path = write_csv(tmp_path / name, ["007", "7,5"], delimiter=delimiter)

    assert open_table(path, **NAMES).options["p"] == ("007", "7,5")


def test_a_compressed_file_is_read(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(write_csv(tmp_path / "t.csv", ["007", "7"]).read_bytes()))

    assert open_table(path, **NAMES).options["p"] == ("007", "7")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p,acc,params\n", "has no rows"),
        ("", "cannot be read as CSV"),
        ("p,acc,params\n1,2\n", "cannot be read as CSV: .*3 columns, got 2"),
        ("p;acc;params\n1;0,5;3\n", "such as '0,5' in row 0 .*with a point, not a comma"),
        ("p,acc,params\n1,0x10,3\n", "must hold numbers, but holds string such as '0x10'"),
        ("p,acc,params\n1,TRUE,3\n", "must hold numbers, but holds string such as 'TRUE'"),
        ("p,acc,params\n1,\uff11,3\n", "must hold numbers"),
        ("p,acc,params\n1,inf,3\n", "'acc' has no finite number in 1 of 1 rows"),
        ("p,acc,params\n1,nan,3\n", "'acc' has no finite number in 1 of 1 rows"),
        ("p,acc,params\n1,,3\n", "'acc' has no finite number in 1 of 1 rows"),
        ("p,acc,params\n1,0.5,-3\n", "'params' must not be negative"),
        ("p,acc,acc,params\n1,2,3,4\n", "2 columns named 'acc'"),
        ("p, acc,params\n1,2,3\n", "no column 'acc'; columns, nearest first: ' acc'"),
        ("p,acc,params\n,1,2\n", "column 'p' is empty"),
    ],
    ids=[
        "head alone",
        "empty",
        "ragged",
        "decimal comma",
        "hexadecimal",
        "truth",
        "full width",
        "infinite",
        "nan",
        "gap",
        "negative",
        "twice",
        "gap in the name",
        "empty column",
    ],
)
def test_an_unusable_text_table_is_refused_with_what_stands_there(tmp_path, text, message):
    path = tmp_path / "t.csv"
    path.write_text(text)

    with pytest.raises(DataError, match=message):
        open_table(path, **NAMES)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["a", " "], "identity column 'id' is empty in 1 rows"),
        (["NA", "NA"], "holds 'NA' in 2 rows, which would count as one network"),
        ([1e22, 2.0], "real number, which may stand for several whole numbers"),
    ],
    ids=["blank", "missing word twice", "coarse reals"],
)
def test_identities_that_may_not_tell_networks_apart_are_refused(tmp_path, cells, message):
    path = tmp_path / "t.parquet"
    content = {"p": [1, 2], "acc": [0.5, 0.6], "params": [1, 2], "id": cells}
    pa.parquet.write_table(pa.table(content), path)

    with pytest.raises(DataError, match=message):
        open_table(path, **NAMES, identity="id")


def test_an_infinite_parameter_is_refused(tmp_path):
    path = write_parquet(tmp_path / "t.parquet", [1.0, float("inf")])

    with pytest.raises(DataError, match="parameter column 'p' holds inf"):
        open_table(path, **NAMES)
