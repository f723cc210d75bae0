/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/people/people.h"

#include <string.h>

#include "codec/envelope.h"

const cf_id papers = {"papers"};

static person with_keys(cf_keys *keys, const cf_hash *user)
{
    person made = {.keys = keys, .user = *user};
    cf_header chain = {.version = 1, .user = *user, .sequence = 1};

    made.id = cf_device_id(cf_keys_public(keys)->signing);
    chain.device = made.id;
    memcpy(chain.previous.bytes, made.id.bytes, 16); /* random enough here */
    made.members = made.changes = chain;
    made.members.type = CF_ENTRY_MEMBER;
    made.members.collection = cf_member_log_id;
    made.members.writer = cf_writer_id(user, &made.id, &cf_member_log_id, chain.previous.bytes);
    made.changes.type = CF_ENTRY_CHANGE;
    made.changes.collection = papers;
    made.changes.writer = cf_writer_id(user, &made.id, &papers, chain.previous.bytes);
    return made;
}

person an_account(uint16_t seed)
{
    uint8_t secret[CF_PHRASE_SECRET] = {(uint8_t)seed, (uint8_t)(seed >> 8)};
    cf_keys *keys = cf_keys_of_phrase(secret);
    cf_hash user = cf_device_id(cf_keys_public(keys)->signing);

    return with_keys(keys, &user);
}

person a_device(uint16_t seed, const cf_hash *user)
{
    uint8_t seeds[32] = {(uint8_t)seed, 'd', (uint8_t)(seed >> 8)};
    return with_keys(cf_keys_new(seeds), user);
}

void person_end(person *self)
{
    cf_keys_destroy(&self->keys);
    cf_heads_release(&self->members_after);
    cf_heads_release(&self->changes_after);
    cf_buffer_release(&self->wire);
}

static void build(person *self, cf_header *header, cf_heads *after, cf_bytes body)
{
    cf_error error;
    cf_hash hash;

    header->after = after->heads;
    header->after_count = after->count;
    cf_buffer_clear(&self->wire);
    expect_ok(cf_entry_build(header, body, cf_keys_signing_secret(self->keys), &self->wire, &hash,
                             &error),
              error);
    self->head = (cf_head){header->writer, header->sequence, hash};
    header->sequence++;
    header->previous = hash;
    header->blobs = NULL;
    header->blob_count = 0;
    cf_heads_release(after);
}

void write_member(person *self, cf_bytes body)
{
    build(self, &self->members, &self->members_after, body);
    cf_heads_insert(&self->changes_after, &self->head);
}

void write_operation(person *self, const cf_member *operation)
{
    cf_buffer body = {0};

    cf_member_pack(operation, &body);
    write_member(self, cf_buffer_view(&body));
    cf_buffer_release(&body);
}

void first_entry(person *account)
{
    cf_error error;
    cf_arena arena = {0};
    cf_ring *ring = cf_ring_new(&account->user);
    cf_addressee self = {.device = account->user};
    uint8_t key[32] = {7}, fresh[32] = {8};
    cf_opening_parts parts = {ring, key, &self, 1, fresh};
    cf_member member = {
        .kind = CF_MEMBER_FIRST, .keys = *cf_keys_public(account->keys), .opens = true};

    memcpy(self.sealing, member.keys.sealing, sizeof self.sealing);
    expect_ok(cf_opening_make(&parts, &arena, &member.opening, &error), error);
    write_operation(account, &member);
    account->epoch = account->head.hash;
    cf_ring_destroy(&ring);
    cf_arena_release(&arena);
}

void let_in(person *owner, const person *newcomer, cf_role role)
{
    cf_member member = {
        .kind = CF_MEMBER_ADD, .keys = *cf_keys_public(newcomer->keys), .role = role};

    member.access.readable = role != CF_ROLE_RELAY; /* what is sealed, no broker can open */
    member.access.epoch = owner->epoch;
    cf_keys_prove(newcomer->keys, &newcomer->user, member.proof);
    write_operation(owner, &member);
}

void shut_out(person *owner, const cf_hash *device, const cf_head *heads, size_t count)
{
    cf_member member = {.kind = CF_MEMBER_REVOKE,
                        .device = *device,
                        .heads = heads,
                        .head_count = count,
                        .opens = true};

    member.opening.commitment = *device; /* any */
    write_operation(owner, &member);
}

void write_change(person *self, const char *body, const cf_hash *blobs, size_t count)
{
    self->changes.epoch = self->epoch;
    self->changes.blobs = blobs;
    self->changes.blob_count = count;
    build(self, &self->changes, &self->changes_after, cf_bytes_of_text(body));
}

static void begin(person *self, cf_header *chain, const cf_id *collection)
{
    static uint64_t begun;

    cf_put_u64(chain->previous.bytes, ++begun);
    memset(chain->previous.bytes + 8, 1, CF_HASH_SIZE - 8);
    memset(chain->previous.bytes + 16, 0, CF_HASH_SIZE - 16);
    chain->collection = *collection;
    chain->sequence = 1;
    chain->writer = cf_writer_id(&self->user, &self->id, collection, chain->previous.bytes);
}

void begin_chain(person *self, const cf_id *collection, const cf_head *member)
{
    begin(self, &self->changes, collection);
    cf_heads_release(&self->changes_after);
    cf_heads_insert(&self->changes_after, member);
}

void begin_member_chain(person *self, const cf_head *member)
{
    begin(self, &self->members, &cf_member_log_id);
    cf_heads_release(&self->members_after);
    cf_heads_insert(&self->members_after, member);
}

void learn(person *self, const person *author)
{
    cf_error error;
    cf_arena arena = {0};
    cf_entry entry;

    expect_ok(cf_entry_read(cf_buffer_view(&author->wire), &arena, &entry, &error), error);
    if (entry.header.type == CF_ENTRY_MEMBER) {
        cf_heads_advance(&self->members_after, &entry);
        self->epoch = author->epoch;
    }
    cf_heads_advance(&self->changes_after, &entry);
    cf_arena_release(&arena);
}

void append_entry(cf_log *log, const person *author)
{
    cf_offer offer = {.bringer = CF_BRINGER_ANOTHER};
    cf_error error;
    cf_arena arena = {0};
    cf_entry entry;
    cf_verdict verdict;

    expect_ok(cf_entry_read(cf_buffer_view(&author->wire), &arena, &entry, &error), error);
    expect_ok(cf_log_check(log, &entry, &offer, &verdict, &error), error);
    cr_assert_eq(verdict.answer, CF_OFFER_NEW, "%s", verdict.text);
    cf_log_append(log, &entry, &offer, NULL, 0, NULL, NULL);
    cf_arena_release(&arena);
}
