# SPDX-License-Identifier: Apache-2.0
"""The program counterfoild, on a data directory of its own."""

import json
import os
import random
import shlex
import signal
import socket
import subprocess
import time

import pytest

import protocol_crypto as crypto

COUNTERFOILD = os.environ["COUNTERFOILD"]
WAIT = 120  # a machine under load is ten times slower
PORT_IS_TAKEN = 9


def free_port():
    """None of those that the system gives to whoever asks for any, as connections do: a broker that is stopped gets its own back."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        end = min(int(file.read().split()[0]), 32768)
    if end <= 4096:
        return 0
    while True:
        port = random.SystemRandom().randrange(2048, end)
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Broker:
    """A data directory, with or without a broker that runs on it."""

    def __init__(self, data):
        self.data = data
        self.log = data + ".log"  # what the running broker says
        self.process = None
        self.line = None
        self.prefix = []  # of its commands: who runs it

    def command(self, *arguments):
        return [*self.prefix, COUNTERFOILD, "--data", self.data, *arguments]

    def start(self, *arguments, listen=None):
        listen = listen or f"tcp://127.0.0.1:{free_port()}"
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
            words = [shlex.split(line.partition(" counterfoild: audit ")[2]) for line in log]
        lines = [dict(word.split("=", 1) for word in line) for line in words if line]
        return [line for line in lines if what in (None, line["what"])]

    def status(self):
        done = self.finish("--json", "status")
        assert done.returncode == (0 if self.process else 5), done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def broker(tmp_path):
    made = Broker(str(tmp_path / "broker"))
    yield made
    if made.process:
        made.process.kill()
        made.process.communicate()
