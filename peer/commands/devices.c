/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/catalog.h"
#include "peer/commands/last_seen.h"
#include "peer/verbs.h"

#include <string.h>

/* A device by its name, its fingerprint, or the beginning of its id in hexadecimal. */
static bool answers_to(cf_peer *peer, const cf_hash *device, const char *given, cf_arena *arena)
{
    char fingerprint[CF_FINGERPRINT_TEXT], id[2 * CF_HASH_SIZE + 1];

    cf_fingerprint(device, fingerprint);
    cf_hex(cf_bytes_of(device->bytes, CF_HASH_SIZE), id);
    return strcmp(cf_catalog_device_name(peer, device, arena), given) == 0 ||
           strcmp(fingerprint, given) == 0 ||
           (strlen(given) >= 8 && strncmp(id, given, strlen(given)) == 0);
}

static cf_status find_device(cf_peer *peer, const char *given, cf_hash *out, cf_error *error)
{
    const cf_registry *registry = cf_log_registry(peer->log);
    cf_arena arena = {0};
    size_t found = 0;

    for (size_t i = 0; i < cf_registry_device_count(registry); i++) {
        const cf_hash *id = &cf_registry_device_at(registry, i)->id;

        if (cf_hash_equal(id, cf_peer_user(peer)) || !answers_to(peer, id, given, &arena))
            continue;
        *out = *id;
        found++;
    }
    cf_arena_release(&arena);
    if (!found)
        return cf_fail(error, CF_MISSING, "there is no device '%s'", given);
    return found == 1
               ? CF_OK
               : cf_fail(error, CF_USAGE, "there are %zu devices '%s': name one by its fingerprint",
                         found, given);
}

static cf_status rename_device(cf_run *run, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    const char *const *arguments = run->options.arguments;
    cf_hash device;

    cf_status status = cf_run_check_count(run, 3, 3, error);
    if (!status)
        status = find_device(peer, arguments[1], &device, error);
    if (!status)
        status = cf_catalog_name_device(peer, &device, arguments[2], cf_loop_now(run->loop), error);
    cf_loop_wake(run->loop);
    return status;
}

static json_t *describe(cf_peer *peer, const cf_device *device, const cf_last_seen *seen,
                        cf_arena *arena)
{
    char fingerprint[CF_FINGERPRINT_TEXT], time[CF_TIME_TEXT];

    cf_fingerprint(&device->id, fingerprint);
    cf_time_show(seen->time_ms, time);
    return json_pack("{s:s, s:s, s:o, s:s, s:b, s:s?, s:o}", "name",
                     cf_catalog_device_name(peer, &device->id, arena), "fingerprint", fingerprint,
                     "id", cf_json_hex(device->id.bytes, CF_HASH_SIZE), "role",
                     cf_role_name(device->role), "this",
                     (int)cf_hash_equal(&device->id, cf_peer_device(peer)), "last_seen",
                     seen->time_ms ? time : NULL, "behind",
                     seen->wrote ? json_integer((json_int_t)seen->behind) : json_null());
}

static void print_line(const cf_output *output, const json_t *device)
{
    const char *seen = json_string_value(json_object_get(device, "last_seen"));
    const json_t *behind = json_object_get(device, "behind");
    json_int_t count = json_integer_value(behind);
    bool here = json_is_true(json_object_get(device, "this"));

    cf_print(output, "%-20s %-7s %s  ", json_string_value(json_object_get(device, "name")),
             json_string_value(json_object_get(device, "role")),
             json_string_value(json_object_get(device, "fingerprint")));
    if (here)
        cf_print(output, "this device\n");
    else if (json_is_null(behind))
        cf_print(output, "let in %s, has written nothing since\n", seen ? seen : "");
    else if (count)
        cf_print(output, "last seen %s, up to %lld %s behind\n", seen ? seen : "", (long long)count,
                 count == 1 ? "entry" : "entries");
    else
        cf_print(output, "last seen %s\n", seen ? seen : "");
}

static cf_status list_devices(cf_run *run, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    const cf_registry *registry = cf_log_registry(peer->log);
    cf_arena arena = {0};
    json_t *list = json_array();
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < cf_registry_device_count(registry); i++) {
        const cf_device *device = cf_registry_device_at(registry, i);
        cf_last_seen seen;

        if (cf_hash_equal(&device->id, cf_peer_user(peer))) /* the account is no device */
            continue;
        status = cf_last_seen_of(peer, &device->id, &seen, error);
        if (!status)
            json_array_append_new(list, describe(peer, device, &seen, &arena));
    }
    if (!status && run->json)
        cf_print_json(&run->output, json_incref(list));
    for (size_t i = 0; !status && !run->json && i < json_array_size(list); i++)
        print_line(&run->output, json_array_get(list, i));
    json_decref(list);
    cf_arena_release(&arena);
    return status;
}

static cf_status start(cf_run *run, cf_error *error)
{
    const char *subverb = run->options.argument_count ? run->options.arguments[0] : NULL;

    if (!subverb)
        return list_devices(run, error);
    if (strcmp(subverb, "rename") == 0)
        return rename_device(run, error);
    return cf_fail(error, CF_USAGE, "unknown subverb '%s' of devices: rename", subverb);
}

const cf_verb cf_verb_devices = {
    .name = "devices",
    .usage = "devices [rename DEVICE NAME]",
    .summary = "Lists the user's devices, or renames one",
    .needs = CF_NEEDS_PEER,
    .start = start,
};
