# SPDX-License-Identifier: Apache-2.0
"""A member that opens chains without end, by itself and by an accomplice who brings them. Counts are bounded as sizes
are, and within the numbers everybody goes on."""

import os
import re

import counterfoil
import pytest
from family import at_terminal
from hostile_peer import Street, body, bring, chains_of_one, file, member_chains_of_one
from hostile_victim import PATIENCE, attacked
from protocol import AFTER_MAX
from short_form import ALL

counterfoil.WAIT = PATIENCE
IN_COLLECTION = 64
MANY = AFTER_MAX + 104
NAMED_MAX = 6144
ADMIT_MAX = 512
MEMBER_LOG_MAX = 4096


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    made = Street(tmp_path_factory.mktemp("street"))
    made.mallory.accomplice = made.let_in("accomplice")
    made.laptop.sync()
    yield made
    made.end()


def chains_in(street, collection):
    """Entries of mallory's chains that the broker takes from mallory."""
    device = street.mallory.device
    taken, refused = bring(device, street.broker, chains_of_one(device, collection, IN_COLLECTION + 2))
    assert [why.verdict for why in refused] == ["never"] * 2
    assert all(why.code == "too-many-chains" and "leave" in why.text for why in refused)
    return taken


def test_a_member_opens_64_chains_in_a_collection_and_not_one_more(street):
    assert chains_in(street, street.mallory.notes) == IN_COLLECTION
    assert chains_in(street, os.urandom(16)) == IN_COLLECTION
    street.heal()


def test_4200_chains_that_an_accomplice_brings_keep_nobody_from_writing(street):
    mallory = street.mallory
    wires = chains_of_one(
        mallory.device, mallory.notes, MANY, lambda n: body(file(b"spam %d" % n) if n % 500 == 0 else [])
    )
    assert bring(mallory.accomplice.device, street.broker, wires) == (MANY, [])
    for _ in range(3 if ALL else 2):
        street.heal()
    assert (street.there / "spam 4000").exists()


def test_member_chains_keep_nobody_from_being_let_in(street, tmp_path):
    """More ends of the member log than an ADMIT can name."""
    mallory = street.mallory
    wires = member_chains_of_one(mallory.device, ADMIT_MAX + 88)
    assert bring(mallory.accomplice.device, street.broker, wires) == (ADMIT_MAX + 88, [])
    street.laptop.sync()
    tablet = counterfoil.Device(tmp_path, "tablet")
    street.laptop.pair(tablet)
    tablet.sync()
    there = tablet.add("notes", None, "--existing")
    tablet.sync()
    assert (there / "one.txt").read_text() == (street.here / "one.txt").read_text()
    tablet.end()
    street.heal()


def test_a_member_log_that_is_full_of_chains_keeps_nobody_from_going_on(street):
    """Nor from shutting out who made them, as the next test does: what counts has room of its own."""
    mallory = street.mallory
    before = ADMIT_MAX + 88
    wires = list(member_chains_of_one(mallory.device, MEMBER_LOG_MAX))
    taken, refused = bring(mallory.accomplice.device, street.broker, wires)
    assert MEMBER_LOG_MAX - 8 <= before + taken <= MEMBER_LOG_MAX, taken
    assert {why.code for why in refused} == {"too-many-chains"} and len(refused) == len(wires) - taken
    for _ in range(2 if ALL else 1):
        street.heal()


def test_their_device_can_be_shut_out_and_all_others_go_on(street):
    """It has more than one revocation can name by now."""
    mallory = street.mallory
    more = NAMED_MAX + 100 - MANY
    assert bring(mallory.accomplice.device, street.broker, chains_of_one(mallory.device, mallory.notes, more)) == (more, [])
    street.laptop.sync()
    assert attacked(street.laptop, "devices", "show", "mallory").document["voids"] >= 100
    code, said = at_terminal(street.laptop, ["devices", "revoke", "mallory"], [("shut out 'mallory'", "n")])
    told, asked = re.search(r"about (\d+) of its entries", said), said.index("shut out 'mallory'")
    assert code == 1 and int(told[1]) >= 100 and told.start() < asked, said
    outcome = attacked(street.laptop, "devices", "revoke", "mallory", "--with-admitted", "--yes", "--timeout", "300")
    assert outcome.code == 0, outcome.said
    assert f"and {NAMED_MAX} can be named: about" in outcome.messages, outcome.said
    assert (street.here / "spam 4000").exists(), "what shows is named"
    street.heal()
    states = {one["name"]: one["state"] for one in attacked(street.desktop, "devices").document}
    assert states["mallory"] == "revoked", states
