/* SPDX-License-Identifier: Apache-2.0 */
/* The target under libFuzzer. With FUZZ_SEEDS=DIR in the environment the target's own inputs are
 * written there first. */
#include "tests/fuzz/target.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_seed(const char *folder, size_t number, cf_bytes seed)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof path, "%s/seed-%zu", folder, number);
    file = fopen(path, "wb");
    fuzz_must(file && fwrite(seed.data, 1, seed.size, file) == seed.size);
    fuzz_must(fclose(file) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *folder = getenv("FUZZ_SEEDS");
    cf_buffer seed = {0};

    (void)argc;
    (void)argv;
    for (size_t i = 0; folder && fuzz_seed(i, &seed); i++) {
        write_seed(folder, i, cf_buffer_view(&seed));
        cf_buffer_clear(&seed);
    }
    cf_buffer_release(&seed);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bounded_run(cf_bytes_of(data, size));
    return 0;
}
