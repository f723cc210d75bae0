# SPDX-License-Identifier: Apache-2.0
"""One calendar as iCalendar on one device, as CSV or JSON on another."""

import csv
import io
import json
import re

import pytest

from cards import conflicts, edit, event, items, pending, unstamped, write
from counterfoil import broker, make_device, two  # noqa: F401
from translation_scene import Translated, rows, table, unfolded

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
    assert unstamped(calendar.card("meeting.ics")) == unstamped(MEETING.replace("SUMMARY:Meeting", "SUMMARY:Another meeting").replace(
        "Room 1", "Room 2"))
    assert unstamped(calendar.card("task.ics")) == unstamped(TASK.replace("COMPLETE:50", "COMPLETE:75"))
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
    assert unstamped(calendar.card("meeting.ics")) == unstamped(meeting.replace("-PT15M", "-PT20M").replace("T070000Z", "T080000Z"))


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
    assert unstamped(calendar.card("lunch.ics")) == unstamped(head + lines + tail) and calendar.there.read_bytes() == sheet
    edit(calendar.here / "lunch.ics", "SUMMARY:Lunch", "SUMMARY:Late lunch")
    calendar.both()
    assert calendar.there.read_bytes() == sheet.replace(b"Lunch", b"Late lunch"), "nothing of it was taken away"
    put_cells(calendar.there, "lunch", Title="Lunch", Start="2026-11-20T12:00:00", Duration="PT1H", **undo)
    calendar.both()
    text = re.sub(r"BEGIN:VTIMEZONE.*END:VTIMEZONE\r\n", "", calendar.card("lunch.ics"), flags=re.DOTALL)
    assert sorted(unstamped(text).split("\r\n")) == sorted(unstamped(LUNCH).split("\r\n"))
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
    assert unstamped(calendar.card("meeting.ics")) == unstamped(meeting.replace("SUMMARY:Meeting", "SUMMARY:Another meeting"))
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
