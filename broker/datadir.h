/* SPDX-License-Identifier: Apache-2.0 */
/* A broker's data directory: who holds it, the broker's key, the address it is reached at. One
 * process at a time. */
#ifndef CF_BROKER_DATADIR_H
#define CF_BROKER_DATADIR_H
#include "broker/env.h"
#include "broker/files.h"
#include "codec/address.h"
#include "codec/keys.h"

typedef struct cf_datadir cf_datadir;

/* Takes the directory, making it and its key when `create` is set and it is new. CF_LOCKED while
 * another process has it; CF_MISSING when there is none; CF_BROKEN when there is a store without
 * the key that its peers know. `env->files` is used, and set in the process. */
cf_status cf_datadir_open(const cf_env *env, const char *path, bool create, cf_datadir **out,
                          cf_error *error);
void cf_datadir_destroy(cf_datadir **datadir);

const char *cf_datadir_path(const cf_datadir *datadir);
const cf_keys *cf_datadir_keys(const cf_datadir *datadir);
/* Room left, in bytes. */
cf_status cf_datadir_room(const cf_datadir *datadir, uint64_t *out, cf_error *error);

/* The broker's line, as it was last served. CF_MISSING when it never was. */
cf_status cf_datadir_address(const cf_datadir *datadir, char line[CF_ADDRESS_TEXT],
                             cf_error *error);
cf_status cf_datadir_keep_address(const cf_datadir *datadir, const char *line, cf_error *error);

#endif
