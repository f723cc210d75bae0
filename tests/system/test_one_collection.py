# SPDX-License-Identifier: Apache-2.0
"""`sync COLLECTION` sends and fetches that collection only: what it costs, what waits, and what comes later."""

import os

import pytest

from counterfoil import WAIT, broker, make_device, tree, two, wait_until  # noqa: F401


@pytest.fixture
def shared(two):
    """Two devices with the same notes and papers."""
    ann, bob = two
    for name in "notes", "papers":
        ann.add(name, {"first": f"{name}\n"})
    ann.sync()
    bob.sync()
    for name in "notes", "papers":
        bob.add(name, None, "--existing")
    bob.sync()
    ann.sync()
    return ann, bob


def write(device, collection, name, content="new\n"):
    (device.source(collection) / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def alike(ann, bob):
    return all(tree(ann.source(name)) == tree(bob.source(name)) for name in ("notes", "papers"))


def fetched(ann, bob, entries, size):
    """What `sync notes` brings while so much of the papers waits, and what comes of that afterwards."""
    for n in range(entries):
        write(ann, "papers", f"{entries} {n}", os.urandom(size))
        ann.sync()
    write(ann, "notes", f"one beside {entries}", "x" * 100)
    ann.sync()
    one = bob.sync(0, "notes")["traffic"]
    assert (bob.source("notes") / f"one beside {entries}").exists()
    assert not (bob.source("papers") / f"{entries} 0").exists()
    rest = bob.sync()["traffic"]
    assert rest["entries_received"] == entries and rest["bytes_received"] > entries * size
    assert alike(ann, bob)
    return one["entries_received"], one["bytes_received"]


def test_what_it_fetches_does_not_grow_with_the_rest(shared):
    ann, bob = shared
    figures = [fetched(ann, bob, entries, size) for entries, size in ((1, 1000), (4, 20_000), (12, 300_000))]
    assert [entries for entries, _ in figures] == [1, 1, 1], figures
    assert max(size for _, size in figures) - min(size for _, size in figures) < 64, figures


def test_who_has_never_written_there_before_is_heard_all_the_same(shared):
    """Of a chain that begins nobody here knows yet in which collection it is."""
    ann, bob = shared
    for collection in "papers", "notes":
        write(bob, collection, "by bob")
        bob.sync()
    assert ann.sync(0, "notes")["in_sync"]
    assert (ann.source("notes") / "by bob").exists() and not (ann.source("papers") / "by bob").exists()
    write(bob, "notes", "again by bob")
    bob.sync(0, "notes")
    assert ann.sync(0, "notes")["in_sync"]
    assert (ann.source("notes") / "again by bob").exists()
    ann.sync()
    assert alike(ann, bob)


def unsent(device):
    return device.json("status")["broker"]["unsent"]


def test_what_was_made_elsewhere_stays_unsent_and_is_said(shared, broker):
    ann, bob = shared
    broker.stop()
    write(bob, "papers", "mine")
    bob.sync(5)
    assert unsent(bob) == 1
    broker.restart()
    write(bob, "notes", "mine too")
    outcome = bob.sync(0, "notes")
    assert outcome["traffic"]["entries_sent"] == 1 and outcome["in_sync"]
    assert unsent(bob) == 1
    ann.sync()
    assert (ann.source("notes") / "mine too").exists() and not (ann.source("papers") / "mine").exists()
    assert bob.sync()["traffic"]["entries_sent"] == 1
    assert unsent(bob) == 0
    ann.sync()
    assert alike(ann, bob)


def test_it_can_wait_for_others_and_be_alone(shared, broker):
    """Only what went out is waited for."""
    ann, bob = shared
    broker.stop()
    write(bob, "papers", "mine")
    bob.sync(5)
    broker.restart()
    serving = ann.serve()
    write(bob, "notes", "mine too")
    bob.run("sync", "notes", "--exclusive")
    bob.run("sync", "notes", "--wait-for", "all")
    assert (ann.source("notes") / "mine too").exists() and not (ann.source("papers") / "mine").exists()
    ann.stop(serving)
    bob.sync()
    ann.sync()
    assert alike(ann, bob)


def test_where_serve_runs_all_goes_on(shared):
    """While somebody asks for one collection, too, and waits."""
    ann, bob = shared
    serving = bob.serve()
    ann.run("lock", "notes")
    waiting = bob.start("sync", "notes", "--exclusive", "--timeout", "100s")
    assert "waiting for it" in waiting.stderr.readline()
    write(ann, "papers", "of ann")
    write(ann, "notes", "of ann")
    ann.sync()
    wait_until((bob.source("papers") / "of ann").exists, "it comes")
    ann.run("unlock", "notes")
    _, said = waiting.communicate(timeout=WAIT)
    assert waiting.returncode == 0, said
    bob.sync()
    assert alike(ann, bob)
    bob.stop(serving)


def test_who_is_shut_out_afterwards_keeps_what_was_not_fetched(shared):
    ann, bob = shared
    for collection in "papers", "notes":
        write(bob, collection, "by bob")
        bob.sync()
    ann.sync(0, "notes")
    ann.run("devices", "revoke", bob.name, "--yes")
    ann.sync()
    assert (ann.source("papers") / "by bob").exists()


def test_contents_of_the_others_wait_though_their_entries_have_come(shared):
    """A verb that asks the broker first takes all entries, and looks at nothing."""
    ann, bob = shared
    write(bob, "papers", "large", os.urandom(300_000))
    bob.sync()
    ann.run("devices", "role", bob.name, "reader")
    one = ann.sync(0, "notes")["traffic"]
    assert one["bytes_received"] < 1000 and not (ann.source("papers") / "large").exists()
    assert ann.sync()["traffic"]["bytes_received"] > 300_000
    assert alike(ann, bob)
