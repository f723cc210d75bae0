# SPDX-License-Identifier: Apache-2.0
"""What a user is told who is stuck, or believes that all is well where it is not."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from counterfoil import broker, fill, make_device, pair_of_notes, tree, two  # noqa: F401


def source(said):
    return said["collections"][0]


def test_a_member_that_was_made_a_relay_is_not_in_sync(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    laptop.run("devices", "role", "desktop", "relay", "--yes")
    laptop.sync()
    (here / "one.txt").write_text("edited\n")
    laptop.sync()
    said = desktop.sync(6)
    assert not said["in_sync"] and "is a relay now" in source(said)["trouble"]
    for word in "counterfoil remove", "counterfoil devices role":
        assert word in source(desktop.json("status"))["trouble"]
    assert (there / "one.txt").read_text() == "one\n"
    laptop.run("devices", "role", "desktop", "member", "--yes")
    laptop.sync()
    desktop.sync()
    assert desktop.sync()["in_sync"] and tree(there) == tree(here)


def test_a_device_that_was_shut_out_hears_its_way_back(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    laptop.run("devices", "revoke", "desktop", "--yes")
    for _ in range(2):
        done = desktop.finish("sync")
        assert done.returncode == 6, done.stderr
        assert "`counterfoil leave`, then `counterfoil join`" in done.stderr
    assert "`counterfoil leave`, then `counterfoil join`" in desktop.run("status")
    assert desktop.finish("status", "--check").returncode == 6
    desktop.run("leave")
    laptop.pair(desktop)
    desktop.sync()
    desktop.json("add", str(there), "--collection", "notes", "--existing")
    (there / "one.txt").write_text("back\n")
    desktop.sync()
    laptop.sync()
    assert (here / "one.txt").read_text() == "back\n"


def test_no_two_devices_get_one_name(two):
    laptop, desktop = two
    laptop.sync()
    desktop.sync()
    laptop.sync()
    done = laptop.finish("devices", "rename", "desktop", "laptop")
    assert done.returncode == 0 and "it" not in done.stdout
    assert "another device is called 'laptop': this one is called 'laptop (2)'" in done.stderr
    assert sorted(one["name"] for one in laptop.json("devices")) == ["laptop", "laptop (2)"]
    laptop.run("devices", "rename", "laptop (2)", "laptop (2)")  # its own name
    laptop.run("devices", "rename", "laptop (2)", "desktop")
    assert sorted(one["name"] for one in laptop.json("devices")) == ["desktop", "laptop"]


def test_a_receiver_says_the_same_in_sync_and_in_status(two):
    laptop, desktop = two
    laptop.add("notes", {"a": "a\n", "b": "b\n"})
    laptop.sync()
    there = desktop.source("notes")
    there.mkdir()
    fill(there, {"a": "mine\n", "b": "b\n", "own": "own\n"})
    desktop.json("add", str(there), "--collection", "notes", "--existing", "--mode", "receive")

    def unsent(said):
        return {one["path"]: one["reason"] for one in source(said)["pending"] if one["kind"] == "unsent"}

    before = unsent(desktop.json("status"))
    after = unsent(desktop.sync(1))
    assert before == after == unsent(desktop.json("status"))
    assert "it is different here; " in after["a"] and "it is new here; " in after["own"] and list(after) == ["a", "own"]


def test_refill_says_why_what_is_large_is_put_aside(pair_of_notes):
    laptop, _, here, _ = pair_of_notes
    fill(here, {"large": os.urandom(70_000), "small": "s\n"})
    done = laptop.finish("repair", str(here), "--refill")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "large: the log has no such version here, or its bytes may be nowhere else; it is kept in " in done.stderr
    assert "small: it is no version that the log has; it is kept in " in done.stderr


def test_of_two_files_of_one_name_the_first_that_was_told_keeps_it(two):
    """Not the later one, as of two versions of one file: which is which no time on a disk decides."""
    laptop, desktop = two
    here = laptop.add("notes", {"made": "laptop's\n", "changed": "old\n"})
    laptop.sync()
    there = desktop.source("notes")
    there.mkdir()
    fill(there, {"made": "desktop's\n", "changed": "old\n"})
    os.utime(there / "made", (2**31 - 1, 2**31 - 1))  # years newer
    desktop.json("add", str(there), "--collection", "notes", "--existing")
    desktop.sync(4)
    laptop.sync(4)
    for source in here, there:
        (copy,) = source.glob("made (conflict *")
        assert (source / "made").read_text() == "laptop's\n" and copy.read_text() == "desktop's\n"
    (here / "changed").write_text("first\n")
    laptop.run("sync", code=4)
    (there / "changed").write_text("later\n")
    desktop.sync(4)
    laptop.sync(4)
    for source in here, there:
        (copy,) = source.glob("changed (conflict *")
        assert (source / "changed").read_text() == "later\n" and copy.read_text() == "first\n"


def test_mine_keeps_the_name_of_what_is_different(two):
    laptop, desktop = two
    here = laptop.add("notes", {"made": "laptop's\n"})
    laptop.sync()
    there = desktop.source("notes")
    there.mkdir()
    fill(there, {"made": "desktop's\n"})
    os.utime(there / "made", (1, 1))
    desktop.json("add", str(there), "--collection", "notes", "--existing", "--mine")
    desktop.sync()
    laptop.sync()
    assert tree(here) == tree(there) == {"made": b"desktop's\n"}


def test_a_refill_brings_back_what_is_held_and_one_that_was_away_the_rest(two):
    """What went before there was too much of it is deleted, and stays so, but where a device has not heard of it."""
    laptop, desktop = two
    files = {f"file {i:03}": f"{i}\n" for i in range(150)}
    here = laptop.add("notes", files)
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    for i in range(40):
        (there / f"file {i:03}").unlink()
    desktop.sync()
    for i in range(40, 140):
        (there / f"file {i:03}").unlink()
    done = desktop.finish("sync")
    assert done.returncode == 8 and "100 of 110 items are missing here" in desktop.run("status")
    assert "brings them back, but nothing that went before" in done.stderr
    desktop.run("repair", str(there), "--refill")
    assert len(tree(there)) == 110
    assert len(tree(here)) == 150  # away since
    laptop.run("remove", str(here))
    laptop.json("add", str(here), "--collection", "notes", "--existing", "--mine")
    laptop.sync()
    desktop.sync()
    assert len(tree(here)) == len(tree(there)) == 150


def test_set_and_remove_say_what_they_did(two):
    laptop, _ = two
    here = laptop.add("notes", {"a.txt": "a", "b": "b"})
    laptop.sync()
    assert laptop.run("set", str(here), "--mode", "send", "--max-delete", "3") == (
        f"notes: {here} only sends, --max-delete 3\n")
    said = laptop.run("set", str(here), "--mode", "both", "--merge", "text", "--include", "*.txt").splitlines()
    assert said[0] == f"notes: {here} sends and receives, --merge text, --max-delete 3, --include *.txt"
    assert "1 file is not asked for any more" in said[1] and len(said) == 2
    assert laptop.run("-q", "set", str(here), "--mode", "both") == ""
    assert laptop.run("remove", str(here)) == f"notes: {here} is no longer synced; what lies there stays\n"
    laptop.run("add", str(here), "--collection", "notes", "--existing")
    assert laptop.json("remove", str(here)) == {"collection": "notes", "source": str(here)}


def test_who_is_refused_hears_what_to_do(broker, two, make_device):
    laptop, desktop = two
    here = laptop.add("notes", {"a": "a"})
    laptop.sync()
    away = here.rename(here.with_name("aside"))
    assert (f"plug it in or bring it back, or `counterfoil repair {here} --refill`, or `counterfoil remove {here}`"
            in str(laptop.finish("sync")))
    away.rename(here)
    laptop.sync()
    assert "`counterfoil set` changes it" in laptop.run("add", str(here), "--collection", "notes", "--existing", code=2)
    (here / "deep").mkdir()
    assert "lie in each other" in laptop.run("add", str(here / "deep"), code=2)
    assert "is the home of another device" in laptop.run("add", desktop.home, code=2)
    assert "is a broker's directory" in laptop.run("add", broker.data, code=2)
    desktop.sync()
    nowhere = desktop.source("nowhere") / "deep"
    assert "make that one first" in desktop.run("add", str(nowhere), "--existing", "--collection", "notes", code=3)
    assert "`counterfoil collections` lists them" in desktop.run("sync", "things", code=3)
    screen = make_device("screen")
    laptop.pair(screen, "--role", "reader")
    screen.sync()
    there = screen.add("notes", None, "--existing")
    screen.sync()
    (there / "own").write_text("own\n")
    (line,) = [line for line in screen.finish("sync").stdout.splitlines() if "own:" in line]
    assert "`counterfoil devices role`" in line
    fresh = make_device("fresh")
    fresh.init()
    assert "`counterfoil sync` asks for those of other devices" in fresh.finish("collections").stderr


def put_in_its_place(copy, here):
    aside = here.rename(here.with_name("aside"))
    shutil.copytree(copy, here)
    return aside


@pytest.fixture
def edited_since(pair_of_notes, tmp_path):
    """The notes, and a copy of before an edit and a new file, with all that belongs to the source."""
    laptop, desktop, here, there = pair_of_notes
    old = tmp_path / "backup"
    shutil.copytree(here, old)
    (here / "one.txt").write_text("edited\n")
    (here / "sub/new.txt").write_text("new\n")
    laptop.sync(), desktop.sync()
    return laptop, desktop, here, there, old


def test_an_older_copy_in_the_place_of_a_source_reverts_nothing(edited_since):
    laptop, desktop, here, there, old = edited_since
    expected = tree(there)
    aside = put_in_its_place(old, here)
    for _ in range(2):
        said = laptop.run("sync", code=8)
        assert "another folder than the one that was added, an older copy" in said and "--refill" in said, said
    desktop.sync()
    assert tree(there) == expected and tree(here) == tree(old)
    shutil.rmtree(here)
    aside.rename(here)
    laptop.sync()
    assert tree(here) == expected
    put_in_its_place(old, here)
    laptop.run("sync", code=8)
    laptop.run("repair", str(here), "--refill")
    laptop.sync(), desktop.sync()
    assert tree(here) == tree(there) == expected


def test_an_older_copy_is_what_the_user_means(edited_since):
    laptop, desktop, here, there, old = edited_since
    put_in_its_place(old, here)
    laptop.run("sync", code=8)
    laptop.run("remove", str(here))
    laptop.json("add", str(here), "--collection", "notes", "--existing", "--mine")
    laptop.sync(), desktop.sync()
    assert tree(there)["one.txt"] == b"one\n"


def test_a_copy_of_what_was_there_last_goes_on(pair_of_notes, tmp_path):
    laptop, desktop, here, there = pair_of_notes
    copy = tmp_path / "copy"
    shutil.copytree(here, copy)
    put_in_its_place(copy, here)
    (here / "one.txt").write_text("edited in the copy\n")
    laptop.sync(), desktop.sync()
    assert tree(there) == tree(here) and tree(there)["one.txt"] == b"edited in the copy\n"
    (here / "sub/two.txt").unlink()
    laptop.sync(), desktop.sync()
    assert "sub/two.txt" not in tree(there)


def test_a_copy_by_an_archive_that_keeps_whole_seconds_goes_on(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    aside = here.rename(here.with_name("aside"))
    here.mkdir()
    subprocess.run(f"tar -C '{aside}' --format=gnu -c . | tar -C '{here}' -x", shell=True, check=True)
    assert (here / "one.txt").stat().st_mtime_ns % 10**9 == 0
    (here / "three.txt").write_text("three\n")
    laptop.sync(), desktop.sync()
    assert tree(there) == tree(here) and "three.txt" in tree(there)


def test_the_words_for_a_source_that_is_away_can_be_typed(two):
    laptop, _ = two
    with tempfile.TemporaryDirectory(prefix="s-", dir="/tmp") as top:
        here = pathlib.Path(top) / "stick"
        here.mkdir()
        (here / "a").write_text("a")
        laptop.json("add", str(here), "--collection", "notes")
        laptop.sync()
        aside = here.rename(here.with_name("aside"))
        ways = f"plug it in or bring it back, or `counterfoil repair {here} --refill`, or `counterfoil remove {here}`"
        assert ways in str(laptop.finish("sync")), laptop.finish("sync")
        assert ways in str(laptop.finish("status"))
        aside.rename(here)
        odd = here.rename(here.with_name("my $stick"))
        laptop.run("add", str(odd))
        odd.rename(here)
        assert f"`counterfoil remove '{odd}'`" in laptop.finish("sync").stderr + laptop.finish("sync").stdout


def test_a_stick_that_another_device_synced_meanwhile(pair_of_notes, make_device):
    laptop, desktop, here, there = pair_of_notes
    tablet = make_device("tablet")
    laptop.pair(tablet)
    tablet.sync()
    tablet.json("add", str(here), "--collection", "notes", "--existing")
    tablet.sync()
    (here / "one.txt").write_text("by the tablet\n")
    tablet.sync()
    said = laptop.run("sync", code=8)
    assert f"{here} was added by another device or home since" in said, said
    assert "`counterfoil repair" in said and "--refill` takes it back, or `counterfoil remove" in said, said
    laptop.run("repair", str(here), "--refill")
    laptop.sync(), desktop.sync()
    assert tree(here) == tree(there) and tree(there)["one.txt"] == b"by the tablet\n"


def test_who_has_a_foreign_stick_there_is_not_told_to_fill_it(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    before = tree(there)
    aside = here.rename(here.with_name("aside"))
    here.mkdir()
    (here / "photo").write_text("a stranger's\n")
    (here / ".counterfoil").mkdir()
    (here / ".counterfoil/root").write_text("0" * 32 + "\n")
    for _ in range(2):
        said = laptop.run("sync", code=8)
        assert "another folder than the one that was added, and holds other things: bring that back, or" in said, said
        assert "--refill" not in said and "counterfoil remove" in said, said
    shutil.rmtree(here)
    aside.rename(here)
    laptop.sync(), desktop.sync()
    assert tree(there) == tree(here) == before
