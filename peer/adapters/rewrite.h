/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be done so that a file shows rows: each row that is found in the file is changed or
 * removed, then come those that are new. */
#ifndef CF_PEER_ADAPTERS_REWRITE_H
#define CF_PEER_ADAPTERS_REWRITE_H
#include "peer/adapters/record_file.h"

typedef struct {
    const cf_row *is;     /* as found in the file; NULL: the row that is wanted is new */
    size_t place;         /* of `is`, as in cf_record_file */
    const cf_row *wanted; /* NULL: `is` goes */
} cf_rewrite_step;

typedef struct {
    const cf_record_file *found;
    const cf_row **taken; /* what is wanted of each row that is found */
    cf_wanted_rows wanted;
    size_t at; /* how many rows were looked at: those that are found, then those wanted */
} cf_rewrite;

/* `rows` are all that the file should show. `otherwise` appends how else a key may be spelled: a
 * row that isn't wanted by its key as found is looked for by that one. NULL: there is no other. */
cf_rewrite cf_rewrite_of(const cf_record_file *found, const cf_row *rows, size_t count,
                         bool (*otherwise)(cf_bytes key, cf_buffer *out));
bool cf_rewrite_next(cf_rewrite *rewrite, cf_rewrite_step *step);
void cf_rewrite_release(cf_rewrite *rewrite);

#endif
