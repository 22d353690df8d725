"""The durable list of results."""

from nas.finish.ledger import Ledger, LedgerEntry


def test_entries_come_back_in_order(tmp_path):
    path = tmp_path / "finish" / "ledger.jsonl"
    entries = [
        LedgerEntry("a", {"accuracy": 0.5}, 1.5, {"seed": 3}),
        LedgerEntry("b", {"accuracy": 0.25}),
    ]
    ledger = Ledger(path)
    for entry in entries:
        ledger.append(entry)

    assert Ledger(path).entries() == entries


def test_line_cut_by_a_crash_at_any_byte_loses_that_entry_alone(tmp_path):
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    ledger.append(LedgerEntry("a", {"accuracy": 0.5}))
    whole = len(path.read_bytes())
    ledger.append(LedgerEntry("b", {"accuracy": 0.25}))
    content = path.read_bytes()

    for cut in range(whole, len(content)):
        path.write_bytes(content[:cut])
        again = Ledger(path)
        assert [entry.job for entry in again.entries()] == ["a"]
        again.append(LedgerEntry("b", {"accuracy": 0.25}))
        assert path.read_bytes() == content


def test_first_result_of_a_job_stands(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(LedgerEntry("a", {"accuracy": 0.5}))
    ledger.append(LedgerEntry("a", {"accuracy": 0.9}))

    assert Ledger(tmp_path / "ledger.jsonl")["a"].metrics == {"accuracy": 0.5}
