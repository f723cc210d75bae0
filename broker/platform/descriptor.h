/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing a descriptor that goes on where the system stopped early: after a part, which
 * it may always move less than asked, or for a signal, which some file systems let interrupt them.
 * All that reads or writes files goes through these; each fails with errno. */
#ifndef CF_BROKER_PLATFORM_DESCRIPTOR_H
#define CF_BROKER_PLATFORM_DESCRIPTOR_H
#include "codec/bytes.h"
#include "codec/error.h"

#include <dirent.h>

/* Up to `size` bytes; fewer only at the end. */
bool cf_descriptor_read_at(int descriptor, uint64_t offset, void *buffer, size_t size,
                           size_t *read);
bool cf_descriptor_write_at(int descriptor, uint64_t offset, cf_bytes bytes);

/* The same from where it stands, and of pipes. */
bool cf_descriptor_read(int descriptor, void *buffer, size_t size, size_t *read);
bool cf_descriptor_write(int descriptor, cf_bytes bytes);

/* Descriptors 0 to 2 that are closed lead nowhere from now on, so that no file of ours gets their
 * number, and what is said there. At the start of a program. */
void cf_descriptor_fill_standard(void);

/* The next name; "." and ".." don't come. NULL at the end, with errno 0, and when it fails. */
const struct dirent *cf_descriptor_next_name(DIR *stream);

/* Opens the folder that a store or the blobs live in, making it when absent; the parent of a new
 * one is synced, so that what is durable in it does not vanish with it. */
cf_status cf_durable_folder_open(const char *path, int *descriptor, cf_error *error);

#endif
