# SPDX-License-Identifier: Apache-2.0
"""In which version of vCard a device makes cards: in that of the collection's first ones."""

import pytest

from cards import fill, items
from counterfoil import both, broker, make_device, two  # noqa: F401


def card(uid, version="4.0", *lines):
    return "".join(f"{line}\r\n" for line in ("BEGIN:VCARD", f"VERSION:{version}", f"UID:{uid}", f"FN:{uid.title()}", *lines, "END:VCARD"))


NEW = ("ANNIVERSARY:20091201", "BDAY:--0203", "KIND:individual", "PHOTO:data:image/png;base64,aGVsbG8=",
       "TEL;TYPE=home,voice;PREF=1;VALUE=uri:tel:+1-555-555-5555;ext=5555", "URL:https://example.org/a,b;c",
       "MEMBER:urn:uuid:03a0e51f", "LANG;PREF=1:fr")


def add(device, path, *options):
    device.json("add", str(path), "--format", "vcard", "--collection", "people", *options)
    device.sync()
    return path


def lines(path):
    texts = items(path).values() if path.is_dir() else [path.read_bytes().decode()]
    return sorted(line for text in texts for line in text.replace("\r\n ", "").split("\r\n") if line)


@pytest.mark.parametrize("here, there", [("a.vcf", "b.vcf"), ("a", "b"), ("a", "b.vcf"), ("a.vcf", "b")])
def test_cards_of_version_4_stay_such(two, here, there):
    laptop, desktop = two
    path = laptop.source("x").with_name(here)
    if "." in here:
        path.write_text(card("anna", "4.0", *NEW) + card("bert"), newline="")
    else:
        fill(path, {"anna.vcf": card("anna", "4.0", *NEW), "bert.vcf": card("bert")})
    add(laptop, path)
    desktop.sync()
    copy = add(desktop, desktop.source("x").with_name(there), "--existing")
    assert lines(copy) == lines(path)
    both(laptop, desktop)
    assert lines(copy) == lines(path)


def test_new_cards_are_as_most_and_each_keeps_its_own(two):
    laptop, desktop = two
    path = laptop.source("x").with_name("a")
    fill(path, {f"{version}{place}.vcf": card(f"u{version}{place}", version)
                for version, place in (("3.0", 1), ("3.0", 2), ("2.1", 3), ("4.0", 4))})
    add(laptop, path)
    desktop.sync()
    copy = add(desktop, desktop.source("x").with_name("b"), "--existing")
    assert lines(copy).count("VERSION:3.0") == 4, "2.1 isn't written"
    fill(path, {"new.vcf": card("new", "4.0"), "newer.vcf": card("newer", "4.0"), "newest.vcf": card("newest", "4.0")})
    both(laptop, desktop)
    both(laptop, desktop)
    fill(path, {"last.vcf": card("last", "4.0")})
    both(laptop, desktop)
    assert lines(copy).count("VERSION:3.0") == 8, "as most that lie there"
    third = add(desktop, desktop.source("x").with_name("c"), "--existing")
    assert lines(third).count("VERSION:4.0") == 8, "as most in the first source by now"
    assert sorted(line for line in lines(path) if line.startswith("VERSION")) == \
        ["VERSION:2.1"] + ["VERSION:3.0"] * 2 + ["VERSION:4.0"] * 5


def test_a_folder_that_has_cards_goes_by_most_of_those(two):
    laptop, desktop = two
    path = laptop.source("x").with_name("a")
    fill(path, {"anna.vcf": card("anna", "4.0"), "bert.vcf": card("bert", "4.0")})
    add(laptop, path)
    desktop.sync()
    copy = desktop.source("x").with_name("b")
    fill(copy, {f"{name}.vcf": card(name, "3.0") for name in ("carl", "dora", "emil")})
    add(desktop, copy, "--existing")
    both(laptop, desktop)
    assert lines(copy).count("VERSION:3.0") == 5
    assert lines(path).count("VERSION:4.0") == 5
    fill(copy, {f"{name}.vcf": card(name, "4.0") for name in ("fred", "gina", "hans", "ines", "jana")})
    both(laptop, desktop)
    fill(path, {"kurt.vcf": card("kurt", "3.0")})
    both(laptop, desktop)
    assert "VERSION:4.0" in (copy / "kurt.vcf").read_text(), "of as many the collection's"


def test_a_file_that_has_cards_goes_by_those(two):
    laptop, desktop = two
    path = laptop.source("x").with_name("a.vcf")
    path.write_text(card("anna", "4.0"), newline="")
    add(laptop, path)
    desktop.sync()
    copy = desktop.source("x").with_name("b.vcf")
    copy.write_text(card("bert", "3.0"), newline="")
    add(desktop, copy, "--existing")
    assert lines(copy).count("VERSION:3.0") == 2
    laptop.sync()
    assert lines(path).count("VERSION:4.0") == 2
