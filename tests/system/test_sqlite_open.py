# SPDX-License-Identifier: Apache-2.0
"""An older copy of a database that lies there while its program has the database open: what was written since is taken back nowhere,
nor when the program ends and has written nothing."""

import os
import sqlite3

import pytest

from counterfoil import broker, make_device, two, wait_until  # noqa: F401
from test_sqlite import both, trouble
from test_sqlite_rewound import backup_of, filled, held, put_back

NEWS = {"5 added": "INSERT INTO items SELECT id + 1000, n, what FROM items WHERE id <= 5", "2 edited": "UPDATE items SET n = 7 WHERE id <= 2",
        "1 deleted": "DELETE FROM items WHERE id = 3"}
WHOSE = pytest.mark.parametrize("own", [False, True], ids=["of the other device", "of this device"])


def opened(here):
    program = sqlite3.connect(here.path, isolation_level=None)
    assert program.execute("SELECT count(*) FROM items").fetchone()
    return program


def written_while_open(two, mode, news, own):
    """A backup, and what came into the database since; its program has it open all the time."""
    laptop, desktop, here, there = filled(two, mode, count=20)
    backup = backup_of(here)
    program = opened(here)
    if own:
        program.execute(NEWS[news])
        both(laptop, desktop)
    else:
        there.run(NEWS[news])
        both(desktop, laptop)
    return laptop, desktop, here, there, backup, program


def kept_from_it(laptop, desktop, here, there, backup, program):
    """It is held while the program is open, and when that ends without a write; filled from the log all is there, and goes on."""
    before = there.all("items")
    assert here.all("items") == before
    put_back(backup, here)
    held(laptop)
    program.close()
    held(laptop)
    desktop.sync()
    assert there.all("items") == before
    laptop.run("repair", str(here.path), "--refill")
    both(laptop, desktop)
    assert here.all("items") == there.all("items") == before
    here.run("UPDATE items SET what = 'after' WHERE id = 9")
    both(laptop, desktop)
    assert here.all("items") == there.all("items") != before


@WHOSE
@pytest.mark.parametrize("news", NEWS)
@pytest.mark.parametrize("mode, checkpoint, looks", [
    ("WAL", "PASSIVE", 1), ("WAL", "PASSIVE", 0), ("WAL", "TRUNCATE", 1), ("WAL", "TRUNCATE", 0), ("DELETE", "PASSIVE", 0),
])
def test_an_older_copy_under_a_program_that_has_it_open(two, mode, checkpoint, looks, news, own):
    laptop, desktop, here, there, backup, program = written_while_open(two, mode, news, own)
    program.execute(f"PRAGMA wal_checkpoint({checkpoint})")
    for _ in range(looks):
        both(laptop, desktop)
    kept_from_it(laptop, desktop, here, there, backup, program)


@WHOSE
@pytest.mark.parametrize("version", [0, 7], ids=["the same", "another"])
def test_an_older_copy_beside_a_log_that_has_nothing_of_what_it_undoes(two, version, own):
    """The program was opened again, and has written what is no row."""
    laptop, desktop, here, there, backup, program = written_while_open(two, "WAL", "5 added", own)
    program.execute("PRAGMA wal_checkpoint(PASSIVE)")
    both(laptop, desktop)
    program.close()
    program = opened(here)
    program.execute(f"PRAGMA user_version = {version}")
    both(laptop, desktop)
    kept_from_it(laptop, desktop, here, there, backup, program)


def test_an_older_copy_under_an_open_program_is_what_is_meant(two):
    laptop, desktop, here, there, backup, program = written_while_open(two, "WAL", "5 added", False)
    program.execute("PRAGMA wal_checkpoint(PASSIVE)")
    both(laptop, desktop)
    put_back(backup, here)
    held(laptop, "5 of 25 rows are missing")
    laptop.sync(0, "--yes")
    both(laptop, desktop)
    program.close()
    both(laptop, desktop)
    assert here.all("items") == there.all("items") and len(there.all("items")["items"]) == 20
    here.run("UPDATE items SET n = 5")
    both(laptop, desktop)
    assert here.all("items") == there.all("items")


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_who_puts_the_newer_one_back_goes_on_as_ever(two, mode):
    laptop, desktop, here, there, backup, program = written_while_open(two, mode, "5 added", False)
    program.close()
    both(laptop, desktop)
    newer = here.path.with_suffix(".newer")
    newer.write_bytes(here.path.read_bytes())
    put_back(backup, here)
    held(laptop)
    put_back(newer, here)
    both(laptop, desktop)
    for script in "DELETE FROM items WHERE id > 1003", "UPDATE items SET n = 30 WHERE id = 1001", "UPDATE items SET n = 10 WHERE id = 1001":
        here.run(script)
        both(laptop, desktop)
        assert here.all("items") == there.all("items"), script
    assert len(there.all("items")["items"]) == 23


@pytest.mark.parametrize("checkpoint", ["PASSIVE", "TRUNCATE"])
def test_serve_holds_an_older_copy_under_a_program_that_has_it_open(two, checkpoint):
    laptop, desktop, here, there = filled(two, count=20)
    backup = backup_of(here)
    program = opened(here)
    served = [(device, device.serve()) for device in (laptop, desktop)]
    there.run(NEWS["5 added"])
    before = there.all("items")
    wait_until(lambda: here.all("items") == before, "it is here")
    program.execute(f"PRAGMA wal_checkpoint({checkpoint})")
    put_back(backup, here)
    wait_until(lambda: "an older copy" in trouble(laptop), "it is said")
    program.close()
    there.run("UPDATE items SET what = 'meanwhile' WHERE id = 9")
    wait_until(lambda: desktop.finish("status", "--check").returncode == 0, "the desktop has sent it")
    assert "an older copy" in trouble(laptop)
    assert len(there.all("items")["items"]) == 25
    for device, process in served:
        assert device.stop(process) == 0
    held(laptop)


@pytest.mark.parametrize("checkpoint", ["PASSIVE", "TRUNCATE"])
def test_what_an_open_program_takes_back_is_an_edit(two, checkpoint):
    """Its log, or that it is empty, says that it was the program."""
    laptop, desktop, here, there = filled(two, count=20)
    program = opened(here)
    for turn in range(6):
        program.execute(f"UPDATE items SET n = {turn % 2} WHERE id <= 3")
        program.execute(f"PRAGMA wal_checkpoint({checkpoint})")
        for _ in range(2):
            both(laptop, desktop)
        assert here.all("items") == there.all("items"), turn
    os.utime(here.path)
    program.execute("DELETE FROM items WHERE id = 7")
    both(laptop, desktop)
    program.close()
    both(laptop, desktop)
    assert here.all("items") == there.all("items") and len(there.all("items")["items"]) == 19


def test_what_an_open_program_deletes_waits_for_a_word_and_is_no_copy_when_that_is_closed(two):
    laptop, desktop, here, there = filled(two, count=20)
    program = opened(here)
    program.execute("UPDATE items SET n = 1 WHERE id = 3")
    both(laptop, desktop)
    program.execute("DELETE FROM items")
    program.execute("PRAGMA wal_checkpoint(PASSIVE)")
    for _ in range(2):
        (told,) = laptop.sync(8)["collections"]
        assert "trouble" not in told and "20 of 20 items are missing here" in told["pending"][0]["reason"]
        program.close()
    desktop.sync()
    assert len(there.all("items")["items"]) == 20


@pytest.mark.parametrize("news", ["5 added", "2 edited"])
def test_looks_at_what_a_program_writes_to_other_tables_push_out_no_older_content(two, news):
    laptop, desktop, here, there = filled(two, "WAL", count=20)
    here.run("CREATE TABLE zother (id INTEGER PRIMARY KEY)")
    both(laptop, desktop)
    laptop.run("set", str(here.path), "--exclude", "zother")
    here.run("UPDATE items SET what = 'x' WHERE id = 20")
    both(laptop, desktop)
    backup = backup_of(here)
    program = opened(here)
    there.run(NEWS[news])
    both(desktop, laptop)
    for _ in range(40):  # more than contents are known by
        program.execute("INSERT INTO zother DEFAULT VALUES")
        program.execute("PRAGMA wal_checkpoint(PASSIVE)")
        laptop.sync()
    program.close()
    laptop.sync()
    before = there.all("items")
    put_back(backup, here)
    here.all("items")  # by a program that only reads, and ends
    held(laptop)
    desktop.sync()
    assert there.all("items") == before


@pytest.mark.parametrize("news", NEWS)
def test_a_copy_of_bytes_that_nobody_synced_stays_held_when_its_program_writes_something_else(two, news):
    laptop, desktop, here, there = filled(two, "WAL", count=20)
    program = opened(here)
    for version in 5, 6:
        program.execute(f"PRAGMA user_version = {version}")
        program.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        backup = backup if version == 6 else backup_of(here)
    program.execute(NEWS[news])
    both(laptop, desktop)
    program.execute("PRAGMA wal_checkpoint(PASSIVE)")
    both(laptop, desktop)
    before = there.all("items")
    put_back(backup, here)
    held(laptop)
    program.execute("PRAGMA user_version = 9")
    held(laptop)
    program.close()
    held(laptop)
    desktop.sync()
    assert there.all("items") == before
