# SPDX-License-Identifier: Apache-2.0
"""A disk whose power is cut: an image of ext4 or XFS, loop-mounted, that lies in an XFS image with reflinks. A copy of it by
reflink has what had reached the disk at that moment, and nothing of what only the kernel still had."""

import fcntl
import itertools
import os
import pathlib
import subprocess
import time

FICLONE = 0x40049409  # ioctl_ficlone(2)
INNER, OUTER = 320 << 20, 3 << 30
PATIENCE = 60  # seconds
SPARE = INNER + (64 << 20)  # as if all of the disk were written anew while the cuts keep what was there
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"]}


class NotAllowed(Exception):
    pass


class NotFree(Exception):
    pass


def users(where):
    """The processes that have something open there, or stand there."""
    found = set()
    for link in itertools.chain(pathlib.Path("/proc").glob("[0-9]*/fd/*"), pathlib.Path("/proc").glob("[0-9]*/cwd")):
        try:
            if pathlib.Path(os.readlink(link)).is_relative_to(where):
                found.add(f"{link.parts[2]} ({pathlib.Path('/proc', link.parts[2], 'comm').read_text().strip()})")
        except OSError:
            continue  # it ended meanwhile
    return ", ".join(sorted(found))


def run(*command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True)


def make_image(path, size, kind, *options):
    with open(path, "wb") as file:
        file.truncate(size)
    run(*MAKE[kind], *options, path)


class Disk:
    def __init__(self, folder, kind):
        self.folder = folder
        self.kind = kind
        self.mounted = []
        self.cuts = {}  # by their numbers, those that are kept

    def begin(self):
        """The disk is at `at`."""
        outer = self.folder / "outer.img"
        make_image(outer, OUTER, "xfs", "-m", "reflink=1")
        self.store = self.mount(outer, self.folder / "outer")
        self.image = self.store / "disk.img"
        make_image(self.image, INNER, self.kind)
        self.at = self.mount(self.image, self.folder / "disk")
        return self.at

    def mount(self, image, where):
        where.mkdir(exist_ok=True)
        try:
            # XFS refuses a second file system of the same id, and each cut has it.
            is_xfs = self.kind == "xfs" or image == self.folder / "outer.img"
            run("mount", "-o", "loop,nouuid" if is_xfs else "loop", image, where)
        except subprocess.CalledProcessError as error:
            raise NotAllowed(error.stderr.strip()) from error
        self.mounted.append(where)
        return where

    def unmount(self, where):
        """A moment after all processes there have ended the kernel may still close their files."""
        last = time.monotonic() + PATIENCE
        while True:
            said = subprocess.run(["umount", str(where)], capture_output=True, text=True, check=False)
            if said.returncode == 0:
                break
            if "busy" not in said.stderr or time.monotonic() > last:
                raise NotFree(f"{said.stderr.strip()}; used by {users(where) or 'no process'}")
            time.sleep(0.05)
        self.mounted.remove(where)

    def cut(self, number):
        """The disk as it would be after a power cut now."""
        self.make_room()
        copy = self.store / f"cut-{number}.img"
        with open(self.image, "rb") as image, open(copy, "xb") as shared:
            fcntl.ioctl(shared, FICLONE, image.fileno())
        self.cuts[number] = copy

    def make_room(self):
        """Every other cut goes when they leave too little; those that stay are of all times."""
        store = os.statvfs(self.store)
        if store.f_bavail * store.f_frsize < SPARE:
            for number in list(self.cuts)[::2]:
                self.cuts.pop(number).unlink()

    def is_half_empty(self):
        there = os.statvfs(self.at)
        return 2 * there.f_bavail > there.f_blocks

    def go_back_to(self, number):
        """Mounts the cut where the disk was, which goes: what ran there has ended."""
        self.unmount(self.at)
        self.image.unlink()
        self.image = self.cuts.pop(number)
        self.mount(self.image, self.at)

    def end(self):
        for where in reversed(list(self.mounted)):
            subprocess.run(["umount", "-l", str(where)], check=False)
        for image in pathlib.Path(self.folder).glob("*.img"):
            image.unlink()
