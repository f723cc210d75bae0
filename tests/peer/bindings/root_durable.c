/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/files_root.h"

#include "tests/support/expect.h"
#include "tests/support/scratch.h"
#include "tests/support/syncs.h"

Test(root_durable, is_there_or_gone_after_a_power_cut)
{
    static const cf_id instance = {.bytes = {1, 2, 3, 255}};
    scratch *here = scratch_new();
    cf_error error;

    expect_ok(cf_root_make(here->files, here->folder, &instance, &error), error);
    cr_expect(syncs_had(here->path), "the name of what was made is not durable");
    syncs_forget();
    expect_ok(cf_root_remove(here->files, here->folder, &error), error);
    cr_expect(syncs_had(here->path), "what was removed may come back");
    scratch_destroy(&here);
}
