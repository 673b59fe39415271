/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/vl.h"

extern const VlMethod acmed_methods[], account_methods[];
