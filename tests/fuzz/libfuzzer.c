/* SPDX-License-Identifier: Apache-2.0 */
/* The target under libFuzzer. With FUZZ_SEEDS=DIR in the environment the target's own inputs are
 * written there first. */
#include "tests/fuzz/target.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_input(const char *folder, const char *name, size_t number, cf_bytes input)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s-%zu", folder, name, number);
    file = fopen(path, "wb");
    fuzz_must(file && fwrite(input.data, 1, input.size, file) == input.size);
    fuzz_must(fclose(file) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *folder = getenv("FUZZ_SEEDS");
    cf_buffer input = {0};

    (void)argc;
    (void)argv;
    for (size_t i = 0; folder && fuzz_seed(i, &input); i++) {
        write_input(folder, "seed", i, cf_buffer_view(&input));
        cf_buffer_clear(&input);
    }
    cf_buffer_clear(&input);
    for (size_t i = 0; folder && fuzz_bomb(i, &input); i++) {
        write_input(folder, "bomb", i, cf_buffer_view(&input));
        cf_buffer_clear(&input);
    }
    cf_buffer_release(&input);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bounded_run(cf_bytes_of(data, size));
    return 0;
}
