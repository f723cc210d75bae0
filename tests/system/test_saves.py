# SPDX-License-Identifier: Apache-2.0
"""How programs save files, and what comes in while they do."""

import os
import threading
import time

import pytest

from counterfoil import broker, make_device, pair_of_notes, tree, two, wait_until  # noqa: F401
from stand import put, told


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


def test_a_slow_backup_save_is_no_move(pair_of_notes):
    """While nothing stands at its path here, the file stays where it is elsewhere."""
    laptop, desktop, here, there = pair_of_notes
    laptop.serve(), desktop.serve()
    (here / "one.txt").write_bytes(b"first\n")
    wait_until(lambda: (there / "one.txt").read_bytes() == b"first\n", "both serve")
    for n in range(6):
        os.rename(here / "one.txt", here / "one.txt~")
        if n % 2:
            laptop.finish("status")  # which looks, too
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            (there / "one.txt").read_bytes()
            time.sleep(0.002)
        (here / "one.txt").write_bytes(b"save %d\n" % n)
    wait_until(lambda: (there / "one.txt").read_bytes() == b"save 5\n", "the last save is there")
    wait_until(lambda: tree(here) == tree(there), "the backup is there")
    assert not any(change == "deleted" for _, change, _ in told(laptop))


def test_a_move_is_soon_elsewhere(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    laptop.serve(), desktop.serve()
    put(here, "moving", b"content\n")
    wait_until(lambda: (there / "moving").exists(), "both serve")
    seconds = []
    for name in "moved", "sub/moved", "moved again":
        begun = time.monotonic()
        os.rename(here / "moving", here / name)
        wait_until(lambda: (there / name).exists() and not (there / "moving").exists(), "it is moved")
        seconds.append(time.monotonic() - begun)
        os.rename(here / name, here / "moving")
        wait_until(lambda: (there / "moving").exists() and not (there / name).exists(), "it is back")
    assert min(seconds) < 2.5, "it waited as a deletion does"
    changes = told(laptop)
    assert sum(times for (_, change, _), times in changes.items() if change == "moved") == 6
    assert not any(change == "deleted" for _, change, _ in changes)


@pytest.mark.parametrize("save", SAVES)
def test_what_comes_in_never_eats_a_save(pair_of_notes, save):
    """Both sides save the same file: everything that was the last word of one is somewhere."""
    laptop, desktop, here, there = pair_of_notes
    laptop.serve(), desktop.serve()
    for n in range(2):
        with Saver(here / "one.txt", save, 0.001) as saver:
            for k in range(6):
                put(there, "one.txt", b"from there, %d %d\n" % (n, k))
                time.sleep(0.02)
        mine, theirs = saver.text(saver.count), b"from there, %d 5\n" % n

        def is_kept():
            found, other = tree(here), tree(there)
            return found == other and mine in found.values() and theirs in found.values()

        try:
            wait_until(is_kept, "both last words are on both sides", 20)
        except AssertionError:
            raise AssertionError(f"round {n}: {brief(here, mine, theirs)} {brief(there, mine, theirs)}")
        for source in here, there:
            for path in tree(source):
                if "conflict" in path:
                    os.unlink(source / path)
            break
        wait_until(lambda: tree(here) == tree(there), "the copies are gone")


def brief(source, mine, theirs):
    return {path: "mine" if text == mine else "theirs" if text == theirs else text and text[:30]
            for path, text in tree(source).items()}


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
