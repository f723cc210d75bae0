# SPDX-License-Identifier: Apache-2.0
"""Columns of which only one row can have a value: a merge hides no row, one of two gives way in that column alone."""

import re
import shlex

import pytest

from counterfoil import broker, make_device, rounds, two  # noqa: F401
from test_sqlite import pending, share

TODO = """
CREATE TABLE lists (id INTEGER PRIMARY KEY, title TEXT NOT NULL);
CREATE TABLE items (id INTEGER PRIMARY KEY, list_id INTEGER NOT NULL REFERENCES lists(id), pos INTEGER NOT NULL, title TEXT NOT NULL,
 UNIQUE (list_id, pos));
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, colour TEXT);
CREATE TABLE tagged (item INTEGER NOT NULL REFERENCES items(id), tag INTEGER NOT NULL REFERENCES tags(id), PRIMARY KEY (item, tag));
"""
FIRST = """
INSERT INTO lists VALUES (1, 'house');
INSERT INTO items VALUES (1, 1, 1, 'milk'), (2, 1, 2, 'bread'), (3, 1, 3, 'soap');
"""
TABLES = "lists", "items", "tags", "tagged"


def begin(two):
    laptop, desktop, here, there = share(two, TODO)
    here.run(FIRST)
    both(laptop, desktop)
    return laptop, desktop, here, there


def both(*devices):
    """Also where something is in conflict in the end."""
    rounds(devices)


def swap(database, one, other):
    """As an application does it that has such a constraint: over a place that is free."""
    places = dict(database.rows("SELECT id, pos FROM items"))
    database.run(f"BEGIN; UPDATE items SET pos = -1 WHERE id = {one}; UPDATE items SET pos = {places[one]} WHERE id = {other};"
                 f"UPDATE items SET pos = {places[other]} WHERE id = {one}; COMMIT")


def listed(device):
    return {one["path"]: one for one in device.json("conflicts", code=4)}


def expect_settled(laptop, desktop, here, there):
    assert here.all(*TABLES) == there.all(*TABLES)
    assert here.sound() and there.sound()
    assert pending(laptop) == pending(desktop) == {}
    assert laptop.json("conflicts") == desktop.json("conflicts") == []
    assert laptop.run("status", "--check") and desktop.run("status", "--check")


def test_positions_swapped_on_both(two):
    """The third row, that both had, is there, and no two are at one place."""
    laptop, desktop, here, there = begin(two)
    swap(here, 1, 2)
    swap(there, 2, 3)
    both(laptop, desktop)
    places = dict(here.rows("SELECT id, pos FROM items"))
    assert sorted(places.values()) == [1, 2, 3] and here.all(*TABLES) == there.all(*TABLES)
    assert pending(laptop) == pending(desktop) == {}
    for device in laptop, desktop:
        told = listed(device)
        assert {path: (one["value"], one["shown"], one["device"]) for path, one in told.items()} == {
            "items/1/pos": (2, 1, "laptop"), "items/2/pos": (1, 3, "laptop")}, "the desktop's are later"
        clash = told["items/1/pos"]
        assert (clash["unique"], clash["rival"], clash["rival_device"]) == (True, "items/3", "desktop")
        assert "unique" not in told["items/2/pos"]
    both(laptop, desktop)
    assert dict(here.rows("SELECT id, pos FROM items")) == places, "nothing moves by itself"
    here.run("UPDATE items SET pos = pos + 10; UPDATE items SET pos = id")
    both(laptop, desktop)
    assert dict(there.rows("SELECT id, pos FROM items")) == {1: 1, 2: 2, 3: 3}
    laptop.finish("conflicts", "resolve", "book//*", "--keep", "mine")
    both(laptop, desktop)
    expect_settled(laptop, desktop, here, there)


def test_a_tag_of_one_name_made_on_both(two):
    laptop, desktop, here, there = begin(two)
    here.run("INSERT INTO tags VALUES (1, 'home', 'red'); INSERT INTO tagged VALUES (1, 1)")
    there.run("INSERT INTO tags VALUES (1, 'home', 'blue'); INSERT INTO tagged VALUES (2, 1)")
    both(laptop, desktop)
    assert here.all(*TABLES) == there.all(*TABLES)
    assert sorted(here.rows("SELECT name, colour FROM tags")) == [("home", "red"), ("home (2)", "blue")]
    assert sorted(there.rows("SELECT item, colour FROM tagged JOIN tags ON tag = tags.id")) == [(1, "red"), (2, "blue")]
    assert pending(laptop) == pending(desktop) == {}
    ((path, one),) = listed(laptop).items()
    (first,), (number,) = (here.rows(f"SELECT id FROM tags WHERE colour = '{colour}'")[0] for colour in ("red", "blue"))
    assert (path, one["value"], one["shown"], one["device"]) == (f"tags/{number}/name", "home", "home (2)", "desktop")
    assert (one["unique"], one["rival"], one["rival_device"]) == (True, f"tags/{first}", "laptop")
    text = desktop.run("conflicts", code=4)
    assert f"tags/{number}/name: shown is \"home (2)\" instead of \"home\", written on desktop" in text
    assert f"that is the value of book//tags/{first}, written on laptop" in text and "--keep 1, and what is shown stays" in text
    there.run("UPDATE tags SET colour = 'green' WHERE name = 'home'")
    both(laptop, desktop)
    assert sorted(here.rows("SELECT name, colour FROM tags")) == [("home", "green"), ("home (2)", "blue")]
    assert len(listed(laptop)) == 1, "another column says nothing of the name"
    here.run("UPDATE tags SET name = 'flat' WHERE name = 'home (2)'")
    both(laptop, desktop)
    assert sorted(there.rows("SELECT name, colour FROM tags")) == [("flat", "blue"), ("home", "green")]
    expect_settled(laptop, desktop, here, there)


NAMES = "CREATE TABLE tags (id INTEGER PRIMARY KEY, list INTEGER NOT NULL, name TEXT NOT NULL"


@pytest.mark.parametrize("rest", [
    " UNIQUE COLLATE NOCASE, colour TEXT);",
    ", colour TEXT); CREATE UNIQUE INDEX names ON tags (name COLLATE NOCASE);",
    " COLLATE NOCASE, colour TEXT, UNIQUE (list, name));",
], ids=["column", "index", "with another"])
@pytest.mark.parametrize("first", [0, 1])
def test_a_tag_of_one_name_in_two_cases(two, rest, first):
    """Without case it is one name, whoever is first."""
    laptop, desktop, here, there = share(two, NAMES + rest + "CREATE TABLE tagged (item INTEGER, tag INTEGER NOT NULL REFERENCES tags(id), PRIMARY KEY (item, tag));")
    (one, device), (other, _) = ((here, laptop), (there, desktop))[::-1 if first else 1]
    one.run("INSERT INTO tags VALUES (1, 1, 'home', 'red'); INSERT INTO tagged VALUES (1, 1)")
    device.finish("sync")
    other.run("INSERT INTO tags VALUES (1, 1, 'Home', 'blue'), (2, 1, 'HÖME', 'grey'), (3, 1, 'höme', 'black'); INSERT INTO tagged VALUES (2, 1)")
    both(desktop, laptop)
    tables = "tags", "tagged"
    assert here.all(*tables) == there.all(*tables)
    assert sorted(here.rows("SELECT name, colour FROM tags WHERE name LIKE 'ho%'")) == [("Home (2)", "blue"), ("home", "red")]
    assert there.rows("SELECT count(*) FROM tags") == [(4,)], "of letters beyond ASCII the case counts"
    assert sorted(there.rows("SELECT item, colour FROM tagged JOIN tags ON tag = tags.id")) == [(1, "red"), (2, "blue")]
    assert pending(laptop) == pending(desktop) == {}
    ((path, told),) = listed(laptop).items()
    assert listed(desktop) == {path: told} and (told["value"], told["shown"], told["unique"]) == ("Home", "Home (2)", True)
    one.run("UPDATE tags SET name = 'HOME' WHERE name = 'home'")
    both(laptop, desktop)
    assert sorted(other.rows("SELECT name FROM tags WHERE name LIKE 'ho%'")) == [("HOME",), ("Home (2)",)], "its case is its user's"
    other.run("UPDATE tags SET name = 'flat' WHERE name = 'Home (2)'")
    both(laptop, desktop)
    assert here.all(*tables) == there.all(*tables) and laptop.json("conflicts") == []


def test_what_is_shown_is_kept_by_a_command(two):
    laptop, desktop, here, there = begin(two)
    here.run("INSERT INTO tags VALUES (1, 'home', 'red')")
    there.run("INSERT INTO tags VALUES (1, 'home', 'blue')")
    both(laptop, desktop)
    (path,) = listed(desktop)
    desktop.run("conflicts", "resolve", f"book//{path}", "--keep", "mine")
    both(laptop, desktop)
    assert sorted(here.rows("SELECT name, colour FROM tags")) == [("home", "red"), ("home (2)", "blue")]
    expect_settled(laptop, desktop, here, there)


def test_the_name_is_free_again(two):
    """Who was called something else stays so, until somebody calls him otherwise."""
    laptop, desktop, here, there = begin(two)
    here.run("INSERT INTO tags VALUES (1, 'home', 'red')")
    there.run("INSERT INTO tags VALUES (1, 'home', 'blue')")
    both(laptop, desktop)
    here.run("DELETE FROM tags WHERE name = 'home'")
    both(laptop, desktop)
    assert there.rows("SELECT name, colour FROM tags") == [("home (2)", "blue")]
    (one,) = listed(desktop).values()
    assert one["rival"] is None and one["value"] == "home"
    there.run("UPDATE tags SET name = 'home'")
    both(laptop, desktop)
    assert here.rows("SELECT name, colour FROM tags") == [("home", "blue")]
    expect_settled(laptop, desktop, here, there)


def test_who_had_it_first_keeps_it_from_one_that_is_new(two):
    """The laptop renamed its tag, and that was synced; the desktop, which has not heard of it, makes a tag of that name later."""
    laptop, desktop, here, there = begin(two)
    here.run("INSERT INTO tags VALUES (1, 'flat', 'red')")
    both(laptop, desktop)
    here.run("UPDATE tags SET name = 'home'")
    laptop.finish("sync")
    there.run("INSERT INTO tags VALUES (2, 'home', 'blue')")
    both(desktop, laptop)
    for database in here, there:
        assert sorted(database.rows("SELECT name, colour FROM tags")) == [("home", "red"), ("home (2)", "blue")]
    ((_, one),) = listed(laptop).items()
    assert (one["device"], one["rival_device"], one["value"], one["shown"]) == ("desktop", "laptop", "home", "home (2)")


def test_who_had_it_first_keeps_it_when_it_gets_another_place(two, broker):  # noqa: F811
    """What is written since in another column that only one can have says nothing of the name."""
    laptop, desktop, here, there = share(two, "CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT UNIQUE, code INTEGER UNIQUE)")
    broker.stop()
    for device, database, act in ((laptop, here, "INSERT INTO tags VALUES (1, 'home', 1)"),
                                  (desktop, there, "INSERT INTO tags VALUES (1, 'home', 2)"), (laptop, here, "UPDATE tags SET code = 9")):
        database.run(act)
        device.finish("sync")
    broker.restart()
    both(laptop, desktop)
    assert sorted(here.rows("SELECT name, code FROM tags")) == sorted(there.rows("SELECT name, code FROM tags")) == [("home", 9), ("home (2)", 2)]


def test_a_reference_that_can_not_be_empty_does_not_give_way(two):
    """Each list has one cover, and each device made one: the later one waits, and it is said for which row."""
    laptop, desktop, here, there = share(two, TODO + "CREATE TABLE covers (id INTEGER PRIMARY KEY,"
                                                     " list_id INTEGER NOT NULL UNIQUE REFERENCES lists(id), title TEXT NOT NULL);")
    here.run(FIRST)
    both(laptop, desktop)
    here.run("INSERT INTO covers VALUES (1, 1, 'red')")
    there.run("INSERT INTO covers VALUES (7, 1, 'blue')")
    both(laptop, desktop)
    assert here.rows("SELECT * FROM covers") == there.rows("SELECT * FROM covers") == [(1, 1, "red")]
    assert pending(laptop) == pending(desktop) == {
        "covers/7~desktop": "only one row can have the same list_id, and that is covers/1: both are in conflict"}
    here.run("DELETE FROM covers")
    both(laptop, desktop)
    assert here.rows("SELECT * FROM covers") == there.rows("SELECT * FROM covers") == [(7, 1, "blue")]
    expect_settled(laptop, desktop, here, there)


def test_what_is_told_for_a_field_settles_no_wish(two):
    """The command for titles leaves it open whether two lists of one name are one; that for the wish leaves the titles."""
    laptop, desktop, here, there = begin(two)
    here.run("INSERT INTO tags VALUES (1, 'old', 'x')")
    both(laptop, desktop)
    here.run("UPDATE tags SET colour = 'a' WHERE id = 1; INSERT INTO tags VALUES (2, 'home', 'red')")
    there.run("UPDATE tags SET colour = 'b' WHERE id = 1; INSERT INTO tags VALUES (2, 'home', 'blue')")
    both(laptop, desktop)
    wish, = [path for path in listed(laptop) if path.endswith("/name")]
    words = re.findall(r"`counterfoil (conflicts resolve [^`]*?)(?: --keep 1)?`", laptop.run("status"))
    assert sorted(words) == ["conflicts resolve 'book//tags/*/colour'", f"conflicts resolve book//{wish}"]
    laptop.finish(*shlex.split(words[0] if "colour" in words[0] else words[1]), "--keep", "1")
    both(laptop, desktop)
    assert list(listed(laptop)) == [wish]
    assert "1 row made one with another" in laptop.finish("conflicts", "resolve", f"book//{wish}", "--same").stdout
    both(laptop, desktop)
    assert [name for name, in here.rows("SELECT name FROM tags ORDER BY id")] == ["old", "home"]


def test_where_a_column_has_both_kinds_each_is_named(two):
    laptop, desktop, here, there = begin(two)
    here.run("INSERT INTO tags VALUES (1, 'old', 'x')")
    both(laptop, desktop)
    here.run("UPDATE tags SET name = 'a' WHERE id = 1; INSERT INTO tags VALUES (2, 'home', 'red'), (3, 'work', 'red')")
    there.run("UPDATE tags SET name = 'b' WHERE id = 1; INSERT INTO tags VALUES (2, 'home', 'blue'), (3, 'work', 'blue')")
    both(laptop, desktop)
    wishes = sorted(path for path in listed(laptop) if path != "tags/1/name")
    words = re.findall(r"`counterfoil conflicts resolve ([^`]*?)(?: --keep 1)?`", laptop.run("status"))
    assert [word.split() for word in sorted(words)] == [["book//tags/1/name"], [f"book//{path}" for path in wishes]]


def test_of_very_many_columns_the_whole_table_is_told(two):
    columns = [f"c{i}" for i in range(9)]
    laptop, desktop, here, there = share(two, "".join(f"CREATE TABLE t{many} (id INTEGER PRIMARY KEY, {', '.join(columns)});" for many in (8, 9)))
    here.run("INSERT INTO t8 (id) VALUES (1); INSERT INTO t9 (id) VALUES (1)")
    both(laptop, desktop)
    for database, value in (here, 1), (there, 2):
        database.run("; ".join(f"UPDATE t{many} SET " + ", ".join(f"{name} = {value}" for name in columns[:many]) for many in (8, 9)))
    both(laptop, desktop)
    for told in " ".join(f"'book//t8/*/{name}'" for name in columns[:8]), "'book//t9/*'":
        assert f"`counterfoil conflicts resolve {told} --keep 1`" in laptop.run("status")
