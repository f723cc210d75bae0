# SPDX-License-Identifier: Apache-2.0
"""While a device communicates alone, by `sync --exclusive`, others wait in that collection, say for whom, and go on in all else."""

import json
import os
import re
import shutil
import signal

import pytest

from counterfoil import WAIT, broker, fill, make_device, two, wait_until  # noqa: F401
from lock_scene import read, shared, write  # noqa: F401

LEASE = 60  # s, of who is gone


def begin_alone(ann, broker, collections=("notes",)):
    """She is in the middle of it, and is stopped there: what she sends takes two seconds."""
    begun = len(broker.audit("exclusive-begun"))
    ann.run("limit", "--up", "4M")
    with open(ann.source() / "large", "wb") as file:
        file.write(os.urandom(8_000_000))
    alone = ann.start("sync", *collections, "--exclusive")
    wait_until(lambda: len(broker.audit("exclusive-begun")) == begun + len(collections), "she is in the middle of it")
    alone.send_signal(signal.SIGSTOP)
    return alone


def end_alone(alone):
    alone.send_signal(signal.SIGCONT)
    _, said = alone.communicate(timeout=WAIT)
    assert alone.returncode == 0, said


def add_papers(ann, bob):
    """Another collection of the same user."""
    bob.add("papers", {"first": "papers"})
    bob.sync()
    ann.sync()
    ann.add("papers", None, "--existing")
    ann.sync()


def written_by_ann(ann, bob):
    """Bob has not seen it, and the broker has it."""
    fill(ann.source(), {"small": "ann\n", "middle": os.urandom(3_000_000)})
    ann.sync()


def test_who_comes_meanwhile_waits_says_for_whom_and_ends_with_9(shared, broker):
    ann, bob = shared
    written_by_ann(ann, bob)
    alone = begin_alone(ann, broker)
    done = bob.patiently("sync", code=9, said=f"notes: locked by {ann.name} until ")
    assert re.search(r"until \d\d:\d\d", done.stderr), done.stderr
    done = bob.finish("--json", "sync")
    assert done.returncode == 9 and "waiting" not in done.stderr, "who isn't told to wait doesn't"
    (notes,) = json.loads(done.stdout)["collections"]
    assert not notes["in_sync"] and notes["lock"].startswith(f"locked by {ann.name} until "), notes
    assert not (bob.source() / "small").exists() and not (bob.source() / "middle").exists()
    waiting = bob.start("sync", "--timeout", "100s")
    assert "waiting for it" in waiting.stderr.readline()
    end_alone(alone)
    waiting.communicate(timeout=WAIT)
    assert waiting.returncode == 0
    assert read(bob, "small") == "ann\n"
    for name in "middle", "large":
        assert (bob.source() / name).read_bytes() == (ann.source() / name).read_bytes()


def test_other_collections_go_on_meanwhile(shared, broker):
    ann, bob = shared
    add_papers(ann, bob)
    written_by_ann(ann, bob)
    large = os.urandom(3_000_000)
    fill(ann.source("papers"), {"from ann": large})
    ann.sync()
    alone = begin_alone(ann, broker)
    fill(bob.source("papers"), {"from bob": large[::-1]})
    bob.patiently("sync", code=9, said=f"notes: locked by {ann.name}")
    assert not (bob.source() / "small").exists()
    assert (bob.source("papers") / "from ann").read_bytes() == large
    assert bob.finish("sync", "papers").returncode == 0
    end_alone(alone)
    ann.sync()
    assert (ann.source("papers") / "from bob").read_bytes() == large[::-1]
    bob.sync()
    assert read(bob, "small") == "ann\n"


def test_of_another_collection_nothing_is_said_or_awaited(shared, broker):
    """Where `serve` runs, too, which sends what waits in that collection."""
    ann, bob = shared
    add_papers(ann, bob)
    serving = bob.serve()
    bob.sync()
    alone = begin_alone(ann, broker)
    fill(bob.source(), {"from bob": "bob\n"})
    bob.patiently("sync", code=9, said=f"notes: locked by {ann.name}")
    for words in [], ["--timeout", "100s"]:
        done = bob.finish("sync", "papers", *words)
        assert done.returncode == 0 and "unsent" not in done.stdout, done
    assert bob.finish("status", "papers", "--check").returncode == 0
    assert bob.finish("status", "--check").returncode != 0
    end_alone(alone)
    bob.sync()
    bob.stop(serving)


def test_who_applied_all_of_another_collection_says_so(shared, broker, make_device):  # noqa: F811
    ann, bob = shared
    add_papers(ann, bob)
    carol = make_device("carol")
    ann.pair(carol)
    carol.add("papers", None, "--existing")
    carol.sync()
    written_by_ann(ann, bob)
    serving = bob.serve()
    alone = begin_alone(ann, broker)
    fill(carol.source("papers"), {"from carol": "carol\n"})
    done = carol.finish("sync", "papers", "--wait-for", bob.name)
    assert done.returncode == 0, done.stderr
    end_alone(alone)
    bob.stop(serving)


def test_who_serves_waits_likewise_and_goes_on_by_itself(shared, broker):
    ann, bob = shared
    serving = bob.serve()
    bob.sync()
    alone = begin_alone(ann, broker)
    alone.send_signal(signal.SIGCONT)
    wait_until(lambda: broker.audit("exclusive-ended"), "she has ended")
    end_alone(alone)
    wait_until(lambda: (bob.source() / "large").exists(), "it came by itself")
    assert (bob.source() / "large").read_bytes() == (ann.source() / "large").read_bytes()
    bob.stop(serving)


def kept_of_contents(device):
    """Bytes of contents that are on their way, and lie on the disk already."""
    files = [path for path in (device.source() / ".counterfoil").rglob("*") if path.is_file()]
    return sum(path.stat().st_blocks * 512 for path in files if path.stat().st_size >= 4_000_000)


def test_what_is_on_its_way_pauses_and_goes_on_where_it_was(shared, broker):
    ann, bob = shared
    large = os.urandom(8_000_000)
    bob.run("limit", "--down", "400K")
    serving = bob.serve()
    with open(ann.source() / "film", "wb") as file:
        file.write(large)
    ann.sync()
    wait_until(lambda: kept_of_contents(bob), "some of it has come")
    alone = begin_alone(ann, broker)
    bob.patiently("sync", code=9, said=f"notes: locked by {ann.name} until ")
    assert not (bob.source() / "film").exists() and kept_of_contents(bob), "it pauses"
    assert "another device communicates alone" in bob.run("status")
    end_alone(alone)
    bob.run("limit", "--down", "none")
    wait_until(lambda: (bob.source() / "film").exists(), "it goes on")
    assert (bob.source() / "film").read_bytes() == large
    bob.stop(serving)


def test_when_the_holder_is_killed_others_go_on_when_its_lease_is_over(shared, broker):
    ann, bob = shared
    written_by_ann(ann, bob)
    kill(begin_alone(ann, broker))
    assert bob.finish("sync").returncode == 9
    done = bob.finish("sync", "--timeout", f"{3 * LEASE}s")
    assert done.returncode == 0, done.stdout + done.stderr
    assert read(bob, "small") == "ann\n"


def locked_by(device, others):
    return [lock for lock in others.json("locks") if lock["device"] == device.name]


def test_who_does_not_get_all_gives_back_what_it_got(shared, broker):
    """Whichever of two collections is asked for first: the other one may be another's."""
    ann, bob = shared
    add_papers(ann, bob)
    for name in "notes", "papers":
        bob.run("lock", name, "--for", "10m")
        done = ann.finish("sync", "--exclusive")
        assert done.returncode == 9, (done.stdout, done.stderr)
        assert not locked_by(ann, bob)
        bob.run("unlock", name)


def copy_home(device, copy):
    shutil.copytree(device.home, copy, ignore=shutil.ignore_patterns("control"))


def restore_home(device, copy):
    shutil.rmtree(device.home)
    shutil.copytree(copy, device.home)


def kill(process):
    process.kill()
    process.wait()


def test_a_reader_has_nothing_to_communicate_alone(shared, broker):
    ann, bob = shared
    ann.run("devices", "role", bob.name, "reader")
    bob.sync()
    assert "only reads" in bob.run("sync", "--exclusive", code=6)
    assert not broker.audit("exclusive-begun")


def test_what_nobody_has_yet_needs_no_lock(shared, broker):
    """A collection that was just added, alone and beside one that is locked."""
    ann, bob = shared
    ann.add("papers", {"first": "papers"})
    ann.run("sync", "papers", "--exclusive")
    assert not broker.audit("exclusive-begun"), "there was nobody to exclude"
    ann.add("letters", {"first": "letters"})
    ann.run("sync", "--exclusive")
    assert len(broker.audit("exclusive-begun")) == 2, "notes and papers"
    bob.sync()
    bob.add("letters", None, "--existing")
    bob.sync()
    assert (bob.source("letters") / "first").read_text() == "letters"


def test_who_left_two_locks_and_does_not_know_of_them_has_them_again(shared, broker, tmp_path):
    """Its home was restored from a copy: to wait for them would be to wait for itself."""
    ann, bob = shared
    add_papers(ann, bob)
    copy_home(ann, tmp_path / "copy")
    kill(begin_alone(ann, broker, collections=("notes", "papers")))
    restore_home(ann, tmp_path / "copy")
    assert len(locked_by(ann, bob)) == 2
    ann.sync(0, "--exclusive")
    assert len(locked_by(ann, bob)) == 2, "what it had anyhow it keeps"


def test_who_knows_of_an_earlier_lock_than_the_one_it_left_has_that_again(shared, broker, tmp_path):
    """Of two that were killed its home has the first one's."""
    ann, bob = shared
    alone = begin_alone(ann, broker)
    copy_home(ann, tmp_path / "copy")
    kill(alone)
    kill(begin_alone(ann, broker))
    restore_home(ann, tmp_path / "copy")
    assert len(locked_by(ann, bob)) == 1
    ann.sync(0, "--exclusive")
    assert not locked_by(ann, bob), "and gives it back"


def test_two_locks_that_are_left_are_waited_for_until_their_leases_end(shared, broker):
    ann, bob = shared
    add_papers(ann, bob)
    kill(begin_alone(ann, broker, collections=("notes", "papers")))
    done = bob.finish("sync", "--exclusive", "--timeout", "5s")
    assert done.returncode == 9 and re.search(rf"locked by {ann.name} until \d\d:\d\d", done.stderr), done.stderr
    assert bob.finish("sync", "--exclusive", "--timeout", f"{3 * LEASE}s").returncode == 0


def test_who_serves_later_gives_back_what_one_had_that_was_killed(shared, broker):
    """And doesn't renew it."""
    ann, bob = shared
    kill(begin_alone(ann, broker))
    assert locked_by(ann, bob)
    serving = ann.serve()
    wait_until(lambda: not locked_by(ann, bob), "it is given back")
    ann.stop(serving)
    assert bob.finish("sync").returncode == 0


def test_who_serves_and_communicated_alone_goes_on_afterwards(shared):
    """Under no lock: what is saved then is published as before."""
    ann, bob = shared
    serving = ann.serve()
    assert ann.finish("sync", "--exclusive").returncode == 0
    write(ann, "after", "alone no more\n")
    wait_until(lambda: bob.finish("sync").returncode == 0 and (bob.source() / "after").exists(), "it comes")
    assert "stale" not in ann.run("status") and ann.finish("sync").returncode == 0
    ann.stop(serving)


@pytest.mark.parametrize("words", [["revoke", "desktop", "--yes"], ["role", "desktop", "reader"]], ids=["revoke", "role"])
def test_who_is_limited_meanwhile_keeps_what_the_broker_had_taken(shared, broker, words):
    """Ann has not got it yet, so her own log does not name it: the broker does."""
    ann, bob = shared
    written_by_ann(bob, ann)
    alone = begin_alone(bob, broker)
    ann.run("devices", *words)
    alone.send_signal(signal.SIGCONT)
    alone.communicate(timeout=WAIT)
    ann.sync()
    assert read(ann, "small") == "ann\n"
    assert (ann.source() / "middle").read_bytes() == (bob.source() / "middle").read_bytes()


def test_who_leaves_meanwhile_with_an_older_home_loses_nothing_of_what_it_wrote(shared, broker, tmp_path):
    ann, bob = shared
    copy_home(bob, tmp_path / "copy")
    written_by_ann(bob, ann)
    ann.sync()
    restore_home(bob, tmp_path / "copy")
    alone = begin_alone(ann, broker)
    bob.run("leave", "--yes")
    end_alone(alone)
    ann.sync()
    assert read(ann, "small") == "ann\n"
    assert (ann.source() / "middle").exists()
