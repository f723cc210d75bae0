# SPDX-License-Identifier: Apache-2.0
"""What other devices did is written to a database, and the program is killed before its home says so: to the next look that is no
older copy that somebody put there, though all that was written last is undone."""

import contextlib
import os
import shutil
import sqlite3

from counterfoil import both, broker, make_device, two  # noqa: F401
from strike import Strike

ITEMS = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)"
TRIES = int(os.environ.get("CF_CRASH_APPLIED", "12"))


def run(path, script, rows=((),)):
    with contextlib.closing(sqlite3.connect(path)) as there, there:
        there.executemany(script, rows)


def count(path):
    with contextlib.closing(sqlite3.connect(path)) as there:
        return there.execute("SELECT count(*) FROM items").fetchone()[0]


def test_what_was_written_before_a_crash_is_no_older_copy(two, tmp_path):
    laptop, desktop = two
    here, there = laptop.source("book.db"), desktop.source("book.db")
    for device, path, more in (laptop, here, ()), (desktop, there, ("--existing",)):
        run(path, ITEMS)
        device.json("add", str(path), "--collection", "book", "--format", "sqlite", *more)
        both(laptop, desktop)
    for start in 0, 100:
        run(here, "INSERT INTO items VALUES (?, ?)", [(start + i, f"item {i}") for i in range(9)])
        both(laptop, desktop)
    run(here, "UPDATE items SET name = 'was ' || name WHERE id < 9")
    both(laptop, desktop)
    run(there, "DELETE FROM items WHERE id >= 100")
    run(there, "UPDATE items SET name = substr(name, 5)")
    desktop.sync(8)
    desktop.sync(0, "--yes")
    before = {path: f"{path}.before" for path in (laptop.home, str(here))}
    shutil.copytree(laptop.home, before[laptop.home])
    shutil.copy2(here, before[str(here)])
    strike, tried, at = Strike(tmp_path / "strike"), 0, None
    while at is None or (at > 0 and tried < TRIES):
        shutil.rmtree(laptop.home)
        shutil.copytree(before[laptop.home], laptop.home)
        with open(before[str(here)], "rb") as old, open(here, "r+b") as file:  # the file stays the same one
            file.write(old.read())
            file.truncate()
        strike.aim(at or 0, "kill")
        laptop.finish("sync", environment=strike.environment)
        if at is None:
            at = strike.count
            assert count(here) == 9
            continue
        at -= 1
        if count(here) > 9:
            break
        tried += 1
        done = laptop.finish("--json", "sync")
        assert done.returncode == 0, (at, strike.call, done.stdout)
        assert count(here) == 9
    assert tried
