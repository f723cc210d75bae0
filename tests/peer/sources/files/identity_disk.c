/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of files_identity on a file system: what programs do when they save, move and
 * delete, and inodes that the kernel uses again. Each scan becomes the base of the next one;
 * answers are written as in identity_lines.h, numbers are given in the order of discovery. */
#include "codec/content.h"
#include "peer/sources/files/files_identity.h"

#include "tests/support/expect.h"
#include "tests/support/scratch.h"

enum { MAX = 64 };

static scratch *here;
static cf_identity_node base[MAX];
static size_t base_count;
static cf_arena base_arena;
static uint64_t last_number;
static cf_error error;

static void arrive(void)
{
    here = scratch_new();
}

static void leave(void)
{
    cf_arena_release(&base_arena);
    scratch_destroy(&here);
}

TestSuite(identity_disk, .init = arrive, .fini = leave);

static cf_hash hash_of(const cf_listing *listing, size_t entry)
{
    cf_buffer path = {0}, bytes = {0};

    cf_listing_entry_path(listing, entry, &path);
    cf_buffer_append(&path, "", 1);
    scratch_read(here, (const char *)path.data, &bytes);
    cf_hash hash = cf_content_hash(cf_buffer_view(&bytes));
    cf_buffer_release(&path);
    cf_buffer_release(&bytes);
    return hash;
}

static void keep_as_base(const cf_listing *listing, const cf_identity *identity,
                         const cf_hash *hashes)
{
    uint64_t numbers[MAX];

    base_count = 0;
    for (size_t e = 0; e < listing->entry_count; e++) {
        const cf_listed *entry = &listing->entries[e];
        size_t above = listing->folders[entry->folder].entry;
        bool is_new = identity->tokens[e].how == CF_TOKEN_NEW;

        numbers[e] = is_new ? ++last_number : identity->tokens[e].node;
        base[base_count++] =
            (cf_identity_node){.number = numbers[e],
                               .parent = above == CF_LISTED_START ? 0 : numbers[above],
                               .name = cf_arena_copy(&base_arena, entry->name),
                               .kind = entry->kind,
                               .stat = entry->stat,
                               .content = hashes[e]};
    }
}

static void print(cf_buffer *out, const cf_listing *listing, const cf_identity *identity)
{
    static const char signs[] = ".=~>+";

    for (size_t e = 0; e < listing->entry_count; e++) {
        const cf_token *token = &identity->tokens[e];

        if (e)
            cf_buffer_append(out, " ", 1);
        cf_listing_entry_path(listing, e, out);
        cf_buffer_append_text(out, "%c", signs[token->how]);
        if (token->how != CF_TOKEN_NEW && token->how != CF_TOKEN_NONE)
            cf_buffer_append_text(out, "%d", (int)token->node);
    }
    if (identity->gone_count)
        cf_buffer_append_text(out, "%sgone", out->size ? " " : "");
    for (size_t i = 0; i < identity->gone_count; i++)
        cf_buffer_append_text(out, " %d", (int)identity->gone[i]);
}

static void expect_scan(const char *expected)
{
    cf_listing_options options = {.files = here->files, .root = here->folder};
    cf_listing listing = {0};
    cf_arena arena = {0};
    cf_identity identity;
    cf_buffer out = {0};
    cf_hash hashes[MAX] = {0};
    const cf_hash *known[MAX] = {0};

    expect_ok(cf_listing_add(&listing, &options, (cf_listing_start){0}, &error), error);
    for (size_t e = 0; e < listing.entry_count; e++)
        if (listing.entries[e].kind == 'f') {
            hashes[e] = hash_of(&listing, e);
            known[e] = &hashes[e];
        }
    cf_identity_input input = {
        .nodes = base, .node_count = base_count, .listing = &listing, .hashes = known};
    cf_identity_decide(&input, &arena, &identity);
    cr_assert(identity.hash_wanted_count == 0);
    cr_assert(identity.list_wanted_count == 0);
    print(&out, &listing, &identity);
    cr_assert(cf_bytes_equal(cf_buffer_view(&out), cf_bytes_of_text(expected)),
              "\n  found    %.*s\n  expected %s", (int)out.size, (const char *)out.data, expected);
    keep_as_base(&listing, &identity, hashes);
    cf_buffer_release(&out);
    cf_listing_release(&listing);
    cf_arena_release(&arena);
}

Test(identity_disk, survives_the_ways_in_which_programs_save)
{
    scratch_write(here, "f", "one");
    expect_scan("f+");
    scratch_write(here, "f", "in place");
    expect_scan("f=1");
    scratch_write(here, ".f.swp", "by rename");
    scratch_rename(here, ".f.swp", "f");
    expect_scan("f~1");
    scratch_rename(here, "f", "f~");
    scratch_write(here, "f", "with a backup");
    expect_scan("f~1 f~+");
    scratch_rename(here, "f", "f~");
    scratch_write(here, "f", "with a backup over the old one");
    expect_scan("f~1 f~~2");
    scratch_settle(here, "f");
    scratch_remove(here, "f");
    scratch_write(here, "f", "deleted and made again, perhaps with the same inode");
    expect_scan("f~1 f~=2");
}

Test(identity_disk, follows_moves_of_files_and_directories)
{
    scratch_mkdir(here, "d");
    scratch_mkdir(here, "d/e");
    scratch_write(here, "d/a", "A");
    scratch_write(here, "d/e/b", "B");
    scratch_write(here, "x", "X");
    expect_scan("d+ x+ d/a+ d/e+ d/e/b+");
    scratch_rename(here, "d", "n");
    scratch_write(here, "n/a", "A edited");
    expect_scan("n>1 x=2 n/a=3 n/e=4 n/e/b=5");
    scratch_rename(here, "n/e", "e");
    scratch_rename(here, "x", "e/x");
    scratch_rename(here, "n/a", "e/b");
    expect_scan("e>4 n=1 e/b>3 e/x>2 gone 5");
    scratch_rename(here, "e/b", "t");
    scratch_rename(here, "e/x", "e/b");
    scratch_rename(here, "t", "e/x");
    expect_scan("e=4 n=1 e/b>2 e/x>3");
}

Test(identity_disk, takes_a_restored_directory_for_the_old_one)
{
    scratch_mkdir(here, "d");
    scratch_write(here, "d/a", "A");
    scratch_symlink(here, "d/l", "a");
    expect_scan("d+ d/a+ d/l+");
    scratch_mkdir(here, "copy");
    scratch_write(here, "copy/a", "A");
    scratch_symlink(here, "copy/l", "a");
    scratch_remove(here, "d/a");
    scratch_remove(here, "d/l");
    scratch_remove(here, "d");
    scratch_rename(here, "copy", "d");
    expect_scan("d~1 d/a~2 d/l~3");
}

Test(identity_disk, keeps_hard_links_apart)
{
    scratch_write(here, "a", "A");
    expect_scan("a+");
    scratch_hard_link(here, "a", "b");
    expect_scan("a=1 b+");
    scratch_remove(here, "a");
    scratch_rename(here, "b", "c");
    expect_scan("c>1 gone 2");
}

Test(identity_disk, is_not_fooled_by_an_inode_that_is_used_again)
{
    scratch_write(here, "a", "A");
    expect_scan("a+");
    for (int i = 0; i < 5; i++) {
        scratch_settle(here, i % 2 ? "b" : "a");
        scratch_remove(here, i % 2 ? "b" : "a");
        scratch_write(here, i % 2 ? "a" : "b", i % 2 ? "other" : "something else");
    }
    expect_scan("b+ gone 1");
    scratch_settle(here, "b");
    scratch_remove(here, "b");
    scratch_mkdir(here, "b");
    expect_scan("b+ gone 2");
}

Test(identity_disk, finds_what_was_copied_and_deleted)
{
    scratch_mkdir(here, "d");
    scratch_write(here, "d/a", "the same content");
    expect_scan("d+ d/a+");
    scratch_mkdir(here, "e");
    scratch_write(here, "e/a", "the same content");
    scratch_remove(here, "d/a");
    expect_scan("d=1 e+ e/a>2");
}
