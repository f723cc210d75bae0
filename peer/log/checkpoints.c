/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/checkpoints.h"

#include "codec/pack.h"

#include <string.h>

#define META_CHECKPOINTS "checkpoints"
#define META_TWO_LOGS "two-logs"

static cf_status get(const cf_peer *peer, const char *name, cf_buffer *out, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_arena arena = {0};

    cf_status status = store->get(store, cf_peer_user(peer), cf_key_meta(&arena, name), out, error);
    cf_arena_release(&arena);
    return status;
}

static cf_status set(const cf_peer *peer, const char *name, cf_bytes value, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_arena arena = {0};
    const cf_kv record = {cf_key_meta(&arena, name), value};

    cf_status status = store->write(store, cf_peer_user(peer), &record, 1, true, error);
    cf_arena_release(&arena);
    return status;
}

/* ---- What was said ---- */

static cf_status save(const cf_checkpoints *self, const cf_peer *peer, cf_error *error)
{
    cf_buffer value = {0};

    cf_pack_array(&value, 3);
    cf_pack_bin(&value, cf_bytes_of(self->instance, sizeof self->instance));
    cf_pack_uint(&value, self->said_ms);
    cf_pack_array(&value, self->count);
    for (size_t i = 0; i < self->count; i++) {
        cf_pack_uint(&value, self->at[i].position);
        cf_pack_bin(&value, cf_bytes_of(self->at[i].digest.bytes, CF_HASH_SIZE));
    }
    cf_status status = set(peer, META_CHECKPOINTS, cf_buffer_view(&value), error);
    cf_buffer_release(&value);
    return status;
}

void cf_checkpoints_load(const cf_peer *peer, cf_checkpoints *out)
{
    cf_buffer value = {0};
    cf_checkpoints read = {0};
    size_t parts = 0, count = 0;
    cf_error ignored;

    cf_status status = get(peer, META_CHECKPOINTS, &value, &ignored);
    cf_reader reader = cf_reader_of(cf_buffer_view(&value));
    if (!status)
        status = cf_read_array(&reader, &parts, &ignored);
    if (!status)
        status = cf_read_bin_exact(&reader, read.instance, sizeof read.instance, &ignored);
    if (!status)
        status = cf_read_uint(&reader, &read.said_ms, &ignored);
    if (!status)
        status = cf_read_array(&reader, &count, &ignored);
    while (!status && read.count < count && read.count < CF_CHECKPOINTS_KEPT) {
        cf_checkpoint_own *own = &read.at[read.count++];

        status = cf_read_uint(&reader, &own->position, &ignored);
        if (!status)
            status = cf_read_bin_exact(&reader, own->digest.bytes, CF_HASH_SIZE, &ignored);
    }
    *out = status ? (cf_checkpoints){0} : read;
    cf_buffer_release(&value);
}

cf_status cf_checkpoints_forget(cf_checkpoints *self, const cf_peer *peer, cf_error *error)
{
    *self = (cf_checkpoints){0};
    return save(self, peer, error);
}

cf_status cf_checkpoints_came(cf_checkpoints *self, const cf_peer *peer, const uint8_t instance[16],
                              uint64_t position, cf_error *error)
{
    size_t kept = 0;

    if (memcmp(self->instance, instance, sizeof self->instance) != 0)
        return CF_OK;
    for (size_t i = 0; i < self->count; i++)
        if (self->at[i].position < position)
            self->at[kept++] = self->at[i];
    if (kept == self->count)
        return CF_OK;
    self->count = kept;
    self->said_ms = 0;
    return save(self, peer, error);
}

static const cf_checkpoint_own *find(const cf_checkpoints *self, uint64_t position)
{
    for (size_t i = self->count; i-- > 0;)
        if (self->at[i].position == position)
            return &self->at[i];
    return NULL;
}

static void note(cf_checkpoints *self, uint64_t position, const cf_hash *digest)
{
    if (find(self, position))
        return;
    if (self->count == CF_CHECKPOINTS_KEPT)
        memmove(self->at, self->at + 1, --self->count * sizeof *self->at);
    self->at[self->count++] = (cf_checkpoint_own){position, *digest};
}

static bool collect_head(void *context, const cf_head *head)
{
    cf_heads_insert(context, head);
    return true;
}

/* All that is here the broker has: it names each head, or what goes on from there. */
static bool is_all_acknowledged(const cf_heads *own, const cf_acknowledged *acknowledged)
{
    for (size_t i = 0; i < own->count; i++)
        if (!cf_heads_contain(&acknowledged->heads, &own->heads[i]))
            return false;
    return true;
}

/* What it was shown at a position must stay. What it says of it later is not taken for another's.
 */
cf_status cf_checkpoints_here(cf_checkpoints *self, const cf_peer *peer,
                              const cf_acknowledged *acknowledged, const uint8_t instance[16],
                              uint64_t position, uint64_t now_ms, bool *is_new, cf_checkpoint *out,
                              cf_error *error)
{
    cf_store *store = cf_log_store(peer->log);
    cf_heads own = {0};
    uint64_t last = 0;

    *is_new = false;
    const bool is_known = memcmp(self->instance, instance, sizeof self->instance) == 0;
    const bool was_said =
        is_known && self->count && self->at[self->count - 1].position == position &&
        self->said_ms <= now_ms && now_ms < self->said_ms + CF_CHECKPOINT_AGAIN_MS;
    cf_status status = store->last(store, cf_peer_user(peer), &last, error);
    last -= last < cf_withheld_count(&peer->withheld) ? last : cf_withheld_count(&peer->withheld);
    if (status || was_said || last != position || !position ||
        memcmp(acknowledged->instance, instance, sizeof acknowledged->instance) != 0)
        return status;
    status = cf_log_heads(peer->log, collect_head, &own, error);
    cf_withheld_leave_out(&peer->withheld, &own);
    *is_new = !status && is_all_acknowledged(&own, acknowledged);
    if (*is_new) {
        *out = (cf_checkpoint){.device = *cf_peer_device(peer),
                               .position = position,
                               .digest = cf_checkpoint_digest(&own)};
        memcpy(out->instance, instance, sizeof out->instance);
        cf_checkpoint_sign(out, cf_peer_user(peer), peer->keys);
        if (!is_known)
            *self = (cf_checkpoints){0};
        memcpy(self->instance, instance, sizeof self->instance);
        note(self, position, &out->digest);
        self->said_ms = now_ms;
        status = save(self, peer, error);
    }
    cf_heads_release(&own);
    return status;
}

bool cf_checkpoints_differ(const cf_checkpoints *self, const cf_peer *peer,
                           const cf_checkpoint *other)
{
    const cf_device *device = cf_registry_device(cf_log_registry(peer->log), &other->device);
    const cf_checkpoint_own *own = find(self, other->position);
    cf_error ignored;

    return own && device && device->is_valid &&
           memcmp(self->instance, other->instance, sizeof self->instance) == 0 &&
           !cf_hash_equal(&device->id, cf_peer_device(peer)) &&
           !cf_hash_equal(&own->digest, &other->digest) &&
           cf_checkpoint_check(other, cf_peer_user(peer), &device->keys, &ignored) == CF_OK;
}

/* ---- For people ---- */

static cf_status read_one(cf_reader *reader, cf_arena *arena, cf_two_logs *out, cf_error *error)
{
    cf_bytes broker = {0};

    cf_status status = cf_read_bin_exact(reader, out->device.bytes, CF_HASH_SIZE, error);
    if (!status)
        status = cf_read_uint(reader, &out->time_ms, error);
    if (!status)
        status = cf_read_uint(reader, &out->position, error);
    if (!status)
        status = cf_read_text(reader, &broker, error);
    if (!status)
        out->broker = cf_arena_text(arena, broker);
    return status;
}

cf_status cf_two_logs_recall(const cf_peer *peer, cf_arena *arena, cf_two_logs *out, size_t *count,
                             cf_error *error)
{
    cf_buffer value = {0};
    size_t kept = 0;

    *count = 0;
    cf_status status = get(peer, META_TWO_LOGS, &value, error);
    cf_reader reader = cf_reader_of(cf_buffer_view(&value));
    if (!status)
        status = cf_read_array(&reader, &kept, error);
    while (!status && *count < kept && *count < CF_TWO_LOGS_MAX) {
        status = read_one(&reader, arena, &out[*count], error);
        *count += !status;
    }
    cf_buffer_release(&value);
    if (status == CF_MISSING)
        return CF_OK;
    return status == CF_MALFORMED ? cf_fail(error, CF_BROKEN, "a record of the broker is damaged")
                                  : status;
}

static cf_status write_all(const cf_peer *peer, const cf_two_logs *all, size_t count,
                           cf_error *error)
{
    cf_buffer value = {0};

    cf_pack_array(&value, count);
    for (size_t i = 0; i < count; i++) {
        cf_pack_bin(&value, cf_bytes_of(all[i].device.bytes, CF_HASH_SIZE));
        cf_pack_uint(&value, all[i].time_ms);
        cf_pack_uint(&value, all[i].position);
        cf_pack_text(&value, cf_bytes_of_text(all[i].broker));
    }
    cf_status status = set(peer, META_TWO_LOGS, cf_buffer_view(&value), error);
    cf_buffer_release(&value);
    return status;
}

cf_status cf_two_logs_keep(const cf_peer *peer, const cf_two_logs *found, bool *is_new,
                           cf_error *error)
{
    cf_two_logs all[CF_TWO_LOGS_MAX + 1];
    cf_arena arena = {0};
    size_t count, kept = 0;

    *is_new = true;
    cf_status status = cf_two_logs_recall(peer, &arena, all, &count, error);
    for (size_t i = 0; !status && i < count; i++)
        if (!cf_hash_equal(&all[i].device, &found->device))
            all[kept++] = all[i];
        else
            *is_new = strcmp(all[i].broker, found->broker) != 0;
    all[kept++] = *found;
    const size_t over = kept > CF_TWO_LOGS_MAX ? kept - CF_TWO_LOGS_MAX : 0;
    if (!status)
        status = write_all(peer, all + over, kept - over, error);
    cf_arena_release(&arena);
    return status;
}
