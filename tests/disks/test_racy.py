# SPDX-License-Identifier: Apache-2.0
"""Saves as fast as they go, of one size: on some disks the times of many of them are the same, and of `sync` too. Whatever
was saved last is sent by the next one, and what has rested is not read for ever."""

import threading

import pytest

from counterfoil import both, broker, make_device, tree, two  # noqa: F401
from disks import disk, make_disk, of, stick  # noqa: F401

SAVES, SYNCS = 1000, 4


def text_of(number):
    return f"saved {number:06}\n"


@pytest.fixture
def sent(stick):
    """The source on the disk, what is to be done for it to be sent, and where it then is."""
    laptop, desktop = stick
    here = laptop.add("notes", {"first": "first\n"})
    both(laptop, desktop)
    there = desktop.add("notes", None, "--existing")
    both(laptop, desktop)
    return laptop, desktop, here, there


def test_the_last_of_a_thousand_saves_is_sent_by_the_next_sync(sent):
    laptop, desktop, here, there = sent
    saved = 0
    for _ in range(SYNCS):
        for _ in range(SAVES // SYNCS):
            saved += 1
            (here / "note").write_text(text_of(saved))
        laptop.sync()
        desktop.sync()
        assert (there / "note").read_text() == text_of(saved)


@of("ext4", "ext2", "ntfs", "exfat")
def test_a_save_while_it_is_looked_at_is_sent_by_the_next_sync(disk, sent):
    """Another thread saves all the time, until the last one."""
    laptop, desktop, here, there = sent
    stop = threading.Event()
    saved = [0]

    def save():
        while not stop.is_set():
            saved[0] += 1
            (here / "note").write_text(text_of(saved[0]))

    thread = threading.Thread(target=save)
    thread.start()
    for _ in range(3):
        laptop.finish("sync")
    stop.set()
    thread.join()
    laptop.sync()
    desktop.sync()
    assert (there / "note").read_text() == text_of(saved[0])
