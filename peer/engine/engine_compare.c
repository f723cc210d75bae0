/* SPDX-License-Identifier: Apache-2.0 */
/* How a folder compares with what its collection shows, by contents: what is equal, older, deleted
 * elsewhere, different, or on one side alone. And whether its patterns ask for anything at all.
 * Files are read for that, and nothing is changed. */
#include "peer/engine/engine.h"
#include "peer/sources/files/files_listing.h"
#include "peer/sources/files/meeting.h"
#include "peer/sources/records/record_source.h"

#include "codec/content.h"
#include "codec/pack.h"

#include <stdlib.h>

enum { WINDOW = 1 << 20 };

/* A thing with its path, on the disk or in the view. */
typedef struct {
    cf_bytes path;
    uint8_t kind;            /* as in the view */
    cf_bytes content;        /* the identity; on the disk, of what was met */
    const cf_shown *shown;   /* in the view */
    cf_met_directories ever; /* on the disk: the directories that ever were there */
} thing;

typedef struct {
    thing *at;
    size_t count, capacity;
} things;

typedef struct {
    const cf_env *env;
    cf_peer *peer;
    const cf_binding *binding;
    cf_folder *root;
    cf_collection *collection;
    cf_arena arena;
    things here, there;
    cf_past *past;
    cf_compare_own *own; /* NULL: nobody wants to know */
    void *context;
} comparing;

static void add_thing(things *list, const thing *one)
{
    *cf_one_more(list->at, list->count, list->capacity) = *one;
}

static int by_path(const void *a, const void *b)
{
    return cf_bytes_compare(((const thing *)a)->path, ((const thing *)b)->path);
}

static void sort_things(things *list)
{
    if (list->count > 1)
        qsort(list->at, list->count, sizeof *list->at, by_path);
}

/* ---- What is here ---- */

static cf_status list_here(comparing *self, cf_error *error)
{
    cf_listing listing = {0};
    cf_listing_options options = {
        .files = self->env->files, .root = self->root, .include = self->binding->matcher};
    cf_buffer path = {0};

    cf_status status = cf_listing_add(&listing, &options, (cf_listing_start){0}, error);
    for (size_t i = 0; !status && i < listing.entry_count; i++) {
        thing one = {.kind = (uint8_t)listing.entries[i].kind};

        if (!one.kind || listing.entries[i].excluded)
            continue;
        cf_buffer_clear(&path);
        cf_listing_entry_path(&listing, i, &path);
        one.path = cf_arena_copy(&self->arena, cf_buffer_view(&path));
        add_thing(&self->here, &one);
    }
    cf_buffer_release(&path);
    cf_listing_release(&listing);
    sort_things(&self->here);
    return status;
}

/* ---- What is there ---- */

static void list_there(comparing *self, const cf_id *directory, cf_buffer *path);

/* A directory that is passed through counts when it leads to something. */
static void list_thing(comparing *self, const cf_shown *shown, cf_buffer *path)
{
    bool is_directory = shown->kind == CF_KIND_DIRECTORY;
    cf_include_answer answer =
        cf_include_match_path(self->binding->matcher, cf_buffer_view(path), is_directory);
    size_t before = self->there.count;

    if (answer == CF_INCLUDE_OUT)
        return;
    add_thing(&self->there, &(thing){.path = cf_arena_copy(&self->arena, cf_buffer_view(path)),
                                     .kind = shown->kind,
                                     .content = shown->content,
                                     .shown = shown});
    if (is_directory)
        list_there(self, &shown->items[0], path);
    if (answer == CF_INCLUDE_PASS && self->there.count == before + 1)
        self->there.count = before;
}

static void list_there(comparing *self, const cf_id *directory, cf_buffer *path)
{
    const cf_shown *shown;
    cf_group group;
    size_t count, size = path->size;

    cf_view_group_of(self->collection->view, directory, &self->arena, &group);
    cf_view_list(self->collection->view, &group, &self->arena, &shown, &count);
    for (size_t i = 0; i < count; i++) {
        if (size)
            cf_buffer_append(path, "/", 1);
        cf_buffer_append(path, shown[i].name.data, shown[i].name.size);
        list_thing(self, &shown[i], path);
        path->size = size;
    }
}

/* ---- Are they the same ---- */

static cf_status hash_file(comparing *self, const cf_folder *folder, cf_bytes name, cf_hash *out,
                           cf_error *error)
{
    cf_files *files = self->env->files;
    cf_content_hasher *hasher = cf_content_hasher_new(NULL);
    uint8_t *window = cf_allocate(WINDOW, 1);
    cf_file *file = NULL;
    uint64_t at = 0;
    size_t read = 0;

    cf_status status = files->open_file(files, folder, name, &file, error);
    do {
        if (!status)
            status = files->read_at(files, file, at, window, WINDOW, &read, error);
        if (!status)
            cf_content_hasher_update(hasher, cf_bytes_of(window, read));
        at += read;
    } while (!status && read == WINDOW);
    if (!status)
        *out = cf_content_hasher_finish(hasher, &at);
    files->close_file(files, &file);
    cf_content_hasher_destroy(&hasher);
    free(window);
    return status;
}

static cf_status hash_link(comparing *self, const cf_folder *folder, cf_bytes name, cf_hash *out,
                           cf_error *error)
{
    cf_buffer target = {0};

    cf_status status = self->env->files->read_link(self->env->files, folder, name, &target, error);
    if (!status)
        *out = cf_content_hash(cf_buffer_view(&target));
    cf_buffer_release(&target);
    return status;
}

static bool is_content(comparing *self, const cf_folder *folder, cf_bytes name, const thing *there)
{
    cf_files *files = self->env->files;
    cf_hash expected, found;
    cf_error ignored;
    uint64_t size;
    cf_stat stat;

    if (cf_content_identity_read(there->content, &expected, &size, &ignored))
        return false;
    if (there->kind == CF_KIND_SYMLINK)
        return hash_link(self, folder, name, &found, &ignored) == CF_OK &&
               cf_hash_equal(&found, &expected);
    return files->stat(files, folder, name, &stat, &ignored) == CF_OK && stat.size == size &&
           hash_file(self, folder, name, &found, &ignored) == CF_OK &&
           cf_hash_equal(&found, &expected);
}

/* The folder that it is in, held, and its name there. False: it can't be. */
static bool hold_folder(comparing *self, const thing *here, cf_hold *hold, cf_bytes *name)
{
    cf_bytes names[256];
    size_t count = 0, at = 0;
    cf_error ignored;

    while (at <= here->path.size && count < sizeof names / sizeof names[0]) {
        const uint8_t *from = here->path.data + at;
        const uint8_t *slash = memchr(from, '/', here->path.size - at);
        size_t size = slash ? (size_t)(slash - from) : here->path.size - at;

        names[count++] = cf_bytes_of(from, size);
        at += size + 1;
    }
    *name = names[count - 1];
    return at > here->path.size &&
           cf_hold_path(self->env->files, self->root, names, count - 1, hold, &ignored) == CF_OK;
}

static bool is_same(comparing *self, const thing *here, const thing *there)
{
    cf_hold hold = {0};
    cf_bytes name;

    if (here->kind != there->kind || here->kind == CF_KIND_DIRECTORY)
        return here->kind == there->kind;
    bool same = hold_folder(self, here, &hold, &name) && is_content(self, hold.folder, name, there);
    cf_hold_release(&hold, self->env->files);
    return same;
}

/* Only the mode is another. */
static bool has_other_mode(comparing *self, const thing *here, const thing *there)
{
    cf_files *files = self->env->files;
    cf_buffer mode = {0};
    cf_hold hold = {0};
    cf_error ignored;
    cf_bytes name;
    cf_stat stat;

    bool other = there->shown->mode.size && here->kind != CF_KIND_SYMLINK &&
                 !self->binding->traits.loses_modes && hold_folder(self, here, &hold, &name) &&
                 files->stat(files, hold.folder, name, &stat, &ignored) == CF_OK;
    if (other) {
        cf_pack_uint(&mode, stat.mode & 0777);
        other = !cf_bytes_equal(cf_buffer_view(&mode), there->shown->mode);
    }
    cf_buffer_release(&mode);
    cf_hold_release(&hold, files);
    return other;
}

/* ---- Was it ever there ---- */

/* The thing's content's identity, in the arena; nothing of a directory, and of what can't be read.
 */
static cf_bytes identify(comparing *self, const thing *here, const cf_folder *folder, cf_bytes name)
{
    cf_files *files = self->env->files;
    cf_buffer identity = {0};
    cf_error ignored;
    cf_stat stat;
    cf_hash hash;

    if (here->kind == CF_KIND_DIRECTORY ||
        files->stat(files, folder, name, &stat, &ignored) != CF_OK ||
        (here->kind == CF_KIND_SYMLINK ? hash_link(self, folder, name, &hash, &ignored)
                                       : hash_file(self, folder, name, &hash, &ignored)) != CF_OK)
        return (cf_bytes){0};
    cf_content_identity_pack(&identity, &hash, stat.size);
    cf_bytes copy = cf_arena_copy(&self->arena, cf_buffer_view(&identity));
    cf_buffer_release(&identity);
    return copy;
}

/* What lies there comes after the folder that it is in. */
static cf_met_directories within(const comparing *self, const thing *here)
{
    static cf_id root;
    const uint8_t *slash = memrchr(here->path.data, '/', here->path.size);
    const thing folder = {
        .path = cf_bytes_of(here->path.data, slash ? (size_t)(slash - here->path.data) : 0)};
    const thing *above =
        slash ? bsearch(&folder, self->here.at, self->here.count, sizeof *self->here.at, by_path)
              : NULL;

    root = cf_root_item;
    return above ? above->ever : (cf_met_directories){&root, slash ? 0 : 1};
}

static cf_met meet(comparing *self, thing *here, const cf_shown *shown)
{
    const cf_meeting meeting = {self->peer, self->collection, self->binding->nodes, self->past};
    const cf_met_directories ever = within(self, here);
    cf_met_thing found = {.kind = here->kind,
                          .within = ever.at,
                          .within_count = ever.count,
                          .shown = shown,
                          .root = self->root};
    cf_met met = CF_MET_NOT;
    cf_hold hold = {0};
    cf_node node;
    cf_id there;

    if (hold_folder(self, here, &hold, &found.name)) {
        found.content = here->content = identify(self, here, hold.folder, found.name);
        met = cf_meet(&meeting, &found, &self->arena, &node, &there);
    }
    cf_hold_release(&hold, self->env->files);
    return met;
}

/* For what lies in it. */
static void note_directory(comparing *self, thing *here, const cf_shown *shown)
{
    const cf_met_directories above = within(self, here);
    const uint8_t *slash = memrchr(here->path.data, '/', here->path.size);
    size_t at = slash ? (size_t)(slash - here->path.data) + 1 : 0;
    bool known = shown && shown->kind == CF_KIND_DIRECTORY;

    if (here->kind == CF_KIND_DIRECTORY)
        here->ever = cf_met_directories_at(
            self->past, &above, cf_bytes_of(here->path.data + at, here->path.size - at),
            known ? shown->items : NULL, known ? shown->item_count : 0, &self->arena);
}

static bool is_known(comparing *self, const thing *here)
{
    uint64_t depth, size;
    cf_error ignored;
    cf_hash hash;

    return here->kind == CF_KIND_FILE && here->content.size &&
           cf_content_identity_read(here->content, &hash, &size, &ignored) == CF_OK &&
           cf_contents_find(self->peer->contents, &self->binding->collection, &hash, &depth, &size,
                            &ignored) == CF_OK;
}

static void count(comparing *self, thing *here, const thing *there, cf_comparison *out)
{
    const cf_shown *shown = there ? there->shown : NULL;

    note_directory(self, here, shown);
    if (there && is_same(self, here, there)) {
        out->equal++;
        out->modes += has_other_mode(self, here, there);
        return;
    }
    switch (meet(self, here, shown)) {
    case CF_MET_OLDER:
        out->older++;
        break;
    case CF_MET_DELETED:
    case CF_MET_WAITS:
        out->deleted++;
        break;
    case CF_MET_NOT:
        out->different += there != NULL;
        out->only_here += !there;
        if (self->own)
            self->own(self->context, here->path, here->kind == CF_KIND_DIRECTORY,
                      is_known(self, here));
    }
}

static void compare(comparing *self, cf_comparison *out)
{
    const things *here = &self->here, *there = &self->there;
    size_t i = 0, j = 0;

    *out = (cf_comparison){0};
    while (i < here->count || j < there->count) {
        int order = i == here->count    ? 1
                    : j == there->count ? -1
                                        : by_path(&here->at[i], &there->at[j]);

        if (order <= 0)
            count(self, &here->at[i], order ? NULL : &there->at[j], out);
        else
            out->only_there++;
        i += order <= 0;
        j += order >= 0;
    }
}

cf_status cf_compare_folder(cf_peer *peer, const cf_binding *binding, cf_compare_own *own,
                            void *context, cf_comparison *out, cf_error *error)
{
    comparing self = {
        .env = peer->env, .peer = peer, .binding = binding, .own = own, .context = context};
    cf_files *files = peer->env->files;
    cf_buffer path = {0};

    cf_status status = files->open_root(files, binding->path, &self.root, error);
    if (status == CF_MISSING && !own)
        status = CF_OK;
    if (!status)
        status = cf_peer_collection(peer, &binding->collection, &self.collection, error);
    if (!status)
        status = cf_past_read(peer, &binding->collection, &self.past, error);
    if (!status && self.root)
        status = list_here(&self, error);
    if (!status) {
        list_there(&self, &cf_root_item, &path);
        sort_things(&self.there);
        compare(&self, out);
    }
    cf_past_destroy(&self.past);
    files->close_folder(files, &self.root);
    cf_buffer_release(&path);
    free(self.here.at);
    free(self.there.at);
    cf_arena_release(&self.arena);
    return status;
}

/* ---- Is any of it asked for ---- */

typedef struct {
    const cf_include *include;
    bool any, asked; /* something is there; something is asked for */
} asking;

/* A directory that may lead to what is asked for says nothing by itself. */
static cf_include_answer note_asked(asking *self, const cf_buffer *path, bool is_directory)
{
    cf_include_answer answer =
        cf_include_match_path(self->include, cf_buffer_view(path), is_directory);

    self->any |= answer != CF_INCLUDE_PASS;
    self->asked |= answer == CF_INCLUDE_IN;
    return answer;
}

static cf_status ask_here(asking *self, cf_files *files, const cf_folder *root, cf_error *error)
{
    cf_listing listing = {0};
    cf_buffer path = {0};

    cf_status status = cf_listing_add(
        &listing, &(cf_listing_options){.files = files, .root = root, .include = self->include},
        (cf_listing_start){0}, error);
    for (size_t i = 0; !status && !self->asked && i < listing.entry_count; i++) {
        cf_buffer_clear(&path);
        cf_listing_entry_path(&listing, i, &path);
        if (listing.entries[i].kind)
            note_asked(self, &path, listing.entries[i].kind == CF_KIND_DIRECTORY);
    }
    cf_buffer_release(&path);
    cf_listing_release(&listing);
    return status;
}

static void ask_there(asking *self, cf_view *view, const cf_id *directory, cf_buffer *path)
{
    const size_t size = path->size;
    const cf_shown *shown;
    cf_arena arena = {0};
    cf_group group;
    size_t count;

    cf_view_group_of(view, directory, &arena, &group);
    cf_view_list(view, &group, &arena, &shown, &count);
    for (size_t i = 0; !self->asked && i < count; i++) {
        const bool is_directory = shown[i].kind == CF_KIND_DIRECTORY;

        cf_buffer_append(path, "/", size ? 1 : 0);
        cf_buffer_append(path, shown[i].name.data, shown[i].name.size);
        if (note_asked(self, path, is_directory) == CF_INCLUDE_PASS && is_directory)
            ask_there(self, view, &shown[i].items[0], path);
        path->size = size;
    }
    cf_arena_release(&arena);
}

/* Each says what is to be left out, as a line of a .gitignore would. */
static bool are_negations(const cf_binding *binding)
{
    size_t count = 0;

    while (count < binding->include_count && binding->include[count][0] == '!')
        count++;
    return count && count == binding->include_count;
}

cf_status cf_compare_asks_for_none(cf_peer *peer, const cf_binding *binding, bool is_new, bool *out,
                                   cf_error *error)
{
    asking self = {.include = binding->matcher};
    cf_files *files = peer->env->files;
    cf_collection *collection = NULL;
    cf_folder *root = NULL;
    cf_buffer path = {0};

    cf_status status =
        is_new ? CF_OK : cf_peer_collection(peer, &binding->collection, &collection, error);
    if (!status && collection)
        ask_there(&self, collection->view, &cf_root_item, &path);
    if (!status && !self.asked && files->open_root(files, binding->path, &root, error) == CF_OK)
        status = ask_here(&self, files, root, error);
    if (!status)
        *out = !self.asked && (self.any || are_negations(binding));
    files->close_folder(files, &root);
    cf_buffer_release(&path);
    return status;
}

cf_status cf_engine_compare(cf_engine *engine, const cf_binding *binding, cf_comparison *out,
                            cf_error *error)
{
    cf_peer *peer = cf_engine_peer(engine);

    return cf_format_is_records(binding->format)
               ? cf_record_source_compare(peer, binding, out, error)
               : cf_compare_folder(peer, binding, NULL, NULL, out, error);
}
