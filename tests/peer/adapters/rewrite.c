/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/rewrite.h"

#include "peer/adapters/key_text.h"
#include "tests/peer/adapters/text.h"

/* Keys are packed texts of one letter, and "1", which a number 1 reads like. */
#define KEY(letter)                                                                                \
    {                                                                                              \
        (const uint8_t *)"\xa1" letter, 2                                                          \
    }
#define ONE                                                                                        \
    {                                                                                              \
        (const uint8_t *)"\x01", 1                                                                 \
    }

static cf_record_file found;

static void find(cf_row row)
{
    cf_record_file_add(&found, &row, 10 + found.count);
}

static void leave(void)
{
    cf_record_file_release(&found);
}

TestSuite(rewrite, .fini = leave);

static void print_key(const cf_row *row, cf_buffer *out)
{
    cf_buffer_append_text(out, "%c", row->key.size == 1 ? '#' : row->key.data[1]);
}

/* "a@10=a" for a row that stays, "a@10-" for one that goes, "+a" for a new one. */
static void expect_steps(const cf_row *rows, size_t count,
                         bool (*otherwise)(cf_bytes key, cf_buffer *out), const char *text)
{
    cf_rewrite rewrite = cf_rewrite_of(&found, rows, count, otherwise);
    cf_buffer out = {0};
    cf_rewrite_step step;

    while (cf_rewrite_next(&rewrite, &step)) {
        cf_buffer_append_text(&out, out.size ? " " : "");
        if (step.is)
            print_key(step.is, &out);
        if (step.is)
            cf_buffer_append_text(&out, "@%zu", step.place);
        cf_buffer_append_text(&out, !step.wanted ? "-" : step.is ? "=" : "+");
        if (step.wanted)
            print_key(step.wanted, &out);
    }
    cf_rewrite_release(&rewrite);
    expect_written(&out, text);
}

Test(rewrite, changes_and_removes_in_the_order_of_the_file_and_appends_by_key)
{
    static const cf_row rows[] = {{.key = KEY("d")}, {.key = KEY("c")}, {.key = KEY("a")}};

    find((cf_row){.key = KEY("c")});
    find((cf_row){.key = KEY("b")});
    find((cf_row){.key = KEY("a")});
    expect_steps(rows, 3, NULL, "c@10=c b@11- a@12=a +d");
}

Test(rewrite, begins_with_nothing_and_ends_with_nothing)
{
    static const cf_row rows[] = {{.key = KEY("b")}, {.key = KEY("a")}};

    expect_steps(NULL, 0, NULL, "");
    expect_steps(rows, 2, NULL, "+a +b");
    find((cf_row){.key = KEY("a")});
    expect_steps(NULL, 0, NULL, "a@10-");
}

Test(rewrite, tells_rows_of_two_tables_apart)
{
    static const cf_row rows[] = {{.table = {(const uint8_t *)"t", 1}, .key = KEY("a")}};

    find((cf_row){.key = KEY("a")});
    expect_steps(rows, 1, NULL, "a@10- +a");
}

Test(rewrite, writes_nothing_beside_what_is_in_trouble)
{
    static const cf_row rows[] = {{.key = KEY("a")}, {.key = KEY("b")}, {.key = KEY("1")}};
    const cf_row lost = {.key = KEY("a")}, number = {.key = ONE};

    cf_record_file_trouble(&found, 1, &lost, "is odd");
    cf_record_file_trouble(&found, 2, NULL, "is odd, and nobody knows which");
    cf_record_file_trouble(&found, 3, &number, "is odd");
    expect_steps(rows, 3, NULL, "+1 +b");
    expect_steps(rows, 3, cf_key_otherwise, "+b");
}

Test(rewrite, looks_for_a_key_that_is_spelled_otherwise_where_nobody_has_it_as_found)
{
    static const cf_row text[] = {{.key = KEY("1")}}, both[] = {{.key = KEY("1")}, {.key = ONE}};

    find((cf_row){.key = ONE});
    expect_steps(text, 1, NULL, "#@10- +1");
    expect_steps(text, 1, cf_key_otherwise, "#@10=1");
    expect_steps(both, 2, cf_key_otherwise, "#@10=# +1");
    find((cf_row){.key = KEY("1")});
    expect_steps(text, 1, cf_key_otherwise, "#@10- 1@11=1");
}
