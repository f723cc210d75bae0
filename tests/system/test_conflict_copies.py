# SPDX-License-Identifier: Apache-2.0
"""A conflict copy is listed, and `sync` ends with 4, as long as the copy lies there under its conflict name."""

import os

import pytest

from counterfoil import both, broker, make_device, pair_of_notes, two  # noqa: F401


def copies(folder):
    return sorted(path.name for path in folder.iterdir() if " (conflict " in path.name)


def listed(device):
    """The conflict copies that are told, of all sources."""
    return sorted(one["path"] for one in device.json("conflicts", code=4))


def edited_apart(laptop, desktop, here, there):
    """Two versions of one file: the path of the copy on the laptop."""
    (here / "one.txt").write_text("of the laptop\n")
    (there / "one.txt").write_text("of the desktop\n")
    both(laptop, desktop, 4)
    return here / copies(here)[0]


def made_apart(laptop, desktop, here, there):
    """Two files of one name: the path of the one that has a conflict name on the laptop."""
    (here / "one.txt").unlink()
    both(laptop, desktop)
    return edited_apart(laptop, desktop, here, there)


APART = pytest.mark.parametrize("apart", [edited_apart, made_apart])


def expect_listed(laptop, desktop, here, there, name):
    both(laptop, desktop, 4)
    assert copies(here) == copies(there) == [name]
    assert listed(laptop) == listed(desktop) == [name]
    assert "settled" not in laptop.run("log", "notes") + desktop.run("log", "notes")


def change_mode(copy):
    copy.chmod(0o664)


def change_time(copy):
    os.utime(copy, (10**9, 10**9))


def edit(copy):
    copy.write_text(copy.read_text() + "a note\n")


def delete_original(copy):
    (copy.parent / "one.txt").unlink()


def rename_original(copy):
    (copy.parent / "one.txt").rename(copy.parent / "elsewhere")


@APART
@pytest.mark.parametrize("change", [change_mode, change_time, edit, delete_original, rename_original])
def test_what_is_done_beside_its_name_settles_nothing(pair_of_notes, apart, change):
    laptop, desktop, here, there = pair_of_notes
    copy = apart(laptop, desktop, here, there)
    change(copy)
    expect_listed(laptop, desktop, here, there, copy.name)
    (there / copy.name).rename(there / "one more")
    both(desktop, laptop)
    assert laptop.json("conflicts") == [] == desktop.json("conflicts")


@APART
def test_a_copy_that_another_deleted_is_listed_where_it_was_edited(pair_of_notes, apart):
    laptop, desktop, here, there = pair_of_notes
    copy = apart(laptop, desktop, here, there)
    copy.unlink()
    edit(there / copy.name)
    expect_listed(laptop, desktop, here, there, copy.name)
    (here / copy.name).unlink()
    both(laptop, desktop)
    assert copies(here) == copies(there) == [] == laptop.json("conflicts")


@APART
def test_all_of_it_one_after_the_other_settles_nothing(pair_of_notes, apart):
    laptop, desktop, here, there = pair_of_notes
    copy = apart(laptop, desktop, here, there)
    for change in change_mode, edit, change_time, edit, rename_original:
        change(copy)
        expect_listed(laptop, desktop, here, there, copy.name)
    edit(there / copy.name)
    (here / "elsewhere").unlink()
    expect_listed(laptop, desktop, here, there, copy.name)


@APART
def test_a_copy_whose_original_is_gone_may_have_its_name(pair_of_notes, apart):
    laptop, desktop, here, there = pair_of_notes
    copy = apart(laptop, desktop, here, there)
    text, (told,) = copy.read_text(), laptop.json("conflicts", code=4)
    assert "not there any more" not in laptop.run("conflicts", code=4)
    (here / "one.txt").unlink()
    both(laptop, desktop, 4)
    for device in laptop, desktop:
        assert f"conflict  notes//{copy.name}: written on {told['device']}; one.txt is not there any more" in device.run("conflicts", code=4)
    (there / copy.name).rename(there / "one.txt")
    both(desktop, laptop)
    assert (here / "one.txt").read_text() == text and laptop.json("conflicts") == []


def test_the_log_says_that_a_copy_was_kept_and_not_that_it_was_settled(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    copy = edited_apart(laptop, desktop, here, there)
    edit(copy)
    laptop.sync(4)
    assert [(one["change"], one["path"]) for one in laptop.json("log", "notes", "-n", "2")] == [
        ("edited", copy.name), ("edited", "one.txt")]
    (here / "one.txt").unlink()
    laptop.sync(4)
    newest = {(one["change"], one["path"]) for one in laptop.json("log", "notes", "-n", "1")}
    assert newest <= {("deleted", "one.txt"), ("kept", copy.name)}


def test_each_copy_is_told_with_its_collection_so_that_other_verbs_take_it(pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    more = laptop.add("more", {"one.txt": "one\n"})
    laptop.sync()
    more_there = desktop.add("more", None, "--existing")
    both(desktop, laptop)
    edited_apart(laptop, desktop, here, there)
    edited_apart(laptop, desktop, more, more_there)
    for verb in "conflicts", "status":
        lines = [line for line in laptop.finish(verb).stdout.splitlines() if line.startswith("  conflict  ")]
        told = [line.removeprefix("  conflict  ").split(": written on ")[0] for line in lines]
        assert sorted(told) == [f"more//{copies(more)[0]}", f"notes//{copies(here)[0]}"]
        for one in told:
            assert [copy["path"] for source in laptop.json("status", one)["collections"] for copy in source["conflicts"]] == [
                one.split("//")[1]]


@pytest.mark.parametrize("mode", [0o600, 0o755])
def test_a_copy_that_comes_back_has_its_mode(pair_of_notes, mode):
    """It was deleted here, and edited there once that was heard of."""
    laptop, desktop, here, there = pair_of_notes
    (here / "f").write_text("one\n")
    (here / "f").chmod(mode)
    both(laptop, desktop)
    for device, folder, words in (laptop, here, "here\n"), (desktop, there, "there\n"):
        with (folder / "f").open("a") as file:
            file.write(words)
    both(laptop, desktop, 4)
    [copy] = here.glob("f (conflict*")
    copy.unlink()
    with (there / copy.name).open("a") as file:
        file.write("more\n")
    laptop.sync()
    for device in desktop, laptop, desktop:
        device.finish("sync")
    for folder in here, there:
        assert (folder / copy.name).read_text().endswith("more\n")
        assert [oct((folder / name).stat().st_mode & 0o777) for name in ("f", copy.name)] == [oct(mode)] * 2


def test_a_copy_is_of_who_wrote_it_last(pair_of_notes):
    """The laptop made the file, and a folder takes its place there; the desktop's edit is the copy."""
    laptop, desktop, here, there = pair_of_notes
    (here / "one.txt").unlink()
    (here / "one.txt").mkdir()
    (here / "one.txt" / "in it").write_text("it\n")
    (there / "one.txt").write_text("of the desktop\n")
    both(laptop, desktop, 4)
    for device, folder in (laptop, here), (desktop, there):
        [copy] = copies(folder)
        assert (folder / copy).read_text() == "of the desktop\n"
        assert [one["device"] for one in device.json("conflicts", code=4)] == ["desktop"]
