/* SPDX-License-Identifier: Apache-2.0 */
/* Which address is noted: one whose host has a dot or a colon, so that other machines reach it,
 * told to a session that has subscribed; with the time since which the device knows just that
 * address. */
#include "broker/management/told_address.h"

#include "codec/address.h"
#include "codec/pack.h"

#include <string.h>

enum { TABLE = 'd', KEY_SIZE = 1 + CF_HASH_SIZE };

static cf_bytes key_of(const cf_hash *device, uint8_t out[KEY_SIZE])
{
    out[0] = TABLE;
    memcpy(out + 1, device->bytes, CF_HASH_SIZE);
    return cf_bytes_of(out, KEY_SIZE);
}

bool cf_told_address_is_kept(const char *line)
{
    cf_address address;
    cf_error ignored;

    return cf_address_read(line, &address, &ignored) == CF_OK && strpbrk(address.host, ".:");
}

cf_status cf_told_address_since(cf_store *store, const cf_hash *user, const cf_hash *device,
                                const char *line, uint64_t *since_ms, cf_error *error)
{
    uint8_t key[KEY_SIZE];
    cf_buffer value = {0};
    cf_bytes told = {0};
    uint64_t at_ms = 0;
    size_t count = 0;

    cf_status status = store->get(store, user, key_of(device, key), &value, error);
    if (status) {
        cf_buffer_release(&value);
        return status;
    }
    cf_reader reader = cf_reader_of(cf_buffer_view(&value));
    status = cf_read_array(&reader, &count, error);
    if (!status)
        status = cf_read_text(&reader, &told, error);
    if (!status)
        status = cf_read_uint(&reader, &at_ms, error);
    if (status || !cf_bytes_equal(told, cf_bytes_of_text(line)))
        status = cf_fail(error, CF_MISSING, "it was not told this address");
    else
        *since_ms = at_ms;
    cf_buffer_release(&value);
    return status;
}

void cf_told_address_note(const cf_service *service, const cf_session *session, const char *line)
{
    cf_store *store = service->store;
    const cf_hash *user = cf_log_user(session->log);
    uint8_t key[KEY_SIZE];
    cf_buffer value = {0};
    uint64_t since_ms;
    cf_error error;

    if (!session->is_subscribed || !cf_told_address_is_kept(line) ||
        cf_told_address_since(store, user, &session->device, line, &since_ms, &error) == CF_OK)
        return;
    cf_pack_array(&value, 2);
    cf_pack_text(&value, cf_bytes_of_text(line));
    cf_pack_uint(&value, service->now_ms);
    const cf_kv record = {key_of(&session->device, key), cf_buffer_view(&value)};
    if (store->write(store, user, &record, 1, false, &error))
        cf_report(service->env, CF_REPORT_DETAIL, "user %s: noting who knows the address: %s",
                  cf_user_shorten(user).text, error.text);
    cf_buffer_release(&value);
}
