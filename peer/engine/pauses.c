/* SPDX-License-Identifier: Apache-2.0 */
/* Whether something is paused: its pause has not come to its end. That of all that goes to a
 * broker, under an id of zeros, says nothing of a collection, nor theirs of that. What is over is
 * not written again. */
#include "peer/engine/pauses.h"

#include "broker/platform/times.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char pauses_name[] = "pauses"; /* collection and end, each */

enum { RECORD = CF_ID_SIZE + 8 };

cf_status cf_pauses_recall(cf_home *home, cf_pauses *out, cf_error *error)
{
    cf_buffer kept = {0};

    cf_status status = cf_home_get(home, pauses_name, &kept, error);
    if (status == CF_MISSING)
        status = CF_OK;
    else if (!status && (kept.size % RECORD || kept.size / RECORD > CF_PAUSES_MAX))
        status = cf_fail(error, CF_BROKEN,
                         "what is kept here of pauses is damaged: `counterfoil resume` drops it");
    *out = (cf_pauses){0};
    for (size_t i = 0; !status && i < kept.size; i += RECORD) {
        cf_id collection;

        memcpy(collection.bytes, kept.data + i, CF_ID_SIZE);
        status = cf_pauses_add(out, &collection, cf_get_u64(kept.data + i + CF_ID_SIZE), error);
    }
    if (status)
        cf_pauses_release(out);
    cf_buffer_release(&kept);
    return status;
}

static bool is_over(const cf_pause *pause, uint64_t now_ms)
{
    return pause->until_ms <= now_ms;
}

cf_status cf_pauses_keep(cf_home *home, const cf_pauses *pauses, uint64_t now_ms, cf_error *error)
{
    cf_buffer kept = {0};

    for (size_t i = 0; i < pauses->count; i++) {
        uint8_t until[8];

        if (is_over(&pauses->at[i], now_ms))
            continue;
        cf_put_u64(until, pauses->at[i].until_ms);
        cf_buffer_append(&kept, pauses->at[i].collection.bytes, CF_ID_SIZE);
        cf_buffer_append(&kept, until, sizeof until);
    }
    cf_status status = cf_home_set(home, pauses_name, cf_buffer_view(&kept), error);
    cf_buffer_release(&kept);
    return status;
}

void cf_pauses_release(cf_pauses *pauses)
{
    free(pauses->at);
    *pauses = (cf_pauses){0};
}

static cf_pause *find(const cf_pauses *pauses, const cf_id *collection)
{
    static const cf_id device;

    for (size_t i = 0; i < pauses->count; i++)
        if (cf_id_equal(&pauses->at[i].collection, collection ? collection : &device))
            return &pauses->at[i];
    return NULL;
}

const cf_pause *cf_pauses_find(const cf_pauses *pauses, const cf_id *collection, uint64_t now_ms)
{
    const cf_pause *found = find(pauses, collection);

    return found && !is_over(found, now_ms) ? found : NULL;
}

cf_status cf_pauses_add(cf_pauses *pauses, const cf_id *collection, uint64_t until_ms,
                        cf_error *error)
{
    cf_pause *found = find(pauses, collection);

    if (!found && pauses->count == CF_PAUSES_MAX)
        return cf_fail(error, CF_TOO_LARGE, "%d collections are paused, and no more can be",
                       CF_PAUSES_MAX);
    if (!found) {
        found = cf_one_more(pauses->at, pauses->count, pauses->capacity);
        *found = (cf_pause){0};
        if (collection)
            found->collection = *collection;
    }
    found->until_ms = until_ms;
    return CF_OK;
}

void cf_pauses_end(cf_pauses *pauses, const cf_id *collection)
{
    cf_pause *found = find(pauses, collection);

    if (found)
        *found = pauses->at[--pauses->count];
}

void cf_pause_show(const cf_pause *pause, uint64_t now_ms, char text[CF_PAUSE_TEXT])
{
    char end[CF_TIME_TEXT];

    if (pause->until_ms == CF_PAUSED_UNTIL_RESUMED) {
        snprintf(text, CF_PAUSE_TEXT, "paused");
        return;
    }
    cf_time_show_end(pause->until_ms, now_ms, end);
    snprintf(text, CF_PAUSE_TEXT, "paused until %s", end);
}
