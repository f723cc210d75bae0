# SPDX-License-Identifier: Apache-2.0
"""What a user counts on where sources of several kinds, tables that refer to each other, and constraints meet."""

import random
import sqlite3

import pytest

from cards import card, write
from counterfoil import broker, make_device, rounds, two  # noqa: F401
from test_sqlite import ADDRESS_BOOK, Database, add, both, pending, share


def settle(*devices):
    """Until nobody has anything to tell the others."""
    rounds(devices)
    for device in devices:
        device.sync()


def refused(device):
    """What a sync could not write, and why."""
    return {entry["path"]: entry["reason"] for entry in device.sync(1)["collections"][0]["pending"]}


# ---- One log ----


def test_a_file_a_contact_and_a_row_in_one_order(two):
    laptop, desktop = two
    notes = laptop.add("notes", {"one.txt": "one\n"})
    cards = laptop.source("cards")
    cards.mkdir()
    write(cards / "ann.vcf", card("ann", "Ann"))
    laptop.json("add", str(cards), "--collection", "cards", "--format", "vcard")
    book = add(laptop, ADDRESS_BOOK)
    book.run("INSERT INTO people(name) VALUES ('Ann')")
    laptop.sync()
    desktop.sync()
    begun = len(laptop.json("log", "-n", "1000"))
    (notes / "one.txt").write_text("two\n")
    laptop.sync()
    write(cards / "ann.vcf", card("ann", "Anna"))
    laptop.sync()
    book.run("UPDATE people SET name = 'Anna'")
    laptop.sync()
    (notes / "one.txt").unlink()
    laptop.sync()
    for device in (laptop, desktop):
        device.sync()
        told = [(event["collection"], event["change"]) for event in reversed(device.json("log", "-n", "1000"))]
        assert told[begun:] == [("notes", "edited"), ("cards", "edited"), ("book", "edited"), ("notes", "deleted")]


# ---- Rows that refer to each other ----


def test_a_deleted_family_comes_back_for_a_new_child(two):
    """Each program works on its own database; the group was deleted there, and here someone joins it."""
    laptop, desktop, here, there = share(two, ADDRESS_BOOK)
    here.run("INSERT INTO people(name, born) VALUES ('Ann', 1970), ('Bob', 1980); INSERT INTO groups VALUES (1, 'friends');"
             "INSERT INTO members VALUES (1, 1)")
    both(laptop, desktop)
    there.run("PRAGMA foreign_keys = ON; DELETE FROM members; DELETE FROM groups; DELETE FROM people WHERE name = 'Bob'")
    here.run("INSERT INTO members VALUES (2, 1)")
    both(laptop, desktop)
    for database in (here, there):
        assert database.rows("SELECT name, born, title FROM members JOIN people ON person = people.id JOIN groups ON grp = groups.id") \
            == [("Bob", 1980, "friends")]
        assert database.sound()
    assert here.all("people", "groups", "members") == there.all("people", "groups", "members")
    assert pending(laptop) == pending(desktop) == {}


STRICT = """
CREATE TABLE owners (id TEXT PRIMARY KEY, mail TEXT UNIQUE, age INTEGER CHECK (age >= 0), nick TEXT);
CREATE UNIQUE INDEX nicks ON owners (lower(nick));
CREATE TABLE things (id TEXT PRIMARY KEY, owner TEXT NOT NULL REFERENCES owners);
"""


@pytest.mark.parametrize("mine, other, theirs", [
    ("('a', 'x@y', 1, 'ann')", "('b', 'z@y', 2, 'ANN')", "('b', 'z@y', 2, 'bob')"),
], ids=["unique by an expression"])
def test_a_row_that_is_refused_is_held_back_with_its_children(two, mine, other, theirs):
    laptop, desktop, here, there = share(two, STRICT)
    here.run(f"INSERT INTO owners VALUES {mine}; INSERT INTO things VALUES ('1', 'a')")
    there.run(f"INSERT INTO owners VALUES {other}; INSERT INTO things VALUES ('2', 'b'), ('3', 'b')")
    laptop.sync()
    for device in (desktop, laptop, desktop):
        device.finish("sync")
    assert {row[0] for row in here.rows("SELECT id FROM owners")} | {row[0] for row in there.rows("SELECT id FROM owners")} == {"a", "b"}
    assert here.sound() and there.sound()
    named = set(pending(laptop)) | set(pending(desktop))
    assert any("owners" in path for path in named), named
    assert any("things" in path for path in named), f"its children, too: {named}"
    where = there if there.rows("SELECT count(*) FROM owners WHERE id = 'b'") == [(1,)] else here
    where.run("DELETE FROM owners WHERE id = 'b'")
    where.run(f"INSERT INTO owners VALUES {theirs}")
    settle(laptop, desktop)
    assert here.all("owners", "things") == there.all("owners", "things")
    assert sorted(here.rows("SELECT id, owner FROM things")) == [("1", "a"), ("2", "b"), ("3", "b")]
    assert pending(laptop) == pending(desktop) == {}


@pytest.mark.parametrize("constraint, bad", [
    ("CHECK (number LIKE '+%')", "'12'"), ("CHECK (length(number) < 5)", "'+1234567'"),
])
def test_a_row_that_breaks_a_check_is_named_and_holds_up_nothing(two, constraint, bad):
    """The schema of a collection doesn't say what a CHECK says; the database that has it does."""
    laptop, desktop = two
    loose = "CREATE TABLE phones (id TEXT PRIMARY KEY, number TEXT)"
    here = add(laptop, loose)
    laptop.sync()
    desktop.sync()
    there = add(desktop, loose.replace("number TEXT", f"number TEXT {constraint}"), options=("--existing",))
    here.run(f"INSERT INTO phones VALUES ('bad', {bad}), ('good', '+12')")
    laptop.sync()
    (path, reason), = refused(desktop).items()
    assert path == "phones/bad" and "CHECK" in reason
    assert there.rows("SELECT id FROM phones") == [("good",)]
    assert set(pending(desktop)) == {path}
    here.run("UPDATE phones SET number = '+13' WHERE id = 'bad'")
    both(laptop, desktop)
    assert there.all("phones") == here.all("phones")


def test_one_row_at_a_time_of_a_partial_index(two):
    """UNIQUE where a condition holds: not in the collection's schema, but in the database."""
    laptop, desktop, here, there = share(
        two, "CREATE TABLE addresses (id TEXT PRIMARY KEY, person TEXT, main INTEGER); "
             "CREATE UNIQUE INDEX one ON addresses (person) WHERE main")
    here.run("INSERT INTO addresses VALUES ('a', 'ann', 1)")
    there.run("INSERT INTO addresses VALUES ('b', 'ann', 1), ('c', 'ann', 0)")
    laptop.sync()
    assert "UNIQUE" in refused(desktop)["addresses/a"]
    assert "UNIQUE" in refused(laptop)["addresses/b"]
    assert here.rows("SELECT id FROM addresses ORDER BY id") == [("a",), ("c",)], "others go on"
    there.run("UPDATE addresses SET main = 0 WHERE id = 'b'")
    settle(laptop, desktop)
    assert here.all("addresses") == there.all("addresses")
    assert len(here.rows("SELECT * FROM addresses")) == 3


# ---- Tables that can't be synced ----


def test_status_says_how_to_leave_a_table_out(two):
    laptop, _ = two
    database = Database(laptop.folder / "odd.db")
    with sqlite3.connect(database.path) as program:
        program.create_collation("mine", lambda a, b: (a > b) - (a < b))
        program.executescript("CREATE TABLE t (id INTEGER PRIMARY KEY, v); CREATE TABLE odd (id TEXT COLLATE mine PRIMARY KEY);"
                              "INSERT INTO t VALUES (1, 2)")
    program.close()
    laptop.run("add", str(database.path), "--format", "sqlite")
    laptop.sync(1)
    reason = pending(laptop)["odd"]
    assert "only its own program knows" in reason and f"set {database.path} --exclude" in reason
    laptop.run("set", str(database.path), "--exclude", "odd")
    assert laptop.sync()["in_sync"] and pending(laptop) == {}


# ---- Some rows only ----


def names(database, table="things"):
    return sorted(row[0] for row in database.rows(f"SELECT id FROM {table}"))


def test_what_refers_to_a_row_that_is_left_out_is_left_out(two):
    laptop, desktop = two
    here = add(laptop, STRICT)
    here.run("INSERT INTO owners VALUES ('a', 'a@', 1, 'a'), ('b', 'b@', 2, 'b');"
             "INSERT INTO things VALUES ('1', 'a'), ('2', 'b'), ('3', 'b'), ('4', 'a')")
    laptop.sync()
    desktop.sync()
    there = add(desktop, STRICT, options=("--existing", "--include", "owners//age=1", "--include", "things"))
    desktop.sync()
    assert names(there, "owners") == ["a"] and names(there) == ["1", "4"] and there.sound()
    here.run("UPDATE owners SET age = 1 WHERE id = 'b'; UPDATE owners SET age = 2 WHERE id = 'a'")
    both(laptop, desktop)
    assert names(there, "owners") == ["b"] and names(there) == ["2", "3"] and there.sound()
    there.run("UPDATE owners SET age = 7 WHERE id = 'b'")
    both(laptop, desktop)
    assert names(there, "owners") == [] and names(there) == [] and there.sound()
    assert names(here, "owners") == ["a", "b"] and names(here) == ["1", "2", "3", "4"]
    assert here.rows("SELECT age FROM owners WHERE id = 'b'") == [(7,)]
    there.run("INSERT INTO owners VALUES ('c', 'c@', 1, 'c'); INSERT INTO things VALUES ('5', 'c')")
    both(laptop, desktop)
    assert names(here) == ["1", "2", "3", "4", "5"] and names(there) == ["5"]


def test_the_guard_asks_for_deletions_and_not_for_what_is_left_out(two):
    """Most rows go from a device because nobody asks for them there: no mass delete. Most that it shows are deleted: one."""
    laptop, desktop = two
    schema = "CREATE TABLE t (id TEXT PRIMARY KEY, kind TEXT)"
    here = add(laptop, schema)
    here.many("INSERT INTO t VALUES (?, ?)", [(f"{i:03}", "old" if i < 150 else "new") for i in range(200)])
    laptop.sync()
    desktop.sync()
    there = add(desktop, schema, options=("--existing",))
    desktop.sync()
    desktop.run("set", str(there.path), "--include", "kind=new")
    assert desktop.sync()["in_sync"] and len(names(there, "t")) == 50
    both(laptop, desktop)
    assert len(names(here, "t")) == 200
    there.run("DELETE FROM t")
    assert "held" in {entry["kind"] for entry in desktop.sync(8)["collections"][0]["pending"]}
    laptop.sync()
    assert len(names(here, "t")) == 200, "nothing is deleted elsewhere without a word"
    desktop.sync(0, "--yes")
    laptop.sync(0, "--yes")
    assert names(here, "t") == [f"{i:03}" for i in range(150)]


# ---- Whole changesets ----


def test_what_spans_entries_is_whole_though_killed_at_any_moment(two):
    """A transaction too large for one entry; whoever receives it is killed again and again meanwhile."""
    laptop, desktop = two
    schema = "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, note TEXT, name TEXT)"
    here = add(laptop, schema)
    some = random.Random(5)
    here.many("INSERT INTO accounts VALUES (?, 1000, ?, ?)", [(i, some.randbytes(400).hex(), f"{i}") for i in range(1, 4001)])
    laptop.sync()
    desktop.sync()
    there = add(desktop, schema, options=("--existing",))
    desktop.sync()
    assert there.rows("SELECT sum(balance) FROM accounts") == [(4_000_000,)]
    here.many("UPDATE accounts SET balance = balance + CASE WHEN id % 2 THEN 5 ELSE -5 END, note = ? WHERE id = ?",
              [(some.randbytes(400).hex(), i) for i in range(1, 4001)])
    assert laptop.sync()["traffic"]["entries_sent"] > 1
    states = set()
    for tenths in range(0, 40):
        code = desktop.killed("sync", after=tenths / 20)
        states.add(tuple(there.rows("SELECT sum(balance), sum(balance != 1000), count(*) FROM accounts")[0]))
        if code == 0:
            break
    desktop.sync()
    states.add(tuple(there.rows("SELECT sum(balance), sum(balance != 1000), count(*) FROM accounts")[0]))
    assert states <= {(4_000_000, 0, 4000), (4_000_000, 4000, 4000)}, states
    assert here.all("accounts") == there.all("accounts") and there.sound()
