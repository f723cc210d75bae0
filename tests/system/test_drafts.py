# SPDX-License-Identifier: Apache-2.0
"""A save through a temporary file that was synced before it was renamed is an edit, with all that was before it."""

import time

from counterfoil import broker, make_device, pair_of_notes, two, wait_until  # noqa: F401


def save(path, text, meanwhile):
    """As a program does that writes beside, takes the old file away, and puts the new one in its place."""
    draft = path.with_suffix(".tmp")
    draft.write_text(text)
    meanwhile()
    path.unlink()
    draft.rename(path)


def changes_of(device, path):
    return [entry["change"] for entry in device.json("log") if entry["path"] == path]


def begin(pair):
    laptop, desktop, here, there = pair
    (here / "f").write_text("first\n")
    exchange(laptop, desktop)
    return laptop, desktop, here, there


def exchange(*devices):
    for device in (*devices, *devices):
        assert device.sync()["in_sync"]


def test_a_save_through_a_file_that_was_synced_is_an_edit(pair_of_notes):
    laptop, desktop, here, there = begin(pair_of_notes)
    save(here / "f", "second\n", lambda: exchange(laptop, desktop))
    exchange(laptop, desktop)
    assert (there / "f").read_text() == "second\n" and not (there / "f.tmp").exists()
    for device in (laptop, desktop):
        assert changes_of(device, "f") == ["edited", "new"]


def test_an_edit_made_apart_is_a_conflict_of_the_one_file(pair_of_notes):
    laptop, desktop, here, there = begin(pair_of_notes)
    save(here / "f", "second\n", lambda: exchange(laptop, desktop))
    (there / "f").write_text("apart\n")
    for device in (laptop, desktop, laptop):
        device.finish("sync")
    copies = [path for path in here.iterdir() if "(conflict " in path.name]
    assert len(copies) == 1
    assert {(here / "f").read_text(), copies[0].read_text()} == {"second\n", "apart\n"}


def test_a_file_that_another_device_wrote_to_is_moved(pair_of_notes):
    laptop, desktop, here, there = begin(pair_of_notes)

    def meanwhile():
        exchange(laptop, desktop)
        (there / "f.tmp").write_text("by the desktop\n")
        exchange(desktop, laptop)

    save(here / "f", "second\n", meanwhile)
    exchange(laptop, desktop)
    assert (there / "f").read_text() == "by the desktop\n"
    assert sorted(changes_of(laptop, "f")) == ["deleted", "moved", "new"]


def test_who_serves_takes_it_for_an_edit_after_a_pause_too(pair_of_notes):
    laptop, desktop, here, there = begin(pair_of_notes)
    serving = laptop.serve()

    draft = here / "f.tmp"
    draft.write_text("second\n")
    wait_until(lambda: changes_of(laptop, "f.tmp"), "it was seen")
    (here / "f").unlink()
    time.sleep(1)  # less than what an absence has to last
    draft.rename(here / "f")
    wait_until(lambda: changes_of(laptop, "f") == ["edited", "new"], "it is told")
    laptop.stop(serving)
    exchange(laptop, desktop)
    assert (there / "f").read_text() == "second\n" and not (there / "f.tmp").exists()
