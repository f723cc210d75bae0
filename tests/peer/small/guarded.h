/* SPDX-License-Identifier: Apache-2.0 */
/* Small worlds with the guard before mass deletes. Their files are called file0, file1 and so on.
 */
#ifndef CF_TESTS_GUARDED_H
#define CF_TESTS_GUARDED_H
#include "tests/peer/small/small_folder.h"

enum { FILES = 12 };

/* Of two devices, in sync: the files were made on the first one. */
small_world *a_guarded_world_of(uint64_t seed, int files);
small_world *a_guarded_world(uint64_t seed); /* FILES of them */

void name_file(int number, char name[16]);
void write_files(small_device *self, int first, int end);
/* The same by the world's clock, which may have gone on. */
void make_files(const small_world *in, small_device *self, int first, int end);
void remove_files(small_device *self, int count);
void remove_range(small_device *self, int first, int end);

/* How many of the first `files` are there. */
int count_of(const small_device *self, int files);
int count_files(const small_device *self); /* of FILES */

/* What keeps the first source from being looked at. */
cf_status trouble(small_device *self);

/* As `counterfoil sync --yes`. */
void sync_with_the_word(small_device *self);

#endif
