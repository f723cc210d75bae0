/* SPDX-License-Identifier: Apache-2.0 */
/* Directories that were moved into each other: where the one is shown that goes back to where it
 * was, whatever a member says of that, and what an act beside many of them costs. Counted are
 * stretches, as in growth.c, of view_parents.c. */
#include "codec/item.h"
#include "peer/merge/view_inside.h"
#include "tests/peer/model/model_rules.h"
#include "tests/support/expect.h"

#include <stdlib.h>

enum { FEW = 20, MANY = 640 };

static uint64_t stretches;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    stretches++;
}

static const cf_id file = {{CF_KIND_FILE, 1}};

typedef struct {
    cf_rules rules;
    uint64_t serial, sequence;
    cf_state *state;
    cf_view *view;
} scene;

static void open_scene(scene *self)
{
    *self = (scene){.state = cf_state_new()};
    model_rules(&self->rules, &self->serial);
    self->view = cf_view_new(&self->rules, self->state);
}

static void close_scene(scene *self)
{
    cf_view_destroy(&self->view);
    cf_state_destroy(&self->state);
}

static cf_id directory(uint16_t number)
{
    return (cf_id){{CF_KIND_DIRECTORY, 1, (uint8_t)(number >> 8), (uint8_t)number}};
}

static void write(scene *self, const cf_id *item, uint32_t field, cf_buffer *value)
{
    const cf_dot dot = {.writer = {{1}}, .sequence = ++self->sequence, .hash = {2}};
    const cf_change change = {.item = *item,
                              .field = cf_field_fixed(field),
                              .value = cf_buffer_view(value),
                              .weak = field == CF_FIELD_NUMBER_FROM};

    cf_state_apply(self->state, &dot, (cf_time){self->sequence, 0}, &change, 1, NULL);
    cf_view_update(self->view, item, 1);
    cf_buffer_release(value);
}

static void put(scene *self, const cf_id *item, const cf_id *parent)
{
    cf_buffer place = {0}, name = {0};

    cf_pack_bin(&place, cf_bytes_of(parent->bytes, sizeof parent->bytes));
    write(self, item, CF_FIELD_NUMBER_PARENT, &place);
    cf_pack_bin(&name, cf_bytes_of_text("name"));
    write(self, item, CF_FIELD_NUMBER_NAME, &name);
}

static void say_from(scene *self, const cf_id *item, cf_bytes bytes)
{
    cf_buffer value = {0};

    cf_pack_bin(&value, bytes);
    write(self, item, CF_FIELD_NUMBER_FROM, &value);
}

static void expect_in(const scene *self, const cf_id *item, const cf_id *parent, const char *what)
{
    const cf_seen *seen = cf_view_seen(self->view, item);

    cr_assert(seen, "%s: it is not shown", what);
    cr_assert(seen->parent, "%s: it is not shown", what);
    cr_expect(cf_id_equal(&seen->parent->id, parent), "%s: it is in another directory", what);
}

static void fill(scene *self, const cf_id *of)
{
    cf_buffer value = {0};

    cf_pack_text(&value, cf_bytes_of_text("content"));
    write(self, of, CF_FIELD_NUMBER_CONTENT, &value);
}

/* The second, which was moved last, says that it was in what `from` has. */
static void expect_place(cf_bytes from, const cf_id *parent, const char *what)
{
    const cf_id home = directory(1), first = directory(2), second = directory(3);
    scene self;

    open_scene(&self);
    put(&self, &home, &cf_root_item);
    put(&self, &file, &cf_root_item);
    fill(&self, &file);
    put(&self, &first, &second);
    put(&self, &second, &first);
    say_from(&self, &second, from);
    expect_in(&self, &second, parent, what);
    expect_in(&self, &first, &second, what);
    close_scene(&self);
}

static cf_bytes bytes_of(const cf_id *id)
{
    return cf_bytes_of(id->bytes, sizeof id->bytes);
}

Test(crossing, goes_back_to_where_it_was_or_to_the_root_whatever_a_member_says)
{
    const cf_id home = directory(1), first = directory(2), second = directory(3),
                none = directory(4);

    expect_place(bytes_of(&home), &home, "a directory");
    expect_place(bytes_of(&cf_root_item), &cf_root_item, "the root");
    expect_place(bytes_of(&none), &cf_root_item, "one that nobody knows");
    expect_place(bytes_of(&file), &cf_root_item, "a file");
    expect_place(bytes_of(&first), &cf_root_item, "the other one of the two");
    expect_place(bytes_of(&second), &cf_root_item, "itself");
    expect_place(cf_bytes_of_text("short"), &cf_root_item, "no id");
}

Test(crossing, of_two_pairs_where_each_was_in_the_other_makes_no_other_cycle)
{
    scene self;

    open_scene(&self);
    for (uint16_t pair = 0; pair < 2; pair++) {
        const cf_id lower = directory((uint16_t)(10 * pair + 1)),
                    upper = directory((uint16_t)(10 * pair + 2)),
                    other = directory((uint16_t)(10 * !pair + 1));

        put(&self, &lower, &upper);
        put(&self, &upper, &lower);
        say_from(&self, &upper, bytes_of(&other));
    }
    for (uint16_t pair = 0; pair < 2; pair++) {
        const cf_id upper = directory((uint16_t)(10 * pair + 2));

        expect_in(&self, &upper, &cf_root_item, "below the other pair");
    }
    close_scene(&self);
}

Test(crossing, follows_when_what_the_place_hangs_on_changes)
{
    const cf_id home = directory(1), above = directory(5), first = directory(2),
                second = directory(3);
    scene self;

    open_scene(&self);
    put(&self, &above, &cf_root_item);
    put(&self, &home, &above);
    put(&self, &first, &second);
    put(&self, &second, &first);
    say_from(&self, &second, bytes_of(&home));
    expect_in(&self, &second, &home, "as it was");
    put(&self, &above, &first);
    expect_in(&self, &second, &cf_root_item, "where it was lies below the cycle");
    put(&self, &above, &cf_root_item);
    expect_in(&self, &second, &home, "and does no more");
    put(&self, &first, &cf_root_item);
    expect_in(&self, &second, &first, "there is no cycle");
    close_scene(&self);
}

/* What a new directory costs, and a move of it, where so many pairs were moved into each other. */
static uint64_t count_beside(uint16_t pairs)
{
    const cf_id home = directory(1), added = directory(2), to = directory(3);
    scene self;

    open_scene(&self);
    put(&self, &home, &cf_root_item);
    put(&self, &to, &cf_root_item);
    for (uint16_t i = 0; i < pairs; i++) {
        const cf_id first = directory((uint16_t)(2 * i + 10)),
                    second = directory((uint16_t)(2 * i + 11));

        put(&self, &first, &second);
        put(&self, &second, &first);
        say_from(&self, &second, bytes_of(&home));
        expect_in(&self, &second, &home, "each");
    }
    const uint64_t before = stretches;
    put(&self, &added, &cf_root_item);
    put(&self, &added, &to);
    const uint64_t counted = stretches - before;
    close_scene(&self);
    return counted;
}

Test(crossing, costs_nothing_beside_it)
{
    const uint64_t few = count_beside(FEW), many = count_beside(MANY);

    cr_expect_gt(few, 0, "nothing is counted");
    cr_expect_leq(many, few + few / 4, "%llu beside %d pairs, %llu beside %d",
                  (unsigned long long)few, FEW, (unsigned long long)many, MANY);
}
