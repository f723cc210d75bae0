/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/unmade.h"

#include "codec/limits.h"
#include "codec/pack.h"
#include "peer/log/catalog_writing.h"
#include "tests/peer/log/ann.h"

static const cf_id notes = {{2}}, papers = {{3}};

static size_t entries(ann *self)
{
    cf_store *store = cf_home_store(self->home);
    uint64_t last = 0;

    expect_ok(store->last(store, cf_peer_user(self->peer), &last, &self->error), self->error);
    return last;
}

/* How many entries it took. */
static size_t tell(ann *self, const cf_unmade *unmade)
{
    const size_t before = entries(self);

    expect_ok(cf_unmade_tell(unmade, self->peer, 2000, &self->error), self->error);
    return entries(self) - before;
}

static size_t count_said(ann *self)
{
    cf_unmade said = {0};

    cf_unmade_recall(&said, self->peer);
    const size_t count = said.count;
    cf_unmade_release(&said);
    return count;
}

Test(unmade, is_a_list_that_ascends_and_has_each_once)
{
    const cf_hash one = {{1}}, two = {{2}};
    cf_unmade list = {0};

    cr_expect(cf_unmade_add(&list, &papers, &one));
    cr_expect(cf_unmade_add(&list, &notes, &two));
    cr_expect(cf_unmade_add(&list, &notes, &one));
    cr_expect_not(cf_unmade_add(&list, &notes, &two));
    cr_assert_eq(list.count, 3);
    cr_expect(cf_id_equal(&list.at[0].collection, &notes));
    cr_expect(cf_hash_equal(&list.at[0].content, &one));
    cr_expect(cf_id_equal(&list.at[2].collection, &papers));
    cf_unmade_release(&list);
}

Test(unmade, is_told_when_it_changes_and_recalled)
{
    ann *self = make_named_ann();
    const cf_hash one = {{1}};
    cf_unmade list = {0};

    cr_expect_eq(tell(self, &list), 0, "who never lacked any says nothing");
    cf_unmade_add(&list, &notes, &one);
    cr_expect_eq(tell(self, &list), 1);
    cr_expect_eq(tell(self, &list), 0);
    cr_expect_eq(count_said(self), 1);
    list.count = 0;
    cr_expect_eq(tell(self, &list), 1);
    cr_expect_eq(tell(self, &list), 0);
    cr_expect_eq(count_said(self), 0);
    cf_unmade_release(&list);
    end_ann(self);
}

Test(unmade, is_64_contents_at_most)
{
    ann *self = make_named_ann();
    cf_unmade list = {0};
    cf_hash content = {{0}};

    for (size_t i = 0; i <= CF_UNMADE_MAX; i++) {
        content.bytes[0] = (uint8_t)i;
        cr_expect_eq(cf_unmade_add(&list, &notes, &content), i < CF_UNMADE_MAX);
    }
    cr_expect_eq(tell(self, &list), 1);
    cr_expect_eq(count_said(self), CF_UNMADE_MAX);
    cf_unmade_release(&list);
    end_ann(self);
}

/* One content, the list and its elements being of so many. */
static size_t said_in_form(ann *self, size_t count, size_t parts, size_t size)
{
    const cf_hash content = {{7}};
    cf_buffer value = {0};

    cf_pack_array(&value, count);
    for (size_t i = 0; i < count; i++) {
        cf_pack_array(&value, parts);
        cf_pack_bin(&value, cf_bytes_of(notes.bytes, CF_ID_SIZE));
        for (size_t k = 1; k < parts; k++)
            cf_pack_bin(&value, cf_bytes_of(content.bytes, size));
    }
    ann_says(self, "/unmade", &value);
    cf_buffer_release(&value);
    return count_said(self);
}

Test(unmade, is_nothing_in_another_form)
{
    ann *self = make_named_ann();
    cf_buffer text = {0};

    cr_expect_eq(said_in_form(self, 1, 2, CF_HASH_SIZE), 1);
    cr_expect_eq(said_in_form(self, 1, 3, CF_HASH_SIZE), 0);
    cr_expect_eq(said_in_form(self, 1, 1, CF_HASH_SIZE), 0);
    cr_expect_eq(said_in_form(self, 1, 2, CF_HASH_SIZE - 1), 0);
    cr_expect_eq(said_in_form(self, CF_UNMADE_MAX + 1, 2, CF_HASH_SIZE), 0);
    cf_pack_text(&text, cf_bytes_of_text("all"));
    ann_says(self, "/unmade", &text);
    cr_expect_eq(count_said(self), 0);
    cf_buffer_release(&text);
    end_ann(self);
}

/* What the log has nothing of nobody can supply, so it is asked for once, and heeded once. */
Test(unmade, is_heeded_once)
{
    ann *self = make_named_ann();
    const cf_hash one = {{1}};
    cf_unmade list = {0};

    cr_expect_not(cf_unmade_doubt_all(self->peer));
    cr_expect_not(cf_contents_doubts_any(self->peer->contents));
    cf_unmade_add(&list, &notes, &one);
    tell(self, &list);
    cr_expect(cf_unmade_doubt_all(self->peer));
    cr_expect_not(cf_unmade_doubt_all(self->peer));
    cr_expect(cf_contents_doubts_any(self->peer->contents));
    cr_expect_not(cf_unmade_drop_made(&list, self->peer));
    cr_expect_eq(list.count, 1);
    cf_unmade_release(&list);
    end_ann(self);
}
