/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/rescued.h"

#include "codec/pack.h"
#include "peer/bindings/lifted.h"

#include <stdio.h>
#include <stdlib.h>

#define PREFIX "step-"

void cf_temporary_name(uint64_t number, char out[CF_TEMPORARY_NAME])
{
    snprintf(out, CF_TEMPORARY_NAME, PREFIX "%llu", (unsigned long long)number);
}

/* 0: it is no such name. */
static uint64_t number_of(cf_bytes name)
{
    char text[CF_TEMPORARY_NAME] = {0}, again[CF_TEMPORARY_NAME];

    if (name.size >= sizeof text || name.size <= strlen(PREFIX))
        return 0;
    memcpy(text, name.data, name.size);
    uint64_t number = strtoull(text + strlen(PREFIX), NULL, 10);
    cf_temporary_name(number, again);
    return strcmp(text, again) == 0 ? number : 0;
}

static cf_rescued *find(const cf_binding *binding, uint64_t number)
{
    for (size_t i = 0; i < binding->rescued_count; i++)
        if (binding->rescued[i].number == number)
            return &binding->rescued[i];
    return NULL;
}

bool cf_rescued_has(const cf_binding *binding, uint64_t number)
{
    return find(binding, number) != NULL;
}

bool cf_rescued_has_name(const cf_binding *binding, cf_bytes name)
{
    uint64_t number = number_of(name);

    return number && cf_rescued_has(binding, number);
}

static cf_rescued *find_or_add(cf_binding *binding, uint64_t number)
{
    cf_rescued *rescued = find(binding, number);

    if (rescued)
        return rescued;
    rescued = cf_one_more(binding->rescued, binding->rescued_count, binding->rescued_capacity);
    *rescued = (cf_rescued){.number = number};
    return rescued;
}

static void put_record(const cf_binding *binding, const cf_rescued *rescued, cf_kv_list *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0};

    cf_pack_array(&value, 2);
    cf_pack_uint(&value, rescued->parent);
    cf_pack_bin(&value, cf_buffer_view(&rescued->name));
    cf_kv_list_put(records,
                   cf_key_numbered(&arena, CF_TABLE_RESCUED, binding->number, rescued->number),
                   cf_buffer_view(&value));
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

void cf_rescued_add(cf_binding *binding, const cf_displaced *displaced, uint64_t parent,
                    const cf_error *why, cf_kv_list *records)
{
    uint64_t number = number_of(displaced->temporary_name);

    if (!number)
        return;
    cf_rescued *rescued = find_or_add(binding, number);
    rescued->parent = parent;
    cf_buffer_clear(&rescued->name);
    cf_buffer_append(&rescued->name, displaced->name.data, displaced->name.size);
    memcpy(rescued->reason, why->text, sizeof rescued->reason);
    put_record(binding, rescued, records);
}

/* ---- Records ---- */

typedef struct {
    cf_binding *binding;
    cf_status status;
    cf_error *error;
} loading;

static bool load_one(void *context, cf_bytes key, cf_bytes value)
{
    loading *load = context;
    cf_reader reader = cf_reader_of(value);
    uint64_t parent;
    cf_bytes name;

    load->status = cf_read_array_of(&reader, 2, load->error);
    if (!load->status)
        load->status = cf_read_uint(&reader, &parent, load->error);
    if (!load->status)
        load->status = cf_read_bin(&reader, &name, load->error);
    if (load->status)
        return false;
    cf_rescued *rescued = find_or_add(load->binding, cf_get_u64(key.data + key.size - 8));
    rescued->parent = parent;
    cf_buffer_clear(&rescued->name);
    cf_buffer_append(&rescued->name, name.data, name.size);
    return true;
}

cf_status cf_rescued_load(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    loading load = {binding, CF_OK, error};

    for (size_t i = 0; i < binding->rescued_count; i++)
        cf_buffer_release(&binding->rescued[i].name);
    binding->rescued_count = 0;
    cf_status status = cf_binding_scan(peer, binding, CF_TABLE_RESCUED, load_one, &load, error);

    if (!status && load.status) {
        error->status = status = CF_BROKEN;
        cf_error_while(error, "what waits in the temporary folder of %s", binding->path);
    }
    return status;
}

static void drop(cf_binding *binding, size_t index, cf_kv_list *records)
{
    cf_arena arena = {0};

    cf_kv_list_delete(records, cf_key_numbered(&arena, CF_TABLE_RESCUED, binding->number,
                                               binding->rescued[index].number));
    cf_buffer_release(&binding->rescued[index].name);
    binding->rescued[index] = binding->rescued[--binding->rescued_count];
    cf_arena_release(&arena);
}

/* ---- Paying ---- */

/* The root, if that directory is gone; a disk that fails doesn't say that. */
static cf_status hold_place(const cf_binding *binding, cf_files *files, uint64_t parent,
                            cf_hold *out, cf_error *error)
{
    cf_status status = cf_binding_hold(binding, files, parent, out, error);

    if (!status || cf_files_has_failed(error))
        return status;
    out->folder = binding->root;
    return CF_OK;
}

/* Back in its place for good; or somebody has taken it himself. */
static bool pay(cf_binding *binding, cf_files *files, cf_rescued *rescued)
{
    char name[CF_TEMPORARY_NAME];
    cf_hold hold = {0};
    cf_stat stat;
    cf_error error;

    cf_temporary_name(rescued->number, name);
    cf_status status =
        files->stat(files, binding->temporary, cf_bytes_of_text(name), &stat, &error);
    if (status == CF_MISSING)
        return true;
    if (!status)
        status = hold_place(binding, files, rescued->parent, &hold, &error);
    cf_displaced displaced = {
        .files = files,
        .temporary = binding->temporary,
        .temporary_name = cf_bytes_of_text(name),
        .folder = hold.folder,
        .name = cf_buffer_view(&rescued->name),
    };
    if (!status)
        status = cf_displaced_return(&displaced, &error);
    cf_hold_release(&hold, files);
    if (status)
        memcpy(rescued->reason, error.text, sizeof rescued->reason);
    return !status;
}

/* Folders in which nobody may write may be those where it belongs. */
static cf_status open_places(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_files *files = peer->env->files;
    cf_kv_list records = {0};
    cf_status status = CF_OK;

    for (size_t i = 0; i < binding->rescued_count; i++)
        cf_lifted_intend(binding, files, binding->rescued[i].parent, &records);
    if (records.count)
        status = store->write(store, cf_peer_user(peer), records.at, records.count, true, error);
    for (size_t i = 0; !status && i < binding->rescued_count; i++)
        cf_lifted_open(binding, files, binding->rescued[i].parent, true);
    cf_kv_list_release(&records);
    return status;
}

cf_status cf_rescued_settle(cf_peer *peer, cf_binding *binding, size_t *settled, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_kv_list records = {0};

    *settled = 0;
    if (!binding->rescued_count)
        return CF_OK;
    cf_status status = open_places(peer, binding, error);
    if (status)
        return status;
    for (size_t i = binding->rescued_count; i-- > 0;)
        if (pay(binding, peer->env->files, &binding->rescued[i])) {
            drop(binding, i, &records);
            (*settled)++;
        }
    if (*settled)
        status = store->write(store, cf_peer_user(peer), records.at, records.count, true, error);
    if (!status)
        status = cf_lifted_restore(peer, binding, error);
    cf_kv_list_release(&records);
    return status;
}

/* ---- Telling ---- */

cf_status cf_rescued_check(const cf_binding *binding, cf_error *error)
{
    char name[CF_TEMPORARY_NAME];

    if (!binding->rescued_count)
        return CF_OK;
    cf_temporary_name(binding->rescued[0].number, name);
    return cf_fail(error, CF_UNSAFE,
                   "%s/.counterfoil/tmp/%s was saved there and could not be put back: sync, or "
                   "move it away",
                   binding->path, name);
}

void cf_rescued_tell(const cf_binding *binding, const cf_rescued *rescued, cf_buffer *path,
                     cf_buffer *reason)
{
    char name[CF_TEMPORARY_NAME];

    cf_temporary_name(rescued->number, name);
    cf_binding_path(binding, rescued->parent, path);
    if (path->size)
        cf_buffer_append(path, "/", 1);
    cf_buffer_append(path, rescued->name.data, rescued->name.size);
    cf_buffer_append_text(reason, "saved here in the last moment, kept as .counterfoil/tmp/%s%s%s",
                          name, rescued->reason[0] ? ": " : "", rescued->reason);
    cf_buffer_append(reason, "", 1);
}
