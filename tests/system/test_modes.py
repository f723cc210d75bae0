# SPDX-License-Identifier: Apache-2.0
"""Folders in which their own owner may not write, as Go's module cache is one: what others do in them arrives, and their
modes stay what they were. Root writes everywhere, so the device that receives runs as nobody."""

import os
import shutil

import pytest

from counterfoil import as_nobody, broker, fill, make_device, pair_of_notes, tree, two, wait_until  # noqa: F401
from stand import told


def modes(source):
    """Of all that lies in a source."""
    found = {}
    for folder, folders, files in os.walk(source):
        folders[:] = [name for name in folders if name != ".counterfoil"]
        for name in folders + files:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                found[os.path.relpath(path, source)] = os.stat(path).st_mode & 0o7777
    return found


def shut(source, *folders, mode=0o555):
    for folder in folders:
        (source / folder).chmod(mode)


@pytest.fixture
def notes(pair_of_notes, as_nobody):
    """What root does on the laptop comes to the desktop as nobody's."""
    laptop, desktop, here, there = pair_of_notes
    as_nobody(desktop, there, desktop.home)
    return laptop, desktop, here, there


def arrives(notes):
    """All of it, modes too, in one sync, and nothing of it is taken for the receiver's own doing."""
    laptop, desktop, here, there = notes
    laptop.sync()
    entries = len(told(laptop))
    assert desktop.sync()["in_sync"]
    assert tree(there) == tree(here) and modes(there) == modes(here)
    assert desktop.sync()["in_sync"]
    laptop.sync()
    assert len(told(laptop)) == len(told(desktop)) == entries


def test_whatever_is_done_in_read_only_folders_arrives(notes):
    laptop, desktop, here, there = notes
    fill(here, {f"ro/{name}": f"{name}\n" for name in ("edited", "gone", "moved", "out", "mode")})
    fill(here, {"two/x": "x\n", "two/in/y": "y\n", "in": "in\n"})
    shut(here, "ro", "two/in", "two")
    arrives(notes)
    (here / "ro/edited").write_text("again\n")
    (here / "ro/gone").unlink()
    (here / "ro/moved").rename(here / "ro/moved on")
    (here / "ro/out").rename(here / "two/came")
    (here / "ro/mode").chmod(0o400)
    (here / "in").rename(here / "ro/in")
    (here / "two/in").rename(here / "ro/folder")
    fill(here, {"ro/new": b"n" * 300000, "ro/deeper/new": "n\n"})
    arrives(notes)


def test_modes_change_while_something_is_to_be_done(notes):
    _, _, here, _ = notes
    fill(here, {"opens/x": "x\n", "shuts/x": "x\n", "turns/x": "x\n"})
    shut(here, "opens", "turns")
    arrives(notes)
    fill(here, {"opens/new": "n\n", "shuts/new": "n\n", "turns/new": "n\n"})
    shut(here, "opens", mode=0o755)
    shut(here, "shuts", mode=0o555)
    shut(here, "turns", mode=0o500)
    arrives(notes)


def module_cache(where, modules=12):
    """Nested, every folder 0555 and every file 0444, as `go mod download` leaves it."""
    for i in range(modules):
        fill(where, {f"mod/host.example/team/module{i}@v1.0.{i}/{path}": f"{path} of {i}\n"
                     for path in ("go.mod", "doc.go", "internal/a/a.go", "internal/a/testdata/in.txt", "LICENSE")})
    for folder, _, files in os.walk(where / "mod", topdown=False):
        for name in files:
            os.chmod(os.path.join(folder, name), 0o444)
        os.chmod(folder, 0o555)


def test_a_module_cache_arrives_changes_and_goes(notes):
    laptop, desktop, here, there = notes
    module_cache(here)
    arrives(notes)
    team = here / "mod/host.example/team"
    shutil.rmtree(team / "module3@v1.0.3")
    os.rename(team / "module4@v1.0.4", team / "module4@v1.1.0")
    fill(here, {"mod/host.example/team/module99@v1.0.0/go.mod": "new\n"})
    arrives(notes)
    shutil.rmtree(here / "mod")
    laptop.sync(0, "--yes")
    desktop.sync(0, "--yes")
    assert tree(there) == tree(here) and not (there / "mod").exists()


def test_folders_that_can_not_be_looked_into(notes):
    """They are named, for what is done in them here can't be seen; what others do in them arrives all the same."""
    laptop, desktop, here, there = notes
    odd = {f"odd{mode:o}": mode for mode in (0o000, 0o111, 0o300, 0o333, 0o444)}
    for name, mode in odd.items():
        fill(here, {f"{name}/x": "x\n", f"{name}/in/y": "y\n", "plain": "p\n"})
        shut(here, f"{name}/in", name, mode=mode)
    laptop.sync()
    desktop.finish("sync")
    assert tree(there) == tree(here) and modes(there) == modes(here)
    for name in odd:
        (here / name / "x").write_text("edited\n")
        (here / name / "in/y").rename(here / name / "y")
        fill(here, {f"{name}/in/new": "n\n", "plain": "edited\n"})
    laptop.sync()
    entries = len(told(laptop))
    desktop.finish("sync")
    assert tree(there) == tree(here) and modes(there) == modes(here)
    pending = {one["path"]: one["reason"] for one in desktop.sync(code=1)["collections"][0]["pending"]}
    assert all("permission" in pending[name] for name, mode in odd.items() if not mode & 0o400)
    laptop.sync()
    assert len(told(laptop)) == len(told(desktop)) == entries


def test_a_folder_that_holds_what_is_not_synced_stays_and_shut(notes):
    laptop, desktop, here, there = notes
    fill(here, {"ro/in/y": "y\n", "open/y": "y\n", "plain": "p\n"})
    shut(here, "ro/in", "ro")
    arrives(notes)
    for name in "ro/in", "open":
        os.mkfifo(there / name / "pipe")
    shutil.rmtree(here / "ro")
    shutil.rmtree(here / "open")
    laptop.sync(0, "--yes")
    pending = {one["path"]: one["reason"] for one in desktop.sync(1, "--yes")["collections"][0]["pending"]}
    for name in "ro/in", "open":
        assert pending[name].startswith("it holds pipe, which is not synced: move that elsewhere"), pending
    assert modes(there)["ro"] == modes(there)["ro/in"] == 0o555
    (there / "ro/in/pipe").unlink()
    (there / "open/pipe").unlink()
    assert desktop.sync(0, "--yes")["in_sync"] and tree(there) == tree(here)


def test_what_a_folder_holds_that_was_deleted_elsewhere_is_named(notes):
    laptop, desktop, here, there = notes
    fill(here, {"d/y": "y\n", "plain": "p\n"})
    arrives(notes)
    os.mkfifo(there / "d/pipe")
    shutil.rmtree(here / "d")
    laptop.sync(0, "--yes")
    pending = {one["path"]: one["reason"] for one in desktop.sync(1, "--yes")["collections"][0]["pending"]}
    assert pending["d"].startswith("it holds pipe, which is not synced: move that elsewhere"), pending
    (there / "d/pipe").unlink()
    assert desktop.sync(0, "--yes")["in_sync"] and tree(there) == tree(here)


def test_files_that_can_not_be_written_or_read(notes):
    laptop, desktop, here, there = notes
    fill(here, {"shown": "s\n", "hidden": b"h" * 200000, "ro/large": b"l" * 200000})
    (here / "shown").chmod(0o444)
    (here / "hidden").chmod(0)
    (here / "ro/large").chmod(0o444)
    shut(here, "ro")
    laptop.sync()
    desktop.finish("sync")
    assert tree(there) == tree(here) and modes(there) == modes(here)
    fill(here, {"shown": "edited\n", "hidden": b"i" * 200001, "ro/large": b"m" * 200001})
    laptop.sync()
    entries = len(told(laptop))
    desktop.finish("sync")
    assert tree(there) == tree(here) and modes(there) == modes(here)
    assert len(told(desktop)) == entries


def test_what_its_user_shut_is_left_and_named_and_blocks_nothing_else(two, as_nobody):
    laptop, desktop = two
    here = laptop.add("notes", {"ro/x": "x\n", "mine/x": "x\n", "open/x": "x\n", "less/x": "x\n", "wide/x": "x\n"})
    shut(here, "ro", "less", "wide")
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing", "--mode", "receive")
    as_nobody(desktop, there, desktop.home)
    desktop.sync()
    shut(there, "mine")
    shut(there, "less", mode=0o500)
    shut(there, "wide", mode=0o755)
    fill(here, {f"{folder}/new": "n\n" for folder in ("ro", "mine", "open", "less", "wide")})
    laptop.sync()
    pending = {one["path"]: one["reason"] for one in desktop.sync(code=1)["collections"][0]["pending"]}
    assert "mine, which has mode 555" in pending["mine/new"] and "chmod u+rwx" in pending["mine/new"]
    assert "less, which has mode 500" in pending["less/new"]
    assert modes(there)["mine"] == 0o555 and modes(there)["less"] == 0o500
    assert modes(there)["wide"] == 0o755 and (there / "wide/new").exists()
    shut(there, ".")
    fill(here, {"top": "t\n"})
    laptop.sync()
    pending = {one["path"]: one["reason"] for one in desktop.sync(code=1)["collections"][0]["pending"]}
    assert f"in {there}, which has mode 555 here (`chmod u+rwx` lets us in)" in pending["top"], pending
    shut(there, ".", mode=0o755)
    assert (there / "ro/new").exists() and (there / "open/new").exists() and not (there / "mine/new").exists()
    shut(there, "mine", mode=0o755)
    shut(there, "less", "wide")
    assert desktop.sync()["in_sync"] and tree(there) == tree(here)


def test_another_owners_folder_is_left_and_named(notes):
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    laptop, desktop, here, there = notes
    fill(here, {"ro/x": "x\n"})
    shut(here, "ro")
    arrives(notes)
    os.chown(there / "ro", 0, 0)
    fill(here, {"ro/new": "n\n", "plain": "p\n"})
    laptop.sync()
    (pending,) = desktop.sync(code=1)["collections"][0]["pending"]
    assert pending["path"] == "ro/new" and "ro, which has mode 555" in pending["reason"]
    assert (there / "plain").exists()


def test_a_served_folder_is_shut_again_and_rests(notes):
    laptop, desktop, here, there = notes
    fill(here, {"ro/x": "x\n", "ro/in/y": "y\n"})
    shut(here, "ro/in", "ro")
    arrives(notes)
    desktop.serve()
    fill(here, {"ro/new": "n\n", "ro/in/new": "n\n"})
    (here / "ro/x").unlink()
    laptop.sync()
    wait_until(lambda: tree(there) == tree(here) and modes(there) == modes(here), "all is there, and shut")
    laptop.sync()
    entries = len(told(laptop))
    before = (there / "ro").stat().st_ctime_ns
    desktop.sync()
    laptop.sync()
    assert len(told(laptop)) == entries and (there / "ro").stat().st_ctime_ns == before


def test_the_masks_of_processes_change_no_mode(notes):
    laptop, desktop, here, there = notes
    fill(here, {"group/x": "x\n", "all/x": "x\n"})
    shut(here, "group", mode=0o775)
    shut(here, "all", mode=0o777)
    before = os.umask(0o077)
    try:
        arrives(notes)
    finally:
        os.umask(before)


def test_kills_leave_no_folder_open(notes):
    laptop, desktop, here, there = notes
    fill(here, {f"ro{i}/in/{j}": f"{i} {j}\n" for i in range(6) for j in range(6)})
    shut(here, *(f"ro{i}/in" for i in range(6)), *(f"ro{i}" for i in range(6)))
    laptop.sync()
    entries = len(told(laptop))
    for milliseconds in range(20, 200, 15):
        desktop.killed("sync", after=milliseconds / 1000)
    desktop.sync()
    assert tree(there) == tree(here) and modes(there) == modes(here)
    laptop.sync()
    assert len(told(laptop)) == entries
