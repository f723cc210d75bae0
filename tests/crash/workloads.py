# SPDX-License-Identifier: Apache-2.0
"""What people and programs do, each of which may be struck at any call. Each begins with two devices, `here` and `there`,
and a broker; `act` runs under the strike, `expected` is what both hold once all is finished."""

import contextlib
import csv
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess

from cards import card
from counterfoil import WAIT, Device, fill, tree, wait_until
from counterfoild import Broker

SEED = 20261120


class Workload:
    files = {"one.txt": b"one\n", "sub/two.txt": b"two\n", "sub/deep/three": b"3" * 5000, "empty": b""}
    flagless = False  # rename takes no flags in what is struck

    def __init__(self, folder, strike):
        self.strike = strike
        self.random = random.Random(SEED)
        self.broker = Broker(str(folder / "broker"))
        self.here, self.there = Device(folder, "here"), Device(folder, "there")
        self.devices = [self.here, self.there]
        self.expected = None
        self.codes = []  # of the programs that were struck

    def prepare(self):
        self.broker.start()
        self.here.init(self.broker.run("invite").strip())
        self.join()
        self.here.add("notes", self.files)
        self.here.sync()
        self.there.sync()
        self.there.add("notes", None, "--existing")
        self.there.sync()
        self.here.sync()

    def join(self):
        self.here.pair(self.there)

    def struck(self, device, *arguments, **more):
        environment = {**self.strike.environment, **({"CF_STRIKE_FLAGLESS": "1"} if self.flagless else {})}
        done = device.finish(*arguments, environment=environment, **more)
        self.codes.append((arguments, done.returncode, done.stderr))
        return done

    @contextlib.contextmanager
    def struck_broker(self):
        """The broker runs under the strike meanwhile; yields whether it came so far as to listen."""
        line = self.broker.line
        host, port, _ = self.broker.place
        self.broker.stop()
        said = os.path.getsize(self.broker.log)
        before = dict(os.environ)
        os.environ.update(self.strike.environment)
        self.broker.start(listen=f"tcp://{host}:{port}")
        os.environ.clear()
        os.environ.update(before)
        yield self.broker.line == line
        self.broker.process.terminate()
        self.broker.process.communicate(timeout=WAIT)
        with open(self.broker.log) as log:
            log.seek(said)
            self.codes.append((("counterfoild",), self.broker.process.returncode, log.read()))
        self.broker.line = line
        self.broker.restart()

    def act(self):
        raise NotImplementedError

    def settle(self):
        """What a person does next."""

    def held(self, device):
        return tree(device.source())

    def left(self, device):
        """What lies in its folders for temporary files."""
        return list((device.source() / ".counterfoil" / "tmp").iterdir())

    def end(self):
        for device in self.devices:
            device.end()
        if self.broker.process:
            self.broker.process.kill()
            self.broker.process.communicate()


class FirstSync(Workload):
    files = {"one.txt": b"one\n"}

    def act(self):
        fill(self.here.source(), {f"new/{i % 3}/{i}": b"%d" % i * i * 40 for i in range(30)})
        fill(self.here.source(), {"large": self.random.randbytes(2_500_000)})
        self.expected = self.held(self.here)
        self.struck(self.here, "sync")


class Edit(Workload):
    files = {"text": b"".join(b"line %d\n" % i for i in range(30000)), "other": b"other\n"}

    def act(self):
        source = self.here.source()
        text = (source / "text").read_bytes()
        (source / "text").write_bytes(text[:100000] + b"in the middle\n" + text[100000:])
        (source / "other~").write_bytes(b"saved by rename\n")
        os.rename(source / "other~", source / "other")
        self.expected = self.held(self.here)
        self.struck(self.here, "sync")


class RenameTree(Workload):
    def act(self):
        os.rename(self.here.source() / "sub", self.here.source() / "elsewhere")
        self.expected = self.held(self.here)
        self.struck(self.here, "sync")
        self.here.sync()
        self.struck(self.there, "sync")


class Delete(Workload):
    files = {**Workload.files, **{f"many/{i}": b"%d" % i for i in range(20)}}

    def act(self):
        for i in range(4):
            os.unlink(self.here.source() / "many" / str(i))
        os.unlink(self.here.source() / "empty")
        self.expected = self.held(self.here)
        self.struck(self.here, "sync")
        self.here.sync()
        self.struck(self.there, "sync")


class Receive(Workload):
    files = {"one.txt": b"one\n", "two.txt": b"two\n", "gone": b"gone"}

    def act(self):
        source = self.here.source()
        fill(source, {f"new/{i % 3}/{i}": b"%d" % i * i * 40 for i in range(20)})
        fill(source, {"one.txt": b"changed\n", "large": self.random.randbytes(2_000_000)})
        os.rename(source / "two.txt", source / "new/two.txt")
        os.unlink(source / "gone")
        os.symlink("one.txt", source / "link")
        self.expected = self.held(self.here)
        self.here.sync()
        self.struck(self.there, "sync")


class ReceiveFlagless(Receive):
    flagless = True


class Pairing(Workload):
    """What is struck here is the newcomer; whether it is in then, it finds out by `join` again with a new code."""

    def join(self):
        pass

    def prepare(self):
        self.broker.start()
        self.here.init(self.broker.run("invite").strip())
        self.here.add("notes", self.files)
        self.here.sync()

    def act(self):
        self.expected = self.held(self.here)
        pairing = self.here.start("pair")
        code = pairing.stdout.readline().strip()
        self.struck(self.there, "join", "-", "--name", "there", stdin=code + "\n")
        self.here.stop(pairing)

    def settle(self):
        done = self.there.finish("sync")
        if done.returncode not in (0, 1):
            shutil.rmtree(self.there.home, ignore_errors=True)
            self.here.pair(self.there)
        self.there.sync()
        self.there.add("notes", None, "--existing")


class OfBroker(Workload):
    """The broker is struck while a device publishes."""

    def files_to_come(self):
        return {f"new/{i}": b"%d" % i * 30 for i in range(25)}

    def act(self):
        fill(self.here.source(), self.files_to_come())
        self.expected = self.held(self.here)
        with self.struck_broker() as listens:
            if listens:
                self.sync(self.here)
                self.linger()

    def sync(self, device):
        """To its end, or for a second after the strike: what broke, or is gone, need not be waited for."""
        syncing = device.start("sync")
        wait_until(lambda: self.strike.call or syncing.poll() is not None, "the sync ends, or the broker is struck")
        try:
            syncing.communicate(timeout=1 if self.strike.call else WAIT)
        except subprocess.TimeoutExpired:
            device.stop(syncing)

    def linger(self):
        """Until all has happened in which it is to be struck."""


class BrokerAppend(OfBroker):
    pass


class BlobUpload(OfBroker):
    def files_to_come(self):
        return {"large": self.random.randbytes(3_000_000), "larger": self.random.randbytes(4_000_000)}


class Replay(OfBroker):
    """What the broker writes while it only sends."""

    def act(self):
        fill(self.here.source(), self.files_to_come())
        self.expected = self.held(self.here)
        self.here.sync()
        with self.struck_broker() as listens:
            if listens:
                self.sync(self.there)


class Compaction(OfBroker):
    """Each start of RocksDB writes what its log held into a file of its own; four of them are made one."""

    def prepare(self):
        """With the start that lays out and the one that is struck the broker starts four times on a log that holds something."""
        super().prepare()
        for i in range(2):
            self.broker.stop()
            self.broker.restart()
            self.publish(f"round {i}")

    def publish(self, name):
        fill(self.here.source(), {name: name.encode()})
        self.here.sync()

    def act(self):
        self.publish("one more")
        self.before = self.tables()
        super().act()

    def linger(self):
        wait_until(lambda: self.strike.call or self.is_compacted(), "its tables are compacted, or it is struck")

    def is_compacted(self):
        return self.before - self.tables()

    def tables(self):
        return {table.name for table in pathlib.Path(self.broker.data).rglob("*.sst")}


class Records(Workload):
    """Beside the folder there is a table, a database and an address book."""

    files = {"one.txt": b"one\n"}
    people = {"ann": ["Ann", "1970"], "bob": ["Bob", "1980"], "cid": ["Cid", "1990"]}
    schema = """
CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, picture BLOB);
CREATE TABLE phones (id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES people ON DELETE CASCADE, number TEXT UNIQUE);
"""

    def prepare(self):
        super().prepare()
        for device in self.devices:
            if device is self.here:
                self.write_table(self.people)
            self.in_database(device, self.schema)
            self.cards(device).mkdir()
            more = [] if device is self.here else ["--existing"]
            device.json("add", str(self.table(device)), "--collection", "people", "--format", "csv", "--key", "id", *more)
            device.json("add", str(self.database(device)), "--collection", "book", "--format", "sqlite", *more)
            device.json("add", str(self.cards(device)), "--collection", "home", "--format", "vcard", *more)
            device.sync()
            self.there.sync()
        self.in_database(self.here, "INSERT INTO people(name) VALUES ('Ann'), ('Bob'), ('Cid');"
                                    "INSERT INTO phones(person, number) VALUES (1, '+1'), (2, '+2');")
        fill(self.cards(self.here), {
            "ann.vcf": card("ann", "Ann", "TEL:+1"), "bob.vcf": card("bob", "Bob", "TEL:+2"), "cid.vcf": card("cid", "Cid", "TEL:+3")
        })
        self.here.sync()
        self.there.sync()

    @staticmethod
    def table(device):
        return device.source("people.csv")

    @staticmethod
    def database(device):
        return device.source("book.db")

    @staticmethod
    def cards(device):
        return device.source("home")

    def write_table(self, rows):
        path = self.table(self.here)
        beside = path.with_suffix(".new")
        beside.write_text("".join(",".join(line) + "\n" for line in [["id", "name", "born"], *([key, *row] for key, row in rows.items())]))
        os.rename(beside, path)

    def in_database(self, device, script, *values):
        with contextlib.closing(sqlite3.connect(self.database(device), timeout=60)) as there, there:
            if values:
                there.execute(script, values)
            else:
                there.executescript(script)

    def held(self, device):
        with contextlib.closing(sqlite3.connect(self.database(device), timeout=60)) as there:
            rows = [sorted(there.execute(f"SELECT * FROM {table}")) for table in ("people", "phones")]
            assert there.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert there.execute("PRAGMA foreign_key_check").fetchall() == []
        with open(self.table(device), newline="") as file:
            table = sorted(tuple(sorted(row.items())) for row in csv.DictReader(file))
        cards = sorted(
            sorted(path.read_bytes().decode().replace("\r\n ", "").split("\r\n"))
            for path in self.cards(device).iterdir() if path.name != ".counterfoil"
        )
        return super().held(device), rows, table, cards

    def left(self, device):
        others = [path for path in device.folder.iterdir() if path.name.startswith(f".{device.name}-") or "(saved" in path.name]
        return super().left(device) + list((self.cards(device) / ".counterfoil" / "tmp").iterdir()) + others

    def edit_table(self):
        self.write_table({"ann": ["Anna", "1970"], "cid": ["Cid", "1990 " * 20_000], "dora": ["Dora", ""]})

    def edit_database(self):
        """A parent goes with its child, another comes with one, and takes over its number; a row gets a picture."""
        self.in_database(self.here, """
PRAGMA foreign_keys = ON; BEGIN; DELETE FROM people WHERE name = 'Bob'; INSERT INTO people(name) VALUES ('Dora');
INSERT INTO phones(person, number) SELECT id, '+2' FROM people WHERE name = 'Dora'; UPDATE people SET name = 'Anna' WHERE id = 1; COMMIT""")
        self.in_database(self.here, "UPDATE people SET picture = ? WHERE name = 'Cid'", self.random.randbytes(120_000))

    def edit_cards(self):
        cards = self.cards(self.here)
        (cards / "bob.vcf").unlink()
        photo = "PHOTO;ENCODING=b;TYPE=jpeg:" + "\r\n ".join("%060d" % (i * 7919) for i in range(2000))
        fill(cards, {"ann.vcf": card("ann", "Ann", "TEL:+1", "TEL:+11", photo), "dora.vcf": card("dora", "Dora", "TEL:+4")})


class PublishRecords(Records):
    def act(self):
        self.edit_table()
        self.edit_database()
        self.edit_cards()
        self.expected = self.held(self.here)
        self.struck(self.here, "sync")


class ReceiveRecords(Records):
    def act(self):
        self.edit()
        self.expected = self.held(self.here)
        self.here.sync()
        self.struck(self.there, "sync")

    def edit(self):
        raise NotImplementedError


class ReceiveTable(ReceiveRecords):
    edit = Records.edit_table


class ReceiveRows(ReceiveRecords):
    edit = Records.edit_database


class ReceiveCards(ReceiveRecords):
    edit = Records.edit_cards


class ReceiveTableFlagless(ReceiveTable):
    flagless = True


class ReceiveCardsFlagless(ReceiveCards):
    flagless = True


ALL = [
    FirstSync, Edit, RenameTree, Delete, Receive, Pairing, BrokerAppend, BlobUpload, Replay, Compaction, PublishRecords,
    ReceiveTable, ReceiveRows, ReceiveCards, ReceiveFlagless, ReceiveTableFlagless, ReceiveCardsFlagless,
]
