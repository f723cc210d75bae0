# SPDX-License-Identifier: Apache-2.0
"""Databases of SQLite that their programs use meanwhile: synced row by row."""

import os
import random
import sqlite3

from counterfoil import both, broker, make_device, two  # noqa: F401

ADDRESS_BOOK = """
CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, born INTEGER);
CREATE TABLE phones (id INTEGER PRIMARY KEY AUTOINCREMENT, person INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
 kind TEXT, number TEXT NOT NULL);
CREATE TABLE groups (id INTEGER PRIMARY KEY, title TEXT UNIQUE);
CREATE TABLE members (person INTEGER REFERENCES people ON DELETE CASCADE, grp INTEGER REFERENCES groups, PRIMARY KEY (person, grp)) WITHOUT ROWID;
"""

# As browsers have it: a tree of folders, tags that are joined.
BOOKMARKS = """
CREATE TABLE places (id INTEGER PRIMARY KEY, url LONGVARCHAR UNIQUE, title LONGVARCHAR, visits INTEGER DEFAULT 0,
 last REAL, hash INTEGER DEFAULT 0 NOT NULL);
CREATE TABLE bookmarks (id INTEGER PRIMARY KEY, type INTEGER, place INTEGER REFERENCES places, parent INTEGER REFERENCES bookmarks,
 position INTEGER, guid TEXT);
CREATE UNIQUE INDEX guids ON bookmarks (guid);
CREATE INDEX order_in_parent ON bookmarks (parent, position);
CREATE TABLE tags (name TEXT COLLATE NOCASE PRIMARY KEY);
CREATE TABLE tagged (place INTEGER REFERENCES places, tag TEXT REFERENCES tags, PRIMARY KEY (place, tag));
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
"""

# As note takers have it: the search index is kept by triggers.
NOTES = """
CREATE TABLE notes (id TEXT PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL, changed INTEGER, size INTEGER AS (length(body)));
CREATE VIRTUAL TABLE search USING fts5(title, body, content='notes', content_rowid='rowid');
CREATE TRIGGER notes_in AFTER INSERT ON notes BEGIN
 INSERT INTO search(rowid, title, body) VALUES (new.rowid, new.title, new.body); END;
CREATE TRIGGER notes_out AFTER DELETE ON notes BEGIN
 INSERT INTO search(search, rowid, title, body) VALUES ('delete', old.rowid, old.title, old.body); END;
CREATE TRIGGER notes_up AFTER UPDATE ON notes BEGIN
 INSERT INTO search(search, rowid, title, body) VALUES ('delete', old.rowid, old.title, old.body);
 INSERT INTO search(rowid, title, body) VALUES (new.rowid, new.title, new.body); END;
"""


class Database:
    """What a program does with its own file."""

    def __init__(self, path):
        self.path = path

    def run(self, script):
        with sqlite3.connect(self.path, timeout=20) as there:
            there.executescript(script)
        there.close()
        return self

    def many(self, sql, rows):
        with sqlite3.connect(self.path, timeout=20) as there:
            there.executemany(sql, rows)
        there.close()
        return self

    def rows(self, sql):
        there = sqlite3.connect(self.path, timeout=20)
        try:
            return there.execute(sql).fetchall()
        finally:
            there.close()

    def all(self, *tables):
        return {table: sorted(self.rows(f"SELECT * FROM {table}"), key=repr) for table in tables}

    def schema(self):
        return [sql for sql, in self.rows("SELECT sql FROM sqlite_master WHERE sql NOT NULL AND name NOT LIKE 'sqlite%'")]

    def sound(self):
        return self.rows("PRAGMA integrity_check") == [("ok",)] and not self.rows("PRAGMA foreign_key_check")


def add(device, schema, name="book", code=0, options=()):
    database = Database(device.folder / f"{device.name}-{name}.db")
    if schema:
        database.run(schema)
    device.json("add", str(database.path), "--format", "sqlite", "--collection", name, *options, code=code)
    return database


def share(two, schema, *tables):
    """The same empty database on both."""
    laptop, desktop = two
    here = add(laptop, schema)
    laptop.sync()
    desktop.sync()
    there = add(desktop, schema, options=("--existing",))
    desktop.sync()
    return laptop, desktop, here, there


def pending(device):
    return {entry["path"]: entry["reason"] for entry in device.json("status")["collections"][0]["pending"]}


def trouble(device):
    return device.json("status")["collections"][0].get("trouble", "")


def test_ten_people_on_each_side_are_twenty(two):
    laptop, desktop, here, there = share(two, ADDRESS_BOOK)
    for database, letter in ((here, "a"), (there, "b")):
        database.many("INSERT INTO people(name) VALUES (?)", [(f"{letter}{i}",) for i in range(10)])
        database.many("INSERT INTO phones(person, kind, number) VALUES ((SELECT id FROM people WHERE name = ?), 'home', ?)",
                      [(f"{letter}{i}", f"+{letter}{i}") for i in range(10)])
        database.run("INSERT INTO groups(title) VALUES ('friends')" if letter == "a" else "INSERT INTO groups(title) VALUES ('work')")
        database.run("INSERT INTO members SELECT people.id, groups.id FROM people, groups")
    both(laptop, desktop)
    wanted = sorted((f"{letter}{i}", f"+{letter}{i}") for letter in "ab" for i in range(10))
    for database in (here, there):
        assert sorted(database.rows("SELECT name, number FROM people JOIN phones ON person = people.id")) == wanted
        assert sorted(database.rows(
            "SELECT name, title FROM people JOIN members ON person = people.id JOIN groups ON groups.id = grp"
        )) == sorted((name, "friends" if name[0] == "a" else "work") for name, _ in wanted)
        assert database.sound()
    tables = "people", "phones", "groups", "members"
    assert here.all(*tables) == there.all(*tables)
    here.run("PRAGMA foreign_keys = ON; DELETE FROM people WHERE name = 'b3'")
    there.run("UPDATE people SET born = 1990 WHERE name = 'a4'")
    both(laptop, desktop)
    assert here.all(*tables) == there.all(*tables)
    assert there.rows("SELECT count(*) FROM phones") == [(19,)]
    assert here.rows("SELECT born FROM people WHERE name = 'a4'") == [(1990,)]
    assert pending(laptop) == pending(desktop) == {}


def test_a_child_brings_its_deleted_parent_back(two):
    laptop, desktop, here, there = share(two, ADDRESS_BOOK)
    here.run("INSERT INTO people(name) VALUES ('Ann'), ('Bob')")
    both(laptop, desktop)
    here.run("PRAGMA foreign_keys = ON; DELETE FROM people WHERE name = 'Ann'")
    there.run("INSERT INTO phones(person, number) VALUES (1, '+1')")
    both(laptop, desktop)
    for database in (here, there):
        assert database.rows("SELECT name, number FROM people JOIN phones ON person = people.id") == [("Ann", "+1")]
        assert database.sound()



def test_a_bookmark_database(two):
    laptop, desktop, here, there = share(two, BOOKMARKS)
    count = 2000
    chance = random.Random(1)
    here.many("INSERT INTO places(id, url, title, last) VALUES (?, ?, ?, ?)",
              [(i, f"https://example.org/{i}", f"Place {i}", chance.random() * 1e9) for i in range(1, count + 1)])
    here.run("INSERT INTO bookmarks VALUES (1, 2, NULL, NULL, 0, 'root'), (2, 2, NULL, 1, 0, 'menu')")
    here.many("INSERT INTO bookmarks VALUES (?, 1, ?, 2, ?, ?)",
              [(i + 2, i, i, f"guid{i}") for i in range(1, count // 2)])
    here.many("INSERT INTO tags VALUES (?)", [(f"Tag{i}",) for i in range(20)])
    here.many("INSERT INTO tagged VALUES (?, ?)", [(i, f"Tag{i % 20}") for i in range(1, count // 4)])
    here.run("INSERT INTO meta VALUES ('clock', 9223372036854775807), ('ratio', 0.1), ('icon', x'00ff00'), ('none', NULL)")
    laptop.sync()
    desktop.sync()
    tables = "places", "bookmarks", "tags", "tagged", "meta"
    assert here.all(*tables) == there.all(*tables)
    # One moves a bookmark while the other edits it; both add the same place's visit.
    here.run("UPDATE bookmarks SET position = 77 WHERE guid = 'guid5'; UPDATE places SET visits = 3 WHERE id = 9;"
             "INSERT INTO places(url, title) VALUES ('https://here', 'Here'); INSERT INTO tagged VALUES (1000, 'Tag1')")
    there.run("UPDATE bookmarks SET type = 3 WHERE guid = 'guid5'; UPDATE places SET title = 'Nine' WHERE id = 9;"
              "INSERT INTO places(url, title) VALUES ('https://there', 'There'); INSERT INTO tagged VALUES (1000, 'Tag1'), (1001, 'Tag1')")
    both(laptop, desktop)
    assert here.all(*tables) == there.all(*tables)
    assert here.rows("SELECT type, position FROM bookmarks WHERE guid = 'guid5'") == [(3, 77)]
    assert here.rows("SELECT title, visits FROM places WHERE id = 9") == [("Nine", 3)]
    assert {url for url, in here.rows("SELECT url FROM places WHERE id > 2000")} == {"https://here", "https://there"}
    assert here.rows("SELECT place FROM tagged WHERE place >= 1000 ORDER BY place") == [(1000,), (1001,)]
    assert here.sound() and there.sound()
    assert pending(laptop) == pending(desktop) == {}


def test_notes_with_a_search_index(two):
    laptop, desktop, here, there = share(two, NOTES)
    words = "apple pear plum cherry quince fig grape melon".split()
    here.many("INSERT INTO notes VALUES (?, ?, ?, ?)",
              [(f"n{i}", f"Note {i}", " ".join(words[k % 8] for k in range(i % 13)), i) for i in range(1000)])
    laptop.sync()
    desktop.sync()
    assert here.all("notes") == there.all("notes")
    assert there.rows("SELECT count(*) FROM search WHERE search MATCH 'quince'") == here.rows(
        "SELECT count(*) FROM search WHERE search MATCH 'quince'")
    there.run("UPDATE notes SET body = 'nothing but rhubarb' WHERE id = 'n12'; DELETE FROM notes WHERE id = 'n25'")
    here.run("UPDATE notes SET title = 'Twelve' WHERE id = 'n12'")
    both(laptop, desktop)
    for database in (here, there):
        assert database.rows("SELECT title FROM search WHERE search MATCH 'rhubarb'") == [("Twelve",)]
        database.run("INSERT INTO search(search) VALUES ('integrity-check')")
        assert database.sound()
    status = laptop.json("status", "--check")["collections"][0]
    assert status["in_sync"]
    assert [entry["path"] for entry in status["pending"]] == ["notes.size"]


def test_what_cannot_be_synced_is_named(two):
    laptop, _ = two
    schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, v); CREATE TABLE keyless (a, b); CREATE VIRTUAL TABLE f USING fts5(x);"
    database = add(laptop, schema)
    database.run("INSERT INTO t VALUES (1, CAST(x'ff' AS TEXT)), (2, 'good')")
    laptop.sync(1)
    named = pending(laptop)
    assert "no primary key" in named["keyless"]
    assert "virtual table" in named["f"]
    assert [reason for path, reason in named.items() if path not in ("keyless", "f")] == ["a text in it is no Unicode: store it as UTF-8, or as a BLOB"]
    laptop.run("set", str(database.path), "--include", "t")
    assert len(pending(laptop)) == 1


def test_a_database_that_its_program_holds(two):
    laptop, desktop, here, there = share(two, ADDRESS_BOOK)
    browser = sqlite3.connect(there.path)
    browser.execute("PRAGMA locking_mode = EXCLUSIVE")
    with browser:
        browser.execute("INSERT INTO people(name) VALUES ('held')")
    here.run("INSERT INTO people(name) VALUES ('Ann')")
    laptop.sync()
    desktop.sync(9)
    assert "another program holds" in trouble(desktop)
    browser.close()
    both(laptop, desktop)
    assert sorted(there.rows("SELECT name FROM people")) == [("Ann",), ("held",)]


def test_status_has_the_reason_that_sync_had(two):
    laptop, desktop, here, there = share(two, ADDRESS_BOOK)
    program = sqlite3.connect(there.path, isolation_level=None)
    program.execute("BEGIN IMMEDIATE")
    here.run("INSERT INTO people(name) VALUES ('Ann')")
    laptop.sync()
    told = desktop.sync(1)["collections"][0]["pending"]
    assert ["another program has the database in hand" in one["reason"] for one in told] == [True]
    name = told[0]["path"]
    named = pending(desktop)
    assert named.pop(name) == told[0]["reason"]
    assert list(named.values()) == ["it is new elsewhere"]
    program.execute("ROLLBACK")
    program.close()
    desktop.sync()
    assert pending(desktop) == {}
    here.run("INSERT INTO people(name) VALUES ('Bob')")
    laptop.sync()
    desktop.run("sync", "--dry-run")
    assert name not in pending(desktop), "that is over"


def test_one_that_is_held_is_not_added(two):
    laptop, _ = two
    database = Database(laptop.folder / "held.db").run("CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT)")
    browser = sqlite3.connect(database.path)
    browser.execute("PRAGMA locking_mode = EXCLUSIVE")
    with browser:
        browser.execute("INSERT INTO people VALUES ('a', 'Ann')")
    options = "add", str(database.path), "--format", "sqlite", "--collection", "held"
    message = laptop.run(*options, code=9)
    assert "close that program, and add it again" in message and "is synced when" not in message
    browser.close()
    laptop.run(*options)
    laptop.sync()


def test_a_damaged_database(two):
    laptop, desktop, here, there = share(two, ADDRESS_BOOK)
    here.many("INSERT INTO people(name) VALUES (?)", [(f"person {i} " * 10,) for i in range(2000)])
    both(laptop, desktop)
    before = there.rows("SELECT count(*) FROM people")
    saved = here.path.read_bytes()
    here.many("DELETE FROM people WHERE name = ?", [("person 7 " * 10,)])
    short = here.path.read_bytes()  # its count of free pages is looked at where a row is missing
    for at, put, whole in (4096 * 8, b"\0\0\0\0\0", saved), (4096 * 20, b"\0\0\0\0\0", saved), (36, b"\0\0\0\x05", short):
        here.path.write_bytes(whole[:at] + put + whole[at + len(put):])
        assert laptop.finish("sync").returncode == 1
        for way in "the database is damaged", "bring back a copy", "`sqlite3 FILE .recover`", f"`counterfoil repair {here.path} --refill`":
            assert way in trouble(laptop), at
    here.path.write_bytes(b"no database at all\n" * 100)
    laptop.finish("sync")
    told = trouble(laptop)
    assert "no SQLite database" in told and told.count("put back") == 1 and f"`counterfoil repair {here.path} --refill` fills it" in told
    desktop.sync()
    assert there.rows("SELECT count(*) FROM people") == before
    refilled = laptop.finish("repair", str(here.path), "--refill")
    assert "cut short" not in refilled.stderr and f"{here.path.name}: it can't be read as a whole; as it was it is kept in" in refilled.stderr
    assert here.rows("SELECT count(*) FROM people") == before
    here.path.write_bytes(saved)
    both(laptop, desktop)
    assert here.all("people") == there.all("people")


def test_a_database_that_vanished_and_one_that_is_not_there(two):
    laptop, desktop, here, there = share(two, ADDRESS_BOOK)
    here.run("INSERT INTO people(name) VALUES ('Ann')")
    both(laptop, desktop)
    here.path.unlink()
    laptop.sync(8)
    assert "is not there" in trouble(laptop)
    assert there.rows("SELECT name FROM people") == [("Ann",)]
    assert not here.path.exists(), "nobody makes it by himself"
    laptop.run("repair", str(here.path), "--refill")
    assert here.rows("SELECT name FROM people") == there.rows("SELECT name FROM people") == [("Ann",)]
    desktop.run("remove", str(there.path))
    there.path.unlink()
    desktop.run("add", str(there.path), "--format", "sqlite", "--collection", "book", "--existing")
    desktop.sync()
    assert there.rows("SELECT name FROM people") == [("Ann",)] and there.schema() == here.schema()


def test_schemas_that_differ(two):
    laptop, desktop, here, there = share(two, ADDRESS_BOOK)
    here.run("INSERT INTO people(name) VALUES ('Ann')")
    both(laptop, desktop)
    here.run("ALTER TABLE people ADD COLUMN nick TEXT; ALTER TABLE people ADD COLUMN stars INTEGER NOT NULL DEFAULT 3;"
             "UPDATE people SET nick = 'Annie'")
    there.run("INSERT INTO people(name) VALUES ('Bob')")
    both(laptop, desktop)
    assert sorted(here.rows("SELECT name, nick, stars FROM people")) == [("Ann", "Annie", 3), ("Bob", None, 3)]
    assert sorted(there.rows("SELECT name FROM people")) == [("Ann",), ("Bob",)]
    there.run("UPDATE people SET name = 'Anna' WHERE name = 'Ann'")
    both(laptop, desktop)
    assert sorted(here.rows("SELECT name, nick FROM people")) == [("Anna", "Annie"), ("Bob", None)]
    there.run("DROP TABLE phones")
    here.run("INSERT INTO phones(person, number) VALUES (1, '+1')")
    laptop.finish("sync")
    desktop.finish("sync")
    laptop.finish("sync")
    assert here.rows("SELECT number FROM phones") == [("+1",)]
    assert sorted(there.rows("SELECT name FROM people")) == [("Anna",), ("Bob",)]


def test_a_row_that_breaks_a_constraint_waits(two):
    """Where no column can give way: the constraint is of something that a merge knows nothing of."""
    laptop, desktop, here, there = share(two, ADDRESS_BOOK + "CREATE UNIQUE INDEX titles ON groups (lower(title));")
    here.run("INSERT INTO groups VALUES (1, 'friends'), (2, 'work')")
    there.run("INSERT INTO groups VALUES (5, 'Friends')")
    laptop.sync()
    desktop.finish("sync")
    laptop.finish("sync")
    reasons = set(pending(laptop).values()) | set(pending(desktop).values())
    assert reasons and all("same" in reason or "UNIQUE" in reason for reason in reasons)
    assert ("work",) in there.rows("SELECT title FROM groups")
    here.run("UPDATE groups SET title = 'mates' WHERE id = 1")
    both(laptop, desktop)
    assert here.all("groups") == there.all("groups")
    assert len(here.rows("SELECT * FROM groups")) == 3


def test_status_says_that_a_long_value_waits(make_device):
    solo = make_device("solo")
    solo.init()
    database = add(solo, "CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT);")
    database.many("INSERT INTO notes VALUES (?, ?)", [("long", "x" * 100000), ("short", "y")])
    told = {one["path"]: one["reason"] for one in solo.json("sync")["collections"][0]["pending"]}
    assert told["notes/long"] == "a long value of it waits for a broker"
    named = pending(solo)
    assert set(named) == set(told) and named["notes/long"] == "it is new here; " + told["notes/long"], (told, named)
