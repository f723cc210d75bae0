/* SPDX-License-Identifier: Apache-2.0 */
/* What in the store is an invitation: a record under a key of its table and size, with the 5, 6 or
 * 9 elements that programs have written. One that can't be read is CF_BROKEN to who asks for it,
 * and is not in the list. */
#include "broker/management/invitation.h"

#include "codec/address.h"
#include "codec/pack.h"
#include "codec/pairing.h"
#include "codec/secret.h"

#include <stdlib.h>
#include <string.h>

enum { TABLE = 'g', KEY_SIZE = 1 + CF_HASH_SIZE };

static const cf_hash nobody;

static cf_bytes key_of(const cf_hash *guest, uint8_t out[KEY_SIZE])
{
    out[0] = TABLE;
    memcpy(out + 1, guest->bytes, CF_HASH_SIZE);
    return cf_bytes_of(out, KEY_SIZE);
}

/* Which one it is, when it was made, and for whom. */
static cf_status read_origin(cf_reader *reader, cf_invitation *out, cf_error *error)
{
    cf_bytes name = {0};
    cf_status status = cf_read_uint(reader, &out->number, error);

    if (!status)
        status = cf_read_uint(reader, &out->made_ms, error);
    if (!status)
        status = cf_read_text(reader, &name, error);
    if (!status && name.size > CF_USER_NAME_MAX)
        status = cf_fail(error, CF_MALFORMED, "a name of %zu bytes", name.size);
    if (!status && name.size)
        memcpy(out->name.text, name.data, name.size);
    return status;
}

static cf_status read_record(cf_bytes value, cf_invitation *out, cf_error *error)
{
    cf_reader reader = cf_reader_of(value);
    size_t count;
    cf_status status = cf_read_array(&reader, &count, error);

    *out = (cf_invitation){0};
    if (!status && count != 5 && count != 6 && count != 9)
        status = cf_fail(error, CF_MALFORMED, "%zu elements", count);
    if (!status)
        status = cf_read_bin_exact(&reader, out->secret, sizeof out->secret, error);
    if (!status)
        status = cf_read_uint(&reader, &out->expires_ms, error);
    if (!status)
        status = cf_read_uint(&reader, &out->quota, error);
    if (!status)
        status = cf_read_bool(&reader, &out->is_used, error);
    if (!status)
        status = cf_read_bin_exact(&reader, out->knock.bytes, CF_HASH_SIZE, error);
    if (!status && count >= 6)
        status = cf_read_bin_exact(&reader, out->user.bytes, CF_HASH_SIZE, error);
    if (!status && count >= 9)
        status = read_origin(&reader, out, error);
    if (!status)
        status = cf_read_end(&reader, error);
    if (!status)
        return CF_OK;
    error->status = CF_BROKEN;
    cf_error_while(error, "reading an invitation");
    return CF_BROKEN;
}

cf_status cf_invitation_keep(cf_store *store, const cf_hash *guest, const cf_invitation *invitation,
                             cf_error *error)
{
    uint8_t key[KEY_SIZE];
    cf_buffer value = {0};
    cf_kv record;
    cf_status status;

    cf_buffer_reserve(&value, 512);
    cf_pack_array(&value, 9);
    cf_pack_bin(&value, cf_bytes_of(invitation->secret, sizeof invitation->secret));
    cf_pack_uint(&value, invitation->expires_ms);
    cf_pack_uint(&value, invitation->quota);
    cf_pack_bool(&value, invitation->is_used);
    cf_pack_bin(&value, cf_bytes_of(invitation->knock.bytes, CF_HASH_SIZE));
    cf_pack_bin(&value, cf_bytes_of(invitation->user.bytes, CF_HASH_SIZE));
    cf_pack_uint(&value, invitation->number);
    cf_pack_uint(&value, invitation->made_ms);
    cf_pack_text(&value, cf_bytes_of_text(invitation->name.text));
    record = (cf_kv){key_of(guest, key), cf_buffer_view(&value)};
    status = store->write(store, &nobody, &record, 1, true, error);
    cf_buffer_wipe(&value);
    return status;
}

cf_status cf_invitation_drop(cf_store *store, const cf_hash *guest, cf_error *error)
{
    uint8_t key[KEY_SIZE];
    cf_kv record = {key_of(guest, key), {0}};

    return store->write(store, &nobody, &record, 1, true, error);
}

cf_status cf_invitation_make(const cf_env *env, cf_store *store, const cf_invitation_terms *terms,
                             cf_buffer *line, cf_hash *guest, cf_error *error)
{
    cf_invitation invitation = {.expires_ms = terms->expires_ms,
                                .quota = terms->quota,
                                .number = terms->number,
                                .made_ms = terms->made_ms,
                                .name = terms->name};
    cf_code code = {.expires_ms = terms->expires_ms};
    cf_pairing *pairing = NULL;
    char text[CF_CODE_TEXT];
    cf_status status = cf_address_read(terms->address, &code.broker, error);

    if (status)
        return status;
    env->random(env->context, invitation.secret, sizeof invitation.secret);
    memcpy(code.secret, invitation.secret, sizeof code.secret);
    pairing = cf_pairing_new(invitation.secret);
    memcpy(guest->bytes, cf_pairing_guest_public(pairing), CF_HASH_SIZE);
    cf_pairing_destroy(&pairing);
    status = cf_invitation_keep(store, guest, &invitation, error);
    if (!status) {
        cf_code_write(&code, text);
        cf_buffer_append(line, text, strlen(text));
    }
    cf_wipe(text, sizeof text);
    cf_wipe(&code, sizeof code);
    cf_wipe(&invitation, sizeof invitation);
    return status;
}

cf_status cf_invitation_find(cf_store *store, const cf_hash *guest, cf_invitation *out,
                             cf_error *error)
{
    uint8_t key[KEY_SIZE];
    cf_buffer value = {0};
    cf_status status = store->get(store, &nobody, key_of(guest, key), &value, error);

    if (!status)
        status = read_record(cf_buffer_view(&value), out, error);
    cf_buffer_wipe(&value);
    return status;
}

struct listing {
    cf_invitation_info *infos;
    size_t count, capacity;
};

static bool list(void *context, cf_bytes key, cf_bytes value)
{
    struct listing *listing = context;
    cf_invitation invitation;
    cf_error error;

    if (key.size != KEY_SIZE || read_record(value, &invitation, &error))
        return true;
    cf_invitation_info *info = cf_one_more(listing->infos, listing->count, listing->capacity);
    *info = (cf_invitation_info){.number = invitation.number,
                                 .made_ms = invitation.made_ms,
                                 .expires_ms = invitation.expires_ms,
                                 .quota = invitation.quota,
                                 .is_used = invitation.is_used,
                                 .user = invitation.user,
                                 .name = invitation.name};
    memcpy(info->guest.bytes, key.data + 1, CF_HASH_SIZE);
    cf_wipe(&invitation, sizeof invitation);
    return true;
}

cf_status cf_invitations_list(cf_store *store, cf_invitation_info **out, size_t *count,
                              cf_error *error)
{
    uint8_t table = TABLE;
    struct listing listing = {0};
    cf_status status = store->scan(store, &nobody, cf_bytes_of(&table, 1), list, &listing, error);

    if (status) {
        free(listing.infos);
        return status;
    }
    *out = listing.infos;
    *count = listing.count;
    return CF_OK;
}
