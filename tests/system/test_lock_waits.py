# SPDX-License-Identifier: Apache-2.0
"""At another's lock: all else is done, whose lock it is and until when is said, and nobody waits who was not told to."""

import datetime
import re

import pytest

from counterfoil import WAIT, broker, fill, make_device, two, wait_until  # noqa: F401
from lock_scene import pending, read, shared, wait_for_it, write  # noqa: F401

EAST = {"TZ": "EAST-05:30"}  # of which nobody's clock is


def told(device, collection, holder, environment=EAST):
    """What is said of a lock, in the local time of that environment."""
    (lock,) = [one for one in device.json("locks") if one["collection"] == collection]
    hours = 5.5 if environment else 0
    end = datetime.datetime.fromisoformat(lock["until"].replace("Z", "+00:00")) + datetime.timedelta(hours=hours)
    end += datetime.timedelta(seconds=-end.second % 60)
    today = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
    return f"{collection}: locked by {holder.name} until {end:{'%H:%M' if end.date() == today.date() else '%Y-%m-%d %H:%M'}}"


def of_own(device, *names):
    for name in names:
        device.add(name, {"first": name})
    device.sync()


@pytest.mark.parametrize("how", [(), ("--shared",)])
def test_sync_ends_as_locked_when_all_else_is_done(shared, how):
    ann, bob = shared
    of_own(bob, "papers", "others")
    ann.sync()
    for name in "papers", "others":
        ann.add(name, None, "--existing")
    ann.sync()
    for name in "notes", "papers":
        ann.run("lock", name, "--for", "20m", *how)
    for name in "notes", "papers", "others":
        fill(bob.source(name), {f"new/{i}": f"{name} {i}" for i in range(20)})
    write(ann, "deep/leaf", "ann\n")
    ann.sync()
    done = bob.finish("sync", environment=EAST)
    assert done.returncode == 9, done.stdout + done.stderr
    for name in "notes", "papers":
        assert f"{told(bob, name, ann)}\n" in done.stderr, done.stderr
        assert told(bob, name, ann) not in done.stdout.splitlines(), "it is said once"
    assert "waiting" not in done.stderr and "others: locked" not in done.stderr
    assert read(bob, "deep/leaf") == "ann\n"
    assert {one["path"].split("/")[0] for one in pending(bob, "locked")} == {"new"}
    ann.sync()
    assert (ann.source("others") / "new/19").read_text() == "others 19"
    assert not (ann.source("papers") / "new").exists()
    assert told(bob, "papers", ann) in bob.finish("status", environment=EAST).stdout
    assert f"{told(ann, 'notes', ann)}\n" not in ann.run("status")
    for name in "notes", "papers":
        ann.run("unlock", name)
    bob.sync()
    assert "locked by" not in bob.run("status")


def test_sync_waits_as_long_as_it_is_told_and_says_so_once(shared, broker):
    ann, bob = shared
    ann.run("lock", "notes", "--for", "20m")
    words = told(bob, "notes", ann, None)
    write(bob, "page", "bob\n")
    waiting = bob.start("sync", "--timeout", "100s")
    assert words in (said := waiting.stderr.readline()) and "waiting for it" in said
    ann.run("unlock", "notes")
    _, rest = waiting.communicate(timeout=WAIT)
    assert waiting.returncode == 0 and "waiting" not in rest
    ann.sync()
    assert read(ann, "page") == "bob\n"
    ann.run("lock", "notes", "--for", "20m")
    write(bob, "page", "bob again\n")
    done = bob.finish("sync", "--timeout", "15s")
    assert done.returncode == 9 and done.stderr.count("locked by") == 1, done.stderr


def test_exclusive_waits_only_where_it_is_told_to(shared, broker):
    ann, bob = shared
    ann.run("lock", "notes", "--for", "20m")
    words = told(bob, "notes", ann, None)
    assert words in bob.run("sync", "--exclusive", code=9)
    waiting = wait_for_it(broker, bob, "sync", "--exclusive", "--timeout", "100s")
    assert f"{words}: waiting for it" in waiting.stderr.readline()
    ann.run("unlock", "notes")
    waiting.communicate(timeout=WAIT)
    assert waiting.returncode == 0


def test_lock_says_whom_it_waits_for(shared, broker):
    ann, bob = shared
    ann.run("lock", "notes", "--for", "20m")
    words = told(bob, "notes", ann, None)
    assert words in bob.run("lock", "notes", code=9)
    waiting = wait_for_it(broker, bob, "lock", "notes", "--wait")
    assert f"{words}: waiting for it" in waiting.stderr.readline()
    ann.run("unlock", "notes")
    waiting.communicate(timeout=WAIT)
    assert waiting.returncode == 0


def test_serve_says_the_same_once_and_sync_beside_it(shared, broker):
    ann, bob = shared
    serving = bob.start("serve")
    ann.run("lock", "notes", "--for", "20m")
    words = told(bob, "notes", ann, None)
    waiting = wait_for_it(broker, bob, "lock", "notes", "--wait")
    for content in "one", "two":
        write(bob, "page", f"bob {content}\n")
        done = bob.finish("sync")
        assert done.returncode == 9 and f"{words}\n" in done.stderr, done.stderr
    assert words in bob.run("status")
    waiting.terminate()
    serving.terminate()
    _, said = serving.communicate(timeout=WAIT)
    assert said.count(f"{words}\n") == 1, said


def test_without_a_broker_the_lock_is_still_known(shared, broker):
    ann, bob = shared
    ann.run("lock", "notes", "--for", "20m")
    words = told(bob, "notes", ann, None)
    write(bob, "page", "bob\n")
    bob.sync(9)
    broker.stop()
    bob.sync(5)
    assert words in bob.run("status")


def test_an_item_s_lock_is_said_in_the_same_words(shared):
    ann, bob = shared
    ann.run("lock", str(ann.source() / "page"), "--for", "20m")
    bob.sync()
    (bob.source() / "page").unlink()
    write(bob, "other", "x")
    done = bob.finish("sync")
    assert done.returncode == 9 and re.search(rf"page: locked by {ann.name} until (\d{{4}}-\d\d-\d\d )?\d\d:\d\d\n", done.stdout), done.stdout
    ann.sync()
    assert read(ann, "other") == "x"


def test_times_of_locks_are_local_and_near_ones_have_seconds(shared):
    """Each device has the end by its own clock, from how long there was left when it heard of it."""
    ann, bob = shared

    def local(text):
        utc = datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) + datetime.timedelta(hours=5.5)
        return "|".join((utc + datetime.timedelta(seconds=n)).strftime("%H:%M:%S") for n in range(-3, 4))

    said = ann.finish("lock", "notes", "--for", "50s", environment=EAST).stdout
    (lock,) = bob.json("locks")
    line = bob.finish("locks", environment=EAST).stdout
    assert lock["until"].endswith("Z") and re.search(f" until ({local(lock['until'])})\n", said), (lock, said)
    assert re.search(f"  until ({local(lock['until'])})\n", line) and re.search(f"since ({local(lock['since'])})  ", line), (lock, line)


def test_lock_beside_serve_says_that_it_goes_on(shared):
    ann, bob = shared
    assert "serve" not in ann.run("lock", "notes", "--for", "20m")
    ann.run("unlock", "notes")
    ann.serve()
    said = ann.run("lock", "notes", "--for", "2s")
    assert said.endswith(", and on until `counterfoil unlock`: `serve` renews it\n"), said
    until = bob.json("locks")[0]["until"]
    wait_until(lambda: bob.json("locks")[0]["until"] > until, "it is renewed")
