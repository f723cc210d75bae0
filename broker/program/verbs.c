/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/verb_output.h"
#include "broker/program/verbs_invitations.h"
#include "broker/program/verbs_status.h"
#include "broker/program/verbs_users.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "codec/limits.h"

static cf_status address(const cf_desk *desk, const cf_operator_verb *verb, cf_buffer *out,
                         cf_error *error)
{
    (void)error;
    cf_verb_warn_of_address(desk);
    if (verb->json)
        cf_verb_append_json(out, json_pack("{s:s}", "address", desk->address));
    else
        cf_buffer_append_text(out, "%s\n", desk->address);
    return CF_OK;
}

typedef struct {
    json_t *list; /* NULL: text */
    cf_buffer *out;
    size_t count;
    size_t of_store; /* of these: what only a repair mends, */
    size_t mended;   /* and what was, as it was found */
    cf_blobs *blobs;
    cf_lost_blobs aside; /* blobs whose bytes are damaged */
    cf_error lacked;     /* what the process did, so that not all was read */
} damages;

static void note(damages *found, const cf_hash *user, const char *what)
{
    char name[2 * CF_HASH_SIZE + 1] = "";
    cf_buffer text = {0};

    if (user)
        cf_hex(cf_bytes_of(user->bytes, CF_HASH_SIZE), name);
    cf_buffer_append_text(&text, "%s%s%s%s", user ? "user " : "", name, user ? ": " : "", what);
    found->count++;
    if (found->list)
        json_array_append_new(found->list, json_stringn((const char *)text.data, text.size));
    else
        cf_buffer_append_text(found->out, "%.*s\n", (int)text.size, (const char *)text.data);
    cf_buffer_release(&text);
}

static void note_record(void *context, const cf_hash *user, const cf_error *what)
{
    damages *found = context;

    if (cf_error_is_lack(what)) {
        found->lacked = *what;
        return;
    }
    *(what->status == CF_CHANGED ? &found->mended : &found->of_store) += 1;
    note(found, user, what->text);
}

static void note_about_blob(damages *found, const cf_lost_blob *blob, const char *what)
{
    char name[2 * CF_HASH_SIZE + 1];
    cf_buffer text = {0};

    cf_hex(cf_bytes_of(blob->blob.bytes, CF_HASH_SIZE), name);
    cf_buffer_append_text(&text, "blob %s: %s", name, what);
    cf_buffer_append(&text, "", 1);
    note(found, &blob->user, (const char *)text.data);
    cf_buffer_release(&text);
}

/* What can't be read may be whole. */
static void note_blob(void *context, const cf_hash *user, const cf_hash *id, const cf_error *error)
{
    damages *found = context;
    cf_lost_blobs *aside = &found->aside;
    const cf_lost_blob blob = {*user, *id};
    cf_error failed;

    if (cf_error_is_lack(error)) {
        found->lacked = *error;
        return;
    }
    if (!cf_blob_is_damaged(error->status)) {
        note_about_blob(found, &blob, error->text);
        return;
    }
    cf_status status = found->blobs->set_aside(found->blobs, user, id, &failed);
    if (status && status != CF_CHANGED) {
        note_about_blob(found, &blob, failed.text);
    } else if (!status) {
        *cf_one_more(aside->list, aside->count, aside->capacity) = blob;
    }
}

static void note_damaged(damages *found, const cf_lost_blobs *missing)
{
    for (size_t i = 0; i < found->aside.count; i++) {
        const cf_lost_blob *it = &found->aside.list[i];
        const bool is_named = cf_lost_blobs_contains(missing, &it->user, &it->blob);

        note_about_blob(found, it,
                        is_named ? "it is damaged: it was set aside, and the devices are asked for "
                                   "it"
                                 : "it is damaged: it was set aside; no change needs it");
    }
}

static void note_missing(damages *found, const cf_lost_blobs *missing)
{
    for (size_t i = 0; i < missing->count; i++) {
        const cf_lost_blob *it = &missing->list[i];

        if (!cf_lost_blobs_contains(&found->aside, &it->user, &it->blob))
            note_about_blob(found, it, "it is gone; the devices are asked for it");
    }
}

/* Those are no damage that was found: entries may name what their author could not make any more,
 * and what is lost with every device stays so. */
static void tell_owed(const cf_lost_blobs *missing, json_t *list, cf_buffer *out)
{
    char user[2 * CF_HASH_SIZE + 1];

    for (size_t i = 0; i < missing->owed_count; i++) {
        const cf_lost_blobs_owed *it = &missing->owed[i];

        cf_hex(cf_bytes_of(it->user.bytes, CF_HASH_SIZE), user);
        if (list)
            json_array_append_new(
                list, json_pack("{s:s, s:I}", "user", user, "blobs", (json_int_t)it->count));
        else
            cf_buffer_append_text(out,
                                  "user %s: %" PRIu64 " blob%s that changes name %s missing, and "
                                  "no device has brought %s yet\n",
                                  user, it->count, it->count == 1 ? "" : "s",
                                  it->count == 1 ? "is" : "are", it->count == 1 ? "it" : "them");
    }
}

/* Who asks later how it stands is told. On a disk that is mounted read-only nothing is kept. */
static cf_status keep_check(const cf_desk *desk, const cf_operator_verb *verb,
                            uint64_t damage_count, cf_error *error)
{
    if (cf_datadir_is_read_only(desk->broker_data->datadir))
        return CF_OK;
    const cf_env *env = desk->broker_data->env;
    cf_datadir_check check = {env->now_ms(env->context), damage_count, 0, 0, 0}, last = {0};
    cf_error ignored;

    for (size_t i = 0; i < desk->missing->owed_count; i++)
        check.missing += desk->missing->owed[i].count;
    if (cf_datadir_checked(desk->broker_data->datadir, &last, &ignored))
        last = (cf_datadir_check){0};
    check.mended_ms = verb->repaired ? last.mended_ms : 0;
    check.known = verb->known || last.known > check.missing ? check.missing : last.known;
    cf_status status = cf_datadir_keep_check(desk->broker_data->datadir, &check, error);
    if (status)
        cf_error_while(error, "all was checked, and `status` can't know of it");
    return status;
}

/* The one that is used. */
static void keep_key(const cf_datadir *datadir, damages *found)
{
    const cf_broker_key_place place = cf_datadir_look_for_key(datadir);
    cf_error said;

    const cf_status status = cf_datadir_keep_key(datadir, &said);
    if (!status)
        return;
    found->mended += status == CF_CHANGED && place == CF_BROKER_KEY_IS_LOST;
    note(found, NULL, said.text);
}

/* Of all that was found what is still to be done. */
static const char *remedy(const damages *found)
{
    if (found->of_store)
        return "; " CF_BROKER_REMEDY;
    return found->mended == found->count ? ", and mended" : "";
}

static cf_status verify(const cf_desk *desk, const cf_operator_verb *verb, cf_buffer *out,
                        cf_error *error)
{
    cf_store *store = desk->broker_data->store;
    damages found = {
        .list = verb->json ? json_array() : NULL, .out = out, .blobs = desk->broker_data->blobs};
    cf_status kept = CF_OK;
    cf_error unkept;

    keep_key(desk->broker_data->datadir, &found);
    cf_status status = store->verify(store, note_record, &found, error);
    if (!status)
        status = cf_blobs_verify(desk->broker_data->blobs, note_blob, &found, error);
    if (!status)
        status = cf_lost_blobs_find(store, desk->broker_data->blobs, desk->missing, error);
    if (!status && found.lacked.status && !found.count) {
        *error = found.lacked;
        cf_error_while(error, "not all could be read");
        status = error->status;
    }
    cf_lost_blobs_sort(desk->missing);
    cf_lost_blobs_sort(&found.aside);
    note_damaged(&found, desk->missing);
    if (!status)
        note_missing(&found, desk->missing);
    cf_lost_blobs_release(&found.aside);
    json_t *owed = verb->json ? json_array() : NULL;
    tell_owed(desk->missing, owed, out);
    if (!status && verb->json)
        cf_verb_append_json(out, json_pack("{s:O, s:O}", "damages", found.list, "missing", owed));
    else if (!status && found.count == 0)
        cf_buffer_append_text(out, "everything %sis whole\n",
                              desk->missing->owed_count ? "that is here " : "");
    json_decref(owed);
    json_decref(found.list);
    if (!status || status == CF_BROKEN)
        kept = keep_check(desk, verb, found.count - found.mended + !!status, &unkept);
    if (!status && !found.count && kept) {
        *error = unkept;
        return kept;
    }
    if (kept)
        cf_report(desk->broker_data->env, CF_REPORT_WARNING, "%s", unkept.text);
    if (!status && found.count)
        status =
            cf_fail(error, CF_BROKEN, "damage was found: %zu%s%s%s", found.count, remedy(&found),
                    found.lacked.status ? "; not all could be read: " : "", found.lacked.text);
    return status;
}

static const struct {
    const char *name;
    cf_status (*run)(const cf_desk *desk, const cf_operator_verb *verb, cf_buffer *out,
                     cf_error *error);
} known[] = {
    {"address", address},       {"init", address},
    {"invite", cf_verb_invite}, {"invitations", cf_verb_invitations},
    {"status", cf_verb_status}, {"users", cf_verb_users},
    {"verify", verify},
};

static cf_status check_arguments(const cf_operator_verb *verb, cf_error *error)
{
    if (verb->check && strcmp(verb->verb, "status") != 0)
        return cf_fail(error, CF_USAGE, "--check is for status");
    if (verb->known && strcmp(verb->verb, "verify") != 0)
        return cf_fail(error, CF_USAGE, "--known is for verify");
    if (strcmp(verb->verb, "users") == 0)
        return cf_verb_users_check(verb, error);
    if (strcmp(verb->verb, "invitations") == 0)
        return cf_verb_invitations_check(verb, error);
    if (strcmp(verb->verb, "invite") == 0)
        return cf_verb_invite_check(verb, error);
    if (verb->count)
        return cf_fail(error, CF_USAGE, "unknown argument %s", verb->arguments[0]);
    return CF_OK;
}

cf_status cf_verb_check(const cf_operator_verb *verb, cf_error *error)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, verb->verb) == 0)
            return check_arguments(verb, error);
    }
    return cf_fail(error, CF_USAGE, "unknown verb %s", verb->verb);
}

cf_status cf_verb_run(const cf_desk *desk, const cf_operator_verb *verb, cf_buffer *out,
                      cf_error *error)
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
