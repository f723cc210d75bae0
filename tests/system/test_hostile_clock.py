# SPDX-License-Identifier: Apache-2.0
"""Members whose clocks are ahead: what others may be made to write, and what they know of it the next time."""

import pytest

import counterfoil
from broker_client import now
from hostile_peer import Street, body, file
from hostile_victim import PATIENCE
from reader import inline

counterfoil.WAIT = PATIENCE
HOUR, DAY, END = 3600 * 1000, 24 * 3600 * 1000, 253402300799999


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    made = Street(tmp_path_factory.mktemp("street"))
    yield made
    made.end()


def sync(device):
    """A program of its own, that knows what it finds in its home."""
    done = device.finish("sync")
    assert done.returncode == 0, done.stdout + done.stderr


def honest(street):
    """The times of the entries that mallory didn't write, in the order they came."""
    street.mallory.learn()
    mine = street.mallory.device.identity.id
    return [entry_body.time for entry, entry_body in street.mallory.device.bodies(street.mallory.notes) if entry.device != mine]


def write(street, device, folder, name):
    (folder / name).write_text(name)
    sync(device)
    return honest(street)[-1]


def ahead(device):
    return [note["text"] for note in device.json("status")["notes"] if note["kind"] == "clock-ahead"]


def test_a_sync_goes_on_from_the_times_that_the_one_before_it_saw(street):
    time = (now() + 20 * HOUR, 7)
    street.mallory.publish(body(file(b"tomorrow"), time=time))
    sync(street.laptop)
    assert write(street, street.laptop, street.here, "after") == (time[0], 9), "a counter is left out between what two acts wrote"
    sync(street.desktop)
    assert write(street, street.desktop, street.there, "later") == (time[0], 11)
    assert not ahead(street.laptop)


def test_the_last_counter_there_is_is_written_again(street):
    time = (now() + 22 * HOUR, 2**64 - 1)
    street.mallory.publish(body(file(b"counted"), time=time))
    sync(street.laptop)
    assert write(street, street.laptop, street.here, "no more") == time
    street.heal()


def test_the_year_9999_is_not_followed_and_who_writes_it_is_named(street):
    made = file(b"for ever", b"first\n")
    street.mallory.publish(body(made, time=(END, 2**64 - 1)))
    for device, folder in (street.laptop, street.here), (street.desktop, street.there):
        sync(device)
        assert write(street, device, folder, f"by {device.name}")[0] <= now() + DAY
        (told,) = ahead(device)
        assert "mallory wrote as if it was 9999-12-31T23:59:59Z" in told
    (street.here / "for ever").write_text("edited\n")
    sync(street.laptop)
    sync(street.desktop)
    assert (street.there / "for ever").read_text() == "edited\n"
    street.heal()


def test_who_writes_of_today_again_is_named_no_more(street):
    street.mallory.publish(body(file(b"today", inline(b"x")[3]), time=(now() + HOUR, 0)))
    for device in street.laptop, street.desktop:
        sync(device)
        assert not ahead(device)
