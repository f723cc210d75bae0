/* SPDX-License-Identifier: Apache-2.0 */
/* Under which path the history shows an item, from places as they were last heard of
 * (history_places.h). As in a view, of directories that were moved into each other one is shown
 * elsewhere, and a file whose name a directory or an earlier file has is shown as a conflict
 * copy. */
#include "peer/log/history_places.h"

enum { DEPTH_MAX = 512 };

static int compare_coming(const cf_last_place *a, const cf_last_place *b)
{
    int order = cf_time_compare(a->time, b->time);

    order = order ? order : cf_dot_compare(&a->dot, &b->dot);
    return order ? order : cf_id_compare(&a->item, &b->item);
}

/* NULL: it is the root, or not known. */
static const cf_last_place *parent_of(cf_last_places *self, const cf_last_place *at)
{
    return cf_id_equal(&at->parent, &cf_root_item)
               ? NULL
               : cf_last_place_known(self, &at->collection, &at->parent);
}

/* Of directories that were moved into each other the one that came last is shown elsewhere
 * (codec/ PROTOCOL.md, section 16); NULL: there are none on the way up from here. */
static const cf_last_place *top_of_cycle(cf_last_places *self, const cf_last_place *at)
{
    const cf_last_place *slow = at, *fast = at;

    do {
        slow = parent_of(self, slow);
        fast = slow ? parent_of(self, fast) : NULL;
        fast = fast ? parent_of(self, fast) : NULL;
        if (!fast)
            return NULL;
    } while (slow != fast);
    const cf_last_place *top = slow;
    for (at = parent_of(self, slow); at != slow; at = parent_of(self, at))
        if (compare_coming(at, top) > 0)
            top = at;
    return top;
}

/* In the directory in which it was before, unless that hangs on such a cycle, too; NULL: the root.
 */
static const cf_last_place *instead_of(cf_last_places *self, const cf_last_place *top)
{
    const cf_last_place *from = cf_id_equal(&top->from, &cf_root_item)
                                    ? NULL
                                    : cf_last_place_known(self, &top->collection, &top->from);

    return from && !from->is_deleted && !top_of_cycle(self, from) ? from : NULL;
}

static void append_path(cf_last_places *self, const cf_last_place *at, const cf_last_place *top,
                        unsigned depth, cf_buffer *out)
{
    const cf_last_place *parent = depth >= DEPTH_MAX ? NULL
                                  : at == top        ? instead_of(self, top)
                                                     : parent_of(self, at);

    if (parent) {
        append_path(self, parent, top, depth + 1, out);
        cf_buffer_append(out, "/", 1);
    }
    cf_buffer_append(out, at->name.data, at->name.size);
}

cf_bytes cf_last_place_path(cf_last_places *self, const cf_last_place *at)
{
    cf_buffer path = {0};

    append_path(self, at, top_of_cycle(self, at), 0, &path);
    cf_bytes copy = cf_arena_copy(self->arena, cf_buffer_view(&path));
    cf_buffer_release(&path);
    return copy;
}

static bool lie_together(const cf_last_place *a, const cf_last_place *b)
{
    return cf_id_equal(&a->collection, &b->collection) && cf_id_equal(&a->parent, &b->parent) &&
           cf_bytes_equal(a->name, b->name);
}

static bool are_one(const cf_last_place *a, const cf_last_place *b)
{
    return cf_kind_of(&a->item) == cf_kind_of(&b->item) && a->content && a->content == b->content;
}

/* Whether something else that lies there has the name: a directory, or a file that came first. */
static bool is_second(cf_last_places *self, const cf_last_place *at)
{
    bool second = false;

    if (cf_kind_of(&at->item) != CF_KIND_FILE && cf_kind_of(&at->item) != CF_KIND_SYMLINK)
        return false;
    cf_last_place_ask_namesakes(self, at);
    for (cf_hash_link *link = cf_hash_table_first(&self->by_name, cf_last_place_hash(at));
         link && !second; link = cf_hash_table_next(link)) {
        const cf_last_place *other = cf_container_of(link, cf_last_place, by_name);

        second = !other->is_deleted && lie_together(other, at) && !are_one(other, at) &&
                 (cf_kind_of(&other->item) == CF_KIND_DIRECTORY || compare_coming(other, at) < 0);
    }
    return second;
}

/* The name of a conflict copy is the one that the view gives it, but where several would be called
 * so: the first number is taken. */
cf_bytes cf_last_place_shown(cf_last_places *self, const cf_last_place *at, cf_bytes *original)
{
    const cf_rules *rules = &self->peer->rules;
    cf_last_place copy = *at;
    cf_buffer name = {0};

    *original = at->original ? cf_last_place_path(self, at->original) : (cf_bytes){0};
    if (!at->is_known || cf_id_equal(&at->collection, &cf_catalog_id) || !is_second(self, at))
        return cf_last_place_path(self, at);
    *original = cf_last_place_path(self, at);
    rules->conflict_name(rules->context, at->name, at->time, &at->dot, 1, &name);
    copy.name = cf_buffer_view(&name);
    cf_bytes path = cf_last_place_path(self, &copy);
    cf_buffer_release(&name);
    return path;
}
