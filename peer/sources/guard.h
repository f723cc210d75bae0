/* SPDX-License-Identifier: Apache-2.0 */
/* The guard against mass deletes (safety rule 2): how many items may vanish at once without the
 * user's word, whether deleted here and about to be published, or deleted elsewhere and about to be
 * applied. Pure. */
#ifndef CF_PEER_SOURCES_GUARD_H
#define CF_PEER_SOURCES_GUARD_H
#include "codec/error.h"

#include <stdbool.h>
#include <stdint.h>

/* The user's word; {0} is none. It replaces both limits. */
typedef struct {
    bool given;
    bool percent;
    uint64_t limit;
} cf_delete_word;

/* Reads `--max-delete N|P%`. CF_USAGE for anything else. */
cf_status cf_delete_word_read(const char *text, cf_delete_word *out, cf_error *error);
/* What `--yes` says: any number. */
cf_delete_word cf_delete_word_all(void);

/* Where they were deleted. */
typedef enum { CF_GUARD_HERE, CF_GUARD_THERE } cf_guard_side;

/* Whether `deleted` of `items` may go. Without a word: not above 50 % of at least 10, not above
 * 500, not all of at least 3. */
bool cf_guard_allows(cf_delete_word word, uint64_t deleted, uint64_t items);

#endif
