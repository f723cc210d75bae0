# SPDX-License-Identifier: Apache-2.0
"""A database of SQLite in whose place another one is put: an older one, one of something else, or the same written anew."""

import json
import os
import shutil

from counterfoil import broker, make_device, two  # noqa: F401
from test_sqlite import ADDRESS_BOOK, Database, add, both, share, trouble

NAMED = "CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT);"
META = "CREATE TABLE meta (key TEXT PRIMARY KEY, value); INSERT INTO meta VALUES ('version', 3);"


def people(letter, count):
    return [(f"{letter}{i}", f"{letter} {i}") for i in range(count)]


def named(two, count, schema=NAMED):
    """As many people on both."""
    laptop, desktop, here, there = share(two, schema)
    here.many("INSERT INTO people VALUES (?, ?)", people("a", count))
    both(laptop, desktop)
    assert len(there.rows("SELECT * FROM people")) == count
    return laptop, desktop, here, there


def grown_since_a_backup(two):
    """Four people who are in the backup of the first one, and three more."""
    laptop, desktop, here, there = named(two, 4)
    backup = here.path.with_suffix(".backup")
    shutil.copy(here.path, backup)
    here.many("INSERT INTO people VALUES (?, ?)", people("b", 3))
    both(laptop, desktop)
    return laptop, desktop, here, there, backup


def written_anew(here, script=""):
    """Another file of the same rows, that the script changes."""
    copy = Database(here.path.with_suffix(".new"))
    shutil.copy(here.path, copy.path)
    copy.run(script)
    os.replace(copy.path, here.path)


def stopped(laptop, reason):
    """Both name it, and what to do."""
    for verb in (("status", "--check"), ("sync",)):
        done = laptop.finish("--json", *verb)
        assert done.returncode == 8, (verb, done.returncode)
        told = json.loads(done.stdout)["collections"][0]["trouble"]
        assert f"another database stands in its place: {reason}, nothing of it is synced" in told
        assert "Put the old one back, or say `sync --yes`" in told


def test_another_database_in_its_place(two):
    laptop, desktop, here, there = share(two, ADDRESS_BOOK)
    here.many("INSERT INTO people(name, born) VALUES (?, ?)", [(f"person {i}", i) for i in range(20)])
    both(laptop, desktop)
    before = there.all("people")
    kept = here.path.with_suffix(".kept")
    here.path.rename(kept)
    other = Database(here.path).run(ADDRESS_BOOK)
    other.many("INSERT INTO people(name, born) VALUES (?, ?)", [(f"stranger {i}", -i) for i in range(20)])
    laptop.sync(8)
    assert "another database stands in its place: 20 of 20 rows say something else" in trouble(laptop)
    desktop.sync()
    assert there.all("people") == before
    os.replace(kept, here.path)
    both(laptop, desktop)
    assert there.all("people") == here.all("people") == before


def test_other_rows_under_the_same_keys(two):
    laptop, desktop, here, there = share(two, ADDRESS_BOOK)
    here.many("INSERT INTO people(name, born) VALUES (?, ?)", [(f"person {i}", i) for i in range(20)])
    both(laptop, desktop)
    before = there.all("people")
    other = Database(here.path.with_suffix(".other")).run(ADDRESS_BOOK)
    other.many("INSERT INTO people(name, born) VALUES (?, ?)", [(f"stranger {i}", 1900 + i) for i in range(20)])
    here.path.write_bytes(other.path.read_bytes())  # over it: the file is the same
    assert "20 of 20 rows are others" in str(laptop.sync(8)["collections"][0]["pending"])
    desktop.sync()
    assert there.all("people") == before
    laptop.sync(0, "--yes")
    desktop.sync(0, "--yes")
    assert here.all("people") == there.all("people") == other.all("people")


def test_a_small_one_that_shares_a_row(two):
    laptop, desktop, here, there = named(two, 8, NAMED + META)
    before = there.all("people", "meta")
    kept = here.path.with_suffix(".kept")
    here.path.rename(kept)
    Database(here.path).run(NAMED + META).many("INSERT INTO people VALUES (?, ?)", people("z", 8))
    other = Database(here.path).all("people")
    there.run("UPDATE people SET name = 'newer' WHERE id = 'a1'")
    desktop.sync()
    stopped(laptop, "8 of 9 rows are missing")
    desktop.sync()
    assert len(there.rows("SELECT * FROM people")) == 8
    assert here.all("people") == other  # nothing is applied to it, either
    there.run("UPDATE people SET name = 'a 1' WHERE id = 'a1'")
    desktop.sync()
    os.replace(kept, here.path)
    both(laptop, desktop)
    assert here.all("people", "meta") == there.all("people", "meta") == before


def test_one_row_less_in_another_file(two):
    laptop, desktop, here, there = named(two, 30)
    written_anew(here, "DELETE FROM people WHERE id = 'a7'")
    stopped(laptop, "1 of 30 rows are missing")
    desktop.sync()
    assert len(there.rows("SELECT * FROM people")) == 30
    laptop.sync(8, "--max-delete", "0")
    laptop.sync(0, "--max-delete", "1")
    desktop.sync()
    assert len(there.rows("SELECT * FROM people")) == 29
    here.run("DELETE FROM people WHERE id = 'a8'")  # this one is the one that is synced now
    both(laptop, desktop)
    assert here.all("people") == there.all("people")
    assert len(there.rows("SELECT * FROM people")) == 28


def test_an_older_copy_is_put_back(two):
    laptop, desktop, here, there, backup = grown_since_a_backup(two)
    os.replace(backup, here.path)
    stopped(laptop, "3 of 7 rows are missing")
    desktop.sync()
    assert len(there.rows("SELECT * FROM people")) == 7
    laptop.sync(0, "--yes")
    desktop.sync()
    assert here.all("people") == there.all("people") == {"people": people("a", 4)}


def test_an_older_copy_is_written_over_it(two):
    laptop, desktop, here, there, backup = grown_since_a_backup(two)
    shutil.copy(backup, here.path)
    stopped(laptop, "3 of 7 rows are missing")
    laptop.sync(0, "--yes")
    here.run("INSERT INTO people VALUES ('c', 'Cleo'); DELETE FROM people WHERE id = 'a0'")
    both(laptop, desktop)
    assert here.all("people") == there.all("people")
    assert len(there.rows("SELECT * FROM people")) == 4


def test_a_copy_from_before_others_wrote_is_older(two):
    laptop, desktop, here, there = named(two, 4)
    backup = there.path.with_suffix(".backup")
    shutil.copy(there.path, backup)
    here.many("INSERT INTO people VALUES (?, ?)", people("b", 3))
    laptop.sync()
    desktop.sync()
    shutil.copy(backup, there.path)
    stopped(desktop, "3 of 7 rows are missing")
    assert len(here.rows("SELECT * FROM people")) == 7


def test_a_database_that_is_tidied_up_is_the_same(two):
    laptop, desktop, here, there = named(two, 30)
    for script in "VACUUM", "PRAGMA journal_mode = WAL", "VACUUM", "PRAGMA journal_mode = DELETE", "REINDEX; VACUUM":
        last = here.rows("SELECT max(id) FROM people")[0][0]
        here.run(f"DELETE FROM people WHERE id = '{last}'")
        here.run(script)
        both(laptop, desktop)
        assert here.all("people") == there.all("people")
    assert len(there.rows("SELECT * FROM people")) == 25


def test_another_one_without_the_table(two):
    laptop, desktop, here, there = named(two, 2)
    os.replace(Database(here.path.with_suffix(".other")).run(META).path, here.path)
    stopped(laptop, "2 of 2 rows are missing")
    desktop.sync()
    assert there.all("people") == {"people": people("a", 2)}


def test_a_program_that_saves_by_writing_a_new_file(two):
    laptop, desktop, here, there = named(two, 8)
    written_anew(here, "INSERT INTO people VALUES ('b', 'Bob'); UPDATE people SET name = 'Ann' WHERE id = 'a1'")
    there.run("UPDATE people SET name = 'Cleo' WHERE id = 'a2'")
    desktop.sync()
    both(laptop, desktop)
    assert here.all("people") == there.all("people")
    assert here.rows("SELECT name FROM people WHERE id IN ('a1', 'a2', 'b') ORDER BY id") == [("Ann",), ("Cleo",), ("Bob",)]


def test_keys_of_any_kind_in_a_new_file(two):
    laptop, desktop, here, there = share(two, ADDRESS_BOOK)
    here.run("INSERT INTO people(name) VALUES ('Ann'), ('Bob'); INSERT INTO groups VALUES (1, 'friends'), (2, 'work');"
             "INSERT INTO members VALUES (1, 1), (1, 2), (2, 1)")
    both(laptop, desktop)
    written_anew(here, "INSERT INTO people(name) VALUES ('Cleo'); INSERT INTO members VALUES (3, 2)")
    both(laptop, desktop)
    assert there.all("people", "groups", "members") == here.all("people", "groups", "members")
    written_anew(here, "DELETE FROM members WHERE person = 1 AND grp = 2")
    stopped(laptop, "1 of 9 rows are missing")


def test_a_row_that_can_not_be_read_is_not_missing(two):
    laptop, desktop, here, there = named(two, 5)
    written_anew(here, "UPDATE people SET name = CAST(x'ff' AS TEXT) WHERE id = 'a1'")
    laptop.sync(1)
    assert trouble(laptop) == ""
    desktop.sync()
    assert there.all("people") == {"people": people("a", 5)}


def test_others_go_on_beside_it(two):
    laptop, desktop, here, there = named(two, 3)
    notes = add(laptop, "CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT);", name="notes")
    laptop.sync()
    desktop.sync()
    elsewhere = add(desktop, "CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT);", name="notes", options=("--existing",))
    desktop.sync()
    written_anew(here, "DELETE FROM people WHERE id = 'a0'")
    notes.run("INSERT INTO notes VALUES ('n', 'goes on')")
    laptop.sync(8)
    desktop.sync()
    assert elsewhere.rows("SELECT body FROM notes") == [("goes on",)]
    assert there.all("people") == {"people": people("a", 3)}


def test_a_refilled_one_is_the_one_that_is_synced(two):
    laptop, desktop, here, there = named(two, 3)
    here.path.unlink()
    here.run(NAMED)
    stopped(laptop, "3 of 3 rows are missing")
    laptop.run("repair", str(here.path), "--refill")
    both(laptop, desktop)
    assert here.all("people") == there.all("people") == {"people": people("a", 3)}


def test_what_was_written_with_many_deletions_waits_for_the_same_word(two):
    """One transaction puts many rows together in one: elsewhere nobody ever sees both, or neither."""
    desktop, laptop, there, here = named(two, 120)
    before = there.all("people")
    here.run("BEGIN; DELETE FROM people WHERE id <> 'a0'; UPDATE people SET name = 'all'; INSERT INTO people VALUES ('sum', '119'); COMMIT")
    told = {one["path"]: one["reason"] for one in laptop.sync(8)["collections"][0]["pending"]}
    assert "119 of 120 items are missing here" in told.pop("people/a1")
    assert told.pop("people/sum") == "it is new here; it waits for what was changed with it"
    assert told.pop("people/a0") == "it was changed here; it waits for what was changed with it"
    desktop.sync()
    assert there.all("people") == before
    there.run("INSERT INTO people VALUES ('b', 'meanwhile')")
    desktop.sync()
    laptop.sync(8)
    assert here.rows("SELECT name FROM people WHERE id = 'b'") == [("meanwhile",)], "what others did comes all the same"
    laptop.sync(0, "--yes")
    before = there.all("people")
    told = [one["path"] for one in desktop.sync(8)["collections"][0]["pending"]]
    assert len(told) == 119 and there.all("people") == before, "nor does a part of it come"
    desktop.sync(0, "--yes")
    assert here.all("people") == there.all("people") == {"people": [("a0", "all"), ("b", "meanwhile"), ("sum", "119")]}
