/* SPDX-License-Identifier: Apache-2.0 */
/* `pause` and `resume`. */
#include "broker/platform/times.h"
#include "peer/engine/pauses.h"
#include "peer/log/catalog.h"
#include "peer/commands/sources.h"
#include "peer/commands/verbs.h"

#include <string.h>

static cf_home *home_of(const cf_run *run)
{
    return cf_loop_home(run->loop);
}

/* What is damaged is dropped: who resumes, or pauses anew, says all that is to hold. */
static void recall(const cf_run *run, cf_pauses *out)
{
    cf_error ignored;

    if (cf_pauses_recall(home_of(run), out, &ignored))
        cf_pauses_release(out);
}

/* By its name, or as that of a source here. */
static cf_status find_collection(const cf_run *run, const char *named, cf_catalog_collection *out,
                                 cf_arena *arena, cf_error *error)
{
    cf_status status = cf_catalog_find(cf_loop_peer(run->loop), named, arena, out, error);
    cf_binding *binding;
    cf_error ignored;

    if (status == CF_MISSING && cf_source_named(run, named, &binding, &ignored) == CF_OK) {
        *out = (cf_catalog_collection){
            .id = binding->collection,
            .name = cf_catalog_name(cf_loop_peer(run->loop), &binding->collection, arena)};
        return CF_OK;
    }
    if (status == CF_MISSING)
        cf_source_explain_missing(run, named, error);
    return status;
}

/* Which collection is named; none: `is_one` is false. */
static cf_status name(const cf_run *run, cf_catalog_collection *out, cf_arena *arena, bool *is_one,
                      cf_error *error)
{
    cf_status status = cf_run_check_count(run, 0, 1, error);

    *is_one = run->options.argument_count > 0;
    return status || !*is_one ? status
                              : find_collection(run, run->options.arguments[0], out, arena, error);
}

static cf_status keep(cf_run *run, const cf_pauses *pauses, cf_error *error)
{
    cf_status status = cf_pauses_keep(home_of(run), pauses, cf_loop_time(run->loop), error);

    if (status)
        return status;
    cf_engine_use_pauses(cf_loop_engine(run->loop));
    cf_loop_wake(run->loop);
    return CF_OK;
}

static void show(const cf_run *run, const char *collection, const cf_pause *pause)
{
    char text[CF_PAUSE_TEXT], until[CF_TIME_TEXT];
    const uint64_t now_ms = cf_loop_time(run->loop);

    if (pause && pause->until_ms != CF_PAUSED_UNTIL_RESUMED)
        cf_time_show(pause->until_ms, until);
    if (run->json) {
        cf_print_json(
            &run->output,
            json_pack("{s:s?, s:b, s:s?}", "collection", collection, "paused", (int)(pause != NULL),
                      "until", pause && pause->until_ms != CF_PAUSED_UNTIL_RESUMED ? until : NULL));
        return;
    }
    if (run->quiet)
        return;
    if (pause)
        cf_pause_show(pause, now_ms, text);
    cf_print(&run->output, "%s: %s\n", collection ? collection : "this device",
             pause ? text : "not paused");
}

/* ---- pause ---- */

static cf_status read_end(const cf_run *run, uint64_t *until_ms, cf_error *error)
{
    const char *given = cf_options_value(&run->options, "for");
    uint64_t for_ms = 0;

    *until_ms = CF_PAUSED_UNTIL_RESUMED;
    if (!given)
        return CF_OK;
    cf_status status = cf_duration_read(given, &for_ms, error);
    if (!status && (for_ms < CF_PAUSE_MIN_MS || for_ms > CF_PAUSE_MAX_MS))
        status = cf_fail(error, CF_USAGE, "--for %s: from 1s to 3650d", given);
    if (!status)
        *until_ms = cf_loop_time(run->loop) + for_ms;
    return status;
}

static cf_status pause(cf_run *run, cf_error *error)
{
    cf_catalog_collection collection = {0};
    cf_arena arena = {0};
    cf_pauses pauses;
    uint64_t until_ms;
    bool is_one;

    recall(run, &pauses);
    cf_status status = name(run, &collection, &arena, &is_one, error);
    const cf_id *which = is_one ? &collection.id : NULL;
    if (!status)
        status = read_end(run, &until_ms, error);
    if (!status)
        status = cf_pauses_add(&pauses, which, until_ms, error);
    if (!status)
        status = keep(run, &pauses, error);
    if (!status)
        show(run, is_one ? collection.name : NULL,
             cf_pauses_find(&pauses, which, cf_loop_time(run->loop)));
    cf_pauses_release(&pauses);
    cf_arena_release(&arena);
    return status;
}

static const cf_option options[] = {
    {"for", 0, "T", "until then, such as 90m or 2d; else until `counterfoil resume`"},
    {0},
};

const cf_verb cf_verb_pause = {
    .name = "pause",
    .usage = "pause [COLLECTION|SOURCE]",
    .summary = "Lets this device, or a collection on it, rest",
    .more = "Of a device nothing goes to the broker or comes from it; of a collection nothing that "
            "is done here is looked at, and nothing that others did is put into its place. Kept "
            "over restarts, shown by `status`. `resume` ends it: nothing was lost meanwhile.",
    .needs = CF_NEEDS_PEER,
    .options = options,
    .start = pause,
};

/* ---- resume ---- */

static cf_status resume(cf_run *run, cf_error *error)
{
    cf_catalog_collection collection = {0};
    cf_arena arena = {0};
    cf_pauses pauses;
    bool is_one;

    recall(run, &pauses);
    cf_status status = name(run, &collection, &arena, &is_one, error);
    if (is_one && !status)
        cf_pauses_end(&pauses, &collection.id);
    else if (!status)
        cf_pauses_release(&pauses);
    if (!status)
        status = keep(run, &pauses, error);
    if (!status)
        show(run, is_one ? collection.name : NULL, NULL);
    cf_pauses_release(&pauses);
    cf_arena_release(&arena);
    return status;
}

const cf_verb cf_verb_resume = {
    .name = "resume",
    .usage = "resume [COLLECTION|SOURCE]",
    .summary = "Goes on with what was paused: with all of it, or with a collection",
    .more = "A collection goes on alone while the device is paused only once that is resumed, too.",
    .needs = CF_NEEDS_PEER,
    .start = resume,
};
