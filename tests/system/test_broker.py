# SPDX-License-Identifier: Apache-2.0
"""counterfoild as its operator sees it, and as an independent device does."""

import json
import os
import re
import signal
import socket
import subprocess
import threading

import pytest

import broker_client
import protocol_crypto as crypto
from counterfoild import COUNTERFOILD, WAIT, Broker, broker  # noqa: F401

PAPERS = b"papers".ljust(16, b"\0")


def knock(invitation, first):
    """The user that was let in with this first entry."""
    code = crypto.read_code(invitation)
    return broker_client.knock(code, crypto.Pairing(code.secret).knock_invited(first))[0]


def enrolled(broker):
    account, first = broker_client.new_account()
    assert knock(broker.run("invite").strip(), first) == account.user
    return account


def change(account, blobs):
    """Any change: what is in it is none of the broker's business."""
    return account.write(PAPERS, lambda _: os.urandom(200), blobs)


def test_prints_its_address_when_it_is_ready_and_ends_well(broker):
    for number in signal.SIGTERM, signal.SIGINT:
        line = broker.start()
        host, port, key = crypto.read_address(line)
        assert host == "127.0.0.1" and port > 0
        with socket.create_connection((host, port), timeout=WAIT):
            pass
        assert broker.run("address").strip() == line
        assert broker.stop(number) == 0
        assert broker.run("address").strip() == line
    assert broker.start().split("#")[1] == line.split("#")[1]


def test_advertises_what_it_is_told(broker):
    line = broker.start("--advertise", "sync.example.org")
    assert re.fullmatch(r"tcp://sync\.example\.org:\d+#[a-z2-7]{52}", line)
    assert broker.stop() == 0
    assert broker.start("--advertise", "tcp://[2001:db8::1]:443").startswith("tcp://[2001:db8::1]:443#")


def test_takes_options_from_the_environment(tmp_path):
    place = {"COUNTERFOIL_DATA": str(tmp_path / "there"), "COUNTERFOIL_ADVERTISE": "a.example:7"}
    done = subprocess.run([COUNTERFOILD, "address"], env=place, capture_output=True, text=True, timeout=WAIT)
    assert done.returncode == 0 and done.stdout.startswith("tcp://a.example:7#")
    assert (tmp_path / "there" / "key").exists()


def test_keeps_its_key_to_itself(broker):
    broker.start()
    broker.stop()
    key = os.path.join(broker.data, "key")
    assert os.stat(key).st_mode & 0o777 == 0o600
    assert os.stat(broker.data).st_mode & 0o777 == 0o700
    os.unlink(key)
    assert "no broker has been here" in broker.run("status", code=3)
    message = broker.run("address", code=7)
    assert "key is gone" in message


def test_lets_one_broker_have_a_directory(broker):
    broker.start()
    assert "another counterfoild has it" in broker.run("--listen", "tcp://127.0.0.1:0", code=9)
    second = Broker(broker.data + ".2")
    port = broker.place[1]
    message = second.run("--listen", f"tcp://127.0.0.1:{port}", code=9)
    assert str(port) in message and "another program has this port" in message
    assert broker.stop() == 0


def test_goes_on_where_its_peers_know_it_when_another_had_the_port_meanwhile(broker):
    line = broker.start()
    host, port, _ = broker.place
    broker.stop()
    other = socket.create_server((host, port))
    leaving = threading.Timer(1, other.close)
    leaving.start()
    broker.restart()
    leaving.join()
    assert broker.line == line and broker.stop() == 0


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["frobnicate"], "unknown verb frobnicate"),
        (["--frobnicate"], "unknown option --frobnicate"),
        (["-x"], "unknown option -x"),
        (["status", "more"], "unknown argument more"),
        (["invite", "--quota", "much"], "much is not a size"),
        (["--listen", "tcp://127.0.0.1:http"], "http is no port"),
        (["--listen", "tcp://192.0.2.1:7817"], "no such address"),
    ],
)
def test_says_what_it_does_not_know(broker, arguments, words):
    assert words in broker.run(*arguments, code=2)


def test_explains_itself(broker):
    help = broker.run("--help")
    assert all(verb in help for verb in ("serve", "address", "invite", "status", "users", "verify"))
    assert broker.run("--version").startswith("counterfoild ")
    assert not os.path.exists(broker.data)


def test_leaves_a_newer_store_alone(broker):
    broker.start()
    broker.stop()
    mark = os.path.join(broker.data, "store", "FORMAT")
    with open(mark, "w") as file:
        file.write("counterfoil store 99\n")
    for arguments in ["--listen", "tcp://127.0.0.1:0"], ["status"], ["invite"]:
        assert "newer format 99" in broker.run(*arguments, code=7)
    assert open(mark).read() == "counterfoil store 99\n"


def test_refuses_keys_that_nobody_let_in(broker):
    broker.start()
    stranger = crypto.Identity(os.urandom(32))
    with broker_client.Session(broker.line, stranger.keys[1], stranger.curve_secret) as session:
        assert not session.is_let_in()


def test_invites_one_user_with_a_code(broker):
    broker.start()
    account, first = broker_client.new_account()
    _, second = broker_client.new_account()
    invitation = broker.run("invite", "--quota", "10G").strip()
    assert crypto.read_code(invitation).user is None
    assert knock(invitation, first) == account.user
    assert knock(invitation, first) == account.user
    with pytest.raises(broker_client.Refused, match="used"):
        knock(invitation, second)
    assert broker.status()["users"] == 1
    with account.session(broker.line) as session:
        assert session.hello(account.user) == account.log.heads()


def test_keeps_an_invitation_that_was_made_while_it_did_not_run(broker):
    broker.start()
    broker.stop()
    invitation = broker.run("invite").strip()
    broker.restart()
    account, first = broker_client.new_account()
    assert knock(invitation, first) == account.user


def test_has_all_that_it_acknowledged_after_kill_9(broker):
    broker.start()
    account = enrolled(broker)
    blob = os.urandom(700000)
    for _ in range(3):
        with account.session(broker.line) as session:
            session.hello(account.user)
            name = session.put(blob)
            for _ in range(20):
                session.publish(change(account, [name]))
            broker.stop(signal.SIGKILL)
        blob = os.urandom(700000)
        broker.restart()
        with account.session(broker.line) as session:
            heads = session.hello(account.user)
            assert heads == account.log.heads()
            assert session.get(name) is not None
    assert broker.run("verify") == "everything is whole\n"
    assert broker.stop() == 0
    assert broker.run("verify") == "everything is whole\n"


def test_counts_who_is_connected_and_what_is_kept(broker):
    broker.start()
    account = enrolled(broker)
    with account.session(broker.line) as session:
        session.hello(account.user)
        name = session.put(b"b" * 5000)
        session.publish(change(account, [name]))
        status = broker.status()
        assert status["running"] and status["address"] == broker.line
        assert (status["users"], status["devices_connected"], status["entries"]) == (1, 1, 2)
        assert (status["blobs"], status["blob_bytes"]) == (1, 5000) and status["free_bytes"] > 0
    text = broker.run("status")
    assert "users      1" in text and "room left" in text
    users = json.loads(broker.run("--json", "users"))
    assert [user["user"] for user in users] == [account.user.hex()]
    assert account.user.hex() in broker.run("users")
    assert broker.stop() == 0
    assert not broker.status()["running"]


def test_finds_damaged_blobs(broker):
    broker.start()
    account = enrolled(broker)
    with account.session(broker.line) as session:
        session.hello(account.user)
        name = session.put(b"b" * 5000)
    path = os.path.join(broker.data, "blobs", account.user.hex(), name.hex()[:2], name.hex())
    with open(path, "r+b") as file:
        file.seek(100)
        file.write(b"x")
    assert "damage was found: 1" in broker.run("verify", code=7)
    broker.stop()
    done = subprocess.run(broker.command("--json", "verify"), capture_output=True, text=True, timeout=WAIT)
    assert done.returncode == 7
    assert [name.hex() in damage for damage in json.loads(done.stdout)["damages"]] == [True]
