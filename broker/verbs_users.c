/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/verbs_users.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "broker/options.h"
#include "broker/removal.h"

enum { NAME_SIZE = 2 * CF_HASH_SIZE + 1 };

static void name_of(const cf_hash *user, char name[NAME_SIZE])
{
    cf_hex(cf_bytes_of(user->bytes, CF_HASH_SIZE), name);
}

bool cf_verb_is_removal(const cf_verb *verb)
{
    return strcmp(verb->verb, "users") == 0 && verb->count &&
           strcmp(verb->arguments[0], "remove") == 0;
}

cf_status cf_verb_users_check(const cf_verb *verb, cf_error *error)
{
    const char *subverb = verb->count ? verb->arguments[0] : NULL;
    uint64_t size;

    if (!subverb)
        return CF_OK;
    if (strcmp(subverb, "remove") == 0) {
        if (verb->count != 2)
            return cf_fail(error, CF_USAGE, "users remove takes one USER");
        if (!verb->yes)
            return cf_fail(error, CF_USAGE,
                           "removing a user can't be undone: say --yes if you mean it");
        return CF_OK;
    }
    if (strcmp(subverb, "quota") != 0)
        return cf_fail(error, CF_USAGE, "unknown subverb %s", subverb);
    if (verb->count != 3)
        return cf_fail(error, CF_USAGE, "users quota takes USER and SIZE");
    return cf_size_read(verb->arguments[2], &size, error);
}

typedef struct {
    json_t *list; /* NULL: text */
    cf_buffer *out;
} listing;

/* "2026-11-20T14:05:00Z", or "never" */
static void write_time(uint64_t time_ms, char text[32])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;

    if (time_ms == 0 || !gmtime_r(&seconds, &parts) ||
        strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        memcpy(text, "never", sizeof "never");
}

static json_t *json_of(const cf_user_figures *figures, const char *user, const char *seen)
{
    const cf_quota_figures *bytes = &figures->bytes;

    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "user", user, "devices",
                     (json_int_t)figures->devices, "entries", (json_int_t)figures->entries,
                     "entry_bytes", (json_int_t)bytes->entry_bytes, "blobs",
                     (json_int_t)figures->blobs, "blob_bytes", (json_int_t)bytes->blob_bytes,
                     "bytes", (json_int_t)(bytes->entry_bytes + bytes->blob_bytes), "quota",
                     bytes->quota ? json_integer((json_int_t)bytes->quota) : json_null(),
                     "last_seen", bytes->seen_ms ? json_string(seen) : json_null());
}

static void list_user(void *context, const cf_user_figures *figures)
{
    const listing *users = context;
    const cf_quota_figures *bytes = &figures->bytes;
    char user[NAME_SIZE], used[CF_SIZE_TEXT], quota[CF_SIZE_TEXT] = "none", seen[32];

    name_of(&figures->user, user);
    cf_size_write(bytes->entry_bytes + bytes->blob_bytes, used);
    if (bytes->quota)
        cf_size_write(bytes->quota, quota);
    write_time(bytes->seen_ms, seen);
    if (users->list)
        json_array_append_new(users->list, json_of(figures, user, seen));
    else
        cf_buffer_append_text(users->out,
                              "%s  devices %" PRIu64 "  entries %" PRIu64
                              "  bytes %s  quota %s  last seen %s\n",
                              user, figures->devices, figures->entries, used, quota, seen);
}

static cf_status list(const cf_desk *desk, const cf_verb *verb, cf_buffer *out, cf_error *error)
{
    listing all = {verb->json ? json_array() : NULL, out};

    cf_status status = cf_management_users(desk->premises->management, list_user, &all, error);
    if (!status && all.list)
        cf_verb_append_json(out, all.list);
    else
        json_decref(all.list);
    return status;
}

static cf_status set_quota(const cf_desk *desk, const cf_verb *verb, cf_buffer *out,
                           cf_error *error)
{
    cf_management *management = desk->premises->management;
    const cf_env *env = desk->premises->env;
    char name[NAME_SIZE], size[CF_SIZE_TEXT];
    uint64_t bytes = 0;
    cf_hash user;

    cf_status status = cf_management_find(management, verb->arguments[1], &user, error);
    if (!status)
        status = cf_size_read(verb->arguments[2], &bytes, error);
    if (!status)
        status = cf_management_quota(management, &user, bytes, env->now_ms(env->context), error);
    if (status)
        return status;
    name_of(&user, name);
    cf_size_write(bytes, size);
    if (verb->json)
        cf_verb_append_json(out, json_pack("{s:s, s:o}", "user", name, "quota",
                                           bytes ? json_integer((json_int_t)bytes) : json_null()));
    else
        cf_buffer_append_text(out, "%s  quota %s\n", name, bytes ? size : "none");
    return CF_OK;
}

void cf_verb_removed(const cf_hash *user, bool json, cf_buffer *out)
{
    char name[NAME_SIZE];

    name_of(user, name);
    if (json)
        cf_verb_append_json(out, json_pack("{s:s}", "removed", name));
    else
        cf_buffer_append_text(out, "%s  removed\n", name);
}

static cf_status remove_user(const cf_desk *desk, const cf_verb *verb, cf_buffer *out,
                             cf_error *error)
{
    cf_premises *premises = desk->premises;
    cf_hash user;

    cf_status status = cf_management_find(premises->management, verb->arguments[1], &user, error);
    if (status)
        return status;
    status = cf_removal_begin(premises, desk->gateway, &user, error);
    if (!status)
        status = cf_removal_work(premises, &user, error);
    cf_removal_end(premises, &user, status ? error : NULL);
    if (!status)
        cf_verb_removed(&user, verb->json, out);
    return status;
}

cf_status cf_verb_users(const cf_desk *desk, const cf_verb *verb, cf_buffer *out, cf_error *error)
{
    if (verb->count == 0)
        return list(desk, verb, out, error);
    if (cf_verb_is_removal(verb))
        return remove_user(desk, verb, out, error);
    return set_quota(desk, verb, out, error);
}
