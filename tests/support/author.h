/* SPDX-License-Identifier: Apache-2.0 */
/* An author: a device with a fixed key that writes one chain of entries. */
#ifndef CF_TESTS_AUTHOR_H
#define CF_TESTS_AUTHOR_H
#include "codec/entry.h"
#include "tests/support/expect.h"

#include <sodium.h>

typedef struct {
    uint8_t key[32], secret[64];
    cf_header next; /* the header of the entry to come: change what a test is about */
} author;

/* Each seed is another device; user and collection are the same for all. */
static inline author an_author(uint8_t seed)
{
    author made = {.next = {.version = CF_ENTRY_VERSION, .type = CF_ENTRY_CHANGE, .sequence = 1}};
    uint8_t seeds[crypto_sign_SEEDBYTES];

    cr_assert(sodium_init() >= 0);
    memset(seeds, seed, sizeof seeds);
    crypto_sign_seed_keypair(made.key, made.secret, seeds);
    made.next.device = cf_device_id(made.key);
    memset(made.next.user.bytes, 'u', CF_HASH_SIZE);
    memset(made.next.collection.bytes, 'c', CF_ID_SIZE);
    memset(made.next.epoch.bytes, 'e', CF_HASH_SIZE);
    memset(made.next.previous.bytes, seed, 16);
    made.next.writer = cf_writer_id(&made.next.user, &made.next.device, &made.next.collection,
                                    made.next.previous.bytes);
    return made;
}

/* As an_author, writing to the member log. */
static inline author an_owner(uint8_t seed)
{
    author made = an_author(seed);

    made.next.type = CF_ENTRY_MEMBER;
    made.next.collection = cf_member_log_id;
    memset(&made.next.epoch, 0, sizeof made.next.epoch);
    made.next.writer = cf_writer_id(&made.next.user, &made.next.device, &made.next.collection,
                                    made.next.previous.bytes);
    return made;
}

/* Replaces what is in `wire` with the author's next entry. */
static inline void author_write(author *self, cf_bytes body, cf_buffer *wire)
{
    cf_error error;
    cf_hash hash;

    cf_buffer_clear(wire);
    expect_ok(cf_entry_build(&self->next, body, self->secret, wire, &hash, &error), error);
    self->next.previous = hash;
    self->next.sequence++;
}

#endif
