# SPDX-License-Identifier: Apache-2.0
"""tests/support/clang_says: it fails on what clang alone warns of, and on nothing to look at."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent / "clang_says"
FINE = "int twice(int value);\nint twice(int value)\n{\n    return 2 * value;\n}\n"
ONLY_CLANG_WARNS = FINE.replace("    return", "    if ((value == 0))\n        return 0;\n    return")


def look(folder, environment=None, **sources):
    """At a build directory that compiles these sources, which lie beside it."""
    build = folder / "build"
    build.mkdir(exist_ok=True)
    for name, text in sources.items():
        (folder / f"{name}.c").write_text(text)
    entries = [{"directory": str(build), "file": str(folder / f"{name}.c"),
                "command": f"/usr/bin/cc -Wall -Wextra -Werror -o {name}.o -c {folder / name}.c"} for name in sources]
    assert all(subprocess.run(entry["command"], shell=True, cwd=build).returncode == 0 for entry in entries)
    (build / "compile_commands.json").write_text(json.dumps(entries))
    return subprocess.run([SCRIPT, build], capture_output=True, text=True, env={**os.environ, **(environment or {})})


@pytest.mark.skipif(not shutil.which("clang"), reason="clang is not installed")
def test_what_clang_alone_warns_of_fails(tmp_path):
    said = look(tmp_path, fine=FINE, warns=ONLY_CLANG_WARNS, warns_too=ONLY_CLANG_WARNS.replace("twice", "double_of"))
    assert said.returncode == 1 and "/warns.c:" in said.stderr and "/warns_too.c:" in said.stderr
    assert said.stderr.count("[-Werror,-Wparentheses-equality]") == 2
    assert said.stderr.endswith("clang_says: clang warns, of 3 sources\n")
    said = look(tmp_path, fine=FINE)
    assert (said.returncode, said.stdout) == (0, "clang_says: nothing, of 1 sources\n")


@pytest.mark.skipif(not shutil.which("clang"), reason="clang is not installed")
def test_nothing_to_look_at_fails(tmp_path):
    said = look(tmp_path)
    assert said.returncode == 1 and "compiles nothing" in said.stderr


def test_without_clang_it_is_passed_over(tmp_path):
    (tmp_path / "python3").symlink_to("/usr/bin/python3")
    said = look(tmp_path, {"PATH": str(tmp_path)}, warns=ONLY_CLANG_WARNS)
    assert said.returncode == 0 and "clang is not installed" in said.stdout
