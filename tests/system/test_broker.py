# SPDX-License-Identifier: Apache-2.0
"""counterfoild as its operator sees it, and as an independent device does."""

import json
import os
import re
import signal
import socket
import subprocess

import pytest

import broker_client
import protocol_crypto as crypto

COUNTERFOILD = os.environ["COUNTERFOILD"]
PAPERS = b"papers".ljust(16, b"\0")
WAIT = 20


class Broker:
    """A data directory, with or without a broker that runs on it."""

    def __init__(self, data):
        self.data = data
        self.process = None
        self.line = None

    def command(self, *arguments):
        return [COUNTERFOILD, "--data", self.data, *arguments]

    def start(self, *arguments, listen="tcp://127.0.0.1:0"):
        self.process = subprocess.Popen(
            self.command("--listen", listen, *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.line = self.process.stdout.readline().strip()
        return self.line

    @property
    def place(self):
        return crypto.read_address(self.line)

    def restart(self):
        """On the port that peers know."""
        host, port, _ = self.place
        assert self.start(listen=f"tcp://{host}:{port}") == self.line

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        output, messages = self.process.communicate(timeout=WAIT)
        code, self.process = self.process.returncode, None
        assert output == ""
        return code

    def run(self, *arguments, code=0):
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=WAIT)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    def status(self):
        return json.loads(self.run("--json", "status"))


@pytest.fixture
def broker(tmp_path):
    made = Broker(str(tmp_path / "broker"))
    yield made
    if made.process:
        made.process.kill()
        made.process.communicate()


def enrolled(broker):
    account = broker_client.Account()
    assert broker_client.knock(broker.run("invite").strip(), account.first_entry()) == account.user
    return account


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
    with broker_client.Connection(broker.place, stranger.keys[1], stranger.curve_secret) as connection:
        assert not connection.is_let_in()


def test_invites_one_user_with_a_code(broker):
    broker.start()
    account, second = broker_client.Account(), broker_client.Account()
    invitation = broker.run("invite", "--quota", "10G").strip()
    assert crypto.read_code(invitation).user is None
    first = account.first_entry()
    assert broker_client.knock(invitation, first) == account.user
    assert broker_client.knock(invitation, first) == account.user
    with pytest.raises(broker_client.Refused, match="used"):
        broker_client.knock(invitation, second.first_entry())
    assert broker.status()["users"] == 1
    with account.connect(broker.place) as connection:
        assert connection.greet(account.user) == [first.head]


def test_keeps_an_invitation_that_was_made_while_it_did_not_run(broker):
    broker.start()
    broker.stop()
    invitation = broker.run("invite").strip()
    broker.restart()
    account = broker_client.Account()
    assert broker_client.knock(invitation, account.first_entry()) == account.user


def test_has_all_that_it_acknowledged_after_kill_9(broker):
    broker.start()
    account = enrolled(broker)
    blob = os.urandom(700000)
    for _ in range(3):
        with account.connect(broker.place) as connection:
            heads = connection.greet(account.user)
            name = connection.put(blob)
            for _ in range(20):
                entry = account.change(PAPERS, [name])
                connection.publish(entry)
            broker.stop(signal.SIGKILL)
        blob = os.urandom(700000)
        broker.restart()
        with account.connect(broker.place) as connection:
            heads = connection.greet(account.user)
            assert entry.head in heads
            assert crypto.blob_id(connection.get(name)) == name
    assert broker.run("verify") == "everything is whole\n"
    assert broker.stop() == 0
    assert broker.run("verify") == "everything is whole\n"


def test_counts_who_is_connected_and_what_is_kept(broker):
    broker.start()
    account = enrolled(broker)
    with account.connect(broker.place) as connection:
        connection.greet(account.user)
        name = connection.put(b"b" * 5000)
        connection.publish(account.change(PAPERS, [name]))
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
    with account.connect(broker.place) as connection:
        connection.greet(account.user)
        name = connection.put(b"b" * 5000)
    path = os.path.join(broker.data, "blobs", account.user.hex(), name.hex()[:2], name.hex())
    with open(path, "r+b") as file:
        file.seek(100)
        file.write(b"x")
    assert "damage was found: 1" in broker.run("verify", code=7)
    broker.stop()
    done = subprocess.run(broker.command("--json", "verify"), capture_output=True, text=True, timeout=WAIT)
    assert done.returncode == 7
    assert [name.hex() in damage for damage in json.loads(done.stdout)["damages"]] == [True]
