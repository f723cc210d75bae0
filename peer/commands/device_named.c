/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/device_named.h"

#include "broker/platform/names.h"
#include "peer/log/catalog.h"

#include <string.h>
#include <unistd.h>

enum { PREFIX_MIN = 8 };

typedef bool answering(cf_peer *peer, const cf_hash *device, const char *given);

static bool has_fingerprint(cf_peer *peer, const cf_hash *device, const char *given)
{
    char fingerprint[CF_FINGERPRINT_TEXT], id[2 * CF_HASH_SIZE + 1];

    (void)peer;
    cf_fingerprint(device, fingerprint);
    cf_hex(cf_bytes_of(device->bytes, CF_HASH_SIZE), id);
    return strcmp(fingerprint, given) == 0 ||
           (strlen(given) >= PREFIX_MIN && strncmp(id, given, strlen(given)) == 0);
}

/* Or what is shown of it. */
static bool has_name(cf_peer *peer, const cf_hash *device, const char *given)
{
    cf_arena arena = {0};
    cf_buffer shown = {0};
    const char *name = cf_catalog_device_name(peer, device, &arena);

    cf_text_append(&shown, cf_bytes_of_text(name));
    bool has =
        strcmp(name, given) == 0 || cf_bytes_equal(cf_buffer_view(&shown), cf_bytes_of_text(given));
    cf_buffer_release(&shown);
    cf_arena_release(&arena);
    return has;
}

static size_t find(cf_peer *peer, const char *given, bool out, answering *answers, cf_hash *found)
{
    const cf_registry *registry = cf_log_registry(peer->log);
    size_t count = 0;

    for (size_t i = 0; i < cf_registry_device_count(registry); i++) {
        const cf_device *device = cf_registry_device_at(registry, i);

        if (device->is_valid == out || cf_hash_equal(&device->id, cf_peer_user(peer)) ||
            !answers(peer, &device->id, given))
            continue;
        *found = device->id;
        count++;
    }
    return count;
}

/* Anybody may be called what another's fingerprint is. */
cf_status cf_device_named(cf_peer *peer, const char *given, bool out, cf_hash *found,
                          cf_error *error)
{
    size_t count = find(peer, given, out, has_fingerprint, found);

    if (!count && find(peer, given, !out, has_fingerprint, found) == 0)
        count = find(peer, given, out, has_name, found);
    if (!count)
        return cf_fail(error, CF_MISSING, "there is no %sdevice '%s'", out ? "such former " : "",
                       given);
    return count == 1
               ? CF_OK
               : cf_fail(error, CF_USAGE, "there are %zu devices '%s': name one by its fingerprint",
                         count, given);
}

json_t *cf_device_json(cf_peer *peer, const cf_hash *device)
{
    char fingerprint[CF_FINGERPRINT_TEXT];
    cf_arena arena = {0};

    cf_fingerprint(device, fingerprint);
    json_t *object =
        json_pack("{s:s, s:s, s:o}", "name", cf_catalog_device_name(peer, device, &arena),
                  "fingerprint", fingerprint, "id", cf_json_hex(device->bytes, CF_HASH_SIZE));
    cf_arena_release(&arena);
    return object;
}

static bool is_among(const cf_hash *devices, size_t count, const cf_hash *device)
{
    for (size_t i = 0; i < count; i++)
        if (cf_hash_equal(&devices[i], device))
            return true;
    return false;
}

void cf_device_admitted(const cf_peer *peer, const cf_hash *device, cf_hash **out, size_t *count)
{
    const cf_registry *registry = cf_log_registry(peer->log);
    cf_hash *found = cf_allocate(cf_registry_device_count(registry) + 1, sizeof *found);
    size_t before, size = 1; /* the first is the device itself */

    found[0] = *device;
    do {
        before = size;
        for (size_t i = 0; i < cf_registry_device_count(registry); i++) {
            const cf_device *other = cf_registry_device_at(registry, i);

            if (other->is_valid && !cf_hash_equal(&other->id, cf_peer_user(peer)) &&
                !is_among(found, size, &other->id) && is_among(found, size, &other->admitter))
                found[size++] = other->id;
        }
    } while (size != before);
    memmove(found, found + 1, (size - 1) * sizeof *found);
    *out = found;
    *count = size - 1;
}

/* ---- What a new device is called ---- */

cf_status cf_device_name_of(const cf_run *run, cf_arena *arena, const char **out, cf_error *error)
{
    const char *given = cf_options_value(&run->options, "name");
    char machine[CF_NAME_MAX + 1] = "";

    if (given) {
        *out = given;
        return cf_catalog_check_name(given, error);
    }
    if (gethostname(machine, sizeof machine - 1) || cf_catalog_check_name(machine, error))
        strcpy(machine, "device");
    *out = cf_arena_text(arena, cf_bytes_of_text(machine));
    return CF_OK;
}
