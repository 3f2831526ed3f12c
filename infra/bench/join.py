"""What data people write instead of a matcher: two CSV files in, joined rows out.

join.py pandas-key | duckdb-key | duckdb-range SOURCE TARGET OUT
Prints {"peak_kib": …}, the most memory that this process used.
"""

import json
import resource
import sys


def pandas_key(source, target, out):
    import pandas

    columns = ["id", "amount", "currency", "reference"]
    sold = pandas.read_csv(source, usecols=columns).dropna(subset=["reference"])
    paid = pandas.read_csv(target, usecols=columns).dropna(subset=["reference"])
    joined = sold.merge(paid, on=["reference", "amount", "currency"], suffixes=("_s", "_t"))
    joined[["id_s", "id_t"]].to_csv(out, index=False, header=["source_id", "target_id"])


def duckdb_query(condition, source, target, out):
    import duckdb

    # A file name is ours and holds no quote.
    duckdb.sql(
        f"COPY (SELECT s.id AS source_id, t.id AS target_id FROM read_csv('{source}') s JOIN read_csv('{target}') t "
        f"ON s.currency = t.currency AND s.amount = t.amount AND {condition}) TO '{out}' (HEADER)"
    )


def duckdb_key(source, target, out):
    duckdb_query("s.reference = t.reference", source, target, out)


def duckdb_range(source, target, out):
    duckdb_query("t.date BETWEEN s.date - INTERVAL 3 DAY AND s.date + INTERVAL 3 DAY", source, target, out)


def main():
    how, source, target, out = sys.argv[1:]
    {"pandas-key": pandas_key, "duckdb-key": duckdb_key, "duckdb-range": duckdb_range}[how](source, target, out)
    print(json.dumps({"peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))


main()
