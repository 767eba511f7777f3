"""Reads with pyarrow what parquet.ts merged, and compares every value with what its row makes it.

    python parquet_reader.py FOLDER ROWS
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet

folder, rows = Path(sys.argv[1]), int(sys.argv[2])


def expect_equal(got, expected, what):
    if got != expected:
        sys.exit(f"FAILED - {what}: expected {expected!r}, got {got!r}")


table = parquet.read_table(folder / "merged.parquet")
expect_equal(table.num_rows, rows, "rows")
expected = {
    "id": [None if row % 7 == 0 else f"é{row}" for row in range(rows)],
    "y[0]": [float(np.float32(row / 7)) for row in range(rows)],
    "double": [row / 7 for row in range(rows)],
    "int": [-row for row in range(rows)],
    "long": [row**3 for row in range(rows)],
    "flag": [row % 3 == 0 for row in range(rows)],
    "none": [None] * rows,
}
expect_equal(table.column_names, list(expected), "columns")
for name, values in expected.items():
    expect_equal(table[name].to_pylist(), values, f"column {name}")
# By the statistics of the row groups, most of which are not read for it.
above = parquet.read_table(folder / "merged.parquet", filters=[("int", "<", 10 - rows)])
expect_equal(above.num_rows, 9, "rows of a filter")
print(f"ok - a merged table of {rows} rows is what its parts were", flush=True)

empty = parquet.read_table(folder / "empty.parquet")
expect_equal((empty.num_rows, empty.column_names), (0, list(expected)), "a table without rows")
nothing = parquet.read_table(folder / "nothing.parquet")
expect_equal((nothing.num_rows, nothing.num_columns), (0, 0), "a table of nothing")
print("ok - tables without rows are read", flush=True)
