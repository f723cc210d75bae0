/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/names.h"
#include "peer/commands/conflict_shown.h"
#include "peer/commands/catching_up.h"
#include "peer/commands/sources.h"
#include "peer/log/catalog.h"
#include "peer/commands/verbs.h"
#include "peer/log/catalog_renamed.h"
#include "peer/sources/context/lock_guard.h"
#include "peer/sources/records/record_settling.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

enum { STILL_THERE = 4, /* the exit code while conflicts are listed */ LOOK_AGAIN_MS = 250 };

/* One run of `conflicts resolve`. */
typedef struct {
    cf_keep keep;
    cf_learning *learning; /* what others say first; NULL: that is known, or nobody can be asked */
    bool asks_locks;       /* what others have locked is told soon after */
    uint64_t give_up_ms;
    const char **which;        /* each WHICH; an id as what is listed under it */
    cf_record_choice *choices; /* of each, before anybody is asked */
    cf_record_choice lacks;    /* of all, how many stay for which reason */
    cf_record_settled all;
    cf_arena arena;
} resolving;

/* ---- The list ---- */

static size_t count_all(cf_run *run)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    size_t count = 0;

    for (size_t i = 0; i < cf_engine_binding_count(engine); i++) {
        cf_arena arena = {0};
        cf_binding_status status;

        cf_engine_status(engine, cf_engine_binding_at(engine, i), &arena, &status);
        count += status.conflict_count;
        cf_arena_release(&arena);
    }
    return count;
}

static void add_json(json_t *list, const char *collection, const cf_binding_status *status,
                     cf_peer *peer)
{
    for (size_t i = 0; i < status->conflict_count; i++) {
        json_t *one = cf_conflict_json(status->binding, &status->conflicts[i], peer);

        json_object_set_new(one, "collection", json_string(collection));
        json_array_append_new(list, one);
    }
}

/* By its id, its name, or a pattern of it. */
static bool is_called(const char *collection, const cf_binding *binding,
                      const cf_conflict *conflict, const char *which)
{
    char id[CF_CONFLICT_ID_TEXT];
    cf_buffer name = {0};

    cf_conflict_id(binding, conflict, id);
    cf_buffer_append_text(&name, "%s//", collection);
    cf_buffer_append(&name, conflict->path.data, conflict->path.size);
    cf_buffer_append(&name, "", 1);
    const char *text = (const char *)name.data;
    const bool is =
        strcmp(which, id) == 0 || strcmp(which, text) == 0 || fnmatch(which, text, 0) == 0;
    cf_buffer_release(&name);
    return is;
}

/* What was asked for; all, where nothing was. */
static void choose_listed(const cf_run *run, const char *collection, cf_arena *arena,
                          cf_binding_status *status)
{
    const size_t asked = run->options.argument_count;
    cf_conflict *chosen = cf_arena_allocate(arena, status->conflict_count, sizeof *chosen);
    size_t count = 0;

    for (size_t i = 0; i < status->conflict_count; i++) {
        bool is_asked = asked == 0;

        for (size_t k = 1; k < asked && !is_asked; k++)
            is_asked = is_called(collection, status->binding, &status->conflicts[i],
                                 run->options.arguments[k]);
        if (is_asked)
            chosen[count++] = status->conflicts[i];
    }
    status->conflicts = chosen;
    status->conflict_count = count;
}

static cf_status list(cf_run *run, cf_error *error)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    cf_peer *peer = cf_loop_peer(run->loop);
    const bool asked = run->options.argument_count;
    cf_listed_conflicts listed = {0};
    json_t *all = json_array();
    size_t count = 0;

    for (size_t i = 0; i < cf_engine_binding_count(engine); i++) {
        const cf_binding *binding = cf_engine_binding_at(engine, i);
        cf_arena arena = {0};
        cf_binding_status status;

        cf_engine_status(engine, binding, &arena, &status);
        const char *name = cf_catalog_name(peer, &binding->collection, &arena);
        choose_listed(run, name, &arena, &status);
        cf_listed_conflicts_take(&listed, &status);
        add_json(all, name, &status, peer);
        if (!run->json && !run->quiet)
            cf_conflicts_print(name, &status, peer, &run->output);
        count += status.conflict_count;
        cf_arena_release(&arena);
    }
    cf_listed_conflicts_release(&listed);
    if (run->json && (count || !asked))
        cf_print_json(&run->output, all);
    else
        json_decref(all);
    run->exit_code = count ? STILL_THERE : 0;
    if (count || !asked)
        return CF_OK;
    cf_fail(error, CF_MISSING, "%s: no conflict is listed so", run->options.arguments[1]);
    cf_source_explain_missing(run, run->options.arguments[1], error);
    return error->status;
}

/* ---- Their end ---- */

static cf_status read_keep(const cf_run *run, cf_keep *out, cf_error *error)
{
    const char *given = cf_options_value(&run->options, "keep");
    uint64_t number = 0;
    cf_error ignored;

    *out = (cf_keep){.kind = CF_KEEP_NUMBER};
    if (cf_options_has(&run->options, "same")) {
        out->kind = CF_KEEP_SAME;
        return given ? cf_fail(error, CF_USAGE, "--same or --keep: two rows become one, or not")
                     : CF_OK;
    }
    if (!given)
        return cf_fail(
            error, CF_USAGE,
            "which version stays? --keep mine, theirs, or its number: 1 is the one that "
            "is shown, 2 the next that is listed; or --same: the row is the one that has "
            "its value");
    if (strcmp(given, "mine") == 0)
        out->kind = CF_KEEP_MINE;
    else if (strcmp(given, "theirs") == 0)
        out->kind = CF_KEEP_THEIRS;
    else if (strcmp(given, "both") == 0)
        out->kind = CF_KEEP_BOTH;
    else if (cf_number_read(given, &number, &ignored) || !number || number > CF_KEEP_NUMBER_MAX)
        return cf_fail(error, CF_USAGE,
                       "unknown version '%s': mine, theirs, both, or a number from 1 to %d", given,
                       CF_KEEP_NUMBER_MAX);
    out->number = (size_t)number;
    return CF_OK;
}

static cf_status find_source(cf_run *run, const char *which, cf_arena *arena, cf_binding **out,
                             cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    cf_engine *engine = cf_loop_engine(run->loop);
    const char *slashes = strstr(which, "//");
    cf_catalog_collection found;

    if (!slashes || slashes == which || !slashes[2])
        return cf_fail(
            error, CF_USAGE,
            "'%s' names no field: say COLLECTION//KEY/FIELD, as it is listed, a pattern "
            "of it, or its id in JSON; a conflict copy of a file is settled by renaming or "
            "deleting it",
            which);
    const char *name = cf_arena_text(arena, cf_bytes_of(which, (size_t)(slashes - which)));
    cf_status status = cf_source_find_collection(run, name, arena, &found, error);
    if (status == CF_MISSING)
        cf_catalog_say_renamed(peer, name, error);
    if (status)
        return status;
    *out = cf_source_of_collection(engine, &found.id);
    if (!*out)
        return cf_fail(error, CF_MISSING, "%s has no source on this device", name);
    if (!cf_format_is_records((*out)->format))
        return cf_fail(error, CF_USAGE,
                       "%s holds files: a conflict copy is settled by renaming or deleting it",
                       name);
    if ((*out)->mode == CF_MODE_RECEIVE)
        return cf_fail(error, CF_USAGE, "%s only receives here", name);
    const cf_lease *lease = cf_engine_lock_of(engine, &found.id);
    return lease ? cf_fail(error, CF_LOCKED, "%s: %s", name, cf_lock_guard_text(peer, lease, arena))
                 : CF_OK;
}

static cf_status find_settling(cf_run *run, resolving *self, const char *which,
                               cf_binding **binding, cf_record_settling *out, cf_error *error)
{
    cf_status status = find_source(run, which, &self->arena, binding, error);

    if (status)
        return status;
    *out = (cf_record_settling){.peer = cf_loop_peer(run->loop),
                                .locks = cf_engine_locks(cf_loop_engine(run->loop)),
                                .binding = *binding,
                                .pattern = strstr(which, "//") + 2,
                                .keep = self->keep,
                                .now_ms = cf_loop_time(run->loop),
                                .tries = cf_options_has(&run->options, "dry-run")};
    return CF_OK;
}

/* What is listed, as a pattern that nothing else is like. */
static const char *pattern_of(const char *collection, cf_bytes path, cf_arena *arena)
{
    cf_buffer pattern = {0};

    cf_buffer_append_text(&pattern, "%s//", collection);
    for (size_t i = 0; i < path.size; i++) {
        cf_buffer_append(&pattern, "\\", strchr("*?[\\", path.data[i]) && path.data[i] ? 1 : 0);
        cf_buffer_append(&pattern, path.data + i, 1);
    }
    const char *copy = cf_arena_text(arena, cf_buffer_view(&pattern));
    cf_buffer_release(&pattern);
    return copy;
}

/* NULL: no conflict of the source has this id. */
static const char *find_id(cf_run *run, const cf_binding *binding, const char *which,
                           cf_arena *arena)
{
    cf_binding_status status;

    cf_engine_status(cf_loop_engine(run->loop), binding, arena, &status);
    for (size_t i = 0; i < status.conflict_count; i++) {
        char id[CF_CONFLICT_ID_TEXT];

        cf_conflict_id(binding, &status.conflicts[i], id);
        if (strcmp(id, which) == 0)
            return pattern_of(cf_catalog_name(cf_loop_peer(run->loop), &binding->collection, arena),
                              status.conflicts[i].path, arena);
    }
    return NULL;
}

static const char *which_of(cf_run *run, size_t index, cf_arena *arena)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    const char *typed = run->options.arguments[1 + index], *found = NULL;

    for (size_t i = 0; !found && !strstr(typed, "//") && i < cf_engine_binding_count(engine); i++)
        found = find_id(run, cf_engine_binding_at(engine, i), typed, arena);
    return found ? found : typed;
}

/* What stays as it is, whatever the reason. */
static size_t count_stays(const cf_record_choice *choice)
{
    return choice->lacking + choice->bound + choice->shown;
}

/* By what is listed now: a number says nothing of what others wrote since. */
static cf_status choose(cf_run *run, resolving *self, cf_error *error)
{
    const size_t count = run->options.argument_count - 1;
    cf_status status = CF_OK;

    self->choices = cf_arena_allocate(&self->arena, count, sizeof *self->choices);
    self->which = cf_arena_allocate(&self->arena, count, sizeof *self->which);
    for (size_t i = 0; i < count; i++)
        self->which[i] = which_of(run, i, &self->arena);
    for (size_t i = 0; !status && i < count; i++) {
        cf_record_choice *choice = &self->choices[i];
        cf_record_settling settling;
        cf_binding *binding;

        status = find_settling(run, self, self->which[i], &binding, &settling, error);
        if (!status)
            status = cf_record_choose(&settling, choice, error);
        const bool is_any =
            choice->count || choice->yield_count || choice->parted || count_stays(choice);
        for (size_t before = 0; !status && before < i; before++)
            cf_record_choice_leave(choice, &self->choices[before]);
        if (!status && !is_any)
            status = cf_fail(error, CF_MISSING, "%s: no conflict is listed so", self->which[i]);
        self->lacks.lacking += choice->lacking;
        self->lacks.bound += choice->bound;
        self->lacks.shown += choice->shown;
    }
    return status;
}

static cf_status resolve_one(cf_run *run, resolving *self, size_t index, cf_error *error)
{
    cf_record_settling settling;
    cf_record_settled settled;
    cf_binding *binding;

    cf_status status = find_settling(run, self, self->which[index], &binding, &settling, error);
    if (!status)
        status = cf_record_settle(&settling, &self->choices[index], &settled, error);
    if (status)
        return status;
    self->all.settled += settled.settled;
    self->all.ended += settled.ended;
    self->all.locked += settled.locked;
    if (settled.settled && !settling.tries)
        cf_engine_touch_binding(cf_loop_engine(run->loop), binding);
    return CF_OK;
}

/* The files are written by whoever syncs. */
static void tell_settled(cf_run *run, size_t count, bool same)
{
    const bool tries = cf_options_has(&run->options, "dry-run");
    const char *end = count == 1 ? "" : "s", *would = tries ? "would be " : "";

    if (same)
        cf_print(&run->output, "%zu row%s %smade one with another\n", count, end, would);
    else
        cf_print(&run->output, "%zu field%s %ssettled\n", count, end, would);
    if (count && !tries && !cf_loop_serves(run->loop))
        cf_say(&run->output, "`counterfoil sync` writes that here, and tells the others");
}

static void tell_stays(cf_run *run, size_t count, const char *why)
{
    if (count)
        cf_say(&run->output, "%zu stay%s: %s", count, count == 1 ? "s" : "", why);
}

static void tell(cf_run *run, const resolving *self)
{
    const cf_record_settled *all = &self->all;
    const bool same = self->keep.kind == CF_KEEP_SAME;

    if (run->json)
        cf_print_json(&run->output,
                      json_pack("{s:I, s:I, s:I, s:I}", "settled", (json_int_t)all->settled,
                                "lacking", (json_int_t)count_stays(&self->lacks), "ended",
                                (json_int_t)all->ended, "locked", (json_int_t)all->locked));
    else if (!run->quiet)
        tell_settled(run, all->settled, same);
    tell_stays(run, self->lacks.lacking,
               same ? "no other row has such a value, or the rows' keys are not counted"
                    : "no such version is among them");
    tell_stays(run, self->lacks.bound, "of two rows neither can be without the value");
    tell_stays(run, self->lacks.shown, "both values are shown");
    if (all->ended)
        cf_say(&run->output, "%zu had ended: another device settled %s meanwhile", all->ended,
               all->ended == 1 ? "it" : "them");
    tell_stays(run, all->locked, "another device has the record locked");
}

/* What --keep or --same asked for, and there is none of. */
static const char *what_lacks(const resolving *self)
{
    if (self->keep.kind == CF_KEEP_SAME)
        return "are no two rows that could be one";
    if (!self->lacks.lacking && self->lacks.bound)
        return "are rows that can't be without the value";
    if (!self->lacks.lacking)
        return self->keep.kind == CF_KEEP_BOTH
                   ? "are long values, of which none gets an entry of its own"
                   : "are values that are both shown: --keep both says that both are meant";
    return self->keep.kind == CF_KEEP_MINE
               ? "is none that this device wrote: --keep 1 is what is shown, 2 the first that is "
                 "not"
               : "is no such version";
}

/* What was settled stays so, also where the next can't be. */
static cf_status resolve(cf_run *run, resolving *self, cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i + 1 < run->options.argument_count; i++)
        status = resolve_one(run, self, i, error);
    cf_loop_wake(run->loop);
    if (status)
        return status;
    tell(run, self);
    if (!self->all.settled && !self->all.locked && !self->all.ended && count_stays(&self->lacks))
        return cf_fail(error, CF_USAGE, "nothing was settled: there %s", what_lacks(self));
    run->exit_code = self->all.locked                               ? 9
                     : count_stays(&self->lacks) || self->all.ended ? 1
                     : count_all(run) != 0                          ? STILL_THERE
                                                                    : 0;
    return CF_OK;
}

static cf_status show(cf_run *run, cf_error *error)
{
    cf_status status = cf_run_check_count(run, 2, SIZE_MAX, error);

    return status ? status : list(run, error);
}

static cf_status start(cf_run *run, cf_error *error)
{
    resolving *self;

    if (!run->options.argument_count)
        return list(run, error);
    if (strcmp(run->options.arguments[0], "show") == 0)
        return show(run, error);
    if (strcmp(run->options.arguments[0], "resolve") != 0)
        return cf_fail(error, CF_USAGE, "unknown subverb '%s' of conflicts: show, resolve",
                       run->options.arguments[0]);
    run->state = self = cf_allocate(1, sizeof *self);
    uint64_t timeout_ms = 0;
    cf_status status = cf_run_check_count(run, 2, SIZE_MAX, error);
    if (!status)
        status = read_keep(run, &self->keep, error);
    if (!status)
        status = cf_run_timeout(run, &timeout_ms, error);
    self->give_up_ms = cf_loop_now(run->loop) + timeout_ms;
    if (!status)
        status = choose(run, self, error);
    if (!status)
        status = cf_learning_begin(run, &self->learning, error);
    return status || self->learning ? status : resolve(run, self, error);
}

/* Who can't be asked may have written more, or have it locked; what is settled is what is listed
 * here. */
static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    resolving *self = run->state;
    cf_error unasked = {0};

    if (!self || (!self->learning && !self->asks_locks))
        return CF_OK;
    if (self->learning) {
        progress->over = cf_learning_over(self->learning, now_ms, &progress->deadline_ms, &unasked);
        if (!progress->over)
            return CF_OK;
        cf_learning_destroy(&self->learning);
        self->asks_locks = !unasked.status;
    }
    progress->over = !self->asks_locks || now_ms >= self->give_up_ms ||
                     cf_locks_are_known(cf_engine_locks(cf_loop_engine(run->loop)));
    progress->deadline_ms = now_ms + LOOK_AGAIN_MS;
    self->asks_locks = !progress->over;
    return progress->over ? resolve(run, self, error) : CF_OK;
}

static void end(cf_run *run)
{
    resolving *self = run->state;

    if (!self)
        return;
    cf_learning_destroy(&self->learning);
    for (size_t i = 0; self->choices && i + 1 < run->options.argument_count; i++)
        cf_record_choice_release(&self->choices[i]);
    cf_arena_release(&self->arena);
    free(self);
}

static const cf_option options[] = {
    {"keep", 0, "N|mine|theirs|both",
     "which version stays: by its number, this device's, another's; or both, where both are kept"},
    {"same", 0, NULL, "the row is the one that has its value: both are one from now on"},
    {"dry-run", 'n', NULL, "only tell how many there are"},
    {"timeout", 0, "T", "how long to wait for the broker (30s)"},
    {0},
};

static const cf_subverb subverbs[] = {
    {"show WHICH...", "Lists these alone"},
    {"resolve WHICH... --keep N|mine|theirs|both | --same [-n] [--timeout T]",
     "Settles values of fields: the version that is kept is shown everywhere; or makes two rows "
     "one"},
    {0},
};

const cf_verb cf_verb_conflicts = {
    .name = "conflicts",
    .usage = "conflicts [show WHICH...] | conflicts resolve WHICH... --keep N|mine|theirs|both | "
             "--same [-n] "
             "[--timeout T]",
    .summary = "Lists what is in conflict; settles values of fields, many at once",
    .more =
        "WHICH is COLLECTION//KEY/FIELD, as it is listed, or a pattern of it: "
        "'book//places/*/title' is this column of all rows.\nThe version that is kept is shown "
        "everywhere, the others are listed no more. 1 is the one that is shown, 2 the first that "
        "is not; mine is this device's, theirs the latest of another. A conflict copy of a file is "
        "settled by renaming or deleting it.\nOf a set, as telephone numbers, both values are "
        "kept: to settle that, delete one, or say --keep both.\n--same: a row that is listed since "
        "another one has the value that only one can have is that one, made twice. What refers to "
        "either refers to it, their fields merge, and nothing undoes that.\nA row that is not "
        "shown because of that is listed as KEY~DEVICE, of a database TABLE/KEY~DEVICE, by the "
        "device that made it. --keep 1: the other one keeps the value, and this one has nothing "
        "there; --keep 2: this one has it, and the other one nothing.",
    .subverbs = subverbs,
    .alone = "",
    .needs = CF_NEEDS_PEER,
    .connects = true,
    .options = options,
    .start = start,
    .step = step,
    .end = end,
};
