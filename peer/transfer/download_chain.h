/* SPDX-License-Identifier: Apache-2.0 */
/* From where a content is made: the chain of patches from it down to a whole, as the log says, and
 * how far down one has to go until there are bytes on this device. Owned by the engine's thread. */
#ifndef CF_PEER_TRANSFER_DOWNLOAD_CHAIN_H
#define CF_PEER_TRANSFER_DOWNLOAD_CHAIN_H
#include "peer/bindings/binding.h"

/* What stands in the first place is made by its patch from the second, and so on. */
typedef struct {
    cf_hash content;
    uint64_t size;
    bool by_blobs;   /* its patch, or it itself, is in blobs; else in the log */
    uint64_t length; /* of that, in bytes */
    bool is_pieced;  /* a whole out of blobs of others */
} cf_link_of_chain;

typedef struct {
    cf_link_of_chain at[CF_DELTA_DEPTH_MAX + 1];
    size_t count;  /* those that have to be made; 0: the content itself is here */
    cf_file *base; /* open, the caller's: what the last one is made from; NULL: the last one is a
                      whole */
    uint64_t base_size;
    cf_hash base_content;
    bool base_is_cached; /* it is of a cache, which nobody has checked, */
    cf_base_place cache; /* that lies here */
    bool by_supplies;    /* a patch is taken where there is a whole, too: this disk has its base */
    bool by_blobs;       /* any of those that have to be made; */
    uint64_t length;     /* of all that is in blobs for these */
} cf_chain;

/* Where bytes of contents may be; the bindings and the context are borrowed for the call. */
typedef struct {
    cf_peer *peer;
    cf_id collection;
    const cf_binding *own; /* for which it is, and which may be asked; NULL: all may be */
    cf_binding *const *bindings;
    size_t binding_count;
    bool afresh; /* neither the bindings' files nor the cache are to be trusted */
    /* Opens a file that was proved to have this content; NULL when there is none. */
    cf_file *(*open)(void *context, const cf_hash *content);
    void *context;
} cf_chain_places;

/* CF_MISSING: the log lacks something of it. CF_MALFORMED: it is too deep. */
cf_status cf_chain_find(const cf_chain_places *places, const cf_hash *content, cf_chain *out,
                        cf_error *error);

/* All but the file. */
void cf_chain_release(cf_chain *chain);

#endif
