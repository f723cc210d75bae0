# SPDX-License-Identifier: Apache-2.0
"""One property of an event, a task or a contact, given on both devices at once: the formats' own rules hold afterwards."""

import datetime
import json
import re

import pytest

from cards import Pair, card, conflicts, edit, entries, event, fill, items
from counterfoil import broker, make_device, two  # noqa: F401
from test_neighbours import MISSING, Neighbours

MEETING = event("meeting", "Meeting", "DTSTART:20261124T090000Z", "DTEND:20261124T100000Z", "LAST-MODIFIED:20261101T090000Z")
SHOPPING = event("shopping", "Shopping", "PRIORITY:5", what="VTODO")
ANNA = card("anna", "Anna Example", "N:Example;Anna;;;", "EMAIL:anna@example.org")


def lines_of(text, name):
    return [line for line in text.replace("\r\n ", "").split("\r\n") if re.match(rf"(?:{name})[:;]", line)]


def meet(two, before, name, here, there):
    """Both put a line of their own in; what both have of this property then, and what is listed."""
    laptop, desktop = two
    kind = "vcard" if "VCARD" in before else "icalendar"
    file, end = ("a.vcf", "END:VCARD") if kind == "vcard" else ("a.ics", "END:VTODO" if "VTODO" in before else "END:VEVENT")
    pair = Pair(laptop, desktop, kind, fill(laptop.source("home"), {file: before}), desktop.source("home"))
    other, = pair.there.glob("*.[iv]c[sf]")
    edit(pair.here / file, end, f"{here}\r\n{end}")
    laptop.sync()
    edit(other, end, f"{there}\r\n{end}")
    desktop.finish("sync")
    laptop.finish("sync")
    desktop.finish("sync")
    known = entries(laptop)
    laptop.finish("sync")
    desktop.finish("sync")
    assert entries(laptop) == known, "nothing goes back and forth"
    found = lines_of(items(pair.here)[file], name), lines_of(other.read_bytes().decode(), name)
    assert found[0] == found[1]
    assert conflicts(laptop) == conflicts(desktop)
    return pair, found[0], conflicts(laptop)


ONCE = [(MEETING, "LOCATION:Cafe", "LOCATION:Park"),
        (MEETING, "RRULE:FREQ=DAILY;COUNT=3", "RRULE:FREQ=WEEKLY;COUNT=3"),
        (MEETING, "URL:https://example.org/1", "URL:https://example.org/2"),
        (MEETING, "GEO:52.5;13.4", "GEO:48.1;11.6"),
        (MEETING, "ORGANIZER:mailto:anna@example.org", "ORGANIZER;CN=Bert:mailto:bert@example.org"),
        (MEETING, "X-MOOD:good", "X-MOOD:better"),
        (MEETING, "LOCATION:Cafe", "LOCATION;LANGUAGE=en:Park"),
        (MEETING, "LOCATION;ALTREP=\"https://example.org/1\":Cafe", "LOCATION:Park"),
        (MEETING, "CLASS:PRIVATE", "CLASS;X-P=1:PUBLIC"),
        (MEETING, "PRIORITY:3", "PRIORITY;X-P=1:4"),
        (SHOPPING, "PERCENT-COMPLETE;X-P=1:10", "PERCENT-COMPLETE:20"),
        (SHOPPING, "PERCENT-COMPLETE:10", "PERCENT-COMPLETE;X-P=1:20"),
        (SHOPPING, "COMPLETED:20261125T100000Z", "COMPLETED:20261125T110000Z"),
        (SHOPPING, "COMPLETED;VALUE=DATE-TIME:20261125T100000Z", "COMPLETED:20261125T110000Z"),
        (ANNA, "BDAY:1980-01-02", "BDAY:1980-02-01"),
        (ANNA, "BDAY:1980-01-02", "BDAY;VALUE=text:about 1980"),
        (ANNA, "BDAY;VALUE=text:about 1980", "BDAY:1980-01-02"),
        (ANNA, "TZ:+01:00", "TZ:+02:00"),
        (ANNA, "X-SPOUSE:Bert", "X-SPOUSE:Robert")]


@pytest.mark.parametrize("before, here, there", ONCE, ids=[f"{here.split(':')[0]} {n}" for n, (_, here, _) in enumerate(ONCE)])
def test_one_line_of_what_may_be_once(two, before, here, there):
    name = re.match("[A-Z-]+", here).group()
    _, found, listed = meet(two, before, name, here, there)
    assert found == [there], "the later one"
    assert len(listed) == 1 and name.lower() in listed[0].lower().replace("recurrencerules", "rrule").replace(
        "anniversaries", "bday").replace("privacy", "class").replace("percentcomplete", "percent-complete"), listed


@pytest.mark.parametrize("keep", ["1", "2", "mine", "theirs"])
@pytest.mark.parametrize("kind", ["icalendar", "vcard"])
def test_what_is_listed_of_it_is_settled(two, kind, keep):
    """By each word that `status` offers: of as many records as there are properties above, all at once."""
    laptop, desktop = two
    end, known = ("ics", (MEETING, SHOPPING)) if kind == "icalendar" else ("vcf", (ANNA,))
    once = [one for one in ONCE if one[0] in known]

    def text(n, line=""):
        before = re.sub("(?m)^UID:.*$", f"UID:r{n}\r", once[n][0])
        return re.sub("END:(VEVENT|VTODO|VCARD)\r\n", lambda found: f"{line}\r\n{found[0]}" if line else found[0], before, count=1)

    pair = Pair(laptop, desktop, kind, fill(laptop.source("home"), {f"r{n}.{end}": text(n) for n in range(len(once))}),
                desktop.source("home"))
    fill(pair.here, {f"r{n}.{end}": text(n, here) for n, (_, here, _) in enumerate(once)})
    laptop.sync()
    fill(pair.there, {f"r{n}.{end}": text(n, there) for n, (_, _, there) in enumerate(once)})
    for device in desktop, laptop, desktop:
        device.finish("sync")
    assert len(conflicts(laptop)) == len(once)
    assert f"{len(once)} fields settled" in laptop.run("conflicts", "resolve", "home//*", "--keep", keep)
    for device in laptop, desktop, laptop:
        device.sync()
    known = entries(laptop)
    pair.both()
    assert conflicts(laptop) == conflicts(desktop) == [] and entries(laptop) == known
    for n, (_, here, there) in enumerate(once):
        kept = {"1": there, "2": here, "mine": here, "theirs": there}[keep]
        for folder in pair.here, pair.there:
            found, = lines_of(items(folder)[f"r{n}.{end}"], re.match("[A-Z-]+", here).group())
            assert found == kept, (here, there)


AT_NINE = ("DTSTART:20260110T090000Z", "DTEND:20260110T100000Z")
THE_TENTH = ("DTSTART;VALUE=DATE:20260110", "DTEND;VALUE=DATE:20260111")
MOVES = [(AT_NINE, ("DTSTART;VALUE=DATE:20260112", "DTEND;VALUE=DATE:20260113"), ("DTSTART:20260110T153000Z", "DTEND:20260110T170000Z")),
         (AT_NINE, THE_TENTH, ("DTSTART:20260110T110000Z", "DTEND:20260110T120000Z")),
         (AT_NINE, ("DTSTART;TZID=America/New_York:20260112T080000", "DTEND;TZID=America/New_York:20260112T090000"),
          ("DTSTART:20260113T080000Z", "DTEND:20260113T090000Z")),
         (THE_TENTH, ("DTSTART:20260112T080000Z", "DTEND:20260112T090000Z"),
          ("DTSTART;VALUE=DATE:20260115", "DTEND;VALUE=DATE:20260119")),
         (AT_NINE, ("DTSTART:20260110T090000Z", "DTEND:20260110T120000Z"), ("DTSTART:20260110T083000Z", "DTEND:20260110T100000Z"))]


def test_when_an_event_is_one_of_both_says(two):
    """Both move it at once, each case by either first: the later's start, end, zone and day, and the other's to be settled."""
    laptop, desktop = two
    cases = [*MOVES, *((before, there, here) for before, here, there in MOVES)]

    def texts(which):
        return {f"r{n}.ics": event(f"r{n}", "Meeting", *case[which]) for n, case in enumerate(cases)}

    def found(folder):
        return [tuple(lines_of(text.split("BEGIN:VEVENT")[1], "DT(?:START|END)")) for _, text in
                sorted(items(folder).items(), key=lambda one: int(one[0][1:-4]))]

    pair = Pair(laptop, desktop, "icalendar", fill(laptop.source("home"), texts(0)), desktop.source("home"))
    fill(pair.here, texts(1))
    laptop.sync()
    fill(pair.there, texts(2))
    for device in desktop, laptop, desktop:
        device.finish("sync")
    assert found(pair.here) == found(pair.there) == [case[2] for case in cases]
    assert len(conflicts(laptop)) == len(cases) and all(path.endswith("/start") for path in conflicts(laptop))
    for which, number in (("home//r[0-4]/*", "2"), ("home//r[5-9]/*", "1")):
        assert "5 fields settled" in laptop.finish("conflicts", "resolve", which, "--keep", number).stdout
    pair.both()
    known = entries(laptop)
    pair.both()
    assert entries(laptop) == known and conflicts(laptop) == conflicts(desktop) == []
    kept = [case[1] for case in cases[:5]] + [case[2] for case in cases[5:]]
    assert found(pair.here) == found(pair.there) == kept


@pytest.mark.parametrize("here, there", [("LOCATION:Cafe", "LOCATION;LANGUAGE=de:Park"), ("LOCATION;LANGUAGE=de:Cafe", "LOCATION:Park")],
                         ids=["a field", "a line"])
def test_what_gives_way_between_a_field_and_a_line_is_listed_with_what_is_shown(two, here, there):
    _, found, listed = meet(two, MEETING, "LOCATION", here, there)
    assert found == [there] and len(listed) == 1 and listed[0] in ("meeting/location", "meeting/locations")
    collection, = two[0].json("status")["collections"]
    conflict, = collection["conflicts"]
    assert "Park" in json.dumps(conflict["shown"]) and "Cafe" in json.dumps(conflict["value"]), conflict


def test_a_line_is_kept_though_the_field_is_in_conflict_itself(two):
    pair, _, _ = meet(two, MEETING, "LOCATION", "LOCATION:a", "LOCATION:b")
    laptop, desktop = two
    edit(pair.here / "a.ics", "LOCATION:b", "LOCATION:b\r\nLOCATION;LANGUAGE=de:c")
    laptop.finish("sync")
    edit(pair.there / "meeting.ics", "LOCATION:b", "LOCATION:d")
    for device in desktop, laptop, desktop:
        device.finish("sync")
    assert [path.split("/")[-1] for path in conflicts(laptop)].count("location") == 1 and len(conflicts(laptop)) == 3
    laptop.run("conflicts", "resolve", "home//*", "--keep", "2")
    pair.both()
    assert conflicts(laptop) == conflicts(desktop) == []
    for text in items(pair.here)["a.ics"], items(pair.there)["meeting.ics"]:
        assert lines_of(text, "LOCATION") == ["LOCATION;LANGUAGE=de:c"], text


BY_WHOM = pytest.mark.parametrize("by", [0, 1], ids=["here", "there"])


@BY_WHOM
@pytest.mark.parametrize("there", ["LAST-MODIFIED;X-A=1:20240103T000000Z", "LAST-MODIFIED:20240103T000000Z"], ids=["line", "field"])
def test_what_is_deleted_is_not_back_by_the_time_that_a_later_one_hides(two, there, by):
    event_without = event("meeting", "Meeting", "DTSTART:20261124T090000Z", "DTEND:20261124T100000Z")
    pair, _, listed = meet(two, event_without, "LAST-MODIFIED", "LAST-MODIFIED;X-A=1:20240102T000000Z", there)
    assert listed == []
    next((pair.here, pair.there)[by].glob("*.ics")).unlink()
    for device in two[by], two[1 - by], two[by]:
        device.finish("sync", "--yes")
    assert not [*pair.here.glob("*.ics"), *pair.there.glob("*.ics")]


TWICE = [("DESCRIPTION:one", "DESCRIPTION:two", "DESCRIPTION:three"),
         ("RRULE:FREQ=DAILY;COUNT=3", "RRULE:FREQ=WEEKLY;COUNT=3", "RRULE:FREQ=MONTHLY;COUNT=3"),
         ("LOCATION:Cafe", "LOCATION;LANGUAGE=de:Park", "LOCATION:Bar"),
         ("ATTENDEE;CUTYPE=ROOM:mailto:a@example.org", "ATTENDEE;CUTYPE=INDIVIDUAL:mailto:a@example.org", "ATTENDEE;CUTYPE=GROUP:mailto:a@example.org")]


@pytest.mark.parametrize("first, second, edited", TWICE, ids=[second.split(":")[0] for _, second, _ in TWICE])
def test_what_one_has_twice_stays_when_the_first_is_edited(two, first, second, edited):
    laptop, desktop = two
    before = event("meeting", "Meeting", "DTSTART:20261124T090000Z", first, second)
    pair = Pair(laptop, desktop, "icalendar", fill(laptop.source("home"), {"a.ics": before}), desktop.source("home"))
    other, = pair.there.glob("*.[iv]c[sf]")
    edit(pair.here / "a.ics", first, edited)
    for _ in range(2):
        laptop.finish("sync")
        desktop.finish("sync")
    for text in (items(pair.here)["a.ics"], other.read_bytes().decode()):
        assert sorted(lines_of(text, edited.split(":")[0].split(";")[0])) == sorted([edited, second]), text
    assert conflicts(laptop) == conflicts(desktop) == []


def test_one_attendee_who_accepts_and_declines(two):
    attendee = "ATTENDEE;PARTSTAT={}:mailto:anna@example.org"
    pair, found, listed = meet(two, MEETING, "ATTENDEE", attendee.format("ACCEPTED"), attendee.format("DECLINED"))
    assert found == [attendee.format("DECLINED")] and len(listed) == 1
    edit(pair.here / "a.ics", found[0], found[0] + "\r\nATTENDEE:mailto:bert@example.org")
    pair.laptop.finish("sync")
    pair.desktop.finish("sync")
    assert len(lines_of(items(pair.here)["a.ics"], "ATTENDEE")) == 2


@pytest.mark.parametrize("stamp", ["LAST-MODIFIED:{}", "LAST-MODIFIED;VALUE=DATE-TIME:{}", "LAST-MODIFIED;X-BY=ME:{}"])
def test_the_greatest_of_two_stamps(two, stamp):
    laptop, desktop = two
    pair = Pair(laptop, desktop, "icalendar", fill(laptop.source("home"), {"a.ics": MEETING}), desktop.source("home"))
    other, = pair.there.glob("*.[iv]c[sf]")
    edit(pair.here / "a.ics", "DTSTAMP:20261101T090000Z", "DTSTAMP:21000101T090000Z")
    begun = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    edit(pair.here / "a.ics", "LAST-MODIFIED:20261101T090000Z", stamp.format("20261103T090000Z") + "\r\nLOCATION:Cafe\r\nSEQUENCE:12")
    laptop.sync()
    edit(other, "LAST-MODIFIED:20261101T090000Z", stamp.format("20261102T090000Z") + "\r\nURL:https://example.org\r\nSEQUENCE:9")
    pair.both()
    pair.both()
    assert conflicts(laptop) == conflicts(desktop) == []
    for text in (items(pair.here)["a.ics"], other.read_bytes().decode()):
        line, = lines_of(text, "LAST-MODIFIED")
        assert line.endswith(":20261103T090000Z"), text
        assert lines_of(text, "SEQUENCE") == ["SEQUENCE:12"] and "LOCATION:Cafe" in text and "URL:https" in text
    assert lines_of(items(pair.here)["a.ics"], "DTSTAMP") == ["DTSTAMP:21000101T090000Z"], "its own is later than the change"
    (line,) = lines_of(other.read_bytes().decode(), "DTSTAMP")
    assert f"DTSTAMP:{begun}" <= line < "DTSTAMP:2100", line


GREATEST = [(before, f"{name}{ours}:{one}", f"{name}{theirs}:{other}", str(greater))
            for name, least, less, greater in (("SEQUENCE", 3, 5, 12), ("LAST-MODIFIED", *(f"2026110{day}T090000Z" for day in (1, 2, 3))))
            for before in ("", f"{name}:{least}")
            for ours, theirs in ((";X-BY=ME", ""), ("", ";X-BY=ME"), (";X-BY=ME", ";X-BY=YOU"))
            for one, other in ((less, greater), (greater, less))]


def test_the_greatest_of_two_whichever_has_a_parameter(two):
    laptop, desktop = two

    def texts(which, *more):
        return {f"r{n}.ics": event(f"r{n}", "Meeting", "DTSTART:20261124T090000Z", *(line for line in (case[which], *more) if line))
                for n, case in enumerate(GREATEST)}

    pair = Pair(laptop, desktop, "icalendar", fill(laptop.source("home"), texts(0)), desktop.source("home"))
    fill(pair.here, texts(1, "LOCATION:Cafe"))
    laptop.sync()
    fill(pair.there, texts(2, "COMMENT:yes"))
    pair.both()
    pair.both()
    assert conflicts(laptop) == conflicts(desktop) == []
    for n, (before, here, there, greater) in enumerate(GREATEST):
        shown = here if here.endswith(f":{greater}") else there
        for folder in pair.here, pair.there:
            text = items(folder)[f"r{n}.ics"]
            assert lines_of(text, "SEQUENCE|LAST-MODIFIED") == [shown], (before, here, there)
            assert "LOCATION:Cafe" in text and "COMMENT:yes" in text


def test_values_beside_each_other_are_edited_one_by_one(two):
    laptop, desktop = two
    before = event("meeting", "Meeting", "DTSTART:20261124T090000Z", "COMMENT:one", "GEO:52.5;13.4", "X-MOOD:good",
                   "ATTENDEE:mailto:anna@example.org")
    pair = Pair(laptop, desktop, "icalendar", fill(laptop.source("home"), {"a.ics": before}), desktop.source("home"))
    other, = pair.there.glob("*.[iv]c[sf]")
    edit(pair.here / "a.ics", "COMMENT:one\r\nGEO:52.5;13.4\r\nX-MOOD:good", "COMMENT:two\r\nGEO:1.0;2.0\r\nX-MOOD:bad")
    laptop.sync()
    for line, new in (("GEO:52.5;13.4", "GEO:3.0;4.0"), ("X-MOOD:good", "X-MOOD:better"), ("ATTENDEE:", "ATTENDEE;PARTSTAT=ACCEPTED:")):
        edit(other, line, new)
    desktop.finish("sync")
    laptop.finish("sync")
    for text in (items(pair.here)["a.ics"], other.read_bytes().decode()):
        assert lines_of(text, "GEO") == ["GEO:3.0;4.0"] and lines_of(text, "X-MOOD") == ["X-MOOD:better"], text
        assert lines_of(text, "COMMENT") == ["COMMENT:two"], text
        assert lines_of(text, "ATTENDEE") == ["ATTENDEE;PARTSTAT=ACCEPTED:mailto:anna@example.org"], text
    assert len(conflicts(laptop)) == 2
    edit(pair.here / "a.ics", "GEO:3.0;4.0\r\n", "")
    laptop.finish("sync")
    desktop.finish("sync")
    assert lines_of(other.read_bytes().decode(), "GEO") == [], "what was listed goes with what was shown"
    assert len(conflicts(laptop)) == 1


@pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} not installed")
def test_todoman_and_khal_read_what_both_finished_and_moved(two, tmp_path):
    laptop, desktop = two
    pair = Pair(laptop, desktop, "icalendar", fill(laptop.source("home"), {"a.ics": SHOPPING, "b.ics": MEETING}), desktop.source("home"))
    ours, theirs = (Neighbours(tmp_path / name) for name in ("ours", "theirs"))
    for program, folder in ((ours, pair.here), (theirs, pair.there)):
        program.folder.mkdir()
        task, = json.loads(program.tasks(folder, "list"))
        program.tasks(folder, "done", str(task["id"]))
    edit(pair.here / "b.ics", "END:VEVENT", "LOCATION:Cafe\r\nEND:VEVENT")
    edit(pair.there / "meeting.ics", "END:VEVENT", "LOCATION:Park\r\nEND:VEVENT")
    for _ in range(2):
        laptop.finish("sync")
        desktop.finish("sync")
    for program, folder in ((ours, pair.here), (theirs, pair.there)):
        found = json.loads(program.tasks(folder, "list", "--status", "ANY"))
        assert [task["summary"] for task in found] == ["Shopping"] and found[0]["completed"]
        assert "Meeting" in program.khal(folder, "list", "--format", "{title} {location}", "2026-11-24", "1d")
