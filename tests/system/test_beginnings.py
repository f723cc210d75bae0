# SPDX-License-Identifier: Apache-2.0
"""Homes that begin badly: on a mount point, without room, with a place that is taken. A code is not spent in vain, and the
same command goes on where the last one ended."""

import json
import os
import shutil
import signal

import pytest

from counterfoil import WAIT, broker, make_device, wait_until  # noqa: F401
from test_full import make_disk  # noqa: F401


@pytest.fixture
def laptop(broker, make_device):
    broker.start()
    device = make_device("laptop")
    device.init(broker.run("invite").strip())
    return device


def names(device):
    return sorted(one["name"] for one in device.json("devices"))


def users_of(broker):
    return [(one["user"], one["devices"], one["entries"]) for one in json.loads(broker.run("--json", "users"))]


def test_a_home_may_be_a_mount_point(broker, laptop, make_device, make_disk):
    for name in "desktop", "first":
        make_disk(f"home-{name}", "64m").ballast.unlink(missing_ok=True)
    desktop = make_device("desktop")
    os.mkdir(os.path.join(desktop.home, "lost+found"))
    laptop.pair(desktop)
    assert names(desktop) == ["desktop", "laptop"]
    assert desktop.sync()["in_sync"]
    assert ".new" not in os.listdir(desktop.home)
    first = make_device("first")
    assert first.init(broker.run("invite").strip())["recovery_phrase"]
    assert first.sync()["in_sync"]


def test_a_code_is_not_spent_where_there_is_no_room(broker, laptop, make_device, make_disk):
    disk = make_disk("disk", "32m")
    desktop = make_device("desktop")
    desktop.home = str(disk.path / "home")
    pairing = laptop.start("pair")
    code = pairing.stdout.readline()
    for room in 0, 100_000, 700_000, *range(1_300_000, 1_500_000, 30_000), 1_900_000:
        disk.fill(room=room)
        said = desktop.run("join", "-", "--name", "desktop", stdin=code, code=1)
        assert "no room" in said or "No space" in said, said
        assert os.listdir(disk.path) == ["ballast"]
        disk.make_room()
    desktop.json("join", "-", "--name", "desktop", stdin=code)
    pairing.communicate(timeout=WAIT)
    assert names(laptop) == names(desktop) == ["desktop", "laptop"]


def test_an_invitation_is_not_spent_where_home_or_phrase_have_no_room(broker, laptop, make_device, make_disk):
    disk = make_disk("disk", "32m")
    line = broker.run("invite").strip()
    users = users_of(broker)
    device = make_device("new")
    place = device.home
    disk.fill()
    file = disk.path / "phrase"
    device.run("init", line, "--recovery-file", str(file), code=1)
    assert not file.exists() and not os.path.exists(place) and not os.path.exists(place + ".new")
    device.home = str(disk.path / "home")
    device.run("init", line, code=1)
    assert users_of(broker) == users
    disk.make_room()
    device.run("init", line, "--recovery-file", str(file))
    assert len(file.read_text().splitlines()) == 2
    assert users_of(broker) != users


def take(place):
    os.mkdir(place)
    open(os.path.join(place, "taken"), "w").close()


def test_who_was_let_in_and_could_not_move_in_does_so_the_next_time(laptop, make_device):
    desktop = make_device("desktop")
    pairing = laptop.start("pair")
    code = pairing.stdout.readline()
    pairing.send_signal(signal.SIGSTOP)
    joining = desktop.start("join", code.strip(), "--name", "desktop")
    wait_until(lambda: os.path.exists(desktop.home + ".new/begun"), "it is about to knock")
    take(desktop.home)
    pairing.send_signal(signal.SIGCONT)
    _, messages = joining.communicate(timeout=WAIT)
    assert joining.returncode == 1
    assert "it was let in as 'desktop': the same command goes on from here, or `counterfoil devices revoke`" in messages
    pairing.communicate(timeout=WAIT)
    assert names(laptop) == ["desktop", "laptop"]
    shutil.rmtree(desktop.home)
    assert desktop.json("join", "-", "--name", "desktop", stdin=code)["device"] == "desktop"
    assert names(laptop) == names(desktop) == ["desktop", "laptop"]
    assert not os.path.exists(desktop.home + ".new") and not os.path.exists(os.path.join(desktop.home, "begun"))
    desktop.add("notes", {"a": "a\n"})
    assert desktop.sync()["in_sync"]


def test_who_heard_no_answer_knocks_again_as_the_same(laptop, make_device):
    desktop = make_device("desktop")
    pairing = laptop.start("pair")
    code = pairing.stdout.readline()
    pairing.send_signal(signal.SIGSTOP)
    assert "goes on from here" in desktop.run("join", "-", "--timeout", "1s", stdin=code, code=5)
    with open(desktop.home + ".new/begun", "rb") as file:
        begun = file.read()
    assert "goes on from here" in desktop.run("join", "-", "--timeout", "1s", stdin=code, code=5)
    with open(desktop.home + ".new/begun", "rb") as file:
        assert file.read() == begun
    pairing.send_signal(signal.SIGCONT)
    desktop.json("join", "-", stdin=code)
    pairing.communicate(timeout=WAIT)
    assert len(names(laptop)) == len(names(desktop)) == 2
    assert "expired or was taken back" in make_device("third").run("join", "-", stdin=code, code=6)
    assert not os.path.exists(make_device("third").home + ".new")


def test_a_join_that_was_killed_goes_on_and_one_that_is_done_is(laptop, make_device):
    """It is killed when there is a home, which may not know yet who the user's devices are: then that is said."""
    desktop = make_device("desktop")
    pairing = laptop.start("pair")
    code = pairing.stdout.readline()
    joining = desktop.start("join", code.strip(), "--name", "desktop")
    while joining.poll() is None and not os.path.exists(desktop.home + "/keys"):
        pass
    desktop.stop(joining, signal.SIGKILL)
    pairing.communicate(timeout=WAIT)
    listed = desktop.finish("devices")
    assert "desktop" in listed.stdout or (listed.returncode == 1 and "`counterfoil sync` brings it" in listed.stderr), listed
    again = [desktop.json("join", "-", "--name", "desktop", stdin=code) for _ in range(2)]
    assert again[0] == again[1] and again[0]["device"] == "desktop"
    assert names(laptop) == names(desktop) == ["desktop", "laptop"]
    assert "has a user already" in laptop.run("join", "-", stdin=code, code=2)
    serving = desktop.serve()
    assert "has a user already" in desktop.run("join", "-", stdin=code, code=2), "nobody can look into it"
    assert desktop.stop(serving) == 0


def test_of_two_with_one_code_the_first_is_in_and_the_other_is_told(broker, laptop, make_device):
    devices = [make_device(name) for name in ("desktop", "tablet")]
    pairing = laptop.start("pair")
    code = pairing.stdout.readline()
    pairing.send_signal(signal.SIGSTOP)
    joining = []
    for device in devices:
        knocks = len(broker.audit("guest-knocked"))
        joining.append(device.start("join", code.strip(), "--name", device.name))
        wait_until(lambda: len(broker.audit("guest-knocked")) > knocks, "it has knocked")
    pairing.send_signal(signal.SIGCONT)
    _, messages = joining[0].communicate(timeout=WAIT)
    assert joining[0].returncode == 0, messages
    _, messages = joining[1].communicate(timeout=WAIT)
    assert joining[1].returncode == 6
    assert messages == "counterfoil: the code was used by another device: ask for a new one (`counterfoil pair`)\n"
    assert pairing.communicate(timeout=WAIT)[0].startswith("desktop ")
    assert names(laptop) == names(devices[0]) == ["desktop", "laptop"]
    assert not os.path.exists(devices[1].home) and not os.path.exists(devices[1].home + ".new")
    laptop.pair(devices[1])
    assert names(laptop) == ["desktop", "laptop", "tablet"]


def test_a_user_who_is_there_gets_his_home_and_phrase_the_next_time(broker, make_device, tmp_path):
    broker.start()
    for filed in False, True:
        device = make_device(f"device {filed}")
        line = broker.run("invite").strip()
        phrase = ["--recovery-file", str(tmp_path / "phrase")] if filed else []
        broker.process.send_signal(signal.SIGSTOP)
        beginning = device.start("--json", "init", line, *phrase)
        wait_until(lambda: os.path.exists(device.home + ".new/begun"), "it is about to knock")
        take(device.home)
        broker.process.send_signal(signal.SIGCONT)
        _, messages = beginning.communicate(timeout=WAIT)
        assert beginning.returncode == 1
        assert "the invitation is used: the same command goes on from here" in messages
        users = users_of(broker)
        shutil.rmtree(device.home)
        begun = device.json("init", line, *phrase)
        assert users_of(broker) == users
        words = (tmp_path / "phrase").read_text() if filed else begun["recovery_phrase"]
        assert device.sync()["in_sync"]
        assert not os.path.exists(os.path.join(device.home, "secret"))
        again = make_device(f"again {filed}")
        again.run("recover", "--yes", "--broker", broker.line, "--recovery-file", "-", stdin=words.splitlines()[0] + "\n")
