# SPDX-License-Identifier: Apache-2.0
"""Address books as other programs export them, CSV, without a word about their columns: to a folder of cards and back."""

import csv
import io
import json

import icalendar
import pytest
import vobject

from cards import EXPORTS, conflicts, edit, fill, items, pending, write
from counterfoil import both, broker, make_device, two  # noqa: F401

ALL = ("google.csv", "google-labels.csv", "google-types.csv", "outlook.csv", "outlook-all.csv", "thunderbird.csv",
       "thunderbird-all.csv")
FULL = ("google-labels.csv", "google-types.csv", "outlook-all.csv", "thunderbird-all.csv")


def rows(text):
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""),
                           delimiter=";" if text.count(";") > text.count(",") else ","))


class Book:
    """An export on the laptop, a folder of cards on the desktop."""

    def __init__(self, two, name):
        self.laptop, self.desktop = two
        self.before = (EXPORTS / name).read_bytes().decode()
        self.here = self.laptop.source("x").with_name(name)
        write(self.here, self.before)
        self.told = self.laptop.finish("add", str(self.here), "--format", "csv", "--collection", "people")
        assert self.told.returncode == 0, self.told.stderr
        self.laptop.sync()
        self.desktop.sync()
        self.there = self.desktop.source("cards")
        self.desktop.json("add", str(self.there), "--collection", "people", "--existing", "--format", "vcard")
        self.desktop.sync()

    def both(self):
        both(self.laptop, self.desktop)

    def rows(self):
        return rows(self.here.read_bytes().decode())

    def cards(self):
        return {name: text.replace("\r\n ", "") for name, text in items(self.there).items()}


@pytest.mark.parametrize("name", ALL)
def test_an_export_is_known_as_contacts(two, name):  # noqa: F811
    book = Book(two, name)
    program = name.split(".")[0].split("-")[0].capitalize()
    assert f"columns of {program}'s export" in book.told.stderr and "a column UID" in book.told.stderr, book.told.stderr
    assert not pending(book.laptop) and not conflicts(book.laptop)
    found, before = book.rows(), rows(book.before)
    assert [row[:-1] for row in found] == before, "nothing but the new column"
    assert found[0][-1] == "UID" and len({row[-1] for row in found[1:]}) == 2
    assert len(book.cards()) == 2
    after = book.here.read_bytes(), items(book.there)
    book.both()
    assert (book.here.read_bytes(), items(book.there)) == after, "nothing goes back and forth"


@pytest.mark.parametrize("name", FULL)
def test_what_an_export_says_is_in_the_cards(two, name):  # noqa: F811
    book = Book(two, name)
    grace, = (text for text in book.cards().values() if "Hopper" in text)
    bakery, = (text for text in book.cards().values() if "Bäckerei" in text)
    for said in ("grace@example.mil", "hopper@example.org", "+1 202 555 0101", "+1 202 555 0102", "+1 202 555 0103",
                 "1 Cobol Street", "Arlington", "VA", "22201", "Navy\\, US", "Reserve", "TITLE:Rear Admiral",
                 "https://example.mil/grace", 'Found the "bug"\\;'):
        assert said in grace, f"{said}: {grace}"
    names = [line.split(":")[0].split(";")[0].split(".")[-1] for line in grace.splitlines()]
    assert [names.count(name) for name in ("TEL", "EMAIL", "ADR", "URL", "N", "FN")] == [3, 2, 1, 1, 1, 1], grace
    assert ("BDAY:19061209" in grace.replace("-", "")) == ("google" in name), "other dates than these are not guessed"
    assert "030 5550104" in bakery and "Süß" in bakery


@pytest.mark.parametrize("name", FULL)
def test_what_is_edited_in_a_card_comes_into_its_cell(two, name):  # noqa: F811
    book = Book(two, name)
    before = book.here.read_bytes().decode()
    where, = (book.there / name for name, text in book.cards().items() if "Hopper" in text)
    edit(where, "grace@example.mil", "grace@example.com")
    edit(where, "+1 202 555 0103", "+1 202 555 0199")
    edit(where, "Arlington", "Boston")
    book.both()
    after = book.here.read_bytes().decode()
    assert rows(after) == rows(before.replace("grace@example.mil", "grace@example.com").replace(
        "+1 202 555 0103", "+1 202 555 0199").replace("Arlington", "Boston").replace("Boston, VA", "Arlington, VA"))
    assert not pending(book.laptop) and not conflicts(book.laptop)


@pytest.mark.parametrize("name", FULL)
def test_a_file_with_the_same_columns_shows_the_same(two, name):  # noqa: F811
    book = Book(two, name)
    copy = book.desktop.source("x").with_name("copy.csv")
    write(copy, book.before.splitlines(keepends=True)[0])
    book.desktop.json("add", str(copy), "--collection", "people", "--existing", "--format", "csv")
    book.desktop.sync()
    here, there = book.rows(), rows(copy.read_bytes().decode())
    assert here[0] == there[0]
    alone = book.told.stderr.split("stays on this device: ")[1].splitlines()[0].split(", ")
    shown = {row[-1]: dict(zip(there[0], row)) for row in there[1:]}
    for row in here[1:]:
        known = [(column, cell) for column, cell in zip(here[0], row) if column not in alone]
        said = [part for _, cell in known for part in cell.split(" ::: ") if part]
        again = [part for cell in shown[row[-1]].values() for part in cell.split(" ::: ") if part]
        assert set(said) == set(again), "each word is there"
        for column, cell in known:
            if not any(word in column for word in ("mail", "Phone", "Labels", "Group")):  # which is first may be another
                assert shown[row[-1]][column] == cell, (column, shown)


def test_words_for_telephones_are_those_of_cards(two):  # noqa: F811
    """What Google calls Mobile is TYPE=cell, which programs know; what they have no word for keeps its label."""
    book = Book(two, "google-labels.csv")
    cards = "".join(book.cards().values())
    for line in ("TEL;TYPE=cell:+1 202 555 0103", "TEL;TYPE=work:+1 202 555 0101", "ADR;TYPE=home:", "X-ABLabel:Main"):
        assert line in cards
    assert "X-ABLabel:Mobile" not in cards


def test_the_same_export_on_two_devices_is_the_same_contacts(two):  # noqa: F811
    book = Book(two, "google-labels.csv")
    copy = book.desktop.source("x").with_name("copy.csv")
    write(copy, book.before)
    told = book.desktop.json("add", str(copy), "--collection", "people", "--existing", "--format", "csv")
    assert (told["equal"], told["only_here"], told["only_there"]) == (2, 0, 0)
    book.both()
    assert copy.read_bytes() == book.here.read_bytes() and len(book.cards()) == 2


def test_columns_that_are_no_address_book_need_a_key(two):  # noqa: F811
    laptop, _ = two
    table = laptop.source("x").with_name("members.csv")
    write(table, "First Name,Last Name,E-mail Address,Member number\nAda,Lovelace,ada@example.org,17\n")
    result = laptop.finish("add", str(table), "--format", "csv")
    assert result.returncode == 2, result.stderr
    assert "--key" in result.stderr and "First Name, Last Name, E-mail Address, Member number" in result.stderr
    assert "--map" in result.stderr
    assert table.read_text().count("UID") == 0 and laptop.json("collections") == []


def test_an_export_may_be_plain_records(two):  # noqa: F811
    laptop, _ = two
    table = laptop.source("x").with_name("google.csv")
    fill(table.parent, {"google.csv": (EXPORTS / "google.csv").read_bytes()})
    told = laptop.finish("add", str(table), "--format", "csv", "--key", "Name")
    assert told.returncode == 0 and "UID" not in told.stderr
    laptop.sync()
    assert table.read_bytes() == (EXPORTS / "google.csv").read_bytes()


# ---- As other programs' libraries read what was written anew ----

CARDS = ("apple", "evolution", "google", "khard", "nextcloud", "outlook", "outlook-2.1", "thunderbird")
CALENDARS = ("apple", "google", "nextcloud", "nextcloud-calendar", "outlook", "thunderbird")


def plain(value):
    """A value of vobject in texts; it leaves an escaped colon as it is."""
    parts = vars(value) if hasattr(value, "__dict__") else value
    if isinstance(parts, dict):
        return {name: plain(part) for name, part in parts.items()}
    if isinstance(parts, (list, tuple)):
        return [plain(part) for part in parts]
    return str(parts).replace("\r\n", "\n").replace("\\:", ":")


def kinds(line):
    """What a telephone, an address of mail or a place is: words without case, in any order, and the first choice, which
    vCard 4 tells by a number."""
    words = [word for group in line.params.get("TYPE", []) for word in group.split(",")] + line.singletonparams
    return sorted({word.upper() for word in words + ["PREF"] * (line.params.get("PREF") == ["1"])})


def of_line(line):
    value = plain(line.value)
    if line.name == "CATEGORIES":
        value = sorted(value)
    elif line.name == "BDAY":
        value = value.replace("-", "")
    return line.name, json.dumps(value, sort_keys=True), kinds(line) if line.name in ("TEL", "EMAIL", "ADR") else []


def said_by_cards(text):
    """What vobject finds, by UID."""
    found = {}
    for one in vobject.readComponents(text, allowQP=True):
        said = sorted(of_line(line) for line in one.lines() if line.name in ("FN", "N", "TEL", "EMAIL", "ADR", "BDAY", "ORG", "TITLE", "NOTE", "URL", "NICKNAME", "CATEGORIES"))
        found[one.uid.value if hasattr(one, "uid") else one.fn.value] = said
    return found


def of_property(name, value):
    """Times as moments, one property each."""
    if name == "CATEGORIES":
        return [(name, sorted(str(word) for word in value.cats))]
    return [(name, str(getattr(moment, "dt", None) or moment.to_ical().decode()))
            for moment in getattr(value, "dts", [value])]


def length(one):
    """However it is told."""
    end, start, duration = (one.get(name) for name in ("DTEND", "DTSTART", "DURATION"))
    return str(end.dt - start.dt if end else duration and duration.dt)


def said_by_calendar(text):
    """What icalendar finds, by UID and occurrence."""
    found = {}
    for one in icalendar.Calendar.from_ical(text).walk():
        if one.name not in ("VEVENT", "VTODO"):
            continue
        said = [("LENGTH", length(one))] if one.name == "VEVENT" else []
        for name, value in one.property_items(recursive=False):
            if name not in ("DTSTAMP", "BEGIN", "END") and (name not in ("DTEND", "DURATION") or one.name == "VTODO"):
                said += of_property(name, value)
        alarms = sorted(str(alarm["TRIGGER"].dt) for alarm in one.walk("VALARM"))
        occurrence = one.get("RECURRENCE-ID")
        found[str(one.get("UID")), str(occurrence and occurrence.dt)] = sorted(map(str, said)), alarms
    return found


@pytest.mark.parametrize("format, names, extension, said", [
    ("vcard", CARDS, "vcf", said_by_cards), ("icalendar", CALENDARS, "ics", said_by_calendar)])
def test_others_read_the_same_in_a_file_of_ours(two, format, names, extension, said):  # noqa: F811
    laptop, desktop = two
    theirs = {name: (EXPORTS / f"{name}.{extension}").read_bytes() for name in names}
    if "outlook-2.1" in theirs:  # which has none
        theirs["outlook-2.1"] = theirs["outlook-2.1"].replace(b"VERSION:2.1\r\n", b"VERSION:2.1\r\nUID:1\r\n")
    for name, text in theirs.items():
        here = laptop.source("x").with_name(f"here-{name}.{extension}")
        write(here, text)
        laptop.json("add", str(here), "--format", format, "--collection", name)
    laptop.sync()
    desktop.sync()
    for name in names:
        there = desktop.source("x").with_name(f"there-{name}.{extension}")
        write(there, b"")
        desktop.json("add", str(there), "--format", format, "--collection", name, "--existing")
    desktop.sync()
    for name, text in theirs.items():
        ours = desktop.source("x").with_name(f"there-{name}.{extension}").read_bytes()
        assert said(ours.decode()) == said(text.decode()), name
