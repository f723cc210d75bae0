# SPDX-License-Identifier: Apache-2.0
"""Who builds where packages are missing reads the names of all of them, and what installs them."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HELP = "`peer/prepare peer/packages tests/packages`"


def refused(tmp_path, *options, **variables):
    """What configuring ends with, of a build that has fetched nothing yet."""
    environment = dict(os.environ, **variables)
    environment.pop("XDELTA3_ARCHIVE", None)
    done = subprocess.run(["cmake", "-S", ROOT, "-B", tmp_path / "build", *options], env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    return " ".join(done.stderr.split())


def test_all_that_is_missing_is_told_at_once(tmp_path):
    (tmp_path / "python3").write_text("#!/bin/sh\necho 'nacl;zmq'\n")
    (tmp_path / "python3").chmod(0o755)
    said = refused(tmp_path, "-DROCKSDB_LIBRARY=ROCKSDB_LIBRARY-NOTFOUND", "-DNPM=NPM-NOTFOUND", "-DCMAKE_PROGRAM_PATH=",
                   f"-DCF_PYTHON={tmp_path / 'python3'}", f"-DCMAKE_IGNORE_PATH={tmp_path};/usr/bin;/usr/local/bin;/bin",
                   "-DCMAKE_C_COMPILER=/usr/bin/cc", "-DCMAKE_MAKE_PROGRAM=/usr/bin/make", "-DPKG_CONFIG_EXECUTABLE=/usr/bin/pkg-config",
                   PKG_CONFIG_LIBDIR=str(tmp_path / "none"), PKG_CONFIG_PATH="")
    for one in "libgit2", "libzmq", "libczmq", "msgpack", "libsodium", "sqlite3", "libsystemd", "criterion", "npm", "Python's nacl, Python's zmq":
        assert one in said, said
    assert HELP in said, said


def test_without_pkg_config_the_rest_is_told(tmp_path):
    said = refused(tmp_path, "-DPKG_CONFIG_EXECUTABLE=PKG_CONFIG_EXECUTABLE-NOTFOUND", "-DNPM=NPM-NOTFOUND",
                   "-DCMAKE_IGNORE_PATH=/usr/bin;/usr/local/bin;/bin", "-DCMAKE_C_COMPILER=/usr/bin/cc", "-DCMAKE_MAKE_PROGRAM=/usr/bin/make")
    assert "not found: pkg-config, and what it finds, npm, python3" in said and HELP in said, said


def test_each_module_of_a_package_is_looked_for():
    """A new python3-NAME in tests/packages is one to be looked for, and what tests import is among them."""
    text = (ROOT / "CMakeLists.txt").read_text()
    [modules] = re.findall(r"set\(CF_PYTHON_MODULES ([a-z ]+)\)", text)
    packages = re.findall(r"^python3-(\w+)$", (ROOT / "tests/packages").read_text(), re.M)
    assert modules.split() == sorted(packages)


def test_without_python_that_is_told(tmp_path):
    said = refused(tmp_path, "-DCF_PYTHON=CF_PYTHON-NOTFOUND", "-DCMAKE_IGNORE_PATH=/usr/bin", "-DCMAKE_C_COMPILER=/usr/bin/cc",
                   "-DCMAKE_MAKE_PROGRAM=/usr/bin/make", "-DPKG_CONFIG_EXECUTABLE=/usr/bin/pkg-config")
    assert "python3" in said and HELP in said, said
