# SPDX-License-Identifier: Apache-2.0
"""Files that nobody has any more: who waits for them is told, and may do without."""

import json
import os

import pytest

from counterfoil import broker, fill, make_device, pair_of_notes, tree, two, wait_until  # noqa: F401
from stand import put
from test_recovery import another


def lose_blobs(broker):
    """The broker's disk lost them, and it has found that out."""
    broker.stop()
    for folder, _, names in os.walk(os.path.join(broker.data, "blobs")):
        for name in names:
            os.unlink(os.path.join(folder, name))
    broker.restart()
    assert "asked for it" in broker.finish("verify").stdout


def waiting(device, verb="sync"):
    """Path -> reason."""
    (collection,) = json.loads(device.finish("--json", verb).stdout)["collections"]
    return {one["path"]: one["reason"] for one in collection["pending"]}


def names(folder):
    return {name for name in tree(folder) if "/" not in name and name not in ("sub", "one.txt")}


@pytest.fixture
def tablet(pair_of_notes, make_device):
    """Another one, that has been let in and has nothing yet."""
    return another(pair_of_notes[0], make_device)


@pytest.fixture
def lost_one(broker, pair_of_notes, tablet):
    """The laptop wrote it and is away; the desktop has never had it."""
    laptop, desktop, here, there = pair_of_notes
    content = os.urandom(300_000)
    put(here, "large", content)
    laptop.sync()
    lose_blobs(broker)
    return laptop, desktop, here, there, content


@pytest.fixture
def lost_edit(broker, pair_of_notes, tablet):
    """The desktop has the version before."""
    laptop, desktop, here, there = pair_of_notes
    put(here, "large", b"before\n")
    laptop.sync()
    desktop.sync()
    content = os.urandom(300_000)
    put(here, "large", content)
    laptop.sync()
    lose_blobs(broker)
    return laptop, desktop, here, there, content


def test_who_waits_is_told_who_wrote_it_and_what_can_be_done(lost_one):
    laptop, desktop, _, _, _ = lost_one
    for verb in "sync", "status", "sync":
        (told,) = waiting(desktop, verb).items()
        assert told[0] == "large" and "written on laptop" in told[1]
        assert "waits for a device that has all of it" in told[1] and "sync --give-up PATH" in told[1]
    assert laptop.sync()["in_sync"], "it is back"
    assert desktop.sync()["in_sync"] and waiting(desktop, "status") == {}


def test_what_was_never_here_is_given_up_by_its_name(lost_one, tablet):
    laptop, desktop, _, there, _ = lost_one
    desktop.run("sync", code=1)
    assert "1 file given up" in desktop.finish("sync", "--give-up", there / "large").stderr
    assert desktop.sync()["in_sync"] and names(there) == set()
    assert "deleted large" in desktop.run("log", there / "large")
    assert tablet.sync()["in_sync"] and tree(tablet.source()) == tree(there)
    desktop.run("sync", "--give-up", there / "large", code=3)


def test_the_version_before_stands_again(lost_edit, tablet):
    _, desktop, _, there, _ = lost_edit
    assert "large" in waiting(desktop)
    done = desktop.finish("sync", "--give-up", there)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (there / "large").read_bytes() == b"before\n" and names(there) == {"large"}
    assert tablet.sync()["in_sync"] and tree(tablet.source()) == tree(there)


def test_who_has_it_after_all_keeps_it(lost_one):
    laptop, desktop, here, there, content = lost_one
    desktop.run("sync", "--give-up", there / "large")
    assert laptop.sync()["in_sync"]
    assert (here / "large").read_bytes() == content, "nobody who deleted it had ever seen it"
    assert desktop.sync()["in_sync"] and (there / "large").read_bytes() == content
    os.unlink(there / "large")
    desktop.sync()
    laptop.sync()
    assert names(here) == set(), "who has seen it may delete it"


def test_who_has_an_edit_after_all_keeps_it_beside(lost_edit):
    laptop, desktop, here, there, content = lost_edit
    desktop.run("sync", "--give-up", there / "large")
    for device in laptop, desktop, laptop:
        device.finish("sync")
    assert tree(here) == tree(there)
    beside = names(here) - {"large"}
    assert len(beside) == 1 and "(conflict" in min(beside)
    assert {(here / name).read_bytes() for name in names(here)} == {b"before\n", content}
    os.unlink(here / min(beside))
    assert laptop.sync()["in_sync"] and desktop.sync()["in_sync"]
    assert names(here) == names(there) == {"large"}


def test_an_ordinary_change_keeps_both_and_gives_nothing_up(lost_edit):
    """Whoever makes one need not know what else there is."""
    laptop, desktop, here, there, content = lost_edit
    desktop.run("sync", code=1)
    put(there, "large", b"mine\n")
    assert len(waiting(desktop)) == 1
    os.unlink(there / "large")
    assert len(waiting(desktop)) == 1
    for device in laptop, desktop:
        device.finish("sync")
    assert content in {(there / name).read_bytes() for name in names(there)}
    assert tree(here) == tree(there)


def test_a_file_of_ones_own_stays_where_it_is_shown_and_may_have_its_name_again(lost_one, tablet):
    _, desktop, _, there, _ = lost_one
    desktop.run("sync", code=1)
    put(there, "large", b"mine\n")
    desktop.finish("sync")
    (shown,) = names(there)
    assert "(conflict" in shown
    desktop.finish("sync", "--give-up", there / "large")
    assert names(there) == {shown}, "a deletion moves nothing else"
    os.rename(there / shown, there / "large")
    assert desktop.sync()["in_sync"] and tablet.sync()["in_sync"]
    assert tree(there) == tree(tablet.source()) and (there / "large").read_bytes() == b"mine\n"


def test_all_that_is_lost_in_a_folder_is_given_up_at_once(broker, pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    desktop.sync()
    for n in range(8):
        put(here, f"sub/large {n}", os.urandom(100_000))
    put(here, "large", os.urandom(100_000))
    laptop.sync()
    lose_blobs(broker)
    assert len(waiting(desktop)) == 9
    done = desktop.finish("sync", "--give-up", there / "sub", "--yes")
    assert "8 files given up" in done.stderr
    assert list(waiting(desktop)) == ["large"], "nothing else is"


def test_what_can_be_had_is_not_given_up(broker, pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    put(here, "large", os.urandom(300_000))
    laptop.sync()
    desktop.run("sync", "--give-up", there / "large", code=3)
    assert tree(here) == tree(there), "it came before that was asked"
    put(here, "large", os.urandom(300_000))
    laptop.sync()
    broker.stop()
    desktop.run("sync", "--give-up", there / "large", "--timeout", "2s", code=5)
    broker.restart()
    assert desktop.sync()["in_sync"] and tree(here) == tree(there)


def test_it_is_refused_where_nothing_can_come_of_it(lost_one, tmp_path):
    _, desktop, _, there, _ = lost_one
    desktop.run("sync", "--give-up", tmp_path / "elsewhere", code=3)
    desktop.run("sync", "--give-up", there / "large", "--dry-run", code=2)
    desktop.run("set", there, "--mode", "receive")
    desktop.run("sync", "--give-up", there / "large", code=6)
    desktop.run("set", there, "--mode", "both")
    assert "large" in waiting(desktop)


def test_serve_does_it_as_well(lost_edit):
    laptop, desktop, here, there, content = lost_edit
    desktop.serve()
    wait_until(lambda: "written on laptop" in waiting(desktop, "status").get("large", ""), "it is told")
    desktop.run("sync", "--give-up", there / "large")
    assert not waiting(desktop, "status")
    assert (there / "large").read_bytes() == b"before\n"


def test_where_it_went_is_not_given_up(broker, pair_of_notes, tablet):
    """It was moved and edited: the move stands, with the content from before."""
    laptop, desktop, here, there = pair_of_notes
    put(here, "large", b"before\n")
    laptop.sync()
    desktop.sync()
    os.rename(here / "large", here / "moved")
    laptop.sync()
    put(here, "moved", os.urandom(300_000))
    laptop.sync()
    lose_blobs(broker)
    assert waiting(desktop).keys() == {"large"}, "it is done at once, or not yet"
    desktop.run("sync", "--give-up", there)
    assert desktop.sync()["in_sync"] and tablet.sync()["in_sync"]
    assert names(there) == {"moved"} and (there / "moved").read_bytes() == b"before\n"
    assert tree(there) == tree(tablet.source())


def test_who_has_it_keeps_it_though_its_place_has_changed(lost_edit):
    laptop, desktop, here, there, content = lost_edit
    desktop.run("sync", "--give-up", there)
    os.rename(there / "large", there / "renamed")
    put(there, "large", b"another\n")
    desktop.sync()
    for device in laptop, desktop, laptop:
        device.finish("sync")
    assert tree(here) == tree(there)
    assert {(here / name).read_bytes() for name in names(here)} == {b"before\n", b"another\n", content}


def test_of_two_versions_the_one_that_nobody_has_is_given_up(lost_edit, tablet):
    _, desktop, _, there, _ = lost_edit
    put(there, "large", b"mine\n")
    (path,) = waiting(desktop)
    assert "(conflict" in path
    desktop.run("sync", "--give-up", there / path)
    assert desktop.sync()["in_sync"] and tablet.sync()["in_sync"]
    assert names(there) == {"large"} and (there / "large").read_bytes() == b"mine\n"
    assert tree(there) == tree(tablet.source())
