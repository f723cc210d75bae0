/* SPDX-License-Identifier: Apache-2.0 */
/* The blobs that entries of one collection name, found by its chains, a few entries at a time: it
 * costs what the collection has, whatever else is in the log. What is appended later is not looked
 * at. */
#ifndef CF_BROKER_GATEWAY_ALONE_BLOBS_H
#define CF_BROKER_GATEWAY_ALONE_BLOBS_H
#include "broker/log/log.h"

typedef struct cf_alone_blobs cf_alone_blobs;

/* The log's store is borrowed until they are known. */
cf_alone_blobs *cf_alone_blobs_new(cf_log *log, const cf_id *collection);
void cf_alone_blobs_destroy(cf_alone_blobs **blobs);

/* Reads on a little. No more than `most` are kept; then all that are kept are known. What can't be
 * read is passed over. */
void cf_alone_blobs_read(cf_alone_blobs *blobs, size_t most);
bool cf_alone_blobs_are_known(const cf_alone_blobs *blobs);
/* Once they are known. */
bool cf_alone_blobs_have(const cf_alone_blobs *blobs, const cf_hash *blob);
size_t cf_alone_blobs_count(const cf_alone_blobs *blobs);

#endif
