/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of a change of the catalog: of a device's item all by that device, else nothing; of
 * a collection's guarded fields and of its deletion what replaces and covers the writer's own
 * writes, as weak ones; of all else everything. An owner's are let be. */
#include "peer/log/catalog_rights.h"

#include "broker/log/log.h"
#include "codec/pack.h"

#include <string.h>

/* What an owner's word comes first in. */
static const char *const guarded[] = {CF_FIELD_NAME, CF_CATALOG_ID, CF_CATALOG_FORMAT};
enum { GUARDED = sizeof guarded / sizeof *guarded };

static bool is_guarded(cf_bytes field)
{
    for (size_t i = 0; i < GUARDED; i++)
        if (cf_bytes_equal(field, cf_bytes_of_text(guarded[i])))
            return true;
    return false;
}

/* ---- What an entry may say ---- */

static void keep_own(cf_change *change, const cf_id *writer, cf_arena *arena)
{
    cf_dot *own = cf_arena_allocate(arena, change->over_count, sizeof *own);
    size_t count = 0;

    for (size_t i = 0; i < change->over_count; i++)
        if (cf_id_equal(&change->over[i].writer, writer))
            own[count++] = change->over[i];
    change->over = own;
    change->over_count = count;
}

/* One that can't be read covers nothing anyway. */
static void cover_own(cf_change *change, const cf_id *writer, cf_arena *arena)
{
    cf_buffer value = {0};
    cf_cover *covers;
    size_t count, kept = 0;
    cf_error ignored;

    if (cf_covers_read(change->value, arena, &covers, &count, &ignored))
        return;
    for (size_t i = 0; i < count; i++)
        if (!is_guarded(covers[i].field) || cf_id_equal(&covers[i].dot.writer, writer))
            covers[kept++] = covers[i];
    cf_covers_pack(&value, covers, kept);
    change->value = cf_arena_copy(arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
}

/* False: nothing is left of it. */
static bool limit(cf_change *change, const cf_header *header, cf_arena *arena)
{
    bool deletes = cf_field_is_deletion(change->field);

    switch (change->item.bytes[0]) {
    case CF_CATALOG_DEVICE:
        return memcmp(change->item.bytes + 1, header->device.bytes, CF_ID_SIZE - 1) == 0;
    case CF_CATALOG_BREAK:
        return false;
    case CF_CATALOG_COLLECTION:
        if (!deletes && !is_guarded(change->field))
            return true;
        keep_own(change, &header->writer, arena);
        if (deletes && change->value.size)
            cover_own(change, &header->writer, arena);
        change->weak = !deletes && change->value.size;
        return change->value.size || change->over_count;
    default:
        return true;
    }
}

cf_status cf_catalog_rights_apply(cf_log *log, const cf_entry *entry, cf_change *changes,
                                  size_t *count, cf_arena *arena, cf_error *error)
{
    size_t kept = 0;
    bool is_owners;

    cf_status status = cf_log_is_owners(log, entry, &is_owners, error);
    if (status || is_owners)
        return status;
    for (size_t i = 0; i < *count; i++)
        if (limit(&changes[i], &entry->header, arena))
            changes[kept++] = changes[i];
    *count = kept;
    return CF_OK;
}

/* ---- What the catalog says ---- */

static bool has_id_by(const cf_collection *catalog, const cf_id *item, const cf_id *writer)
{
    const cf_item *found = cf_state_item(catalog->state, item);
    bool has = false;

    for (size_t i = 0; found && !has && i < cf_item_write_count(found); i++) {
        cf_write write = cf_state_write(catalog->state, found, i);

        has = cf_id_equal(&write.dot.writer, writer) &&
              cf_bytes_equal(cf_state_field_name(catalog->state, write.field),
                             cf_bytes_of_text(CF_CATALOG_ID));
    }
    return has;
}

typedef struct {
    const cf_collection *catalog;
    const cf_id *item;
    bool is_id;
} choice;

/* Its item begins with it. */
static bool is_id_of(const cf_id *item, cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    cf_bytes id;
    cf_error ignored;

    return cf_read_bin(&reader, &id, &ignored) == CF_OK && id.size >= CF_ID_SIZE &&
           memcmp(id.data, item->bytes + 1, CF_ID_SIZE - 1) == 0;
}

static bool may_be_chosen(void *context, const cf_write *write)
{
    const choice *self = context;

    if (self->is_id && !is_id_of(self->item, write->value))
        return false;
    return !write->weak || has_id_by(self->catalog, self->item, &write->dot.writer);
}

cf_bytes cf_catalog_value(const cf_collection *catalog, const cf_id *item, const char *field)
{
    choice self = {catalog, item, strcmp(field, CF_CATALOG_ID) == 0};

    return cf_collection_choose(catalog, item, field, may_be_chosen, &self);
}

static bool is_owners(void *context, const cf_write *write)
{
    (void)context;
    return !write->weak;
}

bool cf_catalog_made_by(const cf_collection *catalog, const cf_id *item, const cf_id *writer)
{
    for (size_t i = 0; i < GUARDED; i++)
        if (cf_collection_choose(catalog, item, guarded[i], is_owners, NULL).size)
            return false;
    return has_id_by(catalog, item, writer);
}
