/* SPDX-License-Identifier: Apache-2.0 */
/* Small histories of records, and what a user should see in the end. Letters are devices; a row is
 * a table, a key and fields; `all`: everybody scans, hears of everything and applies. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/peer/records/made_row.h"
#include "tests/peer/records/row_world.h"
#include "tests/support/expect.h"

static const struct {
    const char *name, *script, *shown;
} examples[] = {
    {"fields apart", "A card u name=Ann; all; A card u note=x; B card u org=y; all",
     "card u name=Ann note=x org=y"},
    {"field twice", "A card u name=Ann; all; A card u name=Anna; B card u name=Anne; all",
     "card u name=Anne | conflict name=Anna"},
    {"clear what is in conflict",
     "A card u name=Ann note=x; all; A card u name=Anna; B card u name=Anne; all; A card u name=; "
     "all",
     "card u note=x"},
    {"equal is none", "A card u name=Ann; all; A card u name=Anna; B card u name=Anna; all",
     "card u name=Anna"},
    {"uid born apart", "A card u name=Ann; B card u note=x; all", "card u name=Ann note=x"},
    {"volatile alone", "A card u name=Ann rev=1; all; A card u rev=2; B card u rev=3; all",
     "card u name=Ann rev=1"},
    {"volatile along", "A card u name=Ann rev=1; all; A card u rev=2 note=x; all",
     "card u name=Ann note=x rev=2"},
    {"volatile revives not", "A card u name=Ann rev=1; all; A del card u; B card u rev=2; all", ""},
    {"weak revives not", "A card u name=Ann; all; A del card u; B card u seen=1; all", ""},
    {"sets add same", "A card u name=Ann; all; A card u tel=1; B card u tel=1; all",
     "card u name=Ann tel=1"},
    {"sets add different", "A card u name=Ann; all; A card u tel=1; B card u tel=2; all",
     "card u name=Ann tel=1,2"},
    {"sets edit and delete", "A card u tel=1; all; A card u tel=2; B card u tel=; all",
     "card u tel=2"},
    {"sets edit and edit", "A card u tel=1; all; A card u tel=2; B card u tel=3; all",
     "card u tel=2,3"},
    {"sets edit and add", "A card u tel=1; all; A card u tel=2; B card u tel=1,3; all",
     "card u tel=2,3"},
    {"sets order", "A card u tel=1,2; all; A card u tel=2,1; B card u tel=1,3; all",
     "card u tel=1,3"},
    {"one of hers to another, and she is deleted with all of hers",
     "A person 1 mark=P name=Ann; A person 2 mark=Q name=Bob; A phone 1 mark=a person=1; "
     "A phone 2 mark=b person=1; all; A del phone 1; A del phone 2; A del person 1; "
     "B phone 1 mark=a person=2; all",
     "person 2 mark=Q name=Bob; phone 1 mark=a person=2"},
    {"she is deleted, and hers still refer to her",
     "A person 1 mark=P name=Ann; A phone 1 mark=a person=1; all; A del person 1; all",
     "phone 1 mark=a person=1"},
    {"she is deleted, hers still refers to her, and is edited there",
     "A person 1 mark=P name=Ann; A phone 1 mark=a person=1; all; A del person 1; B phone 1 "
     "name=x; "
     "all",
     "phone 1 mark=a name=x person=1"},
    {"she is deleted, hers still refers to her, and another one is added there",
     "A person 1 mark=P name=Ann; A phone 1 mark=a person=1; all; A del person 1; B phone 2 mark=b "
     "person=1; all",
     "person 1 mark=P name=Ann; phone 1 mark=a person=1; phone 2 mark=b person=1"},
    {"she is deleted, hers refers to nobody, and is deleted there",
     "A person 1 mark=P; A phone 1 mark=a about=1; all; A del person 1; A phone 1 about=; B del "
     "phone 1; all",
     ""},
    {"she is deleted, hers refers to nobody, and was deleted there before",
     "A person 1 mark=P; A phone 1 mark=a about=1; all; B del phone 1; B scan; A del person 1; A "
     "phone 1 about=; all",
     ""},
    {"edit beats delete", "A card u name=Ann note=x; all; A del card u; B card u name=Anna; all",
     "card u name=Anna note=x"},
    {"sets come back whole",
     "A card u name=Ann tel=1; all; A card u name=Ann tel=2; B card u name=Ann tel=3; all; "
     "A del card u; B card u name=Anna; all",
     "card u name=Anna tel=2,3"},
    {"both delete", "A card u name=Ann; all; A del card u; B del card u; all", ""},
    {"new life",
     "A card u name=Ann note=x; all; A del card u; all; B card u name=Bob; A card u org=y; all",
     "card u name=Bob org=y"},
    {"new life, weak",
     "A card u name=Ann; all; A del card u; B card u seen=1; all; A card u name=Bob; all",
     "card u name=Bob"},
    {"row back twice",
     "A person 1 mark=P name=Ann; all; A del person 1; all; A card u name=x; A scan; A person 1 "
     "mark=P name=Ann; B person 1 mark=P name=Ann; all",
     "card u name=x; person 1 mark=P name=Ann"},
    {"volatile with less revives not",
     "A card u name=Ann tel=1; all; A del card u; B card u tel= rev=5; all", ""},
    {"user keeps it alive",
     "A card u name=Ann; all; A del card u; B card u tel=1; all; B card u tel=; all",
     "card u name=Ann"},
    {"delete with conflict",
     "A card u name=Ann; all; A card u name=Anna; B card u name=Anne; all; A del card u; all", ""},
    {"rows born apart",
     "A person 1 mark=P name=Ann; A phone 1 mark=a person=1; B person 1 mark=Q name=Bob; B phone 1 "
     "mark=b person=1; all",
     "person 1 mark=P name=Ann; person 2 mark=Q name=Bob; phone 1 mark=a person=1; phone 2 mark=b "
     "person=2"},
    {"wishes first", "A person 1 mark=P; B person 1 mark=Q; B scan; A person 2 mark=R; A scan; all",
     "person 1 mark=P; person 2 mark=R; person 3 mark=Q"},
    {"gap", "A person 1 mark=P; A person 9 mark=R; B person 1 mark=Q; all",
     "person 1 mark=P; person 2 mark=Q; person 9 mark=R"},
    {"three", "A person 1 mark=P; B person 1 mark=Q; C person 1 mark=R; all",
     "person 1 mark=P; person 2 mark=R; person 3 mark=Q"},
    {"late wish moves",
     "A person 1 mark=P; A scan; B person 1 mark=Q; B hear A; B scan; B apply; C person 2 mark=R; "
     "all",
     "person 1 mark=P; person 2 mark=R; person 3 mark=Q"},
    {"pinned stays",
     "A person 1 mark=P; A scan; B person 1 mark=Q; B hear A; B scan; B apply; B person 3 mark=S; "
     "B scan; C person 2 mark=R; C wait; C scan; all",
     "person 1 mark=P; person 2 mark=Q; person 3 mark=S; person 4 mark=R"},
    {"delete leaves the other", "A person 1 mark=P; B person 1 mark=Q; all; A del person 1; all",
     "person 2 mark=Q"},
    {"edit by own key",
     "A person 1 mark=P name=Ann; A scan; B person 1 mark=Q name=Bob; B scan; B person 1 name=Ben; "
     "all",
     "person 1 mark=P name=Ann; person 2 mark=Q name=Ben"},
    {"edit by the given key",
     "A person 1 mark=P; A scan; B person 1 mark=Q name=q; B scan; C hear A; C hear B; C apply; C "
     "person 2 name=r; all",
     "person 1 mark=P; person 2 mark=Q name=r"},
    {"delete by the given key",
     "A person 1 mark=P; A scan; B person 1 mark=Q; B scan; C hear A; C hear B; C apply; C del "
     "person 2; all",
     "person 1 mark=P"},
    {"child by the given key",
     "A person 1 mark=P; A scan; B person 1 mark=Q; B scan; C hear A; C hear B; C apply; C phone 1 "
     "mark=c person=2; all",
     "person 1 mark=P; person 2 mark=Q; phone 1 mark=c person=2"},
    {"equal rows", "A person 1 mark=P name=Ann; B person 1 mark=P name=Ann; all",
     "person 1 mark=P name=Ann"},
    {"key changed",
     "A person 1 mark=P name=Ann; A phone 1 mark=a person=1; all; A key person 1 7; A phone 1 "
     "person=7; B person 1 name=Anna; all",
     "person 7 mark=P name=Anna; phone 1 mark=a person=7"},
    {"key twice", "A person 1 mark=P; all; A key person 1 7; B key person 1 8; all",
     "person 8 mark=P | conflict key=7"},
    {"key twice, then the other one",
     "A person 1 mark=P; all; A key person 1 7; B key person 1 8; all; C key person 8 7; all",
     "person 7 mark=P"},
    {"key twice, then a third, since the other one is taken",
     "A person 1 mark=P; all; A key person 1 7; B key person 1 8; all; A person 7 mark=Q; all; A "
     "key person 8 9; all",
     "person 7 mark=Q; person 9 mark=P"},
    {"key used again",
     "A person 1 mark=P name=Ann; all; A person 1 mark=Q name=Eve; B phone 1 mark=b person=1; all",
     "person 1 mark=Q name=Eve; person 2 mark=P name=Ann; phone 1 mark=b person=2"},
    {"all said anew of one that is not the last",
     "A person 1 mark=P name=Ann; A person 2 mark=R name=Bob; all; A person 1 mark=Q name=Eve; B "
     "phone 1 mark=b person=1; all",
     "person 1 mark=Q name=Eve; person 2 mark=R name=Bob; phone 1 mark=b person=1"},
    {"the last two keys used again",
     "A person 1 mark=P name=Ann; A person 2 mark=R name=Bob; A person 3 mark=S name=Cid; all; A "
     "person 2 mark=Q name=Eve; A person 3 mark=T name=Fay; B phone 1 mark=b person=2; all",
     "person 1 mark=P name=Ann; person 2 mark=Q name=Eve; person 3 mark=T name=Fay; person 4 "
     "mark=R name=Bob; phone 1 mark=b person=4"},
    {"written over by the last",
     "A person 1 mark=P name=Ann note=x; A person 2 mark=Q name=Bob note=x; A person 3 mark=R "
     "name=Cid note=x; all; A del person 3; A person 1 mark=R name=Cid; B person 1 name=Anna; B "
     "phone 1 mark=b person=3; all",
     "person 1 mark=P name=Anna note=x; person 2 mark=Q name=Bob note=x; person 3 mark=R name=Cid "
     "note=x; phone 1 mark=b person=3"},
    {"each written over by the next",
     "A person 1 mark=P name=Ann note=x; A person 2 mark=Q name=Bob note=x; A person 3 mark=R "
     "name=Cid note=x; A person 4 mark=S name=Dan; all; A person 1 mark=Q name=Bob; A person 2 "
     "mark=R name=Cid; A del person 3; B phone 1 mark=b person=3; all",
     "person 1 mark=Q name=Bob note=x; person 2 mark=R name=Cid note=x; person 4 mark=S name=Dan; "
     "phone 1 mark=b person=2"},
    {"one value of another that is gone",
     "A person 1 mark=P name=Ann; A person 2 mark=P name=Bob; A person 3 mark=S name=Dan; all; A "
     "del person 2; A person 1 name=Bob; B phone 1 mark=b person=1; all",
     "person 1 mark=P name=Bob; person 3 mark=S name=Dan; phone 1 mark=b person=1"},
    {"family comes back",
     "A person 1 mark=P name=Ann; A phone 1 mark=a person=1; A phone 2 mark=b person=1; all; "
     "A del person 1; A del phone 1; A del phone 2; B person 1 name=Anna; all",
     "person 1 mark=P name=Anna; phone 1 mark=a person=1; phone 2 mark=b person=1"},
    {"family, one was deleted before",
     "A person 1 mark=P name=Ann; A phone 1 mark=a person=1; A phone 2 mark=b person=1; all; "
     "A del phone 1; A scan; A del person 1; A del phone 2; B person 1 name=Anna; all",
     "person 1 mark=P name=Anna; phone 2 mark=b person=1"},
    {"family, one is deleted there",
     "A person 1 mark=P name=Ann; A phone 1 mark=a person=1; A phone 2 mark=b person=1; all; "
     "A del person 1; A del phone 1; A del phone 2; B del phone 1; B person 1 name=Anna; all",
     "person 1 mark=P name=Anna; phone 2 mark=b person=1"},
    {"family, a child is edited",
     "A person 1 mark=P name=Ann; A phone 1 mark=a person=1; A phone 2 mark=b person=1; all; "
     "A del person 1; A del phone 1; A del phone 2; B phone 1 name=x; all",
     "person 1 mark=P name=Ann; phone 1 mark=a name=x person=1"},
    {"family, deleted anew",
     "A person 1 mark=P name=Ann; A phone 1 mark=a person=1; A phone 2 mark=b person=1; all; "
     "A del person 1; A del phone 1; A del phone 2; B person 1 name=Anna; all; C del person "
     "1; C del phone 1; C del phone 2; all",
     ""},
    {"family, one is deleted anew",
     "A person 1 mark=P name=Ann; A phone 1 mark=a person=1; A phone 2 mark=b person=1; all; "
     "A del person 1; A del phone 1; A del phone 2; B person 1 name=Anna; all; C del phone "
     "2; all",
     "person 1 mark=P name=Anna; phone 1 mark=a person=1"},
    {"family, one is edited then",
     "A person 1 mark=P name=Ann; A phone 1 mark=a person=1; A phone 2 mark=b person=1; all; "
     "A del person 1; A del phone 1; A del phone 2; B person 1 name=Anna; all; C phone 2 "
     "name=y; all; A phone 1 name=x; all",
     "person 1 mark=P name=Anna; phone 1 mark=a name=x person=1; phone 2 mark=b name=y "
     "person=1"},
    {"parent comes back", "A person 1 mark=P; all; A del person 1; B phone 1 mark=b person=1; all",
     "person 1 mark=P; phone 1 mark=b person=1"},
    {"unique",
     "A person 1 mark=P; B person 2 mark=Q; all; A person 1 email=e; B person 2 email=e; B phone 1 "
     "mark=b person=2; all",
     "person 1 email=e mark=P; person 2 mark=Q; phone 1 mark=b person=2 | conflict email=e"},
    {"unique, both new", "A person 1 mark=P email=e; B person 2 mark=Q email=e; all",
     "person 1 email=e mark=P; person 2 email=e (2) mark=Q | conflict email=e"},
    {"unique, three new",
     "A person 1 mark=P email=e; B person 2 mark=Q email=e; C person 3 mark=R email=e; all",
     "person 1 email=e mark=P; person 2 email=e (3) mark=Q; person 3 email=e (2) mark=R | conflict "
     "email=e | conflict email=e"},
    {"unique, settled by an edit",
     "A person 1 mark=P email=e; B person 2 mark=Q email=e; all; B person 2 email=f; all",
     "person 1 email=e mark=P; person 2 email=f mark=Q"},
    {"unique, settled by an edit of the other",
     "A person 1 mark=P email=e; B person 2 mark=Q email=e; all; A person 1 email=f; A person 2 "
     "email=e; all",
     "person 1 email=f mark=P; person 2 email=e mark=Q"},
    {"unique, exchanged on both",
     "A person 1 mark=P email=1; A person 2 mark=Q email=2; A person 3 mark=R email=3; all; A "
     "person 1 email=2; A person 2 email=1; A scan; B person 2 email=3; B person 3 email=2; B "
     "scan; all",
     "person 1 email=1 mark=P; person 2 email=3 mark=Q; person 3 email=2 mark=R | conflict email=1 "
     "| conflict email=2"},
    {"unique, got by an edit, and by one that is new later",
     "A person 1 mark=P email=d; all; A person 1 email=e; A scan; B person 2 mark=Q email=e; all",
     "person 1 email=e mark=P; person 2 email=e (2) mark=Q | conflict email=e"},
    {"unique is free again",
     "A person 1 mark=P email=e; B person 2 mark=Q email=e; all; A del person 1; all",
     "person 2 email=e (2) mark=Q | conflict email=e"},
    {"unique is free again, under another key",
     "A person 1 mark=P email=e; B person 2 mark=Q email=e; all; A del person 1; A key person 2 7; "
     "all",
     "person 7 email=e (2) mark=Q | conflict email=e"},
    {"unique is free again, under its key",
     "A person 1 mark=P email=e; B person 2 mark=Q email=e; all; A key person 2 7; A key person 1 "
     "2; A del person 2; all",
     "person 7 email=e (2) mark=Q | conflict email=e"},
    {"replace",
     "A person 1 mark=P email=e; B person 2 mark=Q email=e; all; A del person 1; A person 3 mark=R "
     "email=e; all",
     "person 2 email=e (2) mark=Q; person 3 email=e mark=R | conflict email=e"},
    {"csv keeps what it can't hold",
     "A card u name=Ann note=x tel=1,2; all; D card u name=Anna; all",
     "card u name=Anna note=x tel=1,2"},
    {"csv slot", "A card u tel=1,2; all; D card u tel=3; B card u note=x; all",
     "card u note=x tel=3,2"},
    {"csv delete", "A card u name=Ann note=x; all; D del card u; all", ""},
    {"csv delete of a parent",
     "A person 1 mark=P; A phone 1 mark=a person=1; all; D del person 1; all", ""},
    {"csv delete of what others can be without",
     "A person 1 mark=P; A phone 1 mark=a about=1 name=x; all; D del person 1; B phone 1 name=y; "
     "all",
     "phone 1 mark=a name=y"},
    {"csv delete of what some need",
     "A person 1 mark=P; A person 2 mark=Q; A phone 1 mark=a person=2 about=1; A phone 2 mark=b "
     "person=1 about=2; A phone 3 mark=c person=1 about=1; all; D del person 1; all",
     "person 2 mark=Q; phone 1 mark=a person=2"},
    {"csv delete of one of two that it may be about",
     "A person 1 mark=P; A person 2 mark=Q; A phone 1 mark=a; all; A phone 1 about=1; A scan; B "
     "wait; B phone 1 about=2; all; D del person 2; all",
     "person 1 mark=P; phone 1 about=1 mark=a"},
    {"csv delete of both that it may be about",
     "A person 1 mark=P; A person 2 mark=Q; A person 3 mark=R; A phone 1 mark=a; all; A phone 1 "
     "about=1; A scan; B wait; B phone 1 about=2; all; D del person 1; D del person 2; all",
     "person 3 mark=R; phone 1 mark=a"},
    {"dangling", "A person 1 mark=P; A phone 1 mark=a person=1; all; A del person 1; all",
     "phone 1 mark=a person=1"},
    {"dangling revives not",
     "A person 1 mark=P; A phone 1 mark=a person=1; all; A del person 1; B del phone 1; B del "
     "person 1; all",
     ""},
    {"one field edited",
     "A person 1 mark=P; all; A person 1 mark=Q; B phone 1 mark=b person=1; all",
     "person 1 mark=Q; phone 1 mark=b person=1"},
    {"keys of equal rows changed",
     "A person 1 mark=P; A person 2 mark=P; all; A key person 1 7; A key person 2 8; B person 1 "
     "name=y; B person 2 name=z; all",
     "person 1 mark=P name=y; person 2 mark=P name=z; person 7 mark=P; person 8 mark=P"},
    {"kept though its child goes elsewhere",
     "A person 1 mark=P; A person 2 mark=Q; all; A del person 1; B phone 1 mark=b person=1; all; B "
     "phone 1 person=2; all",
     "person 1 mark=P; person 2 mark=Q; phone 1 mark=b person=2"},
    {"value taken beside one not seen",
     "A person 1 mark=P; all; B person 2 mark=R email=e; B scan; A hear B; A person 1 email=e; A "
     "scan; all",
     "person 1 email=e mark=P; person 2 email=e (2) mark=R | conflict email=e"},
    {"dead and edited beside one not seen",
     "A person 1 mark=P email=e; A person 2 mark=F; all; B del person 1; B person 2 email=e; B "
     "scan; A hear B; A person 1 name=x; A scan; all",
     "person 1 email=e mark=P name=x; person 2 mark=F | conflict email=e"},
    {"made apart and heard of",
     "A person 1 mark=P name=Ann; A scan; B hear A; B person 1 mark=P name=Ann; all",
     "person 1 mark=P name=Ann"},
    {"kept though its child goes",
     "A person 1 mark=P; all; A del person 1; B phone 1 mark=b person=1; all; B del phone 1; all",
     "person 1 mark=P"},
    {"key used again beside an edit not seen",
     "A person 1 mark=P name=Ann; all; B person 1 name=Bea; B scan; A hear B; A person 1 mark=Q "
     "name=Eve; A scan; all",
     "person 1 mark=Q name=Eve; person 2 mark=P name=Bea"},
    {"value used again beside an edit not seen",
     "A person 1 mark=P name=Ann email=e; all; B person 1 name=Bea; B scan; A hear B; A del person "
     "1; A person 2 mark=R email=e; A scan; all",
     "person 1 email=e (2) mark=P name=Bea; person 2 email=e mark=R | conflict email=e"},
    {"half a changeset",
     "A card u name=1; A card w name=1; all; A card u name=2; A card w name=2; A parts; B hear 1 "
     "A; B apply; B look",
     "card u name=1; card w name=1"},
};

/* ---- Steps ---- */

static row_device *device_of(row_world *world, const char *letter)
{
    return &world->devices[*letter - 'A'];
}

/* What the words say of fields; others stay as they were. */
static cf_row edited(row_world *world, const cf_row *old, const char *words)
{
    cf_row row = made_row(words, &world->arena);
    cf_row_field *fields = cf_arena_allocate(
        &world->arena, row.field_count + (old ? old->field_count : 0), sizeof *fields);
    size_t i = 0, k = 0, count = 0;

    while (i < row.field_count || (old && k < old->field_count)) {
        int order = i == row.field_count ? 1
                    : !old || k == old->field_count
                        ? -1
                        : cf_bytes_compare(row.fields[i].name, old->fields[k].name);
        fields[count++] = order <= 0 ? row.fields[i] : old->fields[k];
        i += order <= 0;
        k += order >= 0;
    }
    row.fields = fields;
    row.field_count = count;
    return row;
}

static void change_key(row_world *world, row_source *source, const char *words)
{
    char table[16], from[16], to[16];

    cr_assert_eq(sscanf(words, "%15s %15s %15s", table, from, to), 3);
    cf_bytes old = made_value(cf_bytes_of_text(from), &world->arena);
    const cf_row *found = row_disk_find(source, cf_bytes_of_text(table), old);
    cr_assert(found, "no row %s", words);
    cf_row row = *found;
    row_disk_drop(source, row.table, old);
    row.key = made_value(cf_bytes_of_text(to), &world->arena);
    row_disk_put(source, row);
}

static void act(row_world *world, row_device *device, const char *words)
{
    row_source *source = &device->sources[0];
    cf_row row;

    if (strncmp(words, "key ", 4) == 0) {
        change_key(world, source, words + 4);
    } else if (strncmp(words, "del ", 4) == 0) {
        row = made_row(words + 4, &world->arena);
        cr_assert(row_disk_find(source, row.table, row.key), "no row %s", words);
        row_disk_drop(source, row.table, row.key);
    } else {
        row = made_row(words, &world->arena);
        row_disk_put(source, edited(world, row_disk_find(source, row.table, row.key), words));
    }
}

/* The device that is looked at in the end; NULL: as before. */
static row_device *step(row_world *world, const char *text)
{
    world->now_ms++;
    if (strcmp(text, "all") == 0) {
        row_world_settle(world);
        return NULL;
    }
    row_device *device = device_of(world, text);
    const char *words = text + 2;
    if (strcmp(words, "look") == 0)
        return device;
    if (strcmp(words, "scan") == 0)
        row_world_scan(world, device, 1);
    else if (strcmp(words, "parts") == 0)
        row_world_scan(world, device, 2);
    else if (strcmp(words, "wait") == 0)
        world->now_ms += 50;
    else if (strcmp(words, "apply") == 0)
        row_world_apply(world, device);
    else if (strncmp(words, "hear 1 ", 7) == 0)
        row_world_receive(world, device, device_of(world, words + 7), 1);
    else if (strncmp(words, "hear ", 5) == 0)
        row_world_receive(world, device, device_of(world, words + 5), 100);
    else
        act(world, device, words);
    return NULL;
}

/* ---- What is shown ---- */

static int by_place(const void *left, const void *right)
{
    const cf_row *a = *(const cf_row *const *)left, *b = *(const cf_row *const *)right;
    int order = cf_bytes_compare(a->table, b->table);

    return order ? order : cf_bytes_compare(a->key, b->key);
}

static void print_rows(const cf_row_view *view, cf_buffer *out)
{
    size_t count = cf_row_view_count(view);
    const cf_row **rows = cf_allocate(count, sizeof *rows);

    for (size_t i = 0; i < count; i++)
        rows[i] = cf_row_view_at(view, i);
    qsort(rows, count, sizeof *rows, by_place);
    for (size_t i = 0; i < count; i++) {
        cf_buffer_append_text(out, "%s", i ? "; " : "");
        made_print(rows[i], out);
    }
    free(rows);
}

static void print_conflicts(const cf_row_view *view, cf_buffer *out)
{
    size_t count;
    const cf_row_conflict *conflicts = cf_row_view_conflicts(view, &count);

    for (size_t i = 0; i < count; i++) {
        cf_buffer_append_text(out, " | conflict %.*s=", (int)conflicts[i].field.size - 1,
                              (const char *)conflicts[i].field.data + 1);
        made_print_value(conflicts[i].value, out);
    }
}

static void print_held(const cf_row_view *view, cf_buffer *out)
{
    static const char *const why[] = {"required", "unique", "parent"};
    static const char *const order[] = {"person", "phone"};
    size_t count;
    const cf_row_held *held = cf_row_view_held(view, &count);

    for (size_t table = 0; table < 2; table++)
        for (size_t i = 0; i < count; i++) {
            if (!cf_bytes_equal(held[i].row.table, cf_bytes_of_text(order[table])))
                continue;
            cf_buffer_append_text(out, " | held %s ", order[table]);
            made_print_value(cf_row_field_named(&held[i].row, cf_bytes_of_text("/mark"))->values[0],
                             out);
            cf_buffer_append_text(out, " %s", why[held[i].why]);
        }
}

static void expect_shown(const char *name, const row_device *device, const char *expected)
{
    cf_row_view *view = cf_row_view_new(device->state, &row_world_schema);
    cf_buffer text = {0};

    print_rows(view, &text);
    print_conflicts(view, &text);
    print_held(view, &text);
    cr_expect(cf_bytes_equal(cf_buffer_view(&text), cf_bytes_of_text(expected)),
              "%s:\n  shown    %.*s\n  expected %s", name, (int)text.size, (const char *)text.data,
              expected);
    cf_buffer_release(&text);
    cf_row_view_destroy(&view);
}

static void run(const char *name, const char *script, const char *expected)
{
    row_world *world = row_world_new(name, ROW_DEVICES);
    const row_device *looked_at = &world->devices[0];
    char *copy = strdup(script), *rest = copy;

    for (char *text; (text = strsep(&rest, ";"));) {
        const row_device *chosen = step(world, text + strspn(text, " "));

        looked_at = chosen ? chosen : looked_at;
    }
    expect_shown(name, looked_at, expected);
    free(copy);
    row_world_free(world);
}

Test(record_examples, show_what_a_user_expects)
{
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        run(examples[i].name, examples[i].script, examples[i].shown);
}

/* Ten people with telephones on each side while apart are twenty, each with his own. */
Test(record_examples, keep_twenty_people_and_their_telephones_apart)
{
    cf_buffer script = {0}, shown = {0};

    for (const char *who = "AB"; *who; who++)
        for (int i = 1; i <= 10; i++)
            cf_buffer_append_text(&script,
                                  "%c person %d mark=%c%d;%c phone %d mark=t%c%d person=%d;", *who,
                                  i, *who, i, *who, i, *who, i, i);
    cf_buffer_append_text(&script, "all");
    for (const char *table = "person"; table;
         table = *table == 'p' && table[1] == 'e' ? "phone" : NULL)
        for (int i = 1; i <= 20; i++) {
            bool phone = table[1] == 'h';

            cf_buffer_append_text(&shown, "%s%s %d mark=%s%c%d", shown.size ? "; " : "", table, i,
                                  phone ? "t" : "", i <= 10 ? 'A' : 'B', i <= 10 ? i : i - 10);
            if (phone)
                cf_buffer_append_text(&shown, " person=%d", i);
        }
    cf_buffer_append(&script, "", 1);
    cf_buffer_append(&shown, "", 1);
    run("twenty people", (const char *)script.data, (const char *)shown.data);
    cf_buffer_release(&script);
    cf_buffer_release(&shown);
}
