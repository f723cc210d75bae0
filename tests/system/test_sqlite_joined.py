# SPDX-License-Identifier: Apache-2.0
"""Rows that join others, in a database that is added again, or a copy of which is added by a third device: they are what
they join, whatever number they were given."""

import shutil

from counterfoil import both, broker, make_device, two  # noqa: F401
from test_sqlite import ADDRESS_BOOK, Database, add, pending, share

TABLES = "people", "phones", "groups", "members"
SINCE = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE groups (id INTEGER PRIMARY KEY, title TEXT);
CREATE TABLE members (person INTEGER REFERENCES people ON DELETE CASCADE, grp INTEGER REFERENCES groups, since INTEGER,
 PRIMARY KEY (person, grp)) WITHOUT ROWID;
"""
JOINED = "SELECT name, title FROM members JOIN people ON person = people.id JOIN groups ON grp = groups.id ORDER BY 1, 2"
DATED = JOINED.replace("title", "title, since")


def told(device, code=0):
    collection = device.json("status")["collections"][0]
    return collection["pending"], collection["conflicts"]


def grow(database, both_sync, joins):
    """Joins with what was there before, and with what came at once."""
    database.run("INSERT INTO people(id, name) VALUES (1, 'Ann'), (2, 'Bob'); INSERT INTO groups(id, title) VALUES (1, 'choir');"
                 + joins.format(1, 1, 1990))
    both_sync()
    database.run("INSERT INTO people(id, name) VALUES (3, 'Cleo')")
    both_sync()
    database.run(joins.format(2, 1, 1991) + ";" + joins.format(3, 1, 1992))
    both_sync()


PLAIN = "INSERT INTO members(person, grp) VALUES ({}, {}) -- {}\n"
WITH_YEAR = "INSERT INTO members VALUES ({}, {}, {})"


def test_added_again_they_are_the_same(two):
    laptop, desktop, here, there = share(two, ADDRESS_BOOK)
    grow(here, lambda: both(laptop, desktop), PLAIN)
    before = here.all(*TABLES)
    desktop.run("remove", str(there.path))
    told_of = desktop.json("add", str(there.path), "--format", "sqlite", "--collection", "book", "--existing")
    assert (told_of["different"], told_of["only_here"], told_of["only_there"]) == (0, 0, 0)
    both(laptop, desktop)
    assert here.all(*TABLES) == there.all(*TABLES) == before
    assert told(laptop) == told(desktop) == ([], [])


def test_a_copy_on_a_third_device_is_the_same(two, make_device):
    laptop, desktop, here, there = share(two, ADDRESS_BOOK)
    grow(here, lambda: both(laptop, desktop), PLAIN)
    before = here.all(*TABLES)
    tower = make_device("tower")
    laptop.pair(tower)
    tower.sync()
    copy = Database(tower.folder / "tower-book.db")
    shutil.copyfile(there.path, copy.path)
    add(tower, "", options=("--existing",))
    tower.sync()
    both(laptop, desktop)
    tower.sync()
    assert here.all(*TABLES) == there.all(*TABLES) == copy.all(*TABLES) == before
    assert told(laptop) == told(desktop) == told(tower) == ([], [])


def test_what_was_deleted_meanwhile_goes(two):
    laptop, desktop, here, there = share(two, ADDRESS_BOOK)
    grow(here, lambda: both(laptop, desktop), PLAIN)
    for database in (here, there):
        database.run("PRAGMA foreign_keys = ON")
    desktop.run("remove", str(there.path))
    here.run("DELETE FROM members WHERE person IN (1, 2)")  # one of the first, one that came later
    laptop.sync()
    desktop.json("add", str(there.path), "--format", "sqlite", "--collection", "book", "--existing")
    both(laptop, desktop)
    assert here.rows(JOINED) == there.rows(JOINED) == [("Cleo", "choir")]
    assert here.all(*TABLES) == there.all(*TABLES) and there.sound()
    assert told(laptop) == told(desktop) == ([], [])


def test_what_was_edited_meanwhile_comes(two):
    laptop, desktop, here, there = share(two, SINCE)
    grow(here, lambda: both(laptop, desktop), WITH_YEAR)
    desktop.run("remove", str(there.path))
    here.run("UPDATE members SET since = 2000 WHERE person = 2; UPDATE members SET since = 2001 WHERE person = 1")
    laptop.sync()
    desktop.json("add", str(there.path), "--format", "sqlite", "--collection", "book", "--existing")
    both(laptop, desktop)
    assert here.rows(DATED) == there.rows(DATED) == [("Ann", "choir", 2001), ("Bob", "choir", 2000), ("Cleo", "choir", 1992)]
    assert told(laptop) == told(desktop) == ([], [])


def test_what_was_edited_here_is_one_row_still(two):
    laptop, desktop, here, there = share(two, SINCE)
    grow(here, lambda: both(laptop, desktop), WITH_YEAR)
    desktop.run("remove", str(there.path))
    there.run("UPDATE members SET since = 2010 WHERE person = 2")
    desktop.json("add", str(there.path), "--format", "sqlite", "--collection", "book", "--existing", "--rows", "same")
    both(laptop, desktop, 4)
    assert here.rows(DATED) == there.rows(DATED) == [("Ann", "choir", 1990), ("Bob", "choir", 2010), ("Cleo", "choir", 1992)]
    assert [len(told(device)[1]) for device in (laptop, desktop)] == [1, 1], "what it was is listed"


def test_one_that_both_made_is_one_row(two):
    """The other device's is in the log, and not here yet."""
    laptop, desktop, here, there = share(two, SINCE)
    grow(here, lambda: both(laptop, desktop), WITH_YEAR)
    for database in (here, there):
        database.run("INSERT INTO groups(id, title) VALUES (7, 'chess')") if database is here else None
        both(laptop, desktop)
    here.run("INSERT INTO members VALUES (2, 7, 2020)")
    there.run("INSERT INTO members VALUES (2, 7, 2021)")
    laptop.sync()
    both(desktop, laptop, 4)
    assert here.rows(DATED) == there.rows(DATED)
    assert len([row for row in here.rows(DATED) if row[:2] == ("Bob", "chess")]) == 1
    for device in laptop, desktop:
        pending_now, conflicts = told(device)
        assert pending_now == [] and [one["path"] for one in conflicts] != []
