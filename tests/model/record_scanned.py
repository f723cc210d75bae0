# SPDX-License-Identifier: Apache-2.0
"""Which row of the base each row of a source's disk is, as record_model.py scans it (rules i and j)."""
from record_item import how


class Scanned:
    """Of `schema`: what the source showed (`shown`, of `base`) and shows (`disk`), (table, key) -> {property: value}. Finds what
    is `gone` and `new`, by their places, which new one was `moved` from where, and `where` the items that are known are."""

    def plain(self, table, fields):
        return {n: v for n, v in fields.items() if how(self.schema, table, n) == "latest" and v is not None}

    def says_nothing_old(self, at):
        was, now = (self.plain(at[0], rows[at]) for rows in (self.shown, self.disk))
        return self.schema[at[0]].serial and len(was) > 1 and not set(was.items()) & set(now.items())

    def find_others(self):
        """i. Same key, same row; unless it has two or more plain fields and none is as it was, nor is any row of a greater key
        what it was: a row under a used key.

        SQLite without AUTOINCREMENT gives the key of the last row away again: Eve would inherit Ann's telephones.

        >>> rows("A person 1 mark=P name=Ann; all; A person 1 mark=Q name=Eve; B phone 1 mark=b person=1; all")
        person 1 mark=Q name=Eve
        person 2 mark=P name=Ann
        phone 1 mark=b person=2
        >>> start = "A person 1 mark=P name=Ann; A person 2 mark=R name=Bob; all; "
        >>> rows(start + "A person 1 mark=Q name=Eve; B phone 1 mark=b person=1; all")  # 2 was never given away, so 1 wasn't
        person 1 mark=Q name=Eve
        person 2 mark=R name=Bob
        phone 1 mark=b person=1
        """
        both = set(self.shown) & set(self.disk)
        other = {at for at in both if self.says_nothing_old(at)}
        last = {}
        for table, key in both - other:
            last[table] = max(key, last.get(table, key))
        return {at for at in other if at[0] not in last or at[1] > last[at[0]]}

    def is_written_over(self, at):
        """j. Two or more of its plain fields are other than they were: all of another row may stand here."""
        was, now = (self.plain(at[0], rows[at]) for rows in (self.shown, self.disk))
        return self.schema[at[0]].serial and sum(now.get(name) != value for name, value in was.items()) > 1

    def identify(self):
        """j. A new serial row equal to just one that is missing, and that one to it alone, is that row: its key was changed.
        What was written over counts as missing, and as new.

        >>> start = "A person 1 mark=P; A phone 1 mark=a person=1; all; "
        >>> rows(start + "A key person 1 7; A phone 1 person=7; B person 1 name=x; all")
        person 7 mark=P name=x
        phone 1 mark=a person=7
        >>> start = "A person 1 mark=P name=Ann; A person 2 mark=Q name=Bob; A person 3 mark=R name=Cid; all; "
        >>> rows(start + "A del person 3; A person 1 mark=R name=Cid; B person 1 name=Anna; all")  # as who fills gaps with the last row
        person 1 mark=P name=Anna
        person 2 mark=Q name=Bob
        person 3 mark=R name=Cid
        >>> rows(start + "A person 1 mark=Q name=Bob; A person 2 mark=P name=Ann; B person 1 name=Anna; all")  # exchanged
        person 1 mark=Q name=Bob
        person 2 mark=P name=Anna
        person 3 mark=R name=Cid
        """
        other = self.find_others()
        over = {at for at in set(self.shown) & set(self.disk) - other if self.is_written_over(at)}
        gone = {at for at in self.shown if at not in self.disk or at in other}
        new = {at for at in self.disk if at not in self.shown or at in other}
        self.moved = {}
        for at in sorted(new | over):
            mine = at[0], self.plain(at[0], self.disk[at])
            twins = [g for g in gone | over if (g[0], self.plain(g[0], self.shown[g])) == mine]
            alike = [n for n in new | over if (n[0], self.plain(n[0], self.disk[n])) == mine]
            if self.schema[at[0]].serial and len(twins) == len(alike) == 1:
                self.moved[at] = twins[0]
        left = over & {*self.moved, *self.moved.values()}  # whose places others have
        self.gone, self.new = sorted(gone | left), sorted(new | left)
        self.where = {at: self.base[self.moved.get(at, at)].item for at in self.disk
                      if at in self.moved or (at in self.base and at not in self.new)}
