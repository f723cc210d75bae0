/* SPDX-License-Identifier: Apache-2.0 */
/* In this order: the place shows a thing whose item, or one that was there before, held what lies
 * here; such an item is shown where nothing lies; it was deleted, and its content is held
 * elsewhere, for which the broker's word is waited for. An item that has a node, or whose place
 * can't be told, says nothing. */
#include "peer/sources/files/meeting.h"

#include "peer/transfer/resupply.h"

#include <stdlib.h>

static cf_bytes packed_id(const cf_id *id, cf_arena *arena)
{
    cf_buffer value = {0};

    cf_pack_bin(&value, cf_bytes_of(id->bytes, sizeof id->bytes));
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return copy;
}

static cf_bytes packed_name(cf_bytes name, cf_arena *arena)
{
    cf_buffer value = {0};

    cf_pack_bin(&value, name);
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return copy;
}

/* ---- What the base would have ---- */

typedef struct {
    cf_ref *at;
    size_t count;
} refs;

static void drop_ref(refs *list, const cf_id *item, uint32_t field)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++)
        if (!cf_id_equal(&list->at[i].item, item) || !cf_field_is(list->at[i].field, field))
            list->at[kept++] = list->at[i];
    list->count = kept;
}

/* `item` shows this write of the field, and no other; NULL: none. The list has room. */
static void set_ref(refs *list, const cf_id *item, uint32_t field, const cf_dot *dot)
{
    drop_ref(list, item, field);
    if (dot)
        list->at[list->count++] = (cf_ref){*item, *item, cf_field_fixed(field), *dot};
}

static refs copy_refs(const cf_ref *at, size_t count, cf_arena *arena)
{
    refs list = {cf_arena_allocate(arena, count + CF_FIELD_NUMBERS, sizeof *list.at), count};

    if (count)
        memcpy(list.at, at, count * sizeof *at);
    return list;
}

static void put_refs(cf_node *node, const refs *list, cf_arena *arena)
{
    cf_buffer packed = {0};

    cf_refs_pack(&packed, list->at, list->count);
    node->refs = cf_arena_copy(arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
}

static const cf_dot *content_dot(const cf_past_item *item, cf_bytes content)
{
    const cf_past_write *write =
        item ? cf_past_wrote(item, cf_field_fixed(CF_FIELD_NUMBER_CONTENT), content) : NULL;

    return write ? &write->dot : NULL;
}

/* ---- Who was there ---- */

typedef struct {
    const cf_meeting *meeting;
    const cf_met_thing *thing;
    cf_arena *arena;
    cf_node *node;
    cf_id *there;
    cf_met met;
} looking;

static bool is_on_disk(looking *self, const cf_tree_place *place);

static bool has_node(const looking *self, const cf_id *item)
{
    return cf_nodes_next_of_item(self->meeting->base, item, NULL) != NULL;
}

static bool held(const looking *self, const cf_past_item *item)
{
    return self->thing->kind == CF_KIND_DIRECTORY || content_dot(item, self->thing->content);
}

/* The place's own item, or one that was there before that, had this. The version of another item is
 * none that the place's item showed: then an edit made before the update comes replaces nothing. */
static void meet_shown(looking *self, const cf_past_item *item)
{
    const cf_shown *shown = self->thing->shown;
    refs list = copy_refs(shown->refs, shown->ref_count, self->arena);

    cf_shown_agree(shown, self->arena, self->node);
    for (size_t i = 0; i < shown->item_count; i++) {
        bool own = cf_id_equal(&shown->items[i], &item->id);

        set_ref(&list, &shown->items[i], CF_FIELD_NUMBER_CONTENT,
                own ? content_dot(item, self->thing->content) : NULL);
    }
    self->node->content = self->thing->content;
    put_refs(self->node, &list, self->arena);
    self->met = CF_MET_OLDER;
}

/* The item is shown somewhere else, and nothing lies there here. */
static void meet_moved(looking *self, const cf_past_item *item, const cf_past_place *stay,
                       const cf_tree_place *place)
{
    const cf_shown *shown = place->shown;
    refs list = copy_refs(shown->refs, shown->ref_count, self->arena);

    cf_shown_agree(shown, self->arena, self->node);
    self->node->name = self->thing->name;
    set_ref(&list, &item->id, CF_FIELD_NUMBER_PARENT, &stay->within_dot);
    set_ref(&list, &item->id, CF_FIELD_NUMBER_NAME, &stay->name_dot);
    if (self->thing->kind != CF_KIND_DIRECTORY &&
        !cf_bytes_equal(shown->content, self->thing->content)) {
        set_ref(&list, &item->id, CF_FIELD_NUMBER_CONTENT, content_dot(item, self->thing->content));
        self->node->content = self->thing->content;
    }
    put_refs(self->node, &list, self->arena);
    *self->there = place->directory;
    self->met = CF_MET_OLDER;
}

/* Nobody shows it any more. */
static void meet_deleted(looking *self, const cf_past_item *item, const cf_past_place *stay)
{
    static const uint32_t fields[] = {CF_FIELD_NUMBER_KIND, CF_FIELD_NUMBER_MODE,
                                      CF_FIELD_NUMBER_MTIME};
    refs list = copy_refs(NULL, 0, self->arena);
    cf_id *items = cf_arena_allocate(self->arena, 1, sizeof *items);

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const cf_past_write *last = cf_past_last(item, cf_field_fixed(fields[i]));

        if (last)
            set_ref(&list, &item->id, fields[i], &last->dot);
    }
    set_ref(&list, &item->id, CF_FIELD_NUMBER_PARENT, &stay->within_dot);
    set_ref(&list, &item->id, CF_FIELD_NUMBER_NAME, &stay->name_dot);
    if (self->thing->kind != CF_KIND_DIRECTORY)
        set_ref(&list, &item->id, CF_FIELD_NUMBER_CONTENT, content_dot(item, self->thing->content));
    items[0] = item->id;
    *self->node = (cf_node){.kind = self->thing->kind,
                            .name = self->thing->name,
                            .content = self->thing->content,
                            .items = items,
                            .item_count = 1};
    put_refs(self->node, &list, self->arena);
    *self->there = item->id;
    self->met = CF_MET_DELETED;
}

/* Of what was deleted: goes only what is held elsewhere for sure. */
static cf_met may_go(const looking *self)
{
    const cf_meeting *meeting = self->meeting;
    const cf_link *link = meeting->peer->link;

    if (self->thing->kind == CF_KIND_DIRECTORY ||
        cf_has_other_copies(meeting->peer, &meeting->collection->id, self->thing->content))
        return CF_MET_DELETED;
    return link && !cf_link_is_idle_in(link, &meeting->collection->id) ? CF_MET_WAITS : CF_MET_NOT;
}

static bool look_at(void *context, const cf_past_item *item, const cf_past_place *stay)
{
    looking *self = context;
    const cf_met_thing *thing = self->thing;
    cf_tree_place place;

    if (cf_kind_of(&item->id) != thing->kind || !held(self, item))
        return true;
    if (thing->shown && thing->shown->kind == thing->kind && !thing->shown->conflict) {
        if (thing->kind != CF_KIND_DIRECTORY)
            meet_shown(self, item);
        return false;
    }
    if (has_node(self, &item->id))
        return true;
    if (cf_view_find(self->meeting->collection->view, &item->id, self->arena, &place)) {
        if (is_on_disk(self, &place))
            return true;
        meet_moved(self, item, stay, &place);
    } else {
        self->met = may_go(self);
        if (self->met == CF_MET_DELETED)
            meet_deleted(self, item, stay);
    }
    return self->met == CF_MET_NOT;
}

/* ---- What lies here besides ---- */

enum { DEPTH_MAX = 256 };

/* The names from the root down to where the view shows it; 0: it is nowhere. */
static size_t path_of(looking *self, const cf_tree_place *place, cf_bytes names[DEPTH_MAX])
{
    size_t at = DEPTH_MAX;
    cf_tree_place now = *place;

    for (;;) {
        if (at == 0)
            return 0;
        names[--at] = now.shown->name;
        if (cf_id_equal(&now.directory, &cf_root_item))
            break;
        if (!cf_view_find(self->meeting->collection->view, &now.directory, self->arena, &now))
            return 0;
    }
    memmove(names, names + at, (DEPTH_MAX - at) * sizeof *names);
    return DEPTH_MAX - at;
}

static bool is_on_disk(looking *self, const cf_tree_place *place)
{
    cf_files *files = self->meeting->peer->env->files;
    cf_bytes names[DEPTH_MAX];
    cf_hold hold = {0};
    cf_stat stat;
    cf_error error;
    size_t count = path_of(self, place, names);

    if (!count)
        return true; /* nothing is said of it */
    cf_status status = cf_hold_path(files, self->thing->root, names, count - 1, &hold, &error);
    if (!status)
        status = files->stat(files, hold.folder, names[count - 1], &stat, &error);
    cf_hold_release(&hold, files);
    return status != CF_MISSING;
}

cf_met cf_meet(const cf_meeting *meeting, const cf_met_thing *thing, cf_arena *arena, cf_node *node,
               cf_id *there)
{
    looking self = {meeting, thing, arena, node, there, CF_MET_NOT};
    cf_bytes name = packed_name(thing->name, arena);

    *there = cf_root_item;
    for (size_t i = 0; i < thing->within_count && self.met == CF_MET_NOT; i++)
        cf_past_at(meeting->past, packed_id(&thing->within[i], arena), name, look_at, &self);
    return self.met;
}

/* ---- Directories ---- */

typedef struct {
    cf_ids list;
} gathering;

static bool add_directory(void *context, const cf_past_item *item, const cf_past_place *stay)
{
    (void)stay;
    if (cf_kind_of(&item->id) == CF_KIND_DIRECTORY)
        cf_ids_add(context, &item->id);
    return true;
}

cf_met_directories cf_met_directories_at(const cf_past *past, const cf_met_directories *within,
                                         cf_bytes name, const cf_id *known, size_t known_count,
                                         cf_arena *arena)
{
    cf_ids found = {0};
    cf_met_directories out = {0};
    cf_bytes packed = packed_name(name, arena);

    for (size_t i = 0; i < within->count; i++)
        cf_past_at(past, packed_id(&within->at[i], arena), packed, add_directory, &found);
    cf_ids_add_all(&found, known, known_count);
    cf_ids_sort(&found);
    out.at = cf_arena_allocate(arena, found.count, sizeof *out.at);
    out.count = found.count;
    if (found.count)
        memcpy(out.at, found.at, found.count * sizeof *out.at);
    free(found.at);
    return out;
}

/* ---- A base that is older ---- */

/* Where it was told to be; NULL: nobody heard of that. */
static const cf_past_place *stay_in(const cf_meeting *meeting, const cf_past_item *item,
                                    const cf_finding *finding, const cf_met_directories *within,
                                    cf_arena *arena)
{
    const cf_past_place *stay = NULL;
    cf_bytes name = packed_name(finding->name, arena);

    for (size_t i = 0; i < within->count && !stay; i++)
        stay = cf_past_stay(meeting->past, item, packed_id(&within->at[i], arena), name);
    return stay;
}

bool cf_meet_again(const cf_meeting *meeting, const cf_finding *finding,
                   const cf_met_directories *within, cf_arena *arena, cf_node *node)
{
    const cf_past_item *item =
        node->item_count ? cf_past_find(meeting->past, &node->items[0]) : NULL;
    bool moved = finding->parent != node->parent || !cf_bytes_equal(finding->name, node->name);
    bool edited = !cf_bytes_equal(finding->content, node->content);
    const cf_past_place *stay =
        item && moved ? stay_in(meeting, item, finding, within, arena) : NULL;
    const cf_dot *dot = item && edited ? content_dot(item, finding->content) : NULL;
    cf_ref *known;
    size_t count;
    cf_error ignored;

    if ((!stay && !dot) || cf_refs_read(node->refs, arena, &known, &count, &ignored))
        return false;
    refs list = copy_refs(known, count, arena);
    if (stay) {
        set_ref(&list, &item->id, CF_FIELD_NUMBER_PARENT, &stay->within_dot);
        set_ref(&list, &item->id, CF_FIELD_NUMBER_NAME, &stay->name_dot);
        node->parent = finding->parent;
        node->name = finding->name;
    }
    if (dot) {
        set_ref(&list, &item->id, CF_FIELD_NUMBER_CONTENT, dot);
        node->content = finding->content;
    }
    put_refs(node, &list, arena);
    if ((!moved || stay) && (!edited || dot)) {
        node->mode = finding->mode.size ? finding->mode : node->mode;
        node->mtime = finding->mtime.size ? finding->mtime : node->mtime;
        node->stat = finding->stat;
        node->disk = finding->disk;
    }
    return true;
}
