# SPDX-License-Identifier: Apache-2.0
"""A broker that answers nothing, or names what it does not send: lies that take half a minute to be sure of."""

import contextlib
import os
import threading

import pytest

from broker_client import HEADS_PAGE
from counterfoil import tree, wait_until
from hostile_broker import Said
from hostile_house import house, key_of, strange_heads  # noqa: F401
from hostile_victim import attacked
from protocol import read_entry


def test_heads_that_never_come_are_told(house):
    """To one device an entry that there is, to the other 60,000 that there are not: half a minute later both know."""
    house.write(house.laptop)
    held_back = house.broker.log.entries[-1].head
    pages = [strange_heads(HEADS_PAGE) for _ in range(30)]
    victim = key_of(house, "laptop")

    def alter(session, said):
        if said.command == "WELCOME" and session.key == victim:
            return [*(said.but(4, page).but(5, True) for page in pages), said]
        return None if said.command == "ENTRY" and read_entry(said.bulk).head == held_back else said

    outcomes = {}
    with house.broker.lying(alter):
        runs = [
            threading.Thread(target=lambda d=device: outcomes.update({d.name: attacked(d, "sync")}))
            for device in (house.laptop, house.desktop)
        ]
        for run in runs:
            run.start()
        for run in runs:
            run.join()
    for name, heads in ("laptop", 30 * HEADS_PAGE), ("desktop", 1):
        outcome = outcomes[name]
        assert outcome.code == 5, outcome.said
        # by whom that ends first, the sync or its link
        trouble = outcome.document["broker"]["trouble"]
        assert f"names entries ({heads} heads) that it does not send" in trouble, outcome.said
    house.heal()


CHATTER = Said("ENDPOINTS", [os.urandom(16), 0, []])


@contextlib.contextmanager
def deaf(broker, hears=(), chatter=None):
    """What it is sent is not handled, but for some commands; connections are made, and sessions go on as far as it goes."""
    with broker.lock:
        broker.instead, broker.chatter = lambda session, command, *_: command not in hears, chatter
    try:
        yield
    finally:
        with broker.lock:
            broker.instead = broker.chatter = None


@pytest.mark.parametrize(
    "hears,chatter",
    [((), None), ((), CHATTER), (("HELLO", "SUBSCRIBE", "LOCATE"), None)],
    ids=("nothing", "nothing, and talks", "greetings"),
)
def test_nobody_is_in_sync_with_a_broker_that_is_deaf(house, hears, chatter):
    """It accepts connections; `serve` has a session, and says that it has not when it goes on to be deaf."""
    serving = house.laptop.serve()

    def said():
        return house.laptop.json("status")

    wait_until(lambda: said()["broker"]["connected"] and said()["in_sync"], "a session")
    edit = house.laptop.source("notes") / "first.txt"
    with deaf(house.broker, hears, chatter):
        before = len(house.broker.sessions)
        edit.write_bytes(os.urandom(100))
        for _ in range(2):
            outcome = attacked(house.laptop, "sync", "--timeout", "3s")
            assert outcome.code == 5, outcome.said
            assert not outcome.document["in_sync"], outcome.said
        wait_until(lambda: "trouble" in said()["broker"], "it is told")
        wait_until(lambda: len(house.broker.sessions) > before, "it tries anew")
    wait_until(lambda: said()["broker"]["connected"] and said()["in_sync"], "it is heard")
    assert house.laptop.stop(serving) == 0
    house.heal()
    assert tree(house.desktop.source("notes"))["first.txt"] == edit.read_bytes()
