# SPDX-License-Identifier: Apache-2.0
"""Real disks of the kinds that people have, each made for one test: images behind loop devices, and file systems of
FUSE. A kind that can't be made here (no root, no /dev/fuse, no loop device, a program missing) is skipped by name, with
what the system said. Whatever becomes of the test, all is unmounted and detached at its end.

    def test_it(disk): ...                  # once for each kind that can be written to
    @of("ntfs", "exfat")                    # once for each of these
    @pending(ntfs="why it fails")           # strictly expected to fail on this kind
    make_disk("squashfs", {"a.txt": "a\\n"}) # one more, with these files in it
"""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from counterfoil import fill

MIB = 1 << 20
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


class NotMade(Exception):
    """This kind of disk can't be made here."""


def run(*command):
    """What a program says; the reason, when it fails."""
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                              env={**os.environ, "PATH": PATH})
    except OSError as error:
        raise NotMade(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NotMade(f"{command[0]}: {said[-1] if said else done.returncode}")
    return done.stdout.strip()


class Disk:
    """A file system that is mounted at `at`. `below` is where its files lie for another machine, for kinds that show the
    folders of another disk (a list of them; `below[0]` takes what is new)."""

    size = 64 * MIB
    programs = ()

    def __init__(self, folder):
        self.folder = folder
        self.at = folder / "disk"
        self.image = folder / "image"
        self.below = []
        self.device = None
        self.is_mounted = False

    def begin(self, files=None):
        self.folder.mkdir()
        self.at.mkdir()
        for program in self.programs:
            if not shutil.which(program, path=PATH):
                raise NotMade(f"{program} is not installed")
        self.make(files or {})
        self.mount()
        self.fill(files or {})

    def fill(self, files):
        fill(self.at, files)

    def mount(self):
        self.attach()
        self.is_mounted = True
        if not os.path.ismount(self.at):
            raise NotMade("nothing was mounted")

    def unmount(self):
        """As when a stick is taken away properly."""
        for _ in range(50):
            said = subprocess.run(["umount", str(self.at)], capture_output=True, text=True, check=False)
            if said.returncode == 0:
                break
            time.sleep(0.1)
        else:
            raise AssertionError(f"unmounting {self.at}: {said.stderr.strip()}")
        self.is_mounted = False
        self.detach()

    def remount(self):
        self.unmount()
        self.mount()

    def end(self):
        """Whatever state it is in."""
        if self.is_mounted or os.path.ismount(self.at):
            subprocess.run(["umount", "-l", str(self.at)], capture_output=True, check=False)
        self.is_mounted = False
        self.detach()

    def loop(self, *options):
        """Puts a loop device before the image."""
        self.device = run("losetup", "--find", "--show", *options, self.image)

    def detach(self):
        """A device that is in use yet, by a daemon that ends, goes with that."""
        if self.device:
            subprocess.run(["losetup", "--detach", self.device], capture_output=True, check=False)
        self.device = None

    def empty_image(self):
        with open(self.image, "wb") as file:
            file.truncate(self.size)


class Ext4(Disk):
    make_with = ("mkfs.ext4", "-q", "-F")
    type = "ext4"

    def make(self, files):
        self.empty_image()
        run(*self.make_with, self.image)

    def attach(self):
        self.loop()
        run("mount", "-t", self.type, self.device, self.at)


class Ext2(Ext4):
    """Its inodes of 128 bytes have room for whole seconds only."""

    make_with = ("mkfs.ext2", "-q", "-F", "-I", "128")
    type = "ext2"


class Btrfs(Ext4):
    size = 128 * MIB
    programs = ("mkfs.btrfs",)
    make_with = ("mkfs.btrfs", "-q", "-f")
    type = "btrfs"


class Xfs(Ext4):
    size = 320 * MIB
    programs = ("mkfs.xfs",)
    make_with = ("mkfs.xfs", "-q", "-f")
    type = "xfs"


class Tmpfs(Disk):
    """What lies in it goes when it is unmounted."""

    def make(self, files):
        pass

    def attach(self):
        run("mount", "-t", "tmpfs", "-o", f"size={self.size}", "tmpfs", self.at)


class Ntfs(Disk):
    programs = ("mkntfs", "mount.ntfs-3g")

    def make(self, files):
        self.empty_image()
        run("mkntfs", "-F", "-Q", "-q", self.image)

    def attach(self):
        self.loop()
        run("mount.ntfs-3g", self.device, self.at)


class Lower(Ntfs):
    """`Case` is `case` there, in whatever way it is written, and what Windows can't have is refused."""

    programs = ("mkntfs", "mount.lowntfs-3g")

    def attach(self):
        self.loop()
        run("mount.lowntfs-3g", "-o", "ignore_case,windows_names", self.device, self.at)


class Exfat(Disk):
    programs = ("mkfs.exfat", "mount.exfat-fuse")

    def make(self, files):
        self.empty_image()
        run("mkfs.exfat", self.image)

    def attach(self):
        self.loop()
        run("mount.exfat-fuse", self.device, self.at)


class Fusefat(Disk):
    """FAT, of which what is renamed has the time of that."""

    programs = ("mkfs.vfat", "fusefat")

    def make(self, files):
        self.empty_image()
        run("mkfs.vfat", self.image)

    def attach(self):
        run("fusefat", "-o", "rw+", self.image, self.at)


class Bindfs(Disk):
    programs = ("bindfs",)

    def make(self, files):
        self.below = [self.folder / "below"]
        self.below[0].mkdir()

    def attach(self):
        run("bindfs", self.below[0], self.at)

    def daemon(self):
        """The process that answers for it."""
        wanted = [b"bindfs", os.fsencode(self.below[0]), os.fsencode(self.at)]
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if (process / "cmdline").read_bytes().split(b"\0")[:-1] == wanted:
                    return int(process.name)
            except OSError:
                continue
        raise AssertionError(f"no bindfs for {self.at}")


class Question(Bindfs):
    """Writes another alphabet: of each letter that is not of ASCII it makes a `?`, without a word."""

    def attach(self):
        run("bindfs", "-o", "modules=iconv,from_code=ASCII//TRANSLIT,to_code=UTF-8", self.below[0], self.at)


class Mergerfs(Disk):
    programs = ("mergerfs",)

    def make(self, files):
        self.below = [self.folder / "below", self.folder / "below too"]
        for below in self.below:
            below.mkdir()

    def attach(self):
        run("mergerfs", "-o", "category.create=ff", ":".join(map(str, self.below)), self.at)


class Sshfs(Disk):
    """A folder of this machine as sftp shows it, over a pair of sockets instead of a network."""

    programs = ("sshfs",)
    server = "/usr/lib/openssh/sftp-server"

    def make(self, files):
        if not os.path.exists(self.server):
            raise NotMade(f"{self.server} is not installed")
        self.below = [self.folder / "below"]
        self.below[0].mkdir()
        self.processes = []

    def attach(self):
        here, there = socket.socketpair()
        server = subprocess.Popen([self.server], stdin=there, stdout=there, stderr=subprocess.DEVNULL)
        there.close()
        client = subprocess.Popen(["sshfs", "-f", "-o", "passive", f":{self.below[0]}", str(self.at)], stdin=here,
                                  stdout=here, stderr=subprocess.PIPE, text=True)
        here.close()
        self.processes = [client, server]
        for _ in range(100):
            if os.path.ismount(self.at):
                return
            if client.poll() is not None:
                raise NotMade(f"sshfs: {client.stderr.read().strip()}")
            time.sleep(0.05)

    def detach(self):
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []


class Squashfs(Disk):
    """Holds what it was made with, and can't be written to."""

    programs = ("mksquashfs",)

    def make(self, files):
        content = self.folder / "content"
        content.mkdir()
        fill(content, files)
        run("mksquashfs", content, self.image, "-quiet", "-no-progress", "-noappend", "-all-time", "1700000000")

    def fill(self, files):
        pass

    def attach(self):
        self.loop("--read-only")
        run("mount", "-t", "squashfs", "-o", "ro", self.device, self.at)


WRITABLE = {"ext4": Ext4, "ext2": Ext2, "tmpfs": Tmpfs, "ntfs": Ntfs, "exfat": Exfat, "bindfs": Bindfs,
            "mergerfs": Mergerfs}
KINDS = {**WRITABLE, "question": Question, "lower": Lower, "fusefat": Fusefat, "sshfs": Sshfs, "btrfs": Btrfs, "xfs": Xfs, "squashfs": Squashfs}


@pytest.fixture
def make_disk(tmp_path):
    made = []

    def make(kind, files=None):
        one = KINDS[kind](tmp_path / f"{kind}-{len(made)}")
        made.append(one)
        try:
            one.begin(files)
        except NotMade as reason:
            pytest.skip(f"no {kind} can be made here: {reason}")
        return one

    yield make
    for one in reversed(made):
        one.end()


@pytest.fixture(params=WRITABLE)
def disk(request, make_disk):
    mark = request.node.get_closest_marker("pending")
    if mark and request.param in mark.kwargs:
        request.applymarker(pytest.mark.xfail(reason=mark.kwargs[request.param], strict=True))
    return make_disk(request.param)


def of(*kinds):
    """Only on these."""
    return pytest.mark.parametrize("disk", kinds, indirect=True)


pending = pytest.mark.pending


@pytest.fixture
def stick(disk, two):
    """A user with two devices and a broker; the sources of the laptop lie on the disk."""
    laptop, desktop = two
    laptop.folder = disk.at
    return laptop, desktop
