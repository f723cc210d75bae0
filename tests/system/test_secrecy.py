# SPDX-License-Identifier: Apache-2.0
"""What the programs keep from others on the same machine: their memory, and what they make."""

import os
import stat

import pytest

from counterfoil import as_nobody, broker, fill, make_device  # noqa: F401


def umask_of(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        (line,) = (line for line in file if line.startswith("Umask:"))
    return int(line.split()[1], 8)


def open_to_others(folder):
    """What others than its owner may do anything with."""
    found = []
    for path, _, files in os.walk(folder):
        for one in [path, *(os.path.join(path, name) for name in files)]:
            status = os.lstat(one)
            if not stat.S_ISLNK(status.st_mode) and status.st_mode & 0o077:
                found.append((one, oct(status.st_mode)))
    return found


@pytest.fixture
def open_handed():
    """A user whose files are everybody's."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_what_a_broker_makes_is_its_operators_alone(open_handed, broker, make_device):
    laptop = make_device("laptop")
    broker.start()
    laptop.init(broker.run("invite").strip())
    laptop.add("notes", {"large": os.urandom(300000)})
    laptop.sync()
    assert umask_of(broker.process) == 0o077
    assert open_to_others(broker.data) == []


def test_a_home_is_its_users_alone_and_files_are_as_the_user_wants_them(open_handed, broker, make_device):
    laptop = make_device("laptop")
    broker.start()
    laptop.init(broker.run("invite").strip())
    laptop.add("notes", {"first.txt": "first\n"})
    laptop.sync()
    serving = laptop.serve()
    assert umask_of(serving) == 0
    assert os.stat(laptop.home).st_mode & 0o777 == 0o700
    kept = [entry for entry in os.scandir(laptop.home) if entry.is_file(follow_symlinks=False)]
    assert kept and [entry.name for entry in kept if entry.stat().st_mode & 0o077] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="whose memory it is tells the kernel root's processes apart only")
def test_memory_is_nobodys_to_dump(as_nobody, broker, make_device, tmp_path):
    """What may not be dumped, or looked into by others of the same user, belongs to root. Its own descriptors the
    process still finds: it is served, and hears of changes."""
    laptop = make_device("laptop")
    source = laptop.source("notes")
    broker.start()
    laptop.init(broker.run("invite").strip())
    laptop.add("notes", {"first.txt": "first\n"})
    broker.stop()
    as_nobody(laptop, laptop.home, source)
    as_nobody(broker, broker.data)
    broker.restart()
    laptop.sync()
    serving = laptop.serve()
    for process in serving, broker.process:
        with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
            assert "Uid:\t65534" in file.read()
        assert os.stat(f"/proc/{process.pid}/environ").st_uid == 0
    fill(source, {"second.txt": "second\n"})
    assert laptop.sync()["in_sync"]
    assert laptop.json("status")["in_sync"]
