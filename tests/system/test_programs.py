# SPDX-License-Identifier: Apache-2.0
"""Programs of Debian that have their own files: each makes its data, changes it on two devices apart, and reads there what was merged."""

import csv
import os
import shutil
import subprocess

from counterfoil import CLEAN, WAIT, both, broker, make_device, two  # noqa: F401
from test_sqlite import Database


PROGRAMS = ("sqlite3", "buku", "newsboat", "ssconvert")


def test_they_are_installed():
    assert [name for name in PROGRAMS if not shutil.which(name)] == [], "tests/packages names their Debian packages: gnumeric has ssconvert"


class Program:
    """One, with a home of its own on a device."""

    def __init__(self, device, name):
        self.path = shutil.which(name)
        self.home = device.folder / f"{device.name}-{name}"
        self.home.mkdir()
        self.environment = {**CLEAN, "HOME": str(self.home), "LANG": "C.UTF-8", "TERM": "dumb"} | {
            f"XDG_{kind}_HOME": str(self.home / kind.lower()) for kind in ("DATA", "CONFIG", "CACHE")}

    def run(self, *arguments, stdin=""):
        done = subprocess.run([self.path, *arguments], input=stdin, capture_output=True, text=True, timeout=WAIT,
                              env=self.environment, cwd=self.home, check=False)
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout


def share(two, programs, path, *options, name="data"):
    """The first one's file comes to the second, whose program made one of its own."""
    laptop, desktop = two
    here, there = (program.home / path for program in programs)
    laptop.json("add", str(here), "--collection", name, *options)
    laptop.sync()
    desktop.sync()
    desktop.json("add", str(there), "--collection", name, "--existing", *options)
    both(laptop, desktop)
    return laptop, desktop, here, there


# ---- sqlite3 ----

TODO = """
CREATE TABLE lists (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE items (id INTEGER PRIMARY KEY AUTOINCREMENT, list INTEGER NOT NULL REFERENCES lists, what TEXT, done INTEGER DEFAULT 0);
PRAGMA journal_mode = WAL;
"""


def test_sqlite3(two):
    programs = [Program(device, "sqlite3") for device in two]
    for program in programs:
        program.run("todo.db", stdin=TODO)
    programs[0].run("todo.db", "INSERT INTO lists VALUES (1, 'home'); INSERT INTO items(list, what) VALUES (1, 'sweep'), (1, 'cook');")
    laptop, desktop, here, there = share(two, programs, "todo.db", "--format", "sqlite")
    programs[0].run("todo.db", "UPDATE items SET done = 1 WHERE what = 'sweep'; INSERT INTO items(list, what) VALUES (1, 'wash');")
    programs[1].run("todo.db", "UPDATE items SET what = 'cook soup' WHERE what = 'cook'; INSERT INTO items(list, what) VALUES (1, 'read');")
    both(laptop, desktop)
    both(laptop, desktop)
    said = [program.run("todo.db", "SELECT what, done FROM items ORDER BY what; PRAGMA integrity_check; PRAGMA foreign_key_check;")
            for program in programs]
    assert said[0] == said[1] == "cook soup|0\nread|0\nsweep|1\nwash|0\nok\n"
    for program, file in zip(programs, ("here.sql", "there.sql")):  # a dump, and a database made of it in its place
        program.run("todo.db", f".output {file}", ".dump")
        program.run("new.db", f".read {file}")
    os.replace(programs[0].home / "new.db", here)
    both(laptop, desktop)
    assert programs[1].run("todo.db", "SELECT count(*) FROM items") == "4\n"


# ---- buku ----


class Buku(Program):
    def __init__(self, device):
        super().__init__(device, "buku")

    def buku(self, *arguments):
        return self.run("--nostdin", "--nc", "--np", *arguments)

    def add(self, url, title, tags):
        self.buku("-a", url, tags, "--title", title)

    def listed(self):
        """Address, title and tags, as it exports them."""
        file = self.home / "all.md"
        file.unlink(missing_ok=True)
        self.buku("-e", str(file))
        return sorted(file.read_text().splitlines())


def test_buku(two):
    programs = [Buku(device) for device in two]
    programs[0].add("urn:a.example", "Apples", "fruit")
    programs[0].add("urn:b.example", "Beans", "seed")
    programs[1].buku("-p")  # which makes its database
    laptop, desktop, here, there = share(two, programs, "data/buku/bookmarks.db", "--format", "sqlite")
    assert programs[1].listed() == programs[0].listed() and len(programs[0].listed()) == 2
    programs[0].buku("-u", "1", "--title", "Red apples")
    programs[0].add("urn:c.example", "Corn", "seed")
    programs[1].buku("-u", "1", "--tag", "+", "red")
    programs[1].add("urn:d.example", "Dates", "fruit")
    both(laptop, desktop)
    both(laptop, desktop)
    listed = programs[0].listed()
    assert listed == programs[1].listed() and len(listed) == 4
    apples = next(line for line in listed if "a.example" in line)
    assert "Red apples" in apples and "red" in apples and "fruit" in apples
    # It gives the last one's number to what takes the place of one that is deleted.
    number = Database(here).rows("SELECT id FROM bookmarks WHERE URL LIKE '%b.example%'")[0][0]
    programs[0].run("--nostdin", "--nc", "--tacit", "-d", str(number))
    programs[1].add("urn:e.example", "Eggs", "farm")
    both(laptop, desktop)
    both(laptop, desktop)
    listed = programs[0].listed()
    assert listed == programs[1].listed()
    assert [name for name in "abcde" if any(f"{name}.example" in line for line in listed)] == list("acde")


# ---- newsboat ----

ITEM = "<item><title>{0}</title><link>https://n.example/{0}</link><guid>{0}</guid><pubDate>Mon, 16 Nov 2026 10:00:00 GMT</pubDate><description>about {0}</description></item>"


def write_feed(feed, *names):
    items = "".join(ITEM.format(name) for name in names)
    feed.write_text(f'<?xml version="1.0"?><rss version="2.0"><channel><title>News</title><link>https://n.example/</link>'
                    f"<description>all</description>{items}</channel></rss>")


class Newsboat(Program):
    def __init__(self, device, feed):
        super().__init__(device, "newsboat")
        (self.home / "urls").write_text(f"file://{feed}\n")
        (self.home / "config").write_text("")

    def newsboat(self, *commands):
        return self.run("-u", "urls", "-C", "config", "-c", "cache.db", "-x", *commands)

    def unread(self):
        return int(self.newsboat("print-unread").split()[0])

    def has_read(self, article):
        """As it takes over what another device has read."""
        (self.home / "read").write_text(article + "\n")
        self.run("-u", "urls", "-C", "config", "-c", "cache.db", "-I", "read")


def test_newsboat(two):
    feed = two[0].folder / "feed.xml"
    write_feed(feed, "one", "two", "three")
    programs = [Newsboat(device, feed) for device in two]
    programs[0].newsboat("reload")
    programs[1].newsboat("print-unread")  # which makes its database
    laptop, desktop, here, there = share(two, programs, "cache.db", "--format", "sqlite")
    assert programs[1].unread() == programs[0].unread() == 3
    programs[0].has_read("one")
    programs[1].has_read("two")
    assert programs[0].unread() == programs[1].unread() == 2
    write_feed(feed, "one", "two", "three", "four")
    programs[0].newsboat("reload")
    both(laptop, desktop)
    both(laptop, desktop)
    assert programs[0].unread() == programs[1].unread() == 2
    programs[1].newsboat("reload")
    both(laptop, desktop)
    assert programs[0].unread() == programs[1].unread() == 2, "what the other one fetched is not fetched again"
    assert Database(here).sound() and Database(here).all("rss_item", "rss_feed") == Database(there).all("rss_item", "rss_feed")


def test_newsboat_fetches_on_both(two):
    """Both fetch an article before they hear of each other: it is one, and read where either read it."""
    feed = two[0].folder / "feed.xml"
    write_feed(feed, "one")
    programs = [Newsboat(device, feed) for device in two]
    programs[0].newsboat("reload")
    programs[1].newsboat("print-unread")
    laptop, desktop, here, there = share(two, programs, "cache.db", "--format", "sqlite", "--natural-key", "rss_item.guid",
                                         "--last", "rss_item.unread")
    write_feed(feed, "two", "three", "one")
    programs[0].newsboat("reload")
    write_feed(feed, "four", "three", "two", "one")
    programs[1].newsboat("reload")
    programs[1].has_read("two")
    assert programs[1].unread() == 3
    for _ in "12":
        both(laptop, desktop)
    assert sorted(Database(here).rows("SELECT guid FROM rss_item")) == [("four",), ("one",), ("three",), ("two",)]
    assert programs[0].unread() == programs[1].unread() == 3
    assert Database(here).sound() and Database(here).all("rss_item", "rss_feed") == Database(there).all("rss_item", "rss_feed")


# ---- ssconvert ----


class Sheet(Program):
    """A spreadsheet: reads a file, and saves it again as it likes."""

    def __init__(self, device):
        super().__init__(device, "ssconvert")

    def save(self, name):
        self.run(name, "sheet.gnumeric")
        self.run("--export-type", "Gnumeric_stf:stf_assistant", "-O", "separator=; eol=windows quoting-mode=auto format=preserve", "sheet.gnumeric", "saved.txt")
        os.replace(self.home / "saved.txt", self.home / name)


def cells(path):
    text = path.read_bytes().decode("utf-8-sig")
    return sorted(map(tuple, csv.reader(text.splitlines(), delimiter=";")))


def test_ssconvert(two):
    programs = [Sheet(device) for device in two]
    here = programs[0].home / "stock.csv"
    here.write_bytes("\ufeffid;what;count\r\n1;\"salt; fine\";5\r\n2;Käse;7\r\n3;rye;9\r\n".encode())
    programs[0].save("stock.csv")
    laptop, desktop, here, there = share(two, programs, "stock.csv", "--format", "csv", "--key", "id")
    assert cells(here) == cells(there)
    for program, before, after, new in (programs[0], "Käse;7", "Käse;70", 10), (programs[1], "rye;9", "rye;90", 11):
        file = program.home / "stock.csv"
        file.write_bytes(file.read_bytes().replace(before.encode(), after.encode()) + f"{new};new;1\r\n".encode())
        program.save("stock.csv")
    both(laptop, desktop)
    both(laptop, desktop)
    assert cells(here) == cells(there) == sorted([
        ("id", "what", "count"), ("1", "salt; fine", "5"), ("2", "Käse", "70"), ("3", "rye", "90"), ("10", "new", "1"), ("11", "new", "1")])
    for program in programs:
        program.save("stock.csv")
    for device in two:
        assert device.sync()["traffic"]["entries_sent"] == 0, "saved again it says the same"
