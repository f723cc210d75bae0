/* SPDX-License-Identifier: Apache-2.0 */
/* Own entries that the broker does not have yet, as the home notes them: of each writer that has
 * such the first and the last, since a broker takes a chain in order. All stand in one value of the
 * home, so that it costs the same to ask however many were sent before. A home that has a key for
 * each such entry, as older ones do, is read by these and loses them at the first change. Not
 * synced when they are taken back: after a crash the broker is asked again. Owned by the engine's
 * thread. */
#ifndef CF_PEER_LOG_UNSENT_H
#define CF_PEER_LOG_UNSENT_H
#include "broker/platform/env.h"
#include "codec/heads.h"
#include "peer/log/tables.h"
#include "peer/log/withheld.h"

/* A part of one writer's chain: the entries from `first` on that `last` ends. */
typedef struct {
    uint64_t first;
    cf_head last;
} cf_unsent_part;

typedef struct {
    cf_unsent_part *at; /* each of another writer */
    size_t count, capacity;
    cf_kv_list old; /* what takes away the keys of an older home */
    bool is_old;    /* the home has no value yet */
} cf_unsent;        /* {0} is empty */
void cf_unsent_release(cf_unsent *unsent);

cf_status cf_unsent_load(cf_store *store, const cf_hash *user, cf_unsent *out, cf_error *error);
/* One that was made just now, the last of its writer. */
void cf_unsent_add(cf_unsent *unsent, const cf_head *entry);
/* Adds what writes it, to be committed with the entries that it names. */
void cf_unsent_put(const cf_unsent *unsent, cf_kv_list *records);
/* Without those that are withheld, which no broker will have. */
void cf_unsent_leave_out(cf_unsent *unsent, const cf_withheld *withheld);
/* How many entries. */
uint64_t cf_unsent_count(const cf_unsent *unsent);

/* Each entry. Where a chain of this device has branches, each that is as late in any of them. */
typedef void cf_unsent_visit(void *context, const cf_head *entry);
cf_status cf_unsent_each(cf_store *store, const cf_hash *user, cf_unsent_visit *visit,
                         void *context, cf_error *error);

/* Whether the broker, as far as is known, lacks this one. */
bool cf_unsent_holds(cf_store *store, const cf_hash *user, const cf_head *entry);
/* The broker has this one, hence all before it. */
void cf_unsent_forget(const cf_env *env, cf_store *store, const cf_hash *user,
                      const cf_head *entry);
/* It shows these heads: what is in the past of one that is held here, too, it has. */
void cf_unsent_shown(const cf_env *env, cf_store *store, const cf_hash *user,
                     const cf_heads *shown);
/* It has all that there are but those that are withheld; NULL: really all. */
void cf_unsent_clear(const cf_env *env, cf_store *store, const cf_hash *user,
                     const cf_withheld *withheld);

#endif
