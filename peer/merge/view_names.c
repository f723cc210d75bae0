/* SPDX-License-Identifier: Apache-2.0 */
/* What one group shows, and under which names (model, rules M, E and N).
 *
 *     a was placed at 5, another file, c, was renamed to a at 7: "a" is the first, the second is
 *     "a (conflict …)" with 7's time and writer; if their contents are equal, both are one "a";
 *     with a directory a beside them "a" is the directory, both files have conflict names */
#include "peer/merge/view.h"

#include <stdlib.h>

#include "codec/limits.h"
#include "codec/pack.h"
#include "peer/merge/view_facts.h"

/* An item in the group. */
typedef struct {
    cf_facts facts;
    cf_placed placed;
    const cf_seen *seen;
} group_child;

/* An item, or one of its contents, that a node shows. */
typedef struct node_member {
    struct node_member *next;
    const group_child *child;
    const cf_version *version; /* NULL: a directory */
} node_member;

/* A node to be: directories of one name, files of one name and content, or a conflict copy. */
typedef struct {
    cf_hash_link by_key; /* name, kind, content */
    cf_hash_link by_name;
    cf_bytes name; /* first the wished one, then the one shown */
    uint8_t kind;
    cf_bytes value;
    node_member *members, *last;
    size_t member_count;
    bool copy, renamed;
    cf_time time; /* when it came; orders those that get a conflict name */
    cf_dot dot;
    cf_id id;
} node_sketch;

typedef struct {
    cf_view *view;
    cf_arena *arena;
    bool places_only;
    group_child *children;
    size_t child_count;
    cf_hash_table by_key, by_name;
    node_sketch **sketches; /* in the order of their coming */
    size_t count, capacity;
    node_sketch **copies;
    size_t copy_count, copy_capacity;
} group_layout;

static int by_placed(const void *left, const void *right)
{
    return cf_placed_compare(&((const group_child *)left)->placed,
                             &((const group_child *)right)->placed);
}

static void add_child(group_layout *layout, const cf_seen *seen)
{
    group_child *child = &layout->children[layout->child_count++];

    child->seen = seen;
    child->facts = cf_facts_of(layout->view, seen, layout->arena);
    child->placed = cf_facts_placed(&child->facts);
}

static void sort_children(group_layout *layout)
{
    if (layout->child_count)
        qsort(layout->children, layout->child_count, sizeof(group_child), by_placed);
}

static void find_children(group_layout *layout, cf_seen *const *members, size_t count)
{
    size_t total = 0;

    for (size_t m = 0; m < count; m++)
        for (const cf_seen *seen = members[m]->children; seen; seen = seen->next)
            total++;
    layout->children = cf_arena_allocate(layout->arena, total, sizeof(group_child));
    for (size_t m = 0; m < count; m++)
        for (const cf_seen *seen = members[m]->children; seen; seen = seen->next)
            add_child(layout, seen);
    sort_children(layout);
}

/* Of these items those that lie in the directory: what has left is not shown there. */
static void choose_children(group_layout *layout, const cf_seen *directory,
                            const cf_seen_list *items)
{
    layout->children = cf_arena_allocate(layout->arena, items->count, sizeof(group_child));
    for (size_t i = 0; i < items->count; i++)
        if (items->at[i]->parent == directory)
            add_child(layout, items->at[i]);
    sort_children(layout);
}

static void add_member(group_layout *layout, node_sketch *sketch, const group_child *child,
                       const cf_version *version)
{
    node_member *added = cf_arena_allocate(layout->arena, 1, sizeof *added);

    added->child = child;
    added->version = version;
    if (sketch->last)
        sketch->last->next = added;
    else
        sketch->members = added;
    sketch->last = added;
    sketch->member_count++;
}

static node_sketch *add_sketch(group_layout *layout, cf_bytes name, uint8_t kind,
                               const group_child *child)
{
    node_sketch *added = cf_arena_allocate(layout->arena, 1, sizeof *added);

    added->name = name;
    added->kind = kind;
    added->time = child->placed.time;
    added->dot = child->placed.dot;
    added->id = child->facts.id;
    return added;
}

static uint64_t key_hash(cf_bytes name, uint8_t kind, cf_bytes value)
{
    return cf_hash_bytes(cf_hash_bytes(kind, name), value);
}

/* Shows the child in the node of this name, kind and content, together with what is there already:
 * so directories of one name are one, and files of one name and content. */
static void join(group_layout *layout, const group_child *child, cf_bytes name,
                 const cf_version *version)
{
    uint8_t kind = child->facts.kind;
    cf_bytes value = version ? version->value : (cf_bytes){0};
    uint64_t hash = key_hash(name, kind, value);
    node_sketch *found = NULL;

    for (cf_hash_link *link = cf_hash_table_first(&layout->by_key, hash); link && !found;
         link = cf_hash_table_next(link)) {
        node_sketch *known = cf_container_of(link, node_sketch, by_key);

        if (known->kind == kind && cf_bytes_equal(known->name, name) &&
            cf_bytes_equal(known->value, value))
            found = known;
    }
    if (!found) {
        found = add_sketch(layout, name, kind, child);
        found->value = value;
        cf_hash_table_add(&layout->by_key, &found->by_key, hash);
        *cf_one_more(layout->sketches, layout->count, layout->capacity) = found;
    }
    add_member(layout, found, child, version);
}

static int by_coming(const void *left, const void *right)
{
    const cf_fact *a = *(const cf_fact *const *)left, *b = *(const cf_fact *const *)right;
    int order = cf_time_compare(a->write.time, b->write.time);

    return order ? order : cf_dot_compare(&a->write.dot, &b->write.dot);
}

/* A content that is not the item's is shown as a conflict copy, named after the earliest of the
 * writes that gave it. */
static void add_copy(group_layout *layout, const group_child *child, cf_bytes name,
                     cf_version *version)
{
    node_sketch *copy = add_sketch(layout, name, child->facts.kind, child);

    qsort(version->facts, version->count, sizeof *version->facts, by_coming);
    copy->copy = true;
    copy->value = version->value;
    copy->time = version->facts[0]->write.time;
    copy->dot = version->facts[0]->write.dot;
    add_member(layout, copy, child, version);
    *cf_one_more(layout->copies, layout->copy_count, layout->copy_capacity) = copy;
}

/* A directory, and the latest of a file's contents, share a node with what is alike; each other
 * content is a copy by itself. */
static void sketch_nodes(group_layout *layout)
{
    for (size_t i = 0; i < layout->child_count; i++) {
        const group_child *child = &layout->children[i];
        size_t count;

        if (child->facts.kind == CF_KIND_DIRECTORY) {
            join(layout, child, child->seen->name, NULL);
            continue;
        }
        cf_bytes name = cf_facts_wish(&child->facts, layout->arena).name;
        cf_version *versions = cf_facts_versions(&child->facts, layout->arena, &count);
        join(layout, child, name, &versions[0]);
        for (size_t v = 1; v < count; v++)
            add_copy(layout, child, name, &versions[v]);
    }
}

/* A thing of the group has the name already. */
static bool is_taken(const group_layout *layout, cf_bytes name)
{
    for (cf_hash_link *link = cf_hash_table_first(&layout->by_name, cf_hash_bytes(0, name)); link;
         link = cf_hash_table_next(link))
        if (cf_bytes_equal(cf_container_of(link, node_sketch, by_name)->name, name))
            return true;
    return false;
}

static void take_name(group_layout *layout, node_sketch *sketch)
{
    cf_hash_table_add(&layout->by_name, &sketch->by_name, cf_hash_bytes(0, sketch->name));
}

/* The first number whose conflict name is free: a file whose own name is such a name has that
 * before. */
static void take_conflict_name(group_layout *layout, node_sketch *sketch)
{
    const cf_rules *rules = layout->view->rules;
    cf_buffer name = {0};
    uint64_t number = 0;

    do {
        cf_buffer_clear(&name);
        rules->conflict_name(rules->context, sketch->name, sketch->time, &sketch->dot, ++number,
                             &name);
    } while (is_taken(layout, cf_buffer_view(&name)));
    sketch->name = cf_arena_copy(layout->arena, cf_buffer_view(&name));
    sketch->renamed = true;
    take_name(layout, sketch);
    cf_buffer_release(&name);
}

static int copies_by_coming(const void *left, const void *right)
{
    const node_sketch *a = *(const node_sketch *const *)left,
                      *b = *(const node_sketch *const *)right;
    cf_placed first = {a->time, a->dot, a->id}, second = {b->time, b->dot, b->id};

    return cf_placed_compare(&first, &second);
}

/* Of things that share a name the directory, else the file that was placed first, keeps it. The
 * others get conflict names in the order of their placing; then the copies, in that of their
 * writes. */
static void name_nodes(group_layout *layout)
{
    for (size_t i = 0; i < layout->count; i++)
        if (layout->sketches[i]->kind == CF_KIND_DIRECTORY)
            take_name(layout, layout->sketches[i]);
    for (size_t i = 0; i < layout->count; i++) {
        node_sketch *sketch = layout->sketches[i];

        if (sketch->kind == CF_KIND_DIRECTORY)
            continue;
        sketch->renamed = is_taken(layout, sketch->name);
        if (!sketch->renamed)
            take_name(layout, sketch);
    }
    for (size_t i = 0; i < layout->count; i++)
        if (layout->sketches[i]->renamed)
            take_conflict_name(layout, layout->sketches[i]);
    if (layout->copy_count)
        qsort(layout->copies, layout->copy_count, sizeof *layout->copies, copies_by_coming);
    for (size_t i = 0; i < layout->copy_count; i++)
        take_conflict_name(layout, layout->copies[i]);
}

static cf_bytes content_field(void)
{
    return cf_field_fixed(CF_FIELD_NUMBER_CONTENT);
}

/* The refs of one item that a node shows; of its several contents those of the one that the node
 * shows. */
static size_t add_refs(const group_layout *layout, const node_member *member, cf_ref *refs)
{
    const cf_facts *facts = &member->child->facts;
    size_t count = 0;

    for (size_t i = 0; i < facts->count; i++) {
        const cf_write *write = &facts->facts[i].write;

        if (write->field != CF_FIELD_NUMBER_CONTENT)
            refs[count++] =
                (cf_ref){facts->id, facts->id,
                         cf_state_field_name(layout->view->state, write->field), write->dot};
    }
    for (size_t i = 0; member->version && i < member->version->count; i++) {
        const cf_fact *fact = member->version->facts[i];

        refs[count++] = (cf_ref){facts->id, fact->holder, content_field(), fact->write.dot};
    }
    return count;
}

static void show_items(const group_layout *layout, const node_sketch *sketch, cf_shown *out)
{
    cf_id *items = cf_arena_allocate(layout->arena, sketch->member_count, sizeof *items);
    size_t room = 0;

    for (const node_member *member = sketch->members; member; member = member->next)
        room += layout->places_only ? 0 : member->child->facts.count;
    cf_ref *refs = cf_arena_allocate(layout->arena, room, sizeof *refs);
    for (const node_member *member = sketch->members; member; member = member->next) {
        items[out->item_count++] = member->child->facts.id;
        if (!layout->places_only)
            out->ref_count += add_refs(layout, member, refs + out->ref_count);
    }
    out->items = items;
    out->refs = refs;
}

/* The items and refs of a copy that nobody touched: each write of its content is an item of its own
 * that the state has nothing of yet. */
static void show_copies(const group_layout *layout, const node_sketch *sketch, cf_shown *out)
{
    const cf_rules *rules = layout->view->rules;
    const cf_version *version = sketch->members->version;
    cf_id *items = cf_arena_allocate(layout->arena, version->count, sizeof *items);
    cf_ref *refs = cf_arena_allocate(layout->arena, version->count, sizeof *refs);

    for (size_t i = 0; i < version->count; i++) {
        const cf_fact *fact = version->facts[i];

        items[i] = rules->copy_id(rules->context, &sketch->id, &fact->write.dot);
        refs[i] = (cf_ref){items[i], fact->holder, content_field(), fact->write.dot};
    }
    out->items = items;
    out->refs = refs;
    out->item_count = out->ref_count = version->count;
}

/* The time of a copy, which nobody gave one: that of the entry which wrote its content. The main
 * file's would change with that file. */
static cf_bytes copy_mtime(const group_layout *layout, const node_sketch *sketch)
{
    cf_buffer packed = {0};

    cf_pack_int(&packed, cf_ns_of_ms(sketch->time.ms));
    cf_bytes mtime = cf_arena_copy(layout->arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return mtime;
}

/* A node as it is shown: mode and time are those of the first item in it, but a copy's time is that
 * of its content. */
static cf_shown show(const group_layout *layout, const node_sketch *sketch)
{
    const cf_facts *first = &sketch->members->child->facts;
    cf_shown shown = {
        .name = sketch->name,
        .kind = sketch->kind,
        .content = sketch->value,
        .mode = cf_facts_value(first, CF_FIELD_NUMBER_MODE, layout->view->rules->default_mode),
        .conflict = sketch->renamed,
        .pinned_copy = !sketch->copy && sketch->members->child->seen->is_pinned_copy,
        .written = sketch->dot,
    };

    if (!sketch->copy && sketch->members->version) /* who gave it its place may be another */
        shown.written = sketch->members->version->facts[0]->write.dot;
    if (sketch->kind == CF_KIND_FILE)
        shown.mtime = sketch->copy ? copy_mtime(layout, sketch)
                                   : cf_facts_value(first, CF_FIELD_NUMBER_MTIME, (cf_bytes){0});
    if (sketch->copy)
        show_copies(layout, sketch, &shown);
    else
        show_items(layout, sketch, &shown);
    return shown;
}

static int by_shown_name(const void *left, const void *right)
{
    return cf_bytes_compare(((const cf_shown *)left)->name, ((const cf_shown *)right)->name);
}

static void lay(group_layout *layout, cf_shown **out, size_t *count)
{
    sketch_nodes(layout);
    name_nodes(layout);
    *count = 0;
    *out = cf_arena_allocate(layout->arena, layout->count + layout->copy_count, sizeof **out);
    for (size_t i = 0; i < layout->count; i++)
        (*out)[(*count)++] = show(layout, layout->sketches[i]);
    for (size_t i = 0; i < layout->copy_count; i++)
        (*out)[(*count)++] = show(layout, layout->copies[i]);
    qsort(*out, *count, sizeof **out, by_shown_name);
    free(layout->sketches);
    free(layout->copies);
    cf_hash_table_release(&layout->by_key);
    cf_hash_table_release(&layout->by_name);
}

void cf_view_lay(cf_view *view, cf_lay what, cf_seen *directory, cf_arena *arena, cf_shown **out,
                 size_t *count)
{
    group_layout layout = {.view = view, .arena = arena, .places_only = what == CF_LAY_PLACES};
    size_t member_count;
    cf_seen **members = cf_view_members(view, directory, arena, &member_count);

    find_children(&layout, members, member_count);
    lay(&layout, out, count);
}

void cf_view_lay_items(cf_view *view, cf_lay what, cf_seen *directory, const cf_seen_list *items,
                       cf_arena *arena, cf_shown **out, size_t *count)
{
    group_layout layout = {.view = view, .arena = arena, .places_only = what == CF_LAY_PLACES};

    choose_children(&layout, directory, items);
    lay(&layout, out, count);
}

void cf_shown_agree(const cf_shown *shown, cf_arena *arena, cf_node *node)
{
    cf_buffer refs = {0};

    cf_refs_pack(&refs, shown->refs, shown->ref_count);
    node->name = shown->name;
    node->kind = shown->kind;
    node->content = shown->content;
    if (shown->mode.size)
        node->mode = shown->mode;
    if (shown->mtime.size)
        node->mtime = shown->mtime;
    node->items = shown->items;
    node->item_count = shown->item_count;
    node->refs = cf_arena_copy(arena, cf_buffer_view(&refs));
    cf_buffer_release(&refs);
}

const cf_node *cf_shown_elsewhere(const cf_shown *shown, const cf_nodes *base, uint64_t number)
{
    for (size_t i = 0; i < shown->ref_count; i++) {
        const cf_ref *ref = &shown->refs[i];
        const cf_node *node = NULL;

        if (!cf_field_is(ref->field, CF_FIELD_NUMBER_CONTENT))
            continue;
        while ((node = cf_nodes_next_showing(base, &ref->holder, &ref->dot, node)))
            if (node->number != number)
                return node;
    }
    return NULL;
}
