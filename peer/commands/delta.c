/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/delta.h"

#include "codec/delta.h"
#include "codec/limits.h"
#include "peer/commands/reader_file.h"
#include "peer/commands/target_file.h"
#include "peer/commands/verbs.h"

#include <string.h>

cf_status cf_delta_files(const char *source, const char *target, const char *patch, cf_error *error)
{
    cf_reader_file *source_file = NULL, *target_file = NULL;
    cf_target_file *patch_file = NULL;

    if (strcmp(source, "-") == 0 && strcmp(target, "-") == 0)
        return cf_fail(error, CF_USAGE, "source and target can't both be standard input");
    cf_status status = cf_reader_file_open(source, &source_file, error);
    if (status)
        goto done;
    status = cf_reader_file_open(target, &target_file, error);
    if (status)
        goto done;
    if (cf_reader_file_view(target_file)->size > CF_FILE_MAX) {
        status = cf_fail(error, CF_TOO_LARGE, "%s is over 256 GiB", target);
        goto done;
    }
    status = cf_target_file_open(patch, &patch_file, error);
    if (status)
        goto done;
    const cf_delta_encoding encoding = {
        .source = *cf_reader_file_view(source_file),
        .target = *cf_reader_file_view(target_file),
        .patch = *cf_target_file_sink(patch_file),
        .form = CF_DELTA_FILE,
    };
    status = cf_delta_encode(&encoding, error);
    if (status)
        cf_error_while(error, "making a delta from %s to %s", source, target);
    else
        status = cf_target_file_commit(patch_file, error);
done:
    cf_reader_file_destroy(&source_file);
    cf_reader_file_destroy(&target_file);
    cf_target_file_destroy(&patch_file);
    return status;
}

static cf_status start(cf_run *run, cf_error *error)
{
    const char *const *names = run->options.arguments;

    cf_status status = cf_run_check_count(run, 3, 3, error);
    return status ? status : cf_delta_files(names[0], names[1], names[2], error);
}

const cf_verb cf_verb_delta = {
    .name = "delta",
    .usage = "delta SOURCE TARGET PATCH",
    .summary = "Writes to PATCH what makes TARGET out of SOURCE",
    .more = "PATCH is VCDIFF (RFC 3284), for `patch` and for the xdelta3 command; - is stdin or "
            "stdout.",
    .needs = CF_NEEDS_NOTHING,
    .start = start,
};
