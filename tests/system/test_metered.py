# SPDX-License-Identifier: Apache-2.0
"""`set --metered pause`: contents over 1 MiB wait while NetworkManager calls the network metered, on a real bus of the
test's own; and whoever is not there, is silent or talks nonsense on it holds nothing up."""

import contextlib
import os
import socket
import threading
import time

import pytest

from counterfoil import both, pair_of_notes, make_device, tree, two, wait_until  # noqa: F401
from counterfoild import broker  # noqa: F401
from network_manager import bus_in
from stand import put

MIB = 1 << 20
LINE = "contents over 1 MiB wait: this network is metered (`counterfoil set --metered send` lets them go)"
UNKNOWN, YES, NO, GUESS_YES, GUESS_NO = "01234"


@pytest.fixture
def bus(tmp_path_factory):
    with bus_in(tmp_path_factory.mktemp("bus")) as made:
        yield made


@pytest.fixture
def pausing(pair_of_notes, bus):
    """The laptop is on that bus, and wants contents to wait."""
    laptop, desktop, here, there = pair_of_notes
    use(laptop, bus)
    assert laptop.run("set", "--metered", "pause") == "metered: contents over 1 MiB wait while the network is\n"
    return laptop, desktop, here, there


def use(device, bus):
    """All that it runs from now on."""
    finish, start = device.finish, device.start
    device.finish = lambda *verb, environment=None, **more: finish(
        *verb, environment={**bus.environment, **(environment or {})}, **more)
    device.start = lambda *verb, environment=None: start(*verb, environment={**bus.environment, **(environment or {})})


def put_all(folder):
    put(folder, "large", os.urandom(MIB + 1))
    put(folder, "limit", os.urandom(MIB))
    put(folder, "small", b"1\n")


def is_whole(folder):
    """Of what put_all makes."""
    return {name for name in ("large", "limit", "small") if (folder / name).exists()}


@pytest.mark.parametrize("says", [YES, GUESS_YES])
def test_what_is_large_waits_where_the_network_is_metered(pausing, bus, says):
    laptop, desktop, here, there = pausing
    bus.play(says)
    put_all(here)
    done = laptop.finish("sync")
    assert done.returncode == 1 and LINE in done.stdout, done
    assert "large: it waits: this network is metered" in done.stdout
    assert LINE in laptop.run("-q", "sync", code=1)
    desktop.sync()
    assert is_whole(there) == {"limit", "small"}
    shown = laptop.finish("status", "--check")
    assert shown.returncode == 1 and LINE in shown.stdout, shown
    assert laptop.json("status")["metered"] == {"set": "pause", "is_metered": True, "deferred": 0}
    assert laptop.json("sync", code=1)["metered"]["deferred"] == 1
    assert laptop.json("set", "--metered", "send") == {"metered": "send"}
    assert laptop.json("sync")["metered"] == {"set": "send", "is_metered": None, "deferred": 0}
    desktop.sync()
    assert tree(here) == tree(there)


def test_whatever_else_is_said_holds_nothing_up(pausing, bus):
    laptop, desktop, here, there = pausing
    played = bus.play(NO)
    for says in UNKNOWN, NO, GUESS_NO, "5", "4294967295", "text", "boolean", "refuses", "nothing":
        before = played.say(says)
        put(here, "large", os.urandom(MIB + 1))
        done = laptop.finish("sync")
        assert done.returncode == 0 and not done.stderr and LINE not in done.stdout, (says, done)
        assert laptop.json("status")["metered"]["is_metered"] is (False if says in (NO, GUESS_NO) else None), says
        assert played.say(NO) == before + 2, "it was asked by `sync` and by `status`, once each"
    desktop.sync()
    assert tree(here) == tree(there)


def test_what_is_large_is_not_fetched_either(pair_of_notes, bus):
    laptop, desktop, here, there = pair_of_notes
    use(desktop, bus)
    desktop.run("set", "--metered", "pause")
    played = bus.play(YES)
    put_all(here)
    laptop.sync()
    done = desktop.finish("sync")
    assert done.returncode == 1 and LINE in done.stdout, done
    assert is_whole(there) == {"limit", "small"}
    played.say(NO)
    desktop.sync()
    assert tree(here) == tree(there)


def test_a_small_edit_of_a_large_file_goes(pausing, bus):
    laptop, desktop, here, there = pausing
    large = os.urandom(4 * MIB)
    put(here, "large", large)
    both(laptop, desktop)
    bus.play(YES)
    put(here, "large", large[:MIB] + b"edited" + large[MIB:])
    laptop.sync()
    desktop.sync()
    assert tree(here) == tree(there)


def test_what_waits_goes_at_once_where_it_is_served(pausing, bus):
    laptop, desktop, here, there = pausing
    played = bus.play(YES)
    desktop.serve()
    process = laptop.serve()
    wait_until(lambda: laptop.json("status")["metered"]["is_metered"], "it has asked")
    put_all(here)
    wait_until(lambda: is_whole(there) == {"limit", "small"}, "what is small is there")
    wait_until(lambda: laptop.json("status")["metered"]["deferred"] == 1, "the large one waits")
    assert LINE in laptop.run("status")
    played.say(NO)
    wait_until(lambda: tree(here) == tree(there), "the large one, too")
    played.say(YES)
    wait_until(lambda: laptop.json("status")["metered"]["is_metered"], "it heard of that")
    put(here, "another", os.urandom(2 * MIB))
    wait_until(lambda: laptop.json("status")["metered"]["deferred"] == 1, "that waits")
    laptop.stop(process)
    laptop.serve()
    wait_until(lambda: laptop.json("status")["metered"]["deferred"] == 1, "that waits still: the choice is kept")
    assert not (there / "another").exists()
    laptop.run("set", "--metered", "send")
    wait_until(lambda: tree(here) == tree(there), "that, too")


def test_who_goes_from_the_bus_and_comes_is_heard_of(pausing, bus):
    laptop, desktop, here, there = pausing
    laptop.serve()
    assert laptop.json("status")["metered"]["is_metered"] is None
    played = bus.play(YES)
    wait_until(lambda: laptop.json("status")["metered"]["is_metered"], "NetworkManager has come")
    put(here, "large", os.urandom(2 * MIB))
    wait_until(lambda: laptop.json("status")["metered"]["deferred"] == 1, "it waits")
    played.end()
    wait_until(lambda: laptop.json("status")["in_sync"], "NetworkManager has gone: it goes")
    bus.play(YES)
    wait_until(lambda: laptop.json("status")["metered"]["is_metered"], "NetworkManager is there again")
    put(here, "another", os.urandom(2 * MIB))
    wait_until(lambda: laptop.json("status")["metered"]["deferred"] == 1, "it waits")
    bus.die()
    wait_until(lambda: laptop.json("status")["in_sync"], "the bus has gone: it goes")
    desktop.sync()
    assert tree(here) == tree(there)


def test_one_that_is_started_again_lets_nothing_go(pausing, bus):
    """As when it is updated: it doesn't know its networks at once."""
    laptop, desktop, here, there = pausing
    played = bus.play(YES)
    laptop.serve()
    wait_until(lambda: laptop.json("status")["metered"]["is_metered"], "it is metered")
    put(here, "large", os.urandom(2 * MIB))
    wait_until(lambda: laptop.json("status")["metered"]["deferred"] == 1, "it waits")
    next_one = bus.play(UNKNOWN)  # it has the name as soon as the one before has gone
    began = time.monotonic()
    played.end()
    for _ in range(3):
        laptop.json("status")
    next_one.say(YES)
    if time.monotonic() - began > 2:
        pytest.skip("this machine is too busy for three seconds to be told from none")
    wait_until(lambda: next_one.say(YES + " 0") > 0 and laptop.json("status")["metered"]["is_metered"], "it is asked")
    desktop.sync()
    assert laptop.json("status")["metered"]["deferred"] == 1 and not (there / "large").exists(), "it went meanwhile"
    next_one.say(NO)
    wait_until(lambda: laptop.json("status")["in_sync"], "it goes")


def test_without_a_bus_nobody_waits_or_hears_of_it(pausing, bus):
    laptop, desktop, here, there = pausing
    bus.end()
    put_all(here)
    for address in bus.address, "unix:path=/nonexistent/bus", "nonsense", "":
        put(here, "small", address.encode())
        done = laptop.finish("sync", environment={"DBUS_SYSTEM_BUS_ADDRESS": address})
        assert done.returncode == 0 and not done.stderr, done
    desktop.sync()
    assert tree(here) == tree(there)


NOISES = (b"", b"\0" * 65536, b"ERROR\r\n" * 9999, b"OK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\nl" + b"\xff" * 65536)


def test_a_bus_that_is_none_holds_nothing_up(pausing, bus):
    laptop, desktop, here, there = pausing
    bus.end()
    bus.path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(bus.path))
    listening.listen()
    held = []

    def serve():
        with contextlib.suppress(OSError):
            for noise in NOISES:
                held.append(listening.accept()[0])
                with contextlib.suppress(OSError):
                    held[-1].sendall(noise)

    speaker = threading.Thread(target=serve, daemon=True)
    speaker.start()
    for count in range(len(NOISES)):
        put(here, "large", os.urandom(MIB + 1))
        done = laptop.finish("sync")
        assert done.returncode == 0 and not done.stderr, done
        assert len(held) == count + 1, "it was tried once"
    speaker.join()
    for one in [listening, *held]:
        one.close()
    desktop.sync()
    assert tree(here) == tree(there)


def test_an_answer_that_never_comes_keeps_from_no_other(pausing, bus):
    laptop, desktop, here, there = pausing
    played = bus.play("nothing")
    laptop.serve()
    wait_until(lambda: played.say("nothing"), "it has asked")
    played.say("nothing 200")
    played.say(YES)
    wait_until(lambda: laptop.json("status")["metered"]["is_metered"], "it has asked again")
    assert played.say(YES) < 5, "news while an answer is awaited are one more question, however many"


def test_a_flood_of_news_is_no_flood_of_questions(pausing, bus):
    laptop, desktop, here, there = pausing
    played = bus.play(YES)
    laptop.serve()
    wait_until(lambda: laptop.json("status")["metered"]["is_metered"], "it has asked")
    before = played.say(YES)
    played.say(f"{NO} 5000")
    wait_until(lambda: laptop.json("status")["metered"]["is_metered"] is False, "it heard the last word")
    assert played.say(NO) - before < 2500
    put(here, "small", b"1\n")
    laptop.sync()


def test_what_is_no_choice_is_said(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    for wrong in "", "yes", "Pause":
        assert "pause or send" in laptop.run("set", f"--metered={wrong}", code=2)
    for more in [here], ["--mode", "both"], ["--yes"]:
        assert "alone" in laptop.run("set", "--metered", "pause", *more, code=2)
    assert laptop.json("status")["metered"] == {"set": "send", "is_metered": None, "deferred": 0}
    laptop.sync()
