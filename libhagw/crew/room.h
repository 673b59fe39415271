/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

/* What hangs on a worker and belongs to a room above: the worker calls it and knows nothing of it. Each may
 * be NULL. In the worker's thread but where it says otherwise; from the lowest room to the highest, but
 * where it says otherwise. */

typedef struct Visitor Visitor;
typedef struct Worker Worker;

typedef struct Room {
        int (*init)(Worker *w);      /* in the main thread, before there is a thread */
        void (*open)(Worker *w);     /* every worker has its first snapshot: visitors may come */
        void (*snapshot)(Worker *w); /* w->snapshot is another one */
        void (*network)(Worker *w);  /* the machine's network has changed, or what is said of the relay */
        void (*visitor)(Worker *w, Visitor *v); /* one has come by a channel; takes him over */
        void (*stranded)(Worker *w); /* that was a while ago: an address that has not come back is lost */
        /* The end, as stop.h tells it: */
        void (*drain)(Worker *w); /* who is here now is to come to his end */
        /* Lets go of those who want nothing, most of them at once. Returns how many are worth waiting
         * for. */
        size_t (*part)(Worker *w, size_t most);
        void (*shut)(Worker *w);  /* from the highest: nobody comes any more */
        void (*leave)(Worker *w); /* from the highest: whoever is left goes */
        void (*left)(Worker *w);  /* everybody has: the last word */
        void (*done)(Worker *w);  /* the thread ends, maybe without a good end */
        void (*free)(Worker *w);  /* from the highest, in the main thread; maybe of a room without init() */
} Room;
