# SPDX-License-Identifier: Apache-2.0
"""Disks that are full: at the source, at the home and at the broker."""

import errno
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

import broker_client
from counterfoil import WAIT, as_nobody, broker, make_device, tree, wait_until  # noqa: F401
from counterfoild import Broker
from stand import put, told


class Disk:
    """A small file system, and ballast that fills it."""

    def __init__(self, path, size):
        self.path, self.ballast = path, path / "ballast"
        path.mkdir(exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", path], capture_output=True)
        if done.returncode:
            pytest.skip("needs the right to mount a small file system")

    def fill(self, room=0):
        disk = os.statvfs(self.path)
        with open(self.ballast, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, disk.f_bavail * disk.f_frsize - room))

    def fill_for_others(self):
        """What it keeps for root stays free."""
        Disk.fill(self)

    def fill_rest(self):
        """Beside what fills it already."""
        first, self.ballast = self.ballast, self.path / "more"
        self.fill()
        self.ballast = first

    def make_room(self):
        self.ballast.unlink()

    def end(self):
        subprocess.run(["umount", "-l", self.path], check=True)


class Reserving(Disk):
    """An ext4, which keeps a twentieth for root; root fills that, too."""

    def __init__(self, path, size):
        self.path, self.ballast, image = path, path / "ballast", path.with_suffix(".image")
        path.mkdir()
        with open(image, "wb") as file:
            file.truncate(size)
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True, env={**os.environ, "PATH": "/usr/sbin:/sbin:/usr/bin:/bin"})
        if subprocess.run(["mount", "-o", "loop", image, path], capture_output=True).returncode:
            pytest.skip("needs the right to mount a loop device")

    def fill(self, room=0):
        with open(self.ballast, "wb", buffering=0) as file:
            for size in 1 << 20, 1 << 10:
                try:
                    while file.write(bytes(size)):
                        pass
                except OSError as error:
                    assert error.errno == errno.ENOSPC
            os.fsync(file.fileno())


@pytest.fixture
def make_disk(tmp_path):
    made = []

    def make(name, size):
        made.append(Disk(tmp_path / name, size))
        return made[-1]

    yield make
    for disk in made:
        disk.end()


def joined(laptop, desktop, files):
    here = laptop.add("notes", files)
    laptop.sync()
    laptop.pair(desktop)
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    return here, there


@pytest.fixture
def laptop(broker, make_device):
    broker.start()
    device = make_device("laptop")
    device.init(broker.run("invite").strip())
    return device


@pytest.mark.parametrize("serve", [False, True])
def test_a_full_source_says_so_and_goes_on(laptop, make_device, make_disk, serve):
    desktop = make_device("desktop")
    disk = make_disk("disk", "24m")
    desktop.folder = disk.path
    here, there = joined(laptop, desktop, {"old": b"o" * 500_000, "small": "s", "gone": "g"})
    disk.fill(room=200_000)
    put(here, "old", os.urandom(900_000))
    put(here, "large", os.urandom(3_000_000))
    put(here, "small", b"goes through\n")
    (here / "gone").unlink()
    laptop.sync()
    if serve:
        desktop.serve()
    for verb in "sync", "status":
        report = json.loads(desktop.finish("--json", verb).stdout)
        reasons = {one["path"]: one["reason"] for one in report["collections"][0]["pending"]}
        assert not report["in_sync"] and "the disk has no room for it" in reasons["large"] and "old" in reasons, (verb, reasons)
    assert (there / "old").read_bytes() == b"o" * 500_000 and not (there / "large").exists()
    assert (there / "small").read_bytes() == b"goes through\n" and not (there / "gone").exists()
    disk.make_room()
    if serve:
        wait_until(lambda: tree(here) == tree(there), "it went on by itself")
    else:
        assert desktop.sync()["in_sync"]
    assert tree(here) == tree(there)
    assert not any(device == "desktop" for device, _, _ in told(desktop))


@pytest.mark.parametrize("serve", [False, True])
def test_a_full_home_says_so_and_goes_on(broker, laptop, make_device, make_disk, serve):
    disk = make_disk("home-desktop", "24m")  # a log alone would begin with 17 MB
    desktop = make_device("desktop")
    desktop.home = str(disk.path / "home")
    here, there = joined(laptop, desktop, {f"file {i}": f"{i}\n" for i in range(10)})
    process = desktop.serve() if serve else None
    disk.fill()
    for i in range(60):
        put(here, f"new here {i}", os.urandom(60_000))
        put(there, f"new there {i}", os.urandom(60_000))
    laptop.sync()
    done = desktop.finish("sync")
    assert done.returncode in (1, 7) and "no room" in done.stderr, (done.returncode, done.stdout + done.stderr)
    assert process is None or process.poll() is None, process.communicate()
    disk.make_room()
    if serve:
        wait_until(lambda: laptop.finish("sync").returncode == 0 and tree(here) == tree(there), "it went on by itself")
    else:
        assert desktop.sync()["in_sync"]
    laptop.sync()
    assert desktop.sync()["in_sync"]
    assert tree(here) == tree(there)
    assert desktop.json("verify")["whole"]


@pytest.fixture
def small_broker(make_disk):
    disk = make_disk("disk", "200m")
    broker = Broker(str(disk.path / "broker"))
    broker.start()
    yield broker, disk
    if broker.process:
        broker.process.kill()
        broker.process.communicate()


NO_ROOM = "the broker has no room"
WAITS = NO_ROOM + "; it is tried again"


def reasons(report):
    return {one["path"]: one["reason"] for one in report["collections"][0]["pending"]}


def test_a_full_broker_ends_the_sync_and_goes_on(make_device, small_broker):
    broker, disk = small_broker
    laptop, desktop = make_device("laptop"), make_device("desktop")
    laptop.init(broker.run("invite").strip())
    here, there = joined(laptop, desktop, {"old": b"o" * 500_000})
    disk.fill(room=1_000_000)
    put(here, "large", os.urandom(9_000_000))
    report = laptop.sync(code=1)  # it went on for ever, as each refusal is for now only
    assert report["broker"]["delay"] == NO_ROOM and reasons(report) == {"large": WAITS}
    assert not laptop.json("status")["in_sync"]
    assert NO_ROOM in laptop.run("status")
    disk.make_room()
    report = laptop.sync()
    assert report["in_sync"] and "delay" not in report["broker"]
    assert NO_ROOM not in laptop.run("status")
    desktop.sync()
    assert tree(here) == tree(there)
    assert broker.stop() == 0
    assert broker.run("verify") == "everything is whole\n"


@pytest.mark.parametrize("sizes", [[9_000_000], [60_000] * 400])
def test_serve_says_that_the_broker_is_full_and_goes_on(make_device, small_broker, sizes):
    broker, disk = small_broker
    laptop, desktop = make_device("laptop"), make_device("desktop")
    laptop.init(broker.run("invite").strip())
    here, there = joined(laptop, desktop, {"old": b"o" * 500_000})
    laptop.serve()
    disk.fill(room=100_000)
    for number, size in enumerate(sizes):
        put(here, f"new {number}", os.urandom(size))
    last = f"new {len(sizes) - 1}"

    def says_why():
        report = laptop.json("status")
        return report["broker"].get("delay") == NO_ROOM and reasons(report).get(last) == WAITS

    wait_until(says_why, "it says why it waits")
    disk.make_room()
    wait_until(lambda: laptop.json("status")["in_sync"], "it went on by itself", 2 * WAIT)
    assert "delay" not in laptop.json("status")["broker"]
    desktop.sync()
    assert tree(here) == tree(there)


def test_a_broker_serves_with_16_mib_of_room(make_device, make_disk):
    disk = make_disk("small", "16m")
    broker = Broker(str(disk.path / "broker"))
    broker.start()
    laptop, desktop = make_device("laptop"), make_device("desktop")
    laptop.init(broker.run("invite").strip())
    here, there = joined(laptop, desktop, {"small": b"s" * 50_000})
    put(here, "large", os.urandom(20_000_000))
    assert reasons(laptop.sync(code=1)) == {"large": WAITS}
    put(here, "small", b"edited\n")
    laptop.sync(code=1)
    assert desktop.sync()["in_sync"] and tree(there) == {"small": b"edited\n"}
    os.unlink(here / "large")
    assert laptop.sync()["in_sync"]
    assert broker.stop() == 0
    assert broker.run("verify") == "everything is whole\n"


def test_a_broker_says_once_that_its_disk_is_nearly_full(make_disk):
    disk = make_disk("disk", "64M")
    broker = Broker(str(disk.path / "broker"))
    broker.log = str(disk.path.parent / "log")

    def said():
        return [line for line in open(broker.log) if "are left on the disk" in line]

    disk.fill(room=5 << 20)
    broker.start()
    try:
        wait_until(lambda: len(said()) == 1, "it is told")
        assert "all that users send is refused" in said()[0], said()
        assert any("left on the disk" in line and "`users remove` makes room" in line for line in broker.status()["attention"])
        disk.make_room()
        wait_until(lambda: len(said()) == 2, "it is told that it is over")
        assert not broker.status()["attention"]
        disk.fill(room=5 << 20)
        wait_until(lambda: len(said()) == 3, "it is told again")
        time.sleep(6)  # it looks every five
        assert len(said()) == 3, said()
    finally:
        broker.stop()


def test_on_a_disk_without_any_room_what_only_reads_works_and_serve_says_what_it_needs(make_device, small_broker):
    broker, disk = small_broker
    laptop = make_device("laptop")
    laptop.init(broker.run("invite", "--name", "bob").strip())
    here = laptop.add("notes", {"small": b"s"})
    laptop.sync()
    assert broker.stop() == 0
    disk.fill()
    assert "bob" in broker.run("users")
    told, = (line for line in broker.status()["attention"] if "written to the store" in line)
    assert "no room left on the disk: make room there; it needs 10" in told and told.endswith("has 0"), told
    done = broker.finish("verify")
    assert done.returncode == 1 and done.stdout == "everything is whole\n", done
    assert "`status` can't know of it" in done.stderr and "No space left" in done.stderr, done
    for verb in "invite", "serve":
        said = broker.finish("--listen", "tcp://127.0.0.1:0", verb)
        assert said.returncode == 1 and "make room there; it needs " in said.stderr, said.stderr
    disk.make_room()
    broker.restart()
    put(here, "more", b"more\n")
    assert laptop.sync()["in_sync"]


def test_a_user_who_fills_the_disk_stops_neither_others_nor_the_operator(make_device, small_broker):
    broker, disk = small_broker
    laptop, other = make_device("laptop"), make_device("other")
    laptop.init(broker.run("invite").strip())
    other.init(broker.run("invite").strip())
    here = laptop.add("notes", {"small": b"s"})
    there = other.add("papers", {"letter": b"one\n"})
    laptop.sync()
    other.sync()
    for number in range(40):
        put(here, f"large {number}", os.urandom(5_000_000))
    report = laptop.sync(code=1)
    assert NO_ROOM in report["broker"]["delay"]
    left = os.statvfs(disk.path)
    # The store writes on: its log, and what it makes of that when it is idle.
    assert left.f_bavail * left.f_frsize >= left.f_blocks * left.f_frsize // 8 - 3_000_000
    put(there, "letter", b"two\n")
    put(there, "note", b"short\n")
    assert other.sync()["in_sync"], "others' small edits"
    (here / "small").unlink()
    before = broker.status()["entries"]
    laptop.sync(code=1)
    assert broker.status()["entries"] > before, "deletions"
    assert broker.run("invite") and broker.run("status")
    assert broker.stop() == 0
    broker.restart()
    users = {user["user"]: user["blob_bytes"] for user in json.loads(broker.run("--json", "users"))}
    filler = max(users, key=users.get)
    broker.run("users", "quota", filler, "1M")
    broker.run("users", "remove", filler, "--yes")
    left = os.statvfs(disk.path)
    assert left.f_bavail * left.f_frsize > 150_000_000
    put(there, "large", os.urandom(5_000_000))
    assert other.sync()["in_sync"]
    assert broker.run("verify") == "everything is whole\n"


def test_a_user_is_removed_though_others_filled_the_disk_under_the_broker(make_device, small_broker):
    broker, disk = small_broker
    laptop, other = make_device("laptop"), make_device("other")
    laptop.init(broker.run("invite", "--name", "filler").strip())
    other.init(broker.run("invite").strip())
    laptop.add("notes", {"large": os.urandom(20_000_000)})
    there = other.add("papers", {"letter": b"one\n"})
    laptop.sync()
    other.sync()
    ballast = os.path.join(broker.data, "ballast")
    wait_until(lambda: os.path.exists(ballast), "it holds some room")
    disk.fill()
    done = broker.finish("invite")
    assert done.returncode == 1 and f"on the disk of {broker.data}/store: make room there; it needs " in done.stderr, done
    broker.run("users", "remove", "filler", "--yes")
    assert "filler" not in broker.run("users")
    left = os.statvfs(disk.path)
    assert left.f_bavail * left.f_frsize > 19_000_000
    put(there, "letter", b"two\n")
    assert other.sync()["in_sync"]
    wait_until(lambda: os.path.exists(ballast), "it holds some again")
    assert broker.run("verify") == "everything is whole\n"


@pytest.fixture(params=[True, False], ids=("root", "another"))
def reserving_broker(request, tmp_path, as_nobody):
    """Of root, who may use what its disk keeps for root, and of another user."""
    disk = Reserving(tmp_path / "reserving", 64 << 20)
    made = Broker(str(disk.path / "data"))
    if not request.param:
        os.mkdir(made.data)
        as_nobody(made, made.data)
    made.log = str(tmp_path / "broker.log")
    yield made, disk
    if made.process:
        made.process.kill()
        made.process.communicate()
    disk.end()


@pytest.mark.parametrize("runs", [True, False], ids=("running", "killed"))
def test_a_user_is_removed_though_root_filled_what_the_disk_keeps_for_root(make_device, reserving_broker, runs):
    broker, disk = reserving_broker
    broker.start()
    ballast = pathlib.Path(broker.data, "ballast")
    laptop, other = make_device("laptop"), make_device("other")
    laptop.init(broker.run("invite", "--name", "filler").strip())
    other.init(broker.run("invite").strip())
    laptop.add("notes", {"large": os.urandom(10_000_000)})
    there = other.add("papers", {"letter": b"one\n"})
    laptop.sync()
    other.sync()
    wait_until(ballast.exists, "it holds some room")
    if not runs:
        broker.stop(signal.SIGKILL)
    disk.fill()
    broker.run("users", "remove", "filler", "--yes")
    assert "filler" not in broker.run("users")
    if not runs:
        broker.restart()
    put(there, "letter", b"two\n")
    assert other.sync()["in_sync"]
    assert broker.run("verify") == "everything is whole\n"


def hold_what_it_held(broker, disk, verb):
    ballast = pathlib.Path(broker.data, "ballast")
    wait_until(ballast.exists, "it holds some room")
    if verb == "remove":
        broker_client.enrol(broker.run("invite", "--name", "filler").strip())
    else:
        broker.stop(signal.SIGKILL)
    os.truncate(ballast, 1 << 16)
    disk.fill_for_others()
    for _ in range(4):
        if verb == "remove":
            assert "nothing was removed" in broker.run("users", "remove", "filler", "--yes", code=1)
        else:
            assert "no room left" in broker.run("serve", "--existing", code=1)
    assert ballast.stat().st_blocks * 512 == 1 << 16


@pytest.mark.parametrize("verb", ["remove", "serve"])
def test_what_is_refused_for_room_gives_nothing_away(small_broker, verb):
    hold_what_it_held(*small_broker, verb)


@pytest.mark.parametrize("reserving_broker", [False], ids=["another"], indirect=True)
@pytest.mark.parametrize("verb", ["remove", "serve"])
def test_what_is_free_for_root_alone_is_no_room_for_another(reserving_broker, verb):
    reserving_broker[0].start()
    hold_what_it_held(*reserving_broker, verb)


@pytest.mark.parametrize("reserving_broker", [True], ids=["root"], indirect=True)
def test_root_goes_on_in_what_the_disk_keeps_for_root(reserving_broker):
    broker, disk = reserving_broker
    broker.start()
    disk.fill_for_others()
    if os.geteuid() == 0:
        broker.run("invite")


def test_a_new_user_on_a_full_broker_is_told_at_once_and_goes_on_with_room(make_device, small_broker):
    broker, disk = small_broker
    laptop = make_device("laptop")
    line = broker.run("invite").strip()
    disk.fill(room=4 << 20)
    said = laptop.run("init", line, "--timeout", f"{WAIT // 2}s", code=1)
    assert "the same command goes on from here: the broker has no room: " in said and "nothing is spent" in said, said
    disk.make_room()
    laptop.init(line)
    laptop.add("notes", {"letter": b"one\n"})
    assert laptop.sync()["in_sync"]


def test_a_removal_for_which_no_room_is_held_says_how_much_it_needs(make_disk):
    disk = make_disk("disk", "64M")
    broker = Broker(str(disk.path / "broker"))
    broker.log = str(disk.path.parent / "log")
    broker.start()
    try:
        broker_client.enrol(broker.run("invite", "--name", "filler").strip())
        broker.stop()
        disk.fill(room=5 << 20)
        broker.start()
        assert "too little room is left on the disk to hold any back for `users remove`" in open(broker.log).read()
        disk.fill_rest()
        said = broker.run("users", "remove", "filler", "--yes", code=1)
        assert "nothing was removed: make room on the disk of" in said and "needs" in said, said
        assert "`counterfoild users remove` again" in said and "mend" not in said
        disk.make_room()
        broker.run("users", "remove", "filler", "--yes")
    finally:
        broker.stop()


def test_a_repair_without_room_changes_nothing_and_says_how_much_it_needs(make_device, small_broker):
    broker, disk = small_broker
    laptop = make_device("laptop")
    laptop.init(broker.run("invite").strip())
    here = laptop.add("notes", {"small": os.urandom(50_000)})
    for number in range(8):  # in batches: of the damaged one nothing can be copied
        for part in range(10):
            put(here, f"small {number} {part}", os.urandom(50_000))
        laptop.sync()
    assert broker.stop() == 0
    store = pathlib.Path(broker.data, "store")
    log = max(store.glob("*.log"), key=lambda path: path.stat().st_size)
    whole = bytearray(log.read_bytes())
    assert len(whole) > 3_000_000
    whole[len(whole) // 2] ^= 1
    log.write_bytes(whole)
    before = sorted(path.name for path in store.iterdir() if "LOG" not in path.name)
    disk.fill(2 * len(whole) + 1_500_000)
    said = broker.finish("verify", "--repair")
    assert said.returncode == 1 and "nothing was changed; it needs up to " in said.stderr, said
    assert sorted(path.name for path in store.iterdir() if "LOG" not in path.name) == before
    assert log.read_bytes() == bytes(whole)
    assert sorted(os.listdir(broker.data)) == ["address", "blobs", "key", "lock", "store"]
    disk.make_room()
    assert "everything is whole" in broker.run("verify", "--repair")
    broker.restart()
    put(here, "more", b"more\n")
    assert laptop.sync()["in_sync"]
    assert broker.run("verify") == "everything is whole\n"


def test_refusals_for_want_of_room_are_in_log_and_status(make_device, small_broker):
    broker, disk = small_broker
    broker.stop()
    broker.log = str(disk.path.parent / "log")
    broker.start()
    laptop = make_device("laptop")
    laptop.init(broker.run("invite", "--name", "bob").strip())
    here = laptop.add("notes", {"small": b"s"})
    laptop.sync()
    assert not broker.status()["attention"]
    disk.fill(room=1_000_000)
    put(here, "large", os.urandom(9_000_000))
    laptop.sync(code=1)
    (line,) = [line for line in broker.status()["attention"] if "bob" in line]
    assert "refused" in line and "room" in line
    assert broker.finish("status", "--check").returncode == 1
    lines = [line for line in open(broker.log) if "a content was refused" in line]
    assert 1 <= len(lines) <= 10, lines
    disk.make_room()
    assert laptop.sync()["in_sync"]


def test_what_waits_behind_a_file_for_which_there_is_no_room_comes_when_there_is(make_device, make_disk):
    disk = make_disk("disk", "64m")
    broker = Broker(str(disk.path / "broker"))
    broker.start()
    try:
        laptop, desktop = make_device("laptop"), make_device("desktop")
        laptop.init(broker.run("invite").strip())
        here, there = joined(laptop, desktop, {"old": b"o", "small": b"s"})
        logs = os.path.join(broker.data, "store")
        taken = sum(one.stat().st_size for one in os.scandir(logs) if one.name.endswith(".log"))
        disk.fill(room=max(5 * 2**20 + taken, 2**20 + 2 * taken) + 700_000)
        put(here, "large", os.urandom(50_000))
        laptop.sync(code=1)
        (here / "old").unlink()
        put(here, "small", b"edited\n")
        laptop.sync(code=1)
        desktop.sync()
        assert not (there / "large").exists()
        disk.make_room()
        laptop.sync()
        desktop.sync()
        assert tree(here) == tree(there)
    finally:
        broker.stop()


def test_a_used_up_quota_ends_the_sync_with_its_reason(broker, make_device):
    broker.start()
    laptop = make_device("laptop")
    laptop.init(broker.run("invite", "--quota", "1M").strip())
    here = laptop.add("notes", {"small": b"s", "old": b"o"})
    laptop.sync()
    put(here, "large", os.urandom(3_000_000))
    report = laptop.sync(code=1)
    assert "used up" in report["broker"]["delay"] and report["broker"]["connected"], report["broker"]
    for number in range(20):
        put(here, f"inline {number}", os.urandom(60_000))
    report = laptop.sync(code=1)
    assert "used up" in report["broker"]["delay"]


def test_a_broker_that_was_killed_starts_on_a_disk_that_others_filled(make_device, small_broker):
    broker, disk = small_broker
    laptop, other = make_device("laptop"), make_device("other")
    laptop.init(broker.run("invite", "--name", "filler").strip())
    other.init(broker.run("invite").strip())
    here = laptop.add("notes", {f"small {number}": os.urandom(50_000) for number in range(80)})
    there = other.add("papers", {"letter": b"one\n"})
    laptop.sync()
    other.sync()
    ballast = os.path.join(broker.data, "ballast")
    logs = [one for one in os.scandir(os.path.join(broker.data, "store")) if one.name.endswith(".log")]
    enough = 2 * sum(one.stat().st_size for one in logs) + (1 << 20)
    assert enough > 5 << 20
    wait_until(lambda: os.stat(ballast).st_size >= enough, "it holds what opening needs")
    broker.stop(signal.SIGKILL)
    disk.fill()
    broker.run("users", "remove", "filler", "--yes")
    assert not os.path.exists(ballast)
    broker.restart()
    put(there, "letter", b"two\n")
    disk.make_room()
    assert other.sync()["in_sync"]
    wait_until(lambda: os.path.exists(ballast), "it holds some again")
    assert broker.stop() == 0
    assert not os.path.exists(ballast), "while it doesn't run nothing is held"
    assert broker.run("verify") == "everything is whole\n"
    assert (here / "small 3").exists()


def test_a_limit_of_the_process_is_not_the_disks(laptop, make_device):
    """`ulimit -f`, or LimitFSIZE of a unit: the next program without it writes the file."""
    desktop = make_device("desktop")
    here, there = joined(laptop, desktop, {"small": "s"})
    (here / "large").write_bytes(os.urandom(3 << 20))
    laptop.sync()
    command = ["sh", "-c", 'ulimit -f 512; exec "$@"', "sh", *desktop.command("sync")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT)
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "large" in said and "ulimit -f" in said and "this disk" not in said, said
    desktop.sync()
    assert tree(there) == tree(here)
