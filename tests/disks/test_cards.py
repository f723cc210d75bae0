# SPDX-License-Identifier: Apache-2.0
"""Disks of these kinds that are mounted at a folder below a source: one card after the other, a stick that is plugged in
again, saves within one step of their times."""

import os
import subprocess
import time

import pytest

from counterfoil import both, broker, make_device, tree, two, wait_until  # noqa: F401
from disks import make_disk, run  # noqa: F401
from test_guard import deletions

CARDS = pytest.mark.parametrize("kind", ["ext2", "exfat", "ntfs", "ext4"])
ON_IT = {f"image {i}": f"card one {i}\n" for i in range(5)}
ON_CARD = sorted(f"card/{name}" for name in ON_IT)


@pytest.fixture
def scene(two):
    """A source with an empty folder for cards, kept by two devices."""
    laptop, desktop = two
    here = laptop.add("notes", {"first": "first\n"})
    (here / "card").mkdir()
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    both(laptop, desktop)
    return laptop, desktop, here, there


def plug(disk, place):
    place.mkdir(exist_ok=True)
    if disk.is_mounted:
        disk.unmount()
    disk.at = place
    disk.mount()


def on_card(there):
    return sorted(f"card/{name}" for name in tree(there / "card") if name != "lost+found")


def held(device):
    pending = device.json("status")["collections"][0]["pending"]
    return sorted(item["path"] for item in pending if item["kind"] == "held" and item["path"] != "card/lost+found")


@CARDS
def test_a_second_card_in_one_reader_deletes_nothing_of_the_first(scene, make_disk, kind):
    laptop, desktop, here, there = scene
    one, other = make_disk(kind, ON_IT), make_disk(kind, {"other": "card two\n"})
    other.unmount()
    plug(one, here / "card")
    both(laptop, desktop)
    assert set(ON_CARD) <= set(on_card(there))
    one.unmount()
    plug(other, here / "card")
    for _ in range(2):
        laptop.run("sync", code=8)
        assert set(ON_CARD) <= set(held(laptop))
        assert "mount it as it was at card again" in laptop.run("status")
    desktop.sync()
    assert {*ON_CARD, "card/other"} <= set(on_card(there))
    assert deletions(laptop) == []
    other.unmount()
    plug(one, here / "card")
    laptop.run("sync", code=8)
    assert "card/other" in held(laptop) and not set(ON_CARD) & set(held(laptop))


def test_where_it_was_mounted_is_said(scene, make_disk):
    """Also where another one has a folder of the same name, and where the folder went with it."""
    laptop, desktop, here, there = scene
    one = make_disk("ext4", {"DCIM/a": "one\n", "DCIM/in/b": "two\n"})
    other = make_disk("ext4", {"DCIM/c": "other\n"})
    other.unmount()
    plug(one, here / "card")
    both(laptop, desktop)
    one.unmount()
    laptop.run("sync", code=8)
    assert "mount it at card again" in laptop.run("status")
    plug(other, here / "card")
    laptop.run("sync", code=8)
    assert "mount it as it was at card again" in laptop.run("status")
    other.unmount()
    os.rmdir(here / "card")
    laptop.run("sync", code=8)
    shown = laptop.run("status")
    assert "mount it at card again" in shown and " at . again" not in shown
    assert deletions(laptop) == []


@CARDS
def test_a_name_that_both_cards_have_is_no_edit(scene, make_disk, kind):
    """Cameras number from one on."""
    laptop, desktop, here, there = scene
    one = make_disk(kind, {**ON_IT, "IMG_0001": "a picture\n"})
    other = make_disk(kind, {"IMG_0001": "another picture\n", "IMG_0002": "more\n"})
    other.unmount()
    plug(one, here / "card")
    both(laptop, desktop)
    one.unmount()
    plug(other, here / "card")
    for _ in range(2):
        laptop.run("sync", code=8)
        assert "another file system is mounted there than the one that had it" in laptop.run("status")
        desktop.sync()
        assert (there / "card/IMG_0001").read_text() == "a picture\n"
    assert (there / "card/IMG_0002").read_text() == "more\n"
    (there / "card/IMG_0001").write_text("retouched\n")
    desktop.sync()
    laptop.finish("sync")
    assert (here / "card/IMG_0001").read_text() == "another picture\n"
    os.rename(here / "card/IMG_0001", here / "card/IMG_1001")
    laptop.run("sync", code=8)
    desktop.sync()
    assert (there / "card/IMG_1001").read_text() == "another picture\n"
    assert (there / "card/IMG_0001").read_text() == "retouched\n" and deletions(laptop) == []


@CARDS
def test_a_card_that_comes_back_under_serve_is_known(scene, make_disk, kind):
    laptop, desktop, here, there = scene
    card = make_disk(kind, ON_IT)
    plug(card, here / "card")
    both(laptop, desktop)
    serving = laptop.serve()
    for _ in range(2):
        card.unmount()
        wait_until(lambda: set(ON_CARD) <= set(held(laptop)), "what was on it is held")
        card.mount()
        wait_until(lambda: not held(laptop), "it is there again")
    assert laptop.stop(serving) == 0 and deletions(laptop) == []


@pytest.mark.parametrize("kind", ["exfat", "ntfs", "bindfs"])
def test_modes_that_a_card_does_not_keep_are_nobody_s_change(scene, make_disk, kind):
    laptop, desktop, here, there = scene
    card = make_disk(kind, ON_IT)
    for _ in range(2):
        plug(card, here / "card")
        laptop.sync()
        card.unmount()
        laptop.finish("sync")
    desktop.sync()
    told = [line for line in laptop.run("log", "-n", "1000").splitlines() if "attributes" in line]
    assert told == [] and (there / "card").stat().st_mode & 0o022 == 0
    assert all((there / name).stat().st_mode & 0o022 == 0 for name in ON_CARD)


def test_the_user_s_word_takes_what_lies_there_for_an_edit(scene, make_disk):
    laptop, desktop, here, there = scene
    one, other = make_disk("ext4", {**ON_IT, "a": "one\n"}), make_disk("ext4", {**ON_IT, "a": "two\n"})
    other.unmount()
    plug(one, here / "card")
    both(laptop, desktop)
    one.unmount()
    plug(other, here / "card")
    laptop.finish("sync")
    assert (there / "card/a").read_text() == "one\n"
    laptop.run("sync", "--yes")
    desktop.sync()
    assert (there / "card/a").read_text() == "two\n"


@CARDS
def test_the_only_file_of_a_stick_is_edited(scene, make_disk, kind):
    laptop, desktop, here, there = scene
    plug(make_disk(kind, {"note": "one\n"}), here / "card")
    both(laptop, desktop)
    for text in "two, longer\n", "three\n":
        (here / "card/note").write_text(text)
        laptop.finish("sync")
        desktop.sync()
        assert (there / "card/note").read_text() == text


@CARDS
def test_what_is_deleted_on_a_card_that_is_plugged_in_again_is_deleted_elsewhere(scene, make_disk, kind):
    """As another device, if that tells nothing of the card."""
    laptop, desktop, here, there = scene
    card = make_disk(kind, ON_IT)
    plug(card, here / "card")
    both(laptop, desktop)
    card.unmount()
    if kind == "ext4":
        make_disk("ext4")
    plug(card, here / "card")
    (here / "card/image 1").unlink()
    laptop.sync()
    desktop.sync()
    assert "card/image 1" not in on_card(there) and "card/image 2" in on_card(there)


def rest(*paths):
    """Their times are of long ago."""
    for path in paths:
        os.utime(path, (1600000000, 1600000000))


TWO = pytest.mark.parametrize("kind", ["ext2", "exfat"])


@TWO
def test_cards_come_and_go_in_any_order(scene, make_disk, kind):
    """Also an empty one, one that was just formatted, and none."""
    laptop, desktop, here, there = scene
    cards = [(make_disk(kind, ON_IT), set(ON_CARD)), (make_disk(kind), set()),
             (make_disk(kind, {"other": "of another card\n", "in/it": "too\n"}), {"card/other", "card/in", "card/in/it"})]
    for card, _ in cards:
        card.unmount()
    seen = set()
    for which in (0, 1, None, 2, 0, 2, 1, 0, None):
        if which is not None:
            plug(cards[which][0], here / "card")
            seen |= cards[which][1]
        laptop.finish("sync")
        desktop.sync()
        assert set(on_card(there)) == seen and deletions(laptop) == []
        there_now = cards[which][1] if which is not None else set()
        assert set(held(laptop)) == seen - there_now
        if which is not None:
            cards[which][0].unmount()


@TWO
def test_serve_sees_another_card(scene, make_disk, kind):
    laptop, desktop, here, there = scene
    one, other = make_disk(kind, ON_IT), make_disk(kind, {"other": "card two\n"})
    other.unmount()
    laptop.serve(), desktop.serve()
    plug(one, here / "card")
    wait_until(lambda: on_card(there) == ON_CARD, "the first one's files are sent")
    wait_until(lambda: laptop.json("status")["in_sync"], "it rests")
    subprocess.run(["umount", "-l", one.at], check=True)
    one.is_mounted = False
    plug(other, here / "card")
    wait_until(lambda: "card/other" in on_card(there), "the other one's are")
    wait_until(lambda: held(laptop) == ON_CARD, "and the first one's are held")
    laptop.run("sync", code=8)
    assert set(ON_CARD) < set(on_card(there)) and deletions(laptop) == []
    subprocess.run(["umount", "-l", other.at], check=True)
    other.is_mounted = False
    plug(one, here / "card")
    wait_until(lambda: held(laptop) == ["card/other"], "the first one is there again")
    (here / "card/since").write_text("since\n")
    wait_until(lambda: "card/since" in on_card(there), "and goes on")
    assert deletions(laptop) == []


@TWO
def test_what_was_done_on_a_card_elsewhere_is_done(scene, make_disk, kind):
    """Most of it is as it was: removed, renamed and added there."""
    laptop, desktop, here, there = scene
    card = make_disk(kind, {"DCIM/" + name: text for name, text in ON_IT.items()})
    plug(card, here / "card")
    both(laptop, desktop)
    card.unmount()
    plug(card, card.folder / "elsewhere")
    (card.at / "DCIM/image 0").unlink()
    (card.at / "DCIM/new").write_text("new\n")
    (card.at / "DCIM").rename(card.at / "DCIM-2")
    card.unmount()
    plug(card, here / "card")
    both(laptop, desktop)
    assert tree(there / "card") == tree(here / "card")
    assert held(laptop) == []


@TWO
def test_a_card_with_a_file_that_the_other_one_had_too(scene, make_disk, kind):
    """And with others of the same names."""
    laptop, desktop, here, there = scene
    one = make_disk(kind, {"readme": "of the maker\n", **ON_IT})
    rest(*one.at.iterdir())
    other = make_disk(kind, {"readme": "of the maker\n", "image 9": "another one\n", "image 8": "one more\n"})
    rest(*other.at.iterdir())
    other.unmount()
    plug(one, here / "card")
    both(laptop, desktop)
    one.unmount()
    plug(other, here / "card")
    laptop.run("sync", code=8)
    desktop.sync()
    assert held(laptop) == ON_CARD
    assert set(ON_CARD) < set(on_card(there)) and deletions(laptop) == []


@TWO
def test_what_is_deleted_on_a_card_of_which_most_is_left_is_deleted(scene, make_disk, kind):
    """And where most of it goes at once it waits for a word."""
    laptop, desktop, here, there = scene
    plug(make_disk(kind, ON_IT), here / "card")
    both(laptop, desktop)
    for i in (0, 1):
        (here / f"card/image {i}").unlink()
    both(laptop, desktop)
    assert on_card(there) == ON_CARD[2:]
    for i in (2, 3):
        (here / f"card/image {i}").unlink()
    laptop.run("sync", code=8)
    assert held(laptop) == ON_CARD[2:4]
    assert "lost most of what was on it" in laptop.finish("status").stdout
    laptop.sync(0, "--yes")
    desktop.sync()
    assert on_card(there) == ON_CARD[4:]


def just_after_a_second():
    time.sleep(1.02 - time.time() % 1)


def expect_each_save_sent(laptop, desktop, written, there):
    for i in range(3):
        just_after_a_second()
        written.write_text(f"save {2 * i:03}\n")
        laptop.sync()
        written.write_text(f"save {2 * i + 1:03}\n")
        time.sleep(1)
        laptop.sync()
        desktop.sync()
        assert there.read_text() == f"save {2 * i + 1:03}\n"


def test_saves_of_one_second_are_sent_from_a_coarse_disk_below_an_exact_one(scene, make_disk):
    laptop, desktop, here, there = scene
    plug(make_disk("ext2"), here / "card")
    expect_each_save_sent(laptop, desktop, here / "card/note", there / "card/note")


def test_saves_of_one_second_are_sent_from_a_coarse_disk_that_is_shown_read_only(two, make_disk):
    laptop, desktop = two
    disk = make_disk("ext2", {"note": "save\n", **ON_IT})
    shown = laptop.folder / "shown"
    shown.mkdir()
    run("mount", "--bind", "-o", "ro", disk.at, shown)
    try:
        run("mount", "-o", "remount,bind,ro", shown)
        laptop.run("add", str(shown), "--collection", "notes", "--mode", "send")
        laptop.sync()
        desktop.sync()
        there = desktop.add("notes", None, "--existing")
        both(laptop, desktop)
        expect_each_save_sent(laptop, desktop, disk.at / "note", there / "note")
    finally:
        subprocess.run(["umount", "-l", shown], check=False)
