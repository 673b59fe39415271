/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/crew/worker.h"

/* What hagw-proxyd's workers are made of. */
extern const CrewPlan crew_plan;
