# SPDX-License-Identifier: Apache-2.0
"""The independent device reads tables that a real one published."""

import base64
import contextlib
import json
import random
import re
import sqlite3

import icalendar
import pytest

import protocol_crypto as crypto
from cards import EXPORTS, edit, event, fill, items
from counterfoil import Device
from counterfoild import Broker
from protocol import pack
from reader import changeset
from reader_records import Records
from reader_scene import let_in
from reader_tree import Contents

ROWS = 2000


class Table:
    """A broker, a real device with a CSV file, and an independent device."""

    def __init__(self, folder):
        self.broker = Broker(str(folder / "broker"))
        self.broker.start()
        self.laptop = Device(folder, "laptop")
        self.laptop.init(self.broker.run("invite").strip())
        self.path = self.laptop.source("people.csv")
        self.lines = {}
        self.device = let_in(self.laptop, "python-device")

    def add(self):
        self.laptop.json("add", str(self.path), "--collection", "people", "--format", "csv", "--key", "id")

    def write(self):
        lines = [",".join([id, *values]) for id, values in self.lines.items()]
        self.path.write_text("\n".join(["id,mail,name,note", *lines, ""]))
        self.laptop.sync()
        return self.read()

    def read(self):
        """What came since the last time: (entry, Body) of the collection."""
        known = set(self.device.log.entries)
        with self.device.session(self.broker.line) as session:
            self.device.read_log(session, credit=2**22)
        self.collection = self.device.collection("people")
        return [(entry, body) for entry, body in self.device.readable(self.collection) if entry.head not in known]

    def shown(self, bodies=None):
        bodies = self.device.bodies(self.collection) if bodies is None else bodies
        with self.device.session(self.broker.line) as session:
            session.hello(self.device.user)
            contents = Contents(self.device, bodies, self.device.blobs(session, self.collection))
            rows = Records(bodies, contents).rows()
        names = "mail", "name", "note"
        return {key: [fields["/columns/" + name] for name in names] for (_, key), fields in rows.items()}

    def end(self):
        self.laptop.end()
        self.broker.stop()


@pytest.fixture
def table(tmp_path):
    made = Table(tmp_path)
    yield made
    made.end()


def test_what_one_look_found_is_one_changeset_of_many_entries(table):
    some = random.Random(4)
    table.lines = {
        str(id): [f"p{id}@example.org", f"Person {id}", some.randbytes(40).hex()] for id in range(1, ROWS + 1)
    }
    table.path.write_text("id,mail,name,note\n")
    table.add()
    first = table.write()
    assert len(first) > 2
    assert [(body.part, body.parts) for _, body in first] == [(n, len(first)) for n in range(1, len(first) + 1)]
    assert table.shown() == table.lines
    found = {entry.head: (entry, body) for entry, body in first}
    for entry, body in first[:-1]:
        assert not changeset(found, entry, body)  # nothing of it counts without the rest
    without_one = {head: found[head] for head in found if head != first[1][0].head}
    assert not changeset(without_one, *first[-1])
    for id in some.sample(sorted(table.lines), 100):
        table.lines[id][0] = f"new{id}@example.org"
    second = table.write()
    assert table.shown() == table.lines
    assert sum(len(entry.wire) for entry, _ in second) < 12_000


# ---- Long values -----------------------------------------------------------------------------------------------------

PHOTO = 300_000


def photo(some, size=PHOTO):
    return base64.b64encode(some.randbytes(size)).decode()


class Cards(Table):
    """The same with cards in a JSON document."""

    def __init__(self, folder):
        super().__init__(folder)
        self.path = self.laptop.source("cards.json")
        self.cards = {}

    def add(self):
        self.path.write_text("[]")
        self.laptop.json("add", str(self.path), "--collection", "people", "--format", "json", "--key", "id")

    def write(self):
        self.path.write_text(json.dumps(list(self.cards.values()), indent=2))
        self.laptop.sync()
        return self.read()

    def shown(self):
        with self.device.session(self.broker.line) as session:
            session.hello(self.device.user)
            return {key: fields for (_, key), fields in self.records(session).rows().items()}

    def records(self, session):
        bodies = self.device.bodies(self.collection)
        return Records(bodies, Contents(self.device, bodies, self.device.blobs(session, self.collection)))

    def expected(self):
        return {
            id: {f"/columns/{name}": value for name, value in card.items() if name != "id"}
            for id, card in self.cards.items()
        }


@pytest.fixture
def cards(tmp_path):
    made = Cards(tmp_path)
    yield made
    made.end()


def test_a_photo_travels_as_a_delta_beside_the_telephone(cards):
    some = random.Random(5)
    for id in "ann", "bob":
        cards.cards[id] = {"id": id, "name": id.title(), "phone": "1", "photo": photo(some)}
    cards.add()
    cards.write()
    assert cards.shown() == cards.expected()
    for number in range(4):
        card = cards.cards["ann"]
        at = 4 * some.randrange(PHOTO // 4)
        card["photo"] = card["photo"][:at] + "AbCdEfGhIjKl" + card["photo"][at + 12 :]
        card["phone"] = f"+49 {number}"
        (entry, body), = cards.write()
        assert len(entry.wire) <= 2048 and not entry.blobs
        assert [change.field for change in body.changes] == ["/columns/phone", "/columns/photo"]
        assert cards.shown() == cards.expected()
    cards.cards["ann"]["photo"] = photo(some, 500_000)
    (entry, _), = cards.write()
    assert entry.blobs and cards.shown() == cards.expected()


def test_a_byte_before_a_picture_is_a_byte_in_its_patch(cards):
    some = random.Random(9)
    picture = some.randbytes(PHOTO)
    forms = {
        "ann": lambda letters: letters,
        "bob": lambda letters: "data:image/jpeg;base64," + letters,
        "eve": lambda letters: {"picture": [letters.rstrip("=")]},
    }

    def show(id, phone):
        letters = base64.b64encode(picture).decode()
        cards.cards[id] = {"id": id, "phone": phone, "photo": forms[id](letters)}

    cards.add()
    for id in forms:
        show(id, "0")
    cards.write()
    for number, id in enumerate([*forms, *forms]):
        picture = some.randbytes(1) + picture
        show(id, f"+49 {number}")
        (entry, body), = cards.write()
        assert len(entry.wire) <= 2048 and not entry.blobs
        assert len(body.changes) == 2
    assert {id: fields["/columns/phone"] for id, fields in cards.shown().items()} == {
        id: card["phone"] for id, card in cards.cards.items()
    }
    for id in "ann", "bob":
        assert cards.shown()[id] == cards.expected()[id]


class AddressBook(Table):
    """The same with a card as Apple writes it, in a folder."""

    def __init__(self, folder):
        super().__init__(folder)
        self.path = self.laptop.source("people")
        exported = (EXPORTS / "apple.vcf").read_bytes().decode()
        found = re.search(r"BEGIN:VCARD(?:(?!END:VCARD).)*PHOTO;.*?END:VCARD\r\n", exported, re.S)
        self.card = found[0]

    def show(self, phone, picture):
        value = "PHOTO;ENCODING=b;TYPE=JPEG:" + base64.b64encode(picture).decode()
        folded = "\r\n ".join(value[at : at + 74] for at in range(0, len(value), 74))
        text = re.sub(r"PHOTO;.*?\r\n(?! )", lambda _: folded + "\r\n", self.card, flags=re.S)
        text = text.replace("END:VCARD", f"TEL:+49 {phone}\r\nEND:VCARD")
        (self.path / "anna.vcf").write_bytes(text.encode())
        self.laptop.sync()
        return self.read()

    def pictures(self):
        bodies = self.device.bodies(self.collection)
        with self.device.session(self.broker.line) as session:
            session.hello(self.device.user)
            contents = Contents(self.device, bodies, self.device.blobs(session, self.collection))
            (fields,) = Records(bodies, contents).rows().values()
        media = [dict(value) for field, value in fields.items() if field.startswith("/media/")]
        return [base64.b64decode(one["uri"].partition("data:image/jpeg;base64,")[2]) for one in media]


def test_the_picture_of_a_card_travels_as_a_delta_beside_the_telephone(tmp_path):
    book = AddressBook(tmp_path)
    picture = random.Random(11).randbytes(PHOTO)
    book.path.mkdir()
    book.laptop.json("add", str(book.path), "--collection", "people", "--format", "vcard")
    book.show(0, picture)
    for phone in range(1, 5):
        picture = bytes([phone]) + picture
        ((entry, body),) = book.show(phone, picture)
        assert len(entry.wire) <= 2048 and not entry.blobs
        assert sorted(change.field.split("/")[1] for change in body.changes) == ["media", "phones"]
        assert book.pictures() == [picture]
    book.end()


class Calendar(Table):
    """The same with an event that carries a file, in a folder on each device."""

    def __init__(self, folder):
        super().__init__(folder)
        self.desktop = Device(folder, "desktop")
        self.laptop.pair(self.desktop)
        self.path, self.there = self.laptop.source("home"), self.desktop.source("home")

    def show(self, summary, attachment):
        value = "ATTACH;ENCODING=BASE64;VALUE=BINARY;FMTTYPE=application/pdf:" + base64.b64encode(attachment).decode()
        folded = "\r\n ".join(value[at : at + 74] for at in range(0, len(value), 74))
        fill(self.path, {"meeting.ics": event("meeting", summary, "LOCATION:Cafe", folded)})

    def add(self):
        self.laptop.json("add", str(self.path), "--collection", "people", "--format", "icalendar")
        self.laptop.sync()
        self.desktop.json("add", str(self.there), "--collection", "people", "--format", "icalendar", "--existing")
        self.desktop.sync()
        return self.read()

    def end(self):
        self.desktop.end()
        super().end()


def carried(folder):
    """What another program's library finds in the one event: its title and place, and what it carries."""
    (text,) = items(folder).values()
    (found,) = icalendar.Calendar.from_ical(text).walk("VEVENT")
    attached = found["ATTACH"]  # its letters: this library takes them for a URI
    return str(found["SUMMARY"]), str(found["LOCATION"]), dict(attached.params), base64.b64decode(attached)


@pytest.fixture
def calendar(tmp_path):
    made = Calendar(tmp_path)
    yield made
    made.end()


def test_what_an_event_carries_travels_as_a_delta_beside_its_title(calendar):
    attachment = random.Random(12).randbytes(300 << 10)
    form = {"ENCODING": "BASE64", "VALUE": "BINARY", "FMTTYPE": "application/pdf"}
    calendar.show("Meeting 0", attachment)
    calendar.add()
    for number in range(1, 5):
        attachment = bytes([number]) + attachment
        calendar.show(f"Meeting {number}", attachment)
        before = items(calendar.path)
        calendar.laptop.sync()
        ((entry, body),) = calendar.read()
        assert len(entry.wire) <= 2048 and not entry.blobs
        assert len(body.changes) == 2
        calendar.desktop.sync()
        assert carried(calendar.there) == (f"Meeting {number}", "Cafe", form, attachment)
        assert items(calendar.path) == before
    edit(next(calendar.there.glob("*.ics")), "LOCATION:Cafe", "LOCATION:Park")
    calendar.desktop.sync()
    calendar.laptop.sync()
    changed, wanted = items(calendar.path)["meeting.ics"], before["meeting.ics"].replace("LOCATION:Cafe", "LOCATION:Park")
    assert re.sub("DTSTAMP:.*", "", changed) == re.sub("DTSTAMP:.*", "", wanted)  # which says when it was changed


def test_a_blob_of_a_row_travels_as_a_delta_beside_another_column(table):
    some = random.Random(13)
    desktop = Device(table.laptop.folder, "desktop")
    table.laptop.pair(desktop)
    blob = some.randbytes(300 << 10)
    paths = table.laptop.source("people.db"), desktop.source("people.db")
    for path in paths:
        with contextlib.closing(sqlite3.connect(path)) as people:
            people.execute("create table people(uid text primary key, phone text, photo blob)")
    with contextlib.closing(sqlite3.connect(paths[0])) as people:
        people.executemany("insert into people values (?, '0', ?)", [("ann", blob), ("bob", b"b")])
        people.commit()
        for device, path, option in zip((table.laptop, desktop), paths, ("--new", "--existing")):
            device.json("add", str(path), "--collection", "people", "--format", "sqlite", option)
            device.sync()
        table.read()
        for number in range(1, 5):
            blob = some.randbytes(number) + blob
            people.execute("update people set photo = ?, phone = ? where uid = 'ann'", [blob, f"+49 {number}"])
            people.commit()
            table.laptop.sync()
            ((entry, body),) = table.read()
            assert len(entry.wire) <= 2048 and not entry.blobs
            assert [change.field for change in body.changes] == ["/columns/phone", "/columns/photo"]
            desktop.sync()
            with contextlib.closing(sqlite3.connect(paths[1])) as there:
                rows = there.execute("select * from people order by uid").fetchall()
            assert rows == [("ann", f"+49 {number}", blob), ("bob", "0", b"b")]
    desktop.end()


def test_texts_that_are_nearly_base64_come_letter_by_letter(cards):
    some = random.Random(10)
    letters = photo(some)
    lines = "\r\n".join(letters[at : at + 76] for at in range(0, len(letters), 76))
    texts = [lines, letters + "\n", letters.replace("/", "_").replace("+", "-"), letters + "A", letters + "=", "=" + letters,
             letters + "é", letters.lower(), photo(some, PHOTO + 1).rstrip("="), photo(some, PHOTO + 1)[:-1]]
    cards.cards = {str(n): {"id": str(n), "photo": text} for n, text in enumerate(texts)}
    cards.add()
    cards.write()
    assert cards.shown() == cards.expected()
    for card in cards.cards.values():
        card["photo"] = "x" + card["photo"]
    cards.write()
    assert cards.shown() == cards.expected()
    desktop = Device(cards.laptop.folder, "desktop")
    cards.laptop.pair(desktop)
    there = desktop.source("cards.json")
    desktop.json("add", str(there), "--collection", "people", "--format", "json", "--key", "id", "--existing")
    desktop.sync()
    assert {card["id"]: card["photo"] for card in json.loads(there.read_text())} == {
        id: card["photo"] for id, card in cards.cards.items()
    }
    desktop.end()


def changes(device):
    return [event for event in device.json("log") if event["collection"] == "people"]


def test_a_value_that_another_device_writes(cards):
    some = random.Random(6)
    cards.cards["ann"] = {"id": "ann", "phone": "1", "photo": photo(some)}
    cards.add()
    cards.write()
    device, value = cards.device, photo(some)
    with device.session(cards.broker.line) as session:
        session.hello(device.user)
        records = cards.records(session)
        item, = records.fields
        old = [fact.dot for fact in records.facts(item, "/columns/photo")]
        encoding = pack(value)
        blobs = device.put_pieces(session, cards.collection, [encoding])
        how = [[0, 0, len(encoding)]]
        change = (item, "/columns/photo", old, False, [crypto.content_hash(encoding), len(encoding), 0, how])
        device.publish_changes(session, cards.collection, [change], blobs)
    cards.laptop.sync()
    cards.cards["ann"]["photo"] = value
    assert json.loads(cards.path.read_text()) == list(cards.cards.values())
    entries = changes(cards.laptop)
    desktop = Device(cards.laptop.folder, "desktop")
    cards.laptop.pair(desktop)
    there = desktop.source("cards.json")
    there.write_bytes(cards.path.read_bytes())
    desktop.json("add", str(there), "--collection", "people", "--format", "json", "--key", "id", "--existing")
    desktop.sync()
    cards.path.write_text(cards.path.read_text() + "\n")
    cards.laptop.sync()
    assert changes(cards.laptop) == entries, "its encoding is one of its forms"
    desktop.end()


def pending(status):
    return [(found["path"], found["reason"]) for found in status["collections"][0]["pending"]]


def test_bytes_that_are_no_value_are_named_and_hold_up_nothing(cards):
    some = random.Random(7)
    cards.cards = {id: {"id": id, "phone": "1", "photo": photo(some)} for id in ("ann", "bob")}
    cards.add()
    cards.write()
    device, bad = cards.device, b"\xc1" * 1000
    with device.session(cards.broker.line) as session:
        session.hello(device.user)
        records = cards.records(session)
        ann, bob = sorted(records.fields, key=lambda item: records.value(item, "/key"))
        old = [fact.dot for fact in records.facts(ann, "/columns/photo")]
        phone = [fact.dot for fact in records.facts(bob, "/columns/phone")]
        reference = [crypto.content_hash(bad), len(bad), 0, bad]
        changes = [(ann, "/columns/photo", old, False, reference), (bob, "/columns/phone", phone, False, "2")]
        device.publish_changes(session, cards.collection, changes)
    assert pending(cards.laptop.sync(1)) == [("ann", "a long value of it is none")]
    assert pending(cards.laptop.json("status")) == [("ann", "it was changed elsewhere")]
    cards.cards["bob"]["phone"] = "2"
    assert json.loads(cards.path.read_text()) == list(cards.cards.values())


def test_what_was_changed_with_a_blob_in_a_database_waits_for_it(tmp_path):
    """A transaction is sent whole: the telephone of one row doesn't go before the photo of another."""
    some = random.Random(8)
    broker, laptop = Broker(str(tmp_path / "broker")), Device(tmp_path, "laptop")
    broker.start()
    laptop.init(broker.run("invite").strip())
    path = laptop.source("people.db")
    with contextlib.closing(sqlite3.connect(path)) as people:
        people.execute("create table people(uid text primary key, phone text, photo blob)")
        people.executemany("insert into people values (?, '1', ?)", [("ann", b""), ("bob", b"")])
        people.commit()
        laptop.json("add", str(path), "--collection", "people", "--format", "sqlite")
        laptop.sync()
        entries = laptop.json("log")
        broker.stop()
        people.execute("update people set phone = '2' where uid = 'ann'")
        people.execute("update people set photo = ? where uid = 'bob'", [some.randbytes(PHOTO)])
        people.commit()
        said = dict(pending(laptop.sync(5)))
        assert said["people/bob"] == "a long value of it waits for a broker", said
        assert "waits for what was changed with it" in said["people/ann"]
        assert laptop.json("log") == entries
        broker.restart()
        laptop.sync()
        assert len({event["entry"] for event in laptop.json("log")} - {event["entry"] for event in entries}) == 1
        assert laptop.json("status")["in_sync"]
    laptop.end()
    broker.stop()
