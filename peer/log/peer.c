/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/peer.h"

#include "broker/log/head_counts.h"
#include "codec/envelope.h"
#include "codec/pack.h"
#include "peer/log/catalog_names.h"
#include "peer/log/settle.h"

#include <stdlib.h>

/* ---- Keys that come with the member log ---- */

/* What the member log gives this device: the content keys that are addressed to it, and the earlier
 * ones that these open. */
typedef struct {
    const cf_keys *keys;
    const cf_hash *device; /* the id of these keys */
    cf_ring *ring;
} recipient;

static cf_status take_opening(const recipient *self, const cf_entry *entry,
                              const cf_opening *opening, cf_error *error)
{
    cf_ring_expect(self->ring, &entry->hash, &opening->commitment);
    cf_status status =
        cf_opening_open(opening, &entry->hash, self->device, self->keys, self->ring, error);
    return status == CF_MISSING ? CF_OK : status;
}

static cf_status take_access(const recipient *self, const cf_member *member, cf_error *error)
{
    if (!member->access.readable || member->access.limited ||
        cf_ring_holds(self->ring, &member->access.epoch))
        return CF_OK;
    cf_status status = cf_access_open(&member->access, NULL, self->keys, self->ring, error);
    return status == CF_MISSING ? CF_OK : status; /* of an epoch that nobody opened */
}

static bool is_about(const cf_member *member, const cf_hash *device)
{
    if (member->kind == CF_MEMBER_GRANT)
        return cf_hash_equal(&member->device, device);
    cf_hash joiner = cf_device_id(member->keys.signing);
    return member->kind == CF_MEMBER_ADD && cf_hash_equal(&joiner, device);
}

static size_t count_held(const cf_ring *ring)
{
    size_t held = 0;

    for (size_t i = 0; i < cf_ring_count(ring); i++)
        held += cf_ring_holds(ring, cf_ring_epoch(ring, i));
    return held;
}

/* A key that came by an access opens what the epoch's opening keeps for it, and those keys theirs:
 * once more over all of them, from the newest, until nothing is gained. */
static void open_earlier(const recipient *self, const cf_registry *registry)
{
    size_t held = count_held(self->ring), before;

    do {
        before = held;
        for (size_t i = cf_registry_count(registry); i-- > 0 && held < cf_ring_count(self->ring);) {
            cf_arena arena = {0};
            cf_entry entry;
            cf_member member;
            cf_error ignored;

            if (cf_entry_read(cf_registry_entry(registry, i), &arena, &entry, &ignored) == CF_OK &&
                cf_ring_holds(self->ring, &entry.hash) &&
                cf_member_read(entry.body, &arena, &member, &ignored) == CF_OK && member.opens)
                cf_opening_open_earlier(&member.opening, &entry.hash, self->ring, &ignored);
            cf_arena_release(&arena);
        }
        held = count_held(self->ring);
    } while (held != before);
}

/* Takes from a member entry what is for this device. One that is void gives keys, too: what was
 * sealed under its epoch is still opened. `registry` has the entries before it. `*changed` becomes
 * true when the ring did. CF_FORGED: something addressed to it does not open; all else goes on. */
static cf_status take_keys(const recipient *self, const cf_registry *registry,
                           const cf_entry *entry, bool *changed, cf_error *error)
{
    cf_arena arena = {0};
    cf_member member;
    size_t expected = cf_ring_count(self->ring), held = count_held(self->ring);
    cf_error why;

    *changed = false;
    if (cf_member_read(entry->body, &arena, &member, &why)) { /* of a newer program */
        cf_arena_release(&arena);
        return CF_OK;
    }
    cf_status status = member.opens ? take_opening(self, entry, &member.opening, error) : CF_OK;
    if (!status && is_about(&member, self->device))
        status = take_access(self, &member, error);
    if (count_held(self->ring) != held)
        open_earlier(self, registry);
    *changed = cf_ring_count(self->ring) != expected || count_held(self->ring) != held;
    cf_arena_release(&arena);
    return status;
}

/* ---- The peer ---- */

/* A home is made whole, with keys and a store that knows the user: one without the other is what is
 * left of one. */
static cf_status find_what_is_left(cf_peer *peer, cf_error *error)
{
    bool has_keys = !cf_home_load_secrets(peer->home, &peer->keys, &peer->ring, error);

    if (has_keys)
        return cf_fail(error, CF_BROKEN,
                       "%s has keys, but its store is gone: let this device join again, with "
                       "another --home",
                       cf_home_shown(peer->home));
    return cf_fail(error, CF_MISSING, "%s has no user yet: `counterfoil init` or `join`",
                   cf_home_shown(peer->home));
}

static cf_status load_user(cf_peer *peer, cf_hash *user, cf_error *error)
{
    cf_buffer value = {0};

    cf_status status = cf_home_get(peer->home, CF_HOME_USER, &value, error);
    if (status == CF_MISSING)
        status = find_what_is_left(peer, error);
    else if (!status && value.size != CF_HASH_SIZE)
        status = cf_fail(error, CF_BROKEN, "the user of %s has %zu bytes",
                         cf_home_shown(peer->home), value.size);
    else if (!status)
        memcpy(user->bytes, value.data, CF_HASH_SIZE);
    cf_buffer_release(&value);
    return status;
}

/* A collection that nobody asked for since the start may have entries that wait, too. */
static bool load_waiting(void *context, cf_bytes key, cf_bytes value)
{
    cf_peer *peer = context;
    cf_collection *collection;
    cf_error ignored;
    cf_id id;

    if (key.size > CF_ID_SIZE && value.size == 0) { /* else it waits for other parts */
        memcpy(id.bytes, key.data + 1, CF_ID_SIZE);
        cf_peer_collection(peer, &id, &collection, &ignored);
    }
    return true;
}

static cf_status fold_waiting(cf_peer *peer, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    const cf_folding folding = cf_peer_folding(peer);
    const uint8_t table = CF_TABLE_WAITING;

    cf_status status =
        store->scan(store, cf_peer_user(peer), cf_bytes_of(&table, 1), load_waiting, peer, error);
    for (size_t i = 0; !status && i < peer->collection_count; i++)
        status = cf_collection_fold_waiting(peer->collections[i], &folding, error);
    return status;
}

cf_status cf_peer_open(const cf_env *env, cf_home *home, cf_peer **out, cf_error *error)
{
    cf_peer *peer = cf_allocate(1, sizeof *peer);
    cf_hash user;

    peer->env = env;
    peer->home = home;
    cf_rules_product(&peer->rules, env);
    cf_status status = load_user(peer, &user, error);
    if (!status) {
        status = cf_home_load_secrets(home, &peer->keys, &peer->ring, error);
        if (status == CF_MISSING)
            status = cf_fail(error, CF_BROKEN,
                             "the keys of %s are gone: let this device join again, with another "
                             "--home",
                             cf_home_shown(home));
    }
    if (!status)
        status = cf_log_open(cf_home_store(home), &user, peer->keys, &peer->log, error);
    if (!status)
        cf_log_bound_heads(peer->log, &cf_head_bounds_of_peer);
    if (!status)
        status = cf_author_open(&(cf_author_options){env, peer->log, peer->keys, peer->ring},
                                &peer->author, error);
    if (status == CF_MALFORMED || status == CF_FORGED) /* bytes of our own */
        error->status = status = CF_BROKEN;
    if (status) {
        cf_peer_close(&peer);
        return status;
    }
    peer->contents = cf_contents_new(peer->log, peer->ring);
    status = cf_peer_settle(peer, error); /* the last run may have ended before it could */
    if (!status)
        status = cf_peer_withhold(peer, error);
    if (!status && !cf_peer_is_relay(peer))
        status = fold_waiting(peer, error);
    if (status)
        cf_peer_close(&peer);
    else
        *out = peer;
    return status;
}

void cf_peer_close(cf_peer **peer)
{
    if (!*peer)
        return;
    for (size_t i = 0; i < (*peer)->collection_count; i++)
        cf_collection_destroy(&(*peer)->collections[i]);
    free((*peer)->collections);
    cf_hash_table_release(&(*peer)->collection_table);
    cf_contents_destroy(&(*peer)->contents);
    cf_author_destroy(&(*peer)->author);
    cf_withheld_release(&(*peer)->withheld);
    cf_log_destroy(&(*peer)->log);
    cf_ring_destroy(&(*peer)->ring);
    cf_keys_destroy(&(*peer)->keys);
    free(*peer);
    *peer = NULL;
}

const cf_hash *cf_peer_user(const cf_peer *peer)
{
    return cf_log_user(peer->log);
}

const cf_hash *cf_peer_device(const cf_peer *peer)
{
    return cf_author_device(peer->author);
}

cf_collection *cf_peer_known_collection(const cf_peer *peer, const cf_id *id)
{
    for (cf_hash_link *at = cf_hash_table_first(&peer->collection_table, cf_hash_id(0, id)); at;
         at = cf_hash_table_next(at)) {
        cf_collection *found = cf_container_of(at, cf_collection, link);

        if (cf_id_equal(&found->id, id))
            return found;
    }
    return NULL;
}

static void note_change(void *context)
{
    cf_collection *collection = context;

    collection->next_changed = *collection->changed;
    *collection->changed = collection;
}

cf_collection *cf_peer_next_changed(cf_peer *peer)
{
    cf_collection *next = peer->changed;

    if (next)
        peer->changed = next->next_changed;
    return next;
}

cf_status cf_peer_collection(cf_peer *peer, const cf_id *id, cf_collection **out, cf_error *error)
{
    cf_collection *collection = cf_peer_known_collection(peer, id);

    if (collection) {
        *out = collection;
        return CF_OK;
    }
    cf_status status = cf_collection_load(peer->log, id, &peer->rules, &collection, error);
    if (status)
        return status;
    *cf_one_more(peer->collections, peer->collection_count, peer->collection_capacity) = collection;
    cf_hash_table_add(&peer->collection_table, &collection->link, cf_hash_id(0, id));
    collection->changed = &peer->changed;
    cf_view_listen(collection->view, note_change, collection);
    *out = collection;
    return CF_OK;
}

const cf_device *cf_peer_self(const cf_peer *peer)
{
    return cf_registry_device(cf_log_registry(peer->log), cf_peer_device(peer));
}

bool cf_peer_is_out(const cf_peer *peer)
{
    const cf_device *self = cf_peer_self(peer);

    return self && !self->is_valid;
}

bool cf_peer_only_reads(const cf_peer *peer)
{
    const cf_device *self = cf_peer_self(peer);

    return self && self->is_valid && self->role == CF_ROLE_READER;
}

bool cf_peer_is_relay(const cf_peer *peer)
{
    const cf_device *self = cf_peer_self(peer);

    return self && self->is_valid && self->role == CF_ROLE_RELAY;
}

cf_status cf_peer_may_write(const cf_peer *peer, cf_error *error)
{
    if (cf_peer_is_out(peer))
        return cf_fail(error, CF_DENIED, "this device was shut out: nothing of it is published");
    if (cf_peer_only_reads(peer))
        return cf_fail(error, CF_DENIED,
                       "this device only reads: nothing of it is published until `counterfoil "
                       "devices role`, on an owner's device, makes it a member");
    if (cf_peer_is_relay(peer))
        return cf_fail(error, CF_DENIED,
                       "this device is a relay: it carries the log, and can't read or write");
    return CF_OK;
}

cf_status cf_peer_epoch(const cf_peer *peer, cf_hash *epoch, cf_error *error)
{
    const cf_hash *named = cf_registry_epoch(cf_log_registry(peer->log));

    cf_status status = cf_peer_may_write(peer, error);
    if (status)
        return status;
    if (!named)
        return cf_fail(error, CF_DENIED,
                       "it waits for a new content key, which an owner's device has to open");
    if (!cf_ring_holds(peer->ring, named))
        return cf_fail(error, CF_DENIED,
                       "no content key for this device yet: wait for an owner's device");
    *epoch = *named;
    return CF_OK;
}

/* ---- Taking entries into the log ---- */

static void appended(void *context, cf_append_answer answer, uint64_t position,
                     const cf_error *error)
{
    cf_intake *in = context;

    (void)position;
    if (answer == CF_APPEND_STORED || answer == CF_APPEND_HAVE)
        return;
    in->failed++;
    if (answer == CF_APPEND_FAILED)
        in->error = *error;
    else
        cf_fail(&in->error, CF_BROKEN, "the log refused an entry that it had taken before");
}

static cf_status fold_member(cf_intake *in, const cf_entry *entry, cf_error *error)
{
    cf_peer *peer = in->peer;
    const cf_registry *registry = cf_log_registry(peer->log);
    recipient self = {peer->keys, cf_peer_device(peer), peer->ring};
    recipient account = {peer->account, cf_peer_user(peer), peer->ring};
    bool changed = false;

    if (take_keys(&self, registry, entry, &changed, error))
        cf_report(peer->env, CF_REPORT_WARNING, "a content key does not open: %s", error->text);
    peer->keys_unsaved |= changed;
    if (peer->account && take_keys(&account, registry, entry, &changed, error))
        cf_report(peer->env, CF_REPORT_WARNING, "a content key does not open: %s", error->text);
    peer->keys_unsaved |= changed;
    return CF_OK;
}

static const char *entry_name(cf_peer *peer, const cf_entry *entry, cf_arena *arena)
{
    cf_collection *catalog;
    cf_error ignored;

    if (cf_peer_collection(peer, &cf_catalog_id, &catalog, &ignored))
        catalog = NULL;
    return cf_entry_name(catalog, entry, arena);
}

static void left_out(void *context, const cf_entry *entry, const cf_error *why)
{
    cf_peer *peer = context;
    cf_arena arena = {0};

    cf_report(peer->env, CF_REPORT_WARNING, "%s is left out: %s", entry_name(peer, entry, &arena),
              why->text);
    cf_arena_release(&arena);
}

static void saw(void *context, const cf_entry *entry, cf_time time, cf_kv_list *records)
{
    cf_peer *peer = context;

    cf_author_saw(peer->author, &entry->header.device, time, peer->env->now_ms(peer->env->context),
                  records);
}

cf_folding cf_peer_folding(cf_peer *peer)
{
    return (cf_folding){peer->contents, left_out, saw, peer, peer->log};
}

static cf_status fold(cf_intake *in, const cf_entry *entry, bool is_void, cf_kv_list *records,
                      cf_error *error)
{
    cf_peer *peer = in->peer;
    const cf_folding folding = cf_peer_folding(peer);
    cf_collection *collection;

    if (entry->header.type == CF_ENTRY_MEMBER)
        return fold_member(in, entry, error);
    cf_status status = cf_peer_collection(peer, &entry->header.collection, &collection, error);
    if (status)
        return status;
    status = cf_collection_fold(collection, &folding, entry, is_void, records, error);
    if (status == CF_MISSING || status == CF_DENIED) {
        cf_report(peer->env, CF_REPORT_DETAIL, "an entry waits: %s", error->text);
        status = CF_OK;
    }
    return status;
}

/* What a revocation leaves is known by the entries that it names: where the member log comes first,
 * as of who has moved, these come after those before them. */
static bool may_count_yet(const cf_peer *peer, const cf_entry *entry)
{
    const cf_head head = cf_head_of(entry);
    bool later = false;
    size_t count;
    const cf_limit *limits =
        cf_registry_limits(cf_log_registry(peer->log), &entry->header.device, &count);

    for (size_t i = 0; !later && i < count; i++)
        later = cf_limit_names_later(&limits[i], &head);
    return later;
}

/* It is kept and passed on, and no change comes of it. Told once for many of one device. */
static void tell_void(cf_intake *in, const cf_entry *entry)
{
    cf_peer *peer = in->peer;
    cf_arena arena = {0};

    if (cf_hash_equal(&in->void_of, &entry->header.device) || may_count_yet(peer, entry))
        return;
    in->void_of = entry->header.device;
    cf_report(peer->env, CF_REPORT_WARNING,
              "%s counts for nothing: its author was not allowed to write it, or was shut out",
              entry_name(peer, entry, &arena));
    cf_arena_release(&arena);
}

static void refuse(cf_peer *peer, const cf_entry *entry, const char *why)
{
    cf_arena arena = {0};
    cf_error said;

    cf_fail(&said, CF_MALFORMED, "%s is refused: %s", entry_name(peer, entry, &arena), why);
    if (peer->intake.refused)
        peer->intake.refused(peer->intake.context, entry, said.text);
    else
        cf_report(peer->env, CF_REPORT_WARNING, "%s", said.text);
    cf_arena_release(&arena);
}

/* Before the entry that gave them is in the log: from there nobody takes them again. */
static cf_status keep_keys(cf_intake *in, cf_error *error)
{
    cf_peer *peer = in->peer;

    if (!peer->keys_unsaved)
        return CF_OK;
    cf_status status = cf_home_save_secrets(peer->home, peer->keys, peer->ring, error);
    peer->keys_unsaved = status != CF_OK;
    in->keys_kept |= !status;
    return status;
}

cf_status cf_intake_take(cf_intake *in, const cf_entry *entry, cf_bringer bringer,
                         cf_kv_list *records, bool *taken, cf_error *error)
{
    cf_peer *peer = in->peer;
    cf_offer offer = {.bringer = bringer};
    cf_verdict verdict;

    *taken = false;
    cf_status status = cf_log_check(peer->log, entry, &offer, &verdict, error);
    if (!status && verdict.answer <= CF_OFFER_HAVE && peer->intake.taken &&
        bringer != CF_BRINGER_SELF)
        peer->intake.taken(peer->intake.context, entry);
    if (status || verdict.answer == CF_OFFER_HAVE)
        return status;
    if (verdict.answer != CF_OFFER_NEW) {
        if (bringer == CF_BRINGER_SELF)
            return cf_fail(error, CF_BROKEN, "the own log refuses: %s", verdict.text);
        refuse(peer, entry, verdict.text);
        return CF_OK;
    }
    if (verdict.is_void && bringer != CF_BRINGER_SELF)
        tell_void(in, entry);
    /* A void epoch's key is taken, too: what was sealed under it is still opened. */
    status = fold(in, entry, verdict.is_void, records, error);
    if (!status)
        status = keep_keys(in, error);
    if (status)
        return status;
    cf_log_append(peer->log, entry, &offer, records->at, records->count, appended, in);
    *taken = true;
    return CF_OK;
}

cf_status cf_intake_finish(cf_intake *in, cf_status taken, cf_error *error)
{
    cf_peer *peer = in->peer;
    cf_store *store = cf_home_store(peer->home);
    cf_error ignored;

    cf_status status = store->commit(store, taken ? &ignored : error);
    cf_contents_settle(peer->contents);
    if (taken)
        return taken;
    if (!status && in->failed) {
        *error = in->error;
        status = in->error.status;
    }
    if (!status)
        status = cf_peer_settle(peer, error);
    if (!status && in->keys_kept)
        status = fold_waiting(peer, error);
    if (!status && peer->link)
        cf_link_publish(peer->link);
    return status;
}

cf_status cf_peer_take(cf_peer *peer, const cf_bytes *wires, size_t count, cf_error *error)
{
    cf_intake in = {.peer = peer};
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < count; i++) {
        cf_arena arena = {0};
        cf_kv_list records = {0};
        cf_entry entry;
        bool taken;

        if (cf_entry_read(wires[i], &arena, &entry, error)) {
            cf_report(peer->env, CF_REPORT_WARNING, "an entry is refused: %s", error->text);
        } else {
            status = cf_intake_take(&in, &entry, CF_BRINGER_ANOTHER, &records, &taken, error);
            if (!status && taken)
                cf_author_met(peer->author, &entry);
        }
        cf_kv_list_release(&records);
        cf_arena_release(&arena);
    }
    return cf_intake_finish(&in, status, error);
}

uint64_t cf_peer_entry_size(const cf_peer *peer)
{
    return peer->link ? cf_link_entry_size(peer->link) : CF_PART_SIZE;
}
