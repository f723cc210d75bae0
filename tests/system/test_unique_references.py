# SPDX-License-Identifier: Apache-2.0
"""References of which only one row can have each (UNIQUE), and that may be empty: of two rows that were given one while apart
the later is shown without, and no row is hidden."""

import pytest

from counterfoil import broker, make_device, two  # noqa: F401
from test_hidden_rows import BOOK, resolve
from test_sqlite import add, pending, share
from test_sqlite_keys import OWN
from test_unique import both, listed

LISTS = "CREATE TABLE lists (id INTEGER PRIMARY KEY, title TEXT NOT NULL);"
STAINS = "CREATE TABLE stains (id INTEGER PRIMARY KEY, cover INTEGER NOT NULL REFERENCES covers(id), what TEXT);"
COVERS = "CREATE TABLE covers (id INTEGER PRIMARY KEY, list_id INTEGER UNIQUE REFERENCES lists(id){}, title TEXT);"
SET_NULL = LISTS + COVERS.format(" ON DELETE SET NULL") + STAINS
NO_ACTION = LISTS + COVERS.format("") + STAINS
CASCADE = LISTS + COVERS.format(" ON DELETE CASCADE") + STAINS
WORDS = """
CREATE TABLE lists (name TEXT PRIMARY KEY, title TEXT);
CREATE TABLE covers (id INTEGER PRIMARY KEY, list TEXT UNIQUE REFERENCES lists(name) ON DELETE SET NULL, title TEXT);
"""
# A tree in each list: of a parent there is one child in a list.
TREE = LISTS + """
CREATE TABLE nodes (id INTEGER PRIMARY KEY, list_id INTEGER NOT NULL REFERENCES lists(id), parent_id INTEGER REFERENCES nodes(id),
 title TEXT, UNIQUE (list_id, parent_id));
"""
each_action = pytest.mark.parametrize("schema", (SET_NULL, NO_ACTION, CASCADE), ids=("set null", "no action", "cascade"))


def begin(two, schema):
    laptop, desktop, here, there = share(two, schema)
    here.run("INSERT INTO lists(id, title) VALUES (1, 'house'), (2, 'shop'), (3, 'garden')")
    both(laptop, desktop)
    return laptop, desktop, here, there


def clash(two, schema):
    """Covers 1 of both are of list 1, and the desktop's is the later: it is without a list."""
    laptop, desktop, here, there = begin(two, schema)
    here.run("INSERT INTO covers VALUES (1, 1, 'red'); INSERT INTO stains VALUES (1, 1, 'ink')")
    there.run("INSERT INTO covers VALUES (1, 1, 'blue'); INSERT INTO stains VALUES (1, 1, 'tea')")
    both(laptop, desktop)
    assert lists_of(here) == lists_of(there) == {"red": 1, "blue": None}
    return laptop, desktop, here, there


def lists_of(database):
    return dict(database.rows("SELECT title, list_id FROM covers"))


def expect_same(*pairs):
    first = pairs[0][1]
    tables = [name for name, in first.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for device, database in pairs:
        assert pending(device) == {} and database.all(*tables) == first.all(*tables) and database.sound(), device.name


def expect_settled(*pairs):
    expect_same(*pairs)
    for device, _ in pairs:
        assert device.json("conflicts") == [] and device.run("status", "--check"), device.name


@each_action
def test_both_rows_are_there(two, schema):
    """With what refers to them, and the one that is without is listed: by table, column and both values."""
    laptop, desktop, here, there = clash(two, schema)
    expect_same((laptop, here), (desktop, there))
    assert sorted(here.rows("SELECT covers.title, what FROM stains JOIN covers ON cover = covers.id")) == [("blue", "tea"), ("red", "ink")]
    for device in laptop, desktop:
        ((path, one),) = listed(device).items()
        assert (path, one["value"], one["shown"], one["device"]) == ("covers/2/list_id", 1, None, "desktop")
        assert (one["unique"], one["rival"], one["rival_device"]) == (True, "covers/1", "laptop")
        text = device.run("conflicts", code=4)
        assert "covers/2/list_id" in text and "that is the value of book//covers/1, written on laptop" in text
        (shown,) = device.json("show", f"{BOOK}covers/2")
        assert {value["field"]: value["value"] for value in shown["values"]}.get("title") == "blue"
    before = lists_of(here)
    both(laptop, desktop)
    assert lists_of(here) == lists_of(there) == before, "nothing moves by itself"


@each_action
@pytest.mark.parametrize("act, then", (
    ("UPDATE covers SET list_id = NULL WHERE title = 'red'; UPDATE covers SET list_id = 1 WHERE title = 'blue'", {"red": None, "blue": 1}),
    ("UPDATE covers SET list_id = 2 WHERE title = 'blue'", {"red": 1, "blue": 2}),
    ("DELETE FROM stains WHERE cover = 1; DELETE FROM covers WHERE title = 'red'; UPDATE covers SET list_id = 1", {"blue": 1}),
), ids=("exchanged", "another", "the other one deleted"))
@pytest.mark.parametrize("who", (0, 1), ids=("here", "there"))
def test_an_edit_prevails(two, schema, act, then, who):
    laptop, desktop, here, there = clash(two, schema)
    (here, there)[who].run(act)
    both(laptop, desktop)
    assert lists_of(here) == lists_of(there) == then
    expect_settled((laptop, here), (desktop, there))


def test_it_stays_without_when_the_value_is_free_again(two):
    """Until somebody means it."""
    laptop, desktop, here, there = clash(two, SET_NULL)
    here.run("UPDATE covers SET list_id = 3 WHERE title = 'red'")
    both(laptop, desktop)
    assert lists_of(here) == lists_of(there) == {"red": 3, "blue": None}
    (one,) = listed(desktop).values()
    assert (one["rival"], one["value"], one["shown"]) == (None, 1, None)
    there.run("UPDATE covers SET list_id = 1 WHERE title = 'blue'")
    both(laptop, desktop)
    assert lists_of(here) == {"red": 3, "blue": 1}
    expect_settled((laptop, here), (desktop, there))


@pytest.mark.parametrize("keep", ("1", "mine"))
def test_a_command_leaves_it_without(two, keep):
    laptop, desktop, here, there = clash(two, SET_NULL)
    settled = resolve(desktop, "covers/2/list_id", "--keep", keep)
    assert settled.returncode == 0 and "1 field settled" in settled.stdout, settled
    both(laptop, desktop)
    expect_settled((laptop, here), (desktop, there))
    here.run("DELETE FROM stains WHERE cover = 1; DELETE FROM covers WHERE title = 'red'")
    both(laptop, desktop)
    assert lists_of(there) == {"blue": None}
    expect_settled((laptop, here), (desktop, there))


def test_a_command_makes_them_one(two):
    laptop, desktop, here, there = clash(two, SET_NULL)
    assert "1 row made one" in resolve(laptop, "covers/2/list_id", "--same").stdout
    both(laptop, desktop)
    assert here.rows("SELECT list_id FROM covers") == [(1,)] and sorted(here.rows("SELECT what FROM stains")) == [("ink",), ("tea",)]
    assert list(listed(laptop)) == list(listed(desktop)) == ["covers/1/title"]
    laptop.finish("conflicts", "resolve", f"{BOOK}covers/1/title", "--keep", "mine")
    both(laptop, desktop)
    expect_settled((laptop, here), (desktop, there))


@pytest.mark.parametrize("titles, left", ((("red", "red"), {"red": 1}), (("red", "blue"), {"red": 1, "blue": None})), ids=("alike", "not alike"))
def test_what_lists_that_are_one_have(two, titles, left):
    """Both were made apart with the same title, each with a cover: covers that say nothing else are one with them."""
    laptop, desktop, here, there = share(two, SET_NULL.replace("title TEXT NOT NULL", "title TEXT NOT NULL UNIQUE, note TEXT"))
    for database, title, note in (here, titles[0], "here"), (there, titles[1], "there"):
        database.run(f"INSERT INTO lists VALUES (1, 'house', '{note}'); INSERT INTO covers VALUES (1, 1, '{title}')")
    both(laptop, desktop)
    assert here.rows("SELECT count(list_id) FROM covers") == [(2,)] and list(listed(laptop)) == ["lists/2/title"]
    laptop.finish("conflicts", "resolve", f"{BOOK}lists/2/title", "--same")
    both(laptop, desktop)
    assert lists_of(here) == lists_of(there) == left
    assert len(here.rows("SELECT * FROM covers")) == len(left)
    expect_same((laptop, here), (desktop, there))


def exchange(database, one, other):
    lists = dict(database.rows("SELECT id, list_id FROM covers"))
    database.run(f"BEGIN; UPDATE covers SET list_id = NULL WHERE id IN ({one}, {other});"
                 f"UPDATE covers SET list_id = {lists[other]} WHERE id = {one}; UPDATE covers SET list_id = {lists[one]} WHERE id = {other}; COMMIT")


@each_action
def test_exchanged_on_both(two, schema):
    """No list has two covers, and each cover is there; who exchanges once more has his way."""
    laptop, desktop, here, there = begin(two, schema)
    here.run("INSERT INTO covers VALUES (1, 1, 'red'), (2, 2, 'blue'), (3, 3, 'green')")
    both(laptop, desktop)
    exchange(here, 1, 2)
    exchange(there, 2, 3)
    both(laptop, desktop)
    expect_same((laptop, here), (desktop, there))
    found = lists_of(here)
    assert len(found) == 3 and len({n for n in found.values() if n}) == len([n for n in found.values() if n]) >= 2, found
    assert {one["value"] for one in listed(laptop).values()} >= {1, 2, 3} - {*found.values()}, "what no cover has is listed"
    there.run("BEGIN; UPDATE covers SET list_id = NULL; UPDATE covers SET list_id = id; COMMIT")
    both(laptop, desktop)
    assert lists_of(here) == {"red": 1, "blue": 2, "green": 3}
    exchange(here, 1, 3)
    both(laptop, desktop)
    assert lists_of(there) == {"red": 3, "blue": 2, "green": 1}
    laptop.finish("conflicts", "resolve", f"{BOOK}*", "--keep", "1")
    both(laptop, desktop)
    expect_settled((laptop, here), (desktop, there))


@each_action
@pytest.mark.parametrize("who", (0, 1), ids=("here", "there"))
def test_what_it_wishes_for_is_deleted(two, schema, who):
    """Nothing brings that back, and nothing is listed any more."""
    laptop, desktop, here, there = clash(two, schema)
    database = (here, there)[who]
    if schema is NO_ACTION:
        database.run("UPDATE covers SET list_id = NULL WHERE list_id = 1")
    if schema is CASCADE:
        database.run("DELETE FROM stains WHERE cover = 1")
    database.run(f"{OWN} DELETE FROM lists WHERE id = 1")
    both(laptop, desktop)
    assert here.rows("SELECT id FROM lists") == there.rows("SELECT id FROM lists") == [(2,), (3,)]
    assert lists_of(here) == lists_of(there) == ({"blue": None} if schema is CASCADE else {"red": None, "blue": None})
    expect_settled((laptop, here), (desktop, there))


@pytest.mark.parametrize("schema", (SET_NULL, NO_ACTION), ids=("set null", "no action"))
def test_the_list_is_deleted_apart(two, schema):
    """The laptop deletes the list, and with it what its cover says; the desktop, which has not heard of that, made a cover for it:
    that one uses the list."""
    laptop, desktop, here, there = begin(two, schema)
    here.run("INSERT INTO covers VALUES (1, 1, 'red')")
    both(laptop, desktop)
    here.run("UPDATE covers SET list_id = NULL; DELETE FROM lists WHERE id = 1")
    there.run("UPDATE covers SET list_id = 2; INSERT INTO covers VALUES (2, 1, 'blue')")
    both(laptop, desktop)
    assert lists_of(here) == lists_of(there) and lists_of(here)["blue"] == 1
    assert here.rows("SELECT title FROM lists WHERE id = 1") == there.rows("SELECT title FROM lists WHERE id = 1") == [("house",)]
    expect_same((laptop, here), (desktop, there))


@pytest.mark.parametrize("schema", (SET_NULL, NO_ACTION), ids=("set null", "no action"))
def test_the_list_is_deleted_while_the_clash_is_unknown(two, schema):
    """The desktop's cover came later, and the laptop deleted the list meanwhile: the cover uses it, and has it to itself."""
    laptop, desktop, here, there = begin(two, schema)
    here.run("INSERT INTO covers VALUES (1, 1, 'red')")
    laptop.finish("sync")
    here.run("UPDATE covers SET list_id = NULL; DELETE FROM lists WHERE id = 1")
    there.run("INSERT INTO covers VALUES (1, 1, 'blue')")
    both(laptop, desktop)
    assert lists_of(here) == lists_of(there) == {"red": None, "blue": 1}
    expect_settled((laptop, here), (desktop, there))


def test_texts_refer_to_texts(two):
    laptop, desktop, here, there = share(two, WORDS)
    here.run("INSERT INTO lists VALUES ('house', 'House'), ('shop', 'Shop')")
    both(laptop, desktop)
    here.run("INSERT INTO covers VALUES (1, 'house', 'red')")
    there.run("INSERT INTO covers VALUES (1, 'house', 'blue')")
    both(laptop, desktop)
    assert dict(here.rows("SELECT title, list FROM covers")) == {"red": "house", "blue": None}, "and not house (2), which is no list"
    ((path, one),) = listed(desktop).items()
    assert (path, one["value"], one["shown"], one["rival"]) == ("covers/2/list", "house", None, "covers/1")
    expect_same((laptop, here), (desktop, there))
    there.run("UPDATE lists SET title = 'Home' WHERE name = 'house'")
    here.run("UPDATE covers SET list = 'shop' WHERE title = 'blue'")
    both(laptop, desktop)
    assert dict(there.rows("SELECT title, list FROM covers")) == {"red": "house", "blue": "shop"}
    expect_settled((laptop, here), (desktop, there))


def test_one_of_two_columns_gives_way(two):
    """Which list a node is in can't be empty; whose child it is can."""
    laptop, desktop, here, there = begin(two, TREE)
    here.run("INSERT INTO nodes VALUES (1, 1, NULL, 'root'), (2, 2, NULL, 'other')")
    both(laptop, desktop)
    here.run("INSERT INTO nodes VALUES (3, 1, 1, 'red'); INSERT INTO nodes VALUES (4, 1, 3, 'under red')")
    there.run("INSERT INTO nodes VALUES (3, 1, 1, 'blue'); INSERT INTO nodes VALUES (4, 1, 3, 'under blue')")
    both(laptop, desktop)
    expect_same((laptop, here), (desktop, there))
    above = "SELECT node.title, node.list_id, parent.title FROM nodes node LEFT JOIN nodes parent ON node.parent_id = parent.id ORDER BY 1"
    assert here.rows(above) == [("blue", 1, None), ("other", 2, None), ("red", 1, "root"), ("root", 1, None),
                                ("under blue", 1, "blue"), ("under red", 1, "red")]
    ((path, one),) = listed(laptop).items()
    (number,) = here.rows("SELECT id FROM nodes WHERE title = 'blue'")[0]
    assert (path, one["value"], one["shown"], one["rival"]) == (f"nodes/{number}/parent_id", 1, None, "nodes/3")
    there.run("UPDATE nodes SET list_id = 2, parent_id = 2 WHERE title = 'blue'")
    both(laptop, desktop)
    assert ("blue", 2, "other") in here.rows(above)
    expect_settled((laptop, here), (desktop, there))


def test_a_third_device(two, make_device, broker):
    """Of three one has it, and all show the same; a restart changes nothing."""
    laptop, desktop, here, there = begin(two, SET_NULL)
    tower = make_device("tower")
    laptop.pair(tower)
    tower.sync()
    third = add(tower, SET_NULL, options=("--existing",))
    tower.sync()
    pairs = (laptop, here), (desktop, there), (tower, third)
    for (device, database), title in zip(pairs, ("red", "blue", "black")):
        database.run(f"INSERT INTO covers VALUES (1, 1, '{title}')")
    for device, _ in pairs * 2:
        device.finish("sync")
    broker.stop(), broker.restart()
    for device, _ in pairs:
        device.finish("sync")
        assert len(listed(device)) == 2, device.name
    assert lists_of(here) == {"red": 1, "blue": None, "black": None}
    expect_same(*pairs)
    tower.finish("conflicts", "resolve", f"{BOOK}covers/*", "--keep", "1")
    for device, _ in pairs * 2:
        device.finish("sync")
    expect_settled(*pairs)
