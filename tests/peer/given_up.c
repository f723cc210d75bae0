/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/merge/given_up.h"

#include <stdlib.h>

#include "tests/support/expect.h"

static const cf_id file = {{'f', 1}}, copy = {{'f', 2}}, other = {{'f', 3}};

static cf_ref content_of(const cf_id *item, const cf_id *holder, uint64_t sequence)
{
    return (cf_ref){*item,
                    *holder,
                    cf_bytes_of_text(CF_FIELD_CONTENT),
                    {.writer = {{3}}, .sequence = sequence, .hash = {1, 2}}};
}

static bool is_given_up(const cf_state *state, cf_ref ref, uint8_t kind)
{
    cf_buffer refs = {0};

    cf_refs_pack(&refs, &ref, 1);
    cf_node node = {.number = 1, .kind = kind, .refs = cf_buffer_view(&refs)};
    bool found = cf_node_is_given_up(state, &node);
    cf_buffer_release(&refs);
    return found;
}

static void apply(cf_state *state, uint64_t sequence, const cf_change *changes, size_t count)
{
    const cf_dot dot = {.writer = {{9}}, .sequence = sequence};

    cf_state_apply(state, &dot, (cf_time){sequence, 0}, changes, count, NULL);
}

Test(given_up, names_the_very_writes_beside_what_they_are_stored_with)
{
    const cf_ref contents[] = {content_of(&other, &other, 7), content_of(&copy, &file, 5),
                               content_of(&file, &file, 4)};
    cf_state *state = cf_state_new();
    cf_arena arena = {0};
    size_t count;

    const cf_change *changes = cf_given_up_changes(contents, 3, &arena, &count);
    cr_assert_eq(count, 2);
    cr_expect(cf_id_equal(&changes[0].item, &file) && cf_id_equal(&changes[1].item, &other));
    cr_expect(changes[0].weak && changes[1].weak, "they bring nothing back");
    apply(state, 1, changes, count);
    cr_expect(is_given_up(state, content_of(&file, &file, 4), 'f'));
    cr_expect(is_given_up(state, content_of(&copy, &file, 5), 'f'));
    cr_expect(is_given_up(state, content_of(&other, &other, 7), 'f'));
    cr_expect_not(is_given_up(state, content_of(&file, &file, 7), 'f'), "of another item");
    cr_expect_not(is_given_up(state, content_of(&file, &file, 6), 'f'), "a later one");
    cr_expect_not(is_given_up(state, content_of(&file, &file, 4), 'd'));
    cf_arena_release(&arena);
    cf_state_destroy(&state);
}

Test(given_up, adds_to_what_was_given_up_before)
{
    const cf_ref first = content_of(&file, &file, 4), second = content_of(&file, &file, 5);
    cf_state *state = cf_state_new();
    cf_arena arena = {0};
    size_t count;

    apply(state, 1, cf_given_up_changes(&first, 1, &arena, &count), 1);
    apply(state, 2, cf_given_up_changes(&second, 1, &arena, &count), 1);
    cr_expect(is_given_up(state, first, 'f') && is_given_up(state, second, 'f'));
    cf_arena_release(&arena);
    cf_state_destroy(&state);
}

/* Anybody may write anything there. */
Test(given_up, believes_nothing_that_has_another_form)
{
    static const char *const values[] = {"\x01", "\x90", "\x91\x01", "\x91\x94\x01\x01\x01\x01"};
    cf_state *state = cf_state_new();

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const cf_change change = {.item = file,
                                  .field = cf_bytes_of_text(CF_FIELD_GIVEN_UP),
                                  .value = cf_bytes_of_text(values[i]),
                                  .weak = true};

        apply(state, i + 1, &change, 1);
    }
    cr_expect_not(is_given_up(state, content_of(&file, &file, 1), 'f'));
    cf_state_destroy(&state);
}
