# SPDX-License-Identifier: Apache-2.0
"""A line of packets between two networks, in userspace; run in the first one, with a process of the second. What it is like
says its last line of input: `LARGEST RATE DELAY LOSS`, of which all but the first may be missing. It drops, without a word,
packets of more than LARGEST bytes, and LOSS of the others; each way it carries RATE bytes a second (0: any number), a packet
takes DELAY seconds more, and what would wait for more than QUEUE seconds is dropped, too."""

import ctypes
import fcntl
import heapq
import itertools
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
CLONE_NEWNET = 0x40000000
QUEUE = 4


def open_end(address):
    end = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", b"line", IFF_TUN | IFF_NO_PI))
    subprocess.run(["ip", "addr", "add", f"{address}/24", "dev", "line"], check=True)
    subprocess.run(["ip", "link", "set", "line", "up"], check=True)
    return end


class Line:
    def __init__(self):
        self.be("65536")
        self.free = {}  # when each way has sent what waits
        self.under_way, self.number = [], itertools.count()
        self.chance = random.Random(30)

    def be(self, words):
        numbers = [float(word) for word in words.split()] + [0, 0, 0]
        self.largest, self.rate, self.delay, self.loss = int(numbers[0]), *numbers[1:4]

    def take(self, data, to):
        now = time.monotonic()
        free = max(now, self.free.get(to, 0))
        if len(data) > self.largest or free - now > QUEUE or self.chance.random() < self.loss:
            return
        self.free[to] = free + (len(data) / self.rate if self.rate else 0)
        heapq.heappush(self.under_way, (self.free[to] + self.delay, next(self.number), to, data))

    def bring(self):
        """Returns how long nothing is to be brought; None: as long as nothing is taken."""
        while self.under_way:
            left = self.under_way[0][0] - time.monotonic()
            if left > 0:
                return left
            _, _, to, data = heapq.heappop(self.under_way)
            os.write(to, data)
        return None


def main():
    near = open_end("10.5.0.1")
    other = os.open(f"/proc/{sys.argv[1]}/ns/net", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(other, CLONE_NEWNET):
        sys.exit("setns: " + os.strerror(ctypes.get_errno()))
    far = open_end("10.5.0.2")
    print("laid", flush=True)
    line = Line()
    while True:
        for end in select.select([near, far, 0], [], [], line.bring())[0]:
            data = os.read(end, 65536)
            if end != 0:
                line.take(data, far if end == near else near)
            elif data:
                line.be(data.decode())
                print("so it is", flush=True)
            else:
                return


main()
