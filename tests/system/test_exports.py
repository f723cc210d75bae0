# SPDX-License-Identifier: Apache-2.0
"""Address books as other programs export them, CSV, without a word about their columns: to a folder of cards and back."""

import csv
import io

import pytest

from cards import EXPORTS, both, conflicts, edit, fill, items, pending, write
from counterfoil import broker, make_device, two  # noqa: F401

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
