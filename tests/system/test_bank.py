# SPDX-License-Identifier: Apache-2.0
"""A bank that moves money all the time, while another device has its database too. COUNTERFOIL_LONG=1: for a minute, and nearly
as often as it means to."""

import json
import os
import subprocess
import sys

from counterfoil import broker, make_device, two, wait_until  # noqa: F401
from database_log import Recorded
from test_sqlite import add

LONG = bool(os.environ.get("COUNTERFOIL_LONG"))
SECONDS = 60 if LONG else 8
RATE = 200
CLERKS = 20

SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
CREATE TABLE transfers (id INTEGER PRIMARY KEY AUTOINCREMENT, a INTEGER REFERENCES accounts,
 b INTEGER REFERENCES accounts, sum INTEGER);
CREATE TABLE clerks (id INTEGER PRIMARY KEY, name TEXT, note INTEGER);
CREATE TABLE letters (id INTEGER PRIMARY KEY, text TEXT);
"""
TABLES = "accounts", "transfers", "clerks"
LETTERS = 4000  # which take time between the reading of accounts and that of transfers
WRONG = """
WITH moved (id, sum) AS (SELECT id, 1000 FROM accounts UNION ALL SELECT a, -sum FROM transfers
 UNION ALL SELECT b, sum FROM transfers)
SELECT count(*) FROM accounts JOIN (SELECT id, sum(sum) AS told FROM moved GROUP BY id) USING (id) WHERE balance != told
"""

TELLER = """
import random, sqlite3, sys, time
path, seconds, rate = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
bank = sqlite3.connect(path, timeout=60, isolation_level=None)
bank.execute("PRAGMA synchronous = NORMAL")
chance, begun, count = random.Random(1), time.monotonic(), 0
while time.monotonic() < begun + seconds:
    a, b, sum = chance.randrange(1, 101), chance.randrange(1, 101), chance.randrange(1, 50)
    bank.execute("BEGIN IMMEDIATE")
    bank.execute("UPDATE accounts SET balance = balance - ? WHERE id = ?", (sum, a))
    bank.execute("UPDATE accounts SET balance = balance + ? WHERE id = ?", (sum, b))
    bank.execute("INSERT INTO transfers(a, b, sum) VALUES (?, ?, ?)", (a, b, sum))
    bank.execute("COMMIT")
    count += 1
    time.sleep(max(0, begun + count / rate - time.monotonic()))
print(count)
"""

CLERK = """
import json, random, sqlite3, sys, time
path, seconds, clerks = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
bank = sqlite3.connect(path, timeout=60, isolation_level=None)
bank.execute("PRAGMA wal_autocheckpoint = 0")
chance, begun, notes = random.Random(2), time.monotonic(), {id: 0 for id in range(1, clerks + 1)}
while time.monotonic() < begun + seconds:
    who = chance.randrange(1, clerks + 1)
    notes[who] += 1
    bank.execute("UPDATE clerks SET note = ? WHERE id = ?", (notes[who], who))
    time.sleep(1 / 20)
print(json.dumps(list(notes.items())))
"""


def start(program, *arguments):
    return subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


def check(state, notes):
    """One moment of the bank's; of the clerks', never an older note than the last."""
    assert state.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert state.execute("SELECT sum(balance), count(*) FROM accounts").fetchone() == (100_000, 100)
    assert state.execute(WRONG).fetchone() == (0,), "transfers and balances are of one moment"
    for who, note in state.execute("SELECT id, note FROM clerks"):
        assert note >= notes[who]
        notes[who] = note
    return state.execute("SELECT count(*) FROM transfers").fetchone()[0]


def test_a_bank_of_rows(two):
    """A teller moves money all the time; in every state that is ever seen of it elsewhere, the sum is the same."""
    laptop, desktop = two
    here = add(laptop, SCHEMA)
    here.many("INSERT INTO accounts VALUES (?, 1000)", [(i,) for i in range(1, 101)])
    here.many("INSERT INTO clerks VALUES (?, ?, 0)", [(i, f"clerk {i}") for i in range(1, CLERKS + 1)])
    here.many("INSERT INTO letters VALUES (?, ?)", [(i, f"To {i}: your money is safe. " * 5) for i in range(LETTERS)])
    laptop.sync()
    desktop.sync()
    there = add(desktop, SCHEMA, options=("--existing",))
    desktop.sync()
    recorded = Recorded(there.path)
    laptop.serve()
    desktop.serve()
    teller = start(TELLER, here.path, SECONDS, RATE)
    clerk = start(CLERK, there.path, SECONDS, CLERKS)
    moves, notes = int(teller.communicate()[0]), dict(json.loads(clerk.communicate()[0]))
    arrived = there.rows("SELECT count(*) FROM transfers")[0][0]
    wait_until(lambda: here.all(*TABLES) == there.all(*TABLES), "both are equal")
    assert here.rows("SELECT count(*) FROM transfers") == [(moves,)]
    assert dict(here.rows("SELECT id, note FROM clerks")) == notes
    assert here.sound() and there.sound()
    seen, last = [], {who: 0 for who in notes}
    for state in recorded.states():
        seen.append(check(state, last))
    assert seen == sorted(seen) and seen[-1] == moves
    entries = {change["entry"] for change in laptop.json("log", "-n", "1000000")}
    print(f"{moves} transactions in {SECONDS} s, {moves / SECONDS:.0f} a second of {RATE}; {arrived} of them there at the end of it; {len(seen)} states looked at, "
          f"{len(set(seen))} of the money; {len(entries)} entries")
    assert arrived and len(set(seen)) > 2, "nothing arrived while the teller was at work"
    assert moves >= 0.9 * SECONDS * RATE or not LONG, f"{moves} transactions of {SECONDS * RATE}"
