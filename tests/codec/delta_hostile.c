/* SPDX-License-Identifier: Apache-2.0 */
/* Patches that are cut short or damaged. */
#include "codec/delta.h"

#include "codec/limits.h"
#include "tests/codec/delta_contents.h"
#include "tests/codec/delta_secondary.h"
#include "tests/support/expect.h"

#include <string.h>

/* A valid patch with what it belongs to. */
typedef struct {
    cf_buffer source;
    cf_buffer target;
    cf_buffer patch;
    cf_delta_form form;
} sample;

enum { SAMPLES = 7 };

static void make_sample(sample *self, size_t size, cf_delta_form form)
{
    chance dice = {size};
    cf_error error;

    append_random(&self->source, size, &dice);
    append_edited(&self->target, cf_buffer_view(&self->source), 5, &dice);
    self->form = form;
    cf_bytes source = cf_buffer_view(&self->source), target = cf_buffer_view(&self->target);
    cf_delta_encoding encoding = {
        .source = cf_reader_of_bytes(&source),
        .target = cf_reader_of_bytes(&target),
        .patch = cf_sink_of_buffer(&self->patch),
        .form = form,
    };
    expect_ok(cf_delta_encode(&encoding, &error), error);
}

static void make_secondary_sample(sample *self, cf_bytes patch)
{
    append_secondary_source(&self->source);
    append_secondary_target(&self->target, cf_buffer_view(&self->source));
    cf_buffer_append(&self->patch, patch.data, patch.size);
    self->form = CF_DELTA_FILE;
}

static void make_samples(sample samples[SAMPLES])
{
    memset(samples, 0, SAMPLES * sizeof *samples);
    make_sample(&samples[0], 9000, CF_DELTA_LOG);
    make_sample(&samples[1], 9000, CF_DELTA_FILE);
    make_sample(&samples[2], 900000, CF_DELTA_LOG);
    make_sample(&samples[3], 900000, CF_DELTA_FILE);
    make_secondary_sample(&samples[4], cf_bytes_of(lzma_patch, sizeof lzma_patch));
    make_secondary_sample(&samples[5], cf_bytes_of(djw_patch, sizeof djw_patch));
    make_secondary_sample(&samples[6], cf_bytes_of(fgk_patch, sizeof fgk_patch));
}

static void release_samples(sample samples[SAMPLES])
{
    for (int i = 0; i < SAMPLES; i++) {
        cf_buffer_release(&samples[i].source);
        cf_buffer_release(&samples[i].target);
        cf_buffer_release(&samples[i].patch);
    }
}

static cf_status decode(const sample *self, cf_bytes patch, cf_buffer *result)
{
    cf_error error;

    cf_buffer_clear(result);
    return decode_bytes(cf_buffer_view(&self->source), patch, self->form, CF_MIB, result, &error);
}

Test(hostile, samples_are_good_to_begin_with)
{
    sample samples[SAMPLES];
    cf_buffer result = {0};

    make_samples(samples);
    for (int i = 0; i < SAMPLES; i++) {
        expect_fails(decode(&samples[i], cf_buffer_view(&samples[i].patch), &result), CF_OK);
        cr_assert(cf_bytes_equal(cf_buffer_view(&result), cf_buffer_view(&samples[i].target)));
    }
    cf_buffer_release(&result);
    release_samples(samples);
}

Test(hostile, log_takes_no_secondary_compressor)
{
    sample samples[SAMPLES];
    cf_buffer result = {0};

    make_samples(samples);
    for (int i = 4; i < SAMPLES; i++) {
        samples[i].form = CF_DELTA_LOG;
        expect_fails(decode(&samples[i], cf_buffer_view(&samples[i].patch), &result), CF_MALFORMED);
    }
    cf_buffer_release(&result);
    release_samples(samples);
}

Test(hostile, no_cut_gives_the_whole)
{
    static const int cut_samples[] = {0, 1, 4, 5, 6};
    sample samples[SAMPLES];
    cf_buffer result = {0};

    make_samples(samples);
    for (size_t i = 0; i < sizeof cut_samples / sizeof *cut_samples; i++) {
        const sample *self = &samples[cut_samples[i]];

        for (size_t size = 0; size < self->patch.size; size++) {
            cf_status status = decode(self, cf_bytes_of(self->patch.data, size), &result);

            cr_assert(status == CF_MALFORMED || (status == CF_OK && size >= 5 && result.size == 0),
                      "sample %d cut at %zu of %zu: status %d, %zu bytes", cut_samples[i], size,
                      self->patch.size, (int)status, result.size);
        }
    }
    cf_buffer_release(&result);
    release_samples(samples);
}

/* Damages a copy of the patch in one to five places. */
static void mutate(cf_buffer *patch, chance *dice)
{
    for (uint64_t count = 1 + chance_below(dice, 5); count > 0 && patch->size > 0; count--) {
        size_t near = patch->size < 64 ? patch->size : 64;
        size_t at = (size_t)chance_below(dice, chance_below(dice, 2) ? near : patch->size);
        size_t length = (size_t)chance_below(dice, patch->size - at < 32 ? patch->size - at : 32);

        switch (chance_below(dice, 6)) {
        case 0:
            patch->data[at] ^= (uint8_t)(1u << chance_below(dice, 8));
            break;
        case 1:
            patch->data[at] = (uint8_t)chance_below(dice, 256);
            break;
        case 2: /* makes a number longer */
            patch->data[at] |= 0x80;
            break;
        case 3:
            memset(patch->data + at, chance_below(dice, 2) ? 0xff : 0, length);
            break;
        case 4: /* takes some out */
            memmove(patch->data + at, patch->data + at + length, patch->size - at - length);
            patch->size -= length;
            break;
        default: /* brings some of another place */
            memmove(patch->data + at, patch->data + chance_below(dice, patch->size - length + 1),
                    length);
        }
    }
}

Test(hostile, mutants_are_refused_or_stay_in_their_bounds)
{
    sample samples[SAMPLES];
    chance dice = {20};
    int taken = 0, refused = 0;
    cf_buffer mutant = {0}, result = {0};

    make_samples(samples);
    for (int i = 0; i < 5600; i++) {
        const sample *self = &samples[i % SAMPLES];

        cf_buffer_clear(&mutant);
        cf_buffer_append(&mutant, self->patch.data, self->patch.size);
        mutate(&mutant, &dice);
        if (decode(self, cf_buffer_view(&mutant), &result))
            refused++;
        else
            taken++;
        cr_assert(result.size <= CF_MIB);
    }
    cr_assert(refused > 1000, "%d refused, %d taken", refused, taken);
    cr_assert(taken > 100, "%d refused, %d taken", refused, taken);
    cf_buffer_release(&mutant);
    cf_buffer_release(&result);
    release_samples(samples);
}
