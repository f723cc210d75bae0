# SPDX-License-Identifier: Apache-2.0
"""Locks: what one device has locked, the others wait for; nothing that they did meanwhile is lost."""

import json
import os
import shutil
import signal
import stat

import pytest

from counterfoil import WAIT, broker, make_device, tree, two, wait_until  # noqa: F401


@pytest.fixture
def shared(two):
    """Two devices with the same notes."""
    ann, bob = two
    ann.add(files={"page": "one\n", "deep/leaf": "leaf\n"})
    ann.sync()
    bob.add()
    bob.sync()
    assert tree(bob.source()) == tree(ann.source())
    return ann, bob


def write(device, name, content):
    with open(device.source() / name, "w") as file:
        file.write(content)


def read(device, name):
    with open(device.source() / name) as file:
        return file.read()


def mode(device, name):
    return stat.S_IMODE(os.stat(device.source() / name).st_mode)


def pending(device, kind):
    return [p for c in device.json("status")["collections"] for p in c["pending"] if p["kind"] == kind]


def wait_for_it(broker, device, *words):
    """A process that has asked, and has been told to wait."""
    before = len(broker.audit("lease-waited"))
    process = device.start(*words)
    wait_until(lambda: len(broker.audit("lease-waited")) > before, "it has to wait")
    return process


def copies(device):
    return [name for name in tree(device.source()) if "conflict" in name]


def test_what_others_do_to_a_locked_collection_arrives_when_it_is_free(shared):
    ann, bob = shared
    locked = ann.json("lock", "notes", "--for", "5m")
    assert locked["collection"] == "notes" and not locked["shared"]
    (listed,) = bob.json("locks")
    assert (listed["collection"], listed["device"], listed["this"]) == ("notes", ann.name, False)
    assert listed["until"] == locked["until"] and listed["since"] < listed["until"]
    assert ann.json("locks")[0]["this"]
    write(bob, "page", "bob\n")
    bob.patiently("sync", code=9)
    (held,) = pending(bob, "locked")
    assert held["path"] == "page" and ann.name in held["reason"]
    write(ann, "deep/leaf", "ann\n")
    ann.sync()
    ann.sync()
    assert read(ann, "page") == "one\n"
    bob.patiently("sync", code=9)
    assert read(bob, "deep/leaf") == "ann\n"
    assert "locked by" in bob.run("lock", "notes", code=9)
    assert "--break" in bob.run("unlock", "notes", code=9)
    ann.run("unlock", "notes")
    assert ann.json("locks") == []
    assert "not locked" in ann.run("unlock", "notes", code=3)
    bob.sync()
    ann.sync()
    assert read(ann, "page") == "bob\n"
    assert tree(ann.source()) == tree(bob.source())


def test_an_edit_on_both_sides_of_a_lock_is_a_conflict_and_nothing_is_lost(shared):
    ann, bob = shared
    ann.run("lock", "notes")
    write(bob, "page", "bob\n")
    bob.patiently("sync", code=9)
    write(ann, "page", "ann\n")
    ann.sync()
    ann.run("unlock", "notes")
    bob.sync(4)
    ann.sync(4)
    assert len(copies(ann)) == 1 and tree(ann.source()) == tree(bob.source())
    assert {read(ann, "page"), read(ann, copies(ann)[0])} == {"ann\n", "bob\n"}


def test_a_lock_brings_what_the_others_did_before(shared):
    ann, bob = shared
    write(bob, "page", "before\n")
    bob.sync()
    ann.run("lock", "notes")
    assert read(ann, "page") == "before\n"


def test_a_lock_ends_by_itself_and_what_its_holder_does_late_is_a_concurrent_edit(shared):
    ann, bob = shared
    ann.run("lock", "notes", "--for", "2s")
    write(bob, "page", "bob\n")
    bob.sync(0, "--timeout", "100s")
    write(ann, "page", "late\n")
    ann.sync(4)
    bob.sync(4)
    assert tree(ann.source()) == tree(bob.source())
    assert {read(ann, "page"), read(ann, copies(ann)[0])} == {"late\n", "bob\n"}


def test_a_lock_outlives_a_broker_that_is_killed(shared, broker):
    ann, bob = shared
    ann.run("lock", "notes", "--for", "10m")
    broker.stop(signal.SIGKILL)
    broker.restart()
    write(bob, "page", "bob\n")
    bob.patiently("sync", code=9)
    write(ann, "page", "ann\n")
    ann.sync()
    assert bob.json("locks")[0]["device"] == ann.name
    ann.run("unlock", "notes")
    broker.stop(signal.SIGKILL)
    broker.restart()
    assert bob.json("locks") == []
    bob.sync(4)


def test_those_who_wait_are_served_in_their_order(shared, make_device, broker):
    ann, bob = shared
    cid = make_device("cid")
    ann.pair(cid)
    cid.add()
    cid.sync()
    ann.run("lock", "notes")
    waiting = []
    for device in (bob, cid):
        waiting.append(wait_for_it(broker, device, "lock", "notes", "--wait", "--for", "20m"))
    ann.run("unlock", "notes")
    waiting[0].communicate(timeout=WAIT)
    assert waiting[0].returncode == 0
    assert waiting[1].poll() is None
    assert ann.json("locks")[0]["device"] == bob.name
    bob.run("unlock", "notes")
    waiting[1].communicate(timeout=WAIT)
    assert waiting[1].returncode == 0
    assert ann.json("locks")[0]["device"] == cid.name


def test_who_stops_waiting_leaves_the_queue(shared):
    ann, bob = shared
    ann.run("lock", "notes")
    bob.patiently("lock", "notes", "--wait", code=9, said="locked by")
    ann.run("unlock", "notes")
    assert ann.json("locks") == []


def test_shared_locks_stand_beside_each_other(shared):
    ann, bob = shared
    ann.run("lock", "notes", "--shared")
    bob.run("lock", "notes", "--shared")
    assert {lock["device"] for lock in ann.json("locks")} == {ann.name, bob.name}
    write(bob, "page", "bob\n")
    bob.sync()
    ann.sync()
    assert read(ann, "page") == "bob\n"
    bob.run("unlock", "notes")
    bob.run("lock", "notes", code=9)


def test_only_an_owner_breaks_a_lock_and_the_log_says_so(shared):
    ann, bob = shared
    ann.run("lock", "notes")
    assert "owner" in bob.run("unlock", "notes", "--break", code=6)
    ann.run("unlock", "notes")
    bob.run("lock", "notes")
    ann.run("unlock", "notes", "--break")
    assert ann.json("locks") == []
    bob.run("lock", "notes")  # which had not heard yet that the first is over
    assert ann.json("locks")[0]["device"] == bob.name
    bob.run("unlock", "notes")
    bob.sync()
    (broken,) = [event for event in bob.json("log") if event["change"] == "lock broken"]
    assert broken["device"] == ann.name and bob.name in broken["path"] and "notes" in broken["path"]
    write(bob, "page", "bob\n")
    bob.sync()
    ann.sync()
    assert read(ann, "page") == "bob\n"


def test_a_locked_path_loses_its_write_permission_elsewhere_and_gets_it_back(shared):
    ann, bob = shared
    os.chmod(ann.source() / "page", 0o664)
    ann.sync()
    bob.sync()
    locked = ann.json("lock", str(ann.source() / "page"))
    assert locked["path"] == "page"
    bob.sync()
    assert bob.json("locks")[0]["path"] == "page"
    assert (mode(bob, "page"), mode(ann, "page"), mode(bob, "deep/leaf")) == (0o444, 0o664, 0o644)
    assert bob.json("status")["in_sync"]
    # The mode was no edit, for nobody.
    ann.sync()
    assert mode(ann, "page") == 0o664
    # An edit made all the same is held back, and said.
    write(bob, "page", "bob\n")
    write(bob, "other", "free\n")
    bob.sync(9)
    (held,) = pending(bob, "locked")
    assert held["path"] == "page" and ann.name in held["reason"]
    ann.sync()
    assert read(ann, "page") == "one\n" and read(ann, "other") == "free\n"
    ann.run("unlock", str(ann.source() / "page"))
    bob.sync()
    assert mode(bob, "page") == 0o664
    ann.sync()
    assert read(ann, "page") == "bob\n" and mode(ann, "page") == 0o664


def test_what_the_holder_of_a_path_writes_comes_and_stays_unwritable(shared):
    ann, bob = shared
    ann.run("lock", str(ann.source() / "deep"))
    bob.sync()
    assert mode(bob, "deep/leaf") == 0o444
    write(ann, "deep/leaf", "ann\n")
    ann.sync()
    bob.sync()
    assert read(bob, "deep/leaf") == "ann\n" and mode(bob, "deep/leaf") == 0o444
    write(bob, "deep/new", "new\n")
    bob.sync(9)
    ann.run("unlock", str(ann.source() / "deep"))
    bob.sync()
    ann.sync()
    assert mode(bob, "deep/leaf") == 0o644 and tree(ann.source()) == tree(bob.source())


def test_a_new_folder_in_a_locked_one_waits_with_all_that_is_in_it(shared):
    ann, bob = shared
    ann.run("lock", str(ann.source() / "deep"))
    bob.sync()
    os.makedirs(bob.source() / "deep" / "new" / "inner")
    write(bob, "deep/new/inner/leaf", "new\n")
    os.rename(bob.source() / "page", bob.source() / "deep" / "new" / "page")
    bob.sync(9)
    assert "deep/new" in [held["path"] for held in pending(bob, "locked")]
    ann.sync()
    assert set(tree(ann.source())) == {"page", "deep", "deep/leaf"}
    ann.run("unlock", str(ann.source() / "deep"))
    bob.sync()
    ann.sync()
    assert read(ann, "deep/new/inner/leaf") == "new\n" and read(ann, "deep/new/page") == "one\n"
    assert tree(ann.source()) == tree(bob.source())


@pytest.mark.parametrize("into", ["deep", "deep/new"])
def test_a_folder_that_is_moved_into_a_locked_one_waits_with_all_that_is_in_it(shared, into):
    ann, bob = shared
    os.mkdir(bob.source() / "moved")
    write(bob, "moved/leaf", "leaf\n")
    bob.sync()
    ann.run("lock", str(ann.source() / "deep"))
    bob.sync()
    os.makedirs(bob.source() / into, exist_ok=True)
    os.rename(bob.source() / "moved", bob.source() / into / "moved")
    write(bob, f"{into}/moved/large", "large " * 500000)
    os.makedirs(bob.source() / into / "moved" / "inner" / "inmost")
    bob.sync(9)
    ann.sync()
    assert set(tree(ann.source())) == {"page", "deep", "deep/leaf", "moved", "moved/leaf"}
    ann.run("unlock", str(ann.source() / "deep"))
    bob.sync()
    ann.sync()
    assert tree(ann.source()) == tree(bob.source())
    assert f"{into}/moved/inner/inmost" in tree(ann.source()) and f"{into}/moved/large" in tree(ann.source())


@pytest.mark.parametrize("serve", [False, True])
@pytest.mark.parametrize("end", [["remove", "notes"], ["leave"]])
def test_what_is_synced_no_more_gets_its_write_permission_back(shared, end, serve):
    ann, bob = shared
    if serve:
        bob.serve()
    ann.run("lock", str(ann.source() / "page"))
    ann.run("lock", str(ann.source() / "deep"))
    if not serve:
        bob.sync()
    wait_until(lambda: {mode(bob, "page"), mode(bob, "deep/leaf")} == {0o444}, "write permission is gone")
    bob.run(*[str(bob.source()) if word == "notes" else word for word in end])
    assert {mode(bob, "page"), mode(bob, "deep/leaf")} == {0o644}


def test_serve_hears_of_locks_at_once_and_renews_its_own(shared):
    ann, bob = shared
    serving = bob.serve(), ann.serve()
    ann.run("lock", str(ann.source() / "page"), "--for", "10s")
    wait_until(lambda: mode(bob, "page") == 0o444, "write permission is gone")
    write(bob, "page", "bob\n")
    wait_until(lambda: pending(bob, "locked"), "the edit is held back")
    first = ann.json("locks")[0]["until"]
    wait_until(lambda: ann.json("locks")[0]["until"] > first, "it is renewed")
    assert read(ann, "page") == "one\n"
    ann.run("unlock", str(ann.source() / "page"))
    wait_until(lambda: read(ann, "page") == "bob\n", "the edit arrives")
    assert mode(bob, "page") == 0o644
    # A collection: at once when it is free.
    ann.run("lock", "notes")
    write(bob, "page", "later\n")
    wait_until(lambda: pending(bob, "locked"), "the edit waits")
    assert read(ann, "page") == "bob\n"
    ann.run("unlock", "notes")
    wait_until(lambda: read(ann, "page") == "later\n", "the edit arrives")
    for process, device in zip(serving, (bob, ann)):
        assert device.stop(process) == 0


def test_who_communicates_alone_makes_the_others_wait(shared, broker):
    ann, bob = shared
    write(ann, "page", "alone\n")
    ann.sync(0, "--exclusive")
    assert ann.json("locks") == []
    bob.sync(0, "--exclusive")
    assert read(bob, "page") == "alone\n"
    ann.run("lock", "notes")
    bob.patiently("sync", "--exclusive", code=9, said="locked by")
    waiting = wait_for_it(broker, bob, "sync", "--exclusive")
    ann.run("unlock", "notes")
    waiting.communicate(timeout=WAIT)
    assert waiting.returncode == 0
    assert ann.json("locks") == []


def test_the_audit_log_has_every_lock_by_whom(shared, broker):
    ann, bob = shared
    fingerprints = {one["name"]: one["fingerprint"] for one in ann.json("devices")}

    def devices(what):
        return [line["device"] for line in broker.audit("lease-" + what)]

    ann.sync(0, "--exclusive")
    alone = [fingerprints[ann.name]]
    assert devices("granted") == devices("released") == alone
    assert broker.audit("lease-granted")[0]["user"] and broker.audit("lease-granted")[0]["collection"]
    bob.run("lock", "notes")
    assert devices("granted") == [*alone, fingerprints[bob.name]]
    ann.patiently("lock", "notes", "--wait", code=9)
    assert set(devices("waited")) == set(alone)
    ann.run("unlock", "notes", "--break")
    (broken,) = broker.audit("lease-broken")
    assert broken["device"] == alone[0] and fingerprints[bob.name] in broken["why"]
    bob.run("lock", "notes", "--for", "1s")
    wait_until(lambda: fingerprints[bob.name] in devices("expired"), "its end is told")


def test_what_can_not_be_locked_is_said(shared, make_device):
    ann, _ = shared
    assert "missing" in ann.run("lock", code=2)
    assert "1s to 24h" in ann.run("lock", "notes", "--for", "2d", code=2)
    ann.run("lock", "nothing", code=3)
    write(ann, "unsynced", "x")
    assert "sync" in ann.run("lock", str(ann.source() / "unsynced"), code=3)
    alone = make_device("alone")
    alone.init()
    alone.add()
    assert "broker" in alone.run("lock", "notes", code=5)


def test_a_lock_is_not_told_of_as_another_s_by_what_waited_to_be_sent(shared, broker):
    _, bob = shared
    for n in range(5):
        broker.stop()
        write(bob, "page", f"unsent {n}\n")
        bob.sync(5)
        broker.restart()
        done = bob.finish("lock", "notes")
        assert done.returncode == 0 and "another" not in done.stderr, done.stderr
        bob.run("unlock", "notes")


def test_a_session_that_the_broker_forgot_is_begun_anew(shared, broker):
    """As after the operator removed the user, and it came again."""
    ann, _ = shared
    serving = ann.serve()
    wait_until(lambda: ann.json("status")["broker"]["connected"], "it is there")
    broker.run("users", "remove", json.loads(broker.run("--json", "users"))[0]["user"], "--yes")
    ann.run("broker", broker.run("invite").strip())
    assert ann.json("lock", "notes")["collection"] == "notes"
    ann.stop(serving)


@pytest.fixture
def forgetful(shared, tmp_path):
    """Has a lock that it does not know of: its home was restored from a copy of the time before."""

    def lock(*words):
        ann, bob = shared
        copy = str(tmp_path / "copy")
        shutil.copytree(ann.home, copy, ignore=shutil.ignore_patterns("control"))
        ann.run("lock", *words)
        shutil.rmtree(ann.home)
        shutil.copytree(copy, ann.home)
        assert ann.json("locks")[0]["this"]
        return ann, bob

    return lock


def test_a_restored_home_is_not_locked_out_by_its_own_lock(forgetful):
    ann, bob = forgetful("notes")
    write(ann, "page", "ann\n")
    write(bob, "page", "bob\n")
    ann.sync()
    assert not pending(ann, "locked")
    bob.patiently("sync", code=9)
    ann.run("unlock", "notes")
    assert ann.json("locks") == []
    assert "not locked" in ann.run("unlock", "notes", code=3)
    bob.sync(4)


@pytest.mark.parametrize("words", [[], ["--break"]])
def test_a_restored_home_gives_back_its_lock_of_a_path(forgetful, shared, words):
    ann, bob = shared
    page = str(ann.source() / "page")
    forgetful(page)
    bob.sync()
    assert mode(bob, "page") == 0o444
    ann.run("unlock", page, *words)
    assert ann.json("locks") == []
    bob.sync()
    assert mode(bob, "page") == 0o644


@pytest.mark.parametrize("words", [[], ["--wait"]])
def test_a_restored_home_locks_again_what_it_has_locked(forgetful, words):
    ann, bob = forgetful("notes", "--for", "5m")
    before = ann.json("locks")[0]["until"]
    ann.run("lock", "notes", "--for", "20m", *words)
    (lock,) = ann.json("locks")
    assert lock["this"] and lock["until"] > before
    bob.run("lock", "notes", code=9)
    ann.run("unlock", "notes")
    bob.run("lock", "notes")


def test_a_restored_home_communicates_alone_under_its_lock(forgetful):
    ann, bob = forgetful("notes")
    write(ann, "page", "ann\n")
    ann.sync(0, "--exclusive")
    bob.sync()
    assert read(bob, "page") == "ann\n"


def test_a_restored_home_is_told_that_its_lock_is_shared(forgetful):
    ann, _ = forgetful("notes", "--shared")
    assert "this device has it locked" in ann.run("lock", "notes", code=2)
    ann.run("unlock", "notes")
    ann.run("lock", "notes")


@pytest.fixture
def people(two):
    """Two devices with the same table of people."""
    ann, bob = two
    for device in ann, bob:
        path = device.source("people.csv")
        if device is ann:
            path.write_text("name,town\nanna,Rome\nbert,Bonn\ncleo,Kiel\n")
        device.sync()
        device.json("add", str(path), "--collection", "people", "--format", "csv", "--key", "name")
        device.sync()
    return ann, bob, ann.source("people.csv"), bob.source("people.csv")


def test_a_record_can_be_locked(people):
    ann, bob, here, there = people
    told = ann.json("lock", "people//anna")
    assert told["collection"] == "people" and told["path"] == "anna"
    (listed,) = bob.json("locks")
    assert (listed["path"], listed["device"]) == ("anna", ann.name)
    there.write_text("name,town\nanna,Paris\nbert,Ulm\n")
    bob.patiently("sync", code=9)
    (held,) = pending(bob, "locked")
    assert held["path"] == "anna" and ann.name in held["reason"]
    ann.sync()
    assert here.read_text() == "name,town\nanna,Rome\nbert,Ulm\n", "the others are free"
    ann.run("unlock", "people//anna")
    bob.sync()
    ann.sync()
    assert here.read_text() == there.read_text() == "name,town\nanna,Paris\nbert,Ulm\n"


def test_a_locked_record_is_not_deleted_elsewhere(people):
    ann, bob, here, there = people
    ann.run("lock", "people//anna")
    there.write_text("name,town\nbert,Bonn\ncleo,Kiel\n")
    bob.patiently("sync", code=9)
    (held,) = pending(bob, "locked")
    assert held["path"] == "anna"
    ann.sync()
    assert "anna,Rome" in here.read_text()
    here.write_text(here.read_text().replace("Rome", "Oslo"))
    ann.sync()
    ann.run("unlock", "people//anna")
    bob.sync()
    ann.sync()
    assert "anna,Oslo" in here.read_text(), "an edit prevails over a delete that did not see it"
    assert sorted(here.read_text().split()) == sorted(there.read_text().split())


def test_what_cannot_be_locked_of_a_record(people):
    ann, *_ = people
    assert "lock people//anna" in ann.run("lock", "people//anna/town", code=2)
    assert "no such record in 'people'" in ann.run("lock", "people//dora", code=3)
