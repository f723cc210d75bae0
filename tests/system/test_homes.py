# SPDX-License-Identifier: Apache-2.0
"""A user who has moved away and back, a broker that lost the user then, and a device whose home is of the time between:
`broker LINE` is the user's word for where the user is, whatever the log of the device that takes it says."""

import pathlib
import shutil
import signal

import pytest

from counterfoil import broker, fill, make_device, tree, wait_until  # noqa: F401
from family import family  # noqa: F401
from test_forks import IGNORED
from test_recovery import empty
from test_two_brokers import other  # noqa: F401


def go(laptop, at):
    laptop.run("broker", at.run("invite").strip())


@pytest.fixture
def stray(broker, other, family, tmp_path):
    """The laptop takes the user to be at the other broker, where the log says that the user is at the first one, which
    knows nobody any more. The desktop knows better, and is there."""
    laptop, desktop = family
    backup = str(tmp_path / "backup")
    go(laptop, other)
    desktop.sync()
    shutil.copytree(laptop.home, backup, ignore=IGNORED)
    for at in broker, other, broker:
        go(laptop, at)
    fill(desktop.here, {"between.txt": "of the desktop\n"})
    desktop.sync()
    assert desktop.run("broker").strip() == broker.line
    empty(broker)
    broker.restart()
    shutil.rmtree(laptop.home)
    shutil.copytree(backup, laptop.home)
    return laptop, desktop


def test_a_log_that_is_removed_from_a_home_that_is_served_is_written_anew(family):
    """As a broker's; nobody is told to make a new home for that."""
    laptop, _ = family
    process = laptop.serve()
    (log,) = pathlib.Path(laptop.home, "store").glob("*.log")
    log.unlink()
    done = laptop.finish("verify")
    assert done.returncode == 7 and "nothing of it is lost" in done.stderr and "it was mended" in done.stderr, done
    assert "counterfoil repair" not in done.stderr
    assert "everything is whole" in laptop.run("verify")
    process.kill()
    process.communicate()
    assert laptop.sync()["in_sync"] and "everything is whole" in laptop.run("verify")


def expect_together(laptop, desktop, at):
    fill(laptop.here, {"laptop.txt": "of the laptop\n"})
    fill(desktop.here, {"desktop.txt": "of the desktop\n"})
    for device in laptop, desktop, laptop:
        device.sync()
    for device in laptop, desktop:
        assert device.run("broker").strip() == at.line and device.json("status")["in_sync"]
    assert tree(laptop.here) == tree(desktop.here)
    assert {"laptop.txt", "desktop.txt"} <= set(tree(laptop.here))


def test_the_user_is_brought_back_to_the_broker_that_knows_nobody(broker, other, stray):
    """Its own log would send it on; by an address alone it does not go there."""
    laptop, desktop = stray
    laptop.run("broker", broker.line, code=6)
    go(laptop, broker)
    expect_together(laptop, desktop, broker)
    assert (laptop.here / "between.txt").exists()


def test_the_user_is_at_the_broker_that_sends_everybody_on(broker, other, stray):
    laptop, desktop = stray
    go(laptop, other)
    desktop.run("broker", other.line)
    expect_together(laptop, desktop, other)
    assert (laptop.here / "between.txt").exists()


def test_a_member_does_not_say_where_the_user_is(broker, other, family):
    laptop, desktop = family
    go(laptop, other)
    desktop.sync()
    empty(broker)
    broker.restart()
    desktop.run("broker", broker.line, code=6)
    assert "owner" in desktop.run("broker", broker.run("invite").strip(), code=6)
    desktop.run("broker", other.line)
    expect_together(laptop, desktop, other)


def expect_stays(device, at, address, code, words):
    done = device.finish("broker", address, "--timeout", "5s")
    assert done.returncode == code and words in done.stderr and "recovery file" not in done.stderr, done
    assert f"the broker stays {at.line.split('#')[0]}" in done.stderr, done
    assert device.run("broker").strip() == at.line


def test_a_broker_that_does_not_let_the_device_in_is_not_taken(broker, other, family):
    laptop, desktop = family
    here, key = broker.line.split("#")[0], other.line.split("#")[1]
    desktop.serve()
    for device in laptop, desktop:
        expect_stays(device, broker, other.line, 6, "`counterfoil broker LINE`")
        expect_stays(device, broker, f"tcp://127.0.0.1:1#{key}", 5, "try again")
        expect_stays(device, broker, f"{here}#{key}", 5, "try again")
        assert "recovery file" in device.finish("broker", broker.line).stderr
    expect_together(laptop, desktop, broker)


def test_a_broker_that_has_the_user_takes_no_invitation(broker, family):
    line = broker.run("invite").strip()
    for device in family:
        assert device.run("broker", line).strip() == broker.line
    assert sum("used by" in one for one in broker.run("invitations").splitlines()) == 1, "the first one alone"


def test_a_move_that_was_killed_goes_on(broker, other, family):
    """The first time the user is at the other broker, and the device not yet; then both are."""
    laptop, desktop = family
    line = other.run("invite").strip()
    broker.process.send_signal(signal.SIGSTOP)
    move = laptop.start("broker", line)
    wait_until(lambda: other.status()["users"] == 1, "the user is there")
    assert laptop.stop(move, signal.SIGKILL) == -signal.SIGKILL
    broker.process.send_signal(signal.SIGCONT)
    assert laptop.run("broker").strip() == broker.line
    for _ in range(2):
        done = laptop.finish("broker", line)
        assert done.returncode == 0 and done.stdout.strip() == other.line and "recovery file" in done.stderr, done
    expect_together(laptop, desktop, other)
