/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "tests/broker/blobs/blob_fixture.h"
#include "tests/support/syncs.h"

#define expect_synced(path) cr_assert(syncs_had(path), "%s was not synced", path)

static const char *hex_of(const cf_hash *hash, char text[65])
{
    cf_hex(cf_bytes_of(hash->bytes, CF_HASH_SIZE), text);
    return text;
}

Test(blob_durable, a_blob_is_when_it_is_stored)
{
    shelf it = a_shelf(BLOBS_IN_FILES);
    a_blob blob = blob_of(2 * CF_BLOB_STEP);
    char user[65], id[65], path[300];

    hex_of(&ann_user, user);
    hex_of(&blob.id, id);
    expect_ok(shelf_put(&it, &ann_user, &blob, 0), it.error);
    expect_synced("/blobs");
    snprintf(path, sizeof path, "/%s", user);
    expect_synced(path);
    syncs_forget();
    expect_ok(shelf_put(&it, &ann_user, &blob, CF_BLOB_STEP), it.error);
    cr_assert(it.held.complete);
    snprintf(path, sizeof path, "/uploads/%s", id);
    expect_synced(path);
    snprintf(path, sizeof path, "/%s", user);
    expect_synced(path);
    snprintf(path, sizeof path, "/%s/%.2s", user, id);
    expect_synced(path);
    blob_release(&blob);
    shelf_end(&it);
}

Test(blob_durable, a_folder_of_blobs_that_is_made_anew_is_there_after_a_power_cut)
{
    shelf it = a_shelf(BLOBS_IN_FILES);
    a_blob blob = blob_of(1000);
    const char *above = strrchr(it.folder->path, '/');

    scratch_remove_tree(it.folder, "blobs");
    syncs_forget();
    expect_ok(shelf_put(&it, &ann_user, &blob, 0), it.error);
    expect_synced(above);
    blob_release(&blob);
    shelf_end(&it);
}

Test(blob_durable, a_blob_that_can_not_be_is_not_stored)
{
    shelf it = a_shelf(BLOBS_IN_FILES);
    a_blob blob = blob_of(1000);
    char id[65], path[80];

    snprintf(path, sizeof path, "/%s", hex_of(&blob.id, id));
    syncs_fail(path);
    expect_fails(shelf_put(&it, &ann_user, &blob, 0), CF_IO);
    expect_held(&it, &ann_user, &blob, 0, false);
    blob_release(&blob);
    shelf_end(&it);
}

typedef struct {
    const scratch *folder;
    char whole[200], aside[200];
} looking;

/* What verify does before it looks at a blob once more. */
static void begin_look(void *context)
{
    const looking *it = context;

    scratch_rename(it->folder, it->whole, it->aside);
}

Test(blob_durable, a_blob_that_is_set_aside_while_it_is_stored_is_there_still)
{
    shelf it = a_shelf(BLOBS_IN_FILES);
    a_blob blob = blob_of(1000), other = blob_of(10);
    looking look = {.folder = it.folder};
    char user[65], id[65], folder[100], damaged[100];

    hex_of(&ann_user, user);
    hex_of(&blob.id, id);
    snprintf(folder, sizeof folder, "/%s/%.2s", user, id);
    snprintf(look.whole, sizeof look.whole, "blobs%s/%s", folder, id);
    snprintf(look.aside, sizeof look.aside, "blobs/%s/damaged/%s", user, id);
    snprintf(damaged, sizeof damaged, "blobs/%s/damaged", user);
    shelf_put_all(&it, &ann_user, &other); /* makes the folder of hers */
    scratch_mkdir(it.folder, damaged);
    syncs_meet(folder, begin_look, &look);
    expect_ok(shelf_put(&it, &ann_user, &blob, 0), it.error);
    scratch_rename(it.folder, look.aside, look.whole); /* it is whole */
    expect_blob(&it, &ann_user, &blob);
    blob_release(&blob);
    blob_release(&other);
    shelf_end(&it);
}

Test(blob_durable, a_users_blobs_are_gone_when_they_are_forgotten)
{
    shelf it = a_shelf(BLOBS_IN_FILES);
    a_blob blob = blob_of(1000);

    shelf_put_all(&it, &ann_user, &blob);
    syncs_forget();
    expect_ok(it.blobs->forget(it.blobs, &ann_user, &it.error), it.error);
    expect_synced("/blobs");
    blob_release(&blob);
    shelf_end(&it);
}
