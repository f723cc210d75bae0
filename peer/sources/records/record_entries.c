/* SPDX-License-Identifier: Apache-2.0 */
/* Where an entry ends: before the change by which it would be larger than this device's entries
 * are, or name more than CF_ENTRY_BLOBS_MAX blobs, be that within an item. A content that the
 * source has not just sent is named as the log has it. */
#include "peer/sources/records/record_entries.h"

#include "codec/content.h"
#include "codec/limits.h"

/* What an entry takes of a change at most, beside field and value; and of a dot that it replaces,
 * if no other change names the same. */
enum { CHANGE_SIZE = 40, DOT_SIZE = 48 };

typedef struct {
    const cf_record_entries *entries;
    const cf_prepared **prepared; /* of each change; NULL: it has no content */
    cf_arena arena;
} cutting;

/* ---- Contents ---- */

/* How a change's content is to be had: as the source has just sent it; or as it is in the log,
 * where the value is written again because the state forgot its item (model, rule L). */
static cf_status prepare(cutting *self, size_t index, cf_error *error)
{
    const cf_record_entries *entries = self->entries;
    const cf_change *change = &entries->changes[index];
    cf_hash hash;
    uint64_t size;

    if (!change->value.size || !cf_item_has_content(&change->item, change->field, change->value))
        return CF_OK;
    self->prepared[index] = cf_record_values_prepared(entries->values, change->value);
    if (self->prepared[index])
        return CF_OK;
    cf_status status = cf_content_identity_read(change->value, &hash, &size, error);
    return status ? status
                  : cf_prepared_in_log(entries->peer, &entries->collection, &hash, &self->arena,
                                       &self->prepared[index], error);
}

static cf_status prepare_all(cutting *self, cf_error *error)
{
    cf_status status = CF_OK;

    self->prepared = cf_arena_allocate(&self->arena, self->entries->count, sizeof(cf_prepared *));
    for (size_t i = 0; !status && i < self->entries->count; i++)
        status = prepare(self, i, error);
    return status;
}

/* ---- Parts ---- */

/* What the change takes at most: an entry is cut too soon rather than too late. */
static uint64_t size_of(const cutting *self, size_t index)
{
    const cf_change *change = &self->entries->changes[index];
    const cf_prepared *prepared = self->prepared[index];

    return CHANGE_SIZE + change->field.size + change->value.size + DOT_SIZE * change->over_count +
           (prepared ? cf_prepared_size(prepared) : 0);
}

static size_t blobs_of(const cutting *self, size_t index)
{
    return self->prepared[index] ? self->prepared[index]->blob_count : 0;
}

/* Where the entry ends that begins with this change: before it is too large, or names too many
 * blobs. Also within an item, which is never seen without the rest of it. */
static size_t end_of_part(const cutting *self, size_t from)
{
    const uint64_t most = cf_peer_entry_size(self->entries->peer);
    uint64_t bytes = size_of(self, from);
    size_t blobs = blobs_of(self, from), end = from + 1;

    for (; end < self->entries->count; end++) {
        bytes += size_of(self, end);
        blobs += blobs_of(self, end);
        if (bytes > most || blobs > CF_ENTRY_BLOBS_MAX)
            break;
    }
    return end;
}

static uint64_t count_parts(const cutting *self)
{
    uint64_t parts = 0;

    for (size_t from = 0; from < self->entries->count; from = end_of_part(self, from))
        parts++;
    return parts;
}

/* The changes of an entry, with references to its blobs in the place of identities. */
static const cf_change *changes_of(cutting *self, size_t from, size_t to, cf_blob_list *blobs)
{
    cf_change *changes = cf_arena_allocate(&self->arena, to - from, sizeof *changes);

    for (size_t i = from; i < to; i++) {
        const cf_prepared *prepared = self->prepared[i];

        changes[i - from] = self->entries->changes[i];
        if (!prepared)
            continue;
        changes[i - from].value = cf_prepared_reference(prepared, blobs->count, &self->arena);
        cf_blob_list_add(blobs, prepared);
    }
    return changes;
}

static cf_status add_parts(cutting *self, cf_publication *publication, cf_dot *dots,
                           cf_error *error)
{
    uint64_t part = 1, parts = count_parts(self);
    cf_status status = CF_OK;

    for (size_t from = 0, to; !status && from < self->entries->count; from = to, part++) {
        cf_blob_list blobs = {0};
        cf_dot dot;

        to = end_of_part(self, from);
        cf_body body = {.time = cf_publication_time(publication, self->entries->now_ms),
                        .part = part,
                        .parts = parts,
                        .changes = changes_of(self, from, to, &blobs),
                        .change_count = to - from};
        status = cf_publication_add(publication, &body, blobs.at, blobs.count, &dot, error);
        for (size_t i = from; !status && i < to; i++)
            dots[i] = dot;
        cf_blob_list_release(&blobs);
    }
    for (size_t i = 0; !status && i < self->entries->count; i++)
        if (self->prepared[i])
            status = cf_prepared_add_supply(self->prepared[i], publication, self->entries->now_ms,
                                            error);
    return status;
}

cf_status cf_record_entries_add(const cf_record_entries *entries, cf_publication *publication,
                                cf_dot *dots, cf_error *error)
{
    cutting self = {.entries = entries};

    cf_status status = prepare_all(&self, error);
    if (!status)
        status = add_parts(&self, publication, dots, error);
    cf_arena_release(&self.arena);
    return status;
}
