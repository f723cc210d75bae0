# SPDX-License-Identifier: Apache-2.0
"""A device that has a lock and does not know of it."""

import shutil

import pytest

from counterfoil import broker, make_device, two  # noqa: F401
from lock_scene import mode, pending, read, shared, write  # noqa: F401


@pytest.fixture
def forgetful(shared, tmp_path):
    """Has a lock that it does not know of: its home was restored from a copy of the time before."""

    def lock(*words):
        ann, bob = shared
        copy = str(tmp_path / "copy")
        shutil.copytree(ann.home, copy, ignore=shutil.ignore_patterns("control"))
        ann.run("lock", *words)
        shutil.rmtree(ann.home)
        shutil.copytree(copy, ann.home)
        assert ann.json("locks")[0]["this"]
        return ann, bob

    return lock


def test_a_restored_home_is_not_locked_out_by_its_own_lock(forgetful):
    ann, bob = forgetful("notes")
    write(ann, "page", "ann\n")
    write(bob, "page", "bob\n")
    ann.sync()
    assert not pending(ann, "locked")
    bob.patiently("sync", code=9)
    ann.run("unlock", "notes")
    assert ann.json("locks") == []
    assert "not locked" in ann.run("unlock", "notes", code=3)
    bob.sync(4)


@pytest.mark.parametrize("words", [[], ["--break"]])
def test_a_restored_home_gives_back_its_lock_of_a_path(forgetful, shared, words):
    ann, bob = shared
    page = str(ann.source() / "page")
    forgetful(page)
    bob.sync()
    assert mode(bob, "page") == 0o444
    ann.run("unlock", page, *words)
    assert ann.json("locks") == []
    bob.sync()
    assert mode(bob, "page") == 0o644


@pytest.mark.parametrize("words", [[], ["--wait"]])
def test_a_restored_home_locks_again_what_it_has_locked(forgetful, words):
    ann, bob = forgetful("notes", "--for", "5m")
    before = ann.json("locks")[0]["until"]
    ann.run("lock", "notes", "--for", "20m", *words)
    (lock,) = ann.json("locks")
    assert lock["this"] and lock["until"] > before
    bob.run("lock", "notes", code=9)
    ann.run("unlock", "notes")
    bob.run("lock", "notes")


def test_a_restored_home_communicates_alone_under_its_lock(forgetful):
    ann, bob = forgetful("notes")
    write(ann, "page", "ann\n")
    ann.sync(0, "--exclusive")
    bob.sync()
    assert read(bob, "page") == "ann\n"


def test_a_restored_home_is_told_that_its_lock_is_shared(forgetful):
    ann, _ = forgetful("notes", "--shared")
    assert "this device has it locked" in ann.run("lock", "notes", code=2)
    ann.run("unlock", "notes")
    ann.run("lock", "notes")
