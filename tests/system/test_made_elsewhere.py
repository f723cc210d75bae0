# SPDX-License-Identifier: Apache-2.0
"""Contacts and events that were made in JSON or in a table, as the programs of cards and calendars want them."""

import datetime
import json
import re

import icalendar
import pytest

from cards import edit, event, items, write
from counterfoil import broker, make_device, two  # noqa: F401
from translation_scene import Translated

MADE = {"@type": "Event", "uid": "made", "title": "Made", "start": "2026-11-20T09:00:00", "timeZone": "America/New_York",
        "duration": "PT1H"}


@pytest.fixture
def calendar(two):
    return Translated(two, "icalendar", {"one.ics": event("one", "One", "DTSTART:20261120T090000Z")}, "home.json", "--format", "json")


def make(calendar, *events):
    found = json.loads(calendar.there.read_text())
    calendar.there.write_text(json.dumps(found + list(events), indent=2))
    calendar.both()


def entries(calendar):
    return len(calendar.laptop.json("log", "-n", "1000"))


def test_an_event_has_the_description_of_its_zone_and_the_time_of_its_change(calendar):
    before = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    make(calendar, MADE)
    text = calendar.card("made.ics")
    (found,) = icalendar.Calendar.from_ical(text).walk("VEVENT")
    (zone,) = icalendar.Calendar.from_ical(text).walk("VTIMEZONE")
    assert zone["TZID"] == "America/New_York" and len(zone.subcomponents) == 2
    assert found["DTSTART"].dt.utcoffset() == datetime.timedelta(hours=-5)
    assert before <= found["DTSTAMP"].dt <= datetime.datetime.now(datetime.timezone.utc)
    told = entries(calendar)
    calendar.both()
    assert entries(calendar) == told and "timeZones" not in calendar.there.read_text(), "nobody said so"
    edit(calendar.here / "made.ics", "SUMMARY:Made", "SUMMARY:Made anew")
    calendar.both()
    assert [one for one in json.loads(calendar.there.read_text()) if one["uid"] == "made"] == [{**MADE, "title": "Made anew"}]


def test_an_event_that_is_moved_into_another_zone_has_its_description(calendar):
    make(calendar, MADE)
    events = json.loads(calendar.there.read_text())
    (made,) = [one for one in events if one["uid"] == "made"]
    made["timeZone"] = "Europe/Paris"
    made["recurrenceRules"] = [{"@type": "RecurrenceRule", "frequency": "daily", "count": 3}]
    made["recurrenceOverrides"] = {"2026-11-21T09:00:00": {"title": "Late"}}
    calendar.there.write_text(json.dumps(events, indent=2))
    calendar.both()
    assert zones(calendar) == {"America/New_York", "Europe/Paris"}, "and that of before, which nobody took away"
    made["recurrenceOverrides"]["2026-11-21T09:00:00"] = {"title": "Late", "start": "2026-11-21T08:00:00", "timeZone": "Europe/London"}
    calendar.there.write_text(json.dumps(events, indent=2))
    calendar.both()
    assert zones(calendar) == {"America/New_York", "Europe/Paris", "Europe/London"}
    told, text = entries(calendar), calendar.card("made.ics")
    calendar.both()
    assert entries(calendar) == told and calendar.card("made.ics") == text


def zones(calendar):
    """Those that made.ics describes, which are all that it names."""
    return described(calendar.card("made.ics"))


def described(text):
    found = [str(zone["TZID"]) for zone in icalendar.Calendar.from_ical(text).walk("VTIMEZONE")]
    assert set(re.findall(r";TZID=([^:;]+)", text)) <= set(found) and len(found) == len(set(found)), text
    return set(found)


def test_an_occurrence_in_a_zone_of_its_own_has_its_description_wherever_it_is_new(calendar, make_device):
    """In a file of its own, made by itself or beside its series; then in a folder, and in a file, of a third device."""
    series = {**MADE, "recurrenceRules": [{"@type": "RecurrenceRule", "frequency": "daily", "count": 5}],
              "recurrenceOverrides": {"2026-11-21T09:00:00": {"timeZone": "Europe/Paris"},
                                      "2026-11-22T09:00:00": {"timeZone": "Asia/Tokyo", "title": "Late"}}}
    wanted = {"America/New_York", "Europe/Paris", "Asia/Tokyo"}
    make(calendar, series, {**series, "uid": "floating", "timeZone": None}, {**series, "uid": "utc", "timeZone": "Etc/UTC"})
    assert zones(calendar) == wanted
    for name in "floating.ics", "utc.ics":
        assert described(calendar.card(name)) == wanted - {"America/New_York"}, name
    told, before = entries(calendar), items(calendar.here)
    calendar.both()
    assert entries(calendar) == told and items(calendar.here) == before
    phone = make_device("phone")
    calendar.laptop.pair(phone)
    calendar.both()
    told = entries(calendar)
    folder, file = phone.source("folder"), phone.source("all.ics")
    for source in folder, file:
        phone.json("add", str(source), "--format", "icalendar", "--collection", "home", "--existing")
        phone.sync()
    assert described(items(folder)["made.ics"]) == wanted
    assert described(file.read_bytes().decode()) == wanted
    calendar.both()
    assert entries(calendar) == told


def test_a_zone_that_somebody_described_is_his(calendar):
    zone = ["BEGIN:VTIMEZONE", "TZID:Europe/Berlin", "BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:+0300",
            "TZOFFSETTO:+0300", "END:STANDARD", "END:VTIMEZONE"]
    own = event("own", "Own", "DTSTART;TZID=Europe/Berlin:20261120T090000").replace("BEGIN:VEVENT", "\r\n".join([*zone, "BEGIN:VEVENT"]))
    write(calendar.here / "own.ics", own)
    calendar.both()
    assert "+0300" in calendar.there.read_text() and calendar.card("own.ics") == own
