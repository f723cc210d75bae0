/* SPDX-License-Identifier: Apache-2.0 */
/* How a user and a device begin: the account's first entry and the one that adds the first device,
 * or the keys of a device that will join. */
#ifndef CF_PEER_LOG_BIRTH_H
#define CF_PEER_LOG_BIRTH_H
#include "codec/keys.h"
#include "peer/log/home.h"

typedef struct {
    const cf_env *env;
    cf_home *home;
    const char *device_name;
    uint64_t now_ms;
} cf_birth;

/* Makes a new user whose first device, an owner, is this home: keys, log with its first two
 * entries, all durable at return. `secret` gets the account's secret, which is kept nowhere else:
 * show its phrase, then cf_wipe it. CF_USAGE when the home has a user already. */
cf_status cf_birth_user(const cf_birth *birth, uint8_t secret[CF_PHRASE_SECRET], cf_error *error);

/* The bytes of the user's first entry, for an invitation's KNOCK. */
cf_status cf_birth_first_entry(cf_home *home, cf_buffer *wire, cf_error *error);

/* Makes this home a device of a user that exists, whose member log comes by replication. `keys` are
 * those that the `add` names. */
cf_status cf_birth_device(const cf_birth *birth, const cf_hash *user, const cf_keys *keys,
                          cf_error *error);

#endif
