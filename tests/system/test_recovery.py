# SPDX-License-Identifier: Apache-2.0
"""Brokers that were rolled back or emptied, contents that they lost."""

import json
import os
import random
import shutil
import subprocess
import threading

import pytest

from broker_client import enrol
from counterfoil import broker, fill, make_device, pair_of_notes, tree, two, wait_until  # noqa: F401
from counterfoild import Broker
from stand import put


def notes_of(device, kind):
    return [one for one in device.json("status")["notes"] if one["kind"] == kind]


class Copy:
    """A copy of a broker's data, as a backup would have it."""

    def __init__(self, broker, folder):
        self.broker, self.folder = broker, str(folder)
        broker.stop()
        shutil.copytree(broker.data, self.folder, symlinks=True)
        broker.restart()

    def restore(self):
        self.broker.stop()
        shutil.rmtree(self.broker.data)
        shutil.copytree(self.folder, self.broker.data, symlinks=True)
        self.broker.restart()


def test_a_rolled_back_broker_is_reported_once_and_filled_by_anybody(broker, pair_of_notes, make_device, tmp_path):
    laptop, desktop, here, there = pair_of_notes
    backup = Copy(broker, tmp_path / "backup")
    for n in range(3):
        put(here, "one.txt", b"edit %d\n" % n)
        laptop.sync()
    desktop.sync()
    entries = broker.status()["entries"]
    backup.restore()
    assert broker.status()["entries"] == entries - 3 and not broker.status()["attention"]
    done = desktop.finish("sync")
    assert done.returncode == 0 and done.stderr.count("rolled back") == 1
    assert f"{broker.place[0]}:{broker.place[1]} was rolled back" in done.stderr
    assert "3 entries" in done.stderr and "note: " in done.stdout
    assert broker.status()["entries"] == entries, "the laptop's entries came back from the desktop"
    with open(broker.log) as log:
        assert log.read().count(" says that 3 entries are gone which this broker had acknowledged") == 1
    assert "devices of 1 user say that up to 3 entries are gone" in broker.run("status")
    assert "it needs attention" in broker.run("status", "--check", code=1)
    told = broker.status()["attention"]
    assert len(told) == 2 and all(f"`{verb}`" in told[1] for verb in ("users", "users remove", "users quota", "invitations", "invitations revoke")), told
    broker.run("verify")
    broker.run("status", "--check")
    assert "rolled back" not in desktop.finish("sync").stderr
    (note,) = notes_of(desktop, "rolled-back")
    assert "3 entries" in note["text"] and "counterfoil sync" in note["text"] and note["time"].startswith("20")
    assert desktop.json("status")["in_sync"]
    assert laptop.sync()["in_sync"] and not notes_of(laptop, "rolled-back")
    tablet = make_device("tablet")
    laptop.pair(tablet)
    assert (tablet.add("notes", None, "--existing") / "one.txt").exists() is False
    tablet.sync()
    assert tree(tablet.source()) == tree(here)


def test_a_copy_of_a_broker_that_runs_is_whole_or_mended_and_all_comes_back(broker, pair_of_notes, tmp_path):
    """In the order of the manual: the key, the store, the blobs, while a device saves small and large files."""
    laptop, desktop, here, there = pair_of_notes
    copy = tmp_path / "copy"
    copy.mkdir()
    ended = threading.Event()

    def save():
        n = 0
        while not ended.is_set():
            put(here, f"{n % 7}", random.randbytes(200_000 if n % 3 == 0 else 300))
            laptop.sync()
            n += 1

    saving = threading.Thread(target=save)
    saving.start()
    wait_until(lambda: len(tree(here)) > 4, "it is at it")
    for name in "key", "store", "blobs":
        subprocess.run(["cp", "-a", f"{broker.data}/{name}", str(copy)], stderr=subprocess.DEVNULL)  # 1: a file went meanwhile
    ended.set()
    saving.join()
    broker.stop()
    shutil.rmtree(broker.data)
    shutil.copytree(copy, broker.data)
    done = broker.finish("verify")
    assert done.returncode == 0 or "verify --repair" in done.stderr, done
    if done.returncode:
        broker.run("verify", "--repair")
    broker.restart()
    for device in 2 * (laptop, desktop):
        assert device.sync()["in_sync"]
    assert tree(here) == tree(there)
    assert broker.run("verify") == "everything is whole\n"


@pytest.mark.parametrize("has_changed", (False, True), ids=("files", "older_versions"))
def test_what_a_broker_lacks_is_brought_in_few_rounds(broker, pair_of_notes, tmp_path, has_changed):
    """Blobs of all entries that wait go before these; what can't be made any more is found out at once."""
    laptop, desktop, here, there = pair_of_notes
    backup = Copy(broker, tmp_path / "backup")
    count = 12
    for n in range(count):
        put(here, "large" if has_changed else f"large{n}", os.urandom(600_000))
        laptop.sync()
    entries = broker.status()["entries"]
    backup.restore()
    done = laptop.finish("-v", "sync")
    assert done.returncode == 0 and broker.status()["entries"] >= entries, done.stderr
    if not has_changed:  # what is slow is tried again now and then, too
        assert done.stderr.count("the broker refuses an entry (blobs)") <= count / 2, done.stderr
        assert done.stderr.count("the broker refuses an entry (gap)") <= count * count / 2, done.stderr
    desktop.sync()
    assert tree(here) == tree(there)


def test_what_an_older_copy_undoes_is_told_and_done_again(broker, pair_of_notes, tmp_path):
    """Removals, invitations that were taken back and quotas are the operator's: no device brings them."""
    laptop, desktop, here, there = pair_of_notes
    enrol(broker.run("invite", "--name", "eve").strip())
    broker.run("invite", "--name", "fay")
    backup = Copy(broker, tmp_path / "backup")
    put(here, "one.txt", b"later\n")
    laptop.sync()
    (user,) = [one["user"] for one in json.loads(broker.run("--json", "users")) if one["name"] is None]

    def decide():
        broker.run("users", "remove", "eve", "--yes")
        broker.run("invitations", "revoke", "fay")
        broker.run("users", "quota", user, "1G")

    def decided():
        users = json.loads(broker.run("--json", "users"))
        return [one["quota"] for one in users], [one["name"] for one in json.loads(broker.run("--json", "invitations"))]

    decide()
    before = decided()
    backup.restore()
    assert decided() != before and not broker.status()["attention"], "nobody knows yet"
    laptop.sync()
    assert "removed" in broker.status()["attention"][1] and "revoked" in broker.status()["attention"][1]
    decide()
    assert decided() == before


def test_a_user_who_was_removed_and_comes_back_accuses_nobody(broker, pair_of_notes, tmp_path):
    """Its log here is another: what was acknowledged is of the one that was removed."""
    laptop, desktop, here, there = pair_of_notes
    put(here, "one.txt", b"edit\n")
    assert laptop.sync()["in_sync"]
    (user,) = json.loads(broker.run("--json", "users"))
    broker.run("users", "remove", user["user"], "--yes")
    laptop.run("broker", broker.run("invite").strip())
    for device in desktop, laptop, desktop:
        done = device.finish("sync")
        assert done.returncode == 0 and "rolled back" not in done.stdout + done.stderr, (device.name, done.stdout, done.stderr)
    assert tree(here) == tree(there)
    assert not broker.status()["attention"] and "are gone" not in open(broker.log).read()
    backup = Copy(broker, tmp_path / "backup")
    put(here, "one.txt", b"later\n")
    laptop.sync()
    backup.restore()
    assert "rolled back" in laptop.finish("sync").stderr, "but of this log it is told"


def test_a_device_that_is_behind_takes_no_broker_for_rolled_back(broker, pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    for n in range(3):
        put(here, "one.txt", b"edit %d\n" % n)
        laptop.sync()
    for device in laptop, desktop:
        assert "rolled back" not in device.finish("sync").stderr
        assert not device.json("status")["notes"]


def another(laptop, make_device, name="tablet"):
    """A device that joins now and gets what there is."""
    joined = make_device(name)
    laptop.pair(joined)
    joined.add("notes", None, "--existing")
    return joined


def test_a_lost_blob_is_sealed_again_by_whoever_has_the_content(broker, pair_of_notes, make_device, tmp_path):
    laptop, desktop, here, there = pair_of_notes
    backup = Copy(broker, tmp_path / "backup")
    put(here, "large", os.urandom(3_000_000))
    laptop.sync()
    desktop.sync()
    before = broker.status()
    backup.restore()
    assert desktop.sync()["in_sync"]
    after = broker.status()
    assert after["entries"] == before["entries"], "the same bytes came out: nothing more is said"
    assert (after["blobs"], after["blob_bytes"]) == (before["blobs"], before["blob_bytes"])
    tablet = another(laptop, make_device)
    tablet.sync()
    assert tree(tablet.source()) == tree(here)


def test_the_author_brings_his_own_blobs_again(broker, pair_of_notes, make_device, tmp_path):
    laptop, desktop, here, there = pair_of_notes
    backup = Copy(broker, tmp_path / "backup")
    put(here, "large", os.urandom(3_000_000))
    laptop.sync()
    before = broker.status()
    backup.restore()
    assert laptop.sync()["in_sync"]
    assert broker.status()["blobs"] == before["blobs"] and broker.status()["entries"] == before["entries"]
    desktop.sync()
    assert tree(here) == tree(there)


def test_an_author_whose_file_has_changed_says_so(broker, pair_of_notes, make_device, tmp_path):
    laptop, desktop, here, there = pair_of_notes
    backup = Copy(broker, tmp_path / "backup")
    put(here, "large", os.urandom(3_000_000))
    laptop.sync()
    backup.restore()
    put(here, "large", os.urandom(3_000_000))
    assert laptop.sync()["in_sync"]
    desktop.sync()
    assert tree(here) == tree(there)
    assert laptop.sync()["in_sync"] and "rolled back" not in laptop.finish("sync").stderr
    tablet = another(laptop, make_device)
    tablet.sync()
    assert tree(tablet.source()) == tree(here)


def test_what_stands_on_a_lost_content_is_supplied_whole(broker, pair_of_notes, make_device, tmp_path):
    """Nobody has the base of the delta any more, but two have what it made."""
    laptop, desktop, here, there = pair_of_notes
    backup = Copy(broker, tmp_path / "backup")
    content = bytearray(os.urandom(3_000_000))
    put(here, "large", content)
    laptop.sync()
    content[1_000_000:1_000_100] = os.urandom(100)
    put(here, "large", content)
    assert laptop.sync()["traffic"]["deltas"] == 1
    desktop.sync()
    backup.restore()
    entries = broker.status()["entries"]
    assert desktop.sync()["in_sync"]
    told = broker.status()["entries"]
    assert told == entries + 3, "two entries of the laptop's, and the supply"
    for _ in range(2):
        assert laptop.sync()["in_sync"] and desktop.sync()["in_sync"]
    assert broker.status()["entries"] == told, "it is said once"
    tablet = another(laptop, make_device)
    assert tablet.sync()["in_sync"]
    assert tree(tablet.source()) == tree(here)
    for device in laptop, desktop, tablet:
        (note,) = notes_of(device, "gone")
        assert "1 version in the history" in note["text"] and "large of 20" in note["text"]
        assert device.sync()["in_sync"], "it is no failure"
    content[2_000_000:2_000_100] = os.urandom(100)
    put(here, "large", content)
    assert laptop.sync()["traffic"]["deltas"] == 1, "what was supplied is built upon again"
    tablet.sync()
    assert tree(tablet.source()) == tree(here)


@pytest.mark.parametrize("runs", [True, False])
def test_verify_finds_lost_blobs_and_the_devices_bring_them_again(broker, pair_of_notes, make_device, runs):
    laptop, desktop, here, there = pair_of_notes
    put(here, "large", os.urandom(3_000_000))
    laptop.sync()
    desktop.sync()
    before = broker.status()
    broker.stop()
    for folder, _, names in os.walk(os.path.join(broker.data, "blobs")):
        for name in names:
            os.unlink(os.path.join(folder, name))
    if runs:
        broker.restart()
    assert "are asked for it" in broker.finish("verify").stdout and broker.finish("verify").returncode == 0
    if not runs:
        broker.restart()
    assert desktop.sync()["in_sync"]
    after = broker.status()
    assert (after["blobs"], after["blob_bytes"]) == (before["blobs"], before["blob_bytes"])
    tablet = another(laptop, make_device)
    tablet.sync()
    assert tree(tablet.source()) == tree(here)


def empty(broker, keep_key=True):
    """The broker's disk is lost; its key may have been kept elsewhere."""
    broker.stop()
    for name in os.listdir(broker.data):
        path = os.path.join(broker.data, name)
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif not (keep_key and name == "key"):
            os.unlink(path)
    broker.run("init")


def test_an_emptied_broker_is_filled_again_from_the_devices(broker, pair_of_notes, make_device):
    laptop, desktop, here, there = pair_of_notes
    put(here, "large", os.urandom(2_000_000))
    laptop.sync()
    desktop.sync()
    put(there, "other", os.urandom(2_000_000))
    desktop.sync()
    before = broker.status()
    empty(broker)
    broker.restart()
    assert broker.status()["users"] == 0
    laptop.run("sync", code=6)
    line = broker.run("invite").strip()
    assert laptop.run("broker", line).strip() == broker.line
    assert laptop.sync()["in_sync"]
    assert desktop.sync()["in_sync"] and laptop.sync()["in_sync"]
    assert not notes_of(laptop, "gone"), "two devices had all of it together"
    after = broker.status()
    assert [after[of] for of in ("users", "entries", "blobs", "blob_bytes")] == [
        before[of] for of in ("users", "entries", "blobs", "blob_bytes")
    ]
    assert tree(here) == tree(there)
    tablet = another(laptop, make_device)
    assert tablet.sync()["in_sync"]
    assert tree(tablet.source()) == tree(here)
    assert laptop.run("broker", line).strip() == broker.line, "no harm"


def test_status_names_the_history_that_is_gone_with_an_emptied_broker(broker, pair_of_notes, make_device):
    laptop, desktop, here, there = pair_of_notes
    put(here, "lost", os.urandom(1_000_000))
    laptop.sync()
    (here / "lost").unlink()
    for _ in range(3):
        put(here, "large", os.urandom(1_500_000))
        laptop.sync()
    desktop.sync()
    empty(broker)
    broker.restart()
    laptop.run("broker", broker.run("invite").strip())
    for device in laptop, desktop, laptop:
        assert device.sync()["in_sync"]
    tablet = another(laptop, make_device)
    for device in tablet, laptop:
        assert device.sync()["in_sync"]
    assert tree(tablet.source()) == tree(here) == tree(there)
    for device in laptop, desktop, tablet:
        (note,) = notes_of(device, "gone")
        assert note["text"].startswith("3 versions in the history can't be had until a device comes that still has them"), note
        assert note["text"].count("large of 20") == 2 and note["text"].count("lost of 20") == 1
        assert note["text"] in device.run("status") and device.finish("status", "--check").returncode == 0
        told = [one["path"] for one in device.json("log", "-n", "1000") if one["change"] in ("new", "edited")]
        assert told.count("large") == 3 and told.count("lost") == 1, "that it was there is known"


def test_any_device_brings_an_emptied_broker_the_user(broker, pair_of_notes):
    """Also one that is no owner, while serve runs."""
    laptop, desktop, here, there = pair_of_notes
    entries = broker.status()["entries"]
    empty(broker)
    broker.restart()
    desktop.serve()
    desktop.run("broker", broker.run("invite").strip())
    wait_until(lambda: broker.status()["entries"] == entries, "all entries are there")
    put(here, "one.txt", b"after\n")
    assert laptop.sync()["in_sync"]
    wait_until(lambda: (there / "one.txt").read_bytes() == b"after\n", "the desktop has it")


def test_a_user_moves_to_another_broker_and_the_others_follow(broker, pair_of_notes, make_device, tmp_path):
    laptop, desktop, here, there = pair_of_notes
    put(here, "large", os.urandom(2_000_000))
    laptop.sync()
    desktop.sync()
    tablet = another(laptop, make_device)
    tablet.sync()
    other = Broker(str(tmp_path / "other"))
    other.start()
    try:
        serving = desktop.serve()
        wait_until(lambda: desktop.json("status")["broker"]["connected"], "the desktop is there")
        line = other.run("invite").strip()
        assert "owner" in tablet.run("broker", line, code=6)
        assert laptop.run("broker", line).strip() == other.line
        assert other.status()["blobs"] == broker.status()["blobs"]
        put(here, "one.txt", b"from the other broker\n")
        assert laptop.sync()["broker"]["address"] == other.line
        wait_until(lambda: (there / "one.txt").read_bytes() == b"from the other broker\n", "the desktop followed")
        assert desktop.json("status")["broker"]["address"] == other.line
        done = tablet.finish("sync")
        assert done.returncode == 0 and "moved" in done.stderr
        assert tree(tablet.source()) == tree(here)
        assert tablet.run("broker").strip() == other.line
        assert desktop.stop(serving) == 0
        assert desktop.sync()["in_sync"]
        phone = another(laptop, make_device, "phone")
        phone.sync()
        assert tree(phone.source()) == tree(here)
        line = broker.run("invite").strip()
        assert laptop.run("broker", line).strip() == broker.line, "and back"
        assert laptop.sync()["in_sync"] and phone.sync()["in_sync"]
        assert phone.run("broker").strip() == broker.line
    finally:
        other.stop()


def test_a_user_moves_while_the_owner_s_serve_runs(broker, pair_of_notes, tmp_path):
    laptop, desktop, here, there = pair_of_notes
    other = Broker(str(tmp_path / "other"))
    other.start()
    try:
        laptop.serve()
        assert laptop.run("broker", other.run("invite").strip()).strip() == other.line
        put(here, "one.txt", b"from the other broker\n")
        wait_until(lambda: laptop.json("status")["in_sync"], "it is there")
        desktop.sync()
        assert tree(here) == tree(there) and desktop.run("broker").strip() == other.line
    finally:
        other.stop()


def test_a_device_stays_where_it_was_until_the_member_log_says_otherwise(broker, pair_of_notes, tmp_path):
    """It was sent to a broker that is not there, and never saw who sent it."""
    laptop, desktop, here, there = pair_of_notes
    other = Broker(str(tmp_path / "other"))
    other.start()
    try:
        line = other.run("invite").strip()
        backup = Copy(broker, tmp_path / "backup")
        assert laptop.run("broker", line).strip() == other.line
        other.stop()
        desktop.run("sync", "--timeout", "3s", code=5)
        assert desktop.run("broker").strip() == broker.line, "nobody is where it was sent"
        backup.restore()
        assert desktop.sync()["in_sync"]
    finally:
        if other.process:
            other.stop()
