/* SPDX-License-Identifier: Apache-2.0 */
/* What has the place of another thing: `mv new f` leaves f's place empty at no moment. What was
 * there is gone, or moved, when what is there now counts as moved, and not by a time of its own;
 * and it is told with that.
 *
 *     mv f f~; mv new f             new's place is empty: f counts when new does
 *     mv a c; mv b a; mv c b        none is: both count
 */
#include "peer/sources/files/files_source_inside.h"

#include <stdlib.h>

typedef struct cf_taker {
    cf_look_place place;
    const cf_node *from; /* while they are judged; NULL: it is new, or a directory, and counts */
    bool is_judged;
    cf_absence absence;
    bool is_told; /* by the part of the look at hand */
} cf_taker;

static int by_place(const void *a, const void *b)
{
    return cf_look_place_order(&((const cf_taker *)a)->place, &((const cf_taker *)b)->place);
}

static void add_taker(cf_files_source *source, const cf_scan_sight *seen)
{
    const cf_nodes *nodes = source->binding->nodes;
    const cf_node *node = seen->node;

    if (seen->folder == UINT64_MAX ||
        (node && node->parent == seen->folder && cf_bytes_equal(node->name, seen->name)) ||
        !cf_nodes_child(nodes, seen->folder, seen->name))
        return;
    *cf_one_more(source->takers, source->taker_count, source->taker_capacity) =
        (cf_taker){.place = {.folder = seen->folder, .name = seen->name},
                   .from = node && node->kind != CF_KIND_DIRECTORY ? node : NULL};
}

static cf_taker *taker_at(const cf_files_source *source, uint64_t folder, cf_bytes name)
{
    const cf_taker wanted = {.place = {.folder = folder, .name = name}};

    return source->taker_count
               ? bsearch(&wanted, source->takers, source->taker_count, sizeof wanted, by_place)
               : NULL;
}

static cf_taker *taker_of(const cf_files_source *source, const cf_node *was)
{
    return taker_at(source, was->parent, was->name);
}

/* By the empty place from which the last of them came; in a ring there is none. */
static void judge(const cf_files_source *source, cf_taker *first)
{
    cf_absence absence = CF_ABSENCE_COUNTS;
    cf_taker *next = first;

    while (next && !next->is_judged) {
        const cf_node *from = next->from;

        next->is_judged = true;
        next->absence = CF_ABSENCE_COUNTS;
        next = from ? taker_of(source, from) : NULL;
        if (next || !from)
            continue;
        const cf_look_place left = cf_files_source_place_left(source, from);
        absence = cf_files_source_absence_at(source, &left);
    }
    if (next)
        absence = next->absence;
    for (cf_taker *one = first; one && one->absence != absence;
         one = one->from ? taker_of(source, one->from) : NULL)
        one->absence = absence;
}

void cf_files_source_find_takers(cf_files_source *source)
{
    cf_scan_sight seen;

    source->taker_count = 0;
    for (size_t i = 0; i < cf_scan_sight_count(source->scan); i++)
        if (cf_scan_sight_at(source->scan, i, &seen))
            add_taker(source, &seen);
    if (source->taker_count)
        qsort(source->takers, source->taker_count, sizeof *source->takers, by_place);
    for (size_t i = 0; i < source->taker_count; i++)
        judge(source, &source->takers[i]);
}

bool cf_files_source_is_taken(const cf_files_source *source, const cf_node *was)
{
    return was->kind != CF_KIND_DIRECTORY && taker_of(source, was);
}

cf_absence cf_files_source_absence_of(const cf_files_source *source, const cf_node *node)
{
    const cf_look_place left = cf_files_source_place_left(source, node);

    return cf_files_source_is_taken(source, node) ? taker_of(source, node)->absence
                                                  : cf_files_source_absence_at(source, &left);
}

/* ---- Told together ---- */

static void say_told(cf_files_source *source, const cf_finding *finding, bool is_told)
{
    cf_taker *taker = taker_at(source, finding->parent, finding->name);

    if (taker)
        taker->is_told = is_told;
}

static bool has_taker_to_come(const cf_files_source *source, const cf_node *was)
{
    return cf_files_source_is_taken(source, was) && !taker_of(source, was)->is_told;
}

/* What was renamed is read, and so comes again; unless it can't be read. */
static bool comes_again(const cf_files_source *source, const cf_finding *finding)
{
    return finding->stat.ctime_ns == CF_CTIME_UNSEEN &&
           !cf_node_set_have(&source->left_before, finding->number);
}

/* What was in this place; and what was where that is now, and so on. */
static void leave_chain(cf_files_source *source, const cf_scan_batch *told,
                        const cf_observed *observed, cf_look_place place)
{
    const cf_node *was;
    size_t at;

    while ((was = cf_nodes_child(source->binding->nodes, place.folder, place.name)) &&
           (at = cf_observed_find(observed, was->number)) != SIZE_MAX &&
           cf_files_source_moved_from(source, &told->at[at].finding) &&
           comes_again(source, &told->at[at].finding)) {
        const cf_finding *finding = &told->at[at].finding;
        cf_taker *taker = taker_at(source, finding->parent, finding->name);

        cf_node_set_add(&source->left, was->number);
        if (!taker || !taker->is_told)
            return;
        taker->is_told = false;
        place = taker->place;
    }
}

static void leave_moved(cf_files_source *source, cf_scan_batch *told)
{
    cf_observation *at = (cf_observation *)told->at;
    const size_t before = told->count;
    cf_observed observed;

    cf_observed_index(&observed, told);
    for (size_t i = 0; i < source->taker_count; i++)
        if (!source->takers[i].is_told)
            leave_chain(source, told, &observed, source->takers[i].place);
    cf_observed_release(&observed);
    cf_node_set_sort(&source->left);
    told->count = 0;
    for (size_t i = 0; i < before; i++)
        if (!cf_node_set_have(&source->left, at[i].finding.number))
            at[told->count++] = at[i];
}

void cf_files_source_leave_to_takers(cf_files_source *source, cf_scan_batch *told)
{
    uint64_t *gone = (uint64_t *)told->gone;
    size_t kept = 0;

    for (size_t i = 0; i < told->count; i++)
        say_told(source, &told->at[i].finding, true);
    if (source->taker_count)
        leave_moved(source, told);
    for (size_t i = 0; i < told->gone_count; i++)
        if (cf_files_source_find_gone(source, gone[i])->as ||
            has_taker_to_come(source, cf_nodes_find(source->binding->nodes, gone[i])))
            cf_files_source_find_gone(source, gone[i])->is_left = true;
        else
            gone[kept++] = gone[i];
    told->gone_count = kept;
}

/* The draft whose file is in the node's place: 0 where that is not told with it. */
static uint64_t draft_left_for(const cf_files_source *source, const cf_finding *finding)
{
    const cf_node *node = NULL;

    while ((node = cf_nodes_next_of_inode(source->binding->nodes, finding->stat.inode, node))) {
        const cf_gone_node *left = cf_files_source_find_gone(source, node->number);

        if (left && left->is_left && left->as == finding->number)
            return node->number;
    }
    return 0;
}

void cf_files_source_take_left(const cf_files_source *source, const cf_scan_batch *batch,
                               cf_scan_batch *told)
{
    uint64_t *gone = cf_allocate(2 * batch->count, sizeof *gone);

    told->gone = gone;
    told->gone_count = 0;
    for (size_t i = 0; source->gone_count && i < batch->count; i++) {
        const cf_finding *finding = &batch->at[i].finding;
        const cf_node *was = cf_nodes_child(source->binding->nodes, finding->parent, finding->name);
        const cf_gone_node *left = was ? cf_files_source_find_gone(source, was->number) : NULL;

        if (left && left->is_left && was->number != finding->number)
            gone[told->gone_count++] = was->number;
        const uint64_t draft = draft_left_for(source, finding);
        if (draft)
            gone[told->gone_count++] = draft;
    }
}
