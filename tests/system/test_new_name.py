# SPDX-License-Identifier: Apache-2.0
"""A broker that is reached by a new name: its devices hear of that while they still reach it by the old one."""

import json
import socket

import pytest

from counterfoil import broker, fill, make_device, tree, wait_until  # noqa: F401
from counterfoild import free_port


@pytest.fixture
def both(broker):
    """A port that is free at two addresses of this machine, the old one and the new one."""
    while True:
        port = free_port()
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.2", port))
                return port
            except OSError:
                continue


def start_old(broker, port):
    broker.start(listen=f"tcp://127.0.0.1:{port}")


def start_both(broker, port):
    broker.start("--listen", f"tcp://127.0.0.2:{port}", "--advertise", f"127.0.0.2:{port}", listen=f"tcp://127.0.0.1:{port}")


def start_new(broker, port):
    broker.start(listen=f"tcp://127.0.0.2:{port}")


def device_of(broker, make_device, name):
    device = make_device(name)
    device.init(broker.run("invite").strip())
    device.here = device.add("notes", {"one.txt": "one\n"})
    device.sync()
    return device


@pytest.mark.parametrize("hears", [True, False])
def test_a_device_goes_to_the_new_name_when_the_old_one_fails(broker, both, make_device, hears):
    start_old(broker, both)
    laptop = device_of(broker, make_device, "laptop")
    old = laptop.run("broker")
    broker.stop()
    if hears:
        start_both(broker, both)
        laptop.sync()
        broker.stop()
    start_new(broker, both)
    fill(laptop.here, {"two.txt": "two\n"})
    laptop.sync(code=0 if hears else 5)
    assert laptop.run("broker") == old, "the old one is kept"
    broker.stop()
    start_old(broker, both)
    fill(laptop.here, {"three.txt": "three\n"})
    laptop.sync()
    laptop.run("status", "--check")


def test_the_operator_sees_who_was_told(broker, both, make_device):
    start_old(broker, both)
    laptop, desktop = device_of(broker, make_device, "laptop"), make_device("desktop")
    laptop.pair(desktop)
    desktop.sync()
    broker.stop()
    start_both(broker, both)

    def told():
        members = json.loads(broker.run("--json", "users", "show", user))["members"]
        return broker.status()["devices_told"], {one["device"]: one["told"] is not None for one in members}

    (user,) = [one["user"] for one in json.loads(broker.run("--json", "users"))]
    named = {one["name"]: one["fingerprint"] for one in laptop.json("devices")}
    mine, other = named["laptop"], named["desktop"]
    assert told() == (0, {mine: False, other: False})
    laptop.run("locate")
    assert told()[0] == 0, "who only asks keeps nothing"
    laptop.sync()
    assert told() == (1, {mine: True, other: False})
    assert "told       1 of 2" in broker.run("status")
    text = broker.run("users", "show", user)
    assert text.count("  told the address 20") == 1 and text.count("  not told the address yet") == 1
    broker.stop()
    start_both(broker, both)
    assert told() == (1, {mine: True, other: False}), "it is kept"
    desktop.sync()
    assert told() == (2, {mine: True, other: True})


def test_a_device_that_serves_hears_of_the_new_name_and_follows(broker, both, make_device):
    start_old(broker, both)
    laptop = device_of(broker, make_device, "laptop")
    serving = laptop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "it is connected")
    broker.stop()
    start_both(broker, both)
    fill(laptop.here, {"between.txt": "between\n"})
    wait_until(lambda: laptop.json("status")["in_sync"], "it is there again, and has heard")
    broker.stop()
    start_new(broker, both)
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "it goes to the new name")
    fill(laptop.here, {"two.txt": "two\n"})
    wait_until(lambda: laptop.json("status")["in_sync"], "all is there")
    assert laptop.stop(serving) == 0


def test_every_verb_goes_to_the_new_name_and_a_code_leads_there(broker, both, make_device):
    """A verb with a connection of its own knows both names, and who joins is sent to the one that answers."""
    start_old(broker, both)
    laptop = device_of(broker, make_device, "laptop")
    broker.stop()
    start_both(broker, both)
    laptop.sync()
    broker.stop()
    start_new(broker, both)
    assert laptop.json("locate")["endpoints"] == [broker.line]
    desktop = make_device("desktop")
    laptop.pair(desktop)
    assert desktop.run("broker").strip() == broker.line, "where it was let in"
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    assert tree(there) == {"one.txt": b"one\n"}


def test_who_was_not_told_is_brought_there_by_its_address(broker, both, make_device, tmp_path):
    """As counterfoild(8) says under Moving: device by device, without an invitation; and by the phrase."""
    start_old(broker, both)
    laptop, desktop, tablet = make_device("laptop"), make_device("desktop"), make_device("tablet")
    phrase = str(tmp_path / "phrase")
    laptop.run("init", broker.run("invite").strip(), "--recovery-file", phrase, "--name", "laptop")
    laptop.here = laptop.add("notes", {"one.txt": "one\n"})
    laptop.sync()
    laptop.pair(desktop)
    old = broker.line
    broker.stop()
    start_new(broker, both)
    address = broker.run("address").strip()
    laptop.run("broker", address)
    fill(laptop.here, {"two.txt": "two\n"})
    laptop.sync()
    desktop.sync(5)
    assert desktop.run("broker").strip() == old, "it can't hear of that"
    desktop.run("broker", address)
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    assert tree(there) == {"one.txt": b"one\n", "two.txt": b"two\n"}
    recover = ["recover", "--recovery-file", phrase, "--keep", "laptop", "--keep", "desktop"]
    tablet.run(*recover, code=5)
    tablet.run(*recover, "--broker", address)
    tablet.sync()
    assert len(json.loads(broker.run("--json", "users"))) == 1
