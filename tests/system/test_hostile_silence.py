# SPDX-License-Identifier: Apache-2.0
"""A broker that names what it does not send: the one lie that takes half a minute to be sure of."""

import threading

from broker_client import HEADS_PAGE
from hostile_house import house, key_of, strange_heads  # noqa: F401
from hostile_victim import attacked
from protocol import read_entry


def test_heads_that_never_come_are_told(house):
    """To one device an entry that there is, to the other 60,000 that there are not: half a minute later both know."""
    house.write(house.laptop)
    held_back = house.broker.log.entries[-1].head
    pages = [strange_heads(HEADS_PAGE) for _ in range(30)]
    victim = key_of(house, "laptop")

    def alter(session, said):
        if said.command == "WELCOME" and session.key == victim:
            return [*(said.but(4, page).but(5, True) for page in pages), said]
        return None if said.command == "ENTRY" and read_entry(said.bulk).head == held_back else said

    outcomes = {}
    with house.broker.lying(alter):
        runs = [
            threading.Thread(target=lambda d=device: outcomes.update({d.name: attacked(d, "sync")}))
            for device in (house.laptop, house.desktop)
        ]
        for run in runs:
            run.start()
        for run in runs:
            run.join()
    for name, heads in ("laptop", 30 * HEADS_PAGE), ("desktop", 1):
        outcome = outcomes[name]
        assert outcome.code == 5, outcome.said
        # by whom that ends first, the sync or its link
        trouble = outcome.document["broker"]["trouble"]
        assert f"names entries ({heads} heads) that it does not send" in trouble, outcome.said
    house.heal()
