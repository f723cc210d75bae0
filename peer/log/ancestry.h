/* SPDX-License-Identifier: Apache-2.0 */
/* The text that two versions of a file were made from, as the log tells by what each write of the
 * content replaced. Where these are several, because versions were merged before and went on
 * apart, it is what merging them gives. Every device that has both versions finds the same. */
#ifndef CF_PEER_LOG_ANCESTRY_H
#define CF_PEER_LOG_ANCESTRY_H
#include "peer/log/peer.h"

typedef struct {
    const cf_dot *at; /* writes of the content, of equal values */
    size_t count;
} cf_dots;

typedef struct {
    cf_peer *peer;
    cf_id collection, item;
} cf_ancestry;

/* Appended. CF_MISSING: there is none, it is too long ago, or no short text. */
cf_status cf_ancestry_text(const cf_ancestry *ancestry, cf_dots one, cf_dots other, cf_buffer *out,
                           cf_error *error);

#endif
