/* SPDX-License-Identifier: Apache-2.0 */
/* A medium that is a folder of text files, as adapters/vdir.h says: each is read and written by
 * itself, and one in trouble holds back nothing but what may be in it. Folders in it are not
 * followed. Of two files with one UID the one that had it first counts, the other is in trouble.
 *
 *     ann.vcf can't be read, and held Ann:          Ann is in trouble, not deleted
 *     new.vcf can't be read, and never was; Bob's
 *     file is gone:                                 it may be Bob's, renamed: he is in trouble
 *     ann.vcf and copy.vcf have Ann's UID:          ann.vcf counts, copy.vcf is in trouble */
#ifndef CF_PEER_SOURCES_RECORDS_MEDIUM_FOLDER_H
#define CF_PEER_SOURCES_RECORDS_MEDIUM_FOLDER_H
#include "peer/sources/records/medium.h"

cf_medium *cf_medium_folder_new(cf_files *files, cf_peer *peer, cf_binding *binding);

#endif
