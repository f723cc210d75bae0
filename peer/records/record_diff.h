/* SPDX-License-Identifier: Apache-2.0 */
/* Scan of records: from what a source shows now, compared with what it showed when last agreed (its
 * base), to the changes that say what the user did (model, rules a, b, g, i, j, l, n, p, r, s, t,
 * v). */
#ifndef CF_PEER_RECORDS_RECORD_DIFF_H
#define CF_PEER_RECORDS_RECORD_DIFF_H
#include "codec/change.h"
#include "peer/records/record_ids.h"
#include "peer/records/record_view.h"

typedef struct {
    const cf_record_ids *ids;
    const cf_schema *schema;
    const cf_row_format *format; /* of the source */
    cf_state *state;             /* is tried out and is as before at the end */
    const cf_row_view *view;     /* of this state, without what is tried out */
    const cf_rows *base;
    const cf_rows *dependants; /* of the base's rows (row_dependants.h); NULL: none is known */
    /* Whether the source does not show this row of the view, though its format holds the table;
     * NULL: it shows all. */
    bool (*hides)(const void *hiding, const cf_row *viewed);
    const void *hiding;
    const cf_row *disk; /* every row that the source shows, no two of one table and key */
    size_t disk_count;
    cf_id writer; /* of the entry that the changes will be: one that the log has not */
    uint64_t sequence;
    cf_time time; /* later than all that the log has */
} cf_row_diff_input;

/* Lives in the arena of the scan, borrows the input. */
typedef struct {
    const cf_row_diff_input *input;
    const cf_change *changes; /* ascending by (item, field), at most one for each */
    size_t count;
    size_t deleted;  /* rows that the source showed and that are gone: for the guard against mass
                        deletes */
    size_t anew;     /* rows that say nothing that they said, beside those, for the same guard */
    size_t cascaded; /* rows that the source doesn't show, and that go with those */
    const void *inner;
} cf_row_diff;

/* Whether the row of the disk may not be the one that was shown under this key, but another that
 * got its number (rule i): `least` or more plain fields had values, and none has its own still.
 * Two, where its user edits what he is shown; one, where he never saw it. So it is where no row
 * behind it stayed what it was, either.
 *
 *     1: mark P, name Ann      1: mark Q, name Eve     another row; who refers to Ann still does
 *                              1: mark P, name Eve     Ann's row, whose name was changed */
bool cf_row_is_another(const cf_schema_table *table, const cf_row *shown, const cf_row *disk,
                       size_t least);

/* Which row of the base each row of the disk is (rules i and j), in the order of the disk: also one
 * under another key. NULL: a new row. Of the input it needs the schema, the format, the base and
 * the disk. */
const cf_row **cf_row_diff_identify(const cf_row_diff_input *input, cf_arena *arena);

/* What is there to publish; no changes: nothing that counts was done. The changes of one scan are a
 * changeset: where they take several entries, these are parts of one. */
void cf_row_diff_run(const cf_row_diff_input *input, cf_arena *arena, cf_row_diff *out);

/* A row's place: its table and key. */
typedef struct {
    cf_bytes table, key;
} cf_row_place;

/* How the base becomes once it is known which entry carries each change (`dots` has one for each):
 * first `gone` is to be dropped, then `rows` are to be put. All in the arena; the base is as
 * before. */
typedef struct {
    const cf_row_place *gone;
    size_t gone_count;
    const cf_id *dependants; /* to be dropped, too */
    size_t dependant_count;
    const cf_row *rows;
    size_t row_count;
} cf_row_rebase;
void cf_row_diff_rebase(const cf_row_diff *diff, const cf_dot *dots, cf_arena *arena,
                        cf_row_rebase *out);

#endif
