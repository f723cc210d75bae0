/* SPDX-License-Identifier: Apache-2.0 */
/* What `add` and `set` ask of a source's format. */
#ifndef CF_PEER_COMMANDS_SOURCE_FORMAT_H
#define CF_PEER_COMMANDS_SOURCE_FORMAT_H
#include "peer/program/verb.h"

/* From `--format`, else files. CF_USAGE says what to say of a file. */
cf_status cf_source_choose_format(const cf_run *run, const char *path, cf_format *out,
                                  cf_error *error);
/* Before the verb is sent anywhere: whether a folder of mostly cards, or of mostly events, is meant
 * as contacts, or as a calendar, is asked on a terminal. CF_USAGE: there is none, and no --format.
 */
cf_status cf_source_ask_format(cf_run *run, cf_error *error);
/* CF_USAGE: options that are there for folders only. */
cf_status cf_source_check_options(const cf_run *run, cf_format format, cf_error *error);
/* The keys of a format of records, from `--key`, not yet checked. CF_USAGE: options that this
 * format doesn't have. */
cf_status cf_source_choose_keys(const cf_run *run, cf_format format, cf_arena *arena,
                                cf_binding_options *out, cf_error *error);
/* Whether the source is, or will be, a folder. */
bool cf_source_is_folder(cf_format format, const char *path);
/* That the records there can be read; `*there`: they need not be there yet; `*senseless`: what is
 * there can't be taken as any. */
cf_status cf_source_check_records(const cf_run *run, const cf_binding_options *options, bool *there,
                                  bool *senseless, cf_error *error);

#endif
