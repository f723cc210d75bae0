# SPDX-License-Identifier: Apache-2.0
"""Damage in a broker's directory: what it says, and how all comes back from the devices."""

import json
import os
import pathlib
import shutil
import signal

import pytest

from counterfoil import broker, make_device, pair_of_notes, tree, two, wait_until  # noqa: F401
from stand import put
from test_recovery import another

CONTENT = os.urandom(600_000)  # two blobs at least, of several pieces


def flip(path):
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def empty(path):
    os.truncate(path, 0)


def blobs(broker, folder="*"):
    return sorted(path for path in pathlib.Path(broker.data, "blobs").glob(f"*/{folder}/*") if len(path.name) == 64)


@pytest.fixture
def one_blob(broker, pair_of_notes, make_device):
    """The laptop wrote a large file; the desktop has never had it. A third device keeps the broker from forgetting what
    it had."""
    laptop, desktop, here, there = pair_of_notes
    another(laptop, make_device)
    put(here, "large", CONTENT)
    laptop.sync()
    assert blobs(broker)
    return laptop, desktop, there


def is_as_before(broker, laptop, desktop, there):
    assert laptop.sync()["in_sync"]
    assert desktop.sync()["in_sync"] and (there / "large").read_bytes() == CONTENT
    assert blobs(broker, "damaged") == []
    assert broker.run("verify") == "everything is whole\n"


@pytest.mark.parametrize("harm", (flip, cut, empty))
@pytest.mark.parametrize("runs", (True, False), ids=("running", "stopped"))
def test_verify_asks_the_devices_for_a_damaged_blob(broker, one_blob, harm, runs):
    laptop, desktop, there = one_blob
    path = blobs(broker)[0]
    if not runs:
        broker.stop()
    harm(path)
    damaged = path.read_bytes()
    done = broker.finish("verify")
    assert done.returncode == 7 and f"blob {path.name}: it is damaged: it was set aside, and the devices" in done.stdout
    assert done.stdout.count("blob ") == 1
    (aside,) = blobs(broker, "damaged")
    assert aside.name == path.name and aside.read_bytes() == damaged and not path.exists()
    if not runs:
        broker.restart()
    is_as_before(broker, laptop, desktop, there)


@pytest.mark.parametrize("harm", (flip, cut, empty))
def test_serving_asks_the_devices_for_a_damaged_blob(broker, one_blob, harm):
    laptop, desktop, there = one_blob
    for path in blobs(broker):
        harm(path)
    done = desktop.finish("--json", "sync")
    (collection,) = json.loads(done.stdout)["collections"]
    assert [(one["path"], "waits for a device that has all of it" in one["reason"]) for one in collection["pending"]] == [
        ("large", True)]
    assert f"blob {path.name} is damaged: it was set aside, and the devices are asked for it" in open(broker.log).read()
    while blobs(broker, "damaged"):
        before = len(blobs(broker, "damaged"))
        assert laptop.sync()["in_sync"]
        desktop.finish("sync")  # which meets the next one
        assert len(blobs(broker, "damaged")) < before
    is_as_before(broker, laptop, desktop, there)


@pytest.mark.parametrize("how", ("removed", "made_anew", "moved"))
def test_a_folder_of_blobs_that_is_removed_under_the_broker_is_used_no_more(broker, one_blob, how):
    laptop, desktop, there = one_blob
    folder = pathlib.Path(broker.data, "blobs")
    if how == "moved":
        folder.rename(folder.with_suffix(".away"))
        lost = "was removed, or replaced, under the broker"
        wait_until(lambda: lost in broker.finish("status", "--check").stdout, "it is told")
    else:
        shutil.rmtree(folder)
    if how == "made_anew":
        folder.mkdir()
    more = os.urandom(600_000)
    put(laptop.source(), "more", more)
    assert laptop.sync()["in_sync"] and blobs(broker)
    lost = "was removed, or replaced, under the broker"
    wait_until(lambda: lost in broker.finish("status", "--check").stdout, "it is told")
    assert open(broker.log).read().count(lost) == 1
    broker.run("verify", code=7)
    is_as_before(broker, laptop, desktop, there)
    assert (there / "more").read_bytes() == more
    assert lost not in broker.run("status", "--check")
    broker.stop()
    broker.restart()
    is_as_before(broker, laptop, desktop, there)


def test_a_device_that_is_connected_is_asked_at_once(broker, one_blob):
    laptop, _, _ = one_blob
    laptop.serve()
    wait_until(lambda: broker.status()["devices_connected"], "it is connected")
    path = blobs(broker)[0]
    flip(path)
    assert broker.finish("verify").returncode == 7
    wait_until(lambda: path.exists() and not blobs(broker, "damaged"), "it is brought")


# ---- The store ----

SERVE = ["--listen", "tcp://127.0.0.1:0"]
REPAIR = "`counterfoild verify --repair`"


def contents_of(folder):
    return {str(path): path.read_bytes() for path in pathlib.Path(folder).rglob("*")
            if path.is_file() and not path.name.startswith(("LOG", "lock"))}


@pytest.fixture
def stopped(broker, pair_of_notes):
    """A broker that does not run, whose store has tables and a log, and its user's devices."""
    broker.stop()
    broker.restart()
    put(pair_of_notes[2], "one.txt", b"edit\n")
    pair_of_notes[0].sync()
    broker.stop()
    return broker


def store(broker):
    return pathlib.Path(broker.data, "store")


def test_a_store_that_is_whole_is_left_alone(stopped):
    done = stopped.finish("verify", "--repair")
    assert (done.returncode, done.stdout, done.stderr) == (0, "everything is whole\n", "")
    assert sorted(path.name for path in pathlib.Path(stopped.data).glob("store*")) == ["store"]
    assert "--repair is for verify" in stopped.run("--repair", "status", code=2)


def test_a_broker_that_runs_is_to_be_stopped_first(broker):
    broker.start()
    assert "stop the broker first" in broker.run("verify", "--repair", code=9)
    assert broker.status()["running"]


@pytest.mark.parametrize("hangs", (False, True), ids=("answers", "hangs"))
def test_a_broker_whose_locks_were_removed_still_has_its_directory(broker, pair_of_notes, hangs):
    """As by somebody who clears away what looks stale."""
    laptop, desktop, here, there = pair_of_notes
    broker.stop()
    broker.restart()
    process = str(broker.process.pid)
    for name in "lock", "store/LOCK":
        pathlib.Path(broker.data, name).unlink()
    before = contents_of(broker.data)
    if hangs:
        broker.process.send_signal(signal.SIGSTOP)
    said = broker.run("verify", "--repair", code=9)
    assert "stop the broker first" in said and process in said, said
    assert "there is a broker already" in broker.run("init", code=1)
    assert process in broker.run(*SERVE, code=9)
    assert contents_of(broker.data) == before
    if hangs:
        broker.process.send_signal(signal.SIGCONT)
    put(here, "one.txt", b"edit\n")
    assert laptop.sync()["in_sync"] and broker.stop() == 0
    broker.restart()
    assert desktop.sync()["in_sync"] and (there / "one.txt").read_bytes() == b"edit\n"
    broker.process.kill()
    broker.process.communicate()
    broker.process = None  # who is dead has it no more
    assert pathlib.Path(broker.data, "control").exists()
    assert broker.finish("verify", "--repair").returncode == 0


def test_a_broker_whose_socket_and_lock_were_removed_has_its_store(broker):
    broker.start()
    for name in "lock", "control":
        pathlib.Path(broker.data, name).unlink()
    said = broker.finish("users")
    assert said.returncode in (0, 9), said  # it makes the socket again, now and then
    assert said.returncode == 0 or "another process has the store open\n" in said.stderr, said
    wait_until(lambda: broker.finish("users").returncode == 0, "its socket is there again")


def test_each_verb_and_init_name_the_command(stopped):
    next(store(stopped).glob("*.sst")).unlink()
    before = contents_of(stopped.data)
    for verb in SERVE, ["init"], ["status"], ["users"], ["verify"], ["invite"]:
        said = stopped.run(*verb, code=7)
        assert REPAIR in said and ".sst is missing" in said, (verb, said)
    assert contents_of(stopped.data) == before


def test_what_can_not_be_mended_is_refused_and_untouched(stopped, two):
    laptop, desktop = two
    for path in store(stopped).iterdir():
        if path.suffix in (".sst", ".log"):
            path.unlink()
    before = contents_of(stopped.data)
    for _ in range(2):
        assert "nothing of the store can be read" in stopped.run("verify", "--repair", code=7)
        assert contents_of(stopped.data) == before
    for name in "store", "blobs":  # as it says
        pathlib.Path(stopped.data, name).rename(stopped.data + name)
    stopped.run("init")
    stopped.restart()
    laptop.run("broker", stopped.run("invite").strip())
    assert laptop.sync()["in_sync"] and desktop.sync()["in_sync"]


def test_a_newer_store_is_not_for_this_program_to_mend(stopped):
    (store(stopped) / "FORMAT").write_text("counterfoil store 99\n")
    before = contents_of(stopped.data)
    for verb in SERVE, ["verify", "--repair"]:
        said = stopped.run(*verb, code=7)
        assert "newer format" in said and REPAIR not in said
    assert contents_of(stopped.data) == before


def test_a_repair_that_was_interrupted_is_begun_anew(stopped, two):
    laptop, desktop = two
    next(store(stopped).glob("*.sst")).unlink()
    for name in "store.copy/lost", "store.mending", "store.copy.trial", "store.damaged":
        os.makedirs(os.path.join(stopped.data, name))
        pathlib.Path(stopped.data, name, "000009.sst").write_bytes(b"half")
    assert stopped.finish("verify", "--repair").returncode == 0
    assert sorted(path.name for path in pathlib.Path(stopped.data).glob("store*")) == ["store", "store.damaged", "store.damaged.2"]
    stopped.restart()
    assert laptop.sync()["in_sync"] and desktop.sync()["in_sync"]
    assert stopped.run("verify") == "everything is whole\n"


@pytest.mark.parametrize("is_damaged", (True, False), ids=("damaged", "whole"))
def test_what_an_interrupted_repair_exchanged_is_kept(stopped, is_damaged):
    """It may be the damaged store, of which there is no other."""
    if is_damaged:
        next(store(stopped).glob("*.sst")).unlink()
    for name in "store.mended", "store.damaged":
        pathlib.Path(stopped.data, name).mkdir()
        pathlib.Path(stopped.data, name, "000009.sst").write_bytes(name.encode())
    done = stopped.finish("verify", "--repair")
    assert done.returncode == 0 and "store.mended is kept as store.damaged.2" in done.stderr, done.stderr
    names = sorted(path.name for path in pathlib.Path(stopped.data).glob("store*"))
    assert names == ["store", "store.damaged", "store.damaged.2"] + is_damaged * ["store.damaged.3"]
    assert pathlib.Path(stopped.data, "store.damaged.2", "000009.sst").read_bytes() == b"store.mended"
    assert pathlib.Path(stopped.data, "store.damaged", "000009.sst").read_bytes() == b"store.damaged"


@pytest.mark.parametrize("verb", (SERVE, ["users"], ["verify"], ["verify", "--repair"]), ids=" ".join)
def test_a_repair_that_was_killed_before_the_mended_store_had_its_name_is_finished(stopped, two, verb):
    """Where names can't be exchanged the damaged one goes aside first."""
    laptop, desktop = two
    pathlib.Path(stopped.data, "store").rename(stopped.data + "/store.mended")
    for name in "store.damaged", "store.copy":
        pathlib.Path(stopped.data, name).mkdir()
        pathlib.Path(stopped.data, name, "000009.sst").write_bytes(b"damaged")
    if verb == SERVE:
        stopped.restart()
    else:
        done = stopped.finish(*verb)
        assert done.returncode == 0 and ", is the store now" in done.stderr, done
    names = {path.name for path in pathlib.Path(stopped.data).glob("store*")}
    assert names == {"store", "store.damaged"} | ({"store.copy"} if "--repair" not in verb else set())
    if verb != SERVE:
        stopped.restart()
    assert laptop.sync()["in_sync"] and desktop.sync()["in_sync"]
    assert stopped.run("verify") == "everything is whole\n"


def test_a_log_that_is_gone_after_a_kill_is_brought_back_by_the_devices(stopped, two):
    """No list says what was there."""
    laptop, desktop = two
    (store(stopped) / "INVENTORY").unlink()
    for path in store(stopped).glob("*.log"):
        path.unlink()
    stopped.restart()
    laptop.sync()
    desktop.sync()
    assert tree(laptop.source()) == tree(desktop.source())
    assert stopped.run("verify") == "everything is whole\n"


def test_what_stands_in_a_log_alone_is_read_without_a_manifest(broker, pair_of_notes):
    """A broker that never was started again."""
    laptop, desktop, here, there = pair_of_notes
    broker.stop()
    entries = broker.status()["entries"]
    (store(broker) / "CURRENT").unlink()
    done = broker.finish("verify", "--repair")
    assert done.returncode == 0 and "nothing is left" not in done.stderr, done.stderr
    assert broker.status()["entries"] == entries
    broker.restart()
    assert laptop.sync()["in_sync"] and desktop.sync()["in_sync"]
