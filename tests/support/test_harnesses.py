# SPDX-License-Identifier: Apache-2.0
"""One name, one body; one job, one body. The folders of tests that others take from (tests/README.md, "Harnesses") give no name
twice, headers have names of their own, and no function of the tests stands twice, under whatever names: what two need is in the
harness that both take, or in support/."""

import re
from collections import defaultdict
from pathlib import Path

from test_layout import TESTS, declared

HARNESSES = ("broker/people", "peer/cases", "peer/model", "peer/small", "support", "worlds")
# A test is linked with one or the other: a real directory, a simulated disk.
TWO_BY_DESIGN = {"support/scratch.c", "worlds/disk_scratch.c"}
# Programs that a story runs, and targets of fuzzing: each is read by itself.
ALONE = ("system/", "fuzz/", "support/wrong_layers/")
LEAST = 50  # words and signs of a function that is worth sharing

KEYWORDS = set("""if else for while do return switch case break continue default sizeof const void int bool char unsigned long double
    struct union enum true false NULL static inline""".split())
FUNCTION = re.compile(r"^((?:static |inline )*[a-z_][\w *]*?\b(\w+)\([^;{}]*\))\n\{\n(.*?)^\}", re.DOTALL | re.MULTILINE)
TYPE = re.compile(r"^\} (\w+);|^(?:struct|union|enum) (\w+) \{", re.MULTILINE)
WORD = re.compile(r'"(?:\\.|[^"\\])*"|\w+|->|[^\w\s]')


def uncommented(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)


def functions(text):
    """Name, head, body."""
    return [(found[2], found[1], found[3]) for found in FUNCTION.finditer(uncommented(text))]


def types(text):
    return {one or other for one, other in TYPE.findall(uncommented(text))}


def shape(head, body, known):
    """The function with its own names, and those of what it calls in the tests, told by their order alone. Types, members, texts
    and what is the product's stay as they are: where these differ the job does."""
    names, words = {}, WORD.findall(head + "{" + body)
    out = []
    for before, word in zip(["", *words], words):
        is_name = re.match(r"[A-Za-z_]", word) and word not in KEYWORDS and word not in known and not word.startswith("cf_")
        out.append(names.setdefault(word, f"name{len(names)}") if is_name and before not in (".", "->") else word)
    return tuple(word for word in out if word not in ("static", "inline"))


def files_of(found):
    """What is two by design counts for one."""
    return {"" if file in TWO_BY_DESIGN else file for file, _ in found}


def twice(texts):
    """Of {file: text}: [(size, [(file, function), …])], what stands in several files."""
    known = set().union(*map(types, texts.values())) | set("size_t ssize_t int64_t uint64_t uint32_t uint16_t uint8_t FILE".split())
    where = defaultdict(list)
    for file, text in sorted(texts.items()):
        for name, head, body in functions(text):
            if not name.startswith("__wrap_"):
                where[shape(head, body, known)].append((file, name))
    return sorted((len(form), found) for form, found in where.items() if len(form) >= LEAST and len(files_of(found)) > 1)


def public(file, text):
    """What others may use of a file: of a header all that it gives, else functions that are not static."""
    if file.endswith(".h"):
        return declared(text)
    return {name for name, head, _ in functions(text) if not head.startswith("static") and name not in ("main", "Test")}


def given_by_two(texts):
    """Of {file: text}, of harnesses: {name: harnesses}."""
    where = defaultdict(set)
    for file, text in texts.items():
        harness = next((folder for folder in HARNESSES if file.startswith(folder + "/")), None)
        for name in public(file, text) if harness and file not in TWO_BY_DESIGN else ():
            where[name].add(harness)
    return {name: sorted(folders) for name, folders in where.items() if len(folders) > 1}


def sources():
    found = {path.relative_to(TESTS).as_posix(): path.read_text(errors="replace") for path in TESTS.rglob("*.[ch]")}
    return {file: text for file, text in found.items() if not file.startswith(ALONE)}


def test_no_two_harnesses_give_one_name():
    texts = sources()
    assert len(texts) > 600
    assert given_by_two(texts) == {}


def test_each_header_has_a_name_of_its_own():
    where = defaultdict(list)
    for file in sources():
        if file.endswith(".h"):
            where[Path(file).name].append(file)
    assert {name: files for name, files in where.items() if len(files) > 1} == {}


def test_no_function_stands_twice():
    """Where it does, it goes to the harness that both take, or to support/."""
    assert twice(sources()) == []


def test_what_is_wrong_is_found():
    head = "typedef struct {\n    int n;\n} world;\nworld *world_new(void);\n"
    assert given_by_two({"worlds/a.h": head, "peer/small/b.h": head}) == {name: ["peer/small", "worlds"] for name in ("world", "world_new")}
    assert given_by_two({"worlds/a.h": head, "worlds/b.h": "typedef struct world world;", "peer/log/b.h": head}) == {}
    body = "int world_go(int n)\n{\n    return n;\n}\n"
    assert given_by_two({"worlds/a.c": body, "support/b.c": body}) == {"world_go": ["support", "worlds"]}
    assert given_by_two({"worlds/a.c": body, "support/b.c": "static " + body}) == {}

    def told(name, types="int", inner="seen", text='"no"'):
        steps = "".join(f"    {inner}[{i}] = of->count + {name}_step({inner}, {text});\n" for i in range(4))
        return f"static {types} {name}(const {types} *of, int *{inner})\n{{\n    /* {name} */\n{steps}    return of;\n}}\n"

    here = {"worlds/a.c": told("sum"), "broker/log/b.c": "#define ONE 1\n" + told("total", inner="found")}
    assert [found for _, found in twice(here)] == [[("broker/log/b.c", "total"), ("worlds/a.c", "sum")]]
    assert twice({**here, "broker/log/b.c": told("total", text='"yes"')}) == [], "another text is another job"
    both = {"a.h": "typedef struct {\n    int n;\n} one;\ntypedef struct {\n    int n;\n} two;\n", "a.c": told("sum", "one")}
    assert twice({**both, "b.c": told("total", "two")}) == [] and len(twice({**both, "b.c": told("total", "one")})) == 1
