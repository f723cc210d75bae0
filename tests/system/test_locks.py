# SPDX-License-Identifier: Apache-2.0
"""Locks: what one device has locked, the others wait for; nothing that they did meanwhile is lost."""

import datetime
import json
import signal

from counterfoil import WAIT, broker, make_device, tree, two, wait_until  # noqa: F401
from lock_scene import copies, mode, pending, read, shared, wait_for_it, write  # noqa: F401


def seconds_of(time):
    return datetime.datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()


def test_what_others_do_to_a_locked_collection_arrives_when_it_is_free(shared):
    ann, bob = shared
    locked = ann.json("lock", "notes", "--for", "5m")
    assert locked["collection"] == "notes" and not locked["shared"]
    (listed,) = bob.json("locks")
    assert (listed["collection"], listed["device"], listed["this"]) == ("notes", ann.name, False)
    assert abs(seconds_of(listed["until"]) - seconds_of(locked["until"])) <= 1, "each reckons from when the broker answered it"
    assert listed["since"] < listed["until"]
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
    waiting = wait_for_it(broker, bob, "sync", "--exclusive", "--timeout", "100s")
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


def test_what_was_just_added_is_brought_to_the_broker_and_locked(shared):
    ann, _ = shared
    ann.add("new", {"first.txt": "first\n"})
    assert ann.json("lock", "new")["collection"] == "new"


def test_what_can_not_be_locked_is_said(shared, make_device):
    ann, _ = shared
    assert "missing" in ann.run("lock", code=2)
    assert "1s to 24h" in ann.run("lock", "notes", "--for", "2d", code=2)
    ann.run("lock", "nothing", code=3)
    write(ann, "unsynced", "x")
    assert "sync" in ann.run("lock", str(ann.source() / "unsynced"), code=3)
    ann.add("empty", {})
    assert "put something there, `sync`, and lock it then" in ann.run("lock", "empty", code=3)
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
