/* SPDX-License-Identifier: Apache-2.0 */
/* What waits, and why: each path once. */
#include "peer/bindings/pendings.h"

#include "tests/support/expect.h"

#include <stdlib.h>

static void add(cf_pendings *list, cf_pending_kind kind, const char *path, const char *reason)
{
    cf_pendings_add(list, kind, cf_bytes_of_text(path), reason);
}

Test(pendings, have_each_path_once_with_what_was_said_first)
{
    cf_pendings list = {0};

    add(&list, CF_PENDING_SKIPPED, "b", "the last path");
    add(&list, CF_PENDING_HELD, "a", "first");
    add(&list, CF_PENDING_HELD, "a", "second");
    add(&list, CF_PENDING_AWAY, "a", "third");
    cr_expect_eq(list.held, 3);
    cf_pendings_sort(&list);
    cr_assert_eq(list.count, 2);
    cr_expect_str_eq(list.at[0].reason, "first");
    cr_expect_str_eq(list.at[1].reason, "the last path");
    cr_expect_eq(list.held, 1, "what is held is counted as it is listed");
    cf_pendings_release(&list);
}

Test(pendings, are_told_of_together_by_kind_and_reason)
{
    cf_pendings list = {0};
    cf_arena arena = {0};
    size_t count;

    add(&list, CF_PENDING_HELD, "a", "many go at once");
    add(&list, CF_PENDING_HELD, "b", "many go at once");
    add(&list, CF_PENDING_HELD, "c", "the folder is another one");
    add(&list, CF_PENDING_SPARED, "d", "many go at once");
    add(&list, CF_PENDING_UNSENT, "e", "many go at once");
    cf_held_group *groups = cf_pendings_group_held(list.at, list.count, &arena, &count);
    cr_assert_eq(count, 3);
    cr_expect_eq(groups[0].count, 2);
    cr_expect_eq(groups[1].count, 1);
    cr_expect_eq(groups[2].kind, CF_PENDING_SPARED);
    free(groups);
    cf_arena_release(&arena);
    cf_pendings_release(&list);
}
