# SPDX-License-Identifier: Apache-2.0
"""How tests lie: no folder of them is too large to be looked through, no file too long to be read, and no name is given twice, by
two headers of which neither includes the other. What `grep` finds of a harness is one thing then. And how the product lies: no file
of it is too long either, few are small, and few headers are private to a class in several files, which say so by their name."""

import itertools
import re
import sys
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "faults"))
import halves
FILES_MAX, LINES_MAX = 120, 600
STORIES_MAX = 210  # in system/: each story is one file, and pytest looks for what they share beside them
PRODUCT = ("codec", "broker", "peer")
PRIVATE_MAX, SMALL_MAX, SMALL = 24, 80, 100  # headers; files in C with fewer lines than SMALL
BODY_MAX = 60  # lines of a function
DATA = ("fuzz/corpus", "support/wrong_layers")
# Rooms that decide: each file in C says first what it decides, and by which rule.
DECIDING = ("broker/gateway", "broker/leases", "broker/log", "broker/management", "broker/members", "peer/engine", "peer/merge",
            "peer/records", "peer/sources/files", "peer/sources/records")
# Files that decide, in rooms where most carry out; so do all that tests/faults/halves.py takes for deciding.
DECIDING_ALONE = ("broker/door/connection_limits.c", "broker/link/line.c", "broker/link/link_greeting.c",
                  "peer/bindings/binding_guard.c", "peer/bindings/deletion_ages.c", "peer/bindings/guard.c",
                  "peer/log/after.c", "peer/log/catalog_rights.c", "peer/log/changesets.c",
                  "peer/log/collection_fold.c", "peer/log/forks.c", "peer/membership/limit_heads.c",
                  "peer/sources/context/lock_guard.c", "peer/transfer/in_hand.c")
# Whose comments name their noun: what one begins with isn't said by the one before.
NAMING = (*DECIDING, "codec", "peer/transfer")
POINTING = re.compile(r"/\* (?:The same(?:,|\.| (?:as|at|for|in|of|one|where|with)\b)|(?:It|Its|Their|They) |Both:)[^\n]*")

ATTRIBUTE = r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)"


def sources():
    found = [path for path in TESTS.rglob("*") if path.suffix in (".c", ".h", ".py") and "__pycache__" not in path.parts]
    return [path for path in found if not path.relative_to(TESTS).as_posix().startswith(DATA)]


def declared(text):
    """What a header gives to who includes it: macros, values of enums, types, functions, variables."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    macros = re.findall(r"^#define (\w+)", text, re.MULTILINE)
    text = re.sub(r"^#(?:.*\\\n)*.*", "", text, flags=re.MULTILINE)
    text = re.sub(r'"(?:\\.|[^"\\])*"|' + ATTRIBUTE, " ", text)
    values = [value for body in re.findall(r"enum\s*\w*\s*\{([^}]*)\}", text) for value in re.findall(r"(\w+)\s*(?:=[^,]*)?(?:,|$)", body.strip())]
    tags = re.findall(r"(?:struct|union|enum)\s+(\w+)\s*\{", text)
    while "{" in text:
        text = re.sub(r"\{[^{}]*\}", "@", text)
    return {*macros, *values, *tags, *itertools.chain(*map(names_in, re.sub(r"\)\s*@", ");", text).split(";")))}


def names_in(declaration):
    """Of a function, or its type, the name before the arguments; else that at the end of each part."""
    declaration = declaration.strip()
    if not declaration or re.fullmatch(r"(?:(?:struct|union|enum)\s+\w+|enum)(?:\s*@)?", declaration):
        return []
    function = re.match(r"[^(]*\(\s*\*\s*(\w+)\s*\)\s*\(", declaration) or re.search(r"(\w+)\s*\(", declaration)
    if function:
        return [function[1]]
    return re.findall(r"(\w+)\s*(?:\[[^]]*\]\s*)*(?:=[^,]*)?(?=,|$)", declaration)


def all_included(header, includes):
    found, work = set(), [header]
    while work:
        more = includes.get(work.pop(), set()) - found
        found |= more
        work += more
    return found


def given_twice(texts):
    """Of {header: text}: each name with the headers that give it, where neither includes the other: [(name, header, header)]."""
    includes = {header: set(re.findall(r'^#include "(.+)"', text, re.MULTILINE)) for header, text in texts.items()}
    known = {header: all_included(header, includes) for header in texts}
    names = {header: declared(text) for header, text in texts.items()}
    return sorted((name, one, other) for one, other in itertools.combinations(sorted(texts), 2) for name in names[one] & names[other]
                  if one not in known[other] and other not in known[one])


def crowded(paths):
    """Of folders with too many files: how many."""
    counts = Counter(path.parent for path in paths)
    return {folder.name: count for folder, count in counts.items() if count > (STORIES_MAX if folder.name == "system" else FILES_MAX)}


def too_long(texts):
    return {name: lines for name, text in texts.items() if (lines := len(text.splitlines())) > LINES_MAX}


def product(pattern):
    return {str(path.relative_to(TESTS.parent)): path.read_text() for room in PRODUCT for path in (TESTS.parent / room).rglob(pattern)}


def private(headers):
    return [name for name in headers if name.endswith("_inside.h")]


def strangers(texts):
    """Who includes what is private to another room."""
    return [(name, header) for name, text in texts.items() for header in re.findall(r'^#include "([\w/]+_inside\.h)"', text, re.MULTILINE)
            if Path(header).parent != Path(name).parent]


def unnamed(headers):
    """Those that are private by what they say of themselves, and not by their name."""
    said = re.compile(r"nobody else includes|/\* what (?:the parts|the files|[\w ]+'s own files)\b[\w ]* share\b", re.IGNORECASE)
    return [name for name, text in headers.items() if said.search(" ".join(text[:1200].replace("\n *", "").split())) and name not in private(headers)]


def small(texts):
    return [name for name, text in texts.items() if len(text.splitlines()) < SMALL]


def wordless(texts):
    """Files that don't say anything of themselves between their licence and their includes."""
    said = re.compile(r"/\* SPDX[^\n]*\*/\n/\* (?:(?!\*/).)+\*/\n#include ", re.DOTALL)
    return [name for name, text in texts.items() if not said.match(text)]


def long_functions(texts):
    """[(file, the line before its first brace, how many lines stand between its braces)]"""
    found = []
    for name, text in texts.items():
        lines = text.splitlines()
        begins = [at for at, line in enumerate(lines) if line == "{"]
        found += [(name, lines[at - 1], lines.index("}", at) - at - 1) for at in begins]
    return [one for one in found if one[2] > BODY_MAX]


def test_no_function_is_too_long_to_be_seen_at_once():
    files = product("*.c")
    assert long_functions(files) == []
    assert sum("\n{\n" in text for text in files.values()) > 450


def pointing(texts):
    """Comments that say their noun by a pronoun alone."""
    return [(name, found) for name, text in texts.items() for found in POINTING.findall(text)]


def test_comments_of_what_decides_name_their_noun():
    files = {name: text for name, text in product("*.[ch]").items() if name.rpartition("/")[0] in NAMING}
    assert {name.rpartition("/")[0] for name in files} == set(NAMING)
    assert pointing(files) == []


def decide_alone():
    halved = {name for name in halves.DECIDING if name.endswith(".c")}
    named = {name for name in product("*.c") if halves.NAMES_OF_DECIDING.search(name.rpartition("/")[2]) and name not in halves.CARRYING}
    return {*DECIDING_ALONE, *halved, *named}


def test_each_file_that_decides_says_so_first():
    alone = decide_alone()
    files = {name: text for name, text in product("*.c").items() if name.rpartition("/")[0] in DECIDING or name in alone}
    assert {name.rpartition("/")[0] for name in files} >= set(DECIDING)
    assert set(files) >= alone
    assert wordless(files) == []


def test_what_is_private_in_the_product_says_so_and_is_little():
    headers = product("*.h")
    assert len(headers) > 300
    assert unnamed(headers) == []
    assert len(private(headers)) <= PRIVATE_MAX, private(headers)
    assert strangers(product("*.[ch]")) == []


def test_no_file_of_the_product_is_too_long_and_few_are_small():
    """What is read together lies together: a small file that is read with its neighbour alone goes into it."""
    files = product("*.c")
    assert len(files) > 450
    assert too_long({**files, **product("*.h")}) == {}
    assert len(small(files)) <= SMALL_MAX, small(files)


def test_no_format_is_named_but_by_its_descriptor():
    """Whoever asks which format it is has one more place to mend when one comes (adapter.h). FILES is 0, that of no records."""
    files = {**product("*.c"), **product("*.h")}
    named = {name for name, text in files.items() if re.search(r"\bCF_FORMAT_(?:CSV|JSON|VCARD|ICALENDAR|SQLITE)\b", text)}
    assert "peer/adapters/adapter.h" in named
    assert sorted(name for name in named if not re.fullmatch(r"peer/adapters/(?:.*_)?adapter\.[ch]", name)) == []


# What is written for a person to read, and no source.
SHEETS = {("peer/commands/refill.c", ".csv"), ("peer/commands/repair.c", "it first, rows as CSV; where SOURCE is one file, to kept/TIME/ in the home. It is ")}
# By which a file that another program writes to is known.
SIGNS = {("peer/bindings/files_read.c", "SQLite format 3")}


def naming_formats(texts):
    """What a user reads that names a format by hand; JSON is the form of answers, too."""
    naming = re.compile(r"--format (?-i:[a-z])|\b(?:csv|vcard|icalendar|sqlite)\b|\.(?:ics|vcf)\b", re.IGNORECASE)
    return sorted((name, said) for name, text in texts.items()
                  for said in re.findall(r'"((?:\\.|[^"\\\n])*)"', re.sub(r"/\*.*?\*/|#include[^\n]*", " ", text, flags=re.DOTALL)) if naming.search(said))


def test_no_message_names_a_format_but_by_its_descriptor():
    files = {name: text for name, text in {**product("*.c"), **product("*.h")}.items() if not name.startswith("peer/adapters/")}
    assert set(naming_formats(files)) == SHEETS | SIGNS
    said = 'x("--format %s", a); /* "csv" */ x("--format json", "a .vcf file", "of a csv", "vCards", "--json");'
    assert naming_formats({"a.c": said}) == [("a.c", "--format json"), ("a.c", "a .vcf file"), ("a.c", "of a csv")]


def test_no_folder_has_too_many_files():
    paths = sources()
    assert len(paths) > 800
    assert crowded(paths) == {}


def test_no_file_has_too_many_lines():
    assert too_long({str(path.relative_to(TESTS)): path.read_text() for path in sources()}) == {}


def test_no_two_headers_give_one_name():
    texts = {str(path.relative_to(TESTS.parent)): path.read_text() for path in sources() if path.suffix == ".h"}
    assert sum(len(declared(text)) for text in texts.values()) > 1200, "hardly any is found"
    found = given_twice(texts)
    assert found == [], f"{len(found)} names"


def test_what_is_wrong_is_found():
    assert declared("""#define CF_GUARD_H
#define HOUSE_DOORS(n) \\
    ((n) + 1)
enum { ROOMS = 4, DOORS };
typedef enum kind { GREEN, /* MAUVE */ RED = 2 } colour;
typedef struct house house;
struct house { int rooms; void (*open)(int door); };
typedef void house_visit(void *context);
typedef void (*house_leave)(void);
__attribute__((noreturn, format(printf, 1, 2))) void house_fail(const char *format, ...);
static inline int house_doors(const house *of) { return of->rooms; }
extern house *first, *second;
bool house_walk(const house *of, void (*visit)(void *context), void *context);
extern const char *const house_names[ROOMS];
struct garden;
""") == {"CF_GUARD_H", "HOUSE_DOORS", "ROOMS", "DOORS", "kind", "GREEN", "RED", "colour", "house", "house_visit", "house_leave",
         "house_fail", "house_doors", "house_walk", "first", "second", "house_names"}
    texts = {"a.h": "typedef struct world world;", "b.h": '#include "a.h"\nstruct world { int n; };', "c.h": "world *world_new(void);",
             "d.h": "typedef struct { int k; } world;\nint world_new(int);"}
    assert given_twice(texts) == [("world", "a.h", "d.h"), ("world", "b.h", "d.h"), ("world_new", "c.h", "d.h")]
    crowd = [Path(f"one/{n}/a.c" if n % 2 else f"one/{n}.c") for n in range(2 * FILES_MAX + 1)]
    assert crowded([*crowd, *(Path(f"system/{n}.py") for n in range(FILES_MAX + 1))]) == {"one": FILES_MAX + 1}
    said = {"a.h": "/* What the files of a house share. */", "b.h": "/* The doors. Nobody\n * else includes this. */", "c.h": "/* Doors. */"}
    assert unnamed(said) == ["a.h", "b.h"] and unnamed({"a_inside.h": said["a.h"]}) == []
    assert private({"a_inside.h": "", "inside.h": ""}) == ["a_inside.h"]
    texts = {"a/b.c": '#include "a/c_inside.h"', "b/b.c": '#include "a/c_inside.h"'}
    assert strangers(texts) == [("b/b.c", "a/c_inside.h")]
    assert small({"a.c": "\n" * SMALL, "b.c": "\n" * (SMALL - 1)}) == ["b.c"]
    licence, words, include = "/* SPDX-License-Identifier: Apache-2.0 */\n", "/* Who may. */\n", '#include "a.h"\n'
    assert wordless({"a.c": licence + words + include, "b.c": licence + include + words + include, "c.c": licence + include}) == ["b.c", "c.c"]
    assert too_long({"a.c": "\n" * LINES_MAX, "b.c": "\n" * (LINES_MAX + 1)}) == {"b.c": LINES_MAX + 1}
    said = "/* The same of a path. */ /* It is gone. */ /* The same values. */ /* Its: a word. */ /* Item 7. */"
    assert [found for _, found in pointing({"a.h": said.replace("*/ ", "*/\n")})] == ["/* The same of a path. */", "/* It is gone. */"]
    body = "\n{\n" + "    go();\n" * BODY_MAX + "}\n"
    long = "static bool go(int a,\n               int b)" + body.replace("}", "    go();\n}")
    assert long_functions({"a.c": "void come(void)" + body, "b.c": "int x[] = {\n1};\n" + long}) == [("b.c", "               int b)", BODY_MAX + 1)]
