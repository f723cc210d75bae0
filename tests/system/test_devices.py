# SPDX-License-Identifier: Apache-2.0
"""How a user and its devices begin, and what the commands say when it goes wrong."""

import concurrent.futures
import json
import os
import re
import stat
import subprocess

import pytest

from counterfoil import CLEAN, WAIT, Device, broker, make_device, tree, two  # noqa: F401
from family import at_terminal


def test_words_that_are_unknown_are_named(make_device):
    device = make_device("laptop")
    for arguments, what in [
        (["frobnicate"], "unknown verb 'frobnicate'"),
        (["sync", "--frobnicate"], "unknown option '--frobnicate'"),
        (["-z", "sync"], "unknown option '-z'"),
        (["help", "frobnicate"], "unknown verb 'frobnicate': `counterfoil help` lists them"),
        (["help", "devices", "burn"], "unknown subverb 'burn' of devices: show, rename, revoke, annul, role, admitted"),
        (["help", "sync", "burn"], "unknown subverb 'burn' of sync: none"),
        (["help", "devices", "revoke", "phone"], "'phone' is one argument too many"),
        ([], "no verb"),
        (["join"], "missing"),
        (["version", "extra"], "extra"),
    ]:
        assert what in device.run(*arguments, code=2), arguments


@pytest.mark.parametrize("words, option", [
    ("devices --also nobody", "also"), ("devices --recovery-file /nope", "recovery-file"), ("devices --yes", "yes"),
    ("devices show laptop --with-admitted", "with-admitted"), ("devices rename laptop other --remote", "remote"),
    ("devices role laptop member --also nobody", "also"), ("devices annul laptop --yes", "yes"),
    ("devices admitted laptop --recovery-file /nope", "recovery-file"), ("collections --yes", "yes"),
    ("collections rename a b -n", "dry-run"), ("conflicts --keep 1", "keep"), ("conflicts show a//b --same", "same"),
    ("broker --recovery-file /nope", "recovery-file")])
def test_options_that_do_not_fit_are_named(make_device, words, option):
    assert f"--{option} is no option of `counterfoil {words.split()[0]}" in make_device("laptop").run(*words.split(), code=2)


def test_a_time_that_is_none_is_named_by_every_verb(make_device):
    for verb in "paths", "version", "help", "locks":
        assert "NaN" in make_device("laptop").run(verb, "--timeout", "NaN", code=2)


def test_help_and_version_need_no_home(make_device):
    device = make_device("laptop")
    listed = [verb["name"] for verb in device.json("help")]
    assert {"init", "pair", "join", "sync", "serve", "status", "repair"} <= set(listed)
    for verb in listed:
        assert f"counterfoil {verb}" in device.run("help", verb)
        assert f"counterfoil {verb}" in device.run(verb, "--help")
    assert device.run("version").split()[0] == "counterfoil" and device.run("--version") == device.run("version")
    assert device.json("paths")["home"] == device.home
    assert not os.path.exists(device.home)


def test_errors_are_json_too_where_that_is_asked_for(make_device):
    device = make_device("laptop")

    def failing(*arguments, code, **more):
        done = device.finish(*arguments, **more)
        assert done.returncode == code, (arguments, done)
        said = json.loads(done.stdout)["error"]
        assert said["code"] == code and said.keys() == {"code", "message", "hint"}
        assert f"counterfoil: {said['message']}\n" in done.stderr
        return said

    for arguments in ["--json", "frobnicate"], ["frobnicate", "--json"], ["-z", "--json", "sync"], ["--json"]:
        failing(*arguments, code=2)
    assert failing("--json", "frobnicate", code=2)["hint"] == "`counterfoil help` lists them"
    assert failing("--json", "version", "extra", code=2)["hint"] is None
    failing("sync", "--frobnicate", environment={"COUNTERFOIL_JSON": "1"}, code=2)
    assert "counterfoil init" in failing("--json", "status", code=3)["hint"]
    device.init()
    failing("--json", "sync", "notes\udcff", code=3)
    failing("--json", "add", "nowhere", "--new", code=3)
    process = device.serve()
    said = [failing("--json", *arguments, code=3) for arguments in (["sync", "notes"], ["log", "notes"])]
    assert "`counterfoil collections` lists them" in [one["hint"] for one in said]
    failing("--json", "limit", "--up", "much", code=2)
    device.stop(process)
    assert device.finish("sync", "notes").stdout == ""


def test_what_is_no_line_of_a_broker_is_usage(make_device):
    device = make_device("laptop")
    device.init()
    for word in ["nonsense", "add", ""]:
        assert "neither the line that `counterfoild invite` printed nor an address" in device.run("broker", word, code=2)
    assert device.json("broker")["address"] is None


def test_verbs_before_init_say_what_to_do(make_device):
    device = make_device("laptop")
    for verb in ["sync", "status", "devices", "pair", "log", "collections", "verify", "serve"]:
        assert "counterfoil init" in device.run(verb, code=3)
    assert not os.path.exists(device.home)


def test_a_user_without_a_broker(make_device):
    device = make_device("laptop")
    made = device.init()
    assert made["device"] == "laptop" and made["broker"] is None
    assert len(made["recovery_phrase"].split()) == 8
    assert stat.S_IMODE(os.stat(device.home).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(device.home + "/keys").st_mode) == 0o600
    (listed,) = device.json("devices")
    assert listed["name"] == "laptop" and listed["role"] == "owner" and listed["this"]
    assert listed["fingerprint"] == made["fingerprint"]
    assert "has a user already" in device.run("init", code=2)
    assert "broker" in device.run("pair", code=3)
    assert device.json("broker")["address"] is None
    for told in device.json("status"), device.sync():
        assert told["version"] == 1 and told["broker"] is None


def test_the_recovery_phrase_goes_to_a_file(broker, make_device, tmp_path):
    broker.start()
    device, path = make_device("laptop"), tmp_path / "phrase"
    made = device.json("init", broker.run("invite").strip(), "--recovery-file", str(path))
    assert "recovery_phrase" not in made
    phrase, line = path.read_text().splitlines()
    assert len(phrase.split()) == 8 and line == broker.line
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    other = make_device("other")
    assert "is there already" in other.run("init", "--recovery-file", str(path), code=1)
    assert path.read_text().splitlines() == [phrase, line]


def test_invitations_let_one_user_in(broker, make_device):
    broker.start()
    line = broker.run("invite").strip()
    first, second = make_device("first"), make_device("second")
    made = first.init(line)
    assert made["broker"] == broker.line == first.json("broker")["address"]
    assert "was used before: a new one is made by `counterfoild invite`" in second.run("init", line, code=6)
    assert not os.path.exists(second.home) and not os.path.exists(second.home + ".new")
    for wrong in [line[:-8], "nonsense", "a" * len(line)]:
        second.run("init", wrong, code=6)
    assert not os.path.exists(second.home)
    second.init(broker.run("invite").strip())


def test_an_invitation_comes_in_every_way(broker, make_device):
    broker.start()

    def invite():
        return broker.run("invite").strip()

    make_device("a").run("init", "--invitation", invite())
    make_device("b").run("init", "-", stdin=invite() + "\n")
    make_device("c").run("init", "--invitation", "-", stdin=invite() + "\n")
    make_device("d").run("init", environment={"COUNTERFOIL_INVITATION": invite()})
    make_device("e").run("init", "--broker", broker.line, code=2)


def test_codes_are_typed_at_a_prompt(broker, make_device):
    """So they are in no history of commands, and in no list of processes."""
    broker.start()
    laptop, desktop, tablet = make_device("laptop"), make_device("desktop"), make_device("tablet")
    invitation = broker.run("invite").strip()
    code, said = at_terminal(laptop, ["init", "-", "--name", "laptop"], [("invitation: ", invitation)])
    assert code == 0, said
    for device, arguments in (desktop, ["join", "-"]), (tablet, ["join"]):
        pairing = laptop.start("pair")
        line = pairing.stdout.readline().strip()
        code, said = at_terminal(device, [*arguments, "--name", device.name], [("pairing code: ", line)])
        assert code == 0, said
        pairing.communicate(timeout=WAIT)
        assert pairing.returncode == 0
    assert {one["name"] for one in laptop.json("devices")} == {"laptop", "desktop", "tablet"}


def test_a_broker_that_is_not_there_or_another(broker, make_device):
    broker.start()
    line = broker.run("invite").strip()
    host, port, _ = broker.place
    broker.stop()
    device = make_device("laptop")
    assert "connect" in device.run("init", line, code=5)
    assert not os.path.exists(device.home)
    broker.restart()
    wrong = broker.line[:-8] + ("aaaaaaaa" if not broker.line.endswith("aaaaaaaa") else "eeeeeeee")
    device.run("init", line, "--broker", wrong, code=5)
    assert not os.path.exists(device.home)
    device.init(line)


def test_pairing_shows_the_same_on_both_sides(two):
    laptop, desktop = two
    for device in two:
        listed = {one["name"]: one for one in device.json("devices")}
        assert set(listed) == {"laptop", "desktop"}
        assert listed["laptop"]["role"] == "owner" and listed["desktop"]["role"] == "member"
        assert listed[device.name]["this"]


def test_a_code_lets_one_device_in(two, make_device):
    laptop, _ = two
    tablet, thief = make_device("tablet"), make_device("thief")
    code = laptop.pair(tablet, "--role", "owner")
    assert "code" in thief.run("join", code, code=6)
    thief.run("join", "nonsense", code=6)
    assert not os.path.exists(thief.home)
    roles = {one["name"]: one["role"] for one in laptop.json("devices")}
    assert roles["tablet"] == "owner"
    phone = make_device("phone")
    tablet.pair(phone)


def test_members_let_nobody_in(two):
    _, desktop = two
    assert "owner" in desktop.run("pair", code=6)
    assert "unknown role king" in desktop.run("pair", "--role", "king", code=2)


def test_a_code_expires(two, make_device):
    laptop, _ = two
    pairing = laptop.start("pair", "--for", "300ms")
    code = pairing.stdout.readline().strip()
    _, messages = pairing.communicate(timeout=WAIT)
    assert pairing.returncode == 5 and "expired" in messages
    make_device("late").run("join", code, code=6)


def scanned(drawing, tmp_path):
    """What a camera reads from half blocks."""
    rows = []
    for line in drawing.splitlines():
        rows += [[block in "▀█" for block in line], [block in "▄█" for block in line]]
    scale = 4
    image = tmp_path / "qr.pgm"
    pixels = b"".join(
        bytes(255 * light for light in row for _ in range(scale)) * scale for row in rows)
    image.write_bytes(b"P5 %d %d 255\n" % (len(rows[0]) * scale, len(rows) * scale) + pixels)
    done = subprocess.run(["zbarimg", "-q", "--raw", image], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("serve", [False, True])
def test_a_code_is_shown_for_cameras_too(two, make_device, tmp_path, serve):
    laptop, _ = two
    if serve:
        laptop.serve()
    tablet = make_device("tablet")
    pairing = laptop.start("pair", "--qr")
    code = pairing.stdout.readline().strip()
    joined = tablet.json("join", code, "--name", "tablet")
    output, messages = pairing.communicate(timeout=WAIT)
    assert output.split() == ["tablet", joined["fingerprint"]], "stdout is for scripts"
    drawing = "\n".join(line for line in messages.splitlines() if set(line) <= set(" ▀▄█"))
    assert scanned(drawing, tmp_path) == code


def test_on_a_terminal_the_code_is_black_and_white(two, tmp_path):
    laptop, _ = two
    outer, inner = os.openpty()
    pairing = subprocess.Popen(
        laptop.command("pair", "--qr", "--for", "1s"), stdout=subprocess.PIPE, stderr=inner, env=CLEAN)
    os.close(inner)
    code = pairing.stdout.readline().decode().strip()
    shown = b""
    while b"expired" not in shown:
        shown += os.read(outer, 65536)
    pairing.wait(timeout=WAIT)
    os.close(outer)
    lines = re.findall("\x1b\\[97;40m([ ▀▄█]+)\x1b\\[0m\r\n", shown.decode())
    assert scanned("\n".join(lines), tmp_path) == code


def test_pairing_speaks_json(two, make_device):
    laptop, _ = two
    tablet = make_device("tablet")
    pairing = laptop.start("--json", "pair")
    first = pairing.stdout.readline()
    code = json.loads(first.strip().rstrip(",") + "}")["code"]
    joined = tablet.json("join", code, "--name", "tablet")
    rest, _ = pairing.communicate(timeout=WAIT)
    assert pairing.returncode == 0
    document = json.loads(first + rest)
    assert document == {"code": code, "device": "tablet", "fingerprint": joined["fingerprint"]}


def test_devices_are_renamed_everywhere(two):
    laptop, desktop = two
    told = laptop.json("devices", "rename", "laptop", "old laptop")
    assert told == {key: laptop.json("devices", "show", "old laptop")[key] for key in ("name", "fingerprint", "id")}
    laptop.sync()
    desktop.run("devices", "rename", "desktop", "new desktop")
    desktop.sync()
    laptop.sync()
    assert {one["name"] for one in laptop.json("devices")} == {"old laptop", "new desktop"}
    laptop.run("devices", "rename", "old laptop", "Küchenrechner")
    lines = laptop.run("devices").splitlines()
    assert len({re.search(r" (owner|member) ", line).start() for line in lines}) == 1, "one stands below the other"
    laptop.run("devices", "rename", "nobody", "x", code=3)
    burn = laptop.run("devices", "burn", "x", code=2)
    assert "unknown subverb 'burn'" in burn
    usage = laptop.run("help", "devices")
    for subverb in burn.partition(": show")[2].replace(",", " ").split():
        assert subverb in usage, "each subverb that is offered is one for users"
    laptop.run("devices", "voided", "x", code=2)


def test_a_first_broker_is_set_later(broker, make_device):
    broker.start()
    device = make_device("laptop")
    phrase = device.init()["recovery_phrase"]
    device.add("notes", {"one.txt": "one\n"})
    device.sync()
    line = broker.run("invite").strip()
    assert "--recovery-file" in device.run("broker", line, code=2)
    other = make_device("other").init()["recovery_phrase"]
    assert "another user" in device.run("broker", line, "--recovery-file", "-", stdin=other, code=6)
    assert device.run("broker", line, "--recovery-file", "-", stdin=phrase).strip() == broker.line
    assert device.sync()["in_sync"]
    desktop = make_device("desktop")
    device.pair(desktop)
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    assert (there / "one.txt").read_text() == "one\n"
    assert device.run("broker", line, "--recovery-file", "-", stdin=phrase).strip() == broker.line, "no harm"


def test_a_home_of_a_newer_format_is_left_alone(make_device):
    device = make_device("laptop")
    device.init()
    with open(device.home + "/format", "w") as file:
        file.write("2\n")
    for verb in ["status", "sync", "repair"]:
        assert "format" in device.run(verb, code=7)
    with open(device.home + "/format") as file:
        assert file.read() == "2\n"


def test_devices_says_no_more_of_the_others_than_is_known(two):
    laptop, desktop = two
    (of_desktop,) = [one for one in laptop.json("devices") if not one["this"]]
    assert of_desktop["last_seen"] and of_desktop["behind"] is None
    assert "has written nothing since" in laptop.run("devices")
    desktop.add("notes", {"a": "a\n"})
    desktop.sync()
    laptop.sync()
    (of_desktop,) = [one for one in laptop.json("devices") if not one["this"]]
    assert of_desktop["behind"] == 0 and "never" not in laptop.run("devices")
    laptop.add("other", {"b": "b\n"})
    laptop.sync()
    desktop.sync()  # it has them now, but the log doesn't tell
    (of_desktop,) = [one for one in laptop.json("devices") if not one["this"]]
    assert of_desktop["behind"] is None and of_desktop["wrote"] and "reported" not in of_desktop
    for device in two:
        (own,) = [one for one in device.json("devices") if one["this"]]
        assert own["behind"] == 0, "also where it wrote nothing, or others did since"
    (of_desktop,) = [one for one in laptop.json("devices", "--remote") if not one["this"]]
    assert of_desktop["behind"] == 0 and of_desktop["reported"]
    (line,) = [one for one in laptop.run("devices").splitlines() if one.startswith("desktop")]
    assert line.endswith(f"last wrote {of_desktop['last_seen']}"), line


def test_many_users_at_once_see_nothing_of_each_other(broker, tmp_path):
    broker.start()
    invitations = [broker.run("invite").strip() for _ in range(6)]

    def user(number):
        folder = tmp_path / f"user {number}"
        folder.mkdir()
        laptop, desktop = Device(folder, "laptop"), Device(folder, "desktop")
        laptop.init(invitations[number])
        laptop.pair(desktop)
        here = laptop.add("notes", {"same": "same\n" * 50_000, "mine": b"%d" % number * 200_000})
        laptop.sync()
        desktop.sync()
        there = desktop.add("notes", None, "--existing")
        for edit in range(4):
            (here / f"edit {edit}").write_text(f"{number} {edit}\n")
            laptop.sync()
            desktop.sync()
        assert len(desktop.json("devices")) == 2 and [one["name"] for one in desktop.json("collections")] == ["notes"]
        return tree(here), tree(there)

    with concurrent.futures.ThreadPoolExecutor(len(invitations)) as people:
        found = list(people.map(user, range(len(invitations))))
    for number, (here, there) in enumerate(found):
        assert here == there and here["mine"] == b"%d" % number * 200_000
        assert set(here) == {"same", "mine", *(f"edit {edit}" for edit in range(4))}
    assert broker.status()["users"] == len(invitations)
    assert broker.run("verify") == "everything is whole\n"
