/* SPDX-License-Identifier: Apache-2.0 */
/* Who is meant by a word: the one user who is called so, or whose id begins so, and nobody where
 * that user's log is damaged, or where a name that can't be read may be that word. An invitation
 * that wasn't used goes before used ones of its name. A name is given away only where no user and
 * no unused invitation has it. */
#include "broker/management/management.h"

#include "broker/members/registry.h"
#include "broker/platform/names.h"
#include "codec/deadlines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

static void forget_guest(cf_management *management, const cf_hash *guest)
{
    for (size_t i = management->count; i-- > 0;) {
        if (!cf_hash_equal(&management->invitations[i].guest, guest))
            continue;
        cf_users_deny(management->options.users, guest->bytes);
        management->invitations[i] = management->invitations[--management->count];
    }
}

static int by_number(const void *left, const void *right)
{
    const cf_invitation_info *a = left, *b = right;

    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return cf_hash_compare(&a->guest, &b->guest);
}

cf_status cf_management_invitations(cf_management *management, cf_invitation_info **out,
                                    size_t *count, cf_error *error)
{
    cf_status status = cf_invitations_list(management->options.store, out, count, error);

    if (!status && *count)
        qsort(*out, *count, sizeof **out, by_number);
    return status;
}

/* What is looked for among users, and what was found. */
typedef struct {
    cf_store *store;
    const char *which;
    size_t digits; /* of an id; 0: a name */
    cf_hash user;
    size_t count;
    char found[120];      /* who they are, the first ones */
    cf_hash unnamed;      /* one whose name can't be read, */
    size_t unnamed_count; /* if there is any */
    cf_status status;
    cf_error *error;
} search;

static void write_id(const cf_hash *id, char text[2 * CF_HASH_SIZE + 1])
{
    cf_hex(cf_bytes_of(id->bytes, CF_HASH_SIZE), text);
}

static void compare(search *it, const cf_hash *user)
{
    char id[2 * CF_HASH_SIZE + 1];
    cf_user_name name = {0};

    write_id(user, id);
    if (!it->status)
        it->status = cf_user_name_get(it->store, user, &name, it->error);
    if (it->status == CF_BROKEN) {
        it->status = CF_OK;
        it->unnamed = *user;
        it->unnamed_count++;
    }
    if (it->status || (it->digits ? strncasecmp(id, it->which, it->digits) != 0
                                  : strcmp(name.text, it->which) != 0))
        return;
    size_t said = strlen(it->found);
    snprintf(it->found + said, sizeof it->found - said, "%s%.*s%s%s", said ? ", " : "",
             it->digits > 12 ? (int)it->digits : 12, id, *name.text ? " " : "", name.text);
    it->user = *user;
    it->count++;
}

static void compare_served(void *context, cf_log *log)
{
    compare(context, cf_log_user(log));
}

static cf_status seek(cf_management *management, const char *which, bool is_id, search *out,
                      cf_error *error)
{
    cf_users *users = management->options.users;
    size_t damaged_count;
    const cf_hash *damaged = cf_users_damaged(users, &damaged_count);

    *out = (search){.store = management->options.store, .which = which, .error = error};
    if (is_id)
        out->digits = strlen(which);
    if (*which)
        cf_users_each(users, compare_served, out);
    for (size_t i = 0; *which && i < damaged_count; i++)
        compare(out, &damaged[i]);
    return out->status;
}

/* CF_BROKEN where that is, or may be, a user of whom nothing is to be decided before a repair. */
static cf_status check_whole(const cf_management *management, const search *found, cf_error *error)
{
    if (found->count == 1 && cf_users_is_damaged(management->options.users, &found->user))
        return cf_fail(error, CF_BROKEN, CF_USER_DAMAGED_FORMAT, found->found);
    if (!found->count && !found->digits && found->unnamed_count)
        return cf_fail(error, CF_BROKEN,
                       "what user %s is called can't be read, and it may be that: `counterfoild "
                       "verify --repair` mends it",
                       cf_user_shorten(&found->unnamed).text);
    return CF_OK;
}

/* Nobody is called so, or will be; `found` gets who is. */
static cf_status check_name(cf_management *management, const cf_user_name *name,
                            const cf_invitation_info *kept, size_t count, search *found,
                            cf_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (!kept[i].is_used && strcmp(kept[i].name.text, name->text) == 0)
            return cf_fail(error, CF_USAGE,
                           "there is an invitation for %s: `invitations revoke %s` takes it back",
                           name->text, name->text);
    cf_status status = seek(management, name->text, false, found, error);
    return status ? status : check_whole(management, found, error);
}

static cf_status check_name_of_new(cf_management *management, const cf_user_name *name,
                                   const cf_invitation_info *kept, size_t count, cf_error *error)
{
    search found = {0};

    if (!name->text[0])
        return CF_OK;
    cf_status status = check_name(management, name, kept, count, &found, error);
    if (!status && found.count)
        status = cf_fail(error, CF_USAGE,
                         "there is a user %s, %.12s; of its devices, one that looks for this "
                         "broker elsewhere needs `counterfoil broker ADDRESS` (see `address`), a "
                         "new one `counterfoil pair`",
                         name->text, found.found);
    return status;
}

/* Each has a number for as long as it is kept. */
static cf_status number_it(cf_management *management, cf_invitation_terms *terms, cf_error *error)
{
    cf_invitation_info *kept = NULL;
    size_t count = 0;

    cf_status status = cf_management_invitations(management, &kept, &count, error);
    if (!status && count >= CF_INVITATIONS_MAX)
        status = cf_fail(error, CF_FULL,
                         "there are %d invitations, which is as many as may be: take some back "
                         "with `invitations revoke`",
                         CF_INVITATIONS_MAX);
    if (!status)
        status = check_name_of_new(management, &terms->name, kept, count, error);
    if (!status)
        terms->number = count ? kept[count - 1].number + 1 : 1;
    free(kept);
    return status;
}

cf_status cf_management_invite(cf_management *management, const cf_invitation_terms *terms,
                               uint64_t now_ms, cf_buffer *line, cf_error *error)
{
    cf_invitation_info info = {.expires_ms = terms->expires_ms};
    const cf_management_options *options = &management->options;
    cf_invitation_terms made = *terms;

    if (options->closed)
        return cf_fail(error, CF_DENIED, "this broker takes no new users (--enrol closed)");
    made.made_ms = now_ms;
    cf_status status = number_it(management, &made, error);
    if (!status)
        status = cf_invitation_make(options->env, options->store, &made, line, &info.guest, error);
    if (status)
        return status;
    cf_audit_event event = {.what = CF_AUDIT_INVITATION_MADE,
                            .name = made.name.text,
                            .key = &info.guest,
                            .size = terms->quota};
    cf_audit_note(options->audit, &event, now_ms);
    *cf_one_more(management->invitations, management->count, management->capacity) = info;
    cf_users_allow(management->options.users, info.guest.bytes);
    return CF_OK;
}

static bool is_called(const cf_invitation_info *info, const char *which)
{
    char number[24], key[2 * CF_HASH_SIZE + 1];

    snprintf(number, sizeof number, "%" PRIu64, info->number);
    write_id(&info->guest, key);
    return (info->number && strcmp(number, which) == 0) ||
           (*which && strcmp(info->name.text, which) == 0) ||
           (cf_user_digits(which, CF_USER_DIGITS) && strncasecmp(key, which, strlen(which)) == 0);
}

/* The one that was not used goes before those of the same name that were. */
static cf_status choose(const cf_invitation_info *kept, size_t count, const char *which,
                        cf_invitation_info *out, cf_error *error)
{
    const cf_invitation_info *used = NULL;
    char user[2 * CF_HASH_SIZE + 1];
    size_t open = 0;

    for (size_t i = 0; i < count; i++) {
        if (!is_called(&kept[i], which))
            continue;
        if (kept[i].is_used) {
            used = &kept[i];
        } else {
            *out = kept[i];
            open++;
        }
    }
    if (open > 1)
        return cf_fail(error, CF_USAGE, "%zu invitations are meant by %s", open, which);
    if (open)
        return CF_OK;
    if (!used)
        return cf_fail(error, CF_MISSING, "there is no such invitation: `invitations` lists them");
    write_id(&used->user, user);
    return cf_fail(error, CF_CHANGED,
                   "that invitation was used already, by user %.12s: `users remove` removes a user",
                   user);
}

cf_status cf_management_revoke(cf_management *management, const char *which, uint64_t now_ms,
                               cf_invitation_info *out, cf_error *error)
{
    const cf_management_options *options = &management->options;
    cf_invitation_info *kept = NULL;
    size_t count = 0;

    cf_status status = cf_management_invitations(management, &kept, &count, error);
    if (!status)
        status = choose(kept, count, which, out, error);
    free(kept);
    if (!status)
        status = cf_invitation_drop(options->store, &out->guest, error);
    if (status)
        return status;
    forget_guest(management, &out->guest);
    cf_audit_event event = {
        .what = CF_AUDIT_INVITATION_REVOKED, .name = out->name.text, .key = &out->guest};
    cf_audit_note(options->audit, &event, now_ms);
    return CF_OK;
}

void cf_management_close(cf_management *management, bool closed)
{
    management->options.closed = closed;
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
            cf_deadline_lower(&next, info->expires_ms);
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

static size_t count_devices(const cf_registry *registry)
{
    size_t count = 0;

    for (size_t i = 0; i < cf_registry_device_count(registry); i++)
        count += cf_registry_device_at(registry, i)->is_valid;
    return count;
}

static cf_status figures_of(const cf_management_options *options, cf_log *log, cf_user_figures *out,
                            cf_error *error)
{
    size_t devices = count_devices(cf_log_registry(log));

    *out = (cf_user_figures){.user = *cf_log_user(log), .devices = devices ? devices - 1 : 0};
    cf_status status = options->store->last(options->store, &out->user, &out->entries, error);
    if (!status)
        status = cf_quotas_figures(options->quotas, &out->user, &out->bytes, error);
    if (!status)
        status = cf_user_name_get(options->store, &out->user, &out->name, error);
    out->blobs = out->bytes.blobs;
    return status;
}

struct counting {
    const cf_management *management;
    cf_user_figures_visit *visit;
    void *context;
    cf_status status;
    cf_error *error;
};

static void count_user(void *context, cf_log *log)
{
    struct counting *counting = context;
    cf_user_figures figures;

    if (counting->status || !count_devices(cf_log_registry(log))) /* nobody yet: no first entry */
        return;
    counting->status = figures_of(&counting->management->options, log, &figures, counting->error);
    if (!counting->status)
        counting->visit(counting->context, &figures);
}

cf_status cf_management_users(cf_management *management, cf_user_figures_visit *visit,
                              void *context, cf_error *error)
{
    struct counting counting = {management, visit, context, CF_OK, error};
    cf_users *users = management->options.users;
    size_t damaged_count;
    const cf_hash *damaged = cf_users_damaged(users, &damaged_count);
    cf_error unread;

    cf_users_each(users, count_user, &counting);
    for (size_t i = 0; !counting.status && i < damaged_count; i++) {
        cf_user_figures figures = {.user = damaged[i], .is_damaged = true};

        if (cf_user_name_get(management->options.store, &damaged[i], &figures.name, &unread))
            figures.name.text[0] = '\0';
        visit(context, &figures);
    }
    return counting.status;
}

cf_status cf_management_figures(cf_management *management, const cf_hash *user,
                                cf_user_figures *out, cf_error *error)
{
    cf_log *log = cf_users_find(management->options.users, user);

    return log ? figures_of(&management->options, log, out, error)
               : cf_fail(error, CF_MISSING, "there is no such user");
}

cf_status cf_management_find(cf_management *management, const char *which, cf_hash *user,
                             cf_error *error)
{
    char shown[CF_NAME_SHOWN];
    bool is_id = cf_user_digits(which, CF_USER_DIGITS);
    search found;

    cf_name_show(cf_bytes_of_text(which), shown);
    cf_status status = seek(management, which, is_id, &found, error);
    if (!status)
        status = check_whole(management, &found, error);
    if (status)
        return status;
    if (found.count == 0 && !is_id && cf_user_digits(which, 1))
        return cf_fail(
            error, CF_USAGE,
            "%s is too short: a user is named by the name, or at least %d digits of the id", shown,
            CF_USER_DIGITS);
    if (found.count == 0)
        return cf_fail(error, CF_MISSING, "no user %s %s: `users` lists them",
                       is_id ? "has an id that begins with" : "is called", shown);
    if (found.count > 1)
        return cf_fail(error, CF_USAGE, "%zu users are meant by %s: %s", found.count, shown,
                       found.found);
    *user = found.user;
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

cf_status cf_management_name(cf_management *management, const cf_hash *user,
                             const cf_user_name *name, uint64_t now_ms, cf_error *error)
{
    const cf_management_options *options = &management->options;
    const cf_kv record = cf_user_name_record(name);
    const cf_audit_event event = {.what = CF_AUDIT_USER_NAME, .user = user, .name = name->text};
    cf_invitation_info *kept = NULL;
    search found = {0};
    size_t count = 0;

    cf_status status = cf_management_invitations(management, &kept, &count, error);
    if (!status)
        status = check_name(management, name, kept, count, &found, error);
    if (!status && found.count && !cf_hash_equal(&found.user, user))
        status =
            cf_fail(error, CF_USAGE, "there is another user %s, %.12s", name->text, found.found);
    if (!status)
        status = options->store->write(options->store, user, &record, 1, true, error);
    if (!status)
        cf_audit_note(options->audit, &event, now_ms);
    free(kept);
    return status;
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
