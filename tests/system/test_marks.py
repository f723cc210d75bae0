# SPDX-License-Identifier: Apache-2.0
"""The mark of a folder of cards or events: where the folder and most of what is in it are what they were, a mark that was
lost, or is another device's, is put back; else nothing is synced."""

import shutil

import pytest

from counterfoil import broker, make_device, two, wait_until  # noqa: F401

COUNT = 5
SORTS = {
    "vcard": ("vcf", "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:{0}\r\nFN:{1}\r\nEND:VCARD\r\n"),
    "icalendar": ("ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VTODO\r\nUID:{0}\r\nDTSTAMP:20260101T000000Z\r\n"
                  "SUMMARY:{1}\r\nEND:VTODO\r\nEND:VCALENDAR\r\n"),
}


class Book:
    def __init__(self, path, sort):
        self.path = path
        self.end, self.text = SORTS[sort]

    def write(self, key, name):
        self.path.mkdir(exist_ok=True)
        (self.path / f"{key}.{self.end}").write_text(self.text.format(key, name), newline="")

    def names(self):
        return sorted(one.read_text().split(":")[-2 if self.end == "vcf" else -3].splitlines()[0]
                      for one in self.path.glob("*." + self.end))

    def mark(self):
        return self.path / ".counterfoil/root"


@pytest.fixture(params=SORTS)
def books(request, two):
    laptop, desktop = two
    here, there = (Book(device.source("book"), request.param) for device in two)
    for i in range(COUNT):
        here.write(f"k{i}", f"name {i}")
    laptop.json("add", str(here.path), "--collection", "book", "--format", request.param)
    laptop.sync()
    desktop.sync()
    desktop.json("add", str(there.path), "--collection", "book", "--existing", "--format", request.param)
    desktop.sync()
    assert there.names() == here.names() == [f"name {i}" for i in range(COUNT)]
    return laptop, desktop, here, there


def taken_away(here, there):
    shutil.rmtree(here.path / ".counterfoil")


def of_another(here, there):
    shutil.copy(there.mark(), here.mark())


@pytest.mark.parametrize("lose", [taken_away, of_another])
def test_a_mark_that_was_lost_is_put_back_and_told(books, lose):
    laptop, desktop, here, there = books
    mark = here.mark().read_text()
    lose(here, there)
    here.write("k0", "edited")
    there.write("k1", "edited there")
    desktop.sync()
    done = laptop.finish("sync")
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "put back" in line]
    assert str(here.path) in line and here.mark().read_text() == mark
    assert "put back" not in laptop.finish("sync").stderr
    desktop.sync()
    assert there.names() == here.names() and {"edited", "edited there"} <= set(here.names())


def test_serve_puts_its_mark_back_by_itself(books):
    laptop, desktop, here, there = books
    mark = here.mark().read_text()
    laptop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "it is connected")
    taken_away(here, there)
    there.write("k1", "edited there")
    desktop.sync()
    wait_until(lambda: "edited there" in here.names(), "others' work arrives")
    assert here.mark().read_text() == mark


def emptied(here, aside):
    taken_away(here, None)
    for one in list(here.path.iterdir()):
        one.unlink()


def mostly_gone(here, aside):
    taken_away(here, None)
    for one in sorted(here.path.iterdir())[:COUNT - 2]:
        one.unlink()


def replaced(here, aside):
    here.path.rename(aside)
    shutil.copytree(aside, here.path, ignore=lambda *_: [".counterfoil"])


def filled_anew(here, aside):
    shutil.copytree(here.path, aside, ignore=lambda *_: [".counterfoil"])
    emptied(here, aside)
    shutil.copytree(aside, here.path, dirs_exist_ok=True)


@pytest.mark.parametrize("happen", [emptied, mostly_gone, replaced, filled_anew])
def test_a_folder_that_is_not_what_it_was_gets_no_mark(books, tmp_path, happen):
    laptop, desktop, here, there = books
    happen(here, tmp_path / "aside")
    for _ in range(2):
        done = laptop.finish("sync")
        assert done.returncode == 8 and "counterfoil repair" in done.stdout + done.stderr, done.stdout + done.stderr
    assert not here.mark().exists()
    desktop.sync()
    assert len(there.names()) == COUNT
