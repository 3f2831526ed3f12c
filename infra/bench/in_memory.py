"""What a data-frame library takes for joins of a million rows in memory, on one core: a yardstick for the machine.

in_memory.py ROWS
Prints {"key_us": …, "nearest_us": …}: a join on one number that is in each table once, in no order, and a join with the
row of equal amount that is nearest in time, which uses rows as often as they fit. The middle one of several runs each.
"""

import json
import statistics
import sys
import time

import numpy
import pandas

RUNS = 5
SECONDS_OF_A_MONTH = 31 * 86_400
LARGEST_AMOUNT = 60_000


def tables(random, rows):
    def table(name):
        times = numpy.sort(random.integers(0, SECONDS_OF_A_MONTH * 1_000, rows))
        amounts = random.integers(500, LARGEST_AMOUNT, rows)
        return pandas.DataFrame({"key": random.permutation(rows), "time": times, "amount": amounts, name: numpy.arange(rows)})

    return table("sale"), table("payment")


def middle_us(join):
    took = []
    for _ in range(RUNS):
        begun = time.perf_counter_ns()
        join()
        took.append((time.perf_counter_ns() - begun) // 1_000)
    return statistics.median(took)


def main():
    random = numpy.random.default_rng(1)
    sales, payments = tables(random, int(sys.argv[1]))
    by_key = [one[["key", name]] for one, name in ((sales, "sale"), (payments, "payment"))]
    by_time = [one.drop(columns="key") for one in (sales, payments)]
    key = middle_us(lambda: by_key[0].merge(by_key[1], on="key"))
    nearest = middle_us(lambda: pandas.merge_asof(*by_time, on="time", by="amount", direction="nearest"))
    print(json.dumps({"key_us": key, "nearest_us": nearest}))


main()
