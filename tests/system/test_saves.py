# SPDX-License-Identifier: Apache-2.0
"""How programs save files, and what comes in while they do."""

import os
import threading
import time

import pytest

from counterfoil import broker, make_device, pair_of_notes, tree, two, wait_until  # noqa: F401
from hands import Busy, Hands, eaten
from stand import history, put, told


class Saver:
    """A program that saves a file again and again; every text is whole and names its number."""

    def __init__(self, path, save, pause=0.002):
        self.path, self.save, self.pause = os.fspath(path), save, pause
        self.count = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def text(self, n):
        return f"save {n} of {os.path.basename(self.path)}\n".encode() * 500

    def work(self):
        while not self.over.is_set():
            self.save(self.path, self.text(self.count + 1))
            self.count += 1
            self.over.wait(self.pause)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def save_in_place(path, content):
    with open(path, "wb") as file:
        half = len(content) // 2
        file.write(content[:half])
        file.flush()
        file.write(content[half:])


def save_by_rename(path, content):
    with open(path + ".tmp", "wb") as file:
        file.write(content)
    os.rename(path + ".tmp", path)


def save_with_a_backup(path, content):
    os.rename(path, path + "~")
    with open(path, "wb") as file:
        file.write(content)


def save_anew(path, content):
    os.unlink(path)
    with open(path, "wb") as file:
        file.write(content)


SAVES = [save_in_place, save_by_rename, save_with_a_backup, save_anew]


@pytest.mark.parametrize("save", SAVES)
def test_a_save_is_an_edit_and_never_a_deletion(pair_of_notes, save):
    laptop, desktop, here, there = pair_of_notes
    for n in range(3):
        save(str(here / "one.txt"), b"saved %d\n" % n)
        laptop.sync()
        desktop.sync()
        assert (there / "one.txt").read_bytes() == b"saved %d\n" % n
        assert tree(here) == tree(there)
    counts = told(laptop)
    assert not any(change == "deleted" and path == "one.txt" for _, change, path in counts)
    assert counts["laptop", "edited", "one.txt"] == 3


@pytest.mark.parametrize("save", SAVES)
def test_a_file_that_is_saved_all_the_time_arrives_whole(pair_of_notes, save):
    laptop, desktop, here, there = pair_of_notes
    (here / "busy").write_bytes(b"first\n")
    laptop.sync()
    desktop.sync()
    laptop.serve(), desktop.serve()
    seen = set()
    with Saver(here / "busy", save, 0.01) as saver:
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            seen.add((there / "busy").read_bytes())  # it is never missing
    last = saver.text(saver.count)

    wait_until(lambda: (there / "busy").read_bytes() == last, "the last save is there")
    whole = {b"first\n", *(saver.text(n + 1) for n in range(saver.count))}
    assert seen <= whole
    assert not any("deleted" == change and path == "busy" for _, change, path in told(laptop))
    assert (here / "busy").read_bytes() == last


QUIET = 0.9  # less than what vanished stays away until it counts as moved; until it is gone there are 2 s more


def test_a_slow_backup_save_is_no_move(pair_of_notes):
    """While nothing stands at its path here, the file stays where it is elsewhere."""
    laptop, desktop, here, there = pair_of_notes
    laptop.serve(), desktop.serve()
    (here / "one.txt").write_bytes(b"first\n")
    wait_until(lambda: (there / "one.txt").read_bytes() == b"first\n", "both serve")
    saves = quick = 0
    while quick < 5 and saves < 20:
        begun = time.monotonic()
        os.rename(here / "one.txt", here / "one.txt~")
        if saves % 2:
            laptop.finish("status")  # which looks, too
        missing = 0
        while time.monotonic() < begun + 0.3:
            missing += not (there / "one.txt").exists()
            time.sleep(0.002)
        (here / "one.txt").write_bytes(b"save %d\n" % saves)
        if time.monotonic() < begun + QUIET:  # else a machine under load has made a move of it
            quick += 1
            assert not missing
        wait_until(lambda: tree(there).get("one.txt") == b"save %d\n" % saves, "the save is there")
        saves += 1
    wait_until(lambda: tree(here) == tree(there), "the backup is there")
    if not quick:
        pytest.skip("this machine is under too much load for a save in a second")
    if quick == saves:
        assert not any(change == "deleted" for _, change, _ in told(laptop))


def test_another_thing_in_the_place_of_one_is_no_conflict(pair_of_notes):
    """Its deletion waits, for it could be back in a moment; till then there are not two of one name."""
    laptop, desktop, here, there = pair_of_notes
    laptop.serve(), desktop.serve()
    for name in "to a link", "to a folder":
        put(here, name, b"a file\n")
    wait_until(lambda: (there / "to a link").exists() and (there / "to a folder").exists(), "both serve")
    for name in "to a link", "to a folder":
        (here / name).unlink()
    (here / "to a link").symlink_to("one.txt")
    (here / "to a folder").mkdir()
    put(here, "to a folder/below", b"deep\n")
    expected = tree(here)
    wait_until(lambda: tree(there) == expected, "it is what it became")
    assert tree(here) == expected


def test_a_move_is_soon_elsewhere(pair_of_notes):
    """It waits for less than a deletion does, and counts for none."""
    laptop, desktop, here, there = pair_of_notes
    laptop.serve(), desktop.serve()
    put(here, "moving", b"content\n")
    put(here, "sub/going", b"gone\n")
    wait_until(lambda: (there / "moving").exists() and (there / "sub/going").exists(), "both serve")
    begun = time.monotonic()
    (here / "sub/going").unlink()
    os.rename(here / "moving", here / "moved")
    at_once = time.monotonic() < begun + QUIET
    wait_until(lambda: not (there / "sub/going").exists(), "the deletion is there")
    wait_until(lambda: (there / "moved").exists() and not (there / "moving").exists(), "it is moved")
    latest = next(one for one in history(laptop) if one["change"] in ("moved", "deleted"))
    assert latest["change"] == "deleted" or not at_once, "it waited as a deletion does"
    for way in [("moved", "sub/moved"), ("sub/moved", "moved again"), ("moved again", "moving")]:
        os.rename(here / way[0], here / way[1])
        wait_until(lambda: (there / way[1]).exists() and not (there / way[0]).exists(), "it is moved")
    changes = told(laptop)
    assert sum(times for (_, change, _), times in changes.items() if change == "moved") == 4
    assert sum(times for (_, change, _), times in changes.items() if change == "deleted") == 1


@pytest.mark.parametrize("save", [save.__name__ for save in SAVES])
def test_what_comes_in_never_eats_a_save(pair_of_notes, save):
    """Both sides save the same file: what nobody replaced by hand is on both sides afterwards."""
    laptop, desktop, here, there = pair_of_notes
    laptop.serve(), desktop.serve()
    mine, yours = people = Hands(here, "one.txt", "laptop"), Hands(there, "one.txt", "desktop")
    for round, other in enumerate(["save_by_rename", save]):
        with Busy(getattr(mine, save), 0.001):
            for _ in range(12):
                getattr(yours, other)()
                time.sleep(0.02)

        def is_kept():
            found = tree(here), tree(there)
            return found[0] == found[1] and not eaten(people, *found)

        try:
            wait_until(is_kept, "both have all")
        except AssertionError:
            raise AssertionError(tell_what_was_eaten(round, people, (laptop, desktop), (here, there)))


def tell_what_was_eaten(round, people, devices, sources):
    said = [f"round {round}, after {[len(hands.written) for hands in people]} saves"]
    found = [tree(source) for source in sources]
    said += [f"eaten: {text[:24]}" for text in sorted(eaten(people, *found))]
    for device, source, one in zip(devices, sources, found):
        said += [f"{device.name} has {path}: {content and content[:24]}" for path, content in one.items()]
        said += [f"{device.name} keeps {name}" for name in os.listdir(source / ".counterfoil/tmp")]
        said += [device.finish("status").stdout, device.finish("log", "-n", "1000").stdout]
    return "\n".join(said)


def test_a_file_that_is_being_written_waits(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    with open(here / "slow", "wb") as file:
        file.write(b"half")
        file.flush()
        laptop.finish("sync")
        desktop.sync()
        assert not (there / "slow").exists() or (there / "slow").read_bytes() == b"half"
        file.write(b" and half")
    laptop.sync()
    desktop.sync()
    assert (there / "slow").read_bytes() == b"half and half"


def test_touching_and_rewriting_the_same_is_no_edit_of_content(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    traffic = laptop.sync()["traffic"]
    put(here, "one.txt", (here / "one.txt").read_bytes())
    traffic = laptop.sync()["traffic"]
    assert traffic["blobs_sent"] == 0
    desktop.sync()
    assert not any("conflict" in path for path in tree(there))
    assert tree(here) == tree(there)
