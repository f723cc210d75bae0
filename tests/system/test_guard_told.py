# SPDX-License-Identifier: Apache-2.0
"""What the guard holds is told at once, in one line, with the command that ends it, and for as long as it is held."""

import os
import re
import selectors
import time

import pytest

from counterfoil import WAIT, broker, make_device, tree, two, wait_until  # noqa: F401

ALL, GONE = 150, 100
ABSENT = 3  # seconds after which what is missing counts


class Said:
    """The lines of a process's stderr, as they come."""

    def __init__(self, process):
        self.stream, self.lines, self.rest = process.stderr, [], b""
        os.set_blocking(self.stream.fileno(), False)

    def take(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self.stream, selectors.EVENT_READ)
            while selector.select(0):
                chunk = os.read(self.stream.fileno(), 65536)
                if not chunk:
                    break
                *whole, self.rest = (self.rest + chunk).split(b"\n")
                self.lines += [line.decode() for line in whole]
        return self.lines

    def wait_for(self, pattern):
        end = time.monotonic() + WAIT
        while not self.of(pattern):
            assert time.monotonic() < end, f"{pattern} is nowhere in\n" + "\n".join(self.lines)
            time.sleep(0.02)

    def of(self, pattern):
        return [line for line in self.take() if re.search(pattern, line)]


@pytest.fixture
def served(two):
    """The files are the laptop's; the desktop deletes them. Both serve."""
    laptop, desktop = two
    here = laptop.add("notes", {f"file {i:03}": f"{i}\n" for i in range(ALL)})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    said = Said(laptop.serve()), Said(desktop.serve())
    for device in laptop, desktop:
        wait_until(lambda: device.json("status")["broker"]["connected"], f"{device.name} is connected")
    return laptop, desktop, here, there, *said


def remove(folder, first, end):
    for i in range(first, end):
        (folder / f"file {i:03}").unlink()


def kinds(device):
    (source,) = device.json("status")["collections"]
    return sorted(one["kind"] for one in source["pending"])


def lines_of(device, what):
    return [line for line in device.run("status").splitlines() if what in line]


def test_serve_and_status_tell_what_is_held_at_once(served):
    laptop, desktop, here, there, _, said = served
    remove(there, 0, GONE)
    pattern = rf"{re.escape(str(there))}.*{GONE} of {ALL} items.*`counterfoil sync .*--yes`"
    said.wait_for(pattern)
    for _ in range(3):  # each of these looks
        assert kinds(desktop) == ["held"] * GONE
        desktop.run("status", "--check", code=8)
    time.sleep(ABSENT + 1)
    assert kinds(desktop) == ["held"] * GONE and len(said.of("items are missing")) == 1
    (line,) = lines_of(desktop, "missing here")
    assert line.split()[:4] == ["held", str(GONE), "of", str(ALL)]
    assert f"`counterfoil sync {there} --yes`" in line and f"`counterfoil repair {there} --refill`" in line
    assert lines_of(desktop, "file 000, file 001, file 002 and 97 more")
    assert len(desktop.run("status").splitlines()) < 8
    assert len(tree(here)) == ALL


def test_that_nothing_is_held_any_more_is_told(served):
    _, desktop, here, there, _, said = served
    remove(there, 0, GONE)
    said.wait_for("items are missing here")
    for i in range(GONE):
        (there / f"file {i:03}").write_text(f"{i}\n")
    said.wait_for(f"{re.escape(str(there))}: nothing is held any more")
    assert not kinds(desktop) and len(tree(here)) == ALL


def test_a_small_deletion_beside_what_is_held_is_held_and_told_too(served):
    laptop, desktop, here, there, _, said = served
    remove(there, 0, GONE)
    said.wait_for(f"{GONE} of {ALL} items")
    remove(there, GONE, GONE + 1)
    said.wait_for(f"{GONE + 1} of {ALL} items")
    for _ in range(2):
        assert kinds(desktop) == ["held"] * (GONE + 1)
    desktop.run("sync", code=8)
    assert kinds(desktop) == ["held"] * (GONE + 1)
    (there / "file 000").write_text("back\n")
    wait_until(lambda: said.of(rf"\D{GONE} of {ALL} items") and kinds(desktop) == ["held"] * GONE, "one is back")
    desktop.run("sync", "--yes")
    said.wait_for("nothing is held")
    assert desktop.json("status", "--check")["in_sync"]


def test_it_is_told_of_all_that_there_is_by_now(served):
    laptop, desktop, here, there, _, said = served
    remove(there, 0, GONE)
    said.wait_for(f"{GONE} of {ALL} items")
    for i in range(ALL, 3 * ALL):
        (there / f"file {i:03}").write_text(f"{i}\n")
    wait_until(lambda: len(tree(here)) == 3 * ALL, "what is new goes on")
    remove(there, GONE, GONE + 1)
    said.wait_for(f"{GONE + 1} of {3 * ALL} items")
    assert len(tree(here)) == 3 * ALL


def test_what_is_kept_of_what_others_deleted_is_told_the_same_way(served):
    laptop, desktop, here, there, said, _ = served
    remove(there, 0, GONE)
    desktop.run("sync", "--yes")
    pattern = rf"{re.escape(str(here))}.*{GONE} of {ALL} items were deleted elsewhere.*`counterfoil sync {here} --yes`"
    said.wait_for(pattern)
    for _ in range(2):
        assert kinds(laptop) == ["held"] * GONE
        laptop.run("status", "--check", code=8)
    (line,) = lines_of(laptop, "deleted elsewhere")
    assert line.split()[:4] == ["held", str(GONE), "of", str(ALL)] and "--existing --mine" in line
    assert len(said.of("deleted elsewhere")) == 1 and len(tree(here)) == ALL
    laptop.run("sync", str(here), "--yes")
    said.wait_for("nothing is held")
    assert tree(here) == tree(there) and len(tree(here)) == ALL - GONE


@pytest.mark.parametrize("deleting", [True, False])
def test_without_serve_status_and_sync_tell_the_same_line(two, deleting):
    laptop, desktop = two
    here = laptop.add("notes", {f"file {i:03}": f"{i}\n" for i in range(ALL)})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    remove(there, 0, GONE)
    device, source = (desktop, there) if deleting else (laptop, here)
    if not deleting:
        desktop.sync(0, "--yes")
        laptop.sync(8)
    device.run("status", "--check", code=8)
    (line,) = lines_of(device, f"{GONE} of {ALL} items")
    assert f"`counterfoil sync {source} --yes`" in line
    done = device.finish("sync")
    assert done.returncode == 8 and done.stdout.count(f"{GONE} of {ALL} items") == 1
    done = device.finish("-q", "sync")
    assert done.returncode == 8 and done.stderr.count(f"{GONE} of {ALL} items") == 1
    device.run("sync", str(source), "--yes")


def test_records_tell_it_the_same_way(two):
    laptop, desktop = two
    here = laptop.source("table.csv")
    rows = [f"{i},name {i}\n" for i in range(ALL)]
    here.write_text("id,name\n" + "".join(rows))
    laptop.run("add", str(here), "--collection", "table", "--format", "csv", "--key", "id")
    laptop.sync()
    desktop.sync()
    there = desktop.source("table.csv")
    desktop.run("add", str(there), "--collection", "table", "--existing", "--format", "csv", "--key", "id")
    desktop.sync()
    there.write_text("id,name\n" + "".join(rows[GONE:]))
    for _ in range(2):
        desktop.run("status", "--check", code=8)
        (line,) = lines_of(desktop, f"{GONE} of {ALL} items are missing")
        assert f"`counterfoil sync {there} --yes`" in line
        desktop.sync(8)
    said = Said(desktop.serve())
    said.wait_for(f"{GONE} of {ALL} items are missing here.*--yes")
    desktop.run("sync", "--yes")
    laptop.sync(8)
    for _ in range(2):
        laptop.run("status", "--check", code=8)
        (line,) = lines_of(laptop, f"{GONE} of {ALL} items were deleted elsewhere")
        assert f"`counterfoil sync {here} --yes`" in line
        laptop.sync(8)
    said = Said(laptop.serve())
    said.wait_for(f"{GONE} of {ALL} items were deleted elsewhere.*--yes")
