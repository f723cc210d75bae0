# SPDX-License-Identifier: Apache-2.0
"""A broker is killed at any call by which it is made; the next one makes it, as if nothing had been."""

import os
import random
import shutil
import signal
import subprocess

import pytest

from counterfoild import Broker
from strike import Strike

STRIKES = int(os.environ.get("CF_CRASH_MAKING", "8"))
ENDS = {1, 7, -signal.SIGKILL, -signal.SIGABRT}  # Debian's RocksDB has assertions, which a failed write breaks


def make(broker, strike, at, kind):
    shutil.rmtree(broker.data, ignore_errors=True)
    strike.aim(at, kind)
    done = subprocess.run(
        broker.command("init"), env={**os.environ, **strike.environment}, capture_output=True, text=True, timeout=120
    )
    return done, strike.count, strike.call


@pytest.mark.parametrize("kind", ("kill", "EIO", "ENOSPC"))
def test_a_broker_that_was_not_finished_is_finished_next(tmp_path, kind):
    broker, strike = Broker(str(tmp_path / "broker")), Strike(tmp_path / "strike")
    done, count, _ = make(broker, strike, 0, "kill")
    assert done.returncode == 0 and count > 50
    dice = random.Random(kind)
    struck = 0
    for at in [1 + (count * i + dice.randrange(count)) // STRIKES for i in range(STRIKES)]:
        done, _, call = make(broker, strike, min(at, count), kind)
        struck += bool(call)
        what = f"{kind} at {at} of {count} ({call}): {done.returncode} {done.stderr}"
        assert done.returncode in ENDS or (done.returncode == 0 and (not call or kind != "kill")), what
        again = broker.finish("init")
        assert again.returncode == 0 or "there is a broker already" in again.stderr, f"{what}\n{again.stderr}"
        assert broker.run("verify") == "everything is whole\n", what
    assert struck > STRIKES // 2
