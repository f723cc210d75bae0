# SPDX-License-Identifier: Apache-2.0
"""Removing a user of a damaged store, and what repairs keep of one: nobody is called gone of whom something is left."""

import json
import pathlib
import shutil

import pytest

from counterfoild import broker  # noqa: F401
from broker_client import enrol
from test_broker_repair import REPAIR
from test_users import files_with, publish

NOT_FINISHED = "the removal of user {} is not finished: "


@pytest.fixture
def two_users(broker):
    """Of a running broker, in one table, which is `broker.table`: whose keys stand first there, and the other."""
    broker.start()
    users = [enrol(broker.run("invite", "--name", name).strip())[1] for name in ("ann", "bob")]
    for user in users:
        publish(broker, user, 100, 6000)
    broker.stop()
    broker.restart()  # what was in the log is in tables
    broker.table = max(pathlib.Path(broker.data, "store").glob("*.sst"), key=lambda path: path.stat().st_size)
    assert broker.table.stat().st_size > 1_100_000
    return sorted(users, key=lambda user: user.user)


def damage(table):
    whole = bytearray(table.read_bytes())
    whole[len(whole) // 4] ^= 0x5A
    table.write_bytes(whole)


def listed(broker):
    return [one["user"] for one in json.loads(broker.run("--json", "users"))]


def says_it_is_not_finished(broker, user, code):
    told = NOT_FINISHED.format(user.user.hex()[:12])
    done = broker.finish("status", "--check")
    assert done.returncode == code and f"attention  {told}" in done.stdout, done
    found = json.loads(broker.finish("--json", "status").stdout)
    assert found["unfinished_removals"] == [user.user.hex()] and any(told in line for line in found["attention"]), found
    return done.stdout


@pytest.mark.parametrize("runs", (True, False), ids=("running", "stopped"))
def test_a_removal_that_meets_the_damage_of_another_user_says_what_finishes_it(broker, two_users, runs):
    first, removed = two_users
    broker.stop()
    damage(broker.table)
    if runs:
        broker.restart()
    said = broker.run("users", "remove", removed.user.hex(), "--yes", code=7)
    assert "the user is out" in said and broker.table.name in said and REPAIR in said, said
    assert listed(broker) == [first.user.hex()]
    said = says_it_is_not_finished(broker, removed, 1 if runs else 5)
    assert REPAIR in said and broker.table.name in said
    again = broker.run("users", "remove", removed.user.hex(), "--yes", code=3)
    assert f"the removal of user {removed.user.hex()[:12]} is not finished" in again and "`status`" in again, again
    if runs:
        broker.stop()
    says_it_is_not_finished(broker, removed, 5)
    broker.restart()
    assert NOT_FINISHED.format(removed.user.hex()[:12]) in open(broker.log).read()
    says_it_is_not_finished(broker, removed, 1)
    broker.stop()
    broker.finish("verify", "--repair")
    assert REPAIR not in says_it_is_not_finished(broker, removed, 5).partition(NOT_FINISHED[:20])[2], "as it was mended"
    broker.restart()
    assert broker.status()["unfinished_removals"] == []
    assert {pathlib.Path(name).parent.name for name in files_with(broker, removed.user)} <= {"store.damaged"}
    assert listed(broker) == [first.user.hex()] and broker.run("verify") == "everything is whole\n"


@pytest.mark.parametrize("runs", (True, False), ids=("running", "stopped"))
def test_what_a_repair_kept_is_told_of_and_who_is_removed_is_not_called_gone_from_there(broker, two_users, runs):
    removed, other = two_users
    broker.stop()
    broker.run("status", code=5)
    damage(broker.table)
    broker.finish("verify", "--repair")
    kept = pathlib.Path(broker.data, "store.damaged")
    half = pathlib.Path(broker.data, "store.mending")  # of another repair, that was interrupted
    half.mkdir()
    (half / "000009.sst").write_bytes(removed.user)
    if runs:
        broker.restart()
    said = broker.finish("status")
    size = sum(path.stat().st_size for path in kept.iterdir())
    (line,) = [line for line in said.stdout.splitlines() if line.startswith("kept ")]
    assert "store.damaged, " in line and f"rm -r {kept}" in line and "still has" not in said.stdout, said
    found = json.loads(broker.finish("--json", "status").stdout)
    assert found["kept_stores"] == [{"name": "store.damaged", "bytes": size, "has_removed_users": False}]

    done = broker.finish("users", "remove", removed.user.hex(), "--yes")
    assert done.returncode == 1 and removed.user.hex() in done.stdout and f"`rm -r {kept}`" in done.stderr, done
    assert {pathlib.Path(name).parent for name in files_with(broker, removed.user)} == {kept} and not half.exists()
    done = broker.finish("status", "--check")
    assert done.returncode == (1 if runs else 5) and "attention  store.damaged still has" in done.stdout, done
    assert not broker.status()["unfinished_removals"]
    if not runs:
        broker.restart()
    assert [(line["user"], line["why"]) for line in broker.audit("user-removed")] == [
        (removed.user.hex()[:12], "store.damaged still has it")]
    assert listed(broker) == [other.user.hex()]
    _, late = enrol(broker.run("invite").strip())  # of whom nothing is there
    broker.run("users", "remove", late.user.hex(), "--yes")
    shutil.rmtree(kept)
    done = broker.finish("status")
    assert "still has" not in done.stdout and "kept " not in done.stdout and files_with(broker, removed.user) == []


@pytest.mark.parametrize("runs", (True, False), ids=("running", "stopped"))
def test_a_repair_says_that_what_the_operator_decided_may_be_undone(broker, two_users, runs):
    """The log that had it is gone with it."""
    user, _ = two_users
    line = broker.run("invite", "--name", "carl").strip()
    broker.stop()
    broker.restart()
    broker.run("invitations", "revoke", "carl")
    broker.run("users", "quota", user.user.hex(), "3M")
    broker.stop()
    for log in broker.table.parent.glob("*.log"):
        log.unlink()
    done = broker.finish("verify", "--repair")
    typed_again = "`users remove`, `invitations revoke`, `users quota`"
    assert done.returncode == 0 and typed_again in done.stderr and "everything is whole" in done.stdout, done
    assert "carl" in broker.run("invitations"), "it is good again"
    if runs:
        broker.restart()
    done = broker.finish("status", "--check")
    assert done.returncode == (1 if runs else 5), done
    (told,) = [line for line in done.stdout.splitlines() if "the store was mended" in line]
    assert told.startswith("attention  ") and typed_again in told and "`verify` ends this" in told
    assert broker.run("verify") == "everything is whole\n"
    assert "the store was mended" not in broker.finish("status").stdout
    assert broker.finish("verify", "--repair").returncode == (9 if runs else 0)
    assert "the store was mended" not in broker.finish("status").stdout, "nothing was"
    if not runs:
        broker.restart()
    enrol(line)
