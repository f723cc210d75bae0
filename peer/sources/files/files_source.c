/* SPDX-License-Identifier: Apache-2.0 */
/* What a step does first: go on with a scan, then with applying, then open the root anew; then ask
 * the guard, look, merge texts and apply, each where it is due and the disk answers. Who only asks
 * how a source stands that is watched has no absence believed sooner. */
#include "codec/deadlines.h"
#include "peer/sources/files/files_source_inside.h"

#include "peer/bindings/lifted.h"
#include "peer/bindings/rescued.h"
#include "peer/merge/node_stat.h"

#include <stdlib.h>

enum { OWED_MS = 5000 };

/* ---- What is asked ---- */

/* While the root is held: a scan that ends may keep it. */
static void restore_lifted(cf_files_source *source)
{
    cf_error ignored;

    if (source->binding->root && source->binding->lifted.count && !source->binding->silence)
        cf_lifted_restore(source->context->peer, source->binding, &ignored);
}

static void end(void *self)
{
    cf_applying_end(((cf_files_source *)self)->applying);
}

static void destroy(void *self)
{
    cf_files_source *source = self;

    cf_applying_destroy(&source->applying); /* which may be about to make one writable */
    restore_lifted(source);
    cf_scan_destroy(&source->scan);
    cf_past_destroy(&source->past);
    cf_probe_destroy(&source->probe);
    cf_debounce_destroy(&source->debounce);
    cf_renames_destroy(&source->renames);
    cf_pendings_release(&source->found);
    cf_pending_tree_release(&source->notes);
    cf_pending_tree_release(&source->unseen);
    cf_pendings_release(&source->waits);
    cf_look_places_release(&source->places);
    cf_look_places_release(&source->scanned);
    cf_look_places_release(&source->confirmed);
    cf_node_set_release(&source->missing);
    cf_node_set_release(&source->seen_missing);
    cf_node_set_release(&source->held);
    free(source->away);
    free(source->gone);
    cf_node_set_release(&source->waiting);
    cf_look_places_release(&source->taken);
    free(source->takers);
    cf_node_set_release(&source->left);
    cf_node_set_release(&source->left_before);
    free(source->unmerged.at);
    free(source);
}

static uint64_t count_applied(const void *self)
{
    const cf_files_source *source = self;

    return source->applied;
}

/* One that is in order, and watched, is known but for that with which something happened. */
static bool is_known(const cf_files_source *source)
{
    return source->debounce && source->looked && source->binding->root && !source->trouble;
}

static void look_at_place(void *context, const cf_look_place *place)
{
    cf_files_source_look_at(context, place->folder, place->name, CF_ABSENCE_WAITS);
}

/* What rests is not read, but told. That the root is where it was is seen at the next step. */
static void catch_up(cf_files_source *source, uint64_t now_ms)
{
    source->checks_place = true;
    cf_debounce_each_resting(source->debounce, now_ms, look_at_place, source);
    cf_debounce_hasten(source->debounce, now_ms);
    cf_files_source_take_due(source, now_ms);
}

static void look_at_disk(cf_files_source *source, cf_look_kind kind, cf_delete_word word,
                         uint64_t now_ms)
{
    const bool asks = kind == CF_LOOK_SYNCS;
    const bool agrees = kind == CF_LOOK_AGREES && !source->looked;
    bool look_only = !asks;

    /* One that is served is kept in sync all the time: `status` must not hold that up, nor have
     * it believe sooner that something is gone. */
    cf_absence absence = CF_ABSENCE_COUNTS;
    if (look_only && source->debounce && !agrees) {
        look_only = false;
        word = (cf_delete_word){0}; /* of a dry run, where nothing is meant */
        absence = CF_ABSENCE_WAITS;
    }
    source->asked = true;
    cf_files_source_look_at_all(source, absence);
    source->look_only = look_only;
    source->agrees = agrees;
    source->word = word;
    source->tries = source->blocked = 0;
    source->not_before_ms = now_ms;
    source->reopen_ms = source->owed_ms = 0;
    source->retries = 0;
    if (!asks)
        return;
    if (source->debounce)
        cf_debounce_end_rests(source->debounce);
    cf_downloads_retry(source->context->downloads);
    cf_applying_try_all(source->applying);
    cf_applying_wake(source->applying);
}

static void look(void *self, cf_look_kind kind, cf_delete_word word, uint64_t now_ms)
{
    cf_files_source *source = self;

    if (kind == CF_LOOK_CATCHES_UP && is_known(source))
        catch_up(source, now_ms);
    else
        look_at_disk(source, kind, word, now_ms);
}

static void look_again(void *self, uint64_t now_ms)
{
    cf_files_source *source = self;

    if (!source->looked || source->look_only)
        return;
    source->look_all = true;
    source->absence = CF_ABSENCE_COUNTS;
    source->not_before_ms = now_ms;
}

static void end_word(void *self)
{
    cf_files_source *source = self;

    source->word = (cf_delete_word){0};
}

static void look_at(void *self, uint64_t folder)
{
    cf_files_source_look_at(self, folder, CF_WHOLE_FOLDER, CF_ABSENCE_WAITS);
}

static bool look_at_file(void *self, const cf_stat *file)
{
    cf_files_source *source = self;
    const cf_nodes *nodes = source->binding->nodes;
    bool any = false;

    if (source->binding->traits.renumbers)
        return false;
    for (const cf_node *node = NULL; (node = cf_nodes_next_of_inode(nodes, file->inode, node));) {
        cf_stat known = cf_stat_of_node(node);

        if (known.kind != file->kind || !cf_stat_same_file(&known, file) ||
            (node->disk && !known.birth_ns))
            continue;
        cf_files_source_look_at(source, node->parent, node->name, CF_ABSENCE_WAITS);
        any = true;
    }
    return any;
}

/* What happens to a directory itself happens to its name in the one above. */
static void changed(void *self, uint64_t folder, cf_bytes name, cf_event_kind kind, uint64_t now_ms)
{
    cf_files_source *source = self;
    const cf_node *node =
        name.size ? NULL : cf_nodes_find(source->binding->nodes, CF_WATCH_NODE(folder));

    if (kind == CF_EVENT_ABSENT)
        cf_renames_drop(source->renames, &(cf_look_place){.folder = folder, .name = name});
    if (folder & CF_WATCH_UNKNOWN)
        cf_debounce_note_all(source->debounce, kind, now_ms);
    else if (node)
        cf_debounce_note(source->debounce, node->parent, node->name, kind, now_ms);
    else
        cf_debounce_note(source->debounce, folder, name, kind, now_ms);
}

/* What comes from or goes to a directory that nobody knows yet is what it looks like. */
static void renamed(void *self, const cf_look_place *from, const cf_look_place *to)
{
    cf_files_source *source = self;

    if (!((from->folder | to->folder) & CF_WATCH_UNKNOWN))
        cf_renames_note(source->renames, from, to);
}

static void mark(void *self, const cf_group *group)
{
    cf_files_source *source = self;

    cf_applying_mark_group(source->applying, group);
    cf_files_source_note_conflicts(source, group->directories, group->count ? 1 : 0);
}

static void wake(void *self)
{
    cf_files_source *source = self;

    cf_applying_wake(source->applying);
}

static void reopen(void *self)
{
    cf_files_source *source = self;

    source->reopen = true;
    source->reopen_ms = 0;
}

static void set_back(void *self, uint64_t by_ms)
{
    cf_files_source *source = self;

    if (source->debounce)
        cf_debounce_set_back(source->debounce, by_ms);
    source->not_before_ms = cf_deadline_set_back(source->not_before_ms, by_ms);
    source->rescan_ms = cf_deadline_set_back(source->rescan_ms, by_ms);
    source->poll_ms = cf_deadline_set_back(source->poll_ms, by_ms);
    source->reopen_ms = cf_deadline_set_back(source->reopen_ms, by_ms);
    source->retry_ms = cf_deadline_set_back(source->retry_ms, by_ms);
    source->owed_ms = cf_deadline_set_back(source->owed_ms, by_ms);
    source->postponed_ms = cf_deadline_set_back(source->postponed_ms, by_ms);
    source->awaited_ms = cf_deadline_set_back(source->awaited_ms, by_ms);
}

static void set_forth(void *self, uint64_t by_ms)
{
    cf_files_source *source = self;

    if (source->debounce)
        cf_debounce_set_forth(source->debounce, by_ms);
}

/* ---- Going on ---- */

/* False: the root has gone from its place, or the base has, and the root is let go. */
static bool check_root(cf_files_source *source)
{
    bool asked = source->look_all || !source->looked;

    if (cf_binding_has_mark(source->binding, source->context->peer->env->files) &&
        (!asked || cf_files_source_is_root_in_place(source)) && cf_files_source_has_base(source))
        return true;
    reopen(source);
    return false;
}

/* Whoever asks how it stands has to know of a root that is no more where it was. */
static void check_place(cf_files_source *source, uint64_t now_ms)
{
    if (source->checks_place && is_known(source) &&
        !(cf_files_source_is_root_in_place(source) && cf_files_source_has_base(source)))
        look_at_disk(source, CF_LOOK_CATCHES_UP, (cf_delete_word){0}, now_ms);
    source->checks_place = false;
}

/* What has returned is looked at wherever it is now. */
static cf_status pay_owed(cf_files_source *source, uint64_t now_ms, cf_error *error)
{
    cf_binding *binding = source->binding;
    size_t settled;

    if (!binding->rescued_count || now_ms < source->owed_ms || source->scan ||
        cf_applying_busy(source->applying))
        return CF_OK;
    source->owed_ms = now_ms + OWED_MS;
    cf_status status = cf_rescued_settle(source->context->peer, binding, &settled, error);
    source->look_all |= settled > 0;
    return status;
}

/* What waited for the broker's word is looked at once more. */
static void hear_broker(cf_files_source *source)
{
    const cf_link *link = source->context->peer->link;

    if (!source->awaits_broker || source->scan ||
        (link && !cf_link_is_idle_in(link, &source->binding->collection)))
        return;
    source->awaits_broker = false;
    cf_files_source_look_at_all(source, CF_ABSENCE_COUNTS);
}

/* A look or an application under way wakes us when it goes on; what waits for its end may be due
 * long before that. It never goes on where the disk hangs, which is asked meanwhile. */
static void plan_step(const cf_files_source *source, uint64_t now_ms, uint64_t *deadline)
{
    bool is_free = !source->scan && !cf_applying_busy(source->applying);

    if (!is_free)
        cf_deadline_lower(deadline, now_ms + CF_PROBE_AGAIN_MS);
    if (source->retry_ms)
        cf_deadline_lower(deadline, source->retry_ms);
    if (source->debounce)
        cf_deadline_lower(deadline, cf_debounce_next(source->debounce));
    if (is_free && (source->look_all || source->places.count))
        cf_deadline_lower(deadline, source->not_before_ms);
    if (is_free && source->debounce)
        cf_deadline_lower(deadline, cf_deadline_earlier(source->rescan_ms, source->poll_ms));
    if (is_free && source->debounce && source->binding->rescued_count)
        cf_deadline_lower(deadline, source->owed_ms);
}

/* Something is to be done that touches it. */
static bool needs_disk(const cf_files_source *source, uint64_t now_ms)
{
    const cf_binding *binding = source->binding;

    if (!binding->root)
        return now_ms >= source->reopen_ms;
    return source->reopen || source->checks_place || source->scan || binding->is_disk_doubted ||
           (binding->rescued_count && now_ms >= source->owed_ms) ||
           cf_applying_busy(source->applying) || cf_files_source_guard_is_due(source) ||
           cf_files_source_wants_look(source, now_ms) || cf_files_source_may_merge(source) ||
           cf_files_source_may_apply(source);
}

/* Another disk may have taken its place meanwhile. */
static void end_rest(cf_files_source *source)
{
    if (source->rests && source->binding->root && !cf_files_source_is_root_itself(source))
        reopen(source);
    source->rests = false;
}

/* What a step does may take long. */
static bool answers_yet(const cf_files_source *source, uint64_t *deadline)
{
    const cf_env *env = source->context->peer->env;
    const uint64_t now_ms = env->now_ms(env->context);

    return !needs_disk(source, now_ms) || cf_probe_answers(source->probe, now_ms, deadline);
}

typedef enum {
    WORK_RESTS,       /* nothing is to be done now, or what is under way waits for something */
    WORK_GOES_ON,     /* something ended, and the next thing may begin */
    WORK_BEGINS_ANEW, /* the root has to be opened again */
} work;

/* One turn of what a source does, in order: the look that is under way, the steps that are, then
 * what may begin. */
static work take_turn(cf_files_source *source, uint64_t now_ms, cf_status *status, cf_error *error)
{
    if (source->scan) {
        *status = cf_files_source_step_scan(source, now_ms, error);
        return source->scan ? WORK_RESTS : WORK_GOES_ON;
    }
    if (cf_applying_busy(source->applying)) {
        *status = cf_files_source_step_applying(source, now_ms, error);
        if (cf_applying_is_stuck(source->applying))
            cf_probe_rest(source->probe);
        return cf_applying_busy(source->applying) ? WORK_RESTS : WORK_GOES_ON;
    }
    if (source->reopen)
        return WORK_BEGINS_ANEW;
    if (cf_files_source_guard_is_due(source)) {
        *status = cf_files_source_guard(source, error);
    } else if (cf_files_source_wants_look(source, now_ms)) {
        if (!check_root(source))
            return WORK_BEGINS_ANEW;
        cf_files_source_start_scan(source, now_ms);
    } else if (cf_files_source_may_merge(source)) {
        *status = cf_files_source_merge(source, now_ms, error);
    } else if (cf_files_source_may_apply(source)) {
        if (!cf_files_source_has_base(source)) {
            reopen(source);
            return WORK_BEGINS_ANEW;
        }
        *status = cf_files_source_begin_applying(source, now_ms, error);
    } else {
        return WORK_RESTS;
    }
    return WORK_GOES_ON;
}

static cf_status step(void *self, uint64_t now_ms, uint64_t *deadline, cf_error *error)
{
    cf_files_source *source = self;
    cf_status status = CF_OK;

    if (!source->debounce && !source->asked)
        return CF_OK;
    cf_files_source_take_due(source, now_ms);
    cf_files_source_retry(source, now_ms);
    cf_applying_wake_waiting(source->applying);
    hear_broker(source);
    if (needs_disk(source, now_ms)) {
        if (!cf_probe_answers(source->probe, now_ms, deadline))
            return CF_OK;
        end_rest(source);
    }
    check_place(source, now_ms);
    if (source->reopen && !cf_applying_busy(source->applying))
        cf_files_source_let_root_go(source);
    if (!cf_files_source_hold_root(source, now_ms)) {
        if (source->debounce)
            cf_deadline_lower(deadline, source->reopen_ms);
        source->look_all = source->agrees = false;
        source->awaited_ms = 0;
        cf_look_places_release(&source->places);
        cf_probe_rest(source->probe);
        return CF_OK;
    }
    bool answers = true;
    status = pay_owed(source, now_ms, error);
    for (work next = WORK_GOES_ON; !status && next == WORK_GOES_ON && source->binding->root &&
                                   (answers = answers_yet(source, deadline));) {
        next = take_turn(source, now_ms, &status, error);
        if (next == WORK_BEGINS_ANEW) /* what is asked for may be new */
            return step(source, now_ms, deadline, error);
    }
    if (!answers)
        return status;
    if (!needs_disk(source, now_ms)) {
        cf_probe_rest(source->probe);
        cf_files_source_rest(source);
    }
    plan_step(source, now_ms, deadline);
    return status;
}

static bool busy(const void *self, uint64_t now_ms)
{
    const cf_files_source *source = self;

    (void)now_ms;
    return !source->binding->silence &&
           (source->scan || cf_applying_busy(source->applying) || source->look_all ||
            source->checks_place || source->places.count || source->awaited_ms ||
            (source->binding->root && cf_files_source_may_apply(source)));
}

static bool agrees(const void *self)
{
    const cf_files_source *source = self;

    return !source->binding->silence &&
           (source->agrees || (source->scan && source->scanning_agrees));
}

/* ---- What counts no longer ---- */

typedef struct {
    cf_is_undone *is_undone;
    const void *context;
    uint64_t *numbers;
    size_t count, capacity;
} gathering;

static void gather(void *context, const cf_node *node)
{
    gathering *self = context;
    cf_arena arena = {0};
    cf_ref *refs;
    size_t count;
    cf_error ignored;
    bool undone = false;

    if (cf_refs_read(node->refs, &arena, &refs, &count, &ignored) == CF_OK)
        for (size_t i = 0; !undone && i < count; i++)
            undone = self->is_undone(self->context, &refs[i].dot);
    if (undone) {
        *cf_one_more(self->numbers, self->count, self->capacity) = node->number;
    }
    cf_arena_release(&arena);
}

static void forget(void *self, cf_is_undone *is_undone, const void *context, cf_kv_list *records)
{
    cf_files_source *source = self;
    gathering found = {.is_undone = is_undone, .context = context};

    cf_files_source_finish_applying(source); /* it has steps of nodes that go */
    cf_nodes_each(source->binding->nodes, gather, &found);
    if (found.count) {
        if (source->scan) { /* it compares with nodes that go */
            cf_files_source_let_root_go(source);
            source->reopen_ms = 0;
        }
        source->look_all = true;
        for (size_t i = 0; i < found.count; i++)
            cf_binding_drop_node(source->binding, found.numbers[i], records);
    }
    free(found.numbers);
}

cf_source cf_files_source_open(cf_source_context *context, cf_binding *binding)
{
    static const cf_source_operations operations = {
        .end = end,
        .destroy = destroy,
        .look = look,
        .look_again = look_again,
        .end_word = end_word,
        .step = step,
        .busy = busy,
        .agrees = agrees,
        .status = cf_files_source_tell,
        .held = cf_files_source_count_held,
        .behind = cf_files_source_is_behind,
        .applied = count_applied,
        .forget = forget,
        .look_at = look_at,
        .look_at_file = look_at_file,
        .changed = changed,
        .renamed = renamed,
        .mark = mark,
        .wake = wake,
        .reopen = reopen,
        .set_back = set_back,
        .set_forth = set_forth,
    };
    cf_files_source *source = cf_allocate(1, sizeof *source);

    source->context = context;
    source->binding = binding;
    source->probe = cf_probe_new(context->peer->env, binding);
    source->applying = cf_applying_new(&(cf_applying_options){
        context->peer, binding, context->downloads, context->bases, context->watch});
    source->debounce = context->watch ? cf_debounce_new() : NULL;
    source->renames = cf_renames_new();
    source->poll_ms = CF_DEBOUNCE_NEVER;
    return (cf_source){.self = source, .operations = &operations, .probe = source->probe};
}
