# SPDX-License-Identifier: Apache-2.0
"""tests/coverage: how it counts branches, of a source that two programs were made of, and of one that no program has."""

import importlib.machinery
import importlib.util
import subprocess
from pathlib import Path

TOOL = Path(__file__).resolve().parents[1] / "coverage"
LOADER = importlib.machinery.SourceFileLoader("coverage_tool", str(TOOL))
# Each way of the if is one branch, each side of the && another.
SOURCE = """
int main(int count, char **words)
{
    (void)words;
    if (count > 1 && count < 3)
        return 0;
    return count > 5 ? 2 : 0;
}
"""


def tool_for(root):
    tool = importlib.util.module_from_spec(importlib.util.spec_from_loader("coverage_tool", LOADER))
    LOADER.exec_module(tool)
    tool.ROOT, tool.BUILD = root, root / "build-coverage"
    return tool


def compiled(tool, source, program, *options):
    output = tool.BUILD / program
    output.parent.mkdir(parents=True, exist_ok=True)
    compiler = ["gcc", "--coverage", "-O0", *options]
    subprocess.run([*compiler, "-c", source, "-o", f"{output}.o"], cwd=tool.BUILD, check=True)
    if "main" not in program:
        return
    subprocess.run([*compiler, f"{output}.o", "-o", output], cwd=tool.BUILD, check=True)


def test_branches_are_counted_over_all_programs_and_sources(tmp_path):
    tool = tool_for(tmp_path)
    for name in "codec/main.c", "codec/idle.c":
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(SOURCE)
    compiled(tool, tmp_path / "codec/main.c", "codec/main")
    compiled(tool, tmp_path / "codec/main.c", "tests/main")
    compiled(tool, tmp_path / "codec/idle.c", "codec/idle")
    assert dict(tool.count()) == {"codec/main.c": [0, 6], "codec/idle.c": [0, 6]}
    subprocess.run([tool.BUILD / "codec/main"], check=True)
    assert tool.count()["codec/main.c"] == [2, 6]
    subprocess.run([tool.BUILD / "tests/main", "one"], check=True)
    assert tool.count()["codec/main.c"] == [4, 6]
    assert tool.count()["codec/idle.c"] == [0, 6]


def test_what_is_no_folder_is_named():
    said = subprocess.run([TOOL, "nowhere"], capture_output=True, text=True)
    assert said.returncode == 3 and "there is no folder nowhere" in said.stderr
    assert subprocess.run([TOOL, "--help"], capture_output=True).returncode == 2
