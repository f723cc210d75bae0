# SPDX-License-Identifier: Apache-2.0
"""A disk that is mounted below what is shown here: a card in a folder of the machine whose share is synced. When it is
away, its files are missing as if somebody had removed them; the folders from which they went tell
that nobody did."""

import contextlib
import os
import subprocess
import time

import pytest

from counterfoil import both, broker, fill, make_device, tree, two  # noqa: F401
from disks import make_disk, run  # noqa: F401

AWAY = "and not seen to be removed"
WAITS = "the disk that was mounted there, or under it, is away"
LONG_AGO = 1_600_000_000
REMEMBERED = 1.2  # by a share, in s


class Mounted:
    """What lies in one folder of this machine, shown in another one."""

    def __init__(self, store, at):
        self.store, self.at = store, at
        for folder in store, at:
            folder.mkdir(exist_ok=True)
        self.is_mounted = False

    def mount(self):
        run("mount", "--bind", self.store, self.at)
        self.is_mounted = True

    def unmount(self):
        run("umount", "-l", self.at)
        self.is_mounted = False

    def end(self):
        if self.is_mounted:
            subprocess.run(["umount", "-l", str(self.at)], capture_output=True, check=False)


@pytest.fixture
def mounted(tmp_path):
    with contextlib.ExitStack() as ends:
        made = []

        def make(at):
            it = Mounted(tmp_path / f"store {len(made)}", at)
            made.append(it)
            made.append(it)
            ends.callback(it.end)
            return it

        yield make


def add(two, here):
    laptop, desktop = two
    laptop.json("add", str(here), "--collection", "photos")
    laptop.sync()
    there = desktop.add("photos", None, "--existing")
    both(laptop, desktop)
    return there


def wait_past(folder):
    """Until the clock of its disk is later than the folder by more than that cuts times."""
    while True:
        probe = folder.with_name("probe")
        probe.touch()
        passed = probe.stat().st_mtime_ns - max(folder.stat().st_mtime_ns, folder.stat().st_ctime_ns)
        probe.unlink()
        if passed > 50_000_000:
            return


def refuses(device):
    done = device.finish("sync")
    assert done.returncode == 8 and AWAY in done.stdout, (done.returncode, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture
def card(make_disk, mounted):  # noqa: F811
    """A card in a folder of the machine behind a share, with five photos; another one lies beside it."""
    share = make_disk("bindfs")
    behind = share.below[0] / "src"
    behind.mkdir()
    card = mounted(behind / "card")
    wait_past(card.at)
    card.mount()
    fill(behind, {"beside.jpg": b"beside", **{f"card/{i}.jpg": b"photo %d" % i for i in range(4)}, "card/in/4.jpg": b"4"})
    os.chmod(card.store, 0o700)
    card.behind, card.here = behind, share.at / "src"
    return card


def test_a_card_below_a_share_that_is_away_deletes_nothing(two, card):
    laptop, desktop = two
    there = add(two, card.here)
    before = tree(there)
    card.unmount()
    for _ in range(2):
        assert "6 items are missing here" in refuses(laptop)
        desktop.sync()
        assert tree(there) == before
    assert "photos: attributes" not in desktop.run("log"), "the mode is that of what the card was mounted over"
    assert laptop.json("status")["in_sync"] is False
    card.mount()
    both(laptop, desktop)
    assert tree(there) == tree(card.here) == before
    (card.behind / "card/1.jpg").unlink()
    (card.behind / "card/2.jpg").write_bytes(b"edited")
    both(laptop, desktop)
    assert tree(there) == tree(card.here) != before


def test_what_is_written_over_where_the_card_was_does_not_delete_it(two, card):
    """The folder is of later then: that it has lost nothing is remembered. What comes from elsewhere waits for the
    card, which would cover it."""
    laptop, desktop = two
    there = add(two, card.here)
    before = tree(there)
    card.unmount()
    refuses(laptop)
    (card.behind / "card/late.jpg").write_bytes(b"late")
    fill(there, {"card/from there.jpg": b"there"})
    desktop.sync()
    for _ in range(2):
        assert WAITS in refuses(laptop)
        desktop.sync()
    assert tree(there) == {**before, **tree(there)} and (there / "card/late.jpg").exists()
    assert not (card.behind / "card/from there.jpg").exists()
    card.mount()
    assert "card/late.jpg" in refuses(laptop)
    card.unmount()
    for _ in range(2):
        refuses(laptop)
        desktop.sync()
    assert tree(there) == {**before, **tree(there)} and (there / "card/late.jpg").exists()


def test_what_is_deleted_on_a_card_that_is_away_is_deleted(two, card):
    laptop, desktop = two
    there = add(two, card.here)
    card.unmount()
    refuses(laptop)
    (card.store / "2.jpg").unlink()
    laptop.finish("sync")
    card.mount()
    both(laptop, desktop)
    assert tree(there) == tree(card.here)
    assert not (there / "card/2.jpg").exists() and (there / "card/1.jpg").exists()


def test_what_comes_for_a_folder_of_a_card_that_is_away_waits(two, card):
    """And then is not brought to what is another disk."""
    laptop, desktop = two
    there = add(two, card.here)
    card.unmount()
    refuses(laptop)
    fill(there, {"card/in/5.jpg": b"5", "card/1.jpg": b"edited there"})
    desktop.sync()
    before = tree(there)
    for _ in range(2):
        refuses(laptop)
    card.mount()
    done = laptop.finish("sync")
    assert done.returncode == 1 and "another file system is mounted there" in done.stdout, done.stdout
    desktop.sync()
    assert tree(there) == before and not (card.behind / "card/in/5.jpg").exists()


def test_what_is_removed_elsewhere_meanwhile_is_deleted(two, card):
    laptop, desktop = two
    there = add(two, card.here)
    card.unmount()
    (card.behind / "beside.jpg").unlink()
    assert "6 items are missing here" in refuses(laptop)
    laptop.finish("sync")
    desktop.sync()
    assert not (there / "beside.jpg").exists() and (there / "card/0.jpg").exists()
    card.mount()
    both(laptop, desktop)
    assert tree(there) == tree(card.here)


def test_who_sets_the_time_of_a_folder_back_is_not_asked(two, card):
    """As `rsync -a --delete` does: that the folder was changed shows in its other time."""
    laptop, desktop = two
    there = add(two, card.here)
    wait_past(card.behind)
    laptop.sync()
    for folder in card.behind, card.behind / "card":
        was = folder.stat()
        for name in "beside.jpg", "1.jpg":
            (folder / name).unlink(missing_ok=True)
        os.utime(folder, ns=(was.st_atime_ns, was.st_mtime_ns))
    both(laptop, desktop)
    assert tree(there) == tree(card.here)
    assert not (there / "beside.jpg").exists() and not (there / "card/1.jpg").exists()


def test_what_is_meant_is_said(two, card):
    laptop, desktop = two
    there = add(two, card.here)
    card.unmount()
    refuses(laptop)
    assert laptop.finish("sync", str(card.here), "--yes").returncode == 0
    desktop.sync()
    assert [name for name in tree(there) if name.endswith(".jpg")] == ["beside.jpg"]


def test_what_is_removed_from_one_branch_of_a_mergerfs_is_deleted(two, make_disk):  # noqa: F811
    """Its folders show the time of one branch, and so tell nothing of what lies on another one."""
    laptop, desktop = two
    union = make_disk("mergerfs")
    first, second = union.below
    fill(first, {"src/both/a.txt": b"a"})
    fill(second, {"src/both/b.txt": b"b"})
    here = union.at / "src"
    for below in first, second:
        os.utime(below / "src/both", (LONG_AGO, LONG_AGO))
    there = add(two, here)
    laptop.sync()
    (here / "both/b.txt").unlink()
    both(laptop, desktop)
    assert not (there / "both/b.txt").exists() and (there / "both/a.txt").exists()


def test_a_card_is_put_back_and_synced_at_once(two, card):
    """The share still remembers what lay there a second ago."""
    laptop, desktop = two
    there = add(two, card.here)
    before = tree(there)
    for _ in range(3):
        card.unmount()
        refuses(laptop)
        card.mount()
        done = laptop.finish("sync")
        assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    desktop.sync()
    assert tree(there) == tree(card.here) == before


def take_again(two, card, there):
    """What is on the card is of later than all other folders."""
    wait_past(card.behind)
    for photo in "0.jpg", "1.jpg", "2.jpg", "3.jpg", "in/4.jpg":
        (card.behind / "card" / photo).write_bytes(b"taken again")
    while (there / "card/in/4.jpg").read_bytes() != b"taken again":  # a share remembers the one before for a second
        both(*two)


def test_another_card_with_the_names_of_the_first_replaces_nothing(two, card, mounted):
    """Though nobody has seen the slot empty."""
    laptop, desktop = two
    other = mounted(card.at)
    fill(other.store, {f"{i}.jpg": b"another photo %d" % i for i in range(4)})
    (other.store / "in").mkdir()
    there = add(two, card.here)
    take_again(two, card, there)
    before = tree(there)
    card.unmount()
    other.mount()
    for _ in range(2):
        refuses(laptop)
        desktop.sync()
        assert tree(there) == before
    other.unmount()
    card.mount()
    both(laptop, desktop)
    assert tree(there) == tree(card.here) == before


def test_a_copy_of_a_card_loses_nothing_to_the_first(two, card, mounted):
    laptop, desktop = two
    there = add(two, card.here)
    take_again(two, card, there)
    copy = mounted(card.at)
    run("cp", "-a", f"{card.store}/.", copy.store)
    card.unmount()
    copy.mount()
    time.sleep(REMEMBERED)
    fill(copy.at, {"more.jpg": b"more"})
    both(laptop, desktop)
    before = tree(there)
    assert (there / "card/more.jpg").exists()
    for _ in range(2):
        copy.unmount()
        refuses(laptop)
        time.sleep(REMEMBERED)
        card.mount()
        refuses(laptop)
        desktop.sync()
        assert tree(there) == before
        card.unmount()
        copy.mount()
        time.sleep(REMEMBERED)
        both(laptop, desktop)
        assert tree(there) == tree(card.here) == before
