/* SPDX-License-Identifier: Apache-2.0 */
/* What was found is drafted first, new things with a new item, known ones by what differs; then
 * what is gone; then the pins of what would move or vanish by that (pins.c), which has to know all
 * of the draft. */
#include "peer/merge/diff.h"

#include <assert.h>
#include <stdlib.h>

#include "peer/merge/gone_along.h"
#include "peer/merge/pins.h"

typedef struct {
    const cf_diff_input *input;
    cf_arena *arena;
    cf_scanned_nodes nodes;
    cf_change_draft draft;
} scan_work;

static cf_bytes taken(scan_work *diffing, cf_buffer *packed)
{
    cf_bytes copy = cf_arena_copy(diffing->arena, cf_buffer_view(packed));

    cf_buffer_release(packed);
    return copy;
}

static cf_bytes kind_value(scan_work *diffing, uint8_t kind)
{
    cf_buffer packed = {0};

    cf_pack_text(&packed, cf_bytes_of(&kind, 1));
    return taken(diffing, &packed);
}

static cf_bytes parent_value(scan_work *diffing, const cf_id *parent)
{
    cf_buffer packed = {0};

    cf_pack_bin(&packed, cf_bytes_of(parent->bytes, sizeof parent->bytes));
    return taken(diffing, &packed);
}

static cf_bytes name_value(scan_work *diffing, cf_bytes name)
{
    cf_buffer packed = {0};

    cf_pack_bin(&packed, name);
    return taken(diffing, &packed);
}

/* Mode, time, pins, and where a directory was before, are written weak: by them alone no item
 * lives. */
static void set(scan_work *diffing, const cf_scanned_node *scanned, const cf_id *item,
                uint32_t field, cf_bytes value)
{
    bool weak = field == CF_FIELD_NUMBER_MODE || field == CF_FIELD_NUMBER_MTIME ||
                field == CF_FIELD_NUMBER_PIN || field == CF_FIELD_NUMBER_FROM;

    cf_draft_set(&diffing->draft, scanned->refs, item, field, value, weak);
}

/* The item which a new write names as the directory that a node is in: of several directories that
 * are shown as one the first. */
static cf_id directory_of(scan_work *diffing, const cf_scanned_node *scanned)
{
    const cf_id *above;
    size_t count;

    cf_scanned_nodes_above(&diffing->nodes, scanned, &above, &count);
    assert(count);
    return above[0];
}

/* Directory and name are one place: both are written, though only one of them may be another now.
 */
static void set_place(scan_work *diffing, const cf_scanned_node *scanned, const cf_id *item)
{
    cf_id parent = directory_of(diffing, scanned);

    set(diffing, scanned, item, CF_FIELD_NUMBER_PARENT, parent_value(diffing, &parent));
    set(diffing, scanned, item, CF_FIELD_NUMBER_NAME, name_value(diffing, scanned->name));
}

/* The state has a write of the field that lives. */
static bool in_state(const scan_work *diffing, const cf_id *item, uint32_t field)
{
    return cf_state_has_field(diffing->input->state, item, field);
}

/* Whether the state still has the content that the ref shows, or at least the item which holds
 * that: its /kind is there. */
static bool content_is_held(const scan_work *diffing, const cf_ref *ref)
{
    const cf_state *state = diffing->input->state;
    const cf_item *item = cf_state_item(state, &ref->holder);
    cf_write write;

    return item && (in_state(diffing, &ref->holder, CF_FIELD_NUMBER_KIND) ||
                    cf_state_find_write(state, item, CF_FIELD_NUMBER_CONTENT, &ref->dot, &write));
}

/* Whether the state still has what the node shows as its content; `elsewhere`: stored with another
 * item, as that of a conflict copy is. */
static bool has_content(const scan_work *diffing, const cf_scanned_node *scanned, bool *elsewhere)
{
    bool held = false;

    *elsewhere = false;
    for (size_t i = 0; i < scanned->refs.count; i++) {
        const cf_ref *ref = &scanned->refs.at[i];

        if (!cf_id_equal(&ref->item, &scanned->items[0]) ||
            !cf_field_is(ref->field, CF_FIELD_NUMBER_CONTENT) || !content_is_held(diffing, ref))
            continue;
        held = true;
        *elsewhere = *elsewhere || !cf_id_equal(&ref->holder, &scanned->items[0]);
    }
    return held;
}

/* Whether the node has a mode, and another than one of which nothing is said. */
static bool says_more(const scan_work *diffing, const cf_scanned_node *scanned)
{
    return scanned->mode.size &&
           !cf_bytes_equal(scanned->mode, diffing->input->rules->default_mode);
}

/* A node whose item the state forgot (deleted elsewhere, and compacted) is written whole, with the
 * directories above it (rule L). A copy whose content is still there needs a pin only.
 *
 *     d/a was deleted and compacted a year ago; this device was away, and its user edits d/a:
 *     /kind, /parent, /name, /content and /mode of a, and /kind, /parent, /name, /mode of d */
static void write_whole(scan_work *diffing, const cf_scanned_node *scanned)
{
    for (; scanned && scanned->base;
         scanned = cf_scanned_nodes_at(&diffing->nodes, scanned->parent)) {
        const cf_id *item = &scanned->items[0];
        bool elsewhere, held;

        if (in_state(diffing, item, CF_FIELD_NUMBER_KIND))
            return;
        held = has_content(diffing, scanned, &elsewhere);
        if (elsewhere || cf_draft_has(&diffing->draft, item, CF_FIELD_NUMBER_KIND))
            return;
        if (held && !cf_scanned_node_shows(scanned, item, CF_FIELD_NUMBER_NAME))
            continue; /* a copy that was edited before; it has no place of its own yet */
        set(diffing, scanned, item, CF_FIELD_NUMBER_KIND, kind_value(diffing, scanned->kind));
        set_place(diffing, scanned, item);
        if (scanned->kind != CF_KIND_DIRECTORY && !held)
            set(diffing, scanned, item, CF_FIELD_NUMBER_CONTENT, scanned->content);
        if (says_more(diffing, scanned))
            set(diffing, scanned, item, CF_FIELD_NUMBER_MODE, scanned->mode);
    }
}

/* Equal starts are one item (rule I); an id that the state or the base knows already gives way to a
 * random one.
 *
 *     a=1 was made here and there    one a
 *     a is moved to c, then a=1 is made anew    the state knows that id, by c: a gets another
 *     d is `lost-ID` here, as what made it is void, and d/ is made anew    the base knows it */
static cf_id new_item(const scan_work *diffing, const cf_scanned_node *scanned, const cf_id *parent)
{
    const cf_rules *rules = diffing->input->rules;
    cf_id item =
        rules->new_id(rules->context, scanned->kind, parent, scanned->name, scanned->content);

    if (cf_state_knows(diffing->input->state, &item) ||
        cf_nodes_next_of_item(diffing->input->base, &item, NULL))
        item = rules->random_id(rules->context, scanned->kind);
    return item;
}

/* A thing that the base doesn't know is said whole, under a new item. Its directory, if the state
 * forgot that, too. */
static void scan_new(scan_work *diffing, cf_scanned_node *scanned)
{
    cf_id parent = directory_of(diffing, scanned);
    cf_id *item = cf_arena_allocate(diffing->arena, 1, sizeof *item);

    write_whole(diffing, cf_scanned_nodes_at(&diffing->nodes, scanned->parent));
    *item = new_item(diffing, scanned, &parent);
    scanned->items = item;
    scanned->item_count = 1;
    set(diffing, scanned, item, CF_FIELD_NUMBER_KIND, kind_value(diffing, scanned->kind));
    set_place(diffing, scanned, item);
    if (scanned->kind != CF_KIND_DIRECTORY)
        set(diffing, scanned, item, CF_FIELD_NUMBER_CONTENT, scanned->content);
    if (scanned->mode.size)
        set(diffing, scanned, item, CF_FIELD_NUMBER_MODE, scanned->mode);
    if (scanned->mtime.size)
        set(diffing, scanned, item, CF_FIELD_NUMBER_MTIME, scanned->mtime);
}

/* How a node differs from the base. */
typedef struct {
    bool place, content, mode, mtime;
} node_difference;

/* Times are compared of files alone: a directory's changes with what lies in it. */
static node_difference difference_of(const cf_scanned_node *scanned)
{
    const cf_node *base = scanned->base;

    return (node_difference){
        .place = scanned->parent != base->parent || !cf_bytes_equal(scanned->name, base->name),
        .content = !cf_bytes_equal(scanned->content, base->content),
        .mode = !cf_bytes_equal(scanned->mode, base->mode),
        .mtime = scanned->kind == CF_KIND_FILE && !cf_bytes_equal(scanned->mtime, base->mtime),
    };
}

/* For a cycle of moves (rule Y) a directory that is moved says in which directory it was, weakly.
 * Of one that was in the root nothing is said, unless /from says another directory until now. */
static void say_where_it_was(scan_work *diffing, const cf_scanned_node *scanned, const cf_id *item)
{
    const cf_scanned_node *above = cf_scanned_nodes_at(&diffing->nodes, scanned->base->parent);

    if (above || cf_scanned_node_shows(scanned, item, CF_FIELD_NUMBER_FROM))
        set(diffing, scanned, item, CF_FIELD_NUMBER_FROM,
            parent_value(diffing, above ? &above->items[0] : &cf_root_item));
}

/* All items of a directory move; of files that were shown as one only the first does, and
 * scan_known deletes the others. */
static void scan_place(scan_work *diffing, cf_scanned_node *scanned)
{
    bool directory = scanned->kind == CF_KIND_DIRECTORY;
    size_t count = directory ? scanned->item_count : 1;

    for (size_t i = 0; i < count; i++) {
        set_place(diffing, scanned, &scanned->items[i]);
        if (directory && scanned->parent != scanned->base->parent)
            say_where_it_was(diffing, scanned, &scanned->items[i]);
    }
    scanned->moved = true;
    write_whole(diffing, cf_scanned_nodes_at(&diffing->nodes, scanned->parent));
}

/* A copy that has no place of its own, and may have moved by now, stays where it was touched. */
static void pin_copy(scan_work *diffing, const cf_scanned_node *scanned)
{
    const cf_id *first = &scanned->items[0];
    cf_pin pin = {.parent = directory_of(diffing, scanned), .name = scanned->name};
    cf_buffer packed = {0};

    if (in_state(diffing, first, CF_FIELD_NUMBER_NAME) ||
        cf_draft_has(&diffing->draft, first, CF_FIELD_NUMBER_NAME))
        return;
    cf_pin_pack(&packed, &pin);
    set(diffing, scanned, first, CF_FIELD_NUMBER_PIN, taken(diffing, &packed));
}

/* The weak fields, as far as the source has them: mode of all kinds, mtime of files. A node that is
 * moved, or edited, takes along a field that its item has no write of yet: a copy has them from the
 * main file until then. A field that the item has stays as it is, as somebody else may be setting
 * that; but of a node that is moved and shows several items each may have another one.
 *
 *     a and its copy, both 0600: the copy is deleted there, and edited here    it is back, 0600 */
static bool takes_along(const scan_work *diffing, const cf_scanned_node *scanned, const cf_id *item,
                        uint32_t field, const node_difference *differs)
{
    return (differs->place && scanned->item_count > 1) ||
           ((differs->place || differs->content) && !in_state(diffing, item, field));
}

/* The mode that a node takes along is written only if it says more than default_mode, or the node
 * shows several items. */
static void scan_weak(scan_work *diffing, const cf_scanned_node *scanned,
                      const node_difference *differs)
{
    size_t count = scanned->kind == CF_KIND_DIRECTORY ? scanned->item_count : 1;
    const cf_id *first = &scanned->items[0];

    for (size_t i = 0; scanned->mode.size && i < count; i++)
        if (differs->mode ||
            (takes_along(diffing, scanned, &scanned->items[i], CF_FIELD_NUMBER_MODE, differs) &&
             (says_more(diffing, scanned) || (differs->place && scanned->item_count > 1))))
            set(diffing, scanned, &scanned->items[i], CF_FIELD_NUMBER_MODE, scanned->mode);
    if (scanned->mtime.size && scanned->kind == CF_KIND_FILE &&
        (differs->mtime || takes_along(diffing, scanned, first, CF_FIELD_NUMBER_MTIME, differs)))
        set(diffing, scanned, first, CF_FIELD_NUMBER_MTIME, scanned->mtime);
}

/* What differs from the base is written, over what the base shows. A content that is edited in its
 * place moves nothing; a node that is moved keeps the content's write.
 *
 *     a (items x, y, two equal files): the user edits a    /content of x; y is deleted */
static void scan_known(scan_work *diffing, cf_scanned_node *scanned)
{
    node_difference differs = difference_of(scanned);

    if (differs.place)
        scan_place(diffing, scanned);
    if (differs.place || differs.content)
        write_whole(diffing, scanned);
    if (!differs.place && (differs.content || differs.mode || differs.mtime))
        pin_copy(diffing, scanned);
    if (differs.content)
        set(diffing, scanned, &scanned->items[0], CF_FIELD_NUMBER_CONTENT, scanned->content);
    scan_weak(diffing, scanned, &differs);
    if (scanned->kind == CF_KIND_DIRECTORY || !(differs.place || differs.content))
        return;
    for (size_t i = 1; i < scanned->item_count;
         i++) /* equal files shown as one: the first goes on */
        cf_draft_delete(&diffing->draft, scanned->refs, &scanned->items[i]);
}

/* A node that is gone takes all items along that it stood for. */
static void scan_gone(scan_work *diffing, const cf_scanned_node *scanned)
{
    for (size_t i = 0; i < scanned->item_count; i++)
        cf_draft_delete(&diffing->draft, scanned->refs, &scanned->items[i]);
    cf_gone_along_pin(&diffing->nodes, scanned, &diffing->draft);
}

void cf_diff_run(const cf_diff_input *input, cf_arena *arena, cf_diff *out)
{
    scan_work diffing = {.input = input, .arena = arena, .draft = {.arena = arena}};

    cf_scanned_nodes_open(&diffing.nodes, input, arena);
    for (size_t i = 0; i < input->found_count; i++) {
        cf_scanned_node *scanned = diffing.nodes.found[i];

        if (scanned->base)
            scan_known(&diffing, scanned);
        else
            scan_new(&diffing, scanned);
    }
    for (size_t i = 0; i < input->gone_count; i++)
        scan_gone(&diffing, cf_scanned_nodes_at(&diffing.nodes, input->gone[i]));
    cf_pins_add(&diffing.nodes, &diffing.draft);
    out->input = input;
    out->changes = cf_change_draft_changes(&diffing.draft, &out->count);
    out->inner = diffing.nodes.found;
    cf_change_draft_release(&diffing.draft);
    cf_scanned_nodes_close(&diffing.nodes);
}
