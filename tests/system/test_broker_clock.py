# SPDX-License-Identifier: Apache-2.0
"""A broker and devices whose clocks are days apart: who is wrong is said before anything is spent."""

import json
import os

import pytest

from counterfoil import make_device  # noqa: F401
from counterfoild import broker  # noqa: F401

LIBRARY = os.environ.get("CF_CLOCK_LIBRARY")
pytestmark = pytest.mark.skipif(not LIBRARY, reason="needs a clock that can be set")


def clock(days):
    return {"LD_PRELOAD": LIBRARY, "CF_CLOCK_SHIFT": str(round(days * 86400))}


def start(broker, days, monkeypatch):
    with monkeypatch.context() as there:
        for name, value in clock(days).items():
            there.setenv(name, value)
        (broker.restart if broker.line else broker.start)()


def log(broker):
    with open(broker.log) as file:
        return file.read()


@pytest.mark.parametrize("days", (2, -2))
def test_an_invitation_is_not_used_up(broker, make_device, monkeypatch, days):
    start(broker, days, monkeypatch)
    line, laptop = broker.run("invite").strip(), make_device("laptop")
    file = laptop.folder / "phrase"
    said = laptop.run("init", line, "--recovery-file", str(file), code=1)
    assert f"this device's clock is 2 days {'behind' if days > 0 else 'ahead of'} the broker's" in said, said
    assert "the code is not used" in said and "set the one that is wrong" in said
    assert not os.path.exists(laptop.home) and not file.exists()
    assert json.loads(broker.run("--json", "users")) == []
    assert f"is 2 days {'behind' if days > 0 else 'ahead of'} this machine's" in log(broker)
    broker.stop()
    broker.restart()
    assert laptop.init(line)["device"] == "laptop"


def test_a_device_that_is_off_spends_nothing(broker, make_device):
    broker.start()
    line, laptop = broker.run("invite").strip(), make_device("laptop")
    said = laptop.run("init", line, code=1, environment=clock(-3))
    assert "this device's clock is 3 days behind the broker's" in said
    assert "36 hours ahead of" in laptop.run("init", line, code=1, environment=clock(1.5))
    assert laptop.init(line)["device"] == "laptop"


def test_less_than_a_day_is_no_matter(broker, make_device):
    broker.start()
    laptop = make_device("laptop")
    laptop.run("init", broker.run("invite").strip(), environment=clock(0.9))


def test_a_pairing_code_is_not_used_up(broker, make_device):
    broker.start()
    laptop, desktop = make_device("laptop"), make_device("desktop")
    laptop.init(broker.run("invite").strip())
    pairing = laptop.start("pair")
    code = pairing.stdout.readline().strip()
    said = desktop.run("join", code, code=1, environment=clock(-2))
    assert "the code is not used: this device's clock is 2 days behind the broker's" in said
    assert not os.path.exists(desktop.home)
    said = desktop.run("join", code, code=6, environment=clock(2))
    assert "by this device's clock" in said
    desktop.run("join", code, "--name", "desktop")
    assert pairing.wait() == 0


def test_nobody_is_let_in_by_one_that_is_off(broker, make_device):
    broker.start()
    laptop = make_device("laptop")
    laptop.init(broker.run("invite").strip())
    said = laptop.run("pair", code=1, environment=clock(-2))
    assert "no device can be let in: this device's clock is 2 days behind the broker's" in said


def test_who_recovers_hears_it_at_once(broker, make_device):
    broker.start()
    laptop, rescued = make_device("laptop"), make_device("rescued")
    phrase = laptop.init(broker.run("invite").strip())["recovery_phrase"]
    words = rescued.folder / "words"
    words.write_text(f"{phrase}\n{broker.line}\n")
    said = rescued.run("recover", "--recovery-file", str(words), "--yes", code=1, environment=clock(2))
    assert "this device's clock is 2 days ahead of the broker's" in said and not os.path.exists(rescued.home)
    rescued.run("recover", "--recovery-file", str(words), "--yes")
    assert len(rescued.json("devices")) == 2, "the one that was lost, and this"


def test_a_broker_hears_from_most_that_it_is_the_one(broker, make_device, monkeypatch):
    broker.start()
    devices = [make_device(name) for name in ("laptop", "desktop", "phone")]
    for device in devices:
        device.init(broker.run("invite").strip())
        device.add("notes", {"one": "one\n"})
        device.sync()
    broker.run("status", "--check")
    broker.stop()
    start(broker, 2, monkeypatch)
    assert devices[0].run("sync", "--timeout", "5s", environment=clock(2)) is not None  # agrees
    devices[1].source().joinpath("two").write_text("two\n")
    said = devices[1].run("sync", "--timeout", "5s", code=1)
    assert "this device's clock is 2 days behind the broker's" in said
    broker.run("status", "--check")
    devices[2].finish("sync", "--timeout", "5s")
    told = "clock of this machine is wrong: 2 of 3 devices say that it is 2 days ahead of theirs"
    assert told in broker.run("status") and told in log(broker)
    assert "it needs attention" in broker.run("status", "--check", code=1)
    broker.stop()
    broker.restart()
    devices[1].sync()
    broker.run("status", "--check")
