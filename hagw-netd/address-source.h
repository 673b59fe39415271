/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-netd/lookup.h"
#include "hagw-netd/netlink.h"

/* Where one of the house's public addresses comes from: "none", "static:ADDRESS", "resolve:NAME",
 * "interface[:NAME]". A row of address_kinds each. A source keeps its last good address whatever happens
 * afterwards. */

#define SOURCE_POLL_MIN_USEC                                                                                \
        (5 * USEC_PER_SEC) /* a resolved name is asked again when its TTL is over, but not before */
#define SOURCE_POLL_MAX_USEC  (5 * USEC_PER_MINUTE) /* and at the latest then */
#define SOURCE_RETRY_MIN_USEC (2 * USEC_PER_SEC)    /* after a failure, doubling */
#define SOURCE_RETRY_MAX_USEC (1 * USEC_PER_MINUTE)
#define SOURCE_ANSWER_USEC                                                                                  \
        (5 * USEC_PER_MINUTE) /* a family whose source has not answered so long counts as without address */

typedef struct AddressSource AddressSource;

/* "Not known yet" and "none" are two things: the first must not be told as the second, which the world
 * remembers. */
typedef enum AddressKnowledge {
        ADDRESS_KNOWLEDGE_UNKNOWN,  /* the source has not answered yet */
        ADDRESS_KNOWLEDGE_DOUBTFUL, /* nor in SOURCE_ANSWER_USEC: there seems to be none */
        ADDRESS_KNOWLEDGE_NONE,     /* the source says that there is none; its error tells why */
        ADDRESS_KNOWLEDGE_KNOWN,
        _ADDRESS_KNOWLEDGE_MAX,
} AddressKnowledge;

const char *address_knowledge_text(AddressKnowledge k);

typedef struct AddressState {
        AddressKnowledge knowledge;
        IpAddress address;       /* the last good one; AF_UNSPEC: none yet */
        uint64_t confirmed_usec; /* CLOCK_REALTIME; 0: never */
        uint64_t changed_usec;
        char *error; /* of the newest try; NULL: it succeeded */
        char *held;  /* the source that the address is of, while this one has given none; NULL: this one */
} AddressState;

typedef struct AddressSourceCounters {
        uint64_t changes, failures, lookups;
} AddressSourceCounters;

/* A try has ended. changed: address or error is another than before. Must not free the source. */
typedef void (*AddressSourceHandler)(AddressSource *s, bool changed, void *userdata);

/* spec as in the configuration (already checked there; -EINVAL otherwise). Nothing happens before
 * address_source_refresh(). */
int address_source_new(AddressSource **ret, sd_event *event, const Netlink *netlink, int family,
                       const char *spec, bool documentation, AddressSourceHandler handler,
                       void *userdata);
AddressSource *address_source_free(AddressSource *s);
DEFINE_TRIVIAL_CLEANUP_FUNC(AddressSource *, address_source_free)

/* Puts back what was known before, from the store or the source in whose place it comes, which was asked for
 * spec. Where that was another one the address is held until this one has given its own: whoever mistypes a
 * name does not take the house off the DNS. Not where the owner gives the address, or says that there is
 * none; nor what is no public address. */
void address_source_restore(AddressSource *s, const char *spec, const IpAddress *address,
                            uint64_t confirmed_usec, uint64_t changed_usec);

/* Asks, now. The handler runs at the end of it, maybe before this returns. */
int address_source_refresh(AddressSource *s);
/* To be called when the machine's addresses or routes changed. */
int address_source_network_changed(AddressSource *s);

int address_source_family(const AddressSource *s);
const char *address_source_spec(const AddressSource *s);
/* Is it asked for the same, and in the same way? */
bool address_source_is_same(const AddressSource *a, const AddressSource *b);
bool address_source_is_asking(const AddressSource *s);
/* Where a source is followed live, "confirmed" is now. */
AddressState address_source_state(const AddressSource *s);
AddressSourceCounters address_source_counters(const AddressSource *s);
