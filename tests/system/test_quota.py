# SPDX-License-Identifier: Apache-2.0
"""A device whose user has no room left on the broker: what it says, how it ends, and that it goes through later."""

import json
import os
import signal

from counterfoil import broker, make_device, pair_of_notes, tree, two, wait_until  # noqa: F401
from stand import put

SHORT = "5s"  # half a minute, which is what is waited without it, is longer than a verb of a test may take
CONTENTS = {"large": os.urandom(300_000), "small": os.urandom(3000)}  # in a blob, in an entry


def user_of(broker):
    (user,) = json.loads(broker.run("--json", "users"))
    return user


def bound(broker, room):
    """So much room is left."""
    user = user_of(broker)
    broker.run("users", "quota", user["user"], str(user["bytes"] + room))


def unbound(broker):
    broker.run("users", "quota", user_of(broker)["user"], "0")


def reasons(device):
    (notes,) = device.json("status")["collections"]
    return {one["path"]: one["reason"] for one in notes["pending"]}


def test_who_meets_the_quota_is_told_and_goes_through_later(broker, pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    before = tree(there)
    bound(broker, 1000)
    for name, content in CONTENTS.items():
        put(here, name, content)
    done = laptop.finish("sync", "--timeout", SHORT)
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("your room on this broker is used up") == 2, "said once of blobs, once of entries"
    assert done.stdout.count("its operator can give you more; it is tried again") == 2
    assert not laptop.json("status")["in_sync"] and reasons(laptop).keys() == CONTENTS.keys()
    assert "your room on this broker is used up" in laptop.run("status")
    assert laptop.finish("status", "--check").returncode == 1
    assert broker.audit("quota-refused")
    desktop.sync()
    assert tree(there) == before
    unbound(broker)
    assert laptop.sync()["in_sync"]
    assert "used up" not in laptop.run("status") and laptop.json("status")["in_sync"]
    desktop.sync()
    assert tree(there) == tree(here) == {**before, **CONTENTS}


def test_serve_meets_the_quota_says_so_and_goes_through_by_itself(broker, pair_of_notes):
    laptop, _, here, _ = pair_of_notes
    laptop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "it is connected")
    bound(broker, 1000)
    for name, content in CONTENTS.items():
        put(here, name, content)
    told = "your room on this broker is used up"
    wait_until(lambda: sum(told in why for why in reasons(laptop).values()) == 2, "both are told")
    unbound(broker)
    wait_until(lambda: laptop.json("status")["in_sync"], "all is sent")


def test_a_broker_that_does_not_answer_is_given_up_in_time(broker, pair_of_notes):
    laptop, _, here, _ = pair_of_notes
    laptop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "it is connected")
    broker.process.send_signal(signal.SIGSTOP)
    try:
        put(here, "one.txt", b"nobody hears of this\n")
        done = laptop.finish("sync", "--timeout", SHORT)
        assert done.returncode == 5 and "no answer from the broker" in done.stderr
    finally:
        broker.process.send_signal(signal.SIGCONT)
    assert laptop.sync()["in_sync"]
