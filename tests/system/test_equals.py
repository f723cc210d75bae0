# SPDX-License-Identifier: Apache-2.0
"""Equal contents at many places, in folders, collections and rows: one sync brings them all."""

import csv
import os
import random
import string

from counterfoil import broker, fill, make_device, tree, two, wait_until  # noqa: F401
from stand import history

NOISE = os.urandom(100_000)


def equal_files(count):
    return {f"{i % 10}/{i}": NOISE for i in range(count)}


def receive(desktop, *names):
    desktop.sync()
    there = [desktop.add(name, None, "--existing") for name in names]
    assert desktop.sync()["in_sync"]
    return [tree(source) for source in there]


def test_a_thousand_equal_files_need_one_sync(two):
    laptop, desktop = two
    here = [laptop.add("notes", equal_files(1000)), laptop.add("photos", {"a/x": NOISE, "b/y": NOISE})]
    done = laptop.sync()
    assert done["in_sync"]
    assert receive(desktop, "notes", "photos") == [tree(source) for source in here]


def test_they_are_in_the_log_without_a_sync(two):
    laptop, desktop = two
    here = laptop.add("notes")
    serving = laptop.serve()
    fill(here, equal_files(100))
    wait_until(lambda: len(history(laptop)) == 110, "all is in the log")
    assert receive(desktop, "notes") == [tree(here)]
    assert laptop.stop(serving) == 0


def test_equal_values_of_records_do_so_too(two):
    laptop, desktop = two
    note = "".join(random.choices(string.ascii_letters, k=200_000))
    for name in "people", "others":
        with open(laptop.source(name).with_suffix(".csv"), "w", newline="") as file:
            csv.writer(file).writerows([["id", "note"], *([i, note] for i in range(5))])
        laptop.json("add", file.name, "--collection", name, "--format", "csv", "--key", "id")
    assert laptop.sync()["in_sync"]
    desktop.sync()
    for name in "people", "others":
        there = desktop.source(name).with_suffix(".csv")
        desktop.json("add", str(there), "--collection", name, "--format", "csv", "--key", "id", "--existing")
    assert desktop.sync()["in_sync"]
    assert there.read_text() == laptop.source("others").with_suffix(".csv").read_text().replace("\r", "")
