# SPDX-License-Identifier: Apache-2.0
"""Each file of a broker's store, flipped, cut, emptied and removed: all comes back from the devices."""

import json
import os
import pathlib
import random
import shutil
import signal

import pytest

from counterfoil import Broker, broker, make_device, tree, wait_until  # noqa: F401
from short_form import some
from stand import put
from test_broker_repair import REPAIR, cut, empty, flip

CONTENT = os.urandom(600_000)
HARMS = {"flip": flip, "cut": cut, "empty": empty, "remove": lambda path: path.unlink()}


class Scene:
    """A broker with two users, one of two devices, whose store has tables and a log, and what stands there while nothing
    is damaged. Nobody runs."""

    def __init__(self, broker, make_device, folder, stop_by=signal.SIGTERM):
        broker.start()
        self.line = broker.line
        self.broker, self.saved, self.devices = broker, folder, [make_device(name) for name in ("laptop", "desktop", "tablet")]
        laptop, desktop, tablet = self.devices
        laptop.init(broker.run("invite").strip())
        laptop.pair(desktop)
        tablet.init(broker.run("invite", "--quota", "1G").strip())
        laptop.add("notes", {"one.txt": "one\n", "large": CONTENT})
        tablet.add("papers", {"two.txt": "two\n"})
        self.sync()
        desktop.add("notes", None, "--existing")
        self.sync()
        broker.stop()
        broker.restart()  # what was in the log is in tables
        self.entries_in_tables = broker.status()["entries"]
        put(desktop.source(), "three.txt", b"three\n")
        put(tablet.source("papers"), "four.txt", b"four\n")
        for n in range(3):
            put(laptop.source(), "one.txt", b"edit %d\n" % n)
            laptop.sync()
        self.sync()
        self.sync()
        self.trees = [tree(device.source(name)) for device, name in zip(self.devices, ("notes", "notes", "papers"))]
        self.entries = broker.status()["entries"]
        self.quotas = sorted(user["quota"] or 0 for user in json.loads(broker.run("--json", "users")))
        broker.stop(stop_by)
        pathlib.Path(broker.data, "control").unlink(missing_ok=True)
        self.places = [broker.data, *(device.home for device in self.devices)]
        for n, place in enumerate(self.places):
            shutil.copytree(place, folder / str(n))

    def sync(self):
        for device in self.devices:
            device.sync()

    def restore(self):
        for n, place in enumerate(self.places):
            shutil.rmtree(place)
            shutil.copytree(self.saved / str(n), place)

    @property
    def files(self):
        names = sorted(path.name for path in pathlib.Path(self.broker.data, "store").iterdir())
        return [name for name in names if not name.startswith("LOG.old")]  # which nothing reads

    def starts(self):
        """Whether it serves, and what it says."""
        said = len(open(self.broker.log).read())
        line = self.broker.line
        host, port, _ = self.broker.place
        if self.broker.start(listen=f"tcp://{host}:{port}"):
            return True, open(self.broker.log).read()[said:]
        code = self.broker.process.wait()
        self.broker.process, self.broker.line = None, line
        assert code == 7, open(self.broker.log).read()[said:]
        return False, open(self.broker.log).read()[said:]

    def serves_or_says_what_helps(self, why):
        """Twice, since no start makes it worse; what it says."""
        for _ in range(2):
            serves, said = self.starts()
            assert serves or REPAIR in said, (why, said)
            if serves:
                for device in self.devices:
                    device.finish("sync")
                self.broker.stop()
        return said

    def is_whole(self, why):
        self.broker.stop()
        self.broker.restart()
        for device in self.devices:
            done = device.finish("sync")
            assert done.returncode == 0, (why, device.name, done.stdout, done.stderr, open(self.broker.log).read()[-3000:])
        found = [tree(device.source(name)) for device, name in zip(self.devices, ("notes", "notes", "papers"))]
        assert found == self.trees, why
        assert self.broker.status()["entries"] == self.entries, why
        assert self.broker.run("verify") == "everything is whole\n", why
        self.broker.stop()


@pytest.fixture
def scene(broker, make_device, tmp_path):
    (tmp_path / "saved").mkdir()
    return Scene(broker, make_device, tmp_path / "saved")


@pytest.mark.parametrize("harm", HARMS)
def test_whatever_happens_to_a_file_of_a_store_all_comes_back(scene, harm):
    broker = scene.broker
    for name in some(scene.files, 3, harm):
        scene.restore()
        why = (harm, name)
        path = pathlib.Path(broker.data, "store", name)
        if harm != "remove" and not path.stat().st_size:
            continue
        HARMS[harm](path)
        said = scene.serves_or_says_what_helps(why)
        done = broker.finish("verify", "--repair")
        assert "can't be served" not in done.stderr and "nothing is left" not in done.stderr, (why, said, done.stderr)
        assert done.returncode == 0, (why, said, done.stdout, done.stderr)
        broker.restart()
        scene.is_whole(why)
        users = json.loads(broker.finish("--json", "users").stdout)
        quotas = sorted(user["quota"] or 0 for user in users)
        assert quotas == scene.quotas or (quotas == [0, 0] and "look at names and quotas" in done.stderr), why


@pytest.mark.parametrize("harm", HARMS)
def test_whatever_happens_beside_the_store_all_comes_back(scene, harm):
    """What helps is what the message names: a copy of the key, no address; of a blob nothing is to be typed."""
    broker = scene.broker
    blob = max((path for path in pathlib.Path(broker.data, "blobs").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    names = ["key", "address", str(blob.relative_to(broker.data))]
    for name in names:
        scene.restore()
        why, path = (harm, name), pathlib.Path(broker.data, name)
        HARMS[harm](path)
        left = path.read_bytes() if path.exists() else None
        for _ in range(2):  # no start makes it worse
            serves, said = scene.starts()
            assert serves or "key" in said, (why, said)
            if serves:
                broker.stop()
            else:
                assert (path.read_bytes() if path.exists() else None) == left, why
        if name == "key":
            assert not serves and "copy" in said, (why, said)
            shutil.copy(scene.saved / "0" / "key", path)
        elif not serves:
            assert name == "address" and "remove address" in said, (why, said)
            path.unlink()
        if name == names[2]:
            broker.finish("verify")
        broker.line = scene.line
        broker.restart()
        scene.is_whole(why)


def flips(path):
    """Places at which four bytes are flipped, one after the other: of a table its data, filter, index, properties and end."""
    size = path.stat().st_size
    places = {0, size // 2} | {size - back for back in (4, 50, 130, 800, 1250)}
    return sorted(place for place in places if 0 <= place < size)


def flip_at(path, place):
    whole = bytearray(path.read_bytes())
    for at in range(place, min(place + 4, len(whole))):
        whole[at] ^= 0x5A
    path.write_bytes(whole)


@pytest.mark.parametrize("stop_by", (signal.SIGTERM, signal.SIGKILL), ids=("ended", "killed"))
def test_flips_anywhere_in_a_store_are_told_and_mended_and_lose_no_more(broker, make_device, tmp_path, stop_by):
    (tmp_path / "saved").mkdir()
    scene = Scene(broker, make_device, tmp_path / "saved", stop_by)
    least = scene.entries if stop_by == signal.SIGTERM else scene.entries_in_tables
    names = [name for name in scene.files if name not in ("LOG", "INVENTORY", "INVENTORY.opened")]
    if stop_by == signal.SIGKILL:  # of other files nothing differs
        names = [name for name in names if name.startswith("MANIFEST") or name.endswith(".log")]
    for name in names:
        for place in some(flips(scene.saved / "0" / "store" / name), 2, (name, stop_by)):
            shutil.rmtree(broker.data)
            shutil.copytree(scene.saved / "0", broker.data)
            why = (name, place)
            flip_at(pathlib.Path(broker.data, "store", name), place)
            for _ in range(1 + name.startswith("MANIFEST")):  # no start makes it worse
                done = broker.finish("verify")
                told = done.returncode != 0
                assert not told or (done.returncode == 7 and REPAIR in done.stderr), (why, done.stdout, done.stderr)
            if not told:
                assert broker.status()["entries"] >= least, (why, done.stderr)
                continue
            done = broker.finish("verify", "--repair")
            assert done.returncode == 0 and "nothing is left" not in done.stderr, (why, done.stdout, done.stderr)
            assert broker.run("verify") == "everything is whole\n", why
            assert broker.status()["users"] == 2, why


def test_flips_of_several_places_at_once_are_told_and_mended(scene):
    """Or it is said that nothing is left, of the store or of a user, and what to do then."""
    broker, mended = scene.broker, 0
    first, count = int(os.environ.get("DAMAGES_SEED", 1)), int(os.environ.get("DAMAGES_COUNT", 3))
    for seed in range(first, first + count):
        chance = random.Random(seed)
        scene.restore()
        names = [name for name in scene.files if name not in ("LOG", "FORMAT", "INVENTORY", "INVENTORY.opened")]
        places = []
        for _ in range(chance.randint(2, 5)):
            path = pathlib.Path(broker.data, "store", chance.choice(names))
            places.append((path.name, chance.randrange(max(1, path.stat().st_size))))
            flip_at(path, places[-1][1])
        why = (seed, places)
        said = scene.serves_or_says_what_helps(why)
        done = broker.finish("verify", "--repair")
        if done.returncode == 7:
            assert "nothing of the store can be read" in done.stderr, (why, done.stderr)
            continue
        assert done.returncode == 0 and "can't be served" not in done.stderr, (why, said, done.stdout, done.stderr)
        if "nothing is left" in done.stderr:
            continue
        broker.restart()
        scene.is_whole(why)
        mended += 1
    assert mended > count / 2


def test_damage_that_is_met_while_it_serves_is_told_to_who_runs_it_and_to_who_waits(broker, make_device):
    """Where the log is opened all is whole; a device that reads what lies in the middle meets it."""
    broker.start()
    laptop, desktop = make_device("laptop"), make_device("desktop")
    laptop.init(broker.run("invite").strip())
    laptop.pair(desktop)
    laptop.add("notes", {"first.txt": "first\n"})
    laptop.sync()
    desktop.add("notes", None, "--existing")
    for n in range(100):
        put(laptop.source(), f"{n}.txt", random.randbytes(6000))
    laptop.sync()
    broker.stop()
    broker.restart()  # what was in the log is in tables
    broker.stop()
    tables = pathlib.Path(broker.data, "store").glob("*.sst")
    table = max(tables, key=lambda path: path.stat().st_size)
    whole = table.read_bytes()
    assert len(whole) > 300_000
    flip(table)
    broker.restart()
    broker.run("status", "--check")
    done = desktop.finish("sync")
    assert done.returncode == 5 and "is damaged, until whoever runs it types" in done.stderr, (done.stdout, done.stderr)
    done = broker.finish("status", "--check")
    assert done.returncode == 1 and f"attention  the store is damaged: {REPAIR}" in done.stdout and table.name in done.stdout, done.stdout
    wait_until(lambda: any(" error " in line and REPAIR in line for line in open(broker.log)), "that the log has it")
    done = broker.finish("verify")
    assert done.returncode == 7 and REPAIR in done.stderr
    assert "the last verify found damage" in broker.run("status") and broker.status()["verified"]
    table.write_bytes(whole)
    broker.run("verify")
    assert "attention" not in broker.run("status", "--check")
    assert desktop.sync()["in_sync"] and tree(desktop.source()) == tree(laptop.source())


def test_damage_of_one_user_holds_up_no_other(broker, make_device):
    """A bad block among the entries of the first of two in one table."""
    broker.start()
    couples = []
    for name in "ann", "bob":
        laptop, desktop = make_device(f"{name}-laptop"), make_device(f"{name}-desktop")
        laptop.init(broker.run("invite", "--name", name).strip())
        laptop.pair(desktop)
        laptop.add("notes", {"first.txt": "first\n"})
        laptop.sync()
        desktop.add("notes", None, "--existing")
        for n in range(100):
            put(laptop.source(), f"{n}.txt", random.randbytes(6000))
        laptop.sync()
        couples.append((json.loads(broker.run("--json", "users", "show", name))["user"], name, laptop, desktop))
    couples.sort()  # as their entries lie in the table
    (user, name, author, reader), (_, _, *others) = couples
    broker.stop()
    broker.restart()  # what was in the log is in tables
    broker.stop()
    table = max(pathlib.Path(broker.data, "store").glob("*.sst"), key=lambda path: path.stat().st_size)
    assert table.stat().st_size > 1_100_000  # both are in it
    flip_at(table, table.stat().st_size // 4)
    broker.restart()
    done = reader.finish("sync")
    assert done.returncode == 5 and "is damaged, until whoever runs it types" in done.stderr, (done.stdout, done.stderr)
    for device in others:
        put(device.source(), f"{device.name}.txt", random.randbytes(100))
        assert device.sync()["in_sync"]
    assert others[0].sync()["in_sync"]
    assert tree(others[0].source()) == tree(others[1].source())
    done = broker.finish("status", "--check")
    assert done.returncode == 1 and REPAIR in done.stdout and table.name in done.stdout, done.stdout
    done = broker.finish("verify")
    assert done.returncode == 7 and f"user {user}" in done.stdout + done.stderr, (done.stdout, done.stderr)
    assert all(couple[0] not in done.stdout + done.stderr for couple in couples[1:]), (done.stdout, done.stderr)
    entries = {one["user"]: one["entries"] for one in json.loads(broker.run("--json", "users"))}
    broker.stop()
    done = broker.finish("verify", "--repair")
    (hers,) = [line for line in done.stderr.splitlines() if f"user {user}: " in line]
    assert f" of {entries[user]} entries are whole; its devices bring the rest" in hers, done.stderr
    for other, *_ in couples[1:]:
        assert f"user {other}: {entries[other]} entries are whole; its devices bring what may be missing" in done.stderr, done.stderr
    broker.restart()
    for device in author, reader, *others:
        assert device.sync()["in_sync"]
    assert tree(author.source()) == tree(reader.source()) and len(tree(author.source())) == 101, name
    assert broker.run("verify") == "everything is whole\n"


def test_a_repair_says_of_a_user_who_moved_that_nothing_is_brought(broker, make_device, tmp_path):
    laptop, table = one_user(broker, make_device)
    other = Broker(str(tmp_path / "other"))
    other.start()
    laptop.run("broker", other.run("invite").strip())
    laptop.sync()
    host, port, _ = other.place
    assert other.stop() == 0 and broker.stop() == 0
    table = max(table.parent.glob("*.sst"), key=lambda path: path.stat().st_size)
    flip_at(table, table.stat().st_size // 2)
    done = broker.finish("verify", "--repair")
    assert f"entries are whole; it has moved to tcp://{host}:{port}, and nothing is brought here" in done.stderr, done


def one_user(broker, make_device):
    """A user of one device, whose entries fill a table alone; where that lies."""
    broker.start()
    laptop = make_device("laptop")
    laptop.init(broker.run("invite", "--name", "ann").strip())
    laptop.add("notes", {f"{n}.txt": random.randbytes(6000) for n in range(100)})
    laptop.sync()
    broker.stop()
    broker.restart()  # what was in the log is in tables
    return laptop, max(pathlib.Path(broker.data, "store").glob("*.sst"), key=lambda path: path.stat().st_size)


def test_a_damaged_user_is_removed_and_comes_again(broker, make_device):
    """What lies in a block in which all is deleted is read by nobody but `verify`, and whoever comes to the same place."""
    laptop, table = one_user(broker, make_device)
    broker.stop()
    flip_at(table, 2000)
    broker.restart()
    broker.finish("users", "remove", "ann", "--yes")
    done = broker.finish("verify")
    assert done.returncode == 7 and REPAIR in done.stderr or not table.exists(), done
    broker.stop()
    broker.run("verify", "--repair")
    broker.restart()
    assert broker.run("verify") == "everything is whole\n" and broker.run("users").strip() in ("", "there is no user yet")
    laptop.run("broker", broker.run("invite", "--name", "ann").strip())
    assert laptop.sync()["in_sync"] and json.loads(broker.run("--json", "users"))[0]["entries"] > 0


def test_who_can_not_be_known_is_not_told_that_he_was_shut_out(broker, make_device, tmp_path):
    """Where not even the keys of a user's devices can be read, `counterfoil leave` would be the wrong advice."""
    laptop, _ = one_user(broker, make_device)
    broker.stop()
    store, saved, told = pathlib.Path(broker.data, "store"), tmp_path / "saved", []
    shutil.copytree(store, saved)
    for name in sorted(path.name for path in saved.glob("*.sst")):
        shutil.rmtree(store)
        shutil.copytree(saved, store)
        flip_at(store / name, 0)
        if broker.finish("users").returncode != 7:  # it is met only later
            broker.restart()
            told.append(laptop.finish("sync"))
            broker.stop()
            assert told[-1].returncode in (0, 5) and "leave" not in told[-1].stdout + told[-1].stderr, told[-1]
    assert told


def test_a_damaged_user_is_listed_and_its_name_stays_its_own(broker, make_device):
    """No verb acts on it, and no stranger is called so, until `verify --repair`."""
    laptop, table = one_user(broker, make_device)
    (before,) = json.loads(broker.run("--json", "users"))
    broker.stop()
    flip_at(table, table.stat().st_size - 6000)  # where the last of its keys lie
    broker.restart()
    assert "can't be served" in open(broker.log).read()
    (listed,) = json.loads(broker.run("--json", "users"))
    assert listed["user"] == before["user"] and listed["damaged"] and not before["damaged"], listed
    assert REPAIR in broker.run("users") and broker.status()["users"] == 1
    for verb in ("show",), ("quota", "5M"), ("remove", "--yes"):
        for who in "ann", before["user"][:12]:
            done = broker.finish("users", verb[0], who, *verb[1:])
            assert done.returncode == 7 and REPAIR in done.stderr and before["user"][:12] in done.stderr, (verb, who, done)
    done = broker.finish("invite", "--name", "ann")
    assert done.returncode == 7 and REPAIR in done.stderr, done
    line = broker.run("invite").strip()
    done = laptop.finish("--timeout", "5s", "broker", line)
    assert done.returncode == 5 and "is damaged, until whoever runs it types" in done.stderr, done
    assert all(one["user"] is None for one in json.loads(broker.run("--json", "invitations")) if one["name"] is None), "it was refused"
    broker.stop()
    broker.run("verify", "--repair")
    broker.restart()
    assert laptop.sync()["in_sync"]
    assert [one["damaged"] for one in json.loads(broker.run("--json", "users"))] == [False]
