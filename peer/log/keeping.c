/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/keeping.h"

#include <stdlib.h>
#include <string.h>

#include "codec/limits.h"
#include "codec/pack.h"
#include "peer/log/catalog_writing.h"

#define KEEPS_FIELD "/keeps"
#define SOURCES_FIELD "/sources"

/* ---- In the home ---- */

static const char keep_name[] = "keep"; /* by its name */

static const char *const names[] = {[CF_KEEPING_ALL] = "all", [CF_KEEPING_BOUND] = "bound"};

const char *cf_keeping_name(cf_keeping keep)
{
    return names[keep];
}

static bool find(const char *name, cf_keeping *out)
{
    for (cf_keeping keep = CF_KEEPING_ALL; keep <= CF_KEEPING_BOUND; keep++)
        if (strcmp(name, names[keep]) == 0) {
            *out = keep;
            return true;
        }
    return false;
}

cf_status cf_keeping_read(const char *text, cf_keeping *out, cf_error *error)
{
    return find(text, out) ? CF_OK : cf_fail(error, CF_USAGE, "--keep %s: all or bound", text);
}

cf_status cf_keeping_recall(cf_home *home, cf_keeping *out, cf_error *error)
{
    size_t kept = 0;

    cf_status status =
        cf_home_get_choice(home, keep_name, names, CF_KEEPING_BOUND + 1, &kept, error);
    if (!status)
        *out = (cf_keeping)kept;
    return status == CF_BROKEN
               ? cf_fail(error, CF_BROKEN,
                         "what is noted here of what this device keeps is damaged: say "
                         "`counterfoil set --keep all` or `bound` again")
               : status;
}

cf_status cf_keeping_set(cf_home *home, cf_keeping keep, cf_error *error)
{
    return cf_home_set(home, keep_name, cf_bytes_of_text(cf_keeping_name(keep)), error);
}

/* ---- In the catalog ---- */

bool cf_kept_has(const cf_kept *kept, const cf_id *collection)
{
    return kept->is_all || cf_collection_is_common(collection) ||
           cf_id_is_in(collection, kept->at, kept->count);
}

cf_kept cf_kept_copy(bool is_all, cf_ids *ids, cf_arena *arena)
{
    cf_ids_sort(ids);
    cf_id *at = cf_arena_allocate(arena, ids->count + 1, sizeof *at);
    if (ids->count)
        memcpy(at, ids->at, ids->count * sizeof *at);
    return (cf_kept){is_all, at, ids->count};
}

/* False: it is no list of a form that is known here. */
static bool read_list(cf_bytes value, cf_arena *arena, cf_kept *out)
{
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;
    size_t count;

    if (cf_read_array(&reader, &count, &ignored) || count > CF_KEPT_MAX)
        return false;
    cf_id *at = cf_arena_allocate(arena, count + 1, sizeof *at);
    for (size_t i = 0; i < count; i++)
        if (cf_read_bin_exact(&reader, at[i].bytes, CF_ID_SIZE, &ignored) ||
            (i && cf_id_compare(&at[i - 1], &at[i]) >= 0))
            return false;
    *out = (cf_kept){false, at, count};
    return cf_read_end(&reader, &ignored) == CF_OK;
}

static cf_bytes said_of(cf_peer *peer, const cf_hash *device, const char *field)
{
    const cf_id item = cf_catalog_item(CF_CATALOG_DEVICE, device->bytes);
    cf_collection *catalog;
    cf_error ignored;

    return cf_catalog_open(peer, &catalog, &ignored) ? (cf_bytes){0}
                                                     : cf_catalog_value(catalog, &item, field);
}

/* What has another role by now may say something still that it said before. */
static bool has_role(cf_peer *peer, const cf_hash *device, cf_role role)
{
    const cf_device *known = cf_registry_device(cf_log_registry(peer->log), device);

    return known && known->role == role;
}

cf_kept cf_kept_of(cf_peer *peer, const cf_hash *device, cf_arena *arena)
{
    cf_kept kept = {0};

    return !has_role(peer, device, CF_ROLE_RELAY) &&
                   read_list(said_of(peer, device, KEEPS_FIELD), arena, &kept)
               ? kept
               : (cf_kept){.is_all = true};
}

bool cf_kept_sources_of(cf_peer *peer, const cf_hash *device, cf_arena *arena, cf_kept *out)
{
    return !has_role(peer, device, CF_ROLE_RELAY) && !has_role(peer, device, CF_ROLE_READER) &&
           read_list(said_of(peer, device, SOURCES_FIELD), arena, out);
}

cf_kept cf_kept_by_any(cf_peer *peer, const cf_kept *own, cf_arena *arena)
{
    const cf_registry *registry = cf_log_registry(peer->log);
    bool is_all = own->is_all;
    cf_ids ids = {0};

    cf_ids_add_all(&ids, own->at, own->count);
    for (size_t i = 0; !is_all && i < cf_registry_device_count(registry); i++) {
        const cf_device *device = cf_registry_device_at(registry, i);

        if (!device->is_valid || cf_hash_equal(&device->id, cf_peer_user(peer)) ||
            cf_hash_equal(&device->id, cf_peer_device(peer)) || device->role == CF_ROLE_READER)
            continue;
        const cf_kept kept = cf_kept_of(peer, &device->id, arena);
        cf_ids_add_all(&ids, kept.at, kept.count);
        is_all = kept.is_all;
    }
    const cf_kept all = cf_kept_copy(is_all, &ids, arena);
    free(ids.at);
    return all;
}

/* Nil: all, or more than a list may have. */
static void write_kept(const cf_kept *kept, cf_buffer *out)
{
    if (kept->is_all || kept->count > CF_KEPT_MAX) {
        cf_pack_nil(out);
        return;
    }
    cf_pack_array(out, kept->count);
    for (size_t i = 0; i < kept->count; i++)
        cf_pack_bin(out, cf_bytes_of(kept->at[i].bytes, CF_ID_SIZE));
}

bool cf_kept_may_tell(cf_peer *peer)
{
    cf_hash epoch;
    cf_error ignored;

    return cf_peer_may_write(peer, &ignored) == CF_OK &&
           cf_peer_epoch(peer, &epoch, &ignored) == CF_OK;
}

/* What is missing says as much as `unsaid` does. */
static void say(cf_catalog_writing *self, const char *field, const cf_kept *list, bool unsaid)
{
    const cf_bytes said = said_of(self->peer, cf_peer_device(self->peer), field);
    cf_buffer value = {0};

    write_kept(list, &value);
    if (said.size ? !cf_bytes_equal(said, cf_buffer_view(&value)) : !unsaid)
        cf_catalog_write(self, cf_bytes_of_text(field), cf_buffer_view(&value));
    cf_buffer_release(&value);
}

/* Who has never kept less, or never had a source, says nothing of it. */
cf_status cf_kept_tell(cf_peer *peer, const cf_kept_here *here, uint64_t now_ms, bool *told,
                       cf_error *error)
{
    cf_catalog_writing self = {0};

    *told = false;
    cf_status status =
        cf_catalog_begin(&self, peer, CF_CATALOG_DEVICE, cf_peer_device(peer)->bytes, error);
    if (!status) {
        say(&self, KEEPS_FIELD, &here->kept, here->kept.is_all);
        say(&self, SOURCES_FIELD, &here->sources, !here->sources.count);
        *told = !self.count;
    }
    if (!status && self.count && cf_collection_lives(self.catalog, &self.item)) {
        status = cf_catalog_publish(&self, now_ms, error);
        *told = !status;
    }
    cf_catalog_writing_release(&self);
    return status;
}
