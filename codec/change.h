/* SPDX-License-Identifier: Apache-2.0 */
/* A change: one write of a field of an item, and which earlier writes it replaces. The body of a
 * `change` entry is a list of them. codec/PROTOCOL.md, "Bodies", has the encoding. */
#ifndef CF_CODEC_CHANGE_H
#define CF_CODEC_CHANGE_H
#include "codec/arena.h"
#include "codec/clock.h"
#include "codec/entry.h"
#include "codec/error.h"
#include "codec/ids.h"

/* Fields of items that are files; JSON Pointers (RFC 6901). The root field names a deletion. */
#define CF_FIELD_DELETED ""
#define CF_FIELD_KIND "/kind"
#define CF_FIELD_PARENT "/parent"
#define CF_FIELD_NAME "/name"
#define CF_FIELD_CONTENT "/content"
#define CF_FIELD_MODE "/mode"
#define CF_FIELD_MTIME "/mtime"
#define CF_FIELD_PIN "/pin"
#define CF_FIELD_FROM "/from" /* of a directory that was moved, weak: the one it was in before */

/* Fields of items that are records, beside those of their data. */
#define CF_FIELD_TABLE "/table" /* text */
#define CF_FIELD_KEY "/key" /* the key wished for; weak when it is one that was given (pinned) */
#define CF_FIELD_LEVEL "/level" /* uint, weak: who claims a key or a unique value first */
/* With a NAME behind them, weak: the row that this one refers to by what its data say; a bond where
 * it can't be without that. */
#define CF_FIELD_TIE "/tie/"
#define CF_FIELD_BOND "/bond/"
/* With the rest of a column's field behind it, weak: the value for which that gives way to another
 * row (peer/records/row_instead.h). */
#define CF_FIELD_INSTEAD "/tie//"
/* Weak: the row is one with another (peer/records/row_same.h). */
#define CF_FIELD_SAME "/tie//="

/* Borrows everything, usually from an arena. */
typedef struct {
    cf_id item;
    cf_bytes field;
    cf_bytes value; /* one canonical msgpack value; size 0: no new write, only remove `over` */
    const cf_dot *over;
    size_t over_count;
    bool weak;
} cf_change;

/* By item, then by field, as changes ascend in an entry or diff; for qsort, too. */
int cf_change_compare(const void *left, const void *right);
/* Among changes that are ascending, as below: the first of the item's, or where they would be. */
size_t cf_changes_first(const cf_change *changes, size_t count, const cf_id *item);

/* The change of this item and field among those of an entry or diff, which are ascending; NULL:
 * none. */
const cf_change *cf_changes_find(const cf_change *changes, size_t count, const cf_id *item,
                                 cf_bytes field);
/* Whether it replaces this write. */
bool cf_change_names(const cf_change *change, const cf_dot *dot);

/* What else a body may carry: "this content is found here too"; it writes nothing (ARCHITECTURE:
 * supply). */
typedef struct {
    cf_hash content;
    cf_bytes how;
} cf_supply;

typedef struct {
    cf_time time;
    uint64_t part, parts;     /* 1 of 1 unless a changeset spans entries */
    const cf_change *changes; /* ascending by (item, field), at most one for each */
    size_t change_count;
    const cf_supply *supplies;
    size_t supply_count;
} cf_body;

/* In memory the value of a deletion is an array of [field, writer, sequence, hash16], and that of a
 * pin [parent, name, dot or nil, dot or nil] with dot = [writer, sequence, hash16]: dots are whole.
 * On the wire they are indexes into the body's table of dots, as in `over`. */
typedef struct {
    cf_bytes field;
    cf_dot dot;
} cf_cover;

typedef struct {
    cf_id parent;
    cf_bytes name;
    bool has_parent_dot, has_name_dot;
    cf_dot parent_dot, name_dot;
} cf_pin;

/* Whose values are such: the root field of any item, and /pin of directories, files and links. */
static inline bool cf_field_is_deletion(cf_bytes field)
{
    return field.size == 0;
}
bool cf_field_is_pin(const cf_id *item, cf_bytes field);

/* In any order; written ascending by (field, dot), none twice. */
void cf_covers_pack(cf_buffer *out, const cf_cover *covers, size_t count);
cf_status cf_covers_read(cf_bytes value, cf_arena *arena, cf_cover **covers, size_t *count,
                         cf_error *error);
void cf_pin_pack(cf_buffer *out, const cf_pin *pin);
cf_status cf_pin_read(cf_bytes value, cf_pin *pin, cf_error *error);

/* The body's plain bytes, before compression and sealing. Its values are sound: what cf_body_read
 * would refuse is the caller's mistake. `over` may come in any order. */
void cf_body_pack(const cf_body *body, cf_buffer *out);
/* The dots that it names, each once, ascending. */
const cf_dot *cf_body_dots(const cf_body *body, cf_arena *arena, size_t *count);
/* Checks every rule of the body's version. What it gives borrows from `plain`, and the arena;
 * `over` is ascending. CF_MALFORMED or CF_TOO_LARGE: the entry is empty for everyone. CF_DENIED:
 * its header is of a newer version, or it is a snapshot: wait for a newer program. */
cf_status cf_body_read(cf_bytes plain, const cf_entry *entry, cf_arena *arena, cf_body *out,
                       cf_error *error);

#endif
