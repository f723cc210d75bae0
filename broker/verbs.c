/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/verbs_users.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "codec/limits.h"

#define INVITATION_MS (7 * CF_DAY_MS)

void cf_verb_append_json(cf_buffer *out, json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(2));

    cf_buffer_append_text(out, "%s\n", text);
    free(text);
    json_decref(value);
}

static cf_status address(const cf_desk *desk, const cf_verb *verb, cf_buffer *out, cf_error *error)
{
    (void)error;
    if (verb->json)
        cf_verb_append_json(out, json_pack("{s:s}", "address", desk->address));
    else
        cf_buffer_append_text(out, "%s\n", desk->address);
    return CF_OK;
}

static cf_status invite(const cf_desk *desk, const cf_verb *verb, cf_buffer *out, cf_error *error)
{
    const cf_env *env = desk->premises->env;
    uint64_t now_ms = env->now_ms(env->context);
    cf_invitation_terms terms = {
        .address = desk->address, .expires_ms = now_ms + INVITATION_MS, .quota = verb->quota};
    cf_buffer line = {0};

    cf_status status =
        cf_management_invite(desk->premises->management, &terms, now_ms, &line, error);
    if (!status && verb->json)
        cf_verb_append_json(out, json_pack("{s:s%}", "invitation", line.data, line.size));
    else if (!status)
        cf_buffer_append_text(out, "%.*s\n", (int)line.size, (const char *)line.data);
    cf_buffer_wipe(&line);
    return status;
}

typedef struct {
    uint64_t users, devices, entries, blobs, blob_bytes;
} totals;

static void add_up(void *context, const cf_user_figures *figures)
{
    totals *sum = context;

    sum->users++;
    sum->devices += figures->devices;
    sum->entries += figures->entries;
    sum->blobs += figures->blobs;
    sum->blob_bytes += figures->bytes.blob_bytes;
}

static void describe(const cf_desk *desk, const totals *sum, uint64_t connected, uint64_t room,
                     cf_buffer *out)
{
    char blob_bytes[CF_SIZE_TEXT], free_bytes[CF_SIZE_TEXT];

    cf_size_write(sum->blob_bytes, blob_bytes);
    cf_size_write(room, free_bytes);
    cf_buffer_append_text(out, "address    %s\n", desk->address);
    cf_buffer_append_text(out, "running    %s\n", desk->gateway ? "yes" : "no");
    cf_buffer_append_text(out, "users      %" PRIu64 "\n", sum->users);
    cf_buffer_append_text(out, "devices    %" PRIu64 ", connected %" PRIu64 "\n", sum->devices,
                          connected);
    cf_buffer_append_text(out, "entries    %" PRIu64 "\n", sum->entries);
    cf_buffer_append_text(out, "blobs      %" PRIu64 ", %s\n", sum->blobs, blob_bytes);
    cf_buffer_append_text(out, "room left  %s\n", free_bytes);
}

static cf_status status_of(const cf_desk *desk, const cf_verb *verb, cf_buffer *out,
                           cf_error *error)
{
    uint64_t connected = desk->gateway ? cf_gateway_count(desk->gateway).devices : 0;
    uint64_t room = 0;
    totals sum = {0};

    cf_status status = cf_management_users(desk->premises->management, add_up, &sum, error);
    if (!status)
        status = cf_datadir_room(desk->premises->datadir, &room, error);
    if (status)
        return status;
    if (!verb->json) {
        describe(desk, &sum, connected, room, out);
        return CF_OK;
    }
    cf_verb_append_json(
        out, json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "address", desk->address,
                       "running", desk->gateway != NULL, "users", (json_int_t)sum.users, "devices",
                       (json_int_t)sum.devices, "devices_connected", (json_int_t)connected,
                       "entries", (json_int_t)sum.entries, "blobs", (json_int_t)sum.blobs,
                       "blob_bytes", (json_int_t)sum.blob_bytes, "free_bytes", (json_int_t)room));
    return CF_OK;
}

typedef struct {
    json_t *list; /* NULL: text */
    cf_buffer *out;
    size_t count;
} damages;

static void note(damages *found, const cf_hash *user, const char *what)
{
    char name[2 * CF_HASH_SIZE + 1] = "";
    char text[CF_ERROR_TEXT + sizeof name + 8];

    if (user)
        cf_hex(cf_bytes_of(user->bytes, CF_HASH_SIZE), name);
    snprintf(text, sizeof text, "%s%s%s%s", user ? "user " : "", name, user ? ": " : "", what);
    found->count++;
    if (found->list)
        json_array_append_new(found->list, json_string(text));
    else
        cf_buffer_append_text(found->out, "%s\n", text);
}

static void note_record(void *context, const cf_hash *user, const char *what)
{
    note(context, user, what);
}

static void note_blob(void *context, const cf_hash *user, const cf_hash *id, const cf_error *error)
{
    char name[2 * CF_HASH_SIZE + 1];
    char text[CF_ERROR_TEXT + sizeof name + 16];

    cf_hex(cf_bytes_of(id->bytes, CF_HASH_SIZE), name);
    snprintf(text, sizeof text, "blob %s: %s", name, error->text);
    note(context, user, text);
}

static void note_missing(damages *found, const cf_missing *missing)
{
    char name[2 * CF_HASH_SIZE + 1];
    char text[sizeof name + 64];

    for (size_t i = 0; i < missing->count; i++) {
        cf_hex(cf_bytes_of(missing->list[i].blob.bytes, CF_HASH_SIZE), name);
        snprintf(text, sizeof text, "blob %s: it is gone; the devices are asked for it", name);
        note(found, &missing->list[i].user, text);
    }
}

static cf_status verify(const cf_desk *desk, const cf_verb *verb, cf_buffer *out, cf_error *error)
{
    cf_store *store = desk->premises->store;
    damages found = {.list = verb->json ? json_array() : NULL, .out = out};

    cf_status status = store->verify(store, note_record, &found, error);
    if (!status)
        status = cf_blobs_verify(desk->premises->blobs, note_blob, &found, error);
    if (!status)
        status = cf_missing_find(store, desk->premises->blobs, desk->missing, error);
    if (!status)
        note_missing(&found, desk->missing);
    if (!status && verb->json)
        cf_verb_append_json(out, json_pack("{s:O}", "damages", found.list));
    else if (!status && found.count == 0)
        cf_buffer_append_text(out, "everything is whole\n");
    json_decref(found.list);
    if (!status && found.count)
        status = cf_fail(error, CF_BROKEN, "damage was found: %zu", found.count);
    return status;
}

static const struct {
    const char *name;
    cf_status (*run)(const cf_desk *desk, const cf_verb *verb, cf_buffer *out, cf_error *error);
} known[] = {
    {"address", address},     {"invite", invite}, {"status", status_of},
    {"users", cf_verb_users}, {"verify", verify},
};

static cf_status check_arguments(const cf_verb *verb, cf_error *error)
{
    if (strcmp(verb->verb, "users") == 0)
        return cf_verb_users_check(verb, error);
    if (verb->count)
        return cf_fail(error, CF_USAGE, "unknown argument %s", verb->arguments[0]);
    return CF_OK;
}

cf_status cf_verb_check(const cf_verb *verb, cf_error *error)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, verb->verb) == 0)
            return check_arguments(verb, error);
    }
    return cf_fail(error, CF_USAGE, "unknown verb %s", verb->verb);
}

cf_status cf_verb_run(const cf_desk *desk, const cf_verb *verb, cf_buffer *out, cf_error *error)
{
    cf_status status = cf_verb_check(verb, error);

    if (status)
        return status;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, verb->verb) == 0)
            return known[i].run(desk, verb, out, error);
    }
    return cf_fail(error, CF_USAGE, "unknown verb %s", verb->verb);
}
