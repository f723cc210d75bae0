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
    desktop.sync(1)
    laptop.sync()
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
