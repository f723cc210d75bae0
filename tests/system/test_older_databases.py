# SPDX-License-Identifier: Apache-2.0
"""Databases from a seed: two devices whose programs work on them, and now and then an older copy of one stands in its place, as
`cp` puts it there, while its program has the database open or not, and may be opened, or written to, before the next look. Nothing
is taken back elsewhere, whoever goes on meanwhile; by each way out all agree. The same of a document that is emptied to `{}`.

COUNTERFOIL_OLDER=N: so many worlds instead; COUNTERFOIL_SEED=S begins elsewhere."""

import json
import os
import random
import shutil
import sqlite3

import pytest

from counterfoil import both, broker, make_device, two  # noqa: F401
from test_sqlite import share

COUNT = int(os.environ.get("COUNTERFOIL_OLDER", "5"))
SEED = int(os.environ.get("COUNTERFOIL_SEED", "1"))
WORLDS = pytest.mark.parametrize("seed", range(SEED, SEED + COUNT))

SCHEMA = """
CREATE TABLE items (id INTEGER PRIMARY KEY, n INTEGER, what TEXT);
CREATE TABLE tags (name TEXT PRIMARY KEY, item INTEGER);
"""
ACTS, MORE, ROWS = 6, 2, 24


class Bases:
    """The databases, and what their programs do. Each value is another one, so that whoever lost one is found out."""

    def __init__(self, two, seed):
        self.chance = random.Random(seed)
        self.laptop, self.desktop, self.here, self.there = share(two, SCHEMA)
        self.places = (self.laptop, self.here), (self.desktop, self.there)
        self.given = 0
        mode = self.chance.choice(["WAL", "DELETE"])
        for _, place in self.places:
            place.run(f"PRAGMA journal_mode = {mode}")
        self.here.many("INSERT INTO items VALUES (?, ?, ?)", [(i, i, self.value()) for i in range(1, ROWS + 1)])
        self.here.many("INSERT INTO tags VALUES (?, ?)", [(f"t{i}", i) for i in range(1, 6)])
        both(self.laptop, self.desktop)
        assert self.all() == self.all(1)

    def value(self):
        self.given += 1
        return f"value {self.given}"

    def all(self, which=0):
        return self.places[which][1].all("items", "tags")

    def act(self, which):
        place, chance = self.places[which][1], self.chance
        ids = [row[0] for row in self.all(which)["items"]]
        what = chance.choice(["add", "add", "edit", "edit", "edit all", "delete", "tag"])
        if what == "add":
            first = 1000 * (1 + which) + 10 * self.given
            place.many("INSERT INTO items VALUES (?, ?, ?)", [(first + i, self.given, self.value()) for i in range(chance.randint(1, 4))])
        elif what == "edit":
            for id in chance.sample(ids, min(len(ids), chance.randint(1, 4))):
                place.run(f"UPDATE items SET what = '{self.value()}' WHERE id = {id}")
        elif what == "edit all":
            self.given += 1
            place.run(f"UPDATE items SET n = n + {self.given} WHERE id % 3 = {chance.randrange(3)}")
        elif what == "delete" and len(ids) > 20:
            place.run(f"DELETE FROM items WHERE id = {chance.choice(ids)}")
        else:
            self.given += 1
            place.run(f"INSERT INTO tags VALUES ('t{which}-{self.given}', {chance.choice(ids)})")

    def work(self, count, whom=(0, 1)):
        """One after the other, and all are in sync in between."""
        for _ in range(count):
            which = self.chance.choice(whom)
            self.act(which)
            device, other = self.places[which][0], self.places[1 - which][0]
            both(device, other)


def copy_of(place, to):
    """As `cp` does, while nothing lies in a log alone."""
    shutil.copy(place.path, to)
    return to


def put(copy, place):
    inode = place.path.stat().st_ino
    shutil.copy(copy, place.path)
    assert place.path.stat().st_ino == inode


class Program:
    """Has the database open from before the work until it is closed, or (half of them) not at all."""

    def __init__(self, chance, place):
        self.database = sqlite3.connect(place.path, isolation_level=None) if chance.randrange(2) else None
        if self.database:
            self.database.execute("SELECT count(*) FROM items").fetchall()

    def empties_its_log(self, chance, devices):
        """So that a copy has all; a look may see that or not."""
        if self.database:
            self.database.execute(f"PRAGMA wal_checkpoint({chance.choice(['PASSIVE', 'TRUNCATE'])})").fetchall()
            if chance.randrange(2):
                both(*devices)

    def close(self):
        if self.database:
            self.database.close()


def touch(chance, place, program):
    """What may be done with it before the next look; whether that was more than to read."""
    what = chance.choice(["nothing", "read"] if program.database else ["nothing", "read", "write"])
    if what == "read":
        assert place.rows("SELECT count(*) FROM items")
    if what == "write":
        for _ in range(chance.randint(1, 3)):
            place.run("UPDATE tags SET item = item + 1 WHERE name = 't1'")
    return what == "write"


def held(device, what):
    done = device.finish("--json", "sync")
    told = json.loads(done.stdout)
    assert done.returncode == 8, (what, done.stdout)
    return told["collections"][0]


@pytest.mark.whole
@WORLDS
def test_an_older_database_takes_nothing_back(two, tmp_path, seed):
    world = Bases(two, seed)
    chance = world.chance
    world.work(chance.randrange(3))
    which = chance.randrange(2)
    device, place = world.places[which]
    other = world.places[1 - which]
    old = copy_of(place, tmp_path / "old")
    program = Program(chance, place)
    world.work(chance.randint(1, ACTS) if program.database else ACTS)
    program.empties_its_log(chance, (device, other[0]))
    before = world.all()
    assert world.all(1) == before
    newest = copy_of(place, tmp_path / "newest")
    put(old, place)
    older = world.all(which)
    written = touch(chance, place, program)
    if older == before:
        return program.close()  # what was done was undone, too
    held(device, (seed, "put there"))
    program.close()
    held(device, (seed, "its program is closed"))
    other[0].sync()
    assert world.all(1 - which) == before, "nothing goes"
    if chance.randrange(2):
        for _ in range(MORE):
            world.act(1 - which)
        other[0].sync()
        before = world.all(1 - which)
        held(device, (seed, "others went on"))
        other[0].sync()
        assert world.all(1 - which) == before, "nothing goes"
    way = chance.choice(["put back", "refill", "yes"])
    if way == "put back":
        put(newest, place)
    elif way == "refill":
        device.run("repair", str(place.path), "--refill")
    else:
        device.finish("sync", "--yes")
    for one in device, other[0], device, other[0]:
        one.finish("sync", *(["--yes"] if way == "yes" else []))
    for one in device, other[0]:
        assert one.finish("sync").returncode in (0, 4), (seed, way)
    assert world.all() == world.all(1), (seed, way)
    if way != "yes":
        assert world.all() == before, (seed, way, written)


# ---- Documents ----

FIELDS = 20


class Documents:
    """One document on both, whose fields both set, and take out."""

    def __init__(self, two, seed):
        self.chance = random.Random(seed)
        self.laptop, self.desktop = two
        self.given = 0
        self.paths = [device.source("settings.json") for device in two]
        self.write(0, {f"f{n}": self.value() for n in range(FIELDS)})
        for device, path in zip(two, self.paths):
            device.json("add", str(path), "--format", "json", "--collection", "settings", *(["--existing"] if device is two[1] else []))
            device.sync()
            both(self.laptop, self.desktop) if device is two[1] else self.desktop.sync()
        assert self.all() == self.all(1)

    def value(self):
        self.given += 1
        return {"of": f"value {self.given}"} if self.given % 5 == 0 else f"value {self.given}"

    def write(self, which, what):
        self.paths[which].write_text(json.dumps(what, indent=2) + "\n")

    def all(self, which=0):
        return json.loads(self.paths[which].read_text())

    def act(self, which):
        there, chance = self.all(which), self.chance
        what = chance.choice(["set", "set", "add", "take out"])
        if what == "add":
            self.given += 1
            there[f"g{self.given}"] = self.value()
        elif what == "set" or len(there) <= FIELDS // 2 + 2:
            there[chance.choice(sorted(there))] = self.value()
        else:
            del there[chance.choice(sorted(there))]
        self.write(which, there)

    def work(self, count):
        for _ in range(count):
            self.act(self.chance.randrange(2))
            both(self.laptop, self.desktop)


@pytest.mark.whole
@WORLDS
def test_a_document_that_is_emptied_takes_nothing_away(two, seed):
    world = Documents(two, seed)
    chance = world.chance
    world.work(chance.randrange(4))
    which = chance.randrange(2)
    device, other = two[which], two[1 - which]
    before = world.all()
    text = world.paths[which].read_text()
    world.paths[which].write_text(chance.choice(["{}", "{}\n", "{\n}\n"]))
    held(device, (seed, "emptied"))
    other.sync()
    assert world.all(1 - which) == before, "nothing goes"
    if chance.randrange(2):
        for _ in range(MORE):
            world.act(1 - which)
        other.sync()
        before = world.all(1 - which)
        held(device, (seed, "others went on"))
        other.sync()
        assert world.all(1 - which) == before, "nothing goes"
    way = chance.choice(["put back", "refill", "yes"])
    if way == "put back":
        world.paths[which].write_text(text)
    elif way == "refill":
        device.run("repair", str(world.paths[which]), "--refill")
    for one in device, other, device, other:
        one.finish("sync", *(["--yes"] if way == "yes" else []))
    for one in device, other:
        assert one.finish("sync").returncode in (0, 4), (seed, way)
    assert world.all() == world.all(1), (seed, way)
    if way != "yes":
        assert world.all() == before, (seed, way)
