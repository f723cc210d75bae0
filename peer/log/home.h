/* SPDX-License-Identifier: Apache-2.0 */
/* A home: the directory in which a peer keeps its keys, its log and what it knows of its sources.
 * One process at a time has it. Layout: `format`, `lock` (of who has it), `serve-lock` (of who
 * serves it, or waits to), `keys` (0600), `store/`, `base/`, `tmp/`, `blobs/` (of a relay),
 * `control` (the socket of who serves it). */
#ifndef CF_PEER_LOG_HOME_H
#define CF_PEER_LOG_HOME_H
#include "broker/blobs/blobs.h"
#include "broker/platform/env.h"
#include "broker/platform/files.h"
#include "broker/store/store.h"
#include "codec/ring.h"

typedef struct cf_home cf_home;

/* The home that is meant: `given` (--home), else $COUNTERFOIL_HOME, else
 * $XDG_STATE_HOME/counterfoil, else
 * ~/.local/state/counterfoil. Appends the path and a NUL. CF_USAGE when none of these is set. */
cf_status cf_home_path(const char *given, cf_buffer *path, cf_error *error);

typedef struct {
    const cf_env *env; /* outlives the home */
    const char *path;
    const char *doing; /* for whom the home is refused meanwhile: a verb's name. NULL: not said */
    bool create;       /* make what is missing; else CF_MISSING when there is no home */
    cf_store *store;   /* instead of the one that is kept in `store/`; taken. NULL in the product */
    cf_blobs *blobs;   /* the same of `blobs/`; with a store and no blobs there are none */
} cf_home_options;

/* Before a process serves the home: one at a time may, and may wait for the home then, which a verb
 * has for a while. Held until the file is closed. CF_LOCKED when another process serves it, or
 * waits to; else as cf_home_open. */
cf_status cf_home_lock_serving(const cf_env *env, const char *path, cf_file **out, cf_error *error);

/* CF_LOCKED when another process has it; CF_BROKEN when it is damaged or of a newer format
 * (untouched then). */
cf_status cf_home_open(const cf_home_options *options, cf_home **out, cf_error *error);
void cf_home_close(cf_home **home);
/* Closes it and takes it away: the keys first, overwritten, then all else that is a home's. What
 * others put beside it stays. */
cf_status cf_home_wipe(cf_home **home, cf_error *error);

/* CF_BROKEN when its folder was removed or moved, also where another home was made since: it is to
 * be ended. CF_OK where the disk doesn't say. */
cf_status cf_home_check_place(const cf_home *home, cf_error *error);
const char *cf_home_shown(const cf_home *home); /* its path */
cf_store *cf_home_store(const cf_home *home);
/* Where the blobs are that a relay carries; the home's. CF_MISSING where there are none, unless
 * they are to be made. */
cf_status cf_home_blobs(cf_home *home, bool make, cf_blobs **out, cf_error *error);
/* Where bases are kept, and files that are being made. */
const cf_folder *cf_home_base(const cf_home *home);
const cf_folder *cf_home_temporary(const cf_home *home);
/* A folder in there, of one source; made where it is missing. */
cf_status cf_home_open_temporary(const cf_home *home, const char *use, uint32_t source,
                                 cf_folder **out, cf_error *error);

/* The device's secrets; CF_MISSING when there is no user in this home yet. */
cf_status cf_home_load_secrets(cf_home *home, cf_keys **keys, cf_ring **ring, cf_error *error);
cf_status cf_home_save_secrets(cf_home *home, const cf_keys *keys, const cf_ring *ring,
                               cf_error *error);

/* Small things by name, kept in the store: the user, the broker's line, this device's name. Durable
 * at return. */
cf_status cf_home_get(cf_home *home, const char *name, cf_buffer *value, cf_error *error);
cf_status cf_home_set(cf_home *home, const char *name, cf_bytes value, cf_error *error);
/* Which of these texts it is; 0 where it was never set. CF_BROKEN: it is none of them. */
cf_status cf_home_get_choice(cf_home *home, const char *name, const char *const *texts,
                             size_t count, size_t *out, cf_error *error);
#define CF_HOME_USER "user"     /* 32 bytes */
#define CF_HOME_BROKER "broker" /* an address line; empty: none */
#define CF_HOME_DEVICE "device" /* this device's name */

#endif
