/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/acknowledged.h"

#include "codec/pack.h"

#define META_ROLLBACK "rolled-back"
#define META_EXTENT "extent"

void cf_acknowledged_release(cf_acknowledged *acknowledged)
{
    cf_heads_release(&acknowledged->heads);
    *acknowledged = (cf_acknowledged){0};
}

static uint64_t lacking_of(const cf_head *head, const cf_heads *shown)
{
    size_t count = 0;
    const cf_head *theirs = cf_heads_of_writer(shown, &head->writer, &count);
    uint64_t highest = count ? theirs[count - 1].sequence : 0;

    if (highest > head->sequence || cf_heads_contain(shown, head))
        return 0;
    return highest == head->sequence ? 1 : head->sequence - highest;
}

uint64_t cf_heads_lacking(const cf_heads *acknowledged, const cf_heads *shown)
{
    uint64_t lacking = 0;

    for (size_t i = 0; i < acknowledged->count; i++)
        lacking += lacking_of(&acknowledged->heads[i], shown);
    return lacking;
}

static cf_bytes key_of(cf_arena *arena, const uint8_t instance[16])
{
    const uint8_t table = CF_TABLE_ACKNOWLEDGED;
    cf_buffer key = {0};

    cf_buffer_append(&key, &table, 1);
    cf_buffer_append(&key, instance, 16);
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&key));
    cf_buffer_release(&key);
    return copy;
}

static cf_status load(cf_store *store, const cf_hash *user, const uint8_t instance[16],
                      cf_heads *out, cf_error *error)
{
    cf_arena arena = {0};
    cf_buffer value = {0};

    cf_status status = store->get(store, user, key_of(&arena, instance), &value, error);
    cf_reader reader = cf_reader_of(cf_buffer_view(&value));
    if (status == CF_MISSING)
        status = CF_OK;
    else if (!status && cf_heads_read(&reader, SIZE_MAX, out, error))
        status = cf_fail(error, CF_BROKEN, "the record of what the broker has is damaged");
    cf_buffer_release(&value);
    cf_arena_release(&arena);
    return status;
}

/* Those of which the session is not told: a writer of whom anything is shown is not among them,
 * since a writer writes in one collection. */
static void part(const cf_heads *before, const cf_shown_heads *shown, cf_heads *told,
                 cf_heads *aside)
{
    for (size_t i = 0; i < before->count; i++) {
        const cf_head *head = &before->heads[i];
        const bool is_told = !shown->is_told || cf_heads_reach(shown->heads, &head->writer, 1) ||
                             shown->is_told(shown->context, head);

        cf_heads_insert(is_told ? told : aside, head);
    }
}

cf_status cf_acknowledged_greet(cf_acknowledged *acknowledged, cf_store *store, const cf_hash *user,
                                const cf_shown_heads *shown, uint64_t *lacking, cf_error *error)
{
    cf_heads before = {0}, told = {0}, aside = {0};
    cf_status status = CF_OK;

    if (memcmp(acknowledged->instance, shown->instance, sizeof acknowledged->instance) == 0)
        cf_heads_add_new(&before, &acknowledged->heads, NULL);
    else
        status = load(store, user, shown->instance, &before, error);
    if (!status) {
        part(&before, shown, &told, &aside);
        *lacking = cf_heads_lacking(&told, shown->heads);
        cf_acknowledged_release(acknowledged);
        memcpy(acknowledged->instance, shown->instance, sizeof acknowledged->instance);
        cf_heads_add_new(&acknowledged->heads, shown->heads, NULL);
        cf_heads_add_new(&acknowledged->heads, &aside, NULL);
        acknowledged->is_dirty = true;
    }
    cf_heads_release(&before);
    cf_heads_release(&told);
    cf_heads_release(&aside);
    return status;
}

void cf_acknowledged_add(cf_acknowledged *acknowledged, const cf_entry *entry)
{
    const cf_header *header = &entry->header;
    cf_head previous = {header->writer, header->sequence - 1, header->previous};

    /* What it showed before it sends: the past of a head. */
    if (cf_heads_reach(&acknowledged->heads, &header->writer, header->sequence) &&
        !cf_heads_contain(&acknowledged->heads, &previous))
        return;
    cf_heads_advance(&acknowledged->heads, entry);
    acknowledged->is_dirty = true;
}

cf_status cf_acknowledged_save(cf_acknowledged *acknowledged, cf_store *store, const cf_hash *user,
                               cf_error *error)
{
    cf_arena arena = {0};
    cf_buffer value = {0};

    if (!acknowledged->is_dirty)
        return CF_OK;
    cf_heads_pack(&value, acknowledged->heads.heads, acknowledged->heads.count);
    cf_kv record = {key_of(&arena, acknowledged->instance), cf_buffer_view(&value)};
    cf_status status = store->write(store, user, &record, 1, false, error);
    acknowledged->is_dirty = status != CF_OK;
    cf_buffer_release(&value);
    cf_arena_release(&arena);
    return status;
}

/* ---- How far it goes ---- */

/* 0 where nothing is kept of this instance, or what is kept can't be read. */
static uint64_t read_extent(cf_store *store, const cf_hash *user, const uint8_t *instance)
{
    cf_arena arena = {0};
    cf_buffer value = {0};
    uint8_t known[16];
    uint64_t position = 0;
    cf_error ignored;
    size_t count;

    cf_status status = store->get(store, user, cf_key_meta(&arena, META_EXTENT), &value, &ignored);
    cf_reader reader = cf_reader_of(cf_buffer_view(&value));
    if (status || cf_read_array(&reader, &count, &ignored) ||
        cf_read_bin_exact(&reader, known, sizeof known, &ignored) ||
        memcmp(known, instance, sizeof known) != 0 || cf_read_uint(&reader, &position, &ignored))
        position = 0;
    cf_buffer_release(&value);
    cf_arena_release(&arena);
    return position;
}

cf_status cf_acknowledged_extent(cf_store *store, const cf_hash *user, const cf_log_extent *now,
                                 uint64_t *fewer, cf_error *error)
{
    const uint64_t before = read_extent(store, user, now->instance);
    cf_arena arena = {0};
    cf_buffer value = {0};

    *fewer = before > now->position ? before - now->position : 0;
    if (before == now->position)
        return CF_OK;
    cf_pack_array(&value, 2);
    cf_pack_bin(&value, cf_bytes_of(now->instance, 16));
    cf_pack_uint(&value, now->position);
    cf_kv record = {cf_key_meta(&arena, META_EXTENT), cf_buffer_view(&value)};
    cf_status status = store->write(store, user, &record, 1, false, error);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
    return status;
}

/* ---- For people ---- */

cf_status cf_rollback_keep(cf_store *store, const cf_hash *user, const cf_rollback *rollback,
                           cf_error *error)
{
    cf_arena arena = {0};
    cf_buffer value = {0};

    cf_pack_array(&value, 3);
    cf_pack_uint(&value, rollback->time_ms);
    cf_pack_uint(&value, rollback->lacking);
    cf_pack_text(&value, cf_bytes_of_text(rollback->broker));
    cf_kv record = {cf_key_meta(&arena, META_ROLLBACK), cf_buffer_view(&value)};
    cf_status status = store->write(store, user, &record, 1, true, error);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
    return status;
}

cf_status cf_rollback_recall(cf_store *store, const cf_hash *user, cf_arena *arena,
                             cf_rollback *out, cf_error *error)
{
    cf_arena keys = {0};
    cf_buffer value = {0};
    cf_bytes broker = {0};
    size_t count = 0;

    cf_status status = store->get(store, user, cf_key_meta(&keys, META_ROLLBACK), &value, error);
    cf_reader reader = cf_reader_of(cf_buffer_view(&value));
    if (!status)
        status = cf_read_array(&reader, &count, error);
    if (!status)
        status = cf_read_uint(&reader, &out->time_ms, error);
    if (!status)
        status = cf_read_uint(&reader, &out->lacking, error);
    if (!status)
        status = cf_read_text(&reader, &broker, error);
    if (!status)
        out->broker = cf_arena_text(arena, broker);
    cf_buffer_release(&value);
    cf_arena_release(&keys);
    return status == CF_MALFORMED ? cf_fail(error, CF_BROKEN, "a record of the broker is damaged")
                                  : status;
}
