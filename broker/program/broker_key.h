/* SPDX-License-Identifier: Apache-2.0 */
/* The broker's key, in `key` of its data directory. No device can bring it back; but who serves
 * with it has it, and can save it when it is removed or damaged meanwhile. */
#ifndef CF_BROKER_PROGRAM_BROKER_KEY_H
#define CF_BROKER_PROGRAM_BROKER_KEY_H
#include "broker/platform/env.h"
#include "broker/platform/files.h"
#include "codec/keys.h"

#define CF_BROKER_KEY_SERVED                                                                       \
    "key.served" /* the one that is used, where another one lies in `key` */

/* `*out` is the caller's. */
cf_status cf_broker_key_make(const cf_env *env, cf_folder *folder, cf_keys **out, cf_error *error);
/* CF_MISSING; CF_BROKEN: it is no key. */
cf_status cf_broker_key_read(cf_files *files, cf_folder *folder, cf_keys **out, cf_error *error);
/* Others than its owner may read it: who can read it can be the broker. */
bool cf_broker_key_is_open(cf_files *files, cf_folder *folder);

typedef enum {
    CF_BROKER_KEY_IS_THERE,    /* or nobody can tell */
    CF_BROKER_KEY_IS_LOST,     /* nothing is there, or no key */
    CF_BROKER_KEY_IS_REPLACED, /* by another one, by bad luck or by somebody who meant it */
} cf_broker_key_place;
cf_broker_key_place cf_broker_key_look(cf_files *files, cf_folder *folder, const cf_keys *used);
/* Writes the key that is used where it is lost. Where another one lies, that is left there, and the
 * one that is used lies beside it. */
cf_status cf_broker_key_keep(cf_files *files, cf_folder *folder, const cf_keys *used,
                             cf_error *error);

#endif
