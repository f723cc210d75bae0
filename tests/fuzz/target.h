/* SPDX-License-Identifier: Apache-2.0 */
/* A fuzz target: one reader of bytes that come from outside, and what must hold whatever they are.
 * Each target is built twice: with libFuzzer, where the compiler has it, and with a program that
 * replays a folder of inputs and mutates them from a seed (replay.c). */
#ifndef CF_TESTS_FUZZ_TARGET_H
#define CF_TESTS_FUZZ_TARGET_H
#include "codec/bytes.h"
#include "codec/ids.h"

#include <stdbool.h>
#include <stddef.h>

/* Appends the input of this number, of those that get far, as our own programs would send it;
 * false: there are no more. */
bool fuzz_seed(size_t number, cf_buffer *out);
/* Appends the input of this number, of those that are far more than they look like, as somebody
 * would send who means harm: nobody takes it, whatever its size says. false: there are no more; few
 * targets have any. */
bool fuzz_bomb(size_t number, cf_buffer *out);
/* Reads the input, and says whether somebody took it, as they must what fuzz_seed gives. What must
 * hold and doesn't ends the program. */
bool fuzz_run(cf_bytes input);

#define fuzz_must(holds)                                                                           \
    do {                                                                                           \
        if (!(holds))                                                                              \
            fuzz_broken(#holds, __FILE__, __LINE__);                                               \
    } while (0)
_Noreturn void fuzz_broken(const char *what, const char *file, int line);

/* A hash or id of one byte, over and over. */
cf_hash fuzz_hash(uint8_t byte);
cf_id fuzz_id(uint8_t byte);

/* An input taken from its beginning; when it is over, zeros follow. */
typedef struct {
    cf_bytes rest;
} fuzz_input;
uint8_t fuzz_byte(fuzz_input *input);
uint8_t fuzz_below(fuzz_input *input, uint8_t bound);
/* At most `size` bytes. */
cf_bytes fuzz_take(fuzz_input *input, size_t size);
/* A length of two bytes, then as many. */
cf_bytes fuzz_chunk(fuzz_input *input);
void fuzz_add_chunk(cf_buffer *out, cf_bytes chunk);

/* Runs it, and ends the program when more than FUZZ_HEAP_MAX bytes were allocated at one time.
 * (Only known in a build with AddressSanitizer.) */
#define FUZZ_HEAP_MAX ((size_t)64 << 20)
bool fuzz_bounded_run(cf_bytes input);

#endif
