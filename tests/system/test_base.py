# SPDX-License-Identifier: Apache-2.0
"""What is kept here of what was agreed on, and what need not travel for that."""

import os

import pytest

from counterfoil import broker, make_device, tree, two  # noqa: F401

MIB = 1 << 20


def large(two, *arguments):  # noqa: F811
    """A large file on both; what is kept of it on the laptop, the arguments say."""
    laptop, desktop = two
    here = laptop.add("notes", {"large": os.urandom(6 * MIB)}, *arguments)
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    return laptop, desktop, here, there


def copies(device):
    where = os.path.join(device.home, "base")
    return os.listdir(where) if os.path.isdir(where) else []


def overwrite(path, at, size=4096):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(os.urandom(size))


@pytest.mark.parametrize("base, kept", [("full", True), ("auto", True), ("leaves", False)])
def test_what_was_overwritten_travels_alone(two, base, kept):  # noqa: F811
    laptop, desktop, here, there = large(two, "--base", base)
    assert bool(copies(laptop)) == kept
    for number in range(3):
        overwrite(here / "large", (2 * number) * MIB + 77_777)
        sent = laptop.sync()["traffic"]["bytes_sent"]
        assert sent < (20_000 if kept else 200_000), sent
        received = desktop.sync()["traffic"]["bytes_received"]
        assert received < 200_000, received
        assert tree(here) == tree(there)
    assert bool(copies(laptop)) == kept


def test_without_the_bytes_a_shifted_file_travels_whole(two):  # noqa: F811
    """Else the test above would say nothing of leaves."""
    laptop, desktop, here, there = large(two, "--base", "leaves")
    (here / "large").write_bytes(b"in front" + (here / "large").read_bytes())
    assert laptop.sync()["traffic"]["bytes_sent"] > 5 * MIB
    laptop.run("set", str(here), "--base", "full")
    laptop.sync()
    overwrite(here / "large", 100)
    laptop.sync()
    assert copies(laptop)
    (here / "large").write_bytes(b"again" + (here / "large").read_bytes())
    assert laptop.sync()["traffic"]["bytes_sent"] < 20_000
    desktop.sync()
    assert tree(here) == tree(there)


def test_content_that_was_sent_is_not_sent_again(two):  # noqa: F811
    laptop, desktop, here, there = large(two)
    content = (here / "large").read_bytes()
    (here / "copy").write_bytes(content)
    assert laptop.sync()["traffic"]["bytes_sent"] < 20_000
    assert desktop.sync()["traffic"]["bytes_received"] < 20_000
    (there / "another").write_bytes(content)
    assert desktop.sync()["traffic"]["bytes_sent"] < 20_000
    laptop.sync()
    assert tree(here) == tree(there) and (here / "another").read_bytes() == content
    for path in "large", "copy", "another":
        (here / path).unlink()
    laptop.sync(0, "--yes")
    desktop.sync(0, "--yes")
    (here / "back").write_bytes(content)
    assert laptop.sync()["traffic"]["bytes_sent"] < 20_000
    desktop.sync()
    assert tree(here) == tree(there) == {"back": content}
