/* SPDX-License-Identifier: Apache-2.0 */
/* A file of cards of a device that serves: what others changed in one card is brought there, and of
 * all others each is read once for that. */
#include "tests/peer/small/small_inside.h"
#include "tests/support/bound_source.h"

#include "peer/adapters/vcard_inside.h"
#include "tests/support/expect.h"

#include <stdio.h>

enum { NUMBER = 2, COMES_MS = 20000, FEW = 12 };

/* The linker brings calls here. */
static size_t cards_read;

void __real_cf_vcard_card_read(const cf_content_lines *lines, size_t component, cf_arena *arena,
                               cf_vcard_card *out);
void __wrap_cf_vcard_card_read(const cf_content_lines *lines, size_t component, cf_arena *arena,
                               cf_vcard_card *out);

void __wrap_cf_vcard_card_read(const cf_content_lines *lines, size_t component, cf_arena *arena,
                               cf_vcard_card *out)
{
    cards_read++;
    __real_cf_vcard_card_read(lines, component, arena, out);
}

static void path_of(const small_device *self, char path[160])
{
    snprintf(path, 160, "%s.vcf", self->folder);
}

/* Each has a name, and the first one that it is given. */
static void append_cards(int count, const char *first, cf_buffer *out)
{
    for (int i = 0; i < count; i++)
        cf_buffer_append_text(out,
                              "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:u%d\r\nFN:%s %d\r\nN:%s;;;;\r\n"
                              "TEL;TYPE=HOME:+49 30 %d\r\nEND:VCARD\r\n",
                              i, i ? "Ann" : first, i, i ? "Ann" : first, i);
}

static void write_cards(const small_device *self, int count, const char *first)
{
    cf_buffer text = {0};
    char path[160], beside[168];

    path_of(self, path);
    snprintf(beside, sizeof beside, "%s.new", path);
    append_cards(count, first, &text);
    FILE *file = fopen(beside, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(text.data, 1, text.size, file), text.size);
    fclose(file);
    cr_assert_eq(rename(beside, path), 0);
    cf_buffer_release(&text);
}

static void expect_cards(const small_device *self, int count, const char *first)
{
    cf_buffer wanted = {0}, is = {0};
    char path[160], piece[4096];
    size_t size;

    path_of(self, path);
    append_cards(count, first, &wanted);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    while ((size = fread(piece, 1, sizeof piece, file)) > 0)
        cf_buffer_append(&is, piece, size);
    fclose(file);
    cr_expect(cf_bytes_equal(cf_buffer_view(&is), cf_buffer_view(&wanted)), "of %d", count);
    cf_buffer_release(&wanted);
    cf_buffer_release(&is);
}

static void bind_cards(small_device *self)
{
    char path[160];

    path_of(self, path);
    bind_source(
        self->engine,
        &(bound_source){.collection = "people",
                        .options = {.number = NUMBER, .format = CF_FORMAT_VCARD, .path = path}});
}

/* When one card of so many was edited elsewhere. */
static size_t read_for_one_edit(int count)
{
    small_world *w = small_world_new(75, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    bind_cards(a);
    bind_cards(b);
    write_cards(a, count, "Ann");
    write_cards(b, count, "Ann");
    cr_assert(small_world_settle(w));
    expect_cards(b, count, "Ann");
    small_device_serves(b);
    small_device_passes(b, COMES_MS);
    write_cards(a, count, "Berta");
    cr_assert(small_device_sync(a));
    cards_read = 0;
    small_device_passes(b, COMES_MS);
    const size_t read = cards_read;
    expect_cards(b, count, "Berta");
    small_world_destroy(&w);
    return read;
}

Test(engine_vcf, is_read_once_where_one_card_was_edited_elsewhere)
{
    static const int sizes[] = {10, 100, 1000};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t read = read_for_one_edit(sizes[i]);

        cr_expect_geq(read, (size_t)sizes[i]);
        cr_expect_leq(read, (size_t)sizes[i] + FEW, "%zu of %d", read, sizes[i]);
    }
}
