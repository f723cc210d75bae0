/* SPDX-License-Identifier: Apache-2.0 */
/* One content on its way out: a small one is ready at once, of a large one a patch is made, or it
 * is sealed. For uploads.c alone. */
#ifndef CF_PEER_TRANSFER_UPLOAD_ONE_H
#define CF_PEER_TRANSFER_UPLOAD_ONE_H
#include "peer/transfer/upload_table.h"

/* What needs no transfer: NULL unless the log has the content already; a small file. */
cf_upload *cf_upload_name_again(cf_uploads *uploads, const cf_upload_file *file);
cf_upload *cf_upload_small(cf_uploads *uploads, const cf_upload_file *file);
/* A large one, to be begun. */
cf_upload *cf_upload_large(cf_uploads *uploads, const cf_upload_file *file);
/* Goes on with those of one phase, as far as there is room. */
void cf_upload_step(cf_uploads *uploads, cf_upload_phase phase);
/* The content starts again: its blobs were sealed under an epoch that is over, and would tell what
 * is written now to who was shut out by it; or its file is not to be read any more. */
void cf_upload_give_up(cf_uploads *uploads, cf_upload *one);

#endif
