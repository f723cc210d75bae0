# SPDX-License-Identifier: Apache-2.0
"""What programs call done is on the disk: the calls that they make, as strace tells them."""

import os
import random
import re
import subprocess

import pytest

from counterfoil import CLEAN, WAIT, broker, make_device  # noqa: F401

CAN_TRACE = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "true"], check=False).returncode == 0
pytestmark = pytest.mark.skipif(not CAN_TRACE, reason="strace may not trace here")

NO_LEAK_CHECK = {"ASAN_OPTIONS": "detect_leaks=0"}  # which can't be made of a program that is traced


def synced_by(folder, command):
    """The paths of all files and folders that a program syncs; what it is renamed to later doesn't matter."""
    trace = folder / "trace"
    done = subprocess.run(
        ["strace", "-f", "-y", "-qq", "-e", "trace=fsync,fdatasync", "-o", trace, *command],
        capture_output=True, text=True, timeout=3 * WAIT, env={**CLEAN, **NO_LEAK_CHECK},
    )
    assert done.returncode == 0, done.stderr
    return [path for path, outcome in calls(trace.read_text()) if outcome == "0"]


def calls(trace):
    """(path, outcome) of each; one in whose midst another thread made a call is told in two lines."""
    begun = {}
    for line in trace.splitlines():
        thread, what = line.split(None, 1)
        if call := re.match(r"f(?:data)?sync\(\d+<([^>]*)>", what):
            begun[thread] = call[1]
        if end := re.search(r"\)\s*= (-?\d+)", what):
            yield begun.pop(thread), end[1]


def test_a_new_home_and_its_phrase_are(make_device, tmp_path):
    """The phrase is shown once, and of what it opens there is no other copy."""
    device, phrase = make_device("laptop"), tmp_path / "stick/phrase"
    phrase.parent.mkdir()
    synced = synced_by(tmp_path, device.command("init", "--recovery-file", str(phrase)))
    assert str(phrase) in synced[:-1] and synced[synced.index(str(phrase)) + 1] == str(phrase.parent), "with its name"
    assert any(path.endswith("/keys.new") for path in synced)
    assert synced[-1] == os.path.dirname(device.home), "the name of the new home comes last"


def test_keys_are_overwritten_where_they_lie(make_device, tmp_path):
    device = make_device("laptop")
    device.init()
    os.link(device.home + "/keys", tmp_path / "aside")
    size = os.path.getsize(tmp_path / "aside")
    synced = synced_by(tmp_path, device.command("leave", "--yes"))
    assert device.home + "/keys" in synced
    assert (tmp_path / "aside").read_bytes().rstrip(b"\0") == b"" and os.path.getsize(tmp_path / "aside") >= size


def test_a_patched_file_is(make_device, tmp_path):
    device = make_device("laptop")
    old, new, patch, made = (tmp_path / name for name in ("old", "new", "patch", "made"))
    old.write_bytes(random.Random(1).randbytes(100000))
    new.write_bytes(old.read_bytes()[:50000] + b"between" + old.read_bytes()[50000:])
    device.run("delta", str(old), str(new), str(patch))
    synced = synced_by(tmp_path, device.command("patch", str(old), str(patch), str(made)))
    assert made.read_bytes() == new.read_bytes()
    assert any(os.path.basename(path).startswith(".counterfoil-") for path in synced), "before it has its name"
    assert os.path.realpath(tmp_path) in [path.rstrip("/") for path in synced], "and its name"


def test_a_file_and_its_place_are(make_device, broker, tmp_path):
    """Here before it is published, there before it is called in sync."""
    broker.start()
    laptop, desktop = make_device("laptop"), make_device("desktop")
    laptop.init(broker.run("invite").strip())
    laptop.pair(desktop)
    here = laptop.add("notes", {"a": "1\n", "sub/b": "2\n"})
    laptop.sync()
    there = desktop.add("notes")
    (here / "sub" / "b").write_text("more\n")
    os.symlink("b", here / "link")
    synced = synced_by(tmp_path, laptop.command("sync"))
    assert f"{here}/sub/b" in synced
    assert str(here) in synced, "the name of a link, which has nothing else"
    synced = synced_by(tmp_path, desktop.command("sync"))
    assert (there / "sub" / "b").read_text() == "more\n"
    assert any(path.startswith(f"{there}/.counterfoil/tmp/") for path in synced), "before it has its place"
    assert f"{there}/sub" in synced, "and its name"


def test_a_file_of_records_is_in_its_place(make_device, broker, tmp_path):
    broker.start()
    laptop, desktop = make_device("laptop"), make_device("desktop")
    laptop.init(broker.run("invite").strip())
    laptop.pair(desktop)
    here, there = laptop.source("people.csv"), desktop.source("people.csv")
    here.write_text("id,name\n1,Anna\n")
    laptop.json("add", str(here), "--collection", "people", "--format", "csv", "--key", "id")
    laptop.sync()
    desktop.sync()
    desktop.json("add", str(there), "--collection", "people", "--format", "csv", "--key", "id", "--existing")
    synced = synced_by(tmp_path, desktop.command("sync"))
    assert there.read_text() == here.read_text()
    assert f"{tmp_path}/.desktop-people.csv.counterfoil" in synced, "before it has its place"
    assert str(tmp_path) in synced, "and its name"


def test_what_a_repair_puts_aside_is(make_device, broker, tmp_path):
    """Before the log's version takes its place."""
    broker.start()
    laptop, desktop = make_device("laptop"), make_device("desktop")
    laptop.init(broker.run("invite").strip())
    laptop.pair(desktop)
    laptop.add("notes", {"sub/a": "1\n"})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    (there / "sub/a").write_text("mine\n")
    synced = synced_by(tmp_path, desktop.command("repair", str(there), "--refill"))
    (kept,) = [path for path in there.parent.rglob("a") if path.read_text() == "mine\n"]
    assert str(kept.parent) in synced, "its name"
    desktop.sync()
    assert (there / "sub/a").read_text() == "1\n"
