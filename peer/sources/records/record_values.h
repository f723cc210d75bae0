/* SPDX-License-Identifier: Apache-2.0 */
/* The long values of a record source. A value whose encoding is over CF_INLINE_MAX bytes is a
 * content, in its terse form (codec/terse.h): in its place rows have the identity, from when the
 * medium was read to when it is written, so that they are compared, merged and kept as any others.
 * Where the bytes are: in what the medium showed, for the time of a look; of what the base shows
 * also in files in the home, which are to the transfers what the files of a folder are (the
 * binding's root and nodes): they upload from there, make patches from them, and seal again what a
 * broker lost.
 *
 *     a photo of 2 MB in a contact: the row has [hash, size] there; the photo is sent first, and
 *     the row is published when that is done; elsewhere the row is written when the photo came */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_VALUES_H
#define CF_PEER_SOURCES_RECORDS_RECORD_VALUES_H
#include "peer/adapters/record_file.h"
#include "peer/records/record_view.h"
#include "peer/sources/context/source_context.h"
#include "peer/transfer/uploads.h"

enum {
    CF_RECORD_VALUE_MAX = 32 << 20, /* bytes of an encoding */
    CF_ROW_OWN_WRITES = 16,         /* of an item beside its values: table, key, level, pin */
};

typedef struct cf_record_values cf_record_values;

/* Knows what the base shows. */
cf_record_values *cf_record_values_new(cf_source_context *context, cf_binding *binding);
void cf_record_values_destroy(cf_record_values **values);

/* Calls `visit` with each value of the row in whose place a content stands. */
typedef void cf_identity_visit(void *context, cf_bytes field, cf_bytes identity);
void cf_row_identities(const cf_row *row, cf_identity_visit *visit, void *context);

/* ---- A look ---- */

/* The rows of a medium as they were read. */
typedef struct {
    const cf_row *rows; /* in the order of the file's, with their long values */
    const char **odd;   /* of each: why it can't be synced, or NULL; NULL: all can be */
} cf_rows_as_read;
typedef struct {
    cf_peer *peer;
    const cf_id *collection;
    cf_record_values *values; /* NULL: nothing is noted */
    const cf_rows *base;      /* what rows are named by there stays their name; NULL: there is */
    const cf_row_view *view;  /* none */
} cf_values_look;
/* Puts identities in the place of long values in the file's rows. Borrows the bytes until the look
 * ends. What a value can't be is too long, or looks as if it were an identity; what a row can't
 * have is more values than an item that is shown has writes, less CF_ROW_OWN_WRITES: such a row is
 * as it was. */
void cf_record_values_reduce(const cf_values_look *look, cf_record_file *file, cf_arena *arena,
                             cf_rows_as_read *out);
/* Keeps again what the base shows and the medium, too, but whose file is gone. */
void cf_record_values_refill(cf_record_values *values);
/* After the look: what neither base nor medium shows is forgotten. */
void cf_record_values_end(cf_record_values *values);

/* ---- Out ---- */

/* Whether all contents of a row of the medium which the base's has not (NULL: there is none) can be
 * named in an entry now. Else they are on their way, and `why` says what for. `*again`: look again
 * soon. */
bool cf_record_values_send(cf_record_values *values, const cf_row *row, const cf_row *base,
                           const char **why, bool *again);
/* How it is to be had, for the moment; NULL: see in the log. */
const cf_prepared *cf_record_values_prepared(cf_record_values *values, cf_bytes identity);
/* What was ready is in the log now. */
void cf_record_values_published(cf_record_values *values, cf_bytes identity);

/* ---- In ---- */

typedef enum {
    CF_VALUES_HERE,
    CF_VALUES_COME,   /* later, by themselves */
    CF_VALUES_FAILED, /* can't be had, for now */
} cf_values_answer;
/* The row with its long values, for the medium; in the arena. `why`, unless they are here. */
cf_values_answer cf_record_values_fetch(cf_record_values *values, const cf_row *row,
                                        cf_arena *arena, cf_row *out, const char **why);
/* The row with its long values, where all of these are here; nothing is asked for. */
bool cf_record_values_here(cf_record_values *values, const cf_row *row, cf_arena *arena,
                           cf_row *out);
/* All that is wanted was asked for: what was asked for earlier and is not wanted any more ends. */
void cf_record_values_fetched(cf_record_values *values);

/* ---- The base ---- */

/* The row is the base's now: keeps the bytes of its long values. */
void cf_record_values_keep(cf_record_values *values, const cf_row *row, cf_kv_list *records);

#endif
