/* SPDX-License-Identifier: Apache-2.0 */
/* Which blobs are a collection's: those that the entries of its chains name, as many as the caller
 * has room for. Beyond, and of forks longer than a page, some are passed over: a blob is rather
 * given than kept back. */
#include "broker/gateway/alone_blobs.h"

#include <stdlib.h>
#include <string.h>

enum { AT_A_TIME = 32 }; /* entries: the gateway has others to serve */

struct cf_alone_blobs {
    cf_store *store;
    cf_hash user;
    cf_id *writers; /* of the collection's chains, */
    size_t writer_count, writer_capacity;
    size_t writer;     /* of them the one that is read, */
    uint64_t sequence; /* from here on */
    cf_hash *blobs;    /* ascending once they are known */
    size_t count, capacity;
    bool are_known;
};

struct gathering {
    cf_alone_blobs *self;
    cf_log *log;
    const cf_id *collection;
};

/* Heads are in the order of their writers. */
static bool note_writer(void *context, const cf_head *head)
{
    const struct gathering *gathering = context;
    cf_alone_blobs *self = gathering->self;
    cf_id collection;

    if (!cf_log_head_collection(gathering->log, head, &collection) ||
        !cf_id_equal(&collection, gathering->collection) ||
        (self->writer_count && cf_id_equal(&self->writers[self->writer_count - 1], &head->writer)))
        return true;
    *cf_one_more(self->writers, self->writer_count, self->writer_capacity) = head->writer;
    return true;
}

cf_alone_blobs *cf_alone_blobs_new(cf_log *log, const cf_id *collection)
{
    cf_alone_blobs *self = cf_allocate(1, sizeof *self);
    cf_error ignored;

    struct gathering gathering = {self, log, collection};

    self->store = cf_log_store(log);
    self->user = *cf_log_user(log);
    self->sequence = 1;
    cf_log_heads(log, note_writer, &gathering, &ignored);
    self->are_known = self->writer_count == 0;
    return self;
}

void cf_alone_blobs_destroy(cf_alone_blobs **blobs)
{
    if (!*blobs)
        return;
    free((*blobs)->writers);
    free((*blobs)->blobs);
    free(*blobs);
    *blobs = NULL;
}

struct page {
    uint64_t positions[AT_A_TIME];
    size_t count;
    uint64_t sequence; /* of the last one */
};

static bool note_position(void *context, const cf_head *entry, uint64_t position)
{
    struct page *page = context;

    page->positions[page->count++] = position;
    page->sequence = entry->sequence;
    return page->count < AT_A_TIME;
}

struct taking {
    cf_alone_blobs *self;
    size_t most;
};

static bool take_blobs(void *context, uint64_t position, cf_bytes wire)
{
    const struct taking *taking = context;
    cf_alone_blobs *self = taking->self;
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;

    (void)position;
    if (!cf_entry_read(wire, &arena, &entry, &error))
        for (size_t i = 0; i < entry.header.blob_count && self->count < taking->most; i++) {
            *cf_one_more(self->blobs, self->count, self->capacity) = entry.header.blobs[i];
        }
    cf_arena_release(&arena);
    return false;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, CF_HASH_SIZE);
}

static void finish(cf_alone_blobs *self)
{
    if (self->count)
        qsort(self->blobs, self->count, sizeof *self->blobs, compare);
    self->are_known = true;
}

void cf_alone_blobs_read(cf_alone_blobs *self, size_t most)
{
    cf_store *store = self->store;
    const cf_hash *user = &self->user;
    struct page page = {.count = 0};
    struct taking taking = {self, most};
    cf_error ignored;

    store->chain(store, user, &self->writers[self->writer], self->sequence, note_position, &page,
                 &ignored);
    for (size_t i = 0; i < page.count; i++)
        store->read(store, user, page.positions[i], take_blobs, &taking, &ignored);
    if (page.count ==
        AT_A_TIME) { /* of forks the rest is read with the next page, or passed over */
        self->sequence = page.sequence + (page.sequence == self->sequence);
        return;
    }
    self->sequence = 1;
    if (++self->writer == self->writer_count || self->count >= most)
        finish(self);
}

bool cf_alone_blobs_are_known(const cf_alone_blobs *self)
{
    return self->are_known;
}

bool cf_alone_blobs_have(const cf_alone_blobs *self, const cf_hash *blob)
{
    return self->are_known && self->count &&
           bsearch(blob, self->blobs, self->count, sizeof *self->blobs, compare);
}

size_t cf_alone_blobs_count(const cf_alone_blobs *self)
{
    return self->count;
}
