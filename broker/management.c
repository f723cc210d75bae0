/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/management.h"

#include "broker/registry.h"

#include <stdlib.h>
#include <string.h>

struct cf_management {
    cf_management_options options;
    cf_invitation_info *invitations;
    size_t count, capacity;
};

cf_status cf_management_open(const cf_management_options *options, uint64_t now_ms,
                             cf_management **out, cf_error *error)
{
    cf_management *management = cf_allocate(1, sizeof *management);
    cf_status status =
        cf_invitations_list(options->store, &management->invitations, &management->count, error);

    management->options = *options;
    management->capacity = management->count;
    if (status) {
        free(management);
        return status;
    }
    for (size_t i = 0; i < management->count; i++)
        cf_users_allow(options->users, management->invitations[i].guest.bytes);
    cf_management_tick(management, now_ms);
    *out = management;
    return CF_OK;
}

void cf_management_destroy(cf_management **management)
{
    if (!*management)
        return;
    free((*management)->invitations);
    free(*management);
    *management = NULL;
}

cf_status cf_management_invite(cf_management *management, const cf_invitation_terms *terms,
                               uint64_t now_ms, cf_buffer *line, cf_error *error)
{
    cf_invitation_info info = {.expires_ms = terms->expires_ms};
    const cf_management_options *options = &management->options;

    if (options->closed)
        return cf_fail(error, CF_DENIED,
                       "this broker takes no new users: it was started with --enrol closed");
    cf_status status =
        cf_invitation_make(options->env, options->store, terms, line, &info.guest, error);
    if (status)
        return status;
    cf_audit_event event = {
        .what = CF_AUDIT_INVITATION_MADE, .key = &info.guest, .size = terms->quota};
    cf_audit_note(options->audit, &event, now_ms);
    management->invitations = cf_grow(management->invitations, &management->capacity,
                                      management->count + 1, sizeof *management->invitations);
    management->invitations[management->count++] = info;
    cf_users_allow(management->options.users, info.guest.bytes);
    return CF_OK;
}

bool cf_management_is_closed(const cf_management *management)
{
    return management->options.closed;
}

uint64_t cf_management_tick(cf_management *management, uint64_t now_ms)
{
    uint64_t next = UINT64_MAX;
    cf_error error;

    for (size_t i = management->count; i-- > 0;) {
        const cf_invitation_info *info = &management->invitations[i];

        if (info->expires_ms == 0)
            continue;
        if (info->expires_ms > now_ms) {
            next = info->expires_ms < next ? info->expires_ms : next;
            continue;
        }
        if (cf_invitation_drop(management->options.store, &info->guest, &error))
            cf_report(management->options.env, CF_REPORT_WARNING, "dropping an invitation: %s",
                      error.text); /* it is found again at the next start */
        cf_users_deny(management->options.users, info->guest.bytes);
        management->invitations[i] = management->invitations[--management->count];
    }
    return next;
}

struct counting {
    const cf_management *management;
    cf_user_figures_visit *visit;
    void *context;
    cf_status status;
    cf_error *error;
};

static size_t count_devices(const cf_registry *registry)
{
    size_t count = 0;

    for (size_t i = 0; i < cf_registry_device_count(registry); i++)
        count += cf_registry_device_at(registry, i)->is_valid;
    return count;
}

static void count_user(void *context, cf_log *log)
{
    struct counting *counting = context;
    const cf_management_options *options = &counting->management->options;
    size_t devices = count_devices(cf_log_registry(log));
    cf_user_figures figures = {.user = *cf_log_user(log), .devices = devices ? devices - 1 : 0};
    cf_blob_usage usage = {0};

    if (counting->status || devices == 0) /* without a first entry it is nobody yet */
        return;
    counting->status =
        options->store->last(options->store, &figures.user, &figures.entries, counting->error);
    if (!counting->status)
        counting->status = cf_blobs_usage(options->blobs, &figures.user, &usage, counting->error);
    if (!counting->status)
        counting->status =
            cf_quotas_figures(options->quotas, &figures.user, &figures.bytes, counting->error);
    figures.blobs = usage.count;
    if (!counting->status)
        counting->visit(counting->context, &figures);
}

cf_status cf_management_users(cf_management *management, cf_user_figures_visit *visit,
                              void *context, cf_error *error)
{
    struct counting counting = {management, visit, context, CF_OK, error};

    cf_users_each(management->options.users, count_user, &counting);
    return counting.status;
}

typedef struct {
    const char *prefix;
    cf_hash user;
    size_t count;
} search;

static void compare(void *context, cf_log *log)
{
    search *it = context;
    char name[2 * CF_HASH_SIZE + 1];

    cf_hex(cf_bytes_of(cf_log_user(log)->bytes, CF_HASH_SIZE), name);
    if (strncmp(name, it->prefix, strlen(it->prefix)) != 0)
        return;
    it->user = *cf_log_user(log);
    it->count++;
}

cf_status cf_management_find(cf_management *management, const char *prefix, cf_hash *user,
                             cf_error *error)
{
    search it = {.prefix = prefix};

    if (*prefix)
        cf_users_each(management->options.users, compare, &it);
    if (it.count == 0)
        return cf_fail(error, CF_MISSING, "no user's id begins with %s", *prefix ? prefix : "\"\"");
    if (it.count > 1)
        return cf_fail(error, CF_USAGE, "the ids of %zu users begin with %s", it.count, prefix);
    *user = it.user;
    return CF_OK;
}

cf_status cf_management_quota(cf_management *management, const cf_hash *user, uint64_t bytes,
                              uint64_t now_ms, cf_error *error)
{
    cf_audit_event event = {.what = CF_AUDIT_USER_QUOTA, .user = user, .size = bytes};
    cf_status status = cf_quotas_set(management->options.quotas, user, bytes, error);

    if (!status)
        cf_audit_note(management->options.audit, &event, now_ms);
    return status;
}

static void forget_guest(cf_management *management, const cf_hash *guest)
{
    for (size_t i = management->count; i-- > 0;) {
        if (!cf_hash_equal(&management->invitations[i].guest, guest))
            continue;
        cf_users_deny(management->options.users, guest->bytes);
        management->invitations[i] = management->invitations[--management->count];
    }
}

cf_status cf_management_forget(cf_management *management, const cf_hash *user, cf_error *error)
{
    cf_store *store = management->options.store;
    cf_invitation_info *invitations = NULL;
    size_t count = 0;
    cf_status status = cf_invitations_list(store, &invitations, &count, error);

    for (size_t i = 0; !status && i < count; i++) {
        if (!cf_hash_equal(&invitations[i].user, user))
            continue;
        status = cf_invitation_drop(store, &invitations[i].guest, error);
        if (!status)
            forget_guest(management, &invitations[i].guest);
    }
    free(invitations);
    return status;
}
