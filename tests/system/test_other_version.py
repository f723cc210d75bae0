# SPDX-License-Identifier: Apache-2.0
"""A broker of a later version of the protocol: whoever meets it names both versions, and nothing is spent."""

import contextlib

import pytest

from broker_client import VERSION
from counterfoil import Device, tree
from hostile_broker import HostileBroker, Said
from hostile_victim import attacked


@pytest.fixture
def broker():
    made = HostileBroker()
    yield made
    made.end()


@pytest.fixture
def devices(tmp_path):
    made = [Device(tmp_path, name) for name in ("laptop", "desktop")]
    yield made
    for device in made:
        device.end()


@pytest.fixture
def laptop(devices):
    return devices[0]


@contextlib.contextmanager
def of_a_later_version(broker, alter=None):
    with broker.lock:
        broker.version, broker.alter, broker.heard = VERSION + 1, alter, []
    yield
    with broker.lock:
        broker.version, broker.alter = VERSION, None


def refuses(_, said):
    """WELCOME is the answer to who begins in another version; a broker that keeps to the protocol refuses first."""
    if said.command != "WELCOME":
        return said
    why = f"this program speaks version {VERSION} of the protocol, and the broker version {VERSION + 1}"
    return Said("REFUSED", ["HELLO", b"", "never", "version", why], None)


def expect_both_named(outcome):
    assert outcome.code == 1, outcome.said
    assert f"speaks version {VERSION} of the protocol, and the broker version {VERSION + 1}" in outcome.messages, outcome.said


def test_an_invitation_is_not_spent(broker, laptop):
    invitation = broker.invite()
    with of_a_later_version(broker):
        expect_both_named(attacked(laptop, "init", invitation, "--name", "laptop", "--timeout", "5s"))
        assert not broker.said_to_it("KNOCK")
    laptop.init(invitation)


def test_a_code_is_not_spent(broker, devices):
    laptop, desktop = devices
    laptop.init(broker.invite())
    pairing = laptop.start("pair")
    code = pairing.stdout.readline().strip()
    with of_a_later_version(broker):
        expect_both_named(attacked(desktop, "join", code, "--name", "desktop", "--timeout", "5s"))
        assert not broker.said_to_it("KNOCK")
    desktop.json("join", code, "--name", "desktop")
    output, messages = pairing.communicate(timeout=60)
    assert pairing.returncode == 0, output + messages


@pytest.mark.parametrize("alter", [None, refuses])
@pytest.mark.parametrize("names", [[], ["notes"]])
def test_a_sync_names_both_and_loses_nothing(broker, laptop, names, alter):
    laptop.init(broker.invite())
    laptop.add("notes", {"first.txt": "first\n"})
    laptop.sync()
    (laptop.source() / "second.txt").write_text("second\n")
    with of_a_later_version(broker, alter):
        broker.drop_sessions()
        expect_both_named(attacked(laptop, "sync", *names, "--timeout", "5s"))
        assert len(broker.said_to_it("CONFINE")) >= len(names)
        assert not broker.said_to_it("PUBLISH")
    assert laptop.sync()["in_sync"]
    assert tree(laptop.source())["second.txt"]
