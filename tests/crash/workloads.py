# SPDX-License-Identifier: Apache-2.0
"""Ten things that people and programs do, each of which may be struck at any call. Each begins with two devices, `here` and
`there`, and a broker; `act` runs under the strike, `expected` is what both folders hold once all is finished."""

import contextlib
import os
import random
import shutil

from counterfoil import Device, fill, tree
from counterfoild import Broker

SEED = 20261120


class Workload:
    files = {"one.txt": b"one\n", "sub/two.txt": b"two\n", "sub/deep/three": b"3" * 5000, "empty": b""}

    def __init__(self, folder, strike):
        self.strike = strike
        self.random = random.Random(SEED)
        self.broker = Broker(str(folder / "broker"))
        self.here, self.there = Device(folder, "here"), Device(folder, "there")
        self.devices = [self.here, self.there]
        self.expected = None
        self.codes = []  # of the programs that were struck

    def prepare(self):
        self.broker.start()
        self.here.init(self.broker.run("invite").strip())
        self.join()
        self.here.add("notes", self.files)
        self.here.sync()
        self.there.sync()
        self.there.add("notes", None, "--existing")
        self.there.sync()
        self.here.sync()

    def join(self):
        self.here.pair(self.there)

    def struck(self, device, *arguments, **more):
        done = device.finish(*arguments, environment=self.strike.environment, **more)
        self.codes.append((arguments, done.returncode, done.stderr))
        return done

    @contextlib.contextmanager
    def struck_broker(self):
        """The broker runs under the strike meanwhile; yields whether it came so far as to listen."""
        line = self.broker.line
        host, port, _ = self.broker.place
        self.broker.stop()
        before = dict(os.environ)
        os.environ.update(self.strike.environment)
        self.broker.start(listen=f"tcp://{host}:{port}")
        os.environ.clear()
        os.environ.update(before)
        yield self.broker.line == line
        self.broker.process.terminate()
        _, messages = self.broker.process.communicate(timeout=60)
        self.codes.append((("counterfoild",), self.broker.process.returncode, messages))
        self.broker.line = line
        self.broker.restart()

    def act(self):
        raise NotImplementedError

    def settle(self):
        """What a person does next."""

    def end(self):
        for device in self.devices:
            device.end()
        if self.broker.process:
            self.broker.process.kill()
            self.broker.process.communicate()


class FirstSync(Workload):
    files = {"one.txt": b"one\n"}

    def act(self):
        fill(self.here.source(), {f"new/{i % 3}/{i}": b"%d" % i * i * 40 for i in range(30)})
        fill(self.here.source(), {"large": self.random.randbytes(2_500_000)})
        self.expected = tree(self.here.source())
        self.struck(self.here, "sync")


class Edit(Workload):
    files = {"text": b"".join(b"line %d\n" % i for i in range(30000)), "other": b"other\n"}

    def act(self):
        source = self.here.source()
        text = (source / "text").read_bytes()
        (source / "text").write_bytes(text[:100000] + b"in the middle\n" + text[100000:])
        (source / "other~").write_bytes(b"saved by rename\n")
        os.rename(source / "other~", source / "other")
        self.expected = tree(source)
        self.struck(self.here, "sync")


class RenameTree(Workload):
    def act(self):
        os.rename(self.here.source() / "sub", self.here.source() / "elsewhere")
        self.expected = tree(self.here.source())
        self.struck(self.here, "sync")
        self.here.sync()
        self.struck(self.there, "sync")


class Delete(Workload):
    files = {**Workload.files, **{f"many/{i}": b"%d" % i for i in range(20)}}

    def act(self):
        for i in range(4):
            os.unlink(self.here.source() / "many" / str(i))
        os.unlink(self.here.source() / "empty")
        self.expected = tree(self.here.source())
        self.struck(self.here, "sync")
        self.here.sync()
        self.struck(self.there, "sync")


class Receive(Workload):
    files = {"one.txt": b"one\n", "two.txt": b"two\n", "gone": b"gone"}

    def act(self):
        source = self.here.source()
        fill(source, {f"new/{i % 3}/{i}": b"%d" % i * i * 40 for i in range(20)})
        fill(source, {"one.txt": b"changed\n", "large": self.random.randbytes(2_000_000)})
        os.rename(source / "two.txt", source / "new/two.txt")
        os.unlink(source / "gone")
        os.symlink("one.txt", source / "link")
        self.expected = tree(source)
        self.here.sync()
        self.struck(self.there, "sync")


class Pairing(Workload):
    """What is struck here is the newcomer; whether it is in then, it finds out by `join` again with a new code."""

    def join(self):
        pass

    def prepare(self):
        self.broker.start()
        self.here.init(self.broker.run("invite").strip())
        self.here.add("notes", self.files)
        self.here.sync()

    def act(self):
        self.expected = tree(self.here.source())
        pairing = self.here.start("pair", "--for", "20s")
        code = pairing.stdout.readline().strip()
        self.struck(self.there, "join", "-", "--name", "there", stdin=code + "\n")
        pairing.terminate()
        pairing.communicate(timeout=30)

    def settle(self):
        done = self.there.finish("sync")
        if done.returncode not in (0, 1):
            shutil.rmtree(self.there.home, ignore_errors=True)
            self.here.pair(self.there)
        self.there.sync()
        self.there.add("notes", None, "--existing")


class OfBroker(Workload):
    """The broker is struck while a device publishes."""

    def files_to_come(self):
        return {f"new/{i}": b"%d" % i * 30 for i in range(25)}

    def act(self):
        fill(self.here.source(), self.files_to_come())
        self.expected = tree(self.here.source())
        with self.struck_broker() as listens:
            if listens:
                self.here.finish("sync", "--timeout", "3s")


class BrokerAppend(OfBroker):
    pass


class BlobUpload(OfBroker):
    def files_to_come(self):
        return {"large": self.random.randbytes(3_000_000), "larger": self.random.randbytes(4_000_000)}


class Replay(OfBroker):
    """What the broker writes while it only sends."""

    def act(self):
        fill(self.here.source(), self.files_to_come())
        self.expected = tree(self.here.source())
        self.here.sync()
        with self.struck_broker() as listens:
            if listens:
                self.there.finish("sync", "--timeout", "3s")


class Compaction(OfBroker):
    """Each start of RocksDB writes what its log held into a file of its own; four of them are made one."""

    def act(self):
        for i in range(3):
            fill(self.here.source(), {f"round {i}": b"%d" % i})
            self.here.sync()
            self.broker.stop()
            self.broker.restart()
        super().act()


ALL = [FirstSync, Edit, RenameTree, Delete, Receive, Pairing, BrokerAppend, BlobUpload, Replay, Compaction]
