# SPDX-License-Identifier: Apache-2.0
"""Tables of a database that are asked for no more, and again: their rows stay, and nothing is deleted elsewhere."""

import pytest

from counterfoil import broker, make_device, two  # noqa: F401
from test_sqlite import add, both, pending, share

SHOP = """
CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, town TEXT);
CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT, note TEXT);
"""
ROWS = ("INSERT INTO people(name, town) VALUES ('Ann', 'Ulm'), ('Bob', 'Bonn');"
        "INSERT INTO orders(what, note) VALUES ('tea', 'a'), ('rice', 'b'), ('salt', 'c'), ('milk', 'd')")
ORDERS = [(1, "tea", "a"), (2, "rice", "b"), (3, "salt", "c"), (4, "milk", "d")]


@pytest.fixture
def shop(two):
    laptop, desktop, here, there = share(two, SHOP)
    here.run(ROWS)
    both(laptop, desktop)
    assert there.all("orders")["orders"] == ORDERS
    return laptop, desktop, here, there


def narrow(desktop, there, *tables):
    desktop.run("set", str(there.path), *[word for table in tables for word in ("--include", table)])


def orders(database):
    return database.all("orders")["orders"]


def test_a_table_that_is_not_asked_for_any_more_stays(shop):
    laptop, desktop, here, there = shop
    narrow(desktop, there, "people")
    both(laptop, desktop)
    there.run("DELETE FROM orders WHERE id = 1; UPDATE orders SET note = 'B' WHERE id = 2; INSERT INTO orders VALUES (9, 'oil', 'z')")
    here.run("UPDATE orders SET note = 'C' WHERE id = 3")
    both(laptop, desktop)
    assert orders(there) == [(2, "rice", "B"), (3, "salt", "c"), (4, "milk", "d"), (9, "oil", "z")]
    assert orders(here) == [(1, "tea", "a"), (2, "rice", "b"), (3, "salt", "C"), (4, "milk", "d")]
    assert pending(desktop) == {}


def test_asked_for_again_it_is_merged_and_nothing_is_deleted(shop):
    laptop, desktop, here, there = shop
    narrow(desktop, there, "people")
    both(laptop, desktop)
    there.run("DELETE FROM orders WHERE id IN (1, 4); UPDATE orders SET note = 'B' WHERE id = 2; INSERT INTO orders VALUES (4, 'oil', 'z')")
    here.run("UPDATE orders SET note = 'C' WHERE id = 3; UPDATE orders SET what = 'Reis' WHERE id = 2")
    both(laptop, desktop)
    narrow(desktop, there, "people", "orders")
    assert "orders/1" not in pending(desktop)
    both(laptop, desktop)
    merged = [(1, "tea", "a"), (2, "Reis", "B"), (3, "salt", "C"), (4, "milk", "d"), (5, "oil", "z")]
    assert orders(here) == orders(there) == merged
    there.run("DELETE FROM orders WHERE id = 1")
    both(laptop, desktop)
    assert orders(here) == orders(there) == merged[1:], "from then on it is synced as ever"


def test_all_of_it_deleted_meanwhile_is_no_mass_delete(shop):
    laptop, desktop, here, there = shop
    narrow(desktop, there, "people")
    both(laptop, desktop)
    there.run("DELETE FROM orders")
    both(laptop, desktop)
    narrow(desktop, there, "people", "orders")
    both(laptop, desktop)
    assert orders(here) == orders(there) == ORDERS


def test_a_table_that_is_dropped_and_made_again_is_filled_again(shop):
    laptop, desktop, here, there = shop
    there.run("DROP TABLE orders")
    both(laptop, desktop)
    assert orders(here) == ORDERS
    there.run(SHOP.split(";")[1])
    both(laptop, desktop)
    assert orders(here) == orders(there) == ORDERS


def test_rows_that_match_no_more_go_from_here_only_and_their_edits_are_published(two):
    """The same of a database as of a text."""
    laptop, desktop = two
    here = add(laptop, SHOP)
    here.run(ROWS)
    laptop.sync()
    desktop.sync()
    there = add(desktop, SHOP, options=("--existing",))
    desktop.sync()
    there.run("UPDATE orders SET note = 'C' WHERE id = 3; INSERT INTO orders VALUES (8, 'oil', 'z')")
    narrow(desktop, there, "people", "orders//what=tea")
    both(laptop, desktop)
    assert orders(there) == [(1, "tea", "a"), (8, "oil", "z")], "what only this one has stays"
    assert orders(here) == [row if row[0] != 3 else (3, "salt", "C") for row in ORDERS]
    narrow(desktop, there, "people", "orders")
    both(laptop, desktop)
    assert orders(here) == orders(there) == [row if row[0] != 3 else (3, "salt", "C") for row in ORDERS] + [(8, "oil", "z")]


BOOK = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, mail TEXT);
CREATE TABLE phones (id INTEGER PRIMARY KEY, person INTEGER REFERENCES people(id), number TEXT);
"""


@pytest.mark.parametrize("edit", ["", "UPDATE people SET mail = 'b@y' WHERE name = 'Bob'"], ids=["as it came", "of its own"])
def test_asked_for_again_with_a_new_column_nothing_is_deleted(two, edit):
    """Who writes into a column what its user never saw there deletes no phone by that."""
    laptop, desktop = two
    here = add(laptop, BOOK)
    here.run("INSERT INTO people VALUES (1, 'Ann', 'a@x'), (2, 'Bob', 'b@x'); INSERT INTO phones VALUES (1, 1, '+1'), (2, 2, '+2')")
    both(laptop, desktop)
    there = add(desktop, BOOK.replace(", mail TEXT", ""), options=("--existing",))
    both(laptop, desktop)
    desktop.run("set", str(there.path), "--exclude", "phones")
    desktop.sync()
    there.run(f"DELETE FROM phones WHERE id = 2; ALTER TABLE people ADD COLUMN mail TEXT; {edit}")
    desktop.run("set", str(there.path), "--exclude", "default")
    both(laptop, desktop, 4 if edit else 0)
    phones = [(1, 1, "+1"), (2, 2, "+2")]
    assert here.all("phones")["phones"] == there.all("phones")["phones"] == phones
    assert there.rows("SELECT mail FROM people ORDER BY id") == here.rows("SELECT mail FROM people ORDER BY id")
    assert [one["path"] for one in desktop.json("conflicts", code=4 if edit else 0)] == (["people/2/mail"] if edit else []), "nobody saw both mails"


KEYS = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE rates (currency TEXT, day INTEGER, value REAL, PRIMARY KEY (currency, day)) WITHOUT ROWID;
CREATE TABLE tags (name TEXT COLLATE NOCASE PRIMARY KEY, color TEXT);
"""
PEOPLE = [(1, "Ann"), (2, "Bob"), (3, "Cy")]
KEYED = ("INSERT INTO people VALUES (1, 'Ann'), (2, 'Bob'), (3, 'Cy');"
         "INSERT INTO rates VALUES ('EUR', 1, 1.5), ('EUR', 2, 1.6), ('USD', 1, 2.5); INSERT INTO tags VALUES ('Home', 'red'), ('Work', 'blue')")


def share_some(two, *patterns):
    laptop, desktop = two
    here = add(laptop, KEYS)
    here.run(KEYED)
    laptop.sync()
    desktop.sync()
    there = add(desktop, KEYS, options=("--existing", *[word for pattern in patterns for word in ("--include", pattern)]))
    both(laptop, desktop)
    return laptop, desktop, here, there


@pytest.mark.parametrize("pattern, rows", [
    ("people//id=2", {"people": [(2, "Bob")]}),
    ("id=[13]", {"people": [(1, "Ann"), (3, "Cy")]}),
    ("rates//currency=EUR", {"rates": [("EUR", 1, 1.5), ("EUR", 2, 1.6)]}),
    ("rates//day=1", {"rates": [("EUR", 1, 1.5), ("USD", 1, 2.5)]}),
    ("tags//name=Home", {"tags": [("Home", "red")]}),
])
def test_rows_by_their_key(two, pattern, rows):
    laptop, desktop, here, there = share_some(two, pattern)
    tables = "people", "rates", "tags"
    assert there.all(*tables) == {table: rows.get(table, []) for table in tables}
    assert pending(desktop) == {}


def test_a_row_by_its_key_is_synced_and_no_other(two):
    laptop, desktop, here, there = share_some(two, "people//id=2")
    there.run("UPDATE people SET name = 'Bert' WHERE id = 2; INSERT INTO people VALUES (3, 'mine')")
    both(laptop, desktop)
    assert here.all("people")["people"] == [(1, "Ann"), (2, "Bert"), (3, "Cy")]
    assert there.all("people")["people"] == [(2, "Bert"), (3, "mine")]
    here.run("UPDATE people SET name = 'Robert' WHERE id = 2; UPDATE people SET name = 'Cyril' WHERE id = 3")
    there.run("UPDATE people SET name = 'Rob' WHERE id = 2")
    laptop.sync()
    desktop.sync(4)
    assert [one["path"] for one in desktop.json("status")["collections"][0]["conflicts"]] == ["people/2/name"]
    narrow(desktop, there, "people//id=1")
    desktop.sync()
    assert desktop.json("status")["collections"][0]["conflicts"] == []
