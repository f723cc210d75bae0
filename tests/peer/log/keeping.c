/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/keeping.h"

#include "codec/limits.h"
#include "codec/pack.h"
#include "peer/log/catalog_writing.h"
#include "tests/peer/log/ann.h"

static const cf_id films = {{1}}, notes = {{2}}, papers = {{3}};

static cf_kept own(ann *self)
{
    return cf_kept_of(self->peer, cf_peer_device(self->peer), &self->arena);
}

static size_t entries(ann *self)
{
    uint64_t last = 0;

    expect_ok(cf_home_store(self->home)
                  ->last(cf_home_store(self->home), cf_peer_user(self->peer), &last, &self->error),
              self->error);
    return last;
}

/* How many entries it took. */
static size_t tell_both(ann *self, const cf_kept *kept, const cf_kept *sources)
{
    const cf_kept_here here = {*kept, *sources};
    const size_t before = entries(self);
    bool told = false;

    expect_ok(cf_kept_tell(self->peer, &here, 2000, &told, &self->error), self->error);
    cr_expect(told);
    return entries(self) - before;
}

static size_t tell(ann *self, const cf_kept *kept)
{
    return tell_both(self, kept, &(cf_kept){0});
}

Test(keeping, keeps_all_until_the_home_says_otherwise)
{
    ann *self = make_named_ann();
    cf_keeping keep = CF_KEEPING_BOUND;
    cf_error error;

    expect_ok(cf_keeping_recall(self->home, &keep, &error), error);
    cr_expect_eq(keep, CF_KEEPING_ALL);
    expect_ok(cf_keeping_set(self->home, CF_KEEPING_BOUND, &error), error);
    expect_ok(cf_keeping_recall(self->home, &keep, &error), error);
    cr_expect_eq(keep, CF_KEEPING_BOUND);
    expect_ok(cf_home_set(self->home, "keep", cf_bytes_of_text("boundless"), &error), error);
    expect_fails(cf_keeping_recall(self->home, &keep, &error), CF_BROKEN);
    expect_fails(cf_keeping_read("boundless", &keep, &error), CF_USAGE);
    end_ann(self);
}

/* The member log and the catalog are kept by all. */
Test(keeping, tells_what_a_device_keeps_once)
{
    ann *self = make_named_ann();
    const cf_id ids[] = {films, papers};
    const cf_kept two = {false, ids, 2}, one = {false, ids, 1}, none = {0}, all = {.is_all = true};

    cr_expect_eq(tell(self, &all), 0, "who has never kept less says nothing");
    cr_expect_eq(tell(self, &two), 1);
    cr_expect_eq(tell(self, &two), 0);
    cf_kept kept = own(self);
    cr_expect_not(kept.is_all);
    cr_expect(cf_kept_has(&kept, &films));
    cr_expect(cf_kept_has(&kept, &papers));
    cr_expect_not(cf_kept_has(&kept, &notes));
    cr_expect(cf_kept_has(&kept, &cf_member_log_id));
    cr_expect(cf_kept_has(&kept, &cf_catalog_id));
    cr_expect_eq(tell(self, &one), 1);
    kept = own(self);
    cr_expect_not(cf_kept_has(&kept, &papers));
    cr_expect_eq(tell(self, &none), 1);
    kept = own(self);
    cr_expect_not(cf_kept_has(&kept, &films));
    cr_expect_eq(tell(self, &all), 1);
    cr_expect_eq(tell(self, &all), 0);
    cr_expect(own(self).is_all);
    end_ann(self);
}

/* In one entry with what it keeps; who never had a source says nothing, and who has none any more
 * says that. */
Test(keeping, tells_of_what_a_device_has_sources_once)
{
    ann *self = make_named_ann();
    const cf_hash *device = cf_peer_device(self->peer);
    const cf_id ids[] = {films, papers};
    const cf_kept all = {.is_all = true}, two = {false, ids, 2}, one = {false, ids, 1}, none = {0};
    cf_kept sources;

    cr_expect_eq(tell_both(self, &all, &none), 0);
    cr_expect_not(cf_kept_sources_of(self->peer, device, &self->arena, &sources));
    cr_expect_eq(tell_both(self, &two, &two), 1);
    cr_expect_eq(tell_both(self, &two, &two), 0);
    cr_assert(cf_kept_sources_of(self->peer, device, &self->arena, &sources));
    cr_expect(cf_kept_has(&sources, &films));
    cr_expect(cf_kept_has(&sources, &papers));
    cr_expect_not(cf_kept_has(&sources, &notes));
    cr_expect_eq(tell_both(self, &two, &one), 1);
    cr_expect_eq(tell_both(self, &all, &none), 1);
    cr_expect_eq(tell_both(self, &all, &none), 0);
    cr_assert(cf_kept_sources_of(self->peer, device, &self->arena, &sources));
    cr_expect_eq(sources.count, 0);
    end_ann(self);
}

/* Of more than 2,048 it says nothing, rather than of some. */
Test(keeping, tells_of_no_more_sources_than_a_list_has)
{
    static cf_id ids[CF_KEPT_MAX + 1];
    ann *self = make_named_ann();
    const cf_kept all = {.is_all = true};
    cf_kept sources;

    for (size_t i = 0; i <= CF_KEPT_MAX; i++)
        cf_put_u64(ids[i].bytes, i + 1);
    cr_expect_eq(tell_both(self, &all, &(cf_kept){false, ids, CF_KEPT_MAX}), 1);
    cr_assert(cf_kept_sources_of(self->peer, cf_peer_device(self->peer), &self->arena, &sources));
    cr_expect_eq(sources.count, CF_KEPT_MAX);
    cr_expect_eq(tell_both(self, &all, &(cf_kept){false, ids, CF_KEPT_MAX + 1}), 1);
    cr_expect_not(
        cf_kept_sources_of(self->peer, cf_peer_device(self->peer), &self->arena, &sources));
    end_ann(self);
}

/* A device of which the catalog says nothing keeps all; this one, what it is said to. */
Test(keeping, finds_whether_any_device_keeps_a_collection)
{
    ann *self = make_named_ann();
    const cf_kept some = {false, &films, 1}, all = {.is_all = true};
    const cf_hash nobody = {{9}};

    cr_expect(cf_kept_of(self->peer, &nobody, &self->arena).is_all);
    const cf_kept any = cf_kept_by_any(self->peer, &some, &self->arena);
    cr_expect(cf_kept_has(&any, &films));
    cr_expect_not(cf_kept_has(&any, &papers), "it is the only one");
    cr_expect(cf_kept_by_any(self->peer, &all, &self->arena).is_all);
    end_ann(self);
}

static cf_kept said(ann *self, const cf_id *ids, size_t count, size_t size)
{
    cf_buffer value = {0};

    cf_pack_array(&value, count);
    for (size_t i = 0; i < count; i++)
        cf_pack_bin(&value, cf_bytes_of(ids[i].bytes, size));
    ann_says(self, "/keeps", &value);
    cf_buffer_release(&value);
    return own(self);
}

/* What is not of the form is of a newer program, or nobody's: taken for all. */
Test(keeping, reads_an_ascending_list_of_ids_and_no_other)
{
    ann *self = make_named_ann();
    const cf_id falling[] = {papers, films}, twice[] = {films, films}, well[] = {films, papers};
    cf_buffer text = {0};

    cr_expect_not(said(self, well, 2, CF_ID_SIZE).is_all);
    cr_expect(said(self, falling, 2, CF_ID_SIZE).is_all);
    cr_expect(said(self, twice, 2, CF_ID_SIZE).is_all);
    cr_expect(said(self, well, 2, CF_ID_SIZE - 1).is_all);
    cr_expect_not(said(self, NULL, 0, CF_ID_SIZE).is_all);
    cf_pack_text(&text, cf_bytes_of_text("all of it"));
    ann_says(self, "/keeps", &text);
    cr_expect(own(self).is_all);
    cf_buffer_release(&text);
    end_ann(self);
}

Test(keeping, reads_2048_collections_and_no_more)
{
    static cf_id ids[CF_KEPT_MAX + 1];
    ann *self = make_named_ann();

    for (size_t i = 0; i <= CF_KEPT_MAX; i++)
        cf_put_u64(ids[i].bytes, i + 1);
    const cf_kept most = {false, ids, CF_KEPT_MAX};
    cr_expect_eq(tell(self, &most), 1);
    cr_expect_eq(own(self).count, CF_KEPT_MAX);
    cr_expect(said(self, ids, CF_KEPT_MAX + 1, CF_ID_SIZE).is_all);
    const cf_kept more = {false, ids, CF_KEPT_MAX + 1};
    cr_expect_eq(tell(self, &most), 1);
    cr_expect_eq(tell(self, &more), 1);
    const cf_kept all = {.is_all = true};
    cr_expect_eq(tell(self, &all), 0, "it said that it keeps all");
    end_ann(self);
}
