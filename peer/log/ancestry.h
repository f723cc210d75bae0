/* SPDX-License-Identifier: Apache-2.0 */
/* What two versions of a field were made from, as the log tells by what each write of the field
 * replaced. Where these are several, because versions were merged before and went on apart, it is
 * what merging them gives. Every device that has both versions finds the same. */
#ifndef CF_PEER_LOG_ANCESTRY_H
#define CF_PEER_LOG_ANCESTRY_H
#include "peer/log/peer.h"

typedef struct {
    const cf_dot *at; /* writes of the field, of equal values */
    size_t count;
} cf_dot_range;

typedef struct cf_ancestry cf_ancestry;

/* How versions are read and merged. */
typedef struct {
    /* Appends what the value says, as an entry has it; fails: that is not known, or no version. */
    cf_status (*read)(const cf_ancestry *ancestry, cf_bytes value, cf_buffer *out, cf_error *error);
    /* Appends both, made from `before`; false: they don't go together. */
    bool (*join)(cf_bytes before, cf_bytes one, cf_bytes other, cf_buffer *out);
    /* Appends of `other`, made from `before`, what goes together with `one`, and for the rest what
     * `one` says; false: nothing does. NULL: versions are merged whole, or not at all. */
    bool (*join_part)(cf_bytes before, cf_bytes one, cf_bytes other, cf_buffer *out);
    bool may_be_apart; /* versions that were made from nothing common go together, too */
} cf_ancestry_kind;
extern const cf_ancestry_kind cf_ancestry_texts; /* of a file's content, line by line */
extern const cf_ancestry_kind cf_ancestry_lists; /* of a value (peer/records/list_merge.h) */

struct cf_ancestry {
    cf_peer *peer;
    cf_id collection, item;
    cf_bytes field; /* of the state */
    const cf_ancestry_kind *kind;
};

/* Appended; nothing: they were made apart, as they may be. CF_MISSING: there is none, it is too
 * long ago, or it is too long. */
cf_status cf_ancestry_find(const cf_ancestry *ancestry, cf_dot_range one, cf_dot_range other,
                           cf_buffer *out, cf_error *error);
/* Whether `one` goes back to a version that joins a part of `other`: who made it, and went on with
 * it, has seen what the other says. False where that is not known. */
bool cf_ancestry_joined(const cf_ancestry *ancestry, cf_dot_range one, cf_dot_range other);

#endif
