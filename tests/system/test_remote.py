# SPDX-License-Identifier: Apache-2.0
"""Where the log is, what the broker has, what other devices have applied."""

import time

from counterfoil import WAIT, broker, make_device, pair_of_notes, tree, two, wait_until  # noqa: F401
from stand import put


def remote_of(device):
    remote = device.json("status", "--remote")["remote"]
    return {one["name"]: one for one in remote["collections"]}, {one["name"]: one for one in remote["devices"]}


def test_locate_shows_the_broker_and_the_position(broker, pair_of_notes):
    laptop, desktop, _, _ = pair_of_notes
    found = laptop.json("locate")
    assert found["endpoints"] == [broker.line] and found["position"] == broker.status()["entries"]
    assert desktop.json("locate") == found
    assert laptop.run("locate").splitlines()[0] == broker.line
    laptop.serve()
    assert laptop.json("locate") == found
    broker.stop()
    laptop.run("locate", "--timeout", "1s", code=5)


def test_without_a_broker_there_is_nothing_to_locate(make_device):
    device = make_device("laptop")
    device.init()
    for words in ["locate"], ["status", "--remote"], ["sync", "--wait-for", "all"]:
        assert "no broker" in device.run(*words, code=3)


def test_what_the_broker_has_is_counted_and_not_transferred(broker, pair_of_notes):
    laptop, desktop, here, there = pair_of_notes
    collections, devices = remote_of(desktop)
    assert collections["notes"]["lacks"] == collections["notes"]["waits"] == 0
    assert devices["desktop"]["behind"] == 0 and devices["desktop"]["this"]
    for n in range(3):
        put(here, "one.txt", b"edit %d\n" % n)
        laptop.sync()
    put(there, "sub/two.txt", b"not sent\n")
    before = len(desktop.json("log", "-n", "1000"))
    collections, devices = remote_of(desktop)
    assert collections["notes"]["lacks"] == 3
    assert devices["laptop"]["behind"] == 0 and devices["laptop"]["reported"].startswith("20")
    assert devices["desktop"]["behind"] == 3
    assert len(desktop.json("log", "-n", "1000")) == before, "nothing came"
    assert (there / "one.txt").read_text() == "one\n"
    text = desktop.run("status", "--remote")
    assert "notes: 3 entries at the broker that are not here" in text
    assert "desktop: 3 entries are not applied" in text and "laptop: has applied everything" in text
    desktop.sync()
    collections, devices = remote_of(laptop)
    assert collections["notes"]["lacks"] == 1 and devices["laptop"]["behind"] == 1
    text = laptop.run("status", "--remote")
    assert "notes: 1 entry at the broker that is not here, 0 here that are not there" in text
    assert "laptop: 1 entry is not applied" in text
    assert devices["desktop"]["behind"] == 0


def test_what_a_device_wrote_itself_it_has_applied(two, make_device):
    laptop, desktop = two
    laptop.sync()
    laptop.pair(make_device("phone"))  # and has not reported since
    for device in two:
        for said in device.json("devices", "--remote"), remote_of(device)[1].values():
            assert [one["behind"] for one in said if one["name"] == "laptop"] == [0], device.name


def test_devices_tells_what_the_broker_knows_of_each(broker, pair_of_notes):
    laptop, desktop, here, _ = pair_of_notes
    put(here, "one.txt", b"edited\n")
    laptop.sync()
    assert "desktop" in laptop.run("devices", "show", "desktop", "--remote")
    for _ in range(2):
        listed = {one["name"]: one for one in laptop.json("devices", "--remote")}
        assert all(one["reported"].startswith("20") for one in listed.values())
        lacks = listed["desktop"]["behind"]
        told = f"{lacks} entry is not applied, as of" if lacks else "has applied everything, as of"
        for words in ["devices", "--remote"], ["devices", "show", "desktop", "--remote"]:
            (line,) = [one for one in laptop.run(*words).splitlines() if one.startswith("desktop")]
            assert f"; {told} {listed['desktop']['reported']}" in line, line
        assert "this device; has applied everything" in laptop.run("devices", "--remote")
        desktop.sync()
    assert lacks == 0
    broker.stop()
    assert "last wrote 20" in laptop.run("devices"), "that it has a source, and nothing else"
    laptop.run("devices", "--remote", "--timeout", "1s", code=5)


def test_who_is_out_lags_behind_nothing(pair_of_notes, make_device):
    laptop, desktop, here, _ = pair_of_notes
    tablet = make_device("tablet")
    laptop.pair(tablet)
    tablet.sync()
    laptop.run("devices", "revoke", "desktop", "--yes")
    tablet.run("leave", "--yes")
    put(here, "one.txt", b"edited\n")
    laptop.sync()
    assert list(remote_of(laptop)[1]) == ["laptop"]
    told = laptop.run("status", "--remote")
    assert "desktop" not in told and "tablet" not in told
    told = laptop.run("devices", "--remote")
    assert "applied" in told and all("applied" not in one for one in told.splitlines() if " out " in one or " left " in one)


def test_what_waits_here_is_counted(broker, pair_of_notes):
    laptop, _, here, _ = pair_of_notes
    broker.stop()
    put(here, "one.txt", b"waits\n")
    laptop.run("sync", "--timeout", "1s", code=5)
    broker.restart()
    collections, _ = remote_of(laptop)
    assert collections["notes"]["waits"] == 1
    assert "1 here that is not there" in laptop.run("status", "--remote")


def test_a_sync_waits_until_others_have_applied_it(broker, pair_of_notes, make_device):
    laptop, desktop, here, there = pair_of_notes
    assert "no other device" in laptop.run("sync", "--wait-for", "nobody", code=3)
    put(here, "one.txt", b"wait for it\n")
    started = time.monotonic()
    laptop.patiently("sync", "--wait-for", "desktop", code=5, said="desktop has not applied")
    assert time.monotonic() - started > 1
    waiting = laptop.start("sync", "--wait-for", "all")
    time.sleep(0.5)
    assert waiting.poll() is None
    desktop.sync()
    assert waiting.wait(WAIT) == 0
    assert (there / "one.txt").read_bytes() == b"wait for it\n"
    assert laptop.run("sync", "--wait-for", "desktop") is not None, "it has applied all there is"


def test_a_device_is_awaited_by_its_fingerprint_and_not_when_it_is_out(broker, pair_of_notes):
    laptop, desktop, here, _ = pair_of_notes
    fingerprint = {one["name"]: one["fingerprint"] for one in laptop.json("devices")}["desktop"]
    put(here, "one.txt", b"new\n")
    for who in "desktop", fingerprint, "all":
        laptop.run("sync", "--wait-for", who, "--timeout", "1s", code=5)
    assert "no other device" in laptop.run("sync", "--wait-for", "laptop", code=3)
    laptop.run("devices", "revoke", "desktop", "--yes")
    assert laptop.run("sync", "--wait-for", "all") is not None
    for who in "desktop", fingerprint:
        assert "no other device" in laptop.run("sync", "--wait-for", who, code=3)


def test_what_is_received_and_not_applied_is_not_reported(broker, pair_of_notes):
    """The desktop has the entries, but its folder is gone for now."""
    laptop, desktop, here, there = pair_of_notes
    there.rename(str(there) + ".away")
    put(here, "one.txt", b"new\n")
    laptop.sync()
    desktop.finish("sync")
    laptop.run("sync", "--wait-for", "desktop", "--timeout", "1s", code=5)
    there.with_name(there.name + ".away").rename(there)
    desktop.sync()
    assert laptop.run("sync", "--wait-for", "desktop") is not None


def test_reports_are_no_entries(broker, pair_of_notes):
    laptop, desktop, _, _ = pair_of_notes
    laptop.sync(), desktop.sync()
    entries = broker.status()["entries"]
    for _ in range(3):
        laptop.sync(), desktop.sync()
    assert broker.status()["entries"] == entries
