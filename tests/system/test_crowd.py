# SPDX-License-Identifier: Apache-2.0
"""Thousands of silent connections from everywhere, at a broker that has not descriptors enough for them all."""

import os
import resource

import pytest

from counterfoil import wait_until
from counterfoild import Broker
from test_strangers import PAPERS, body, expect_open, is_ended, silent, GREETING
from broker_client import enrol

SANITIZED = os.environ.get("COUNTERFOIL_SANITIZED") == "1"
CROWD, ADDRESSES = (1000, 100) if SANITIZED else (5000, 250)
DESCRIPTORS = max(CROWD // 5, 400)  # a quarter of them is for strangers


class Small(Broker):
    """Has only so many descriptors."""

    def command(self, *arguments):
        return ["sh", "-c", f'ulimit -n {DESCRIPTORS}; exec "$@"', "sh", *super().command(*arguments)]


@pytest.fixture
def broker(tmp_path):
    made = Small(str(tmp_path / "broker"))
    made.start()
    yield made
    made.process.kill()
    made.process.communicate()


@pytest.fixture
def descriptors():
    """Enough of them on this side, or a smaller crowd."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_member_goes_on_among_thousands_of_silent_connections(broker, descriptors):
    """Each address has fewer than it may; half of them begin a handshake and say no more."""
    if descriptors < CROWD + 500:
        pytest.skip(f"needs {CROWD + 500} descriptors, and may have {descriptors}")
    ann, bob = (enrol(broker.run("invite").strip())[1] for _ in range(2))
    crowd = []
    try:
        with ann.session(broker.line) as session:
            session.hello(ann.user, ann.log.heads())
            for number in range(ADDRESSES):
                address = f"127.{1 + number % 7}.{number % 11}.{1 + number % 250}"
                crowd += silent(broker, CROWD // ADDRESSES, address, GREETING if number % 2 else b"")
                if number % 5 == 0:
                    session.publish(ann.write_change(PAPERS, body()))
            expect_open(broker, bob)
            wait_until(lambda: sum(map(is_ended, crowd)) >= CROWD - DESCRIPTORS // 4, "only so many are left")
            expect_open(broker, bob)
            session.publish(ann.write_change(PAPERS, body()))
        reasons = {line["why"] for line in broker.audit("connection-refused")}
        assert "too many connections without a session" in reasons, "not only because they were silent for long"
    finally:
        for connection in crowd:
            connection.close()
