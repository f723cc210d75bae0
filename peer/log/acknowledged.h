/* SPDX-License-Identifier: Apache-2.0 */
/* What a broker once acknowledged: the heads that it showed, and the entries that it took from this
 * device or sent to it since. A broker that shows less later was rolled back: it was restored from
 * an older copy, or lost data. Kept in the home for each instance of a broker's log, one head a
 * branch; written lazily, with a later commit. Owned by the engine's thread. */
#ifndef CF_PEER_LOG_ACKNOWLEDGED_H
#define CF_PEER_LOG_ACKNOWLEDGED_H
#include "broker/store/store.h"
#include "codec/heads.h"
#include "peer/log/tables.h"

typedef struct {
    uint8_t instance[16];
    cf_heads heads;
    bool is_dirty;
} cf_acknowledged; /* {0} is nobody's */

void cf_acknowledged_release(cf_acknowledged *acknowledged);

/* What a broker shows at the beginning of a session. */
typedef struct {
    const uint8_t *instance; /* 16 bytes; of its log */
    const cf_heads *heads;
    /* Whether it shows heads of the collection where that one lies; NULL: of all. */
    bool (*is_told)(void *context, const cf_head *head);
    void *context;
} cf_shown_heads;

/* A session began. `lacking` gets how many entries the broker had acknowledged and does not show,
 * where it would. From now on what it shows is what counts, and what it would not show still does.
 */
cf_status cf_acknowledged_greet(cf_acknowledged *acknowledged, cf_store *store, const cf_hash *user,
                                const cf_shown_heads *shown, uint64_t *lacking, cf_error *error);
/* It has this entry. */
void cf_acknowledged_add(cf_acknowledged *acknowledged, const cf_entry *entry);
/* Writes what is new, unsynced. */
cf_status cf_acknowledged_save(cf_acknowledged *acknowledged, cf_store *store, const cf_hash *user,
                               cf_error *error);

/* How far the broker's log goes, by its own word: for a device that isn't told what lies in it,
 * since it doesn't keep all. `*fewer` gets how many entries there were more when it was last said,
 * of the same instance. Written unsynced. */
typedef struct {
    const uint8_t *instance; /* 16 bytes */
    uint64_t position;
} cf_log_extent;
cf_status cf_acknowledged_extent(cf_store *store, const cf_hash *user, const cf_log_extent *now,
                                 uint64_t *fewer, cf_error *error);

/* How many entries lie between what was acknowledged and what is shown. Of two branches of one
 * writer it is not known which is whose: one that is shown as far stands for the other. */
uint64_t cf_heads_lacking(const cf_heads *acknowledged, const cf_heads *shown);

/* The last time that a broker was found rolled back, for people. */
typedef struct {
    uint64_t time_ms;
    uint64_t lacking;   /* entries */
    const char *broker; /* its endpoint; in the arena */
} cf_rollback;

/* Durable at return. */
cf_status cf_rollback_keep(cf_store *store, const cf_hash *user, const cf_rollback *rollback,
                           cf_error *error);
/* CF_MISSING: there was none. */
cf_status cf_rollback_recall(cf_store *store, const cf_hash *user, cf_arena *arena,
                             cf_rollback *out, cf_error *error);

#endif
