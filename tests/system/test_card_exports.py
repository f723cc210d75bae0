# SPDX-License-Identifier: Apache-2.0
"""Address books that were exported as vCards: without UIDs, and in the charsets of vCard 2.1."""

import vobject

from cards import Pair, edit, entries, items, pending, write
from counterfoil import both, broker, make_device, two  # noqa: F401


def exported(*cards, version="3.0"):
    return "".join("\r\n".join(["BEGIN:VCARD", f"VERSION:{version}", *card, "END:VCARD", ""]) for card in cards)


GOOGLE = exported(("FN:Ann Example", "N:Example;Ann;;;", "EMAIL;TYPE=INTERNET;TYPE=HOME:ann@example.org", "item1.TEL:+49 1",
                   "item1.X-ABLabel:mine"),
                  ("FN:Bert Example", "N:Example;Bert;;;", "UID:", "NOTE:a note that is long enough to be folded, as it has more than\r\n"
                   "  seventy-five characters in it"),
                  ("FN:Twin", "N:Twin;;;;"), ("FN:Twin", "N:Twin;;;;"))


def uids(text):
    return [line[4:] for line in text.split("\r\n") if line.startswith("UID:")]


def without_uids(text):
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("UID:"))


def export_on(device, name, text):
    path = device.source("x").with_name(name)
    write(path, text)
    return path


def test_one_export_on_two_devices_is_one_address_book(two):  # noqa: F811
    laptop, desktop = two
    here, there = export_on(laptop, "export.vcf", GOOGLE), export_on(desktop, "export.vcf", GOOGLE)
    pair = Pair(laptop, desktop, "vcard", here, there)
    pair.both()
    text = here.read_bytes().decode()
    assert len(set(uids(text))) == len(uids(text)) == 4, "two that say the same are two"
    assert there.read_bytes() == here.read_bytes() and without_uids(text) == without_uids(GOOGLE), "nothing else is touched"
    assert not pending(laptop) and not pending(desktop)
    assert len(list(vobject.readComponents(text))) == 4
    edit(here, "ann@example.org", "ann@new.example")
    pair.both()
    assert "ann@new.example" in there.read_bytes().decode() and uids(there.read_bytes().decode()) == uids(text)


def test_the_same_export_over_it_is_no_change(two):  # noqa: F811
    laptop, desktop = two
    pair = Pair(laptop, desktop, "vcard", export_on(laptop, "export.vcf", GOOGLE), desktop.source("cards"))
    pair.both()
    before = items(pair.there), entries(laptop)
    assert len(before[0]) == 4
    write(pair.here, GOOGLE.replace("N:Twin;;;;", "N:Twin;;;;\r\nREV:2026-11-20T09:00:00Z"))
    pair.both()
    assert sorted(items(pair.there)) == sorted(before[0]), "they are who they were"


def test_a_known_card_that_lost_its_uid_is_not_deleted(two):  # noqa: F811
    laptop, desktop = two
    pair = Pair(laptop, desktop, "vcard", export_on(laptop, "export.vcf", GOOGLE), desktop.source("cards"))
    pair.both()
    before = items(pair.there)
    text = pair.here.read_bytes().decode()
    write(pair.here, text.replace(f"UID:{uids(text)[0]}\r\n", "").replace("ann@example.org", "ann@new.example"))
    pair.laptop.sync(1)
    pair.desktop.sync()
    assert items(pair.there) == before and "has no UID" in str(pending(laptop))
    assert "isn't deleted elsewhere" in pending(laptop)[uids(text)[0]]
    write(pair.here, text + exported(("FN:New", "N:New;;;;")))
    pair.both()
    assert len(items(pair.there)) == 5 and before.items() < items(pair.there).items()


def folder_on(device, files):
    path = device.source("people")
    path.mkdir(exist_ok=True)
    for name, text in files.items():
        write(path / name, text)
    return path


ONE_EACH = {f"{n}.vcf": exported(card) for n, card in enumerate((
    ("FN:Ann Example", "N:Example;Ann;;;", "EMAIL:ann@example.org"), ("FN:Twin", "N:Twin;;;;"), ("FN:Twin", "N:Twin;;;;"), ("UID:known", "FN:Known", "N:Known;;;;")))}


def test_each_file_of_a_folder_gets_a_uid(two):  # noqa: F811
    laptop, desktop = two
    here, there = (folder_on(device, ONE_EACH) for device in two)
    counted = laptop.json("add", str(here), "--collection", "home", "--format", "vcard", "-n")
    assert items(here) == ONE_EACH and counted["only_here"] == 4, counted
    pair = Pair(laptop, desktop, "vcard", here, there)
    pair.both()
    cards = items(here)
    assert {name: without_uids(text) for name, text in cards.items()} == {name: without_uids(text) for name, text in ONE_EACH.items()}
    assert cards["3.vcf"] == ONE_EACH["3.vcf"] and len({uids(text)[0] for text in cards.values()}) == 4, "two that say the same are two"
    assert items(there) == cards and not pending(laptop) and not pending(desktop)
    edit(here / "0.vcf", "ann@example.org", "ann@new.example")
    pair.both()
    assert "ann@new.example" in items(there)["0.vcf"]
    write(there / "new.vcf", ONE_EACH["1.vcf"])
    pair.both()
    assert len(items(here)) == len(items(there)) == 5 and not pending(desktop)


def test_a_known_card_of_a_folder_that_lost_its_uid_is_not_deleted(two):  # noqa: F811
    laptop, desktop = two
    pair = Pair(laptop, desktop, "vcard", folder_on(laptop, ONE_EACH), desktop.source("cards"))
    pair.both()
    before = items(pair.there)
    known = items(pair.here)["0.vcf"]
    write(pair.here / "0.vcf", without_uids(known).replace("ann@example.org", "ann@new.example"))
    write(pair.here / "new.vcf", exported(("FN:New", "N:New;;;;")))
    pair.laptop.sync(1)
    pair.desktop.sync()
    assert items(pair.there) == before and sorted(pending(laptop)) == ["0.vcf", uids(known)[0], "new.vcf"]
    assert "has no UID: give it one" in str(pending(laptop))
    assert "0.vcf: " in laptop.run("status", f"home//{uids(known)[0]}")
    write(pair.here / "0.vcf", without_uids(known))
    pair.both()
    assert items(pair.here)["0.vcf"] == known, "that says what it said, and is who it was"
    assert len(items(pair.there)) == 5 and not pending(laptop)


def test_a_card_that_is_gone_beside_one_without_a_uid_is_named(two):  # noqa: F811
    """One may be the other, by a program that writes no UIDs: nothing is deleted, and not without a word."""
    laptop, desktop = two
    pair = Pair(laptop, desktop, "vcard", folder_on(laptop, ONE_EACH), desktop.source("cards"))
    pair.both()
    before, gone = items(pair.there), uids(items(pair.here)["0.vcf"])[0]
    (pair.here / "0.vcf").unlink()
    write(pair.here / "new.vcf", exported(("FN:New", "N:New;;;;")))
    pair.laptop.sync(1)
    pair.desktop.sync()
    assert items(pair.there) == before and sorted(pending(laptop)) == sorted([gone, "new.vcf"])
    assert "missing here, and isn't deleted elsewhere" in pending(laptop)[gone]
    assert "isn't deleted elsewhere" in laptop.finish("status", f"home//{gone}", "--check").stdout
    write(pair.here / "new.vcf", exported(("UID:new", "FN:New", "N:New;;;;")))
    pair.both()
    assert len(items(pair.there)) == 4 and gone not in str(items(pair.there)) and not pending(laptop)


OLD = exported(("UID:erika", "N;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller;Erika;;;",
                "FN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:Erika M=FCller"),
               ("UID:rene", "N;CHARSET=WINDOWS-1252:Ren\xe9;;;;", "FN;CHARSET=windows-1252:Ren\xe9 \x80"),
               ("UID:odd", "N;CHARSET=X-NOBODY:A;;;;", "FN;CHARSET=X-NOBODY:A"),
               ("UID:bad", "N;CHARSET=UTF-16BE;ENCODING=QUOTED-PRINTABLE:=D8=00;;;;", "FN:B"),
               ("UID:plain", "N:Plain;;;;", "FN:Plain"), version="2.1").encode("latin-1")


def test_a_charset_is_read_card_by_card(two):  # noqa: F811
    laptop, desktop = two
    here, there = export_on(laptop, "old.vcf", OLD), desktop.source("cards")
    laptop.json("add", str(here), "--collection", "home", "--format", "vcard")
    laptop.sync(1)
    desktop.sync()
    desktop.json("add", str(there), "--collection", "home", "--format", "vcard", "--existing")
    desktop.sync()
    cards = items(there)
    assert sorted(cards) == ["erika.vcf", "plain.vcf", "rene.vcf"]
    assert "FN:Erika Müller\r\n" in cards["erika.vcf"] and "FN:René €\r\n" in cards["rene.vcf"] and "N:Müller;Erika" in cards["erika.vcf"]
    assert "CHARSET" not in "".join(cards.values()) and here.read_bytes() == OLD
    told = pending(laptop)
    assert sorted(told) == ["bad", "odd"] and all("charset" in reason for reason in told.values()), told
    edit(there / "plain.vcf", "FN:Plain", "FN:Plainer")
    desktop.sync()
    laptop.sync(1)
    assert here.read_bytes().startswith(OLD[:OLD.index(b"BEGIN:VCARD\r\nVERSION:2.1\r\nUID:plain")]), "the others stay as they are"
    assert b"FN:Plainer" in here.read_bytes()
