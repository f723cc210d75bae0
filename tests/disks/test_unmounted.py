# SPDX-License-Identifier: Apache-2.0
"""A stick that `serve` keeps in sync can be unmounted while there is nothing to do: nothing of it is held open then. The
system refuses it while somebody works there, and nothing is lost by asking."""

import contextlib
import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from counterfoil import both, broker, fill, make_device, tree, two, wait_until  # noqa: F401
from disks import disk, make_disk, of  # noqa: F401

STICKS = of("ext2", "exfat", "bindfs")
CARD = "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:urn:ann\r\nFN:Ann\r\nEND:VCARD\r\n"
MANY, TRIES = 300, 40
LARGE = 20 << 20


def unmounts(disk):
    """As a user does it, once."""
    done = subprocess.run(["umount", disk.at], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        disk.is_mounted = False
        disk.detach()
    return done.returncode == 0


def held(process, disk):
    """What the process has open there."""
    found = []
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            path = os.readlink(link)
        except OSError:
            continue
        if Path(path).is_relative_to(disk.at):
            found.append(path)
    return found


def trouble(device):
    return device.json("status")["collections"][0].get("trouble", "")


def has(folder, name, content):
    return (folder / name).exists() and (folder / name).read_text() == content


class Served:
    """A source on a stick, `below` its root or the root itself, that a laptop serves; its desktop has it, too."""

    def __init__(self, disk, laptop, desktop, below, *arguments, files=None):
        self.disk, self.laptop, self.desktop = disk, laptop, desktop
        self.here = disk.at / below if below else disk.at
        self.here.mkdir(exist_ok=True)
        fill(self.here, files or {"a": "one\n", "in/b": "two\n"})
        laptop.json("add", str(self.here), "--collection", "notes", *arguments)
        both(laptop, desktop)
        self.there = desktop.add("notes", None, "--existing", *arguments)
        both(laptop, desktop)
        self.serving = laptop.serve()

    def take_away(self):
        wait_until(lambda: unmounts(self.disk), f"it is unmounted: {held(self.serving, self.disk)}")
        away = "not there, and nothing is deleted elsewhere" if self.here != self.disk.at else "not mounted there"
        wait_until(lambda: away in trouble(self.laptop), "it is named as away")

    def bring_back(self):
        self.disk.mount()
        wait_until(lambda: not trouble(self.laptop), "it goes on")

    def arrives(self, name, content):
        def has_arrived():
            self.desktop.finish("sync")
            return has(self.there, name, content)

        wait_until(has_arrived, f"{name} is there")


@STICKS
@pytest.mark.parametrize("below", ("notes", ""))
def test_a_stick_that_is_served_is_unmounted_and_goes_on_when_it_is_back(disk, two, below):
    served = Served(disk, *two, below)
    for i in range(2):
        (served.here / f"here {i}").write_text("made here\n")
        served.arrives(f"here {i}", "made here\n")
        served.take_away()
        (served.there / f"there {i}").write_text("made while it was away\n")
        (served.there / "a").write_text(f"edit {i}\n")
        served.desktop.sync()
        assert "a" in tree(served.there) and "in/b" in tree(served.there)
        served.bring_back()
        wait_until(lambda: has(served.here, f"there {i}", "made while it was away\n"), "it arrives")
        wait_until(lambda: has(served.here, "a", f"edit {i}\n"), "the edit arrives")
    assert served.laptop.stop(served.serving) == 0
    both(served.laptop, served.desktop)
    here = {name: content for name, content in tree(served.here).items() if name != "lost+found"}
    assert here == {name: content for name, content in tree(served.there).items() if name != "lost+found"}
    assert here["in/b"] == b"two\n" and len(here) == 7


@of("ext2")
def test_several_sources_of_one_stick_let_go_of_it(disk, two):
    laptop, desktop = two
    fill(disk.at, {"people.csv": "id,name\n1,Ann\n", "cards/ann.vcf": CARD, "notes/a": "one\n"})
    with contextlib.closing(sqlite3.connect(disk.at / "book.db")) as database:
        database.execute("create table people (id integer primary key, name text)")
        database.execute("insert into people values (1, 'Ann')")
        database.commit()
    laptop.json("add", str(disk.at / "people.csv"), "--format", "csv", "--key", "id")
    laptop.json("add", str(disk.at / "book.db"), "--format", "sqlite")
    laptop.json("add", str(disk.at / "cards"), "--format", "vcard")
    laptop.json("add", str(disk.at / "notes"))
    laptop.sync()
    serving = laptop.serve()
    wait_until(lambda: unmounts(disk), f"it is unmounted: {held(serving, disk)}")
    wait_until(lambda: all("trouble" in source for source in laptop.json("status")["collections"]), "all are away")
    disk.mount()
    wait_until(lambda: laptop.json("status")["in_sync"], "all go on")
    (disk.at / "people.csv").write_text("id,name\n1,Ann\n2,Bob\n")
    other = desktop.folder / "people.csv"

    def has_arrived():
        desktop.finish("sync")
        return other.exists() and "Bob" in other.read_text()

    desktop.sync()
    other.write_text("id,name\n")
    desktop.json("add", str(other), "--format", "csv", "--key", "id", "--existing")
    wait_until(has_arrived, "what is added there is sent")
    wait_until(lambda: not held(serving, disk), "nothing of it is held")
    assert laptop.stop(serving) == 0


@of("ext2")
def test_a_stick_with_the_copies_of_a_base_lets_go_of_it(disk, two, tmp_path):
    laptop, desktop = two
    here = laptop.add("notes", {"large": os.urandom(1 << 20)}, "--base-dir", str(disk.at / "base"))
    laptop.sync()
    serving = laptop.serve()
    for i in range(2):
        (here / "large").write_bytes(os.urandom(1 << 20))
        wait_until(lambda: laptop.json("status")["in_sync"], "it is sent")
        wait_until(lambda: unmounts(disk), f"it is unmounted: {held(serving, disk)}")
        (here / f"while {i}").write_text("away\n")
        wait_until(lambda: "where its base lies" in trouble(laptop), "the base is away")
        disk.mount()
        wait_until(lambda: laptop.json("status")["in_sync"], "it goes on")
    assert laptop.stop(serving) == 0


@of("ext2", "bindfs")
def test_who_unmounts_a_stick_that_is_busy_is_refused_or_loses_nothing(disk, two):
    """Tried all the while that files come and go; mounted again each time that it succeeds."""
    served = Served(disk, *two, "notes")
    others = fill_many(served.there, "there")
    served.desktop.sync()
    mine = {}
    for i in range(TRIES):
        mine |= {f"mine/{i}": f"mine {i}\n".encode()}
        fill(served.here, {f"mine/{i}": f"mine {i}\n"})
        if unmounts(disk):
            disk.mount()

    def is_whole():
        served.desktop.finish("sync")
        here, there = tree(served.here), tree(served.there)
        return here == there and here.items() >= mine.items() and here.items() >= others.items()

    wait_until(is_whole, "all of it is on both")
    assert served.laptop.stop(served.serving) == 0


def fill_many(folder, name):
    files = {f"{name}/{i}": f"{name} {i}\n" for i in range(MANY)}
    fill(folder, files)
    return {path: content.encode() for path, content in files.items()}


@of("ext2")
def test_a_stick_in_which_a_download_waits_for_the_broker_is_unmounted(disk, two, broker):
    served = Served(disk, *two, "notes", files={"a": "one\n"})
    broker.stop()
    served.take_away()
    broker.restart()
    (served.there / "large").write_bytes(os.urandom(LARGE))
    served.desktop.sync()
    served.bring_back()
    wait_until(lambda: any("get-" in path for path in map(str, (served.here / ".counterfoil/tmp").iterdir())) or
               (served.here / "large").exists(), "it has begun")
    broker.stop()
    served.take_away()
    served.disk.mount()
    broker.restart()
    wait_until(lambda: tree(served.here) == tree(served.there), "it arrives")
    assert served.laptop.stop(served.serving) == 0


@of("ext2", "exfat")
@pytest.mark.parametrize("below", ("notes", ""))
def test_another_stick_in_its_place_gets_nothing_of_it(disk, two, make_disk, below):
    served = Served(disk, *two, below)
    other = make_disk("ext2", {f"{below}/mine".lstrip("/"): "of another stick\n"})
    stranger = tree(other.at / below)
    other.unmount()
    served.take_away()
    (served.there / "while").write_text("away\n")
    served.desktop.sync()
    other.at = disk.at
    other.mount()
    said = "not on the disk that was added" if below else "another disk than the one that was added"
    wait_until(lambda: said in trouble(served.laptop), "it is told from the other one")
    assert tree(served.here) == stranger
    wait_until(lambda: unmounts(other), "the other one is unmounted")
    served.bring_back()
    wait_until(lambda: has(served.here, "while", "away\n"), "it goes on")
    assert "mine" not in tree(served.there) and "in/b" in tree(served.there)
    assert served.laptop.stop(served.serving) == 0
