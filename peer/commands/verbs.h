/* SPDX-License-Identifier: Apache-2.0 */
/* All verbs, one a file but `help`, which is beside their table. */
#ifndef CF_PEER_COMMANDS_VERBS_H
#define CF_PEER_COMMANDS_VERBS_H
#include "peer/program/verb.h"

extern const cf_verb cf_verb_add;
extern const cf_verb cf_verb_broker;
extern const cf_verb cf_verb_collections;
extern const cf_verb cf_verb_delta;
extern const cf_verb cf_verb_devices;
extern const cf_verb cf_verb_help;
extern const cf_verb cf_verb_init;
extern const cf_verb cf_verb_join;
extern const cf_verb cf_verb_leave;
extern const cf_verb cf_verb_conflicts;
extern const cf_verb cf_verb_limit;
extern const cf_verb cf_verb_pause;
extern const cf_verb cf_verb_resume;
extern const cf_verb cf_verb_lock;
extern const cf_verb cf_verb_locks;
extern const cf_verb cf_verb_log;
extern const cf_verb cf_verb_pair;
extern const cf_verb cf_verb_locate;
extern const cf_verb cf_verb_patch;
extern const cf_verb cf_verb_paths;
extern const cf_verb cf_verb_recover;
extern const cf_verb cf_verb_remove;
extern const cf_verb cf_verb_repair;
extern const cf_verb cf_verb_serve;
extern const cf_verb cf_verb_set;
extern const cf_verb cf_verb_show;
extern const cf_verb cf_verb_status;
extern const cf_verb cf_verb_sync;
extern const cf_verb cf_verb_unlock;
extern const cf_verb cf_verb_verify;
extern const cf_verb cf_verb_version;

/* In the order in which a person meets them, ended by NULL. */
extern const cf_verb *const cf_verbs[];

/* The usage of one verb, of one of its subverbs where that isn't NULL, or of the whole program (no
 * verb). */
void cf_verbs_show_usage(const cf_output *output, const cf_verb *verb, const cf_subverb *subverb);

#endif
