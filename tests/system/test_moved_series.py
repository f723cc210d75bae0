# SPDX-License-Identifier: Apache-2.0
"""A series is moved on one device, and an occurrence of it cancelled, or all of it moved elsewhere, on the other: what was
cancelled stays cancelled, by the rules of RFC 5545 (python3-dateutil), and as khal shows it."""

import datetime
import os
import random
import re
import shutil
import subprocess

import pytest

from cards import Pair, conflicts, entries, event, fill, items, pending, write
from counterfoil import broker, make_device, two  # noqa: F401
from test_random_merges import OFFSETS, ZONE

icalendar = pytest.importorskip("icalendar", reason="python3-icalendar is not installed")
rrule = pytest.importorskip("dateutil.rrule", reason="python3-dateutil is not installed")

BERLIN, YORK = OFFSETS
WEEKS = 6
FIRST = datetime.date(2026, 11, 2)  # a Monday
DAYS = [FIRST + datetime.timedelta(weeks=n) for n in range(WEEKS)]


def series(hour=9, zone=BERLIN, without=(), rule=f"FREQ=WEEKLY;COUNT={WEEKS}", more=""):
    """As a calendar program writes it: all in one zone, and described; in one line what is cancelled."""
    def line(name, hour, *days):
        return f"{name};TZID={zone}:" + ",".join(f"{day:%Y%m%d}T{hour:02}0000" for day in days)
    lines = [line("DTSTART", hour, FIRST), line("DTEND", hour + 1, FIRST), f"RRULE:{rule}",
             *([line("EXDATE", hour, *sorted(without))] if without else [])]
    described = "\r\n".join(line.format(zone if "TZID" in line else OFFSETS[zone]) for line in ZONE)
    return event("yoga", "Yoga", *lines).replace("BEGIN:VEVENT", described + "\r\nBEGIN:VEVENT").replace("END:VCALENDAR", more + "END:VCALENDAR")


# The second one is in the afternoon.
LONGER = ("BEGIN:VEVENT\r\nUID:yoga\r\nDTSTAMP:20261101T090000Z\r\n"
          f"RECURRENCE-ID;TZID={BERLIN}:20261109T090000\r\nDTSTART;TZID={BERLIN}:20261109T150000\r\n"
          f"DTEND;TZID={BERLIN}:20261109T160000\r\nSUMMARY:Long yoga\r\nEND:VEVENT\r\n")


def occurrences(text):
    """When it takes place, on the clock of its zone: by the rule, without what is excluded or told by itself."""
    main, found, others = None, None, []
    for part in icalendar.Calendar.from_ical(text).walk("VEVENT"):
        if "RECURRENCE-ID" in part:
            others.append(part)
        else:
            assert main is None, text
            main = part
    start = main["DTSTART"].dt
    zone = main["DTSTART"].params["TZID"]
    found = set(rrule.rrulestr(main["RRULE"].to_ical().decode(), dtstart=start.replace(tzinfo=None)))
    gone = main.get("EXDATE", [])
    for one in gone if isinstance(gone, list) else [gone]:
        assert one.params["TZID"] == zone, text
        found -= {each.dt.replace(tzinfo=None) for each in one.dts}
    for one in others:
        found.discard(one["RECURRENCE-ID"].dt.replace(tzinfo=None))
        found.add(one["DTSTART"].dt.replace(tzinfo=None))
    return zone, sorted(found)


def at(hour, zone=BERLIN, without=()):
    return zone, [datetime.datetime.combine(day, datetime.time(hour)) for day in DAYS if day not in without]


class Series(Pair):
    def __init__(self, two, text):
        laptop, desktop = two
        super().__init__(laptop, desktop, "icalendar", fill(laptop.source("home"), {"yoga.ics": text}), desktop.source("home"))

    def apart(self, here, there):
        write(self.here / "yoga.ics", here)
        write(self.there / "yoga.ics", there)
        for device in (self.laptop, self.desktop, self.laptop, self.desktop):
            device.finish("sync")
        assert pending(self.laptop) == pending(self.desktop) == {}

    def shown(self):
        here, there = (occurrences(items(folder)["yoga.ics"]) for folder in (self.here, self.there))
        assert here == there, f"{here} is here, {there} there"
        return here

    def is_quiet(self):
        before = entries(self.laptop), items(self.here), items(self.there)
        for _ in range(2):
            self.laptop.finish("sync")
            self.desktop.finish("sync")
        assert (entries(self.laptop), items(self.here), items(self.there)) == before


def test_a_cancelled_occurrence_stays_so_in_another_zone_and_at_another_hour(two):  # noqa: F811
    """Here all of it is moved to another zone, at the same hour; there to another hour."""
    scene = Series(two, series(without=DAYS[1:2]))
    scene.apart(series(zone=YORK, without=DAYS[1:2]), series(hour=10, without=DAYS[1:2]))
    assert scene.shown() == at(10, without=DAYS[1:2]), "the later one"
    assert conflicts(scene.laptop) == ["yoga/start"]
    scene.is_quiet()
    scene.laptop.run("conflicts", "resolve", "home//yoga*", "--keep", "2")
    scene.both()
    assert scene.shown() == at(9, YORK, without=DAYS[1:2]), "the other one"
    assert conflicts(scene.laptop) == conflicts(scene.desktop) == []
    scene.is_quiet()


@pytest.mark.parametrize("cancels_later", [False, True])
def test_what_is_cancelled_where_the_series_was_is_cancelled_where_it_is(two, cancels_later):  # noqa: F811
    scene = Series(two, series(without=DAYS[1:2]))
    moved, cancelled = series(hour=10, without=DAYS[1:2]), series(without=[DAYS[1], DAYS[3]])
    scene.apart(*((moved, cancelled) if cancels_later else (cancelled, moved)))
    assert scene.shown() == at(10, without=[DAYS[1], DAYS[3]])
    assert conflicts(scene.laptop) == conflicts(scene.desktop) == []
    scene.is_quiet()
    write(scene.there / "yoga.ics", items(scene.there)["yoga.ics"].replace(f"EXDATE;TZID={BERLIN}:20261123T100000\r\n", ""))
    scene.both()
    assert scene.shown() == at(10, without=DAYS[1:2]), "it takes place again"
    write(scene.here / "yoga.ics", series(without=DAYS[1:2]))
    scene.both()
    assert scene.shown() == at(9, without=DAYS[1:2]), "also where it was"
    scene.is_quiet()


def other(title, start, end, was=9):
    """The second one, told by itself, as a calendar program tells it: all of it."""
    when = {"RECURRENCE-ID": was, "DTSTART": start, "DTEND": end}
    return ("BEGIN:VEVENT\r\nUID:yoga\r\nDTSTAMP:20261101T090000Z\r\n"
            + "".join(f"{name};TZID={BERLIN}:20261109T{hour:02}0000\r\n" for name, hour in when.items())
            + f"SUMMARY:{title}\r\nEND:VEVENT\r\n")


def told(text):
    """Of each occurrence that is told by itself which one it is, when, for how long, and what it is called."""
    return [(part["RECURRENCE-ID"].dt, part["DTSTART"].dt, part["DTEND"].dt - part["DTSTART"].dt, str(part["SUMMARY"]))
            for part in icalendar.Calendar.from_ical(text).walk("VEVENT") if "RECURRENCE-ID" in part]


def shown_alike(scene):
    here, there = (told(items(folder)["yoga.ics"]) for folder in (scene.here, scene.there))
    assert here == there
    return [(one.replace(tzinfo=None), start.replace(tzinfo=None), length, title)
            if isinstance(one, datetime.datetime) else (one, start, length, title) for one, start, length, title in here]


HOUR = datetime.timedelta(hours=1)


@pytest.mark.parametrize("retitled_later", [False, True])
def test_an_occurrence_that_was_only_retitled_goes_with_its_series(two, retitled_later):  # noqa: F811
    scene = Series(two, series())
    moved, retitled = series(hour=8), series(more=other("Long yoga", 9, 10))
    scene.apart(*((moved, retitled) if retitled_later else (retitled, moved)))
    assert scene.shown() == at(8)
    eight = datetime.datetime(2026, 11, 9, 8)
    assert shown_alike(scene) == [(eight, eight, HOUR, "Long yoga")]
    assert conflicts(scene.laptop) == conflicts(scene.desktop) == []
    scene.is_quiet()


def test_one_that_its_own_program_left_where_the_series_was_stays(two):  # noqa: F811
    """No file is written anew, neither the one that told it first nor that of the program that moved the series alone."""
    whole = series(more=other("Long yoga", 9, 10))
    scene = Series(two, whole)
    assert items(scene.here)["yoga.ics"] == whole
    moved = series(hour=8, more=other("Long yoga", 9, 10))
    write(scene.here / "yoga.ics", moved)
    scene.both()
    assert items(scene.here)["yoga.ics"] == moved
    nine = datetime.datetime(2026, 11, 9, 9)
    assert shown_alike(scene) == [(nine, nine, HOUR, "Long yoga")]
    scene.is_quiet()


@pytest.mark.parametrize("words", [(), ("--mine",)])
def test_a_calendar_that_is_added_again_says_nothing_new(two, words):  # noqa: F811
    """The occurrence is retitled, and all of the series gets a place, which a calendar's file says of both."""
    scene = Series(two, series())
    scene.apart(series(), series(more=other("Long yoga", 9, 10)))
    write(scene.here / "yoga.ics", items(scene.here)["yoga.ics"].replace("SUMMARY:Yoga\r\n", "SUMMARY:Yoga\r\nLOCATION:Hall\r\n"))
    scene.both()
    before = items(scene.here), items(scene.there)
    assert before[0]["yoga.ics"].count("LOCATION:Hall") == 2
    for device, folder in (scene.laptop, scene.here), (scene.desktop, scene.there):
        device.run("remove", str(folder))
        device.json("add", str(folder), "--collection", "home", "--format", "icalendar", "--existing", *words)
        scene.both()
    assert (items(scene.here), items(scene.there)) == before
    assert conflicts(scene.laptop) == conflicts(scene.desktop) == []
    nine = datetime.datetime(2026, 11, 9, 9)
    assert shown_alike(scene) == [(nine, nine, HOUR, "Long yoga")]
    scene.is_quiet()


def day(start, length, title="Yoga", *more):
    return event("yoga", title, f"DTSTART;VALUE=DATE:{start}", f"DTEND;VALUE=DATE:{length}", *more)


@pytest.mark.parametrize("gets_hours", [False, True])
def test_a_retitled_occurrence_gets_hours_with_its_series_and_loses_them(two, gets_hours):  # noqa: F811
    weekly = f"RRULE:FREQ=WEEKLY;COUNT={WEEKS}"
    days = day("20261102", "20261103", "Yoga", weekly)
    retitled = days.replace("END:VCALENDAR", "BEGIN:VEVENT\r\nUID:yoga\r\nDTSTAMP:20261101T090000Z\r\nRECURRENCE-ID;VALUE=DATE:20261109\r\n"
                            "DTSTART;VALUE=DATE:20261109\r\nDTEND;VALUE=DATE:20261110\r\nSUMMARY:Long yoga\r\nEND:VEVENT\r\nEND:VCALENDAR")
    scene = Series(two, days if gets_hours else series())
    scene.apart(*((series(hour=10), retitled) if gets_hours else (days, series(more=other("Long yoga", 9, 10)))))
    ten, date = datetime.datetime(2026, 11, 9, 10), datetime.date(2026, 11, 9)
    assert shown_alike(scene) == [(ten, ten, HOUR, "Long yoga") if gets_hours else (date, date, datetime.timedelta(days=1), "Long yoga")]
    assert conflicts(scene.laptop) == conflicts(scene.desktop) == []
    scene.is_quiet()


def test_one_of_another_length_keeps_that_where_it_goes(two):  # noqa: F811
    scene = Series(two, series())
    scene.apart(series(hour=8), series(more=other("Long yoga", 9, 11)))
    eight = datetime.datetime(2026, 11, 9, 8)
    assert shown_alike(scene) == [(eight, eight, 2 * HOUR, "Long yoga")]
    scene.is_quiet()


def test_one_that_comes_back_to_its_series_goes_with_it_again(two):  # noqa: F811
    scene = Series(two, series(more=other("Long yoga", 15, 16)))
    write(scene.here / "yoga.ics", series(more=other("Long yoga", 9, 10)))
    scene.both()
    scene.apart(series(hour=8, more=other("Long yoga", 8, 9, was=8)), series(more=other("Long yoga", 9, 10), without=DAYS[3:4]))
    eight = datetime.datetime(2026, 11, 9, 8)
    assert shown_alike(scene) == [(eight, eight, HOUR, "Long yoga")]
    assert scene.shown() == at(8, without=DAYS[3:4])
    scene.is_quiet()


@pytest.mark.parametrize("hour", [9, 15])
@pytest.mark.parametrize("edited_later", [False, True])
def test_who_moves_a_series_says_nothing_of_an_occurrence_that_follows(two, hour, edited_later):  # noqa: F811
    """Its program gives it another id, and another hour if it was that of the series; there its title is edited."""
    scene = Series(two, series(more=other("Long yoga", hour, hour + 1)))
    now = 8 if hour == 9 else hour
    moved, edited = series(hour=8, more=other("Long yoga", now, now + 1, was=8)), series(more=other("Longer yoga", hour, hour + 1))
    scene.apart(*((moved, edited) if edited_later else (edited, moved)))
    eight, when = datetime.datetime(2026, 11, 9, 8), datetime.datetime(2026, 11, 9, now)
    assert shown_alike(scene) == [(eight, when, HOUR, "Longer yoga")]
    assert conflicts(scene.laptop) == conflicts(scene.desktop) == []
    scene.is_quiet()
    write(scene.here / "yoga.ics", series())
    scene.both()
    assert scene.shown() == at(9), "it is gone, and stays so where the series was"
    assert conflicts(scene.laptop) == conflicts(scene.desktop) == []
    scene.is_quiet()


def test_a_series_that_was_moved_twice_takes_its_occurrences_along(two):  # noqa: F811
    scene = Series(two, series(more=other("Long yoga", 15, 16)))
    for hour in 8, 11, 9:
        write(scene.here / "yoga.ics", series(hour=hour, more=other("Long yoga", 15, 16, was=hour)))
        scene.both()
        assert shown_alike(scene) == [(datetime.datetime(2026, 11, 9, hour), datetime.datetime(2026, 11, 9, 15), HOUR, "Long yoga")]
        scene.is_quiet()
    scene.apart(series(hour=10, more=other("Long yoga", 15, 16, was=10)), series(more=other("Long yoga", 16, 17)))
    assert shown_alike(scene) == [(datetime.datetime(2026, 11, 9, 10), datetime.datetime(2026, 11, 9, 16), HOUR, "Long yoga")]
    scene.is_quiet()


def test_what_an_occurrence_lacks_of_its_series_it_lacks_where_it_goes(two):  # noqa: F811
    """Its series has a place; it is told without one."""
    placed = f"FREQ=WEEKLY;COUNT={WEEKS}\r\nLOCATION:Hall"
    scene = Series(two, series(rule=placed))
    scene.apart(series(hour=8, rule=placed), series(rule=placed, more=other("Yoga", 9, 10)))
    assert scene.shown() == at(8)
    for folder in (scene.here, scene.there):
        assert items(folder)["yoga.ics"].count("LOCATION:Hall") == 1
    scene.is_quiet()


@pytest.mark.skipif(not shutil.which("khal"), reason="khal is not installed")
def test_khal_shows_it_so(two, tmp_path):  # noqa: F811
    scene = Series(two, series())
    scene.apart(series(hour=10), series(without=DAYS[3:4], more=LONGER))
    for n, folder in enumerate((scene.here, scene.there)):
        config = tmp_path / f"khal{n}"
        config.write_text(f"[calendars]\n[[home]]\npath = {folder}\n[sqlite]\npath = {tmp_path}/khal{n}.db\n[locale]\n"
                          "timeformat = %H:%M\ndateformat = %Y-%m-%d\nlongdateformat = %Y-%m-%d\ndatetimeformat = %Y-%m-%d %H:%M\n"
                          f"longdatetimeformat = %Y-%m-%d %H:%M\nlocal_timezone = {BERLIN}\ndefault_timezone = {BERLIN}\n")
        shown = subprocess.run(["khal", "-c", str(config), "list", "--format", "{start-long} {title}", "--day-format", "",
                                "2026-11-01", "45d"],
                               capture_output=True, text=True, timeout=60, env={**os.environ, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"})
        assert shown.returncode == 0, shown.stderr
        assert shown.stdout.split("\n")[:-1] == ["2026-11-02 10:00 Yoga", "2026-11-09 15:00 Long yoga", "2026-11-16 10:00 Yoga",
                                                 "2026-11-30 10:00 Yoga", "2026-12-07 10:00 Yoga"], shown.stdout


def test_what_two_said_of_one_occurrence_is_in_conflict_by_whatever_name(two):  # noqa: F811
    """Here the series is moved, and the 9th cancelled where it is now; there the 9th is at another hour, once."""
    scene = Series(two, series())
    scene.apart(series(hour=10, without=DAYS[1:2]), series(more=LONGER))
    assert conflicts(scene.laptop) == conflicts(scene.desktop) == ["yoga/recurrenceOverrides/2026-11-09T10:00:00"]
    long = datetime.datetime(2026, 11, 9, 15)
    assert scene.shown() == (BERLIN, sorted([long, *at(10, without=DAYS[1:2])[1]])), "the later one"
    said = scene.laptop.run("show", "home//yoga")
    assert re.search(r"(?m)^  recurrenceOverrides/2026-11-09T10:00:00: .*\(desktop, ", said), said
    assert re.search(r"(?m)^  recurrenceOverrides/2026-11-09T10:00:00, not shown: .*\(laptop, ", said), said
    scene.is_quiet()
    scene.laptop.run("conflicts", "resolve", "home//yoga*", "--keep", "2")
    scene.both()
    assert scene.shown() == at(10, without=DAYS[1:2]), "the other one"
    assert conflicts(scene.laptop) == conflicts(scene.desktop) == []
    scene.is_quiet()


def test_one_that_both_cancelled_by_two_names_stays_so_where_the_series_is_moved_back(two):  # noqa: F811
    """At 11 and at 9: moved back to 9 it has the other name again, which nobody took away."""
    scene = Series(two, series())
    scene.apart(series(hour=11, without=DAYS[3:4]), series(without=DAYS[3:4]))
    assert scene.shown() == at(11, without=DAYS[3:4])
    scene.apart(series(without=DAYS[3:4]), series(hour=11, without=[DAYS[1], DAYS[3]]))
    assert scene.shown() == at(9, without=[DAYS[1], DAYS[3]])
    scene.is_quiet()
    scene.apart(series(hour=10, without=[DAYS[1], DAYS[3]]), series(without=DAYS[1:2]))
    assert scene.shown() == at(10, without=DAYS[1:2]), "who moves it again says nothing of what is cancelled"
    scene.is_quiet()


HISTORIES = int(os.environ.get("COUNTERFOIL_SERIES", "8"))


@pytest.mark.parametrize("seed", range(int(os.environ.get("COUNTERFOIL_SEED", "1")), int(os.environ.get("COUNTERFOIL_SEED", "1")) + 2))
def test_histories_cancel_what_somebody_cancelled(two, seed):  # noqa: F811
    """Both move the series, cancel, and let take place again, without knowing of each other: the days that are left are
    those that nobody has cancelled, at an hour of a zone which one of both gave it."""
    chance = random.Random(f"{seed} series")
    scene = Series(two, series())
    for step in range(HISTORIES):
        (zone, found), said = scene.shown(), []
        hour = found[0].hour if found else 9
        without = set(DAYS) - {one.date() for one in found}
        for _ in range(2):
            to, where, own = hour, zone, set(without)
            for act in chance.sample(["hour", "zone", "cancel", "cancel", "back"], chance.randint(1, 3)):
                if act == "hour":
                    to = chance.choice([8, 9, 10, 11])
                elif act == "zone":
                    where = chance.choice([BERLIN, YORK])
                elif act == "cancel" and len(own) < WEEKS - 2:
                    own.add(chance.choice(sorted(set(DAYS[1:]) - own)))
                elif own:
                    own.remove(chance.choice(sorted(own)))
            said.append((to, where, own))
        texts = [series(hour=to, zone=where, without=own) for to, where, own in said]
        scene.apart(*texts)
        told = f"seed {seed}, step {step}: at {hour} {zone} without {without}; said {said}"
        # Who gives the series another hour says nothing of what is cancelled at that as it was.
        gone = {day for day in DAYS for _, _, own in said if day in own and day not in without}
        gone |= {day for day in without if all(day in own for _, _, own in said)}
        zone, found = scene.shown()
        assert found and len({one.time() for one in found}) == 1, told
        assert (found[0].hour, zone) in [one[:2] for one in said], told
        assert set(DAYS) - {one.date() for one in found} == gone, told
        scene.is_quiet()
