# SPDX-License-Identifier: Apache-2.0
"""Relays carry blobs, too: who needs a file has it though its owner and the broker's copy of it are gone."""

import os
import pathlib
import shutil

from counterfoil import broker, fill, make_device, tree, wait_until  # noqa: F401
from counterfoild import Broker
from family import bind, family, settle  # noqa: F401
from test_lost_content import lose_blobs
from test_recovery import empty

MIB = 1 << 20


def a_relay(owner, make_device, *options):
    carrier = make_device("carrier")
    owner.pair(carrier, "--role", "relay")
    if options:
        carrier.run("limit", *options)
    return carrier


def carried(device):
    """Of the disk, not of what it says: name -> size."""
    lies = pathlib.Path(device.home, "blobs").rglob("*")
    return {one.name: one.stat().st_size for one in lies if one.is_file()}


def test_a_reader_has_large_files_from_a_relay_with_no_owner_there(family, make_device, broker):
    laptop, desktop = family
    carrier = a_relay(laptop, make_device)
    large = os.urandom(20 * MIB + 5)
    fill(laptop.here, {"film": large, "photo": os.urandom(300_000), "small.txt": "in the entry\n"})
    laptop.sync()
    told = carrier.sync()["carries"]
    assert told["blobs"] == len(carried(carrier)) >= 3 and told["bytes"] == sum(carried(carrier).values())
    assert told["bytes"] >= 20 * MIB and told["max_size"] is None
    assert told["lacks"] == told["broker_lacks"] == 0 and not told["drops_older"] and not told["trouble"]
    home = b"".join(one.read_bytes() for one in pathlib.Path(carrier.home, "blobs").rglob("*") if one.is_file())
    assert large[MIB : MIB + 64] not in home, "it can't read what it carries"
    shutil.rmtree(laptop.home)  # the owner, and its files, are gone
    lose_blobs(broker)
    assert "waits for a device" in desktop.finish("sync").stdout
    carrier.serve()
    wait_until(lambda: desktop.finish("sync").returncode == 0, "it comes from the relay")
    assert (desktop.here / "film").read_bytes() == large and tree(desktop.here) == tree(laptop.here)
    assert broker.run("verify") == "everything is whole\n"


def test_a_relay_brings_an_emptied_broker_the_contents_as_well(family, make_device, broker):
    """The entries alone would be names without files."""
    laptop, desktop = family
    carrier, new = a_relay(laptop, make_device), make_device("new")
    fill(desktop.here, {"film": os.urandom(3 * MIB)})
    settle(desktop, carrier)
    laptop.run("status")
    empty(broker)
    broker.restart()
    carrier.run("broker", broker.run("invite").strip())
    carrier.sync()
    laptop.here.joinpath("film").unlink(missing_ok=True)
    laptop.pair(new)  # it has not synced: what it does not have it can't bring
    bind(new)
    assert tree(new.here)["film"] == tree(desktop.here)["film"]


def test_it_moves_to_another_broker_with_its_user(family, make_device, broker, tmp_path):
    """The first broker is away for good when the reader comes: all that the second one lacked it has of the relay."""
    laptop, desktop = family
    carrier = a_relay(laptop, make_device)
    fill(desktop.here, {"film": os.urandom(3 * MIB)})
    settle(desktop, carrier)
    other = Broker(str(tmp_path / "other"))
    other.start()
    try:
        laptop.run("broker", other.run("invite").strip())
        carrier.sync()
        lose_blobs(other)
        broker.stop()
        carrier.sync()
        laptop.sync()
        assert tree(laptop.here)["film"] == tree(desktop.here)["film"]
    finally:
        other.stop()


def test_it_keeps_the_newest_within_its_size_and_says_so(family, make_device, broker):
    laptop, desktop = family
    carrier = a_relay(laptop, make_device, "--max-size", "40M")
    for name in ["first", "second", "third", "fourth"]:
        fill(laptop.here, {name: os.urandom(12 * MIB)})
        laptop.sync()
    told = carrier.sync()["carries"]
    assert told["bytes"] == sum(carried(carrier).values()) <= told["max_size"] == 40 * MIB
    assert told["bytes"] > 36 * MIB and told["drops_older"] and told["lacks"] == 0
    assert "of at most 40.0 MiB; there is no room for older ones" in carrier.run("status")
    before = carried(carrier)
    fill(laptop.here, {"fifth": os.urandom(12 * MIB)})
    laptop.sync()
    carrier.sync()
    assert sum(carried(carrier).values()) <= 40 * MIB
    assert len(carried(carrier).keys() & before.keys()) == len(before) - 12, "the oldest one made room"
    lose_blobs(broker)
    carrier.sync()
    done = desktop.finish("--json", "sync")
    have = {name for name in tree(desktop.here) if name in ("first", "second", "third", "fourth", "fifth")}
    assert have == {"third", "fourth", "fifth"}, done.stdout
    carrier.run("limit", "--max-size", "17M")
    assert carrier.json("limit") == {"up": None, "down": None, "max_size": 17 * MIB}
    assert carrier.sync()["carries"]["bytes"] == sum(carried(carrier).values()) <= 17 * MIB
    carrier.run("limit", "--max-size", "45M")
    assert carrier.sync(1)["carries"]["bytes"] > 36 * MIB, "what the broker has of older ones comes back"
    carrier.run("limit", "--max-size", "0")
    assert carrier.sync()["carries"]["blobs"] == 0 and not carried(carrier)


def test_what_is_no_size_is_refused(family, make_device):
    laptop, _ = family
    for size in ["", "16M", "5", "1.5G", "20X", "-1", "99999999999999999999"]:
        laptop.run("limit", f"--max-size={size}", code=2)
    assert laptop.json("limit") == {"up": None, "down": None}
    assert "carries" not in laptop.json("status")


def films_of(device):
    lies = [one for one in pathlib.Path(device.home, "blobs").rglob("*") if one.is_file()]
    return sorted(one for one in lies if one.stat().st_size > MIB)


def test_what_is_damaged_there_is_not_brought_and_comes_again(family, make_device, broker):
    laptop, desktop = family
    carrier = a_relay(laptop, make_device)
    fill(laptop.here, {"film": os.urandom(3 * MIB)})
    settle(laptop, carrier)
    film = films_of(carrier)[0]
    film.write_bytes(bytes(film.stat().st_size))
    assert f"a blob that is carried for others, {film.name[:8]}" in carrier.finish("verify").stderr
    assert carrier.run("verify") == "everything is whole\n" and not film.exists()
    assert carrier.sync()["carries"]["lacks"] == 0 and film.exists()
    film.write_bytes(bytes(film.stat().st_size))
    lose_blobs(broker)
    done = carrier.finish("sync")
    assert "was damaged: it is fetched anew" in done.stderr, done.stderr
    assert "lacks 1, of which the broker does not have 1 either" in done.stdout, done.stdout
    assert laptop.sync()["in_sync"] and carrier.sync()["carries"]["lacks"] == 0
    assert broker.run("verify") == carrier.run("verify") == "everything is whole\n"


def test_who_is_a_relay_no_longer_fetches_nothing_and_brings_what_it_has(family, make_device, broker):
    laptop, desktop = family
    carrier = a_relay(laptop, make_device)
    fill(laptop.here, {"film": os.urandom(3 * MIB)})
    laptop.sync()
    carrier.sync()
    laptop.run("devices", "role", "carrier", "member")
    fill(laptop.here, {"another": os.urandom(3 * MIB)})
    laptop.sync()
    before = carried(carrier)
    told = carrier.sync()["carries"]
    assert told["blobs"] == len(before) and carried(carrier) == before
    lose_blobs(broker)
    carrier.sync()
    desktop.finish("sync")
    assert "film" in tree(desktop.here) and "another" not in tree(desktop.here)


def test_what_a_relay_lacks_is_not_in_sync(family, make_device, broker):
    laptop, desktop = family
    carrier = a_relay(laptop, make_device)
    fill(laptop.here, {"film": os.urandom(3 * MIB)})
    laptop.sync()
    lose_blobs(broker)
    done = carrier.finish("sync")
    assert done.returncode == 1 and "does not have" in done.stdout, done.stdout
    assert carrier.finish("status").returncode == 0 and not carrier.json("status")["in_sync"]
    assert carrier.finish("status", "--check").returncode == 1
    broker.stop()
    assert carrier.finish("sync").returncode == 5
    assert carrier.finish("status", "--check").returncode == 5
    broker.restart()
    laptop.sync()
    assert carrier.sync()["in_sync"]
    assert carrier.finish("status", "--check").returncode == 0 and carrier.json("status")["in_sync"]
    lose_blobs(broker)
    laptop.run("devices", "role", "carrier", "member")
    fill(laptop.here, {"another": os.urandom(3 * MIB)})
    laptop.sync()
    assert carrier.sync()["carries"]["lacks"] == 0, "as a member it fetches none"


def test_leaving_takes_all_of_it_away(family, make_device, broker):
    laptop, desktop = family
    carrier = a_relay(laptop, make_device)
    fill(laptop.here, {"film": os.urandom(3 * MIB)})
    laptop.sync()
    carrier.sync()
    assert carried(carrier)
    carrier.run("leave")
    assert not os.path.exists(carrier.home)


def test_leaving_waits_until_the_broker_has_what_only_it_carries(family, make_device, broker):
    laptop, desktop = family
    carrier = a_relay(laptop, make_device)
    fill(laptop.here, {f"film {i}": os.urandom(4 * MIB) for i in range(6)})
    laptop.sync()
    carrier.sync()
    before = carried(carrier)
    shutil.rmtree(laptop.home)
    lose_blobs(broker)
    carrier.run("leave")
    lies = pathlib.Path(broker.data, "blobs").rglob("*")
    assert {one.name: one.stat().st_size for one in lies if one.is_file()} == before, "nobody else has them"


def test_a_relay_that_serves_asks_again_when_its_user_syncs(family, make_device, broker):
    laptop, desktop = family
    carrier = a_relay(laptop, make_device)
    fill(laptop.here, {"film": os.urandom(3 * MIB)})
    settle(laptop, carrier)
    for film in films_of(carrier):
        film.write_bytes(bytes(film.stat().st_size))
    lose_blobs(broker)
    carrier.serve()
    wait_until(lambda: "not have" in carrier.finish("sync").stdout, "the broker has not what is damaged here")
    assert laptop.sync()["in_sync"]
    assert carrier.sync()["carries"]["lacks"] == 0


def test_a_relay_has_nothing_to_communicate_alone(family, make_device):
    laptop, _ = family
    assert "is a relay" in a_relay(laptop, make_device).run("sync", "--exclusive", code=6)
