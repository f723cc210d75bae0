/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CF_TESTS_COLUMNS_H
#define CF_TESTS_COLUMNS_H
#include <string.h>

/* What a line of a table has between its commas, as the tests write tables: without quotes. The
 * line is cut to pieces. */
static inline size_t columns_of(char *line, char **out, size_t most)
{
    size_t count = 0;

    line[strcspn(line, "\r\n")] = '\0';
    for (char *piece; count < most && (piece = strsep(&line, ","));)
        out[count++] = piece;
    return count;
}

#endif
