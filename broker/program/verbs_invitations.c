/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/verbs_invitations.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "broker/platform/names.h"
#include "broker/program/verb_output.h"
#include "codec/limits.h"

#define INVITATION_MS (7 * CF_DAY_MS)
#define INVITATION_MS_MAX (366 * CF_DAY_MS)
static_assert(INVITATION_MS <= INVITATION_MS_MAX, "what isn't said may be said");

enum { KEY_DIGITS = 12, KEY_SIZE = 2 * CF_HASH_SIZE + 1 };

/* ---- invite ---- */

cf_status cf_verb_invite_check(const cf_operator_verb *verb, cf_error *error)
{
    cf_user_name name;

    if (verb->count)
        return cf_fail(error, CF_USAGE, "unknown argument %s", verb->arguments[0]);
    if (verb->for_ms > INVITATION_MS_MAX)
        return cf_fail(error, CF_USAGE, "an invitation lasts for 366d at most");
    return verb->name ? cf_user_name_read(verb->name, &name, error) : CF_OK;
}

static void print_invitation(const cf_invitation_terms *terms, cf_bytes line, bool json,
                             cf_buffer *out, cf_buffer *said)
{
    char ends[CF_VERB_TIME];

    cf_verb_write_time(terms->expires_ms, ends);
    if (json) {
        cf_verb_append_json(out, json_pack("{s:s%, s:o, s:s}", "invitation", line.data, line.size,
                                           "name", cf_verb_json_name(&terms->name), "ends", ends));
        return;
    }
    cf_buffer_append_text(out, "%.*s\n", (int)line.size, (const char *)line.data);
    if (said)
        cf_buffer_append_text(said, "This invites one user%s%s, until %s.\n",
                              terms->name.text[0] ? ", " : "", terms->name.text, ends);
}

cf_status cf_verb_invite(const cf_desk *desk, const cf_operator_verb *verb, cf_buffer *out,
                         cf_error *error)
{
    const cf_env *env = desk->broker_data->env;
    uint64_t now_ms = env->now_ms(env->context);
    cf_invitation_terms terms = {.address = desk->address,
                                 .expires_ms =
                                     now_ms + (verb->for_ms ? verb->for_ms : INVITATION_MS),
                                 .quota = verb->has_quota ? verb->quota : desk->broker_data->quota};
    cf_buffer line = {0};

    cf_status status = verb->name ? cf_user_name_read(verb->name, &terms.name, error) : CF_OK;
    if (!status)
        status = cf_management_invite(desk->broker_data->management, &terms, now_ms, &line, error);
    if (!status)
        print_invitation(&terms, cf_buffer_view(&line), verb->json, out, desk->said);
    if (!status)
        cf_verb_warn_of_address(desk);
    cf_buffer_wipe(&line);
    return status;
}

/* ---- invitations ---- */

cf_status cf_verb_invitations_check(const cf_operator_verb *verb, cf_error *error)
{
    if (!verb->count)
        return CF_OK;
    if (strcmp(verb->arguments[0], "revoke") != 0)
        return cf_fail(error, CF_USAGE, "unknown subverb %s: it is revoke", verb->arguments[0]);
    if (verb->count != 2)
        return cf_fail(error, CF_USAGE,
                       "invitations revoke takes a number, a name, or the beginning of a key");
    return CF_OK;
}

static void write_hash(const cf_hash *hash, char text[KEY_SIZE])
{
    cf_hex(cf_bytes_of(hash->bytes, CF_HASH_SIZE), text);
}

static json_t *json_time(uint64_t time_ms)
{
    char text[CF_VERB_TIME];

    cf_verb_write_time(time_ms, text);
    return time_ms ? json_string(text) : json_null();
}

static json_t *json_invitation(const cf_invitation_info *info)
{
    static const cf_hash nobody;
    char key[KEY_SIZE], user[KEY_SIZE];
    bool has_user = info->is_used && !cf_hash_equal(&info->user, &nobody);

    write_hash(&info->guest, key);
    write_hash(&info->user, user);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:b, s:o}", "number",
                     info->number ? json_integer((json_int_t)info->number) : json_null(), "name",
                     cf_verb_json_name(&info->name), "made", json_time(info->made_ms), "ends",
                     json_time(info->expires_ms), "quota",
                     info->quota ? json_integer((json_int_t)info->quota) : json_null(), "key", key,
                     "used", info->is_used, "user", has_user ? json_string(user) : json_null());
}

static void print_info(const cf_invitation_info *info, cf_buffer *out)
{
    static const cf_hash nobody;
    char key[KEY_SIZE], user[KEY_SIZE], made[CF_VERB_TIME], ends[CF_VERB_TIME];
    char name[CF_NAME_SHOWN], quota[CF_SIZE_TEXT] = "none", number[24] = "-";

    write_hash(&info->guest, key);
    write_hash(&info->user, user);
    cf_verb_write_time(info->made_ms, made);
    cf_verb_write_time(info->expires_ms, ends);
    cf_verb_show_name(&info->name, name);
    if (info->quota)
        cf_size_write(info->quota, quota);
    if (info->number)
        snprintf(number, sizeof number, "%" PRIu64, info->number);
    cf_buffer_append_text(out, "%s  name %s  made %s  ends %s  quota %s  key %.*s", number, name,
                          info->made_ms ? made : "-", ends, quota, KEY_DIGITS, key);
    if (info->is_used)
        cf_buffer_append_text(out, "  used by %s",
                              cf_hash_equal(&info->user, &nobody) ? "somebody" : user);
    cf_buffer_append_text(out, "\n");
}

static cf_status list(const cf_desk *desk, const cf_operator_verb *verb, cf_buffer *out,
                      cf_error *error)
{
    json_t *all = verb->json ? json_array() : NULL;
    cf_invitation_info *kept = NULL;
    size_t count = 0;

    cf_status status =
        cf_management_invitations(desk->broker_data->management, &kept, &count, error);
    for (size_t i = 0; !status && i < count; i++) {
        if (all)
            json_array_append_new(all, json_invitation(&kept[i]));
        else
            print_info(&kept[i], out);
    }
    free(kept);
    if (!status && all)
        cf_verb_append_json(out, all);
    else
        json_decref(all);
    return status;
}

static cf_status revoke(const cf_desk *desk, const cf_operator_verb *verb, cf_buffer *out,
                        cf_error *error)
{
    const cf_env *env = desk->broker_data->env;
    cf_invitation_info revoked;

    cf_status status = cf_management_revoke(desk->broker_data->management, verb->arguments[1],
                                            env->now_ms(env->context), &revoked, error);
    if (status)
        return status;
    if (verb->json) {
        cf_verb_append_json(out, json_pack("{s:o}", "revoked", json_invitation(&revoked)));
        return CF_OK;
    }
    cf_buffer_append_text(out, "revoked  ");
    print_info(&revoked, out);
    return CF_OK;
}

cf_status cf_verb_invitations(const cf_desk *desk, const cf_operator_verb *verb, cf_buffer *out,
                              cf_error *error)
{
    return verb->count ? revoke(desk, verb, out, error) : list(desk, verb, out, error);
}
