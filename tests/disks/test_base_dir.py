# SPDX-License-Identifier: Apache-2.0
"""The base of a source on a disk of its own, which is away at times, full, or can't be written to."""

import os
import subprocess

import pytest

from counterfoil import both, broker, make_device, tree, two, wait_until  # noqa: F401
from disks import make_disk  # noqa: F401

KIB = 1024
LARGE = 1024 * KIB
SEEN = 20
OWN = ".counterfoil-base"


def copies(folder):
    own = folder / OWN
    return sorted(name for name in os.listdir(own) if name != "mark") if own.is_dir() else []


def in_home(device):
    return os.listdir(os.path.join(device.home, "base"))


@pytest.fixture
def card(make_disk):  # noqa: F811
    return make_disk("ext4")


@pytest.fixture
def scene(two, card):  # noqa: F811
    laptop, desktop = two
    base = card.at / "base"
    here = laptop.add("notes", {"large": os.urandom(LARGE), "small": "one\n"}, "--base-dir", str(base))
    both(laptop, desktop)
    there = desktop.add("notes", None, "--existing")
    both(laptop, desktop)
    return laptop, desktop, here, there, base


def shift(path, what=b"in front"):
    path.write_bytes(what + path.read_bytes())


def at_once(device, *verbs):
    """Their exit codes, ascending."""
    started = [device.start(*verb) for verb in verbs]
    for one in started:
        one.communicate(timeout=120)
    return sorted(one.returncode for one in started)


@pytest.mark.parametrize("places", (("base", "base"), ("base", "other")), ids=("one place", "two"))
def test_two_that_move_one_base_at_once_leave_one(two, make_disk, places):  # noqa: F811
    laptop, _ = two
    card = make_disk("ext4")
    here = laptop.add("notes", {f"large{i}": os.urandom(LARGE) for i in range(12)}, "--base", "full")
    laptop.sync()
    serving = laptop.serve()
    codes = at_once(laptop, *(("set", str(here), "--base-dir", str(card.at / place)) for place in places))
    assert codes in ([0, 0], [0, 9]), codes
    said = laptop.run("set", str(here)) + laptop.run("-v", "status")
    assert "which is away" not in said, said
    used = [place for place in sorted(set(places)) if (card.at / place / OWN).exists()]
    assert len(used) == 1 and f"--base-dir {card.at / used[0]}\n" in said, (used, said)
    assert laptop.stop(serving) == 0


def test_two_sources_never_share_a_place(two, make_disk):  # noqa: F811
    laptop, _ = two
    card = make_disk("ext4")
    large = {f"large{i}": os.urandom(LARGE) for i in range(12)}
    sources = [laptop.add(name, large, "--base", "full") for name in ("notes", "books")]
    laptop.sync()
    serving = laptop.serve()
    codes = at_once(laptop, *(("set", str(here), "--base-dir", str(card.at / "base")) for here in sources))
    assert codes[0] == 0 and codes[1] in (2, 8), codes
    assert "which is away" not in laptop.run("-v", "status")
    assert laptop.stop(serving) == 0


def test_what_another_set_changes_while_copies_move_stays(two, make_disk):  # noqa: F811
    laptop, _ = two
    card = make_disk("ext4")
    here = laptop.add("notes", {f"large{i}": os.urandom(LARGE) for i in range(12)}, "--base", "full")
    laptop.sync()
    serving = laptop.serve()
    moving = laptop.start("set", str(here), "--base-dir", str(card.at / "base"))
    laptop.run("set", str(here), "--mode", "receive", "--max-delete", "5")
    assert moving.wait(timeout=120) == 0
    said = laptop.run("set", str(here))
    assert "only receives" in said and "--max-delete 5" in said and str(card.at / "base") in said, said
    assert laptop.stop(serving) == 0


def test_copies_lie_there_and_make_small_deltas(scene):
    laptop, desktop, here, there, base = scene
    assert len(copies(base)) == 1 and not in_home(laptop)
    shift(here / "large")
    assert laptop.sync()["traffic"]["bytes_sent"] < 20_000
    assert not in_home(laptop)
    laptop.sync()  # what is not shown any more is swept when a process begins
    assert len(copies(base)) == 1
    desktop.sync()
    assert tree(here) == tree(there)
    text = (base / OWN / "mark").read_text().splitlines()
    assert text[0] == "counterfoil base" and f"home {laptop.home}" in text and f"source {here}" in text
    assert f"its base lies in {base}\n" in laptop.run("status", "-v")
    assert f"--base-dir {base}" in laptop.run("set", str(here))
    assert laptop.json("status")["collections"][0]["base_dir"] == {"path": str(base), "state": "kept"}
    assert laptop.json("set", str(here))["base_dir"]["path"] == str(base)
    assert "everything is whole" in laptop.run("verify")


def test_without_its_disk_the_source_waits_and_goes_on_with_it(scene, card):
    laptop, desktop, here, there, base = scene
    before = tree(there)
    card.unmount()
    shift(here / "large")
    (here / "small").unlink()
    (here / "new").write_text("new\n")
    (there / "theirs").write_text("theirs\n")
    desktop.sync()
    for _ in range(2):
        said = laptop.finish("sync")
        assert said.returncode == 1
        assert f"{str(base)[-48:]}, where its base lies, is not there" in said.stderr and "--base-dir DIR|default" in said.stderr
    said = laptop.finish("status", "--check")
    assert said.returncode == 1 and f"{str(base)[-48:]}, where its base lies, is not there" in said.stdout
    assert laptop.json("status")["collections"][0]["base_dir"]["state"] == "away"
    assert not (here / "theirs").exists()
    said = laptop.finish("verify")
    assert said.returncode == 1 and "its copies were not looked at" in said.stderr
    desktop.sync()
    assert {name: what for name, what in tree(there).items() if name != "theirs"} == before
    card.mount()
    assert laptop.sync()["traffic"]["bytes_sent"] < 20_000
    desktop.sync()
    assert tree(here) == tree(there) and (here / "theirs").exists() and not (there / "small").exists()
    laptop.sync()
    assert len(copies(base)) == 1


def test_another_disk_in_its_place_is_known(scene, card, make_disk):  # noqa: F811
    laptop, desktop, here, there, base = scene
    card.unmount()
    other = make_disk("ext4")
    subprocess.run(["mount", "--bind", other.at, card.at], check=True)
    try:
        (other.at / "base" / OWN).mkdir(parents=True)
        (other.at / "base" / OWN / "mark").write_bytes(b"counterfoil base\nid " + b"7" * 32 + b"\ndevice " + b"8" * 64 +
                                                       b"\nhome /else/home\nsource /else/photos\n")
        (other.at / "base" / OWN / ("5" * 64)).write_text("theirs\n")
        shift(here / "large")
        assert "is another one" in laptop.finish("sync").stderr
        assert len(copies(other.at / "base")) == 1
        said = laptop.run("set", str(here), "--base-dir", str(base), code=8)
        assert "/else/photos" in said and "/else/home" in said and "--yes" in said
        assert len(copies(other.at / "base")) == 1
    finally:
        subprocess.run(["umount", card.at], check=True)
    card.mount()
    assert laptop.sync()["traffic"]["bytes_sent"] < 20_000
    desktop.sync()
    assert tree(here) == tree(there)


def test_who_serves_waits_and_goes_on_by_itself(scene, card):
    laptop, desktop, here, there, base = scene
    serving = [laptop.serve(), desktop.serve()]
    (here / "a").write_text("a\n")
    wait_until(lambda: (there / "a").exists(), "a change beside the base", SEEN)
    card.unmount()  # nothing holds it
    (here / "b").write_text("b\n")
    wait_until(lambda: "is not there" in laptop.run("status"), "that the base is away", SEEN)
    (there / "c").write_text("c\n")
    card.mount()
    wait_until(lambda: (there / "b").exists() and (here / "c").exists(), "what waited for the base", SEEN)
    for device, process in zip((laptop, desktop), serving):
        device.stop(process)
    assert tree(here) == tree(there)


def test_a_base_moves(scene, card, make_disk):  # noqa: F811
    laptop, desktop, here, there, base = scene
    other = make_disk("tmpfs")
    assert "1 copy of its base moved" in laptop.run("set", str(here), "--base-dir", str(other.at / "new"))
    assert len(copies(other.at / "new")) == 1 and not (base / OWN).exists()
    shift(here / "large")
    assert laptop.sync()["traffic"]["bytes_sent"] < 20_000
    process = laptop.serve()
    assert "1 copy of its base moved" in laptop.run("set", str(here), "--base-dir", "default")
    assert len(in_home(laptop)) == 1 and not (other.at / "new" / OWN).exists()
    assert laptop.json("status")["collections"][0]["base_dir"] is None
    assert "1 copy of its base moved" in laptop.run("set", str(here), "--base-dir", str(base))
    wait_until(lambda: not in_home(laptop), "that the home is rid of it", SEEN)
    laptop.stop(process)
    shift(here / "large")
    assert laptop.sync()["traffic"]["bytes_sent"] < 20_000
    desktop.sync()
    assert tree(here) == tree(there)


def test_a_disk_that_is_lost_is_given_up(scene, card):
    laptop, desktop, here, there, base = scene
    card.unmount()
    (here / "new").write_text("new\n")
    assert "is away: a new one begins" in laptop.run("set", str(here), "--base-dir", "default")
    laptop.sync()
    desktop.sync()
    assert tree(here) == tree(there) and (there / "new").exists()


def test_removed_it_is_cleaned_up(scene):
    laptop, _, here, _, base = scene
    (base / OWN / "mine").write_text("a user's\n")
    (base / "too").write_text("a user's\n")
    laptop.run("remove", str(here))
    assert os.listdir(base / OWN) == ["mine"] and (base / "too").exists()
    (base / OWN / "mine").unlink()
    laptop.run("add", str(here), "--collection", "notes", "--base-dir", str(base))
    laptop.run("leave", "--yes")
    assert os.listdir(base) == ["too"]


def test_full_or_read_only_it_keeps_no_more_and_all_goes_on(scene, card):
    laptop, desktop, here, there, base = scene
    with open(card.at / "filler", "wb") as file, pytest.raises(OSError):
        while True:
            file.write(b"\1" * LARGE)
    (here / "more").write_bytes(os.urandom(LARGE))
    shift(here / "large")
    laptop.sync()
    assert "which is full" in laptop.run("status", "-v")
    assert laptop.json("status")["collections"][0]["base_dir"]["state"] == "full"
    (card.at / "filler").unlink()
    shift(here / "more")
    laptop.sync()
    assert copies(base)
    subprocess.run(["mount", "-o", "remount,ro", card.at], check=True)
    (here / "yet more").write_bytes(os.urandom(LARGE))
    shift(here / "more")
    laptop.sync()
    assert "can't be written to" in laptop.run("status", "-v")
    assert laptop.json("status")["collections"][0]["base_dir"]["state"] == "read-only"
    (here.parent / "laptop-other").mkdir()
    said = laptop.run("add", str(here.parent / "laptop-other"), "--new", "--base-dir", str(card.at / "two"), code=1)
    assert "Read-only file system" in said
    assert len(laptop.json("status")["collections"]) == 1
    desktop.sync()
    assert tree(here) == tree(there)


def test_where_it_may_not_lie(scene, two, card, tmp_path):  # noqa: F811
    laptop, desktop, here, there, base = scene
    other = tmp_path / "other"
    other.mkdir()

    def refused(what, *arguments, device=laptop, code=2):
        said = device.run("add", str(other), "--new", *arguments, code=code)
        assert what in said, said
        assert not (other / ".counterfoil").exists()

    refused("lies in the source", "--base-dir", str(other / "base"))
    refused("lies in the source", "--base-dir", str(other))
    refused("lies in the source", "--base-dir", str(other / ".counterfoil"))
    refused(f"lies in the source {here}", "--base-dir", str(here / "base"))
    refused("lies in the home", "--base-dir", os.path.join(laptop.home, "base"))
    refused(f"the base of {here} lies in {base}", "--base-dir", str(base))
    refused("does not go with --base leaves", "--base-dir", str(card.at / "two"), "--base", "leaves")
    refused("does not go with --format csv", "--base-dir", str(card.at / "two"), "--format", "csv")
    refused(f"the base of {here}, of the home {laptop.home}", "--base-dir", str(base), device=desktop, code=8)
    refused("No such file", "--base-dir", str(card.at / "not/there"), code=3)
    assert "must lie outside" in laptop.run("add", str(card.at), code=2)
    assert "say --base-dir default, too" in laptop.run("set", str(here), "--base", "leaves", code=2)
    laptop.run("add", str(other), "--new", "-n", "--base-dir", str(card.at / "two"))
    assert not (card.at / "two").exists()
    desktop.run("add", str(other), "--new", "--base-dir", str(base), "--yes")
    assert "is another one" in laptop.finish("sync").stderr
    assert "new one begins" in laptop.run("set", str(here), "--base-dir", str(card.at / "three"))
    laptop.sync()


def test_a_damaged_copy_is_found_and_thrown_away(scene):
    laptop, desktop, here, there, base = scene
    copy = base / OWN / copies(base)[0]
    copy.write_bytes(b"x" + copy.read_bytes()[1:])
    assert "its bytes are others" in laptop.run("verify", code=7)
    laptop.run("repair")
    assert not copies(base)
    assert "everything is whole" in laptop.run("verify")
    shift(here / "large")
    laptop.sync()
    copy = base / OWN / copies(base)[0]
    copy.write_bytes(b"x" + copy.read_bytes()[1:])
    shift(here / "large")
    laptop.sync()
    desktop.sync()
    assert tree(here) == tree(there)
