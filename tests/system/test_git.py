# SPDX-License-Identifier: Apache-2.0
"""A work tree of git as a source: neither takes the other's things for its own."""

import os
import re
import shutil
import subprocess

import pytest

from counterfoil import broker, fill, make_device, tree, two, wait_until  # noqa: F401
from stand import told
from test_guard_told import Said

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="needs git")
WHO = {"GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "ann@x.org", "GIT_COMMITTER_NAME": "Ann", "GIT_COMMITTER_EMAIL": "ann@x.org",
       "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_OPTIONAL_LOCKS": "0"}
COMMANDS = "counterfoil repair", "counterfoil remove"


def git(where, *arguments, code=0):
    done = subprocess.run(["git", "-c", "gc.auto=0", *arguments], cwd=where, capture_output=True, text=True, env={**os.environ, **WHO})
    assert done.returncode == code, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout


def commit(where, message):
    git(where, "add", "-A")
    git(where, "commit", "-qm", message)


@pytest.fixture
def trees(two):
    """Of one repository on both."""
    laptop, desktop = two
    here = laptop.source("code")
    fill(here, {f"src/{i}.c": f"int f{i};\n" for i in range(8)})
    git(here, "init", "-q", "-b", "main")
    laptop.add("code")
    commit(here, "first")
    laptop.sync()
    desktop.sync()
    there = desktop.add("code", None, "--existing")
    desktop.sync()
    assert tree(there) == tree(here)
    return laptop, desktop, here, there


def test_marks_stay_out_of_repositories(trees):
    laptop, _, here, there = trees
    for where in here, there:
        assert "counterfoil" not in git(where, "ls-files") and git(where, "status", "--porcelain") == ""
    (here / ".counterfoil/.gitignore").unlink()  # as made by a program of before
    assert "counterfoil" in git(here, "status", "--porcelain")
    laptop.sync()
    assert git(here, "status", "--porcelain") == ""
    assert not any("counterfoil" in path for path in tree(there))


def cleaned(here, there):
    git(here, "clean", "-qfdx")


def taken_away(here, there):
    shutil.rmtree(here / ".counterfoil")


def of_another(here, there):
    """As by a checkout, where it was committed once."""
    shutil.copy(there / ".counterfoil/root", here / ".counterfoil/root")


def of_nobody(here, there):
    (here / ".counterfoil/root").write_text("<<<<<<< HEAD\n0\n=======\n1\n>>>>>>> other\n")


LOSSES = [cleaned, taken_away, of_another, of_nobody]


@pytest.mark.parametrize("lose", LOSSES)
def test_a_mark_that_was_lost_is_put_back_and_told(trees, lose):
    laptop, desktop, here, there = trees
    mark = (here / ".counterfoil/root").read_text()
    lose(here, there)
    (here / "src/0.c").write_text("int edited;\n")
    done = laptop.finish("sync")
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "put back" in line]
    assert str(here) in line and (here / ".counterfoil/root").read_text() == mark
    assert "put back" not in laptop.finish("sync").stderr
    desktop.sync()
    assert tree(there) == tree(here) and "edited" in (there / "src/0.c").read_text()


@pytest.mark.parametrize("lose", [cleaned, of_another])
def test_serve_puts_its_mark_back_by_itself(trees, lose):
    laptop, desktop, here, there = trees
    mark = (here / ".counterfoil/root").read_text()
    laptop.serve()
    wait_until(lambda: laptop.json("status")["broker"]["connected"], "it is connected")
    lose(here, there)
    fill(there, {"src/new.c": "int new;\n"})
    (here / "src/0.c").write_text("int edited;\n")
    desktop.sync()
    wait_until(lambda: (here / "src/new.c").exists(), "others' work arrives")
    wait_until(lambda: (here / ".counterfoil/root").exists() and (here / ".counterfoil/root").read_text() == mark, "the mark is there")
    wait_until(lambda: desktop.finish("sync") and tree(there) == tree(here), "its own arrives there")
    assert "edited" in (there / "src/0.c").read_text()


def emptied(here, aside):
    """The folder itself stays."""
    for one in list(here.iterdir()):
        shutil.rmtree(one) if one.is_dir() else one.unlink()


def filled_anew(here, aside):
    """As from a copy of some other day."""
    shutil.copytree(here, aside)
    emptied(here, aside)
    shutil.copytree(aside, here, dirs_exist_ok=True, ignore=lambda *_: [".counterfoil"])


def mostly_gone(here, aside):
    shutil.rmtree(here / ".counterfoil")
    shutil.rmtree(here / ".git")


def replaced(here, aside):
    here.rename(aside)
    shutil.copytree(aside, here, ignore=lambda *_: [".counterfoil"])


def replaced_by_one_with_the_very_files(here, aside):
    here.rename(aside)
    here.mkdir()
    for one in aside.iterdir():
        if one.name != ".counterfoil":
            one.rename(here / one.name)


def of_another_folder(here, aside):
    here.rename(aside)
    shutil.copytree(aside, here)
    (here / ".counterfoil/root").write_text("0" * 32 + "\n")


@pytest.mark.parametrize("happen", [emptied, filled_anew, mostly_gone, replaced,
                                    replaced_by_one_with_the_very_files, of_another_folder])
def test_a_folder_that_is_not_what_it_was_gets_no_mark(trees, tmp_path, happen):
    laptop, desktop, here, there = trees
    before, log = tree(there), told(laptop)
    happen(here, tmp_path / "aside")
    found = tree(here)
    for _ in range(2):
        message = laptop.run("sync", code=8)
        assert here.name in message and all(command in message for command in COMMANDS)
    laptop.run("sync", "--yes", code=8)
    desktop.sync()
    assert tree(there) == before and told(laptop) == log and tree(here) == found


def test_a_folder_that_another_home_took_over_is_left_to_it(trees, make_device, broker):
    laptop, desktop, here, there = trees
    stranger = make_device("stranger")
    stranger.init(broker.run("invite").strip())
    stranger.json("add", str(here), "--collection", "mine")
    mark = (here / ".counterfoil/root").read_text()
    said = laptop.run("sync", code=8)
    assert "was added by another device or home" in said and "--refill` takes it back" in said, said
    assert (here / ".counterfoil/root").read_text() == mark


def loose(where):
    return [path for path in (where / ".git/objects").glob("??/*") if path.is_file()]


@pytest.fixture
def loosened(trees):
    """500 loose objects that the laptop has made, on both, which serve; and what their processes say."""
    laptop, desktop, here, there = trees
    for number in range(165):
        (here / "src/1.c").write_text(f"int f{number};\n")
        commit(here, f"{number}")
    laptop.sync()
    desktop.sync()
    assert tree(there) == tree(here) and len(loose(here)) >= 500
    processes = laptop.serve(), desktop.serve()
    yield *trees, *map(Said, processes)
    for device, process in zip((laptop, desktop), processes):
        assert device.stop(process) == 0


def gc(where):
    """They become one pack, all at one time."""
    git(where, "gc", "-q", "--prune=now")
    assert not loose(where)


def have_the_pack_alone(here, there):
    wait_until(lambda: tree(there) == tree(here), "both have the pack alone")
    for where in here, there:
        assert not loose(where)
        git(where, "fsck", "--strict")


def test_what_gc_removes_of_what_its_device_has_just_made_goes(loosened):
    _, _, here, there, said, _ = loosened
    gc(here)
    have_the_pack_alone(here, there)
    assert not said.of("missing")


def test_what_gc_removes_of_another_device_is_told_at_once(loosened):
    """By `serve`, where it is missing and where it would go."""
    laptop, desktop, here, there, said_here, said = loosened
    gc(there)
    said.wait_for(rf"{re.escape(str(there))}: [5-9]\d\d of [5-9]\d\d items are missing here.*`counterfoil sync .*--yes`")
    desktop.run("sync", str(there), "--yes")
    said_here.wait_for(rf"{re.escape(str(here))}: [5-9]\d\d of [5-9]\d\d items were deleted elsewhere: `counterfoil sync .*--yes`")
    assert len(loose(here)) >= 500
    laptop.run("sync", str(here), "--yes")
    have_the_pack_alone(here, there)


def test_two_sources_in_one_work_tree(two):
    laptop, desktop = two
    top = laptop.source("all")
    fill(top, {"docs/a": "a\n", "docs/b": "b\n", "src/c": "c\n"})
    git(top, "init", "-q", "-b", "main")
    for name in "docs", "src":
        laptop.json("add", str(top / name), "--collection", name)
    commit(top, "first")
    laptop.sync()
    assert "counterfoil" not in git(top, "ls-files")
    git(top, "clean", "-qfdx")
    (top / "src/c").write_text("edited\n")
    done = laptop.finish("sync")
    assert done.returncode == 0 and done.stderr.count("put back") == 2
    desktop.sync()
    assert tree(desktop.add("src", None, "--existing")) is not None and desktop.sync()
    assert (desktop.source("src") / "c").read_text() == "edited\n"


def is_whole(where):
    done = subprocess.run(["git", "fsck", "--full", "--strict"], cwd=where, capture_output=True, text=True, env={**os.environ, **WHO})
    return done.returncode == 0 and "missing" not in done.stdout + done.stderr


def test_a_repository_on_two_served_devices_is_whole_at_each_quiet_moment(trees):
    laptop, desktop, here, there = trees
    laptop.serve(), desktop.serve()
    for device in laptop, desktop:
        wait_until(lambda: device.json("status")["broker"]["connected"], "it is connected")

    def quiet():
        wait_until(lambda: tree(here) == tree(there), "both are equal")
        for where in here, there:
            assert is_whole(where) and git(where, "status", "--porcelain") == ""
        assert git(here, "log", "--format=%H", "--all") == git(there, "log", "--format=%H", "--all")

    for i in range(3):
        for where, name in (here, "here"), (there, "there"):
            fill(where, {f"src/{name} {i}.c": f"int {name}{i};\n", "src/0.c": f"int {name}{i};\n"})
            commit(where, f"{name} {i}")
            quiet()
    git(here, "checkout", "-qb", "side", "HEAD~3")
    fill(here, {"side/only.c": "int side;\n"})
    commit(here, "side")
    quiet()
    git(there, "checkout", "-q", "main")
    quiet()
    git(here, "merge", "-q", "side", "-m", "merge")
    quiet()
    git(there, "checkout", "-q", "side")
    quiet()
