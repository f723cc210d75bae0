/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/verbs.h"

#include "codec/blob.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

#include <stdio.h>
#include <string.h>

/* The longest reason there can be: a path of many names, of which the last matters most. */
static char longest[CF_ERROR_TEXT];

static cf_status fail_to_read(cf_blobs *blobs, const cf_hash *user, const cf_hash *id,
                              uint64_t offset, size_t size, cf_buffer *out, uint64_t *total,
                              cf_error *error)
{
    (void)blobs, (void)user, (void)id, (void)offset, (void)size, (void)out, (void)total;
    memset(longest, 'n', sizeof longest - 1);
    memcpy(longest + sizeof longest - sizeof "its end", "its end", sizeof "its end");
    return cf_fail(error, CF_IO, "%s", longest);
}

static void put_a_blob(cf_blobs *blobs)
{
    const cf_bytes content = cf_bytes_of_text("what a blob holds");
    cf_blob_put put = {.user = {{1}}, .total = content.size, .bytes = content, .now_ms = 1};

    put.id = cf_blob_id(content);
    blobs->put(blobs, &put);
}

static cf_status verify(bool json, cf_buffer *out)
{
    static const uint8_t instance[16];
    scratch *at = scratch_new();
    cf_store_memory_disk *disk = cf_store_memory_disk_new(instance);
    cf_blob_memory_disk *blob_disk = cf_blob_memory_disk_new();
    cf_broker_data broker_data = {.store = cf_store_memory_new(disk),
                                  .blobs = cf_blob_memory_new(blob_disk)};
    cf_lost_blobs missing = {0};
    cf_desk desk = {.broker_data = &broker_data, .missing = &missing};
    cf_env env = {0};
    char data[128];
    cf_error error;

    cf_env_system(&env, "counterfoild", CF_REPORT_ERROR);
    env.files = at->files;
    broker_data.env = &env;
    snprintf(data, sizeof data, "%s/data", at->path);
    expect_ok(cf_datadir_open(&env, data, CF_DATADIR_NEW, &broker_data.datadir, &error), error);
    put_a_blob(broker_data.blobs);
    broker_data.blobs->get = fail_to_read;
    cf_status status =
        cf_verb_run(&desk, &(cf_operator_verb){.verb = "verify", .json = json}, out, &error);
    cf_lost_blobs_release(&missing);
    cf_datadir_destroy(&broker_data.datadir);
    cf_blobs_destroy(&broker_data.blobs);
    cf_blob_memory_disk_destroy(&blob_disk);
    cf_store_destroy(&broker_data.store);
    cf_store_memory_disk_destroy(&disk);
    scratch_destroy(&at);
    return status;
}

Test(verbs, verify_says_a_reason_to_its_end)
{
    for (int json = 0; json < 2; json++) {
        cf_buffer out = {0};

        cr_expect_eq(verify(json, &out), CF_BROKEN);
        cf_buffer_append(&out, "", 1);
        cr_expect_not_null(strstr((const char *)out.data, longest), "%s", (const char *)out.data);
        cf_buffer_release(&out);
    }
}
