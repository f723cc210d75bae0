/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/records/record_disk.h"

#include "peer/adapters/record_format.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"
#include "tests/support/syncs.h"

#include <stdio.h>
#include <unistd.h>

static const uint64_t FUTURE_MS = INT64_MAX / 1000000;

static cf_status read_disk(const scratch *disk, const cf_record_reading *how, cf_error *error)
{
    cf_record_disk read;
    char path[96];

    snprintf(path, sizeof path, "%s/book/table.csv", disk->path);
    syncs_forget();
    cf_status status = cf_record_disk_read(disk->files, path, how, &read, error);
    cr_expect(status || (read.there && read.bytes.size == 3));
    cf_record_disk_release(&read);
    return status;
}

Test(record_disk, makes_a_file_and_its_name_durable_before_they_are_published)
{
    scratch *disk = scratch_new();
    cf_error error;

    scratch_mkdir(disk, "book");
    scratch_write(disk, "book/table.csv", "a\n1");
    expect_ok(read_disk(disk, &(cf_record_reading){FUTURE_MS, true, NULL}, &error), error);
    cr_expect_not(syncs_had("/table.csv") || syncs_had("/book"));
    expect_ok(read_disk(disk, &(cf_record_reading){FUTURE_MS, false, NULL}, &error), error);
    cr_expect(syncs_had("/table.csv"));
    cr_expect(syncs_had("/book"));
    syncs_fail("/table.csv");
    expect_fails(read_disk(disk, &(cf_record_reading){FUTURE_MS, false, NULL}, &error), CF_IO);
    scratch_destroy(&disk);
}

/* Nothing of it is read. */
Test(record_disk, names_a_file_that_is_too_large)
{
    scratch *disk = scratch_new();
    char path[96];
    cf_error error;

    scratch_mkdir(disk, "book");
    scratch_write(disk, "book/table.csv", "a\n1");
    snprintf(path, sizeof path, "%s/book/table.csv", disk->path);
    cr_assert_eq(truncate(path, CF_RECORD_FILE_MAX + 1), 0);
    expect_fails(read_disk(disk, &(cf_record_reading){FUTURE_MS, true, NULL}, &error),
                 CF_TOO_LARGE);
    cr_expect_str_eq(error.text, "table.csv is larger than 64 MiB: split it");
    scratch_destroy(&disk);
}
