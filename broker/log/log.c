/* SPDX-License-Identifier: Apache-2.0 */
/* An entry is taken in two steps: cf_log_check decides, by acceptance.h and then by the lease of
 * the collection; cf_log_append has it on its way until the store has it, and remembers meanwhile
 * what its successors ask. */
#include "broker/log/log.h"

#include "broker/leases/lease_records.h"
#include "broker/log/log_inside.h"
#include "broker/store/store.h"
#include "codec/message.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One append that isn't answered. */
struct cf_flight {
    cf_flight *next, **link;
    cf_log *log; /* NULL: destroyed meanwhile */
    bool has_entry;
    cf_hash entry, previous;
    bool moves_bounds;
    cf_hash *wanted; /* blobs that are, once the entry is stored */
    size_t wanted_count;
    cf_log_done *done;
    void *context;
};

/* The entries of the member log as they lie there. */
typedef struct {
    cf_arena arena; /* their bytes */
    cf_bytes *wires;
    size_t count, capacity;
    size_t damaged; /* that can't be read as entries: not among `wires` */
    cf_error first; /* of these */
} member_log;

/* "entry 3 of the member log is damaged: an entry ends before its signature does". */
static void note_damaged(member_log *members, cf_bytes key, const cf_error *why)
{
    if (!members->damaged++)
        cf_fail(&members->first, CF_BROKEN, "entry %" PRIu64 " of the member log is damaged: %s",
                cf_get_u64(key.data + 1) + 1, why->text);
}

/* Keys of another size are a peer's. */
static bool list_member(void *context, cf_bytes key, cf_bytes value)
{
    member_log *members = context;
    cf_arena arena = {0};
    cf_error error;
    cf_entry entry;

    if (key.size != CF_LOG_REGISTRY_KEY)
        return true;
    if (cf_entry_read(value, &arena, &entry, &error))
        note_damaged(members, key, &error);
    else
        *cf_one_more(members->wires, members->count, members->capacity) =
            cf_arena_copy(&members->arena, value);
    cf_arena_release(&arena);
    return true;
}

/* Where the record can't be read all is verified. */
static cf_verified read_verified(const cf_log *log, const member_log *members, cf_buffer *record)
{
    uint8_t table = CF_LOG_VERIFIED;
    cf_error ignored;

    if (!log->keys ||
        log->store->get(log->store, &log->user, cf_bytes_of(&table, 1), record, &ignored))
        return (cf_verified){0};
    return cf_verified_read(log->keys, &log->user, cf_buffer_view(record), members->wires,
                            members->count);
}

static void take_members(member_log *members, const cf_verified *verified, cf_registry *registry)
{
    for (size_t i = 0; i < members->count; i++) {
        cf_arena arena = {0};
        cf_error error;
        cf_entry entry;

        if (!cf_entry_read(members->wires[i], &arena, &entry, &error))
            cf_registry_take(registry, &entry, cf_verified_of(verified, i));
        cf_arena_release(&arena);
    }
    cf_registry_settle(registry);
}

/* `verified`: whether all of them were, by a record of before. `damaged` gets how many can't be
 * read; NULL: one that can't is CF_BROKEN, since it may be who shuts a device out. */
static cf_status load_members(cf_log *log, cf_registry *registry, bool *verified, size_t *damaged,
                              cf_error *error)
{
    uint8_t table = CF_LOG_REGISTRY;
    member_log members = {0};
    cf_buffer record = {0};

    cf_status status = log->store->scan(log->store, &log->user, cf_bytes_of(&table, 1), list_member,
                                        &members, error);
    if (!status && members.damaged && !damaged) {
        *error = members.first;
        status = error->status;
        if (log->store->remedy)
            cf_error_while(error, "%s", log->store->remedy);
    }
    if (!status) {
        cf_verified before = read_verified(log, &members, &record);

        take_members(&members, &before, registry);
        *verified = before.count == cf_registry_count(registry);
        if (damaged)
            *damaged = members.damaged;
    }
    cf_buffer_release(&record);
    free(members.wires);
    cf_arena_release(&members.arena);
    return status;
}

cf_status cf_log_members(cf_store *store, const cf_hash *user, cf_registry **out, size_t *damaged,
                         cf_error *error)
{
    cf_log log = {.store = store, .user = *user};
    cf_registry *registry = cf_registry_new(user);
    bool verified;

    cf_status status = load_members(&log, registry, &verified, damaged, error);
    if (status)
        cf_registry_destroy(&registry);
    else
        *out = registry;
    return status;
}

static cf_hash digest_of(const cf_registry *registry)
{
    cf_hash digest = {0};

    for (size_t i = 0; i < cf_registry_count(registry); i++)
        cf_verified_extend(&digest, cf_registry_entry(registry, i));
    return digest;
}

/* A head whose entry is damaged is nobody's; what reads it says so. */
static cf_status load_head(cf_log *log, const cf_head *head, cf_head_counts *counts,
                           cf_error *error)
{
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;
    cf_status status = cf_store_entry(log->store, &log->user, head, &wire, &arena, &entry, error);

    if (!status)
        cf_head_counts_add(counts, &entry);
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
    return status == CF_BROKEN || status == CF_MALFORMED || status == CF_FORGED ? CF_OK : status;
}

static bool list_head(void *context, const cf_head *head)
{
    cf_heads_insert(context, head);
    return true;
}

static cf_status load_heads(cf_log *log, cf_head_counts *counts, cf_error *error)
{
    cf_heads heads = {0};
    cf_status status = log->store->heads(log->store, &log->user, list_head, &heads, error);

    for (size_t i = 0; !status && i < heads.count; i++)
        status = load_head(log, &heads.heads[i], counts, error);
    cf_heads_release(&heads);
    return status;
}

static void tell_members_change(const cf_log *log)
{
    if (log->members_change)
        log->members_change(log->members_context);
}

static void forget(cf_log *log)
{
    cf_head_counts_destroy(&log->heads);
    cf_cutoffs_destroy(&log->cutoffs);
    cf_member_ancestry_destroy(&log->ancestry);
    cf_unsettled_heads_destroy(&log->heads_under_way);
    cf_registry_destroy(&log->registry);
    cf_hash_set_release(&log->wanted.blobs);
    log->wanted.is_known = false;
}

/* While the store can't be read the members stay who they were: nobody is told that he is none any
 * more because a disk is full. */
static cf_status load(cf_log *log, cf_error *error)
{
    cf_registry *registry = cf_registry_new(&log->user);
    cf_head_counts *heads = cf_head_counts_new();
    uint64_t epoch;
    bool verified;
    cf_status status = log->store->acquire(log->store, &log->user, &epoch, error);

    if (!status)
        status = load_members(log, registry, &verified, NULL, error);
    if (!status)
        status = load_heads(log, heads, error);
    if (!status)
        status = cf_lease_records_load(&log->leases, log->store, &log->user, error);
    if (status) {
        cf_head_counts_destroy(&heads);
        cf_registry_destroy(&registry);
        return status;
    }
    forget(log);
    log->registry = registry;
    log->has_verified = verified;
    log->members_digest = digest_of(registry);
    log->heads = heads;
    tell_members_change(log);
    log->heads_under_way = cf_unsettled_heads_new();
    log->ancestry =
        cf_member_ancestry_new(log->store, &log->user, log->registry, log->heads_under_way);
    log->cutoffs = cf_cutoffs_new(log->store, &log->user);
    log->epoch = epoch;
    log->is_off = false;
    return CF_OK;
}

cf_status cf_log_open(cf_store *store, const cf_hash *user, const cf_keys *keys, cf_log **out,
                      cf_error *error)
{
    cf_log *log = cf_allocate(1, sizeof *log);
    cf_status status;

    log->store = store;
    log->user = *user;
    log->keys = keys;
    log->head_bounds = cf_head_bounds_default;
    status = load(log, error);
    if (status)
        cf_log_destroy(&log);
    else
        *out = log;
    return status;
}

void cf_log_destroy(cf_log **log)
{
    if (!*log)
        return;
    for (cf_flight *flight = (*log)->flights; flight; flight = flight->next)
        flight->log = NULL;
    forget(*log);
    cf_lease_records_release(&(*log)->leases);
    free(*log);
    *log = NULL;
}

void cf_log_bound_heads(cf_log *log, const cf_head_bounds *bounds)
{
    log->head_bounds = *bounds;
}

const cf_hash *cf_log_user(const cf_log *log)
{
    return &log->user;
}

cf_store *cf_log_store(const cf_log *log)
{
    return log->store;
}

const cf_registry *cf_log_registry(const cf_log *log)
{
    return log->registry;
}

void cf_log_watch_members(cf_log *log, cf_log_members_change *change, void *context)
{
    log->members_change = change;
    log->members_context = context;
}

cf_status cf_log_heads(cf_log *log, cf_head_visit *visit, void *context, cf_error *error)
{
    return log->store->heads(log->store, &log->user, visit, context, error);
}

bool cf_log_head_place(cf_log *log, const cf_head *head, cf_head_place *out)
{
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;
    cf_error ignored;

    bool known = cf_head_counts_place(log->heads, &head->hash, out);
    if (!known && cf_log_get(log, head, &wire, &ignored) == CF_OK &&
        cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &ignored) == CF_OK) {
        *out = (cf_head_place){entry.header.device, entry.header.collection};
        known = true;
    }
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
    return known;
}

bool cf_log_head_collection(const cf_log *log, const cf_head *head, cf_id *out)
{
    cf_head_place place;

    if (!cf_head_counts_place(log->heads, &head->hash, &place))
        return false;
    *out = place.collection;
    return true;
}

cf_status cf_log_get(cf_log *log, const cf_head *entry, cf_buffer *out, cf_error *error)
{
    return cf_store_wire(log->store, &log->user, entry, out, error);
}

/* False: what went wrong is still under way. */
static bool is_ready(const cf_log *log)
{
    return !log->is_off || !log->flights;
}

/* Whether a lease says if the entry is taken: a session brings it, to a collection that can be
 * locked, as the common ones can't. */
static bool is_under_lease(const cf_entry *entry, const cf_offer *offer)
{
    return offer->session && !cf_collection_is_common(&entry->header.collection);
}

/* Whether it passes by the collection's lease. */
static void check_lease(const cf_log *log, const cf_entry *entry, const cf_offer *offer,
                        cf_verdict *out)
{
    cf_lease_held by;

    if (out->answer != CF_OFFER_NEW || !is_under_lease(entry, offer))
        return;
    cf_fence fence = cf_leases_fence(log->leases.leases, &entry->header.collection, offer->session,
                                     offer->token, &by);
    if (fence == CF_FENCE_OPEN)
        return;
    *out = (cf_verdict){.answer = CF_OFFER_LATER, .code = CF_REFUSED_LOCKED};
    snprintf(out->text, sizeof out->text, "%s",
             fence == CF_FENCE_STALE ? "its lease is over" : "its collection is locked by another");
}

cf_status cf_log_check(cf_log *log, const cf_entry *entry, const cf_offer *offer, cf_verdict *out,
                       cf_error *error)
{
    cf_status status;

    if (!is_ready(log)) {
        *out = (cf_verdict){.answer = CF_OFFER_LATER, .code = CF_REFUSED_BUSY};
        snprintf(out->text, sizeof out->text, "the store is being opened again");
        return CF_OK;
    }
    status = log->is_off ? load(log, error) : CF_OK;
    if (status)
        return status;
    cf_acceptance acceptance = cf_log_judge(log);
    status = cf_acceptance_of(&acceptance, entry, offer, out, error);
    if (!status)
        check_lease(log, entry, offer, out);
    return status;
}

static void end_flight(void *context, cf_append_answer answer, uint64_t position,
                       const cf_error *error)
{
    cf_flight *flight = context;
    bool worked = answer == CF_APPEND_STORED || answer == CF_APPEND_HAVE;

    if (flight->log) {
        *flight->link = flight->next;
        if (flight->next)
            flight->next->link = flight->link;
        if (flight->has_entry)
            cf_unsettled_heads_end(flight->log->heads_under_way, &flight->entry, &flight->previous,
                                   worked);
        if (flight->moves_bounds)
            cf_cutoffs_forget(flight->log->cutoffs);
        if (answer == CF_APPEND_STORED)
            cf_log_note_wanted(flight->log, flight->wanted, flight->wanted_count);
        if (!worked) {
            flight->log->is_off = true;
            tell_members_change(flight->log);
        }
    }
    if (flight->done)
        flight->done(flight->context, answer, position, error);
    free(flight->wanted);
    free(flight);
}

/* What the entry's successors will ask of it, before it can be read. */
static void remember(cf_log *log, const cf_entry *entry)
{
    const cf_header *header = &entry->header;
    cf_head *members = cf_allocate(header->after_count + 1, sizeof *members);
    cf_unsettled_head unsettled = {
        header->device, header->collection, header->epoch, cf_head_before(header), members, 0};

    for (size_t i = 0; i < header->after_count; i++)
        if (cf_registry_holds(log->registry, &header->after[i].hash))
            members[unsettled.member_count++] = header->after[i];
    cf_unsettled_heads_begin(log->heads_under_way, &entry->hash, &unsettled);
    free(members);
}

/* An entry that is held, or on its way, is counted already. */
static void count_head(cf_log *log, const cf_entry *entry)
{
    const cf_head head = cf_head_of(entry);
    bool held = cf_unsettled_heads_is_under_way(log->heads_under_way, &entry->hash);
    cf_error error;

    if (!held && !cf_store_holds(log->store, &log->user, &head, &held, &error) && !held)
        cf_head_counts_take(log->heads, entry);
}

/* Whether what is left of somebody's entries is another with this one. */
static bool moves_bounds(const cf_log *log, const cf_entry *entry)
{
    const cf_head head = cf_head_of(entry);
    size_t count, from = 0;

    cf_registry_limits(log->registry, &entry->header.device, &count);
    return count || entry->header.type == CF_ENTRY_MEMBER ||
           cf_registry_named_for(log->registry, &head, &from);
}

/* `entry` NULL: records alone. */
static cf_flight *begin_flight(cf_log *log, const cf_entry *entry, cf_log_done *done, void *context)
{
    cf_flight *flight = cf_allocate(1, sizeof *flight);

    *flight = (cf_flight){.next = log->flights,
                          .link = &log->flights,
                          .log = log,
                          .has_entry = entry != NULL,
                          .done = done,
                          .context = context};
    if (log->flights)
        log->flights->link = &flight->next;
    log->flights = flight;
    if (!entry)
        return flight;
    flight->entry = entry->hash;
    flight->previous = entry->header.previous;
    flight->moves_bounds = moves_bounds(log, entry);
    count_head(log, entry);
    remember(log, entry);
    if (flight->moves_bounds)
        cf_cutoffs_forget(log->cutoffs);
    return flight;
}

/* A member entry is kept a second time, in the order of arrival, so that opening a log reads no
 * more than these. */
static void add_member_record(cf_log *log, const cf_entry *entry, cf_arena *arena,
                              cf_record_list *out)
{
    uint8_t ordinal[8], key[CF_LOG_KEY_MAX];

    cf_put_u64(ordinal, cf_registry_count(log->registry));
    cf_registry_add(log->registry, entry);
    tell_members_change(log);
    if (!cf_registry_holds(log->registry, &entry->hash))
        return; /* of a newer version */
    cf_verified_extend(&log->members_digest, entry->wire);
    log->has_verified = false;
    *cf_one_more(out->at, out->count, out->capacity) = (cf_kv){
        cf_arena_copy(arena, cf_log_record_key(CF_LOG_REGISTRY, ordinal, sizeof ordinal, key)),
        entry->wire,
    };
}

/* With the next entry that is taken: opening a log writes nothing. */
static void add_verified_record(cf_log *log, cf_arena *arena, cf_record_list *out)
{
    uint8_t table = CF_LOG_VERIFIED;

    if (log->has_verified || !log->keys)
        return;
    *cf_one_more(out->at, out->count, out->capacity) = (cf_kv){
        cf_arena_copy(arena, cf_bytes_of(&table, 1)),
        cf_verified_make(log->keys, &log->user, log->registry, &log->members_digest, arena)};
    log->has_verified = true;
}

void cf_log_append(cf_log *log, const cf_entry *entry, const cf_offer *offer, const cf_kv *records,
                   size_t record_count, cf_log_done *done, void *context)
{
    cf_arena arena = {0};
    bool is_new_member =
        entry->header.type == CF_ENTRY_MEMBER && !cf_registry_holds(log->registry, &entry->hash);
    cf_record_list all = {0};
    cf_kv fence;

    for (size_t i = 0; i < record_count; i++)
        *cf_one_more(all.at, all.count, all.capacity) = records[i];
    if (is_new_member)
        add_member_record(log, entry, &arena, &all);
    add_verified_record(log, &arena, &all);
    cf_log_mark(log, entry, is_new_member, &arena, &all);
    const size_t others = all.count;
    cf_log_mark_wanted(log, entry, offer, &arena, &all);
    cf_append append = {.user = log->user,
                        .epoch = log->epoch,
                        .entry = entry,
                        .records = all.at,
                        .record_count = all.count,
                        .done = end_flight};
    if (is_under_lease(entry, offer)) {
        fence = cf_lease_records_fence(&log->leases, &entry->header.collection, &arena);
        append.expected = &fence;
        append.expected_count = 1;
    }
    cf_flight *flight = begin_flight(log, entry, done, context);
    flight->wanted_count = all.count - others;
    flight->wanted = cf_log_wanted_of(all.at + others, flight->wanted_count);
    append.context = flight;
    log->store->append(log->store, &append);
    free(all.at);
    cf_arena_release(&arena);
}

cf_leases *cf_log_leases(cf_log *log)
{
    cf_error error;

    if (!is_ready(log) || (log->is_off && load(log, &error)))
        return NULL;
    return log->leases.leases;
}

bool cf_log_has_collection(const cf_log *log, const cf_id *collection)
{
    return cf_head_counts_has(log->heads, collection);
}

void cf_log_keep_leases(cf_log *log, cf_log_done *done, void *context)
{
    cf_arena arena = {0};
    cf_lease_change change;

    cf_lease_records_take(&log->leases, &arena, &change);
    cf_append append = {.user = log->user,
                        .epoch = log->epoch,
                        .records = change.records,
                        .record_count = change.count,
                        .expected = &change.expected,
                        .expected_count = change.count ? 1 : 0,
                        .done = end_flight};
    append.context = begin_flight(log, NULL, done, context);
    log->store->append(log->store, &append);
    cf_arena_release(&arena);
}

void cf_log_record(cf_log *log, const cf_kv *record)
{
    cf_log_put_record(log, record);
}
