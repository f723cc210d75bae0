# SPDX-License-Identifier: Apache-2.0
"""Which addresses a broker listens on, on machines that have those of one family only: each in a network of its own."""

import json
import os
import shlex
import socket
import subprocess
import sys
import types

import pytest

import protocol_crypto as crypto
from counterfoil import Device, tree, wait_until
from counterfoild import Broker, WAIT

DEAD, DEAD_TOO = [f"10.77.0.{number}" for number in range(2, 10)], "fd77::2"  # what is sent there is lost
NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "house.example": ["127.0.0.1", "::1"],
    "four.example": ["127.0.0.1"],
    "six.example": ["fd00::6"],
    "many.example": [f"127.0.0.{number}" for number in range(1, 10)],
    "moved.example": [*DEAD[:1], "127.0.0.1"],
    "moved-both.example": [*DEAD[:1], DEAD_TOO, "127.0.0.1"],
    "eighth.example": [*DEAD[:7], "127.0.0.1"],
    "ninth.example": [*DEAD, "127.0.0.1"],
    "closed.example": ["127.0.0.9"],
    "far.example": ["192.0.2.1"],
}
HOSTS = "".join(f"{address} {name}\n" for name, addresses in NAMES.items() for address in addresses)
# What is dead is preferred, by RFC 6724 and this table: else the system tries those of this machine first.
PREFERRED = "precedence ::ffff:10.77.0.0/112 100\nprecedence fd77::/16 100\nprecedence ::/0 40\nprecedence ::ffff:0:0/96 10\n"
PORT, DEFAULT_PORT = 7900, 7817
NAME_SERVER = """
import socket
at = socket.socket(type=socket.SOCK_DGRAM)
at.bind(("127.0.0.1", 53))
print("bound", flush=True)
while True:
    question, asker = at.recvfrom(1024)
    if %r:
        at.sendto(question[:2] + b"\\x81\\x83" + question[4:6] + bytes(6) + question[12:], asker)  # there is no such name
"""
RESOLVE = "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n"  # two minutes and a half
LOST = {"IPv4 only": "::1/128", "IPv6 only": "127.0.0.1/8", "both": None}
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])))"
NONE = "this machine has no such address"


class Net:
    """A network of its own, held by a process that sleeps; both names are known, of both families."""

    def __init__(self, folder, lost):
        script = "ip link set lo up && ip link add dead type veth peer name far && ip link set dead up arp off && ip link set far up && ip addr add 10.77.0.1/24 dev dead"
        for name, text in ("hosts", HOSTS), ("gai.conf", PREFERRED), ("resolv.conf", RESOLVE):
            (folder / name).write_text(text)
            script += f" && mount --bind {shlex.quote(str(folder / name))} /etc/{name}"
        if lost != "::1/128":
            script += " && ip addr add fd00::6/128 dev lo && ip addr add fd77::1/64 dev dead nodad"
        if lost:
            script += f" && ip addr del {lost} dev lo"
        command = ["unshare", "--net", "--mount", "sh", "-c", f"{script} && echo made && exec sleep 100000"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.is_made = self.process.stdout.readline() == "made\n"

    def inside(self, command):
        return ["nsenter", "--net", "--mount", "--target", str(self.process.pid), *command]

    def can_connect(self, host, port=PORT):
        command = self.inside([sys.executable, "-c", CONNECT, host, str(port)])
        return subprocess.run(command, capture_output=True, timeout=WAIT).returncode == 0

    def serve_names(self, answers):
        """A name server that knows no name, or never answers."""
        server = subprocess.Popen(self.inside([sys.executable, "-c", NAME_SERVER % answers]), stdout=subprocess.PIPE)
        assert server.stdout.readline() == b"bound\n"
        return server

    def end(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture(params=LOST)
def house(request, tmp_path):
    """A broker's directory, a device and the network of both."""
    net = Net(tmp_path, LOST[request.param])
    broker, laptop = Broker(str(tmp_path / "broker")), Device(tmp_path, "laptop")
    for program in broker, laptop:
        program.command = lambda *arguments, plain=program.command: net.inside(plain(*arguments))
    try:
        if not net.is_made:
            pytest.skip("needs the right to make a network")
        has = {"127.0.0.1": request.param != "IPv6 only", "::1": request.param != "IPv4 only"}
        yield types.SimpleNamespace(broker=broker, laptop=laptop, net=net, has=has)
    finally:
        if broker.process:
            broker.process.kill()
            broker.process.communicate()
        laptop.end()
        net.end()


def log(broker):
    with open(broker.log) as file:
        return file.read()


@pytest.mark.parametrize("listen", (f"tcp://localhost:{PORT}", f"house.example:{PORT}"))
def test_of_a_name_all_addresses_are_listened_on_that_the_machine_has(house, listen):
    line = house.broker.start(listen=listen)
    assert line.startswith("tcp://" + listen.removeprefix("tcp://") + "#")
    assert {host: house.net.can_connect(host) for host in house.has} == house.has
    for host, there in house.has.items():
        shown = f"[{host}]" if ":" in host else host
        assert (f"listening on tcp://{shown}:{PORT}: {NONE}; other addresses of that name" in log(house.broker)) == (not there)
    assert house.broker.stop() == 0


def test_of_a_name_eight_addresses_are_listened_on(house):
    if not house.has["127.0.0.1"]:
        pytest.skip("it has none of them")
    house.broker.start(listen=f"many.example:{PORT}")
    assert [house.net.can_connect(f"127.0.0.{number}") for number in range(1, 10)] == [True] * 8 + [False]


def test_an_address_that_the_machine_lacks_is_refused_and_nothing_made(house):
    for host, there in house.has.items():
        shown = f"[{host}]" if ":" in host else host
        if not there:
            assert NONE in house.broker.run("--listen", f"{shown}:{PORT}", code=2)
            assert NONE in house.broker.run("--listen", f"localhost:{PORT}", "--listen", f"{shown}:{PORT + 1}", code=2)


@pytest.mark.parametrize("listen", ("*", None), ids=("any", "default"))
def test_every_address_is_one_of_both_families_and_a_device_gets_in(house, listen, tmp_path):
    host = "127.0.0.1" if house.has["127.0.0.1"] else "[::1]"
    house.broker.start("--advertise", host, listen=f"tcp://{listen or ''}:{PORT}" if listen else f":{PORT}")
    assert {at: house.net.can_connect(at) for at in house.has} == house.has
    house.laptop.init(house.broker.run("invite").strip())
    here = house.laptop.add("notes", {"a": "one\n"})
    assert house.laptop.sync()["in_sync"] and tree(here)
    seen = {one["address"] for one in house.broker.audit("session-begun")}
    assert seen == {host.strip("[]")}, "IPv4 is told as such"
    assert json.loads(house.broker.run("--json", "status"))["running"]


def test_without_listen_it_is_every_address_of_both_families_at_the_port_of_counterfoil(house):
    """Nobody outside this network has that port."""
    host = "127.0.0.1" if house.has["127.0.0.1"] else "[::1]"
    with open(house.broker.log, "a") as messages:
        house.broker.process = subprocess.Popen(
            house.broker.command("--advertise", host), stdout=subprocess.PIPE, stderr=messages, text=True)
    line = house.broker.process.stdout.readline()
    assert line.startswith(f"tcp://{host}:{DEFAULT_PORT}#"), log(house.broker)
    assert {at: house.net.can_connect(at, DEFAULT_PORT) for at in house.has} == house.has
    house.laptop.init(house.broker.run("invite").strip())
    assert house.laptop.sync()["in_sync"]
    assert house.broker.stop() == 0


@pytest.mark.parametrize("listen, families", (
    ("0.0.0.0", {"127.0.0.1"}), ("[::]", {"127.0.0.1", "::1"}), ("127.0.0.1", {"127.0.0.1"}), ("[::1]", {"::1"})))
def test_who_connects_to_what_is_listened_on(house, listen, families):
    if not house.has.get(listen.strip("[]"), True):
        pytest.skip("it has no such address")
    house.broker.start("--advertise", "house.example", listen=f"{listen}:{PORT}")
    assert {at for at in house.has if house.net.can_connect(at)} == {at for at in families if house.has[at]}
    assert house.broker.stop() == 0


def test_every_address_of_ipv6_is_of_ipv4_too_and_not_taken_twice(house):
    said = house.broker.run("--listen", f"0.0.0.0:{PORT}", "--listen", f"[::]:{PORT}", "--advertise", "house.example", code=9)
    assert "another program has this port" in said


@pytest.mark.parametrize("name, host", (
    ("six.example", "fd00::6"), ("four.example", "127.0.0.1"), ("house.example", "127.0.0.1"), ("house.example", "::1")))
def test_a_device_reaches_a_broker_by_a_name_of_either_family(house, name, host):
    """Whichever of the name's addresses it is that the broker listens on."""
    if not house.has["::1" if ":" in host else host]:
        pytest.skip("it has no such address")
    shown = f"[{host}]" if ":" in host else host
    house.broker.start("--advertise", name, listen=f"{shown}:{PORT}")
    house.laptop.init(house.broker.run("invite").strip())
    assert house.laptop.run("broker").startswith(f"tcp://{name}:{PORT}#")
    here = house.laptop.add("notes", {"a": "one\n"})
    assert house.laptop.sync()["in_sync"] and tree(here)
    assert {one["address"] for one in house.broker.audit("session-begun")} == {host}
    assert house.broker.stop() == 0
    assert "it refuses the connection" in house.laptop.run("sync", code=5), "nobody is there, which is known at once"


def settle(house, name):
    """A broker of this name, and a device that knows it."""
    if not all(house.has.values()):
        pytest.skip("once is enough")
    house.broker.start("--advertise", name, listen=f"127.0.0.1:{PORT}")
    line = house.broker.run("invite").strip()
    return line, house.laptop


@pytest.mark.parametrize("name", ("moved.example", "moved-both.example", "eighth.example"))
def test_addresses_that_are_dead_are_passed_by(house, name):
    line, laptop = settle(house, name)
    laptop.init(line)
    here = laptop.add("notes", {"a": "one\n"})
    assert laptop.sync()["in_sync"] and tree(here)


def test_of_a_name_eight_addresses_are_tried(house):
    line, laptop = settle(house, "ninth.example")
    assert "nobody answers" in laptop.run("init", line, "--timeout", "20s", code=5)


@pytest.mark.parametrize("name, words", (
    ("closed.example", "it refuses the connection"),
    ("far.example", "there is no way to it"),
    ("moved.example", "it refuses the connection"),
    ("nowhere.example", "its name can't be looked up: no name server answers"),
))
def test_why_nobody_is_reached_is_told_in_its_own_words(house, name, words):
    """Of a name with several addresses, of the one that came furthest."""
    line, laptop = settle(house, name)
    house.broker.stop()
    assert words in laptop.run("init", line, "--timeout", "20s", code=5)


def test_a_name_that_is_not_known_is_told_so(house):
    line, laptop = settle(house, "nowhere.example")
    server = house.net.serve_names(True)
    assert "no such name is known here" in laptop.run("init", line, "--timeout", "20s", code=5)
    server.kill()
    server.communicate()


def test_nothing_waits_for_a_name_server_that_never_answers(house):
    """A device ends, answers, and takes what is known by the next try. (The server takes two minutes and a half.)"""
    line, laptop = settle(house, "four.example")
    laptop.init(line)
    laptop.add("notes", {"a": "one\n"})
    laptop.sync()
    server = house.net.serve_names(False)
    hosts = house.laptop.folder / "hosts"
    hosts.write_text(HOSTS.replace("four.example", "gone.example"))
    said = laptop.run("sync", "--timeout", "15s", code=5)
    assert "its name can't be looked up: no name server answers" in said
    serving = laptop.serve()
    wait_until(lambda: laptop.json("status")["broker"].get("next_try_in"), "the next try is told")
    hosts.write_text(HOSTS)
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "the name is looked up anew")
    hosts.write_text(HOSTS.replace("four.example", "gone.example"))
    house.broker.stop()
    wait_until(lambda: "looked up" in json.dumps(laptop.json("status")["broker"]), "it is looked for again")
    assert laptop.stop(serving) == 0
    server.kill()
    server.communicate()


WITHOUT = "no IPv6 here: listening on 0.0.0.0 alone"


@pytest.fixture
def unable(tmp_path):
    """A broker whose kernel has no IPv6."""
    library = os.environ.get("CF_NO_IPV6_LIBRARY")
    if not library:
        pytest.skip("needs a library that is loaded first")
    broker = Broker(str(tmp_path / "broker"))
    broker.command = lambda *arguments, plain=broker.command: ["env", f"LD_PRELOAD={library}", *plain(*arguments)]
    yield broker
    if broker.process:
        broker.process.kill()
        broker.process.communicate()


def test_a_kernel_without_ipv6_is_told_once(unable):
    line = unable.start("--advertise", "127.0.0.1", listen="*:0")  # which makes it, too
    assert line.startswith("tcp://127.0.0.1:")
    with socket.create_connection(crypto.read_address(line)[:2], timeout=WAIT):
        assert log(unable).count(WITHOUT) == 1
    assert unable.stop() == 0


def test_it_is_told_when_the_broker_is_made(unable):
    done = unable.finish("init", "--advertise", "house.example")
    assert done.returncode == 0 and done.stderr.count(WITHOUT) == 1


def test_an_address_that_is_given_is_taken_as_it_is(unable):
    assert NONE in unable.run("--listen", "[::]:0", code=2) and not os.path.exists(unable.data)
    assert unable.start(listen="0.0.0.0:0") and WITHOUT not in log(unable)
    assert unable.stop() == 0
