/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/log/member_history.h"

#include <stdlib.h>
#include <string.h>

static const cf_id collections[COLLECTIONS] = {{"papers"}, {"letters"}};

unsigned member_history_random(member_history *self, unsigned below)
{
    self->state = self->state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(self->state >> 33) % below;
}

static bool chance(member_history *self, unsigned percent)
{
    return member_history_random(self, 100) < percent;
}

static void see(act *made, const member_history *self, int other)
{
    made->past[other] = true;
    for (int i = 0; i < self->count; i++)
        made->past[i] |= self->acts[other].past[i];
}

/* The entry of the device in the collection that this one follows: mostly the last, at times an
 * earlier one (a fork), or none (a new writer). */
static int choose_previous(member_history *self, int author, int collection)
{
    int own[MEMBER_ACTS], count = 0;

    for (int i = 0; i < self->count; i++)
        if (self->acts[i].author == author && self->acts[i].collection == collection)
            own[count++] = i;
    if (!count || chance(self, 6))
        return NOBODY;
    return chance(self, 80) ? own[count - 1] : own[member_history_random(self, (unsigned)count)];
}

static bool is_own_chain(const member_history *self, const act *made, int other)
{
    return made->previous != NOBODY &&
           cf_id_equal(&self->acts[made->previous].head.writer, &self->acts[other].head.writer);
}

/* A few entries that were there; none of its own writer. */
static void choose_after(member_history *self, act *made)
{
    unsigned percent = member_history_random(self, 4) * 15;

    for (int i = 0; i < self->count; i++) {
        const act *other = &self->acts[i];
        bool fits = act_is_member(other) || other->collection == made->collection;

        if (fits && !is_own_chain(self, made, i) && chance(self, percent))
            made->after[i] = true;
    }
}

/* Its past, and the past by the member log alone. */
static void find_past(const member_history *self, act *made)
{
    memset(made->past, 0, sizeof made->past);
    memset(made->members, 0, sizeof made->members);
    if (made->previous != NOBODY) {
        see(made, self, made->previous);
        memcpy(made->members, self->acts[made->previous].members, sizeof made->members);
    }
    for (int i = 0; i < self->count; i++) {
        if (!made->after[i])
            continue;
        see(made, self, i);
        if (!act_is_member(&self->acts[i]))
            continue;
        made->members[i] = true;
        for (int k = 0; k < i; k++)
            made->members[k] |= self->acts[i].past[k];
    }
    if (act_is_member(made))
        memcpy(made->members, made->past, sizeof made->past);
}

/* What lets its author in must be in its member past, or nobody would take it. */
static bool admit_author(member_history *self, act *made)
{
    int adds[MEMBER_ACTS], count = 0;

    for (int i = 0; i < self->count; i++) {
        const act *other = &self->acts[i];
        bool lets_in =
            other->operation.kind == CF_MEMBER_ADD || other->operation.kind == CF_MEMBER_FIRST;

        if (act_is_member(other) && other->is_allowed && lets_in && other->about == made->author &&
            made->members[i])
            return true;
        if (!act_is_member(other) || other->about != made->author || !lets_in ||
            !other->is_allowed || is_own_chain(self, made, i))
            continue;
        adds[count++] = i;
    }
    if (!count)
        return false;
    made->after[adds[member_history_random(self, (unsigned)count)]] = true;
    find_past(self, made);
    return true;
}

static void open_epoch(member_history *self, cf_member *operation)
{
    operation->opens = true;
    for (size_t i = 0; i < CF_HASH_SIZE; i++)
        operation->opening.commitment.bytes[i] = (uint8_t)member_history_random(self, 256);
}

/* Heads that a limit names: any entries of the device, at times of others. */
static void name_heads(member_history *self, act *made, cf_heads *heads)
{
    for (int tries = 0; tries < NAMED; tries++) {
        int chosen = (int)member_history_random(self, (unsigned)self->count);
        bool is_about = self->acts[chosen].author == made->about;

        if ((!is_about && !chance(self, 8)) || chance(self, 30))
            continue;
        if (!cf_heads_contain(heads, &self->acts[chosen].head))
            made->named[made->naming++] = chosen;
        cf_heads_insert(heads, &self->acts[chosen].head);
    }
}

static void choose_operation(member_history *self, act *made, cf_heads *heads)
{
    static const cf_member_kind kinds[] = {
        CF_MEMBER_ADD,    CF_MEMBER_ADD,   CF_MEMBER_ADD,   CF_MEMBER_REVOKE,
        CF_MEMBER_REVOKE, CF_MEMBER_ROLE,  CF_MEMBER_ROLE,  CF_MEMBER_EPOCH,
        CF_MEMBER_HOME,   CF_MEMBER_LEAVE, CF_MEMBER_ANNUL,
    };
    cf_member *operation = &made->operation;

    operation->kind = kinds[member_history_random(self, sizeof kinds / sizeof *kinds)];
    operation->time_ms = (uint64_t)self->count;
    made->about = (int)member_history_random(self, DEVICES);
    operation->role = chance(self, 50)
                          ? CF_ROLE_OWNER
                          : (cf_role)(CF_ROLE_MEMBER + (int)member_history_random(self, 3));
    if (operation->kind == CF_MEMBER_ADD && made->about == 0)
        made->about = 1;
    if (operation->kind == CF_MEMBER_LEAVE)
        made->about = made->author;
    operation->device = self->ids[made->about];
    operation->keys = *cf_keys_public(self->keys[made->about]);
    cf_keys_prove(self->keys[made->about], &self->user, operation->proof);
    operation->access.readable = operation->role != CF_ROLE_RELAY;
    operation->access.epoch = self->acts[0].head.hash;
    operation->generation = 1;
    operation->address = cf_bytes_of_text("tcp://b:1#a");
    if (operation->kind == CF_MEMBER_REVOKE || operation->kind == CF_MEMBER_LEAVE ||
        operation->kind == CF_MEMBER_ROLE)
        name_heads(self, made, heads);
    if (operation->kind == CF_MEMBER_REVOKE || operation->kind == CF_MEMBER_EPOCH)
        open_epoch(self, operation);
    made->annuls = (int)member_history_random(self, (unsigned)self->count);
    operation->revocation = self->acts[made->annuls].head.hash;
    operation->heads = heads->heads;
    operation->head_count = heads->count;
}

static void build(member_history *self, act *made, cf_bytes body)
{
    const act *previous = made->previous == NOBODY ? NULL : &self->acts[made->previous];
    cf_header header = {.version = 1,
                        .type = act_is_member(made) ? CF_ENTRY_MEMBER : CF_ENTRY_CHANGE,
                        .user = self->user,
                        .device = self->ids[made->author],
                        .sequence = previous ? previous->head.sequence + 1 : 1};
    cf_heads after = {0};
    cf_error error;

    header.collection = act_is_member(made) ? cf_member_log_id : collections[made->collection];
    if (previous) {
        header.writer = previous->head.writer;
        header.previous = previous->head.hash;
    } else {
        for (size_t i = 0; i < 16; i++)
            header.previous.bytes[i] = (uint8_t)member_history_random(self, 256);
        header.writer =
            cf_writer_id(&self->user, &header.device, &header.collection, header.previous.bytes);
    }
    for (int i = 0; i < self->count; i++)
        if (made->after[i])
            cf_heads_insert(&after, &self->acts[i].head);
    header.after = after.heads;
    header.after_count = after.count;
    if (!act_is_member(made))
        header.epoch = self->acts[0].head.hash;
    made->head = (cf_head){header.writer, header.sequence, {{0}}};
    expect_ok(cf_entry_build(&header, body, cf_keys_signing_secret(self->keys[made->author]),
                             &made->wire, &made->head.hash, &error),
              error);
    cf_heads_release(&after);
}

static void write_first(member_history *self)
{
    act *made = &self->acts[0];
    cf_buffer body = {0};

    *made = (act){.collection = NOBODY, .previous = NOBODY};
    made->operation.kind = CF_MEMBER_FIRST;
    made->is_allowed = true;
    made->operation.keys = *cf_keys_public(self->keys[0]);
    open_epoch(self, &made->operation);
    cf_member_pack(&made->operation, &body);
    build(self, made, cf_buffer_view(&body));
    self->count = 1;
    cf_buffer_release(&body);
}

static void write_one(member_history *self)
{
    act *made = &self->acts[self->count];
    cf_buffer body = {0};
    cf_heads heads = {0};

    *made = (act){.author = (int)member_history_random(self, DEVICES)};
    made->collection = chance(self, 40) ? NOBODY : (int)member_history_random(self, COLLECTIONS);
    made->previous = choose_previous(self, made->author, made->collection);
    choose_after(self, made);
    find_past(self, made);
    if (!admit_author(self, made))
        return;
    if (!act_is_member(made) && !made->members[0]) { /* its epoch */
        made->after[0] = true;
        find_past(self, made);
    }
    if (act_is_member(made)) {
        choose_operation(self, made, &heads);
        cf_member_pack(&made->operation, &body);
    } else {
        cf_buffer_append(&body, &self->count, sizeof self->count);
    }
    build(self, made, cf_buffer_view(&body));
    made->is_allowed = act_is_member(made) && member_history_allows(self, self->count);
    self->count++;
    cf_buffer_release(&body);
    cf_heads_release(&heads);
}

member_history *a_member_history(uint64_t seed)
{
    member_history *self = cf_allocate(1, sizeof *self);

    self->state = seed * 2654435761u + 88172645463325252u;
    for (int i = 0; i < DEVICES; i++) {
        uint8_t seeds[32] = {(uint8_t)i, 'h'};

        self->keys[i] = cf_keys_new(seeds);
        self->ids[i] = cf_device_id(cf_keys_public(self->keys[i])->signing);
    }
    self->user = self->ids[0];
    write_first(self);
    for (int tries = 0; tries < 4 * MEMBER_ACTS && self->count < MEMBER_ACTS; tries++)
        write_one(self);
    return self;
}

void member_history_end(member_history **self)
{
    for (int i = 0; i < (*self)->count; i++)
        cf_buffer_release(&(*self)->acts[i].wire);
    for (int i = 0; i < DEVICES; i++)
        cf_keys_destroy(&(*self)->keys[i]);
    free(*self);
    *self = NULL;
}
