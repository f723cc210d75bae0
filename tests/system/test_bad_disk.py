# SPDX-License-Identifier: Apache-2.0
"""A broker whose disk fails: ext4 on a loop device that the kernel makes read-only, as after an error of the disk."""

import json
import os
import pathlib
import signal
import subprocess

import pytest

from counterfoild import Broker
from counterfoil import make_device, tree, wait_until  # noqa: F401
from stand import put
from test_broker_repair import REPAIR, contents_of

TOLD = "nothing is written until the broker is started again"


class BadDisk:
    def __init__(self, folder):
        self.path, self.image = folder / "disk", folder / "image"
        self.path.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(128 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", self.image], check=True)
        self.is_mounted = False

    def mount(self):
        command = ["mount", "-o", "loop,errors=remount-ro", self.image, self.path]
        self.is_mounted = subprocess.run(command, capture_output=True).returncode == 0
        return self.is_mounted

    def remount(self, how):
        subprocess.run(["mount", "-o", f"remount,{how}", self.path], check=True)

    def fail(self):
        found = subprocess.run(["findmnt", "-no", "SOURCE", self.path], capture_output=True, text=True, check=True)
        pathlib.Path("/sys/fs/ext4", pathlib.Path(found.stdout.strip()).name, "trigger_fs_error").write_text("1")

    def mend(self):
        subprocess.run(["umount", self.path], check=True)
        self.is_mounted = False
        assert subprocess.run(["e2fsck", "-fy", self.image], capture_output=True).returncode in (0, 1)
        assert self.mount()

    def end(self):
        if self.is_mounted:
            subprocess.run(["umount", "-l", self.path], check=True)


@pytest.fixture
def disk(tmp_path):
    made = BadDisk(tmp_path)
    if not made.mount():
        pytest.skip("needs the right to mount a loop device")
    yield made
    made.end()


@pytest.fixture
def broker(disk, tmp_path):
    made = Broker(str(disk.path / "broker"))
    made.log = str(tmp_path / "broker.log")
    yield made
    if made.process:
        made.process.kill()
        made.process.communicate()


def lines_told(broker):
    return [line for line in pathlib.Path(broker.log).read_text().splitlines() if TOLD in line]


def devices_of(broker, make_device):
    """Two with one folder, which is the same on both."""
    broker.start()
    laptop, desktop = make_device("laptop"), make_device("desktop")
    laptop.init(broker.run("invite").strip())
    here = laptop.add("notes", {"old": "o"})
    laptop.sync()
    laptop.pair(desktop)
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    return laptop, desktop, here, there


def test_a_disk_that_became_read_only_is_told_as_one_and_nothing_is_lost(broker, disk, make_device):
    laptop, desktop, here, there = devices_of(broker, make_device)
    put(here, "before", b"before the disk failed\n")
    laptop.sync()

    disk.fail()
    put(here, "after", b"after the disk failed\n")
    for _ in range(2):
        done = laptop.finish("sync")
        assert broker.process.poll() is None
        assert "can't read the log" not in done.stdout + done.stderr
    wait_until(lambda: lines_told(broker), "the broker tells it")
    done = laptop.finish("sync")
    assert "can't write to its disk" in done.stdout + done.stderr, done
    done = broker.finish("status", "--check")
    assert done.returncode == 1 and TOLD in done.stdout and "IO error" in done.stdout, done
    desktop.finish("sync")
    assert (there / "before").read_bytes() == b"before the disk failed\n"  # reading goes on
    log = pathlib.Path(broker.log).read_text()
    assert len(lines_told(broker)) == 1 and "verify --repair" not in log and "Assertion" not in log, log
    assert "judging an entry" not in log, log
    assert broker.stop() >= 0  # no signal
    assert pathlib.Path(broker.log).read_text().splitlines()[-1].endswith("stopped")

    disk.mend()
    broker.restart()
    laptop.sync()
    desktop.sync()
    assert tree(here) == tree(there) and (there / "after").exists()
    assert broker.finish("status", "--check").returncode == 0
    assert "verify --repair" not in broker.run("verify")


@pytest.mark.parametrize("way", ["mounted", "failed"])
def test_a_broker_on_a_disk_that_is_read_only_can_be_looked_at(broker, disk, make_device, way):
    """Killed before, so that its last changes stand in a log alone. After an error ext4 writes nothing more, and needn't
    say so of its mount."""
    broker.start()
    laptop = make_device("laptop")
    laptop.init(broker.run("invite").strip())
    laptop.add("notes", {"old": "o"})
    laptop.sync()
    line, users = broker.line, broker.run("users")
    entries = broker.status()["entries"]
    broker.stop(signal.SIGKILL)
    disk.remount("ro") if way == "mounted" else disk.fail()
    why = "mounted read-only" if way == "mounted" else "takes no writes, as after an error of its disk: see RECOVERY"
    before = contents_of(broker.data)
    assert broker.run("address").strip() == line
    assert broker.run("users").split()[:2] == users.split()[:2]
    assert broker.run("verify") == "everything is whole\n"
    assert broker.status()["entries"] == entries
    told = broker.status()["attention"]
    assert any("nothing can be written to the store" in line and why in line for line in told) and "tried again" not in str(told)
    user = json.loads(broker.run("--json", "users"))[0]["user"]
    assert user in broker.run("users", "show", user)
    for verb in (["invite"], ["users", "quota", user, "1G"], ["--yes", "users", "remove", user], ["serve"], ["verify", "--repair"]):
        done = broker.finish(*verb)
        assert done.returncode == 1 and why in done.stderr and REPAIR not in done.stderr, (verb, done)
    assert contents_of(broker.data) == before
    disk.remount("rw") if way == "mounted" else disk.mend()
    broker.restart()
    assert laptop.sync()["in_sync"]


def test_a_volume_that_is_unmounted_under_a_running_broker_is_told_and_nothing_is_lost(broker, disk, make_device):
    """Lazily: what is open stays open, and nobody finds it by its name."""
    laptop, desktop, here, there = devices_of(broker, make_device)
    ballast = pathlib.Path(broker.data, "ballast")
    wait_until(ballast.exists, "it holds some room")
    ballast.unlink()  # as a removal does, and it is made again soon
    disk.end()
    disk.is_mounted = False
    os.mkdir(broker.data)  # the mount point itself, where --data is one
    put(here, "while", b"while it was away\n")
    laptop.finish("sync", "--timeout", "10s")
    wait_until(lambda: "is not the directory that is served any more" in pathlib.Path(broker.log).read_text(), "it is told")
    assert not os.listdir(broker.data)
    assert broker.finish("status").returncode == 3
    assert broker.process.poll() is None and broker.stop() >= 0
    assert "no broker in" in broker.run("serve", "--existing", code=3)
    assert [path.name for path in disk.path.rglob("*")] == ["broker"]
    wait_until(disk.mount, "the volume is mounted again")
    broker.restart()
    assert laptop.sync()["in_sync"] and desktop.sync()["in_sync"]
    assert tree(here) == tree(there) and (there / "while").exists()
    assert broker.run("verify") == "everything is whole\n"


def test_no_broker_is_made_on_a_disk_that_is_mounted_read_only(broker, disk):
    broker.start()
    broker.stop()
    disk.remount("ro")
    other = Broker(str(disk.path / "other"))
    for arguments in ["--listen", "127.0.0.1:0"], ["init", "--advertise", "a.example"]:
        assert "Read-only file system: mount it writable" in other.run(*arguments, code=1)
    disk.remount("rw")


BLOBS = "the disk fails under the blobs"


def test_a_disk_of_the_blobs_alone_that_became_read_only_is_told_as_one(disk, make_device, tmp_path):
    broker = Broker(str(tmp_path / "beside"))
    blobs = pathlib.Path(broker.data) / "blobs"
    blobs.mkdir(parents=True)
    subprocess.run(["mount", "--bind", disk.path, blobs], check=True)
    try:
        broker.start()
        laptop, desktop = make_device("laptop"), make_device("desktop")
        laptop.init(broker.run("invite").strip())
        here = laptop.add("notes", {"old": os.urandom(300_000)})
        laptop.sync()
        laptop.pair(desktop)
        desktop.sync()
        there = desktop.add("notes", None, "--existing")
        desktop.sync()

        disk.fail()
        put(here, "after", os.urandom(300_000))
        for _ in range(2):
            report = laptop.sync(1, "--timeout", "5s")
            assert report["broker"]["delay"] == "the broker can't write to its disk"
        assert "the broker can't write to its disk" in laptop.run("status")
        done = broker.finish("status", "--check")
        assert done.returncode == 1 and BLOBS in done.stdout and "Read-only file system" in done.stdout, done
        log = pathlib.Path(broker.log).read_text()
        assert log.count(BLOBS) == 1 and "verify --repair" not in log, log
        put(here, "small", b"entries go on\n")
        laptop.finish("sync", "--timeout", "5s")
        desktop.finish("sync")
        assert (there / "small").read_bytes() == b"entries go on\n"

        assert broker.stop() == 0
        subprocess.run(["umount", blobs], check=True)
        disk.mend()
        subprocess.run(["mount", "--bind", disk.path, blobs], check=True)
        broker.restart()
        laptop.sync()
        desktop.sync()
        assert tree(here) == tree(there) and (there / "after").exists()
        assert broker.finish("status", "--check").returncode == 0
    finally:
        if broker.process:
            broker.process.kill()
            broker.process.communicate()
        subprocess.run(["umount", "-l", blobs], check=True)


def test_a_removal_that_can_not_begin_is_refused_and_nothing_of_it_is_done(broker, disk, make_device):
    broker.start()
    laptop = make_device("laptop")
    laptop.init(broker.run("invite", "--name", "bob").strip())
    here = laptop.add("notes", {"old": "o"})
    laptop.sync()

    disk.fail()
    for _ in range(2):  # also when the broker knows of it
        said = broker.run("users", "remove", "bob", "--yes", code=1)
        assert "nothing was removed" in said and "type it again" in said, said
        assert [one["name"] for one in json.loads(broker.run("--json", "users"))] == ["bob"]
    assert not broker.audit("user-removed")
    assert laptop.run("locate"), "he is let in as before"
    assert "removed" not in laptop.run("status")
    assert broker.stop() >= 0

    disk.mend()
    broker.restart()
    put(here, "after", b"he is here still\n")
    laptop.sync()
    assert "removed" in broker.run("users", "remove", "bob", "--yes")
    assert json.loads(broker.run("--json", "users")) == []
