/* SPDX-License-Identifier: Apache-2.0 */
/* What the system alone can do to who reads a file. */
#include "peer/bindings/files_read.h"

#include "codec/content.h"
#include "tests/support/calls.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

Test(read_interrupted, hashes_what_is_there_though_it_comes_in_parts)
{
    scratch *here = scratch_new();
    cf_buffer text = {0};
    cf_read_options options = {
        .files = here->files, .folder = here->folder, .name = cf_bytes_of_text("f")};
    cf_read read;
    cf_read_answer answer;
    cf_error error;

    for (int i = 0; i < 300000; i++)
        cf_buffer_append_text(&text, "line %d\n", i);
    cf_hash hash = cf_content_hash(cf_buffer_view(&text));
    cf_buffer_append(&text, "", 1);
    scratch_write(here, "f", (const char *)text.data);
    scratch_settle(here, "f");
    options.now_ns = scratch_now_ns(here);
    calls_cut_short(here->path);
    expect_ok(cf_read_file(&options, &read, &answer, &error), error);
    cr_expect_gt(calls_were_cut_short(), 20);
    calls_cut_short(NULL);
    cr_assert_eq(answer, CF_READ_DONE);
    cr_expect(cf_hash_equal(&read.content, &hash));
    cf_read_release(&read);
    cf_buffer_release(&text);
    scratch_destroy(&here);
}
