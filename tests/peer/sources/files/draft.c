/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/draft.h"

#include "peer/merge/rules.h"
#include "tests/support/expect.h"

enum { BORN_MS = 5000000 };

static const cf_id own = {{1}}, other = {{2}}, file = {{CF_KIND_FILE, 1}};

typedef struct {
    cf_state *state;
    uint64_t sequence;
} scene;

static void tell(scene *self, const cf_id *writer, uint64_t sequence, uint32_t field, bool weak)
{
    const cf_dot dot = {.writer = *writer, .sequence = sequence, .hash = {3}};
    cf_buffer value = {0};

    if (field == CF_FIELD_NUMBER_DELETED)
        cf_covers_pack(&value, NULL, 0);
    else
        cf_pack_text(&value, cf_bytes_of_text("value"));
    const cf_change change = {.item = file,
                              .field = cf_field_fixed(field),
                              .value = cf_buffer_view(&value),
                              .weak = weak};
    cf_state_apply(self->state, &dot, (cf_time){BORN_MS + sequence, 0}, &change, 1, NULL);
    cf_buffer_release(&value);
}

static void make(scene *self, const cf_id *writer)
{
    self->state = cf_state_new();
    tell(self, writer, 1, CF_FIELD_NUMBER_KIND, false);
    tell(self, writer, 1, CF_FIELD_NUMBER_NAME, false);
    tell(self, writer, 1, CF_FIELD_NUMBER_CONTENT, false);
    tell(self, writer, 1, CF_FIELD_NUMBER_MODE, true);
}

static void expect_draft(scene *self, bool is, uint64_t now_ms, const char *what)
{
    const cf_id items[] = {file, {{CF_KIND_FILE, 2}}};
    cf_node node = {.items = items, .item_count = 1};

    cr_expect_eq(cf_draft_is(self->state, &node, &own, now_ms), is, "%s", what);
    node.item_count = 2;
    cr_expect_not(cf_draft_is(self->state, &node, &own, now_ms), "several that are shown as one");
    cf_state_destroy(&self->state);
}

Test(draft, is_what_this_device_has_just_made)
{
    const uint64_t born = BORN_MS + 1;
    scene self;

    make(&self, &own);
    expect_draft(&self, true, born, "at once");
    make(&self, &own);
    expect_draft(&self, true, born + CF_DRAFT_MS - 1, "for ten minutes");
    make(&self, &own);
    expect_draft(&self, false, born + CF_DRAFT_MS, "and no longer");
    make(&self, &other);
    expect_draft(&self, false, born, "another device made it");
    self.state = cf_state_new();
    expect_draft(&self, false, born, "nobody made it");
}

Test(draft, has_one_version_and_one_writer)
{
    const uint64_t now_ms = BORN_MS + 10;
    scene self;

    make(&self, &own);
    tell(&self, &own, 2, CF_FIELD_NUMBER_MTIME, true);
    expect_draft(&self, true, now_ms, "its time was set");
    make(&self, &own);
    tell(&self, &own, 2, CF_FIELD_NUMBER_CONTENT, false);
    expect_draft(&self, false, now_ms, "it was edited");
    make(&self, &own);
    tell(&self, &own, 2, CF_FIELD_NUMBER_NAME, false);
    expect_draft(&self, false, now_ms, "it was moved");
    make(&self, &own);
    tell(&self, &other, 1, CF_FIELD_NUMBER_MODE, true);
    expect_draft(&self, false, now_ms, "another device set its mode");
    make(&self, &own);
    tell(&self, &own, 2, CF_FIELD_NUMBER_DELETED, false);
    expect_draft(&self, false, now_ms, "it was deleted");
}

Test(draft, has_a_content_of_its_own)
{
    scene self = {.state = cf_state_new()};

    tell(&self, &own, 1, CF_FIELD_NUMBER_NAME, false);
    expect_draft(&self, false, BORN_MS + 1, "a conflict copy that was named");
}
