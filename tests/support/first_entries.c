/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/first_entries.h"

#include "codec/envelope.h"
#include "tests/support/must.h"

#include <string.h>

typedef struct {
    cf_users *users;
    cf_store *store;
    cf_status status;
    cf_error *error;
} bringing;

static cf_status bring_entry(const bringing *to, const cf_entry *entry, cf_error *error)
{
    const cf_hash *user = &entry->header.user;
    cf_offer offer = {.bringer = CF_BRINGER_ANOTHER};
    cf_log *log = cf_users_find(to->users, user);
    cf_verdict verdict;

    cf_status status = log ? CF_OK : cf_users_add(to->users, user, &log, error);
    if (!status)
        status = cf_log_check(log, entry, &offer, &verdict, error);
    if (status)
        return status;
    cf_log_append(log, entry, &offer, NULL, 0, NULL, NULL);
    status = to->store->commit(to->store, error);
    if (!status)
        cf_users_refresh(to->users, user);
    return status;
}

static bool bring(void *context, uint64_t position, cf_bytes wire)
{
    bringing *to = context;
    cf_arena arena = {0};
    cf_entry entry;
    (void)position;

    to->status = cf_entry_read(wire, &arena, &entry, to->error);
    if (!to->status)
        to->status = bring_entry(to, &entry, to->error);
    cf_arena_release(&arena);
    return !to->status;
}

cf_status first_entries_bring(cf_home *home, cf_users *users, cf_store *store, cf_error *error)
{
    bringing to = {.users = users, .store = store, .error = error};
    cf_store *from = cf_home_store(home);
    cf_buffer user = {0};
    cf_hash id;

    cf_status status = cf_home_get(home, CF_HOME_USER, &user, error);
    if (status)
        goto done;
    memcpy(id.bytes, user.data, CF_HASH_SIZE);
    status = from->read(from, &id, 1, bring, &to, error);
    if (!status)
        status = to.status;
done:
    cf_buffer_release(&user);
    return status;
}

void first_entries_admit(cf_peer *owner, uint64_t now_ms, const cf_birth *birth)
{
    uint8_t seed[32], random[32];
    cf_error error;
    cf_hash epoch;
    cf_member add = {.kind = CF_MEMBER_ADD, .time_ms = now_ms, .role = CF_ROLE_MEMBER};

    birth->env->random(birth->env->context, seed, sizeof seed);
    birth->env->random(birth->env->context, random, sizeof random);
    cf_keys *keys = cf_keys_new(seed);
    add.keys = *cf_keys_public(keys);
    cf_keys_prove(keys, cf_peer_user(owner), add.proof);
    must(cf_peer_epoch(owner, &epoch, &error), &error, "epoch");
    must(cf_access_make(owner->ring, &epoch, add.keys.sealing, random, &add.access, &error), &error,
         "access");
    must(cf_peer_publish_member(owner, &add, &error), &error, "add");
    must(cf_birth_device(birth, cf_peer_user(owner), keys, &error), &error, "device");
    cf_keys_destroy(&keys);
}

cf_home *faulty_home(const cf_env *env, const char *path, cf_store_memory_disk *disk,
                     disk_faults *faults)
{
    cf_home_options options = {
        .env = env,
        .path = path,
        .create = true,
        .store = faulty_store_new(cf_store_memory_new(disk), disk, faults),
    };
    cf_home *home = NULL;
    cf_error error;

    must(cf_home_open(&options, &home, &error), &error, "home");
    return home;
}
