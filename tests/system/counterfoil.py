# SPDX-License-Identifier: Apache-2.0
"""The program counterfoil: devices with homes of their own, and what people do with them."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from counterfoild import Broker, broker  # noqa: F401
from short_form import ALL

COUNTERFOIL = os.environ["COUNTERFOIL"]
WAIT = 120  # a machine under load is ten times slower
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERFOIL_")}


def wait_until(condition, what, seconds=WAIT):
    """Who asks a program asks it a quarter of the time, not all of it: others want the processors."""
    end = time.monotonic() + seconds
    asked = time.monotonic()
    while not condition():
        now = time.monotonic()
        assert now < end, f"waited in vain until {what}"
        time.sleep(min(max(0.02, 3 * (now - asked)), 0.5))
        asked = time.monotonic()


class Device:
    """A home, and processes that run on it."""

    def __init__(self, folder, name):
        self.name = name
        self.home = str(folder / f"home-{name}")
        self.folder = folder
        self.processes = []

    def command(self, *arguments):
        return [COUNTERFOIL, "--home", self.home, *arguments]

    def finish(self, *arguments, stdin="", environment=None, folder=None):
        """The whole outcome of a verb."""
        return subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=WAIT, input=stdin,
            env={**CLEAN, **(environment or {})}, cwd=folder,
        )

    def run(self, *arguments, code=0, **more):
        """Its stdout, or its stderr where it is to fail."""
        done = self.finish(*arguments, **more)
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stderr if code not in (0, 4) else done.stdout

    def json(self, *arguments, code=0, **more):
        done = self.finish("--json", *arguments, **more)
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def patiently(self, *arguments, code, said=""):
        """A verb that is to end at its timeout in this way: the timeout is longer where this machine is too slow even
        to ask."""
        for seconds in 1, 4, 16, 64:
            done = self.finish(*arguments, "--timeout", f"{seconds}s")
            if done.returncode == code and said in done.stdout + done.stderr:
                return done
        raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}")

    def start(self, *arguments, environment=None):
        process = subprocess.Popen(
            self.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**CLEAN, **(environment or {})},
        )
        self.processes.append(process)
        return process

    def serve(self, environment=None):
        process = self.start("serve", environment=environment)
        assert "serving" in process.stderr.readline()
        return process

    def stop(self, process, number=signal.SIGTERM):
        process.send_signal(number)
        process.communicate(timeout=WAIT)
        return process.returncode

    def killed(self, *arguments, after):
        """A verb that is killed when so many seconds have passed, unless it has ended: its exit code."""
        process = self.start(*arguments)
        try:
            process.communicate(timeout=after)
        except subprocess.TimeoutExpired:
            self.stop(process, signal.SIGKILL)
        return process.returncode

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()

    # What people do.

    def init(self, line=None):
        return self.json("init", *([line] if line else []), "--name", self.name)

    def pair(self, other, *arguments):
        """Lets the other device in; both names and fingerprints must agree."""
        pairing = self.start("pair", *arguments)
        code = pairing.stdout.readline().strip()
        assert code, pairing.communicate(timeout=WAIT)[1]
        joined = other.json("join", "-", "--name", other.name, stdin=code + "\n")
        output, messages = pairing.communicate(timeout=WAIT)
        assert pairing.returncode == 0, messages
        assert output.split() == [other.name, joined["fingerprint"]]
        return code

    def source(self, name="notes"):
        return self.folder / f"{self.name}-{name}"

    def add(self, name="notes", files=None, *arguments):
        """A source, with these files in it."""
        source = self.source(name)
        source.mkdir(exist_ok=True)
        fill(source, files or {})
        self.json("add", str(source), "--collection", name, *arguments)
        return source

    def sync(self, code=0, *arguments):
        return self.json("sync", *arguments, code=code)


def both(laptop, desktop, code=0):
    """Until each has what the other did, and ends so."""
    rounds((laptop, desktop), code)


def rounds(devices, code=None):
    """Each syncs twice, in this order, and ends with this code the second time: all their codes. In the short form a device
    that was at its end doesn't look again where no other has told anything since: what the laptop did takes a sync of each,
    what the desktop did one more of the laptop."""
    codes, told = [], []
    for turn, device in enumerate(devices * 2):
        before = turn - len(devices)
        if not ALL and before >= 0 and codes[before] == (code or 0) and not any(told[before + 1:]):
            codes.append(codes[before])
            told.append(False)
            continue
        done = device.finish("--json", "sync")
        assert before < 0 or code in (None, done.returncode), f"{device.name}: {done.returncode}\n{done.stdout}{done.stderr}"
        codes.append(done.returncode)
        told.append(not done.stdout or json.loads(done.stdout)["traffic"]["entries_sent"] > 0)
    return codes


def fill(source, files):
    for path, content in files.items():
        where = os.path.join(os.fsencode(source), os.fsencode(path))
        os.makedirs(os.path.dirname(where), exist_ok=True)
        with open(where, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())


def tree(source):
    """What lies in a source: contents of files, targets of links, None for directories."""
    found = {}
    top = os.fsencode(source)
    for folder, folders, files in os.walk(top):
        if b".counterfoil" in folders:
            folders.remove(b".counterfoil")
        for name in folders + files:
            path = os.path.join(folder, name)
            short = os.fsdecode(os.path.relpath(path, top))
            if os.path.islink(path):
                found[short] = ("link", os.readlink(path))
            elif os.path.isdir(path):
                found[short] = None
            else:
                with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:  # it may just have been moved
                    found[short] = file.read()
    return found


@pytest.fixture
def make_device(tmp_path):
    made = []

    def make(name):
        made.append(Device(tmp_path, name))
        return made[-1]

    yield make
    for device in made:
        device.end()


class Paired:
    """A broker, and a user with two devices: made once in a run of pytest, and copied for each test that begins so. It is a
    third of what such a test costs."""

    made = None

    def __init__(self, folder):
        self.broker = Broker(str(folder / "broker"))
        self.devices = Device(folder, "laptop"), Device(folder, "desktop")
        self.broker.start()
        laptop, desktop = self.devices
        laptop.init(self.broker.run("invite").strip())
        laptop.pair(desktop)
        self.broker.stop()

    def copy_to(self, broker, devices):
        shutil.copytree(self.broker.data, broker.data)
        shutil.copy(self.broker.log, broker.log)
        for own, device in zip(self.devices, devices):
            shutil.copytree(own.home, device.home, symlinks=True)
        broker.line = self.broker.line
        broker.restart()


@pytest.fixture
def two(broker, make_device, tmp_path_factory):
    """A user with two devices and a broker."""
    Paired.made = Paired.made or Paired(tmp_path_factory.mktemp("paired"))
    devices = make_device("laptop"), make_device("desktop")
    Paired.made.copy_to(broker, devices)
    return devices


@pytest.fixture
def pair_of_notes(two):
    """The same, with one collection on both, synced once."""
    laptop, desktop = two
    here = laptop.add("notes", {"one.txt": "one\n", "sub/two.txt": "two\n"})
    laptop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    assert tree(here) == tree(there)
    return laptop, desktop, here, there


@pytest.fixture
def as_nobody(tmp_path):
    """Lets a device run without root's rights."""
    if os.geteuid() != 0:
        return lambda *_: None
    if not shutil.which("setpriv"):
        pytest.skip("needs setpriv, or not to be root")

    def let(device, *folders):
        for folder in tmp_path.parents:
            if folder == tmp_path.parent or (folder != folder.parent and str(folder).startswith("/tmp/")):
                folder.chmod(folder.stat().st_mode | 0o711)
        tmp_path.chmod(0o777)
        plain = device.command
        device.command = lambda *arguments: [
            "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *plain(*arguments)]
        subprocess.run(["chown", "-R", "65534:65534", *folders], check=True)
        if subprocess.run(device.command("--version"), capture_output=True).returncode:
            pytest.skip("nobody can't run the program from where it was built")

    return let
