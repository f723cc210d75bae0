/* SPDX-License-Identifier: Apache-2.0 */
/* What the user has paused, kept in the home: all that goes to a broker and comes, or collections,
 * of which nothing is looked at, sent or put into its place. */
#ifndef CF_PEER_ENGINE_PAUSES_H
#define CF_PEER_ENGINE_PAUSES_H
#include "peer/log/home.h"

#define CF_PAUSES_MAX 4096
#define CF_PAUSED_UNTIL_RESUMED UINT64_MAX
#define CF_PAUSE_MIN_MS UINT64_C(1000)
#define CF_PAUSE_MAX_MS (UINT64_C(3650) * 86400000)

typedef struct {
    cf_id collection;  /* all zero: the device */
    uint64_t until_ms; /* by the time of day */
} cf_pause;

typedef struct {
    cf_pause *at;
    size_t count, capacity;
} cf_pauses; /* {0} is none */

/* CF_BROKEN: what is kept is damaged. */
cf_status cf_pauses_recall(cf_home *home, cf_pauses *out, cf_error *error);
/* Without those that are over. */
cf_status cf_pauses_keep(cf_home *home, const cf_pauses *pauses, uint64_t now_ms, cf_error *error);
void cf_pauses_release(cf_pauses *pauses);

/* Of that collection; NULL for it: of the device. NULL: it is not paused, or that is over. */
const cf_pause *cf_pauses_find(const cf_pauses *pauses, const cf_id *collection, uint64_t now_ms);
/* In the place of the one there was. CF_TOO_LARGE. */
cf_status cf_pauses_add(cf_pauses *pauses, const cf_id *collection, uint64_t until_ms,
                        cf_error *error);
void cf_pauses_end(cf_pauses *pauses, const cf_id *collection);

enum { CF_PAUSE_TEXT = 96 };
/* "paused until 18:00" or "paused"; in local time. */
void cf_pause_show(const cf_pause *pause, uint64_t now_ms, char text[CF_PAUSE_TEXT]);

#endif
