"""How well do non-embedding parameters rank trained language models? Spearman with perplexity.

    python -m experiments.language.ranking lts_lm.parquet

The table has 1,116 trained GPT-2 and Transformer-XL models (LiteTransformerSearch, Javaheripi et
al., 2022, https://arxiv.org/abs/2203.02094). Correlations are within each set of the table: other
sets have other data. A set is a choice of its authors' search, not a draw of the whole space.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from scipy.stats import spearmanr

from experiments.smoke import make_parser, run_experiment


def main(words: Sequence[str]) -> int:
    """Print a line for each set."""
    parser = make_parser(__doc__)
    parser.add_argument("table", type=Path)
    rows = pq.read_table(parser.parse_args(words).table).to_pandas()
    print("set,n,spearman_body,spearman_all")
    for name, part in rows.groupby("set"):
        part = part.dropna(subset=["params_nonemb", "test_ppl"])
        if len(part) < 10:
            continue
        body = spearmanr(part["params_nonemb"], part["test_ppl"]).statistic
        every = spearmanr(part["params_total"], part["test_ppl"]).statistic
        print(f"{name},{len(part)},{body:.3f},{every:.3f}")
    return 0


def small(folder: Path) -> Iterator[list[str]]:
    """Rank a table of a dozen rows."""
    numbers = list(range(1, 13))
    columns = {"set": ["made"] * 12, "params_nonemb": numbers, "params_total": numbers}
    table = folder / "table.parquet"
    pq.write_table(pa.table({**columns, "test_ppl": numbers[::-1]}), table)
    yield [str(table)]


if __name__ == "__main__":
    sys.exit(run_experiment(main, small))
