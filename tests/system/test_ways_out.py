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
    laptop.run("devices", "role", "desktop", "relay")
    laptop.sync()
    (here / "one.txt").write_text("edited\n")
    laptop.sync()
    said = desktop.sync(6)
    assert not said["in_sync"] and "is a relay now" in source(said)["trouble"]
    for word in "counterfoil remove", "counterfoil devices role":
        assert word in source(desktop.json("status"))["trouble"]
    assert (there / "one.txt").read_text() == "one\n"
    laptop.run("devices", "role", "desktop", "member")
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
    assert "brings them back, but nothing that was deleted elsewhere, or went before" in done.stderr
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
    for path in here / "a", here / "deep":
        said = laptop.run("sync", str(path), code=3)
        assert "lies in a source" in said and f"`counterfoil sync {here}`" in said, said
    assert "there is no collection 'b'" in laptop.run("sync", "b", code=3, folder=here)
    assert laptop.run("status", str(here / "a")).endswith(f"{here / 'a'}: nothing of it is out of sync\n")
    assert f"{here / 'deep'}: nothing" not in laptop.run("status", str(here / "deep"))
    assert "`counterfoil devices annul`" in laptop.run("devices", "revoke", "desktop", code=2)
    desktop.sync()
    for verb in "sync", "status":
        said = desktop.finish(verb).stderr
        assert "`counterfoil collections` lists 1 of" in said and "--existing --collection NAME` takes one" in said
    nowhere = desktop.source("nowhere") / "deep"
    assert "make that one first" in desktop.run("add", str(nowhere), "--existing", "--collection", "notes", code=3)
    assert "`counterfoil collections` lists them" in desktop.run("sync", "things", code=3)
    screen = make_device("screen")
    laptop.pair(screen, "--role", "reader")
    screen.sync()
    there = screen.add("notes", None, "--existing")
    screen.sync()
    (there / "own").write_text("own\n")
    line, advice = screen.finish("sync").stdout.splitlines()[1:3]
    assert "own:" in line and "`counterfoil devices role`" in line
    assert f"`counterfoil repair {there} --refill` undoes" in advice and "--mode" not in advice
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


def meant_is_told(device, here):
    """By each verb, and alike."""
    advice = device.json("status")["collections"][0]["advice"]
    said = f"`counterfoil remove {here}`, then `counterfoil add {here} --existing --mine --collection notes` make it the newest"
    return said in advice and advice in device.finish("sync").stdout and advice in device.finish("-q", "sync").stderr


def test_an_older_copy_in_the_place_of_a_source_reverts_nothing(edited_since):
    laptop, desktop, here, there, old = edited_since
    expected = tree(there)
    aside = put_in_its_place(old, here)
    for _ in range(2):
        said = laptop.run("sync", code=8)
        assert "another folder than the one that was added, an older copy" in said and "--refill" in said, said
        assert meant_is_told(laptop, here)
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
    shutil.rmtree(here / ".counterfoil")
    laptop.run("sync", code=8)
    assert meant_is_told(laptop, here)
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
        for verb in "sync", "status":
            assert "if it was moved or renamed, `counterfoil add NEWPATH` goes on" in laptop.finish(verb).stdout
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
        assert "--mine" not in str(laptop.finish("sync")) and "advice" not in laptop.json("status")["collections"][0]
    shutil.rmtree(here)
    aside.rename(here)
    laptop.sync(), desktop.sync()
    assert tree(there) == tree(here) == before


def test_who_has_no_broker_is_told(make_device, tmp_path):
    laptop = make_device("laptop")
    said = laptop.finish("init", "--name", "laptop")
    for word in "new user, without a broker", "`counterfoil broker LINE`", "`counterfoil join`", "counterfoild invite":
        assert word in said.stderr and said.returncode == 0
    laptop.add("notes", {"a": "a\n"})
    for verb in "sync", "status":
        assert laptop.run(verb).count("no broker is set: ") == 1
        assert laptop.json(verb)["broker"] is None
    assert "no broker" not in laptop.run("-q", "sync")
    other = make_device("other")
    said = other.finish("-q", "init", "--name", "other")
    assert "without a broker" not in said.stderr
    assert "`recover`" in make_device("none").run("status", code=3)


def test_a_source_goes_by_the_name_of_its_collection(make_device, tmp_path):
    laptop = make_device("laptop")
    laptop.init()
    here = laptop.add("notes", {"a": "a\n"})
    second = laptop.folder / "second"
    second.mkdir()
    laptop.sync()
    assert "only sends" in laptop.run("set", "notes", "--mode", "send")
    assert "sends and receives" in laptop.run("set", "notes//", "--mode", "both")
    (here / "a").unlink()
    laptop.run("repair", "notes", "--refill")
    assert (here / "a").read_text() == "a\n"
    laptop.run("add", str(second), "--collection", "notes")
    laptop.sync()
    for words in ["set", "notes", "--mode", "both"], ["remove", "notes"], ["repair", "notes", "--refill"]:
        said = laptop.run(*words, code=2)
        assert "several sources" in said and str(here) in said and str(second) in said
    laptop.run("remove", str(second))
    assert "is no longer synced" in laptop.run("remove", "notes")
    assert "has no source here" in laptop.run("remove", "notes", code=3)
    assert "is no source" in laptop.run("set", "papers", code=3)


def test_half_a_command_is_told_its_other_half(make_device, tmp_path):
    laptop = make_device("laptop")
    phrase = tmp_path / "phrase"
    phrase.write_text("of somebody\n")
    said = laptop.run("init", "--recovery-file", str(phrase), code=1)
    assert "is there already" in said and "another --recovery-file" in said
    laptop.init()
    here = laptop.add("notes", {"a": "a\n"})
    assert f"`counterfoil repair {here} --refill`" in laptop.run("repair", str(here), code=2)
    assert "wants a SOURCE" in laptop.run("repair", "--refill", code=2)
    assert "--also DEVICE" in laptop.run("help", "devices")


def test_a_copy_is_listed_with_what_settles_it(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    (here / "one.txt").write_text("here\n")
    (there / "one.txt").write_text("there\n")
    laptop.sync()
    desktop.finish("sync")
    assert "to settle it, delete the copy or give it another name" in desktop.run("sync", code=4)
    (copy,) = [name for name in tree(there) if "conflict" in name]
    (there / copy).unlink()
    assert "settle" not in desktop.run("sync")


def test_a_reader_has_no_locks(two):
    laptop, desktop = two
    laptop.add("notes", {"a": "a\n"})
    laptop.sync()
    desktop.sync()
    desktop.add("notes", None, "--existing")
    laptop.run("devices", "role", "desktop", "reader")
    desktop.sync()
    assert "only owners and members lock" in desktop.run("lock", "notes", code=6)
