/* SPDX-License-Identifier: Apache-2.0 */
/* Which directories a scan lists, in a job. Each is watched before it is listed, so that nothing
 * falls between. The job may outlive the scan, as on a disk that hangs: the job keeps the root
 * then, and the source opens its root anew. */
#include "peer/sources/files/scan_inside.h"

#include "broker/platform/jobs.h"
#include "peer/bindings/disk_clock.h"

#include <stdlib.h>

static uint64_t node_at(const cf_scan *scan, const cf_listing *listing, size_t folder);

static const cf_node *node_in_place(const cf_scan *scan, const cf_listing *listing, size_t entry)
{
    const cf_listed *listed = &listing->entries[entry];
    uint64_t parent = node_at(scan, listing, listed->folder);

    if (parent == UINT64_MAX)
        return NULL;
    return cf_nodes_child(scan->options.binding->nodes, parent, listed->name);
}

static uint64_t node_at(const cf_scan *scan, const cf_listing *listing, size_t folder)
{
    const cf_listed_folder *listed = &listing->folders[folder];

    if (listed->entry == CF_LISTED_START)
        return listed->node;
    const cf_node *node = node_in_place(scan, listing, listed->entry);
    return node && node->kind == CF_KIND_DIRECTORY ? node->number : UINT64_MAX;
}

const cf_node *cf_scan_node_in_place(const cf_scan *scan, size_t entry)
{
    return node_in_place(scan, &scan->listing, entry);
}

static cf_include_answer answer_of(const cf_scan *scan, const cf_listing *listing, size_t entry)
{
    cf_buffer path = {0};

    cf_listing_entry_path(listing, entry, &path);
    cf_include_answer answer =
        cf_include_match_path(scan->options.binding->matcher, cf_buffer_view(&path), true);
    cf_buffer_release(&path);
    return answer;
}

bool cf_scan_looks_at_all(const cf_scan *scan)
{
    return !scan->options.places || !scan->options.places->count;
}

bool cf_scan_is_whole(const cf_scan *scan)
{
    return scan->everywhere || cf_scan_looks_at_all(scan);
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
    const cf_scan *scan = context;

    if (cf_scan_looks_at_all(scan) ||
        (scan->everywhere && answer_of(scan, listing, entry) != CF_INCLUDE_IN))
        return true;
    const cf_node *node = node_in_place(scan, listing, entry);
    cf_stat known = node ? cf_stat_of_node(node) : (cf_stat){0};
    return !node || node->kind != CF_KIND_DIRECTORY ||
           !cf_stat_same_file(&known, &listing->entries[entry].stat) ||
           (scan->options.watch &&
            !cf_watch_has(scan->options.watch,
                          (uint64_t)scan->options.binding->number << 32 | node->number));
}

/* Another one may have taken its place. Where numbers don't last, what is in its place is it. */
static bool is_node(const cf_scan *scan, uint64_t node, const cf_stat *listed)
{
    if (node == CF_NODE_ROOT)
        return true;
    const cf_binding *binding = scan->options.binding;
    const cf_node *found = cf_nodes_find(binding->nodes, node);
    cf_stat known = found ? cf_stat_of_node(found) : (cf_stat){0};
    return found && (cf_stat_same_file(&known, listed) ||
                     cf_binding_renumbers(binding, found->disk, found->stat.birth_ns));
}

static void note_watched(cf_scan *scan, size_t folder, uint64_t number)
{
    size_t count = scan->watched_count;

    if (folder >= count) {
        scan->watched =
            cf_grow(scan->watched, &scan->watched_capacity, folder + 1, sizeof *scan->watched);
        memset(scan->watched + count, 0, (folder + 1 - count) * sizeof *scan->watched);
        scan->watched_count = folder + 1;
    }
    scan->watched[folder] = number;
}

/* Nothing is to be told of what nobody asks for. */
static bool watches(void *context, const cf_listing *listing, size_t entry)
{
    const cf_scan *scan = context;

    return !scan->everywhere || answer_of(scan, listing, entry) != CF_INCLUDE_OUT;
}

/* Watched before it was listed, so that nothing fell between; under its node's number, or, while it
 * is not known to be one: what happens there then makes everything be looked at. */
static void enter(void *context, const cf_listing *listing, size_t folder)
{
    cf_scan *scan = context;
    const cf_listed_folder *listed = &listing->folders[folder];
    cf_buffer path = {0};
    cf_error error;

    uint64_t node = node_at(scan, listing, folder);
    uint64_t source = scan->options.binding->number;
    uint64_t number = is_node(scan, node, &listed->stat)
                          ? source << 32 | node
                          : cf_watch_unknown(scan->options.watch, (uint32_t)source);
    cf_listing_folder_path(listing, folder, &path);
    if (cf_watch_enter(scan->options.watch, number, listed->watch, (const char *)path.data, &error))
        cf_report(scan->options.env, CF_REPORT_DETAIL, "%s", error.text);
    else
        note_watched(scan, folder, number);
    cf_buffer_release(&path);
}

void cf_scan_renumber_watches(const cf_scan *scan)
{
    uint64_t source = scan->options.binding->number;

    for (size_t i = 0; i < scan->watched_count; i++) {
        uint64_t node = cf_scan_folder_number(scan, i);

        if (scan->watched[i] & CF_WATCH_UNKNOWN && node != UINT64_MAX &&
            is_node(scan, node, &scan->listing.folders[i].stat))
            cf_watch_renumber(scan->options.watch, scan->watched[i], source << 32 | node);
    }
}

/* ---- The listing, a job ---- */

/* A listing may outlive its scan: a disk that hangs gives it back to nobody. */
struct cf_scan_listing {
    cf_job job;
    cf_scan *scan; /* NULL: nobody waits for it */
    cf_listing_walk *walk;
    cf_files *files;
    const cf_folder *asked;      /* the source's temporary folder, whose disk's clock is asked */
    int64_t clock_ns;            /* of that, before anything is read */
    cf_folder *root, *temporary; /* the source's, once nobody waits; closed when it ends */
};

static void work(cf_job *job)
{
    struct cf_scan_listing *self = (struct cf_scan_listing *)job;

    if (self->asked)
        self->clock_ns = cf_disk_clock(self->files, self->asked);
    self->asked = NULL;
    cf_listing_walk_read(self->walk);
}

static void end_alone(struct cf_scan_listing *self)
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
    struct cf_scan_listing *self = (struct cf_scan_listing *)job;

    if (self->scan)
        self->scan->is_reading = false;
    else
        end_alone(self);
}

static void read_on(cf_scan *scan)
{
    cf_jobs *jobs = scan->options.env->jobs;

    scan->is_reading = true;
    jobs->submit(jobs, &scan->under_way->job);
}

static void begin_walk(cf_scan *scan)
{
    cf_binding *binding = scan->options.binding;
    cf_watch *watch = scan->options.watch;
    const bool asks_clock = cf_scan_looks_at_all(scan) && !scan->clock_ns &&
                            cf_binding_asks_clock(binding, cf_env_steady_ms(scan->options.env));
    const cf_listing_options options = {
        .files = scan->options.env->files,
        .root = binding->root,
        .include = binding->matcher,
        .everywhere = scan->everywhere,
        .folds = cf_disk_folds(&binding->traits),
        .dates = cf_binding_asks_folders(binding),
        .descend = descend,
        .watches = watches,
        .watch = watch ? cf_watch_arm : NULL,
        .watching = watch ? cf_watch_descriptor(watch) : -1,
        .enter = enter,
        .context = scan,
    };
    struct cf_scan_listing *self = cf_allocate(1, sizeof *self);

    *self = (struct cf_scan_listing){
        .job = {.work = work, .done = done, .alone = true},
        .scan = scan,
        .walk = cf_listing_walk_new(&scan->listing, &options),
        .files = options.files,
        .asked = asks_clock ? binding->temporary : NULL,
    };
    scan->under_way = self;
    if (watch)
        cf_watch_await(watch);
}

static cf_status end_walk(cf_scan *scan, cf_error *error)
{
    cf_status status = cf_listing_walk_end(&scan->under_way->walk, &scan->listing, error);

    if (scan->options.watch)
        cf_watch_await_no_more(scan->options.watch);
    if (scan->under_way->clock_ns) {
        scan->clock_ns = scan->under_way->clock_ns;
        cf_binding_tell_time(scan->options.binding, scan->clock_ns);
    }
    free(scan->under_way);
    scan->under_way = NULL;
    if (status == CF_IO)
        return error->status = CF_UNSAFE; /* what can't be seen is not gone */
    return status;
}

/* What was renamed since its directory was watched may be listed by either name, or by both: where
 * numbers don't last only the event tells that it is one thing. */
static void hear_watch(const cf_scan *scan)
{
    cf_watch *watch = scan->options.watch;
    cf_error error;

    if (watch && cf_watch_readable(watch, &error))
        cf_report(scan->options.env, CF_REPORT_WARNING, "%s", error.text);
}

bool cf_scan_lists_on(cf_scan *scan, cf_status *status, cf_error *error)
{
    if (!scan->under_way)
        return false;
    if (cf_listing_walk_decide(scan->under_way->walk)) {
        read_on(scan);
        return true;
    }
    *status = end_walk(scan, error);
    if (!*status)
        hear_watch(scan);
    return false;
}

/* Of a disk that hangs nobody knows when it ends. What the listing works with is its own from now
 * on, the source opens its root anew. */
static void leave_alone(struct cf_scan_listing *self, cf_binding *binding)
{
    self->scan = NULL;
    self->root = binding->root;
    self->temporary = binding->temporary;
    binding->root = binding->temporary = NULL;
    cf_listing_walk_stop(self->walk);
}

void cf_scan_stop_listing(cf_scan *scan)
{
    cf_error ignored;

    if (scan->under_way && scan->is_reading) {
        leave_alone(scan->under_way, scan->options.binding);
        scan->under_way = NULL;
        if (scan->options.watch)
            cf_watch_await_for_ever(scan->options.watch);
    } else if (scan->under_way) {
        (void)end_walk(scan, &ignored);
    }
}

/* ---- What is listed ---- */

static void add_start(cf_scan *scan, uint64_t node, const cf_bytes *names, size_t name_count)
{
    cf_listing_step steps[CF_BINDING_DEPTH_MAX];
    size_t first = sizeof steps / sizeof steps[0];

    for (uint64_t at = node; at != CF_NODE_ROOT && first > 0;) {
        const cf_node *found = cf_nodes_find(scan->options.binding->nodes, at);

        if (!found)
            return; /* it went meanwhile: what is above it will be looked at */
        steps[--first] = (cf_listing_step){at, found->name};
        at = found->parent;
    }
    cf_listing_walk_from(scan->under_way->walk,
                         (cf_listing_start){.steps = steps + first,
                                            .count = sizeof steps / sizeof steps[0] - first,
                                            .names = names,
                                            .name_count = name_count});
}

/* The names that are asked for in one directory, unless all of it is. */
static void add_some(cf_scan *scan, const cf_look_place *at, size_t count)
{
    cf_bytes *names = cf_allocate(count, sizeof *names);

    for (size_t i = 0; i < count; i++)
        names[i] = at[i].name;
    if (at[0].name.size)
        add_start(scan, at[0].folder, names, count);
    free(names);
}

static void add_names(cf_scan *scan, const cf_look_places *places)
{
    for (size_t i = 0, end; i < places->count; i = end) {
        for (end = i + 1; end < places->count && places->at[end].folder == places->at[i].folder;)
            end++;
        add_some(scan, &places->at[i], end - i);
    }
}

void cf_scan_list_names(cf_scan *scan, const cf_look_places *places)
{
    begin_walk(scan);
    add_names(scan, places);
    read_on(scan);
}

/* Whole directories first: of those no name is looked for again. Where everything is listed, they
 * all are whole. */
static void add_places(cf_scan *scan)
{
    const cf_look_places *places = scan->options.places;

    for (size_t i = 0; i < scan->wider.count; i++)
        add_start(scan, scan->wider.at[i].folder, NULL, 0);
    for (size_t i = 0; i < places->count; i++)
        if (!places->at[i].name.size || scan->everywhere)
            add_start(scan, places->at[i].folder, NULL, 0);
    if (!scan->everywhere)
        add_names(scan, places);
}

void cf_scan_list(cf_scan *scan)
{
    begin_walk(scan);
    if (!cf_scan_looks_at_all(scan))
        add_places(scan);
    if (cf_scan_is_whole(scan))
        add_start(scan, CF_NODE_ROOT, NULL, 0);
    read_on(scan);
}
