/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/author.h"

#include "codec/hash_table.h"
#include "codec/limits.h"
#include "codec/pack.h"
#include "codec/seal.h"
#include "peer/log/after.h"

#include <stdlib.h>

#define META_CLOCK "clock"

/* A collection as its entries show it, and this author's chain in it. */
typedef struct chain {
    cf_hash_link link;
    cf_id collection;
    cf_heads heads;
    bool has_changed;
    struct chain *next_changed; /* of the author's list */
    bool has_writer;
    cf_id writer;
    uint8_t random[16];
    uint64_t sequence; /* of the last entry; 0 before the first */
    cf_hash hash;      /* its header's */
    cf_heads told;     /* what its `after` and those before it said */
} chain;

struct cf_author {
    cf_author_options options;
    cf_hash device;
    cf_author_clock clock;
    chain **chains;
    size_t count, capacity;
    cf_hash_table by_collection;
    chain *changed;   /* whose heads changed, see cf_author_each_changed */
    size_t after_max; /* heads in one `after` */
};

static chain *find_chain(const cf_author *author, const cf_id *collection)
{
    for (cf_hash_link *at = cf_hash_table_first(&author->by_collection, cf_hash_id(0, collection));
         at; at = cf_hash_table_next(at)) {
        chain *found = cf_container_of(at, chain, link);

        if (cf_id_equal(&found->collection, collection))
            return found;
    }
    return NULL;
}

static chain *get_chain(cf_author *author, const cf_id *collection)
{
    chain *found = find_chain(author, collection);

    if (found)
        return found;
    found = cf_allocate(1, sizeof *found);
    found->collection = *collection;
    *cf_one_more(author->chains, author->count, author->capacity) = found;
    cf_hash_table_add(&author->by_collection, &found->link, cf_hash_id(0, collection));
    return found;
}

static void note_change(cf_author *author, chain *of)
{
    if (of->has_changed)
        return;
    of->has_changed = true;
    of->next_changed = author->changed;
    author->changed = of;
}

static void advance(cf_author *author, chain *of, const cf_entry *entry)
{
    cf_heads_advance(&of->heads, entry);
    note_change(author, of);
}

/* ---- Records ---- */

static void put_clock(const cf_author *author, cf_kv_list *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0};

    cf_author_clock_pack(&author->clock, &value);
    cf_kv_list_put(records, cf_key_meta(&arena, META_CLOCK), cf_buffer_view(&value));
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

static void put_chain(const cf_author *author, const chain *own, cf_kv_list *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0};

    cf_pack_array(&value, 5);
    cf_pack_bin(&value, cf_bytes_of(own->writer.bytes, CF_ID_SIZE));
    cf_pack_bin(&value, cf_bytes_of(own->random, sizeof own->random));
    cf_pack_uint(&value, own->sequence);
    cf_pack_bin(&value, cf_bytes_of(own->hash.bytes, CF_HASH_SIZE));
    cf_heads_pack(&value, own->told.heads, own->told.count);
    cf_bytes key = cf_key_collection(&arena, CF_TABLE_WRITER, &own->collection);
    if (cf_hash_equal(&author->device, cf_log_user(author->options.log)))
        key = (cf_bytes){0}; /* the account writes at birth and in need, from no home */
    if (key.size)
        cf_kv_list_put(records, key, cf_buffer_view(&value));
    put_clock(author, records);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

static cf_status read_chain(cf_bytes value, chain *out, cf_error *error)
{
    cf_reader reader = cf_reader_of(value);
    size_t count;

    cf_status status = cf_read_array(&reader, &count, error);
    if (!status && count != 5)
        status = cf_fail(error, CF_BROKEN, "a chain of this device has %zu parts", count);
    if (!status)
        status = cf_read_bin_exact(&reader, out->writer.bytes, CF_ID_SIZE, error);
    if (!status)
        status = cf_read_bin_exact(&reader, out->random, sizeof out->random, error);
    if (!status)
        status = cf_read_uint(&reader, &out->sequence, error);
    if (!status)
        status = cf_read_bin_exact(&reader, out->hash.bytes, CF_HASH_SIZE, error);
    if (!status)
        status = cf_heads_read(&reader, SIZE_MAX, &out->told, error);
    out->has_writer = !status;
    return status;
}

typedef struct {
    cf_author *author;
    cf_status status;
    cf_error *error;
} loading;

static bool load_chain(void *context, cf_bytes key, cf_bytes value)
{
    loading *load = context;
    cf_id collection;

    if (key.size != 1 + CF_ID_SIZE) {
        load->status = cf_fail(load->error, CF_BROKEN, "a chain's key has %zu bytes", key.size);
        return false;
    }
    memcpy(collection.bytes, key.data + 1, CF_ID_SIZE);
    load->status = read_chain(value, get_chain(load->author, &collection), load->error);
    return load->status == CF_OK;
}

static bool load_head(void *context, const cf_head *head)
{
    loading *load = context;
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;

    load->status = cf_log_get(load->author->options.log, head, &wire, load->error);
    if (!load->status)
        load->status = cf_entry_read(cf_buffer_view(&wire), &arena, &entry, load->error);
    if (!load->status) {
        chain *of = get_chain(load->author, &entry.header.collection);

        cf_heads_insert(&of->heads, head);
        note_change(load->author, of);
    }
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
    return load->status == CF_OK;
}

static cf_status load_clock(cf_author *author, cf_error *error)
{
    cf_store *store = cf_log_store(author->options.log);
    cf_arena arena = {0};
    cf_buffer value = {0};

    cf_status status = store->get(store, cf_log_user(author->options.log),
                                  cf_key_meta(&arena, META_CLOCK), &value, error);
    if (status == CF_MISSING)
        status = CF_OK;
    else if (!status)
        status = cf_author_clock_read(cf_buffer_view(&value), &author->clock, error);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
    return status;
}

/* What the log holds of the chain beyond what is recorded came from another copy of this home. */
static void leave_foreign_chains(cf_author *author)
{
    for (size_t i = 0; i < author->count; i++) {
        chain *own = author->chains[i];
        const cf_head last = {own->writer, own->sequence, own->hash};
        size_t count = 0;

        cf_heads_of_writer(&own->heads, &own->writer, &count);
        if (own->has_writer && (count != 1 || !cf_heads_contain(&own->heads, &last)))
            own->has_writer = false;
    }
}

cf_status cf_author_open(const cf_author_options *options, cf_author **out, cf_error *error)
{
    cf_author *author = cf_allocate(1, sizeof *author);
    cf_store *store = cf_log_store(options->log);
    const cf_hash *user = cf_log_user(options->log);
    const uint8_t table = CF_TABLE_WRITER;
    loading load = {author, CF_OK, error};

    author->options = *options;
    author->after_max = CF_ENTRY_AFTER_MAX;
    author->device = cf_device_id(cf_keys_public(options->keys)->signing);
    cf_status status = load_clock(author, error);
    if (!status && !cf_hash_equal(&author->device, user))
        status = store->scan(store, user, cf_bytes_of(&table, 1), load_chain, &load, error);
    if (!status && !(status = load.status))
        status = cf_log_heads(options->log, load_head, &load, error);
    if (!status)
        status = load.status;
    if (status) {
        cf_error_while(error, "reading this device's chains");
        cf_author_destroy(&author);
        return status;
    }
    leave_foreign_chains(author);
    *out = author;
    return CF_OK;
}

void cf_author_destroy(cf_author **author)
{
    if (!*author)
        return;
    for (size_t i = 0; i < (*author)->count; i++) {
        cf_heads_release(&(*author)->chains[i]->heads);
        cf_heads_release(&(*author)->chains[i]->told);
        free((*author)->chains[i]);
    }
    cf_hash_table_release(&(*author)->by_collection);
    free((*author)->chains);
    free(*author);
    *author = NULL;
}

void cf_author_bound_after(cf_author *author, size_t most)
{
    author->after_max = most;
}

const cf_hash *cf_author_device(const cf_author *author)
{
    return &author->device;
}

cf_time cf_author_time_on(const cf_author *author, uint64_t now_ms)
{
    return cf_time_after(author->clock.seen, now_ms);
}

cf_time cf_author_time(const cf_author *author, uint64_t now_ms)
{
    const cf_time next = cf_author_time_on(author, now_ms);

    return next.ms == author->clock.seen.ms ? cf_time_after(next, next.ms) : next;
}

void cf_author_saw(cf_author *author, const cf_hash *device, cf_time time, uint64_t now_ms,
                   cf_kv_list *records)
{
    bool own = cf_hash_equal(device, &author->device); /* then it is a copy's, or was mended */

    if (own && !cf_time_counts(time, now_ms))
        return;
    if (cf_author_clock_saw(&author->clock, device, time, now_ms))
        put_clock(author, records);
}

const cf_author_clock *cf_author_clock_of(const cf_author *author)
{
    return &author->clock;
}

const cf_heads *cf_author_heads(const cf_author *author, const cf_id *collection)
{
    static const cf_heads none;
    const chain *found = find_chain(author, collection);

    return found ? &found->heads : &none;
}

bool cf_author_writer(const cf_author *author, const cf_id *collection, cf_id *out)
{
    const chain *found = find_chain(author, collection);

    if (found && found->has_writer)
        *out = found->writer;
    return found && found->has_writer;
}

void cf_author_each(const cf_author *author, cf_author_visit *visit, void *context)
{
    for (size_t i = 0; i < author->count; i++)
        if (author->chains[i]->heads.count)
            visit(context, &author->chains[i]->collection, &author->chains[i]->heads);
}

void cf_author_each_changed(cf_author *author, cf_author_changed *visit, void *context)
{
    for (chain *of; (of = author->changed);) {
        author->changed = of->next_changed;
        of->has_changed = false;
        visit(context, &of->collection);
    }
}

/* ---- Making an entry ---- */

static void start_writer(cf_author *author, chain *own)
{
    if (own->has_writer)
        return;
    author->options.env->random(author->options.env->context, own->random, sizeof own->random);
    own->writer = cf_writer_id(cf_log_user(author->options.log), &author->device, &own->collection,
                               own->random);
    own->has_writer = true;
    own->sequence = 0;
    own->told.count = 0;
}

static void fill_header(const cf_author *author, const cf_draft *draft, const chain *own,
                        const cf_heads *after, cf_header *header)
{
    *header = (cf_header){
        .version = 1,
        .type = draft->type,
        .user = *cf_log_user(author->options.log),
        .device = author->device,
        .collection = draft->collection,
        .writer = own->writer,
        .sequence = own->sequence + 1,
        .previous = own->hash,
        .after = after->heads,
        .after_count = after->count,
        .epoch = draft->epoch,
        .blobs = draft->blobs,
        .blob_count = draft->blob_count,
    };
    if (own->sequence == 0) {
        memset(header->previous.bytes, 0, CF_HASH_SIZE);
        memcpy(header->previous.bytes, own->random, sizeof own->random);
    }
}

static cf_status seal_body(const cf_author *author, const cf_draft *draft, const cf_header *header,
                           cf_buffer *body, cf_error *error)
{
    cf_buffer open = {0};
    cf_seal_place place = {author->options.ring, &draft->epoch, &draft->collection};

    if (draft->type == CF_ENTRY_MEMBER) {
        cf_buffer_append(body, draft->plain.data, draft->plain.size);
        return CF_OK;
    }
    cf_header_pack_open(header, &open);
    cf_status status = cf_body_seal(&place, cf_buffer_view(&open), draft->plain, body, error);
    cf_buffer_release(&open);
    return status;
}

static const cf_heads *member_heads(const cf_author *author, const cf_draft *draft)
{
    return draft->type == CF_ENTRY_MEMBER ? NULL : cf_author_heads(author, &cf_member_log_id);
}

static cf_after after_of(const cf_author *author, const cf_draft *draft, const chain *own)
{
    bool is_member = draft->type == CF_ENTRY_MEMBER;

    return (cf_after){.log = author->options.log,
                      .collection = &own->collection,
                      .device = &author->device,
                      .epoch = is_member ? NULL : &draft->epoch,
                      .members = cf_author_heads(author, &cf_member_log_id),
                      .told = &own->told,
                      .body = draft->body,
                      .blob_count = draft->blob_count,
                      .most = author->after_max};
}

/* What the chain has told with this `after`, of what is held now. */
static cf_heads told_with(const cf_author *author, const chain *own, bool is_member,
                          const cf_head *after, size_t count)
{
    const cf_heads *held[] = {&own->heads,
                              is_member ? NULL : cf_author_heads(author, &cf_member_log_id)};
    cf_heads named = {0}, told = {0};

    cf_heads_add(&named, after, count);
    for (size_t k = 0; k < 2 && held[k]; k++) {
        cf_head *kept = cf_allocate(held[k]->count, sizeof *kept);
        size_t kept_count = 0;

        for (size_t i = 0; i < held[k]->count; i++)
            if (cf_heads_contain(&own->told, &held[k]->heads[i]) ||
                cf_heads_contain(&named, &held[k]->heads[i]) ||
                cf_id_equal(&held[k]->heads[i].writer, &own->writer))
                kept[kept_count++] = held[k]->heads[i];
        cf_heads_add(&told, kept, kept_count);
        free(kept);
    }
    cf_heads_release(&named);
    return told;
}

bool cf_author_tells_first(cf_author *author, const cf_draft *draft, bool whole)
{
    chain *own = get_chain(author, &draft->collection);
    cf_heads untold = {0};

    start_writer(author, own);
    const cf_after after = after_of(author, draft, own);
    cf_heads_after(
        &(cf_author_seen){&own->heads, member_heads(author, draft), &own->told, &own->writer},
        &untold);
    bool beyond = whole ? untold.count > after.most : cf_after_is_beyond(&after, &untold);
    cf_heads_release(&untold);
    return beyond;
}

cf_status cf_author_entry(cf_author *author, const cf_draft *draft, cf_buffer *wire,
                          cf_kv_list *records, cf_error *error)
{
    chain *own = get_chain(author, &draft->collection);
    cf_heads after = {0};
    cf_buffer body = {0};
    cf_header header;
    cf_hash hash;

    start_writer(author, own);
    const cf_after choice = after_of(author, draft, own);
    cf_heads_after(
        &(cf_author_seen){&own->heads, member_heads(author, draft), &own->told, &own->writer},
        &after);
    cf_status status = cf_after_cut(&choice, &after, error);
    fill_header(author, draft, own, &after, &header);
    if (!status)
        status = seal_body(author, draft, &header, &body, error);
    if (!status)
        status = cf_entry_build(&header, cf_buffer_view(&body),
                                cf_keys_signing_secret(author->options.keys), wire, &hash, error);
    if (!status && records) {
        chain next = *own;
        next.sequence++;
        next.hash = hash;
        next.told =
            told_with(author, own, draft->type == CF_ENTRY_MEMBER, after.heads, after.count);
        put_chain(author, &next, records);
        cf_heads_release(&next.told);
    }
    cf_heads_release(&after);
    cf_buffer_release(&body);
    return status;
}

static void follow_own(cf_author *author, chain *own, const cf_entry *entry)
{
    own->sequence = entry->header.sequence;
    own->hash = entry->hash;
    cf_heads told = told_with(author, own, entry->header.type == CF_ENTRY_MEMBER,
                              entry->header.after, entry->header.after_count);
    cf_heads_release(&own->told);
    own->told = told;
}

void cf_author_took(cf_author *author, const cf_entry *entry)
{
    chain *own = get_chain(author, &entry->header.collection);

    follow_own(author, own, entry);
    advance(author, own, entry);
}

void cf_author_each_behind(const cf_author *author, const cf_heads *theirs, cf_author_behind *visit,
                           void *context)
{
    for (size_t i = 0; i < author->count; i++) {
        const chain *own = author->chains[i];
        size_t count = 0;
        const cf_head *heads =
            own->has_writer ? cf_heads_of_writer(theirs, &own->writer, &count) : NULL;
        bool behind = false;

        for (size_t k = 0; heads && k < count; k++)
            behind |= heads[k].sequence > own->sequence;
        if (behind)
            visit(context, &own->collection);
    }
}

bool cf_author_met(cf_author *author, const cf_entry *entry)
{
    chain *own = get_chain(author, &entry->header.collection);
    bool mine = cf_hash_equal(&entry->header.device, &author->device);

    if (mine && own->has_writer && cf_id_equal(&own->writer, &entry->header.writer))
        own->has_writer = false;
    advance(author, own, entry);
    return mine;
}

void cf_author_withhold(cf_author *author, const cf_id *collection, const cf_withheld_part *part)
{
    const cf_withheld all = {.at = &(cf_withheld_part){part->first, part->last, part->before},
                             .count = 1};
    chain *own = get_chain(author, collection);

    if (!cf_heads_contain(&own->heads, &part->last))
        return;
    cf_withheld_leave_out(&all, &own->heads);
    if (own->has_writer && cf_id_equal(&own->writer, &part->last.writer))
        own->has_writer = false;
    note_change(author, own);
}
