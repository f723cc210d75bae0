# SPDX-License-Identifier: Apache-2.0
"""Our patches read by the xdelta3 command, and the command's read by us. CF_DELTA_TOOL is the program to try."""

import os
import random
import subprocess

import pytest

TOOL = os.environ["CF_DELTA_TOOL"]
MIB = 1 << 20


def noise(seed, size):
    return random.Random(seed).getrandbits(8 * size).to_bytes(size, "little") if size else b""


def text(count, step):
    return b"".join(b"row %d of the table has %d\n" % (i, i * step % 9973) for i in range(count))


def edited(source, seed):
    """Some insertions, removals, overwritten and moved places."""
    chance = random.Random(seed)
    target = bytearray(source)
    for number in range(12):
        at, size = chance.randrange(len(target)), chance.randrange(1, 40000)
        match number % 4:
            case 0:
                target[at:at] = noise(at, size)
            case 1:
                del target[at : at + size]
            case 2:
                target[at : at + size] = noise(at, size)
            case 3:
                moved = bytes(target[at : at + size])
                del target[at : at + size]
                to = chance.randrange(len(target))
                target[to:to] = moved
    return bytes(target)


def overwritten(source):
    target = bytearray(source)
    for at in range(MIB, len(source), 3 * MIB):
        target[at : at + 4096] = noise(at, 4096)
    return bytes(target)


PAIRS = {
    "edited": (noise(1, MIB), edited(noise(1, MIB), 2)),
    "text": (text(20000, 7), text(10000, 7) + text(15000, 11)),
    "overwritten": (noise(3, 9 * MIB), overwritten(noise(3, 9 * MIB))),
    "equal": (noise(4, 9 * MIB), noise(4, 9 * MIB)),
    "unlike": (noise(5, 300000), noise(6, 300005)),
    "tiny": (b"old", b"new"),
    "from nothing": (b"", text(5000, 3)),
    "to nothing": (text(5000, 3), b""),
    "zeros": (bytes(3 * MIB), bytes(9 * MIB)),
}


# Not `-S fgk`: the command writes some that it can't read itself.
OPTIONS = ["", "-9", "-n", "-S djw", "-S none -A -W 16777216"]


@pytest.fixture(params=PAIRS)
def pair(request, tmp_path):
    source, target = PAIRS[request.param]
    (tmp_path / "source").write_bytes(source)
    (tmp_path / "target").write_bytes(target)
    return tmp_path


def run(folder, *words):
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{words}: {done.stderr}"


def expect_same(folder):
    assert (folder / "result").read_bytes() == (folder / "target").read_bytes()


@pytest.mark.parametrize("form", ["log", "file"])
def test_command_reads_our_patch(pair, form):
    run(pair, TOOL, "encode", form, "source", "target", "patch")
    run(pair, "xdelta3", "-d", "-s", "source", "patch", "result")
    expect_same(pair)


@pytest.mark.parametrize("options", OPTIONS)
def test_we_read_the_commands_patch(pair, options):
    run(pair, "xdelta3", "-e", *options.split(), "-s", "source", "target", "patch")
    run(pair, TOOL, "decode", "file", "source", "patch", "result")
    expect_same(pair)


def test_command_checks_our_checksums(tmp_path):
    """Else the test above would say nothing of them."""
    source, target = PAIRS["overwritten"]
    (tmp_path / "source").write_bytes(source)
    (tmp_path / "target").write_bytes(target)
    run(tmp_path, TOOL, "encode", "file", "source", "target", "patch")
    (tmp_path / "source").write_bytes(noise(7, len(source)))
    done = subprocess.run(["xdelta3", "-d", "-s", "source", "patch", "result"], cwd=tmp_path, capture_output=True)
    assert done.returncode != 0 and b"checksum" in done.stderr
