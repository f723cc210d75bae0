# SPDX-License-Identifier: Apache-2.0
"""What is lost under a broker that runs is missed, and kept where it can be; and what `verify` says of what is missing."""

import json
import os
import pathlib
import random
import shutil

import pytest

from broker_client import enrol
from counterfoil import broker, make_device, wait_until  # noqa: F401
from stand import put
from test_broker_damage import one_user
from test_broker_repair import REPAIR, flip


@pytest.mark.parametrize("what", ("table", "CURRENT"))
def test_a_file_of_the_store_that_is_removed_under_the_broker_is_missed_by_verify(broker, make_device, what):
    laptop, table = one_user(broker, make_device)
    path = table if what == "table" else table.parent / what
    away = path.with_suffix(".away")
    path.rename(away)
    done = broker.finish("verify")
    assert done.returncode == 7 and f"{path.name} is gone from" in done.stdout, done
    assert broker.finish("status", "--check").returncode == 1
    away.rename(path)
    assert broker.run("verify") == "everything is whole\n"
    broker.run("status", "--check")


def only(broker, pattern):
    (path,) = pathlib.Path(broker.data, "store").glob(pattern)
    return path


def flip_first(path):
    """In place: another file would be a replaced one."""
    with open(path, "r+b") as file:
        file.seek(20)
        byte = file.read(1)
        file.seek(20)
        file.write(bytes([byte[0] ^ 1]))


@pytest.mark.parametrize("how", ("removed", "moved", "emptied", "emptied and written on", "cut and written on", "flipped"))
@pytest.mark.parametrize("looks", (True, False), ids=("verified", "stopped"))
def test_what_stood_in_a_log_that_is_lost_under_the_broker_is_kept(broker, make_device, how, looks):
    laptop, _ = one_user(broker, make_device)
    broker.run("invite", "--name", "bob")
    broker.run("users", "quota", "ann", "3M")
    number = json.loads(broker.run("--json", "invitations"))[-1]
    log = only(broker, "*.log")
    {"removed": log.unlink, "moved": lambda: log.rename(log.parent.parent / "elsewhere"), "flipped": lambda: flip_first(log)}.get(
        how, lambda: os.truncate(log, 100 if how.startswith("cut") else 0)
    )()
    if "written on" in how:  # as by logrotate's copytruncate: behind a hole
        broker.run("invite", "--name", "carol")
        number = json.loads(broker.run("--json", "invitations"))[-1]
    if looks:
        done = broker.finish("verify")
        assert done.returncode == 7 and "was removed, cut or damaged: what stood there was written anew" in done.stdout, done
        assert "damage was found: 1, and mended\n" in done.stderr and REPAIR not in done.stderr, done
        broker.run("status", "--check")
        assert broker.run("verify") == "everything is whole\n"
        broker.process.kill()
        broker.process.wait()
    else:
        broker.stop()
        assert "was removed, cut or damaged" in open(broker.log).read()
    broker.restart()
    assert number in json.loads(broker.run("--json", "invitations"))
    assert [one["quota"] for one in json.loads(broker.run("--json", "users"))] == [3 << 20]
    assert broker.run("verify") == "everything is whole\n"
    assert laptop.sync()["in_sync"]


@pytest.mark.parametrize("what, how", (("FORMAT", "removed"), ("FORMAT", "emptied"), ("MANIFEST-*", "emptied"), ("MANIFEST-*", "removed")))
def test_what_a_start_needs_is_missed_while_the_broker_runs(broker, make_device, what, how):
    laptop, _ = one_user(broker, make_device)
    path = only(broker, what)
    path.unlink() if how == "removed" else os.truncate(path, 0)
    done = broker.finish("verify")
    assert done.returncode == 7 and path.name.partition("-")[0] in done.stdout, done
    assert broker.finish("status", "--check").returncode == 1
    broker.stop()
    broker.run("verify", "--repair")
    broker.restart()
    assert laptop.sync()["in_sync"]


@pytest.mark.parametrize("how", ("removed", "emptied"))
@pytest.mark.parametrize("looks", (True, False), ids=("verified", "stopped"))
def test_the_key_that_is_lost_under_the_broker_is_written_anew(broker, make_device, how, looks):
    laptop, _ = one_user(broker, make_device)
    key = pathlib.Path(broker.data, "key")
    was = key.read_bytes()
    key.unlink() if how == "removed" else os.truncate(key, 0)
    done = broker.finish("status", "--check")
    assert done.returncode == 1 and "key is gone" in done.stdout, done
    if looks:
        done = broker.finish("verify")
        assert done.returncode == 7 and "written anew" in done.stdout, done
        assert "damage was found: 1, and mended\n" in done.stderr and REPAIR not in done.stderr, done
        broker.run("status", "--check")
        assert broker.run("verify") == "everything is whole\n"
    broker.stop()
    assert key.read_bytes() == was and key.stat().st_mode & 0o777 == 0o600
    broker.restart()
    assert laptop.sync()["in_sync"]


def test_of_another_key_in_its_place_the_broker_keeps_its_own_beside(broker, make_device):
    """By bad luck, or since somebody meant it: neither is lost."""
    laptop, _ = one_user(broker, make_device)
    key, served = (pathlib.Path(broker.data, name) for name in ("key", "key.served"))
    was = key.read_bytes()
    other = bytes([was[0] ^ 1]) + was[1:]
    key.write_bytes(other)
    done = broker.finish("verify")
    assert done.returncode == 7 and str(served) in done.stdout, done
    assert broker.finish("status", "--check").returncode == 1
    broker.stop()
    assert key.read_bytes() == other and served.read_bytes() == was and served.stat().st_mode & 0o777 == 0o600
    assert "not the one that devices know" in broker.run("serve", code=7)
    served.rename(key)
    broker.restart()
    assert laptop.sync()["in_sync"]


@pytest.mark.parametrize("asks", (True, False), ids=("verified", "written"))
def test_a_store_that_is_removed_under_the_broker_takes_nothing_more(broker, make_device, asks):
    laptop, _ = one_user(broker, make_device)
    shutil.rmtree(os.path.join(broker.data, "store"))
    gone = "was removed while it was in use: end the program that has it, and restore a backup"
    if asks:
        done = broker.finish("verify")
        assert done.returncode == 7 and gone in done.stderr and REPAIR not in done.stderr, done
    put(laptop.source(), "late", b"late\n")
    done = laptop.finish("sync", "--timeout", "5s")
    assert done.returncode == 1 and "the broker can't write to its disk" in done.stderr, done
    done = broker.finish("users", "quota", "ann", "5M")
    assert done.returncode == 1 and gone in done.stderr, done
    assert broker.finish("status", "--check").returncode == 1
    broker.stop()
    said = broker.run("serve", code=7)
    assert "its store is gone" in said and "move blobs away, and `init` begins an empty one with the key" in said, said
    shutil.rmtree(os.path.join(broker.data, "blobs"))
    broker.run("init")
    broker.restart()
    laptop.run("broker", broker.run("invite").strip())
    assert laptop.sync()["in_sync"] and broker.run("verify") == "everything is whole\n"


def test_blobs_that_a_device_met_need_attention_until_they_are_here(broker, make_device):
    laptop, _ = one_user(broker, make_device)
    put(laptop.source(), "large", os.urandom(600_000))
    laptop.sync()
    paths = sorted(path for path in pathlib.Path(broker.data, "blobs").glob("*/*/*") if len(path.name) == 64)
    flip(paths[0])
    broker.run("status", "--check")
    desktop = make_device("desktop")
    laptop.pair(desktop)
    desktop.add("notes", None, "--existing")
    desktop.finish("sync", "--timeout", "5s")
    wait_until(lambda: broker.finish("status", "--check").returncode == 1, "that a device met it")
    for _ in "running", "started again":
        said = broker.finish("status", "--check")
        assert said.returncode == 1 and "1 blob that changes name is missing since the last verify" in said.stdout, said
        broker.stop()
        broker.restart()
    laptop.sync()
    broker.run("status", "--check")


def test_of_a_directory_that_was_renamed_under_the_broker_no_damage_is_told(broker, make_device):
    laptop, _ = one_user(broker, make_device)
    data, moved = broker.data, broker.data + ".moved"
    os.rename(data, moved)
    broker.data = moved
    for verb in ["verify"], ["status"], ["users"], ["invite"], ["users", "remove", "ann", "--yes"]:
        done = broker.finish(*verb)
        assert done.returncode == 5 and f"the broker here serves {data}, and" in done.stderr, (verb, done)
    os.rename(moved, data)
    broker.data = data
    assert broker.run("verify") == "everything is whole\n"
    broker.run("status", "--check")
    assert laptop.sync()["in_sync"]


def test_verify_goes_on_to_say_what_no_device_has_brought(broker):
    broker.start()
    _, desk = enrol(broker.run("invite").strip())
    with desk.session(broker.line) as session:
        session.hello(desk.user, desk.log.heads())
        contents = [os.urandom(5000) for _ in range(3)]
        blobs = [session.put(content) for content in contents]
        session.publish(desk.write_change(b"papers".ljust(16, b"\0"), os.urandom(200), blobs))
    broker.stop()
    names = [pathlib.Path(broker.data, "blobs", desk.user.hex(), blob.hex()[:2], blob.hex()) for blob in blobs]
    names[0].unlink()
    names[1].write_bytes(b"cut")
    assert "damage was found: 2" in broker.run("verify", code=7)
    for _ in range(2):
        said = broker.run("verify")
        assert f"user {desk.user.hex()}: 2 blobs" in said and "no device has brought them" in said
        assert "everything that is here is whole" in said
        found = json.loads(broker.run("--json", "verify"))
        assert found == {"damages": [], "missing": [{"user": desk.user.hex(), "blobs": 2}]}
    broker.restart()
    said = broker.finish("status", "--check")
    assert said.returncode == 1 and "2 blobs that changes name are missing since the last verify" in said.stdout, said
    assert "--known is for verify" in broker.run("--known", "status", code=2)
    for option in ("--known",), ():  # the operator knows, until others are missing
        assert "2 blobs" in broker.run("verify", *option)
        broker.run("status", "--check")
    names[2].unlink()
    broker.run("verify", code=7)
    broker.run("verify")
    assert "3 blobs that changes name are missing" in broker.run("status")
    broker.run("verify", "--known")
    broker.run("status", "--check")
    names[0].parent.mkdir(exist_ok=True)
    with desk.session(broker.line) as session:
        session.hello(desk.user, desk.log.heads())
        assert [session.put(content) for content in contents] == blobs
    broker.run("verify")
    broker.run("status", "--check")


@pytest.mark.parametrize("how", ("brought", "removed"))
def test_a_blob_that_came_or_went_with_its_user_is_not_missing_any_more(broker, how):
    broker.start()
    _, desk = enrol(broker.run("invite").strip())
    content = os.urandom(5000)
    with desk.session(broker.line) as session:
        session.hello(desk.user, desk.log.heads())
        blob = session.put(content)
        session.publish(desk.write_change(b"papers".ljust(16, b"\0"), os.urandom(200), [blob]))
    pathlib.Path(broker.data, "blobs", desk.user.hex(), blob.hex()[:2], blob.hex()).unlink()
    broker.run("verify", code=7)
    broker.run("verify")
    assert "1 blob that changes name is missing" in broker.finish("status", "--check").stdout
    if how == "removed":
        broker.run("users", "remove", desk.user.hex(), "--yes")
    else:
        with desk.session(broker.line) as session:
            session.hello(desk.user, desk.log.heads())
            session.put(content)
    broker.run("status", "--check")


def test_users_counts_what_is_there_after_verify(broker):
    """As of a copy that was made while the broker ran: its records are of another moment than its files."""
    broker.start()
    _, desk = enrol(broker.run("invite").strip())
    with desk.session(broker.line) as session:
        session.hello(desk.user, desk.log.heads())
        blobs = [session.put(os.urandom(5000)) for _ in range(3)]

    def counted():
        return json.loads(broker.run("--json", "users"))[0]["blob_bytes"]

    assert counted() == 15000
    broker.stop()
    pathlib.Path(broker.data, "blobs", desk.user.hex(), blobs[0].hex()[:2], blobs[0].hex()).unlink()
    broker.run("verify")
    assert counted() == 10000
    broker.restart()
    pathlib.Path(broker.data, "blobs", desk.user.hex(), blobs[1].hex()[:2], blobs[1].hex()).unlink()
    broker.run("verify")
    assert counted() == 5000


@pytest.mark.parametrize("part", ["block", "table", "manifest"])
def test_a_start_says_what_is_damaged_once(broker, make_device, part):
    broker.start()
    laptop = make_device("laptop")
    laptop.init(broker.run("invite").strip())
    laptop.add("notes", {f"{n}.txt": random.randbytes(6000) for n in range(100)})
    laptop.sync()
    for _ in range(2):
        broker.stop()
        broker.restart()
    broker.stop()
    store = pathlib.Path(broker.data, "store")
    table = max(store.glob("*.sst"), key=lambda path: path.stat().st_size)
    if part == "block":
        whole = bytearray(table.read_bytes())
        whole[len(whole) // 20] ^= 1
        table.write_bytes(whole)
        broker.restart()
        broker.stop()
    elif part == "table":
        table.unlink()
        broker.run("serve", "--existing", code=7)
    else:
        next(store.glob("MANIFEST-*")).write_bytes(b"")
        broker.run("serve", "--existing", code=7)
    said = pathlib.Path(broker.log).read_text() + broker.finish("verify").stderr
    assert REPAIR in said
    for line in said.splitlines():
        assert line.count("verify --repair") < 2, line
