# SPDX-License-Identifier: Apache-2.0
"""What the operator, or what watches for him, hears of a broker."""

import json
import os
import signal
import subprocess
import time

import pytest

import broker_client
from counterfoild import WAIT, broker  # noqa: F401


def put(broker, size, *arguments):
    """A user whose blob is so large."""
    account, device = broker_client.enrol(broker.run("invite", *arguments).strip())
    with device.session(broker.line) as session:
        session.hello(account.user)
        name = session.put(os.urandom(size))
    return account, name


def test_ends_with_what_it_found(broker):
    broker.run("status", code=3)
    broker.start()
    assert "attention" not in broker.run("status") and broker.run("status", "--check")
    broker.stop()
    said = broker.finish("status")
    assert said.returncode == 5 and "running    no" in said.stdout and "no broker runs there" in said.stderr
    assert "--check is for status" in broker.run("users", "--check", code=2)


VERBS = ("status", "status --check", "address", "users", "invitations", "verify", "users remove bob --yes")


def test_waits_no_longer_than_it_should_for_one_that_hangs(broker):
    broker.start()
    broker.run("invite", "--name", "bob")
    os.kill(broker.process.pid, signal.SIGSTOP)
    asking = [
        subprocess.Popen(broker.command(*verb.split()), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for verb in VERBS
    ]
    for verb, process in zip(VERBS, asking, strict=True):
        said = process.communicate(timeout=60)[1]
        assert process.returncode == 5 and "no answer within 5 s" in said, (verb, said)
    os.kill(broker.process.pid, signal.SIGCONT)
    assert broker.run("status")
    assert "bob" in broker.run("invitations"), "what was not asked is not done"


def test_what_a_broker_that_hangs_was_asked_to_change_may_be_done_all_the_same_and_that_is_said(broker):
    broker.start()
    broker.run("invite", "--name", "bob")
    os.kill(broker.process.pid, signal.SIGSTOP)
    asked = {"invite --name late": "invitations", "invitations revoke bob": "invitations"}
    asking = [
        subprocess.Popen(broker.command(*verb.split()), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for verb in asked
    ]
    for (verb, shown), process in zip(asked.items(), asking, strict=True):
        said = process.communicate(timeout=WAIT)[1]
        assert process.returncode == 5 and f"process that serves it ({broker.process.pid})" in said, (verb, said)
        assert f"may be done all the same, now or when that goes on; `counterfoild {shown}` shows" in said, (verb, said)
    os.kill(broker.process.pid, signal.SIGCONT)
    kept = broker.run("invitations")
    assert "late" in kept and "bob" not in kept, kept


def test_a_quota_that_is_nearly_used_up_needs_attention(broker):
    broker.start()
    account, _ = put(broker, 95_000, "--quota", "100K")
    other, _ = put(broker, 50_000, "--quota", "100K")
    named, _ = put(broker, 95_000, "--quota", "100K", "--name", "bob")
    said = broker.run("status")
    assert f"user bob ({named.user.hex()[:12]}) has" in said
    broker.run("users", "quota", "bob", "1G")
    said = broker.run("status")
    assert f"user {account.user.hex()[:12]} has" in said and other.user.hex()[:12] not in said
    assert "it needs attention" in broker.run("status", "--check", code=1)
    assert len(broker.status()["attention"]) == 1
    broker.run("users", "quota", account.user.hex(), "1G")
    assert broker.run("status", "--check") and not broker.status()["attention"]


def test_of_many_it_names_the_first(broker):
    broker.start()
    for _ in range(18):
        broker_client.enrol(broker.run("invite", "--quota", "100").strip())
    said = broker.run("status")
    assert said.count("attention  user") == 16 and "attention  and 2 more" in said
    assert len(broker.status()["attention"]) == 16


@pytest.mark.parametrize("runs", (True, False), ids=("runs", "stopped"))
def test_damage_is_remembered_until_it_is_mended(broker, runs):
    broker.start()
    account, name = put(broker, 5000)
    assert broker.status()["verified"] is None and "verified   never" in broker.run("status")
    path = os.path.join(broker.data, "blobs", account.user.hex(), name.hex()[:2], name.hex())
    whole = open(path, "rb").read()
    with open(path, "r+b") as file:
        file.write(b"another")
    if not runs:
        broker.stop()
    broker.run("verify", code=7)
    if not runs:
        broker.restart()
    assert "the last verify found damage: 1" in broker.run("status")
    broker.run("status", "--check", code=1)
    with open(path, "wb") as file:
        file.write(whole)
    broker.run("verify")
    assert broker.run("status", "--check") and broker.status()["verified"]


def test_a_control_socket_that_was_removed_is_made_again(broker):
    broker.start()
    os.unlink(os.path.join(broker.data, "control"))
    end = time.monotonic() + WAIT
    while (done := broker.finish("--json", "status")).returncode and time.monotonic() < end:
        time.sleep(0.2)
    assert json.loads(done.stdout)["running"]
    assert broker.stop() == 0 and not os.path.exists(os.path.join(broker.data, "control"))


def test_the_brokers_quota_is_that_of_who_is_invited_without(broker):
    broker.start("--quota", "2M")
    quotas = {}
    for arguments, quota in ([], 2 << 20), (["--quota", "5K"], 5 << 10), (["--quota", "none"], 0):
        account, _ = broker_client.enrol(broker.run("invite", *arguments).strip())
        quotas[account.user.hex()] = quota
    assert {user["user"]: user["quota"] or 0 for user in json.loads(broker.run("--json", "users"))} == quotas
    broker.stop()
    broker.restart()
    assert {user["user"]: user["quota"] or 0 for user in json.loads(broker.run("--json", "users"))} == quotas, "it is kept"
    account, _ = broker_client.enrol(broker.run("invite").strip())
    assert {user["user"]: user["quota"] or 0 for user in json.loads(broker.run("--json", "users"))}[account.user.hex()] == 0
