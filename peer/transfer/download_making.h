/* SPDX-License-Identifier: Apache-2.0 */
/* One large content being made: what its chain ends in is fetched, unless it is here, then one
 * patch after the other is applied, then the result is proved. Owned by the engine's thread. */
#ifndef CF_PEER_TRANSFER_DOWNLOAD_MAKING_H
#define CF_PEER_TRANSFER_DOWNLOAD_MAKING_H
#include "peer/transfer/download_chain.h"
#include "peer/transfer/download_slices.h"

typedef struct cf_making cf_making;

typedef struct {
    cf_chain_places places;
    const cf_binding *binding; /* in whose temporary folder it is made */
    cf_hash content;
    cf_hand *hand;
    cf_parts *parts;
    const uint64_t *most; /* bytes that may travel for one content; borrowed, and may change */
    /* Whether another making writes the file of this content; with the context of `places`. */
    bool (*taken)(void *context, const cf_hash *content);
} cf_making_options;

/* CF_UNREACHABLE: it takes a broker, or too much would travel. CF_LOCKED: another making is in its
 * way. Else as cf_chain_find. */
cf_status cf_making_begin(const cf_making_options *options, cf_making **out, cf_error *error);
/* Waits for jobs. What was fetched of a large file stays on the disk. */
void cf_making_destroy(cf_making **making);

/* As cf_fetch_state. DONE: its file is in the temporary folder, under cf_partial_file_name. FAILED:
 * all was taken away. */
cf_fetch_state cf_making_step(cf_making *making, cf_error *error);
bool cf_making_busy(const cf_making *making);
bool cf_making_hungry(const cf_making *making);
/* More of it would travel than may by now: it asks for nothing more. */
bool cf_making_is_stopped(const cf_making *making);
/* By that another device communicates alone. */
bool cf_making_is_paused(const cf_making *making);
/* What its patches gave is not what was meant, though each piece was what its name says. */
bool cf_making_is_unmade(const cf_making *making);
/* Such contents of its chain of which the log has a whole as well are doubted; true: there are
 * some, and it is to be tried so. */
bool cf_making_knows_wholes(const cf_making *making);
/* All that is made by patches is. */
void cf_making_doubt(const cf_making *making);
/* Something that was on this disk went into it; it may be the reason of a failure. */
bool cf_making_used_disk(const cf_making *making);
/* The whole at the end of its chain is being made in the temporary folder as well. */
bool cf_making_needs(const cf_making *making, const cf_hash *content);
/* The content is made from the base's copy of this one. */
bool cf_making_reads_base(const cf_making *making, const cf_hash *content);
/* Once done; `*leaves` is replaced. */
void cf_making_result(cf_making *making, cf_stat *stat, cf_buffer *leaves);

/* The fetch under way, for the transfer's events; NULL: none. */
cf_fetch *cf_making_fetch(cf_making *making);

#endif
