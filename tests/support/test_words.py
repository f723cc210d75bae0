# SPDX-License-Identifier: Apache-2.0
"""One word, one thing. Each word in the name of a public type or of a source file, and the first one of a public function's, which
says whose it is, stands in a glossary (the table under "Words" in broker/README.md and peer/README.md) or is the field's own, or
plain English, which `plain_words` lists; and a name is that of one type alone."""

import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TYPE = re.compile(r"^\}\s*(cf_\w+);|^(?:struct|union|enum) (cf_\w+) \{|^typedef (?:struct|union|enum) \w+ (cf_\w+);|^typedef [\w ]+[ *](cf_\w+)\(", re.MULTILINE)
FUNCTION = re.compile(r"^(?!typedef|else|return)(?:static inline )?[a-z][\w ]*[ *](cf_[a-z0-9]+)\w*\(", re.MULTILINE)
BODY = re.compile(r"^\}\s*(cf_\w+);|^(?:struct|union|enum) (cf_\w+) \{", re.MULTILINE)


def sources(pattern):
    return [path for folder in ("codec", "broker", "peer") for path in sorted((ROOT / folder).rglob(pattern))]


def names(found):
    return ["".join(each) for each in found]


def glossary():
    """The words of the tables, without what follows of them in the other columns."""
    words = set()
    for path in ROOT / "broker/README.md", ROOT / "peer/README.md":
        for line in path.read_text().split("\n## Words\n")[1].splitlines():
            row = re.match(r"\| ([^|]+) \| .+ \| `.+` \|$", line)
            words |= set(re.findall(r"\w+", row[1])) if row else set()
    return words


def knows(words, word):
    return any(one in words for one in (word, re.sub(r"ies$", "y", word), re.sub(r"s$", "", word)))


def named():
    """Public types, the first words of public functions, and source files, each as cf_ and its words."""
    texts = [path.read_text() for path in sources("*.h")]
    types = {name for text in texts for name in names(TYPE.findall(text))}
    owners = {name for text in texts for name in FUNCTION.findall(text)}
    assert len(types) > 800 and len(owners) > 300
    return types | owners | {"cf_" + path.stem.removesuffix("_inside") for path in sources("*.[ch]")}


def unexplained(types, words):
    """{word: a type that has it}"""
    return {word: name for name in sorted(types) for word in name[3:].split("_") if not knows(words, word)}


def test_each_word_of_a_public_name_is_explained_or_plain():
    plain = set((Path(__file__).parent / "plain_words").read_text().split())
    found = unexplained(named(), glossary() | plain)
    assert not found, f"{found}: into the glossary of broker/README.md or peer/README.md, or, if a reader of rsync or git knows the word, into tests/support/plain_words"


def test_a_word_is_plain_or_explained_and_is_used():
    """What is gone from the code goes from here."""
    used = {word for name in named() for word in name[3:].split("_")}
    plain = (Path(__file__).parent / "plain_words").read_text().split()
    assert plain == sorted(set(plain))
    assert not set(plain) - used
    assert not set(plain) & glossary()


def test_a_name_is_that_of_one_type():
    where = defaultdict(set)
    for path in sources("*.[ch]"):
        for name in names(BODY.findall(path.read_text())):
            where[name].add(str(path.relative_to(ROOT)))
    twice = {name: paths for name, paths in where.items() if len(paths) > 1}
    assert not twice, twice


def test_an_unknown_word_would_be_found():
    assert FUNCTION.findall("void cf_haul_begin(cf_haul *haul);\nstatic inline bool cf_is(int a)\ntypedef void cf_visit(void);\n") == ["cf_haul", "cf_is"]
    assert unexplained({"cf_haul", "cf_link_hauls", "cf_link"}, {"link"}) == {"haul": "cf_haul", "hauls": "cf_link_hauls"}
    assert not unexplained({"cf_entries", "cf_links"}, {"entry", "link"})
