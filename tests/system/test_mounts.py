# SPDX-License-Identifier: Apache-2.0
"""Mounts below a source: whatever is mounted, unmounted or mounted over, in any order, nobody deleted what is not seen."""

import shutil
import subprocess

import pytest

from counterfoil import broker, fill, make_device, tree, two, wait_until  # noqa: F401
from stand import told
from test_guard import deletions


class Mount:
    def __init__(self):
        self.places = []

    def put(self, where, *how):
        how = how or ("-t", "tmpfs", "-o", "size=4m", "none")
        if subprocess.run(["mount", *how, where], capture_output=True).returncode:
            pytest.skip("needs the right to mount a small file system")
        self.places.append(where)

    def take(self, where):
        subprocess.run(["umount", "-l", where], check=True)
        self.places.remove(where)


@pytest.fixture
def mount():
    made = Mount()
    yield made
    for place in reversed(made.places):
        subprocess.run(["umount", "-l", place], check=True)


COVERED = {"a": "a", "docs/v1/NOT_MOUNTED": "mount the disk here\n"}
ON_IT = {f"docs/v1/u{i}": f"on the disk {i}\n" for i in range(1, 6)}


@pytest.fixture
def docs(two):
    """The folder on which a disk is to be mounted has a file that says so."""
    laptop, desktop = two
    here = laptop.add("notes", COVERED)
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    return laptop, desktop, here, there


def whole(*parts):
    return {path: text.encode() for part in parts for path, text in part.items()}


def files(folder):
    return {path: content for path, content in tree(folder).items() if content is not None}


def held(device):
    report = device.json("status")
    return {item["path"]: item["reason"] for item in report["collections"][0]["pending"] if item["kind"] == "held"}


def changes_of(device, path):
    return sum(count for (_, _, where), count in told(device).items() if where == path)


def expect_there(desktop, there, laptop, *parts):
    desktop.sync()
    assert files(there) == whole(*parts)
    assert deletions(laptop) == []


def test_what_was_written_on_a_disk_stays_elsewhere_when_it_is_taken_away(docs, mount):
    laptop, desktop, here, there = docs
    mount.put(here / "docs/v1")
    fill(here, ON_IT)
    laptop.run("sync", code=8)
    expect_there(desktop, there, laptop, COVERED, ON_IT)
    mount.take(here / "docs/v1")
    for _ in range(2):
        laptop.run("sync", code=8)
        assert sorted(held(laptop)) == sorted(ON_IT)
    expect_there(desktop, there, laptop, COVERED, ON_IT)
    laptop.sync(0, "--yes")
    desktop.sync()
    assert files(there) == whole(COVERED)


def test_serve_keeps_what_was_on_a_disk(docs, mount):
    laptop, desktop, here, there = docs
    laptop.serve(), desktop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "it is connected")
    mount.put(here / "docs/v1")
    fill(here, ON_IT)
    wait_until(lambda: files(there) == whole(COVERED, ON_IT), "it is sent")
    mount.take(here / "docs/v1")
    wait_until(lambda: sorted(held(laptop)) == sorted(ON_IT), "it is held")
    laptop.run("sync", code=8)
    laptop.run("sync", code=8)
    assert files(there) == whole(COVERED, ON_IT) and deletions(laptop) == []


def test_a_disk_that_comes_back_is_in_sync(docs, mount, tmp_path):
    """Also under another device number; what was deleted on it meanwhile is asked for."""
    laptop, desktop, here, there = docs
    disk = tmp_path / "disk"
    disk.mkdir()
    mount.put(disk)
    mount.put(here / "docs/v1", "--bind", disk)
    fill(here, ON_IT)
    laptop.run("sync", code=8)
    mount.take(here / "docs/v1")
    laptop.run("sync", code=8)
    mount.put(here / "docs/v1", "--bind", disk)
    laptop.run("sync", code=8)
    assert list(held(laptop)) == ["docs/v1/NOT_MOUNTED"]
    (here / "docs/v1/u1").unlink()
    laptop.run("sync", code=8)
    desktop.sync()
    assert sorted(tree(there / "docs/v1")) == ["NOT_MOUNTED", "u2", "u3", "u4", "u5"]
    mount.take(here / "docs/v1")
    laptop.run("sync", code=8)
    assert sorted(held(laptop)) == [f"docs/v1/u{i}" for i in range(2, 6)]


@pytest.mark.parametrize("again", [False, True])
def test_another_disk_in_its_place_deletes_nothing(docs, mount, again):
    """It has the device's number and the files' numbers of the first."""
    laptop, desktop, here, there = docs
    mount.put(here / "docs/v1")
    fill(here, ON_IT)
    laptop.run("sync", code=8)
    mount.take(here / "docs/v1")
    if again:
        laptop.run("sync", code=8)
    mount.put(here / "docs/v1")
    other = {f"docs/v1/w{i}": f"on the other {i}\n" for i in range(1, 6)}
    fill(here, other)
    laptop.run("sync", code=8)
    assert sorted(held(laptop)) == sorted([*ON_IT, "docs/v1/NOT_MOUNTED"])
    expect_there(desktop, there, laptop, COVERED, ON_IT, other)


def test_what_is_held_for_a_disk_is_not_moved(docs, mount):
    """Of what is not seen nobody knows that it is what came elsewhere, be it as like it as can be."""
    laptop, desktop, here, there = docs
    mount.put(here / "docs/v1")
    fill(here, ON_IT)
    laptop.run("sync", code=8)
    mount.take(here / "docs/v1")
    copies = {f"copy of u{i}": ON_IT[f"docs/v1/u{i}"] for i in range(1, 6)}
    fill(here, copies)
    laptop.run("sync", code=8)
    expect_there(desktop, there, laptop, COVERED, ON_IT, copies)


def test_a_mount_point_that_is_removed_deletes_nothing(two, mount):
    """As desktops do that make it for the time that the disk is there."""
    laptop, desktop = two
    here = laptop.source()
    (here / "stick/sub").mkdir(parents=True)
    mount.put(here / "stick")
    on_it = {"a": "a", "stick/one": "1", "stick/sub/two": "2"}
    laptop.add("notes", on_it)
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    mount.take(here / "stick")
    shutil.rmtree(here / "stick")
    for _ in range(2):
        laptop.run("sync", code=8)
    expect_there(desktop, there, laptop, on_it)


def test_a_folder_of_the_same_disk_that_is_mounted_over_another_deletes_nothing(docs, mount, tmp_path):
    laptop, desktop, here, there = docs
    other = tmp_path / "other"
    fill(other, {"there": "of another folder\n"})
    mount.put(here / "docs/v1", "--bind", other)
    for _ in range(2):
        laptop.run("sync", code=8)
        assert list(held(laptop)) == ["docs/v1/NOT_MOUNTED"]
    there_too = {"docs/v1/there": "of another folder\n"}
    expect_there(desktop, there, laptop, COVERED, there_too)
    mount.take(here / "docs/v1")
    for _ in range(2):
        laptop.run("sync", code=8)
        assert list(held(laptop)) == ["docs/v1/there"]
    expect_there(desktop, there, laptop, COVERED, there_too)


def test_mounts_over_each_other_come_and_go_in_any_order(docs, mount):
    laptop, desktop, here, there = docs
    all_of_it = [COVERED]
    for i, place in enumerate(("docs/v1", "docs", "docs")):
        mount.put(here / place)
        all_of_it.append({f"{place}/on {i}": f"on it {i}\n"})
        fill(here, all_of_it[-1])
        laptop.run("sync", code=8)
        expect_there(desktop, there, laptop, *all_of_it)
    for place in ("docs", "docs", "docs/v1"):
        mount.take(here / place)
        laptop.run("sync", code=8)
        expect_there(desktop, there, laptop, *all_of_it)


def test_what_is_done_below_a_mount_is_done_elsewhere(docs, mount):
    """A deletion on a disk that is there is one, and so is a directory's."""
    laptop, desktop, here, there = docs
    (here / "docs/v1/NOT_MOUNTED").unlink()
    laptop.sync()
    mount.put(here / "docs/v1")
    fill(here, {**ON_IT, "docs/v1/sub/deep/x": "x", "docs/v1/sub/y": "y"})
    laptop.sync()
    shutil.rmtree(here / "docs/v1/sub/deep")
    (here / "docs/v1/u1").rename(here / "docs/v1/sub/u1")
    (here / "docs/v1/u2").unlink()
    laptop.sync()
    desktop.sync()
    assert tree(there) == tree(here)


def test_what_can_not_come_to_a_disk_says_what_to_do(docs, mount):
    """And comes when that was taken away."""
    laptop, desktop, here, there = docs
    mount.put(here / "docs/v1")
    laptop.finish("sync")
    (there / "docs/v1/new").write_text("new\n")
    desktop.sync()
    pending = laptop.json("sync", code=8)["collections"][0]["pending"]
    assert any("add it as one of its own" in item["reason"] for item in pending if item["path"] == "docs/v1/new"), pending
    mount.take(here / "docs/v1")
    laptop.sync()
    assert tree(here) == tree(there)


def pending_of(device):
    return {item["path"]: item["reason"] for item in device.json("status")["collections"][0]["pending"]}


def test_what_was_synced_where_a_disk_is_mounted_waits_below_it(docs, mount):
    """As long as it is covered, each `status` names it and what others did with it; then that is done."""
    laptop, desktop, here, there = docs
    mount.put(here / "docs/v1")
    laptop.run("sync", code=8)
    (there / "docs/v1/NOT_MOUNTED").write_text("edited elsewhere\n")
    fill(there, {"docs/v1/new": "new\n"})
    desktop.sync()
    for _ in range(3):
        laptop.run("sync", code=8)
        for _ in range(2):
            assert sorted(pending_of(laptop)) == ["docs/v1/NOT_MOUNTED", "docs/v1/new"]
        assert tree(here / "docs/v1") == {} and deletions(laptop) == []
    mount.take(here / "docs/v1")
    laptop.sync()
    assert tree(here) == tree(there) and tree(here)["docs/v1/NOT_MOUNTED"] == b"edited elsewhere\n"
    assert pending_of(laptop) == {} and laptop.json("status")["in_sync"]


def test_serve_names_what_a_disk_does_not_take_until_it_is_away(docs, mount):
    laptop, desktop, here, there = docs
    laptop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "it is connected")
    mount.put(here / "docs/v1")
    fill(there, {"docs/v1/new": "new\n"})
    desktop.sync()
    wait_until(lambda: "docs/v1/new" in pending_of(laptop), "what can't come is named")
    fill(there, {"docs/later": "later\n"})
    desktop.sync()
    wait_until(lambda: (here / "docs/later").exists(), "what can come has come")
    assert "add it as one of its own" in pending_of(laptop)["docs/v1/new"]
    mount.take(here / "docs/v1")
    wait_until(lambda: tree(here) == tree(there), "what could not come has come", 90)
    wait_until(lambda: pending_of(laptop) == {}, "nothing waits")
    assert deletions(laptop) == []


def test_what_others_do_with_what_lies_on_a_disk_is_named_and_nothing_is_lost(docs, mount):
    """Each once, with what to do; and what lies there is told as nobody's edit."""
    laptop, desktop, here, there = docs
    (here / "docs/v1/NOT_MOUNTED").unlink()
    laptop.sync()
    mount.put(here / "docs/v1")
    fill(here, ON_IT)
    laptop.sync()
    desktop.sync()
    (there / "docs/v1/u1").write_text("edited\n")
    (there / "docs/v1/u2").unlink()
    (there / "docs/v1/u3").rename(there / "docs/v1/u9")
    (there / "docs/v1/u4").rename(there / "docs/u4")
    (there / "a").rename(there / "docs/v1/a")
    fill(there, {"docs/v1/new": "new\n", "docs/v1/in/new": "new\n"})
    desktop.sync()
    meant = files(there)
    for _ in range(3):
        pending = laptop.json("sync", code=1)["collections"][0]["pending"]
        assert sorted(item["path"] for item in pending) == ["a"] + [f"docs/v1/{n}" for n in ("in/new", "new", "u1", "u2", "u4")]
        assert all("mount it outside of the source and add it as one of its own" in item["reason"] for item in pending)
        desktop.sync()
        assert files(there) == meant
        renamed = {"docs/v1/u9" if path == "docs/v1/u3" else path: text for path, text in ON_IT.items()}
        assert files(here) == {"a": b"a"} | {path: text.encode() for path, text in renamed.items()}


def test_what_is_held_stays_so_whatever_else_is_looked_at(docs, mount):
    """A look at a folder's own name says nothing of what is missing in it."""
    laptop, desktop, here, there = docs
    mount.put(here / "docs/v1")
    fill(here, ON_IT)
    laptop.run("sync", code=8)
    mount.take(here / "docs/v1")
    laptop.serve()
    wait_until(lambda: sorted(held(laptop)) == sorted(ON_IT), "it is held")
    before = changes_of(laptop, "docs/v1")
    (here / "docs/v1").chmod(0o700)
    wait_until(lambda: changes_of(laptop, "docs/v1") > before, "that is told")
    assert sorted(held(laptop)) == sorted(ON_IT)


def test_a_mass_delete_is_held_whatever_else_is_looked_at(two):
    laptop, desktop = two
    desktop.add("notes", {f"d/{i}": f"{i}" for i in range(120)})
    desktop.sync()
    laptop.sync()
    here = laptop.add("notes", None, "--existing")
    laptop.sync()
    laptop.serve()
    wait_until(lambda: laptop.json("status")["in_sync"], "it is looked at")
    for i in range(70):
        (here / f"d/{i}").unlink()
    wait_until(lambda: len(held(laptop)) == 70, "it is held")
    before = changes_of(laptop, "d")
    (here / "d").chmod(0o700)
    wait_until(lambda: changes_of(laptop, "d") > before, "that is told")
    assert len(held(laptop)) == 70
