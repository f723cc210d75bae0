/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/users.h"

#include "broker/registry.h"

#include <stdlib.h>
#include <string.h>

/* A user, and the keys that were let in for it. */
struct known_user {
    cf_log *log;
    cf_hash *keys;
    size_t key_count, key_capacity;
};

struct cf_users {
    cf_users_options options;
    struct known_user *all;
    size_t count, capacity;
    cf_hash *leaving; /* being removed */
    size_t leaving_count, leaving_capacity;
    cf_communication *communication;
};

static struct known_user *find(const cf_users *users, const cf_hash *user)
{
    for (size_t i = 0; i < users->count; i++)
        if (cf_hash_equal(cf_log_user(users->all[i].log), user))
            return &users->all[i];
    return NULL;
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

static void let_in_new(cf_users *users, struct known_user *user)
{
    const cf_registry *registry = cf_log_registry(user->log);

    for (size_t i = 0; i < cf_registry_device_count(registry); i++) {
        const cf_device *device = cf_registry_device_at(registry, i);
        const uint8_t *curve = device->keys.curve;
        bool is_known = !device->is_valid;

        for (size_t k = 0; !is_known && k < user->key_count; k++)
            is_known = memcmp(user->keys[k].bytes, curve, CF_HASH_SIZE) == 0;
        if (is_known)
            continue;
        user->keys =
            cf_grow(user->keys, &user->key_capacity, user->key_count + 1, sizeof *user->keys);
        memcpy(user->keys[user->key_count++].bytes, curve, CF_HASH_SIZE);
        cf_users_allow(users, curve);
    }
}

static void shut_out_old(cf_users *users, struct known_user *user)
{
    const cf_registry *registry = cf_log_registry(user->log);

    for (size_t k = user->key_count; k-- > 0;)
        if (!cf_registry_by_curve(registry, user->keys[k].bytes)) {
            cf_users_deny(users, user->keys[k].bytes);
            user->keys[k] = user->keys[--user->key_count];
        }
}

void cf_users_refresh(cf_users *users, const cf_hash *user)
{
    struct known_user *found = find(users, user);

    if (!found)
        return;
    let_in_new(users, found);
    shut_out_old(users, found);
}

static cf_hash *find_leaving(const cf_users *users, const cf_hash *user)
{
    for (size_t i = 0; i < users->leaving_count; i++)
        if (cf_hash_equal(&users->leaving[i], user))
            return &users->leaving[i];
    return NULL;
}

cf_status cf_users_add(cf_users *users, const cf_hash *user, cf_log **out, cf_error *error)
{
    struct known_user *found = find(users, user);
    cf_log *log = found ? found->log : NULL;
    if (find_leaving(users, user))
        return cf_fail(error, CF_LOCKED, "this user is being removed here: try again later");
    cf_status status = log ? CF_OK : cf_log_open(users->options.store, user, &log, error);
    if (status)
        return status;
    if (!found) {
        users->all = cf_grow(users->all, &users->capacity, users->count + 1, sizeof *users->all);
        users->all[users->count++] = (struct known_user){.log = log};
        cf_users_refresh(users, user);
    }
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
    listing->users =
        cf_grow(listing->users, &listing->capacity, listing->count + 1, sizeof *listing->users);
    listing->users[listing->count++] = *user;
    return true;
}

cf_status cf_users_open(const cf_users_options *options, cf_users **out, cf_error *error)
{
    cf_users *users = cf_allocate(1, sizeof *users);
    struct listing listing = {0};
    cf_status status = options->store->users(options->store, list_user, &listing, error);

    users->options = *options;
    users->communication = cf_communication_new();
    for (size_t i = 0; !status && i < listing.count; i++) {
        cf_log *log;

        status = cf_users_add(users, &listing.users[i], &log, error);
    }
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
    for (size_t i = 0; i < (*users)->count; i++) {
        cf_log_destroy(&(*users)->all[i].log);
        free((*users)->all[i].keys);
    }
    cf_communication_destroy(&(*users)->communication);
    free((*users)->all);
    free((*users)->leaving);
    free(*users);
    *users = NULL;
}

cf_log *cf_users_find(cf_users *users, const cf_hash *user)
{
    const struct known_user *found = find(users, user);

    return found ? found->log : NULL;
}

cf_communication *cf_users_communication(const cf_users *users)
{
    return users->communication;
}

void cf_users_remove(cf_users *users, const cf_hash *user)
{
    struct known_user *found = find(users, user);

    users->leaving =
        cf_grow(users->leaving, &users->leaving_capacity, users->leaving_count + 1, sizeof *user);
    users->leaving[users->leaving_count++] = *user;
    if (!found)
        return;
    for (size_t i = 0; i < found->key_count; i++)
        cf_users_deny(users, found->keys[i].bytes);
    cf_log_destroy(&found->log);
    free(found->keys);
    *found = users->all[--users->count];
}

void cf_users_gone(cf_users *users, const cf_hash *user)
{
    cf_hash *found = find_leaving(users, user);

    if (found)
        *found = users->leaving[--users->leaving_count];
}

size_t cf_users_count(const cf_users *users)
{
    return users->count;
}

void cf_users_each(cf_users *users, cf_users_visit *visit, void *context)
{
    for (size_t i = 0; i < users->count; i++)
        visit(context, users->all[i].log);
}
