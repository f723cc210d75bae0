# SPDX-License-Identifier: Apache-2.0
"""A line of packets between two networks, in userspace; run in the first one, with a process of the second. It drops,
without a word, packets that are larger than the number on its last line of input."""

import ctypes
import fcntl
import os
import select
import struct
import subprocess
import sys

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
CLONE_NEWNET = 0x40000000


def open_end(address):
    end = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", b"line", IFF_TUN | IFF_NO_PI))
    subprocess.run(["ip", "addr", "add", f"{address}/24", "dev", "line"], check=True)
    subprocess.run(["ip", "link", "set", "line", "up"], check=True)
    return end


def main():
    near = open_end("10.5.0.1")
    other = os.open(f"/proc/{sys.argv[1]}/ns/net", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(other, CLONE_NEWNET):
        sys.exit("setns: " + os.strerror(ctypes.get_errno()))
    far = open_end("10.5.0.2")
    print("laid", flush=True)
    largest = 65536
    while True:
        for end in select.select([near, far, 0], [], [])[0]:
            data = os.read(end, 65536)
            if end == 0:
                if not data:
                    return
                largest = int(data)
                print("narrow", flush=True)
            elif len(data) <= largest:
                os.write(far if end == near else near, data)


main()
