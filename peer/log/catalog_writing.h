/* SPDX-License-Identifier: Apache-2.0 */
/* An entry of the catalog while it is written: what it says of one item. */
#ifndef CF_PEER_LOG_CATALOG_WRITING_H
#define CF_PEER_LOG_CATALOG_WRITING_H
#include "peer/log/catalog.h"

cf_status cf_catalog_open(cf_peer *peer, cf_collection **out, cf_error *error);

typedef struct {
    cf_peer *peer;
    cf_collection *catalog;
    cf_id item;
    cf_arena arena;
    cf_change *changes;
    size_t count, capacity;
} cf_catalog_writing;

/* To be released in any case. */
cf_status cf_catalog_begin(cf_catalog_writing *out, cf_peer *peer, uint8_t kind, const uint8_t *id,
                           cf_error *error);
void cf_catalog_writing_release(cf_catalog_writing *writing);

/* Fields are written in ascending order, each once; a write replaces all that are there of its
 * field: what the user sees is the best of them. The name is borrowed, the value copied. */
void cf_catalog_write(cf_catalog_writing *writing, cf_bytes field, cf_bytes value);
void cf_catalog_write_text(cf_catalog_writing *writing, const char *field, const char *text);
void cf_catalog_write_id(cf_catalog_writing *writing, const void *id, size_t size);
/* Covers all writes of the item that are shown. */
void cf_catalog_write_deletion(cf_catalog_writing *writing);
cf_status cf_catalog_publish(cf_catalog_writing *writing, uint64_t now_ms, cf_error *error);

#endif
