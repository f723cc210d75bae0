/* SPDX-License-Identifier: Apache-2.0 */
/* A look of a folder as a source: when, at which places, what becomes of each batch that the scan
 * gives, and where to look again. Of a batch disks that are away and locked files are taken out
 * first; then absences are judged, what others have is agreed, and the rest is published. */
#include "peer/sources/files/files_source_inside.h"

#include "peer/merge/node_stat.h"
#include "peer/sources/files/deselect.h"
#include "peer/sources/files/draft.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    AGAIN_MAX = 200,
    SHOWN_ONCE_MORE_MS = 1100, /* what a share or FUSE's library remembers: names of the card that
                                  was there, beside those of the one that is */
    CLOCKS_APART_MS = 1000,    /* the system's and a file's, of one moment */
    OLDER_COPY_MS = 60000,     /* all of it is looked at to see whether it still is one, */
    OLDER_COPY_MAX_MS = 60 * OLDER_COPY_MS, /* and later each time, by so much at most */
};

static bool recall(void *context, const cf_stat *stat, cf_recalled *out)
{
    const cf_files_source *source = context;

    return cf_uploads_recall(source->context->uploads, stat, out);
}

/* What it holds by then is looked at when it has rested. */
static const char *rests(void *context, uint64_t folder, cf_bytes name)
{
    cf_files_source *source = context;
    const cf_env *env = source->context->peer->env;
    const cf_look_place place = {.folder = folder, .name = name};
    uint64_t now_ms = env->now_ms(env->context);
    uint64_t left_ms = source->debounce ? cf_debounce_rests(source->debounce, &place, now_ms) : 0;

    if (!left_ms)
        return NULL;
    if (cf_debounce_waited_ms(source->debounce, &place, now_ms))
        cf_debounce_note_waits(source->debounce, &place, now_ms);
    cf_debounce_note(source->debounce, folder, name, CF_EVENT_ARRIVED, now_ms);
    snprintf(source->resting_text, sizeof source->resting_text,
             "it changes without rest, and is looked at again in %llu s",
             (unsigned long long)(left_ms + 999) / 1000);
    return source->resting_text;
}

/* After it has waited for as long as one that rests would have. Without a watch nobody knows for
 * how long: of what was always there long ago, or changed at each of many looks. */
static bool insists(void *context, uint64_t folder, cf_bytes name, const cf_stat *unknown)
{
    const cf_files_source *source = context;
    const cf_env *env = source->context->peer->env;
    const cf_look_place place = {.folder = folder, .name = name};
    uint64_t now_ms = env->now_ms(env->context);

    if (source->debounce)
        return cf_debounce_waited_ms(source->debounce, &place, now_ms) >= CF_READ_REST_MS;
    return source->tries > AGAIN_MAX / 2 ||
           (unknown && unknown->birth_ns &&
            cf_ns_of_ms(now_ms) - unknown->birth_ns >= cf_ns_of_ms(CF_READ_REST_MS));
}

static void begin_costs(cf_files_source *source, uint64_t now_ms)
{
    for (size_t i = 0; source->debounce && i < source->scanned.count; i++)
        cf_debounce_begin(source->debounce, &source->scanned.at[i], now_ms);
}

void cf_files_source_look_at(cf_files_source *source, uint64_t folder, cf_bytes name,
                             cf_absence absence)
{
    cf_look_places_add(&source->places, folder, name, absence);
}

void cf_files_source_look_at_all(cf_files_source *source, cf_absence absence)
{
    source->look_all = true;
    if (source->absence < absence)
        source->absence = absence;
}

static void look_at_names_of(const cf_files_source *source, const cf_node *node)
{
    if (!node || node->kind != CF_KIND_FILE)
        return;
    const cf_stat file = cf_stat_of_node(node);
    source->context->look_at_file(source->context->context, source->binding, &file);
}

/* What was done to a file through one of its names is done to all: after `ln x y`, `echo >>x` tells
 * of x alone. What is only missing there has changed no file. */
static void look_at_other_names(const cf_files_source *source, const cf_look_place *place)
{
    const cf_nodes *nodes = source->binding->nodes;

    if (place->absence != CF_ABSENCE_WAITS)
        return;
    if (place->name.size)
        look_at_names_of(source, cf_nodes_child(nodes, place->folder, place->name));
    else
        for (const cf_node *node = NULL; (node = cf_nodes_next_child(nodes, place->folder, node));)
            look_at_names_of(source, node);
}

void cf_files_source_take_due(cf_files_source *source, uint64_t now_ms)
{
    if (!source->debounce)
        return;
    cf_debounce_due due = cf_debounce_take(source->debounce, now_ms);
    for (size_t i = 0; i < due.places.count; i++) {
        cf_files_source_look_at(source, due.places.at[i].folder, due.places.at[i].name,
                                due.places.at[i].absence);
        look_at_other_names(source, &due.places.at[i]);
    }
    cf_look_places_release(&due.places);
    if (due.all)
        cf_files_source_look_at_all(source, due.absence);
    if (now_ms >= source->poll_ms)
        cf_files_source_look_at_all(source, CF_ABSENCE_WAITS);
    if (now_ms < source->rescan_ms)
        return;
    cf_files_source_look_at_all(source, CF_ABSENCE_COUNTS);
    cf_applying_try_all(source->applying);
}

bool cf_files_source_wants_look(const cf_files_source *source, uint64_t now_ms)
{
    return (source->look_all || source->places.count) && now_ms >= source->not_before_ms;
}

/* A poll is no rescan: what is missing is waited for, and what could not be applied is not tried.
 */
static bool counts_absences(const cf_files_source *source)
{
    return source->scanning_all && source->scanning_absence == CF_ABSENCE_COUNTS;
}

/* At the beginning of each look, and at its end: what can't be watched is known only then. */
static void plan_rescan(cf_files_source *source, uint64_t now_ms)
{
    const cf_env *env = source->context->peer->env;
    uint32_t random;

    if (!source->debounce)
        return;
    const bool complete =
        !cf_watch_misses(source->context->watch, source->binding->number) && !source->unseen.count;
    if (complete && !source->scanning_all)
        return;
    env->random(env->context, &random, sizeof random);
    uint64_t next = cf_debounce_rescan(now_ms, complete, random);
    if (counts_absences(source) || next < source->rescan_ms)
        source->rescan_ms = next;
    if (source->scanning_all)
        source->poll_ms = cf_debounce_poll(now_ms, cf_binding_poll_ms(source->binding), random);
}

static void add_absent(void *context, const cf_look_place *place)
{
    cf_look_places_add(context, place->folder, place->name, CF_ABSENCE_WAITS);
}

/* Where numbers don't last, what came and what went are one only if they are seen together. */
static void look_beside(cf_files_source *source)
{
    cf_renames_add_origins(source->renames, &source->places);
    if (source->debounce && source->places.count && source->binding->traits.renumbers)
        cf_debounce_each_absent(source->debounce, add_absent, &source->places);
}

static bool is_draft(void *context, const cf_node *node)
{
    const cf_files_source *source = context;
    cf_peer *peer = source->context->peer;
    const cf_id *id = &source->binding->collection;
    const uint64_t now_ms = peer->env->now_ms(peer->env->context);
    cf_collection *collection;
    cf_error ignored;
    cf_id own;

    return cf_peer_collection(peer, id, &collection, &ignored) == CF_OK &&
           cf_author_writer(peer->author, id, &own) &&
           cf_draft_is(collection->state, node, &own, cf_author_time(peer->author, now_ms).ms);
}

void cf_files_source_start_scan(cf_files_source *source, uint64_t now_ms)
{
    cf_peer *peer = source->context->peer;
    bool all = source->look_all || !source->looked;
    cf_scan_options options = {
        .env = peer->env,
        .binding = source->binding,
        .places = all ? NULL : &source->scanned,
        .recall = recall,
        .rests = rests,
        .insists = insists,
        .is_draft = is_draft,
        .takes_other_disks = source->word.given,
        .renames = source->renames,
        .context = source,
        .watch = source->context->watch,
    };

    cf_look_places_release(&source->scanned);
    look_beside(source);
    source->scanned = source->places;
    source->places = (cf_look_places){0};
    cf_look_places_sort(&source->scanned);
    begin_costs(source, now_ms);
    source->scan = cf_scan_new(&options);
    source->scanning_all = all;
    if (all && !source->look_only) /* they are judged anew */
        source->postponed_ms = 0;
    if (source->debounce && all)
        cf_watch_count_anew(source->context->watch, (uint32_t)source->binding->number);
    source->held_back &= !all;
    source->scanning_only = source->look_only;
    source->scanning_agrees = source->look_only && source->agrees;
    source->scanning_absence = source->absence;
    source->look_all = source->look_only = source->agrees = false;
    source->absence = CF_ABSENCE_WAITS;
    cf_files_source_begin_judging(source); /* the one before may have been broken off */
    plan_rescan(source, now_ms);
}

const char *cf_files_source_silence(cf_files_source *source)
{
    cf_hash epoch;
    cf_error why;

    if (cf_peer_epoch(source->context->peer, &epoch, &why))
        return cf_pendings_text(&source->found, why.text);
    if (source->binding->mode == CF_MODE_RECEIVE)
        return "this source only receives";
    return source->scanning_only ? NULL : source->context->silent;
}

/* What differs stays as it is until its user decides, and holds up nothing else. */
static cf_status keep_to_itself(cf_files_source *source, const cf_publishing *publishing,
                                const cf_scan_batch *batch, const char *silent, cf_error *error)
{
    cf_scan_batch left;
    cf_arena arena = {0};

    cf_status status = cf_publish_agreed(publishing, batch, &arena, &left, error);
    if (!status) {
        source->context->activity += batch->count - left.count;
        cf_files_source_note_kept(source, publishing, &left, silent);
    }
    cf_arena_release(&arena);
    return status;
}

/* What went to where nobody looks goes on to tell of itself. */
static void watch_no_more(const cf_files_source *source, const cf_scan_batch *batch)
{
    const cf_binding *binding = source->binding;

    for (size_t i = 0; source->debounce && i < batch->gone_count; i++)
        if (!cf_nodes_find(binding->nodes, batch->gone[i]))
            cf_watch_remove(source->context->watch,
                            (uint64_t)binding->number << 32 | batch->gone[i]);
}

static void send_no_more(const cf_files_source *source, const cf_scan_batch *batch)
{
    for (size_t i = 0; i < batch->gone_count; i++) {
        const cf_node *node = cf_nodes_find(source->binding->nodes, batch->gone[i]);

        if (node)
            cf_uploads_overtake(source->context->uploads, source->binding, node->parent, node->name,
                                NULL);
    }
}

static bool meets(const cf_files_source *source)
{
    return source->binding->meets & (CF_MEETS_OLD | CF_MEETS_AGAIN);
}

static cf_status publish_batch(cf_files_source *source, const cf_scan_batch *batch, uint64_t now_ms,
                               cf_error *error)
{
    cf_source_context *context = source->context;
    const char *silent = cf_files_source_silence(source);

    if (source->scanning_only && !source->scanning_agrees) {
        const cf_publishing told = {.peer = context->peer, .binding = source->binding};

        if (silent)
            cf_files_source_note_kept(source, &told, batch, silent);
        else
            cf_files_source_note_batch(source, batch, NULL, now_ms);
        return CF_OK;
    }
    if (meets(source) && !source->past) {
        cf_status status =
            cf_past_read(context->peer, &source->binding->collection, &source->past, error);
        if (status)
            return status;
    }
    const cf_publishing publishing = {
        .peer = context->peer,
        .binding = source->binding,
        .uploads = context->uploads,
        .bases = context->bases,
        .now_ms = now_ms,
        .past = source->past,
        .awaits = source->scanning_agrees ? NULL : cf_files_source_note_awaits,
        .waits = cf_files_source_note_wait,
        .context = source,
    };
    if (silent || source->scanning_agrees)
        return keep_to_itself(source, &publishing, batch, silent, error);
    cf_scan_batch judged, left;
    cf_arena arena = {0};
    bool unveils = false;
    cf_files_source_judge(source, batch, now_ms, &judged);
    for (size_t i = 0; i < judged.count; i++)
        unveils |= cf_deselect_is_moved(source->binding, &judged.at[i].finding);
    if (unveils)
        cf_files_source_look_at_all(source, CF_ABSENCE_WAITS);
    cf_status status = cf_publish_agreed(&publishing, &judged, &arena, &left, error);
    if (!status)
        send_no_more(source, &left);
    if (!status)
        status = cf_publish_batch(&publishing, &left, left.gone, left.gone_count, error);
    if (status == CF_DENIED) {
        cf_files_source_note_batch(source, batch, cf_pendings_text(&source->found, error->text),
                                   now_ms);
        status = CF_OK;
    }
    context->activity += judged.count + judged.gone_count;
    if (!status)
        watch_no_more(source, &judged);
    free((void *)judged.gone);
    free((void *)judged.at);
    cf_arena_release(&arena);
    return status;
}

/* Nothing is missing but what is held as away. */
static bool has_all(const cf_files_source *source, const cf_scan_batch *found)
{
    for (size_t i = 0, away = 0; i < found->gone_count; i++) {
        const bool is_away = away < found->away_count && found->away[away].number == found->gone[i];

        away += is_away;
        if (!is_away && cf_nodes_find(source->binding->nodes, found->gone[i]))
            return false;
    }
    return true;
}

static cf_status note_seen(cf_files_source *source, const cf_scan_batch *found, cf_error *error)
{
    const int64_t whole_ns = cf_binding_asks_folders(source->binding) && found->is_first
                                 ? cf_scan_whole_ns(source->scan)
                                 : 0;

    cf_status status =
        cf_binding_note_bare(source->context->peer, source->binding, found->bare, found->bare_count,
                             found->empty, found->empty_count, error);
    return !status && whole_ns && has_all(source, found)
               ? cf_binding_note_whole(source->context->peer, source->binding, whole_ns, error)
               : status;
}

static cf_status take_batch(cf_files_source *source, uint64_t now_ms, cf_error *error)
{
    const cf_scan_batch *found = cf_scan_take(source->scan);
    cf_scan_batch batch = *found;
    cf_arena arena = {0};

    cf_files_source_hold_disks(source, &arena, &batch);
    if (!source->scanning_agrees)
        cf_files_source_hold(source, &arena, &batch);
    cf_files_source_note_waiting(source, found, &batch);
    cf_status status = publish_batch(source, &batch, now_ms, error);
    if (!status)
        status = note_seen(source, found, error);
    cf_arena_release(&arena);
    return status;
}

/* Before anything of it is published. CF_UNSAFE: it is an older copy. Of what is met the log is
 * asked anyway, and who publishes nothing reverts nothing. */
static cf_status check_age(cf_files_source *source, cf_error *error)
{
    if (!source->scanning_all || !cf_scan_take(source->scan)->is_first ||
        source->binding->meets & ~(unsigned)CF_MEETS_NEW ||
        source->binding->mode == CF_MODE_RECEIVE || cf_delete_word_is_all(source->word))
        return CF_OK;
    cf_status status = cf_older_copy_find(source->context->peer, source->binding, source->scan,
                                          &source->age, error);
    return status || !source->age.changes ? status
                                          : cf_binding_refuse_older(source->binding, error);
}

static void end_in_trouble(cf_files_source *source, uint64_t reopen_ms, const cf_error *error)
{
    source->trouble = error->status;
    snprintf(source->trouble_text, sizeof source->trouble_text, "%s", error->text);
    cf_files_source_let_root_go(source);
    source->reopen_ms = reopen_ms;
}

/* Told once, however often it is found. */
static void end_as_older(cf_files_source *source, uint64_t now_ms, const cf_error *error)
{
    uint64_t wait_ms = 2 * source->older_wait_ms;

    if (!source->is_older)
        cf_report(source->context->peer->env, CF_REPORT_WARNING, "%s", error->text);
    if (!source->is_older || !wait_ms)
        wait_ms = OLDER_COPY_MS;
    source->is_older = true;
    source->older_wait_ms = wait_ms < OLDER_COPY_MAX_MS ? wait_ms : OLDER_COPY_MAX_MS;
    end_in_trouble(source, now_ms + source->older_wait_ms, error);
}

static void add_places(cf_files_source *source, const cf_look_places *places)
{
    for (size_t i = 0; i < places->count; i++)
        cf_files_source_look_at(source, places->at[i].folder, places->at[i].name,
                                places->at[i].absence);
}

/* As the look that ends. */
static void look_alike(cf_files_source *source)
{
    source->look_only |= source->scanning_only;
    source->agrees |= source->scanning_agrees;
}

/* To be sure of what is gone. It was found in a directory that nobody knows yet: only the same look
 * finds it again. */
static void look_to_confirm(cf_files_source *source, uint64_t now_ms)
{
    for (size_t i = 0; i < source->confirmed.count; i++)
        source->confirm |= source->confirmed.at[i].folder != CF_NODE_ROOT &&
                           !cf_nodes_find(source->binding->nodes, source->confirmed.at[i].folder);
    if (source->scanning_all && (source->confirm || source->confirmed.count))
        cf_files_source_look_at_all(source, source->scanning_absence);
    add_places(source, source->confirm ? &source->scanned : &source->confirmed);
    if (source->confirm || source->confirmed.count) {
        look_alike(source);
        source->not_before_ms = now_ms + (source->binding->is_remote ? SHOWN_ONCE_MORE_MS : 0);
    }
    cf_look_places_release(&source->confirmed);
    source->confirm = false;
}

/* Where something had just changed, and, once, at everything where a part of that was passed over.
 * What never rests is looked at now and then if there is a watch, and else not for ever. */
static void look_again(cf_files_source *source, uint64_t now_ms)
{
    const cf_look_places *again = cf_scan_again(source->scan);

    for (size_t i = 0; source->debounce && i < again->count; i++)
        if (again->at[i].name.size)
            cf_debounce_note_waits(source->debounce, &again->at[i], now_ms);
    const bool all = source->scanning_all && source->unseen.count && !source->tries;
    if ((!again->count && !all) || source->tries >= AGAIN_MAX) {
        for (size_t i = 0; source->debounce && i < again->count; i++)
            cf_debounce_note(source->debounce, again->at[i].folder, again->at[i].name,
                             CF_EVENT_WRITTEN, now_ms);
        source->tries = 0;
        return;
    }
    source->tries++;
    look_alike(source);
    for (size_t i = 0; i < again->count; i++)
        cf_files_source_look_at(source, again->at[i].folder, again->at[i].name,
                                cf_files_source_absence_at(source, &again->at[i]));
    if (all)
        cf_files_source_look_at_all(source, CF_ABSENCE_WAITS);
    if (source->not_before_ms < now_ms + CF_SOURCE_AGAIN_MS)
        source->not_before_ms = now_ms + CF_SOURCE_AGAIN_MS;
}

/* A file that was changed in the future, before the clock was set back, has rested for long. */
static uint64_t age_of(int64_t changed_ns, uint64_t now_ms)
{
    uint64_t changed_ms = changed_ns > 0 ? (uint64_t)changed_ns / 1000000 : 0;

    if (changed_ms <= now_ms)
        return now_ms - changed_ms;
    return changed_ms - now_ms < CLOCKS_APART_MS ? 0 : CF_DEBOUNCE_UNREAD_MAX;
}

/* When the step of its time is over. */
static void read_again(cf_files_source *source, uint64_t now_ms)
{
    size_t count;
    const cf_scan_racy *racy = cf_scan_racy_files(source->scan, &count);

    for (size_t i = 0; source->debounce && i < count; i++) {
        const cf_look_place place = {.folder = racy[i].folder, .name = racy[i].name};

        cf_debounce_note_later(source->debounce, &place, now_ms + racy[i].wait_ms);
    }
}

static void read_later(cf_files_source *source, uint64_t now_ms)
{
    size_t count;
    const cf_scan_unread *unread = cf_scan_unread_files(source->scan, &count);

    for (size_t i = 0; source->debounce && i < count; i++) {
        const cf_look_place place = {.folder = unread[i].folder, .name = unread[i].name};

        cf_debounce_note_unread(source->debounce, &place, age_of(unread[i].changed_ns, now_ms),
                                now_ms);
        cf_debounce_note_waits(source->debounce, &place, now_ms);
    }
    if (source->debounce)
        cf_debounce_end_waits(source->debounce, source->scanning_all ? NULL : &source->scanned);
}

/* All was looked at, and nothing of it has to be looked at again. Where it can't be kept that this
 * is over, the next process meets the folder once more. */
static void end_meeting(cf_files_source *source, uint64_t now_ms)
{
    cf_peer *peer = source->context->peer;
    cf_store *store = cf_home_store(peer->home);
    cf_kv_list records = {0};
    cf_error ignored;

    cf_past_destroy(&source->past);
    source->met_all |= source->scanning_all && !source->scanning_only;
    if (!source->binding->meets || !source->met_all || source->look_all || source->places.count ||
        source->held_back || source->awaits_broker)
        return;
    cf_binding_end_meeting(peer, source->binding, source->binding->meets, now_ms, &records);
    store->write(store, cf_peer_user(peer), records.at, records.count, true, &ignored);
    cf_kv_list_release(&records);
}

static void end_scan(cf_files_source *source, uint64_t now_ms)
{
    cf_scan_renumber_watches(source->scan);
    cf_files_source_renew_notes(source);
    if (source->debounce)
        cf_debounce_end(source->debounce, &source->scanned, now_ms);
    cf_files_source_end_judging(source);
    plan_rescan(source, now_ms);
    look_to_confirm(source, now_ms);
    look_again(source, now_ms);
    read_later(source, now_ms);
    read_again(source, now_ms);
    end_meeting(source, now_ms);
    if (source->debounce && cf_debounce_next(source->debounce) == CF_DEBOUNCE_NEVER &&
        !source->places.count)
        cf_renames_clear(source->renames); /* all of them were looked at */
    source->looked = true;
    source->is_older &= !source->scanning_all;
    source->context->looks += source->scanning_all;
    source->looks_now = source->scanning_only;
    source->agreed = source->scanning_agrees;
    if (source->agreed && source->debounce && !source->agrees)
        cf_files_source_look_at_all(source, CF_ABSENCE_COUNTS); /* it is kept in sync from now on */
    cf_scan_destroy(&source->scan);
    if (!source->scanning_only)
        cf_applying_wake(source->applying);
}

cf_status cf_files_source_step_scan(cf_files_source *source, uint64_t now_ms, cf_error *error)
{
    if (source->context->awaits_locks && !source->scanning_only)
        return CF_OK;
    for (;;) {
        switch (cf_scan_step(source->scan, now_ms, error)) {
        case CF_SCAN_WORKING:
            return CF_OK;
        case CF_SCAN_BATCH: {
            cf_status status = check_age(source, error);

            if (status == CF_UNSAFE) {
                end_as_older(source, now_ms, error);
                return CF_OK;
            }
            if (!status)
                status = take_batch(source, now_ms, error);
            if (status)
                return status;
            break;
        }
        case CF_SCAN_DONE:
            end_scan(source, now_ms);
            return CF_OK;
        case CF_SCAN_FAILED:
            end_in_trouble(source, now_ms + CF_SOURCE_REOPEN_MS, error);
            return CF_OK;
        }
    }
}
