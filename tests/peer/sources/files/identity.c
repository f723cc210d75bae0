/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/sources/files/identity_lines.h"

#include "tests/support/expect.h"

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

Test(identity, sees_a_save_through_a_draft_that_was_seen_before)
{
    expect_identity("f 10 old, t 11^ new", "f 11 new", "f~1 gone 2");
    expect_identity("f 10 old, t 11^ new", "f 11 new, f~ 10 old", "f~1 f~+ gone 2");
    expect_identity("f 10 old, t 11 new", "f 11 new", "f>2 gone 1");
    expect_identity("f 10 old, t 11^ new", "f 10 old, g 11 new", "f=1 g>2");
    expect_identity("f 10^ x, t 11^ y", "f 11 y, t 10 x", "f>2 t>1");
    expect_identity("a 10^ x, b 11^ y, c 12^ z", "a 12 z, b 10 x, c 11 y", "a>3 b>1 c>2");
    expect_identity("f 10 old, t 11^ new", "f 11 new, t 12 next", "f~1 t~2");
    expect_identity("d/ 20, d/f 10 old, e/ 21, e/t 11^ new", "d/ 20, d/f 11 new, e/ 21",
                    "d=1 d/f~2 e=3 gone 4");
    expect_identity("f 10 old, t 11^ new", "f 11 new, t 11 new", "f~1 t=2");
}

Test(identity, asks_whether_a_draft_has_left_its_place)
{
    identity_case self =
        identity_case_of("d/ 20, d/f 10 old, e/ 21, e/t 11^ new", "d/ 20, d/f 11 new, e/ 21");

    self.listed = " d ";
    expect_partly(&self, "d/f~2 gone 4");
    cr_assert_eq(self.lists_asked, 1);
    self = identity_case_of("d/ 20, d/f 10 old, e/ 21, e/t 11^ new", "d/ 20, d/f 11 new, e/ 21");
    self.listed = " d ";
    self.failing = " e ";
    expect_partly(&self, "d/f~2");
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
    expect_identity("a/ 20, a/f 10 x", "b/ 20", "b>1 gone 2");
}

/* World 35004936: so was one where nothing was in it. */
Test(identity, takes_an_empty_directory_without_a_birth_for_another_where_its_time_is_another)
{
    expect_identity("a/ 20.0 7", "b/ 20.0 7", "b>1");
    expect_identity("a/ 20.0 7", "b/ 20.0 8", "b+ gone 1");
    expect_identity("a/ 20.0 7", "b/ 20.0 8, b/g 11 y", "b+ b/g+ gone 1");
    expect_identity("a/ 20.0 7", "a/ 20.0 8, a/g 11 y", "a~1 a/g+");
    expect_identity("a/ 20 7", "b/ 20 8, b/g 11 y", "b>1 b/g+");
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
    identity_case self =
        identity_case_of("a 10 same, d/ 20, d/b 11 other", "d/ 20, d/a 30 same, n 31 newer");

    expect_partly(&self, "d=2 d/a>1 n+ gone 3");
    cr_assert_eq(self.hashes_asked, 2);
    expect_identity("a 10 same, b 11 same", "n/ 20, n/b 30 same, n/c 31 same, n/d 32 same",
                    "n+ n/b>2 n/c>1 n/d+");
    expect_identity("a 10 samex", "b 11 samey", "b+ gone 1");
}

Test(identity, takes_a_file_that_can_not_be_hashed_now_for_new)
{
    identity_case self = identity_case_of("a 10 x, none 12", "b 11* x");

    expect_partly(&self, "b+ gone 1 2");
    cr_assert_eq(self.hashes_asked, 1);
    expect_identity("none 12", "c 13*", "c+ gone 1");
}

Test(identity, asks_for_no_hash_that_could_tell_nothing)
{
    identity_case self = identity_case_of("a 10 x", "a 10 x, b 11 y, c 12 z");

    expect_partly(&self, "a=1 b+ c+");
    cr_assert_eq(self.hashes_asked, 0);
    self = identity_case_of("a 10 x", "b 11 longer");
    expect_partly(&self, "b+ gone 1");
    cr_assert_eq(self.hashes_asked, 0);
    self = identity_case_of("a 10 x", "b 11! x, c 12- x");
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
    identity_case self = identity_case_of("d/ 20, d/a 10 x, d/e/ 21, d/e/b 11 y, f 12 z", "d/ 20");

    self.failing = " d ";
    expect_partly(&self, "d=1 gone 5");
    self = identity_case_of("d/ 20, d/a 10 x", "b 10 x, d/ 20");
    self.failing = " d ";
    expect_partly(&self, "b+ d=1");
    self = identity_case_of("a 10 x, d/ 20", "");
    self.failing = " . ";
    expect_partly(&self, "");
}

Test(identity, looks_only_where_it_was_told_to)
{
    identity_case self =
        identity_case_of("a 10 x, d/ 20, d/b 11 y, e/ 21, e/c 12 z", "d/ 20, e/ 21, e/c 12 z");

    self.listed = " d ";
    expect_partly(&self, "gone 3");
    cr_assert_eq(self.lists_asked, 0);
    self = identity_case_of("d/ 20, d/e/ 21, d/e/f 10 x", "d/ 20, d/e/ 21, d/e/f 10 x");
    self.listed = " d ";
    expect_partly(&self, "d/e=2");
}

Test(identity, asks_where_a_file_that_moved_was)
{
    identity_case self = identity_case_of("d/ 20, d/a 10 x, e/ 21", "d/ 20, e/ 21, e/a 10 x");

    self.listed = " e ";
    expect_partly(&self, "e/a>2");
    cr_assert_eq(self.lists_asked, 1);
    self = identity_case_of("d/ 20, d/a 10 x, e/ 21", "d/ 20, d/a 10 x, e/ 21, e/a 10 x");
    self.listed = " e ";
    expect_partly(&self, "d/a=2 e/a+");
    self = identity_case_of("d/ 20, d/a 10 x, e/ 21", "d/ 20, e/ 21, e/a 10 x");
    self.listed = " e ";
    self.failing = " d ";
    expect_partly(&self, "e/a+");
    self = identity_case_of("d/ 20, d/a 10 x, e/ 21", "e/ 21, e/a 10 x");
    self.listed = " e ";
    expect_partly(&self, "e=3 e/a>2 gone 1");
}

Test(identity, believes_no_directory_that_took_the_place_of_another)
{
    identity_case self =
        identity_case_of("d/ 20, d/a 10 x, d/b 11 y", "d/ 30, d/c 12 z, e/ 20, e/a 10 x");

    self.listed = " d ";
    expect_partly(&self, "d+ d/c+ e>1");
    cr_assert_eq(self.lists_asked, 1);
    self = identity_case_of("d/ 20, d/a 10 x, d/b 11 y", "d/ 30, d/a 12 z");
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
