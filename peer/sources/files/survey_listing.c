/* SPDX-License-Identifier: Apache-2.0 */
/* Which directories a survey lists, in a job. Each is watched before it is listed, so that nothing
 * falls between. The job may outlive the survey, as on a disk that hangs: the job keeps the root
 * then, and the source opens its root anew. */
#include "peer/sources/files/survey_inside.h"

#include "broker/platform/jobs.h"
#include "peer/bindings/disk_clock.h"

#include <stdlib.h>

static uint64_t node_at(const cf_survey *survey, const cf_listing *listing, size_t folder);

static const cf_node *node_in_place(const cf_survey *survey, const cf_listing *listing,
                                    size_t entry)
{
    const cf_listed *listed = &listing->entries[entry];
    uint64_t parent = node_at(survey, listing, listed->folder);

    if (parent == UINT64_MAX)
        return NULL;
    return cf_nodes_child(survey->options.binding->nodes, parent, listed->name);
}

static uint64_t node_at(const cf_survey *survey, const cf_listing *listing, size_t folder)
{
    const cf_listed_folder *listed = &listing->folders[folder];

    if (listed->entry == CF_LISTED_START)
        return listed->node;
    const cf_node *node = node_in_place(survey, listing, listed->entry);
    return node && node->kind == CF_KIND_DIRECTORY ? node->number : UINT64_MAX;
}

const cf_node *cf_survey_node_in_place(const cf_survey *survey, size_t entry)
{
    return node_in_place(survey, &survey->listing, entry);
}

static cf_include_answer answer_of(const cf_survey *survey, const cf_listing *listing, size_t entry)
{
    cf_buffer path = {0};

    cf_listing_entry_path(listing, entry, &path);
    cf_include_answer answer =
        cf_include_match_path(survey->options.binding->matcher, cf_buffer_view(&path), true);
    cf_buffer_release(&path);
    return answer;
}

bool cf_survey_looks_at_all(const cf_survey *survey)
{
    return !survey->options.places || !survey->options.places->count;
}

bool cf_survey_is_whole(const cf_survey *survey)
{
    return survey->everywhere || cf_survey_looks_at_all(survey);
}

/* A look at everything goes into each directory, also when it begins again with what is not asked
 * for. A look at some places goes on into what is new or another directory now, not into what is
 * known, unless nobody has watched that; and everywhere, into what is not asked for:
 *
 *     asked for is /d/, and the user removed d/x:
 *     all is looked at, d/x is gone, and is sought everywhere    d is listed again: d/x is gone
 *     d/x is looked at, it is gone, and is sought everywhere     d is listed for d/x, d/e is not
 */
static bool descend(void *context, const cf_listing *listing, size_t entry)
{
    const cf_survey *survey = context;

    if (cf_survey_looks_at_all(survey) ||
        (survey->everywhere && answer_of(survey, listing, entry) != CF_INCLUDE_IN))
        return true;
    const cf_node *node = node_in_place(survey, listing, entry);
    cf_stat known = node ? cf_stat_of_node(node) : (cf_stat){0};
    return !node || node->kind != CF_KIND_DIRECTORY ||
           !cf_stat_same_file(&known, &listing->entries[entry].stat) ||
           (survey->options.watch &&
            !cf_watch_has(survey->options.watch,
                          (uint64_t)survey->options.binding->number << 32 | node->number));
}

/* Another one may have taken its place. Where numbers don't last, what is in its place is it. */
static bool is_node(const cf_survey *survey, uint64_t node, const cf_stat *listed)
{
    if (node == CF_NODE_ROOT)
        return true;
    const cf_binding *binding = survey->options.binding;
    const cf_node *found = cf_nodes_find(binding->nodes, node);
    cf_stat known = found ? cf_stat_of_node(found) : (cf_stat){0};
    return found && (cf_stat_same_file(&known, listed) ||
                     cf_binding_renumbers(binding, found->disk, found->stat.birth_ns));
}

static void note_watched(cf_survey *survey, size_t folder, uint64_t number)
{
    size_t count = survey->watched_count;

    if (folder >= count) {
        survey->watched = cf_grow(survey->watched, &survey->watched_capacity, folder + 1,
                                  sizeof *survey->watched);
        memset(survey->watched + count, 0, (folder + 1 - count) * sizeof *survey->watched);
        survey->watched_count = folder + 1;
    }
    survey->watched[folder] = number;
}

/* Nothing is to be told of what nobody asks for. */
static bool watches(void *context, const cf_listing *listing, size_t entry)
{
    const cf_survey *survey = context;

    return !survey->everywhere || answer_of(survey, listing, entry) != CF_INCLUDE_OUT;
}

/* Watched before it was listed, so that nothing fell between; under its node's number, or, while it
 * is not known to be one: what happens there then makes everything be looked at. */
static void enter(void *context, const cf_listing *listing, size_t folder)
{
    cf_survey *survey = context;
    const cf_listed_folder *listed = &listing->folders[folder];
    cf_buffer path = {0};
    cf_error error;

    uint64_t node = node_at(survey, listing, folder);
    uint64_t source = survey->options.binding->number;
    uint64_t number = is_node(survey, node, &listed->stat)
                          ? source << 32 | node
                          : cf_watch_unknown(survey->options.watch, (uint32_t)source);
    cf_listing_folder_path(listing, folder, &path);
    if (cf_watch_enter(survey->options.watch, number, listed->watch, (const char *)path.data,
                       &error))
        cf_report(survey->options.env, CF_REPORT_DETAIL, "%s", error.text);
    else
        note_watched(survey, folder, number);
    cf_buffer_release(&path);
}

/* What it was known as may be another's by now. */
static void make_unknown(const cf_survey *survey, size_t folder)
{
    cf_watch *watch = survey->options.watch;
    const uint64_t source = survey->options.binding->number, known = survey->watched[folder];

    if (!known || known & CF_WATCH_UNKNOWN ||
        known == (source << 32 | cf_survey_folder_number(survey, folder)))
        return;
    survey->watched[folder] = cf_watch_unknown(watch, (uint32_t)source);
    cf_watch_renumber(watch, known, survey->watched[folder]);
}

void cf_survey_renumber_watches(const cf_survey *survey)
{
    uint64_t source = survey->options.binding->number;

    for (size_t i = 0; survey->any_renumbers && i < survey->watched_count; i++)
        make_unknown(survey, i);
    for (size_t i = 0; i < survey->watched_count; i++) {
        uint64_t node = cf_survey_folder_number(survey, i);

        if (survey->watched[i] & CF_WATCH_UNKNOWN && node != UINT64_MAX &&
            is_node(survey, node, &survey->listing.folders[i].stat))
            cf_watch_renumber(survey->options.watch, survey->watched[i], source << 32 | node);
    }
}

/* ---- The listing, a job ---- */

/* It may outlive the survey: a disk that hangs gives it back to nobody. */
struct cf_survey_listing {
    cf_job job;
    cf_survey *survey; /* NULL: nobody waits for it */
    cf_listing_walk *walk;
    cf_files *files;
    const cf_folder *asked;      /* the source's temporary folder, whose disk's clock is asked */
    int64_t clock_ns;            /* of that, before anything is read */
    cf_folder *root, *temporary; /* the source's, once nobody waits; closed when it ends */
};

static void work(cf_job *job)
{
    struct cf_survey_listing *self = (struct cf_survey_listing *)job;

    if (self->asked)
        self->clock_ns = cf_disk_clock(self->files, self->asked);
    self->asked = NULL;
    cf_listing_walk_read(self->walk);
}

static void end_alone(struct cf_survey_listing *self)
{
    cf_listing listing;
    cf_error ignored;

    (void)cf_listing_walk_end(&self->walk, &listing, &ignored);
    cf_listing_release(&listing);
    self->files->close_folder(self->files, &self->temporary);
    self->files->close_folder(self->files, &self->root);
    free(self);
}

static void done(cf_job *job)
{
    struct cf_survey_listing *self = (struct cf_survey_listing *)job;

    if (self->survey)
        self->survey->is_reading = false;
    else
        end_alone(self);
}

static void read_on(cf_survey *survey)
{
    cf_jobs *jobs = survey->options.env->jobs;

    survey->is_reading = true;
    jobs->submit(jobs, &survey->under_way->job);
}

static void begin_walk(cf_survey *survey)
{
    cf_binding *binding = survey->options.binding;
    cf_watch *watch = survey->options.watch;
    const bool asks_clock = cf_survey_looks_at_all(survey) && !survey->clock_ns &&
                            cf_binding_asks_clock(binding, cf_env_steady_ms(survey->options.env));
    const cf_listing_options options = {
        .files = survey->options.env->files,
        .root = binding->root,
        .include = binding->matcher,
        .everywhere = survey->everywhere,
        .folds = cf_disk_folds(&binding->traits),
        .dates = cf_binding_asks_folders(binding),
        .descend = descend,
        .watches = watches,
        .watch = watch ? cf_watch_arm : NULL,
        .watching = watch ? cf_watch_descriptor(watch) : -1,
        .enter = enter,
        .context = survey,
    };
    struct cf_survey_listing *self = cf_allocate(1, sizeof *self);

    *self = (struct cf_survey_listing){
        .job = {.work = work, .done = done, .alone = true},
        .survey = survey,
        .walk = cf_listing_walk_new(&survey->listing, &options),
        .files = options.files,
        .asked = asks_clock ? binding->temporary : NULL,
    };
    survey->under_way = self;
    if (watch)
        cf_watch_await(watch);
}

static cf_status end_walk(cf_survey *survey, cf_error *error)
{
    cf_status status = cf_listing_walk_end(&survey->under_way->walk, &survey->listing, error);

    if (survey->options.watch)
        cf_watch_await_no_more(survey->options.watch);
    if (survey->under_way->clock_ns) {
        survey->clock_ns = survey->under_way->clock_ns;
        cf_binding_tell_time(survey->options.binding, survey->clock_ns);
    }
    free(survey->under_way);
    survey->under_way = NULL;
    if (status == CF_IO)
        return error->status = CF_UNSAFE; /* what can't be seen is not gone */
    return status;
}

/* What was renamed since its directory was watched may be listed by either name, or by both: where
 * numbers don't last only the event tells that it is one thing. */
static void hear_watch(const cf_survey *survey)
{
    cf_watch *watch = survey->options.watch;
    cf_error error;

    if (watch && cf_watch_readable(watch, &error))
        cf_report(survey->options.env, CF_REPORT_WARNING, "%s", error.text);
}

bool cf_survey_lists_on(cf_survey *survey, cf_status *status, cf_error *error)
{
    if (!survey->under_way)
        return false;
    if (cf_listing_walk_decide(survey->under_way->walk)) {
        read_on(survey);
        return true;
    }
    *status = end_walk(survey, error);
    if (!*status)
        hear_watch(survey);
    return false;
}

/* Of a disk that hangs nobody knows when it ends. What the listing works with is its own from now
 * on, the source opens its root anew. */
static void leave_alone(struct cf_survey_listing *self, cf_binding *binding)
{
    self->survey = NULL;
    self->root = binding->root;
    self->temporary = binding->temporary;
    binding->root = binding->temporary = NULL;
    cf_listing_walk_stop(self->walk);
}

void cf_survey_stop_listing(cf_survey *survey)
{
    cf_error ignored;

    if (survey->under_way && survey->is_reading) {
        leave_alone(survey->under_way, survey->options.binding);
        survey->under_way = NULL;
        if (survey->options.watch)
            cf_watch_await_for_ever(survey->options.watch);
    } else if (survey->under_way) {
        (void)end_walk(survey, &ignored);
    }
}

/* ---- What is listed ---- */

static void add_start(cf_survey *survey, uint64_t node, const cf_bytes *names, size_t name_count)
{
    cf_listing_step steps[CF_BINDING_DEPTH_MAX];
    size_t first = sizeof steps / sizeof steps[0];

    for (uint64_t at = node; at != CF_NODE_ROOT && first > 0;) {
        const cf_node *found = cf_nodes_find(survey->options.binding->nodes, at);

        if (!found)
            return; /* it went meanwhile: what is above it will be looked at */
        steps[--first] = (cf_listing_step){at, found->name};
        at = found->parent;
    }
    cf_listing_walk_from(survey->under_way->walk,
                         (cf_listing_start){.steps = steps + first,
                                            .count = sizeof steps / sizeof steps[0] - first,
                                            .names = names,
                                            .name_count = name_count});
}

/* The names that are asked for in one directory, unless all of it is. */
static void add_some(cf_survey *survey, const cf_look_place *at, size_t count)
{
    cf_bytes *names = cf_allocate(count, sizeof *names);

    for (size_t i = 0; i < count; i++)
        names[i] = at[i].name;
    if (at[0].name.size)
        add_start(survey, at[0].folder, names, count);
    free(names);
}

static void add_names(cf_survey *survey, const cf_look_places *places)
{
    for (size_t i = 0, end; i < places->count; i = end) {
        for (end = i + 1; end < places->count && places->at[end].folder == places->at[i].folder;)
            end++;
        add_some(survey, &places->at[i], end - i);
    }
}

void cf_survey_list_names(cf_survey *survey, const cf_look_places *places)
{
    begin_walk(survey);
    add_names(survey, places);
    read_on(survey);
}

/* Whole directories first: of those no name is looked for again. Where everything is listed, they
 * all are whole. */
static void add_places(cf_survey *survey)
{
    const cf_look_places *places = survey->options.places;

    for (size_t i = 0; i < survey->wider.count; i++)
        add_start(survey, survey->wider.at[i].folder, NULL, 0);
    for (size_t i = 0; i < places->count; i++)
        if (!places->at[i].name.size || survey->everywhere)
            add_start(survey, places->at[i].folder, NULL, 0);
    if (!survey->everywhere)
        add_names(survey, places);
}

void cf_survey_list(cf_survey *survey)
{
    begin_walk(survey);
    if (!cf_survey_looks_at_all(survey))
        add_places(survey);
    if (cf_survey_is_whole(survey))
        add_start(survey, CF_NODE_ROOT, NULL, 0);
    read_on(survey);
}
