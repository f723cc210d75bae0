/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/delta_copies.h"

#include "codec/vcdiff.h"

#include <stdlib.h>
#include <string.h>

/* Of the default code table (RFC 3284, 5.6), and its caches of addresses (5.1). */
enum {
    NEAR = 4,
    SAME = 3,
    SAME_SIZE = SAME * 256,
    START_MAX = 64, /* bytes of a window before its sections */
};

#define SECTION_MAX (2 * CF_VCDIFF_WINDOW) /* of instructions, or addresses */

void cf_delta_copies_release(cf_delta_copies *copies)
{
    free(copies->at);
    *copies = (cf_delta_copies){0};
}

static cf_status add(cf_delta_copies *copies, cf_delta_copy copy, cf_error *error)
{
    cf_delta_copy *last = copies->count ? &copies->at[copies->count - 1] : NULL;

    if (!copy.size)
        return CF_OK;
    if (last && last->at + last->size == copy.at && last->base + last->size == copy.base) {
        last->size += copy.size;
        return CF_OK;
    }
    if (copies->count == CF_DELTA_COPIES_MAX)
        return cf_fail(error, CF_TOO_LARGE, "a patch of too many copies");
    *cf_one_more(copies->at, copies->count, copies->capacity) = copy;
    return CF_OK;
}

void cf_delta_copies_all(uint64_t size, cf_delta_copies *out)
{
    if (size)
        *cf_one_more(out->at, out->count, out->capacity) = (cf_delta_copy){.size = size};
}

/* ---- A window ---- */

typedef struct {
    uint64_t segment, from; /* bytes of the base that the window may copy, and where they begin */
    uint64_t size;          /* of what it makes */
    uint64_t data, instructions, addresses; /* bytes of its sections */
    uint64_t sections;                      /* where these begin in the patch */
} delta_window;

/* Numbers out of what was read of a window's start; false when one is missing. */
typedef struct {
    cf_bytes bytes;
    size_t at;
    bool ended;
} numbers;

static uint64_t next_number(numbers *self)
{
    uint64_t number = 0;

    self->ended = self->ended || !cf_vcdiff_number(self->bytes, &self->at, &number);
    return self->ended ? 0 : number;
}

static unsigned next_byte(numbers *self)
{
    self->ended = self->ended || self->at == self->bytes.size;
    return self->ended ? 0 : self->bytes.data[self->at++];
}

static bool is_within(const delta_window *self, uint64_t base_size, uint64_t patch_size)
{
    const uint64_t left = patch_size - self->sections;

    return self->from <= base_size && self->segment <= base_size - self->from &&
           self->size <= CF_VCDIFF_WINDOW && self->instructions <= SECTION_MAX &&
           self->addresses <= SECTION_MAX && self->data <= left &&
           self->instructions <= left - self->data &&
           self->addresses <= left - self->data - self->instructions;
}

static cf_status read_window(const cf_reader_at *patch, uint64_t at, uint64_t base_size,
                             delta_window *out, cf_error *error)
{
    uint8_t start[START_MAX];
    const uint64_t left = patch->size - at;
    const size_t size = left < sizeof start ? (size_t)left : sizeof start;

    cf_status status = cf_reader_at_read(patch, at, start, size, error);
    if (status)
        return status;
    numbers read = {.bytes = cf_bytes_of(start, size)};
    const unsigned indicator = next_byte(&read);
    *out = (delta_window){0};
    if (indicator & CF_VCDIFF_FROM_SOURCE) {
        out->segment = next_number(&read);
        out->from = next_number(&read);
    }
    next_number(&read); /* bytes of the rest: the sections say so, too */
    out->size = next_number(&read);
    const unsigned compressed = next_byte(&read);
    out->data = next_number(&read);
    out->instructions = next_number(&read);
    out->addresses = next_number(&read);
    read.at += indicator & CF_VCDIFF_CHECKSUM ? 4 : 0;
    out->sections = at + read.at;
    if (read.ended || read.at > size || compressed || (indicator & CF_VCDIFF_FROM_TARGET) ||
        !is_within(out, base_size, patch->size))
        return cf_fail(error, CF_MALFORMED, "a window of a patch is damaged");
    return CF_OK;
}

/* ---- Its instructions ---- */

typedef struct {
    const delta_window *window;
    uint64_t made_before; /* by the windows before */
    cf_delta_copies *out;
    numbers instructions, addresses;
    uint64_t made; /* by this window */
    uint64_t near[NEAR], same[SAME_SIZE];
    size_t next_near;
} run;

static uint64_t read_address(run *self, unsigned mode)
{
    const uint64_t here = self->window->segment + self->made;
    uint64_t address;

    if (mode >= 2 + NEAR)
        address = self->same[(mode - 2 - NEAR) * 256 + next_byte(&self->addresses)];
    else if (mode >= 2)
        address = self->near[mode - 2] + next_number(&self->addresses);
    else if (mode)
        address = here - next_number(&self->addresses);
    else
        address = next_number(&self->addresses);
    self->addresses.ended = self->addresses.ended || address >= here;
    self->near[self->next_near] = address;
    self->next_near = (self->next_near + 1) % NEAR;
    self->same[address % SAME_SIZE] = address;
    return address;
}

static cf_status make(run *self, uint64_t size, cf_error *error)
{
    if (self->instructions.ended || size > self->window->size - self->made)
        return cf_fail(error, CF_MALFORMED, "a patch makes more than its window");
    self->made += size;
    return CF_OK;
}

static cf_status copy(run *self, uint64_t size, unsigned mode, cf_error *error)
{
    const uint64_t segment = self->window->segment;
    const uint64_t at = self->made_before + self->made, address = read_address(self, mode);

    if (self->addresses.ended)
        return cf_fail(error, CF_MALFORMED, "a patch copies from nowhere");
    cf_status status = make(self, size, error);
    if (status || address >= segment)
        return status;
    const uint64_t most = segment - address;
    return add(self->out,
               (cf_delta_copy){at, self->window->from + address, size < most ? size : most}, error);
}

/* The default code table: of which kinds an instruction is, and with which sizes, is what its
 * number says. */
static cf_status step(run *self, cf_error *error)
{
    const unsigned code = next_byte(&self->instructions);
    cf_status status;

    if (code <= 18) { /* RUN, or ADD */
        const bool is_sized = code >= 2;

        return make(self, is_sized ? code - 1 : next_number(&self->instructions), error);
    }
    if (code < 163) { /* COPY */
        const unsigned size = (code - 19) % 16, mode = (code - 19) / 16;

        return copy(self, size ? size + 3 : next_number(&self->instructions), mode, error);
    }
    if (code < 235) { /* ADD of 1 to 4, and COPY of 4 to 6 */
        status = make(self, (code - 163) % 12 / 3 + 1, error);
        return status ? status : copy(self, (code - 163) % 3 + 4, (code - 163) / 12, error);
    }
    if (code < 247) { /* ADD of 1 to 4, and COPY of 4 */
        status = make(self, (code - 235) % 4 + 1, error);
        return status ? status : copy(self, 4, (code - 235) / 4 + 6, error);
    }
    status = copy(self, 4, code - 247, error); /* and ADD of 1 */
    return status ? status : make(self, 1, error);
}

static cf_status read_section(const cf_reader_at *patch, uint64_t at, uint64_t size, cf_buffer *out,
                              cf_error *error)
{
    cf_status status =
        cf_reader_at_read(patch, at, cf_buffer_reserve(out, (size_t)size), (size_t)size, error);

    out->size = status ? 0 : (size_t)size;
    return status;
}

static cf_status read_copies(const cf_reader_at *patch, const delta_window *window,
                             uint64_t made_before, cf_delta_copies *out, cf_error *error)
{
    cf_buffer instructions = {0}, addresses = {0};
    const uint64_t at = window->sections + window->data;

    cf_status status = read_section(patch, at, window->instructions, &instructions, error);
    if (!status)
        status =
            read_section(patch, at + window->instructions, window->addresses, &addresses, error);
    run self = {.window = window,
                .made_before = made_before,
                .out = out,
                .instructions.bytes = cf_buffer_view(&instructions),
                .addresses.bytes = cf_buffer_view(&addresses)};
    while (!status && self.instructions.at < self.instructions.bytes.size)
        status = step(&self, error);
    if (!status && self.made != window->size)
        status = cf_fail(error, CF_MALFORMED, "a window of a patch makes less than it says");
    cf_buffer_release(&instructions);
    cf_buffer_release(&addresses);
    return status;
}

cf_status cf_delta_copies_read(const cf_reader_at *patch, uint64_t base_size, uint64_t target_size,
                               cf_delta_copies *out, cf_error *error)
{
    uint8_t header[CF_VCDIFF_HEADER_SIZE];
    uint64_t at = sizeof header, made = 0;

    if (patch->size < sizeof header)
        return cf_fail(error, CF_MALFORMED, "a patch is cut short");
    cf_status status = cf_reader_at_read(patch, 0, header, sizeof header, error);
    if (!status && memcmp(header, cf_vcdiff_header, sizeof header) != 0)
        status = cf_fail(error, CF_MALFORMED, "a patch has no plain header");
    while (!status && at < patch->size) {
        delta_window window;

        status = read_window(patch, at, base_size, &window, error);
        if (!status && window.size > target_size - made)
            status = cf_fail(error, CF_MALFORMED, "a patch makes more than it should");
        if (!status)
            status = read_copies(patch, &window, made, out, error);
        if (!status) {
            made += window.size;
            at = window.sections + window.data + window.instructions + window.addresses;
        }
    }
    if (!status && made != target_size)
        status = cf_fail(error, CF_MALFORMED, "a patch makes less than it should");
    return status;
}

/* ---- Patches in a row ---- */

/* The first that ends behind `at`, or the count. */
static size_t first_behind(const cf_delta_copies *copies, uint64_t at)
{
    size_t low = 0, high = copies->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (copies->at[middle].at + copies->at[middle].size > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static cf_status join_one(const cf_delta_copies *earlier, const cf_delta_copy *later,
                          cf_delta_copies *out, cf_error *error)
{
    const uint64_t end = later->base + later->size;
    cf_status status = CF_OK;

    for (size_t i = first_behind(earlier, later->base); !status && i < earlier->count; i++) {
        const cf_delta_copy *one = &earlier->at[i];
        const uint64_t from = one->at > later->base ? one->at : later->base;
        const uint64_t to = one->at + one->size < end ? one->at + one->size : end;

        if (from >= end)
            break;
        status = add(
            out,
            (cf_delta_copy){later->at + from - later->base, one->base + from - one->at, to - from},
            error);
    }
    return status;
}

cf_status cf_delta_copies_join(const cf_delta_copies *earlier, const cf_delta_copies *later,
                               cf_delta_copies *out, cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < later->count; i++)
        status = join_one(earlier, &later->at[i], out, error);
    return status;
}
