/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's part for a folder of files: when to look, what to make of what is found, when to
 * apply. */
#ifndef CF_PEER_SOURCES_FILES_FILES_SOURCE_H
#define CF_PEER_SOURCES_FILES_FILES_SOURCE_H
#include "peer/sources/context/source_context.h"

cf_source cf_files_source_open(cf_source_context *context, cf_binding *binding);

#endif
