/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/upkeep/search.h"

#include "broker/upkeep/lost_blobs.h"

#include <stdatomic.h>
#include <stdlib.h>

#define SELDOM_MS (10 * 60 * 1000) /* between two of one user */
#define MEMORY CF_MIB

/* Whose log is to be read, or was lately. */
typedef struct {
    cf_hash user;
    uint64_t next_ms; /* not before */
    bool is_due;
} asked;

struct cf_search {
    cf_job job;
    cf_search_options options;
    asked *all;
    size_t count, capacity;
    bool is_working;
    atomic_bool stops;
    /* Of the user in work. */
    cf_hash user;
    cf_lost_blobs missing;
    cf_status status;
    cf_error error;
};

cf_search *cf_search_new(const cf_search_options *options)
{
    cf_search *search = cf_allocate(1, sizeof *search);

    search->options = *options;
    return search;
}

void cf_search_stop(cf_search *search)
{
    search->stops = true;
}

void cf_search_destroy(cf_search **search)
{
    if (!*search)
        return;
    cf_lost_blobs_release(&(*search)->missing);
    free((*search)->all);
    free(*search);
    *search = NULL;
}

static void work(cf_job *job)
{
    cf_search *search = (cf_search *)job;
    const cf_search_options *options = &search->options;

    search->status = cf_lost_blobs_find_of(options->store, options->blobs, &search->user,
                                           &search->stops, &search->missing, &search->error);
}

static void ask(cf_search *search)
{
    const cf_search_options *options = &search->options;
    cf_lost_blobs *missing = &search->missing;
    cf_hash *blobs = cf_allocate(missing->count + 1, sizeof *blobs);

    cf_lost_blobs_note(options->users, options->quotas, options->blobs, missing);
    for (size_t i = 0; i < missing->count; i++) {
        char hex[2 * CF_HASH_SIZE + 1];

        blobs[i] = missing->list[i].blob;
        cf_hex(cf_bytes_of(blobs[i].bytes, CF_HASH_SIZE), hex);
        cf_report(options->env, CF_REPORT_WARNING,
                  "user %s: blob %s is gone: the devices are asked for it",
                  cf_user_shorten(&search->user).text, hex);
    }
    if (missing->count)
        options->ask(options->context, &search->user, blobs, missing->count);
    free(blobs);
}

static void done(cf_job *job)
{
    cf_search *search = (cf_search *)job;
    const cf_env *env = search->options.env;

    search->is_working = false;
    if (job->dropped || search->stops)
        return;
    if (search->status)
        cf_report(env, CF_REPORT_WARNING, "user %s: looking for blobs that are missing: %s",
                  cf_user_shorten(&search->user).text, search->error.text);
    else
        ask(search);
    cf_search_tick(search, cf_env_steady_ms(env));
}

void cf_search_tick(cf_search *search, uint64_t now_ms)
{
    for (size_t i = search->count; i-- > 0 && !search->is_working;) {
        asked *it = &search->all[i];

        if (now_ms < it->next_ms)
            continue;
        if (!it->is_due) {
            *it = search->all[--search->count];
            continue;
        }
        it->is_due = false;
        it->next_ms = now_ms + SELDOM_MS;
        search->user = it->user;
        cf_lost_blobs_release(&search->missing);
        search->is_working = true;
        search->job = (cf_job){.work = work, .done = done, .memory = MEMORY};
        search->options.jobs->submit(search->options.jobs, &search->job);
    }
}

static asked *find_or_add(cf_search *search, const cf_hash *user)
{
    for (size_t i = 0; i < search->count; i++)
        if (cf_hash_equal(&search->all[i].user, user))
            return &search->all[i];
    asked *made = cf_one_more(search->all, search->count, search->capacity);
    *made = (asked){.user = *user};
    return made;
}

void cf_search_note(cf_search *search, const cf_hash *user, uint64_t now_ms)
{
    find_or_add(search, user)->is_due = true;
    cf_search_tick(search, now_ms);
}
