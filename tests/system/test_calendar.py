# SPDX-License-Identifier: Apache-2.0
"""Calendars: folders of events and tasks, synced field by field."""

import re

import pytest

from cards import EXPORTS, Pair, conflicts, edit, entries, event, fill, items, pending, write
from counterfoil import broker, make_device, two, wait_until  # noqa: F401

BREAKFAST = event("breakfast", "Breakfast", "DTSTART;TZID=Europe/Berlin:20261124T090000",
                  "DTEND;TZID=Europe/Berlin:20261124T100000", "LOCATION:Cafe", "RRULE:FREQ=WEEKLY;COUNT=5",
                  "EXDATE;TZID=Europe/Berlin:20261201T090000", "X-MOOD:good", "BEGIN:VALARM", "ACTION:DISPLAY",
                  "DESCRIPTION:soon", "TRIGGER:-PT15M", "END:VALARM")
SHOPPING = event("shopping", "Shopping", "DUE:20261125T170000Z", "PRIORITY:5", what="VTODO")
HOME = {"breakfast.ics": BREAKFAST, "list.ics": SHOPPING, "color": "#aabbcc\n", "displayname": "Home\n"}


@pytest.fixture
def home(two):
    laptop, desktop = two
    return Pair(laptop, desktop, "icalendar", fill(laptop.source("home"), HOME), desktop.source("home"))


def test_events_and_tasks_of_a_folder(home):
    found = items(home.there)
    assert sorted(found) == ["breakfast.ics", "shopping.ics"] and items(home.here) == HOME
    for line in BREAKFAST.split("\r\n"):
        assert line.startswith(("PRODID", "DTSTAMP")) or line in found["breakfast.ics"].split("\r\n"), line
    assert "BEGIN:VTODO" in found["shopping.ics"] and "PRIORITY:5" in found["shopping.ics"]
    edit(home.here / "breakfast.ics", "LOCATION:Cafe", "LOCATION:Park")
    edit(home.there / "breakfast.ics", "SUMMARY:Breakfast", "SUMMARY:Brunch")
    edit(home.there / "breakfast.ics", "TRIGGER:-PT15M", "TRIGGER:-PT5M")
    edit(home.there / "shopping.ics", "PRIORITY:5", "PRIORITY:1\r\nSTATUS:COMPLETED")
    home.both()
    for folder, task in ((home.here, "list.ics"), (home.there, "shopping.ics")):
        merged = items(folder)["breakfast.ics"]
        assert "LOCATION:Park" in merged and "SUMMARY:Brunch" in merged
        assert re.findall("TRIGGER.*(-PT.*M)", merged) == ["-PT5M"]
        assert "STATUS:COMPLETED" in items(folder)[task]
    assert conflicts(home.laptop) == []


def test_a_task_done_twice_at_once_and_stamps(home):
    before = entries(home.laptop)
    edit(home.here / "list.ics", "DTSTAMP:20261101T090000Z", "DTSTAMP:20261120T090000Z\r\nSEQUENCE:3")
    home.both()
    assert entries(home.laptop) == before, "stamps alone are no change"
    edit(home.here / "list.ics", "SUMMARY:Shopping", "SUMMARY:Buy bread")
    home.laptop.sync()
    edit(home.there / "shopping.ics", "SUMMARY:Shopping", "SUMMARY:Buy milk")
    home.desktop.sync(4)
    home.laptop.sync(4)
    assert "SUMMARY:Buy milk" in items(home.here)["list.ics"]
    assert conflicts(home.laptop) == conflicts(home.desktop) == ["shopping/title"]


@pytest.mark.parametrize("name", ["apple.ics", "google.ics", "nextcloud.ics", "thunderbird.ics", "nextcloud-calendar.ics", "outlook.ics"])
def test_an_export_keeps_its_bytes(two, name):
    laptop, desktop = two
    here = laptop.source("all.ics")
    export = (EXPORTS / name).read_bytes()
    write(here, export)
    there = desktop.source("home")
    pair = Pair(laptop, desktop, "icalendar", here, there)
    pair.both()
    assert here.read_bytes() == export
    found = items(there)
    assert len(found) == laptop.json("status")["collections"][0]["items"] > 0
    which, text = next((name, text) for name, text in sorted(found.items()) if re.search("SUMMARY[:;]", text))
    summary = re.search("SUMMARY.*?:", text).group()
    edit(there / which, summary, summary + "Changed: ")
    pair.both()
    assert (summary + "Changed: ").encode() in here.read_bytes().replace(b"\r\n ", b"").replace(b"\\", b"")
    assert {other: text for other, text in items(there).items() if other != which} == \
        {other: text for other, text in found.items() if other != which}
    before = entries(laptop)
    pair.both()
    pair.both()
    assert entries(laptop) == before


def test_what_is_in_trouble_holds_back_nothing(home):
    bad = {"half.ics": "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:half\r\n",
           "nouid.ics": event("x", "Nobody").replace("UID:x\r\n", ""),
           "latin.ics": event("latin", "J\xfcrgen").encode("latin-1"),
           "long.ics": event("long", "x" * 10_000_000),
           "deep.ics": event("deep", "Deep").replace("END:VEVENT", "BEGIN:X-A\r\n" * 200 + "END:X-A\r\n" * 200 + "END:VEVENT"),
           "empty.ics": "", "twice.ics": SHOPPING,
           "diary.ics": event("diary", "Dear diary").replace("VEVENT", "VJOURNAL")}
    fill(home.here, bad)
    edit(home.here / "breakfast.ics", "LOCATION:Cafe", "LOCATION:Park")
    home.laptop.finish("sync")
    home.desktop.sync()
    assert sorted(items(home.there)) == ["breakfast.ics", "shopping.ics"]
    assert "LOCATION:Park" in items(home.there)["breakfast.ics"]
    reasons = pending(home.laptop)
    assert set(reasons) == set(bad)
    assert "no UID" in reasons["nouid.ics"] and "UTF-8" in reasons["latin.ics"] and "deep" in reasons["deep.ics"], reasons
    assert "has the UID of list.ics" in reasons["twice.ics"], reasons
    assert "save it again" in reasons["empty.ics"] and "only events and tasks are synced" in reasons["diary.ics"], reasons
    assert "delete" not in reasons["diary.ics"], reasons
    (home.there / "breakfast.ics").unlink()  # while others are in trouble
    home.desktop.sync()
    home.laptop.finish("sync")
    assert {path.name for path in home.here.glob("*.ics")} == {"list.ics", *bad}, "and nothing else is deleted"


@pytest.mark.parametrize("what", ["VJOURNAL", "VFREEBUSY", "X-NOTE"])
def test_what_is_beside_an_event_in_its_file_stays_without_it(home, what):
    diary = event("diary", "Dear diary", what=what)
    inside = diary.split("EN\r\n", 1)[1].split("END:VCALENDAR")[0]
    lunch = event("lunch", "Lunch", "DTSTART:20261124T120000Z")
    both = {"lunch.ics": lunch, "dinner.ics": lunch.replace("lunch", "dinner")}
    fill(home.here, {name: text.replace("END:VCALENDAR", inside + "END:VCALENDAR") for name, text in both.items()})
    home.both()
    assert set(reasons := pending(home.laptop)) == set(both), reasons
    assert all("only events and tasks are synced" in reason for reason in reasons.values()), reasons
    assert "Dear diary" not in "".join(items(home.there).values())
    edit(home.there / "lunch.ics", "SUMMARY:Lunch", "SUMMARY:Soup")
    home.both()
    assert "SUMMARY:Soup" in items(home.here)["lunch.ics"] and inside in items(home.here)["lunch.ics"]
    (home.there / "lunch.ics").unlink()
    write(home.here / "dinner.ics", diary)
    before = entries(home.laptop)
    home.both()
    home.both()
    assert entries(home.laptop) == before + 2, "one event was deleted there, one here"
    assert sorted(items(home.there)) == ["breakfast.ics", "shopping.ics"]
    assert {name: items(home.here)[name] for name in both} == dict.fromkeys(both, diary)
    assert set(pending(home.laptop)) == set(both), pending(home.laptop)
    write(home.there / "lunch.ics", lunch)
    home.both()
    home.both()
    assert items(home.here)["lunch.ics"] == diary and "UID:lunch" in "".join(items(home.here).values())


def test_a_table_that_is_not_asked_for_leaves_the_folder_and_nothing_else(home):
    home.desktop.run("set", str(home.there), "--include", "events")
    home.both()
    assert sorted(items(home.there)) == ["breakfast.ics"] and items(home.here) == HOME
    before = entries(home.laptop)
    edit(home.here / "list.ics", "SUMMARY:Shopping", "SUMMARY:Buy bread")
    home.both()
    edit(home.there / "breakfast.ics", "LOCATION:Cafe", "LOCATION:Park")
    home.desktop.sync()
    home.both()
    assert entries(home.laptop) == before + 2, "an edit here, an edit there, nothing else"
    assert "SUMMARY:Buy bread" in items(home.here)["list.ics"]
    assert "LOCATION:Park" in items(home.here)["breakfast.ics"]
    home.desktop.run("set", str(home.there), "--include", "*")
    home.both()
    assert "SUMMARY:Buy bread" in items(home.there)["shopping.ics"] and conflicts(home.laptop) == []


def test_tables_that_are_not_asked_for_of_one_file(two):
    laptop, desktop = two
    here = laptop.source("all.ics")
    write(here, BREAKFAST.replace("END:VCALENDAR\r\n", SHOPPING.split("EN\r\n", 1)[1]))
    laptop.run("add", str(here), "--format", "icalendar", "--collection", "all")
    laptop.sync()
    there = desktop.source("all.ics")
    desktop.run("add", str(there), "--format", "icalendar", "--collection", "all", "--existing", "--include", "tasks")
    desktop.sync()
    assert "SUMMARY:Shopping" in there.read_text() and "Breakfast" not in there.read_text()
    edit(here, "SUMMARY:Breakfast", "SUMMARY:Brunch")
    laptop.sync()
    before = entries(laptop)
    desktop.sync()
    edit(there, "PRIORITY:5", "PRIORITY:1")
    for device in (desktop, laptop, desktop):
        device.sync()
    assert entries(laptop) == before + 1
    assert "SUMMARY:Brunch" in here.read_text() and "PRIORITY:1" in here.read_text()


@pytest.mark.parametrize("pattern", ["contacts", "*.ics", "records//title=x"])
def test_a_pattern_of_a_table_that_there_is_not_is_refused(home, pattern):
    told = home.desktop.run("set", str(home.there), "--include", pattern, code=2)
    assert "has events and tasks" in told and "TABLE//FIELD=VALUE" in told
    home.both()
    assert sorted(items(home.there)) == ["breakfast.ics", "shopping.ics"]
