# SPDX-License-Identifier: Apache-2.0
"""No text points to a file that isn't in the tree: neither a comment, nor a README, nor what a script says of itself. A path is
one from the top of a clone, or from the folder of who names it, or from a room; a bare name is of a file that lies anywhere.
Nor does a comment in C, or a README, name a function, type or number of ours that no source has."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENDINGS = "c|h|md|py|cmake|toml|1|8"
NAMED = re.compile(rf"(?<![\w./*{{}}<>$-])((?:[a-z_]\w*/)*[A-Za-z_]\w*\.(?:{ENDINGS}))(?![\w*/(.-])")
# In Markdown also what has a slash: between backticks, and from the top of a clone or of its build in what is typed there.
QUOTED = re.compile(r"`((?:[\w-][\w.-]*/)+(?:[\w-][\w.-]*)?)`")
TYPED = re.compile(r"(?<![\w./*{}<>$=-])((?:bench|broker|build|codec|peer|tests)/[\w./-]*\w)(?![\w*/({<$-])")
ANY = re.compile(r"\b[A-Z]+\b(?!\.md)|build-fuzz/")  # stands for any name, or is made by a campaign
# Of others: the system's, a library's that a comment names, and what stands for any file in an example.
OTHERS = {"_inside.h", "allocator_interface.h", "b.c", "edit.1", "linux/magic.h", "perf_level.h",
          "sanitizer/allocator_interface.h", "src/rabinkarp.h", "xdelta3.h", "fs/proc_namespace.c", "d/e/x.c", "zmq.h"}
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
OURS = re.compile(r"\b(?:cf|CF)_\w+")
OURS_SAID = re.compile(r"\b(?:cf_(?!\w*_[A-Z]+\b)|CF_)\w*(?![\w…*-])")  # CF_REFUSED_… stands for several, cf_bench_NAME for any
SKIPPED = ("tests/fuzz/corpus/", "tests/support/wrong_layers/", "tests/support/test_", "tests/faults/", "tests/peer/vectors/")


def files():
    found = [path for room in ("broker", "codec", "peer", "tests", "bench", ".github") for path in (ROOT / room).rglob("*")]
    return [path for path in [*found, ROOT / "README.md"] if path.is_file() and "__pycache__" not in path.parts
            and not path.relative_to(ROOT).as_posix().startswith(SKIPPED)]


def said(path, text):
    """What is written for people: of C the comments, of Python and scripts the comments and docstrings."""
    if path.suffix in (".c", ".h"):
        return re.findall(r"/\*.*?\*/", text, re.DOTALL)
    if path.name == "CMakeLists.txt" or path.suffix == ".cmake":
        return re.findall(r"#[^\n]*", text)
    if path.suffix == ".py" or text.startswith("#!"):
        return [one or other for one, other in re.findall(r'"""(.*?)"""|(#[^\n]*)', text, re.DOTALL)]
    return [text] if path.suffix in (".md", ".1", ".8") else []


def is_built(name):
    """build/FOLDER/PROGRAM, as the folder's CMakeLists.txt has it; or what CMake writes itself."""
    folder, _, program = name.removeprefix("build/").rpartition("/")
    lists = ROOT / folder / "CMakeLists.txt"
    if not lists.is_file() or not folder:
        return program == "compile_commands.json"
    if program.startswith("suites_"):
        return program.removesuffix("_plain") == "suites_" + folder.removeprefix("tests/").replace("/", "_")
    return re.search(rf"\b{program.removeprefix('test_')}\b", lists.read_text()) is not None


def is_there(folders, name):
    """A file or folder, a test by its name, or all targets of a folder."""
    if name.startswith("build/"):
        return name == "build/" or is_built(name)
    if name.endswith("/all"):
        return (ROOT / name).with_name("CMakeLists.txt").exists()
    return any((folder / name).exists() or (folder / f"{name}.c").exists() for folder in folders)


def lead_nowhere(path, text, names):
    """Of what the text of this file names."""
    folders = [ROOT, *(ROOT / room for room in ("broker", "codec", "peer", "tests")), *list(path.parents)[:3]]
    for part in said(path, text):
        found = dict.fromkeys(NAMED.findall(part))
        if path.suffix == ".md":
            typed = "\n".join(re.findall(r"^    .*$", part, re.MULTILINE))
            found.update(dict.fromkeys(name for name in QUOTED.findall(part) + TYPED.findall(typed) if not ANY.search(name)))
        for name in found:
            there = is_there(folders, name) if "/" in name else name in names
            if not there and name not in OTHERS:
                yield f"{path.relative_to(ROOT)}: {name}"


def identifiers(texts):
    """Of ours, all that sources have outside of comments, CMake's, and those of the environment that tests read."""
    code = (COMMENT.sub(" ", text) if path.suffix in (".c", ".h") else text for path, text in texts.items()
            if path.suffix in (".c", ".h", ".py", ".cmake") or path.name == "CMakeLists.txt")
    return {name for text in code for name in OURS.findall(text)}


def lead_to_no_code(path, text, known):
    """Of the names of ours in what is said here."""
    if path.suffix not in (".c", ".h", ".md"):
        return []
    return [f"{path.relative_to(ROOT)}: {name}" for part in said(path, text) for name in dict.fromkeys(OURS_SAID.findall(part)) if name not in known]


def test_no_comment_names_code_that_is_not_there():
    texts = {path: path.read_bytes().decode(errors="replace") for path in [*files(), ROOT / "CMakeLists.txt", *(ROOT / "tests/faults").glob("*.py")]}
    known = identifiers(texts)
    assert [at for path, text in texts.items() for at in lead_to_no_code(path, text, known)] == []
    assert sum(len(OURS_SAID.findall(part)) for path, text in texts.items() if path.suffix == ".h" for part in said(path, text)) > 300


def test_a_name_of_no_code_is_found():
    here = ROOT / "broker/log/log.h"
    known = identifiers({here: "/* cf_log_gone */ void cf_log_there(void);", ROOT / "CMakeLists.txt": "option(CF_TESTS)"})
    assert known == {"cf_log_there", "CF_TESTS"}
    assert lead_to_no_code(here, "/* As cf_log_there, cf_log_gone; CF_LOG_… of CF_TESTS. */ cf_log_left();", known) == ["broker/log/log.h: cf_log_gone"]


def test_no_text_points_to_a_file_that_is_not_there():
    paths = files()
    names = {path.name for path in paths} | {path.name for path in ROOT.iterdir()}
    texts = {path: path.read_bytes().decode(errors="replace") for path in paths}
    assert [at for path, text in texts.items() for at in lead_nowhere(path, text, names)] == []
    assert sum(len(NAMED.findall(part)) for path, text in texts.items() for part in said(path, text)) > 500, "hardly any is found"


def test_one_that_leads_nowhere_is_found():
    here = ROOT / "broker/log/log.h"
    assert list(lead_nowhere(here, "/* As acceptance.h and nowhere.h have it (broker/nothing/acceptance.h). */", {"acceptance.h"})) == [
        "broker/log/log.h: nowhere.h", "broker/log/log.h: broker/nothing/acceptance.h"]
    assert list(lead_nowhere(ROOT / "tests/CMakeLists.txt", "# As nowhere.c\nadd(there.c)", set())) == ["tests/CMakeLists.txt: nowhere.c"]
    assert list(lead_nowhere(here, "int in_code = nowhere.h;", {"acceptance.h"})) == []


def test_a_script_and_a_program_that_lead_nowhere_are_found():
    text = """`tests/run`, `tests/rum`, `broker/log/`, `broker/lag/`, `fuzz/vcard`, `tests/X/y`

    tests/debug peer; ninja -C build tests/codec/all tests/none/all; build/peer/counterfoil; build/peer/counterfeit
    build/tests/peer/engine/suites_peer_engine; build/tests/peer/log/suites_peer_engine; build/tests/worlds/wurlds
"""
    assert list(lead_nowhere(ROOT / "README.md", text, set())) == [
        f"README.md: {name}" for name in ("tests/rum", "broker/lag/", "tests/none/all", "build/peer/counterfeit",
                                          "build/tests/peer/log/suites_peer_engine", "build/tests/worlds/wurlds")]
