# SPDX-License-Identifier: Apache-2.0
"""Which addresses a broker listens on, on machines that have those of one family only: each in a network of its own."""

import json
import shlex
import subprocess
import sys
import types

import pytest

from counterfoil import Device, tree
from counterfoild import Broker, WAIT

BOTH = "127.0.0.1 localhost house.example\n::1 localhost house.example\n127.0.0.1 four.example\nfd00::6 six.example\n" + "".join(
    f"127.0.0.{number} many.example\n" for number in range(1, 10)
)
PORT = 7900
LOST = {"IPv4 only": "::1/128", "IPv6 only": "127.0.0.1/8", "both": None}
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])))"
NONE = "this machine has no such address"


class Net:
    """A network of its own, held by a process that sleeps; both names are known, of both families."""

    def __init__(self, folder, lost):
        hosts = folder / "hosts"
        hosts.write_text(BOTH)
        script = f"mount --bind {shlex.quote(str(hosts))} /etc/hosts && ip link set lo up"
        if lost != "::1/128":
            script += " && ip addr add fd00::6/128 dev lo"
        if lost:
            script += f" && ip addr del {lost} dev lo"
        command = ["unshare", "--net", "--mount", "sh", "-c", f"{script} && echo made && exec sleep 100000"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.is_made = self.process.stdout.readline() == "made\n"

    def inside(self, command):
        return ["nsenter", "--net", "--mount", "--target", str(self.process.pid), *command]

    def can_connect(self, host):
        command = self.inside([sys.executable, "-c", CONNECT, host, str(PORT)])
        return subprocess.run(command, capture_output=True, timeout=WAIT).returncode == 0

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
    assert "can't connect" in house.laptop.run("sync", code=5), "nobody is there, which is known at once"
