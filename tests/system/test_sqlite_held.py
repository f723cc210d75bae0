# SPDX-License-Identifier: Apache-2.0
"""Rows that a database can't hold: each waits with what refers to it, `status` lists it, and it comes when it can."""

from counterfoil import broker, make_device, two  # noqa: F401
from protocol import hash_of, pack
from reader_records import Records
from reader_scene import let_in
from test_sqlite import add, both, pending

LOOSE = """
CREATE TABLE owners (id TEXT PRIMARY KEY, mail TEXT, nick TEXT);
CREATE TABLE things (id TEXT PRIMARY KEY, owner TEXT NOT NULL REFERENCES owners);
CREATE TABLE parts (id TEXT PRIMARY KEY, thing TEXT REFERENCES things, what TEXT);
"""
STRICT = LOOSE.replace("mail TEXT", "mail TEXT NOT NULL")
TABLES = "owners", "things", "parts"
FIRST = ("INSERT INTO owners VALUES ('a', 'a@', 'A'), ('b', 'b@', 'B'); INSERT INTO things VALUES ('1', 'a'), ('2', 'b');"
         "INSERT INTO parts VALUES ('x', '1', 'of a')")


def ids(database, table):
    return "".join(row[0] for row in database.rows(f"SELECT id FROM {table} ORDER BY id"))


def shown(database):
    return [ids(database, table) for table in TABLES]


def listed(collection):
    return {one["path"]: one["reason"] for one in collection["pending"] if one["kind"] != "left out"}


def refused(device):
    """What a sync could not write, and why; `status` lists the same afterwards."""
    told = listed(device.sync(1)["collections"][0])
    assert listed(device.json("status", "--check", code=1)["collections"][0]) == told
    return told


def test_one_without_a_value_that_another_database_wants(two):
    laptop, desktop = two
    here = add(laptop, STRICT)
    here.run(FIRST)
    laptop.sync()
    desktop.sync()
    there = add(desktop, LOOSE, options=("--existing",))
    desktop.sync()
    there.run("UPDATE owners SET mail = NULL WHERE id = 'b'; INSERT INTO owners VALUES ('c', NULL, 'C'), ('d', 'd@', 'D');"
              "INSERT INTO things VALUES ('3', 'c'), ('4', 'd'), ('5', 'b');"
              "INSERT INTO parts VALUES ('y', '3', 'of c'), ('z', '4', 'of d')")
    desktop.sync()
    told = refused(laptop)
    assert set(told) == {"owners/b", "owners/c", "things/3", "parts/y"}
    assert told["owners/b"] == told["owners/c"] == "NOT NULL constraint failed: owners.mail"
    assert shown(here) == ["abd", "1245", "xz"] and here.sound(), "the others come, and its old row stays"
    assert here.rows("SELECT mail FROM owners WHERE id = 'b'") == [("b@",)]
    here.run("UPDATE owners SET nick = 'Bee' WHERE id = 'b'; INSERT INTO parts VALUES ('w', '2', 'of b')")
    assert set(refused(laptop)) == set(told)
    there.run("UPDATE owners SET mail = 'c@' WHERE id = 'c'")
    desktop.sync()
    laptop.run("set", str(here.path), "--mode", "send")
    assert listed(laptop.sync(1)["collections"][0])["owners/c"] == "it is new elsewhere; this source only sends"
    laptop.run("set", str(here.path), "--mode", "both")
    now = listed(laptop.json("status")["collections"][0])
    assert now["owners/b"] == told["owners/b"] and now["owners/c"] == "it is new elsewhere", "nobody has tried it yet"
    there.run("UPDATE owners SET mail = NULL WHERE id = 'c'")
    desktop.sync()
    assert there.rows("SELECT mail, nick FROM owners WHERE id > 'a'") == [(None, "Bee"), (None, "C"), ("d@", "D")]
    assert shown(there) == ["abcd", "12345", "wxyz"], "what waits there is as it was here"
    there.run("UPDATE owners SET mail = 'c@' WHERE id = 'c'")
    here.run("UPDATE owners SET mail = 'new@' WHERE id = 'b'")
    both(laptop, desktop)
    assert here.all(*TABLES) == there.all(*TABLES) and shown(here) == ["abcd", "12345", "wxyz"]
    assert here.rows("SELECT mail FROM owners ORDER BY id") == [("a@",), ("new@",), ("c@",), ("d@",)]
    assert pending(desktop) == {} and list(pending(laptop)) == ["owners.mail"]
    assert "can be empty elsewhere, and not here" in pending(laptop)["owners.mail"]


class Stranger:
    """A member whose program asks no schema."""

    def __init__(self, broker, laptop):
        self.broker = broker
        self.device = let_in(laptop, "stranger")
        self.read()
        self.collection = self.device.collection("book")

    def read(self):
        with self.device.session(self.broker.line) as session:
            self.device.read_log(session, credit=2**22)

    def write(self, *changes):
        """Each (table, key, column, value), the column "" being the table; what was there is replaced."""
        self.read()
        known, written = Records(self.device.bodies(self.collection), None), []
        for table, key, column, value in changes:
            item, field = row(table, key), f"/columns/{column}"
            over = [fact.dot for fact in known.facts(item, field)] if (item, field) in known.state else []
            written.append((item, field, over, *((False, value) if value else ())))
        self.publish(written)

    def insert(self, table, key, **columns):
        item = row(table, key)
        told = {"/table": table, "/key": key, **{f"/columns/{name}": value for name, value in columns.items()}}
        self.publish([(item, field, [], False, value) for field, value in told.items()])

    def publish(self, changes):
        with self.device.session(self.broker.line) as session:
            session.hello(self.device.user, self.device.log.heads())
            self.device.publish_changes(session, self.collection, changes)
        self.read()


def row(table, key):
    return b"r" + hash_of("record", pack([table, key]))[:15]


def test_one_without_a_value_that_every_database_wants(two, broker):
    laptop, desktop = two
    here = add(laptop, STRICT)
    here.run(FIRST)
    laptop.sync()
    desktop.sync()
    there = add(desktop, STRICT, options=("--existing",))
    desktop.sync()
    stranger = Stranger(broker, laptop)
    stranger.write(("owners", "b", "mail", None), ("owners", "a", "nick", "Annie"))
    stranger.insert("owners", "c", nick="C")
    stranger.insert("things", "3", owner=["@", row("owners", "c")])
    stranger.insert("parts", "y", what="of c", thing=["@", row("things", "3")])
    told = refused(laptop)
    assert refused(desktop) == told and set(told) == {"owners/b", "owners/c", "things/2", "things/3", "parts/y"}
    assert pending(laptop) == pending(desktop) == told
    assert told["owners/b"] == told["owners/c"] == "it has no mail, without which it can't be shown"
    assert told["things/3"] == told["parts/y"] == "what it refers to can't be shown"
    for database in (here, there):
        assert shown(database) == ["a", "1", "x"] and database.rows("SELECT nick FROM owners") == [("Annie",)]
        assert database.sound()
    before = len(laptop.json("log", "-n", "1000"))
    here.run("INSERT INTO parts VALUES ('z', '1', 'of a')")
    assert refused(laptop) == refused(desktop) == told and shown(there) == ["a", "1", "xz"], "they hold up nothing"
    assert len(laptop.json("log", "-n", "1000")) == before + 1, "and nobody deletes them"
    stranger.write(("owners", "c", "mail", "c@"), ("owners", "b", "mail", "new@"))
    both(laptop, desktop)
    assert here.all(*TABLES) == there.all(*TABLES) and shown(here) == ["abc", "123", "xyz"]
    assert here.rows("SELECT mail, nick FROM owners ORDER BY id") == [("a@", "Annie"), ("new@", "B"), ("c@", "C")]
    assert here.rows("SELECT id, owner FROM things ORDER BY id") == [("1", "a"), ("2", "b"), ("3", "c")]
    assert here.sound() and pending(laptop) == pending(desktop) == {}
    here.run("INSERT INTO parts VALUES ('zz', '1', 'of a')")
    both(laptop, desktop)
    stranger.read()
    stranger.write(*(("owners", key, "mail", None) for key in "abc"))
    assert "10 of 10 items" in str(laptop.sync(8)["collections"][0]["pending"])
    assert shown(here) == ["abc", "123", "xyzzz"], "a database is not emptied so without a word"


COUNTED = """
CREATE TABLE owners (id INTEGER PRIMARY KEY, name TEXT, nick TEXT);
CREATE TABLE things (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL REFERENCES owners ON DELETE CASCADE, what TEXT);
"""


def test_what_keeps_its_place_is_not_shown_twice_and_gets_nobody_s_children(two):
    """Both counted to 1; what should have that now can't be held here."""
    laptop, desktop = two
    here = add(laptop, COUNTED)
    laptop.sync()
    desktop.sync()
    there = add(desktop, COUNTED.replace("name TEXT", "name TEXT CHECK (name <> 'Ann')"), options=("--existing",))
    for database, name in (here, "Ann"), (there, "Bob"):
        database.run(f"INSERT INTO owners(name) VALUES ('{name}'); INSERT INTO things(owner, what) VALUES (1, 'of {name}')")
    laptop.sync()
    desktop.finish("sync")
    laptop.sync()
    assert [row[:2] for row in here.rows("SELECT * FROM owners")] == [(1, "Ann"), (2, "Bob")]
    told = refused(desktop)
    assert set(told) == {"owners/1", "owners/2", "things/1", "things/2"}
    assert there.rows("SELECT name, what FROM owners JOIN things ON owner = owners.id") == [("Bob", "of Bob")]
    there.run("UPDATE owners SET nick = 'B'; INSERT INTO things(owner, what) VALUES (1, 'more of Bob')")
    refused(desktop)
    laptop.sync()
    assert here.rows("SELECT name, nick FROM owners ORDER BY id") == [("Ann", None), ("Bob", "B")]
    told = [("Ann", "of Ann"), ("Bob", "more of Bob"), ("Bob", "of Bob")]
    joined = "SELECT name, what FROM owners JOIN things ON owner = owners.id ORDER BY 1, 2"
    assert here.rows(joined) == told
    here.run("UPDATE owners SET name = 'Anna' WHERE name = 'Ann'")
    both(laptop, desktop)
    assert here.rows(joined) == there.rows(joined) == [("Anna", "of Ann"), *told[1:]]
    assert here.all("owners", "things") == there.all("owners", "things") and there.sound()
