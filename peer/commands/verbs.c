/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/verbs.h"

const cf_verb *const cf_verbs[] = {
    &cf_verb_init,   &cf_verb_pair,    &cf_verb_join,        &cf_verb_recover,
    &cf_verb_leave,  &cf_verb_devices, &cf_verb_broker,      &cf_verb_add,
    &cf_verb_set,    &cf_verb_remove,  &cf_verb_collections, &cf_verb_sync,
    &cf_verb_serve,  &cf_verb_status,  &cf_verb_conflicts,   &cf_verb_locate,
    &cf_verb_limit,  &cf_verb_pause,   &cf_verb_resume,      &cf_verb_lock,
    &cf_verb_unlock, &cf_verb_locks,   &cf_verb_log,         &cf_verb_show,
    &cf_verb_delta,  &cf_verb_patch,   &cf_verb_verify,      &cf_verb_repair,
    &cf_verb_paths,  &cf_verb_version, &cf_verb_help,        NULL,
};
