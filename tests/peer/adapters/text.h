/* SPDX-License-Identifier: Apache-2.0 */
/* Texts for tests of the adapters: what programs export (exports/), and expectations about bytes.
 */
#ifndef CF_TESTS_PEER_ADAPTERS_TEXT_H
#define CF_TESTS_PEER_ADAPTERS_TEXT_H
#include "codec/bytes.h"
#include "tests/support/expect.h"
#include "tests/support/short_form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define expect_bytes(found, text)                                                                  \
    do {                                                                                           \
        cf_bytes expect_found_ = (found), expect_text_ = cf_bytes_of_text(text);                   \
        cr_assert(cf_bytes_equal(expect_found_, expect_text_), "%s is\n<%.*s>, not\n<%s>", #found, \
                  (int)expect_found_.size, (const char *)expect_found_.data, text);                \
    } while (0)

/* As expect_bytes, and releases the buffer. */
#define expect_written(buffer, text)                                                               \
    do {                                                                                           \
        expect_bytes(cf_buffer_view(buffer), text);                                                \
        cf_buffer_release(buffer);                                                                 \
    } while (0)

/* A file of exports/, with a NUL behind it that doesn't count. */
static inline cf_buffer an_export(const char *name)
{
    char path[512];
    cf_buffer bytes = {0};

    snprintf(path, sizeof path, "%s/%s", CF_EXPORTS, name);
    FILE *file = fopen(path, "rb");
    cr_assert(file, "%s can't be read", path);
    for (int byte = fgetc(file); byte != EOF; byte = fgetc(file)) {
        uint8_t one = (uint8_t)byte;

        cf_buffer_append(&bytes, &one, 1);
    }
    fclose(file);
    *cf_buffer_reserve(&bytes, 1) = '\0';
    return bytes;
}

/* The text with the first `old` in it replaced: what an edit should make of it. */
static inline cf_buffer with_replaced(const char *text, const char *old, const char *new)
{
    const char *at = strstr(text, old);
    cf_buffer made = {0};

    cr_assert(at, "there is no %s", old);
    cf_buffer_append_text(&made, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
    return made;
}

/* Runs over the export cut at every length and with every byte flipped, each in a block of its own,
 * so that a sanitizer sees what is read beyond. In the short form a byte is flipped in one way of
 * four, its neighbour in another. */
static inline void spoil_bytes(cf_buffer whole, void (*look)(cf_bytes bytes))
{
    for (size_t size = 0; size < whole.size; size++) {
        uint8_t *cut = cf_allocate(size, 1);

        memcpy(cut, whole.data, size);
        look(cf_bytes_of(cut, size));
        free(cut);
    }
    for (size_t i = 0; i < whole.size; i++) {
        static const uint8_t masks[] = {0x01, 0x20, 0x80, 0xff};
        const unsigned step = one_in(1, sizeof masks, sizeof masks);

        for (size_t mask = i % step; mask < sizeof masks; mask += step) {
            whole.data[i] ^= masks[mask];
            look(cf_buffer_view(&whole));
            whole.data[i] ^= masks[mask];
        }
    }
}

static inline void spoil(const char *name, void (*look)(cf_bytes bytes))
{
    cf_buffer whole = an_export(name);

    spoil_bytes(whole, look);
    cf_buffer_release(&whole);
}

#endif
