/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/disk_inside.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = 40 };

typedef struct {
    const disk *on;
    const disk_walk_options *options;
    void (*visit)(void *context, const disk_thing *thing);
    void *context;
    cf_buffer path; /* ends with a NUL while a thing is shown */
    cf_buffer bytes;
} walking;

static int by_name(const void *a, const void *b)
{
    return cf_bytes_compare(disk_name_bytes(((const disk_entry *)a)->name),
                            disk_name_bytes(((const disk_entry *)b)->name));
}

static disk_entry *sorted(const disk_names *names)
{
    disk_entry *entries = cf_allocate(names->count + 1, sizeof *entries);

    for (size_t i = 0; i < names->count; i++)
        entries[i] = names->entries[i];
    qsort(entries, names->count, sizeof *entries, by_name);
    return entries;
}

static void show(walking *self, const disk_node *node)
{
    const disk_content *content = &node->now.content;

    cf_buffer_append(&self->path, "", 1);
    cf_buffer_clear(&self->bytes);
    if (!self->options->no_bytes && content->size) {
        uint8_t *into = cf_buffer_reserve(&self->bytes, content->size);
        self->bytes.size = disk_content_read(content, 0, into, content->size);
    }
    disk_thing thing = {.path = (const char *)self->path.data,
                        .stat = disk_stat_of(self->on, node),
                        .is_spoiled = node->is_spoiled,
                        .bytes = cf_buffer_view(&self->bytes)};
    self->visit(self->context, &thing);
    self->path.size--;
}

static void walk_names(walking *self, const disk_names *names)
{
    disk_entry *entries = sorted(names);
    size_t before = self->path.size;

    for (size_t i = 0; i < names->count; i++) {
        cf_bytes name = disk_name_bytes(entries[i].name);

        if (self->options->skip && cf_bytes_equal(name, cf_bytes_of_text(self->options->skip)))
            continue;
        if (before)
            cf_buffer_append(&self->path, "/", 1);
        cf_buffer_append(&self->path, name.data, name.size);
        show(self, entries[i].to);
        walk_names(self, &entries[i].to->now.names);
        self->path.size = before;
    }
    free(entries);
}

bool disk_walk(const disk *self, const char *path, const disk_walk_options *options,
               void (*visit)(void *context, const disk_thing *thing), void *context)
{
    walking walk = {.on = self, .options = options, .visit = visit, .context = context};
    disk_node *top;

    if (self->card && !options->as_mounted && strcmp(path, self->card_path) == 0)
        top = self->card;
    else if (disk_resolve(self, path, true, &top) || top->kind != CF_FILE_FOLDER)
        return false;
    walk_names(&walk, &top->now.names);
    cf_buffer_release(&walk.path);
    cf_buffer_release(&walk.bytes);
    return true;
}

/* ---- As text ---- */

typedef struct {
    const disk_dump_options *options;
    cf_buffer *out;
} dumping;

/* FNV-1a: only compared with itself. */
static uint64_t sum_of(cf_bytes bytes)
{
    uint64_t sum = 14695981039346656037u;

    for (size_t i = 0; i < bytes.size; i++)
        sum = (sum ^ bytes.data[i]) * 1099511628211u;
    return sum;
}

static void add_bytes(cf_buffer *out, cf_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t byte = bytes.data[i];

        if (byte > ' ' && byte < 127 && byte != '\\')
            cf_buffer_append(out, &byte, 1);
        else
            cf_buffer_append_text(out, "\\x%02x", byte);
    }
}

static void dump_content(dumping *self, const disk_thing *thing)
{
    if (thing->stat.kind == CF_FILE_LINK) {
        cf_buffer_append_text(self->out, " -> ");
        add_bytes(self->out, thing->bytes);
    } else if (thing->stat.kind == CF_FILE_REGULAR) {
        cf_buffer_append_text(self->out, " %llu %016llx", (unsigned long long)thing->stat.size,
                              (unsigned long long)sum_of(thing->bytes));
        if (thing->bytes.size && thing->bytes.size <= SHOWN_MAX) {
            cf_buffer_append(self->out, " ", 1);
            add_bytes(self->out, thing->bytes);
        }
    }
}

static void dump_thing(void *context, const disk_thing *thing)
{
    static const char kinds[] = "fdl";
    dumping *self = context;
    const cf_stat *stat = &thing->stat;

    if (self->options->takes && !self->options->takes(self->options->context, thing))
        return;
    cf_buffer_append_text(self->out, "%c ", stat->kind <= CF_FILE_LINK ? kinds[stat->kind] : '?');
    add_bytes(self->out, cf_bytes_of_text(thing->path));
    if (!self->options->no_modes)
        cf_buffer_append_text(self->out, " %o", stat->mode);
    dump_content(self, thing);
    if (self->options->times && stat->kind == CF_FILE_REGULAR)
        cf_buffer_append_text(self->out, " @%lld", (long long)stat->mtime_ns);
    if (self->options->inodes)
        cf_buffer_append_text(self->out, " #%llu/%lld x%u", (unsigned long long)stat->inode,
                              (long long)stat->birth_ns, stat->links);
    cf_buffer_append(self->out, "\n", 1);
}

bool disk_dump(const disk *self, const char *path, const disk_dump_options *options, cf_buffer *out)
{
    dumping dump = {options, out};

    return disk_walk(self, path,
                     &(disk_walk_options){.skip = options->skip, .as_mounted = options->as_mounted},
                     dump_thing, &dump);
}
