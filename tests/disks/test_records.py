# SPDX-License-Identifier: Apache-2.0
"""Cards, a calendar and a table on a disk that makes up the numbers of its files at each mount: to be mounted again is no
news, and what was edited here and elsewhere meanwhile is one edit each."""

import pytest

from cards import card, edit, entries, event, fill, items
from counterfoil import both, broker, make_device, two  # noqa: F401
from disks import disk, make_disk, of, stick  # noqa: F401

CARDS = {f"{name}.vcf": card(name, name) for name in ("ann", "bob", "cid", "dan")}
EVENTS = {f"{name}.ics": event(name, name, "DTSTART:20261201T100000Z") for name in ("lunch", "walk")}
TABLE = "id,name\n1,Ann\n2,Bob\n"
KINDS = {"cards": "vcard", "events": "icalendar", "people.csv": "csv"}


@pytest.fixture
def records(stick, disk):
    laptop, desktop = stick
    fill(disk.at / "cards", CARDS), fill(disk.at / "events", EVENTS)
    (disk.at / "people.csv").write_text(TABLE)
    there = desktop.folder / "there"
    there.mkdir()
    for name, kind in KINDS.items():
        keys = ("--key", "id") if kind == "csv" else ()
        laptop.json("add", disk.at / name, "--format", kind, "--collection", name, *keys)
    both(laptop, desktop)
    for name, kind in KINDS.items():
        keys = ("--key", "id") if kind == "csv" else ()
        desktop.json("add", there / name, "--format", kind, "--collection", name, "--existing", *keys)
    both(laptop, desktop)
    assert len(items(there / "cards")) == 4 and "Bob" in (there / "people.csv").read_text()
    return laptop, desktop, disk.at, there


@of("exfat", "ntfs")
def test_to_be_mounted_again_is_no_news(disk, records):
    laptop, desktop, here, there = records
    before = entries(laptop)
    disk.remount()
    both(laptop, desktop)
    assert entries(laptop) == before
    disk.remount()
    edit(here / "cards/ann.vcf", "FN:ann", "FN:Ann A.")
    edit(here / "people.csv", "1,Ann", "1,Anna")
    (here / "events/walk.ics").unlink()
    (here / "cards/eve.vcf").write_text(card("eve", "eve"))
    (here / "cards/dan.vcf").rename(here / "cards/daniel.vcf")
    lunch = next(one for one in (there / "events").glob("*.ics") if "SUMMARY:lunch" in one.read_text())
    edit(lunch, "SUMMARY:lunch", "SUMMARY:dinner")
    edit(there / "people.csv", "2,Bob", "2,Bobby")
    both(laptop, desktop)
    both(laptop, desktop)
    assert "Anna" in (there / "people.csv").read_text() and "Bobby" in (here / "people.csv").read_text()
    assert "SUMMARY:dinner" in items(here / "events")["lunch.ics"] and len(items(there / "events")) == 1
    assert len(items(there / "cards")) == 5 and any("Ann A." in text for text in items(there / "cards").values())
    assert [one["change"] for one in laptop.json("log", "-n", "1000")].count("deleted") == 1
    settled = entries(laptop)
    disk.remount()
    both(laptop, desktop)
    assert entries(laptop) == settled
