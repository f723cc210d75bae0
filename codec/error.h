/* SPDX-License-Identifier: Apache-2.0 */
/* A status for the program, a text for the person. Every call that can fail returns a cf_status and
 * takes a `cf_error *error` last, never NULL; outputs are written on CF_OK only. */
#ifndef CF_CODEC_ERROR_H
#define CF_CODEC_ERROR_H
#include <stdbool.h>

typedef enum {
    CF_OK = 0,
    CF_MALFORMED,   /* bytes that break the format */
    CF_FORGED,      /* a signature, id, key or hash that does not fit */
    CF_DENIED,      /* known, but not allowed */
    CF_USAGE,       /* the caller's words are off */
    CF_LOCKED,      /* held by another */
    CF_MISSING,     /* what was named is not there */
    CF_TOO_LARGE,   /* beyond a limit of codec/limits.h */
    CF_UNREACHABLE, /* broker or network: try again */
    CF_UNSAFE,      /* a safety stop: the user's word is needed */
    CF_FULL,        /* no room on a disk, or the other takes nothing more for now */
    CF_CHANGED,     /* not what it was when we looked */
    CF_BROKEN,      /* our own state is damaged: needs repair */
    CF_IO,          /* the system refused an operation */
} cf_status;

enum { CF_ERROR_TEXT = 512 };

typedef struct {
    cf_status status;
    char text[CF_ERROR_TEXT];
    int number; /* errno, where the system said so; else 0 */
} cf_error;

/* Writes status and text, and returns the status. The text never holds secrets or contents of
 * files. */
cf_status cf_fail(cf_error *error, cf_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What is to be done where a disk fails, behind the system's word for it. */
#define CF_ERROR_OF_DISK "the disk fails: see the kernel's log"

/* As cf_fail, from errno: ": No space left on device" and the like is appended; ENOSPC and EDQUOT
 * become CF_FULL, ENOENT CF_MISSING, all others CF_IO. */
cf_status cf_fail_errno(cf_error *error, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The file system can't do that at all (EPERM, EINVAL, EOPNOTSUPP, ENOSYS); of any other failure
 * the next try may tell something else. */
bool cf_error_is_unsupported(const cf_error *error);
/* The process had no descriptors, or no memory: that says nothing of what was asked for. */
bool cf_error_is_lack(const cf_error *error);
/* Nothing can be written there (EROFS, EACCES, EPERM). */
bool cf_error_is_unwritable(const cf_error *error);

/* Puts what we were doing before the text: "loading ledger /var/x: record 12 is cut short". */
void cf_error_while(cf_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Of a text the clause that says what to do next, to its end: where a command (in `backquotes`) or
 * an option is named, behind the ": ", "; " or ". " before it. Borrows; NULL: there is none. */
const char *cf_error_hint(const char *text);

/* The code that a program exits with after this status (counterfoil(1), EXIT STATUS). */
int cf_status_exit_code(cf_status status);

#endif
