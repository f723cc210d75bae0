# SPDX-License-Identifier: Apache-2.0
"""What `cmake --install` brings, that the programs run from there, and configuring without a network."""

import json
import os
import pathlib
import re
import subprocess

import pytest

import counterfoil
import counterfoild
from counterfoil import Device, tree
from counterfoild import Broker

BUILD = pathlib.Path(os.environ["CF_BUILD"])
SOURCE = pathlib.Path(__file__).parents[2]
CACHE = dict(re.findall(r"^(\w+):\w+=(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.MULTILINE))
INSTALLED = {
    "bin/counterfoil", "bin/counterfoil-bench", "sbin/counterfoild", "share/man/man1/counterfoil.1", "share/man/man1/counterfoil-records.1",
    "share/man/man1/counterfoil-recover.1",
    "share/man/man8/counterfoild.8", "etc/counterfoild.conf", "lib/systemd/system/counterfoild.service",
    "lib/sysusers.d/counterfoil.conf", "lib/tmpfiles.d/counterfoil.conf",
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    done = subprocess.run(["cmake", "--install", BUILD], env={**os.environ, "DESTDIR": str(root)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return root, root / CACHE["CMAKE_INSTALL_PREFIX"].lstrip("/")


def test_all_of_it_and_nothing_else_is_installed(installed):
    root, prefix = installed
    assert {str(path.relative_to(prefix)) for path in prefix.rglob("*") if not path.is_dir()} == INSTALLED
    assert {path for path in root.rglob("*") if not path.is_dir()} == {prefix / path for path in INSTALLED}
    for path in INSTALLED:
        program = path.split("/")[0] in ("bin", "sbin")
        assert (prefix / path).stat().st_mode & 0o777 == (0o755 if program else 0o644), path


def test_the_programs_run_from_there(installed, tmp_path, monkeypatch):
    _, prefix = installed
    monkeypatch.setattr(counterfoil, "COUNTERFOIL", str(prefix / "bin/counterfoil"))
    monkeypatch.setattr(counterfoild, "COUNTERFOILD", str(prefix / "sbin/counterfoild"))
    broker, laptop, desktop = Broker(str(tmp_path / "broker")), Device(tmp_path, "laptop"), Device(tmp_path, "desktop")
    broker.start()
    try:
        laptop.init(broker.run("invite").strip())
        laptop.pair(desktop)
        here = laptop.add("notes", {"one.txt": "one\n"})
        laptop.sync()
        desktop.sync()
        there = desktop.add("notes", None, "--existing")
        desktop.sync()
        assert tree(there) == tree(here) == {"one.txt": b"one\n"}
    finally:
        broker.stop()
        laptop.end()
        desktop.end()


def test_the_benchmarks_find_the_installed_programs(installed, tmp_path):
    _, prefix = installed
    document = tmp_path / "figures.json"
    command = [prefix / "bin/counterfoil-bench", "silence", "--quick", "--json", document]
    done = subprocess.run(command, env={"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    (silence,) = json.loads(document.read_text())
    assert silence["results"] and not silence["skipped"]


def configure(folder, *options):
    """Where nothing can be downloaded."""
    words = ["cmake", "-S", SOURCE, "-B", folder, "-G", "Ninja", "-DCF_TESTS=OFF", "-DNPM=/nowhere/npm", *options]
    clean = {name: value for name, value in os.environ.items() if name != "XDELTA3_ARCHIVE"}
    return subprocess.run(words, env=clean, capture_output=True, text=True, timeout=120)


def test_it_is_configured_without_a_network_from_an_archive(tmp_path):
    archive = pathlib.Path(CACHE.get("XDELTA3_ARCHIVE") or BUILD / "xdelta3/xdelta3-wasm-1.0.0.tgz")
    if not archive.exists():
        pytest.skip("its archive is not here")
    done = configure(tmp_path / "from-archive", f"-DXDELTA3_ARCHIVE={archive}")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "from-archive/build.ninja").exists()


def test_what_lacks_of_xdelta3_is_said_with_what_to_do(tmp_path):
    without = configure(tmp_path / "without")
    assert without.returncode and "-DXDELTA3_ARCHIVE=FILE" in " ".join(without.stderr.split())
    other = tmp_path / "other.tgz"
    other.write_bytes(b"not it")
    done = configure(tmp_path / "other", f"-DXDELTA3_ARCHIVE={other}")
    assert done.returncode and "its SHA-256 is" in " ".join(done.stderr.split())
