"""How many values stand in the lists of a Parquet file, by what its footer says: ``python parquet_values.py < FOOTER``.

The library ends the whole process over some damaged footers when it is asked this, so it is asked in one of its own.
"""

import sys


def main(footer: bytes) -> int:
    """Values of all columns that are lists, or part of one.

    Raises:
        pyarrow.ArrowException, OSError: it is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet

    facts = pyarrow.parquet.read_metadata(pa.BufferReader(footer))
    lists = [number for number in range(facts.num_columns) if facts.schema.column(number).max_repetition_level > 0]
    groups = map(facts.row_group, range(facts.num_row_groups))
    return sum(abs(group.column(number).num_values) for group in groups for number in lists)


if __name__ == "__main__":
    print(main(sys.stdin.buffer.read()))
