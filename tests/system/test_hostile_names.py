# SPDX-License-Identifier: Apache-2.0
"""A member that calls other devices and collections what it likes: what it may, and what reaches a terminal."""

import os
import pty

import pytest

import counterfoil
from broker_client import now
from counterfoil import CLEAN, COUNTERFOIL, Device
from hostile_peer import Street
from hostile_victim import PATIENCE
from protocol import pack

counterfoil.WAIT = PATIENCE
CATALOG = b"catalog".ljust(16, b"\0")


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    made = Street(tmp_path_factory.mktemp("street"))
    yield made
    made.end()


def device_item(device):
    return b"D" + bytes.fromhex(device["id"])[:15]


def write(street, *changes, dots=(), who=None):
    """Mallory writes this in the catalog: [item, field, indexes of dots, weak, value]."""
    mallory = who or street.mallory
    mallory.learn()
    device = mallory.device
    rows = sorted(changes, key=lambda change: (change[0], change[1].encode()))
    plain = pack([now() + 3600 * 1000, 0, 1, 1, [list(dot) for dot in dots], rows, []])
    with mallory.session() as session:
        session.hello(device.user, device.log.heads())
        session.publish(device.write_change(CATALOG, plain, ()))
    for victim in street.laptop, street.desktop:
        assert victim.finish("sync").returncode == 0


def shown(mallory, item):
    """The dots of all that was ever written of this item, by field."""
    mallory.learn()
    dots = {}
    for entry, body in mallory.device.bodies(CATALOG):
        dot = (entry.writer, entry.sequence, entry.hash[:16])
        for change in body.changes:
            if change.item == item:
                dots.setdefault(change.field, []).append(dot)
    return dots


def devices(victim):
    return {one["name"]: one for one in victim.json("devices")}


def names(victim):
    return sorted(one["name"] for one in victim.json("collections") if not one["taken_off"])


def everywhere(street, look):
    """Both devices see the same."""
    first = look(street.laptop)
    assert look(street.desktop) == first
    return first


def rename(street, item, name):
    dots = sorted(set(shown(street.mallory, item).get("/name", [])))
    write(street, [item, "/name", list(range(len(dots))), False, name], dots=dots)
    write(street, [item, "/name", [], False, name])


def test_nobody_but_an_owner_names_another_device(street):
    street.desktop.sync()
    before = everywhere(street, lambda victim: sorted(devices(victim)))
    known = devices(street.laptop)
    rename(street, device_item(known["desktop"]), "mallory")
    rename(street, device_item(known["mallory"]), "desktop 2")
    assert everywhere(street, lambda victim: sorted(devices(victim))) == sorted({*before, "desktop 2"} - {"mallory"})
    assert devices(street.laptop)["desktop 2"]["id"] == known["mallory"]["id"]
    item = device_item(known["desktop"])
    fields = shown(street.mallory, item)
    covers = sorted((field, dot) for field in fields for dot in set(fields[field]))
    dots = sorted({dot for _, dot in covers})
    write(street, [item, "", [], False, [[field, dots.index(dot)] for field, dot in covers]], dots=dots)
    assert "desktop" in everywhere(street, lambda victim: sorted(devices(victim)))
    street.laptop.run("devices", "rename", "desktop 2", "mallory")
    street.laptop.sync()
    street.desktop.sync()
    assert everywhere(street, lambda victim: sorted(devices(victim))) == before


def test_nobody_but_an_owner_renames_or_deletes_what_he_did_not_make(street):
    (notes,) = street.laptop.json("collections")
    item = b"C" + bytes.fromhex(notes["id"])[:15]
    rename(street, item, "taxes")
    assert everywhere(street, names) == ["notes"]
    write(
        street,
        [item, "/id", [], False, bytes.fromhex(notes["id"])],
        [item, "/format", [], False, "csv"],
        [item, "/name", [], False, "mine by birth"],
    )
    assert everywhere(street, names) == ["notes"]
    fields = shown(street.mallory, item)
    covers = sorted((field, dot) for field in fields for dot in set(fields[field]))
    dots = sorted({dot for _, dot in covers})
    write(street, [item, "", [], False, [[field, dots.index(dot)] for field, dot in covers]], dots=dots)
    assert everywhere(street, names) == ["notes"]
    street.heal()


def test_a_member_renames_and_deletes_what_he_made_until_an_owner_named_it(street, tmp_path):
    member = Device(tmp_path, "bob")
    street.laptop.pair(member, "--role", "member")
    for name in "bills", "letters":
        member.add(name, {"a": "a\n"})
    member.run("collections", "rename", "bills", "paid")
    refused = member.run("collections", "rename", "notes", "mine", code=6)
    assert "only an owner renames or deletes" in refused
    assert "only an owner" in member.run("collections", "delete", "notes", code=6)
    assert "only an owner names another device" in member.run("devices", "rename", "laptop", "bob", code=6)
    member.sync()
    for victim in street.laptop, street.desktop:
        victim.sync()
    assert everywhere(street, names) == ["letters", "notes", "paid"]
    street.laptop.run("collections", "rename", "paid", "old bills")
    street.laptop.sync()
    member.sync()
    assert "only an owner" in member.run("collections", "rename", "old bills", "mine", code=6)
    member.run("remove", str(member.source("letters")))
    member.run("collections", "delete", "letters")
    member.sync()
    for victim in street.laptop, street.desktop:
        victim.sync()
    assert everywhere(street, names) == names(member) == ["notes", "old bills"]
    for victim in street.laptop, street.desktop:
        victim.run("verify")
    member.end()


def test_names_are_shown_so_that_they_can_be_seen(street):
    mallory = devices(street.laptop)["mallory"]
    evil = "lap\u202etop\u200b\U000e0041"
    rename(street, device_item(mallory), evil)
    plain = street.laptop.run("devices")
    assert "lap\\xe2\\x80\\xaetop\\xe2\\x80\\x8b\\xf3\\xa0\\x81\\x81" in plain
    done = street.laptop.finish("--json", "devices")
    assert evil in devices(street.laptop)
    for text in plain, done.stdout, street.laptop.run("log"):
        assert not {"\u202e", "\u200b", "\U000e0041"} & set(text)
    escaped = "lap\\xe2\\x80\\xaetop\\xe2\\x80\\x8b\\xf3\\xa0\\x81\\x81"
    assert street.laptop.json("devices", "show", escaped)["id"] == mallory["id"]
    rename(street, device_item(mallory), "two\nlines\x1b[31m")
    assert mallory["fingerprint"] in devices(street.laptop), "what is no name is not shown as one"


def ask(device, *arguments, answer):
    """A verb on a terminal; what it asks."""
    process, terminal = pty.fork()
    if not process:
        os.execve(COUNTERFOIL, device.command(*arguments), CLEAN)
    os.write(terminal, answer)
    said = b""
    try:
        while more := os.read(terminal, 4096):
            said += more
    except OSError:
        pass
    os.waitpid(process, 0)
    os.close(terminal)
    return said.decode()


def test_a_fingerprint_is_that_of_the_device_whose_it_is(street):
    known = {one["id"]: one for one in street.laptop.json("devices")}
    mallory = next(one for one in known.values() if one["id"] == street.mallory.device.identity.id.hex())
    desktop = next(one for one in known.values() if one["name"] == "desktop")
    rename(street, device_item(mallory), desktop["fingerprint"])
    assert street.laptop.json("devices", "show", desktop["fingerprint"])["id"] == desktop["id"]
    assert street.laptop.json("devices", "show", desktop["id"][:8])["id"] == desktop["id"]
    rename(street, device_item(mallory), "desktop")
    assert "name one by its fingerprint" in street.laptop.run("devices", "revoke", "desktop", "--yes", code=2)
    said = ask(street.laptop, "devices", "revoke", mallory["fingerprint"], answer=b"n\n")
    assert f"shut out 'desktop' ({mallory['fingerprint']}), let in by 'laptop' on {mallory['let_in']}?" in said
    assert mallory["id"] in {one["id"] for one in street.laptop.json("devices") if one["state"] == "in"}


def test_who_joins_under_a_name_that_is_taken_gets_another(street, tmp_path):
    pairing = street.laptop.start("pair")
    code = pairing.stdout.readline()
    second = Device(tmp_path, "second")
    done = second.finish("join", "-", "--name", "laptop", stdin=code)
    assert done.returncode == 0, done.stderr
    assert "device: laptop (2)\n" in done.stdout
    assert "another device is called 'laptop': this one is called 'laptop (2)'" in done.stderr
    output, messages = pairing.communicate(timeout=PATIENCE)
    assert output.startswith("laptop (2) ")
    assert "another device has the name" in messages
    assert second.json("status")["device"] == "laptop (2)"
    second.end()
