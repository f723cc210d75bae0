/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what a look saw is an older copy. may_be_one() says by stats alone whether the log must
 * be read; compare() then finds which writes of each device are here and which are not, and
 * is_of_one_moment() whether it was ever so. */
#include "peer/sources/files/older_copy.h"

#include "codec/content.h"
#include "codec/hash_table.h"
#include "codec/pack.h"
#include "peer/bindings/binding_folder.h"
#include "peer/log/past.h"
#include "peer/merge/fields.h"
#include "peer/sources/files/meeting.h"
#include "peer/sources/files/past_version.h"

#include <stdlib.h>

enum { CHANGES_MIN = 2 };

/* What is here of what a device wrote, and what is not. */
typedef struct {
    cf_hash_link link;
    cf_id writer;
    uint64_t shown;  /* the latest entry of which something is here */
    uint64_t undone; /* the first of which something has gone; 0: none */
} frontier;

typedef struct {
    const cf_binding *binding;
    const cf_scan *scan;
    int64_t newest_ns;    /* a later ctime was set since the last look; INT64_MAX: none tells */
    uint64_t device;      /* on which that is so */
    const cf_node **gone; /* that are missed from the source's own disk */
    size_t gone_count;
    cf_file_looks missed; /* files of these */
    size_t within_of;     /* the listed folder of which `within` tells, and one; 0: of none */
    cf_met_directories within;
    cf_past *past;
    cf_hash_table frontiers;
    cf_arena arena;
    uint64_t *covered;    /* nodes that are missed where another thing of the base lies now, */
    size_t covered_count; /* in order */
    size_t back, came, went, moved; /* files: to an earlier version, that were deleted, that are
                                       missed, to an earlier place */
    size_t restored;                /* back, from what is missed elsewhere: it is counted there */
} comparing;

/* ---- What each device wrote ---- */

static frontier *frontier_of(comparing *self, const cf_id *writer)
{
    const uint64_t hash = cf_hash_id(0, writer);

    for (cf_hash_link *link = cf_hash_table_first(&self->frontiers, hash); link;
         link = cf_hash_table_next(link))
        if (cf_id_equal(&cf_container_of(link, frontier, link)->writer, writer))
            return cf_container_of(link, frontier, link);
    frontier *found = cf_arena_allocate(&self->arena, 1, sizeof *found);
    found->writer = *writer;
    cf_hash_table_add(&self->frontiers, &found->link, hash);
    return found;
}

static void show(comparing *self, const cf_dot *dot)
{
    frontier *of = frontier_of(self, &dot->writer);

    if (of->shown < dot->sequence)
        of->shown = dot->sequence;
}

static void undo(comparing *self, const cf_dot *dot)
{
    frontier *of = frontier_of(self, &dot->writer);

    if (!of->undone || of->undone > dot->sequence)
        of->undone = dot->sequence;
}

static bool is_of_one_moment(const comparing *self)
{
    for (cf_hash_link *link = cf_hash_table_walk(&self->frontiers, NULL); link;
         link = cf_hash_table_walk(&self->frontiers, link)) {
        const frontier *of = cf_container_of(link, frontier, link);

        if (of->undone && of->shown >= of->undone)
            return false;
    }
    return true;
}

/* ---- Places ---- */

static cf_bytes pack(comparing *self, const void *data, size_t size)
{
    cf_buffer value = {0};

    cf_pack_bin(&value, cf_bytes_of(data, size));
    cf_bytes copy = cf_arena_copy(&self->arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return copy;
}

static const cf_past_item *item_of(const comparing *self, const cf_node *node)
{
    return node->item_count ? cf_past_find(self->past, &node->items[0]) : NULL;
}

/* NULL: nobody told of it. */
static const cf_past_place *stay_of(comparing *self, const cf_past_item *item, uint64_t parent,
                                    cf_bytes name)
{
    const cf_node *above = parent ? cf_nodes_find(self->binding->nodes, parent) : NULL;
    const cf_id *within = above && above->item_count ? &above->items[0] : &cf_root_item;

    return parent && !above ? NULL
                            : cf_past_stay(self->past, item, pack(self, within, sizeof *within),
                                           pack(self, name.data, name.size));
}

/* ---- What was moved ---- */

static bool looks_the_same(const cf_node *node, const cf_stat *stat)
{
    return node->stat.size == stat->size && node->stat.mtime_ns == stat->mtime_ns;
}

static bool is_earlier(const cf_scan_sight *seen)
{
    return seen->node && seen->kind == CF_KIND_FILE && !looks_the_same(seen->node, seen->stat) &&
           seen->stat->mtime_ns < seen->node->stat.mtime_ns;
}

static bool was_put_there(const comparing *self, const cf_scan_sight *seen)
{
    return seen->stat->device == self->device && seen->stat->ctime_ns > self->newest_ns;
}

/* `mv one~ one` moves an earlier one there, which is missed elsewhere. */
static bool is_missed_elsewhere(const comparing *self, const cf_scan_sight *seen)
{
    return cf_file_looks_have(&self->missed, seen->stat->size, seen->stat->mtime_ns);
}

static bool went_back(const comparing *self, const cf_scan_sight *seen)
{
    return is_earlier(seen) && !was_put_there(self, seen);
}

static bool is_in_place(const cf_scan_sight *seen)
{
    return seen->node->parent == seen->folder && cf_bytes_equal(seen->node->name, seen->name);
}

static bool came(const comparing *self, const cf_scan_sight *seen)
{
    return !seen->node && seen->kind == CF_KIND_FILE && !was_put_there(self, seen);
}

static bool was_moved(const comparing *self, const cf_scan_sight *seen)
{
    return seen->node && !is_in_place(seen) && !was_put_there(self, seen);
}

/* A save that keeps a backup moves the old file aside, whose number is the backup's from then on;
 * in an older copy that number lies where the file is missed. NULL: it is no such. */
static const cf_node *covered_by(const comparing *self, const cf_scan_sight *seen)
{
    if (seen->kind != CF_KIND_FILE || !was_moved(self, seen))
        return NULL;
    const cf_node *node = cf_nodes_child(self->binding->nodes, seen->folder, seen->name);
    return node && node->kind == CF_KIND_FILE && !cf_scan_found(self->scan, node->number) ? node
                                                                                          : NULL;
}

static int order_numbers(const void *a, const void *b)
{
    const uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

    return (one > other) - (one < other);
}

static void gather_covered(comparing *self)
{
    cf_scan_sight seen;

    self->covered = cf_arena_allocate(&self->arena, self->gone_count, sizeof *self->covered);
    for (size_t i = 0; i < cf_scan_sight_count(self->scan); i++) {
        if (self->covered_count == self->gone_count || !cf_scan_sight_at(self->scan, i, &seen))
            continue;
        const cf_node *node = covered_by(self, &seen);
        if (node)
            self->covered[self->covered_count++] = node->number;
    }
    if (self->covered_count)
        qsort(self->covered, self->covered_count, sizeof *self->covered, order_numbers);
}

static bool is_covered(const comparing *self, uint64_t node)
{
    return self->covered_count &&
           bsearch(&node, self->covered, self->covered_count, sizeof *self->covered, order_numbers);
}

/* ---- Things that are here ---- */

/* What lies here is an earlier version of the item that the base has here. False: it is none. */
static bool compare_version(comparing *self, const cf_scan_sight *seen, const cf_node *node)
{
    const cf_past_item *item = item_of(self, node);
    const cf_past_version was =
        item ? cf_past_version_of(item, &self->binding->traits, seen->stat, node->content)
             : (cf_past_version){0};

    if (!was.content || !was.next)
        return false;
    show(self, &was.content->dot);
    undo(self, &was.next->dot);
    return true;
}

typedef struct {
    cf_bytes content;
    const cf_past_item *oldest;
} seeking_oldest;

static bool had_it(void *context, const cf_past_item *item, const cf_past_place *stay)
{
    seeking_oldest *self = context;

    (void)stay;
    if (cf_past_first_of(item, self->content))
        self->oldest = item;
    return true;
}

/* What was moved out and in again, or deleted and restored, is another item, and lay here before.
 */
static const cf_past_item *oldest_here(comparing *self, const cf_scan_sight *seen,
                                       const cf_past_item *item)
{
    const cf_node *node = seen->node;
    seeking_oldest search = {.content = node->content, .oldest = item};

    if (seen->kind != CF_KIND_FILE || !is_in_place(seen) || !looks_the_same(node, seen->stat))
        return item;
    const cf_node *above = node->parent ? cf_nodes_find(self->binding->nodes, node->parent) : NULL;
    const cf_id *within = above && above->item_count ? &above->items[0] : &cf_root_item;
    if (!node->parent || above)
        cf_past_at(self->past, pack(self, within, sizeof *within),
                   pack(self, node->name.data, node->name.size), had_it, &search);
    return search.oldest;
}

static void compare_content(comparing *self, const cf_scan_sight *seen, const cf_past_item *item)
{
    const cf_node *node = seen->node;

    if (seen->kind == CF_KIND_DIRECTORY)
        return;
    if (seen->kind == CF_KIND_FILE && !looks_the_same(node, seen->stat)) {
        if (went_back(self, seen) && compare_version(self, seen, node))
            *(is_missed_elsewhere(self, seen) ? &self->restored : &self->back) += 1;
        return;
    }
    const cf_past_write *write = cf_past_first_of(item, node->content);
    if (write)
        show(self, &write->dot);
}

/* Where the base has it, or where it was before. */
static void compare_place(comparing *self, const cf_scan_sight *seen, const cf_past_item *item)
{
    const cf_node *node = seen->node;
    const cf_past_write *here =
        cf_past_arrival(item, stay_of(self, item, seen->folder, seen->name));

    if (!is_in_place(seen) && !was_moved(self, seen))
        return;
    if (here)
        show(self, &here->dot);
    if (is_in_place(seen) || !here)
        return;
    const cf_past_write *there =
        cf_past_arrival(item, stay_of(self, item, node->parent, node->name));
    if (!there || there <= here)
        return;
    self->moved += seen->kind != CF_KIND_DIRECTORY;
    undo(self, &there->dot);
}

typedef struct {
    comparing *of;
    const cf_scan_sight *seen;
    const cf_past_write *content;
} seeking;

static bool was_here(void *context, const cf_past_item *item, const cf_past_place *stay)
{
    seeking *self = context;

    (void)stay;
    if (!cf_nodes_next_of_item(self->of->binding->nodes, &item->id, NULL))
        self->content =
            cf_past_version_of(item, &self->of->binding->traits, self->seen->stat, (cf_bytes){0})
                .content;
    return !self->content;
}

static cf_met_directories directories_at(comparing *self, const cf_scan_sight *seen)
{
    cf_met_directories within = {0};
    cf_scan_sight above;

    if (!seen->folder) {
        within.at = cf_arena_allocate(&self->arena, 1, sizeof *within.at);
        within.at[0] = cf_root_item;
        within.count = 1;
    } else if (cf_scan_sight_above(self->scan, seen, &above)) {
        const cf_met_directories outer = directories_at(self, &above);
        const cf_node *node = above.node;

        within = cf_met_directories_at(self->past, &outer, above.name, node ? node->items : NULL,
                                       node ? node->item_count : 0, &self->arena);
    }
    return within;
}

/* A file that the base doesn't have: it may have been deleted since. */
static void compare_new(comparing *self, const cf_scan_sight *seen)
{
    seeking search = {.of = self, .seen = seen};

    if (self->within_of != seen->within + 1)
        self->within = directories_at(self, seen);
    self->within_of = seen->within + 1;
    for (size_t i = 0; i < self->within.count && !search.content; i++)
        cf_past_at(self->past, pack(self, &self->within.at[i], sizeof self->within.at[i]),
                   pack(self, seen->name.data, seen->name.size), was_here, &search);
    if (!search.content)
        return;
    self->came++;
    show(self, &search.content->dot);
}

static void compare_missed(comparing *self, const cf_node *node)
{
    const cf_past_item *item = item_of(self, node);
    const cf_past_write *arrival =
        item ? cf_past_arrival(item, stay_of(self, item, node->parent, node->name)) : NULL;

    if (!arrival)
        return;
    self->went += node->kind != CF_KIND_DIRECTORY;
    undo(self, &arrival->dot);
}

/* An item that never was here says nothing of when that was, unless it was made of what lay here:
 *
 *     a save made a~ of a, which is 7, and a new a, which is 9; here are     a, 7, and no a~
 */
static void compare_restored(comparing *self, const cf_scan_sight *seen)
{
    const cf_node *node = covered_by(self, seen);

    if (!node || !compare_version(self, seen, node))
        return;
    self->restored++;
    compare_missed(self, seen->node);
}

static void compare(comparing *self, const cf_scan_sight *seen)
{
    const cf_past_item *item = seen->node ? item_of(self, seen->node) : NULL;

    if (came(self, seen))
        compare_new(self, seen);
    if (!item)
        return;
    if (was_moved(self, seen) && !stay_of(self, item, seen->folder, seen->name)) {
        compare_restored(self, seen);
        return;
    }
    item = oldest_here(self, seen, item);
    compare_content(self, seen, item);
    compare_place(self, seen, item);
}

/* ---- Whether it is one ---- */

/* With one that nobody sees an older copy may have come. */
static bool is_elsewhere(const cf_node *node, const cf_identity_away *away)
{
    return node->disk != away->disk && !cf_node_went_below(node);
}

/* Things that went with another disk are away. */
static void gather_missed(comparing *self, const cf_scan_batch *batch)
{
    size_t away = 0;

    self->gone = cf_arena_allocate(&self->arena, batch->gone_count, sizeof *self->gone);
    for (size_t i = 0; i < batch->gone_count; i++) {
        const cf_node *node = cf_nodes_find(self->binding->nodes, batch->gone[i]);

        const bool is_away = away < batch->away_count && batch->away[away].number == batch->gone[i];

        if (is_away && is_elsewhere(node, &batch->away[away++]))
            continue;
        self->gone[self->gone_count++] = node;
        if (node->kind == CF_KIND_FILE)
            cf_file_looks_add(&self->missed, node->stat.size, node->stat.mtime_ns);
    }
    cf_file_looks_sort(&self->missed);
}

static bool is_told(const comparing *self)
{
    return self->back + self->came + self->went + self->moved >= CHANGES_MIN &&
           (self->back || self->restored || (self->came && self->went));
}

/* ---- What was put there since ---- */

static void take_newest(void *context, const cf_node *node)
{
    int64_t *newest_ns = context;

    if (*newest_ns < node->stat.ctime_ns)
        *newest_ns = node->stat.ctime_ns;
}

/* What the disk shows in place of a snapshot's files has a ctime in the base. */
static bool knows_ctimes(const comparing *self)
{
    cf_scan_sight seen;

    for (size_t i = 0; i < self->gone_count; i++)
        if (self->gone[i]->stat.ctime_ns == CF_CTIME_UNSEEN)
            return false;
    for (size_t i = 0; i < cf_scan_sight_count(self->scan); i++)
        if (cf_scan_sight_at(self->scan, i, &seen) && is_earlier(&seen) &&
            seen.node->stat.ctime_ns == CF_CTIME_UNSEEN)
            return false;
    return true;
}

static void learn_newest(comparing *self, cf_files *files)
{
    cf_error ignored;
    cf_stat root;

    self->newest_ns = INT64_MAX;
    if (!self->binding->root || files->stat_folder(files, self->binding->root, &root, &ignored) ||
        !cf_binding_is_its_folder(self->binding, &root) || !knows_ctimes(self))
        return;
    self->device = root.device;
    self->newest_ns = INT64_MIN;
    cf_nodes_each(self->binding->nodes, take_newest, &self->newest_ns);
}

/* As far as stats tell, before the log is read. */
static bool may_be_one(const comparing *self)
{
    comparing seems = {.went = self->gone_count - self->covered_count};
    int64_t latest_ns = INT64_MIN;
    cf_scan_sight seen;

    for (size_t i = 0; i < self->gone_count; i++) {
        const cf_node_stat *stat = &self->gone[i]->stat;

        if (self->gone[i]->kind != CF_KIND_FILE)
            continue;
        if (stat->mtime_ns > latest_ns)
            latest_ns = stat->mtime_ns;
        if (stat->ctime_ns != CF_CTIME_UNSEEN && stat->ctime_ns > latest_ns)
            latest_ns = stat->ctime_ns; /* it was put there then */
    }
    for (size_t i = 0; i < cf_scan_sight_count(self->scan); i++) {
        if (!cf_scan_sight_at(self->scan, i, &seen))
            continue;
        const bool is_elsewhere = is_missed_elsewhere(self, &seen);

        seems.back += went_back(self, &seen) && !is_elsewhere;
        seems.restored += went_back(self, &seen) && is_elsewhere;
        seems.came += came(self, &seen) && seen.stat->mtime_ns < latest_ns;
        seems.moved += was_moved(self, &seen);
    }
    seems.restored += self->covered_count;
    return is_told(&seems);
}

static cf_status compare_all(comparing *self, cf_peer *peer, cf_error *error)
{
    cf_scan_sight seen;

    cf_status status = cf_past_read(peer, &self->binding->collection, &self->past, error);
    for (size_t i = 0; !status && i < cf_scan_sight_count(self->scan); i++)
        if (cf_scan_sight_at(self->scan, i, &seen))
            compare(self, &seen);
    for (size_t i = 0; !status && i < self->gone_count; i++)
        if (!is_covered(self, self->gone[i]->number))
            compare_missed(self, self->gone[i]);
    return status;
}

/* Of all that compare_all asks of the look. */
static uint64_t hash_seen(const comparing *self)
{
    uint64_t hash = 0;
    cf_scan_sight seen;

    for (size_t i = 0; i < cf_scan_sight_count(self->scan); i++) {
        if (!cf_scan_sight_at(self->scan, i, &seen))
            continue;
        const uint64_t fixed[] = {seen.node ? seen.node->number : 0,
                                  seen.within,
                                  seen.folder,
                                  seen.kind,
                                  seen.stat->size,
                                  (uint64_t)seen.stat->mtime_ns,
                                  was_put_there(self, &seen)};

        hash = cf_hash_bytes(hash, seen.name);
        hash = cf_hash_bytes(hash, cf_bytes_of(fixed, sizeof fixed));
    }
    for (size_t i = 0; i < self->gone_count; i++)
        hash = cf_hash_bytes(hash, cf_bytes_of(&self->gone[i]->number, sizeof(uint64_t)));
    return hash;
}

static cf_status judge(comparing *self, cf_peer *peer, cf_older_copy_verdict *verdict,
                       cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    const cf_older_copy_verdict before = *verdict;
    cf_older_copy_verdict found = {.is_known = true, .seen = hash_seen(self)};

    cf_status status = store->last(store, cf_peer_user(peer), &found.position, error);
    if (status ||
        (before.is_known && before.seen == found.seen && before.position == found.position))
        return status;
    status = compare_all(self, peer, error);
    if (status)
        return status;
    if (is_told(self) && is_of_one_moment(self))
        found.changes = self->back + self->went + self->moved;
    *verdict = found;
    return CF_OK;
}

cf_status cf_older_copy_find(cf_peer *peer, const cf_binding *binding, cf_scan *scan,
                             cf_older_copy_verdict *verdict, cf_error *error)
{
    comparing self = {.binding = binding, .scan = scan};
    cf_status status = CF_OK;

    gather_missed(&self, cf_scan_take(scan));
    learn_newest(&self, peer->env->files);
    gather_covered(&self);
    if (may_be_one(&self))
        status = judge(&self, peer, verdict, error);
    else
        *verdict = (cf_older_copy_verdict){0};
    cf_past_destroy(&self.past);
    cf_hash_table_release(&self.frontiers);
    cf_file_looks_release(&self.missed);
    cf_arena_release(&self.arena);
    return status;
}
