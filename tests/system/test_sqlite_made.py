# SPDX-License-Identifier: Apache-2.0
"""A database where there is none: made as the collection's first one is laid out, and filled by sync."""

import sqlite3

import pytest

from counterfoil import both, broker, make_device, two  # noqa: F401
from hostile_peer import Street
from test_hostile_names import shown, write
from test_sqlite import ADDRESS_BOOK, Database, add, pending, share, trouble

BOOK = """
PRAGMA page_size = 2048; PRAGMA encoding = 'UTF-16be'; PRAGMA application_id = 4711; PRAGMA user_version = 9;
CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, born INTEGER CHECK (born > 1800),
 size INTEGER AS (length(name)) STORED, shown TEXT AS (upper(name)));
CREATE TABLE phones (person INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE, number TEXT NOT NULL,
 PRIMARY KEY (person, number)) WITHOUT ROWID;
CREATE TABLE settings (k TEXT PRIMARY KEY, v ANY) STRICT;
CREATE TABLE cache (what, since);
CREATE INDEX by_name ON people (lower(name)) WHERE born IS NOT NULL;
CREATE VIEW reached AS SELECT name, number FROM people JOIN phones ON person = id;
CREATE TRIGGER reach INSTEAD OF INSERT ON reached BEGIN INSERT INTO people (name) VALUES (new.name);
 INSERT INTO phones VALUES (last_insert_rowid(), new.number); END;
CREATE VIRTUAL TABLE search USING fts5(name, content='people', content_rowid='id');
CREATE TRIGGER search_in AFTER INSERT ON people BEGIN INSERT INTO search(rowid, name) VALUES (new.id, new.name); END;
CREATE TRIGGER search_out AFTER DELETE ON people BEGIN
 INSERT INTO search(search, rowid, name) VALUES ('delete', old.id, old.name); END;
CREATE TRIGGER search_up AFTER UPDATE ON people BEGIN
 INSERT INTO search(search, rowid, name) VALUES ('delete', old.id, old.name);
 INSERT INTO search(rowid, name) VALUES (new.id, new.name); END;
"""
PEOPLE = """
INSERT INTO people (name, born) VALUES ('Ann', 1950), ('Bob', NULL), ('Bea', 1980);
INSERT INTO phones VALUES (1, '030'), (1, '031'), (3, '7'); INSERT INTO settings VALUES ('colour', 'red'), ('size', 3);
INSERT INTO cache VALUES ('x', 1);
"""
TABLES = ("people", "phones", "settings")
PRAGMAS = ("page_size", "encoding", "auto_vacuum", "application_id", "user_version", "journal_mode")


def declared(database):
    return database.rows("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT GLOB '*autoindex*' ORDER BY name")


def traits(database):
    return [database.rows(f"PRAGMA {name}") for name in PRAGMAS]


def begin(two, schema, rows=""):
    """The first device has the database, the other one knows of it."""
    laptop, desktop = two
    here = add(laptop, schema).run(rows)
    laptop.sync()
    desktop.sync()
    return laptop, desktop, here


def make(device, *options, name="book", file=None, code=0):
    """`add` of a database that isn't there: the database, and what is said."""
    path = device.folder / (file or f"{device.name}-{name}.db")
    done = device.finish("add", str(path), "--format", "sqlite", "--collection", name, "--existing", *options)
    assert done.returncode == code, done.stdout + done.stderr
    return Database(path), done.stdout + done.stderr


def beside(path):
    """What lies in its folder and has its name in its own."""
    return sorted(one.name for one in path.parent.iterdir() if path.name in one.name)


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_database_that_is_missing_is_made_with_all_that_the_first_one_declares(two, mode):
    laptop, desktop, here = begin(two, BOOK + f"PRAGMA journal_mode = {mode};", PEOPLE)
    there, said = make(desktop)
    assert "is made, with the tables" in said and "3 only here" not in said
    assert declared(there) == declared(here) and traits(there) == traits(here)
    assert there.rows("SELECT count(*) FROM people") == [(0,)]
    desktop.sync()
    assert there.all(*TABLES) == here.all(*TABLES) and there.sound()
    assert there.rows("SELECT * FROM cache") == [], "a table without a key"
    assert there.rows("SELECT name FROM search WHERE search MATCH 'ann'") == [("Ann",)]
    assert there.rows("SELECT shown, size FROM people WHERE id = 1") == [("ANN", 3)]
    there.run("INSERT INTO reached VALUES ('Cleo', '99'); DELETE FROM people WHERE id = 2; PRAGMA foreign_keys = ON;"
              "DELETE FROM people WHERE id = 1")
    both(desktop, laptop)
    assert there.all(*TABLES) == here.all(*TABLES) and here.sound()
    assert sorted(here.rows("SELECT name FROM people")) == [("Bea",), ("Cleo",)]
    assert declared(there) == declared(here) and beside(there.path)[0] == there.path.name
    entries = len(laptop.json("log"))
    both(laptop, desktop)
    assert len(laptop.json("log")) == entries, "nobody says again how it is laid out"


def test_a_dry_run_makes_nothing(two):
    laptop, desktop, here = begin(two, BOOK, PEOPLE)
    there, said = make(desktop, "--dry-run")
    assert "would be made" in said and "8 only there" in said
    assert beside(there.path) == []
    make(desktop)
    desktop.sync()
    assert there.all(*TABLES) == here.all(*TABLES)


def test_what_is_left_out_is_made_and_stays_empty(two):
    laptop, desktop, here = begin(two, BOOK, PEOPLE)
    there, _ = make(desktop, "--exclude", "settings")
    desktop.sync()
    assert declared(there) == declared(here)
    assert there.all("people", "phones") == here.all("people", "phones") and there.rows("SELECT * FROM settings") == []


def test_it_is_made_as_the_first_one_is_by_then(two):
    laptop, desktop, here = begin(two, ADDRESS_BOOK, "INSERT INTO people (name) VALUES ('Ann')")
    there = add(desktop, ADDRESS_BOOK + "CREATE TABLE own (k PRIMARY KEY); CREATE INDEX mine ON people (born)",
                options=("--existing",))
    both(desktop, laptop)
    of_its_own = declared(there)
    here.run("ALTER TABLE people ADD COLUMN nick TEXT; CREATE UNIQUE INDEX nicks ON people (nick);"
             "CREATE TABLE towns (name TEXT PRIMARY KEY); PRAGMA user_version = 2; UPDATE people SET nick = 'A'")
    both(laptop, desktop)
    assert declared(there) == of_its_own, "a database that is there stays as it is"
    made, _ = make(desktop, file="made.db")
    assert declared(made) == declared(here) and made.rows("PRAGMA user_version") == [(2,)]
    both(desktop, laptop)
    assert made.rows("SELECT name, nick FROM people") == [("Ann", "A")] and declared(there) == of_its_own
    there.run("CREATE TABLE more (k PRIMARY KEY); DROP TABLE own")
    both(desktop, laptop)
    again, _ = make(laptop, file="again.db")
    assert declared(again) == declared(here), "only the first one says how it is laid out"


def test_a_refill_makes_it_again(two):
    laptop, desktop, here = begin(two, BOOK, PEOPLE)
    there, _ = make(desktop)
    both(desktop, laptop)
    before, told = here.all(*TABLES), declared(here)
    for device, database in (laptop, here), (desktop, there):
        database.path.unlink()
        device.sync(8)
        assert "is not there" in trouble(device) and not database.path.exists(), "nobody makes it by himself"
        assert "or `counterfoil repair" in trouble(device) and "--refill`" in trouble(device)
        said = device.run("repair", str(database.path), "--refill")
        assert device.sync()["in_sync"], said
        assert database.all(*TABLES) == before and declared(database) == told and database.sound()
        assert pending(device).keys() <= {"cache", "people.size", "people.shown", "search"}, pending(device)
    both(laptop, desktop)
    assert here.all(*TABLES) == there.all(*TABLES) == before


def test_a_refill_of_one_that_can_not_be_read_any_more(two):
    laptop, desktop, here = begin(two, BOOK, PEOPLE)
    there, _ = make(desktop)
    both(desktop, laptop)
    before, told = here.all(*TABLES), declared(here)
    for torn in b"", b"no database at all, and of no use" * 40, there.path.read_bytes()[:60]:
        there.path.write_bytes(torn)
        desktop.finish("sync")
        done = desktop.finish("repair", str(there.path), "--refill")
        assert done.returncode == 0, done.stdout + done.stderr
        assert desktop.sync()["in_sync"] and there.all(*TABLES) == before and declared(there) == told
        both(desktop, laptop)
        assert here.all(*TABLES) == before


def test_what_lies_beside_is_not_taken_for_a_part_of_it(two):
    laptop, desktop, here = begin(two, BOOK, PEOPLE)
    path = desktop.folder / "desktop-book.db"
    for suffix in "-wal", "-journal":
        left = path.with_name(path.name + suffix)
        left.write_bytes(b"what a program left that crashed")
        assert f"{left.name} lies beside it" in make(desktop, code=9)[1] and beside(path) == [left.name]
        left.unlink()
    path.with_name(f".{path.name}.counterfoil").write_bytes(b"of ours, when the power went")
    there, _ = make(desktop)
    desktop.sync()
    assert there.all(*TABLES) == here.all(*TABLES) and beside(path) == [path.name]
    path.unlink()
    path.symlink_to(desktop.folder / "nowhere" / "book.db")
    desktop.finish("repair", str(path), "--refill", "--timeout", "1s")
    assert path.is_symlink(), "a link that leads nowhere stays"


def test_nobody_told_how(two):
    laptop, desktop, here = begin(two, ADDRESS_BOOK + "CREATE TABLE wide (k TEXT PRIMARY KEY /* %s */);" % ("x" * 262144))
    there, said = make(desktop, code=3)
    assert "its program has to make the database first" in said and beside(there.path) == []
    assert desktop.json("status")["collections"] == [] or not desktop.json("status")["collections"][0].get("source")
    here.run("INSERT INTO people (name) VALUES ('Ann')")
    laptop.sync()
    here.path.unlink()
    assert "its program has to make the database first" in laptop.run("repair", str(here.path), "--refill", code=3)
    here.path.write_bytes(b"torn")
    assert "let its program make it anew" in laptop.run("repair", str(here.path), "--refill", code=1)
    path = desktop.folder / "new.db"
    assert "its program has to make the database first" in desktop.run("add", str(path), "--format", "sqlite", code=3)
    assert not path.exists()


def test_an_index_by_a_function_of_its_own_program_is_told_to_nobody(two):
    """Here no database could be made so; without the index it can, and that is told."""
    laptop, desktop = two
    here = Database(laptop.folder / "laptop-book.db").run(ADDRESS_BOOK)
    base = sqlite3.connect(here.path)
    base.create_function("shout", 1, lambda text: text, deterministic=True)
    base.executescript("CREATE TABLE notes (k TEXT PRIMARY KEY); CREATE INDEX loud ON notes (shout(k)); INSERT INTO people (name) VALUES ('Ann')")
    base.close()
    laptop.json("add", str(here.path), "--format", "sqlite", "--collection", "book")
    laptop.finish("sync")
    desktop.sync()
    there, said = make(desktop, code=3)
    assert "no device told what tables it has" in said
    here.run("DROP INDEX loud")
    both(laptop, desktop)
    make(desktop)
    desktop.sync()
    assert there.rows("SELECT name FROM people") == [("Ann",)]


def test_a_reader_makes_one(two, make_device, broker):
    laptop, desktop, here = begin(two, BOOK, PEOPLE)
    reader = make_device("reader")
    laptop.pair(reader, "--role", "reader")
    laptop.sync()
    reader.sync()
    there, _ = make(reader)
    reader.sync()
    assert there.all(*TABLES) == here.all(*TABLES) and declared(there) == declared(here)
    there.path.unlink()
    reader.run("repair", str(there.path), "--refill")
    assert there.all(*TABLES) == here.all(*TABLES)


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    made = Street(tmp_path_factory.mktemp("street"))
    yield made
    made.end()


def test_what_another_device_says_is_declared_and_not_done(street):
    here = Database(street.laptop.folder / "book.db").run(ADDRESS_BOOK)
    street.laptop.json("add", str(here.path), "--format", "sqlite", "--collection", "book")
    street.laptop.sync()
    street.desktop.sync()
    collection = next(one["id"] for one in street.laptop.json("collections") if one["name"] == "book")
    item = b"C" + bytes.fromhex(collection)[:15]
    stolen, before = street.desktop.folder / "stolen.db", street.canaries.look()
    for statements, why in ((["CREATE TABLE a (b)", f"ATTACH '{stolen}' AS x"], "it declares no table"),
                            (["CREATE TABLE a AS SELECT randomblob(9)"], "not authorized"),
                            (["CREATE TABLE a (b)", "CREATE TABLE a (c)"], "already exists"),
                            (["CREATE VIRTUAL TABLE a USING csv(filename='/etc/passwd')"], "no such module: csv"),
                            ([], "no statement")):
        dots = sorted(shown(street.mallory, item)["/layout/sqlite"])
        write(street, [item, "/layout/sqlite", list(range(len(dots))), False, [4096, "UTF-8", 0, False, 0, 0, statements]], dots=dots)
        there, said = make(street.desktop, code=1)
        assert why in said and "its program has to make the database first" in said
        assert beside(there.path) == [] and not stolen.exists()
    assert street.canaries.look() == before
