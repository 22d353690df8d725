"""Tables as spreadsheets of several countries save them."""

import pytest

from nas.device.csv_table import read_number, read_rows
from nas.errors import ConfigError


@pytest.mark.parametrize(
    "content",
    [
        b"network,latency_ms\na,0.5\nb,2\n",
        b"\xef\xbb\xbfnetwork,latency_ms\r\na,0.5\r\nb,2\r\n",
        b"Network;Latency_ms\na;0,5\nb;2\n",
        b"network\tlatency_ms\na\t0.5\n\nb\t2\n",
        "network,latency_ms\na,0.5\nb,2\n".encode("utf-16"),
        b'"network";"latency_ms";"note"\n"a";"0,5"\n"b";"2";"slow"\n',
    ],
)
def test_a_table_says_the_same_however_it_was_saved(content, tmp_path):
    path = tmp_path / "measured.csv"
    path.write_bytes(content)
    rows, columns = read_rows(path)
    assert columns[:2] == ["network", "latency_ms"]
    assert [(row["network"], read_number(row["latency_ms"])) for row in rows] == [
        ("a", 0.5),
        ("b", 2.0),
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "has no column 'network'; it has none"),
        (b"network,latency_ms\n", "has no rows"),
        (bytes(range(256)), "save it as CSV with the encoding UTF-8"),
    ],
)
def test_what_is_no_table_is_refused(content, told, tmp_path):
    path = tmp_path / "measured.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=told):
        read_rows(path)
