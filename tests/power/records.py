# SPDX-License-Identifier: Apache-2.0
"""A table, a database and an address book that both devices have. Each user edits records of his own, in programs that bring
each save to the disk before they call it saved; so every save is there after a power cut, whole, or it isn't."""

import collections
import contextlib
import csv
import io
import os
import sqlite3

from cards import card

SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, name TEXT NOT NULL, picture BLOB);
CREATE TABLE phones (id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES people ON DELETE CASCADE, number TEXT UNIQUE);
"""
OWNED = """SELECT name, picture, number FROM people LEFT JOIN phones ON person = people.id WHERE owner = ?
ORDER BY name, picture, number"""
LONG = 90_000


def save(path, data):
    beside = path.with_name("." + path.name + ".new")
    with open(beside, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.rename(beside, path)
    sync_names(path.parent)


def sync_names(folder):
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(handle)
    os.close(handle)


class Table:
    collection, options = "people", ["--format", "csv", "--key", "id"]
    fields = ["id", "name", "note"]

    def __init__(self, device):
        self.path = device.source("people.csv")

    def make(self, is_first):
        if is_first:
            self.write([("first", "of nobody", "stays")])

    def read(self):
        with open(self.path, newline="") as file:
            return [tuple(row[field] for field in self.fields) for row in csv.DictReader(file)]

    def write(self, rows):
        text = io.StringIO()
        csv.writer(text).writerows([self.fields, *rows])
        save(self.path, text.getvalue().encode())

    def held(self, owner):
        return sorted(row for row in self.read() if row[0].startswith(owner))

    def edit(self, owner, number, dice):
        """A row comes, one is changed, one goes."""
        rows = [row for row in self.read() if row[0] != f"{owner}{number - 3}"]
        rows = [(key, name, note + str(number)) if key == f"{owner}{number - 1}" else (key, name, note) for key, name, note in rows]
        yield self.write([*rows, (f"{owner}{number}", f"Person {number}", "n" * dice.choice([0, 9, LONG]))])


class Database:
    collection, options = "book", ["--format", "sqlite"]

    def __init__(self, device):
        self.path = device.source("book.db")
        self.open = None

    def make(self, is_first):
        self.execute(SCHEMA)
        self.open = sqlite3.connect(self.path, check_same_thread=False)  # as a program that runs: the log stays
        self.open.execute("SELECT * FROM people").fetchall()

    def execute(self, script):
        with contextlib.closing(sqlite3.connect(self.path, timeout=60)) as there:
            there.executescript(script)

    def held(self, owner):
        with contextlib.closing(sqlite3.connect(self.path, timeout=60)) as there:
            assert there.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert there.execute("PRAGMA foreign_key_check").fetchall() == []
            return there.execute(OWNED, (owner,)).fetchall()

    def edit(self, owner, number, dice):
        """A parent comes with its child, one is changed, one goes with its child: at once."""
        yield self.execute(f"""
PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; BEGIN;
INSERT INTO people(owner, name, picture) VALUES ('{owner}', 'Person {number}', zeroblob({dice.choice([0, 9, LONG])}));
INSERT INTO phones(person, number) VALUES (last_insert_rowid(), '{owner} {number}');
UPDATE people SET picture = x'{number:02x}' WHERE owner = '{owner}' AND name = 'Person {number - 1}';
DELETE FROM people WHERE owner = '{owner}' AND name = 'Person {number - 3}'; COMMIT""")

    def close(self):
        if self.open:
            self.open.close()
            self.open = None


class Cards:
    collection, options = "home", ["--format", "vcard"]

    def __init__(self, device):
        self.path = device.source("home")

    def make(self, is_first):
        self.path.mkdir()

    def held(self, owner):
        texts = [path.read_bytes().decode() for path in self.path.glob("*.vcf")]
        return sorted(sorted(text.replace("\r\n ", "").split("\r\n")) for text in texts if f"UID:{owner}" in text)

    def place(self, owner, number):
        (found,) = (path for path in self.path.glob("*.vcf") if f"UID:{owner}{number}\r".encode() in path.read_bytes())
        return found

    def edit(self, owner, number, dice):
        """A card comes, one is changed, one goes."""
        new = card(f"{owner}{number}", f"Person {number}", "NOTE:" + "n" * dice.choice([1, 9, LONG]))
        yield save(self.path / f"{owner}{number}.vcf", new.encode())
        if number > 1:
            yield save(self.place(owner, number - 1), card(f"{owner}{number - 1}", "Changed", f"TEL:+{number}").encode())
        if number > 3:
            self.place(owner, number - 3).unlink()
            yield sync_names(self.path)


KINDS = [Table, Database, Cards]


class Shelf:
    """All of them, on all devices, and every state that their users saved."""

    def __init__(self, devices, dice):
        self.devices = devices
        self.dice = dice
        self.sources = [(device, kind(device)) for device in devices for kind in KINDS]
        self.saved = collections.defaultdict(lambda: [[]])

    def prepare(self):
        for kind in KINDS:
            first, *_ = having = [(device, source) for device, source in self.sources if isinstance(source, kind)]
            for device, source in having:
                is_first = (device, source) == first
                source.make(is_first)
                more = [] if is_first else ["--existing"]
                device.json("add", str(source.path), "--collection", source.collection, *source.options, *more)
                device.sync()

    def edit(self, number):
        for device, source in self.sources:
            for _ in source.edit(device.name, number, self.dice):
                self.saved[source.collection, device.name].append(source.held(device.name))

    def count(self):
        """How many states of each there are."""
        return {which: len(states) for which, states in self.saved.items()}

    def check(self, count, what):
        """Both devices have the same, the last that was saved in `count` states, or one saved later."""
        for device, source in self.sources:
            for other in self.devices:
                states = self.saved[source.collection, other.name]
                oldest = count.get((source.collection, other.name), 1) - 1
                held = source.held(other.name)
                assert held in states[oldest:], f"{what}: {source.collection} of {other.name} on {device.name}: {shortened(held)}"

    def close(self):
        for _, source in self.sources:
            if isinstance(source, Database):
                source.close()


def shortened(held):
    return [[str(value)[:40] for value in row] for row in held]
