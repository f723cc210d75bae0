# SPDX-License-Identifier: Apache-2.0
"""Programs of others that have the same folders: vdirsyncer, khard, khal and todoman, as Debian has them."""

import json
import os
import shutil
import subprocess

import pytest

from cards import EXPORTS, Pair, card, edit, entries, event, fill, items
from counterfoil import broker, make_device, two, wait_until  # noqa: F401

PROGRAMS = ("vdirsyncer", "khard", "khal", "todoman")
MISSING = [name for name in PROGRAMS if not shutil.which(name)]

PEOPLE = {"anna.vcf": card("anna", "Anna Example", "N:Example;Anna;;;", "EMAIL;TYPE=HOME:anna@example.org",
                           "TEL;TYPE=CELL:+49 1"),
          "bert.vcf": card("bert", "Bert Example", "N:Example;Bert;;;", "EMAIL:bert@example.org")}
HOME = {"breakfast.ics": event("breakfast", "Breakfast", "DTSTART:20261124T090000Z", "DTEND:20261124T100000Z"),
        "shopping.ics": event("shopping", "Shopping", "PRIORITY:5", what="VTODO")}


def test_they_are_installed():
    assert MISSING == [], "tests/packages names the Debian packages of programs that are tried with ours"


class Neighbours:
    def __init__(self, folder):
        self.folder = folder
        self.discovered = set()

    def run(self, *command, typed=""):
        environment = {**os.environ, "HOME": str(self.folder), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, input=typed)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def config(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def vdirsync(self, ours, theirs, extension):
        config = self.config("vdirsyncer", f"""
[general]
status_path = "{self.folder}/vdirsyncer-status/"
[pair home]
a = "ours"
b = "theirs"
collections = null
conflict_resolution = "a wins"
[storage ours]
type = "filesystem"
path = "{ours}"
fileext = "{extension}"
[storage theirs]
type = "filesystem"
path = "{theirs}"
fileext = "{extension}"
""")
        if (ours, theirs) not in self.discovered:
            self.run("vdirsyncer", "-c", config, "discover")
            self.discovered.add((ours, theirs))
        return self.run("vdirsyncer", "-c", config, "sync")

    def khard(self, folder, *arguments, typed=""):
        config = self.config("khard", f"""
[addressbooks]
[[people]]
path = {folder}
[general]
default_action = list
""")
        return self.run("khard", "-c", config, *arguments, typed=typed)

    def khal(self, folder, *arguments):
        config = self.config("khal", f"""
[calendars]
[[home]]
path = {folder}
[sqlite]
path = {self.folder}/khal.db
[locale]
timeformat = %H:%M
dateformat = %Y-%m-%d
longdateformat = %Y-%m-%d
datetimeformat = %Y-%m-%d %H:%M
longdatetimeformat = %Y-%m-%d %H:%M
local_timezone = UTC
default_timezone = UTC
""")
        return self.run("khal", "-c", config, *arguments)

    def tasks(self, folder, *arguments):
        config = self.config("todoman.py", f'path = "{folder}"\ncache_path = "{self.folder}/todoman.db"\n')
        return self.run("todoman", "--config", config, *["--porcelain"][:arguments[0] == "list"], *arguments)


@pytest.fixture
def neighbours(tmp_path):
    return Neighbours(tmp_path)


def test_vdirsyncer_syncs_a_folder_of_ours(two, neighbours, tmp_path):
    laptop, desktop = two
    pair = Pair(laptop, desktop, "vcard", fill(laptop.source("people"), PEOPLE), desktop.source("people"))
    theirs = fill(tmp_path / "theirs", {"c.vcf": card("cleo", "Cleo Example")})

    def turn():
        neighbours.vdirsync(pair.there, theirs, ".vcf")
        pair.both()

    turn()
    assert {len(items(folder)) for folder in (pair.here, pair.there, theirs)} == {3}
    edit(pair.here / "anna.vcf", "+49 1", "+49 2")
    edit(theirs / "bert.vcf", "bert@example.org", "bert@new.example")
    pair.both()
    turn()
    turn()
    for folder in (pair.here, pair.there, theirs):
        assert "+49 2" in items(folder)["anna.vcf"] and "bert@new.example" in items(folder)["bert.vcf"]
    before = [entries(laptop), *(items(folder) for folder in (pair.here, pair.there, theirs))]
    for _ in range(3):
        assert "Copying" not in neighbours.vdirsync(pair.there, theirs, ".vcf"), "nothing goes back and forth"
        pair.both()
    assert [entries(laptop), *(items(folder) for folder in (pair.here, pair.there, theirs))] == before
    (theirs / "c.vcf").unlink()
    turn()
    assert "Cleo" not in str(items(pair.here))


def test_vdirsyncer_while_both_are_served(two, neighbours, tmp_path):
    laptop, desktop = two
    pair = Pair(laptop, desktop, "icalendar", fill(laptop.source("home"), HOME), desktop.source("home"))
    theirs = fill(tmp_path / "theirs", {f"{n}.ics": event(f"n{n}", f"Number {n}", "DTSTART:20261126T090000Z")
                                        for n in range(20)})
    for device in two:
        device.serve()
    neighbours.vdirsync(pair.there, theirs, ".ics")
    wait_until(lambda: len(items(pair.here)) == 22, "all have arrived")
    edit(pair.here / "breakfast.ics", "SUMMARY:Breakfast", "SUMMARY:Brunch")
    wait_until(lambda: "Brunch" in items(pair.there)["breakfast.ics"], "the change arrives")
    neighbours.vdirsync(pair.there, theirs, ".ics")
    assert "Brunch" in items(theirs)["breakfast.ics"]
    assert "Copying" not in neighbours.vdirsync(pair.there, theirs, ".ics")


def test_khard_reads_and_changes_what_we_wrote(two, neighbours):
    laptop, desktop = two
    here = laptop.source("people")
    fill(here, PEOPLE)
    fill(here, {"khard.vcf": (EXPORTS / "khard.vcf").read_bytes().split(b"END:VCARD")[0] + b"END:VCARD\r\n"})
    pair = Pair(laptop, desktop, "vcard", here, desktop.source("people"))
    assert neighbours.khard(pair.there, "email", "--parsable", "anna").splitlines()[-1].startswith("anna@example.org\t")
    assert neighbours.khard(pair.there, "list", "--parsable").count("\n") == 3
    neighbours.khard(pair.there, "copy", "-h")
    made = neighbours.folder / "new.yaml"
    made.write_text("First name: Dora\nLast name: Example\nEmail:\n    work: dora@example.org\n")
    neighbours.khard(pair.there, "new", "-a", "people", "-i", str(made))
    pair.both()
    assert any("dora@example.org" in text for text in items(pair.here).values())
    before = entries(laptop)
    pair.both()
    assert entries(laptop) == before


def test_khal_and_todoman_read_and_change_what_we_wrote(two, neighbours):
    laptop, desktop = two
    pair = Pair(laptop, desktop, "icalendar", fill(laptop.source("home"), HOME), desktop.source("home"))
    assert "09:00 Breakfast" in neighbours.khal(pair.there, "list", "--format", "{start-time} {title}", "2026-11-24", "1d")
    tasks = json.loads(neighbours.tasks(pair.there, "list"))
    assert [(task["summary"], task["priority"]) for task in tasks] == [("Shopping", 5)]
    neighbours.khal(pair.there, "new", "-a", "home", "2026-11-25", "12:00", "13:00", "Lunch")
    neighbours.tasks(pair.there, "done", str(tasks[0]["id"]))
    pair.both()
    assert "Lunch" in str(items(pair.here)) and "STATUS:COMPLETED" in items(pair.here)["shopping.ics"]
    edit(pair.here / "breakfast.ics", "SUMMARY:Breakfast", "SUMMARY:Brunch")
    pair.both()
    assert "Brunch" in neighbours.khal(pair.there, "list", "2026-11-24", "1d")
    before = entries(laptop)
    pair.both()
    assert entries(laptop) == before


# ---- On both devices, apart ----


@pytest.fixture
def apart(two, tmp_path):
    """A folder on each device, and its programs there."""

    def begin(kind):
        pair = Pair(*two, kind, fill(two[0].source("home"), {}), two[1].source("home"))
        programs = [Neighbours(tmp_path / name) for name in ("ours", "theirs")]
        for program in programs:
            program.folder.mkdir()
        return pair, *zip(programs, (pair.here, pair.there))

    return begin


def settle(pair):
    """Twice, and then nothing goes back and forth."""
    pair.both()
    pair.both()
    before = entries(pair.laptop), items(pair.here), items(pair.there)
    pair.both()
    assert (entries(pair.laptop), items(pair.here), items(pair.there)) == before


def people(program, folder):
    return sorted(program.khard(folder, "email", "--parsable").splitlines()[1:])


def make_person(program, folder, name, address, *more):
    made = program.folder / "new.yaml"
    made.write_text("\n".join([f"First name: {name}", "Last name: Example", "Email:", f"    work: {address}", *more, ""]))
    program.khard(folder, "new", "-a", "people", "-i", str(made))


def change_person(program, folder, name, *more):
    made = program.folder / "new.yaml"
    made.write_text("\n".join([f"First name: {name}", "Last name: Example", *more, ""]))
    program.khard(folder, "edit", "-i", str(made), name, typed="y\n")


def test_khard_on_both_devices(apart):
    pair, (ours, here), (theirs, there) = apart("vcard")
    make_person(ours, here, "Anna", "anna@example.org")
    make_person(theirs, there, "Bert", "bert@example.org")
    settle(pair)
    assert [line.split("\t")[0] for line in people(ours, here)] == ["anna@example.org", "bert@example.org"]
    assert people(ours, here) == people(theirs, there)
    change_person(ours, here, "Anna", "Email:", "    work: anna@example.org", "Phone:", "    cell: +49 1")
    change_person(theirs, there, "Anna", "Email:", "    work: anna@example.org", "Note: met in Rome")
    change_person(theirs, there, "Bert", "Email:", "    work: bert@new.example")
    make_person(ours, here, "Cleo", "cleo@example.org")
    settle(pair)
    for program, folder in (ours, here), (theirs, there):
        assert [line.split("\t")[0] for line in people(program, folder)] == ["anna@example.org", "bert@new.example", "cleo@example.org"]
        shown = program.khard(folder, "show", "Anna")
        assert "+49 1" in shown and "met in Rome" in shown, shown


def test_khal_on_both_devices(apart):
    pair, (ours, here), (theirs, there) = apart("icalendar")

    def agenda(program, folder):
        return sorted(program.khal(folder, "list", "--day-format", "", "--format", "{start-time} {title}, {location}", "2026-11-24", "1d").splitlines())

    def change(program, folder, title, before, after):
        path, = [path for path in folder.glob("*.ics") if f"SUMMARY:{title}" in path.read_bytes().decode()]
        changed = program.folder / "changed.ics"
        shutil.copy(path, changed)
        edit(changed, before, after)
        program.khal(folder, "import", "--batch", "-a", "home", str(changed))

    for program, folder, hour, title in (ours, here, "08:00", "Breakfast"), (theirs, there, "12:00", "Lunch"):
        program.khal(folder, "new", "-a", "home", "-l", "Kitchen", "2026-11-24", hour, f"{hour[:2]}:30", title)
    settle(pair)
    assert agenda(ours, here) == agenda(theirs, there) == ["08:00 Breakfast, Kitchen", "12:00 Lunch, Kitchen"]
    change(ours, here, "Lunch", "SUMMARY:Lunch", "SUMMARY:Dinner")
    change(theirs, there, "Lunch", "LOCATION:Kitchen", "LOCATION:Garden")
    change(theirs, there, "Breakfast", "LOCATION:Kitchen", "LOCATION:Bed")
    ours.khal(here, "new", "-a", "home", "-l", "Park", "2026-11-24", "16:00", "17:00", "Walk")
    settle(pair)
    assert agenda(ours, here) == agenda(theirs, there) == ["08:00 Breakfast, Bed", "12:00 Dinner, Garden", "16:00 Walk, Park"]


def test_todoman_on_both_devices(apart):
    pair, (ours, here), (theirs, there) = apart("icalendar")

    def tasks(program, folder):
        return {task["summary"]: task for task in json.loads(program.tasks(folder, "list", "--status", "ANY"))}

    for program, folder, summary in (ours, here, "Shopping"), (theirs, there, "Cooking"):
        program.tasks(folder, "new", "-l", folder.name, summary)
    settle(pair)
    assert sorted(tasks(ours, here)) == sorted(tasks(theirs, there)) == ["Cooking", "Shopping"]
    ours.tasks(here, "edit", "--priority", "high", str(tasks(ours, here)["Shopping"]["id"]))
    theirs.tasks(there, "edit", "--location", "Market", str(tasks(theirs, there)["Shopping"]["id"]))
    theirs.tasks(there, "done", str(tasks(theirs, there)["Cooking"]["id"]))
    ours.tasks(here, "new", "-l", here.name, "Reading")
    settle(pair)
    for program, folder in (ours, here), (theirs, there):
        found = tasks(program, folder)
        assert sorted(found) == ["Cooking", "Reading", "Shopping"] and found["Cooking"]["completed"]
        assert found["Shopping"]["priority"] == 4 and found["Shopping"]["location"] == "Market", found


def test_vdirsyncer_on_both_devices(apart, tmp_path):
    """Each device's folder has another beside it, that its program syncs."""
    pair, (ours, here), (theirs, there) = apart("vcard")
    mine, yours = fill(tmp_path / "mine", {"anna.vcf": PEOPLE["anna.vcf"]}), fill(tmp_path / "yours", {"bert.vcf": PEOPLE["bert.vcf"]})

    def turn():
        for _ in range(2):
            ours.vdirsync(here, mine, ".vcf")
            theirs.vdirsync(there, yours, ".vcf")
            settle(pair)

    turn()
    assert [sorted(text.split("UID:")[1].split("\r")[0] for text in items(folder).values()) for folder in (mine, yours)] == [["anna", "bert"]] * 2
    edit(mine / "anna.vcf", "+49 1", "+49 2")
    anna, = [path for path in yours.iterdir() if "UID:anna" in path.read_bytes().decode()]
    edit(anna, "anna@example.org", "anna@new.example")
    turn()
    for folder in (mine, yours, here, there):
        text, = [text for text in items(folder).values() if "UID:anna" in text]
        assert "+49 2" in text and "anna@new.example" in text
    for program, folder, other in (ours, here, mine), (theirs, there, yours):
        assert "Copying" not in program.vdirsync(folder, other, ".vcf")
