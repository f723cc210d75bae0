# SPDX-License-Identifier: Apache-2.0
"""Two devices that keep a folder the same, by `sync`."""

import os
import pathlib
import random
import re
import shutil
import stat

import pytest

from counterfoil import broker, fill, make_device, pair_of_notes, tree, two, wait_until  # noqa: F401


def both(laptop, desktop):
    """Everything that either did is on both afterwards."""
    laptop.sync()
    desktop.sync()
    laptop.sync()


def test_a_folder_with_everything_in_it(two):
    laptop, desktop = two
    here = laptop.add("notes", {
        "empty": b"", "large": os.urandom(300_000), "deep/er/and/deeper": "x",
        "name with spaces\nand a newline": "n", os.fsdecode(b"not \xff utf-8"): "raw",
        "-dash": "d", "back\\slash": "b",
    })
    (here / "empty folder").mkdir()
    (here / "link").symlink_to("../outside")
    (here / "run").write_text("#!/bin/sh\n")
    (here / "run").chmod(0o755)
    os.utime(here / "empty", ns=(1, 1_234_567_890_123_456_789))
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    assert desktop.sync()["in_sync"]
    assert tree(here) == tree(there)
    assert stat.S_IMODE((there / "run").stat().st_mode) == 0o755
    assert (there / "empty").stat().st_mtime_ns == 1_234_567_890_123_456_789
    assert os.readlink(there / "link") == "../outside"


def test_edits_travel_both_ways(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    (here / "one.txt").write_text("one, edited here\n")
    (there / "sub/two.txt").write_text("two, edited there\n")
    (there / "three").mkdir()
    both(laptop, desktop)
    assert (there / "one.txt").read_text() == "one, edited here\n"
    assert (here / "sub/two.txt").read_text() == "two, edited there\n"
    assert tree(here) == tree(there)


def test_deletions_and_moves_travel(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    (here / "one.txt").rename(here / "sub/renamed.txt")
    both(laptop, desktop)
    assert (there / "sub/renamed.txt").read_text() == "one\n" and not (there / "one.txt").exists()
    (there / "sub").rename(there / "other")
    both(laptop, desktop)
    assert sorted(tree(here)) == ["other", "other/renamed.txt", "other/two.txt"]
    (here / "other/two.txt").unlink()
    both(laptop, desktop)
    assert tree(here) == tree(there) == {"other": None, "other/renamed.txt": b"one\n"}


def test_a_save_by_rename_is_an_edit(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    (here / "one.txt.tmp").write_text("saved\n")
    (here / "one.txt.tmp").rename(here / "one.txt")
    both(laptop, desktop)
    assert (there / "one.txt").read_text() == "saved\n"
    assert laptop.json("log", str(here / "one.txt"), "-n", "1")[0]["change"] == "edited"


def test_concurrent_edits_leave_a_copy(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    (here / "one.txt").write_text("from the laptop\n")
    (there / "one.txt").write_text("from the desktop\n")
    laptop.sync()
    desktop.sync(code=4)
    report = laptop.sync(code=4)
    assert tree(here) == tree(there)
    (conflict,) = report["collections"][0]["conflicts"]
    assert re.fullmatch(r"one \(conflict .* \w{4}\)\.txt", conflict["path"])
    assert (conflict["kind"], conflict["of"]) == ("file", "one.txt") and re.fullmatch(r"[0-9a-f]{12}", conflict["id"])
    assert conflict["time"].translate({ord("T"): " ", ord(":"): "-", ord("Z"): ""}) in conflict["path"]
    assert [one["id"] for one in desktop.json("conflicts", code=4)] == [conflict["id"]]
    assert "renaming or" in desktop.run("conflicts", "resolve", conflict["id"], "--keep", "mine", code=2)
    assert report["in_sync"]
    texts = {(here / "one.txt").read_text(), (here / conflict["path"]).read_text()}
    assert texts == {"from the laptop\n", "from the desktop\n"}
    assert laptop.finish("status").returncode == 0
    assert laptop.finish("status", "--check").returncode == 4
    (here / conflict["path"]).unlink()
    laptop.sync()
    desktop.sync()
    assert tree(here) == tree(there)
    assert laptop.json("status")["collections"][0]["conflicts"] == []


def test_edits_of_one_text_are_merged_where_that_is_wanted(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    desktop.run("set", str(there), "--merge", "text")
    lines = [f"line {number}\n" for number in range(9)]
    (here / "poem.txt").write_text("".join(lines))
    both(laptop, desktop)
    (here / "poem.txt").write_text("".join(["first\n", *lines[1:]]))
    (there / "poem.txt").write_text("".join([*lines[:-1], "last\n"]))
    both(laptop, desktop)
    assert (here / "poem.txt").read_text() == "".join(["first\n", *lines[1:-1], "last\n"])
    assert tree(here) == tree(there) and "poem.txt" in tree(here)
    assert not [path for path in tree(here) if "conflict" in path]
    desktop.run("set", str(there), "--merge", "copies")
    (here / "poem.txt").write_text("".join(["FIRST\n", *lines[1:]]))
    (there / "poem.txt").write_text("".join([*lines[:-1], "LAST\n"]))
    laptop.sync()
    desktop.sync(code=4)
    assert "unknown merge" in desktop.run("set", str(there), "--merge", "maybe", code=2)


def test_an_edit_beats_a_deletion(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    (here / "one.txt").unlink()
    (there / "one.txt").write_text("still wanted\n")
    both(laptop, desktop)
    assert (here / "one.txt").read_text() == "still wanted\n"
    assert tree(here) == tree(there)


def test_two_folders_that_hold_data_already_become_one(two):
    laptop, desktop = two
    here = laptop.add("notes", {"same": "same\n", "differs": "laptop\n", "only here": "h\n"})
    laptop.sync()
    desktop.sync()
    there = desktop.source("notes")
    there.mkdir()
    fill(there, {"same": "same\n", "differs": "desktop\n", "only there": "t\n"})
    said = desktop.json("add", str(there), "--collection", "notes")
    assert not said["new"]
    assert (said["equal"], said["different"], said["only_here"], said["only_there"]) == (1, 1, 1, 1)
    desktop.sync(code=4)
    laptop.sync(code=4)
    assert tree(here) == tree(there)
    contents = list(tree(here).values())
    for expected in b"same\n", b"laptop\n", b"desktop\n", b"h\n", b"t\n":
        assert contents.count(expected) == 1


def test_nothing_is_done_when_nothing_changed(pair_of_notes):
    laptop, _, here, _ = pair_of_notes
    before = len(laptop.json("log"))
    traffic = laptop.sync()["traffic"]
    assert traffic["entries_sent"] == 0 and traffic["files_applied"] == 0
    os.utime(here / "one.txt", ns=(5, (here / "one.txt").stat().st_mtime_ns))
    laptop.sync()
    assert len(laptop.json("log")) == before


def test_a_dry_run_does_nothing(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    (here / "new.txt").write_text("new\n")
    before = len(laptop.json("log"))
    said = laptop.json("sync", "--dry-run")
    assert [one["path"] for one in said["collections"][0]["pending"]] == ["new.txt"]
    assert len(laptop.json("log")) == before
    desktop.sync()
    assert not (there / "new.txt").exists()


def test_work_without_the_broker_is_sent_later(broker, pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    broker.stop()
    (here / "one.txt").write_text("offline\n")
    assert "connect" in laptop.run("sync", code=5)
    report = laptop.json("status")
    assert not report["in_sync"] and not report["broker"]["connected"]
    laptop.json("status", "--check", code=5)
    broker.restart()
    both(laptop, desktop)
    assert (there / "one.txt").read_text() == "offline\n"
    assert laptop.json("status", "--check")["in_sync"]


def test_mass_deletions_wait_for_a_word(two):
    """Of files that the laptop did not make itself just before."""
    laptop, desktop = two
    there = desktop.add("notes", {f"file {i}": f"{i}\n" for i in range(120)})
    desktop.sync()
    laptop.sync()
    here = laptop.add("notes", None, "--existing")
    laptop.sync()
    for i in range(80):
        (here / f"file {i}").unlink()
    laptop.json("status", "--check", code=8)  # said 'unsent' and 1: a look alone didn't ask the guard
    assert "--yes" in laptop.run("sync", code=8)
    laptop.run("sync", "--max-delete", "79", code=8)
    assert len(tree(there)) == 120
    laptop.run("sync", "--max-delete", "80")
    assert "--yes" in desktop.run("sync", code=8)
    assert len(tree(there)) == 120
    desktop.json("status", "--check", code=8)
    desktop.run("sync", "--yes")
    assert len(tree(there)) == 40


def test_status_of_what_is_nowhere(pair_of_notes):
    laptop, _, here, _ = pair_of_notes
    laptop.run("status", str(here / "no such file"), code=3)  # said 'in sync'
    laptop.run("status", str(here))
    assert "/nonexist is no source, and lies in none" in laptop.run("sync", "/nonexist", code=3)


def test_what_is_pending_below_a_new_folder_has_that_folder(pair_of_notes):
    laptop, desktop, here, _ = pair_of_notes
    fill(here, {"new/deep/a.txt": "a\n", "new/deep/b.txt": "b\n"})
    os.mkfifo(here / "new/deep/fifo")
    expected = {"new", "new/deep", "new/deep/a.txt", "new/deep/b.txt", "new/deep/fifo"}

    def listed(*path):
        (told,) = laptop.json("status", *path)["collections"]
        return {one["path"]: one["kind"] for one in told["pending"]}

    assert listed().keys() == listed(str(here)).keys() == expected and listed()["new/deep/fifo"] == "skipped"
    assert listed(str(here / "new/deep")).keys() == expected - {"new"}
    assert listed(str(here / "new/deep/a.txt")) == {"new/deep/a.txt": "unsent"}
    desktop.run("lock", "notes")
    laptop.sync(9)
    assert listed().keys() == expected and listed()["new/deep/a.txt"] == "locked"
    desktop.run("unlock", "notes")
    laptop.sync(1)
    assert listed() == {"new/deep/fifo": "skipped"}


def test_a_root_that_is_gone_or_another_deletes_nothing(pair_of_notes, tmp_path):
    laptop, desktop, here, there = pair_of_notes
    elsewhere = tmp_path / "elsewhere"
    here.rename(elsewhere)
    assert "not there" in laptop.run("sync", code=8)
    here.mkdir()
    laptop.json("sync", "--dry-run", code=8), laptop.run("sync", code=8)
    desktop.sync()
    assert len(tree(there)) == 3
    here.rmdir()
    elsewhere.rename(here)
    assert laptop.sync()["in_sync"]


def test_an_emptied_root_is_filled_again(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    shutil.rmtree(here)
    here.mkdir()
    laptop.run("sync", code=8)
    laptop.run("repair", str(here), "--refill")
    assert laptop.sync()["in_sync"]
    desktop.sync()
    assert tree(here) == tree(there) and len(tree(here)) == 3


def test_a_source_that_moved_is_recognised(pair_of_notes, tmp_path):
    laptop, desktop, here, there = pair_of_notes
    moved = tmp_path / "moved"
    here.rename(moved)
    said = laptop.json("add", str(moved))
    assert said["moved_from"] == str(here) and said["collection"] == "notes"
    before = len(laptop.json("log"))
    (moved / "one.txt").write_text("after the move\n")
    both(laptop, desktop)
    assert (there / "one.txt").read_text() == "after the move\n"
    assert len(laptop.json("log")) == before + 1


def test_sources_that_can_not_be(pair_of_notes, tmp_path):
    laptop, _, here, _ = pair_of_notes
    laptop.run("add", str(here), code=2)
    laptop.run("add", str(here / "sub"), code=2)
    laptop.run("add", laptop.home, code=2)
    laptop.run("add", str(tmp_path), code=2)
    laptop.run("add", str(here / "one.txt"), code=2)
    laptop.run("add", str(tmp_path / "nowhere"), code=3)
    free = tmp_path / "free"
    free.mkdir()
    assert "unknown format 'cheese'" in laptop.run("add", str(free), "--format", "cheese", code=2)
    assert "unknown mode 'up'" in laptop.run("add", str(free), "--mode", "up", code=2)
    namesake = tmp_path / "elsewhere" / "notes"
    namesake.mkdir(parents=True)
    assert "already" in laptop.run("add", str(namesake), code=1)
    assert not (namesake / ".counterfoil").exists()
    laptop.run("add", str(free), "--collection", "nothing", "--existing", code=3)
    assert not (free / ".counterfoil").exists()


def test_a_source_is_made_where_its_collection_exists(pair_of_notes, make_device):
    laptop, _, here, _ = pair_of_notes
    tablet = make_device("tablet")
    laptop.pair(tablet)
    tablet.run("add", str(tablet.source()), "--collection", "notes")
    tablet.sync()
    assert tree(tablet.source()) == tree(here)


def test_remove_leaves_the_files(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    before = tree(here)
    laptop.run("remove", str(here))
    assert tree(here) == before and not (here / ".counterfoil").exists()
    (here / "one.txt").write_text("mine alone\n")
    both(laptop, desktop)
    assert (there / "one.txt").read_text() == "one\n"
    assert laptop.json("collections")[0]["source"] is None
    laptop.run("remove", str(here), code=3)


def test_set_alone_shows_how_a_source_is_synced(pair_of_notes):
    laptop, _, here, _ = pair_of_notes
    plain = f"notes: {here} sends and receives\n"
    assert laptop.run("set", str(here)) == laptop.run("set", "notes") == plain
    told = laptop.json("set", "notes")
    assert [told[name] for name in ("mode", "base", "merge", "max_delete", "include")] == ["both", "auto", "copies", None, []]
    laptop.run("set", "notes", "--mode", "send", "--merge", "text", "--max-delete", "5", "--include", "*.txt", "--base", "full")
    expected = f"notes: {here} only sends, --base full, --merge text, --max-delete 5, --include *.txt\n"
    told = laptop.json("set", str(here))
    for _ in range(2):
        assert laptop.run("set", "notes") == expected, "nothing is changed by that"
        assert laptop.json("set", "notes") == told
    assert [told[name] for name in ("mode", "base", "merge", "max_delete", "include")] == ["send", "full", "text", "5", ["*.txt"]]
    assert told["source"] == str(here)
    laptop.stop(laptop.serve())
    assert laptop.run("set", "notes") == expected


def test_collections_are_listed_renamed_and_deleted(pair_of_notes):
    laptop, desktop, here, _ = pair_of_notes
    laptop.run("collections", "rename", "notes", "diary")
    both(laptop, desktop)
    (listed,) = desktop.json("collections")
    assert listed["name"] == "diary" and listed["format"] == "files"
    laptop.run("sync", "notes", code=3)
    laptop.run("sync", "diary")
    assert f"has a source here: `counterfoil remove {here}` first" in laptop.run("collections", "delete", "diary", code=1)
    laptop.run("remove", str(here))
    laptop.run("collections", "delete", "diary", "--yes")
    assert [one["taken_off"]["device"] for one in laptop.json("collections")] == ["laptop"]
    assert "unknown subverb" in laptop.run("collections", "eat", code=2)


def test_collections_made_apart_under_one_name_are_one(two):
    laptop, desktop = two
    here, there = laptop.add("notes", {"a": "a"}), desktop.add("notes", {"b": "b"})
    both(laptop, desktop)
    assert tree(here) == tree(there) == {"a": b"a", "b": b"b"}
    assert len(laptop.json("collections")) == 1


def test_modes_send_only_and_receive_only(two):
    laptop, desktop = two
    here = laptop.add("notes", {"a": "a"}, "--mode", "send")
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    (there / "b").write_text("b")
    desktop.sync()
    laptop.sync(1)
    assert set(tree(here)) == {"a"}
    laptop.run("set", str(here), "--mode", "both")
    laptop.sync()
    assert set(tree(here)) == {"a", "b"}


def test_a_source_that_only_receives_says_so_of_what_was_done_there(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    desktop.run("set", str(there), "--mode", "receive")
    (there / "new").write_text("n")
    (there / "one.txt").write_text("changed")
    (there / "sub/two.txt").unlink()
    said = {
        "new": "it is new here; this source only receives",
        "one.txt": "it was changed here; this source only receives",
        "sub/two.txt": "it was deleted here; this source only receives",
    }
    for report in desktop.json("status"), desktop.sync(code=1), desktop.json("status"):
        (notes,) = report["collections"]
        assert {one["path"]: one["reason"] for one in notes["pending"]} == said and notes["mode"] == "receive"
        assert f"`counterfoil repair {there} --refill` undoes" in notes["advice"]
        assert f"`counterfoil set {there} --mode both` sends it" in notes["advice"]
    assert "which only receives\n" in desktop.run("status")
    for verb in "status", "sync":
        assert f"\n  {notes['advice']}\n" in desktop.finish(verb).stdout
    laptop.sync()
    assert tree(here) == {"one.txt": b"one\n", "sub": None, "sub/two.txt": b"two\n"}
    desktop.run("repair", str(there), "--refill")
    assert tree(there) == tree(here) and "advice" not in desktop.sync()["collections"][0]


def test_what_was_moved_is_told_with_where_it_was(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    (here / "one.txt").rename(here / "o\tne.txt")
    both(laptop, desktop)
    for source in here, there:
        (source / "o\tne.txt").rename(source / "1.txt")
        (source / "1.txt").write_text("one, edited\n")
        (source / "sub/two.txt").rename(source / "sub/2.txt")
        (source / "sub").rename(source / "dub")
    desktop.run("set", str(there), "--mode", "receive")
    said = {
        "1.txt": "it was moved here from o\\x09ne.txt, and changed",
        "dub": "it was moved here from sub",
        "dub/2.txt": "it was moved here from sub/two.txt",
    }
    for report in laptop.json("sync", "-n"), laptop.json("status"):
        (notes,) = report["collections"]
        assert {one["path"]: one["reason"] for one in notes["pending"]} == said
    (notes,) = desktop.json("status")["collections"]
    assert {one["path"]: one["reason"] for one in notes["pending"]} == {
        path: f"{what}; this source only receives" for path, what in said.items()}
    laptop.sync()
    assert laptop.json("status")["in_sync"]


@pytest.mark.parametrize("served", [False, True])
def test_what_was_moved_in_a_receiver_is_told_as_that_only(pair_of_notes, served):
    laptop, desktop, here, there = pair_of_notes
    fill(here, {"moved": "m", "sub/gone": "g", "sub/deep/er": "d", "away/file": "f"})
    both(laptop, desktop)
    desktop.run("set", str(there), "--mode", "receive")
    if served:
        desktop.serve()
    (there / "moved").rename(there / "elsewhere")
    (there / "sub").rename(there / "subx")
    (there / "subx/gone").unlink()
    shutil.rmtree(there / "away")
    unsent = {
        "elsewhere": "it was moved here from moved; this source only receives",
        "subx": "it was moved here from sub; this source only receives",
        "sub/gone": "it was deleted here; this source only receives",
        "away": "it was deleted here; this source only receives",
        "away/file": "it was deleted here; this source only receives",
    }
    if not served:
        desktop.sync(1)

    def pending(report):
        return {one["path"]: one["reason"] for one in report["collections"][0]["pending"]}

    wait_until(lambda: pending(desktop.json("status")) == unsent, "all of it is told")
    fill(here, {"moved": "m, edited", "sub/new": "n", "sub/deep/er": "d, edited"})
    laptop.sync()
    unapplied = {
        "moved": "it was moved or deleted here",
        "sub/new": "its folder was moved or deleted here",
        "sub/deep/er": "its folder was moved or deleted here",
    }
    if served:
        wait_until(lambda: pending(desktop.json("status")) == {**unsent, **unapplied}, "what comes waits")
        return
    for _ in range(2):
        assert pending(desktop.sync(1)) == {**unsent, **unapplied}
        assert pending(desktop.json("status")) == {
            **unsent, "moved": "it was changed elsewhere; it was moved or deleted here",
            "sub/new": "it is new elsewhere; its folder was moved or deleted here",
            "sub/deep/er": "it was changed elsewhere; its folder was moved or deleted here"}
    desktop.run("repair", str(there), "--refill")
    assert tree(there) == tree(here)


def test_only_what_is_included_is_synced(two):
    laptop, desktop = two
    here = laptop.add("notes", {"a.txt": "a", "a.bin": "b", "sub/c.txt": "c"}, "--include", "*.txt")
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    assert set(tree(there)) == {"a.txt", "sub", "sub/c.txt"}
    assert (here / "a.bin").exists()


def test_status_names_what_can_not_be_synced(two):
    laptop, _ = two
    here = laptop.add("notes", {"a": "a"})
    os.mkfifo(here / "pipe")
    report = laptop.sync(code=1)
    (pending,) = report["collections"][0]["pending"]
    assert pending["path"] == "pipe" and "FIFO" in pending["reason"]
    assert laptop.json("status")["collections"][0]["pending"] == [pending]
    assert laptop.json("status", str(here / "a"))["collections"][0]["pending"] == []
    laptop.run("status", "/nowhere", code=3)
    laptop.json("status", "--check", code=1)


def test_status_has_the_form_that_scripts_rely_on(pair_of_notes):
    laptop, _, here, _ = pair_of_notes
    report = laptop.json("status")
    assert report["in_sync"] is True and report["device"] == "laptop"
    assert report["broker"]["connected"] is None and report["broker"]["address"].startswith("tcp://")
    (notes,) = report["collections"]
    assert notes["name"] == "notes" and notes["source"] == str(here)
    assert notes["in_sync"] is True and notes["items"] == 3
    assert notes["pending"] == [] and notes["conflicts"] == []
    fill(here, {os.fsdecode(b"odd \xff\\"): "x"})
    (pending,) = laptop.json("status")["collections"][0]["pending"]
    assert pending["path"] == "odd \\xff\\\\" and pending["reason"]


def test_conflicts_have_the_form_that_scripts_rely_on(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    table = laptop.source("people.csv")
    table.write_text("name,town\nann,Oslo\n")
    laptop.json("add", str(table), "--collection", "people", "--format", "csv", "--key", "name")
    laptop.sync()
    desktop.sync()
    other = desktop.source("people.csv")
    desktop.json("add", str(other), "--collection", "people", "--format", "csv", "--key", "name", "--existing")
    desktop.sync()
    for device, source, sheet in (laptop, here, table), (desktop, there, other):
        (source / "one.txt").write_text(f"by {device.name}\n")
        sheet.write_text(f"name,town\nann,{device.name}\n")
    for device in laptop, desktop, laptop, desktop:
        device.finish("sync")
    for device in laptop, desktop:
        report = device.json("status")
        assert report["version"] == 1 and report["in_sync"] is True
        listed = {one["kind"]: one for collection in report["collections"] for one in collection["conflicts"]}
        assert listed.keys() == {"file", "field"}
        for one in listed.values():
            assert one.keys() >= {"id", "kind", "path", "of", "device", "time"}
            assert one["device"] in ("laptop", "desktop") and one["time"].endswith("Z") and one["id"]
        assert listed["file"]["of"] == "one.txt" and "(conflict " in listed["file"]["path"]
        assert listed["field"]["path"] == "ann/town"
    ids = [one["id"] for collection in laptop.json("status")["collections"] for one in collection["conflicts"]]
    assert ids == [one["id"] for one in laptop.json("conflicts", code=4)], "the same in each call"
    (field,) = [one["id"] for one in laptop.json("conflicts", code=4) if one["kind"] == "field"]
    laptop.run("conflicts", "resolve", field, "--keep", "mine", code=4)
    assert [one["kind"] for one in laptop.json("conflicts", code=4)] == ["file"]


def test_the_log_tells_what_happened(pair_of_notes):
    laptop, desktop, here, _ = pair_of_notes
    (here / "one.txt").rename(here / "uno.txt")
    laptop.sync()
    (here / "uno.txt").unlink()
    laptop.sync()
    told = [(one["change"], one["path"]) for one in laptop.json("log", "-n", "2")]
    assert told == [("deleted", "uno.txt"), ("moved", "uno.txt")]
    lines = laptop.run("log").splitlines()
    assert all(re.match(r"[0-9a-f]{12} \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \S+ ", line) for line in lines)
    (made, *_) = [one for one in laptop.json("log") if one["change"] == "new" and one["path"] == "one.txt"]
    assert made["device"] == "laptop" and made["collection"] == "notes"
    assert {one["path"] for one in laptop.json("log", str(here / "sub"))} == {"sub", "sub/two.txt"}


def test_verify_finds_and_repair_mends(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    assert laptop.json("verify") == {"whole": True, "damaged": [], "away": []}
    assert laptop.json("repair") == {"mended": 0, "lost": 0}
    (here / "one.txt").write_text("after the repair\n")
    both(laptop, desktop)
    assert (there / "one.txt").read_text() == "after the repair\n"


def test_a_file_beyond_the_limit_is_named(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    (here / "new").touch()
    for path in "new", "one.txt":
        os.truncate(here / path, (256 << 30) + 1)
    (here / "sub/two.txt").write_text("the others go on\n")
    pending = laptop.sync(code=1)["collections"][0]["pending"]
    assert {one["path"]: one["reason"] for one in pending} == dict.fromkeys(["new", "one.txt"], "larger than 256 GiB")
    desktop.sync()
    assert tree(there) == {"one.txt": b"one\n", "sub": None, "sub/two.txt": b"the others go on\n"}
    os.truncate(here / "new", 3)
    os.truncate(here / "one.txt", 4)
    both(laptop, desktop)
    assert tree(here) == tree(there)


def prose(size):
    """Of the words of the licences that Debian has, as often as each is there; no more of it comes twice than by chance."""
    texts = sorted(pathlib.Path("/usr/share/common-licenses").glob("*"))
    words = [word for text in texts for word in text.read_text(errors="replace").split()]
    assert len(set(words)) > 2000
    drawn = random.Random(4).choices(words, k=size // 5)
    lines = [" ".join(drawn[at : at + 12]) for at in range(0, len(drawn), 12)]
    return "\n".join(lines).encode()[:size]


def test_prose_costs_a_third_of_its_size(two):
    laptop, desktop = two
    text = prose(10_000_000)
    assert len(text) == 10_000_000
    here = laptop.add("notes", {"text.txt": text})
    sent = laptop.sync()["traffic"]["bytes_sent"]
    print(f"of 10 MB {sent / len(text):.1%} are sent")
    assert 0.2 * len(text) < sent <= 0.35 * len(text)
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    assert desktop.sync()["traffic"]["bytes_received"] <= 0.35 * len(text)
    assert tree(here) == tree(there)
