/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/visit/entrance.h"

/* For a tcp:// service, from a whole ClientHello in c->transport.in. */
extern const Entrance service_entrance;
