# SPDX-License-Identifier: Apache-2.0
"""Devices that leave, and the way back by the recovery phrase: with the real programs."""

import json
import os
import shutil

import pytest

import protocol_crypto as crypto
from counterfoil import WAIT, Broker, broker, fill, make_device, tree, wait_until  # noqa: F401
from family import at_terminal, bind, family, settle, state_of  # noqa: F401


def test_a_device_leaves_and_its_files_stay(family, make_device):
    laptop, desktop = family
    tablet = make_device("tablet")
    laptop.pair(tablet)
    bind(tablet)
    files = tree(desktop.here)
    assert desktop.json("leave") == {"left": "desktop", "known": True}
    assert not os.path.exists(desktop.home)
    assert tree(desktop.here) == files and not (desktop.here / ".counterfoil").exists()
    assert "counterfoil init" in desktop.run("sync", code=3)
    # No key is in use until an owner has opened the next; then all goes on.
    tablet.sync()
    fill(tablet.here, {"waits.txt": "for a key\n"})
    tablet.sync(code=1)
    assert "key" in json.dumps(tablet.json("status"))
    settle(laptop, tablet)
    laptop.sync()
    assert tree(laptop.here) == tree(tablet.here) and "waits.txt" in tree(laptop.here)
    assert state_of(laptop, "desktop")[0] == "left"
    laptop.pair(desktop)
    bind(desktop)
    assert tree(desktop.here) == tree(laptop.here)


def test_who_comes_after_one_that_left_has_a_name(family, make_device):
    """Also where the owner hears that one left only as it lets another one in: that opens the next content key."""
    laptop, desktop = family
    desktop.run("leave")
    for number, others in enumerate([[], ["left-before"]]):
        for name in others:
            device = make_device(name)
            laptop.pair(device)
            device.run("leave")
        newcomer = make_device(f"newcomer {number}")
        pairing = laptop.start("pair")
        newcomer.json("join", "-", "--name", newcomer.name, stdin=pairing.stdout.readline())
        output, messages = pairing.communicate(timeout=WAIT)
        assert pairing.returncode == 0 and "content key" not in messages, messages
        assert state_of(laptop, newcomer.name)[0] == "in"
        laptop.run("devices", "rename", newcomer.name, f"renamed {number}")
        bind(newcomer)
        assert tree(newcomer.here) == tree(laptop.here)
        (newcomer.here / f"{number}.txt").write_text("theirs\n")
        newcomer.sync()
        laptop.sync()
        assert f"{number}.txt" in tree(laptop.here)


def test_an_owner_that_knows_that_no_key_is_in_use_lets_in(family, make_device):
    laptop, desktop = family
    desktop.run("leave")
    pairing = laptop.start("pair", "--for", "3s")
    pairing.communicate(timeout=WAIT)  # it heard who left, and nobody came
    newcomer = make_device("newcomer")
    laptop.pair(newcomer)
    assert state_of(laptop, "newcomer")[0] == "in"


def test_nobody_is_told_that_an_owner_shut_out_who_left(family, make_device):
    """The broker ends the session of who left, which may be heard before its answer is."""
    laptop, _ = family
    for n in range(8):
        device = make_device(f"guest{n}")
        laptop.pair(device)
        serving = device.serve() if n % 2 else None
        wait_until(lambda: not serving or device.json("status")["broker"]["connected"], "it is connected")
        said = device.finish("leave").stderr
        said += serving.communicate(timeout=WAIT)[1] if serving else ""
        assert "shut it out" not in said
        laptop.sync()  # opens the next key


def test_who_was_shut_out_leaves_all_the_same(family):
    laptop, desktop = family
    laptop.run("devices", "revoke", "desktop", "--yes")
    done = desktop.finish("leave")
    assert done.returncode == 0, done.stderr
    assert "lets this device in no more" in done.stderr and not os.path.exists(desktop.home)
    assert "one.txt" in tree(desktop.here) and not (desktop.here / ".counterfoil").exists()


def test_leaving_without_the_broker_takes_a_word(family, broker):
    laptop, desktop = family
    broker.stop()
    assert "--yes" in desktop.run("leave", code=5)
    assert os.path.exists(desktop.home)
    done = desktop.finish("leave", "--yes")
    assert done.returncode == 0 and "devices revoke" in done.stderr
    assert not os.path.exists(desktop.home) and "one.txt" in tree(desktop.here)


def test_what_is_unsent_is_listed_before_it_is_left_behind(family, broker):
    laptop, desktop = family
    fill(desktop.here, {"3.txt": "new\n", "one.txt": "edited\n"})
    said = desktop.run("leave", code=8)
    assert "notes: 2 items unsent, or waiting: 3.txt, one.txt" in said
    assert "2 items may be nowhere else" in said and "--yes" in said
    assert os.path.exists(desktop.home)
    assert desktop.json("leave", "-n") == {"unsent": 2, "unseen": 0, "last_owner": False, "asked": True}
    broker.stop()
    assert "3.txt" in desktop.run("leave", code=8)
    assert desktop.json("leave", "-n")["asked"] is False
    assert "'desktop'" in desktop.finish("leave", "--yes").stderr
    assert not os.path.exists(desktop.home) and "3.txt" in tree(desktop.here)


def test_what_was_said_while_the_broker_was_away_is_sent_by_who_leaves(family, broker):
    laptop, desktop = family
    broker.stop()
    fill(desktop.here, {"3.txt": "new\n"})
    os.unlink(desktop.here / "one.txt")
    desktop.sync(code=5)
    assert "notes: 1 item unsent, or waiting: 3.txt" in desktop.run("leave", code=8)
    broker.restart()
    desktop.run("leave")
    laptop.sync()
    assert "3.txt" in tree(laptop.here) and "one.txt" not in tree(laptop.here)


def test_a_source_that_is_away_is_no_source_without_edits(family):
    _, desktop = family
    os.rename(desktop.here, f"{desktop.here}-away")
    said = desktop.run("leave", code=8)
    assert "1 source can't be looked at" in said and str(desktop.here) in said
    desktop.run("leave", "--yes")


def test_leaving_asks_on_a_terminal(family):
    laptop, desktop = family
    fill(desktop.here, {"3.txt": "new\n"})
    code, said = at_terminal(desktop, ["leave"], [("Leave? [y/N]", "n")])
    assert code == 1 and "1 item may be nowhere else" in said and "notes: 1 item unsent, or waiting: 3.txt" in said
    assert "last owner" not in said and os.path.exists(desktop.home)
    code, said = at_terminal(laptop, ["leave"], [("Leave? [y/N]", "n")])
    assert code == 1 and "last owner" in said and "nowhere else" not in said
    code, said = at_terminal(desktop, ["leave"], [("Leave? [y/N]", "y")])
    assert code == 0 and not os.path.exists(desktop.home), said


def test_who_was_shut_out_hears_what_it_could_not_send(family):
    laptop, desktop = family
    laptop.run("devices", "revoke", "desktop", "--yes")
    fill(desktop.here, {"3.txt": "new\n"})
    assert "3.txt" in desktop.run("leave", code=8)
    desktop.sync(code=6)
    assert "3.txt" in desktop.run("leave", code=8)
    desktop.run("leave", "--yes")


def test_another_owner_of_whom_nothing_was_heard_counts(family, make_device):
    laptop, _ = family
    new = make_device("new")
    new.run("recover", "--recovery-file", laptop.phrase, "--keep", "laptop", "--yes", "--name", "new")
    assert laptop.json("leave") == {"left": "laptop", "known": True}
    assert state_of(new, "new") == ("in", "owner")


def test_leaving_beside_serve_ends_it(family):
    _, desktop = family
    process = desktop.serve()
    wait_until(lambda: desktop.json("status")["broker"]["connected"], "it is connected")
    desktop.run("leave")
    process.communicate(timeout=WAIT)
    assert process.returncode == 0 and not os.path.exists(desktop.home)
    assert "one.txt" in tree(desktop.here) and not (desktop.here / ".counterfoil").exists()


def test_the_last_owner_leaves_and_recovers_everything(family, make_device):
    laptop, desktop = family
    files = tree(laptop.here)
    assert "--yes" in laptop.run("leave", code=2)
    laptop.run("leave", "--yes")
    desktop.run("leave")
    new = make_device("new")
    done = new.json("recover", "--recovery-file", laptop.phrase, "--name", "new")
    assert done["revoked"] == done["kept"] == []
    bind(new)
    assert tree(new.here) == files
    assert state_of(new, "new") == ("in", "owner")
    fill(new.here, {"again.txt": "written\n"})
    new.sync()
    new.pair(desktop)
    bind(desktop)
    assert tree(desktop.here) == tree(new.here)


def test_recovering_shuts_out_whom_the_user_does_not_confirm(family, make_device, tmp_path):
    laptop, desktop = family
    new = make_device("new")
    recover = ["recover", "--recovery-file", laptop.phrase, "--name", "new"]
    said = new.run(*recover, code=2)
    assert "'laptop'" in said and "'desktop'" in said and "--keep" in said and ", last wrote 20" in said, said
    assert not os.path.exists(new.home) and not os.path.exists(new.home + ".new")
    desktop.sync()
    assert state_of(desktop, "laptop")[0] == "in"
    assert "nobody" in new.run(*recover, "--keep", "nobody", code=3)
    said = new.run(*recover, "--keep", "desktop", code=2)
    assert "keeping 'desktop'" in said and "there is 'laptop'" in said and "--yes" in said, said
    desktop.sync()
    assert state_of(desktop, "laptop")[0] == "in"
    done = new.json(*recover, "--keep", "desktop", "--yes")
    assert [one["name"] for one in done["kept"]] == ["desktop"]
    assert [one["name"] for one in done["revoked"]] == ["laptop"]
    bind(new)
    fill(new.here, {"new.txt": "new\n"})
    fill(desktop.here, {"old.txt": "old\n"})
    settle(new, desktop)
    new.sync()
    assert tree(new.here) == tree(desktop.here) and {"new.txt", "old.txt"} <= tree(new.here).keys()
    assert "does not know this device" in laptop.run("sync", code=6)


def test_recovering_asks_on_a_terminal(family, make_device):
    laptop, desktop = family
    new = make_device("new")
    names = ["laptop", "desktop"]
    answers = {"laptop": "y", "desktop": "n"}
    order = [one["name"] for one in desktop.json("devices")]
    questions = [(f"keep '{name}'", answers[name]) for name in sorted(names, key=order.index)]
    code, said = at_terminal(new, ["recover", "--recovery-file", laptop.phrase, "--name", "new"], questions)
    assert code == 0, said
    assert state_of(new, "laptop") == ("in", "owner") and state_of(new, "desktop")[0] == "revoked"


def test_recovering_asks_on_a_terminal_for_those_alone_that_were_not_named(family, make_device):
    laptop, _ = family
    new = make_device("new")
    code, said = at_terminal(
        new, ["recover", "--recovery-file", laptop.phrase, "--name", "new", "--keep", "laptop"], [("keep 'desktop'", "y")])
    assert code == 0 and "keep 'laptop'" not in said, said
    assert state_of(new, "laptop")[0] == state_of(new, "desktop")[0] == "in"


def test_recovering_takes_the_phrase_and_the_brokers_line(family, make_device, broker, tmp_path):
    laptop, _ = family
    new = make_device("new")
    phrase, line = open(laptop.phrase).read().splitlines()
    assert "--recovery-file" in new.run("recover", code=2)
    assert "--broker" in new.run("recover", "--recovery-file", "-", stdin=phrase + "\n", code=2)
    wrong = crypto.phrase_of(bytes(16))
    new.run("recover", "--recovery-file", "-", "--broker", line, stdin=wrong + "\n", code=6)
    assert not os.path.exists(new.home)
    done = new.json("recover", "--recovery-file", "-", "--broker", line, "--yes", "--name", "new", stdin=phrase + "\n")
    assert {one["name"] for one in done["revoked"]} == {"laptop", "desktop"}
    assert "has a user already" in new.run("recover", "--recovery-file", laptop.phrase, "--yes", code=2)


def test_who_recovers_with_the_line_of_before_a_move_is_told_where_the_user_is(family, make_device, broker, tmp_path):
    laptop, _ = family
    files = tree(laptop.here)
    other = Broker(str(tmp_path / "other"))
    other.start()
    try:
        moved = laptop.finish("broker", other.run("invite").strip())
        assert moved.stdout == other.line + "\n" and "the recovery file is to have this line" in moved.stderr, moved
        new = make_device("new")
        recover = ["recover", "--recovery-file", laptop.phrase, "--yes", "--name", "new"]
        said = new.run(*recover, code=5)
        assert f"the user has moved to another broker, {other.line}" in said and "with --broker" in said, said
        broker.stop()
        said = new.run(*recover, code=5)
        assert "no broker runs there" in said and "if the user has moved, say where to, with --broker" in said, said
        new.run(*recover, "--broker", other.line)
        bind(new)
        assert tree(new.here) == files
    finally:
        other.stop()


def test_a_home_that_is_not_empty_is_told_with_what_lies_in_it(family):
    """As what `repair --refill` put aside there, which `leave` leaves."""
    laptop, desktop = family
    desktop.run("leave")
    os.makedirs(os.path.join(desktop.home, "kept/2026"))
    said = desktop.run("init", code=1)
    assert f"{desktop.home} is there, and is not empty: kept lies in it. Move that elsewhere, or give another --home" in said, said
    shutil.move(os.path.join(desktop.home, "kept"), os.path.join(desktop.home, "..", "kept"))
    laptop.pair(desktop)


@pytest.mark.parametrize("way", ["removed", "moved"])
def test_a_home_made_anew_beneath_serve_is_whole_and_serve_ends(make_device, tmp_path, way):
    """The store of the lost home goes by its path: what it tidies up when it is closed must not be the new one's."""
    laptop = make_device("laptop")
    laptop.run("init", "--name", "laptop", "--recovery-file", str(tmp_path / "phrase"))
    source = laptop.add("notes", {"old.txt": "old\n"})
    for i in range(4):  # each has files of numbers of its own
        fill(source, {f"{i}.txt": "old\n"})
        laptop.sync()
    serving = laptop.serve()
    if way == "moved":
        os.rename(laptop.home, str(tmp_path / "away"))
    else:
        shutil.rmtree(laptop.home)
    laptop.run("init", "--name", "again", "--recovery-file", str(tmp_path / "phrase anew"))
    laptop.add("papers", {f"{i}.txt": f"{i}\n" for i in range(50)})
    for _ in range(3):
        laptop.sync()
    assert "removed or moved" in serving.communicate(timeout=WAIT)[1] and serving.returncode == 7
    laptop.run("verify")
    assert laptop.json("status")["in_sync"]
