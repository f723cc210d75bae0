/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/verbs_status.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include <jansson.h>

#include "broker/management/reports.h"
#include "broker/management/told_address.h"
#include "broker/program/kept_stores.h"
#include "broker/program/removal.h"
#include "broker/program/repair.h"
#include "broker/program/verb_output.h"

enum {
    SCARCE = 10, /* of a hundred: the room left of a user's quota */
    TOLD_MAX = 16,
    TOLD_FULL_MS = 3600000,
    LINE_SIZE = 640, /* with a whole error */
    WHO_SIZE = CF_USER_NAME_MAX + 16,
};

/* What needs it. */
typedef struct {
    char lines[TOLD_MAX][LINE_SIZE];
    size_t count; /* of all, also beyond */
} attention;

typedef struct {
    uint64_t users, devices, entries, blobs, blob_bytes;
    uint64_t connected;
    cf_reserve reserve;
    cf_datadir_check check; /* time 0: never */
    uint64_t set_back; /* users whose devices said since the last check that entries are gone, */
    uint64_t lacking;  /* at most so many of one */
    uint64_t told;     /* devices that know this address */
    uint64_t wanted;   /* blobs that changes name, and that are not here, as far as it is known */
    const char *address;
    cf_users *known;
    cf_store *store;
    json_t *removals; /* that are not finished: ids */
    bool runs;
    const char *data;
    cf_buffer kept;      /* stores: lines, */
    json_t *kept_stores; /* and for programs */
    attention attention;
} standing;

__attribute__((format(printf, 2, 3))) static void attend(attention *self, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    if (self->count < TOLD_MAX)
        vsnprintf(self->lines[self->count], LINE_SIZE, format, arguments);
    va_end(arguments);
    self->count++;
}

/* ---- What needs attention ---- */

/* "bob (6f1c20a9be47)", or the digits of who has no name. */
static void write_who(const cf_hash *user, const cf_user_name *name, char text[WHO_SIZE])
{
    const cf_short_user digits = cf_user_shorten(user);

    if (*name->text)
        snprintf(text, WHO_SIZE, "%s (%s)", name->text, digits.text);
    else
        snprintf(text, WHO_SIZE, "%s", digits.text);
}

/* Until a check of all has come after it. */
static void add_lacking(standing *sum, const cf_hash *user)
{
    cf_reported_lacking lacking;
    cf_error ignored;

    if (cf_reports_last_lacking(sum->store, user, &lacking, &ignored) ||
        lacking.time_ms <= sum->check.time_ms)
        return;
    sum->set_back++;
    if (lacking.count > sum->lacking)
        sum->lacking = lacking.count;
}

static bool count_wanted(void *context, const cf_hash *blob)
{
    standing *sum = context;

    (void)blob;
    sum->wanted++;
    return true;
}

/* Of a log that can't be read as many as there were. */
static void add_wanted(standing *sum, const cf_hash *user)
{
    cf_log *log = cf_users_find(sum->known, user);
    cf_error unread;

    if (!log || cf_log_wanted(log, count_wanted, sum, &unread))
        sum->wanted = UINT64_MAX / 2;
}

static void add_told(standing *sum, const cf_hash *user)
{
    cf_log *log = cf_users_find(sum->known, user);
    const cf_registry *registry = log ? cf_log_registry(log) : NULL;
    uint64_t since_ms;
    cf_error ignored;

    for (size_t i = 0; registry && i < cf_registry_device_count(registry); i++) {
        const cf_device *device = cf_registry_device_at(registry, i);

        sum->told += device->is_valid && !cf_hash_equal(&device->id, user) &&
                     !cf_told_address_since(sum->store, user, &device->id, sum->address, &since_ms,
                                            &ignored);
    }
}

static void add_user(void *context, const cf_user_figures *figures)
{
    standing *sum = context;
    const cf_quota_figures *bytes = &figures->bytes;
    const uint64_t used = bytes->entry_bytes + bytes->blob_bytes;
    char user[WHO_SIZE], taken[CF_SIZE_TEXT], quota[CF_SIZE_TEXT];

    sum->users++;
    write_who(&figures->user, &figures->name, user);
    if (figures->is_damaged) {
        attend(&sum->attention, CF_USER_DAMAGED_FORMAT, user);
        sum->wanted = UINT64_MAX / 2;
        return;
    }
    add_wanted(sum, &figures->user);
    add_lacking(sum, &figures->user);
    add_told(sum, &figures->user);
    sum->devices += figures->devices;
    sum->entries += figures->entries;
    sum->blobs += figures->blobs;
    sum->blob_bytes += bytes->blob_bytes;
    if (!bytes->quota || used < bytes->quota - bytes->quota / 100 * SCARCE)
        return;
    cf_size_write(used, taken);
    cf_size_write(bytes->quota, quota);
    attend(&sum->attention, "user %s has %s of %s: `users quota` gives more", user, taken, quota);
}

static void look_at_room(standing *sum)
{
    char room[CF_SIZE_TEXT], whole[CF_SIZE_TEXT];

    if (!cf_reserve_is_scarce(&sum->reserve))
        return;
    cf_size_write(sum->reserve.room, room);
    cf_size_write(sum->reserve.whole, whole);
    attend(
        &sum->attention,
        "%s of %s are left on the disk: %s; `users` shows who has how much, `users remove` makes "
        "room",
        room, whole, cf_reserve_effect(&sum->reserve));
}

static void look_at_store(const cf_desk *desk, standing *sum)
{
    cf_error failure;
    bool for_good;

    if (sum->store->damage(sum->store, &failure))
        attend(&sum->attention, "%s", failure.text);
    if (!sum->store->failure(sum->store, &for_good, &failure))
        return;
    if (!desk->gateway)
        attend(&sum->attention, "nothing can be written to the store: %s", failure.text);
    else if (for_good)
        attend(&sum->attention, CF_STORE_FAILED_FORMAT, failure.text);
    else
        attend(&sum->attention, CF_STORE_FAILING_FORMAT, failure.text);
}

static void look_at_key(const cf_desk *desk, standing *sum)
{
    const cf_datadir *datadir = desk->broker_data->datadir;

    if (cf_datadir_look_for_key(datadir) != CF_BROKER_KEY_IS_THERE)
        attend(&sum->attention,
               "the broker's key is gone from %s, or another one lies there: `counterfoild verify` "
               "keeps the one that is used",
               cf_datadir_path(datadir));
    else if (cf_datadir_is_key_open(datadir))
        attend(&sum->attention, CF_DATADIR_KEY_OPEN_FORMAT, cf_datadir_path(datadir));
}

static void look_at_blobs(const cf_desk *desk, standing *sum)
{
    cf_error failure;

    if (desk->gateway && cf_gateway_blobs_fail(desk->gateway, &failure))
        attend(&sum->attention, CF_BLOBS_FAIL_FORMAT, failure.text);
    if (desk->lost_blobs)
        attend(&sum->attention, CF_BLOBS_LOST_FORMAT, cf_datadir_path(desk->broker_data->datadir));
}

/* For an hour, or as long as there is little left: devices try again every minute. */
static void look_at_refusals(const cf_desk *desk, standing *sum, uint64_t now_ms)
{
    cf_hash user;
    uint64_t count;
    const uint64_t last_ms = desk->gateway ? cf_gateway_last_full(desk->gateway, &user, &count) : 0;
    char who[WHO_SIZE], when[CF_VERB_TIME];
    cf_user_name name;
    cf_error unread;

    if (!last_ms || (now_ms > last_ms + TOLD_FULL_MS && !cf_reserve_is_scarce(&sum->reserve)))
        return;
    if (cf_user_name_get(sum->store, &user, &name, &unread))
        name.text[0] = '\0';
    write_who(&user, &name, who);
    cf_verb_write_time(last_ms, when);
    attend(&sum->attention,
           "users were refused for want of room on the disk, %" PRIu64
           " times since the start; user %s last, %s",
           count, who, when);
}

static void look_at_check(standing *sum)
{
    if (sum->check.damages)
        attend(&sum->attention,
               "the last verify found damage: %" PRIu64
               ", see `verify`; of the store `counterfoild "
               "verify --repair` mends it",
               sum->check.damages);
    /* What came since, or went with its user, is not missing any more. */
    const uint64_t missing = sum->check.missing < sum->wanted ? sum->check.missing : sum->wanted;
    if (missing > sum->check.known)
        attend(&sum->attention,
               "%" PRIu64 " blob%s that changes name %s missing since the last verify: the devices "
               "are asked for what is, see `verify`; when all have been there, `verify --known` "
               "ends this",
               missing, missing == 1 ? "" : "s", missing == 1 ? "is" : "are");
}

static void look_at_clock(const cf_desk *desk, standing *sum)
{
    const cf_clocks_verdict clock =
        desk->gateway ? cf_gateway_clock(desk->gateway) : (cf_clocks_verdict){0};
    char distance[CF_CLOCK_TEXT];

    if (!clock.difference_ms)
        return;
    cf_clock_write_distance(clock.difference_ms, distance);
    attend(&sum->attention,
           "the clock of this machine is wrong: %zu of %zu devices say that it is %s %s theirs",
           clock.count, clock.all, distance, clock.difference_ms > 0 ? "behind" : "ahead of");
}

static void look_at_set_back(standing *sum)
{
    if (!sum->set_back)
        return;
    attend(&sum->attention,
           "devices of %" PRIu64 " user%s say that up to %" PRIu64 " entr%s gone which "
           "had been acknowledged: an older copy? `verify` ends this",
           sum->set_back, sum->set_back == 1 ? "" : "s", sum->lacking,
           sum->lacking == 1 ? "y is" : "ies are");
    attend(&sum->attention,
           "an older copy has users again that were removed, invitations that were revoked or "
           "used, and old quotas, which no device brings back: see `users` and `invitations`, "
           "and type `users remove`, `invitations revoke`, `users quota` again");
}

static void look_at_repair(standing *sum)
{
    char when[CF_VERB_TIME];

    if (!sum->check.mended_ms)
        return;
    cf_verb_write_time(sum->check.mended_ms, when);
    attend(&sum->attention, "the store was mended %s: " CF_REPAIR_OLDER_TEXT "; `verify` ends this",
           when);
}

static void add_removal(void *context, const cf_hash *user, const char *why)
{
    standing *sum = context;
    char id[2 * CF_HASH_SIZE + 1];

    cf_hex(cf_bytes_of(user->bytes, CF_HASH_SIZE), id);
    json_array_append_new(sum->removals, json_string(id));
    attend(&sum->attention, CF_REMOVAL_UNFINISHED_FORMAT, cf_user_shorten(user).text,
           *why        ? why
           : sum->runs ? "it is under way"
                       : "a broker that starts goes on with it");
}

static void add_kept_store(void *context, const cf_kept_store *store)
{
    standing *sum = context;
    char size[CF_SIZE_TEXT];

    cf_size_write(store->bytes, size);
    json_array_append_new(sum->kept_stores, json_pack("{s:s, s:I, s:b}", "name", store->name,
                                                      "bytes", (json_int_t)store->bytes,
                                                      "has_removed_users", store->has_removed));
    cf_buffer_append_text(&sum->kept,
                          "kept       %s, %s: what a repair found; nothing needs it when all "
                          "devices have synced: `rm -r %s/%s`\n",
                          store->name, size, sum->data, store->name);
    if (store->has_removed)
        attend(&sum->attention,
               "%s still has what users had who were removed: when the devices of the others have "
               "synced, type `rm -r %s/%s`",
               store->name, sum->data, store->name);
}

static cf_status look(const cf_desk *desk, standing *out, cf_error *error)
{
    const cf_broker_data *broker_data = desk->broker_data;

    out->connected = desk->gateway ? cf_gateway_count(desk->gateway).devices : 0;
    out->store = broker_data->store;
    out->known = broker_data->users;
    out->runs = desk->gateway != NULL;
    out->data = cf_datadir_path(broker_data->datadir);
    out->address = desk->address;
    cf_status status = cf_datadir_checked(broker_data->datadir, &out->check, error);
    if (status == CF_MISSING)
        status = CF_OK;
    if (!status)
        status = cf_management_users(broker_data->management, add_user, out, error);
    if (!status)
        status = cf_datadir_reserve(broker_data->datadir, &out->reserve, error);
    if (!status)
        status = cf_removal_each(broker_data->store, add_removal, out, error);
    if (!status)
        status =
            cf_kept_stores_each(broker_data->env->files, out->data, add_kept_store, out, error);
    look_at_room(out);
    look_at_store(desk, out);
    look_at_refusals(desk, out, broker_data->env->now_ms(broker_data->env->context));
    look_at_blobs(desk, out);
    look_at_key(desk, out);
    look_at_check(out);
    look_at_clock(desk, out);
    look_at_set_back(out);
    look_at_repair(out);
    return status;
}

/* ---- Words ---- */

static void describe(const cf_desk *desk, const standing *sum, cf_buffer *out)
{
    char blob_bytes[CF_SIZE_TEXT], free_bytes[CF_SIZE_TEXT], verified[CF_VERB_TIME];

    cf_size_write(sum->blob_bytes, blob_bytes);
    cf_size_write(sum->reserve.room, free_bytes);
    cf_verb_write_time(sum->check.time_ms, verified);
    cf_buffer_append_text(out, "address    %s\n", desk->address);
    cf_buffer_append_text(out, "running    %s\n", desk->gateway ? "yes" : "no");
    cf_buffer_append_text(out, "users      %" PRIu64 "\n", sum->users);
    cf_buffer_append_text(out, "devices    %" PRIu64 ", connected %" PRIu64 "\n", sum->devices,
                          sum->connected);
    if (cf_told_address_is_kept(desk->address))
        cf_buffer_append_text(out, "told       %" PRIu64 " of %" PRIu64 " know this address\n",
                              sum->told, sum->devices);
    cf_buffer_append_text(out, "entries    %" PRIu64 "\n", sum->entries);
    cf_buffer_append_text(out, "blobs      %" PRIu64 ", %s\n", sum->blobs, blob_bytes);
    cf_buffer_append_text(out, "room left  %s\n", free_bytes);
    cf_buffer_append_text(out, "verified   %s\n", verified);
    cf_buffer_append(out, sum->kept.data, sum->kept.size);
    for (size_t i = 0; i < sum->attention.count && i < TOLD_MAX; i++)
        cf_buffer_append_text(out, "attention  %s\n", sum->attention.lines[i]);
    if (sum->attention.count > TOLD_MAX)
        cf_buffer_append_text(out, "attention  and %zu more\n", sum->attention.count - TOLD_MAX);
}

static void describe_json(const cf_desk *desk, const standing *sum, cf_buffer *out)
{
    json_t *lines = json_array();
    char verified[CF_VERB_TIME];

    cf_verb_write_time(sum->check.time_ms, verified);
    for (size_t i = 0; i < sum->attention.count && i < TOLD_MAX; i++)
        json_array_append_new(lines, json_string(sum->attention.lines[i]));
    cf_verb_append_json(
        out, json_pack(
                 "{s:s, s:b, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:O, s:O, s:o}",
                 "address", desk->address, "running", desk->gateway != NULL, "users",
                 (json_int_t)sum->users, "devices", (json_int_t)sum->devices, "devices_connected",
                 (json_int_t)sum->connected, "devices_told",
                 cf_told_address_is_kept(desk->address) ? json_integer((json_int_t)sum->told)
                                                        : json_null(),
                 "entries", (json_int_t)sum->entries, "blobs", (json_int_t)sum->blobs, "blob_bytes",
                 (json_int_t)sum->blob_bytes, "free_bytes", (json_int_t)sum->reserve.room,
                 "total_bytes", (json_int_t)sum->reserve.whole, "verified",
                 sum->check.time_ms ? json_string(verified) : json_null(), "unfinished_removals",
                 sum->removals, "kept_stores", sum->kept_stores, "attention", lines));
}

cf_status cf_verb_status(const cf_desk *desk, const cf_operator_verb *verb, cf_buffer *out,
                         cf_error *error)
{
    standing sum = {.removals = json_array(), .kept_stores = json_array()};

    cf_status status = look(desk, &sum, error);
    if (!status)
        (verb->json ? describe_json : describe)(desk, &sum, out);
    json_decref(sum.removals);
    json_decref(sum.kept_stores);
    cf_buffer_release(&sum.kept);
    if (!status && !desk->gateway)
        return cf_fail(error, CF_UNREACHABLE, "no broker runs there");
    if (!status && verb->check && sum.attention.count)
        return cf_fail(error, CF_CHANGED, "it needs attention");
    return status;
}
