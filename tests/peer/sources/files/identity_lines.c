/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/sources/files/identity_lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/expect.h"

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static const listed_thing *thing_at(const tree *in, const char *path, size_t size)
{
    for (size_t i = 0; i < in->count; i++)
        if (strlen(in->things[i].path) == size && strncmp(in->things[i].path, path, size) == 0)
            return &in->things[i];
    return NULL;
}

/* The directory that a path is in: NULL for the root. */
static const listed_thing *parent_of(const tree *in, const listed_thing *of)
{
    const char *name = last_part(of->path);

    return name == of->path ? NULL : thing_at(in, of->path, (size_t)(name - of->path) - 1);
}

static listed_thing read_thing(const char *text, size_t size)
{
    char line[256], path[200], inode[64], content[64] = "";
    listed_thing made = {.kind = 'f'};

    snprintf(line, sizeof line, "%.*s", (int)size, text);
    cr_assert_geq(sscanf(line, " %199s %63s %63s", path, inode, content), 2, "%s", line);
    made.stat.inode = strtoull(inode, NULL, 10);
    const char *birth = strchr(inode, (int)'.');
    made.stat.birth_ns = birth ? atoi(birth + 1) : 1;
    made.unreadable = strchr(inode, '!');
    made.excluded = strchr(inode, '-');
    made.special = strchr(inode, '?');
    made.busy = strchr(inode, '*');
    made.draft = strchr(inode, '^');
    size_t length = strlen(path);
    if (path[length - 1] == '/') {
        made.kind = 'd';
        path[length - 1] = '\0';
    } else if (path[length - 1] == '@') {
        made.kind = 'l';
        path[length - 1] = '\0';
    }
    strcpy(made.path, path);
    if (made.kind == 'd')
        made.stat.mtime_ns = atoi(content);
    made.stat.size = strlen(content);
    memcpy(made.content.bytes, content, strlen(content) % sizeof made.content.bytes);
    return made;
}

static tree read_tree(const char *text)
{
    tree made = {0};

    while (*text) {
        size_t size = strcspn(text, ",");

        if (strspn(text, " ") < size)
            made.things[made.count++] = read_thing(text, size);
        text += size + (text[size] == ',');
    }
    return made;
}

static bool names(const char *list, const char *path)
{
    char padded[256];

    snprintf(padded, sizeof padded, " %s ", path);
    return list && strstr(list, padded);
}

static uint64_t number_of(const tree *base, const listed_thing *of)
{
    return of ? (uint64_t)(of - base->things) + 1 : 0;
}

/* ---- The listing that a scan would make ---- */

static bool is_listed(const identity_case *self, const listed_thing *directory)
{
    if (!directory)
        return !self->listed || self->root_later || names(self->listed, ".");
    const listed_thing *in_base = thing_at(&self->base, directory->path, strlen(directory->path));
    return !self->listed || names(self->listed, directory->path) ||
           (in_base && self->listed_later[in_base - self->base.things]);
}

static size_t add_folder(cf_listing *listing, const identity_case *self,
                         const listed_thing *directory)
{
    const char *path = directory ? directory->path : ".";
    const listed_thing *known = directory ? thing_at(&self->base, path, strlen(path)) : NULL;
    cf_listed_folder folder = {.entry = CF_LISTED_START,
                               .node = number_of(&self->base, known),
                               .complete = !names(self->failing, path),
                               .stat = directory ? directory->stat : (cf_stat){.inode = 1}};

    for (size_t e = 0; directory && e < listing->entry_count; e++)
        if (listing->entries[e].stat.inode == directory->stat.inode &&
            listing->entries[e].kind == 'd')
            folder.entry = e;
    listing->folders = cf_grow(listing->folders, &listing->folder_capacity,
                               listing->folder_count + 1, sizeof *listing->folders);
    listing->folders[listing->folder_count] = folder;
    return listing->folder_count++;
}

static void list_into(cf_listing *listing, const identity_case *self, const listed_thing *directory)
{
    size_t at = add_folder(listing, self, directory);

    listing->folders[at].first = listing->entry_count;
    for (size_t i = 0; i < self->disk.count; i++) {
        const listed_thing *found = &self->disk.things[i];

        if (parent_of(&self->disk, found) != directory || !listing->folders[at].complete)
            continue;
        listing->entries = cf_grow(listing->entries, &listing->entry_capacity,
                                   listing->entry_count + 1, sizeof *listing->entries);
        listing->entries[listing->entry_count++] =
            (cf_listed){.name = cf_bytes_of_text(last_part(found->path)),
                        .folder = at,
                        .kind = found->special ? 0 : found->kind,
                        .readable = !found->unreadable,
                        .excluded = found->excluded,
                        .stat = found->stat};
    }
    listing->folders[at].count = listing->entry_count - listing->folders[at].first;
}

static cf_listing listing_of(const identity_case *self)
{
    cf_listing listing = {0};

    if (is_listed(self, NULL))
        list_into(&listing, self, NULL);
    for (size_t i = 0; i < self->disk.count; i++)
        if (self->disk.things[i].kind == 'd' && is_listed(self, &self->disk.things[i]))
            list_into(&listing, self, &self->disk.things[i]);
    return listing;
}

/* ---- The answer as text ---- */

static size_t disk_index(const identity_case *self, const cf_listed *entry)
{
    size_t i = 0;

    while ((const char *)entry->name.data != last_part(self->disk.things[i].path))
        i++;
    return i;
}

static void print_token(cf_buffer *out, const char *path, cf_token token)
{
    static const char signs[] = {
        [CF_TOKEN_NONE] = '.',  [CF_TOKEN_SAME] = '=', [CF_TOKEN_REPLACED] = '~',
        [CF_TOKEN_MOVED] = '>', [CF_TOKEN_NEW] = '+',
    };

    cf_buffer_append_text(out, "%s%s%c", out->size ? " " : "", path, signs[token.how]);
    if (token.how == CF_TOKEN_SAME || token.how == CF_TOKEN_REPLACED || token.how == CF_TOKEN_MOVED)
        cf_buffer_append_text(out, "%d", (int)token.node);
}

static void print_answer(cf_buffer *out, const identity_case *self, const cf_listing *listing,
                         const cf_identity *identity)
{
    for (size_t i = 0; i < self->disk.count; i++)
        for (size_t e = 0; e < listing->entry_count; e++)
            if (disk_index(self, &listing->entries[e]) == i)
                print_token(out, self->disk.things[i].path, identity->tokens[e]);
    if (identity->gone_count)
        cf_buffer_append_text(out, "%sgone", out->size ? " " : "");
    for (size_t i = 0; i < identity->gone_count; i++)
        cf_buffer_append_text(out, " %d", (int)identity->gone[i]);
}

/* Gives what is wanted; false when nothing is. */
static bool serve(identity_case *self, const cf_listing *listing, const cf_identity *identity)
{
    for (size_t i = 0; i < identity->hash_wanted_count; i++) {
        size_t at = disk_index(self, &listing->entries[identity->hash_wanted[i]]);

        cr_assert_not(self->known_hashes[at], "asked twice for %s", self->disk.things[at].path);
        self->known_hashes[at] = true;
        self->hashes_asked++;
    }
    bool now[LISTED_MAX + 1] = {0}; /* listed whole, for any of its names */
    for (size_t i = 0; i < identity->list_wanted_count; i++) {
        uint64_t number = identity->list_wanted[i].directory;
        if (now[number])
            continue;
        now[number] = true;
        bool *later = number ? &self->listed_later[number - 1] : &self->root_later;

        if (number && !thing_at(&self->disk, self->base.things[number - 1].path,
                                strlen(self->base.things[number - 1].path)))
            later = &self->root_later; /* as cf_listing_add does, where the way has ended */
        cr_assert_not(*later, "asked twice to list %d", (int)number);
        *later = true;
        self->lists_asked++;
    }
    return identity->hash_wanted_count || identity->list_wanted_count;
}

static bool is_draft(void *context, uint64_t number)
{
    return ((const identity_case *)context)->base.things[number - 1].draft;
}

static bool decide_once(identity_case *self, cf_buffer *out)
{
    cf_identity_node nodes[LISTED_MAX];
    static const cf_hash no_hash;
    const cf_hash *hashes[LISTED_MAX] = {0};
    cf_arena arena = {0};
    cf_identity identity;

    for (size_t i = 0; i < self->base.count; i++) {
        const listed_thing *of = &self->base.things[i];
        nodes[i] = (cf_identity_node){.number = i + 1,
                                      .parent = number_of(&self->base, parent_of(&self->base, of)),
                                      .name = cf_bytes_of_text(last_part(of->path)),
                                      .kind = of->kind,
                                      .stat = of->stat,
                                      .content = of->content};
    }
    cf_listing listing = listing_of(self);
    for (size_t e = 0; e < listing.entry_count; e++) {
        size_t at = disk_index(self, &listing.entries[e]);
        if (self->known_hashes[at])
            hashes[e] = self->disk.things[at].busy ? &no_hash : &self->disk.things[at].content;
    }
    cf_identity_input input = {.nodes = nodes,
                               .node_count = self->base.count,
                               .listing = &listing,
                               .hashes = hashes,
                               .is_draft = is_draft,
                               .context = self};
    cf_identity_decide(&input, &arena, &identity);
    bool again = serve(self, &listing, &identity);
    if (again)
        cr_assert_eq(identity.gone_count, 0);
    else
        print_answer(out, self, &listing, &identity);
    cf_listing_release(&listing);
    cf_arena_release(&arena);
    return again;
}

identity_case identity_case_of(const char *base, const char *disk)
{
    return (identity_case){.base = read_tree(base), .disk = read_tree(disk)};
}

void expect_partly(identity_case *self, const char *expected)
{
    cf_buffer out = {0};

    while (decide_once(self, &out))
        ;
    cr_assert(cf_bytes_equal(cf_buffer_view(&out), cf_bytes_of_text(expected)),
              "\n  found    %.*s\n  expected %s", (int)out.size, (const char *)out.data, expected);
    cf_buffer_release(&out);
}

void expect_identity(const char *base, const char *disk, const char *expected)
{
    identity_case self = identity_case_of(base, disk);

    expect_partly(&self, expected);
}
