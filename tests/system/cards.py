# SPDX-License-Identifier: Apache-2.0
"""Contacts and calendars as their programs keep them: folders of files, and what is in them."""

import pathlib
import re

from counterfoil import both

EXPORTS = pathlib.Path(__file__).parents[1] / "peer" / "adapters" / "exports"


def card(uid, name, *lines):
    return "\r\n".join(["BEGIN:VCARD", "VERSION:3.0", f"UID:{uid}", f"FN:{name}", *lines, "END:VCARD", ""])


def event(uid, summary, *lines, what="VEVENT"):
    inside = [f"BEGIN:{what}", f"UID:{uid}", "DTSTAMP:20261101T090000Z", f"SUMMARY:{summary}", *lines, f"END:{what}"]
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example//EN", *inside, "END:VCALENDAR", ""])


def unstamped(text):
    """Without the time of its last change, which who writes one sets."""
    return re.sub(r"(?m)^DTSTAMP:.*", "DTSTAMP:", text)


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def fill(folder, items):
    folder.mkdir(exist_ok=True)
    for name, text in items.items():
        write(folder / name, text)
    return folder


def items(folder):
    """The files of a folder, as text."""
    return {path.name: path.read_bytes().decode() for path in folder.iterdir() if path.is_file()}


def edit(path, before, after):
    text = path.read_bytes().decode()
    assert before in text, f"{path}: {text}"
    write(path, text.replace(before, after))


def pending(device):
    """What `status` lists of the first source, by path."""
    found, = device.json("status")["collections"]
    return {one["path"]: one["reason"] for one in found["pending"]}


def conflicts(device):
    found, = device.json("status")["collections"]
    return [one["path"] for one in found["conflicts"]]


def entries(device):
    return len(device.json("log", "-n", "100000"))


class Pair:
    """One collection on two devices, each in a source of its own."""

    def __init__(self, laptop, desktop, format, here, there):
        self.laptop, self.desktop, self.here, self.there = laptop, desktop, here, there
        name = "home"
        laptop.json("add", str(here), "--collection", name, "--format", format)
        laptop.sync()
        desktop.sync()
        desktop.json("add", str(there), "--collection", name, "--format", format, "--existing")
        desktop.sync()

    def both(self, code=0):
        both(self.laptop, self.desktop, code)
