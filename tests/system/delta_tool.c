/* SPDX-License-Identifier: Apache-2.0 */
/* delta_tool encode|decode log|file SOURCE TARGET|PATCH OUTPUT: the delta engine over real files,
 * for the tests beside the xdelta3 command. Says what it took on stderr. */
#include "codec/delta.h"
#include "codec/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static cf_status read_file(void *context, uint64_t offset, void *buffer, size_t size,
                           cf_error *error)
{
    ssize_t done = pread(*(int *)context, buffer, size, (off_t)offset);

    if (done < 0)
        return cf_fail_errno(error, errno, "reading");
    return (size_t)done == size ? CF_OK : cf_fail(error, CF_CHANGED, "it has become shorter");
}

static cf_status write_file(void *context, const void *data, size_t size, cf_error *error)
{
    ssize_t done = write(*(int *)context, data, size);

    return done == (ssize_t)size ? CF_OK : cf_fail_errno(error, errno, "writing");
}

static cf_reader_at open_source(const char *path, int *file)
{
    struct stat status = {0};

    *file = open(path, O_RDONLY | O_CLOEXEC);
    if (*file >= 0)
        fstat(*file, &status);
    return (cf_reader_at){read_file, file, (uint64_t)status.st_size};
}

int main(int count, char **words)
{
    int files[3];
    cf_error error;
    cf_status status;
    cf_delta_figures figures = {0};

    if (count != 6)
        return 2;
    cf_delta_form form = strcmp(words[2], "log") == 0 ? CF_DELTA_LOG : CF_DELTA_FILE;
    cf_reader_at source = open_source(words[3], &files[0]),
                 input = open_source(words[4], &files[1]);
    files[2] = open(words[5], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cf_sink output = {write_file, &files[2]};
    if (files[0] < 0 || files[1] < 0 || files[2] < 0) {
        perror("delta_tool");
        return 2;
    }
    if (strcmp(words[1], "encode") == 0) {
        cf_delta_encoding encoding = {
            .source = source, .target = input, .patch = output, .form = form, .figures = &figures};
        status = cf_delta_encode(&encoding, &error);
    } else {
        cf_delta_decoding decoding = {.source = source,
                                      .patch = input,
                                      .target = output,
                                      .form = form,
                                      .target_max = CF_FILE_MAX,
                                      .figures = &figures};
        status = cf_delta_decode(&decoding, &error);
    }
    fprintf(stderr, "%" PRIu64 " bytes written, %zu of memory%s%s\n", figures.written,
            figures.memory, status ? ": " : "", status ? error.text : "");
    return cf_status_exit_code(status);
}
