# SPDX-License-Identifier: Apache-2.0
"""Some rows of a database only, while its program makes rows of its own: what refers to which row stays as each user made it."""

import pytest

from counterfoil import broker, make_device, two  # noqa: F401
from test_sqlite import add, both, pending

SCHEMA = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT);
CREATE TABLE phones (id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE, number TEXT);
"""
ROWS = """
INSERT INTO people VALUES (1, 'Ann', 'friend'), (2, 'Bob', 'work'), (3, 'Cy', 'work');
INSERT INTO phones VALUES (1, 1, '+1'), (2, 2, '+2'), (3, 3, '+3');
"""
OWNERS = "SELECT name, number FROM people JOIN phones ON person = people.id ORDER BY number"
ALL = [("Ann", "+1"), ("Bob", "+2"), ("Cy", "+3")]
FRIENDS = "--include", "people//kind=friend", "--include", "phones"
ZOE = "INSERT INTO people(name, kind) VALUES ('Zoe', 'work');"
ZOE_50 = "INSERT INTO people VALUES (50, 'Zoe', 'work');"
HER_PHONE = "INSERT INTO phones(person, number) SELECT id, '+Z' FROM people WHERE name = 'Zoe';"


def share(two, *include):
    laptop, desktop = two
    here = add(laptop, SCHEMA)
    here.run(ROWS)
    laptop.sync()
    desktop.sync()
    there = add(desktop, SCHEMA, options=("--existing", *include))
    desktop.sync()
    return laptop, desktop, here, there


def owners(database):
    assert database.sound()
    return database.rows(OWNERS)


def says_the_same(device):
    """`status` tells of no more and no less than `sync`."""
    synced = device.finish("--json", "sync").returncode
    listed = pending(device)
    assert device.finish("status", "--check").returncode == synced
    return listed


def not_all(laptop, desktop):
    """The desktop has something to tell."""
    laptop.finish("sync")
    desktop.sync(1)
    laptop.sync()
    desktop.sync(1)


@pytest.fixture
def friends(two):
    laptop, desktop, here, there = share(two, *FRIENDS)
    assert owners(there) == ALL[:1]
    return laptop, desktop, here, there


@pytest.mark.parametrize("scripts", [[ZOE + HER_PHONE], [ZOE, HER_PHONE], [ZOE_50 + HER_PHONE]],
                         ids=["at once", "one after the other", "under a number of its own"])
def test_what_refers_to_a_row_that_is_left_out_is_left_out(friends, scripts):
    laptop, desktop, here, there = friends
    for script in scripts:
        there.run(script)
        both(laptop, desktop)
    assert owners(here) == ALL and owners(there) == [("Ann", "+1"), ("Zoe", "+Z")]
    assert says_the_same(desktop) == says_the_same(laptop) == {}
    there.run("UPDATE people SET kind = 'friend' WHERE name = 'Zoe'")
    both(laptop, desktop)
    assert owners(here) == [*ALL, ("Zoe", "+Z")] and owners(there) == [("Ann", "+1"), ("Zoe", "+Z")]
    assert says_the_same(desktop) == says_the_same(laptop) == {}


def test_a_row_keeps_what_it_referred_to_where_that_is_left_out_now(friends):
    laptop, desktop, here, there = friends
    there.run(ZOE + "UPDATE phones SET person = (SELECT id FROM people WHERE name = 'Zoe'), number = '+11'")
    not_all(laptop, desktop)
    assert owners(here) == [("Ann", "+11"), *ALL[1:]] and owners(there) == [("Zoe", "+11")]
    (path, reason), = says_the_same(desktop).items()
    assert path == "phones/1" and "person refers to a row" in reason and "let it refer to another row" in reason
    here.run("UPDATE people SET name = 'Anna' WHERE id = 1")
    not_all(laptop, desktop)
    assert there.rows("SELECT name FROM people ORDER BY id") == [("Anna",), ("Zoe",)]
    there.run("UPDATE phones SET person = 1")
    both(laptop, desktop)
    assert owners(here) == [("Anna", "+11"), *ALL[1:]] and owners(there) == [("Anna", "+11")]
    assert says_the_same(desktop) == {}


def test_a_row_that_was_moved_to_one_that_is_left_out_goes_with_it_once_all_is_asked_for(friends):
    laptop, desktop, here, there = friends
    there.run(ZOE + "UPDATE phones SET person = (SELECT id FROM people WHERE name = 'Zoe')")
    not_all(laptop, desktop)
    desktop.run("set", str(there.path), "--include", "*")
    both(laptop, desktop)
    both(laptop, desktop)
    assert owners(here) == owners(there) == [("Zoe", "+1"), *ALL[1:]]
