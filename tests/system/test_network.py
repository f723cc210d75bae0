# SPDX-License-Identifier: Apache-2.0
"""The network of a device that serves changes: addresses and routes come and go in a network of its own."""

import os
import re
import subprocess
import threading

import pytest

from counterfoil import make_device, wait_until  # noqa: F401
from counterfoild import broker  # noqa: F401
from lines import tunnelled  # noqa: F401
from stand import put

CHANGED = "the network or the clock has changed"


def in_net(net, number, script):
    subprocess.run(net.inside(number, ["sh", "-c", script]), check=True, timeout=60)


class Said:
    """What a process says on stderr, read all the time."""

    def __init__(self, process):
        self.lines = []
        threading.Thread(target=lambda: self.lines.extend(iter(process.stderr.readline, "")), daemon=True).start()

    def count(self, words):
        return sum(words in line for line in list(self.lines))


@pytest.fixture
def served(tunnelled):
    """A laptop that serves through the tunnel, and has a session."""
    laptop, _, net = tunnelled
    here = laptop.add("notes", {"one.txt": "one\n"})
    assert laptop.sync()["in_sync"]
    serving = laptop.start("-v", "serve")
    said = Said(serving)
    wait_until(lambda: laptop.json("status")["broker"]["connected"] and laptop.json("status")["in_sync"], "a session")
    yield laptop, here, net, said


def sends(laptop, here):
    put(here, "one.txt", os.urandom(100))
    wait_until(lambda: laptop.json("status")["in_sync"] and laptop.json("status")["broker"]["connected"], "it is sent")


def test_a_connection_whose_address_is_gone_is_given_up_at_once(served):
    """Another network: the news of an address ends it, not the silence that would come after a while, and nobody waits."""
    laptop, here, net, said = served
    for number, before in (3, 2), (4, 3), (5, 4):
        in_net(net, 1, f"ip addr del 10.5.0.{before}/24 dev line && ip addr add 10.5.0.{number}/24 dev line")
        sends(laptop, here)
        own = subprocess.run(net.inside(1, ["ss", "-Htn", "state", "established"]), stdout=subprocess.PIPE, text=True, check=True).stdout
        assert f"10.5.0.{number}:" in own and f"10.5.0.{before}:" not in own, own
        wait_until(lambda: said.count("this machine has other addresses now") == number - 2, "that is why")


def test_an_address_and_then_its_route_end_a_wait(served):
    """As DHCP brings them: with the first alone the broker is not reached yet."""
    laptop, here, net, said = served
    in_net(net, 1, "ip route add unreachable 10.5.0.1/32 && ip addr del 10.5.0.2/24 dev line")
    wait_until(lambda: not laptop.json("status")["broker"]["connected"], "it is noticed")
    heard = said.count(CHANGED)
    in_net(net, 1, "ip addr add 10.5.0.2/24 dev line")
    wait_until(lambda: said.count(CHANGED) > heard, "the first is news")
    in_net(net, 1, "ip route del unreachable 10.5.0.1/32 && ip route add 10.5.0.1/32 dev line")
    wait_until(lambda: said.count(CHANGED) >= heard + 2, "the second is news, too")
    sends(laptop, here)


BEATS, BEATS_A_DAY = 4, 380  # the latter at most, once the pauses have grown (broker_link_pulse)


def counts(net):
    """Data that the connection sent, in segments, and all bytes of the line, both ways, with their headers."""
    own = subprocess.run(net.inside(1, ["ss", "-Htin", "state", "established"]), stdout=subprocess.PIPE, text=True, check=True).stdout
    devices = subprocess.run(net.inside(1, ["cat", "/proc/net/dev"]), stdout=subprocess.PIPE, text=True, check=True).stdout
    (line,) = (words.split() for words in devices.splitlines() if words.strip().startswith("line:"))
    return int(re.search(r"data_segs_out:(\d+)", own)[1]), int(line[1]) + int(line[9])


def test_silence_costs_less_than_a_quarter_of_a_megabyte_a_day(served):
    """By what a sign of life takes, with its answer."""
    laptop, _, net, said = served
    beats, before = counts(net)
    wait_until(lambda: counts(net)[0] >= beats + 1, "what it does at the beginning is over")
    beats, before = counts(net)
    wait_until(lambda: counts(net)[0] >= beats + BEATS, "it shows signs of life")
    after = counts(net)
    each = (after[1] - before) / (after[0] - beats)
    assert 0 < each * BEATS_A_DAY < 250_000, f"{each} bytes each, {after[0] - beats} of them"
    assert laptop.json("status")["broker"]["connected"], said.lines
    print(f"{each:.0f} bytes each, {each * BEATS_A_DAY / 1000:.0f} KB a day")
