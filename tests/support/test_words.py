# SPDX-License-Identifier: Apache-2.0
"""One word, one thing. Each word in the name of a public type stands in a glossary (the table under "Words" in broker/README.md
and peer/README.md) or is the field's own, or plain English, which `plain_words` lists; and a name is that of one type alone."""

import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TYPE = re.compile(r"^\}\s*(cf_\w+);|^(?:struct|union|enum) (cf_\w+) \{|^typedef (?:struct|union|enum) \w+ (cf_\w+);|^typedef [\w ]+[ *](cf_\w+)\(", re.MULTILINE)
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


def unexplained(types, words):
    """{word: a type that has it}"""
    return {word: name for name in sorted(types) for word in name[3:].split("_") if not knows(words, word)}


def test_each_word_of_a_public_type_is_explained_or_plain():
    types = {name for path in sources("*.h") for name in names(TYPE.findall(path.read_text()))}
    assert len(types) > 800
    plain = set((Path(__file__).parent / "plain_words").read_text().split())
    found = unexplained(types, glossary() | plain)
    assert not found, f"{found}: into the glossary of broker/README.md or peer/README.md, or, if a reader of rsync or git knows the word, into tests/support/plain_words"


def test_a_word_is_plain_or_explained_and_is_used():
    """What is gone from the code goes from here."""
    types = {name for path in sources("*.h") for name in names(TYPE.findall(path.read_text()))}
    used = {word for name in types for word in name[3:].split("_")}
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
    assert unexplained({"cf_haul", "cf_link_hauls", "cf_link"}, {"link"}) == {"haul": "cf_haul", "hauls": "cf_link_hauls"}
    assert not unexplained({"cf_entries", "cf_links"}, {"entry", "link"})
