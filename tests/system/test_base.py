# SPDX-License-Identifier: Apache-2.0
"""What is kept here of what was agreed on, and what need not travel for that."""

import hashlib
import os
import pathlib
import subprocess

import pytest

from counterfoil import broker, make_device, tree, two, wait_until  # noqa: F401

MIB = 1 << 20


def large(two, *arguments):  # noqa: F811
    """A large file on both; what is kept of it on the laptop, the arguments say."""
    laptop, desktop = two
    here = laptop.add("notes", {"large": os.urandom(6 * MIB)}, *arguments)
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    return laptop, desktop, here, there


def copies(device):
    where = os.path.join(device.home, "base")
    return os.listdir(where) if os.path.isdir(where) else []


def base_of(device):
    return pathlib.Path(device.home) / "base"


def prints(device):
    return [name for name in copies(device) if name.endswith(".blk")]


def shares_blocks(folder):
    """Then a large file has a copy, which costs nothing."""
    whole, copy = folder / "whole", folder / "copy"
    whole.write_bytes(os.urandom(4096))
    done = subprocess.run(["cp", "--reflink=always", whole, copy], capture_output=True)
    return done.returncode == 0


def overwrite(path, at, size=4096):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(os.urandom(size))


@pytest.mark.parametrize("base", ["full", "auto", "leaves"])
def test_what_was_overwritten_travels_alone(two, base):  # noqa: F811
    laptop, desktop, here, there = large(two, "--base", base)
    assert len(copies(laptop)) == 1 and bool(prints(laptop)) == (base == "leaves")
    for number in range(3):
        overwrite(here / "large", (2 * number) * MIB + 77_777)
        sent = laptop.sync()["traffic"]["bytes_sent"]
        assert sent < 20_000, sent
        received = desktop.sync()["traffic"]["bytes_received"]
        assert received < 200_000, received
        assert tree(here) == tree(there)
    assert len(copies(laptop)) == 1 and bool(prints(laptop)) == (base == "leaves")


def change(path, how):
    path.write_bytes(how(path.read_bytes()))


SHIFTS = {
    "a head": lambda old: os.urandom(100) + old,
    "the middle": lambda old: old[:3_000_001] + os.urandom(100) + old[3_000_001:],
    "an end": lambda old: old + b"more",
    "less": lambda old: old[:1_000_003] + old[1_000_077:],
    "moved": lambda old: old[MIB:3 * MIB] + old[:MIB] + old[3 * MIB:],
}


def test_what_was_shifted_stays_where_it_is_known(two):  # noqa: F811
    """By whoever edits: who received the file has prints of it, too."""
    laptop, desktop, here, there = large(two, "--base", "leaves")
    desktop.run("set", str(there), "--base", "leaves")
    one, other = (laptop, here), (desktop, there)
    for name, how in SHIFTS.items():
        (editor, folder), (reader, _) = one, other
        change(folder / "large", how)
        sent = editor.sync()["traffic"]["bytes_sent"]
        assert sent < 20_000, (name, sent)
        reader.sync()
        assert tree(here) == tree(there)
        one, other = other, one


def moved(old, begin, to):
    end = begin + MIB
    return old[:begin] + old[end:to] + old[begin:end] + old[to:]


# Of a file over 64 MiB: what is done to it, and how much may be sent for that.
LIMITS = {
    "100 bytes put in": (SHIFTS["a head"], 8_000),
    "4 KiB overwritten": (lambda old: old[:7 * MIB + 5] + os.urandom(4096) + old[7 * MIB + 5 + 4096 :], 12_000),
    "1 MiB moved": (lambda old: moved(old, 3 * MIB + 1001, 40 * MIB + 17), 16_000),
}


EACH_OF_VAST, EACH = 5, 16


class Row:
    """Edits one after the other. With each fifth of a file over 64 MiB, and each sixteenth of another one, what is new since
    the last such edit is sent once more (counterfoil(1), set --base)."""

    def __init__(self, each):
        self.each, self.limits = each, []

    def may_send(self, most):
        self.limits.append(most)
        return most if len(self.limits) % self.each else sum(self.limits[-self.each :])


@pytest.mark.parametrize("base", ["auto", "full"])
def test_what_went_far_is_found_where_bytes_are_kept(two, base):  # noqa: F811
    """Farther than a delta of bytes looks: the halves change places, and a page is new."""
    laptop, desktop = two
    here = laptop.add("notes", {"vast": os.urandom(40 * MIB)}, "--base", base)
    laptop.sync()
    for most, how in (12_000, lambda old: old[20 * MIB + 7 :] + old[: 20 * MIB + 7]), (12_000, lambda old: old[: -8 * MIB] + os.urandom(4096)), (
        24_000, lambda old: old[8 * MIB :] + old[: 4 * MIB] + os.urandom(4096) + old[4 * MIB : 8 * MIB]):
        change(here / "vast", how)
        sent = laptop.sync()["traffic"]["bytes_sent"]
        assert sent < most, sent
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    assert tree(here) == tree(there)


def test_a_file_too_large_for_a_copy_has_prints(two, tmp_path):  # noqa: F811
    """Where the disk shares no blocks; where it does, there is a copy, and as little is sent. By who has made the file, and
    by who has received it."""
    laptop, desktop = two
    size = 256 if os.environ.get("COUNTERFOIL_LONG") else 65
    kept = [] if shares_blocks(tmp_path) else [".blk"]
    here = laptop.add("notes", {"vast": os.urandom(size * MIB)})
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    row = Row(EACH_OF_VAST)
    for editor, folder, reader in (laptop, here, desktop), (desktop, there, laptop):
        for name, (how, most) in LIMITS.items():
            assert [os.path.splitext(one)[1] for one in copies(editor)] == kept
            assert all(os.path.getsize(os.path.join(editor.home, "base", one)) <= size * MIB // 200 for one in prints(editor)), "half a per cent"
            change(folder / "vast", how)
            sent = editor.sync()["traffic"]["bytes_sent"]
            received = reader.sync()["traffic"]["bytes_received"]
            print(f"{size} MiB, {editor.name}, {name}: {sent} bytes sent, {received} received")
            assert sent <= row.may_send(most) and received <= most, (editor.name, name, sent, received)
            assert tree(here) == tree(there)


OVERWRITTEN = {"4 KiB overwritten": LIMITS["4 KiB overwritten"][0]}


@pytest.mark.whole
@pytest.mark.parametrize("size, edits", [(6, SHIFTS), (65, OVERWRITTEN)], ids=["small", "vast"])
def test_from_bytes_a_patch_is_the_smallest(two, tmp_path, size, edits):  # noqa: F811
    """With --base full as small as by default, auto, and smaller where that has prints: what lies beside the change stays here."""
    laptop, _ = two
    sources = {base: laptop.add(base, {"large": os.urandom(size * MIB)}, "--base", base) for base in ("auto", "full")}
    laptop.sync()
    assert len(prints(laptop)) == (size > 64 and not shares_blocks(tmp_path))
    for name, how in edits.items():
        sent = {}
        for base, folder in sources.items():
            change(folder / "large", how)
            sent[base] = laptop.json("sync", base)["traffic"]["bytes_sent"]
        print(f"{size} MiB, {name}: {sent}")
        assert sent["full"] <= sent["auto"] - (3_000 if prints(laptop) else -64), (name, sent)


ROW = [
    (lambda old: os.urandom(100) + old, 8_000),
    (lambda old: old[:MIB + 77] + os.urandom(4096) + old[MIB + 77 + 4096 :], 12_000),
    (lambda old: old[:3_000_001] + os.urandom(1000) + old[3_000_001:], 9_000),
    (lambda old: old[:2_000_003] + old[2_000_077:], 8_000),
]


@pytest.mark.parametrize("base", ["auto", "full", "leaves"])
@pytest.mark.parametrize("size, count", [(65, 11), (6, 19)])
def test_of_many_edits_in_a_row_each_travels_alone(two, make_device, size, count, base):  # noqa: F811
    """Also the one for which the chain of patches that a reader goes over has no room; and who has been away longer
    than a chain, or is new, can make it, too."""
    laptop, desktop = two
    here = laptop.add("notes", {"large": os.urandom(size * MIB)}, "--base", base)
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    traffic, row = [], Row(EACH_OF_VAST if size > 64 else EACH)
    for number in range(count):
        how, most = ROW[number % len(ROW)]
        change(here / "large", how)
        sent = laptop.sync()["traffic"]["bytes_sent"]
        received = desktop.sync()["traffic"]["bytes_received"] if number < 7 else 0
        traffic.append((sent, received))
        assert number >= 7 or tree(here) == tree(there)
        assert sent <= row.may_send(most) and received <= most, traffic
    print(f"{size} MiB, {base}: {traffic}")
    desktop.sync()
    third = make_device("third")
    laptop.pair(third)
    third.add("notes", None, "--existing")
    third.sync()
    assert tree(here) == tree(there) == tree(third.source())


@pytest.mark.parametrize("base", ["auto", "full"])
def test_of_many_edits_in_a_row_that_no_entry_has_room_for_each_travels_alone(two, base):  # noqa: F811
    """A patch in blobs isn't fetched again: what it copies is kept by who made it, and who applied it."""
    laptop, desktop = two
    here = laptop.add("notes", {"large": os.urandom(65 * MIB)}, "--base", base)
    laptop.sync()
    desktop.sync()
    there = desktop.add("notes", None, "--existing", "--base", base)
    desktop.sync()
    one, other = (laptop, here), (desktop, there)
    traffic = []
    for number in range(11):
        (editor, folder), (reader, _) = one, other
        at, size = number * MIB + 5, 100 if number % 3 == 1 else 200_000
        change(folder / "large", lambda old: old[:at] + os.urandom(size) + old[at:])
        traffic.append((editor.sync()["traffic"]["bytes_sent"], reader.sync()["traffic"]["bytes_received"]))
        assert tree(here) == tree(there)
        one, other = other, one
    print(f"{base}: {traffic}")
    again = [sent for sent, _ in traffic if sent > 230_000]
    assert len(again) == 2 and max(again) < 1_200_000, "what is new since the chain began, and the patch"
    assert max(received for _, received in traffic) < 230_000


def swap_prints(path):
    """Two prints change places: each is a print of the content, none is where it says."""
    kept = bytearray(path.read_bytes())
    kept[48:68], kept[68:88] = kept[68:88], kept[48:68]
    path.write_bytes(kept)


def lose(path):
    path.unlink()


@pytest.mark.parametrize("spoil", [lose, swap_prints, lambda path: path.write_bytes(b"")])
def test_spoilt_prints_are_not_used(two, spoil):  # noqa: F811
    laptop, desktop, here, there = large(two, "--base", "leaves")
    (name,) = prints(laptop)
    spoil(base_of(laptop) / name)
    change(here / "large", SHIFTS["a head"])
    assert laptop.sync()["traffic"]["bytes_sent"] > 5 * MIB
    desktop.sync()
    assert tree(here) == tree(there)
    assert len(prints(laptop)) == 1 and prints(laptop) != [name]
    change(here / "large", SHIFTS["a head"])
    assert laptop.sync()["traffic"]["bytes_sent"] < 20_000


def swap_and_sign_prints(path):
    """The same, with a sum that fits: so a program with a mistake would have made them."""
    swap_prints(path)
    kept = path.read_bytes()[:-32]
    path.write_bytes(kept + hashlib.sha256(kept).digest())


def publish_a_wrong_patch(laptop, here):
    (name,) = prints(laptop)
    swap_and_sign_prints(base_of(laptop) / name)
    change(here / "large", SHIFTS["a head"])
    assert laptop.sync()["traffic"]["bytes_sent"] < 20_000


def test_who_can_not_make_what_a_wrong_patch_says_is_given_the_whole(two):  # noqa: F811
    """By its author, which has it; once, whatever else happens, and edits go on from there."""
    laptop, desktop, here, there = large(two, "--base", "leaves")
    publish_a_wrong_patch(laptop, here)
    before = tree(there)
    said = desktop.finish("sync")
    assert said.returncode == 1 and tree(there) == before, said
    assert "a patch that makes it is wrong" in said.stdout + said.stderr + desktop.run("status", "notes")
    assert laptop.sync()["traffic"]["bytes_sent"] > 5 * MIB
    desktop.sync()
    assert tree(here) == tree(there)
    for device in laptop, desktop, laptop:
        assert device.sync()["traffic"]["bytes_sent"] < 20_000
    for editor, folder, reader in (desktop, there, laptop), (laptop, here, desktop):
        change(folder / "large", SHIFTS["a head"])
        editor.sync()
        reader.sync()
        assert tree(here) == tree(there)
    assert laptop.sync()["in_sync"] and desktop.sync()["in_sync"]


def test_who_can_not_make_what_wrong_patches_led_to_is_given_the_whole(two):  # noqa: F811
    """A chain that begins anew is made of the blobs of the old one, where its patches say."""
    laptop, desktop, here, there = large(two, "--base", "leaves")
    publish_a_wrong_patch(laptop, here)
    for _ in range(15):
        change(here / "large", SHIFTS["a head"])
        laptop.sync()
    desktop.finish("sync")
    assert tree(here) != tree(there)
    assert laptop.sync()["traffic"]["bytes_sent"] > 5 * MIB
    desktop.sync()
    assert tree(here) == tree(there)
    assert laptop.sync()["in_sync"] and desktop.sync()["in_sync"]


def test_who_joins_after_a_wrong_patch_takes_the_whole(two, make_device):  # noqa: F811
    """Also of what was made from it since, and which nobody asked for."""
    laptop, desktop, here, there = large(two, "--base", "leaves")
    publish_a_wrong_patch(laptop, here)
    desktop.finish("sync")
    laptop.sync()
    desktop.sync()
    overwrite(there / "large", 77_777)
    desktop.sync()
    laptop.sync()
    third = make_device("third")
    laptop.pair(third)
    third.add("notes", None, "--existing")
    third.sync()
    assert tree(third.source()) == tree(here)


def test_an_edit_in_the_meantime_is_made_of_what_others_can_make(two):  # noqa: F811
    """The author hears of it with the next session; what it saves then is no patch on what others lack."""
    laptop, desktop, here, there = large(two, "--base", "leaves")
    publish_a_wrong_patch(laptop, here)
    desktop.finish("sync")
    change(here / "large", SHIFTS["a head"])
    laptop.sync()
    desktop.finish("sync")
    laptop.sync()
    desktop.sync()
    assert tree(here) == tree(there)


def test_who_serves_asks_and_is_answered_at_once(two):  # noqa: F811
    laptop, desktop, here, there = large(two, "--base", "leaves")
    laptop.sync()
    processes = [(device, device.serve()) for device in two]

    def position():
        return laptop.json("status", "--remote")["remote"]["position"]

    before = position()
    (name,) = prints(laptop)
    swap_and_sign_prints(base_of(laptop) / name)
    change(here / "large", SHIFTS["a head"])
    wait_until(lambda: tree(here) == tree(there), "all of it came")
    wait_until(lambda: position() == before + 4, "an edit, what asks, what answers, and that it is done")
    for device, process in processes:
        assert device.stop(process) == 0


def test_a_base_that_is_spoilt_where_a_patch_arrives_is_thrown_away_and_all_is_asked_for(two):  # noqa: F811
    laptop, desktop, here, there = large(two)
    desktop.run("set", str(there), "--base", "full")
    desktop.sync()
    (copy,) = copies(desktop)
    overwrite(here / "large", 77_777)
    overwrite(there / "large", 3 * MIB)  # so the patch is for what is kept alone
    theirs = (here / "large").read_bytes()
    assert laptop.sync()["traffic"]["bytes_sent"] < 20_000
    change(base_of(desktop) / copy, lambda kept: kept[:5 * MIB] + bytes([kept[5 * MIB] ^ 1]) + kept[5 * MIB + 1 :])
    assert desktop.sync(4)["traffic"]["bytes_received"] > 5 * MIB
    assert theirs in tree(there).values(), "it is what was meant, whatever was kept here"
    laptop.sync(4)
    assert tree(here) == tree(there)


def test_content_that_was_sent_is_not_sent_again(two):  # noqa: F811
    laptop, desktop, here, there = large(two)
    content = (here / "large").read_bytes()
    (here / "copy").write_bytes(content)
    assert laptop.sync()["traffic"]["bytes_sent"] < 20_000
    assert desktop.sync()["traffic"]["bytes_received"] < 20_000
    (there / "another").write_bytes(content)
    assert desktop.sync()["traffic"]["bytes_sent"] < 20_000
    laptop.sync()
    assert tree(here) == tree(there) and (here / "another").read_bytes() == content
    for path in "large", "copy", "another":
        (here / path).unlink()
    laptop.sync(0, "--yes")
    desktop.sync(0, "--yes")
    (here / "back").write_bytes(content)
    assert laptop.sync()["traffic"]["bytes_sent"] < 20_000
    desktop.sync()
    assert tree(here) == tree(there) == {"back": content}
