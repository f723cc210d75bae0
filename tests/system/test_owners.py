# SPDX-License-Identifier: Apache-2.0
"""Root's verbs on what belongs to another: its owner can still read all of it, or nothing is done."""

import os
import pathlib

import pytest

from cards import card
from counterfoil import as_nobody, broker, fill, make_device, tree, two  # noqa: F401
from stand import put

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root's verbs are asked for")
NOBODY = 65534
SERVE = ("--listen", "tcp://127.0.0.1:0")


@pytest.fixture
def of_nobody(as_nobody, broker, make_device):
    """A stopped broker whose directory is nobody's; commands are root's."""
    broker.start()
    laptop = make_device("laptop")
    laptop.init(broker.run("invite").strip())
    laptop.add("notes", {"one.txt": "one\n"})
    laptop.sync()
    broker.stop()
    broker.as_root = broker.command
    as_nobody(broker, broker.data)
    broker.as_owner, broker.command = broker.command, broker.as_root
    return broker, laptop


def of_others(data):
    return [str(path) for path in [pathlib.Path(data), *pathlib.Path(data).rglob("*")] if path.lstat().st_uid != NOBODY]


@pytest.mark.parametrize("verb", (["status"], ["users"], ["invite"], ["verify"], ["verify", "--repair"]), ids=" ".join)
def test_a_verb_of_root_leaves_a_stopped_broker_to_its_owner(of_nobody, verb):
    broker, laptop = of_nobody
    done = broker.finish(*verb)
    assert done.returncode == (5 if verb == ["status"] else 0), done.stderr
    assert of_others(broker.data) == []
    broker.command = broker.as_owner
    broker.restart()
    assert laptop.sync()["in_sync"]


def test_a_broker_that_root_starts_runs_as_the_owner_of_its_directory_and_says_so(of_nobody):
    broker, laptop = of_nobody
    broker.restart()
    with open(f"/proc/{broker.process.pid}/status", encoding="ascii") as file:
        said = file.read()
    assert f"Uid:\t{NOBODY}\t{NOBODY}\t{NOBODY}\t{NOBODY}\n" in said and "\nGroups:\t \n" in said, said
    assert open(broker.log).read().count("the broker runs as that user, not root") == 1
    put(laptop.source(), "two.txt", b"two\n")
    laptop.sync()
    broker.run("invite")
    assert of_others(broker.data) == []
    broker.stop()
    assert of_others(broker.data) == []


def test_a_broker_that_settings_name_is_its_owners_too(of_nobody, tmp_path):
    broker, _ = of_nobody
    (tmp_path / "settings").write_text(f"data {broker.data}\n")
    broker.command = lambda *arguments: [broker.as_root()[0], "--config", str(tmp_path / "settings"), *arguments]
    broker.run("users")
    assert of_others(broker.data) == []


def test_a_broker_that_is_made_in_the_directory_of_another_is_the_others(as_nobody, broker):
    os.mkdir(broker.data)
    as_root = broker.command
    as_nobody(broker, broker.data)
    broker.command = as_root
    broker.run("init", "--advertise", "sync.example.org:7817")
    assert of_others(broker.data) == []


@pytest.mark.parametrize("name", ("store/CURRENT", "key", "lock", "blobs"))
def test_a_file_of_another_that_the_owner_can_not_read_is_told_with_what_helps(of_nobody, name):
    broker, laptop = of_nobody
    os.chown(os.path.join(broker.data, name), 0, 0)
    for command in broker.as_owner, broker.as_root:
        broker.command = command
        for verb in ["users"], SERVE, ["verify", "--repair"]:
            said = broker.run(*verb, code=1)
            assert f"{name} in {broker.data} belongs to root, and not to nobody" in said, said
            assert f"`chown -R nobody {broker.data}`" in said, said
    os.chown(os.path.join(broker.data, name), NOBODY, NOBODY)
    broker.restart()
    assert laptop.sync()["in_sync"]


@pytest.mark.parametrize("verb", (["status"], ["sync"], ["serve"], ["verify"]), ids=" ".join)
def test_root_does_nothing_in_the_home_of_another(as_nobody, two, verb):
    laptop, _ = two
    laptop.add("notes", {"one.txt": "one\n"})
    as_root = laptop.command
    as_nobody(laptop, laptop.home, laptop.source())
    as_owner, laptop.command = laptop.command, as_root
    said = laptop.run(*verb, code=6)
    assert f"runuser -u nobody -- counterfoil --home {laptop.home}" in said, said
    assert of_others(laptop.home) == []
    laptop.command = as_owner
    assert laptop.sync()["in_sync"]


@pytest.mark.parametrize("mode", [0o000, 0o600])
def test_a_home_that_its_owner_shut_is_told_with_what_helps(as_nobody, two, mode):
    laptop, _ = two
    as_nobody(laptop, laptop.home)
    os.chmod(laptop.home, mode)
    try:
        said = laptop.run("sync", code=1)
        assert f"{laptop.home} is shut to its owner by its mode {mode:03o}: Permission denied" in said, said
        assert f"`chmod u+rwx {laptop.home}`" in said, said
    finally:
        os.chmod(laptop.home, 0o700)
    laptop.sync()


def test_a_file_of_root_in_a_home_is_told_with_what_helps(as_nobody, two):
    laptop, _ = two
    as_nobody(laptop, laptop.home)
    for path in pathlib.Path(laptop.home).rglob("CURRENT"):
        os.chown(path, 0, 0)
        path.chmod(0o600)
    said = laptop.run("status", code=1)
    assert "CURRENT in " in said and f"`chown -R nobody {laptop.home}`" in said, said


@pytest.mark.parametrize("format, files", (("files", {"one.txt": "one\n"}), ("vcard", {"ann.vcf": card("1", "Ann")})))
def test_a_source_that_its_owner_shut_is_told_with_what_helps(as_nobody, two, format, files):
    laptop, _ = two
    folder = laptop.source("notes")
    fill(folder, files)
    as_nobody(laptop, laptop.home, folder)
    way = f"{folder}: Permission denied: `chmod u+rwx {folder}` lets us in"
    folder.chmod(0)
    assert way in laptop.run("add", str(folder), "--format", format, code=1)
    folder.chmod(0o700)
    laptop.add("notes", {}, "--format", format)
    laptop.sync()
    folder.chmod(0)
    for verb in "sync", "status":
        said = laptop.finish(verb).stdout
        assert way.replace(": `", ", and nothing is deleted elsewhere: `") in said, said
    folder.chmod(0o700)
    laptop.sync()
