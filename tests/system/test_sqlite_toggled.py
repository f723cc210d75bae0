# SPDX-License-Identifier: Apache-2.0
"""A database with a write-ahead log whose program does, undoes and does the same again: the file is then, byte for byte, what it was
before, and no older copy. A copy is still known, and so is what undoes another device's work."""

import shutil
import sqlite3

import pytest

from counterfoil import broker, make_device, two  # noqa: F401
from test_sqlite import both, share
from test_sqlite_place import OLDER, named, stopped

NUMBERED = "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);"
COUNT, KEPT = 6, 20


def insert(serial):
    return "INSERT INTO people VALUES " + ", ".join(f"({100 + i if serial else repr(f'n{i}')}, 'new {i}')" for i in range(COUNT))


def delete():
    return "DELETE FROM people WHERE name LIKE 'new %'"


def say(word):
    return f"UPDATE people SET name = '{word}' WHERE id BETWEEN 'a0' AND 'a{COUNT - 1}' AND length(id) = 2"


def is_said(place, word):
    return len(place.rows(f"SELECT * FROM people WHERE name = '{word}'")) == COUNT


def in_wal(two, serial=False):
    laptop, desktop, here, there = share(two, NUMBERED) if serial else named(two, KEPT)
    for one in here, there:
        one.run("PRAGMA journal_mode = WAL")
    here.run(f"INSERT INTO people VALUES ({99 if serial else repr('z')}, 'in WAL mode')")
    both(laptop, desktop)
    return laptop, desktop, here, there


class Program:
    """Closes the database each time, or stays and writes its log back."""

    def __init__(self, here, checkpoint):
        self.path, self.checkpoint = here.path, checkpoint
        self.database = self.open() if checkpoint else None

    def open(self):
        return sqlite3.connect(self.path, isolation_level=None)

    def run(self, script):
        database = self.database or self.open()
        database.execute(script)
        if self.checkpoint:
            database.execute(f"PRAGMA wal_checkpoint({self.checkpoint})")
        else:
            database.close()

    def end(self):
        if self.database:
            self.database.close()


@pytest.mark.parametrize("checkpoint", [None, "TRUNCATE", "PASSIVE"])
@pytest.mark.parametrize("acts", [[insert(False), delete()], [insert(True), delete()], [say("done"), say("open")]])
def test_what_is_done_and_undone_again_and_again(two, checkpoint, acts):
    serial = "100" in acts[0]
    laptop, desktop, here, there = in_wal(two, serial)
    program, seen = Program(here, checkpoint), []
    for turn in range(6):
        program.run(acts[turn % 2])
        both(laptop, desktop)
        assert here.all("people") == there.all("people"), turn
        seen.append(here.path.read_bytes())
    program.end()
    assert len(set(seen)) < 6, "the bytes come back, or nothing is tried"
    both(laptop, desktop)


@pytest.mark.parametrize("checkpoint", [None, "TRUNCATE", "PASSIVE"])
def test_what_undoes_the_work_of_another_device_is_held(two, checkpoint):
    laptop, desktop, here, there = in_wal(two)
    for word in "done", "open", "done":
        Program(here, None).run(say(word))
        both(laptop, desktop)
    program = Program(there, checkpoint)
    program.run(say("open"))
    stopped(desktop, f"{COUNT} of {KEPT + 1} rows are as they were", *OLDER)
    laptop.sync()
    assert is_said(here, "done")
    desktop.sync(0, "--yes")
    both(desktop, laptop)
    program.end()
    assert is_said(here, "open") and is_said(there, "open")


@pytest.mark.parametrize("edit", [say("done"), say("done").replace("'done'", "NULL")], ids=["a value", "NULL"])
def test_a_copy_with_its_log_undoes_no_other_device_s_work(two, edit):
    laptop, desktop, here, there = in_wal(two)
    program = Program(here, "PASSIVE")
    program.run(say("open"))
    both(laptop, desktop)
    beside = {here.path.with_name(here.path.name + end): None for end in ("", "-wal")}
    for path in beside:
        beside[path] = path.read_bytes()
    Program(there, None).run(edit)
    both(desktop, laptop)
    program.end()
    after = there.all("people")
    here.path.with_name(here.path.name + "-shm").unlink(missing_ok=True)
    for path, bytes_before in beside.items():
        path.write_bytes(bytes_before)
    stopped(laptop, f"{COUNT} of {KEPT + 1} rows are as they were", *OLDER)
    desktop.sync()
    assert there.all("people") == after


@pytest.mark.parametrize("beside", [False, True])
def test_a_copy_from_before_rows_that_were_never_taken_away(two, beside):
    """Also where another file comes to its folder in that moment, as when a whole folder is put back."""
    laptop, desktop, here, there = in_wal(two)
    backup = here.path.with_suffix(".backup")
    shutil.copy(here.path, backup)
    Program(here, None).run(insert(False))
    both(laptop, desktop)
    shutil.copy(backup, here.path)
    if beside:
        here.path.with_suffix(".other").touch()
    stopped(laptop, f"{COUNT} of {KEPT + 1 + COUNT} rows are missing", *OLDER)
    desktop.sync()
    assert len(there.rows("SELECT * FROM people")) == KEPT + 1 + COUNT


def test_a_copy_from_before_rows_that_came_back(two):
    laptop, desktop, here, there = in_wal(two)
    program = Program(here, None)
    for script in insert(False), delete():
        program.run(script)
        both(laptop, desktop)
    backup = here.path.with_suffix(".backup")
    shutil.copy(here.path, backup)
    program.run(insert(False))
    both(laptop, desktop)
    shutil.copy(backup, here.path)
    stopped(laptop, f"{COUNT} of {KEPT + 1 + COUNT} rows are missing", *OLDER)
    desktop.sync()
    assert len(there.rows("SELECT * FROM people")) == KEPT + 1 + COUNT
