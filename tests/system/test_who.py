# SPDX-License-Identifier: Apache-2.0
"""Who is who: names, invitations that are taken back, whom a removal means, and what who was removed is told."""

import json
import os
import socket
import struct

import pytest

import protocol_crypto as crypto
from broker_client import Session, enrol
from counterfoil import broker, fill, make_device, wait_until  # noqa: F401
from counterfoild import WAIT
from family import at_terminal, family  # noqa: F401
from protocol import pack
from test_two_brokers import other  # noqa: F401
from test_users import publish, users


def come_in(broker, *arguments):
    return enrol(broker.run("invite", *arguments).strip())[1]


def invitations(broker):
    return json.loads(broker.run("--json", "invitations"))


@pytest.mark.parametrize("runs", [True, False])
def test_an_invitation_has_a_name_and_an_end_and_is_taken_back(broker, runs):
    broker.start()
    if not runs:
        broker.stop()
    done = broker.finish("invite", "--name", "bob", "--for", "2h")
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 1
    assert "bob" in done.stderr and "until 20" in done.stderr
    line = done.stdout.strip()
    made = json.loads(broker.run("--json", "invite", "--name", "cyd", "--quota", "1G"))
    kept = invitations(broker)
    assert [(one["number"], one["name"], one["quota"], one["used"]) for one in kept] == [
        (1, "bob", None, False), (2, "cyd", 1 << 30, False)]
    assert made["name"] == "cyd" and made["ends"] == kept[1]["ends"] > kept[0]["ends"] > kept[0]["made"]
    said = broker.run("invitations")
    assert "name bob" in said and kept[0]["key"][:12] in said and kept[0]["ends"] in said
    assert "there is an invitation for bob" in broker.run("invite", "--name", "bob", code=2)
    assert "revoked" in broker.run("invitations", "revoke", "bob")
    assert json.loads(broker.run("--json", "invitations", "revoke", kept[1]["key"][:8]))["revoked"]["name"] == "cyd"
    assert invitations(broker) == []
    assert "no such invitation" in broker.run("invitations", "revoke", "bob", code=3)
    if not runs:
        broker.restart()
    else:
        assert [(line["name"], line["key"]) for line in broker.audit("invitation-revoked")] == [
            ("bob", kept[0]["key"][:12]), ("cyd", kept[1]["key"][:12])]
    code = crypto.read_code(line)
    pairing = crypto.Pairing(code.secret)
    with Session(broker.line, pairing.guest, pairing.guest_secret) as session:
        assert not session.is_let_in()
    assert users(broker) == {}


def test_what_is_no_name_no_time_and_no_invitation_is_refused(broker):
    broker.start()
    for name in "", "12", "deadbeef", "g" * 65, "a\tb", "a\\b", "-x", "\u202eabc", "g" * 200:
        assert "name" in broker.run("invite", "--name=" + name, code=2) or len(name) > 120, name
    for time in "0", "9999d", "soon":
        broker.run("invite", "--for", time, code=2)
    assert invitations(broker) == []
    broker.run("invite", "--name", "g" * 64, "--for", "366d")
    broker.run("invite", "--name", "Ann Övre", "--for", "1w")
    assert [one["name"] for one in invitations(broker)] == ["g" * 64, "Ann Övre"]
    assert "--name is for invite" in broker.run("users", "--name", "bob", code=2)
    assert "unknown subverb" in broker.run("invitations", "list", code=2)
    assert "takes a number" in broker.run("invitations", "revoke", code=2)
    assert "at most" in broker.run("users", "show", "x" * 200, code=2)


def test_a_used_invitation_names_its_user_and_can_t_be_taken_back(broker):
    broker.start()
    bob = come_in(broker, "--name", "bob")
    [kept] = invitations(broker)
    assert kept["used"] and kept["user"] == bob.user.hex()
    assert bob.user.hex()[:12] in broker.run("invitations", "revoke", "bob", code=1)
    said = broker.run("invite", "--name", "bob", code=2)
    assert "there is a user bob" in said and "counterfoil broker ADDRESS" in said and "counterfoil pair" in said
    [made], [used], added = (broker.audit(what) for what in ("invitation-made", "invitation-used", "device-added"))
    assert made["name"] == used["name"] == "bob" and made["key"] == used["key"] == kept["key"][:12]
    assert used["user"] == bob.user.hex()[:12] == added[0]["user"] and added[0]["device"]
    with bob.session(broker.line) as session:
        session.hello(bob.user)
        wait_until(lambda: broker.audit("session-begun"), "it is said")
    begun = broker.audit("session-begun")[-1]
    assert begun["device"] == added[0]["device"] and begun["key"] == added[0]["key"]
    assert broker.audit("guest-knocked")[0]["key"] == used["key"]


def test_users_are_shown_with_names_and_who_is_connected(broker):
    broker.start()
    bob, nameless = come_in(broker, "--name", "bob", "--quota", "1G"), come_in(broker)
    publish(broker, bob, 2)
    with bob.session(broker.line) as session:
        session.hello(bob.user, bob.log.heads())
        found = users(broker)
        assert (found[bob.user.hex()]["name"], found[bob.user.hex()]["connected"]) == ("bob", 1)
        assert (found[nameless.user.hex()]["name"], found[nameless.user.hex()]["connected"]) == (None, 0)
        assert found[bob.user.hex()]["moved_to"] is None
        said = broker.run("users")
        assert "name bob  devices 1  connected 1" in said and "name -  devices 1  connected 0" in said
        shown = json.loads(broker.run("--json", "users", "show", "bob"))
        came = invitations(broker)[0]
        assert shown["user"] == bob.user.hex() and (shown["invitation"], shown["invited"]) == (came["key"], came["made"])
        assert [(one["role"], one["connected"]) for one in shown["members"]] == [("owner", True)]
        text = broker.run("users", "show", bob.user.hex()[:8])
        for word in bob.user.hex(), "name       bob", shown["members"][0]["device"], "owner  connected", "1.0 GiB":
            assert word in text, text
    broker.stop()
    shown = json.loads(broker.run("--json", "users", "show", "bob"))
    assert shown["connected"] == 0 and not shown["members"][0]["connected"] and shown["name"] == "bob"


def test_a_user_is_named_by_name_or_eight_digits(broker):
    broker.start()
    bob = come_in(broker, "--name", "bob")
    come_in(broker, "--name", "Bobby")
    digits = bob.user.hex()
    for name in "bob", digits, digits[:8], digits[:9].upper():
        assert "quota 2.0 GiB" in broker.run("users", "quota", name, "2G")
    assert "8 digits" in broker.run("users", "show", digits[:7], code=2)
    assert "no user" in broker.run("users", "show", "bobb", code=3)
    assert "no user" in broker.run("users", "show", digits[:8] + "0" * 56, code=3)
    assert "takes one USER" in broker.run("users", "show", code=2)


@pytest.mark.parametrize("runs", [True, False])
def test_a_removal_shows_whom_it_means_before_it_asks(broker, runs):
    broker.start()
    bob = come_in(broker, "--name", "bob")
    cyd = come_in(broker, "--name", "cyd")
    publish(broker, bob)
    if not runs:
        broker.stop()
    question = "Remove this user"
    code, said = at_terminal(broker, ["users", "remove", "bob"], [(question, "n")])
    assert code == 2 and said.index(bob.user.hex()) < said.index(question)
    assert "devices    1" in said and "entries    3" in said and len(users(broker)) == 2
    code, said = at_terminal(broker, ["users", "remove", "nobody"], [])
    assert code == 3 and question not in said
    code, said = at_terminal(broker, ["users", "remove", bob.user.hex()[:10]], [(question, "y")])
    assert code == 0 and f"{bob.user.hex()}  name bob  removed" in said
    assert list(users(broker)) == [cyd.user.hex()]
    assert json.loads(broker.run("--json", "users", "remove", "cyd", "--yes")) == {
        "removed": cyd.user.hex(), "name": "cyd"}


def test_a_user_that_has_moved_is_told_of(family, broker, other):
    laptop, desktop = family
    laptop.run("broker", other.run("invite", "--name", "bob").strip())
    [moved] = broker.audit("user-moved")
    host, port, _ = other.place
    assert moved["why"] == f"to tcp://{host}:{port}" and moved["device"]
    [one] = json.loads(broker.run("--json", "users"))
    assert one["moved_to"] == f"tcp://{host}:{port}" and moved["user"] == one["user"][:12]
    assert f"moved to tcp://{host}:{port}" in broker.run("users")
    [one] = json.loads(other.run("--json", "users"))
    assert one["moved_to"] is None and one["name"] == "bob" and other.audit("user-moved") == []
    desktop.sync()
    assert desktop.run("broker").strip() == other.line


def trouble_of(device):
    """Nothing while its `serve` ends, as it does after the third denial."""
    done = device.finish("--json", "status")
    return json.loads(done.stdout)["broker"].get("trouble", "") if done.stdout else ""


def test_an_idle_device_of_a_removed_user_is_told_what_happened(family, broker):
    laptop, desktop = family
    laptop.sync()
    serving = desktop.serve()
    wait_until(lambda: desktop.json("status")["broker"]["connected"], "it is connected")
    broker.run("users", "remove", json.loads(broker.run("--json", "users"))[0]["user"], "--yes")
    told = []
    wait_until(lambda: told.append(trouble_of(desktop)) or "removed this user" in told[-1], "it is told")
    said = told[-1]
    assert "operator" in said and "`counterfoil broker`" in said and "devices`" not in said and "join" not in said
    desktop.stop(serving)
    assert desktop.json("status")["broker"].get("trouble") == said, "also when nothing runs"
    assert "removed this user" in desktop.run("sync", code=6), "and when it is refused as one who is not known"
    assert desktop.json("status")["broker"]["trouble"] == said
    said = laptop.run("sync", code=6)  # was not there: it can't know which it is
    assert "does not know this device" in said and "removed" in said and "`counterfoil broker`" in said
    laptop.run("broker", broker.run("invite").strip())
    fill(laptop.here, {"after.txt": "after\n"})
    laptop.sync()
    desktop.sync()
    assert (desktop.here / "after.txt").read_text() == "after\n"
    assert not desktop.json("status")["broker"].get("trouble")
    broker.stop()
    assert "removed" not in desktop.run("sync", code=5), "that is over"


def said_by_socket(broker, *words):
    """What the running broker answers to a request that its own program would not make."""
    body = pack([False, b"", [word.encode() for word in words]])
    with socket.socket(socket.AF_UNIX) as end:
        end.settimeout(WAIT)
        end.connect(os.path.join(broker.data, "control"))
        end.sendall(b"R" + struct.pack(">I", len(body)) + body)
        said = b""
        while piece := end.recv(4096):
            said += piece
    return said.decode(errors="replace")


def test_what_comes_by_the_control_socket_has_bounds(broker):
    broker.start()
    assert "takes one USER" in said_by_socket(broker, "users", "", "show", *"bcdef")
    assert "too many arguments" in said_by_socket(broker, "users", "", "show", *"bcdefg")
    assert "no user is called" in said_by_socket(broker, "users", "", "show", "g" * 127)
    assert "127 bytes at most" in said_by_socket(broker, "users", "", "show", "g" * 128)
    assert "366d at most" in said_by_socket(broker, "invite", "", f"--for={366 * 86400000 + 1}")
    assert users(broker) == {} and invitations(broker) == []
