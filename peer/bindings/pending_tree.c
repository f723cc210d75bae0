/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/pending_tree.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    cf_hash_link by_text;
    size_t users;
    char text[];
} reason;

typedef struct {
    cf_pending pending;
    reason *why; /* NULL: none is known */
    cf_hash_link by_node;
    uint8_t path[];
} note;

static int by_path(const void *a, const void *b)
{
    return cf_bytes_compare(((const note *)a)->pending.path, ((const note *)b)->pending.path);
}

/* ---- Reasons ---- */

static reason *take_reason(cf_pending_tree *tree, const char *text)
{
    const uint64_t key = cf_hash_bytes(0, cf_bytes_of_text(text));
    const size_t size = strlen(text) + 1;
    reason *found = NULL;

    for (cf_hash_link *at = cf_hash_table_first(&tree->reasons, key); at && !found;
         at = cf_hash_table_next(at))
        if (strcmp(cf_container_of(at, reason, by_text)->text, text) == 0)
            found = cf_container_of(at, reason, by_text);
    if (!found) {
        found = cf_allocate(1, sizeof *found + size);
        memcpy(found->text, text, size);
        cf_hash_table_add(&tree->reasons, &found->by_text, key);
    }
    found->users++;
    return found;
}

static void leave_reason(cf_pending_tree *tree, reason *why)
{
    if (!why || --why->users)
        return;
    cf_hash_table_remove(&tree->reasons, &why->by_text);
    free(why);
}

/* ---- Notes ---- */

typedef struct {
    cf_bytes path;
    note *next; /* the first that isn't before it, of those that were passed */
} seeking;

/* On the way down to where the path would be. */
static int pass(const void *key, const void *member)
{
    seeking *self = (seeking *)key;
    note *passed = (note *)member;

    if (cf_bytes_compare(self->path, passed->pending.path) > 0)
        return 1;
    self->next = passed;
    return -1;
}

/* NULL: all are before it. */
static note *first_from(const cf_pending_tree *tree, cf_bytes path)
{
    seeking self = {.path = path};

    tfind(&self, &tree->root, pass);
    return self.next;
}

static void take_out(cf_pending_tree *tree, note *old)
{
    tdelete(old, &tree->root, by_path);
    if (old->pending.moved)
        cf_hash_table_remove(&tree->moved, &old->by_node);
    tree->count--;
    tree->counts.of[old->pending.kind]--;
    leave_reason(tree, old->why);
    free(old);
}

void cf_pending_tree_take(cf_pending_tree *tree, const cf_pending *pending)
{
    const cf_bytes path = pending->path;
    note *made = cf_allocate(1, sizeof *made + path.size);

    if (path.size)
        memcpy(made->path, path.data, path.size);
    made->pending = (cf_pending){
        .kind = pending->kind, .path = cf_bytes_of(made->path, path.size), .moved = pending->moved};
    note *const *found = tsearch(made, &tree->root, by_path);
    if (!found)
        abort(); /* out of memory */
    if (*found != made) {
        free(made);
        return;
    }
    if (pending->reason) {
        made->why = take_reason(tree, pending->reason);
        made->pending.reason = made->why->text;
    }
    if (pending->moved)
        cf_hash_table_add(&tree->moved, &made->by_node, pending->moved);
    tree->count++;
    tree->counts.of[pending->kind]++;
}

void cf_pending_tree_add(cf_pending_tree *tree, cf_pending_kind kind, cf_bytes path,
                         const char *text)
{
    cf_pending_tree_take(tree, &(cf_pending){.kind = kind, .path = path, .reason = text});
}

bool cf_pending_tree_has_moved(const cf_pending_tree *tree, uint64_t node)
{
    return cf_hash_table_first(&tree->moved, node) != NULL;
}

/* ---- Places ---- */

static bool begins(cf_bytes path, cf_bytes with)
{
    return path.size >= with.size && (!with.size || memcmp(path.data, with.data, with.size) == 0);
}

void cf_pending_tree_drop(cf_pending_tree *tree, cf_bytes path)
{
    cf_buffer below = {0};
    note *old = first_from(tree, path);

    if (old && cf_bytes_equal(old->pending.path, path))
        take_out(tree, old);
    cf_buffer_append(&below, path.data, path.size);
    cf_buffer_append(&below, "/", 1);
    while ((old = first_from(tree, cf_buffer_view(&below))) &&
           begins(old->pending.path, cf_buffer_view(&below)))
        take_out(tree, old);
    cf_buffer_release(&below);
}

/* Of `d`: `d/a` is dropped, `d/b/c` leads to what is behind all in `d/b`, which is `d/b0`: no byte
 * comes between the slash and the zero. */
void cf_pending_tree_drop_in(cf_pending_tree *tree, cf_bytes directory)
{
    cf_buffer from = {0};
    note *old;

    if (directory.size) {
        cf_buffer_append(&from, directory.data, directory.size);
        cf_buffer_append(&from, "/", 1);
    }
    const size_t size = from.size;
    while ((old = first_from(tree, cf_buffer_view(&from))) &&
           begins(old->pending.path, cf_bytes_of(from.data, size))) {
        const cf_bytes path = old->pending.path;
        const uint8_t *slash =
            path.size > size ? memchr(path.data + size, '/', path.size - size) : NULL;

        if (!slash) {
            take_out(tree, old);
            continue;
        }
        from.size = size;
        cf_buffer_append(&from, path.data + size, (size_t)(slash - path.data) - size);
        cf_buffer_append(&from, "0", 1);
    }
    cf_buffer_release(&from);
}

/* ---- All of it ---- */

typedef struct {
    cf_pending_visit *visit;
    void *context;
} visiting;

static void visit_note(const void *at, VISIT when, void *context)
{
    const note *const *found = at;
    const visiting *self = context;

    if (when != postorder && when != leaf)
        return;
    cf_pending shown = (*found)->pending;
    if (shown.path.size && shown.path.data[shown.path.size - 1] == '/')
        shown.path.size--;
    self->visit(self->context, &shown);
}

void cf_pending_tree_each(const cf_pending_tree *tree, cf_pending_visit *visit, void *context)
{
    visiting self = {visit, context};

    twalk_r(tree->root, visit_note, &self);
}

void cf_pending_tree_release(cf_pending_tree *tree)
{
    cf_hash_link *next;

    tdestroy(tree->root, free);
    for (cf_hash_link *at = cf_hash_table_walk(&tree->reasons, NULL); at; at = next) {
        next = cf_hash_table_walk(&tree->reasons, at);
        free(cf_container_of(at, reason, by_text));
    }
    cf_hash_table_release(&tree->reasons);
    cf_hash_table_release(&tree->moved);
    *tree = (cf_pending_tree){0};
}
