# SPDX-License-Identifier: Apache-2.0
"""One collection as vCards or iCalendar on one device, as CSV or JSON on another."""

import csv
import io
import json
import re
import sqlite3

import pytest

from cards import card, conflicts, edit, event, fill, items, pending, write
from counterfoil import both, broker, make_device, two  # noqa: F401

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


def rows(path):
    """By the first column."""
    found = list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))
    return found[0], {row[0]: dict(zip(found[0], row)) for row in found[1:]}


def table(path):
    return rows(path)[1]


def unfolded(text):
    return re.sub(r"\r\n[ \t]", "", text)


class Translated:
    """The same collection in two formats."""

    def __init__(self, two, format, things, there, *options, before=None):
        self.laptop, self.desktop = two
        self.here = fill(self.laptop.source("people"), things)
        self.there = self.desktop.source("people").with_name(there)
        if before is not None:
            write(self.there, before)
        self.laptop.json("add", str(self.here), "--collection", "home", "--format", format)
        self.laptop.sync()
        self.desktop.sync()
        self.told = self.desktop.json("add", str(self.there), "--collection", "home", "--existing", *options)
        self.desktop.sync()
        self.laptop.sync()

    def both(self, code=0):
        both(self.laptop, self.desktop, code)

    def card(self, name):
        return items(self.here)[name]


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


# ---- Calendars, and JSON ----

MEETING = event("meeting", "Meeting", "DTSTART;TZID=Europe/Berlin:20261120T090000", "DURATION:PT1H", "LOCATION:Room 1",
                "RRULE:FREQ=WEEKLY;COUNT=5", "EXDATE;TZID=Europe/Berlin:20261127T090000", "X-ODD;X-P=1:kept",
                "BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:now", "TRIGGER:-PT15M", "END:VALARM")
TASK = event("task", "Task", "DUE:20261121T100000Z", "PRIORITY:3", "PERCENT-COMPLETE:50", what="VTODO")


@pytest.fixture
def calendar(two):  # noqa: F811
    return Translated(two, "icalendar", {"meeting.ics": MEETING, "task.ics": TASK}, "home.json", "--format", "json")


def test_events_and_tasks_are_objects(calendar):
    found = {one["uid"]: one for one in json.loads(calendar.there.read_text())}
    assert found["meeting"]["@type"] == "Event" and found["task"]["@type"] == "Task"
    assert found["meeting"]["title"] == "Meeting" and found["meeting"]["start"] == "2026-11-20T09:00:00"
    assert found["meeting"]["recurrenceRules"][0]["frequency"] == "weekly"
    assert found["task"]["priority"] == 3
    assert items(calendar.here) == {"meeting.ics": MEETING, "task.ics": TASK}


def test_an_object_that_changes_changes_only_what_it_says(calendar):
    edit(calendar.there, '"title": "Meeting"', '"title": "Another meeting"')
    edit(calendar.there, "Room 1", "Room 2")
    edit(calendar.there, '"percentComplete": 50', '"percentComplete": 75')
    calendar.both()
    assert calendar.card("meeting.ics") == MEETING.replace("SUMMARY:Meeting", "SUMMARY:Another meeting").replace(
        "Room 1", "Room 2")
    assert calendar.card("task.ics") == TASK.replace("COMPLETE:50", "COMPLETE:75")
    edit(calendar.here / "task.ics", "SUMMARY:Task", "SUMMARY:Done")
    calendar.both()
    assert '"Done"' in calendar.there.read_text()


def test_alarms_say_when_they_go_off(two):  # noqa: F811
    alarms = [f"BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER{trigger}\r\nEND:VALARM" for trigger in (
        ";RELATED=START:-PT15M", ";RELATED=END:PT0S", ";VALUE=DURATION:-PT1H",
        ";VALUE=DATE-TIME:20261120T070000Z")]
    meeting = event("meeting", "Meeting", "DTSTART:20261120T090000Z", "DURATION:PT1H", *alarms)
    calendar = Translated(two, "icalendar", {"meeting.ics": meeting}, "home.json", "--format", "json")
    one, = json.loads(calendar.there.read_text())
    triggers = [alert["trigger"] for alert in one["alerts"].values()]
    for trigger in ({"offset": "-PT15M", "relativeTo": "start"}, {"offset": "PT0S", "relativeTo": "end"},
                    {"when": "2026-11-20T07:00:00Z"}):
        assert trigger in triggers
    assert "-PT1H" in [trigger.get("offset") for trigger in triggers]
    assert calendar.card("meeting.ics") == meeting
    for before, after in (("-PT15M", "-PT20M"), ("2026-11-20T07:00:00Z", "2026-11-20T08:00:00Z")):
        edit(calendar.there, before, after)
        calendar.both()
    assert calendar.card("meeting.ics") == meeting.replace("-PT15M", "-PT20M").replace("T070000Z", "T080000Z")


def test_objects_come_and_go(calendar):
    objects = json.loads(calendar.there.read_text())
    objects = [one for one in objects if one["uid"] != "task"]
    objects.append({"@type": "Event", "uid": "party", "title": "Party", "start": "2026-12-24T18:00:00",
                    "duration": "PT3H", "keywords": {"fun": True}})
    write(calendar.there, json.dumps(objects, indent=2))
    calendar.both()
    assert sorted(items(calendar.here)) == ["meeting.ics", "party.ics"]
    text = calendar.card("party.ics")
    assert "DTSTART:20261224T180000\r\n" in text and "DTEND:20261224T210000\r\n" in text and "CATEGORIES:fun\r\n" in text
    assert calendar.card("meeting.ics") == MEETING
    before = calendar.there.read_bytes()
    edit(calendar.here / "party.ics", "SUMMARY:Party", "SUMMARY:Feast")
    calendar.both()
    assert calendar.there.read_bytes() == before.replace(b'"Party"', b'"Feast"')


def test_contacts_as_objects(two):  # noqa: F811
    people = Translated(two, "vcard", {"anna.vcf": ANNA, "bert.vcf": BERT}, "people.json", "--format", "json")
    found = {one["uid"]: one for one in json.loads(people.there.read_text())}
    assert found["anna"]["@type"] == "Card" and found["anna"]["name"]["full"] == "Anna Example"
    assert sorted(phone["number"] for phone in found["bert"]["phones"].values()) == ["+49 2", "+49 3"]
    assert found["anna"]["keywords"] == {"friend": True, "colleague": True}
    edit(people.there, "+49 3", "+49 33")
    people.both()
    assert people.card("bert.vcf") == BERT.replace("+49 3", "+49 33") and people.card("anna.vcf") == ANNA


def test_events_as_a_table(two):  # noqa: F811
    calendar = Translated(two, "icalendar", {"meeting.ics": MEETING, "task.ics": TASK}, "home.csv", "--format", "csv")
    found = table(calendar.there)
    assert list(found) == ["meeting"], "a table has one of the two"
    assert found["meeting"]["Start"] == "2026-11-20T09:00:00" and found["meeting"]["Location"] == "Room 1"
    edit(calendar.there, "2026-11-20T09:00:00", "2026-11-20T10:00:00")
    calendar.both()
    assert "20261120T100000" in calendar.card("meeting.ics") and "X-ODD;X-P=1:kept" in calendar.card("meeting.ics")
    assert calendar.card("task.ics") == TASK


LUNCH = event("lunch", "Lunch", "DTSTART;TZID=Europe/Berlin:20261120T120000", "DTEND;TZID=Europe/Berlin:20261120T130000", "X-ODD:1")


def put_cells(path, uid, **cells):
    """What the columns say from now on; _ stands for a blank."""
    header, found = rows(path)
    found[uid].update({name.replace("_", " "): cell for name, cell in cells.items()})
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(found.values())
    write(path, out.getvalue())


@pytest.mark.parametrize("cells, lines, undo", [
    ({"All_day": "true", "Start": "2026-11-20T00:00:00", "Duration": "P1D"},
     "DTSTART;VALUE=DATE:20261120\r\nDTEND;VALUE=DATE:20261121\r\n", {"All_day": ""}),
    ({"All_day": "true", "Start": "2026-11-20T00:00:00"}, "DTSTART;VALUE=DATE:20261120\r\n", {"All_day": ""}),
    ({"Start": ""}, "", {}),
    ({"Start": "", "Time_zone": ""}, "", {"Time_zone": "Europe/Berlin"}),
], ids=["all day", "all day for an hour", "no start", "no start, no zone"])
def test_what_an_event_has_no_place_for_any_more_waits_in_the_table(two, cells, lines, undo):  # noqa: F811
    """A day has no time zone, and what doesn't start has no end: the file says the rest."""
    calendar = Translated(two, "icalendar", {"lunch.ics": LUNCH}, "home.csv", "--format", "csv")
    head, tail = LUNCH.split("DTSTART")[0], "X-ODD:1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    put_cells(calendar.there, "lunch", **cells)
    sheet = calendar.there.read_bytes()
    calendar.both()
    assert calendar.card("lunch.ics") == head + lines + tail and calendar.there.read_bytes() == sheet
    edit(calendar.here / "lunch.ics", "SUMMARY:Lunch", "SUMMARY:Late lunch")
    calendar.both()
    assert calendar.there.read_bytes() == sheet.replace(b"Lunch", b"Late lunch"), "nothing of it was taken away"
    put_cells(calendar.there, "lunch", Title="Lunch", Start="2026-11-20T12:00:00", Duration="PT1H", **undo)
    calendar.both()
    assert sorted(calendar.card("lunch.ics").split("\r\n")) == sorted(LUNCH.split("\r\n"))
    assert not pending(calendar.laptop) and not conflicts(calendar.laptop)


PARTICIPANTS = ("ORGANIZER;CN=\"Hopper, Grace\";SENT-BY=\"mailto:desk@example.org\":mailto:grace@example.org",
                "ATTENDEE;CN=\"Hopper, Grace\";ROLE=CHAIR;PARTSTAT=ACCEPTED:mailto:grace@example.org",
                "ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;X-NUM-GUESTS=0:mailto:ada@example.org",
                "ATTENDEE;CUTYPE=ROOM;DELEGATED-FROM=\"mailto:a@example.org\",\"mailto:b@example.org\":urn:uuid:17")


def participants(text):
    """Each with its parameters, in whatever order."""
    found = re.findall(r"^(ORGANIZER|ATTENDEE);(.*):((?:mailto|urn):.*?)\r?$", text, re.MULTILINE)
    return sorted((name, sorted(parameters.split(";")), who) for name, parameters, who in found)


@pytest.mark.parametrize("file, options", [("home.json", ["--format", "json"]), ("home.csv", ["--format", "csv"])])
def test_participants_come_through_other_formats_as_they_are(two, make_device, file, options):  # noqa: F811
    meeting = event("meeting", "Meeting", "DTSTART:20261120T090000Z", *PARTICIPANTS)
    calendar = Translated(two, "icalendar", {"meeting.ics": meeting}, file, *options)
    edit(calendar.there, "Meeting", "Another meeting")
    calendar.both()
    assert calendar.card("meeting.ics") == meeting.replace("SUMMARY:Meeting", "SUMMARY:Another meeting")
    before = calendar.there.read_bytes()
    edit(calendar.here / "meeting.ics", "PARTSTAT=NEEDS-ACTION", "PARTSTAT=DECLINED")
    calendar.both()
    after = calendar.there.read_bytes()
    assert after == (before if file.endswith("csv") else before.replace(b"NEEDS-ACTION", b"DECLINED"))
    made = calendar.desktop.source("made")
    calendar.desktop.json("add", str(made), "--collection", "home", "--existing", "--format", "icalendar")
    calendar.desktop.sync()
    text, = map(unfolded, items(made).values())
    assert participants(text) == participants("\r\n".join(PARTICIPANTS).replace("NEEDS-ACTION", "DECLINED"))
    (calendar.here / "meeting.ics").write_bytes(calendar.card("meeting.ics").replace(PARTICIPANTS[1] + "\r\n", "").encode())
    calendar.both()
    text, = map(unfolded, items(made).values())
    assert "ROLE=CHAIR" not in text and text.count("ATTENDEE") == 2 and b"CHAIR" not in calendar.there.read_bytes()


@pytest.mark.parametrize("date", ["20.11.2026 10:00", "11/20/2026", "2026-11-20 10:00", "tomorrow"])
def test_a_date_in_another_form_is_neither_lost_nor_guessed(two, date):  # noqa: F811
    lunch = event("lunch", "Lunch", "DTSTART:20261122T120000Z")
    calendar = Translated(two, "icalendar", {"meeting.ics": MEETING, "lunch.ics": lunch}, "home.csv", "--format", "csv")
    edit(calendar.there, "2026-11-20T09:00:00", date)
    edit(calendar.there, "Lunch", "Late lunch")
    calendar.desktop.finish("sync")
    calendar.laptop.sync()
    calendar.desktop.finish("sync")
    assert date in calendar.there.read_text()
    reason = pending(calendar.desktop)["meeting"]
    assert "Start" in reason and date in reason and "as 2026-11-20T09:00:00" in reason
    assert calendar.card("meeting.ics") == MEETING and "SUMMARY:Late lunch" in calendar.card("lunch.ics")


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
