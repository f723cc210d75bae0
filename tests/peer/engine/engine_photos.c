/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures in base64, which programs write into cards and tables as text: an edit of the picture
 * travels as a patch of the picture, and the text comes out letter by letter. */
#include "tests/peer/small/small_cards.h"
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_folder.h"
#include "tests/peer/small/small_table.h"

#include "codec/base64.h"
#include "tests/support/expect.h"

#include <stdio.h>
#include <string.h>

enum { PHOTO = 300 << 10, SMALL = 60 << 10, LOGO = 100 << 10, ENTRY_MAX = 2048, FOLDED = 74 };

static uint64_t received(small_device *self)
{
    cf_traffic traffic;

    cf_engine_traffic(self->engine, &traffic);
    return traffic.bytes_received;
}

static cf_buffer picture(small_world *in, size_t size)
{
    cf_buffer out = {0};

    cf_buffer_reserve(&out, size + 100);
    for (size_t i = 0; i < size; i++)
        cf_buffer_append(&out, &(uint8_t){(uint8_t)chance_below(&in->chance, 256)}, 1);
    return out;
}

/* ---- Cards ---- */

/* A base64 value, folded as vCard 3 has it. */
static void append_picture(cf_buffer *card, const char *name, const cf_buffer *picture)
{
    cf_buffer letters = {0};

    cf_base64_write(cf_buffer_view(picture), true, &letters);
    cf_buffer_append_text(card, "%s;ENCODING=b;TYPE=JPEG:", name);
    for (size_t at = 0; at < letters.size; at += FOLDED) {
        size_t left = letters.size - at;

        cf_buffer_append_text(card, "\r\n %.*s", (int)(left < FOLDED ? left : FOLDED),
                              (const char *)letters.data + at);
    }
    cf_buffer_append_text(card, "\r\n");
    cf_buffer_release(&letters);
}

typedef struct {
    cf_buffer photo, logo;
    int phone;
} person;

static void write_person(small_device *self, person *who, cf_buffer *card)
{
    cf_buffer_clear(card);
    cf_buffer_append_text(card, "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:ann\r\nFN:Ann\r\nTEL:+49 %d\r\n",
                          who->phone);
    if (who->logo.size)
        append_picture(card, "LOGO", &who->logo);
    append_picture(card, "PHOTO", &who->photo);
    cf_buffer_append_text(card, "END:VCARD\r\n");
    cf_buffer_append(card, "", 1);
    user_writes_text_card(self, "ann.vcf", (const char *)card->data);
}

static void travels_as_a_patch(size_t photo_size, size_t logo_size)
{
    small_world *w = small_world_new(41, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    person ann = {picture(w, photo_size), picture(w, logo_size), 0};
    cf_buffer card = {0}, there = {0};

    small_world_bind_cards(w);
    write_person(a, &ann, &card);
    settle(w);
    for (int step = 0; step < 4; step++) {
        uint64_t entries = small_world_entries(w), before = received(b);

        ann.phone++;
        insert_in_front(&ann.photo);
        write_person(a, &ann, &card);
        cr_assert(small_device_sync(a));
        cr_expect_eq(small_world_entries(w), entries + 1, "step %d", step);
        cr_assert(small_device_sync(b));
        cr_expect_leq(received(b) - before, ENTRY_MAX, "step %d: %lu bytes", step,
                      (unsigned long)(received(b) - before));
    }
    settle(w);
    small_device_reads_card(a, "ann.vcf", &there);
    cr_expect(cf_bytes_equal(cf_buffer_view(&there), cf_buffer_view(&card)), "its own is touched");
    write_person(b, &ann, &card); /* the same, in its own words */
    uint64_t entries = small_world_entries(w);
    settle(w);
    cr_expect_eq(small_world_entries(w), entries, "what came there was something else");
    cf_buffer_release(&ann.photo);
    cf_buffer_release(&ann.logo);
    cf_buffer_release(&card);
    cf_buffer_release(&there);
    small_world_destroy(&w);
}

Test(engine_photos, travel_as_patches_in_the_entry_of_the_telephone)
{
    travels_as_a_patch(PHOTO, 0);
}

Test(engine_photos, travel_so_when_only_their_text_is_long)
{
    travels_as_a_patch(SMALL, 0);
}

Test(engine_photos, are_patches_of_themselves_beside_other_pictures)
{
    travels_as_a_patch(PHOTO, LOGO);
}

/* ---- Texts ---- */

static table_row *set_note(table *in, cf_bytes note)
{
    table_row *row = table_find(in, 1);

    cf_buffer_clear(&row->note);
    cf_buffer_append(&row->note, note.data, note.size);
    return row;
}

static void comes_as_it_is(const char *before, const char *behind, bool padded)
{
    small_world *w = small_world_new(42, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    cf_buffer photo = picture(w, PHOTO), text = {0};
    table people = {0}, seen = {0};

    small_world_bind_tables(w);
    table_add(&people, 1, 1, cf_bytes_of_text("nothing"));
    user_writes_table(a, &people);
    settle(w);
    for (int step = 0; step < 3; step++) {
        cf_buffer_clear(&text);
        cf_buffer_append_text(&text, "%s", before);
        cf_base64_write(cf_buffer_view(&photo), padded, &text);
        cf_buffer_append_text(&text, "%s", behind);
        set_note(&people, cf_buffer_view(&text));
        user_writes_table(a, &people);
        settle(w);
        cr_assert(user_reads_table(b, &seen));
        cr_expect(tables_equal(&seen, &people), "%s...%s, step %d", before, behind, step);
        table_release(&seen);
        insert_in_front(&photo);
    }
    table_release(&people);
    cf_buffer_release(&text);
    cf_buffer_release(&photo);
    small_world_destroy(&w);
}

Test(engine_photos, come_letter_by_letter)
{
    static const char *const odd[] = {"", ".", "=", "==", "===", "~", "A", "-_", "ABC"};

    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        comes_as_it_is(i % 2 ? "photo:" : "", odd[i], i % 3 != 0);
}
