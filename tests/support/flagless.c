/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/flagless.h"

static cf_status refuse(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                        const cf_folder *to_folder, cf_bytes to, cf_error *error)
{
    (void)files, (void)from_folder, (void)from, (void)to_folder, (void)to;
    return cf_fail(error, CF_UNSAFE, "Invalid argument");
}

void make_flagless(cf_files *files, bool links)
{
    files->rename = files->exchange = refuse;
    if (!links)
        files->link = refuse;
}
