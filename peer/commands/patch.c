/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/patch.h"

#include "codec/delta.h"
#include "codec/limits.h"
#include "peer/commands/reader_file.h"
#include "peer/commands/target_file.h"
#include "peer/commands/verbs.h"

#include <string.h>

cf_status cf_patch_files(const char *source, const char *patch, const char *target, cf_error *error)
{
    cf_reader_file *source_file = NULL, *patch_file = NULL;
    cf_target_file *target_file = NULL;

    if (strcmp(source, "-") == 0 && strcmp(patch, "-") == 0)
        return cf_fail(error, CF_USAGE, "source and patch can't both be standard input");
    cf_status status = cf_reader_file_open(source, &source_file, error);
    if (status)
        goto done;
    status = cf_reader_file_open(patch, &patch_file, error);
    if (status)
        goto done;
    status = cf_target_file_open(target, &target_file, error);
    if (status)
        goto done;
    const cf_delta_decoding decoding = {
        .source = *cf_reader_file_view(source_file),
        .patch = *cf_reader_file_view(patch_file),
        .target = *cf_target_file_sink(target_file),
        .form = CF_DELTA_FILE,
        .target_max = CF_FILE_MAX,
    };
    status = cf_delta_decode(&decoding, error);
    if (status)
        cf_error_while(error, "applying %s to %s", patch, source);
    else
        status = cf_target_file_commit(target_file, error);
done:
    cf_reader_file_destroy(&source_file);
    cf_reader_file_destroy(&patch_file);
    cf_target_file_destroy(&target_file);
    return status;
}

static cf_status start(cf_run *run, cf_error *error)
{
    const char *const *names = run->options.arguments;

    cf_status status = cf_run_check_count(run, 3, 3, error);
    return status ? status : cf_patch_files(names[0], names[1], names[2], error);
}

const cf_verb cf_verb_patch = {
    .name = "patch",
    .usage = "patch SOURCE PATCH TARGET",
    .summary = "Makes TARGET out of SOURCE and a patch of `delta` or of xdelta3",
    .more = "PATCH is VCDIFF (RFC 3284); - is stdin or stdout.",
    .needs = CF_NEEDS_NOTHING,
    .start = start,
};
