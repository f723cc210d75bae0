# SPDX-License-Identifier: Apache-2.0
"""Databases as real programs have them, with 100,000 rows: what is sent is what changed. The short form has so many in one of them."""

import os
import sqlite3

import pytest

from counterfoil import broker, make_device  # noqa: F401

MANY, FEWER = 100_000, 20_000
ALL_MANY = bool(os.environ.get("COUNTERFOIL_LONG"))
CHANGED = 100
SENT_LIMIT = 64 << 10

BOOKMARKS = """
CREATE TABLE places (id INTEGER PRIMARY KEY, url LONGVARCHAR UNIQUE, title LONGVARCHAR, visits INTEGER DEFAULT 0, last REAL);
CREATE TABLE bookmarks (id INTEGER PRIMARY KEY, place INTEGER REFERENCES places, parent INTEGER REFERENCES bookmarks,
 position INTEGER, guid TEXT);
CREATE UNIQUE INDEX guids ON bookmarks (guid);
"""
FILL_BOOKMARKS = (
    "INSERT INTO places SELECT i, 'https://example.org/' || hex(randomblob(8)), 'Page ' || i, i % 50, 0.5 + i FROM n",
    "INSERT INTO bookmarks SELECT i, i, CASE i WHEN 1 THEN NULL ELSE i / 50 + 1 END, i % 50, hex(randomblob(6)) || i FROM n",
)

NOTES = """
CREATE TABLE notes (id TEXT PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL, changed INTEGER);
CREATE VIRTUAL TABLE search USING fts5(title, body, content='notes', content_rowid='rowid');
CREATE TRIGGER notes_in AFTER INSERT ON notes BEGIN
 INSERT INTO search(rowid, title, body) VALUES (new.rowid, new.title, new.body); END;
CREATE TRIGGER notes_up AFTER UPDATE ON notes BEGIN
 INSERT INTO search(search, rowid, title, body) VALUES ('delete', old.rowid, old.title, old.body);
 INSERT INTO search(rowid, title, body) VALUES (new.rowid, new.title, new.body); END;
"""
FILL_NOTES = (
    "INSERT INTO notes SELECT lower(hex(randomblob(16))), 'Note ' || i, 'said on day ' || i || ' of ' || i % 977, i FROM n",
)

PEOPLE = """
CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, born INTEGER, note TEXT);
CREATE TABLE phones (id INTEGER PRIMARY KEY AUTOINCREMENT, person INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
 kind TEXT, number TEXT NOT NULL);
"""
FILL_PEOPLE = (
    "INSERT INTO people SELECT i, 'Person ' || i, 1900 + i % 100, hex(randomblob(20)) FROM n",
    "INSERT INTO phones SELECT i, i, 'home', '+49 30 ' || i FROM n",
)

COUNTED = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "

PROGRAMS = {
    "bookmarks": (BOOKMARKS, FILL_BOOKMARKS, "UPDATE places SET visits = visits + 1, last = last + 0.25 WHERE id % {} = 7"),
    "notes": (NOTES, FILL_NOTES, "UPDATE notes SET body = body || ' and again', changed = changed + 1 WHERE rowid % {} = 7"),
    "people": (PEOPLE, FILL_PEOPLE, "UPDATE phones SET number = '+49 89 ' || id WHERE id % {} = 7"),
}


def make(path, schema, fills, rows):
    with sqlite3.connect(path) as database:
        database.executescript(schema)
        for fill in fills:
            database.execute(COUNTED + fill, (rows // len(fills),))
    database.close()


def change(path, sql, rows):
    with sqlite3.connect(path) as database:
        assert database.execute(sql.format(rows // CHANGED)).rowcount == CHANGED
    database.close()


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_log_grows_by_what_changed(broker, make_device, program):  # noqa: F811
    schema, fills, sql = PROGRAMS[program]
    rows = MANY if ALL_MANY or program == "bookmarks" else FEWER
    broker.start()
    laptop = make_device("laptop")
    laptop.init(broker.run("invite").strip())
    path = laptop.folder / "book.db"
    make(path, schema, fills, rows)
    laptop.json("add", str(path), "--format", "sqlite", "--collection", "book")
    first = laptop.sync()
    assert first["traffic"]["bytes_sent"] > 10 * SENT_LIMIT
    change(path, sql, rows // len(fills))
    sent = laptop.sync()
    assert sent["in_sync"]
    log = laptop.json("log")
    latest = {change["path"]: change["change"] for change in log if change["entry"] == log[0]["entry"]}
    assert list(latest.values()) == CHANGED * ["edited"]
    assert 0 < sent["traffic"]["bytes_sent"] < SENT_LIMIT
    resting = laptop.sync()
    assert resting["in_sync"] and resting["traffic"]["bytes_sent"] < sent["traffic"]["bytes_sent"] / 2
