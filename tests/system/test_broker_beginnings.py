# SPDX-License-Identifier: Apache-2.0
"""Where a broker, or a home, is made, and where it never is: over what is left of another."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

import protocol_crypto as crypto
from counterfoil import broker, make_device, tree, two  # noqa: F401
from counterfoild import Broker, free_port

VERBS = (["address"], ["invite"], ["status"], ["users"], ["verify"], ["users", "quota", "00000000", "1G"])
SERVE = ["--listen", "tcp://127.0.0.1:0"]
NO_DATA = ("LOG", "lock", "serve-lock")  # what RocksDB tells people at each start, and who is here


def contents(folder):
    """Of every file by its path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in pathlib.Path(folder).rglob("*")
        if not path.name.startswith(NO_DATA) and not path.is_socket()
    }


@pytest.fixture
def empty(tmp_path):
    return Broker(str(tmp_path / "empty"))


@pytest.fixture
def stopped(broker, two):
    """A broker with a user's files and a blob, which does not run, and the user's devices."""
    laptop, desktop = two
    laptop.add("notes", {"a": b"one\n", "large": os.urandom(300_000)})
    laptop.sync()
    broker.stop()
    return broker


def store(broker):
    return pathlib.Path(broker.data) / "store"


@pytest.mark.parametrize("arguments", VERBS, ids=" ".join)
@pytest.mark.parametrize("is_there", (False, True), ids=("missing", "there"))
def test_no_verb_makes_a_broker_out_of_nothing(empty, arguments, is_there):
    if is_there:
        os.mkdir(empty.data)
    said = empty.run(*arguments, code=3)
    assert empty.data in said and "init" in said
    assert os.path.exists(empty.data) == is_there and (not is_there or not os.listdir(empty.data))


def test_who_looks_in_a_wrong_place_hears_where_one_is(empty, stopped, monkeypatch, tmp_path):
    home = tmp_path / "data home" / "counterfoild"
    home.parent.mkdir()
    shutil.move(stopped.data, home)
    monkeypatch.setenv("XDG_DATA_HOME", str(home.parent))
    for arguments in ["invite"], ["serve", "--existing"]:
        said = empty.run(*arguments, code=3)
        assert empty.data in said and str(home) in said


@pytest.mark.parametrize("arguments", ([], ["init"]), ids=("serve", "init"))
def test_one_is_made_where_the_directory_is_missing_or_empty_and_says_so(empty, arguments):
    for name in "lost+found", "store/lost+found", "blobs":
        os.makedirs(os.path.join(empty.data, name))
    if arguments:
        done = empty.finish("init")
        assert done.returncode == 0, done.stderr
        address, said = done.stdout.strip(), done.stderr
    else:
        empty.start()
        assert empty.stop() == 0
        address, said = empty.line, open(empty.log).read()
    assert said.count(f"made a new broker in {empty.data}") == 1, said
    key = crypto.read_address(address)[2]
    assert "there is a broker already" in empty.run("init", code=1)
    empty.start("--existing")
    assert empty.place[2] == key and open(empty.log).read().count("made a new broker") == (not arguments)
    assert "there is a broker already" in empty.run("init", code=1)
    assert empty.stop() == 0
    assert empty.run("verify") == "everything is whole\n"


@pytest.mark.parametrize("is_there", (False, True), ids=("missing", "there"))
def test_serve_existing_makes_none(empty, is_there):
    """A volume that is not mounted."""
    if is_there:
        os.mkdir(empty.data)
    for _ in range(2):
        assert "no broker in " + empty.data in empty.run(*SERVE, "serve", "--existing", code=3)
    assert os.path.exists(empty.data) == is_there and (not is_there or not os.listdir(empty.data))
    assert "--existing is for serve" in empty.run("--existing", "status", code=2)


@pytest.mark.parametrize("name", ("notes.txt", "CURRENT", "000004.sst"))
def test_none_is_made_among_other_files(empty, name):
    os.mkdir(empty.data)
    open(os.path.join(empty.data, name), "w").close()
    for arguments in ["init"], SERVE:
        assert name in empty.run(*arguments, code=2)
    assert empty.run("status", code=3)
    assert os.listdir(empty.data) == [name]


GONE = {
    "key": "key is gone", "store": "store is gone", "blobs": "blobs are gone",
    "store/FORMAT": "FORMAT is missing", "store/CURRENT": "CURRENT is missing",
    "all but a table": "FORMAT is missing", "all but FORMAT": "CURRENT is missing",
    "key and store": "neither key nor store",
}


def take_away(broker, name):
    path = pathlib.Path(broker.data) / name
    if name == "key and store":
        take_away(broker, "key")
        take_away(broker, "store")
    elif name.startswith("all but"):
        kept = next(store(broker).glob("*.sst" if name.endswith("table") else "FORMAT"))
        for other in store(broker).iterdir():
            if other != kept:
                other.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


@pytest.mark.parametrize("name", GONE)
def test_of_which_a_part_is_gone_it_is_refused_and_untouched(stopped, two, name, tmp_path):
    laptop, desktop = two
    stopped.restart()
    stopped.stop()  # its log is a table then
    whole = tmp_path / "whole"
    shutil.copytree(stopped.data, whole)
    take_away(stopped, name)
    before = contents(stopped.data)
    for arguments in SERVE, [*SERVE, "serve", "--existing"], *VERBS, SERVE:
        assert GONE[name] in stopped.run(*arguments, code=7), arguments
    assert contents(stopped.data) == before
    shutil.rmtree(stopped.data)
    shutil.move(whole, stopped.data)
    stopped.restart()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    assert tree(there) == tree(laptop.source())


def test_each_damage_of_current_is_named(stopped):
    current = store(stopped) / "CURRENT"
    whole = current.read_text()
    for damaged, words in (
        ("", "CURRENT is damaged"), (whole[:-1], "CURRENT is damaged"), ("MANIFEST-999999\n", "MANIFEST-999999 is missing"),
        ("MANIFEST-../../key\n", "CURRENT is damaged"), ("M" * 100, "CURRENT is damaged"),
    ):
        current.write_text(damaged)
        before = contents(stopped.data)
        assert words in stopped.run(*SERVE, code=7) and words in stopped.run("verify", code=7)
        assert contents(stopped.data) == before
    current.write_text(whole)
    assert stopped.run("verify") == "everything is whole\n"


def test_lost_blobs_come_back_by_the_command_that_is_named(stopped, two):
    laptop, desktop = two
    shutil.rmtree(os.path.join(stopped.data, "blobs"))
    assert "mkdir blobs" in stopped.run("status", code=7)
    os.mkdir(os.path.join(stopped.data, "blobs"))
    assert "are asked for it" in stopped.finish("verify").stdout
    stopped.restart()
    laptop.sync()
    there = desktop.add("notes", None, "--existing")
    desktop.sync()
    assert tree(there) == tree(laptop.source())


def test_a_key_alone_is_begun_with_by_init_only(stopped, two):
    laptop, desktop = two
    for name in "store", "blobs":
        shutil.rmtree(os.path.join(stopped.data, name))
    assert "`init` begins an empty one" in stopped.run(*SERVE, code=7)
    assert crypto.read_address(stopped.run("init").strip())[2] == stopped.place[2]
    stopped.restart()
    laptop.run("broker", stopped.run("invite").strip())
    assert laptop.sync()["in_sync"] and desktop.sync()["in_sync"]


def test_a_key_and_its_address_are_begun_with_as_they_are(stopped):
    """As where all else is lost: the devices know both."""
    for part in "store", "blobs":
        shutil.rmtree(os.path.join(stopped.data, part))
    done = stopped.finish("init")
    assert done.returncode == 0 and done.stdout.strip() == stopped.line and "with the key that lay there" in done.stderr, done


def test_whatever_standard_input_is_a_broker_is_made(empty, tmp_path):
    """As a file that is unlinked already, or in memory alone, it has no name, as a store that was removed hasn't."""
    with tempfile.TemporaryFile() as nameless:
        done = subprocess.run(empty.command("init", "--advertise", "127.0.0.1"), stdin=nameless, capture_output=True, text=True)
    assert done.returncode == 0, done


def test_an_empty_store_is_one_that_is_gone(stopped):
    store = pathlib.Path(stopped.data, "store")
    store.rename(store.with_suffix(".away"))
    store.mkdir()
    for verb in ["users"], ["serve"], ["verify"], ["verify", "--repair"]:
        said = stopped.run(*verb, code=7)
        assert "its store is gone: mount it or restore a backup" in said and "mends it" not in said, (verb, said)
    store.rmdir()
    store.with_suffix(".away").rename(store)
    assert stopped.run("verify") == "everything is whole\n"


def test_a_home_of_which_a_part_is_gone_is_refused_and_untouched(two):
    laptop, _ = two
    laptop.add("notes", {"a": b"one\n"})
    laptop.sync()
    home = pathlib.Path(laptop.home)
    whole = home.with_name("whole home")
    shutil.copytree(home, whole)
    for name, words in (("CURRENT", "CURRENT is missing"), ("FORMAT", "FORMAT is missing"), (None, "it is gone")):
        if name:
            (home / "store" / name).unlink()
        else:
            shutil.rmtree(home / "store")
        before = contents(home)
        for _ in range(2):
            for arguments in ["sync"], ["status"], ["serve"], ["devices"]:
                done = laptop.finish(*arguments)
                assert done.returncode == 7 and words in done.stderr, (arguments, done.stderr)
        assert contents(home) == before
        shutil.rmtree(home)
        shutil.copytree(whole, home)
    assert laptop.sync()["in_sync"]


def test_starts_and_verbs_leave_no_empty_logs_behind(stopped):
    for _ in range(3):
        stopped.restart()
        stopped.stop()
        stopped.run("users")
    logs = [path for path in store(stopped).glob("*.log") if not path.stat().st_size]
    assert len(logs) <= 1, logs
    assert stopped.run("verify") == "everything is whole\n"


# ---- The address that it is made with ----


def test_an_address_that_init_was_given_is_kept_for_serve(broker):
    port = free_port()
    assert broker.run("init", "--advertise", "sync.example.org").startswith("tcp://sync.example.org:7817#")
    assert broker.run("address").startswith("tcp://sync.example.org:7817#"), "before it was ever served"
    line = broker.start("--existing", listen=f"127.0.0.1:{port}")
    assert line.startswith(f"tcp://sync.example.org:{port}#")
    assert broker.stop() == 0
    line = broker.start("--advertise", "other.example.org", listen=f"127.0.0.1:{port}")
    assert line.startswith(f"tcp://other.example.org:{port}#"), "what is typed prevails"
    assert broker.stop() == 0
    assert broker.start(listen=f"127.0.0.1:{port}").startswith(f"tcp://sync.example.org:{port}#")


GUESS = "devices elsewhere may not know that name"


@pytest.mark.parametrize("verb", ["init", "address", "invite"])
def test_a_guessed_address_is_warned_of_wherever_it_is_printed(broker, verb):
    """Of a machine whose name nobody else can look up: here it is called localhost."""
    if verb != "init":
        broker.run("init", "--advertise", "192.0.2.1")
    for host in "localhost", "sync.example.org", "192.0.2.1":
        fresh = Broker(f"{broker.data}-{host}") if verb == "init" else broker
        done = fresh.finish(verb, "--advertise", host)
        assert done.returncode == 0 and (GUESS in done.stderr) == (host == "localhost"), done.stderr


def test_of_a_broker_that_runs_an_invitation_to_a_bare_name_is_warned_of(broker):
    broker.start("--advertise", "nas", listen=f"127.0.0.1:{free_port()}")
    for verb in "address", "invite":
        assert "nas, and " + GUESS in broker.finish(verb).stderr
    assert "nas, and " + GUESS in open(broker.log).read()


@pytest.mark.parametrize("damage", [None, b"", b"tcp://sync.exa", b"tcp://sync.example.org:7817#aaaa\n"])
def test_an_address_that_is_damaged_is_not_printed(broker, damage):
    broker.start()
    line = broker.line
    broker.stop()
    path = os.path.join(broker.data, "address")
    if damage is None:
        os.unlink(path)
    else:
        with open(path, "wb") as file:
            file.write(damage)
    for verb in "address", "invite":
        assert "the next start writes it anew" in broker.run(verb, code=7)
    assert broker.status()["users"] == 0, "what needs no address works"
    assert broker.run("address", "--advertise", "sync.example.org").startswith("tcp://sync.example.org:")
    broker.restart()
    assert broker.run("address").strip() == line


def test_what_init_kept_is_passed_over_where_it_is_damaged(broker):
    broker.run("init", "--advertise", "sync.example.org")
    with open(os.path.join(broker.data, "advertise"), "w") as file:
        file.write("tcp://::\x01")
    port = free_port()
    assert broker.start(listen=f"127.0.0.1:{port}").startswith(f"tcp://127.0.0.1:{port}#")
    assert "advertise, which init made, is passed over" in open(broker.log).read()


def test_what_is_refused_leaves_nothing_beside_a_backup_that_is_restored_then(stopped, tmp_path):
    for name, part, arguments, said in (
        ("cut", b"cut short", ["init"], "put a copy of it in its place"),
        ("address", None, ["init"], "remove address"),
        ("served", None, SERVE, "remove address"),
    ):
        other = Broker(str(tmp_path / name))
        os.mkdir(other.data)
        if part:
            pathlib.Path(other.data, "key").write_bytes(part)
        else:
            shutil.copy(os.path.join(stopped.data, "address"), other.data)
        before = contents(other.data)
        assert said in other.run(*arguments, code=7)
        assert contents(other.data) == before
        shutil.copytree(stopped.data, other.data, dirs_exist_ok=True)
        assert other.run("verify") == "everything is whole\n"


@pytest.mark.parametrize("lost", [None, "CURRENT"])
def test_making_says_nothing_of_a_broker_that_was_finished(stopped, lost):
    making = pathlib.Path(stopped.data, "making")
    making.touch()
    if lost:
        (store(stopped) / lost).unlink()
        assert "verify --repair" in stopped.run("verify", code=7)
        making.touch()
        stopped.run("verify", "--repair")
    assert stopped.run("verify") == "everything is whole\n"
    assert not making.exists() and "devices 2" in stopped.run("users")


def test_where_making_lies_beside_a_store_alone_the_way_out_is_named(stopped):
    pathlib.Path(stopped.data, "making").touch()
    shutil.rmtree(pathlib.Path(stopped.data, "blobs"))
    said = stopped.run("verify", "--repair", code=7)
    assert "`init` finishes it; where one was restored, remove making" in said


@pytest.mark.parametrize("arguments", [["init"], SERVE])
def test_none_is_made_where_ballast_lies_alone(empty, arguments):
    os.mkdir(empty.data)
    pathlib.Path(empty.data, "ballast").write_bytes(bytes(4096))
    said = empty.run(*arguments, code=2)
    assert "mount its volume; if there is none any more, remove ballast" in said
    assert "ballast" not in empty.run("serve", "--existing", code=3)
