# SPDX-License-Identifier: Apache-2.0
"""The program counterfoild, on a data directory of its own."""

import json
import os
import shlex
import signal
import subprocess
import time

import pytest

import protocol_crypto as crypto

COUNTERFOILD = os.environ["COUNTERFOILD"]
WAIT = 120  # a machine under load is ten times slower
PORT_IS_TAKEN = 9


class Broker:
    """A data directory, with or without a broker that runs on it."""

    def __init__(self, data):
        self.data = data
        self.log = data + ".log"  # what the running broker says
        self.process = None
        self.line = None

    def command(self, *arguments):
        return [COUNTERFOILD, "--data", self.data, *arguments]

    def start(self, *arguments, listen="tcp://127.0.0.1:0"):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                self.command("--listen", listen, *arguments), stdout=subprocess.PIPE, stderr=log, text=True
            )
        self.line = self.process.stdout.readline().strip()
        return self.line

    @property
    def place(self):
        return crypto.read_address(self.line)

    def restart(self):
        """On the port that peers know, which another test may have for a while."""
        line = self.line
        host, port, _ = self.place
        end = time.monotonic() + WAIT
        while self.start(listen=f"tcp://{host}:{port}") != line:
            self.process.communicate(timeout=WAIT)
            assert self.process.returncode == PORT_IS_TAKEN and time.monotonic() < end, self.process.returncode
            time.sleep(0.1)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        output, messages = self.process.communicate(timeout=WAIT)
        code, self.process = self.process.returncode, None
        assert output == ""
        return code

    def finish(self, *arguments):
        """The whole outcome of a verb."""
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=WAIT)

    def run(self, *arguments, code=0):
        done = self.finish(*arguments)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    def audit(self, what=None):
        """The lines of the audit log, each as a dictionary."""
        with open(self.log) as log:
            words = [shlex.split(line)[1:] for line in log if line.startswith("counterfoild: audit ")]
        lines = [dict(word.split("=", 1) for word in line[1:]) for line in words]
        return [line for line in lines if what in (None, line["what"])]

    def status(self):
        return json.loads(self.run("--json", "status"))


@pytest.fixture
def broker(tmp_path):
    made = Broker(str(tmp_path / "broker"))
    yield made
    if made.process:
        made.process.kill()
        made.process.communicate()
