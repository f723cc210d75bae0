/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/upkeep/sweep.h"

#include "broker/gateway/replay_lock.h"
#include "broker/management/abandoned.h"
#include "codec/limits.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define AGE_MS (7 * CF_DAY_MS)
#define FIRST_MS (10 * 60 * 1000)  /* after the start */
#define SELDOM_MS (60 * 60 * 1000) /* between two rounds, however short room is */
#define MEMORY (4 * CF_MIB)
static_assert(CF_ABANDONED_MS < AGE_MS, "what is short of room takes no longer than what is not");

enum {
    CANDIDATES = 16384, /* that are looked at together, with the rest of a first byte */
    CANDIDATES_MAX = 4 * CANDIDATES, /* the others of that are left for another day */
};

/* A blob that is old enough, and not yet seen to be named. */
typedef struct {
    cf_hash id;
    uint64_t size;
    bool complete, is_aside, is_named;
} candidate;

struct cf_sweep {
    cf_job job;
    cf_sweep_options options;
    uint64_t next_ms;  /* 0: not said yet */
    uint64_t began_ms; /* the last round; 0: none did */
    cf_hash *users;    /* still to be looked at in this round */
    size_t user_count, user_capacity;
    bool is_working;
    atomic_bool stops;
    /* Of the user in work. */
    cf_hash user;
    uint64_t before_ms;
    candidate *candidates; /* ascending by id, see compare */
    size_t count, capacity;
    uint8_t first;           /* byte of their ids */
    cf_blob_usage listed;    /* all of the user's so far, */
    uint64_t changes;        /* if this is so still, see cf_quotas_changes */
    bool is_last;            /* no blob has a higher one than theirs */
    uint64_t read;           /* position up to which the log was read */
    cf_exclusion *exclusion; /* asked for before anything is dropped; or NULL */
    cf_status status;
    cf_error error;
};

cf_sweep *cf_sweep_new(const cf_sweep_options *options)
{
    cf_sweep *sweep = cf_allocate(1, sizeof *sweep);

    sweep->options = *options;
    return sweep;
}

void cf_sweep_stop(cf_sweep *sweep)
{
    sweep->stops = true;
}

void cf_sweep_destroy(cf_sweep **sweep)
{
    if (!*sweep)
        return;
    cf_exclusion_end(&(*sweep)->exclusion);
    free((*sweep)->users);
    free((*sweep)->candidates);
    free(*sweep);
    *sweep = NULL;
}

static bool note_old(void *context, const cf_blob_info *blob)
{
    cf_sweep *sweep = context;

    if (blob->complete && sweep->count >= CANDIDATES && blob->id.bytes[0] != sweep->first) {
        sweep->first = blob->id.bytes[0]; /* goes on there */
        sweep->is_last = false;
        return false;
    }
    if (blob->complete)
        sweep->first = blob->id.bytes[0];
    sweep->listed.count += !blob->is_aside;
    sweep->listed.size += blob->is_aside ? 0 : blob->size;
    if (blob->stored_ms >= sweep->before_ms || sweep->count == CANDIDATES_MAX)
        return true;
    *cf_one_more(sweep->candidates, sweep->count, sweep->capacity) = (candidate){
        .id = blob->id, .size = blob->size, .complete = blob->complete, .is_aside = blob->is_aside};
    return true;
}

/* By id. What was set aside comes first, an upload last. */
static int compare(const void *a, const void *b)
{
    const candidate *first = a, *second = b;
    int order = cf_hash_compare(&first->id, &second->id);

    if (order)
        return order;
    if (first->is_aside != second->is_aside)
        return first->is_aside ? -1 : 1;
    return (int)second->complete - (int)first->complete;
}

/* The first of this id or a higher one. */
static size_t find(const cf_sweep *sweep, const cf_hash *id)
{
    size_t low = 0, high = sweep->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (cf_hash_compare(&sweep->candidates[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* One may lie aside, and be here again, or on its way. */
static void mark(cf_sweep *sweep, const cf_hash *id)
{
    for (size_t i = find(sweep, id);
         i < sweep->count && cf_hash_equal(&sweep->candidates[i].id, id); i++)
        sweep->candidates[i].is_named = true;
}

static bool note_named(void *context, uint64_t position, cf_bytes wire)
{
    cf_sweep *sweep = context;
    cf_arena arena = {0};
    cf_entry entry;

    sweep->status = cf_entry_read(wire, &arena, &entry, &sweep->error);
    for (size_t i = 0; !sweep->status && i < entry.header.blob_count; i++)
        mark(sweep, &entry.header.blobs[i]);
    cf_arena_release(&arena);
    sweep->read = position;
    return !sweep->status && !sweep->stops;
}

/* An entry that can't be read may name anything: then nothing is dropped. */
static cf_status read_log(cf_sweep *sweep)
{
    cf_store *store = sweep->options.store;
    cf_status status =
        store->read(store, &sweep->user, sweep->read + 1, note_named, sweep, &sweep->error);

    return status ? status : sweep->status;
}

static void work(cf_job *job)
{
    cf_sweep *sweep = (cf_sweep *)job;
    cf_blobs *blobs = sweep->options.blobs;

    sweep->is_last = true;
    sweep->status = blobs->list(blobs, &sweep->user, sweep->first, note_old, sweep, &sweep->error);
    if (sweep->status || sweep->count == 0)
        return;
    qsort(sweep->candidates, sweep->count, sizeof *sweep->candidates, compare);
    sweep->status = read_log(sweep);
}

static bool has_unnamed(const cf_sweep *sweep)
{
    for (size_t i = 0; i < sweep->count; i++)
        if (!sweep->candidates[i].is_named)
            return true;
    return false;
}

/* An upload that went on meanwhile is no old one any more. */
static bool is_as_it_was(const cf_sweep *sweep, const candidate *it)
{
    cf_blobs *blobs = sweep->options.blobs;
    cf_blob_held held;
    cf_error error;

    if (blobs->held(blobs, &sweep->user, &it->id, &held, &error) || held.complete != it->complete)
        return false;
    /* Of what was set aside nothing may be on its way again: it would go, too. */
    return it->complete || held.size == (it->is_aside ? 0 : cf_blob_resume(it->size));
}

static cf_status drop_unnamed(cf_sweep *sweep, cf_blob_usage *dropped)
{
    cf_blobs *blobs = sweep->options.blobs;
    cf_quotas *quotas = sweep->options.quotas;
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < sweep->count; i++) {
        const candidate *it = &sweep->candidates[i];

        /* An upload may be named: its entry came with `without`, and it was given up. */
        if ((it->is_named && (it->complete || it->is_aside)) || !is_as_it_was(sweep, it))
            continue;
        if (!dropped->count && quotas)
            status = cf_quotas_dropping(quotas, &sweep->user, &sweep->error);
        if (!status)
            status = blobs->drop(blobs, &sweep->user, &it->id, &sweep->error);
        if (status)
            break;
        dropped->count += !it->is_aside;
        dropped->size += it->is_aside ? 0 : it->size;
    }
    return status;
}

/* What is being appended is committed, and read, before anything goes. */
static void collect(cf_sweep *sweep, uint64_t now_ms)
{
    const cf_sweep_options *options = &sweep->options;
    cf_audit_event event = {.what = CF_AUDIT_BLOBS_COLLECTED, .user = &sweep->user};
    cf_blob_usage dropped = {0};
    cf_status status = options->store->commit(options->store, &sweep->error);

    if (!status)
        status = read_log(sweep);
    if (!status)
        status = drop_unnamed(sweep, &dropped);
    if (status)
        cf_report(options->env, CF_REPORT_WARNING, "user %s: collecting blobs: %s",
                  cf_user_shorten(&sweep->user).text, sweep->error.text);
    if (dropped.count == 0)
        return;
    if (options->quotas)
        cf_quotas_dropped(options->quotas, &sweep->user, dropped);
    event.size = dropped.size;
    cf_audit_note(options->audit, &event, now_ms);
}

static bool has_uploads(const cf_sweep *sweep)
{
    for (size_t i = 0; i < sweep->count; i++)
        if (!sweep->candidates[i].complete && !sweep->candidates[i].is_aside)
            return true;
    return false;
}

static void note(const cf_sweep *sweep, cf_audit_decision what, uint64_t now_ms)
{
    cf_audit_note(sweep->options.audit,
                  &(cf_audit_event){.what = what, .user = &sweep->user, .why = "collecting blobs"},
                  now_ms);
}

/* With no replay under way: none hands out what goes. */
static void collect_alone(cf_sweep *sweep, uint64_t now_ms)
{
    note(sweep, CF_AUDIT_EXCLUSIVE_BEGUN, now_ms);
    if (cf_users_find(sweep->options.users, &sweep->user))
        collect(sweep, now_ms);
    note(sweep, CF_AUDIT_EXCLUSIVE_ENDED, now_ms);
    cf_exclusion_end(&sweep->exclusion);
}

/* It may come in the middle of something: the rest is done from the tick. */
static void nobody_replays(void *context)
{
    cf_sweep *sweep = context;

    if (sweep->exclusion && sweep->options.ready)
        sweep->options.ready(sweep->options.context);
}

/* False: replays are under way. */
static bool begin_collecting(cf_sweep *sweep)
{
    const cf_env *env = sweep->options.env;
    uint64_t now_ms = env->now_ms(env->context);

    sweep->exclusion = cf_exclusion_begin(cf_users_replay_lock(sweep->options.users), &sweep->user,
                                          cf_env_steady_ms(env), nobody_replays, sweep);
    if (!cf_exclusion_is_ready(sweep->exclusion))
        return false;
    collect_alone(sweep, now_ms);
    return true;
}

static void begin_next(cf_sweep *sweep);

static void done(cf_job *job)
{
    cf_sweep *sweep = (cf_sweep *)job;
    bool may_drop = !sweep->status && (has_unnamed(sweep) || has_uploads(sweep)) &&
                    cf_users_find(sweep->options.users, &sweep->user);

    if (job->dropped || sweep->stops)
        return;
    if (sweep->status)
        cf_report(sweep->options.env, CF_REPORT_WARNING,
                  "user %s: looking for blobs that nothing names: %s",
                  cf_user_shorten(&sweep->user).text, sweep->error.text);
    if (!may_drop || begin_collecting(sweep))
        begin_next(sweep);
}

/* All of the user's blobs were listed. */
static void tell_usage(const cf_sweep *sweep)
{
    if (sweep->options.quotas && sweep->is_last && !sweep->status)
        cf_quotas_recounted(sweep->options.quotas, &sweep->user, sweep->changes, sweep->listed);
}

static void begin_next(cf_sweep *sweep)
{
    bool goes_on = sweep->is_working && !sweep->is_last && !sweep->status;
    cf_quotas *quotas = sweep->options.quotas;

    if (sweep->is_working && !goes_on)
        tell_usage(sweep);
    sweep->is_working = goes_on || sweep->user_count > 0;
    if (!sweep->is_working)
        return;
    if (!goes_on) {
        sweep->user = sweep->users[--sweep->user_count];
        sweep->first = 0;
        sweep->listed = (cf_blob_usage){0};
        sweep->changes = quotas ? cf_quotas_changes(quotas, &sweep->user) : 0;
    }
    sweep->count = 0;
    sweep->read = 0;
    sweep->status = CF_OK;
    sweep->job = (cf_job){.work = work, .done = done, .memory = MEMORY};
    sweep->options.jobs->submit(sweep->options.jobs, &sweep->job);
}

static void list_user(void *context, cf_log *log)
{
    cf_sweep *sweep = context;

    *cf_one_more(sweep->users, sweep->user_count, sweep->user_capacity) = *cf_log_user(log);
}

void cf_sweep_hurry(cf_sweep *sweep, uint64_t steady_ms)
{
    const bool was_lately = sweep->began_ms && steady_ms < sweep->began_ms + SELDOM_MS;

    if (!sweep->is_working && !was_lately && steady_ms < sweep->next_ms)
        sweep->next_ms = steady_ms;
}

uint64_t cf_sweep_tick(cf_sweep *sweep, uint64_t steady_ms)
{
    const uint64_t now_ms = cf_env_now_ms(sweep->options.env);

    if (!sweep->next_ms)
        sweep->next_ms = steady_ms + FIRST_MS;
    if (sweep->exclusion && cf_exclusion_is_ready(sweep->exclusion)) {
        collect_alone(sweep, now_ms);
        begin_next(sweep);
    }
    if (steady_ms < sweep->next_ms)
        return sweep->next_ms;
    sweep->next_ms = steady_ms + CF_DAY_MS;
    if (sweep->is_working) /* still with yesterday's */
        return sweep->next_ms;
    sweep->began_ms = steady_ms;
    sweep->before_ms = now_ms > AGE_MS ? now_ms - AGE_MS : 0;
    sweep->user_count = 0;
    cf_users_each(sweep->options.users, list_user, sweep);
    begin_next(sweep);
    return sweep->next_ms;
}
