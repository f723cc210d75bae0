/* SPDX-License-Identifier: Apache-2.0 */
/* What was found is drafted first, new things with a new item, known ones by what differs; then
 * what is gone; then the pins of what would move or vanish by that (pins.c), which has to know all
 * of the draft. */
#include "peer/merge/scan.h"

#include <assert.h>
#include <stdlib.h>

#include "peer/merge/gone_along.h"
#include "peer/merge/pins.h"

typedef struct {
    const cf_scan_input *input;
    cf_arena *arena;
    cf_spots spots;
    cf_change_draft draft;
} scan_work;

static cf_bytes taken(scan_work *scanning, cf_buffer *packed)
{
    cf_bytes copy = cf_arena_copy(scanning->arena, cf_buffer_view(packed));

    cf_buffer_release(packed);
    return copy;
}

static cf_bytes kind_value(scan_work *scanning, uint8_t kind)
{
    cf_buffer packed = {0};

    cf_pack_text(&packed, cf_bytes_of(&kind, 1));
    return taken(scanning, &packed);
}

static cf_bytes parent_value(scan_work *scanning, const cf_id *parent)
{
    cf_buffer packed = {0};

    cf_pack_bin(&packed, cf_bytes_of(parent->bytes, sizeof parent->bytes));
    return taken(scanning, &packed);
}

static cf_bytes name_value(scan_work *scanning, cf_bytes name)
{
    cf_buffer packed = {0};

    cf_pack_bin(&packed, name);
    return taken(scanning, &packed);
}

static void set(scan_work *scanning, const cf_spot *spot, const cf_id *item, uint32_t field,
                cf_bytes value)
{
    bool weak = field == CF_FIELD_NUMBER_MODE || field == CF_FIELD_NUMBER_MTIME ||
                field == CF_FIELD_NUMBER_PIN || field == CF_FIELD_NUMBER_FROM;

    cf_draft_set(&scanning->draft, spot->refs, item, field, value, weak);
}

static cf_id directory_of(scan_work *scanning, const cf_spot *spot)
{
    const cf_id *above;
    size_t count;

    cf_spots_above(&scanning->spots, spot, &above, &count);
    assert(count);
    return above[0];
}

static void set_place(scan_work *scanning, const cf_spot *spot, const cf_id *item)
{
    cf_id parent = directory_of(scanning, spot);

    set(scanning, spot, item, CF_FIELD_NUMBER_PARENT, parent_value(scanning, &parent));
    set(scanning, spot, item, CF_FIELD_NUMBER_NAME, name_value(scanning, spot->name));
}

static bool in_state(const scan_work *scanning, const cf_id *item, uint32_t field)
{
    return cf_state_has_field(scanning->input->state, item, field);
}

static bool content_is_held(const scan_work *scanning, const cf_ref *ref)
{
    const cf_state *state = scanning->input->state;
    const cf_item *item = cf_state_item(state, &ref->holder);
    cf_write write;

    return item && (in_state(scanning, &ref->holder, CF_FIELD_NUMBER_KIND) ||
                    cf_state_find_write(state, item, CF_FIELD_NUMBER_CONTENT, &ref->dot, &write));
}

/* Whether the state still has what the node shows as its content; `elsewhere`: with another item.
 */
static bool has_content(const scan_work *scanning, const cf_spot *spot, bool *elsewhere)
{
    bool held = false;

    *elsewhere = false;
    for (size_t i = 0; i < spot->refs.count; i++) {
        const cf_ref *ref = &spot->refs.at[i];

        if (!cf_id_equal(&ref->item, &spot->items[0]) ||
            !cf_field_is(ref->field, CF_FIELD_NUMBER_CONTENT) || !content_is_held(scanning, ref))
            continue;
        held = true;
        *elsewhere = *elsewhere || !cf_id_equal(&ref->holder, &spot->items[0]);
    }
    return held;
}

/* What the state forgot (it was deleted elsewhere and compacted) is written whole, with the
 * directories above it (rule L). A copy whose content is still there needs a pin only. */
static void write_whole(scan_work *scanning, const cf_spot *spot)
{
    for (; spot && spot->base; spot = cf_spots_at(&scanning->spots, spot->parent)) {
        const cf_id *item = &spot->items[0];
        bool elsewhere, held;

        if (in_state(scanning, item, CF_FIELD_NUMBER_KIND))
            return;
        held = has_content(scanning, spot, &elsewhere);
        if (elsewhere || cf_draft_has(&scanning->draft, item, CF_FIELD_NUMBER_KIND))
            return;
        if (held && !cf_spot_shows(spot, item, CF_FIELD_NUMBER_NAME))
            continue; /* a copy that was edited before; it has no place of its own yet */
        set(scanning, spot, item, CF_FIELD_NUMBER_KIND, kind_value(scanning, spot->kind));
        set_place(scanning, spot, item);
        if (spot->kind != CF_KIND_DIRECTORY && !held)
            set(scanning, spot, item, CF_FIELD_NUMBER_CONTENT, spot->content);
    }
}

/* Equal starts are one item; an id that the state knows already gives way to a random one. */
static cf_id new_item(const scan_work *scanning, const cf_spot *spot, const cf_id *parent)
{
    const cf_rules *rules = scanning->input->rules;
    cf_id item = rules->new_id(rules->context, spot->kind, parent, spot->name, spot->content);

    if (cf_state_knows(scanning->input->state, &item))
        item = rules->random_id(rules->context, spot->kind);
    return item;
}

static void scan_new(scan_work *scanning, cf_spot *spot)
{
    cf_id parent = directory_of(scanning, spot);
    cf_id *item = cf_arena_allocate(scanning->arena, 1, sizeof *item);

    write_whole(scanning, cf_spots_at(&scanning->spots, spot->parent));
    *item = new_item(scanning, spot, &parent);
    spot->items = item;
    spot->item_count = 1;
    set(scanning, spot, item, CF_FIELD_NUMBER_KIND, kind_value(scanning, spot->kind));
    set_place(scanning, spot, item);
    if (spot->kind != CF_KIND_DIRECTORY)
        set(scanning, spot, item, CF_FIELD_NUMBER_CONTENT, spot->content);
    if (spot->mode.size)
        set(scanning, spot, item, CF_FIELD_NUMBER_MODE, spot->mode);
    if (spot->mtime.size)
        set(scanning, spot, item, CF_FIELD_NUMBER_MTIME, spot->mtime);
}

/* How a node differs from the base. */
typedef struct {
    bool place, content, mode, mtime;
} node_difference;

static node_difference difference_of(const cf_spot *spot)
{
    const cf_node *base = spot->base;

    return (node_difference){
        .place = spot->parent != base->parent || !cf_bytes_equal(spot->name, base->name),
        .content = !cf_bytes_equal(spot->content, base->content),
        .mode = !cf_bytes_equal(spot->mode, base->mode),
        .mtime = spot->kind == CF_KIND_FILE && !cf_bytes_equal(spot->mtime, base->mtime),
    };
}

/* For a cycle of moves (rule Y). Of what was in the root nothing is said, unless something else was
 * said before. */
static void say_where_it_was(scan_work *scanning, const cf_spot *spot, const cf_id *item)
{
    const cf_spot *above = cf_spots_at(&scanning->spots, spot->base->parent);

    if (above || cf_spot_shows(spot, item, CF_FIELD_NUMBER_FROM))
        set(scanning, spot, item, CF_FIELD_NUMBER_FROM,
            parent_value(scanning, above ? &above->items[0] : &cf_root_item));
}

static void scan_place(scan_work *scanning, cf_spot *spot)
{
    bool directory = spot->kind == CF_KIND_DIRECTORY;
    size_t count = directory ? spot->item_count : 1;

    for (size_t i = 0; i < count; i++) {
        set_place(scanning, spot, &spot->items[i]);
        if (directory && spot->parent != spot->base->parent)
            say_where_it_was(scanning, spot, &spot->items[i]);
    }
    spot->moved = true;
    write_whole(scanning, cf_spots_at(&scanning->spots, spot->parent));
}

/* A copy that has no place of its own, and may have moved by now, stays where it was touched. */
static void pin_copy(scan_work *scanning, const cf_spot *spot)
{
    const cf_id *first = &spot->items[0];
    cf_pin pin = {.parent = directory_of(scanning, spot), .name = spot->name};
    cf_buffer packed = {0};

    if (in_state(scanning, first, CF_FIELD_NUMBER_NAME) ||
        cf_draft_has(&scanning->draft, first, CF_FIELD_NUMBER_NAME))
        return;
    cf_pin_pack(&packed, &pin);
    set(scanning, spot, first, CF_FIELD_NUMBER_PIN, taken(scanning, &packed));
}

/* The weak fields, as far as the source has them: mode of all kinds, mtime of files. What is moved
 * takes along what is not its own yet: a copy has them from the main file until then. Those that it
 * has stay as they are: somebody else may be setting them. */
static bool takes_along(const scan_work *scanning, const cf_spot *spot, const cf_id *item,
                        uint32_t field, const node_difference *differs)
{
    return differs->place && (spot->item_count > 1 || !in_state(scanning, item, field));
}

static void scan_weak(scan_work *scanning, const cf_spot *spot, const node_difference *differs)
{
    size_t count = spot->kind == CF_KIND_DIRECTORY ? spot->item_count : 1;
    const cf_id *first = &spot->items[0];
    bool plain = cf_bytes_equal(spot->mode, scanning->input->rules->default_mode);

    for (size_t i = 0; spot->mode.size && i < count; i++)
        if (differs->mode ||
            (takes_along(scanning, spot, &spot->items[i], CF_FIELD_NUMBER_MODE, differs) &&
             (!plain || spot->item_count > 1)))
            set(scanning, spot, &spot->items[i], CF_FIELD_NUMBER_MODE, spot->mode);
    if (spot->mtime.size && spot->kind == CF_KIND_FILE &&
        (differs->mtime || takes_along(scanning, spot, first, CF_FIELD_NUMBER_MTIME, differs)))
        set(scanning, spot, first, CF_FIELD_NUMBER_MTIME, spot->mtime);
}

static void scan_known(scan_work *scanning, cf_spot *spot)
{
    node_difference differs = difference_of(spot);

    if (differs.place)
        scan_place(scanning, spot);
    if (differs.place || differs.content)
        write_whole(scanning, spot);
    if (!differs.place && (differs.content || differs.mode || differs.mtime))
        pin_copy(scanning, spot);
    if (differs.content)
        set(scanning, spot, &spot->items[0], CF_FIELD_NUMBER_CONTENT, spot->content);
    scan_weak(scanning, spot, &differs);
    if (spot->kind == CF_KIND_DIRECTORY || !(differs.place || differs.content))
        return;
    for (size_t i = 1; i < spot->item_count; i++) /* equal files shown as one: this one goes on */
        cf_draft_delete(&scanning->draft, spot->refs, &spot->items[i]);
}

static void scan_gone(scan_work *scanning, const cf_spot *spot)
{
    for (size_t i = 0; i < spot->item_count; i++)
        cf_draft_delete(&scanning->draft, spot->refs, &spot->items[i]);
    cf_gone_along_pin(&scanning->spots, spot, &scanning->draft);
}

void cf_scan_run(const cf_scan_input *input, cf_arena *arena, cf_scan *out)
{
    scan_work scanning = {.input = input, .arena = arena, .draft = {.arena = arena}};

    cf_spots_open(&scanning.spots, input, arena);
    for (size_t i = 0; i < input->found_count; i++) {
        cf_spot *spot = scanning.spots.found[i];

        if (spot->base)
            scan_known(&scanning, spot);
        else
            scan_new(&scanning, spot);
    }
    for (size_t i = 0; i < input->gone_count; i++)
        scan_gone(&scanning, cf_spots_at(&scanning.spots, input->gone[i]));
    cf_pins_add(&scanning.spots, &scanning.draft);
    out->input = input;
    out->changes = cf_change_draft_changes(&scanning.draft, &out->count);
    out->inner = scanning.spots.found;
    cf_change_draft_release(&scanning.draft);
    cf_spots_close(&scanning.spots);
}
