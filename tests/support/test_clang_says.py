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
    return says(SCRIPT, build, environment)


def says(script, build, environment=None):
    return subprocess.run([script, build], capture_output=True, text=True, env={**os.environ, **(environment or {})})


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


@pytest.fixture
def tree_with_git(tmp_path, monkeypatch):
    """A product, and tests that clang warns of, which the last commits that changed tests let be; the script looks at the tree that holds a copy of it."""
    monkeypatch.delenv("CF_ALL_CASES", raising=False)
    for variable in "AUTHOR", "COMMITTER":
        monkeypatch.setenv(f"GIT_{variable}_NAME", "tester")
        monkeypatch.setenv(f"GIT_{variable}_EMAIL", "tester@example.org")
    places = {"codec/product": FINE, "tests/old/old": ONLY_CLANG_WARNS, "tests/recent/recent": FINE, "tests/below/below": ONLY_CLANG_WARNS}
    build = tmp_path / "build"
    build.mkdir()
    for place, text in places.items():
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / f"{place}.c").write_text(text)
    (tmp_path / "tests/support").mkdir()
    script = shutil.copy(SCRIPT, tmp_path / "tests/support")
    (tmp_path / ".gitignore").write_text("build/\n")
    (build / "compile_commands.json").write_text(json.dumps([
        {"directory": str(build), "file": f"{tmp_path / place}.c", "command": f"cc -Wall -Wextra -o x.o -c {tmp_path / place}.c"}
        for place in places]))

    def git(*words):
        subprocess.run(["git", "-C", tmp_path, *words], check=True, capture_output=True)

    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    for n in range(9):
        (tmp_path / "tests/story.py").write_text(f"{n}\n")
        git("add", ".")
        git("commit", "-m", f"{n}")
    return tmp_path, lambda environment=None: says(script, build, environment)


@pytest.mark.skipif(not shutil.which("clang") or not shutil.which("git"), reason="clang or git is not installed")
def test_of_tests_that_were_not_changed_lately_only_the_long_form_says_anything(tree_with_git):
    folder, says_there = tree_with_git
    said = says_there()
    assert said.stdout == "clang_says: nothing, of 1 sources\n", said.stderr
    long = says_there({"CF_ALL_CASES": "1"})
    assert long.returncode == 1 and long.stderr.endswith("clang warns, of 4 sources\n") and "/old.c:" in long.stderr
    (folder / "tests/recent/recent.c").write_text(ONLY_CLANG_WARNS)
    (folder / "tests/below/below.h").write_text("int twice(int value);\n")
    recent = says_there()
    assert recent.returncode == 1 and recent.stderr.endswith("clang warns, of 3 sources\n")
    assert "/recent.c:" in recent.stderr and "/below.c:" in recent.stderr, "what has its own change, and what a header's change is beside"
    shutil.rmtree(folder / ".git")
    assert says_there().stderr.endswith("clang warns, of 4 sources\n")
