/* SPDX-License-Identifier: Apache-2.0 */
/* Protocol messages: the first frame is one msgpack array that begins with the command, bulk bytes
 * follow as a frame of their own. codec/PROTOCOL.md, "Messages", is normative. What a message means
 * and who may send it when is the gateway's and the link's to know; here is only form. */
#ifndef CF_CODEC_MESSAGE_H
#define CF_CODEC_MESSAGE_H
#include "codec/arena.h"
#include "codec/bytes.h"
#include "codec/checkpoint.h"
#include "codec/entry.h"
#include "codec/error.h"
#include "codec/ids.h"
#include "codec/limits.h"

#define CF_PROTOCOL_VERSION 1

typedef enum {
    CF_COMMAND_HELLO = 1,
    CF_COMMAND_WELCOME,
    CF_COMMAND_AGAIN,
    CF_COMMAND_MOVED,
    CF_COMMAND_SUBSCRIBE,
    CF_COMMAND_SUBSCRIBED,
    CF_COMMAND_ENTRY,
    CF_COMMAND_CREDIT,
    CF_COMMAND_PUBLISH,
    CF_COMMAND_ACCEPTED,
    CF_COMMAND_REFUSED,
    CF_COMMAND_HAVE,
    CF_COMMAND_MISSING,
    CF_COMMAND_PUT,
    CF_COMMAND_STORED,
    CF_COMMAND_GET,
    CF_COMMAND_BLOB,
    CF_COMMAND_ABSENT,
    CF_COMMAND_WANTED,
    CF_COMMAND_LOCK,
    CF_COMMAND_RENEW,
    CF_COMMAND_UNLOCK,
    CF_COMMAND_LOCKS,
    CF_COMMAND_LEASE,
    CF_COMMAND_BUSY,
    CF_COMMAND_LEASES,
    CF_COMMAND_LOCATE,
    CF_COMMAND_ENDPOINTS,
    CF_COMMAND_GUEST,
    CF_COMMAND_KNOCK,
    CF_COMMAND_ADMIT,
    CF_COMMAND_REPORT,
    CF_COMMAND_QUERY,
    CF_COMMAND_HOLDS,
    CF_COMMAND_REPORTED,
    CF_COMMAND_ALONE,
    CF_COMMAND_CLOCK,
    CF_COMMAND_LACKING,
    CF_COMMAND_FETCH,
    CF_COMMAND_PAUSED,
    CF_COMMAND_CHAINS,
    CF_COMMAND_ENDS,
    CF_COMMAND_CHECKPOINT,
    CF_COMMAND_CHECKPOINTS,
    CF_COMMAND_CONFINE,
    CF_COMMAND_CONFINED,
} cf_command; /* from ALONE on in the order in which they came to be */
enum { CF_COMMANDS = CF_COMMAND_CONFINED + 1 };

/* As on the wire: "HELLO". */
const char *cf_command_name(cf_command command);
/* Whether a code of REFUSED is about room: on the disk, or of the user's quota. */
bool cf_message_is_for_room(cf_bytes code);

/* Why a request was refused: the codes of REFUSED. The same bytes may be sent again after a *later*
 * one; a *never* is final. Unknown codes are kept as they came. */
#define CF_REFUSED_GAP "gap"       /* later: its predecessor or a head of `after` isn't here */
#define CF_REFUSED_BLOBS "blobs"   /* later: PUT the blobs first; WANTED names them */
#define CF_REFUSED_LOCKED "locked" /* later: a lease of another */
#define CF_REFUSED_QUOTA "quota"   /* later */
#define CF_REFUSED_FULL "full"     /* later: no room on the broker's disk */
#define CF_REFUSED_BUSY "busy"     /* later: over the window, or the store is stopping */
#define CF_REFUSED_CLOCK "clock"   /* later */
#define CF_REFUSED_ABSENT "absent" /* later: nobody is here who could answer a KNOCK */
#define CF_REFUSED_VOID "void"     /* never: revoked, or over its limits */
#define CF_REFUSED_ROLE "role"     /* never: the author's role doesn't allow it */
#define CF_REFUSED_TOO_MANY_CHAINS                                                                 \
    "too-many-chains" /* never: the device has enough; later: all devices together have */
#define CF_REFUSED_MALFORMED "malformed"
#define CF_REFUSED_FORGED "forged"
#define CF_REFUSED_USED "used"               /* never: an invitation or code that was used */
#define CF_REFUSED_EXPIRED "expired"         /* never: of codes */
#define CF_REFUSED_UNKNOWN "unknown"         /* never: no such user, device or code */
#define CF_REFUSED_REMOVED "removed"         /* never: the operator removed the user */
#define CF_REFUSED_VERSION "version"         /* never */
#define CF_REFUSED_UNSUPPORTED "unsupported" /* never */

/* A lease's fencing token; it only rises. */
typedef struct {
    uint64_t generation;
    uint64_t counter;
} cf_lease_token;

typedef struct {
    cf_hash id;
    uint64_t held; /* bytes from its beginning that needn't be sent again */
} cf_partial;

typedef struct {
    cf_id collection;
    cf_id name;     /* what in the collection, under its lock key; all zero: the whole collection */
    cf_hash holder; /* device */
    uint64_t until_ms;
    bool shared;
    uint64_t since_ms;
} cf_lease;

/* A collection that another device communicates alone in. */
typedef struct {
    cf_id collection;
    uint64_t until_ms; /* at the latest, by the broker's clock */
    bool waits;        /* entries of it are kept back */
} cf_paused;

/* Pointers are borrowed, from the frames or the arena. A NULL pointer to one element is "none", on
 * the wire nil. */
typedef struct {
    cf_command command;
    union {
        struct {
            uint64_t version;
            cf_hash user;
            const cf_head *heads; /* at most CF_HEADS_PAGE */
            size_t head_count;
            bool more; /* another HELLO with further heads follows */
        } hello;
        struct {
            uint64_t version;
            uint8_t instance[16]; /* of the log: positions mean something only with it */
            uint64_t now_ms;      /* the broker's clock */
            uint64_t window;      /* bytes of PUT and PUBLISH that may be under way */
            const cf_head *heads;
            size_t head_count;
            bool more;
        } welcome;
        struct {
            cf_bytes endpoint; /* text, as in an address: tcp://HOST:PORT#KEY */
        } moved;
        /* Rungs of the subscriber's own branches, falling along one branch (n, n-1, n-3, n-7 … 1);
         * a new branch begins where the writer changes or the sequence doesn't fall. */
        struct {
            const cf_head *rungs;
            size_t rung_count;
            const cf_id *collections; /* NULL: all */
            size_t collection_count;
            uint64_t credit; /* bytes of entries */
            bool more;       /* another SUBSCRIBE with further rungs follows; its credit adds up */
        } subscribe;
        struct {
            const cf_head *held; /* of each branch the highest rung that is held, if any */
            size_t held_count;
            bool more;
        } subscribed;
        struct {
            uint64_t position;
            cf_bytes entry; /* bulk */
        } entry;
        struct {
            uint64_t bytes;
        } credit;
        struct {
            const cf_lease_token *token;
            const cf_hash *without; /* blobs that the author can't make again */
            size_t without_count;
            cf_bytes entry; /* bulk */
        } publish;
        struct {
            cf_head head;
        } accepted;
        struct {
            cf_bytes request; /* the command that is refused */
            cf_bytes name;    /* what it was about: header hash, blob id, request id, guest key */
            bool later;
            cf_bytes code;
            cf_bytes text; /* for the person */
        } refused;
        struct {
            const cf_hash *ids; /* at most CF_ENTRY_BLOBS_MAX, in WANTED too */
            size_t id_count;
        } have, wanted;
        struct {
            const cf_partial *blobs; /* of those asked for the incomplete ones */
            size_t blob_count;
        } missing;
        struct {
            cf_hash id;
            uint64_t offset;
            uint64_t total;
            cf_bytes bytes; /* bulk, at most CF_BLOB_STEP */
        } put, blob;
        struct {
            cf_hash id;
        } stored, absent;
        struct {
            cf_hash id;
            uint64_t offset;
            uint64_t size; /* of a FETCH alone: so many bytes at most, up to CF_BLOB_STEP */
        } get;
        struct {
            cf_id request; /* random; the same one gets the same LEASE again */
            cf_id collection;
            cf_id name;
            uint64_t for_ms;
            bool shared;
            bool wait;
        } lock;
        struct {
            cf_id request;
            cf_lease_token token;
            uint64_t for_ms;
        } renew;
        struct {
            cf_id request;
            cf_id collection;
            cf_id name;
            const cf_lease_token *token; /* NULL: break it, whoever holds it */
        } unlock;
        struct {
            cf_id request;
        } locks;
        struct {
            cf_id collection;
            bool begins;
        } alone;
        struct {
            uint64_t version;
            uint64_t now_ms; /* the sender's; answered by the same message */
        } clock;
        /* Of entries that the broker had acknowledged, how many it does not show. */
        struct {
            uint64_t count;
        } lacking;
        struct {
            cf_id request;
            cf_lease_token token;
            uint64_t until_ms; /* by the broker's clock; 0: it has ended */
        } lease;
        struct {
            cf_id request;
            cf_hash holder;
            uint64_t until_ms;
        } busy;
        struct {
            cf_id request;
            const cf_lease *leases;
            size_t lease_count;
        } leases;
        struct {
            const cf_paused *collections;
            size_t count;
        } paused;
        cf_checkpoint checkpoint;
        struct {
            const cf_checkpoint *at;
            size_t count;
        } checkpoints;
        struct {
            cf_hash user;
        } locate;
        struct {
            uint8_t instance[16];
            uint64_t position; /* of the log's last entry */
            const cf_bytes *endpoints;
            size_t endpoint_count;
        } endpoints;
        /* Registers the public half of a pairing code's guest key, or with 0 takes it back;
         * answered by the same message. */
        struct {
            cf_hash key;
            uint64_t expires_ms;
        } guest;
        struct {
            const cf_hash *user; /* NULL: an invitation */
            cf_hash key;         /* the guest's */
            cf_bytes sealed;     /* bulk, at most CF_KNOCK_MAX */
        } knock;
        struct {
            cf_hash key;
            cf_bytes sealed; /* bulk, at most CF_KNOCK_MAX */
        } admit;
        struct {
            const cf_head *heads;
            size_t head_count;
            bool more;
        } report;
        struct {
            cf_id collection;
            const cf_head *heads;
            size_t head_count;
        } holds;
        struct {
            const cf_hash *device; /* NULL: none has reported */
            uint64_t at_ms;
            const cf_head *heads;
            size_t head_count;
            bool more;
        } reported;
        struct {
            cf_hash user;
            const cf_id *collections;
            size_t count;
        } confine;
        struct {
            const cf_hash *devices;
            size_t count;
        } chains;
        struct {
            cf_hash device;
            const cf_head *heads;
            size_t head_count;
            bool more;
        } ends;
    };
} cf_message;

enum { CF_MESSAGE_FRAMES = 2 };

/* A message as it goes out; owned. {0} is empty. */
typedef struct {
    cf_buffer frame[CF_MESSAGE_FRAMES];
    size_t count;
} cf_frames;

void cf_frames_release(cf_frames *frames);

/* Appends nothing: `out` is emptied first, keeping its memory. */
void cf_message_write(const cf_message *message, cf_frames *out);

/* Strict: CF_MALFORMED, or CF_TOO_LARGE beyond a limit. CF_DENIED for a command that this version
 * doesn't know. What it gives borrows from `frames` and the arena. Of a HELLO, WELCOME or CLOCK of
 * another version only that version is read, whatever follows it. */
cf_status cf_message_read(const cf_bytes *frames, size_t count, cf_arena *arena, cf_message *out,
                          cf_error *error);
bool cf_message_is_of_this_version(const cf_message *message);

#endif
