# SPDX-License-Identifier: Apache-2.0
"""A line in userspace, between a device and a broker: slow, late, cut, or dead without a word."""

import os
import queue
import socket
import subprocess
import sys
import threading
import time

import pytest

ROOM = 4096  # bytes that the near end's kernel takes in advance: more would be sent, and not have travelled


class Line:
    """Carries connections to a port of this machine; what it does to them may be changed at any time."""

    def __init__(self, port):
        self.port = port
        self.rate = None  # bytes in a second, each way and each connection
        self.delay = 0  # seconds, each way
        self.lasts = None  # bytes after which a connection breaks
        self.is_dead = False  # new connections are made, and nothing passes
        self.is_mute = False  # what the broker says is lost, and the device's words arrive
        self.connections = self.cuts = self.passed = 0
        self.open = []
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(64)
        self.place = self.listener.getsockname()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.socket()
            far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
            try:
                far.connect(("127.0.0.1", self.port))
            except OSError:
                near.close()
                continue
            self.connections += 1
            Connection(self, near, far)

    def forget(self):
        """As a NAT does: what goes through the connections that there are is lost, and nobody is told."""
        for one in self.open:
            one.is_forgotten = True

    def close(self):
        self.listener.close()
        for one in list(self.open):
            one.hang_up()


class Connection:
    def __init__(self, line, near, far):
        self.line, self.ends = line, (near, far)
        self.is_forgotten = line.is_dead
        self.carried = 0
        line.open.append(self)
        for one, other in (near, far), (far, near):
            under_way = queue.Queue(1 if line.rate else 256)
            threading.Thread(target=self.read, args=(one, under_way), daemon=True).start()
            threading.Thread(target=self.write, args=(other, under_way, one is far), daemon=True).start()

    def read(self, end, under_way):
        try:
            while data := end.recv(1024 if self.line.rate else 65536):
                under_way.put((time.monotonic() + self.line.delay, data))
        except OSError:
            pass
        under_way.put((time.monotonic() + self.line.delay, b""))

    def write(self, end, under_way, is_down):
        try:
            while True:
                due, data = under_way.get()
                time.sleep(max(0, due - time.monotonic()))
                if self.is_forgotten or (is_down and self.line.is_mute):
                    continue
                if not data:
                    break
                if self.line.rate:
                    time.sleep(len(data) / self.line.rate)
                self.carried += len(data)
                self.line.passed += len(data)
                if self.line.lasts and self.carried > self.line.lasts:
                    self.line.cuts += 1
                    break
                end.sendall(data)
        except OSError:
            pass
        self.hang_up()

    def hang_up(self):
        for end in self.ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
        if self in self.line.open:
            self.line.open.remove(self)


class Tunnel:
    """Two networks, and a line of packets between them (tunnel.py)."""

    def __init__(self):
        command = ["unshare", "--net", "sh", "-c", "ip link set lo up && echo made && exec sleep 100000"]
        self.nets = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for _ in range(2)]
        self.is_made = all(net.stdout.readline() == "made\n" for net in self.nets)
        program = [sys.executable, "-B", os.path.join(os.path.dirname(__file__), "tunnel.py"), str(self.nets[1].pid)]
        self.line = subprocess.Popen(self.inside(0, program), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.is_made = self.is_made and self.line.stdout.readline() == "laid\n"

    def inside(self, number, command):
        return ["nsenter", "--net", "--target", str(self.nets[number].pid), *command]

    def be(self, largest, rate=0, delay=0, loss=0):
        print(largest, rate, delay, loss, file=self.line.stdin, flush=True)
        assert self.line.stdout.readline() == "so it is\n"

    def end(self):
        for process in self.line, *self.nets:
            process.kill()
            process.communicate()


@pytest.fixture
def tunnelled(broker, make_device):
    """The broker and a desktop on one side, a laptop on the other."""
    net, laptop, desktop = Tunnel(), make_device("laptop"), make_device("desktop")
    for number, program in (0, broker), (0, desktop), (1, laptop):
        program.command = lambda *arguments, plain=program.command, number=number: net.inside(number, plain(*arguments))
    try:
        if not net.is_made:
            pytest.skip("needs the right to make a network")
        broker.start(listen="tcp://10.5.0.1:7817")
        laptop.init(broker.run("invite").strip())
        yield laptop, desktop, net
        laptop.end()
        desktop.end()
        broker.stop()
    finally:
        net.end()
