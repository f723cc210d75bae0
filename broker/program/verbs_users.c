/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/verbs_users.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "broker/management/told_address.h"
#include "broker/program/options.h"
#include "broker/program/removal.h"
#include "broker/program/verb_output.h"
#include "codec/keys.h"

enum { NAME_SIZE = 2 * CF_HASH_SIZE + 1 };

static void name_of(const cf_hash *user, char name[NAME_SIZE])
{
    cf_hex(cf_bytes_of(user->bytes, CF_HASH_SIZE), name);
}

bool cf_verb_is_removal(const cf_operator_verb *verb)
{
    return strcmp(verb->verb, "users") == 0 && verb->count &&
           strcmp(verb->arguments[0], "remove") == 0;
}

cf_status cf_verb_users_check(const cf_operator_verb *verb, cf_error *error)
{
    const char *subverb = verb->count ? verb->arguments[0] : NULL;
    cf_user_name name;
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
    if (strcmp(subverb, "show") == 0)
        return verb->count == 2 ? CF_OK : cf_fail(error, CF_USAGE, "users show takes one USER");
    if (strcmp(subverb, "name") == 0)
        return verb->count == 3 ? cf_user_name_read(verb->arguments[2], &name, error)
                                : cf_fail(error, CF_USAGE, "users name takes USER and NAME");
    if (strcmp(subverb, "quota") != 0)
        return cf_fail(error, CF_USAGE, "unknown subverb %s: it is show, name, quota or remove",
                       subverb);
    if (verb->count != 3)
        return cf_fail(error, CF_USAGE, "users quota takes USER and SIZE");
    return cf_size_read(verb->arguments[2], &size, error);
}

/* A user, for people and for programs. */
typedef struct {
    const cf_desk *desk;
    const cf_user_figures *figures;
    const cf_registry *registry; /* its devices */
    char id[NAME_SIZE], name[CF_NAME_SHOWN], seen[CF_VERB_TIME];
    char used[CF_SIZE_TEXT], quota[CF_SIZE_TEXT];
    char moved[CF_ADDRESS_TEXT]; /* to where; "": it is here */
    uint64_t connected;          /* devices */
} portrait;

/* The account connects with keys of its own, and is no device. */
static bool is_device(const portrait *of, const cf_device *device)
{
    return device->is_valid && !cf_hash_equal(&device->id, &of->figures->user);
}

static bool is_connected(const portrait *of, const cf_device *device)
{
    return of->desk->gateway &&
           cf_gateway_has_session(of->desk->gateway, &of->figures->user, &device->id);
}

static void find_move(portrait *of)
{
    const cf_keys *keys = cf_datadir_keys(of->desk->broker_data->datadir);
    cf_home_broker home;
    cf_address address;

    if (cf_registry_has_moved(of->registry, cf_keys_public(keys)->curve, &home, &address))
        cf_address_endpoint(&address, of->moved);
}

static void paint(const cf_desk *desk, const cf_user_figures *figures, portrait *out)
{
    const cf_quota_figures *bytes = &figures->bytes;
    const cf_log *log = cf_users_find(desk->broker_data->users, &figures->user);

    *out = (portrait){.desk = desk, .figures = figures, .registry = cf_log_registry(log)};
    name_of(&figures->user, out->id);
    cf_verb_show_name(&figures->name, out->name);
    cf_size_write(bytes->entry_bytes + bytes->blob_bytes, out->used);
    if (bytes->quota)
        cf_size_write(bytes->quota, out->quota);
    else
        memcpy(out->quota, "none", sizeof "none");
    cf_verb_write_time(bytes->seen_ms, out->seen);
    for (size_t i = 0; i < cf_registry_device_count(out->registry); i++) {
        const cf_device *device = cf_registry_device_at(out->registry, i);

        out->connected += is_device(out, device) && is_connected(out, device);
    }
    find_move(out);
}

static json_t *json_of(const portrait *user)
{
    const cf_user_figures *figures = user->figures;
    const cf_quota_figures *bytes = &figures->bytes;

    return json_pack("{s:s, s:o, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "user",
                     user->id, "name", cf_verb_json_name(&figures->name), "damaged", false,
                     "devices", (json_int_t)figures->devices, "connected",
                     (json_int_t)user->connected, "entries", (json_int_t)figures->entries,
                     "entry_bytes", (json_int_t)bytes->entry_bytes, "blobs",
                     (json_int_t)figures->blobs, "blob_bytes", (json_int_t)bytes->blob_bytes,
                     "bytes", (json_int_t)(bytes->entry_bytes + bytes->blob_bytes), "quota",
                     bytes->quota ? json_integer((json_int_t)bytes->quota) : json_null(),
                     "last_seen", bytes->seen_ms ? json_string(user->seen) : json_null(),
                     "moved_to", user->moved[0] ? json_string(user->moved) : json_null());
}

static void print_line(const portrait *user, cf_buffer *out)
{
    cf_buffer_append_text(out,
                          "%s  name %s  devices %" PRIu64 "  connected %" PRIu64
                          "  entries %" PRIu64 "  bytes %s  quota %s  last seen %s%s%s\n",
                          user->id, user->name, user->figures->devices, user->connected,
                          user->figures->entries, user->used, user->quota, user->seen,
                          user->moved[0] ? "  moved to " : "", user->moved);
}

typedef struct {
    const cf_desk *desk;
    json_t *list; /* NULL: text */
    cf_buffer *out;
} listing;

/* Its log can't be read, and what it has in it is not known. */
static void list_damaged(const listing *users, const cf_user_figures *figures)
{
    char id[NAME_SIZE], name[CF_NAME_SHOWN];

    name_of(&figures->user, id);
    cf_verb_show_name(&figures->name, name);
    if (users->list)
        json_array_append_new(users->list,
                              json_pack("{s:s, s:o, s:b}", "user", id, "name",
                                        cf_verb_json_name(&figures->name), "damaged", true));
    else
        cf_buffer_append_text(users->out,
                              "%s  name %s  can't be served, its log is damaged: `counterfoild "
                              "verify --repair` mends it\n",
                              id, name);
}

static void list_user(void *context, const cf_user_figures *figures)
{
    const listing *users = context;
    portrait user;

    if (figures->is_damaged) {
        list_damaged(users, figures);
        return;
    }
    paint(users->desk, figures, &user);
    if (users->list)
        json_array_append_new(users->list, json_of(&user));
    else
        print_line(&user, users->out);
}

static cf_status list(const cf_desk *desk, const cf_operator_verb *verb, cf_buffer *out,
                      cf_error *error)
{
    listing all = {desk, verb->json ? json_array() : NULL, out};

    cf_status status = cf_management_users(desk->broker_data->management, list_user, &all, error);
    if (!status && all.list)
        cf_verb_append_json(out, all.list);
    else
        json_decref(all.list);
    return status;
}

/* ---- users show ---- */

/* Since when the device knows by which address this broker is reached; "never": it doesn't. */
static void find_told(const portrait *user, const cf_device *device, char text[CF_VERB_TIME])
{
    uint64_t since_ms = 0;
    cf_error ignored;

    if (cf_told_address_since(user->desk->broker_data->store, &user->figures->user, &device->id,
                              user->desk->address, &since_ms, &ignored))
        since_ms = 0;
    cf_verb_write_time(since_ms, text);
}

static void show_devices(const portrait *user, json_t *list, cf_buffer *out)
{
    const bool is_kept = cf_told_address_is_kept(user->desk->address);
    char fingerprint[CF_FINGERPRINT_TEXT], told[CF_VERB_TIME];

    for (size_t i = 0; i < cf_registry_device_count(user->registry); i++) {
        const cf_device *device = cf_registry_device_at(user->registry, i);
        bool connected = is_connected(user, device);

        if (!is_device(user, device))
            continue;
        cf_fingerprint(&device->id, fingerprint);
        find_told(user, device, told);
        const bool is_told = strcmp(told, "never") != 0;
        if (list)
            json_array_append_new(list,
                                  json_pack("{s:s, s:s, s:b, s:o}", "device", fingerprint, "role",
                                            cf_role_name(device->role), "connected", connected,
                                            "told", is_told ? json_string(told) : json_null()));
        else
            cf_buffer_append_text(out, "device     %s  %s%s%s%s\n", fingerprint,
                                  cf_role_name(device->role), connected ? "  connected" : "",
                                  !is_kept  ? ""
                                  : is_told ? "  told the address "
                                            : "  not told the address yet",
                                  is_kept && is_told ? told : "");
    }
}

/* The invitation by which the user came, as long as it is kept. */
static cf_status find_invitation(const cf_desk *desk, const cf_hash *user, cf_invitation_info *out,
                                 cf_error *error)
{
    cf_invitation_info *kept = NULL;
    size_t count = 0;

    *out = (cf_invitation_info){0};
    cf_status status =
        cf_management_invitations(desk->broker_data->management, &kept, &count, error);
    for (size_t i = 0; !status && i < count; i++)
        if (kept[i].is_used && cf_hash_equal(&kept[i].user, user))
            *out = kept[i];
    free(kept);
    return status;
}

static void describe(const portrait *user, const cf_invitation_info *invitation, cf_buffer *out)
{
    const cf_user_figures *figures = user->figures;
    char entries[CF_SIZE_TEXT], blobs[CF_SIZE_TEXT], made[CF_VERB_TIME], key[NAME_SIZE];

    cf_size_write(figures->bytes.entry_bytes, entries);
    cf_size_write(figures->bytes.blob_bytes, blobs);
    cf_buffer_append_text(out, "user       %s\nname       %s\n", user->id, user->name);
    if (invitation->is_used) {
        name_of(&invitation->guest, key);
        cf_verb_write_time(invitation->made_ms, made);
        cf_buffer_append_text(out, "invited    %s, key %.12s\n", invitation->made_ms ? made : "-",
                              key);
    }
    cf_buffer_append_text(out,
                          "devices    %" PRIu64 ", connected %" PRIu64 "\nentries    %" PRIu64
                          ", %s\nblobs      %" PRIu64 ", %s\n",
                          figures->devices, user->connected, figures->entries, entries,
                          figures->blobs, blobs);
    cf_buffer_append_text(out, "quota      %s, %s are taken\nlast seen  %s\n", user->quota,
                          user->used, user->seen);
    if (user->moved[0])
        cf_buffer_append_text(out, "moved to   %s\n", user->moved);
    show_devices(user, NULL, out);
}

static json_t *describe_json(const portrait *user, const cf_invitation_info *invitation)
{
    json_t *made = json_of(user), *devices = json_array();
    char key[NAME_SIZE], invited[CF_VERB_TIME];

    show_devices(user, devices, NULL);
    json_object_set_new(made, "members", devices);
    name_of(&invitation->guest, key);
    cf_verb_write_time(invitation->made_ms, invited);
    json_object_set_new(made, "invitation", invitation->is_used ? json_string(key) : json_null());
    json_object_set_new(made, "invited", invitation->made_ms ? json_string(invited) : json_null());
    return made;
}

static cf_status show(const cf_desk *desk, const cf_operator_verb *verb, cf_buffer *out,
                      cf_error *error)
{
    cf_management *management = desk->broker_data->management;
    cf_invitation_info invitation;
    cf_user_figures figures;
    portrait user;
    cf_hash id;

    cf_status status = cf_management_find(management, verb->arguments[1], &id, error);
    if (!status)
        status = cf_management_figures(management, &id, &figures, error);
    if (!status)
        status = find_invitation(desk, &id, &invitation, error);
    if (status)
        return status;
    paint(desk, &figures, &user);
    if (verb->json)
        cf_verb_append_json(out, describe_json(&user, &invitation));
    else
        describe(&user, &invitation, out);
    return CF_OK;
}

/* ---- users name, users quota, users remove ---- */

static cf_status name_user(const cf_desk *desk, const cf_operator_verb *verb, cf_buffer *out,
                           cf_error *error)
{
    cf_management *management = desk->broker_data->management;
    const cf_env *env = desk->broker_data->env;
    char id[NAME_SIZE];
    cf_user_name name;
    cf_hash user;

    cf_status status = cf_management_find(management, verb->arguments[1], &user, error);
    if (!status)
        status = cf_user_name_read(verb->arguments[2], &name, error);
    if (!status)
        status = cf_management_name(management, &user, &name, env->now_ms(env->context), error);
    if (status)
        return status;
    name_of(&user, id);
    if (verb->json)
        cf_verb_append_json(out, json_pack("{s:s, s:s}", "user", id, "name", name.text));
    else
        cf_buffer_append_text(out, "%s  name %s\n", id, name.text);
    return CF_OK;
}

static cf_status set_quota(const cf_desk *desk, const cf_operator_verb *verb, cf_buffer *out,
                           cf_error *error)
{
    cf_management *management = desk->broker_data->management;
    const cf_env *env = desk->broker_data->env;
    char name[NAME_SIZE], size[CF_SIZE_TEXT], used[CF_SIZE_TEXT];
    cf_quota_figures figures = {0};
    uint64_t bytes = 0;
    cf_user_name called;
    cf_hash user;

    cf_status status = cf_management_find(management, verb->arguments[1], &user, error);
    if (!status)
        status = cf_size_read(verb->arguments[2], &bytes, error);
    if (!status)
        status = cf_management_quota(management, &user, bytes, env->now_ms(env->context), error);
    if (!status)
        status = cf_quotas_figures(desk->broker_data->quotas, &user, &figures, error);
    if (!status)
        status = cf_user_name_get(desk->broker_data->store, &user, &called, error);
    if (status)
        return status;
    name_of(&user, name);
    const char *who = *called.text ? called.text : name;
    cf_size_write(bytes, size);
    uint64_t held = figures.entry_bytes + figures.blob_bytes;
    cf_size_write(held, used);
    if (verb->json)
        cf_verb_append_json(out, json_pack("{s:s, s:o, s:I}", "user", name, "quota",
                                           bytes ? json_integer((json_int_t)bytes) : json_null(),
                                           "bytes", (json_int_t)held));
    else if (bytes && held > bytes)
        cf_buffer_append_text(out,
                              "%s  quota %s, %s are here already, of which a deletion frees "
                              "nothing: until the quota is more its devices can delete, and make "
                              "small edits\n",
                              who, size, used);
    else
        cf_buffer_append_text(out, "%s  quota %s\n", who, bytes ? size : "none");
    return CF_OK;
}

void cf_verb_removed(const cf_hash *user, const cf_user_name *name, bool json, cf_buffer *out)
{
    char id[NAME_SIZE], shown[CF_NAME_SHOWN];

    name_of(user, id);
    cf_verb_show_name(name, shown);
    if (json)
        cf_verb_append_json(
            out, json_pack("{s:s, s:o}", "removed", id, "name", cf_verb_json_name(name)));
    else
        cf_buffer_append_text(out, "%s  name %s  removed\n", id, shown);
}

static cf_status remove_user(const cf_desk *desk, const cf_operator_verb *verb, cf_buffer *out,
                             cf_error *error)
{
    cf_broker_data *broker_data = desk->broker_data;
    cf_user_name name;
    cf_hash user;
    bool begun = false, finished = false;

    cf_status status = cf_removal_find(broker_data, verb->arguments[1], &user, &name, error);
    if (status)
        return status;
    status = cf_removal_begin(broker_data, desk->gateway, &user, &begun, error);
    if (!status)
        status = cf_removal_work(broker_data, &user, &finished, error);
    if (begun)
        cf_removal_end(broker_data, &user, finished, status ? error : NULL);
    if (finished)
        cf_verb_removed(&user, &name, verb->json, out);
    return status;
}

cf_status cf_verb_users(const cf_desk *desk, const cf_operator_verb *verb, cf_buffer *out,
                        cf_error *error)
{
    if (verb->count == 0)
        return list(desk, verb, out, error);
    if (cf_verb_is_removal(verb))
        return remove_user(desk, verb, out, error);
    if (strcmp(verb->arguments[0], "show") == 0)
        return show(desk, verb, out, error);
    if (strcmp(verb->arguments[0], "name") == 0)
        return name_user(desk, verb, out, error);
    return set_quota(desk, verb, out, error);
}
