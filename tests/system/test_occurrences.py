# SPDX-License-Identifier: Apache-2.0
"""Occurrences that are other than their series: a patch in JSON, a whole component in iCalendar, as khal and others need."""

import datetime
import json
import os
import random
import re
import shutil
import subprocess

import icalendar
import pytest

from cards import entries, items, unstamped, write
from counterfoil import broker, make_device, two  # noqa: F401
from translation_scene import Translated, unfolded

SERIES = {"@type": "Event", "uid": "yoga", "title": "Yoga", "start": "2026-11-02T18:00:00", "timeZone": "Europe/Berlin",
          "duration": "PT1H", "description": "mats", "status": "confirmed",
          "recurrenceRules": [{"@type": "RecurrenceRule", "frequency": "weekly", "count": 6}]}
FIRST, SECOND, THIRD = "2026-11-09T18:00:00", "2026-11-16T18:00:00", "2026-11-23T18:00:00"
NAMES = {"title": "SUMMARY", "description": "DESCRIPTION"}


class Scene(Translated):
    """JSON on the desktop, a folder as khal has it on the laptop."""

    def __init__(self, two, overrides):
        super().__init__(two, "icalendar", {}, "home.json", "--format", "json", before="[]")
        self.put({**SERIES, "recurrenceOverrides": overrides})
        self.both()

    def put(self, event):
        write(self.there, json.dumps([event], indent=2) + "\n")

    def event(self):
        one, = json.loads(self.there.read_text())
        return one

    def components(self):
        """Each component's lines by their names, the series first."""
        text = unfolded(self.card("yoga.ics"))
        parts = [part.split("END:VEVENT")[0] for part in text.split("BEGIN:VEVENT\r\n")[1:]]
        return {part.split("RECURRENCE-ID")[1].split("\r\n")[0].split(":")[1] if "RECURRENCE-ID" in part else "": part
                for part in parts}

    def edit_component(self, which, before, after):
        text = self.card("yoga.ics")
        part = self.components()[which]
        assert before in part, part
        assert part in text, "nothing of it is folded"
        write(self.here / "yoga.ics", text.replace(part, part.replace(before, after, 1)))

    def is_quiet(self):
        before = entries(self.laptop), items(self.here), self.there.read_bytes()
        self.both()
        assert (entries(self.laptop), items(self.here), self.there.read_bytes()) == before


ROOM = {"@type": "Location", "name": "Room 1"}
BELL = {"@type": "Alert", "action": "display", "trigger": {"@type": "OffsetTrigger", "offset": "-PT15M"}}


class Parts(Scene):
    """The series is in a room, and rings."""

    def put(self, event):
        super().put({"locations": {"a": ROOM}, "alerts": {"b": BELL}, "keywords": {"sport": True}, **event})


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")


def stamp(part):
    return re.search(r"\r\nDTSTAMP:(\w+)\r\n", part).group(1)


def test_a_patch_becomes_a_whole_component(two, tmp_path):  # noqa: F811
    begun = now()
    patches = {FIRST: {"title": "Long yoga", "duration": "PT2H"}, SECOND: {"start": "2026-11-17T19:00:00"}, THIRD: {"excluded": True}}
    scene = Scene(two, patches)
    parts = scene.components()
    assert sorted(parts) == ["", "20261109T180000", "20261116T180000"]
    assert "DTSTART;TZID=Europe/Berlin:20261109T180000\r\n" in parts["20261109T180000"]
    assert "DTEND;TZID=Europe/Berlin:20261109T200000\r\n" in parts["20261109T180000"]
    assert "SUMMARY:Long yoga\r\n" in parts["20261109T180000"] and "DESCRIPTION:mats\r\n" in parts["20261109T180000"]
    assert "DTSTART;TZID=Europe/Berlin:20261117T190000\r\n" in parts["20261116T180000"] and "SUMMARY:Yoga\r\n" in parts["20261116T180000"]
    assert not any("RRULE" in part for name, part in parts.items() if name)
    assert all(begun <= stamp(part) <= now() for part in parts.values()), "of the change, which JSON doesn't tell"
    scene.is_quiet()
    assert scene.event()["recurrenceOverrides"] == patches
    read = icalendar.Calendar.from_ical(scene.card("yoga.ics"))
    assert len([one for one in read.walk("VEVENT") if one["DTSTART"].dt]) == 3


@pytest.mark.skipif(not shutil.which("khal"), reason="khal is not installed")
def test_khal_shows_what_a_patch_changes(two, tmp_path):  # noqa: F811
    scene = Scene(two, {FIRST: {"title": "Long yoga"}, SECOND: {"start": "2026-11-17T19:00:00"}})
    config = tmp_path / "khal"
    config.write_text(f"[calendars]\n[[home]]\npath = {scene.here}\n[sqlite]\npath = {tmp_path}/khal.db\n[locale]\n"
                      "timeformat = %H:%M\ndateformat = %Y-%m-%d\nlongdateformat = %Y-%m-%d\ndatetimeformat = %Y-%m-%d %H:%M\n"
                      "longdatetimeformat = %Y-%m-%d %H:%M\nlocal_timezone = Europe/Berlin\ndefault_timezone = Europe/Berlin\n")
    shown = subprocess.run(["khal", "-c", str(config), "list", "--format", "{start-long} {title}", "--day-format", "", "2026-11-01", "45d"],
                           capture_output=True, text=True, timeout=60, env={**os.environ, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"})
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.split("\n")[:4] == ["2026-11-02 18:00 Yoga", "2026-11-09 18:00 Long yoga", "2026-11-17 19:00 Yoga",
                                            "2026-11-23 18:00 Yoga"], shown.stdout


def test_what_is_known_as_all_of_an_occurrence_stays_so(two):  # noqa: F811
    """As programs before told it: who shows it in a calendar and has nothing to say of it says nothing."""
    whole = {FIRST: {"start": FIRST, "duration": "PT1H", "timeZone": "Europe/Berlin", "title": "Long yoga"}}
    scene = Scene(two, whole)
    scene.edit_component("", "SUMMARY:Yoga", "SUMMARY:Pilates")
    scene.both()
    assert scene.event()["title"] == "Pilates"
    assert scene.event()["recurrenceOverrides"] == whole
    scene.is_quiet()


def test_an_edit_of_the_series_alone_changes_no_patch(two):  # noqa: F811
    scene = Scene(two, {FIRST: {"title": "Long yoga"}, SECOND: {"start": "2026-11-17T19:00:00"}})
    scene.edit_component("", "SUMMARY:Yoga", "SUMMARY:Pilates")
    scene.both()
    assert scene.event()["title"] == "Pilates"
    assert scene.event()["recurrenceOverrides"] == {FIRST: {"title": "Long yoga"}, SECOND: {"start": "2026-11-17T19:00:00"}}
    assert "SUMMARY:Pilates\r\n" in scene.components()["20261116T180000"], "what is other says the rest as the series does"
    assert "SUMMARY:Long yoga\r\n" in scene.components()["20261109T180000"]
    scene.is_quiet()
    scene.edit_component("", "STATUS:CONFIRMED\r\n", "STATUS:CONFIRMED\r\nLOCATION:Hall\r\n")
    scene.both()
    assert scene.event()["recurrenceOverrides"] == {FIRST: {"title": "Long yoga"}, SECOND: {"start": "2026-11-17T19:00:00"}}
    assert "LOCATION:Hall\r\n" in scene.components()["20261116T180000"]
    scene.is_quiet()


def test_an_edit_of_an_occurrence_is_a_patch(two):  # noqa: F811
    scene = Scene(two, {FIRST: {"title": "Long yoga"}})
    scene.edit_component("20261109T180000", "DESCRIPTION:mats", "DESCRIPTION:two mats")
    scene.both()
    assert scene.event()["recurrenceOverrides"] == {FIRST: {"title": "Long yoga", "description": "two mats"}}
    scene.edit_component("20261109T180000", "DESCRIPTION:two mats\r\n", "")
    scene.both()
    assert scene.event()["recurrenceOverrides"] == {FIRST: {"title": "Long yoga", "description": None}}
    assert "DESCRIPTION" not in scene.components()["20261109T180000"]
    scene.is_quiet()


def test_a_patch_of_a_part_is_in_the_whole_component(two):  # noqa: F811
    """As programs of JMAP say it: by a pointer to what is other."""
    patches = {FIRST: {"locations/a/name": "Hall", "keywords/late": True},
               SECOND: {"alerts/b/trigger/offset": "-PT1H", "keywords/sport": None}, THIRD: {"locations/a": None}}
    scene = Parts(two, patches)
    first, second, third = (scene.components()[when.replace("-", "").replace(":", "")] for when in (FIRST, SECOND, THIRD))
    assert "LOCATION:Hall\r\n" in first and "TRIGGER:-PT15M\r\n" in first and "CATEGORIES:late,sport\r\n" in first
    assert "LOCATION:Room 1\r\n" in second and "TRIGGER:-PT1H\r\n" in second and "CATEGORIES" not in second
    assert "LOCATION" not in third and "TRIGGER:-PT15M\r\n" in third and "CATEGORIES:sport\r\n" in third
    scene.is_quiet()
    assert scene.event()["recurrenceOverrides"] == patches
    scene.edit_component("20261109T180000", "SUMMARY:Yoga", "SUMMARY:Long yoga")
    scene.both()
    assert scene.event()["recurrenceOverrides"] == {**patches, FIRST: {**patches[FIRST], "title": "Long yoga"}}
    scene.edit_component("20261109T180000", "LOCATION:Hall", "LOCATION:Park")
    scene.both()
    (place,) = scene.event()["recurrenceOverrides"][FIRST].pop("locations", [None])
    assert place["name"] == "Park" and "LOCATION:Park\r\n" in scene.components()["20261109T180000"]
    assert scene.event()["recurrenceOverrides"][FIRST].keys() == {"keywords/late", "title", "locations"}
    scene.edit_component("", "LOCATION:Room 1", "LOCATION:Room 2")
    scene.both()
    assert "LOCATION:Park\r\n" in scene.components()["20261109T180000"] and "LOCATION:Room 2\r\n" in scene.components()["20261116T180000"]
    assert "LOCATION" not in scene.components()["20261123T180000"]
    scene.is_quiet()


def test_what_a_calendar_says_of_an_occurrence_stays_as_it_is(two):  # noqa: F811
    """Of one that it made, nothing is the series': it says less than that."""
    scene = Scene(two, {})
    whole = ("BEGIN:VEVENT\r\nUID:yoga\r\nRECURRENCE-ID;TZID=Europe/Berlin:20261109T180000\r\nDTSTAMP:20261101T090000Z\r\n"
             "DTSTART;TZID=Europe/Berlin:20261109T190000\r\nDTEND;TZID=Europe/Berlin:20261109T200000\r\nSUMMARY:Yoga\r\nEND:VEVENT\r\n")
    text = scene.card("yoga.ics").replace("END:VCALENDAR", whole + "END:VCALENDAR")
    write(scene.here / "yoga.ics", text)
    scene.both()
    assert scene.card("yoga.ics") == text
    before = scene.event()["recurrenceOverrides"]
    scene.put({**scene.event(), "title": "Pilates"})
    scene.both()
    assert scene.event()["recurrenceOverrides"] == before
    assert unstamped(scene.card("yoga.ics")) == unstamped(text.replace("SUMMARY:Yoga", "SUMMARY:Pilates", 1))
    assert scene.card("yoga.ics").split("RECURRENCE-ID")[1] == text.split("RECURRENCE-ID")[1], "that nobody changed"
    scene.is_quiet()


HISTORIES = int(os.environ.get("COUNTERFOIL_OCCURRENCES", "12"))


def test_histories_change_what_somebody_changed(two):  # noqa: F811
    """Edits of the series and of its occurrences, here and there: what JSON says is what was edited, and no more; what the
    calendar says is all of it."""
    chance = random.Random(int(os.environ.get("COUNTERFOIL_SEED", "7")))
    wanted = {**SERIES, "recurrenceOverrides": {FIRST: {"title": "Long yoga"}, SECOND: {"description": "none"}, THIRD: {"title": "t"}}}
    scene = Scene(two, wanted["recurrenceOverrides"])
    for step in range(HISTORIES):
        field = chance.choice(list(NAMES))
        when = chance.choice(["", FIRST, SECOND, THIRD])
        name = when.replace("-", "").replace(":", "")
        said = wanted if not when else {**wanted, **wanted["recurrenceOverrides"][when]}
        in_json, before, after = chance.random() < 0.5, said[field], f"{field} {step}"
        (wanted["recurrenceOverrides"][when] if when else wanted)[field] = after
        if in_json:
            scene.put({**scene.event(), **wanted})
        else:
            scene.edit_component(name, f"{NAMES[field]}:{before}\r\n", f"{NAMES[field]}:{after}\r\n")
        scene.both()
        found = scene.event()
        told = f"step {step}: {field} of {when or 'the series'} in {'JSON' if in_json else 'the calendar'}"
        assert {one: found[one] for one in ("title", "description", "recurrenceOverrides")} == {
            one: wanted[one] for one in ("title", "description", "recurrenceOverrides")}, told
        for when, patch in {"": {}, **wanted["recurrenceOverrides"]}.items():
            part = scene.components()[when.replace("-", "").replace(":", "")]
            for one, line in NAMES.items():
                assert f"{line}:{ {**wanted, **patch}[one]}\r\n" in part, told
    scene.is_quiet()
