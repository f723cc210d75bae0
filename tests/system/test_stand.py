# SPDX-License-Identifier: Apache-2.0
"""What happens at once on two sides, what lies in folders, and how much of it."""

import collections
import json
import os
import re
import shutil
import signal
import socket
import stat
import time

import pytest

from counterfoil import WAIT, broker, fill, make_device, pair_of_notes, rounds, tree, two, wait_until  # noqa: F401
from stand import put, told


def settle(laptop, desktop, code=0):
    """Everything that either did is on both afterwards."""
    assert set(rounds((laptop, desktop), code)) <= {0, code}


def contents(source):
    return collections.Counter(one for one in tree(source).values() if isinstance(one, bytes))


# ---- At once on two sides ----


def test_crossing_moves_lose_nothing(two):
    laptop, desktop = two
    here = laptop.add("notes", {"a/in a": "1", "b/in b": "2", "c/in c": "3"})
    settle(laptop, desktop)
    there = desktop.add("notes", None, "--existing")
    settle(laptop, desktop)
    (here / "a").rename(here / "b/a")
    (there / "b").rename(there / "a/b")
    settle(laptop, desktop)
    assert tree(here) == tree(there)
    assert contents(here) == {b"1": 1, b"2": 1, b"3": 1}
    (here / "c/in c").rename(here / "c/here")
    (there / "c/in c").rename(there / "c/there")
    settle(laptop, desktop)
    assert tree(here) == tree(there)
    assert contents(here) == {b"1": 1, b"2": 1, b"3": 1}


def test_swapped_names_arrive_swapped(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    fill(here, {"x": "x", "y": "y", "z": "z"})
    settle(laptop, desktop)
    (here / "x").rename(here / "t")
    (here / "y").rename(here / "x")
    (here / "z").rename(here / "y")
    (here / "t").rename(here / "z")
    settle(laptop, desktop)
    assert tree(here) == tree(there)
    assert ((there / "x").read_text(), (there / "y").read_text(), (there / "z").read_text()) == ("y", "z", "x")


def test_the_same_name_made_twice(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    fill(here, {"new": "from here", "equal": "=", "dir/a": "a", "kind": "file"})
    fill(there, {"new": "from there", "equal": "=", "dir/b": "b", "kind/inside": "folder"})
    settle(laptop, desktop, 4)
    assert tree(here) == tree(there)
    assert contents(here) == {
        b"one\n": 1, b"two\n": 1, b"from here": 1, b"from there": 1, b"=": 1, b"a": 1, b"b": 1, b"file": 1, b"folder": 1}
    assert {"dir/a", "dir/b"} <= set(tree(here))


def test_a_folder_that_is_deleted_around_an_edit_stays(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    fill(here, {"sub/deep/three": "3", "sub/deep/four": "4"})
    settle(laptop, desktop)
    shutil.rmtree(here / "sub")
    put(there, "sub/deep/three", b"still wanted")
    settle(laptop, desktop)
    assert tree(here) == tree(there)
    assert (here / "sub/deep/three").read_bytes() == b"still wanted" and not (here / "sub/deep/four").exists()


def test_both_serve_and_both_write(two):
    laptop, desktop = two
    here = laptop.add("notes", {"a": "a"})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    laptop.serve(), desktop.serve()
    for n in range(30):
        put(here, f"here {n}", b"h%d" % n)
        put(there, f"there {n}", b"t%d" % n)
        if n % 3 == 0:
            put((here, there)[n % 2], "shared", b"s%d" % n)
            time.sleep(0.05)
    wait_until(lambda: tree(here) == tree(there) and len(tree(here)) >= 62, "both have all")
    found = contents(here)
    assert all(found[b"h%d" % n] == 1 and found[b"t%d" % n] == 1 for n in range(30))


def test_equal_folders_become_one_without_a_word(two):
    laptop, desktop = two
    files = {f"d{i % 5}/file {i}": f"{i}\n" for i in range(60)}
    here = laptop.add("notes", {**files, "large": b"l" * 400_000})
    laptop.sync()
    desktop.sync()
    there = desktop.source()
    shutil.copytree(here, there, ignore=shutil.ignore_patterns(".counterfoil"))
    before = told(laptop)
    said = desktop.json("add", str(there), "--collection", "notes")
    assert (said["different"], said["only_here"], said["only_there"]) == (0, 0, 0)
    traffic = desktop.sync()["traffic"]
    assert traffic["blobs_sent"] == 0 and traffic["files_applied"] == 0
    laptop.sync()
    assert tree(here) == tree(there) and told(laptop) == told(desktop) == before


# ---- Homes ----


def test_a_home_is_used_by_one_process(pair_of_notes):
    laptop, _, here, _ = pair_of_notes
    pairing = laptop.start("pair")
    assert pairing.stdout.readline()
    waiting = [laptop.start(verb) for verb in ("sync", "log")]
    assert laptop.stop(pairing, signal.SIGINT) == 130
    for process in waiting:
        process.communicate(timeout=WAIT)
        assert process.returncode == 0
    assert laptop.sync()["in_sync"]


def test_many_verbs_at_once_take_turns(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    fill(here, {f"f{i}": f"{i}" for i in range(50)})
    running = [laptop.start("sync") for _ in range(6)]
    for process in running:
        process.communicate(timeout=WAIT)
        assert process.returncode == 0
    settle(laptop, desktop)
    assert tree(here) == tree(there)
    assert all(times == 1 for times in told(laptop).values())


def snapshot(folder):
    found = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    found[path] = file.read()
    return found


@pytest.mark.parametrize("mark", ["format", "store/FORMAT"])
def test_a_home_or_store_of_a_newer_format_is_left_alone(pair_of_notes, mark):
    laptop, _, here, _ = pair_of_notes
    path = os.path.join(laptop.home, mark)
    with open(path) as file:
        old = file.read()
    with open(path, "w") as file:
        file.write(re.sub(r"[0-9]+", "99", old))
    before, files = snapshot(laptop.home), tree(here)
    for verb in ["sync", "status", "serve", "log", "verify", "repair", "devices"]:
        assert "format" in laptop.run(verb, code=7)
    after = snapshot(laptop.home)
    assert {name: text for name, text in after.items() if not name.endswith("lock")} == {
        name: text for name, text in before.items() if not name.endswith("lock")}
    assert tree(here) == files
    with open(path, "w") as file:
        file.write(old)
    assert laptop.sync()["in_sync"]


# ---- What lies in folders ----


def test_what_is_no_file_is_named(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    os.mkfifo(here / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        where = os.getcwd()
        os.chdir(here)
        listener.bind("socket")
        os.chdir(where)
    expected = {"pipe": "FIFO", "socket": "socket"}
    if os.geteuid() == 0:
        os.mknod(here / "device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        os.mknod(here / "disk", stat.S_IFBLK | 0o600, os.makedev(7, 0))
        expected |= {"device": "device", "disk": "device"}
    put(here, "one.txt", b"the others go on\n")
    reasons = {one["path"]: one["reason"] for one in laptop.sync(code=1)["collections"][0]["pending"]}
    assert set(reasons) == set(expected)
    assert all(word in reasons[path] for path, word in expected.items())
    desktop.sync()
    assert (there / "one.txt").read_bytes() == b"the others go on\n"
    assert set(tree(there)) == {"one.txt", "sub", "sub/two.txt"}
    (here / "pipe").unlink()
    (here / "pipe").write_text("a file now\n")
    assert set(one["path"] for one in laptop.sync(code=1)["collections"][0]["pending"]) == set(expected) - {"pipe"}


def test_a_pipe_in_the_way_is_left_where_it_is(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    os.mkfifo(here / "new")
    (here / "one.txt").unlink()
    os.mkfifo(here / "one.txt")
    put(there, "new", b"wants this name\n")
    put(there, "one.txt", b"this too\n")
    for _ in range(2):
        desktop.sync()
        assert {one["path"] for one in laptop.sync(code=1)["collections"][0]["pending"]} == {"new", "one.txt"}
    assert stat.S_ISFIFO((here / "one.txt").lstat().st_mode) and stat.S_ISFIFO((here / "new").lstat().st_mode)
    (here / "new").unlink()
    (here / "one.txt").unlink()
    settle(laptop, desktop)
    assert tree(here) == tree(there)
    assert (here / "new").read_bytes() == b"wants this name\n" and (here / "one.txt").read_bytes() == b"this too\n"


def test_links_are_never_followed(pair_of_notes, tmp_path):
    laptop, desktop, here, there = pair_of_notes
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious\n")
    (here / "to folder").symlink_to(outside)
    (here / "to file").symlink_to(outside / "precious")
    (here / "broken").symlink_to("nowhere")
    (here / "round").symlink_to(".")
    os.symlink(b"\xff/not utf-8", os.fsencode(here / "raw"))
    settle(laptop, desktop)
    assert tree(here) == tree(there) and tree(there)["to folder"] == ("link", os.fsencode(outside))
    # A folder becomes a link to somewhere else on one side, while the other writes into it.
    shutil.rmtree(there / "sub")
    (there / "sub").symlink_to(outside)
    put(here, "sub/two.txt", b"into the folder\n")
    put(here, "sub/new.txt", b"new\n")
    settle(laptop, desktop, 4)
    assert sorted(os.listdir(outside)) == ["precious"] and (outside / "precious").read_text() == "precious\n"
    assert tree(here) == tree(there)
    found = contents(here)
    assert found[b"into the folder\n"] == 1 and found[b"new\n"] == 1


def test_a_link_becomes_a_file_and_a_file_a_folder(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    (here / "link").symlink_to("one.txt")
    fill(here, {"thing": "a file"})
    settle(laptop, desktop)
    (here / "link").unlink()
    (here / "link").write_text("a file now")
    (here / "thing").unlink()
    fill(here, {"thing/inside": "a folder now"})
    settle(laptop, desktop)
    assert tree(here) == tree(there)
    assert not (there / "link").is_symlink() and (there / "thing/inside").read_text() == "a folder now"
    shutil.rmtree(there / "thing")
    (there / "thing").write_text("a file again")
    (there / "link").unlink()
    (there / "link").symlink_to("thing")
    settle(laptop, desktop)
    assert tree(here) == tree(there) and os.readlink(here / "link") == "thing"


def test_odd_names(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    names = [bytes([c]) * n for c, n in [(0xFF, 3), (0x01, 1), (ord("~"), 255), (0x80, 255)]]
    names += [b"\n", b" ", b"  lead", b"trail ", b"trail.", b"...", b"-rf", b"*", b"a\\b", b"con", b"NUL.txt",
              b"\xc3\xa9", b"e\xcc\x81", b"CASE", b"case", b"\xf0\x9f\x98\x80", b"\xe2\x80\xaegpj.exe", b"%s%n", b"'\"`$(x)"]
    fill(here, {os.fsdecode(name): name for name in names})
    fill(here, {os.fsdecode(b"dir \xff" + name[:200] + b"/" + name): name for name in names[:6]})
    settle(laptop, desktop)
    assert tree(here) == tree(there)
    assert all(tree(there)[os.fsdecode(name)] == name for name in names)
    for name in names:
        os.rename(os.path.join(os.fsencode(there), name), os.path.join(os.fsencode(there), (b"x" + name)[:255]))
    settle(laptop, desktop)
    assert tree(here) == tree(there)
    json.loads(laptop.run("--json", "log", "-n", "1000"))


def test_sparse_and_empty_files_and_modes(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    with open(here / "sparse", "wb") as file:
        file.seek(40_000_000)
        file.write(b"end")
    (here / "holes").touch()
    os.truncate(here / "holes", 3_000_000)
    (here / "empty").touch()
    (here / "empty folder").mkdir()
    modes = {"run": 0o755, "private": 0o600, "read only": 0o444}
    for name, mode in modes.items():
        (here / name).write_text(name)
        (here / name).chmod(mode)
    traffic = laptop.sync()["traffic"]
    assert traffic["bytes_sent"] < 4_000_000
    settle(laptop, desktop)
    assert tree(here) == tree(there)
    assert {name: stat.S_IMODE((there / name).stat().st_mode) for name in modes} == modes
    (there / "run").chmod(0o644)
    (there / "empty").write_text("not empty")
    (there / "private").write_text("")
    (there / "read only").chmod(0o644)
    settle(laptop, desktop)
    assert tree(here) == tree(there)
    assert stat.S_IMODE((here / "run").stat().st_mode) == 0o644


def test_hard_links_are_files_of_their_own(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    fill(here, {"first": "shared"})
    os.link(here / "first", here / "second")
    settle(laptop, desktop)
    assert tree(here) == tree(there)
    with open(here / "second", "w") as file:
        file.write("both names show it")
    settle(laptop, desktop)
    settle(laptop, desktop)
    assert tree(here) == tree(there) and (there / "first").read_text() == "both names show it"


def test_a_deep_tree(two):
    laptop, desktop = two
    deep = "/".join(["d"] * 200)
    here = laptop.add("notes", {f"{deep}/file {i}": f"{i}" for i in range(300)})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    assert tree(here) == tree(there)
    (here / "d").rename(here / "moved")
    before = sum(told(laptop).values())
    settle(laptop, desktop)
    assert tree(here) == tree(there)
    assert sum(told(laptop).values()) == before + 1


def test_a_deeper_tree_and_an_edit_at_its_end(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    deep = "/".join(["d"] * 300) + "/file"
    fill(here, {deep: "deep"})
    settle(laptop, desktop)
    assert (there / deep).read_text() == "deep"
    laptop.serve(), desktop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "the laptop is connected")
    put(there, deep, b"edited\n")
    wait_until(lambda: (here / deep).read_bytes() == b"edited\n", "the edit is there")


# ---- How much ----


def count_of_files():
    return 100_000 if os.environ.get("COUNTERFOIL_LONG") else 3_000


def test_no_work_when_nothing_changed(two):
    laptop, desktop = two
    count = count_of_files()
    here = laptop.add("notes", {f"d{i % 300}/f{i}": b"" if i % 2 else b"%d" % i for i in range(count)})
    times = []
    for device in laptop, laptop, desktop:
        begin = time.monotonic()
        device.run("sync", "--timeout", "60s")
        times.append(time.monotonic() - begin)
    told_before = sum(told(laptop).values())
    assert told_before == count + 300
    there = desktop.add("notes", None, "--existing")
    begin = time.monotonic()
    desktop.sync()
    times.append(time.monotonic() - begin)
    laptop.sync()  # the desktop said that it has a source
    for device in laptop, desktop:
        begin = time.monotonic()
        traffic = device.sync()["traffic"]
        times.append(time.monotonic() - begin)
        assert traffic["entries_sent"] == traffic["entries_received"] == traffic["files_applied"] == 0
        assert traffic["blobs_sent"] == 0 and traffic["bytes_sent"] < 10_000
    assert sum(told(laptop).values()) == told_before
    assert tree(here) == tree(there)
    print(f"{count} files: first, again, the log, first there, again here, again there:",
          *(f"{one:.1f} s" for one in times))
