/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/author.h"

#include <stdlib.h>
#include <string.h>

#include "bench/workload.h"
#include "codec/envelope.h"
#include "codec/member.h"

static const cf_id papers = {"papers"};

typedef struct {
    cf_keys *keys;
    cf_header chain; /* of the next entry */
    cf_writings *out;
    cf_head last;
} author;

static cf_header begin_chain(const author *self, cf_entry_type type, const cf_id *collection)
{
    cf_header chain = {.version = CF_ENTRY_VERSION,
                       .type = type,
                       .user = self->out->user,
                       .device = self->out->user,
                       .collection = *collection,
                       .sequence = 1,
                       .previous = {"sixteen bytes..."}};

    chain.writer = cf_writer_id(&chain.user, &chain.device, collection, chain.previous.bytes);
    return chain;
}

static cf_status write_entry(author *self, cf_bytes body, cf_error *error)
{
    cf_writings *out = self->out;
    cf_hash hash;

    cf_status status = cf_entry_build(&self->chain, body, cf_keys_signing_secret(self->keys),
                                      &out->bytes, &hash, error);
    if (status)
        return status;
    *cf_one_more(out->ends, out->count, out->capacity) = out->bytes.size;
    self->last = (cf_head){self->chain.writer, self->chain.sequence, hash};
    self->chain.sequence++;
    self->chain.previous = hash;
    self->chain.after = NULL;
    self->chain.after_count = 0;
    return CF_OK;
}

static cf_status write_first(author *self, cf_error *error)
{
    cf_arena arena = {0};
    cf_buffer body = {0};
    cf_ring *ring = cf_ring_new(&self->out->user);
    cf_addressee account = {.device = self->out->user};
    uint8_t key[CF_KEY_SIZE] = {7}, fresh[32] = {8};
    cf_opening_parts parts = {ring, key, &account, 1, fresh};
    cf_member member = {
        .kind = CF_MEMBER_FIRST, .keys = *cf_keys_public(self->keys), .opens = true};

    memcpy(account.sealing, member.keys.sealing, sizeof account.sealing);
    cf_status status = cf_opening_make(&parts, &arena, &member.opening, error);
    if (!status) {
        cf_member_pack(&member, &body);
        self->chain = begin_chain(self, CF_ENTRY_MEMBER, &cf_member_log_id);
        status = write_entry(self, cf_buffer_view(&body), error);
    }
    cf_buffer_release(&body);
    cf_ring_destroy(&ring);
    cf_arena_release(&arena);
    return status;
}

/* `first`: the user's first entry. */
static void begin_changes(author *self, const cf_head *first)
{
    self->chain = begin_chain(self, CF_ENTRY_CHANGE, &papers);
    self->chain.epoch = first->hash;
    self->chain.after = first;
    self->chain.after_count = 1;
}

static cf_status write_changes(author *self, size_t count, size_t size, cf_error *error)
{
    uint8_t *body = cf_allocate(size, 1);
    uint64_t seed = 3;
    const cf_head first = self->last;
    cf_status status = CF_OK;

    begin_changes(self, &first);
    for (size_t i = 0; !status && i < count; i++) {
        cf_workload_fill(&seed, body, size);
        status = write_entry(self, cf_bytes_of(body, size), error);
    }
    free(body);
    return status;
}

cf_keys *cf_writings_keys(uint32_t person)
{
    uint8_t secret[CF_PHRASE_SECRET] = {1, (uint8_t)person, (uint8_t)(person >> 8)};

    return cf_keys_of_phrase(secret);
}

cf_status cf_writings_make(uint32_t person, size_t count, size_t size, cf_writings *out,
                           cf_error *error)
{
    author self = {.keys = cf_writings_keys(person), .out = out};

    *out = (cf_writings){.user = cf_device_id(cf_keys_public(self.keys)->signing)};
    cf_status status = write_first(&self, error);
    if (!status)
        status = write_changes(&self, count, size, error);
    cf_keys_destroy(&self.keys);
    return status;
}

cf_status cf_writings_naming(uint32_t person, const cf_hash *blobs, size_t count, cf_writings *out,
                             cf_error *error)
{
    author self = {.keys = cf_writings_keys(person), .out = out};

    *out = (cf_writings){.user = cf_device_id(cf_keys_public(self.keys)->signing)};
    cf_status status = write_first(&self, error);
    const cf_head first = self.last;
    if (!status) {
        begin_changes(&self, &first);
        self.chain.blobs = blobs;
        self.chain.blob_count = count;
        status = write_entry(&self, cf_bytes_of_text("it names blobs"), error);
    }
    cf_keys_destroy(&self.keys);
    return status;
}

void cf_writings_release(cf_writings *writings)
{
    cf_buffer_release(&writings->bytes);
    free(writings->ends);
    *writings = (cf_writings){0};
}

cf_bytes cf_writings_at(const cf_writings *writings, size_t index)
{
    size_t start = index ? writings->ends[index - 1] : 0;

    return cf_bytes_of(writings->bytes.data + start, writings->ends[index] - start);
}
