/* SPDX-License-Identifier: Apache-2.0 */
/* Which keys may connect: those of each user's valid devices, worked out anew whenever the members
 * changed; of a damaged log those that can still be read, so that they are told why. A user who is
 * being removed is not opened again before that is done. */
#include "broker/gateway/users.h"

#include "broker/members/registry.h"
#include "broker/platform/hash_set.h"

#include <stdlib.h>
#include <string.h>

/* A user, and the keys that were let in for it. */
typedef struct known_user known_user;
struct known_user {
    cf_users *users;
    cf_log *log;
    cf_hash_set keys;
    known_user *next_changed;
    bool has_changed; /* and is among those that have */
};

struct cf_users {
    cf_users_options options;
    known_user **all; /* ascending */
    size_t count, capacity;
    known_user *changed; /* whose registries have */
    cf_hash *leaving;    /* being removed */
    size_t leaving_count, leaving_capacity;
    cf_hash_set damaged; /* whose logs could not be read */
    cf_hash_set unread;  /* those of them not all of whose devices could be, either */
    cf_replay_lock *replay_lock;
};

/* Where the user is, or belongs. */
static size_t place_of(const cf_users *users, const cf_hash *user)
{
    size_t low = 0, high = users->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (cf_hash_compare(cf_log_user(users->all[middle]->log), user) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static known_user *find(const cf_users *users, const cf_hash *user)
{
    size_t at = place_of(users, user);

    return at < users->count && cf_hash_equal(cf_log_user(users->all[at]->log), user)
               ? users->all[at]
               : NULL;
}

static void members_change(void *context)
{
    known_user *user = context;

    if (user->has_changed)
        return;
    user->has_changed = true;
    user->next_changed = user->users->changed;
    user->users->changed = user;
}

bool cf_users_next_changed(cf_users *users, cf_hash *user)
{
    known_user *first = users->changed;

    if (!first)
        return false;
    users->changed = first->next_changed;
    first->has_changed = false;
    *user = *cf_log_user(first->log);
    return true;
}

void cf_users_allow(cf_users *users, const uint8_t key[32])
{
    if (users->options.access)
        users->options.access(users->options.context, key, true);
}

void cf_users_deny(cf_users *users, const uint8_t key[32])
{
    if (users->options.access)
        users->options.access(users->options.context, key, false);
}

/* Lets in who is new; `valid` gets the keys of all who are in. */
static void let_in_new(cf_users *users, known_user *user, cf_hash_set *valid)
{
    const cf_registry *registry = cf_log_registry(user->log);

    for (size_t i = 0; i < cf_registry_device_count(registry); i++) {
        const cf_device *device = cf_registry_device_at(registry, i);
        cf_hash key;

        if (!device->is_valid)
            continue;
        memcpy(key.bytes, device->keys.curve, CF_HASH_SIZE);
        cf_hash_set_insert(valid, &key);
        if (cf_hash_set_insert(&user->keys, &key))
            cf_users_allow(users, key.bytes);
    }
}

static void shut_out_old(cf_users *users, known_user *user, const cf_hash_set *valid)
{
    for (size_t i = user->keys.count; i-- > 0;) {
        const cf_hash key = user->keys.hashes[i];

        if (cf_hash_set_contains(valid, &key))
            continue;
        cf_users_deny(users, key.bytes);
        cf_hash_set_remove(&user->keys, &key);
    }
}

void cf_users_refresh(cf_users *users, const cf_hash *user)
{
    known_user *found = find(users, user);

    if (!found)
        return;
    cf_hash_set valid = {0};
    let_in_new(users, found, &valid);
    shut_out_old(users, found, &valid);
    cf_hash_set_release(&valid);
}

static cf_hash *find_leaving(const cf_users *users, const cf_hash *user)
{
    for (size_t i = 0; i < users->leaving_count; i++)
        if (cf_hash_equal(&users->leaving[i], user))
            return &users->leaving[i];
    return NULL;
}

static void insert(cf_users *users, cf_log *log)
{
    size_t at = place_of(users, cf_log_user(log));
    known_user *made = cf_allocate(1, sizeof *made);

    *made = (known_user){.users = users, .log = log};
    *cf_one_more_at(users->all, users->count, users->capacity, at) = made;
    cf_log_watch_members(log, members_change, made);
    cf_users_refresh(users, cf_log_user(log));
}

static void release(known_user *user)
{
    known_user **at = &user->users->changed;

    while (user->has_changed && *at != user)
        at = &(*at)->next_changed;
    if (user->has_changed)
        *at = user->next_changed;
    cf_log_destroy(&user->log);
    cf_hash_set_release(&user->keys);
    free(user);
}

cf_status cf_users_add(cf_users *users, const cf_hash *user, cf_log **out, cf_error *error)
{
    known_user *found = find(users, user);
    cf_log *log = found ? found->log : NULL;
    if (find_leaving(users, user))
        return cf_fail(error, CF_LOCKED, "this user is being removed here: try again later");
    cf_status status =
        log ? CF_OK : cf_log_open(users->options.store, user, users->options.keys, &log, error);
    if (status)
        return status;
    if (!found)
        insert(users, log);
    *out = log;
    return CF_OK;
}

struct listing {
    cf_hash *users;
    size_t count, capacity;
};

static bool list_user(void *context, const cf_hash *user)
{
    static const cf_hash nobody;
    struct listing *listing = context;

    if (cf_hash_equal(user, &nobody)) /* records of no user */
        return true;
    *cf_one_more(listing->users, listing->count, listing->capacity) = *user;
    return true;
}

static bool is_damage(cf_status status)
{
    return status == CF_BROKEN || status == CF_MALFORMED || status == CF_FORGED;
}

static void tell_doubt(const cf_users *users)
{
    if (users->options.doubt)
        users->options.doubt(users->options.context, users->unread.count > 0);
}

/* Devices of a damaged log are no strangers, as far as that can be read. */
static void let_in_to_be_told(cf_users *users, const cf_hash *user)
{
    cf_registry *registry = NULL;
    size_t damaged = 0;
    cf_error ignored;

    const cf_status status =
        cf_log_members(users->options.store, user, &registry, &damaged, &ignored);

    if (is_damage(status) || damaged) {
        cf_hash_set_insert(&users->unread, user);
        tell_doubt(users);
    }
    if (status)
        return;
    for (size_t i = 0; i < cf_registry_device_count(registry); i++)
        if (cf_registry_device_at(registry, i)->is_valid)
            cf_users_allow(users, cf_registry_device_at(registry, i)->keys.curve);
    cf_registry_destroy(&registry);
}

cf_short_user cf_user_shorten(const cf_hash *user)
{
    cf_short_user digits;

    cf_hex(cf_bytes_of(user->bytes, sizeof digits.text / 2), digits.text);
    return digits;
}

static cf_status open_known(cf_users *users, const cf_hash *user, cf_error *error)
{
    cf_log *log;

    cf_status status = cf_users_add(users, user, &log, error);
    if (!is_damage(status))
        return status;
    cf_report(users->options.env, CF_REPORT_ERROR,
              "user %s can't be served, its log is damaged, which `counterfoild verify --repair` "
              "mends: %s",
              cf_user_shorten(user).text, error->text);
    cf_hash_set_insert(&users->damaged, user);
    let_in_to_be_told(users, user);
    return CF_OK;
}

cf_status cf_users_open(const cf_users_options *options, cf_users **out, cf_error *error)
{
    cf_users *users = cf_allocate(1, sizeof *users);
    struct listing listing = {0};
    cf_status status = options->store->users(options->store, list_user, &listing, error);

    users->options = *options;
    users->replay_lock = cf_replay_lock_new();
    for (size_t i = 0; !status && i < listing.count; i++)
        status = open_known(users, &listing.users[i], error);
    free(listing.users);
    if (status)
        cf_users_destroy(&users);
    else
        *out = users;
    return status;
}

void cf_users_destroy(cf_users **users)
{
    if (!*users)
        return;
    for (size_t i = 0; i < (*users)->count; i++)
        release((*users)->all[i]);
    cf_replay_lock_destroy(&(*users)->replay_lock);
    free((*users)->all);
    free((*users)->leaving);
    cf_hash_set_release(&(*users)->damaged);
    cf_hash_set_release(&(*users)->unread);
    free(*users);
    *users = NULL;
}

cf_log *cf_users_find(cf_users *users, const cf_hash *user)
{
    const known_user *found = find(users, user);

    return found ? found->log : NULL;
}

cf_replay_lock *cf_users_replay_lock(const cf_users *users)
{
    return users->replay_lock;
}

void cf_users_remove(cf_users *users, const cf_hash *user)
{
    known_user *found = find(users, user);

    *cf_one_more(users->leaving, users->leaving_count, users->leaving_capacity) = *user;
    cf_hash_set_remove(&users->damaged, user);
    cf_hash_set_remove(&users->unread, user);
    tell_doubt(users);
    if (!found)
        return;
    size_t at = place_of(users, user);
    for (size_t i = 0; i < found->keys.count; i++)
        cf_users_deny(users, found->keys.hashes[i].bytes);
    release(found);
    memmove(users->all + at, users->all + at + 1, (--users->count - at) * sizeof *users->all);
}

void cf_users_gone(cf_users *users, const cf_hash *user)
{
    cf_hash *found = find_leaving(users, user);

    if (found)
        *found = users->leaving[--users->leaving_count];
}

bool cf_users_is_damaged(const cf_users *users, const cf_hash *user)
{
    return cf_hash_set_contains(&users->damaged, user);
}

const cf_hash *cf_users_damaged(const cf_users *users, size_t *count)
{
    *count = users->damaged.count;
    return users->damaged.hashes;
}

size_t cf_users_count(const cf_users *users)
{
    return users->count;
}

void cf_users_each(cf_users *users, cf_users_visit *visit, void *context)
{
    for (size_t i = 0; i < users->count; i++)
        visit(context, users->all[i]->log);
}
