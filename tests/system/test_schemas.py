# SPDX-License-Identifier: Apache-2.0
"""Databases of one collection whose tables are not alike: what `status` says of it, and what a new column brings."""

import pytest

from counterfoil import broker, make_device, two, wait_until  # noqa: F401
from test_sqlite import add, both, share

NOTES = "CREATE TABLE notes (id TEXT PRIMARY KEY, text TEXT);"
THREE = "INSERT INTO notes VALUES ('a', 'one'), ('b', 'two'), ('c', 'three')"
STARS = "ALTER TABLE notes ADD COLUMN stars INTEGER NOT NULL DEFAULT 3;"
GIVEN = "ALTER TABLE notes ADD COLUMN stars INTEGER DEFAULT 3;"
MOOD = "ALTER TABLE notes ADD COLUMN mood TEXT DEFAULT 'it''s fine';"


@pytest.fixture
def notes(two):
    """Three notes on both."""
    laptop, desktop, here, there = share(two, NOTES)
    here.run(THREE)
    both(laptop, desktop)
    return laptop, desktop, here, there


def differences(device):
    told = device.json("status", "--check")["collections"][0]
    assert told["in_sync"] and {one["kind"] for one in told["pending"]} <= {"left out"}
    return {one["path"]: one["reason"] for one in told["pending"]}


def conflicts(device):
    return [one["path"] for one in device.json("status")["collections"][0]["conflicts"]]


# ---- What is told ----


def test_a_column_and_a_table_that_only_one_has(notes):
    laptop, desktop, here, there = notes
    assert differences(laptop) == differences(desktop) == {}
    here.run("ALTER TABLE notes ADD COLUMN nick TEXT; UPDATE notes SET nick = 'x' WHERE id > 'a';"
             "CREATE TABLE tags (name TEXT PRIMARY KEY); INSERT INTO tags VALUES ('red')")
    both(laptop, desktop)
    assert differences(laptop) == {}
    told = differences(desktop)
    assert sorted(told) == ["notes.nick", "tags"]
    assert "no such column here" in told["notes.nick"] and "2 rows" in told["notes.nick"]
    assert "no such table here" in told["tags"] and "1 row of it" in told["tags"]
    desktop.run("set", str(there.path), "--include", "notes")
    assert sorted(differences(desktop)) == ["notes.nick"], "nobody misses what he doesn't ask for"
    there.run("ALTER TABLE notes ADD COLUMN nick TEXT")
    both(laptop, desktop)
    assert differences(desktop) == {} and here.all("notes") == there.all("notes")


def test_tables_that_are_not_asked_for_are_not_compared(two):
    laptop, desktop = two
    add(laptop, NOTES + "CREATE TABLE tags (name TEXT PRIMARY KEY, colour TEXT, shade TEXT); INSERT INTO tags VALUES ('a', 'red', 'dark'), ('b', 'blue', NULL)")
    laptop.sync()
    desktop.sync()
    there = add(desktop, NOTES + "CREATE TABLE tags (name TEXT PRIMARY KEY, colour TEXT UNIQUE)", options=("--existing",))
    both(laptop, desktop)
    assert sorted(differences(desktop)) == ["tags.colour", "tags.shade"]
    desktop.run("set", str(there.path), "--include", "tags//colour=blue")
    desktop.sync()
    assert sorted(differences(desktop)) == ["tags.colour"], "the row that has a shade is not asked for"
    desktop.run("set", str(there.path), "--include", "notes")
    assert differences(desktop) == {}


def test_constraints_that_only_one_has(two):
    laptop, desktop = two
    add(laptop, "CREATE TABLE t (id TEXT PRIMARY KEY, a TEXT UNIQUE, b TEXT, c TEXT NOT NULL, d TEXT)")
    laptop.sync()
    desktop.sync()
    add(desktop, "CREATE TABLE t (id TEXT PRIMARY KEY, a TEXT, b TEXT UNIQUE, c TEXT, d TEXT NOT NULL)", options=("--existing",))
    both(laptop, desktop)
    here, there = differences(laptop), differences(desktop)
    assert sorted(here) == ["t.a", "t.c"] and sorted(there) == ["t.b", "t.d"]
    assert "unique here, and not elsewhere" in here["t.a"] and "can be empty elsewhere, and not here" in here["t.c"]
    assert "unique here" in there["t.b"] and "not here" in there["t.d"]


# ---- A column with a default ----


@pytest.mark.parametrize("column, name, set_by_user", [(STARS, "stars", 5), (MOOD, "mood", "'fine'")])
def test_a_default_does_not_prevail_over_what_a_user_wrote(notes, column, name, set_by_user):
    """The program of each makes the column by itself."""
    laptop, desktop, here, there = notes
    here.run(f"{column} UPDATE notes SET {name} = {set_by_user} WHERE id = 'a'")
    laptop.sync()
    there.run(f"{column} UPDATE notes SET text = 'ONE' WHERE id = 'a'; UPDATE notes SET {name} = {set_by_user} WHERE id = 'b'")
    both(laptop, desktop)
    assert here.all("notes") == there.all("notes")
    first, = here.rows(f"SELECT {set_by_user}")[0]
    found = dict(here.rows(f"SELECT id, {name} FROM notes"))
    assert found["a"] == found["b"] == first != found["c"]
    assert conflicts(laptop) == conflicts(desktop) == []


def test_a_default_brings_no_deleted_row_back(notes):
    laptop, desktop, here, there = notes
    there.run("DELETE FROM notes WHERE id = 'b'")
    desktop.sync()
    here.run(STARS)
    both(laptop, desktop)
    assert here.rows("SELECT id, stars FROM notes ORDER BY id") == [("a", 3), ("c", 3)]
    assert there.rows("SELECT id FROM notes ORDER BY id") == [("a",), ("c",)]


def test_a_default_does_not_replace_what_others_have(notes):
    laptop, desktop, here, there = notes
    here.run(f"{STARS} UPDATE notes SET stars = 4 WHERE id = 'b'")
    both(laptop, desktop)
    there.run(f"{STARS} UPDATE notes SET stars = 5 WHERE id = 'a'")
    both(laptop, desktop)
    assert here.all("notes") == there.all("notes")
    assert dict(here.rows("SELECT id, stars FROM notes")) == {"a": 5, "b": 4, "c": 3}


def test_what_is_said_in_a_new_column_stands_beside_what_others_said_there(notes):
    """A column that is renamed on one device after the other took the newer value back, and nobody heard of it."""
    laptop, desktop, here, there = notes
    renamed = "ALTER TABLE notes RENAME COLUMN text TO body;"
    here.run(f"{renamed} UPDATE notes SET body = 'new' WHERE id = 'a'")
    both(laptop, desktop)
    there.run(renamed)
    both(laptop, desktop, 4)
    assert conflicts(laptop) == conflicts(desktop) == ["notes/a/body"]
    assert here.all("notes") == there.all("notes")
    there.run("UPDATE notes SET body = 'new' WHERE id = 'a'")
    both(laptop, desktop)
    assert dict(here.rows("SELECT id, body FROM notes")) == {"a": "new", "b": "two", "c": "three"}
    assert conflicts(laptop) == conflicts(desktop) == []


def test_a_row_that_comes_without_a_value_has_the_default(notes):
    laptop, desktop, here, there = notes
    here.run(STARS)
    both(laptop, desktop)
    there.run("INSERT INTO notes VALUES ('d', 'four')")
    both(laptop, desktop)
    both(laptop, desktop)
    assert ("d", "four", 3) in here.rows("SELECT * FROM notes")
    count = len(laptop.json("log"))
    there.run(STARS)
    both(laptop, desktop)
    assert here.all("notes") == there.all("notes") and len(laptop.json("log")) == count, "nothing new was said"


@pytest.mark.parametrize("default, old, new", [("TEXT NOT NULL DEFAULT 'none'", "'old'", "'new'"), ("INTEGER NOT NULL DEFAULT 0", 5, 6)])
def test_a_default_does_not_stand_for_what_was_emptied(two, default, old, new):
    laptop, desktop = two
    here = add(laptop, f"CREATE TABLE t (id INTEGER PRIMARY KEY, note {default}, b TEXT); INSERT INTO t(id, note) VALUES (1, {old})")
    laptop.sync()
    desktop.sync()
    there = add(desktop, f"CREATE TABLE t (id INTEGER PRIMARY KEY, note {default.split()[0]}, b TEXT)", options=("--existing",))
    both(laptop, desktop)
    there.run("UPDATE t SET note = NULL")
    desktop.sync()
    count = len(desktop.json("log"))
    for _ in range(2):
        told = {one["path"]: one["reason"] for one in laptop.sync(1)["collections"][0]["pending"]}
        assert told == {"t/1": "NOT NULL constraint failed: t.note"}
    laptop.run("status", "--check", code=1)
    desktop.sync()
    assert there.rows("SELECT note FROM t") == [(None,)] and len(desktop.json("log")) == count, "nobody said anything"
    here.run("UPDATE t SET b = 'here'")
    laptop.sync(1)
    desktop.sync()
    assert there.rows("SELECT note, b FROM t") == [(None, "here")]
    there.run(f"UPDATE t SET note = {new}")
    both(laptop, desktop)
    assert here.all("t") == there.all("t") and differences(laptop) == {}


def test_a_row_that_got_a_default_is_in_sync_at_once(notes):
    laptop, desktop, here, there = notes
    here.run(STARS)
    both(laptop, desktop)
    there.run("INSERT INTO notes VALUES ('d', 'four')")
    desktop.sync()
    laptop.sync()
    assert here.rows("SELECT stars FROM notes WHERE id = 'd'") == [(3,)] and differences(laptop) == {}


def test_a_default_is_no_edit_where_nobody_is_told_of_it(notes):
    """What comes later to a row of a source that only receives was held off by the default that the row had got."""
    laptop, desktop, here, there = notes
    desktop.run("set", str(there.path), "--mode", "receive")
    there.run(STARS)
    here.run("INSERT INTO notes VALUES ('d', 'four')")
    both(laptop, desktop)
    here.run("UPDATE notes SET text = 'FOUR' WHERE id > 'b'")
    both(laptop, desktop)
    assert there.rows("SELECT * FROM notes WHERE id > 'b' ORDER BY id") == [("c", "FOUR", 3), ("d", "FOUR", 3)]
    assert differences(desktop) == {}
    there.run("UPDATE notes SET stars = 4 WHERE id = 'd'")
    assert [one["path"] for one in desktop.sync(1)["collections"][0]["pending"]] == ["notes/d"]
    there.run("UPDATE notes SET stars = 3 WHERE id = 'd'")
    here.run(f"{STARS} UPDATE notes SET stars = 5 WHERE id = 'd'")
    both(laptop, desktop)
    assert here.all("notes") == there.all("notes")


# ---- A column that can't be told of at once ----


def prevails(notes, *, rows=None):
    """What the laptop's user wrote in the new column prevails over the desktop's default, on both, and nothing is in conflict."""
    laptop, desktop, here, there = notes
    both(laptop, desktop)
    assert dict(here.rows("SELECT id, stars FROM notes")) == dict(there.rows("SELECT id, stars FROM notes")) == (rows or {"a": 5, "b": 3, "c": 3})
    assert conflicts(laptop) == conflicts(desktop) == []


@pytest.mark.parametrize("serving", [False, True])
def test_a_default_is_nobody_s_word_after_a_lock_either(notes, serving):
    laptop, desktop, here, there = notes
    laptop.run("lock", "book")
    here.run(f"{GIVEN} UPDATE notes SET stars = 5 WHERE id = 'a'")
    process = desktop.serve() if serving else None
    there.run(GIVEN)
    for _ in range(3):
        desktop.sync(9)
    laptop.sync()
    laptop.run("unlock", "book")
    if serving:
        wait_until(lambda: dict(there.rows("SELECT id, stars FROM notes"))["a"] == 5, "it has come")
        desktop.stop(process)
    prevails(notes)


def test_a_default_is_nobody_s_word_after_an_upload_either(notes, broker):
    """What was changed in one transaction waits for the long value in it."""
    laptop, desktop, here, there = notes
    broker.stop()
    there.run(f"{GIVEN} UPDATE notes SET text = hex(randomblob(300000)) WHERE id = 'b'")
    for _ in range(2):
        desktop.sync(5, "--timeout", "1s")
    broker.restart()
    here.run(f"{GIVEN} UPDATE notes SET stars = 5 WHERE id = 'a'")
    laptop.sync()
    prevails(notes)
    assert len(here.rows("SELECT text FROM notes WHERE id = 'b'")[0][0]) == 600000


def test_a_default_is_nobody_s_word_of_a_record_that_another_has_locked(notes):
    """The others are told of meanwhile, and what a user says of them then is his word, also where it is the default."""
    laptop, desktop, here, there = notes
    laptop.run("lock", "book//notes/a")
    here.run(f"{GIVEN} UPDATE notes SET stars = 5")
    laptop.sync()
    there.run(GIVEN)
    desktop.sync(9)
    desktop.sync(9)
    laptop.run("unlock", "book//notes/a")
    prevails(notes, rows={"a": 5, "b": 5, "c": 5})


def test_what_a_user_says_in_a_new_column_counts_though_another_row_is_refused(notes):
    laptop, desktop, here, there = notes
    here.run(f"{STARS} UPDATE notes SET stars = 5; UPDATE notes SET stars = 9 WHERE id = 'c'")
    laptop.sync()
    there.run("ALTER TABLE notes ADD COLUMN stars INTEGER NOT NULL DEFAULT 3 CHECK (stars < 9)")
    desktop.sync(1)
    assert dict(there.rows("SELECT id, stars FROM notes")) == {"a": 5, "b": 5, "c": 3}
    there.run("UPDATE notes SET stars = 3 WHERE id = 'a'")
    desktop.sync(1)
    laptop.sync()
    assert dict(here.rows("SELECT id, stars FROM notes")) == {"a": 3, "b": 5, "c": 9}
    here.run("UPDATE notes SET stars = 8 WHERE id = 'c'")
    prevails(notes, rows={"a": 3, "b": 5, "c": 8})


def test_a_default_can_be_said_again_on_a_device_that_only_sends(notes):
    laptop, desktop, here, there = notes
    here.run(f"{STARS} UPDATE notes SET stars = 4 WHERE id > 'a'")  # to say 5 beside 4 is a conflict
    both(laptop, desktop)
    desktop.run("set", str(there.path), "--mode", "send")
    there.run(f"{STARS} UPDATE notes SET stars = 5 WHERE id = 'a'")
    both(laptop, desktop)
    there.run("UPDATE notes SET stars = 3 WHERE id = 'a'")
    both(laptop, desktop)
    assert dict(here.rows("SELECT id, stars FROM notes")) == {"a": 3, "b": 4, "c": 4}
