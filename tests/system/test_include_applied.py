# SPDX-License-Identifier: Apache-2.0
"""What `--include` asks for is all that comes to a device: the rest stays in the log, and nobody misses it."""

import pytest

from counterfoil import broker, make_device, tree, two, wait_until  # noqa: F401
from test_include import both, files

FILES = {"a.txt": "a", "b.bin": "b", "sub/c.txt": "c", "sub/d.bin": "d", "bin/e.bin": "e"}


def folders(folder):
    return {path for path, content in tree(folder).items() if content is None}


@pytest.fixture
def texts(two):  # noqa: F811
    """All on one, the texts on the other."""
    laptop, desktop = two
    here = laptop.add("notes", FILES)
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing", "--include", "*.txt")
    desktop.sync()
    return laptop, desktop, here, there


def is_in_sync(device):
    status = device.json("status", "--check")
    return status["in_sync"] and all(one["pending"] == [] for one in status["collections"])


def test_only_what_is_asked_for_comes(texts):
    laptop, desktop, here, there = texts
    assert files(there) == {"a.txt": "a", "sub/c.txt": "c"} and folders(there) == {"sub"}
    assert is_in_sync(desktop)
    (here / "b.bin").write_text("again")
    (here / "bin" / "new.txt").write_text("new")
    both(laptop, desktop)
    assert files(there) == {"a.txt": "a", "sub/c.txt": "c", "bin/new.txt": "new"}
    assert is_in_sync(desktop) and desktop.json("sync", "--dry-run")


def test_add_counts_what_is_asked_for(two):  # noqa: F811
    laptop, desktop = two
    laptop.add("notes", FILES)
    laptop.sync()
    desktop.sync()
    folder = desktop.source("notes")
    folder.mkdir(parents=True)
    (folder / "own.bin").write_text("own")
    said = desktop.json("add", str(folder), "--collection", "notes", "--existing", "--include", "/sub/*.txt")
    assert (said["equal"], said["different"], said["only_here"], said["only_there"]) == (0, 0, 0, 2)


def test_a_move_out_elsewhere_takes_it_away_and_a_move_in_brings_it(texts):
    laptop, desktop, here, there = texts
    (here / "a.txt").rename(here / "a.bin")
    (here / "sub" / "d.bin").rename(here / "sub" / "d.txt")
    both(laptop, desktop)
    assert files(there) == {"sub/c.txt": "c", "sub/d.txt": "d"}
    assert files(here)["a.bin"] == "a"


@pytest.mark.parametrize("served", [False, True])
def test_a_folder_renamed_elsewhere_comes_where_one_stands(texts, served):
    laptop, desktop, here, there = texts
    (there / "new").mkdir()
    (there / "new" / "own.bin").write_text("own")
    (there / "sub" / "left.bin").write_text("left")
    serving = desktop.serve() if served else None
    (here / "sub").rename(here / "new")
    laptop.sync()
    come = {"a.txt": "a", "new/c.txt": "c", "new/own.bin": "own", "sub/left.bin": "left"}

    def has_come():
        if not served:
            desktop.sync()
        return files(there) == come

    wait_until(has_come, "the folder")
    wait_until(lambda: is_in_sync(desktop), "that it says so")
    assert files(here)["new/d.bin"] == "d" and not (here / "sub").exists()
    if served:
        desktop.stop(serving)


@pytest.mark.parametrize("served", [False, True])
def test_a_move_out_here_is_a_move_elsewhere(two, served):  # noqa: F811
    laptop, desktop = two
    here = laptop.add("notes", {"docs/one": "one", "docs/two/three": "three", "docs/four": "four"})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing", "--include", "/docs/")
    desktop.sync()
    serving = desktop.serve() if served else None
    (there / "other").mkdir()
    (there / "docs" / "one").rename(there / "other" / "one")
    (there / "docs" / "two").rename(there / "other" / "two")
    moved = {"other/one": "one", "other/two/three": "three", "docs/four": "four"}

    def has_come():
        if not served:
            desktop.sync()
        laptop.sync()
        return files(here) == moved

    wait_until(has_come, "the move")
    assert files(there) == moved
    (there / "other" / "one").write_text("mine")
    both(laptop, desktop)
    assert files(here) == moved and files(there)["other/one"] == "mine"
    if served:
        desktop.stop(serving)


def test_to_ask_for_less_and_for_all_again(texts):
    laptop, desktop, here, there = texts
    said = desktop.run("set", str(there), "--include", "/sub/")
    assert "1 file" in said and "a.txt" not in said
    both(laptop, desktop)
    assert files(there) == {"a.txt": "a", "sub/c.txt": "c", "sub/d.bin": "d"}
    (there / "a.txt").write_text("mine")
    (here / "b.bin").write_text("theirs")
    both(laptop, desktop)
    assert files(here) == {**FILES, "b.bin": "theirs"} and is_in_sync(desktop)
    (there / "a.txt").unlink()
    both(laptop, desktop)
    assert files(here) == {**FILES, "b.bin": "theirs"}
    (there / "a.txt").write_text("mine")
    assert desktop.json("set", str(there), "--include", "*")["left"] == 0
    desktop.sync(code=4)
    laptop.sync(code=4)
    assert files(here) == files(there)
    assert sorted(files(there).values()) == sorted(["a", "mine", "theirs", "c", "d", "e"])


def test_what_is_not_asked_for_may_go_in_any_number(two):  # noqa: F811
    laptop, desktop = two
    here = laptop.add("notes", {**{f"many/{i}": str(i) for i in range(20)}, "one": "1"})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    assert desktop.json("set", str(there), "--include", "/one")["left"] == 20
    for i in range(20):
        (there / "many" / str(i)).unlink()
    (there / "many").rmdir()
    both(laptop, desktop)
    assert len(files(here)) == 21 and is_in_sync(desktop)


def test_a_folder_stays_for_what_is_not_asked_for_in_it(texts):
    laptop, desktop, here, there = texts
    (there / "sub" / "own.bin").write_text("own")
    (here / "sub" / "c.txt").unlink()
    (here / "sub" / "d.bin").unlink()
    (here / "sub").rmdir()
    both(laptop, desktop)
    assert files(there) == {"a.txt": "a", "sub/own.bin": "own"} and is_in_sync(desktop)
    assert "sub/own.bin" not in files(here)
