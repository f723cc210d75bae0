# SPDX-License-Identifier: Apache-2.0
"""A server that syncs for a phone, a camera or another machine which runs no program of ours: the share of that is
mounted on the server, and polled there. The share is a file system of FUSE; what the machine behind it does is done in
the directory below, of which nothing tells here."""

import ctypes
import os
import shutil
import subprocess

import pytest

from counterfoil import both, broker, make_device, tree, two, wait_until  # noqa: F401
from disks import make_disk  # noqa: F401

KIB = 1024
LARGE = 1024 * KIB
SMALL_DELTA = 20_000
SEEN = 30


class Scene:
    """The server has the share, in which lie the phone's files; `phone` is where the phone itself has them. Another
    device of the user has the second version."""

    def __init__(self, server, desktop, share, *arguments, files=None):
        self.server, self.desktop, self.share = server, desktop, share
        self.phone = share.below[0] / "DCIM"
        self.mounted = share.at / "DCIM"
        self.phone.mkdir()
        for name, what in (files or {"one.jpg": os.urandom(LARGE), "in/two.txt": b"two\n"}).items():
            (self.phone / name).parent.mkdir(exist_ok=True)
            (self.phone / name).write_bytes(what)
        server.json("add", str(self.mounted), "--collection", "photos", "--poll", "1s", *arguments)
        server.sync()
        desktop.sync()
        self.there = desktop.add("photos", None, "--existing")
        both(server, desktop)
        self.serving = []

    def phone_shifts(self, name="one.jpg"):
        """In front of all else there is more; waits until the mount shows that, which has a cache."""
        path = self.phone / name
        path.write_bytes(b"in front" + path.read_bytes())
        wait_until(lambda: (self.mounted / name).stat().st_size == path.stat().st_size, "that the share shows it", SEEN)

    def sends_a_delta(self, device):
        sent = device.sync()["traffic"]["bytes_sent"]
        self.desktop.sync()
        assert tree(self.phone) == tree(self.there)
        assert sent < SMALL_DELTA

    def serve(self):
        self.serving = [(device, device.serve()) for device in (self.server, self.desktop)]

    def stop(self):
        for device, process in self.serving:
            device.stop(process)
        self.serving = []

    def expect_equal(self):
        wait_until(lambda: tree(self.phone) == tree(self.there), "that both have the same", SEEN)


@pytest.fixture
def share(make_disk):  # noqa: F811
    return make_disk("bindfs")


@pytest.fixture
def scene(two, share):  # noqa: F811
    return Scene(*two, share)


def shift(path):
    path.write_bytes(b"in front" + path.read_bytes())


def test_changes_behind_are_seen_and_sent_as_deltas_made_on_the_server(scene):
    scene.phone_shifts()
    scene.sends_a_delta(scene.server)
    scene.serve()
    shift(scene.phone / "one.jpg")
    (scene.phone / "new.jpg").write_bytes(b"new")
    (scene.phone / "in/two.txt").rename(scene.phone / "moved.txt")
    scene.expect_equal()
    (scene.phone / "moved.txt").unlink()
    scene.expect_equal()
    scene.stop()


def test_what_others_do_arrives_on_the_share(scene):
    scene.serve()
    shift(scene.there / "one.jpg")
    (scene.there / "new.txt").write_text("from the desktop\n")
    (scene.there / "in/two.txt").unlink()
    wait_until(lambda: (scene.phone / "new.txt").exists() and not (scene.phone / "in/two.txt").exists(),
               "what the desktop did, on the phone", SEEN)
    scene.expect_equal()
    scene.stop()


def test_a_share_that_goes_and_comes_deletes_nothing(scene):
    before = tree(scene.there)
    scene.share.unmount()
    for _ in range(2):
        assert "nothing is deleted elsewhere" in scene.server.run("sync", code=8)
    scene.desktop.sync()
    assert tree(scene.there) == before
    process = scene.server.serve()
    (scene.there / "meanwhile.txt").write_text("meanwhile\n")
    scene.desktop.sync()
    (scene.phone / "one.jpg").unlink()  # nobody sees it yet
    (scene.phone / "by phone.txt").write_text("by phone\n")
    scene.share.mount()
    wait_until(lambda: (scene.phone / "meanwhile.txt").exists(), "what was done meanwhile", SEEN)
    wait_until(lambda: scene.desktop.finish("sync").returncode == 0 and tree(scene.phone) == tree(scene.there),
               "what the phone did meanwhile", SEEN)
    assert not (scene.there / "one.jpg").exists() and (scene.there / "by phone.txt").exists()
    scene.server.stop(process)


def test_edits_behind_and_elsewhere_are_both_kept(scene):
    (scene.phone / "in/two.txt").write_text("by the phone\n")
    wait_until(lambda: (scene.mounted / "in/two.txt").stat().st_size == len("by the phone\n"), "that it shows", SEEN)
    (scene.there / "in/two.txt").write_text("at the desktop\n")
    scene.desktop.sync()
    scene.server.sync(4)
    scene.desktop.sync(4)
    assert tree(scene.phone) == tree(scene.there)
    texts = {path.read_text() for path in (scene.phone / "in").iterdir()}
    assert texts == {"by the phone\n", "at the desktop\n"}


def test_the_base_lies_on_the_share_and_moves_with_it(two, share, make_device, tmp_path):  # noqa: F811
    server, desktop = two
    scene = Scene(server, desktop, share, "--base-dir", str(share.at / "base"))
    own = share.below[0] / "base/.counterfoil-base"

    def copies():
        return [name for name in os.listdir(own) if name != "mark"]

    assert len(copies()) == 1 and not os.listdir(os.path.join(server.home, "base"))
    scene.phone_shifts()
    scene.sends_a_delta(server)

    # To another server: its home and what is mounted there. The old one is off.
    shutil.copytree(server.home, tmp_path / "home-moved")
    moved = make_device("moved")
    scene.phone_shifts()
    scene.sends_a_delta(moved)

    # Or to a server that is another device of the user: it takes over the folder, and the copies in it.
    second = make_device("second")
    moved.pair(second)
    arguments = "add", str(scene.mounted), "--collection", "photos", "--existing", "--base-dir", str(share.at / "base")
    said = second.run(*arguments, code=8)
    assert str(scene.mounted) in said and "--yes" in said
    before = set(copies())
    second.run(*arguments, "--yes")
    second.sync()
    assert before & set(copies())
    scene.phone_shifts()
    scene.sends_a_delta(second)
    assert moved.finish("sync").returncode in (1, 8)  # it isn't its source any more, nor its base


CALLS = "openat,openat2,open,statx,newfstatat,fstat,getdents64,read,pread64"


def traced(tmp_path, command):
    """Calls of each kind that name something below the share, as strace counts them."""
    out = tmp_path / "trace"
    subprocess.run(["strace", "-f", "-qq", "-y", "-e", f"trace={CALLS}", "-o", str(out), *command], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    counts = {}
    for line in out.read_text(errors="replace").splitlines():
        if "/DCIM" not in line or "(" not in line:
            continue
        call = line.split("(")[0].split()[-1]
        counts[call] = counts.get(call, 0) + 1
    return counts


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_a_look_costs_what_find_costs(two, share, tmp_path):  # noqa: F811
    costs, made = {}, 0
    scene = Scene(*two, share)
    for count in (100, 300, 1000):
        for i in range(made, count):
            path = scene.phone / f"d{i % 10}/f{i}.txt"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"%d\n" % i)
        made = count
        looks = []

        def reads_no_file():  # what was saved just before a look is read again at the next
            looks.append(traced(tmp_path, scene.server.command("sync")))
            return sum(looks[-1].get(call, 0) for call in ("read", "pread64")) < 10

        scene.server.sync()
        wait_until(reads_no_file, "that all has been read", SEEN)
        found, looked = traced(tmp_path, ["find", str(scene.mounted), "-printf", "%s %T@\n"]), looks[-1]
        stats = [sum(how.get(call, 0) for call in ("statx", "newfstatat")) for how in (found, looked)]
        opens = [sum(how.get(call, 0) for call in ("open", "openat", "openat2")) for how in (found, looked)]
        costs[count] = stats, opens, sum(looked.get(call, 0) for call in ("read", "pread64"))
    (found, looked), opens, _ = costs[1000]
    assert found >= 1000 and looked <= 1.2 * found + 100, costs
    # Folders are opened, not files: as many of 1,000 files as of 100.
    assert opens[1] <= costs[100][1][1] + 10, costs
    assert all(reads < 10 for _, _, reads in costs.values()), costs
