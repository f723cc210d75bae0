# SPDX-License-Identifier: Apache-2.0
"""A device that asks for some of the files only: nothing of the others is lost, here or elsewhere."""

import os

import pytest

from counterfoil import broker, fill, make_device, rounds, tree, two  # noqa: F401

FILES = {"a.txt": "a", "b.bin": "b", "sub/c.txt": "c", "sub/d.bin": "d"}


def both(laptop, desktop):
    assert not any(rounds((laptop, desktop), 0))


def files(folder):
    return {path: content.decode() for path, content in tree(folder).items() if content is not None}


@pytest.fixture
def texts(two):  # noqa: F811
    """All on one, the texts on the other, which has a file of its own that is none."""
    laptop, desktop = two
    here = laptop.add("notes", FILES)
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", {"own.bin": "mine"}, "--existing", "--include", "*.txt")
    desktop.sync()
    return laptop, desktop, here, there


def test_what_is_asked_for_comes_and_an_edit_of_the_others_stays(texts):
    laptop, desktop, here, there = texts
    assert {"a.txt": "a", "sub/c.txt": "c", "own.bin": "mine"}.items() <= files(there).items()
    (here / "b.bin").write_text("edited")
    (there / "a.txt").write_text("edited there")
    both(laptop, desktop)
    edited = {**FILES, "a.txt": "edited there", "b.bin": "edited"}
    assert files(here) == edited
    assert files(there)["a.txt"] == "edited there" and files(there)["own.bin"] == "mine"
    desktop.run("set", str(there), "--include", "*")
    both(laptop, desktop)
    assert files(here) == files(there) == {**edited, "own.bin": "mine"}


def test_patterns_that_ask_for_nothing_take_a_word(texts):
    laptop, desktop, here, there = texts
    for wrong in ["!*.swp"], ["*.jpg", "sub/*.jpg"], ["nowhere/"]:
        words = [word for pattern in wrong for word in ("--include", pattern)]
        said = desktop.run("set", str(there), *words, code=8)
        assert "asks for none of what is in" in said and "--yes" in said
        assert ("leaves nothing out" in said) == wrong[0].startswith("!")
    (there / "a.txt").write_text("edited there")
    both(laptop, desktop)
    assert files(here)["a.txt"] == "edited there", "the patterns are as they were"
    desktop.run("set", str(there), "--include", "*.bin")  # which only others have
    desktop.run("set", str(there), "--include", "!*.swp", "--yes")
    assert "!*.swp" in desktop.run("set", str(there))
    both(laptop, desktop)
    assert files(here)["b.bin"] == "b"


def test_a_folder_is_not_added_for_nothing_of_it(two):
    laptop, _ = two
    for name, made in ("full", {"a.txt": "a", "sub/c.txt": "c"}), ("empty", {}):
        source = laptop.source(name)
        source.mkdir()
        fill(source, made)
    full, empty = str(laptop.source("full")), str(laptop.source("empty"))
    for more in [], ["-n"]:
        said = laptop.run("add", full, "--include", "!*.swp", *more, code=8)
        assert "asks for none of what is in" in said and "leaves nothing out" in said
    assert laptop.json("status")["collections"] == [] and not os.path.exists(full + "/.counterfoil")
    laptop.run("add", empty, "--include", "*.jpg")  # they are yet to come
    laptop.run("remove", empty)
    for more in [], ["-n"], ["--collection", "other"]:
        said = laptop.run("add", empty, "--include", "!*.swp", "--include", "!*~", *more, code=8)
        assert "!*.swp asks for none of what is in" in said and "leaves nothing out" in said, "nor of what is to come"
    laptop.run("add", empty, "--include", "!*.swp", "--include", "*.jpg", "--collection", "other")
    said = laptop.run("set", empty, "--include", "!*.swp", code=8)
    assert "asks for none of what is in" in said and "leaves nothing out" in said
    laptop.run("set", empty, "--include", "!*.swp", "--yes")
    laptop.run("add", full, "--include", "sub/d.txt", code=8)
    laptop.run("add", full, "--include", "sub/d.txt", "--yes")
    assert "sub/d.txt" in laptop.run("set", full)


def test_to_ask_for_less_deletes_nothing_elsewhere(texts):
    laptop, desktop, here, there = texts
    desktop.run("set", str(there), "--include", "*")
    both(laptop, desktop)
    desktop.run("set", str(there), "--include", "sub/*.txt")
    both(laptop, desktop)
    assert files(here) == {**FILES, "own.bin": "mine"} and files(there)["sub/c.txt"] == "c"
    (here / "b.bin").write_text("edited")
    (there / "sub/c.txt").write_text("edited there")
    (there / "new.bin").write_text("new")
    both(laptop, desktop)
    assert files(here) == {**FILES, "own.bin": "mine", "b.bin": "edited", "sub/c.txt": "edited there"}
    assert files(there)["new.bin"] == "new"


def test_a_file_elsewhere_of_the_name_of_one_that_is_not_asked_for_replaces_none(texts):
    laptop, desktop, here, there = texts
    (here / "own.bin").write_text("theirs")
    laptop.sync()
    desktop.finish("sync")
    laptop.finish("sync")
    assert files(here)["own.bin"] == "theirs" and files(there)["own.bin"] == "mine"


@pytest.mark.parametrize("pattern", ["sub/", "/sub/", "sub/*", "*"])
def test_what_is_removed_where_it_is_asked_for_goes_elsewhere_too(two, pattern):  # noqa: F811
    laptop, desktop = two
    here = laptop.add("notes", FILES)
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing", "--include", pattern)
    desktop.sync()
    (there / "sub/c.txt").unlink()
    both(laptop, desktop)
    assert files(here) == {path: text for path, text in FILES.items() if path != "sub/c.txt"}
    assert not (there / "sub/c.txt").exists()
    desktop.run("status")
