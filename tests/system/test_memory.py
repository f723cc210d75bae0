# SPDX-License-Identifier: Apache-2.0
"""What memory it takes, at most, whatever is synced. COUNTERFOIL_LONG=1: a file of 4 GiB, 100,000 files, 100,000 rows."""

import ctypes
import json
import os
import struct
import subprocess

from counterfoil import broker, make_device, two  # noqa: F401

LONG = bool(os.environ.get("COUNTERFOIL_LONG"))
MIB = 1 << 20
LARGE = 4096 if LONG else 272  # MiB: more than its limit
LARGE_LIMIT = 256 * MIB
MANY = 100_000 if LONG else 10_000
MANY_LIMIT = 400 * MIB if LONG else 128 * MIB
ROWS = 100_000 if LONG else 30_000
ROWS_LIMIT = 464 * MIB if LONG else 176 * MIB


def measured(device, *arguments):
    """The document of a verb, and the most memory that it had."""
    process = subprocess.Popen(device.command("--json", *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    device.processes.append(process)
    output, messages = process.stdout.read(), process.stderr.read()
    _, ended, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(ended)
    assert process.returncode == 0, messages
    return json.loads(output), usage.ru_maxrss * 1024


def most_of(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        (line,) = (line for line in file if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def write_random(path, mebibytes):
    with open(path, "wb") as file:
        for _ in range(mebibytes):
            file.write(os.urandom(MIB))


def same(one, other):
    with open(one, "rb") as here, open(other, "rb") as there:
        while window := here.read(MIB):
            if window != there.read(MIB):
                return False
        return not there.read(1)


class Opened:
    """How often a file that lies in one of these folders was opened since, by anybody."""

    OPEN, IS_FOLDER, OVERFLOW = 0x20, 0x40000000, 0x4000  # inotify(7)

    def __init__(self, folders):
        libc = ctypes.CDLL(None, use_errno=True)
        self.events = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        for folder in folders:
            assert libc.inotify_add_watch(self.events, os.fsencode(folder), self.OPEN) >= 0, os.strerror(ctypes.get_errno())

    def count(self):
        count = 0
        while True:
            try:
                told = os.read(self.events, 1 << 16)
            except BlockingIOError:
                return count
            while told:
                _, mask, _, size = struct.unpack_from("iIII", told)
                assert not mask & self.OVERFLOW
                count += not mask & self.IS_FOLDER
                told = told[16 + size :]


def test_a_large_file_passes_through_little_memory(broker, two):  # noqa: F811
    laptop, desktop = two
    here = laptop.add("disk")
    write_random(here / "image", LARGE)
    there = desktop.source("disk")
    sent, sender = measured(laptop, "sync")
    desktop.json("add", str(there), "--collection", "disk", "--existing")
    received, receiver = measured(desktop, "sync")
    assert sent["traffic"]["bytes_sent"] > LARGE * MIB
    assert received["traffic"]["bytes_received"] > LARGE * MIB
    assert same(here / "image", there / "image")
    assert (sender < LARGE_LIMIT, receiver < LARGE_LIMIT) == (True, True), (sender, receiver)

    with open(here / "image", "r+b") as file:
        file.seek(LARGE * MIB // 2)
        file.write(os.urandom(4096))
    sent, sender = measured(laptop, "sync")
    received, receiver = measured(desktop, "sync")
    assert sent["traffic"]["bytes_sent"] < 2 * MIB
    assert same(here / "image", there / "image")
    assert (sender < LARGE_LIMIT, receiver < LARGE_LIMIT) == (True, True), (sender, receiver)
    assert most_of(broker.process) < LARGE_LIMIT


def test_many_files_take_little_memory_each(broker, two):  # noqa: F811
    laptop, desktop = two
    here = laptop.add("notes")
    for number in range(MANY):
        folder = here / f"folder{number // 100}"
        if number % 100 == 0:
            folder.mkdir()
        (folder / f"file{number}").write_bytes(os.urandom(100))
    laptop_document, sender = measured(laptop, "sync")
    desktop.json("add", str(desktop.source("notes")), "--collection", "notes", "--existing")
    desktop_document, receiver = measured(desktop, "sync")
    assert laptop_document["in_sync"] and desktop_document["in_sync"]
    assert sum(len(files) for _, _, files in os.walk(desktop.source("notes"))) >= MANY
    assert (sender < MANY_LIMIT, receiver < MANY_LIMIT) == (True, True), (sender, receiver)
    assert most_of(broker.process) < MANY_LIMIT

    opened = Opened(here.glob("folder*"))
    assert laptop.json("sync")["in_sync"] and opened.count() == 0, "none of them has changed"
    (here / "folder7/file777").write_text("edited")
    assert opened.count() == 1, "by this line"
    assert laptop.json("sync")["in_sync"] and 0 < opened.count() <= 3, "that one alone: is it written to, its bytes, its delta"


def test_a_large_table_takes_little_memory(broker, two):  # noqa: F811
    laptop, desktop = two
    here, there = laptop.folder / "here.csv", desktop.folder / "there.csv"
    with open(here, "w", encoding="ascii") as file:
        file.write("id,name,mail,born,note\n")
        for number in range(ROWS):
            file.write(f"k{number},Person {number},p{number}@example.org,{1900 + number % 100},what is known of {number}\n")
    laptop.json("add", str(here), "--format", "csv", "--key", "id", "--collection", "people")
    _, sender = measured(laptop, "sync")
    measured(desktop, "sync")
    desktop.json("add", str(there), "--format", "csv", "--key", "id", "--collection", "people", "--existing")
    _, receiver = measured(desktop, "sync")
    assert len(there.read_text().splitlines()) == ROWS + 1
    _, resting = measured(desktop, "sync")
    assert (sender < ROWS_LIMIT, receiver < ROWS_LIMIT, resting < ROWS_LIMIT) == (True, True, True), (
        sender,
        receiver,
        resting,
    )
    assert most_of(broker.process) < ROWS_LIMIT
