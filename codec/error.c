/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/error.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

cf_status cf_fail(cf_error *error, cf_status status, const char *format, ...)
{
    va_list arguments;

    error->status = status;
    error->number = 0;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return status;
}

static cf_status status_of_errno(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
        return CF_FULL;
    case ENOENT:
        return CF_MISSING;
    default:
        return CF_IO;
    }
}

/* With what helps, where the system's word alone helps nobody. */
static const char *reason_of(int number)
{
    return number == EIO ? "Input/output error (" CF_ERROR_OF_DISK ")" : strerror(number);
}

cf_status cf_fail_errno(cf_error *error, int number, const char *format, ...)
{
    va_list arguments;

    error->status = status_of_errno(number);
    error->number = number;
    va_start(arguments, format);
    int used = vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    if (used >= 0 && (size_t)used < sizeof error->text)
        snprintf(error->text + used, sizeof error->text - (size_t)used, ": %s", reason_of(number));
    return error->status;
}

bool cf_error_is_unsupported(const cf_error *error)
{
    const int number = error->number;

    return number == EPERM || number == EINVAL || number == EOPNOTSUPP || number == ENOSYS;
}

bool cf_error_is_lack(const cf_error *error)
{
    return error->number == EMFILE || error->number == ENFILE || error->number == ENOMEM;
}

bool cf_error_is_unwritable(const cf_error *error)
{
    return error->number == EROFS || error->number == EACCES || error->number == EPERM;
}

void cf_error_while(cf_error *error, const char *format, ...)
{
    char before[CF_ERROR_TEXT], cause[CF_ERROR_TEXT];
    va_list arguments;

    memcpy(cause, error->text, sizeof cause);
    va_start(arguments, format);
    vsnprintf(before, sizeof before, format, arguments);
    va_end(arguments);
    size_t used = strnlen(before, sizeof before - 3);
    memcpy(error->text, before, used);
    snprintf(error->text + used, sizeof error->text - used, ": %s", cause);
}

static bool ends_clause(const char *at)
{
    return strchr(":;.", at[0]) && at[1] == ' ';
}

/* "a folder: --yes" has an option, "it is 3--4" has none. */
static bool names_command(const char *at, const char *text)
{
    return *at == '`' || (strncmp(at, "--", 2) == 0 && at > text && at[-1] == ' ');
}

const char *cf_error_hint(const char *text)
{
    const char *clause = NULL;

    for (const char *at = text; *at; at++) {
        if (clause && names_command(at, text))
            return clause;
        if (*at == ' ' && at > text && ends_clause(at - 1))
            clause = at + 1;
    }
    return NULL;
}

int cf_status_exit_code(cf_status status)
{
    switch (status) {
    case CF_OK:
        return 0;
    case CF_USAGE:
        return 2;
    case CF_MISSING:
        return 3;
    case CF_UNREACHABLE:
        return 5;
    case CF_DENIED:
    case CF_FORGED:
        return 6;
    case CF_BROKEN:
        return 7;
    case CF_UNSAFE:
        return 8;
    case CF_LOCKED:
        return 9;
    default:
        return 1;
    }
}
