/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/unsent.h"

#include "codec/pack.h"

#include <stdlib.h>

/* The value is [[first sequence, writer, last sequence, last hash]…]. */
enum { PART_ELEMENTS = 4 };

static cf_bytes key_of_all(void)
{
    static const uint8_t table = CF_TABLE_UNSENT;

    return cf_bytes_of(&table, 1);
}

void cf_unsent_release(cf_unsent *unsent)
{
    free(unsent->at);
    cf_kv_list_release(&unsent->old);
    *unsent = (cf_unsent){0};
}

static cf_unsent_part *part_of(const cf_unsent *unsent, const cf_id *writer)
{
    for (size_t i = 0; i < unsent->count; i++)
        if (cf_id_equal(&unsent->at[i].last.writer, writer))
            return &unsent->at[i];
    return NULL;
}

static void add_part(cf_unsent *unsent, const cf_unsent_part *part)
{
    *cf_one_more(unsent->at, unsent->count, unsent->capacity) = *part;
}

static void drop_part(cf_unsent *unsent, cf_unsent_part *part)
{
    *part = unsent->at[--unsent->count];
}

void cf_unsent_add(cf_unsent *unsent, const cf_head *entry)
{
    cf_unsent_part *part = part_of(unsent, &entry->writer);

    if (part && entry->sequence > part->last.sequence)
        part->last = *entry;
    else if (part && entry->sequence < part->first)
        part->first = entry->sequence;
    else if (!part)
        add_part(unsent, &(cf_unsent_part){entry->sequence, *entry});
}

void cf_unsent_leave_out(cf_unsent *unsent, const cf_withheld *withheld)
{
    for (size_t i = unsent->count; i > 0; i--)
        if (cf_withheld_has(withheld, &unsent->at[i - 1].last))
            drop_part(unsent, &unsent->at[i - 1]);
}

uint64_t cf_unsent_count(const cf_unsent *unsent)
{
    uint64_t count = 0;

    for (size_t i = 0; i < unsent->count; i++)
        count += unsent->at[i].last.sequence - unsent->at[i].first + 1;
    return count;
}

/* ---- In the home ---- */

static cf_status read_part(cf_reader *reader, cf_unsent_part *out, cf_error *error)
{
    size_t count;

    cf_status status = cf_read_array(reader, &count, error);
    if (!status && count != PART_ELEMENTS)
        status = cf_fail(error, CF_BROKEN, "a part of what is unsent has %zu elements", count);
    if (!status)
        status = cf_read_uint(reader, &out->first, error);
    if (!status)
        status = cf_read_bin_exact(reader, out->last.writer.bytes, CF_ID_SIZE, error);
    if (!status)
        status = cf_read_uint(reader, &out->last.sequence, error);
    if (!status)
        status = cf_read_bin_exact(reader, out->last.hash.bytes, CF_HASH_SIZE, error);
    if (!status && (!out->first || out->first > out->last.sequence))
        status = cf_fail(error, CF_BROKEN, "a part of what is unsent ends before it begins");
    return status;
}

static cf_status read_value(cf_bytes value, cf_unsent *out, cf_error *error)
{
    cf_reader reader = cf_reader_of(value);
    cf_unsent_part part;
    size_t count = 0;

    cf_status status = cf_read_array(&reader, &count, error);
    for (size_t i = 0; !status && i < count; i++) {
        status = read_part(&reader, &part, error);
        if (!status)
            add_part(out, &part);
    }
    return status ? status : cf_read_end(&reader, error);
}

static bool read_old(void *context, cf_bytes key, cf_bytes value)
{
    cf_unsent *unsent = context;
    cf_head entry;

    (void)value;
    if (cf_key_entry_read(key, &entry))
        cf_unsent_add(unsent, &entry);
    cf_kv_list_delete(&unsent->old, key);
    return true;
}

cf_status cf_unsent_load(cf_store *store, const cf_hash *user, cf_unsent *out, cf_error *error)
{
    cf_buffer value = {0};
    cf_unsent unsent = {0};

    cf_status status = store->get(store, user, key_of_all(), &value, error);
    unsent.is_old = status == CF_MISSING;
    if (unsent.is_old)
        status = store->scan(store, user, key_of_all(), read_old, &unsent, error);
    else if (!status)
        status = read_value(cf_buffer_view(&value), &unsent, error);
    cf_buffer_release(&value);
    if (status) {
        cf_unsent_release(&unsent);
        cf_error_while(error, "reading what the broker does not have yet");
        return status;
    }
    *out = unsent;
    return CF_OK;
}

void cf_unsent_put(const cf_unsent *unsent, cf_kv_list *records)
{
    cf_buffer value = {0};

    cf_pack_array(&value, unsent->count);
    for (size_t i = 0; i < unsent->count; i++) {
        const cf_head *last = &unsent->at[i].last;

        cf_pack_array(&value, PART_ELEMENTS);
        cf_pack_uint(&value, unsent->at[i].first);
        cf_pack_bin(&value, cf_bytes_of(last->writer.bytes, CF_ID_SIZE));
        cf_pack_uint(&value, last->sequence);
        cf_pack_bin(&value, cf_bytes_of(last->hash.bytes, CF_HASH_SIZE));
    }
    for (size_t i = 0; i < unsent->old.count; i++)
        cf_kv_list_delete(records, unsent->old.at[i].key);
    cf_kv_list_put(records, key_of_all(), cf_buffer_view(&value));
    cf_buffer_release(&value);
}

static void tell_trouble(const cf_env *env, const cf_error *error)
{
    cf_report(env, CF_REPORT_WARNING, "noting what the broker has: %s", error->text);
}

static void save(const cf_env *env, cf_store *store, const cf_hash *user, const cf_unsent *unsent)
{
    cf_kv_list records = {0};
    cf_error error;

    cf_unsent_put(unsent, &records);
    if (store->write(store, user, records.at, records.count, false, &error))
        tell_trouble(env, &error);
    cf_kv_list_release(&records);
}

/* ---- Which entries ---- */

typedef struct {
    uint64_t last;
    size_t count;
    cf_unsent_visit *visit; /* NULL: only count */
    void *context;
} walk;

static bool step_along(void *context, const cf_head *entry, uint64_t position)
{
    walk *self = context;

    (void)position;
    if (entry->sequence > self->last)
        return false;
    self->count++;
    if (self->visit)
        self->visit(self->context, entry);
    return true;
}

cf_status cf_unsent_each(cf_store *store, const cf_hash *user, cf_unsent_visit *visit,
                         void *context, cf_error *error)
{
    cf_unsent unsent;

    cf_status status = cf_unsent_load(store, user, &unsent, error);
    if (status)
        return status;
    for (size_t i = 0; !status && i < unsent.count; i++) {
        const cf_unsent_part *part = &unsent.at[i];
        walk self = {part->last.sequence, 0, visit, context};

        status =
            store->chain(store, user, &part->last.writer, part->first, step_along, &self, error);
    }
    cf_unsent_release(&unsent);
    return status;
}

/* Whether an entry that is held belongs to the part, as far as can be said without reading it:
 * where several of its sequence are held, only the last of the part is known by its hash.
 * Entries 5 to 7 are unsent, and another copy of this home made a 6 of its own, which came from the
 * broker: that 6 says nothing of ours, and neither would our own; our 7 is known. */
static bool belongs(cf_store *store, const cf_hash *user, const cf_unsent_part *part,
                    const cf_head *entry)
{
    walk alike = {.last = entry->sequence};
    cf_error ignored;

    if (entry->sequence < part->first || entry->sequence > part->last.sequence)
        return false;
    if (entry->sequence == part->last.sequence)
        return cf_hash_equal(&entry->hash, &part->last.hash);
    return store->chain(store, user, &entry->writer, entry->sequence, step_along, &alike,
                        &ignored) == CF_OK &&
           alike.count == 1;
}

bool cf_unsent_holds(cf_store *store, const cf_hash *user, const cf_head *entry)
{
    cf_unsent unsent;
    cf_error ignored;

    if (cf_unsent_load(store, user, &unsent, &ignored))
        return true;
    const cf_unsent_part *part = part_of(&unsent, &entry->writer);
    bool holds =
        part && entry->sequence >= part->first &&
        (entry->sequence < part->last.sequence || cf_head_compare(entry, &part->last) == 0);
    cf_unsent_release(&unsent);
    return holds;
}

void cf_unsent_forget(const cf_env *env, cf_store *store, const cf_hash *user, const cf_head *entry)
{
    cf_unsent unsent;
    cf_error error;

    if (cf_unsent_load(store, user, &unsent, &error)) {
        tell_trouble(env, &error);
        return;
    }
    cf_unsent_part *part = part_of(&unsent, &entry->writer);
    if (part && belongs(store, user, part, entry)) {
        part->first = entry->sequence + 1;
        if (part->first > part->last.sequence)
            drop_part(&unsent, part);
        save(env, store, user, &unsent);
    }
    cf_unsent_release(&unsent);
}

/* ---- What it shows ---- */

static bool collect_head(void *context, const cf_head *head)
{
    cf_heads_insert(context, head);
    return true;
}

/* Up to where it has the part's chain; 0: nothing of it. Where the own chain has branches, which of
 * them is shown is left to the session. */
static uint64_t shown_up_to(cf_store *store, const cf_hash *user, const cf_heads *own,
                            const cf_heads *shown, const cf_id *writer)
{
    size_t branches = 0, count = 0;
    const cf_head *heads = cf_heads_of_writer(shown, writer, &count);
    cf_error ignored;
    uint64_t position, most = 0;

    cf_heads_of_writer(own, writer, &branches);
    for (size_t i = 0; branches == 1 && i < count; i++)
        if (heads[i].sequence > most &&
            store->find(store, user, &heads[i], &position, &ignored) == CF_OK)
            most = heads[i].sequence;
    return most;
}

static bool drop_shown(cf_store *store, const cf_hash *user, cf_unsent *unsent, const cf_heads *own,
                       const cf_heads *shown)
{
    bool changed = false;

    for (size_t i = unsent->count; i > 0; i--) {
        cf_unsent_part *part = &unsent->at[i - 1];
        uint64_t most = shown_up_to(store, user, own, shown, &part->last.writer);

        if (most < part->first)
            continue;
        changed = true;
        part->first = most + 1;
        if (part->first > part->last.sequence)
            drop_part(unsent, part);
    }
    return changed;
}

void cf_unsent_shown(const cf_env *env, cf_store *store, const cf_hash *user, const cf_heads *shown)
{
    cf_heads own = {0};
    cf_unsent unsent = {0};
    cf_error error;

    cf_status status = cf_unsent_load(store, user, &unsent, &error);
    if (!status && unsent.count)
        status = store->heads(store, user, collect_head, &own, &error);
    if (status)
        tell_trouble(env, &error);
    else if (drop_shown(store, user, &unsent, &own, shown) || unsent.is_old)
        save(env, store, user, &unsent);
    cf_heads_release(&own);
    cf_unsent_release(&unsent);
}

/* ---- All ---- */

void cf_unsent_clear(const cf_env *env, cf_store *store, const cf_hash *user,
                     const cf_withheld *withheld)
{
    cf_unsent unsent;
    cf_error error;

    if (cf_unsent_load(store, user, &unsent, &error)) {
        tell_trouble(env, &error);
        return;
    }
    const size_t before = unsent.count;
    for (size_t i = unsent.count; i > 0; i--)
        if (!withheld || !cf_withheld_has(withheld, &unsent.at[i - 1].last))
            drop_part(&unsent, &unsent.at[i - 1]);
    if (unsent.count < before || unsent.is_old)
        save(env, store, user, &unsent);
    cf_unsent_release(&unsent);
}
