# SPDX-License-Identifier: Apache-2.0
"""Not seeing an item is not a deletion: roots that are gone, empty, others, or can't be read."""

import os
import shutil
import subprocess
import time

import pytest

import counterfoil
from counterfoil import as_nobody, broker, fill, make_device, pair_of_notes, tree, two, wait_until  # noqa: F401
from stand import told


def deletions(device):
    return [key for key in told(device) if key[1] == "deleted"]


def missing(here, aside):
    here.rename(aside)


def empty(here, aside):
    here.rename(aside)
    here.mkdir()


def a_copy(here, aside):
    here.rename(aside)
    here.mkdir()
    fill(here, {"other.txt": "of another folder\n"})


def another_source(here, aside):
    """As when another disk is mounted there, which is a source of its own."""
    here.rename(aside)
    shutil.copytree(aside, here)
    (here / ".counterfoil/root").write_text("0" * 32 + "\n")
    (here / "one.txt").unlink()


def a_file(here, aside):
    here.rename(aside)
    here.write_text("no folder\n")


ROOTS = [missing, empty, a_copy, another_source, a_file]


def put_back(here, aside):
    if here.is_dir():
        shutil.rmtree(here)
    elif here.exists():
        here.unlink()
    aside.rename(here)


@pytest.mark.parametrize("happen", ROOTS)
def test_a_root_that_is_not_ours_stops_everything(pair_of_notes, tmp_path, happen):
    laptop, desktop, here, there = pair_of_notes
    before, log = tree(there), told(laptop)
    happen(here, tmp_path / "aside")
    found = tree(here) if here.is_dir() else None
    message = laptop.run("sync", code=8)
    assert here.name in message
    laptop.run("sync", "--yes", code=8)
    laptop.json("status", "--check", code=8)
    desktop.sync()
    assert tree(there) == before and told(laptop) == log
    (there / "one.txt").write_text("meanwhile\n")
    desktop.sync()
    laptop.run("sync", code=8)
    assert found is None or tree(here) == found
    put_back(here, tmp_path / "aside")
    assert laptop.sync()["in_sync"]
    assert tree(here) == tree(there)


@pytest.mark.parametrize("happen", ROOTS)
def test_serve_notices_that_its_root_went(pair_of_notes, tmp_path, happen):
    laptop, desktop, here, there = pair_of_notes
    before = tree(there)
    laptop.serve(), desktop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "it is connected")
    happen(here, tmp_path / "aside")
    laptop.run("sync", code=8)
    desktop.sync()
    assert tree(there) == before and deletions(laptop) == []
    put_back(here, tmp_path / "aside")
    (there / "one.txt").write_text("meanwhile\n")
    wait_until(lambda: (here / "one.txt").read_text() == "meanwhile\n", "it goes on by itself")
    assert tree(here) == tree(there) and deletions(laptop) == []


@pytest.mark.parametrize("count", [1, 2, 30])
def test_a_root_that_is_removed_under_serve_deletes_nothing(two, count):
    laptop, desktop = two
    here = laptop.add("notes", {f"file {i}": f"{i}" for i in range(count)})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    laptop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "it is connected")
    shutil.rmtree(here)
    laptop.run("sync", code=8)
    laptop.run("sync", code=8)
    desktop.sync()
    assert len(tree(there)) == count and deletions(laptop) == []


def test_an_unmounted_disk_deletes_nothing(two):
    """A source that is a mount point: without the disk, an empty folder is there."""
    laptop, desktop = two
    here = laptop.source()
    here.mkdir()
    mount(here, "4m")
    try:
        laptop.add("notes", {f"file {i}": f"{i}" for i in range(5)})
        laptop.sync()
        desktop.sync()
        there = desktop.add("notes", None, "--existing")
        desktop.sync()
    finally:
        subprocess.run(["umount", "-l", here], check=True)
    laptop.run("sync", code=8)
    desktop.sync()
    assert len(tree(there)) == 5


def folder_on_two(two):
    laptop, desktop = two
    here = laptop.add("notes", {"a": "a", "b": "b", "d/one": "1", "d/two": "2", "d/sub/three": "3"})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    return here, there


def test_a_disk_that_is_mounted_over_a_folder_deletes_nothing(two):
    """In a folder of the source something else is seen than before: what it covers was not deleted."""
    laptop, desktop = two
    here, there = folder_on_two(two)
    before = tree(there)
    mount(here / "d", "4m")
    try:
        for _ in range(2):
            assert "another file system" in laptop.finish("sync").stdout
            laptop.run("sync", code=8)
        desktop.sync()
        assert tree(there) == before and deletions(laptop) == []
    finally:
        subprocess.run(["umount", "-l", here / "d"], check=True)
    laptop.sync()
    assert tree(here) == before


def test_serve_sees_at_once_what_is_mounted_and_what_is_done_there(two):
    laptop, desktop = two
    here, there = folder_on_two(two)
    (here / "d/a b").mkdir()
    laptop.sync()
    laptop.serve()
    desktop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "it is connected")
    mount(here / "d/a b", "4m")
    try:
        (here / "d/a b/on it").write_text("first")
        wait_until(lambda: (there / "d/a b/on it").exists(), "it is sent")
        (here / "d/a b/later").write_text("later")
        wait_until(lambda: (there / "d/a b/later").exists(), "the new directory is watched")
    finally:
        subprocess.run(["umount", "-l", here / "d/a b"], check=True)
    wait_until(lambda: "another file system" in laptop.run("status"), "it is held")
    assert (there / "d/a b/on it").exists()


def test_a_disk_in_a_folder_that_is_taken_away_deletes_nothing(two):
    laptop, desktop = two
    here = laptop.source()
    (here / "d").mkdir(parents=True)
    mount(here / "d", "4m")
    try:
        _, there = folder_on_two(two)
    finally:
        subprocess.run(["umount", "-l", here / "d"], check=True)
    before = tree(there)
    for _ in range(2):
        laptop.run("sync", code=8)
    desktop.sync()
    assert tree(there) == before and deletions(laptop) == []
    laptop.sync(0, "--yes")
    desktop.sync(0, "--yes")
    assert sorted(tree(there)) == ["a", "b", "d"]


def mount(where, size):
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", where], capture_output=True)
    if done.returncode:
        pytest.skip("needs the right to mount a small file system")


# ---- What can't be read; root reads everything, so the device runs as nobody ----


def test_a_folder_that_can_not_be_listed_deletes_nothing(pair_of_notes, as_nobody):
    laptop, desktop, here, there = pair_of_notes
    as_nobody(laptop, here, laptop.home)
    before = tree(there)
    (here / "sub").chmod(0)
    (pending,) = laptop.sync(code=1)["collections"][0]["pending"]
    assert pending["path"] == "sub" and "permission" in pending["reason"].lower()
    desktop.sync()
    assert tree(there) == before and deletions(laptop) == []
    (there / "one.txt").write_text("the others go on\n")
    desktop.sync()
    laptop.sync(code=1)
    assert (here / "one.txt").read_text() == "the others go on\n"
    (here / "sub").chmod(0o755)
    laptop.sync()
    desktop.sync()
    assert len(told(laptop)) == len(told(desktop)) and deletions(laptop) == []


def test_a_root_that_can_not_be_listed_deletes_nothing(pair_of_notes, as_nobody):
    laptop, desktop, here, there = pair_of_notes
    as_nobody(laptop, here, laptop.home)
    before = tree(there)
    for mode in 0, 0o311:
        here.chmod(mode)
        done = laptop.finish("sync")
        here.chmod(0o755)
        assert done.returncode == 8, done.stdout + done.stderr
    desktop.sync()
    assert tree(there) == before and deletions(laptop) == []
    assert laptop.sync()["in_sync"]


def test_unreadable_files_are_named_and_nothing_of_them_is_published(pair_of_notes, as_nobody):
    laptop, desktop, here, there = pair_of_notes
    fill(here, {"secret": "s", "open": "o"})
    (here / "one.txt").chmod(0)
    (here / "secret").chmod(0)
    as_nobody(laptop, here, laptop.home)
    pending = laptop.sync(code=1)["collections"][0]["pending"]
    assert sorted(one["path"] for one in pending) == ["one.txt", "secret"]
    assert laptop.json("status")["collections"][0]["pending"] == pending
    desktop.sync()
    assert (there / "one.txt").stat().st_mode & 0o777 == 0o644
    assert (there / "one.txt").read_text() == "one\n"
    assert not (there / "secret").exists() and (there / "open").read_text() == "o"


# ---- Mass deletions ----


def many(two, count=120):
    """They are the desktop's: what the laptop made itself within the last hour it may delete."""
    laptop, desktop = two
    there = desktop.add("notes", {f"file {i}": f"{i}\n" for i in range(count)})
    desktop.sync()
    laptop.sync()
    here = laptop.add("notes", None, "--existing")
    laptop.sync()
    return laptop, desktop, here, there


def test_serve_holds_mass_deletions_on_both_sides(two):
    laptop, desktop, here, there = many(two)
    laptop.serve(), desktop.serve()
    for i in range(90):
        (here / f"file {i}").unlink()
    laptop.run("sync", code=8)
    (here / "file 119").write_text("an edit goes through\n")
    wait_until(lambda: (there / "file 119").read_text() == "an edit goes through\n", "the edit is there")
    assert len(tree(there)) == 120
    laptop.run("sync", "--yes")
    wait_until(lambda: not desktop.json("status")["in_sync"], "the deletions are known there")
    desktop.json("status", "--check", code=8)
    assert len(tree(there)) == 120
    desktop.run("sync", "--max-delete", "89", code=8)
    assert len(tree(there)) == 120
    desktop.run("sync", "--max-delete", "80%")
    assert len(tree(there)) == 30 and tree(here) == tree(there)


def test_what_is_held_stays_held_though_others_come(two):
    """Twelve files in the place of twelve: with them there were twenty-four, of which half may go without a word, on both
    sides."""
    laptop, desktop = two
    here = laptop.add("notes", {f"{i}.txt": f"{i}\n" for i in range(12)})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    for i in range(12):
        (here / f"{i}.txt").unlink()
        (here / f"other {i}.txt").write_text(f"of another kind {i}\n")
    for _ in range(3):
        laptop.sync(8)
    laptop.sync(0, "--yes")
    for _ in range(3):
        desktop.sync(8)
    assert len(tree(there)) == 24
    desktop.sync(0, "--yes")
    assert tree(there) == tree(here)


def test_deletions_that_are_taken_back_are_none(two):
    laptop, desktop, here, there = many(two)
    kept = {path: text for path, text in tree(here).items()}
    for i in range(90):
        (here / f"file {i}").unlink()
    laptop.run("sync", code=8)
    fill(here, kept)
    assert laptop.sync()["in_sync"]
    desktop.sync()
    assert tree(there) == kept and deletions(laptop) == []


@pytest.mark.parametrize("serve", [False, True])
def test_a_word_is_for_once(two, serve):
    laptop, desktop, here, there = many(two)
    if serve:
        laptop.serve()
    laptop.run("sync", "--yes")
    laptop.run("sync", "--dry-run", "--yes")
    for i in range(90):
        (here / f"file {i}").unlink()
    laptop.run("sync", code=8)
    desktop.sync()
    assert len(tree(there)) == 120


def test_what_others_deleted_by_mistake_comes_back_by_the_words_that_are_named(two):
    laptop, desktop = two
    here = laptop.add("notes", {f"{number}.txt": str(number) for number in range(30)})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    before = tree(here)
    for number in range(30):
        (here / f"{number}.txt").unlink()
    laptop.sync(0, "--yes")
    done = desktop.finish("sync")
    assert done.returncode == 8 and tree(there) == before
    assert f"remove {there}`" in done.stderr and f"add {there} --existing --mine --collection notes`" in done.stderr, done.stderr
    assert "--refill" not in done.stderr, "that would delete them here, too"
    desktop.run("remove", str(there))
    desktop.run("add", str(there), "--collection", "notes", "--existing", "--mine")
    desktop.sync()
    laptop.sync()
    assert tree(here) == tree(there) == before


# ---- What is ordinary ----


def share(two, files):
    """The laptop has made them."""
    laptop, desktop = two
    here = laptop.add("notes", files)
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    return laptop, desktop, here, there


def tree_of(count, folder):
    return {f"{folder}/{i % 7}/{i}": f"{folder} {i}\n" for i in range(count)}


@pytest.mark.parametrize("serve", [False, True])
def test_what_a_device_made_within_the_hour_it_may_delete(two, serve):
    """A build tree, or a package, beside the files of others; the receiver judges by the same."""
    laptop, desktop, here, there = share(two, {f"file {i}": f"{i}\n" for i in range(30)})
    (there / "own").write_text("the desktop's\n")
    desktop.sync()
    laptop.sync()
    before = tree(here)
    if serve:
        laptop.serve(), desktop.serve()
        wait_until(lambda: desktop.json("status")["broker"]["connected"], "it is connected")
    for _ in range(2):
        fill(here, tree_of(600, "node_modules"))
        if not serve:
            laptop.sync(), desktop.sync()
        wait_until(lambda: tree(there) == tree(here), "the package came")
        shutil.rmtree(here / "node_modules")
        if not serve:
            laptop.sync(), desktop.sync()
        wait_until(lambda: tree(there) == before, "and went")
    assert tree(here) == before
    wait_until(lambda: laptop.json("status")["in_sync"] and desktop.json("status")["in_sync"], "nothing is held")


def files_just_saved(here):
    fill(here, {f"d/{i}": f"{i}\n" for i in range(120)})


def old_links(here):
    """No file tells how old they are."""
    (here / "d").mkdir()
    for i in range(120):
        (here / "d" / str(i)).symlink_to(f"target {i}")
        os.utime(here / "d" / str(i), (0, 0), follow_symlinks=False)
    os.utime(here / "d", (0, 0))


def old_folders(here):
    for i in range(120):
        (here / "d" / str(i)).mkdir(parents=True)
        os.utime(here / "d" / str(i), (0, 0))
    os.utime(here / "d", (0, 0))


@pytest.mark.parametrize("comes", ["with its source", "later"])
@pytest.mark.parametrize("make", [files_just_saved, old_links, old_folders])
def test_what_was_there_before_it_is_told_of_is_not_made_within_the_hour(make, comes, two, tmp_path):
    """Whoever wipes it just after it was added, or moved there, loses it nowhere else. What was saved just now and comes later
    can't be told from what is made there."""
    laptop, desktop = two
    here, there = tmp_path / "here", tmp_path / "there"
    fill(here, {"kept": "kept\n"}), there.mkdir()
    if comes == "with its source":
        make(here)
    laptop.run("add", here, "--collection", "notes", "--new")
    laptop.sync()
    desktop.run("add", there, "--collection", "notes", "--existing")
    desktop.sync()
    if comes == "later":
        make(here)
        laptop.sync(), desktop.sync()
    before = len(tree(there))
    assert before >= 121
    shutil.rmtree(here / "d")
    is_made = comes == "later" and make is files_just_saved
    laptop.run("sync", code=0 if is_made else 8)
    desktop.sync()
    assert len(tree(there)) == (1 if is_made else before)
    if not is_made:
        laptop.run("repair", here, "--refill")
        assert tree(here) == tree(there)


def test_rows_that_came_with_their_file_were_not_made_within_the_hour(two, tmp_path):
    laptop, desktop = two
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    lines = ["id,name\n", *(f"{i},name {i}\n" for i in range(150))]
    here.write_text("".join(lines))
    laptop.run("add", here, "--collection", "rows", "--new", "--format", "csv", "--key", "id")
    laptop.sync()
    desktop.run("add", there, "--collection", "rows", "--existing", "--format", "csv", "--key", "id")
    desktop.sync()
    here.write_text("".join(lines[:30]))
    laptop.run("sync", code=8)
    desktop.sync()
    assert sorted(there.read_text().splitlines()) == sorted("".join(lines).splitlines())


def test_a_quarter_goes_by_itself_and_what_is_suddenly_empty_does_not(two):
    desktop, laptop, there, here = share(two, {**tree_of(150, "photos"), **tree_of(450, "else")})
    shutil.rmtree(here / "photos")
    laptop.sync()
    desktop.sync()
    assert tree(here) == tree(there) and not (there / "photos").exists()
    shutil.rmtree(here / "else")
    laptop.run("sync", code=8)
    desktop.sync()
    assert len(tree(there)) == 450 + 8


def test_young_ones_that_stay_let_no_older_ones_go(two):
    """As when each file is written anew under another name, and the old one is removed."""
    desktop, laptop, there, here = share(two, {f"file {i}": f"{i}\n" for i in range(150)})
    for i in range(150):
        (here / f"file {i}.locked").write_text(f"another {i}\n")
    laptop.sync()
    for i in range(100):
        (here / f"file {i}").unlink()
    laptop.run("sync", code=8)
    fill(here, tree_of(200, "build"))
    laptop.sync(8)
    shutil.rmtree(here / "build")
    laptop.sync(8)
    desktop.sync()
    assert len([path for path in tree(there) if not path.endswith(".locked")]) >= 150


# ---- A limit of its own ----


def test_a_source_keeps_a_limit_of_its_own(two):
    laptop, desktop, here, there = share(two, {f"file {i}": f"{i}\n" for i in range(40)})
    names = iter(sorted(here.glob("file *")))
    laptop.run("set", str(here), "--max-delete", "3")
    assert "--max-delete 3" in laptop.run("status")
    assert laptop.json("status")["collections"][0]["max_delete"] == "3"
    for _ in range(3):
        next(names).unlink()
    laptop.sync(), desktop.sync()
    for _ in range(4):
        next(names).unlink()
    laptop.run("sync", code=8)
    laptop.json("status", "--check", code=8)
    laptop.run("set", str(here), "--mode", "both")
    laptop.run("sync", code=8)
    assert ", --max-delete 10%" in laptop.run("set", str(here), "--max-delete", "10%")  # of 37: 3
    laptop.run("sync", code=8)
    laptop.run("sync", "--max-delete", "4")
    desktop.run("set", str(there), "--max-delete", "0")
    desktop.run("sync", code=8)
    assert len(tree(there)) == 37
    assert "--max-delete" not in desktop.run("set", str(there), "--max-delete", "default")
    assert "max_delete" not in desktop.json("status")["collections"][0]
    desktop.run("sync", code=8)  # what is held waits for the word
    desktop.sync(0, "--yes")
    assert tree(here) == tree(there)
    laptop.run("set", str(here), "--max-delete", "100%")
    for name in names:
        name.unlink()
    laptop.sync()
    desktop.run("sync", code=8)
    desktop.sync(0, "--yes")


@pytest.mark.parametrize("limit", ["", "x", "-1", "4294967296", "101%", "1.5", "%"])
def test_a_limit_that_is_none_is_refused(two, limit):
    laptop, desktop, here, there = share(two, {"a": "a"})
    before = laptop.json("status")["collections"]
    assert "no number of items" in laptop.run("set", str(here), "--max-delete", limit, code=2)
    assert laptop.json("status")["collections"] == before


def sync_edited_twice(laptop, desktop, file):
    """And so it is no draft."""
    laptop.sync()
    for text in "its second line", "its third line, longer":
        file.write_text(text)
        laptop.sync()
    desktop.sync()


def test_a_file_in_the_place_of_one_that_is_held_goes_with_it(pair_of_notes):
    """Neither is it told beside that, as a conflict, nor does the sync go on and on."""
    laptop, desktop, here, there = pair_of_notes
    for name in "f", "g", *(f"many-{i}" for i in range(30)):
        (here / name).write_text("first")
    sync_edited_twice(laptop, desktop, here / "g")
    (here / "g").rename(here / "f")
    for i in range(30):
        (here / f"many-{i}").unlink()
    for _ in range(2):
        laptop.run("sync", "--max-delete", "10", code=8)
    laptop.run("sync", "--yes")
    desktop.run("sync", "--yes")
    assert set(tree(there)) == set(tree(here)) and (there / "f").read_text() == "its third line, longer"


def test_a_file_in_the_place_of_one_that_is_out_of_sight_does_not_wait(pair_of_notes, as_nobody):
    """What it replaced lies where nobody may look: it has left its place, and is told to have."""
    laptop, desktop, here, there = pair_of_notes
    as_nobody(laptop, here, laptop.home)
    (here / "shut").mkdir(mode=0o777)
    for name in "f", "g":
        (here / name).write_text("first")
    sync_edited_twice(laptop, desktop, here / "g")
    (here / "f").rename(here / "shut/f")
    (here / "g").rename(here / "f")
    (here / "shut").chmod(0)
    try:
        laptop.sync(code=1)
    finally:
        (here / "shut").chmod(0o755)
    desktop.sync()
    assert (there / "f").read_text() == "its third line, longer" and not (there / "g").exists()
    laptop.sync()
    desktop.sync()
    assert tree(there) == tree(here) and (there / "shut/f").read_text() == "first"
