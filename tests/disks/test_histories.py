# SPDX-License-Identifier: Apache-2.0
"""Random histories of what people do with files, by two devices whose sources lie on disks of two kinds, mounted anew in
between. What each does is done on a plain folder, too: both sources hold what that holds, whatever each disk keeps; the
log tells of nothing that nobody did, and of nothing twice; a conflict copy comes from a conflict, and from nothing else.

A failure prints its seed, for CF_DISKS_SEED=N; with CF_DISKS_SECONDS=S each history goes on for so long."""

import os
import random
import shutil
import time

import pytest

from counterfoil import both, broker, make_device, tree, two, wait_until  # noqa: F401
from disks import make_disk  # noqa: F401

PAIRS = [("exfat", "ext4"), ("ntfs", "ext2"), ("bindfs", "mergerfs"), ("exfat", "ntfs"), ("sshfs", "btrfs")]
PHASES, ACTS = 6, 10  # in each so many acts, by both together
SEED = int(os.environ.get("CF_DISKS_SEED", "1"))
SECONDS = int(os.environ.get("CF_DISKS_SECONDS", "0"))


class History:
    """What is done, on each of the folders that are given; the first is the plain one."""

    def __init__(self, seed, plain):
        self.random = random.Random(seed)
        self.plain = plain
        self.number = 0
        self.touched = set()
        self.said = []

    def new_name(self):
        self.number += 1
        return self.random.choice(["f{}", "f{}.txt", "Brief {}.odt", "ä{}"]).format(self.number)

    def bytes(self):
        size = self.random.choice([0, 5, 5, 5, 300, 3000, 70000, 200000])
        return self.random.randbytes(size)

    def below(self, tops, kind):
        found = [path for path, what in tree(self.plain).items()
                 if path.split("/")[0] in tops and (what is None) == (kind == "folder")]
        return self.random.choice(sorted(found)) if found else None

    def folder(self, tops):
        return self.below(tops, "folder")

    def place(self, tops):
        return f"{self.folder(tops)}/{self.new_name()}"

    def act(self, tops, source):
        """One act below these folders, which all are there."""
        act = self.random.choice([self.new, self.new, self.new_folder, self.edit, self.edit_alike, self.append, self.save,
                                  self.rename, self.rename, self.rename_folder, self.swap, self.copy, self.copy_folder,
                                  self.delete, self.delete_folder, self.replace, self.touch])
        paths = act(tops)
        if paths is None:
            return
        self.said.append((act.__name__, *paths[1:]))
        self.touched.update(paths[1:])
        for root in self.plain, source:
            paths[0](*(root / path for path in paths[1:]))

    def new(self, tops):
        content = self.bytes()
        return (lambda path: path.write_bytes(content)), self.place(tops)

    def new_folder(self, tops):
        return (lambda path: path.mkdir()), self.place(tops)

    def edit(self, tops):
        path, content = self.below(tops, "file"), self.bytes()
        return path and ((lambda path: path.write_bytes(content)), path)

    def edit_alike(self, tops):
        """Of the same size."""
        path = self.below(tops, "file")
        if not path:
            return None
        content = self.random.randbytes((self.plain / path).stat().st_size)
        return (lambda path: path.write_bytes(content)), path

    def append(self, tops):
        path, content = self.below(tops, "file"), self.random.randbytes(20)

        def do(path):
            with open(path, "ab") as file:
                file.write(content)
        return path and (do, path)

    def save(self, tops):
        """As editors do: a new file, put in the place of the old one."""
        path, content = self.below(tops, "file"), self.bytes()

        def do(path):
            (path.parent / ".saving").write_bytes(content)
            (path.parent / ".saving").rename(path)
        return path and (do, path)

    def rename(self, tops):
        path, to = self.below(tops, "file"), self.place(tops)
        return path and ((lambda path, to: path.rename(to)), path, to)

    def rename_folder(self, tops):
        path, to = self.folder(tops), self.place(tops)
        if "/" not in path or f"{to}/".startswith(f"{path}/"):
            return None
        return (lambda path, to: path.rename(to)), path, to

    def swap(self, tops):
        path, other = self.below(tops, "file"), self.below(tops, "file")

        def do(path, other):
            path.rename(path.parent / ".between")
            other.rename(path)
            (path.parent / ".between").rename(other)
        return path != other and (do, path, other) or None

    def copy(self, tops):
        path, to = self.below(tops, "file"), self.place(tops)
        return path and (shutil.copy2, path, to)

    def copy_folder(self, tops):
        path, to = self.folder(tops), self.place(tops)
        if "/" not in path or f"{to}/".startswith(f"{path}/"):
            return None
        return shutil.copytree, path, to

    def delete(self, tops):
        path = self.below(tops, "file")
        return path and (os.unlink, path)

    def delete_folder(self, tops):
        path = self.folder(tops)
        return (shutil.rmtree, path) if "/" in path and self.random.random() < 0.3 else None

    def replace(self, tops):
        """A file by a folder."""
        path = self.below(tops, "file")

        def do(path):
            path.unlink()
            path.mkdir()
            (path / "inside").write_bytes(b"inside\n")
        return path and (do, path)

    def touch(self, tops):
        path, when = self.below(tops, "file"), self.random.randrange(1_000_000_000, 1_700_000_000)
        return path and ((lambda path: os.utime(path, (when, when))), path)


def told(device):
    return [(one["change"], one["path"], one.get("from")) for one in device.json("log", "-n", "100000")]


def is_below(path, touched):
    return path == touched or path.startswith(f"{touched}/") or touched.startswith(f"{path}/")


def is_explained(history, change):
    """A path is told as far as it was known when it was told of: without the folders that came later."""
    known = {path for path in tree(history.plain) if any(is_below(path, touched) for touched in history.touched)}
    return any(path and any(is_below(path, one) or one.endswith(f"/{path}") for one in known | history.touched)
               for path in change[1:])


class Two:
    def __init__(self, history, disks, devices):
        self.history, self.disks, self.devices = history, disks, devices
        self.sources = [device.folder / f"{device.name}-notes" for device in devices]

    def expect_equal(self):
        expected = tree(self.history.plain)
        for source in self.sources:
            found = tree(source)
            different = {path for path in expected.keys() | found.keys()
                         if expected.get(path, "missing") != found.get(path, "missing")}
            assert not different, f"{source}: {sorted(different)[:8]} after {self.history.said}"

    def is_equal(self):
        return all(tree(source) == tree(self.history.plain) for source in self.sources)

    def divide(self):
        tops = sorted(path.name for path in self.history.plain.iterdir())
        self.history.random.shuffle(tops)
        return tops[:2], tops[2:]

    def act(self):
        self.history.touched.clear()
        mine = self.divide()
        for _ in range(ACTS):
            who = self.history.random.randrange(2)
            self.history.act(mine[who], self.sources[who])

    def phase(self):
        before = len(told(self.devices[0]))
        serves = self.history.random.random() < 0.4
        serving = [device.serve() for device in self.devices] if serves else []
        self.act()
        if serves:
            wait_until(self.is_equal, f"what was done: {self.history.said}", 90)
        for device, process in zip(self.devices, serving):
            device.stop(process)
        both(*self.devices)
        self.expect_equal()
        all_told = told(self.devices[0])
        strange = [change for change in all_told[:len(all_told) - before]
                   if not is_explained(self.history, change)]
        assert not strange, f"{strange} after {self.history.said}"
        self.rest(len(all_told))

    def rest(self, count):
        """Nothing is done, but the disks are mounted anew."""
        for disk in self.disks:
            if self.history.random.random() < 0.7:
                disk.remount()
        both(*self.devices)
        assert len(told(self.devices[0])) == count, f"told of nothing: {told(self.devices[0])[:5]} {self.history.said}"
        self.expect_equal()

    def clash(self):
        """Both edit one file: the one stays, the other beside it."""
        name = "t0/clash"
        for root in self.history.plain, self.sources[0]:
            (root / name).write_bytes(b"before\n")
        both(*self.devices)
        for i, source in enumerate(self.sources):
            (source / name).write_bytes(b"by %d\n" % i)
        both(*self.devices, code=4)
        copies = [path for path in tree(self.sources[1]) if "conflict" in path]
        assert len(copies) == 1, copies
        assert {(self.sources[1] / path).read_bytes() for path in (name, *copies)} == {b"by 0\n", b"by 1\n"}
        (self.history.plain / name).write_bytes((self.sources[1] / name).read_bytes())
        (self.sources[1] / copies[0]).unlink()
        both(*self.devices)
        self.expect_equal()


@pytest.mark.parametrize("kinds", PAIRS, ids="-".join)
def test_what_two_do_on_two_kinds_of_disk(kinds, two, tmp_path, make_disk):
    print(f"CF_DISKS_SEED={SEED}")
    end = time.monotonic() + SECONDS
    disks = [make_disk(kind) for kind in kinds]
    for device, disk in zip(two, disks):
        device.folder = disk.at
    plain = tmp_path / "plain"
    pair = Two(History(f"{SEED} {kinds}", plain), disks, two)
    for root in plain, pair.sources[0]:
        for top in range(4):
            (root / f"t{top}/in").mkdir(parents=True)
            for i in range(4):
                (root / f"t{top}/{'in/' if i % 2 else ''}g{i}").write_bytes(b"file %d\n" % i)
    two[0].run("add", pair.sources[0], "--collection", "notes")
    two[0].sync()
    two[1].sync()
    two[1].add("notes", None, "--existing")
    both(*two)
    pair.expect_equal()
    for phase in range(1_000_000):
        if phase >= PHASES and time.monotonic() >= end:
            break
        pair.phase()
    pair.clash()
    for device in two:
        device.run("verify")
