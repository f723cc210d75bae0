/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/tallies.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTE_MS = 60000 };

static cf_tally *find(const cf_tallies *tallies, const char *kind, const char *source)
{
    for (size_t i = 0; i < tallies->count; i++)
        if (strcmp(tallies->list[i].kind, kind) == 0 &&
            strcmp(tallies->list[i].source, source) == 0)
            return &tallies->list[i];
    return NULL;
}

/* The last places belong to the sums of all who have no place of their own. */
static cf_tally *find_or_add(cf_tallies *tallies, const char *kind, const char *source,
                             uint64_t now_ms)
{
    char kept[CF_TALLY_SOURCE];

    snprintf(kept, sizeof kept, "%s", source);
    cf_tally *found = find(tallies, kind, kept);
    if (!found && tallies->count >= CF_TALLIES_MAX) {
        kept[0] = '\0';
        found = find(tallies, kind, kept);
    }
    if (found)
        return found;
    found = cf_one_more(tallies->list, tallies->count, tallies->capacity);
    *found = (cf_tally){.kind = kind, .since_ms = now_ms};
    memcpy(found->source, kept, sizeof kept);
    return found;
}

cf_tally *cf_tallies_take(cf_tallies *tallies, const char *kind, const char *source, unsigned burst,
                          uint64_t now_ms)
{
    cf_tally *it = find_or_add(tallies, kind, source, now_ms);

    if (it->written < burst) {
        it->written++;
        return NULL;
    }
    it->counted++;
    return it;
}

uint64_t cf_tallies_tick(cf_tallies *tallies, uint64_t now_ms, cf_tallies_tell *tell, void *context)
{
    uint64_t next = UINT64_MAX;

    for (size_t i = tallies->count; i-- > 0;) {
        cf_tally *it = &tallies->list[i];
        bool is_over = now_ms < it->since_ms || now_ms - it->since_ms >= MINUTE_MS;

        if (is_over) {
            if (it->counted)
                tell(context, it);
            *it = tallies->list[--tallies->count];
        } else if (it->since_ms + MINUTE_MS < next) {
            next = it->since_ms + MINUTE_MS;
        }
    }
    return next;
}

void cf_tallies_release(cf_tallies *tallies, cf_tallies_tell *tell, void *context)
{
    for (size_t i = 0; i < tallies->count; i++)
        if (tallies->list[i].counted)
            tell(context, &tallies->list[i]);
    free(tallies->list);
    *tallies = (cf_tallies){0};
}

/* ---- Messages that come again and again ---- */

enum { BURST = 5, USER_DIGITS = 12, LINE_SIZE = CF_TALLY_TEXT + 80 };

struct cf_repeats {
    pthread_mutex_t mutex;
    cf_tallies tallies;
};

cf_repeats *cf_repeats_new(void)
{
    cf_repeats *repeats = cf_allocate(1, sizeof *repeats);

    pthread_mutex_init(&repeats->mutex, NULL);
    return repeats;
}

static void tell(void *context, const cf_tally *tally)
{
    const cf_env *env = context;
    char line[LINE_SIZE];

    snprintf(line, sizeof line, "%s (%" PRIu64 " more of these in the last minute)", tally->last,
             tally->counted);
    env->report(env->context, tally->level, line);
}

void cf_repeats_destroy(cf_repeats **repeats, const cf_env *env)
{
    if (!*repeats)
        return;
    cf_tallies_release(&(*repeats)->tallies, tell, (void *)env);
    pthread_mutex_destroy(&(*repeats)->mutex);
    free(*repeats);
    *repeats = NULL;
}

/* "6f1c20a9be47" of "user 6f1c20a9be47: …", or nothing. */
static void find_user(const char *text, char out[CF_TALLY_SOURCE])
{
    static const char word[] = "user ";

    out[0] = '\0';
    for (const char *at = text; (at = strstr(at, word));) {
        at += sizeof word - 1;
        if (strspn(at, "0123456789abcdef") == USER_DIGITS) {
            snprintf(out, CF_TALLY_SOURCE, "%.*s", USER_DIGITS, at);
            return;
        }
    }
}

void cf_repeats_take(cf_repeats *repeats, const cf_env *env, cf_report_level level,
                     const char *format, const char *text, uint64_t now_ms)
{
    char source[CF_TALLY_SOURCE];

    if (strcmp(format, "%s") == 0)
        snprintf(source, sizeof source, "%s", text);
    else
        find_user(text, source);
    pthread_mutex_lock(&repeats->mutex);
    cf_tallies_tick(&repeats->tallies, now_ms, tell, (void *)env);
    cf_tally *counted = cf_tallies_take(&repeats->tallies, format, source, BURST, now_ms);
    if (counted) {
        counted->level = counted->counted == 1 || level < counted->level ? level : counted->level;
        snprintf(counted->last, sizeof counted->last, "%s", text);
    } else {
        env->report(env->context, level, text);
    }
    pthread_mutex_unlock(&repeats->mutex);
}

uint64_t cf_repeats_tick(cf_repeats *repeats, const cf_env *env, uint64_t now_ms)
{
    pthread_mutex_lock(&repeats->mutex);
    uint64_t next = cf_tallies_tick(&repeats->tallies, now_ms, tell, (void *)env);
    pthread_mutex_unlock(&repeats->mutex);
    return next;
}
