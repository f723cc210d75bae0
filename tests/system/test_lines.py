# SPDX-License-Identifier: Apache-2.0
"""Lines that are slow, late, or dead without a word. What counts is bytes and connections, not times."""

import contextlib
import json
import os
import re
import socket
import subprocess
import threading
import time

import msgpack
import pytest

from counterfoil import CLEAN, make_device, tree, wait_until  # noqa: F401
from counterfoild import broker  # noqa: F401
from lines import Line, tunnelled  # noqa: F401
from stand import put


LONG = pytest.mark.skipif(not os.environ.get("COUNTERFOIL_LONG"), reason="takes minutes: COUNTERFOIL_LONG=1")


def begin(broker, line):
    broker.start("--advertise", f"127.0.0.1:{line.place[1]}", listen=f"tcp://127.0.0.1:{line.port}")


@pytest.fixture
def lined(broker, make_device):
    """Two devices with one source, and a line between them and their broker."""
    broker.start()
    broker.stop()
    line = Line(broker.place[1])
    begin(broker, line)
    laptop, desktop = make_device("laptop"), make_device("desktop")
    laptop.init(broker.run("invite").strip())
    laptop.pair(desktop)
    here = laptop.add("notes", {"one.txt": "one\n"})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    yield laptop, desktop, here, there, line
    line.close()


def bring(device, line, size):
    line.connections = line.passed = 0
    device.run("sync", "--timeout", "60s")
    assert line.connections == 1, "a connection that lived was given up"
    assert line.passed < size * 1.2, "the same bytes went again"


def test_what_takes_longer_than_a_heartbeat_may_goes_up(lined):
    laptop, desktop, here, there, line = lined
    size = 160_000
    put(here, "large", os.urandom(size))
    line.rate = 4000
    bring(laptop, line, size)
    line.rate = None
    desktop.sync()
    assert tree(here) == tree(there)


def test_what_takes_longer_than_a_heartbeat_may_comes_down(lined):
    laptop, desktop, here, there, line = lined
    size = 160_000
    put(here, "large", os.urandom(size))
    laptop.sync()
    line.rate = 4000
    bring(desktop, line, size)
    assert tree(here) == tree(there)


def test_what_arrived_counts_when_the_line_breaks(lined):
    laptop, desktop, here, there, line = lined
    size, lasts = 480_000, 48_000
    line.rate, line.lasts = 32_000, lasts
    line.connections = line.passed = 0
    laptop.serve()
    put(here, "large", os.urandom(size))
    wait_until(lambda: line.cuts >= 10, "the line broke")
    wait_until(lambda: laptop.json("status")["broker"]["unsent"] == 0 and laptop.json("status")["in_sync"], "all is sent")
    assert line.passed < size * 1.2 + line.connections * 5000, f"{line.passed} bytes, {line.connections} connections"
    line.rate = line.lasts = None
    desktop.sync()
    assert tree(here) == tree(there)


def test_what_arrived_counts_when_the_line_breaks_on_the_way_down(lined):
    laptop, desktop, here, there, line = lined
    size, lasts = 200_000, 48_000
    put(here, "large", os.urandom(size))
    laptop.sync()
    line.rate, line.lasts = 32_000, lasts
    line.connections = line.passed = 0
    desktop.serve()
    wait_until(lambda: (there / "large").exists(), "it is there")
    assert line.cuts >= 3, "the line did not break"
    assert line.passed < size * 1.2 + line.connections * 5000, f"{line.passed} bytes, {line.connections} connections"
    assert tree(here) == tree(there)


def test_small_edits_pass_a_bad_line_while_a_large_file_goes_up(lined):
    """1 MiB/s, cut each 3 s, and once half open for 20 s. A small edit comes within 10 s of a working line, also one that was
    saved while nothing passed; that is counted in what the line carried, 10 MiB, since this machine may be slow (by the
    clock: `peer_engine_turns`)."""
    laptop, desktop, here, there, line = lined
    line.rate, line.lasts = 1 << 20, 3 << 20
    laptop.serve()
    desktop.serve()
    put(here, "large", os.urandom(32 << 20))
    wait_until(lambda: line.passed > 2 << 20, "the upload is under way")
    for number, size in enumerate((20, 5_000, 70_000, 300_000)):
        edit, before = os.urandom(size), line.passed
        if number == 2:
            line.is_dead = True
            line.forget()
            time.sleep(10)
            put(here, "one.txt", edit)
            time.sleep(10)
            line.is_dead = False
        else:
            put(here, "one.txt", edit)
        wait_until(lambda: (there / "one.txt").read_bytes() == edit, "the edit is there")
        assert line.passed - before < 10 << 20, f"an edit of {size} bytes waited for {line.passed - before} of others"
        assert not (there / "large").exists()
    wait_until(lambda: line.cuts > 2, "the line was cut")
    line.rate = line.lasts = None
    wait_until(lambda: (there / "large").exists(), "the large file is there")
    assert tree(here) == tree(there)


def test_what_arrived_counts_when_sync_is_begun_again(lined):
    laptop, desktop, here, there, line = lined
    size = 200_000
    put(here, "large", os.urandom(size))
    laptop.sync()
    line.rate = 8000
    line.connections = line.passed = 0
    with subprocess.Popen(desktop.command("sync"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=CLEAN) as sync:
        wait_until(lambda: line.passed > 130_000, "more than half has come")
        sync.kill()
    assert not (there / "large").exists()
    desktop.sync()
    assert line.passed < size * 1.35 + line.connections * 5000, f"{line.passed} bytes, {line.connections} connections"
    assert tree(here) == tree(there)


@pytest.mark.parametrize("rate,large,size", [(125_000, 24_000_000, 20), (125_000, 24_000_000, 100_000), (125_000, 24_000_000, 300_000), (16_000, 2_000_000, 20)])
def test_an_edit_does_not_wait_for_a_large_upload(lined, rate, large, size):
    """Of `size` bytes: one that its entry holds, one that has a blob, and one whose blob is as large as the others'."""
    laptop, desktop, here, there, line = lined
    line.rate = rate
    laptop.serve()
    desktop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"] and desktop.json("status")["broker"]["connected"], "sessions")
    put(here, "large", os.urandom(large))
    line.passed = 0
    wait_until(lambda: line.passed > 2 * rate, "the upload is under way")
    before, edit = line.passed, os.urandom(size)
    put(here, "one.txt", edit)
    wait_until(lambda: (there / "one.txt").read_bytes() == edit, "the edit is there")
    assert line.passed - before < large / 8 + 6 * size, "the contents went first"
    assert not (there / "large").exists()
    line.rate = None
    wait_until(lambda: tree(here) == tree(there), "all is there")


def test_an_edit_does_not_wait_for_a_large_download(lined):
    laptop, desktop, here, there, line = lined
    put(here, "large", os.urandom(12_000_000))
    laptop.sync()
    line.rate = 125_000
    line.passed = 0
    desktop.serve()
    wait_until(lambda: line.passed > 2_000_000, "the download is under way")
    put(here, "one.txt", b"an edit meanwhile\n")
    before = line.passed
    laptop.sync()
    wait_until(lambda: (there / "one.txt").read_bytes() == b"an edit meanwhile\n", "the edit is there")
    assert line.passed - before < 3_000_000, "what was asked for came first"
    assert not (there / "large").exists()
    line.rate = None
    wait_until(lambda: tree(here) == tree(there), "all is there")


def test_it_is_told_how_far_it_is(lined):
    """Beside `serve`, by `sync`, and on a terminal."""
    laptop, desktop, here, there, line = lined
    size, line.rate = 900_000, 24_000
    laptop.serve()
    put(here, "large", os.urandom(size))
    wait_until(lambda: "left" in laptop.run("status"), "it is told")
    way = laptop.json("status")["transfer"]["sending"]
    assert way["size"] == size and 0 < way["done"] < size
    assert way["seconds_left"] == -(-(size - way["done"]) // way["rate"])
    assert laptop.json("status")["transfer"]["receiving"] is None
    assert re.search(r"^sending [\d.]+ KiB of 878.9 KiB, [\d.]+ KiB/s, \d+ s left$", laptop.run("status"), re.MULTILINE)
    with subprocess.Popen(laptop.command("sync", "--progress"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=CLEAN) as sync:
        said = b""
        while not re.search(rb"sending [\d.]+ KiB of [^\n]* s left\x1b\[K", said):
            more = os.read(sync.stderr.fileno(), 4096)
            assert more, said
            said += more
        line.rate = None
    line.rate = 24_000
    assert laptop.json("status")["transfer"] == {"sending": None, "receiving": None}
    own, terminal = os.openpty()
    with subprocess.Popen(desktop.command("sync"), stdout=subprocess.DEVNULL, stderr=terminal, env=CLEAN) as sync:
        os.close(terminal)
        said = b""
        while b"receiving " not in said:
            said += os.read(own, 4096)
        line.rate = None
        with contextlib.suppress(OSError):  # the other end is closed
            while os.read(own, 4096):
                pass
        sync.wait()
    os.close(own)
    assert tree(here) == tree(there)


def frame_of(end):
    head = end.recv(5, socket.MSG_WAITALL)
    return end.recv(int.from_bytes(head[1:], "big"), socket.MSG_WAITALL)


def test_an_older_serve_is_asked_without_what_it_does_not_know(make_device):
    """On a terminal `sync` wants progress, without having been told to; one before there was that calls it unknown."""
    device, asked = make_device("laptop"), []
    os.makedirs(device.home, mode=0o700)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.join(device.home, "control"))
        listening.listen()

        def serve():
            for kind, said, code in (b"E", b"counterfoil: unknown option '--progress': --help lists them\n", 2), (b"O", b"in sync\n", 0):
                end, _ = listening.accept()
                with end:
                    asked.append(msgpack.unpackb(frame_of(end))[2])
                    end.sendall(kind + len(said).to_bytes(4, "big") + said + b"X" + bytes((0, 0, 0, 4, 0, 0, 0, code)))

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        own, terminal = os.openpty()
        done = subprocess.run(device.command("sync"), stdout=subprocess.PIPE, stderr=terminal, env=CLEAN, timeout=60, check=False)
        os.close(terminal)
        serving.join(60)
    with contextlib.suppress(OSError):  # the other end is closed
        assert os.read(own, 4096) == b"", "it was told of what it had not asked for"
    os.close(own)
    assert (done.returncode, done.stdout) == (0, b"in sync\n"), done
    assert asked == [[b"sync", b"--progress", b"--"], [b"sync", b"--"]]


def test_sync_says_what_it_did_not_get_done(lined):
    laptop, _, here, _, line = lined
    line.rate = 24_000
    serving = laptop.serve()
    put(here, "large", os.urandom(400_000))
    wait_until(lambda: (laptop.json("status")["transfer"]["sending"] or {"done": 0})["done"] > 0, "the upload is under way")
    line.is_dead = True
    line.forget()
    said = laptop.finish("sync", "--timeout", "3s")
    assert said.returncode == 5
    assert re.search(r"not all was sent: [\d.]+ KiB of 390.6 KiB of contents went to the broker", said.stderr), said.stderr
    laptop.stop(serving)


def test_sync_sees_an_edit_behind_a_connection_that_is_dead(lined):
    laptop, desktop, here, there, line = lined
    laptop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "a session")
    wait_until(lambda: laptop.json("status")["in_sync"], "all is calm")
    line.forget()
    put(there, "one.txt", b"an edit elsewhere\n")
    desktop.sync()
    laptop.sync()
    assert (here / "one.txt").read_bytes() == b"an edit elsewhere\n", "in sync with what it had heard before"


def test_sync_is_not_in_sync_with_a_broker_that_nobody_hears(lined):
    laptop, desktop, here, _, line = lined
    laptop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "a session")
    wait_until(lambda: laptop.json("status")["in_sync"], "all is calm")
    line.is_dead = True
    line.forget()
    laptop.run("sync", code=5)
    line.is_dead = False
    wait_until(lambda: laptop.finish("sync").returncode == 0, "it is heard again")


def test_sync_is_not_in_sync_where_only_its_own_words_arrive(lined):
    laptop, desktop, here, there, line = lined
    laptop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"] and laptop.json("status")["in_sync"], "a session, and all is calm")
    line.is_mute = True
    put(here, "one.txt", b"an edit whose answer is lost\n")
    laptop.run("sync", code=5)
    line.is_mute = False
    wait_until(lambda: laptop.finish("sync").returncode == 0, "it is heard again")
    desktop.sync()
    assert tree(here) == tree(there) and set(tree(there)) == {"one.txt"}, "what arrived unanswered came twice"


def test_status_says_when_the_broker_was_last_heard(lined):
    laptop, *_ = lined
    heard = laptop.json("status")["broker"]["heard"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", heard)
    assert f"last heard {heard}" in laptop.run("status")
    serving = laptop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "a session")
    now = laptop.json("status")["broker"]["heard"]
    assert now >= heard
    laptop.stop(serving)
    assert laptop.json("status")["broker"]["heard"] >= now


def test_who_is_far_away_is_reached(lined):
    """A round trip of two and a half seconds."""
    laptop, desktop, here, there, line = lined
    line.delay = 1.25
    put(here, "one.txt", b"from far away\n")
    line.connections = 0
    laptop.run("sync", "--timeout", "60s")
    assert line.connections == 1
    line.delay = 0
    desktop.sync()
    assert tree(here) == tree(there)


def test_a_line_that_drops_large_packets_is_called_so(tunnelled):
    laptop, _, net = tunnelled
    here = laptop.add("notes", {"one.txt": "one\n"})
    assert laptop.sync()["in_sync"]
    net.be(600)
    put(here, "large", os.urandom(100_000))
    laptop.serve()
    wait_until(lambda: "small messages pass, large ones don't" in json.dumps(laptop.json("status")), "it is called so")


@pytest.mark.parametrize("rate,delay,size", [(2000, 1.25, 40_000), pytest.param(2000, 1.25, 100_000, marks=LONG)])
def test_files_go_both_ways_over_a_line_that_is_slow_late_and_loses(tunnelled, rate, delay, size):
    """Small ones, one that an entry holds, and one that has a blob; the delay is that of one way."""
    laptop, desktop, net = tunnelled
    laptop.pair(desktop)
    here = laptop.add("notes", {"one.txt": "one\n"})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    net.be(65536, rate, delay, 0.03)
    laptop.serve()
    desktop.serve()
    put(here, "up", os.urandom(size))
    put(there, "down", os.urandom(size))
    put(here, "small up", b"an edit\n")
    put(there, "small down", b"an edit\n")
    wait_until(lambda: tree(here) == tree(there), "all is there", seconds=400)
    assert len(tree(here)) == 5


def set_clock(file, seconds):
    with open(file, "r+b") as clock:
        clock.write(seconds.to_bytes(8, "little", signed=True))


def test_sessions_go_on_whoever_sets_the_clock_of_the_broker(lined, broker, tmp_path, monkeypatch):
    laptop, desktop, here, there, line = lined
    library = os.environ.get("CF_CLOCK_LIBRARY")
    if not library:
        pytest.skip("needs a clock that can be set")
    clock = tmp_path / "clock"
    clock.write_bytes(bytes(8))
    broker.stop()
    with monkeypatch.context() as there_set:
        there_set.setenv("LD_PRELOAD", library)
        there_set.setenv("CF_CLOCK_FILE", str(clock))
        begin(broker, line)
    laptop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"] and laptop.json("status")["in_sync"], "a session")
    (own,) = line.open
    for hours in 2, -3:
        set_clock(clock, hours * 3600)
        for round in range(4):  # the broker looks at its connections each second
            put(there, "one.txt", f"{hours} hours, round {round}\n".encode())
            desktop.sync()
            wait_until(lambda: tree(here) == tree(there), "it came through")
            wait_until(lambda: laptop.json("status")["in_sync"], "it is reported")
        assert own in line.open, "its session was ended for a silence that there was not"


def test_the_broker_is_found_again_whoever_sets_the_clock(lined, broker, tmp_path):
    laptop, desktop, here, there, line = lined
    library = os.environ.get("CF_CLOCK_LIBRARY")
    if not library:
        pytest.skip("needs a clock that can be set")
    clock = tmp_path / "clock"
    clock.write_bytes((0).to_bytes(8, "little", signed=True))
    laptop.serve(environment={"LD_PRELOAD": library, "CF_CLOCK_FILE": str(clock)})
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "a session")
    broker.stop()
    wait_until(lambda: not laptop.json("status")["broker"]["connected"], "none")
    wait_until(lambda: "trouble" in laptop.json("status")["broker"], "it has tried again")
    set_clock(clock, -3 * 3600)
    begin(broker, line)
    put(here, "one.txt", b"after the clock was set\n")
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "a session again")
    wait_until(lambda: laptop.json("status")["in_sync"], "all is sent")
    desktop.sync()
    assert tree(here) == tree(there)
