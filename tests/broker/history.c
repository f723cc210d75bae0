/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/history.h"

#include <stdlib.h>
#include <string.h>

static const cf_id collections[COLLECTIONS] = {{"papers"}, {"letters"}};

unsigned history_random(history *self, unsigned below)
{
    self->state = self->state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(self->state >> 33) % below;
}

static bool chance(history *self, unsigned percent)
{
    return history_random(self, 100) < percent;
}

/* ---- Section 9: roles, and who may ---- */

static bool is_member(const act *of)
{
    return of->collection == NOBODY;
}

static bool is_kind(const act *of, cf_member_kind kind)
{
    return is_member(of) && of->operation.kind == kind;
}

static bool gives_role(const act *of, int device)
{
    return of->about == device && (is_kind(of, CF_MEMBER_FIRST) || is_kind(of, CF_MEMBER_ADD) ||
                                   is_kind(of, CF_MEMBER_ROLE));
}

static cf_role given(const act *of)
{
    return is_kind(of, CF_MEMBER_FIRST) ? CF_ROLE_OWNER : of->operation.role;
}

/* By the latest in `among`; of several that know nothing of each other the least. 0: none. */
static cf_role role_among(const history *self, int device, const bool among[ACTS])
{
    bool let_in = false;
    int least = 0;

    for (int i = 0; i < self->count; i++) {
        bool is_latest = among[i] && gives_role(&self->acts[i], device);

        let_in |= is_latest && !is_kind(&self->acts[i], CF_MEMBER_ROLE);
        for (int k = 0; is_latest && k < self->count; k++)
            is_latest = !(among[k] && gives_role(&self->acts[k], device) && self->acts[k].past[i]);
        if (is_latest && (int)given(&self->acts[i]) > least)
            least = (int)given(&self->acts[i]);
    }
    return let_in ? (cf_role)least : 0;
}

/* Whether the role allows what the entry does. */
static bool permits(cf_role role, const act *of)
{
    if (!is_member(of))
        return role == CF_ROLE_OWNER || role == CF_ROLE_MEMBER;
    return role == CF_ROLE_OWNER || (role && is_kind(of, CF_MEMBER_LEAVE));
}

/* Who may: by what the operation's own past says. */
static bool allowed(const history *self, int index)
{
    const act *of = &self->acts[index];
    bool among[ACTS] = {0};

    if (index == 0)
        return true;
    for (int i = 0; i < index; i++)
        among[i] = of->members[i] && self->acts[i].is_allowed;
    if (!permits(role_among(self, of->author, among), of))
        return false;
    switch (of->operation.kind) {
    case CF_MEMBER_FIRST:
        return false;
    case CF_MEMBER_LEAVE:
        return of->author != 0;
    case CF_MEMBER_ANNUL:
        return of->author == 0;
    case CF_MEMBER_REVOKE:
    case CF_MEMBER_ROLE:
        return of->about != 0;
    default:
        return true;
    }
}

/* ---- Making entries ---- */

static void see(act *made, const history *self, int other)
{
    made->past[other] = true;
    for (int i = 0; i < self->count; i++)
        made->past[i] |= self->acts[other].past[i];
}

/* The entry of the device in the collection that this one follows: mostly the last, at times an
 * earlier one (a fork), or none (a new writer). */
static int choose_previous(history *self, int author, int collection)
{
    int own[ACTS], count = 0;

    for (int i = 0; i < self->count; i++)
        if (self->acts[i].author == author && self->acts[i].collection == collection)
            own[count++] = i;
    if (!count || chance(self, 6))
        return NOBODY;
    return chance(self, 80) ? own[count - 1] : own[history_random(self, (unsigned)count)];
}

static bool is_own_chain(const history *self, const act *made, int other)
{
    return made->previous != NOBODY &&
           cf_id_equal(&self->acts[made->previous].head.writer, &self->acts[other].head.writer);
}

/* A few entries that were there; none of its own writer. */
static void choose_after(history *self, act *made)
{
    unsigned percent = history_random(self, 4) * 15;

    for (int i = 0; i < self->count; i++) {
        const act *other = &self->acts[i];
        bool fits = is_member(other) || other->collection == made->collection;

        if (fits && !is_own_chain(self, made, i) && chance(self, percent))
            made->after[i] = true;
    }
}

/* Its past, and the past by the member log alone. */
static void find_past(const history *self, act *made)
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
        if (!is_member(&self->acts[i]))
            continue;
        made->members[i] = true;
        for (int k = 0; k < i; k++)
            made->members[k] |= self->acts[i].past[k];
    }
    if (is_member(made))
        memcpy(made->members, made->past, sizeof made->past);
}

/* What lets its author in must be in its member past, or nobody would take it. */
static bool admit_author(history *self, act *made)
{
    int adds[ACTS], count = 0;

    for (int i = 0; i < self->count; i++) {
        const act *other = &self->acts[i];
        bool lets_in =
            other->operation.kind == CF_MEMBER_ADD || other->operation.kind == CF_MEMBER_FIRST;

        if (is_member(other) && other->is_allowed && lets_in && other->about == made->author &&
            made->members[i])
            return true;
        if (!is_member(other) || other->about != made->author || !lets_in || !other->is_allowed ||
            is_own_chain(self, made, i))
            continue;
        adds[count++] = i;
    }
    if (!count)
        return false;
    made->after[adds[history_random(self, (unsigned)count)]] = true;
    find_past(self, made);
    return true;
}

static void open_epoch(history *self, cf_member *operation)
{
    operation->opens = true;
    for (size_t i = 0; i < CF_HASH_SIZE; i++)
        operation->opening.commitment.bytes[i] = (uint8_t)history_random(self, 256);
}

/* Heads that a limit names: any entries of the device, at times of others. */
static void name_heads(history *self, act *made, cf_heads *heads)
{
    for (int tries = 0; tries < NAMED; tries++) {
        int chosen = (int)history_random(self, (unsigned)self->count);
        bool is_about = self->acts[chosen].author == made->about;

        if ((!is_about && !chance(self, 8)) || chance(self, 30))
            continue;
        if (!cf_heads_contain(heads, &self->acts[chosen].head))
            made->named[made->naming++] = chosen;
        cf_heads_insert(heads, &self->acts[chosen].head);
    }
}

static void choose_operation(history *self, act *made, cf_heads *heads)
{
    static const cf_member_kind kinds[] = {
        CF_MEMBER_ADD,    CF_MEMBER_ADD,   CF_MEMBER_ADD,   CF_MEMBER_REVOKE,
        CF_MEMBER_REVOKE, CF_MEMBER_ROLE,  CF_MEMBER_ROLE,  CF_MEMBER_EPOCH,
        CF_MEMBER_HOME,   CF_MEMBER_LEAVE, CF_MEMBER_ANNUL,
    };
    cf_member *operation = &made->operation;

    operation->kind = kinds[history_random(self, sizeof kinds / sizeof *kinds)];
    operation->time_ms = (uint64_t)self->count;
    made->about = (int)history_random(self, DEVICES);
    operation->role =
        chance(self, 50) ? CF_ROLE_OWNER : (cf_role)(CF_ROLE_MEMBER + (int)history_random(self, 3));
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
    made->annuls = (int)history_random(self, (unsigned)self->count);
    operation->revocation = self->acts[made->annuls].head.hash;
    operation->heads = heads->heads;
    operation->head_count = heads->count;
}

static void build(history *self, act *made, cf_bytes body)
{
    const act *previous = made->previous == NOBODY ? NULL : &self->acts[made->previous];
    cf_header header = {.version = 1,
                        .type = is_member(made) ? CF_ENTRY_MEMBER : CF_ENTRY_CHANGE,
                        .user = self->user,
                        .device = self->ids[made->author],
                        .sequence = previous ? previous->head.sequence + 1 : 1};
    cf_heads after = {0};
    cf_error error;

    header.collection = is_member(made) ? cf_member_log_id : collections[made->collection];
    if (previous) {
        header.writer = previous->head.writer;
        header.previous = previous->head.hash;
    } else {
        for (size_t i = 0; i < 16; i++)
            header.previous.bytes[i] = (uint8_t)history_random(self, 256);
        header.writer =
            cf_writer_id(&self->user, &header.device, &header.collection, header.previous.bytes);
    }
    for (int i = 0; i < self->count; i++)
        if (made->after[i])
            cf_heads_insert(&after, &self->acts[i].head);
    header.after = after.heads;
    header.after_count = after.count;
    if (!is_member(made))
        header.epoch = self->acts[0].head.hash;
    made->head = (cf_head){header.writer, header.sequence, {{0}}};
    expect_ok(cf_entry_build(&header, body, cf_keys_signing_secret(self->keys[made->author]),
                             &made->wire, &made->head.hash, &error),
              error);
    cf_heads_release(&after);
}

static void write_first(history *self)
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

static void write_one(history *self)
{
    act *made = &self->acts[self->count];
    cf_buffer body = {0};
    cf_heads heads = {0};

    *made = (act){.author = (int)history_random(self, DEVICES)};
    made->collection = chance(self, 40) ? NOBODY : (int)history_random(self, COLLECTIONS);
    made->previous = choose_previous(self, made->author, made->collection);
    choose_after(self, made);
    find_past(self, made);
    if (!admit_author(self, made))
        return;
    if (!is_member(made) && !made->members[0]) { /* its epoch */
        made->after[0] = true;
        find_past(self, made);
    }
    if (is_member(made)) {
        choose_operation(self, made, &heads);
        cf_member_pack(&made->operation, &body);
    } else {
        cf_buffer_append(&body, &self->count, sizeof self->count);
    }
    build(self, made, cf_buffer_view(&body));
    made->is_allowed = is_member(made) && allowed(self, self->count);
    self->count++;
    cf_buffer_release(&body);
    cf_heads_release(&heads);
}

history *a_history(uint64_t seed)
{
    history *self = cf_allocate(1, sizeof *self);

    self->state = seed * 2654435761u + 88172645463325252u;
    for (int i = 0; i < DEVICES; i++) {
        uint8_t seeds[32] = {(uint8_t)i, 'h'};

        self->keys[i] = cf_keys_new(seeds);
        self->ids[i] = cf_device_id(cf_keys_public(self->keys[i])->signing);
    }
    self->user = self->ids[0];
    write_first(self);
    for (int tries = 0; tries < 4 * ACTS && self->count < ACTS; tries++)
        write_one(self);
    return self;
}

void history_end(history **self)
{
    for (int i = 0; i < (*self)->count; i++)
        cf_buffer_release(&(*self)->acts[i].wire);
    for (int i = 0; i < DEVICES; i++)
        cf_keys_destroy(&(*self)->keys[i]);
    free(*self);
    *self = NULL;
}

/* ---- What limits, and what is void ---- */

/* One of the heads, or in the past of one; a `leave` is its own, in the member log. */
static bool is_left(const history *self, int limit, int index, const bool held[ACTS])
{
    const act *by = &self->acts[limit];
    bool in_members = is_member(&self->acts[index]);

    for (int i = 0; i < by->naming; i++) {
        int named = by->named[i];

        if (held[named] && is_member(&self->acts[named]) == in_members &&
            (named == index || self->acts[named].past[index]))
            return true;
    }
    return is_kind(by, CF_MEMBER_LEAVE) && in_members && (limit == index || by->past[index]);
}

/* Everything at once: what is allowed, what limits, then which entries are void, in any order in
 * which causes come before their effects. */
typedef struct {
    history *self;
    const bool *held;
    bool allowed[ACTS], limits[ACTS], acts[ACTS];
} judging;

static bool is_annulled(const judging *in, int revocation)
{
    for (int i = 0; i < in->self->count; i++)
        if (in->held[i] && is_kind(&in->self->acts[i], CF_MEMBER_ANNUL) && in->allowed[i] &&
            in->self->acts[i].annuls == revocation)
            return true;
    return false;
}

static bool lowers(const judging *in, int index)
{
    const act *of = &in->self->acts[index];
    bool among[ACTS];

    for (int i = 0; i < in->self->count; i++)
        among[i] = of->past[i] && in->allowed[i];
    cf_role before = role_among(in->self, of->about, among);
    return is_kind(of, CF_MEMBER_ROLE) && before && of->operation.role > before;
}

static bool is_void(const judging *in, int index)
{
    const history *self = in->self;
    const act *of = &self->acts[index];
    bool among[ACTS];

    if (index == 0)
        return false;
    if (is_member(of) && !in->allowed[index])
        return true;
    for (int i = 0; i < self->count; i++)
        among[i] = of->members[i] && in->acts[i];
    if (!permits(role_among(self, of->author, among), of))
        return true;
    for (int i = 0; i < self->count; i++) {
        const act *by = &self->acts[i];
        bool knows = i == index || of->members[i];

        if (!in->limits[i] || by->about != of->author ||
            (is_kind(by, CF_MEMBER_ROLE) && (knows || permits(by->operation.role, of))))
            continue;
        if (!is_left(self, i, index, in->held))
            return true;
    }
    return false;
}

static void judge_devices(judging *in)
{
    history *self = in->self;

    for (int device = 0; device < DEVICES; device++) {
        self->roles[device] = role_among(self, device, in->acts);
        self->is_out[device] = false;
        for (int i = 0; i < self->count; i++)
            self->is_out[device] |= in->limits[i] && self->acts[i].about == device &&
                                    !is_kind(&self->acts[i], CF_MEMBER_ROLE);
    }
}

void history_judge(history *self, const bool held[ACTS])
{
    judging in = {.self = self, .held = held};

    for (int i = 0; i < self->count; i++)
        in.allowed[i] = held[i] && self->acts[i].is_allowed;
    for (int i = 0; i < self->count; i++) {
        const act *of = &self->acts[i];

        in.limits[i] =
            in.allowed[i] && (is_kind(of, CF_MEMBER_LEAVE) || is_kind(of, CF_MEMBER_ROLE) ||
                              (is_kind(of, CF_MEMBER_REVOKE) && !is_annulled(&in, i)));
    }
    for (int i = 0; i < self->count; i++) {
        if (!held[i])
            continue;
        self->is_void[i] = is_void(&in, i);
        in.acts[i] = in.allowed[i] && (!self->is_void[i] || lowers(&in, i));
    }
    judge_devices(&in);
}
