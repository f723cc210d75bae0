# SPDX-License-Identifier: Apache-2.0
"""counterfoild as its operator sees it, and as an independent device does."""

import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

import broker_client
import protocol_crypto as crypto
from counterfoil import wait_until
from counterfoild import COUNTERFOILD, WAIT, Broker, broker, free_port  # noqa: F401

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
    done = subprocess.run([COUNTERFOILD, "init"], env=place, capture_output=True, text=True, timeout=WAIT)
    assert done.returncode == 0 and done.stdout.startswith("tcp://a.example:7#")
    assert (tmp_path / "there" / "key").exists()


def test_keeps_its_key_to_itself(broker):
    broker.start()
    broker.stop()
    key = os.path.join(broker.data, "key")
    assert os.stat(key).st_mode & 0o777 == 0o600
    assert os.stat(broker.data).st_mode & 0o777 == 0o700
    os.unlink(key)
    assert "key is gone" in broker.run("status", code=7)


def test_lets_one_broker_have_a_directory(broker):
    broker.start()
    said = broker.run("--listen", "tcp://127.0.0.1:0", code=9)
    assert "another counterfoild has it" in said and f"({broker.process.pid}, it serves)" in said
    second = Broker(broker.data + ".2")
    port = broker.place[1]
    message = second.run("--listen", f"tcp://127.0.0.1:{port}", code=9)
    assert str(port) in message and "another program has this port" in message
    assert broker.stop() == 0


@contextlib.contextmanager
def held(broker, doing):
    """The directory, as another process has it that listens to nobody."""
    with open(os.path.join(broker.data, "lock"), "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate()
        lock.write(f"4321, {doing}")
        lock.flush()
        yield


def test_says_who_has_the_directory(broker):
    broker.run("init", "--advertise", "a.example")
    for doing in "verify", "it starts to serve":
        with held(broker, doing):
            for arguments in ["status"], ["--listen", "tcp://127.0.0.1:0"]:
                said = broker.run(*arguments, code=9)
                assert f"another counterfoild has it: {broker.data} is in use by another process (4321, {doing})" in said


def test_waits_a_moment_for_who_has_the_directory(broker):
    broker.run("init", "--advertise", "a.example")
    with held(broker, "it starts to serve"):
        asking = subprocess.Popen(broker.command("users"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(0.5)  # where it has not looked by then it finds nobody there
    _, messages = asking.communicate(timeout=WAIT)
    assert asking.returncode == 0, messages
    with held(broker, "users"):
        broker.process = subprocess.Popen(broker.command("--listen", "tcp://127.0.0.1:0"), stdout=subprocess.PIPE, text=True)
        time.sleep(0.3)
    assert broker.process.stdout.readline().startswith("tcp://")
    broker.stop()


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
        (["frobnicate"], "unknown verb 'frobnicate': --help lists them"),
        (["user", "remove"], "unknown verb 'user': --help lists them"),
        (["stop"], "unknown verb 'stop': --help lists them"),
        (["help", "frobnicate"], "unknown verb 'frobnicate'"),
        (["help", "users", "frobnicate"], "unknown subverb 'frobnicate': `help users` has those of users"),
        (["help", "status", "show"], "unknown subverb 'show'"),
        (["help", "users", "show", "more"], "unknown argument more"),
        (["users", "frobnicate"], "unknown subverb frobnicate"),
        (["--frobnicate"], "unknown option '--frobnicate'"),
        (["-x"], "unknown option '-x'"),
        (["status", "more"], "unknown argument more"),
        (["status", "--quota", "5"], "--quota is for serve, invite, not for status"),
        (["--yes", "status"], "--yes is for users remove, not for status"),
        (["invite", "--quota", "much"], "much is not a size"),
        (["invite", "--quota", "1e3"], "1e3 is not a size"),
        (["invite", "--quota", "0.5"], "0.5 is less than a byte"),
        (["--limit", "foo=3"], "there are entries-per-minute, "),
        (["--listen", "tcp://127.0.0.1:http"], "http is no port"),
        (["--listen", "tcp://192.0.2.1:7817"], "no such address"),
        (["--listen", "tcp://::1:7900"], "--listen: 'tcp://::1:7900': an IPv6 address stands in brackets: tcp://[::1]:7900\n"),
        (["--listen", "2001:db8::1"], "an IPv6 address stands in brackets: tcp://[2001:db8::1]:7817\n"),
        (["--listen", "house::7900"], "an IPv6 address stands in brackets: tcp://[::1]:7817\n"),
        (["--listen", "udp://127.0.0.1:1"], "--listen: 'udp://127.0.0.1:1': only tcp:// is spoken"),
        (["--listen", "nobody.invalid"], "--listen: 'nobody.invalid' is neither an address nor a known name"),
        (["--advertise", "0.0.0.0"], "--advertise: no device can connect to 0.0.0.0"),
        (["--advertise", ""], "--advertise: '' is no address"),
        (["--listen", "a" * 300], "too long"),
        (["--listen", "20001"], "a port alone is written *:20001"),
        (["--listen", "127.0.0.1:2001", "--listen", "127.0.0.1:2001"], "given twice"),
        (["--listen", "127.0.0.1:0"] * 9, "at most 8 addresses"),
    ],
)
def test_says_what_it_does_not_know(broker, arguments, words):
    assert words in broker.run(*arguments, code=2)


@pytest.mark.parametrize(
    "arguments, code",
    (
        (["--listen", "udp://127.0.0.1:1"], 2),
        (["--advertise", "[::]"], 2),
        (["--listen", "192.0.2.1"], 2),
        (["--listen", "127.0.0.1:0", "--listen", "TAKEN"], 9),
        (["init", "--listen", "nobody.invalid"], 2),
        (["init", "--listen", "127.0.0.1:0"], 2),
        (["init", "--advertise", "0.0.0.0"], 2),
    ),
)
def test_makes_no_broker_where_it_can_not_listen(broker, arguments, code):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        said = broker.run(*(taken if one == "TAKEN" else one for one in arguments), code=code)
    assert ("another program has this port" in said) == (code == 9)
    assert not os.path.exists(broker.data)


def test_explains_itself(broker):
    help = broker.run("--help")
    assert all(verb in help for verb in ("serve", "init", "address", "invite", "status", "users", "verify"))
    assert broker.run("-h") == broker.run("help") == help and max(map(len, help.splitlines())) <= 80
    of_users = broker.run("help", "users")
    assert broker.run("users", "--help") == broker.run("-h", "users") == of_users
    assert "users quota USER SIZE" in of_users and "--yes" in of_users and "--listen" not in of_users
    removal = broker.run("help", "users", "remove")
    assert removal.startswith("usage: counterfoild [OPTIONS] users remove USER\n") and "--yes" in removal
    assert broker.run("users", "remove", "--help") == removal and "quota" not in removal
    assert "--yes" not in broker.run("help", "users", "show")
    assert broker.run("help", "invitations", "revoke") != broker.run("help", "invitations")
    assert broker.run("--version").startswith("counterfoild ")
    assert list(json.loads(broker.run("--json", "--version"))) == ["version"]
    assert not os.path.exists(broker.data)


def test_says_errors_in_json(broker):
    for arguments, code in (["frobnicate"], 2), (["verify"], 3):
        done = broker.finish("--json", *arguments)
        assert done.returncode == code
        said = json.loads(done.stdout)["error"]
        assert said["code"] == code and said["message"] in done.stderr
        assert said["hint"] == ("--help lists them" if code == 2 else said["hint"])
    for arguments in ("users", "-1", "--json"), ("--frobnicate", "--json", "users"):  # wherever it is asked for
        done = broker.finish(*arguments)
        assert json.loads(done.stdout)["error"]["code"] == done.returncode == 2, (arguments, done)
    broker.start()
    done = broker.finish("--json", "users", "quota", "00000000", "1G")  # the running broker refuses it
    assert json.loads(done.stdout)["error"]["code"] == done.returncode == 3


def test_takes_flags_from_the_environment(broker, monkeypatch):
    broker.start()
    monkeypatch.setenv("COUNTERFOIL_JSON", "1")
    assert json.loads(broker.run("status"))["running"] is True
    for unset in "0", "no", "":
        monkeypatch.setenv("COUNTERFOIL_JSON", unset)
        assert broker.run("status").startswith("address ")
    user = enrolled(broker).user.hex()
    assert "--yes" in broker.run("users", "remove", user, code=2)
    monkeypatch.setenv("COUNTERFOIL_YES", "1")
    broker.run("users", "remove", user)
    assert broker.status()["users"] == 0


def test_says_that_its_output_is_lost(broker):
    broker.start()
    with open("/dev/full", "w") as full:
        done = subprocess.run(broker.command("status"), stdout=full, stderr=subprocess.PIPE, text=True, timeout=WAIT)
        assert done.returncode == 1 and "No space left on device" in done.stderr and "invit" not in done.stderr
        done = subprocess.run(broker.command("invite"), stdout=full, stderr=subprocess.PIPE, text=True, timeout=WAIT)
    assert done.returncode == 1 and "`counterfoild invitations revoke` takes it back" in done.stderr, done.stderr
    assert broker.run("invitations").strip()
    user = enrolled(broker).user.hex()
    for verb in ["users", "quota", user, "7G"], ["users", "name", user, "ann"], ["users", "remove", user, "--yes"]:
        with open("/dev/full", "w") as full:
            done = subprocess.run(broker.command(*verb), stdout=full, stderr=subprocess.PIPE, text=True, timeout=WAIT)
        assert done.returncode == 1 and "it was done all the same: `counterfoild users` shows it" in done.stderr, done
    assert broker.status()["users"] == 0
    for verb in "invite", "status":
        shut = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *broker.command(verb)], stderr=subprocess.PIPE, text=True, timeout=WAIT)
        assert shut.returncode == 1 and "Bad file descriptor" in shut.stderr, shut
    broker.stop()
    with open("/dev/full", "w") as full:
        serving = subprocess.Popen(broker.command("--listen", "tcp://127.0.0.1:0", "serve"), stdout=full, stderr=subprocess.PIPE, text=True)
        said = ""
        while "writing to standard output" not in said:
            said = serving.stderr.readline()
            assert said, "it ended"
        assert "No space left on device" in said
        serving.send_signal(signal.SIGTERM)
        assert "standard output" not in serving.communicate(timeout=WAIT)[1] and serving.returncode == 0


def test_of_a_broker_that_runs_no_other_address_is_told(broker, monkeypatch):
    monkeypatch.setenv("COUNTERFOIL_ADVERTISE", "127.0.0.1")  # as its unit may have it
    broker.start()
    for option in ("--advertise", "new.example.org"), ("--listen", "127.0.0.1:2001"):
        for verb in "address", "invite":
            assert "is reached as it was started" in broker.run(verb, *option, code=2)
    assert broker.run("address").strip() == broker.line
    assert broker.status()["users"] == 0 and broker.run("invitations") == ""


def test_an_address_that_is_given_without_a_port_has_the_one_that_was_served(broker):
    broker.start()
    port = broker.place[1]
    broker.stop()
    assert broker.run("address", "--advertise", "sync.example.org").startswith(f"tcp://sync.example.org:{port}#")
    assert broker.run("address", "--advertise", "sync.example.org:7817").startswith("tcp://sync.example.org:7817#")
    os.unlink(os.path.join(broker.data, "address"))
    assert broker.run("address", "--advertise", "sync.example.org").startswith("tcp://sync.example.org:7817#")


def test_verbs_that_lack_descriptors_say_so(broker):
    broker.start()
    broker.stop()
    for limit in 8, 16, 20, 24:
        for verb in "users", "verify":
            done = subprocess.run(["prlimit", f"--nofile={limit}", *broker.command(verb)], capture_output=True, text=True, timeout=WAIT)
            assert done.returncode == 0 or "ulimit -n" in done.stderr, (limit, verb, done)


def test_an_old_address_that_is_told_on_is_warned_of(broker):
    broker.run("init", "--advertise", "127.0.0.1:7817")
    warned = "devices are told 127.0.0.1:7817, as `init` was told, and the broker listens on port"
    broker.start(listen="tcp://127.0.0.1:0")
    assert warned in open(broker.log).read()
    broker.stop()
    said = len(open(broker.log).read())
    broker.start("--advertise", "127.0.0.1", listen="tcp://127.0.0.1:0")
    assert warned not in open(broker.log).read()[said:]


def can_connect(host, port):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as trial:
        return trial.connect_ex((host, port)) == 0


def test_listens_on_names_interfaces_and_several_addresses(broker):
    ports = [free_port() for _ in range(3)]
    line = broker.start("--listen", f"tcp://lo:{ports[1]}", "--listen", f"127.0.0.2:{ports[2]}", listen=f"tcp://localhost:{ports[0]}")
    assert line.startswith(f"tcp://localhost:{ports[0]}#")
    assert all(can_connect(host, port) for host, port in zip(("127.0.0.1", "127.0.0.1", "127.0.0.2"), ports))
    broker.stop()
    assert broker.start(listen=f"lo:{ports[1]}").startswith(f"tcp://127.0.0.1:{ports[1]}#")


@pytest.mark.parametrize("place, warned", ((["*"], True), (["*", "--advertise", "sync.example"], False), (["127.0.0.1"], False)))
def test_warns_of_a_name_that_devices_may_not_know(broker, place, warned):
    host, *more = place
    line = broker.start(*more, listen=f"tcp://{host}:0")
    broker.stop()
    with open(broker.log) as log:
        is_bare = "." not in line.split("//")[1].split(":")[0]
        assert ("may not know" in log.read()) == (warned and is_bare)


def test_says_that_others_can_read_its_key(broker):
    broker.run("init", "--advertise", "a.example")
    os.chmod(os.path.join(broker.data, "key"), 0o644)
    done = broker.finish("address")
    assert done.returncode == 0 and "chmod 600" in done.stderr
    broker.start()
    with open(broker.log) as log:
        assert "chmod 600" in log.read()
    done = broker.finish("status", "--check")
    assert done.returncode == 1 and "chmod 600" in done.stdout
    os.chmod(os.path.join(broker.data, "key"), 0o600)
    assert "chmod" not in broker.run("status", "--check")


def test_does_not_serve_with_a_key_that_was_flipped(broker):
    broker.start()
    broker.stop()
    path = os.path.join(broker.data, "key")
    with open(path, "r+b") as file:
        byte = file.read(6)[5]
        file.seek(5)
        file.write(bytes([byte ^ 1]))
    for arguments in ["--listen", "127.0.0.1:0"], ["verify"], ["invite"]:
        assert "not the one that devices know" in broker.run(*arguments, code=7)
    os.unlink(os.path.join(broker.data, "address"))
    assert broker.run("address", "--advertise", "a.example")


def test_gives_no_file_of_its_own_a_standard_descriptor(broker, tmp_path):
    script = 'exec "$@" <&- >&- 2>&-'
    broker.process = subprocess.Popen(["sh", "-c", script, "sh", *broker.command("--listen", f"127.0.0.1:{free_port()}")])
    wait_until(lambda: broker.finish("status").returncode == 0, "it serves")
    folder = f"/proc/{broker.process.pid}/fd"
    assert [os.readlink(f"{folder}/{number}") for number in range(3)] == ["/dev/null"] * 3


@pytest.mark.parametrize("limit, word", (("-n 32", "ulimit -n"), ("-v 200000", "ulimit -v"), ("-f 0", "File too large")))
def test_says_what_it_is_not_allowed(broker, limit, word):
    command = ["sh", "-c", f'ulimit {limit}; exec "$@"', "sh", *broker.command("--listen", "tcp://127.0.0.1:0")]
    if word == "ulimit -v" and os.environ.get("COUNTERFOIL_SANITIZED") == "1":
        pytest.skip("the sanitizers want more address space")
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT)
    assert done.returncode == 1 and word in done.stderr


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
    """What nothing names is not missed when it is set aside."""
    broker.start()
    account = enrolled(broker)
    names = []
    for text in b"b", b"c":
        with account.session(broker.line) as session:
            session.hello(account.user)
            names.append(session.put(text * 5000))
    paths = [os.path.join(broker.data, "blobs", account.user.hex(), name.hex()[:2], name.hex()) for name in names]

    def damage(path):
        with open(path, "r+b") as file:
            file.seek(100)
            file.write(b"x")

    damage(paths[0])
    assert "damage was found: 1" in broker.run("verify", code=7)
    broker.stop()
    damage(paths[1])
    done = broker.finish("--json", "verify")
    assert done.returncode == 7
    assert [names[1].hex() in damage for damage in json.loads(done.stdout)["damages"]] == [True]
    assert not any(map(os.path.exists, paths)) and "whole" in broker.run("verify")


def test_what_verbs_decide_while_it_is_stopped_is_in_its_log(broker):
    broker.start()
    broker_client.enrol(broker.run("invite", "--name", "ann").strip())
    broker.stop()
    broker.run("invite", "--name", "bob")
    broker.run("invitations", "revoke", "2")
    broker.run("users", "quota", "ann", "5G")
    broker.run("users", "remove", "ann", "--yes")
    broker.run("users")
    for _ in range(2):  # told once
        broker.restart()
        broker.stop()
        told = [(line["what"], line.get("name")) for line in broker.audit() if "at" in line]
        assert told == [("invitation-made", "bob"), ("invitation-revoked", "bob"), ("user-quota", None), ("user-removed", None)]
    assert all(line["at"][:4] >= "2026" for line in broker.audit() if "at" in line)
