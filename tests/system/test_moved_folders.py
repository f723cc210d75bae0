# SPDX-License-Identifier: Apache-2.0
"""A folder that one device deletes while another moves it: it is in the new place, with all its files."""

import shutil

import pytest

from counterfoil import broker, fill, make_device, pair_of_notes, tree, two  # noqa: F401
from stand import told

# More than one entry tells of, where they are deleted.
MANY = 2000


@pytest.fixture(params=["the deletion first", "the move first"])
def meet(request, pair_of_notes):
    """The laptop deletes, the desktop moves; whose entries come first is the parameter's."""
    laptop, desktop, here, there = pair_of_notes

    def exchange():
        order = (laptop, desktop) if request.param == "the deletion first" else (desktop, laptop)
        for device in (*order, *order, *order):
            device.run("sync", "--yes")
        assert laptop.sync()["in_sync"] and desktop.sync()["in_sync"]
        assert tree(here) == tree(there)
        entries = len(told(laptop))
        laptop.sync()
        desktop.sync()
        assert len(told(laptop)) == entries, "nobody says any more"

    def begin(files):
        fill(here, files)
        for device in (laptop, desktop):
            assert device.sync()["in_sync"]
        return tree(there)

    return begin, exchange, laptop, here, there


def below(files, folder):
    return {path[len(folder) + 1 :]: what for path, what in files.items() if path.startswith(f"{folder}/")}


def test_a_moved_folder_keeps_its_files(meet):
    begin, exchange, laptop, here, there = meet
    before = begin({f"d/mv/{i // 500}/{i:04}": f"{i}\n" for i in range(MANY)} | {"d/other": "other\n", "d/mv/top": "top\n"})
    shutil.rmtree(here / "d/mv")
    (there / "d/mv").rename(there / "d/kept")
    exchange()
    assert below(tree(here), "d/kept") == below(before, "d/mv")
    assert not (here / "d/mv").exists() and (here / "d/other").exists()
    gone = [key[2] for key in told(laptop) if key[1] == "deleted"]
    assert len(gone) == len(set(gone)) == MANY + 6, "each is told once"


def test_a_folder_in_a_deleted_one_is_moved_out_with_its_files(meet):
    begin, exchange, _, here, there = meet
    before = begin({"d/mv/deep/in/x": "x\n", "d/mv/deep/y": "y\n", "d/mv/z": "z\n"})
    shutil.rmtree(here / "d/mv")
    (there / "d/mv/deep").rename(there / "d/deep")
    exchange()
    assert below(tree(here), "d/deep") == below(before, "d/mv/deep")
    assert not (here / "d/mv").exists(), "what was not moved is deleted"


def test_what_was_deleted_before_by_itself_stays_deleted(meet):
    begin, exchange, laptop, here, there = meet
    begin({"d/mv/x": "x\n", "d/mv/y": "y\n"})
    (here / "d/mv/x").unlink()
    laptop.sync()
    shutil.rmtree(here / "d/mv")
    (there / "d/mv").rename(there / "d/kept")
    exchange()
    assert not (here / "d/kept/x").exists() and (here / "d/kept/y").read_text() == "y\n"


def test_a_deletion_that_knows_of_the_move_takes_all(meet):
    begin, exchange, _, here, there = meet
    begin({"d/mv/x": "x\n"})
    shutil.rmtree(here / "d/mv")
    (there / "d/mv").rename(there / "d/kept")
    exchange()
    shutil.rmtree(here / "d/kept")
    exchange()
    assert not (there / "d/kept").exists()


def test_a_new_file_brings_its_folder_back_and_nothing_else(meet):
    begin, exchange, _, here, there = meet
    begin({"d/mv/x": "x\n", "d/mv/in/y": "y\n"})
    shutil.rmtree(here / "d/mv")
    (there / "d/mv/in/new").write_text("new\n")
    exchange()
    assert below(tree(here), "d/mv").keys() == {"in", "in/new"}
    (there / "d/mv").rename(there / "d/kept")
    exchange()
    assert below(tree(here), "d/kept").keys() == {"in", "in/new"}, "who moves it then has seen it so"


def test_two_that_are_moved_into_each_other_stay_in_the_folder_where_they_were(meet, pair_of_notes):
    begin, exchange, _, here, _ = meet
    there = pair_of_notes[3]
    before = begin({"top": "top\n", "dirs/A/a": "a\n", "dirs/B/b": "b\n"})
    (here / "dirs/A").rename(here / "dirs/B/A")
    (there / "dirs/B").rename(there / "dirs/A/B")
    exchange()
    (upper,) = (path.name for path in (here / "dirs").iterdir())
    lower = {"A": "B", "B": "A"}[upper]
    inside = f"dirs/{upper}", f"dirs/{upper}/{lower}"
    now = tree(here).keys()
    assert {path for path in now if path.startswith("dirs/")} == {
        *inside, f"{inside[0]}/{upper.lower()}", f"{inside[1]}/{lower.lower()}"
    }
    assert all(path in before for path in now if not path.startswith("dirs/")), "nothing came to the root"
    (here / inside[1]).rename(here / "dirs" / lower)  # and apart again
    exchange()
    assert tree(there).keys() == before.keys()
