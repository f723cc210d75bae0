/* SPDX-License-Identifier: Apache-2.0 */
/* Plain bodies of changes: who accepts one packs the same bytes again. */
#include "tests/fuzz/target.h"

#include "codec/change.h"
#include "codec/content.h"
#include "codec/pack.h"

enum { BLOBS = 4 };

static const cf_entry *the_entry(void)
{
    static cf_hash blobs[BLOBS];
    static cf_entry entry = {
        .header = {.version = 1, .type = CF_ENTRY_CHANGE, .writer = {{'w'}}, .sequence = 9}};

    entry.header.blobs = blobs;
    entry.header.blob_count = BLOBS;
    return &entry;
}

static cf_bytes content_of(cf_buffer *out, size_t number)
{
    static const cf_slice slices[] = {{false, 1, 5, 9}, {true, 0, 0, 70}, {false, 3, 0, 1}};
    cf_slices list = {0};
    cf_buffer packed = {0};
    cf_content content = {.hash = {{'h'}}, .size = 80};

    for (size_t i = 0; i < sizeof slices / sizeof *slices; i++)
        cf_slices_add(&list, slices[i]);
    cf_slices_pack(&list, &packed);
    content.how = (cf_how){.slices = cf_buffer_view(&packed)};
    if (number == 1)
        content = (cf_content){{{'i'}}, 4, 0, {.is_inline = true, .bytes = cf_bytes_of("four", 4)}};
    if (number == 2)
        content = (cf_content){{{'j'}},
                               90,
                               2,
                               {.is_patch = true,
                                .base = {{'b'}},
                                .is_inline = true,
                                .bytes = cf_bytes_of("patch", 5)}};
    cf_content_pack(out, &content);
    cf_slices_release(&list);
    cf_buffer_release(&packed);
    return cf_buffer_view(out);
}

static void pack_body(cf_buffer *out, size_t number)
{
    const cf_dot dots[] = {{{{1}}, 2, {3}}, {{{'w'}}, 8, {1}}, {{{'x'}}, 1, {1}}};
    cf_buffer name = {0}, content = {0}, covers = {0}, pin = {0}, how = {0};
    const cf_cover cover[] = {{cf_bytes_of_text("/name"), dots[0]},
                              {cf_bytes_of_text("/parent"), dots[2]}};
    const cf_pin pinned = {{{'d'}},        cf_bytes_of_text("pinned"), true, false, dots[1],
                           {{{0}}, 0, {0}}};

    cf_pack_bin(&name, cf_bytes_of_text("a name"));
    cf_covers_pack(&covers, cover, 2);
    cf_pin_pack(&pin, &pinned);
    cf_how_pack(&how, &(cf_how){.is_inline = true, .bytes = cf_bytes_of("four", 4)});
    cf_change changes[] = {
        {{{'C', 1}}, cf_bytes_of_text("/name"), cf_buffer_view(&covers), dots, 3, false},
        {{{'d', 1}}, cf_bytes_of_text(""), cf_buffer_view(&covers), NULL, 0, false},
        {{{'f', 1}}, cf_bytes_of_text("/content"), content_of(&content, number), dots, 1, false},
        {{{'f', 1}}, cf_bytes_of_text("/name"), cf_buffer_view(&name), dots + 1, 1, false},
        {{{'f', 1}}, cf_bytes_of_text("/pin"), cf_buffer_view(&pin), NULL, 0, true},
        {{{'f', 2}}, cf_bytes_of_text("/content"), {0}, dots, 2, false},
    };
    const cf_supply supply = {{{'s'}}, cf_buffer_view(&how)};
    const cf_body body = {.time = {1700000000000, 3},
                          .part = 1 + number,
                          .parts = 3,
                          .changes = changes + (number != 0),
                          .change_count = 6 - (number != 0),
                          .supplies = &supply,
                          .supply_count = 1};
    cf_body_pack(&body, out);
    cf_buffer_release(&name);
    cf_buffer_release(&content);
    cf_buffer_release(&covers);
    cf_buffer_release(&pin);
    cf_buffer_release(&how);
}

bool fuzz_seed(size_t number, cf_buffer *out)
{
    if (number < 3)
        pack_body(out, number);
    return number < 3;
}

bool fuzz_run(cf_bytes input)
{
    cf_arena arena = {0};
    cf_buffer again = {0};
    cf_error error;
    cf_body body;

    bool taken = !cf_body_read(input, the_entry(), &arena, &body, &error);
    if (taken) {
        cf_body_pack(&body, &again);
        fuzz_must(cf_bytes_equal(cf_buffer_view(&again), input));
    }
    cf_buffer_release(&again);
    cf_arena_release(&arena);
    return taken;
}
