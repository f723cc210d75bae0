/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/catalog.h"

#include "tests/peer/log/ann.h"

static cf_id make_collection(ann *self, const char *name)
{
    cf_id id = {0};

    const cf_catalog_new new = {.name = name};

    expect_ok(cf_catalog_make(self->peer, &new, ++self->now_ms, &id, &self->error), self->error);
    return id;
}

static void expect_unmade(ann *self, const char *name, cf_status why)
{
    const cf_catalog_new new = {.name = name};
    cf_id id;

    expect_fails(cf_catalog_make(self->peer, &new, ++self->now_ms, &id, &self->error), why);
}

static size_t list(ann *self, cf_catalog_collection **out)
{
    size_t count = 0;

    expect_ok(cf_catalog_list(self->peer, &self->arena, out, &count, &self->error), self->error);
    return count;
}

Test(catalog, lists_collections_by_name)
{
    ann *self = make_ann();
    cf_catalog_collection *found;

    cr_expect_eq(list(self, &found), 0);
    make_collection(self, "photos");
    make_collection(self, "notes");
    ann_begins_again(self);
    cr_assert_eq(list(self, &found), 2);
    cr_expect_str_eq(found[0].name, "notes");
    cr_expect_str_eq(found[1].name, "photos");
    cr_expect(found[0].is_known);
    end_ann(self);
}

Test(catalog, names_a_collection_once)
{
    ann *self = make_ann();
    char long_name[CF_NAME_MAX + 2] = "";

    memset(long_name, 'x', CF_NAME_MAX + 1);
    make_collection(self, "notes");
    expect_unmade(self, long_name, CF_USAGE);
    expect_unmade(self, "notes", CF_CHANGED);
    expect_unmade(self, "", CF_USAGE);
    expect_unmade(self, "a\nb", CF_USAGE);
    expect_unmade(self, "\xff", CF_USAGE);
    end_ann(self);
}

Test(catalog, keeps_the_id_through_a_rename)
{
    ann *self = make_ann();
    cf_catalog_collection found;
    cf_id notes = make_collection(self, "notes");

    expect_ok(cf_catalog_rename(self->peer, &notes, "diary", ++self->now_ms, &self->error),
              self->error);
    expect_fails(cf_catalog_find(self->peer, "notes", &self->arena, &found, &self->error),
                 CF_MISSING);
    expect_ok(cf_catalog_find(self->peer, "diary", &self->arena, &found, &self->error),
              self->error);
    cr_expect(cf_id_equal(&found.id, &notes));
    cr_expect_str_eq(cf_catalog_name(self->peer, &notes, &self->arena), "diary");
    end_ann(self);
}

Test(catalog, gives_a_name_that_is_free_again_to_another_collection)
{
    ann *self = make_ann();
    cf_catalog_collection *found;
    cf_id first = make_collection(self, "notes");

    expect_ok(cf_catalog_rename(self->peer, &first, "diary", ++self->now_ms, &self->error),
              self->error);
    cf_id second = make_collection(self, "notes");
    cr_expect_not(cf_id_equal(&first, &second));
    cr_expect_eq(list(self, &found), 2);
    end_ann(self);
}

Test(catalog, takes_a_deleted_collection_off_the_list)
{
    ann *self = make_ann();
    cf_catalog_collection *found;
    cf_id first = make_collection(self, "notes");

    expect_ok(cf_catalog_delete(self->peer, &first, ++self->now_ms, &self->error), self->error);
    ann_begins_again(self);
    cr_expect_eq(list(self, &found), 0);
    cf_id second = make_collection(self, "notes");
    cr_expect_eq(list(self, &found), 1);
    cr_expect(cf_id_equal(&found->id, &second));
    end_ann(self);
}

/* So that devices which are apart make the same. */
static void expect_named(ann *self, const cf_id *id, cf_bytes label)
{
    cf_id expected;

    expect_ok(cf_ring_collection_id(self->peer->ring, label, &expected, &self->error), self->error);
    cr_expect(cf_id_equal(id, &expected), "%.*s", (int)label.size, (const char *)label.data);
}

Test(catalog, counts_the_collections_of_one_name)
{
    ann *self = make_ann();
    cf_id id = make_collection(self, "notes");

    expect_named(self, &id, cf_bytes_of("notes", 5));
    expect_ok(cf_catalog_delete(self->peer, &id, ++self->now_ms, &self->error), self->error);
    id = make_collection(self, "notes");
    expect_named(self, &id, cf_bytes_of("notes\0001", 7));
    expect_ok(cf_catalog_rename(self->peer, &id, "diary", ++self->now_ms, &self->error),
              self->error);
    id = make_collection(self, "notes");
    expect_named(self, &id, cf_bytes_of("notes\0002", 7));
    end_ann(self);
}

Test(catalog, tells_what_was_deleted)
{
    ann *self = make_ann();
    cf_catalog_deletion deletion;
    cf_id id = make_collection(self, "notes"), other = make_collection(self, "other");

    cr_expect_not(cf_catalog_deleted(self->peer, &id, &deletion));
    expect_ok(cf_catalog_delete(self->peer, &id, ++self->now_ms, &self->error), self->error);
    ann_begins_again(self);
    cr_assert(cf_catalog_deleted(self->peer, &id, &deletion));
    cr_expect(cf_hash_equal(&deletion.device, cf_peer_device(self->peer)));
    cr_expect_eq(deletion.time_ms, self->now_ms);
    cr_expect_str_eq(cf_catalog_name(self->peer, &id, &self->arena), "notes");
    cr_expect_not(cf_catalog_deleted(self->peer, &other, &deletion));
    end_ann(self);
}

Test(catalog, names_devices)
{
    ann *self = make_ann();
    const cf_hash *device = cf_peer_device(self->peer);
    char fingerprint[CF_FINGERPRINT_TEXT];
    cf_hash stranger = {{1}};

    cf_fingerprint(&stranger, fingerprint);
    cr_expect_str_eq(cf_catalog_device_name(self->peer, &stranger, &self->arena), fingerprint);
    expect_ok(cf_catalog_introduce(self->peer, ++self->now_ms, &self->error), self->error);
    cr_expect_str_eq(cf_catalog_device_name(self->peer, device, &self->arena), "laptop");
    expect_ok(cf_catalog_name_device(self->peer, device, "old one", ++self->now_ms, &self->error),
              self->error);
    expect_ok(cf_catalog_introduce(self->peer, ++self->now_ms, &self->error), self->error);
    cr_expect_str_eq(cf_catalog_device_name(self->peer, device, &self->arena), "old one");
    end_ann(self);
}
