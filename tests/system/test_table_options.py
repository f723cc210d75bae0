# SPDX-License-Identifier: Apache-2.0
"""Tables of a database that nobody can sync, or nobody wants to: what is told of them, and what a user can say."""

from counterfoil import both, broker, make_device, two  # noqa: F401
from test_sqlite import Database, add, pending, share
from test_table_include import ORDERS, ROWS, SHOP, orders, shop  # noqa: F401


def test_a_table_without_a_primary_key_is_a_note(two):
    """As newsboat's `metadata`: nobody can sync it, and all else is in sync."""
    laptop, desktop = two
    schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, v); CREATE TABLE metadata (a, b); CREATE VIRTUAL TABLE f USING fts5(x);"
    here = Database(laptop.folder / "news.db").run(schema + "INSERT INTO t VALUES (1, 'one'); INSERT INTO metadata VALUES (1, 2)")
    assert "2 parts of it are not synced: `counterfoil status`" in laptop.run(
        "add", str(here.path), "--format", "sqlite", "--collection", "book")
    assert laptop.sync()["in_sync"]
    desktop.sync()
    there = add(desktop, schema, options=("--existing",))
    desktop.sync()
    assert there.all("t", "metadata") == {"t": [(1, "one")], "metadata": []}
    named = pending(laptop)
    assert "no primary key" in named["metadata"] and "virtual table" in named["f"]
    assert laptop.json("status")["in_sync"] and laptop.run("status", "--check")
    for verb, path in ("log", "metadata"), ("show", "metadata/1"), ("log", "metadata/1"):
        assert "; `counterfoil status` lists what is not synced\n" in laptop.run(verb, f"book//{path}", code=3)


def test_a_table_that_has_its_primary_key_elsewhere_only_keeps_from_being_in_sync(two):
    """Its rows are in the collection, and this device lacks them."""
    laptop, desktop = two
    here = add(laptop, "CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 'one')")
    laptop.sync()
    desktop.sync()
    add(desktop, "CREATE TABLE t (id INTEGER, v); CREATE TABLE u (id INTEGER PRIMARY KEY)", options=("--existing",))
    desktop.sync(1)
    assert "no primary key" in pending(desktop)["t"]
    here.run("CREATE TABLE new (id INTEGER, v); INSERT INTO new SELECT * FROM t; DROP TABLE t; ALTER TABLE new RENAME TO t")
    laptop.sync(1)
    assert "no primary key" in pending(laptop)["t"]
    assert here.rows("SELECT * FROM t") == [(1, "one")]


# ---- Tables that nobody asks for ----


def leave_out(device, database, *tables, code=0):
    return device.run("set", str(database.path), *[word for table in tables for word in ("--exclude", table)], code=code)


def test_a_table_that_is_left_out_stays_and_is_merged_when_it_is_asked_for_again(shop):
    laptop, desktop, here, there = shop
    assert "--exclude orders" in leave_out(desktop, there, "orders")
    both(laptop, desktop)
    there.run("DELETE FROM orders WHERE id IN (1, 4); UPDATE orders SET note = 'B' WHERE id = 2; UPDATE people SET town = 'Rom' WHERE id = 1")
    here.run("UPDATE orders SET note = 'C' WHERE id = 3; CREATE TABLE later (id INTEGER PRIMARY KEY)")
    both(laptop, desktop)
    assert orders(there) == [(2, "rice", "B"), (3, "salt", "c")], "it stays as its user leaves it"
    assert orders(here) == [(1, "tea", "a"), (2, "rice", "b"), (3, "salt", "C"), (4, "milk", "d")], "nothing is deleted elsewhere"
    assert here.all("people") == there.all("people"), "all else is synced"
    assert list(pending(desktop)) == ["later"] and desktop.json("status")["in_sync"]
    assert "--exclude" not in leave_out(desktop, there, "default")
    both(laptop, desktop)
    assert orders(here) == orders(there) == [(1, "tea", "a"), (2, "rice", "B"), (3, "salt", "C"), (4, "milk", "d")]


def test_a_table_is_left_out_from_the_beginning_by_a_pattern_on_this_device_only(two):
    laptop, desktop = two
    here = add(laptop, SHOP, options=("--exclude", "ord*"))
    here.run(ROWS)
    laptop.sync()
    assert [line["table"] for line in laptop.json("log") if "table" in line] in ([], ["people", "people"])
    desktop.sync()
    there = add(desktop, SHOP, options=("--existing",))
    there.run("INSERT INTO orders(what) VALUES ('oil')")
    both(laptop, desktop)
    assert there.all("people") == here.all("people")
    assert orders(there) == [(1, "oil", None)] and orders(here) == ORDERS


def test_a_table_that_keeps_from_being_in_sync_is_left_out(two):
    laptop, desktop = two
    add(laptop, "CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 'one'); CREATE TABLE u (id TEXT PRIMARY KEY)")
    laptop.sync()
    desktop.sync()
    there = add(desktop, "CREATE TABLE t (id INTEGER, v); CREATE TABLE u (id TEXT PRIMARY KEY)", options=("--existing",))
    desktop.sync(1)
    assert f"set {there.path} --exclude TABLE" in pending(desktop)["t"]
    leave_out(desktop, there, "t")
    assert desktop.sync()["in_sync"] and pending(desktop) == {}


def test_a_table_by_a_name_that_there_is_not_is_told(two):
    laptop, _ = two
    here = add(laptop, SHOP, options=("--exclude", "oders"))
    laptop.sync()
    assert pending(laptop) == {"--exclude oders": "no table is called so"}
    assert "whole tables" in leave_out(laptop, here, "orders//what=tea", code=2)
    assert "whole tables" in leave_out(laptop, here, "", code=2)
    notes = laptop.source("notes")
    notes.mkdir()
    assert "--format sqlite" in laptop.run("add", str(notes), "--exclude", "orders", code=2)


def test_what_refers_to_a_table_that_is_left_out_stays(two):
    """The number stands for nothing here; elsewhere it is the row that it was."""
    laptop, desktop, here, there = share(two, "CREATE TABLE feeds (id INTEGER PRIMARY KEY, url TEXT);"
                                              "CREATE TABLE items (id INTEGER PRIMARY KEY, feed INTEGER REFERENCES feeds, title TEXT)")
    here.run("INSERT INTO feeds VALUES (1, 'a'), (2, 'b'); INSERT INTO items VALUES (1, 1, 'one'), (2, 2, 'two')")
    both(laptop, desktop)
    leave_out(desktop, there, "feeds")
    there.run("UPDATE items SET title = 'TWO' WHERE id = 2; INSERT INTO items VALUES (3, 1, 'three')")
    here.run("UPDATE feeds SET url = 'A' WHERE id = 1")
    both(laptop, desktop)
    assert here.all("items") == there.all("items") == {"items": [(1, 1, "one"), (2, 2, "TWO"), (3, 1, "three")]}
    assert here.all("feeds") == {"feeds": [(1, "A"), (2, "b")]} and there.all("feeds") == {"feeds": [(1, "a"), (2, "b")]}
    assert here.sound() and there.sound()


def test_a_table_that_joins_one_that_is_left_out_keeps_its_rows(two):
    """Its key is made of the other's numbers: what it is made of doesn't change because somebody doesn't ask for them."""
    laptop, desktop, here, there = share(two, "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);"
                                              "CREATE TABLE groups (id INTEGER PRIMARY KEY, title TEXT);"
                                              "CREATE TABLE members (person INTEGER REFERENCES people, grp INTEGER REFERENCES groups, since INTEGER,"
                                              " PRIMARY KEY (person, grp))")
    here.run("INSERT INTO people VALUES (1, 'Ann'), (2, 'Bob'); INSERT INTO groups VALUES (7, 'choir'); INSERT INTO members VALUES (1, 7, 1990), (2, 7, 1991)")
    both(laptop, desktop)
    leave_out(desktop, there, "people", "groups")
    desktop.sync()
    assert laptop.sync()["in_sync"] and here.all("members") == {"members": [(1, 7, 1990), (2, 7, 1991)]}
    there.run("UPDATE members SET since = 2000 WHERE person = 2")
    here.run("DELETE FROM members WHERE person = 1")
    both(laptop, desktop)
    assert here.all("members") == there.all("members") == {"members": [(2, 7, 2000)]}
    leave_out(desktop, there, "default")
    both(laptop, desktop)
    assert here.all("people", "groups", "members") == there.all("people", "groups", "members") and here.sound() and there.sound()


# ---- Counters and times of use ----


PLACES = "CREATE TABLE places (id INTEGER PRIMARY KEY, url TEXT UNIQUE, title TEXT, visits INTEGER DEFAULT 0, last REAL)"
MANY = 40


def conflicts(device):
    return [one["path"] for one in device.json("status")["collections"][0]["conflicts"]]


def visit_apart(laptop, desktop, here, there):
    """On each device each place is visited; the desktop is the later."""
    here.run("UPDATE places SET visits = visits + 1, last = id + 0.25")
    laptop.finish("sync")
    there.run("UPDATE places SET visits = visits + 5, last = id + 0.5")
    for device in desktop, laptop, desktop:
        device.finish("sync")


def share_places(two, *options):
    laptop, desktop = two
    here = add(laptop, PLACES, options=options)
    here.many("INSERT INTO places VALUES (?, ?, ?, 0, 0)", [(i, f"https://{i}", f"Place {i}") for i in range(1, MANY + 1)])
    laptop.sync()
    desktop.sync()
    there = add(desktop, PLACES, options=("--existing",))
    desktop.sync()
    return laptop, desktop, here, there


def test_of_counters_the_later_value_counts(two):
    laptop, desktop, here, there = share_places(two, "--last", "places.visits", "--last", "places.last")
    visit_apart(laptop, desktop, here, there)
    laptop.sync()
    desktop.sync()
    assert here.all("places") == there.all("places")
    assert here.rows("SELECT DISTINCT visits FROM places") == [(5,)], "on the other device, too, which was told nothing"


def test_conflicts_of_a_column_in_many_rows_end_with_one_command(two):
    laptop, desktop, here, there = share_places(two)
    visit_apart(laptop, desktop, here, there)
    assert len(conflicts(laptop)) == len(conflicts(desktop)) == 2 * MANY
    here.run("UPDATE places SET title = 'mine' WHERE id = 1")
    laptop.finish("sync")
    there.run("UPDATE places SET title = 'ours' WHERE id = 1")
    desktop.finish("sync")
    told = laptop.run("set", str(here.path), "--last", "places.visits", "--last", "places.last")
    assert "--last places.visits, --last places.last" in told
    laptop.sync(4)
    desktop.sync(4)
    assert conflicts(laptop) == conflicts(desktop) == ["places/1/title"], "no other column"
    assert here.all("places") == there.all("places")
    assert here.rows("SELECT DISTINCT visits FROM places") == [(5,)]


def test_conflicts_of_a_pattern_are_resolved_by_one_command(two):
    laptop, desktop, here, there = share_places(two)
    here.run("UPDATE places SET title = 'here', visits = id")
    laptop.sync()
    there.run("UPDATE places SET title = 'there', visits = 100")
    desktop.sync(4)
    laptop.sync(4)
    listed = laptop.json("conflicts", code=4)
    assert len(listed) == 2 * MANY and listed[0]["collection"] == "book" and listed[0]["value"] != listed[0]["shown"]
    assert "not shown is" in laptop.run("conflicts", code=4)
    resolve = "conflicts", "resolve", "book//places/*/title"
    assert "which version stays" in laptop.run(*resolve, code=2)
    for version in "ours", "0", "1000":
        assert f"unknown version '{version}'" in laptop.run(*resolve, "--keep", version, code=2)
    assert laptop.json(*resolve, "-n", "--keep", "mine", code=4) == {"settled": MANY, "lacking": 0, "ended": 0, "locked": 0}
    assert len(conflicts(laptop)) == 2 * MANY, "nothing was done"
    assert laptop.json(*resolve, "--keep", "mine", code=4) == {"settled": MANY, "lacking": 0, "ended": 0, "locked": 0}
    laptop.sync(4)
    desktop.sync(4)
    assert here.all("places") == there.all("places")
    assert here.rows("SELECT DISTINCT title FROM places") == [("here",)], "the one that was not shown"
    assert len(conflicts(laptop)) == len(conflicts(desktop)) == MANY and all(path.endswith("/visits") for path in conflicts(laptop))
    there.run("UPDATE places SET title = 'new' WHERE id = 1")
    assert desktop.json("conflicts", "resolve", "book//places/1/visits", "book//places/[2-9]*/visits", "--keep", "2", code=4)["settled"] == 30
    assert desktop.json("conflicts", "resolve", "book//*", "--keep", "theirs")["lacking"] == 0
    both(laptop, desktop)
    assert here.all("places") == there.all("places") and conflicts_end(laptop) == conflicts_end(desktop) == []
    assert here.rows("SELECT title FROM places WHERE id = 1") == [("new",)]
    assert "no conflict is listed so" in laptop.run(*resolve, "--keep", "1", code=3)


def conflicts_end(device):
    return device.json("conflicts")


def test_what_others_wrote_since_it_was_listed_stays(two, make_device):
    """A number is that of the list which its user saw."""
    laptop, desktop, here, there = share_places(two)
    tower = make_device("tower")
    laptop.pair(tower)
    laptop.sync()
    tower.sync()
    third = add(tower, PLACES, options=("--existing",))
    tower.sync()
    here.run("UPDATE places SET title = 'here' WHERE id = 1")
    laptop.sync()
    there.run("UPDATE places SET title = 'there' WHERE id = 1")
    desktop.sync(4)
    laptop.sync(4)
    shown, = here.rows("SELECT title FROM places WHERE id = 1")
    assert shown == ("there",)
    third.run("UPDATE places SET title = 'third' WHERE id = 1")
    tower.sync(4)
    resolve = "conflicts", "resolve", "book//places/1/title", "--keep", "1"
    assert laptop.json(*resolve, code=4) == {"settled": 1, "lacking": 0, "ended": 0, "locked": 0}
    laptop.sync(4)
    listed, = laptop.json("conflicts", code=4)
    assert (listed["shown"], listed["value"]) == ("third", "there")
    assert laptop.json(*resolve) == {"settled": 1, "lacking": 0, "ended": 0, "locked": 0}, "now it is the one that is seen"
    laptop.sync()
    assert tower.json(*resolve, code=1) == {"settled": 0, "lacking": 0, "ended": 1, "locked": 0}
    for device, database in (laptop, here), (desktop, there), (tower, third):
        device.sync()
        assert database.rows("SELECT title FROM places WHERE id = 1") == [("third",)]


def test_what_cannot_be_resolved_is_told(two):
    laptop, desktop, here, there = share_places(two)
    here.run("UPDATE places SET title = 'here' WHERE id = 1")
    laptop.sync()
    there.run("UPDATE places SET title = 'there' WHERE id = 1")
    desktop.sync(4)
    laptop.sync(4)
    assert "no such version" in laptop.run("conflicts", "resolve", "book//places/1/title", "--keep", "3", code=2)
    assert "no such version" in laptop.run("conflicts", "resolve", "book//places/1/title", "--keep", "999", code=2)
    desktop.run("lock", "book//places/1")
    assert laptop.json("conflicts", "resolve", "book//*", "--keep", "1", code=9) == {"settled": 0, "lacking": 0, "ended": 0, "locked": 1}
    desktop.run("unlock", "book//places/1")
    assert "names no field" in laptop.run("conflicts", "resolve", "places", "--keep", "1", code=2)
    laptop.run("conflicts", "resolve", "nothing//*", "--keep", "1", code=3)
    assert "unknown subverb" in laptop.run("conflicts", "solve", code=2)
    laptop.add("notes", {"one.txt": "one\n"})
    assert "renaming or deleting" in laptop.run("conflicts", "resolve", "notes//*", "--keep", "1", code=2)
    laptop.run("set", str(here.path), "--mode", "receive")
    assert "only receives" in laptop.run("conflicts", "resolve", "book//*", "--keep", "1", code=2)
    assert conflicts(laptop) == conflicts(desktop) == ["places/1/title"]


def test_a_visit_brings_no_deleted_place_back(two):
    laptop, desktop, here, there = share_places(two, "--last", "places.visits")
    here.run("DELETE FROM places WHERE id = 1")
    laptop.sync()
    there.run("UPDATE places SET visits = 9 WHERE id IN (1, 2)")
    both(laptop, desktop)
    assert here.rows("SELECT id, visits FROM places WHERE id < 3") == there.rows("SELECT id, visits FROM places WHERE id < 3") == [(2, 9)]
    there.run("UPDATE places SET title = 'dear' WHERE id = 3")
    here.run("DELETE FROM places WHERE id = 3")
    both(laptop, desktop)
    assert here.rows("SELECT title FROM places WHERE id = 3") == [("dear",)], "what a user wrote does"


def test_a_place_of_which_a_counter_was_in_conflict_can_be_deleted(two):
    """The one that was not shown is nobody's edit any more, which would bring the place back."""
    laptop, desktop, here, there = share_places(two)
    visit_apart(laptop, desktop, here, there)
    laptop.run("set", str(here.path), "--last", "places.visits", "--last", "places.last")
    laptop.sync()
    desktop.sync()
    here.run("DELETE FROM places WHERE id = 1")
    both(laptop, desktop)
    assert here.all("places") == there.all("places") and len(here.rows("SELECT * FROM places")) == MANY - 1


def test_what_is_left_out_goes_with_its_row_though_a_counter_was_in_conflict(two):
    laptop, desktop, here, there = share(two, "CREATE TABLE places (id INTEGER PRIMARY KEY, url TEXT);"
                                              "CREATE TABLE uses (id INTEGER PRIMARY KEY, place INTEGER NOT NULL REFERENCES places, times INTEGER)")
    here.run("INSERT INTO places VALUES (1, 'a'), (2, 'b'); INSERT INTO uses VALUES (1, 1, 0), (2, 2, 0)")
    both(laptop, desktop)
    here.run("UPDATE uses SET times = 1")
    there.run("UPDATE uses SET times = 2")
    for device in laptop, desktop, laptop:
        device.finish("sync")
    assert len(conflicts(laptop)) == 2
    laptop.run("set", str(here.path), "--last", "uses.times")
    both(laptop, desktop)
    leave_out(desktop, there, "uses")
    both(laptop, desktop)
    there.run("DELETE FROM uses WHERE place = 1; DELETE FROM places WHERE id = 1")
    both(laptop, desktop)
    assert here.rows("SELECT id FROM places") == [(2,)] == there.rows("SELECT id FROM places")
    assert [row[0] for row in here.rows("SELECT id FROM uses")] == [2]


def test_a_column_of_which_the_last_value_cannot_count_is_told(two):
    """At once, and later by `status`, where its program made it so."""
    laptop, _ = two
    add(laptop, PLACES, code=2, options=("--last", "places.url"))
    assert laptop.json("status")["collections"] == [], "nothing is done before the word makes sense"
    here = add(laptop, None, options=("--last", "places.visits"))
    assert "--last places.url: no two rows may have it alike" in laptop.run("set", str(here.path), "--last", "places.url", code=2)
    said = laptop.run("set", str(here.path), "--last", "places.visits", "--last", "places.vists", code=2)
    assert "--last places.vists: no column that is synced is called so; places has " in said and " visits" in said
    assert "--last places.visits" in laptop.run("set", str(here.path)), "it is as it was"
    laptop.sync()
    assert pending(laptop) == {}
    here.run("ALTER TABLE places RENAME COLUMN visits TO visited")
    laptop.sync()
    assert pending(laptop)["--last places.visits"] == "no column that is synced is called so"
    for name in "visits", ".visits", "places.":
        assert "TABLE.COLUMN" in laptop.run("set", str(here.path), "--last", name, code=2)
    assert "--last" not in laptop.run("set", str(here.path), "--last", "default")
    laptop.sync()
    assert "--last places.visits" not in pending(laptop)
