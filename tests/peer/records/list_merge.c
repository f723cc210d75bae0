/* SPDX-License-Identifier: Apache-2.0 */
/* Lists whose elements have an id, merged: said in JSON. */
#include "peer/records/list_merge.h"

#include <stdlib.h>

#include "codec/arena.h"
#include "peer/adapters/json_value.h"
#include "tests/support/expect.h"

static cf_bytes value(const char *text, cf_arena *arena)
{
    cf_buffer packed = {0};
    cf_error error;
    cf_json json;

    if (!*text)
        return (cf_bytes){0};
    expect_ok(cf_json_read(cf_bytes_of_text(text), &json, &error), error);
    expect_ok(cf_json_value(&json, 0, &packed, &error), error);
    cf_bytes made = cf_arena_copy(arena, cf_buffer_view(&packed));
    cf_json_release(&json);
    cf_buffer_release(&packed);
    return made;
}

typedef struct {
    const char *before, *shown, *other, *merged; /* "": they are not merged */
} example;

static void expect_merged(const example *wanted, bool clashes)
{
    cf_arena arena = {0};
    cf_buffer merged = {0}, text = {0};
    bool clash = false;
    const cf_list_versions of = {value(wanted->before, &arena), value(wanted->shown, &arena),
                                 value(wanted->other, &arena)};

    cr_expect_eq(cf_list_merge(&of, &clash, &merged), *wanted->merged != '\0', "%s | %s",
                 wanted->shown, wanted->other);
    cr_expect_eq(clash, clashes, "%s | %s", wanted->shown, wanted->other);
    if (merged.size)
        cf_value_json(cf_buffer_view(&merged), &text);
    cr_expect(cf_bytes_equal(cf_buffer_view(&merged), value(wanted->merged, &arena)),
              "%s | %s | %s: %.*s", wanted->before, wanted->shown, wanted->other, (int)text.size,
              (const char *)text.data);
    cf_buffer_release(&merged);
    cf_buffer_release(&text);
    cf_arena_release(&arena);
}

#define EXPECT_ALL(examples, clash)                                                                \
    for (size_t i = 0; i < sizeof(examples) / sizeof *(examples); i++)                             \
    expect_merged(&(examples)[i], clash)

#define A "{\"id\":\"a\",\"n\":1}"
#define A2 "{\"id\":\"a\",\"n\":2}"
#define A3 "{\"id\":\"a\",\"n\":3}"
#define B "{\"id\":\"b\",\"n\":1}"
#define B2 "{\"id\":\"b\",\"n\":2}"
#define C "{\"id\":3}"
#define D "{\"id\":\"3\"}"
#define E "{\"id\":-4}"

Test(list_merge, has_what_either_did)
{
    static const example examples[] = {
        {"[" A "," B "]", "[" A2 "," B "]", "[" A "," B2 "]", "[" A2 "," B2 "]"},
        {"[" A "]", "[" A "," C "]", "[" A "," D "]", "[" A "," C "," D "]"},
        {"[" A "," B "]", "[" A "]", "[" A "," B "," E "]", "[" A "," E "]"},
        {"[" A "," B "]", "[]", "[" A "," B "," C "]", "[" C "]"},
        {"[" A "]", "[]", "[]", "[]"},
        {"[" A "]", "[" A2 "]", "[" A2 "," C "]", "[" A2 "," C "]"},
        {"[" A "]", "[" A2 "]", "[" A2 "]", "[" A2 "]"},
        {"[]", "[" A "]", "[" B "]", "[" A "," B "]"},
    };
    EXPECT_ALL(examples, false);
}

Test(list_merge, keeps_what_one_took_away_and_the_other_changed)
{
    static const example examples[] = {
        {"[" A "," B "]", "[" B "]", "[" A2 "," B "]", "[" A2 "," B "]"},
        {"[" A "," B "]", "[" A2 "," B "]", "[" B "]", "[" A2 "," B "]"},
        {"[{\"id\":1,\"x\":1}]", "[{\"id\":1}]", "[{\"id\":1,\"x\":2}]", "[{\"id\":1,\"x\":2}]"},
    };
    EXPECT_ALL(examples, false);
}

Test(list_merge, merges_an_element_member_by_member_however_deep)
{
    static const example examples[] = {
        {"[{\"id\":1,\"x\":1,\"y\":1}]", "[{\"id\":1,\"x\":2,\"y\":1}]",
         "[{\"id\":1,\"x\":1,\"y\":2,\"z\":0}]", "[{\"id\":1,\"x\":2,\"y\":2,\"z\":0}]"},
        {"[{\"id\":1,\"in\":{\"p\":1,\"q\":1}}]", "[{\"id\":1,\"in\":{\"p\":2,\"q\":1}}]",
         "[{\"id\":1,\"in\":{\"p\":1}}]", "[{\"id\":1,\"in\":{\"p\":2}}]"},
        {"[{\"id\":1,\"in\":[" A "]}]", "[{\"id\":1,\"in\":[" A "," B "]}]",
         "[{\"id\":1,\"in\":[" A2 "]}]", "[{\"id\":1,\"in\":[" A2 "," B "]}]"},
    };
    EXPECT_ALL(examples, false);
}

Test(list_merge, takes_all_but_what_both_did_something_to)
{
    static const example examples[] = {
        {"[" A "," B "]", "[" A2 "," B "]", "[" A3 "," B2 "]", "[" A2 "," B2 "]"},
        {"[" A "]", "[" A2 "]", "[" A3 "," C "]", "[" A2 "," C "]"},
        {"[" A "," B "]", "[" A2 "]", "[" A3 "," B "," C "]", "[" A2 "," C "]"},
        {"", "[" A2 "]", "[" A3 "," B "]", "[" A2 "," B "]"},
        {"[{\"id\":1,\"l\":[1],\"m\":1}]", "[{\"id\":1,\"l\":[1,2],\"m\":1}]",
         "[{\"id\":1,\"l\":[1,3],\"m\":2}]", "[{\"id\":1,\"l\":[1,2],\"m\":2}]"},
    };
    EXPECT_ALL(examples, true);
}

Test(list_merge, has_all_of_two_that_were_made_apart)
{
    static const example examples[] = {
        {"", "[" A "," B "]", "[" A "," C "]", "[" A "," B "," C "]"},
    };
    EXPECT_ALL(examples, false);
}

Test(list_merge, puts_what_is_new_behind_what_it_was_put_behind)
{
    static const example examples[] = {
        {"[" A "," B "]", "[" A "," C "," B "]", "[" D "," A "," E "," B "]",
         "[" D "," A "," C "," E "," B "]"},
        {"[" A "," B "]", "[" C "," A "," B "]", "[" D "," E "," A "," B "]",
         "[" C "," D "," E "," A "," B "]"},
        {"[" A "," B "]", "[" A "]", "[" A "," B "," C "]", "[" A "," C "]"},
    };
    EXPECT_ALL(examples, false);
}

Test(list_merge, keeps_the_order_of_who_moved_something)
{
    static const example examples[] = {
        {"[" A "," B "," C "]", "[" C "," A "," B "]", "[" A "," B2 "," C "," E "]",
         "[" C "," E "," A "," B2 "]"},
        {"[" A "," B "," C "]", "[" A "," B2 "," C "," E "]", "[" C "," A "," B "]",
         "[" C "," E "," A "," B2 "]"},
        {"[" A "," B "," C "]", "[" B "," A "," C "]", "[" C "," A "," B "]",
         "[" B "," A "," C "]"},
    };
    EXPECT_ALL(examples, false);
}

Test(list_merge, is_not_of_lists_whose_elements_have_no_id_each)
{
    static const char *const none[] = {"{\"id\":1}",     "[1]",
                                       "[{\"name\":1}]", "[{\"id\":null}]",
                                       "[{\"id\":[1]}]", "[{\"id\":true}]",
                                       "[{\"id\":1.5}]", "[" A "," A2 "]",
                                       "\"text\"",       "null"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        cf_arena arena = {0};

        cr_expect_not(cf_list_is_mergeable(value(none[i], &arena)), "%s", none[i]);
        cf_arena_release(&arena);
        expect_merged(&(example){"[" A "]", none[i], "[" B "]", ""}, false);
        expect_merged(&(example){"[" A "]", "[" B "]", none[i], ""}, false);
        expect_merged(&(example){none[i], "[" A "]", "[" B "]", ""}, false);
    }
}

/* Whoever merges which way round has the same elements. */
Test(list_merge, has_the_same_elements_either_way_round)
{
    cf_arena arena = {0};
    cf_buffer one = {0}, other = {0};
    bool clash;
    const cf_bytes before = value("[" A "," B "]", &arena), left = value("[" B "," C "]", &arena),
                   right = value("[" D "," A2 "," B2 "]", &arena);

    cr_assert(cf_list_merge(&(cf_list_versions){before, left, right}, &clash, &one));
    cr_assert(cf_list_merge(&(cf_list_versions){before, right, left}, &clash, &other));
    cr_expect_eq(one.size, other.size);
    cf_buffer_release(&one);
    cf_buffer_release(&other);
    cf_arena_release(&arena);
}
