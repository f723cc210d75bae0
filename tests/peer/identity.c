/* SPDX-License-Identifier: Apache-2.0 */
/* Histories are written as what the base knows and what the disk has: "PATH INODE [CONTENT]", with
 * commas; a path with a slash at its end is a directory, an inode is INODE or INODE.BIRTH. The
 * base's nodes are numbered 1, 2, … in their order. The answer, by path: =N same, ~N replaced, >N
 * moved,
 * + new, . none; then "gone" and the numbers. */
#include "peer/adapters/files_identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/expect.h"

enum { MAX = 64 };

typedef struct {
    char path[200]; /* without a slash at its end */
    char kind;
    cf_stat stat;
    cf_hash content;
    bool unreadable, excluded, special, busy; /* inodes with ! - ? * */
} thing;

typedef struct {
    thing things[MAX];
    size_t count;
} tree;

typedef struct {
    tree base, disk;
    const char *listed;  /* directories listed at first, " a b/c "; NULL: all. "." is the root */
    const char *failing; /* directories whose listing fails */
    bool known_hashes[MAX], listed_later[MAX], root_later;
    size_t hashes_asked, lists_asked;
} history;

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static const thing *thing_at(const tree *in, const char *path, size_t size)
{
    for (size_t i = 0; i < in->count; i++)
        if (strlen(in->things[i].path) == size && strncmp(in->things[i].path, path, size) == 0)
            return &in->things[i];
    return NULL;
}

/* The directory that a path is in: NULL for the root. */
static const thing *parent_of(const tree *in, const thing *of)
{
    const char *name = last_part(of->path);

    return name == of->path ? NULL : thing_at(in, of->path, (size_t)(name - of->path) - 1);
}

static thing read_thing(const char *text, size_t size)
{
    char line[256], path[200], inode[64], content[64] = "";
    thing made = {.kind = 'f'};

    snprintf(line, sizeof line, "%.*s", (int)size, text);
    cr_assert_geq(sscanf(line, " %199s %63s %63s", path, inode, content), 2, "%s", line);
    made.stat.inode = strtoull(inode, NULL, 10);
    const char *birth = strchr(inode, (int)'.');
    made.stat.birth_ns = birth ? atoi(birth + 1) : 1;
    made.unreadable = strchr(inode, '!');
    made.excluded = strchr(inode, '-');
    made.special = strchr(inode, '?');
    made.busy = strchr(inode, '*');
    size_t length = strlen(path);
    if (path[length - 1] == '/') {
        made.kind = 'd';
        path[length - 1] = '\0';
    } else if (path[length - 1] == '@') {
        made.kind = 'l';
        path[length - 1] = '\0';
    }
    strcpy(made.path, path);
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

static uint64_t number_of(const tree *base, const thing *of)
{
    return of ? (uint64_t)(of - base->things) + 1 : 0;
}

/* ---- The listing that a scan would make ---- */

static bool is_listed(const history *self, const thing *directory)
{
    if (!directory)
        return !self->listed || self->root_later || names(self->listed, ".");
    const thing *in_base = thing_at(&self->base, directory->path, strlen(directory->path));
    return !self->listed || names(self->listed, directory->path) ||
           (in_base && self->listed_later[in_base - self->base.things]);
}

static size_t add_folder(cf_listing *listing, const history *self, const thing *directory)
{
    const char *path = directory ? directory->path : ".";
    const thing *known = directory ? thing_at(&self->base, path, strlen(path)) : NULL;
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

static void list_into(cf_listing *listing, const history *self, const thing *directory)
{
    size_t at = add_folder(listing, self, directory);

    listing->folders[at].first = listing->entry_count;
    for (size_t i = 0; i < self->disk.count; i++) {
        const thing *found = &self->disk.things[i];

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

static cf_listing listing_of(const history *self)
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

static size_t disk_index(const history *self, const cf_listed *entry)
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

static void print_answer(cf_buffer *out, const history *self, const cf_listing *listing,
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
static bool serve(history *self, const cf_listing *listing, const cf_identity *identity)
{
    for (size_t i = 0; i < identity->hash_wanted_count; i++) {
        size_t at = disk_index(self, &listing->entries[identity->hash_wanted[i]]);

        cr_assert_not(self->known_hashes[at], "asked twice for %s", self->disk.things[at].path);
        self->known_hashes[at] = true;
        self->hashes_asked++;
    }
    for (size_t i = 0; i < identity->list_wanted_count; i++) {
        uint64_t number = identity->list_wanted[i];
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

static bool decide_once(history *self, cf_buffer *out)
{
    cf_identity_node nodes[MAX];
    static const cf_hash no_hash;
    const cf_hash *hashes[MAX] = {0};
    cf_arena arena = {0};
    cf_identity identity;

    for (size_t i = 0; i < self->base.count; i++) {
        const thing *of = &self->base.things[i];
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
    cf_identity_input input = {
        .nodes = nodes, .node_count = self->base.count, .listing = &listing, .hashes = hashes};
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

static void expect_partly(history *self, const char *expected)
{
    cf_buffer out = {0};

    while (decide_once(self, &out))
        ;
    cr_assert(cf_bytes_equal(cf_buffer_view(&out), cf_bytes_of_text(expected)),
              "\n  found    %.*s\n  expected %s", (int)out.size, (const char *)out.data, expected);
    cf_buffer_release(&out);
}

static history history_of(const char *base, const char *disk)
{
    return (history){.base = read_tree(base), .disk = read_tree(disk)};
}

static void expect_identity(const char *base, const char *disk, const char *expected)
{
    history self = history_of(base, disk);

    expect_partly(&self, expected);
}

/* ---- The tables ---- */

Test(identity, keeps_what_is_where_it_was)
{
    expect_identity("", "", "");
    expect_identity("a 10 x, d/ 20, d/b 11 y, l@ 12", "a 10 x, d/ 20, d/b 11 y, l@ 12",
                    "a=1 d=2 d/b=3 l=4");
    expect_identity("a 10 x", "a 10 changed", "a=1");
}

Test(identity, tells_new_and_gone)
{
    expect_identity("", "a 10 x, d/ 20, d/l@ 11", "a+ d+ d/l+");
    expect_identity("a 10 x, b 11 y", "b 11 y", "b=2 gone 1");
    expect_identity("d/ 20, d/e/ 21, d/e/f 10 x, d/g 11 y", "", "gone 3 2 4 1");
}

Test(identity, sees_a_save_by_rename)
{
    expect_identity("f 10 old", "f 11 new", "f~1");
    expect_identity("f 10 old", "f 11 old", "f~1");
    expect_identity("l@ 10", "l@ 11", "l~1");
}

Test(identity, sees_a_backup_save)
{
    expect_identity("f 10 old", "f 11 new, f~ 10 old", "f~1 f~+");
    expect_identity("f 10 old, f~ 9 older", "f 11 new, f~ 10 old", "f~1 f~~2");
}

Test(identity, follows_moves)
{
    expect_identity("a 10 x", "b 10 x", "b>1");
    expect_identity("a 10 x, d/ 20", "d/ 20, d/a 10 edited", "d=2 d/a>1");
    expect_identity("a 10 x, b 11 y", "b 10 x", "b>1 gone 2");
    expect_identity("a 10 x, b 11 y", "a 11 y, b 10 x", "a>2 b>1");
    expect_identity("a 10 x, b 11 y, c 12 z", "a 12 z, b 10 x, c 11 y", "a>3 b>1 c>2");
    expect_identity("l@ 10", "d/ 20, d/m@ 10", "d+ d/m>1");
}

Test(identity, moves_a_directory_with_what_is_in_it)
{
    expect_identity("d/ 20, d/a 10 x, d/e/ 21, d/e/b 11 y", "n/ 20, n/a 10 x, n/e/ 21, n/e/b 11 y",
                    "n>1 n/a=2 n/e=3 n/e/b=4");
    expect_identity("d/ 20, d/a 10 x", "n/ 20, n/a 12 saved", "n>1 n/a~2");
    expect_identity("d/ 20, d/a 10 x, e/ 21, e/b 11 y", "d/ 21, d/b 11 y, e/ 20, e/a 10 x",
                    "d>3 d/b=4 e>1 e/a=2");
    expect_identity("d/ 20, d/a 10 x", "d/ 30, d/d/ 20, d/d/a 10 x", "d+ d/d>1 d/d/a=2");
}

Test(identity, takes_a_directory_that_was_made_again_for_the_old_one)
{
    expect_identity("d/ 20, d/a 10 x, d/e/ 21, d/e/b 11 y", "d/ 30, d/a 12 x, d/e/ 31, d/e/b 13 y",
                    "d~1 d/a~2 d/e~3 d/e/b~4");
    expect_identity("d/ 20, d/a 10 x", "d/ 30, d/a 12 x, old/ 20, old/a 10 x",
                    "d+ d/a+ old>1 old/a=2");
}

Test(identity, gives_hard_links_to_the_first_path)
{
    expect_identity("a 10 x", "a 10 x, b 10 x", "a=1 b+");
    expect_identity("b 10 x", "a 10 x, b 10 x", "a+ b=1");
    expect_identity("a 10 x", "b 10 x, c 10 x", "b>1 c+");
    expect_identity("a 10 x, b 10 x", "a 10 x, b 10 x", "a=1 b=2");
    expect_identity("a 10 x, b 10 x", "a 10 x, c 10 x", "a=1 c>2");
    expect_identity("a 10 x, d/ 20, d/b 10 x", "c 10 x, d/ 20, e/ 21, e/b 10 x",
                    "c>1 d=2 e+ e/b>3");
    expect_identity("a 10 x, b 11 y", "a 10 x, b 10 x", "a=1 b~2");
}

Test(identity, is_not_fooled_by_an_inode_that_is_used_again)
{
    expect_identity("a 10.1 x", "b 10.2 other", "b+ gone 1");
    expect_identity("a 10.1 x", "a 10.2 other", "a~1");
    expect_identity("d/ 20.1, d/a 10 x", "a 20.2 x1", "a+ gone 2 1");
    expect_identity("a 20.1 x", "a/ 20.2, a/b 10 y", "a+ a/b+ gone 1");
}

/* World 3301913: a new file was taken for one that was deleted, moved and edited, and what others
 * made of that came to it as a conflict. */
Test(identity, takes_a_number_without_a_birth_for_used_again_unless_all_else_is_as_it_was)
{
    expect_identity("a 10.0 x", "b 10.0 x", "b>1");
    expect_identity("a 10.0 x", "b 10.0 other", "b+ gone 1");
    expect_identity("a 10.0 x", "a 10.0 other", "a=1");
    expect_identity("a 10.0 x, b 11.0 y", "b 10.0 other", "b~2 gone 1");
    expect_identity("a 10.0 x, b 11.0 y", "a 11.0 y, b 10.0 x", "a>2 b>1");
}

/* World 3100109: a new directory was taken for one that was deleted, and what others made in that
 * came into it. */
Test(identity,
     takes_a_directory_without_a_birth_for_another_where_nothing_is_left_of_what_was_in_it)
{
    expect_identity("a/ 20.0, a/f 10 x", "b/ 20.0, b/f 10 x", "b>1 b/f=2");
    expect_identity("a/ 20.0, a/f 10 x", "b/ 20.0, b/g 10 x", "b>1 b/g>2");
    expect_identity("a/ 20.0, a/f 10 x", "b/ 20.0, b/f 11 y", "b>1 b/f~2");
    expect_identity("a/ 20.0, a/f 10 x", "b/ 20.0, b/g 11 y", "b+ b/g+ gone 2 1");
    expect_identity("a/ 20.0, a/f 10 x", "b/ 20.0", "b+ gone 2 1");
    expect_identity("a/ 20.0, a/f 10 x", "a/ 20.0", "a~1 gone 2");
    expect_identity("a/ 20.0", "b/ 20.0", "b>1");
    expect_identity("a/ 20, a/f 10 x", "b/ 20", "b>1 gone 2");
}

Test(identity, knows_no_item_of_two_kinds)
{
    expect_identity("a 10 x", "a/ 20, a/a 10 x", "a+ a/a>1");
    expect_identity("a/ 20, a/b 10 x", "a 11 y", "a+ gone 2 1");
    expect_identity("a 10 x", "a@ 11", "a+ gone 1");
    expect_identity("a 10 x", "a 11?", "a. gone 1");
}

Test(identity, finds_a_copied_and_deleted_file_by_its_content)
{
    history self = history_of("a 10 same, d/ 20, d/b 11 other", "d/ 20, d/a 30 same, n 31 newer");

    expect_partly(&self, "d=2 d/a>1 n+ gone 3");
    cr_assert_eq(self.hashes_asked, 2);
    expect_identity("a 10 same, b 11 same", "n/ 20, n/b 30 same, n/c 31 same, n/d 32 same",
                    "n+ n/b>2 n/c>1 n/d+");
    expect_identity("a 10 samex", "b 11 samey", "b+ gone 1");
}

Test(identity, takes_a_file_that_can_not_be_hashed_now_for_new)
{
    history self = history_of("a 10 x, none 12", "b 11* x");

    expect_partly(&self, "b+ gone 1 2");
    cr_assert_eq(self.hashes_asked, 1);
    expect_identity("none 12", "c 13*", "c+ gone 1");
}

Test(identity, asks_for_no_hash_that_could_tell_nothing)
{
    history self = history_of("a 10 x", "a 10 x, b 11 y, c 12 z");

    expect_partly(&self, "a=1 b+ c+");
    cr_assert_eq(self.hashes_asked, 0);
    self = history_of("a 10 x", "b 11 longer");
    expect_partly(&self, "b+ gone 1");
    cr_assert_eq(self.hashes_asked, 0);
    self = history_of("a 10 x", "b 11! x, c 12- x");
    expect_partly(&self, "b+ c. gone 1");
    cr_assert_eq(self.hashes_asked, 0);
}

Test(identity, counts_what_is_not_asked_for_only_where_the_base_has_it)
{
    expect_identity("a 10 x, d/ 20, d/b 11 y", "a 10- x, d/ 20-, d/b 11- y, e 12- z",
                    "a=1 d=2 d/b=3 e.");
    expect_identity("a 10 x", "a 11- x", "a~1");
    expect_identity("a 10 x", "b 10- x", "b>1");
    expect_identity("", "d/ 20-, d/e 10- x", "d. d/e.");
}

Test(identity, deletes_nothing_that_it_could_not_list)
{
    history self = history_of("d/ 20, d/a 10 x, d/e/ 21, d/e/b 11 y, f 12 z", "d/ 20");

    self.failing = " d ";
    expect_partly(&self, "d=1 gone 5");
    self = history_of("d/ 20, d/a 10 x", "b 10 x, d/ 20");
    self.failing = " d ";
    expect_partly(&self, "b+ d=1");
    self = history_of("a 10 x, d/ 20", "");
    self.failing = " . ";
    expect_partly(&self, "");
}

Test(identity, looks_only_where_it_was_told_to)
{
    history self = history_of("a 10 x, d/ 20, d/b 11 y, e/ 21, e/c 12 z", "d/ 20, e/ 21, e/c 12 z");

    self.listed = " d ";
    expect_partly(&self, "gone 3");
    cr_assert_eq(self.lists_asked, 0);
    self = history_of("d/ 20, d/e/ 21, d/e/f 10 x", "d/ 20, d/e/ 21, d/e/f 10 x");
    self.listed = " d ";
    expect_partly(&self, "d/e=2");
}

Test(identity, asks_where_a_file_that_moved_was)
{
    history self = history_of("d/ 20, d/a 10 x, e/ 21", "d/ 20, e/ 21, e/a 10 x");

    self.listed = " e ";
    expect_partly(&self, "e/a>2");
    cr_assert_eq(self.lists_asked, 1);
    self = history_of("d/ 20, d/a 10 x, e/ 21", "d/ 20, d/a 10 x, e/ 21, e/a 10 x");
    self.listed = " e ";
    expect_partly(&self, "d/a=2 e/a+");
    self = history_of("d/ 20, d/a 10 x, e/ 21", "d/ 20, e/ 21, e/a 10 x");
    self.listed = " e ";
    self.failing = " d ";
    expect_partly(&self, "e/a+");
    self = history_of("d/ 20, d/a 10 x, e/ 21", "e/ 21, e/a 10 x");
    self.listed = " e ";
    expect_partly(&self, "e=3 e/a>2 gone 1");
}

Test(identity, believes_no_directory_that_took_the_place_of_another)
{
    history self = history_of("d/ 20, d/a 10 x, d/b 11 y", "d/ 30, d/c 12 z, e/ 20, e/a 10 x");

    self.listed = " d ";
    expect_partly(&self, "d+ d/c+ e>1");
    cr_assert_eq(self.lists_asked, 1);
    self = history_of("d/ 20, d/a 10 x, d/b 11 y", "d/ 30, d/a 12 z");
    self.listed = " d ";
    expect_partly(&self, "d~1 d/a~2 gone 3");
}

/* World 8000782: of two directories one took the other's place before a look began there, and is
 * seen from above, or not any more. */
static size_t entry_of_start(bool is_seen)
{
    const cf_stat first = {.inode = 20, .birth_ns = 1}, other = {.inode = 21, .birth_ns = 1};
    const cf_identity_node nodes[] = {
        {.number = 1, .name = cf_bytes_of_text("first"), .kind = 'd', .stat = first},
        {.number = 2, .name = cf_bytes_of_text("other"), .kind = 'd', .stat = other}};
    cf_listed entries[] = {{.name = cf_bytes_of_text("f"), .folder = 0, .kind = 'f'},
                           {.name = cf_bytes_of_text("other"), .folder = 1, .kind = 'd'}};
    cf_listed_folder folders[] = {
        {.entry = CF_LISTED_START, .node = 2, .stat = first, .complete = true, .count = 1},
        {.entry = CF_LISTED_START, .complete = true, .first = 1, .count = is_seen}};
    cf_listing listing = {
        .entries = entries, .entry_count = 1 + is_seen, .folders = folders, .folder_count = 2};
    cf_identity_input input = {.nodes = nodes, .node_count = 2, .listing = &listing};
    cf_arena arena = {0};
    cf_identity identity;

    entries[0].stat = (cf_stat){.inode = 22, .birth_ns = 1};
    entries[1].stat = first;
    cf_identity_decide(&input, &arena, &identity);
    cr_assert_eq(identity.folder_entries[1], CF_LISTED_START);
    cr_assert_eq(identity.tokens[0].how, is_seen ? CF_TOKEN_NEW : CF_TOKEN_NONE);
    size_t entry = identity.folder_entries[0];
    cf_arena_release(&arena);
    return entry;
}

Test(identity, says_which_directory_a_start_is)
{
    cr_assert_eq(entry_of_start(true), 1);
    cr_assert_eq(entry_of_start(false), CF_IDENTITY_NOWHERE);
}
