# SPDX-License-Identifier: Apache-2.0
"""Who builds where packages are missing reads the names of all of them, and what installs them."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_all_that_is_missing_is_told_at_once(tmp_path):
    environment = dict(os.environ, PKG_CONFIG_LIBDIR=str(tmp_path / "none"), PKG_CONFIG_PATH="")
    done = subprocess.run(["cmake", "-S", ROOT, "-B", tmp_path / "build", "-DROCKSDB_LIBRARY=ROCKSDB_LIBRARY-NOTFOUND",
                           f"-DCMAKE_IGNORE_PATH={tmp_path}"], env=environment, capture_output=True, text=True)
    said = " ".join(done.stderr.split())
    assert done.returncode != 0
    for one in "libgit2", "libzmq", "libczmq", "msgpack", "libsodium", "sqlite3", "libsystemd", "criterion":
        assert one in said, said
    assert "`peer/prepare peer/packages tests/packages`" in said, said
