/* SPDX-License-Identifier: Apache-2.0 */
/* Entries by an account and three devices, all with good signatures and in whatever they say:
 * joins, revocations, roles, forks, any `after`. Two logs that are offered them in opposite orders
 * hold the same ones in the end, and think the same of them, of the devices and of the epoch. The
 * input says what the entries are. */
#include "tests/fuzz/target.h"

#include "broker/log/log.h"
#include "broker/members/registry.h"
#include "codec/heads.h"
#include "codec/member.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 40, AUTHORS = 4, AFTER_MAX = 4 };

typedef struct {
    cf_buffer wire;
    cf_head head;
    uint8_t author;
    bool is_member, opens;
} written;

typedef struct {
    cf_keys *keys[AUTHORS]; /* the first is the account's */
    cf_hash devices[AUTHORS];
    written entries[ENTRIES_MAX];
    size_t count;
} diary;

static const cf_id papers = {"papers"};

static void begin(diary *self)
{
    const uint8_t secret[CF_PHRASE_SECRET] = {1};

    for (uint8_t i = 0; i < AUTHORS; i++) {
        cf_hash seed = fuzz_hash(i);

        self->keys[i] = i ? cf_keys_new(seed.bytes) : cf_keys_of_phrase(secret);
        self->devices[i] = cf_device_id(cf_keys_public(self->keys[i])->signing);
    }
}

static void end(diary *self)
{
    for (size_t i = 0; i < AUTHORS; i++)
        cf_keys_destroy(&self->keys[i]);
    for (size_t i = 0; i < self->count; i++)
        cf_buffer_release(&self->entries[i].wire);
    free(self);
}

/* The heads of entries that exist, those of `writer` left out. */
static void pick_heads(const diary *self, const cf_id *writer, size_t count, fuzz_input *input,
                       cf_heads *out)
{
    while (count-- && self->count) {
        const cf_head *head = &self->entries[fuzz_byte(input) % self->count].head;

        if (!writer || !cf_id_equal(&head->writer, writer))
            cf_heads_insert(out, head);
    }
}

/* Goes on behind the author's last entry, or, now and then, behind an earlier one. */
static void chain(const diary *self, cf_header *header, uint8_t author, bool is_member,
                  uint8_t back)
{
    memset(header->previous.bytes, 'a' + author, 16);
    header->sequence = 1;
    header->writer =
        cf_writer_id(&header->user, &header->device, &header->collection, header->previous.bytes);
    for (size_t i = self->count; i-- > 0;) {
        const written *entry = &self->entries[i];

        if (entry->author != author || entry->is_member != is_member || back-- % 8)
            continue;
        header->sequence = entry->head.sequence + 1;
        header->previous = entry->head.hash;
        return;
    }
    memset(header->previous.bytes + 16, 0, 16);
}

static void write_entry(diary *self, uint8_t author, const cf_member *member, fuzz_input *input)
{
    written *entry = &self->entries[self->count];
    cf_header header = {.version = CF_ENTRY_VERSION,
                        .type = member ? CF_ENTRY_MEMBER : CF_ENTRY_CHANGE,
                        .user = self->devices[0],
                        .device = self->devices[author],
                        .collection = member ? cf_member_log_id : papers};
    cf_buffer body = {0};
    cf_heads after = {0};
    cf_error error;

    chain(self, &header, author, member != NULL, fuzz_byte(input));
    if (!(member && member->kind == CF_MEMBER_FIRST))
        pick_heads(self, &header.writer, 1 + fuzz_below(input, AFTER_MAX), input, &after);
    header.after = after.heads;
    header.after_count = after.count;
    if (!member)
        header.epoch = self->entries[fuzz_byte(input) % self->count].head.hash;
    if (member)
        cf_member_pack(member, &body);
    else
        cf_buffer_append(&body, &(uint8_t){(uint8_t)self->count}, 1);
    if (!cf_entry_build(&header, cf_buffer_view(&body), cf_keys_signing_secret(self->keys[author]),
                        &entry->wire, &entry->head.hash, &error)) {
        entry->head.writer = header.writer;
        entry->head.sequence = header.sequence;
        entry->author = author;
        entry->is_member = member != NULL;
        entry->opens = member && member->opens;
        self->count++;
    }
    cf_heads_release(&after);
    cf_buffer_release(&body);
}

static void write_member(diary *self, cf_member_kind kind, uint8_t author, uint8_t whom,
                         fuzz_input *input)
{
    cf_heads heads = {0};
    cf_member member = {.kind = kind,
                        .time_ms = self->count,
                        .keys = *cf_keys_public(self->keys[whom]),
                        .role = (cf_role)(1 + fuzz_below(input, 4)),
                        .device = self->devices[whom],
                        .generation = 1 + fuzz_below(input, 3),
                        .address = cf_bytes_of_text("tcp://host:7817#aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                                    "aaaaaaaaaaaaaaaaaaaaaa")};

    member.opens = kind == CF_MEMBER_FIRST || kind == CF_MEMBER_EPOCH || kind == CF_MEMBER_REVOKE;
    member.opening.commitment = fuzz_hash((uint8_t)self->count);
    member.access.readable = kind == CF_MEMBER_GRANT || member.role != CF_ROLE_RELAY;
    if (self->count) {
        member.access.epoch = self->entries[fuzz_byte(input) % self->count].head.hash;
        member.revocation = self->entries[fuzz_byte(input) % self->count].head.hash;
    }
    cf_keys_prove(self->keys[whom], &self->devices[0], member.proof);
    pick_heads(self, NULL, fuzz_below(input, AFTER_MAX), input, &heads);
    member.heads = heads.heads;
    member.head_count = heads.count;
    write_entry(self, author, &member, input);
    cf_heads_release(&heads);
}

static void write_all(diary *self, fuzz_input *input)
{
    write_member(self, CF_MEMBER_FIRST, 0, 0, input);
    while (input->rest.size && self->count < ENTRIES_MAX) {
        uint8_t what = fuzz_below(input, 14), author = fuzz_below(input, AUTHORS);

        if (what >= CF_MEMBER_FIRST && what <= CF_MEMBER_ROLE)
            write_member(self, (cf_member_kind)what, author, fuzz_below(input, AUTHORS), input);
        else
            write_entry(self, author, NULL, input);
    }
}

/* ---- A log that is offered them ---- */

typedef struct {
    cf_store_memory_disk *disk;
    cf_store *store;
    cf_log *log;
} shelf;

static shelf a_shelf(const diary *self)
{
    static const uint8_t instance[16] = {1};
    shelf made = {.disk = cf_store_memory_disk_new(instance)};
    cf_error error;

    made.store = cf_store_memory_new(made.disk);
    fuzz_must(!cf_log_open(made.store, &self->devices[0], NULL, &made.log, &error));
    return made;
}

static void end_shelf(shelf *self)
{
    cf_log_destroy(&self->log);
    cf_store_destroy(&self->store);
    cf_store_memory_disk_destroy(&self->disk);
}

static cf_verdict offer(shelf *self, const written *entry, cf_bringer bringer)
{
    const cf_offer offer = {.bringer = bringer};
    cf_arena arena = {0};
    cf_entry parsed;
    cf_verdict verdict;
    cf_error error;

    fuzz_must(!cf_entry_read(cf_buffer_view(&entry->wire), &arena, &parsed, &error));
    fuzz_must(!cf_log_check(self->log, &parsed, &offer, &verdict, &error));
    if (verdict.answer == CF_OFFER_NEW)
        cf_log_append(self->log, &parsed, &offer, NULL, 0, NULL, NULL);
    cf_arena_release(&arena);
    return verdict;
}

/* Until nothing more is taken. */
static void offer_all(shelf *self, const diary *of, bool backwards)
{
    bool grew = true;
    cf_error error;

    while (grew) {
        grew = false;
        for (size_t i = 0; i < of->count; i++) {
            const written *entry = &of->entries[backwards ? of->count - 1 - i : i];

            grew = offer(self, entry, CF_BRINGER_ANOTHER).answer == CF_OFFER_NEW || grew;
            fuzz_must(!self->store->commit(self->store, &error));
        }
    }
}

static bool is_void(shelf *self, const written *entry)
{
    cf_arena arena = {0};
    cf_entry parsed;
    cf_error error;
    bool found;

    fuzz_must(!cf_entry_read(cf_buffer_view(&entry->wire), &arena, &parsed, &error));
    fuzz_must(!cf_log_is_void(self->log, &parsed, &found, &error));
    cf_arena_release(&arena);
    return found;
}

static size_t count_lacking(const cf_registry *registry, const cf_hash *epoch)
{
    cf_hash *lacking = cf_allocate(cf_registry_device_count(registry), sizeof *lacking);
    const size_t count = cf_registry_list_lacking(registry, epoch, lacking);

    free(lacking);
    return count;
}

static void must_agree(shelf *a, shelf *b, const diary *of)
{
    const cf_registry *x = cf_log_registry(a->log), *y = cf_log_registry(b->log);
    const cf_hash *epoch = cf_registry_epoch(x), *other = cf_registry_epoch(y);

    for (size_t i = 0; i < of->count; i++) {
        cf_verdict one = offer(a, &of->entries[i], CF_BRINGER_ANOTHER);
        cf_verdict two = offer(b, &of->entries[i], CF_BRINGER_ANOTHER);

        fuzz_must(one.answer == two.answer);
        fuzz_must(one.answer != CF_OFFER_HAVE ||
                  is_void(a, &of->entries[i]) == is_void(b, &of->entries[i]));
    }
    for (size_t i = 0; i < AUTHORS; i++) {
        const cf_device *one = cf_registry_device(x, &of->devices[i]);
        const cf_device *two = cf_registry_device(y, &of->devices[i]);

        fuzz_must(!one == !two);
        fuzz_must(!one ||
                  (one->is_valid == two->is_valid && one->role == two->role &&
                   one->ended_by == two->ended_by && cf_hash_equal(&one->added, &two->added)));
    }
    fuzz_must(!epoch == !other && (!epoch || cf_hash_equal(epoch, other)));
    fuzz_must(!epoch || count_lacking(x, epoch) == count_lacking(y, epoch));
}

static void offer_as_they_come(shelf *self, const diary *of, fuzz_input input)
{
    cf_error error;

    for (size_t i = 0; i < of->count; i++) {
        offer(self, &of->entries[i],
              fuzz_byte(&input) % 2 ? CF_BRINGER_AUTHOR : CF_BRINGER_ANOTHER);
        if (fuzz_byte(&input) % 2)
            fuzz_must(!self->store->commit(self->store, &error));
    }
    fuzz_must(!self->store->commit(self->store, &error));
    cf_log_destroy(&self->log);
    fuzz_must(!cf_log_open(self->store, &of->devices[0], NULL, &self->log, &error));
}

bool fuzz_seed(size_t number, cf_buffer *out)
{
    /* Joins of all by the account, then whatever comes. */
    static const uint8_t joins[] = {2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2, 0, 0, 0,
                                    0, 0, 0, 0, 0, 0, 2, 0, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0};
    uint32_t random = (uint32_t)number + 1;

    cf_buffer_append(out, joins, sizeof joins);
    for (size_t i = 0; i < 60 + 30 * number; i++) {
        random = random * 1664525 + 1013904223; /* Numerical Recipes' generator */
        cf_buffer_append(out, &(uint8_t){(uint8_t)(random >> 24)}, 1);
    }
    return number < 10;
}

bool fuzz_run(cf_bytes bytes)
{
    fuzz_input input = {bytes};
    diary *self = cf_allocate(1, sizeof *self);

    begin(self);
    write_all(self, &input);
    shelf forwards = a_shelf(self), backwards = a_shelf(self);
    offer_as_they_come(&forwards, self, (fuzz_input){bytes});
    offer_all(&forwards, self, false);
    offer_all(&backwards, self, true);
    must_agree(&forwards, &backwards, self);
    fuzz_must(cf_registry_device_count(cf_log_registry(forwards.log)) > 0);
    end_shelf(&forwards);
    end_shelf(&backwards);
    end(self);
    return true;
}
