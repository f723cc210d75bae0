# SPDX-License-Identifier: Apache-2.0
"""One collection as vCards on one device, as CSV or JSON on another; maps of columns and of databases."""

import json
import sqlite3

import pytest

from cards import card, conflicts, edit, fill, items, pending, write
from counterfoil import both, broker, make_device, two  # noqa: F401
from translation_scene import Translated, rows, table, unfolded

PHOTO = "PHOTO;ENCODING=b;TYPE=JPEG:" + "QUJD" * 30
ANNA = card("anna", "Anna Example", "N:Example;Anna;Maria;Dr.;", "EMAIL;TYPE=home:anna@example.org",
            "TEL;TYPE=cell;X-CARRIER=blue:+49 1", "ORG:Example Ltd.;Sales", "NOTE;LANGUAGE=en:first", "BDAY:1980-05-17",
            "X-LUCKY;X-WHY=luck:7", "item1.X-ABADR:de", "CATEGORIES:friend,colleague", "REV:2026-11-01T08:00:00Z", PHOTO)
BERT = card("bert", "Bert Example", "EMAIL:bert@example.org", "TEL;TYPE=home:+49 2", "TEL;TYPE=work:+49 3")
MAP = """# what is in people.csv
table contacts
ID = /uid
Name = /name/full
Mobile = /phones/mobile/number
Other telephones = /phones/*/number
E-mail = /emails/*/address
Born = /anniversaries/birth/date
"""


@pytest.fixture
def people(two):  # noqa: F811
    return Translated(two, "vcard", {"anna.vcf": ANNA, "bert.vcf": BERT}, "people.csv", "--format", "csv")


def test_contacts_are_a_table_without_more_being_said(people):
    header, found = rows(people.there)
    assert header == ["UID", "Name", "Given name", "Family name", "E-Mail", "Telephone", "Organisation", "Note",
                      "Birthday"]
    assert found["anna"] == {
        "UID": "anna", "Name": "Anna Example", "Given name": "Anna", "Family name": "Example",
        "E-Mail": "anna@example.org", "Telephone": "+49 1", "Organisation": "Example Ltd.", "Note": "first",
        "Birthday": "1980-05-17"}
    assert sorted(found["bert"]["Telephone"].split(" ::: ")) == ["+49 2", "+49 3"]
    assert items(people.here) == {"anna.vcf": ANNA, "bert.vcf": BERT}, "nothing was said about them"


def test_a_cell_that_changes_changes_only_what_it_says(people):
    edit(people.there, "+49 1", "+49 100")
    edit(people.there, "anna@example.org", "anna@new.example")
    people.both()
    expected = ANNA.replace("+49 1", "+49 100").replace("anna@example.org", "anna@new.example")
    assert unfolded(people.card("anna.vcf")) == unfolded(expected)
    assert people.card("bert.vcf") == BERT
    assert not pending(people.desktop) and not conflicts(people.laptop)


def test_what_others_change_comes_into_the_cell(people):
    edit(people.here / "anna.vcf", "FN:Anna Example", "FN:Anna Changed")
    edit(people.here / "anna.vcf", "X-LUCKY;X-WHY=luck:7", "X-LUCKY;X-WHY=luck:8")
    people.both()
    assert table(people.there)["anna"]["Name"] == "Anna Changed"
    edit(people.there, "Anna Changed", "Anna Again")
    people.both()
    assert "FN:Anna Again\r\n" in people.card("anna.vcf") and "X-LUCKY;X-WHY=luck:8\r\n" in people.card("anna.vcf")


def test_one_of_several_telephones(people):
    before = table(people.there)["bert"]["Telephone"]
    edit(people.there, before, before.replace("+49 3", "+49 33"))
    people.both()
    assert people.card("bert.vcf") == BERT.replace("+49 3", "+49 33")
    before = table(people.there)["bert"]["Telephone"]
    edit(people.there, before, "+49 33")
    people.both()
    assert people.card("bert.vcf") == BERT.replace("TEL;TYPE=home:+49 2\r\n", "").replace("+49 3", "+49 33")


def test_a_new_row_becomes_a_card_and_gets_a_uid(people):
    write(people.there, people.there.read_bytes().decode() + ",Cleo Example,Cleo,Example,,,,,2001-02-03\n")
    people.both()
    uid, = [key for key, row in table(people.there).items() if row["Name"] == "Cleo Example"]
    assert len(uid) == 36
    text = people.card(f"{uid}.vcf")
    assert "FN:Cleo Example\r\n" in text and "N:Example;Cleo;;;\r\n" in text and "BDAY:2001-02-03\r\n" in text
    before = items(people.here), people.there.read_bytes()
    people.both()
    assert (items(people.here), people.there.read_bytes()) == before, "nothing goes back and forth"


def test_a_row_that_is_deleted_deletes_the_card(people):
    lines = people.there.read_bytes().decode().splitlines(keepends=True)
    write(people.there, "".join(line for line in lines if not line.startswith("bert")))
    people.both()
    assert items(people.here) == {"anna.vcf": ANNA}
    (people.here / "anna.vcf").unlink()
    people.laptop.sync(0, "--yes")
    people.desktop.sync(0, "--yes")
    assert table(people.there) == {}


def test_a_cell_that_says_what_can_not_be_is_named(people):
    edit(people.there, "1980-05-17", "17 May")
    edit(people.there, "bert@example.org", "bert@new.example")
    people.desktop.finish("sync")
    assert "17 May" in people.there.read_text(), "it stays as its user wrote it"
    reason = pending(people.desktop)["anna"]
    assert "Birthday" in reason and "17 May" in reason and "no date" in reason
    people.laptop.sync()
    assert people.card("anna.vcf") == ANNA and "bert@new.example" in people.card("bert.vcf")
    edit(people.there, "anna@example.org", "anna@new.example")
    people.desktop.finish("sync")
    people.laptop.sync()
    assert people.card("anna.vcf") == ANNA.replace("anna@example.org", "anna@new.example"), "the rest of its row is synced"
    edit(people.here / "anna.vcf", "anna@new.example", "anna@newer.example")
    people.laptop.sync()
    people.desktop.finish("sync")
    assert "anna@newer.example" in people.there.read_text() and "17 May" in people.there.read_text()
    assert "Birthday" in pending(people.desktop)["anna"]
    edit(people.there, "17 May", "1980-05-18")
    people.both()
    assert "BDAY:1980-05-18\r\n" in people.card("anna.vcf") and not pending(people.desktop)


def test_columns_stand_for_what_the_map_says(two, tmp_path):  # noqa: F811
    write(tmp_path / "map", MAP)
    header = "Name,ID,Mobile,Other telephones,E-mail,Born,Shoe size\n"
    mine = header + "Anna Example,anna,+49 1,,,,38\nDora,dora,+49 7,,dora@example.org,--02-03,39\n"
    people = Translated(two, "vcard", {"anna.vcf": ANNA, "bert.vcf": BERT}, "people.csv", "--format", "csv", "--map",
                        str(tmp_path / "map"), before=mine)
    (tmp_path / "map").unlink()
    found = {row["ID"]: row for row in table(people.there).values()}
    assert found["anna"]["Shoe size"] == "38" and found["anna"]["E-mail"] == "anna@example.org"
    assert found["bert"]["Mobile"] == "" and sorted(found["bert"]["Other telephones"].split(" ::: ")) == \
        ["+49 2", "+49 3"]
    assert "TEL;TYPE=cell:+49 7\r\n" in people.card("dora.vcf") and "EMAIL:dora@example.org" in people.card("dora.vcf")
    assert people.card("anna.vcf") == ANNA
    edit(people.there, "+49 1,", "+49 11,")
    people.both()
    assert "TEL;TYPE=cell;X-CARRIER=blue:+49 11\r\n" in people.card("anna.vcf")
    assert "Shoe size" in rows(people.there)[0] and "39" in people.there.read_text()


def test_another_map_takes_nothing_for_deleted(two, tmp_path):  # noqa: F811
    write(tmp_path / "map", "table contacts\nID = /uid\nName = /name/full\nMobile = /phones/mobile/number\n")
    people = Translated(two, "vcard", {"anna.vcf": ANNA, "bert.vcf": BERT}, "people.csv", "--format", "csv", "--map",
                        str(tmp_path / "map"), before="ID,Name,Mobile,Home,Note,Born\nanna,,,,,1980-05-17\n")
    write(tmp_path / "map", "table contacts\nID = /uid\nName = /name/full\nHome = /phones/home/number\n"
                            "Note = /notes/*/note\nBorn = /anniversaries/birth/date\n")
    people.desktop.run("remove", str(people.there))
    people.desktop.json("add", str(people.there), "--collection", "home", "--existing", "--format", "csv", "--map",
                        str(tmp_path / "map"))
    people.both()
    assert items(people.here) == {"anna.vcf": ANNA, "bert.vcf": BERT}, "no cell says anything new"
    found = table(people.there)
    assert found["bert"]["Home"] == "+49 2" and found["anna"]["Note"] == "first" and found["anna"]["Mobile"] == "+49 1"
    edit(people.there, "+49 2", "+49 22")
    edit(people.there, "+49 1", "+49 11")
    people.both()
    assert people.card("bert.vcf") == BERT.replace("+49 2", "+49 22")
    assert people.card("anna.vcf") == ANNA, "this column stands for nothing any more"
    assert not pending(people.desktop) and not conflicts(people.laptop)


def test_the_first_one_may_be_the_table(two, tmp_path):  # noqa: F811
    laptop, desktop = two
    write(tmp_path / "map", MAP)
    there, here = desktop.source("x").with_name("people.csv"), laptop.source("cards")
    write(there, "ID,Name,Mobile,Other telephones,E-mail,Born\n,Anna,+49 1,,,\n")
    desktop.json("add", str(there), "--collection", "home", "--format", "csv", "--map", str(tmp_path / "map"))
    desktop.sync()
    laptop.sync()
    laptop.json("add", str(here), "--collection", "home", "--format", "vcard", "--existing")
    laptop.sync()
    text, = items(here).values()
    assert "FN:Anna\r\n" in text and "TEL;TYPE=cell:+49 1\r\n" in text


@pytest.mark.parametrize("line, said", [
    ("Name = /name/fool", "line 3: unknown pointer"), ("Name = /phones/1/numbr", "line 3: unknown pointer"),
    ("ID = /name/full", "line 3: the column ID"), ("Name", "line 3: COLUMN = /POINTER"),
    ("Name = /phones", "line 3: /phones: which"), ("UID = /uid", "line 3: /uid is in the column ID")])
def test_a_map_that_says_nothing_is_refused_by_its_line(two, tmp_path, line, said):  # noqa: F811
    laptop, _ = two
    write(tmp_path / "map", f"table contacts\nID = /uid\n{line}\n")
    write(laptop.source("x").with_name("p.csv"), "ID,Name\n")
    result = laptop.finish("add", str(laptop.source("x").with_name("p.csv")), "--format", "csv", "--map",
                           str(tmp_path / "map"))
    assert result.returncode == 2 and said in result.stderr, result.stderr


def test_what_does_not_suit_is_refused(two, tmp_path):  # noqa: F811
    laptop, desktop = two
    folder = fill(laptop.source("folder"), {"anna.vcf": ANNA})
    laptop.json("add", str(folder), "--collection", "home", "--format", "vcard")
    laptop.sync()
    desktop.sync()
    sheet = desktop.source("x").with_name("events.csv")
    write(sheet, "Nonsense,More\n1,2\n")
    for options, said in ((["--format", "csv"], "none of its columns is known"),
                          (["--format", "csv", "--key", "More"], "holds contacts, whose key is the UID"),
                          (["--format", "icalendar"], "'home' holds contacts")):
        result = desktop.finish("add", str(sheet), "--collection", "home", "--existing", *options)
        assert result.returncode == 2 and said in result.stderr, result.stderr
    write(tmp_path / "map", "table events\nMore = /uid\n")
    result = desktop.finish("add", str(sheet), "--collection", "home", "--format", "csv", "--map",
                            str(tmp_path / "map"))
    assert result.returncode == 2 and "holds contacts" in result.stderr, result.stderr


def test_contacts_as_objects(two):  # noqa: F811
    people = Translated(two, "vcard", {"anna.vcf": ANNA, "bert.vcf": BERT}, "people.json", "--format", "json")
    found = {one["uid"]: one for one in json.loads(people.there.read_text())}
    assert found["anna"]["@type"] == "Card" and found["anna"]["name"]["full"] == "Anna Example"
    assert sorted(phone["number"] for phone in found["bert"]["phones"].values()) == ["+49 2", "+49 3"]
    assert found["anna"]["keywords"] == {"friend": True, "colleague": True}
    edit(people.there, "+49 3", "+49 33")
    people.both()
    assert people.card("bert.vcf") == BERT.replace("+49 3", "+49 33") and people.card("anna.vcf") == ANNA


def test_dates_of_records_are_texts(two):  # noqa: F811
    laptop, desktop = two
    here, there = laptop.source("x").with_name("a.csv"), desktop.source("x").with_name("a.json")
    write(here, "id,born\na,5/6/1980\nb,17.05.1980\nc,0/0/00\n")
    laptop.json("add", str(here), "--collection", "born", "--format", "csv", "--key", "id")
    laptop.sync()
    desktop.sync()
    desktop.json("add", str(there), "--collection", "born", "--format", "json", "--key", "id", "--existing")
    desktop.sync()
    assert [one["born"] for one in json.loads(there.read_text())] == ["5/6/1980", "17.05.1980", "0/0/00"]


# ---- Databases ----

BOOK = """CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE phones (id INTEGER PRIMARY KEY, person INTEGER, number TEXT)"""


def sql(path, text):
    connection = sqlite3.connect(path)
    connection.executescript(text)
    connection.close()


def telephones(path):
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT name, number FROM people JOIN phones ON person = people.id").fetchall()
    connection.close()
    return sorted(found)


def test_a_map_names_what_no_foreign_key_declares(two, tmp_path):  # noqa: F811
    laptop, desktop = two
    write(tmp_path / "map", "# nobody declares it\nrefers phones person people\n")
    options = ["--collection", "book", "--format", "sqlite", "--map", str(tmp_path / "map")]
    paths = [device.source("x").with_name(f"{number}.db") for number, device in enumerate(two)]
    for path in paths:
        sql(path, BOOK)
    laptop.json("add", str(paths[0]), *options)
    laptop.sync()
    desktop.sync()
    desktop.json("add", str(paths[1]), "--existing", *options)
    both(laptop, desktop)
    for path, name in zip(paths, ("anna", "bert")):
        sql(path, f"INSERT INTO people VALUES (1, '{name}'); INSERT INTO phones VALUES (1, 1, 'of {name}')")
    both(laptop, desktop)
    for path in paths:
        assert telephones(path) == [("anna", "of anna"), ("bert", "of bert")]


def test_a_map_of_a_database_that_says_nothing(two, tmp_path):  # noqa: F811
    laptop, _ = two
    path = laptop.source("x").with_name("book.db")
    sql(path, BOOK)
    for text, said in (("refers phones person", "line 1: refers TABLE"), ("UID = /uid", "what refers to what")):
        write(tmp_path / "map", text)
        result = laptop.finish("add", str(path), "--format", "sqlite", "--map", str(tmp_path / "map"))
        assert result.returncode == 2 and said in result.stderr, result.stderr
    write(tmp_path / "map", "refers phones owner people\n")
    laptop.json("add", str(path), "--collection", "book", "--format", "sqlite", "--map", str(tmp_path / "map"))
    assert "owner refers, which it doesn't have" in pending(laptop)["phones"]
