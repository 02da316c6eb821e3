/* SPDX-License-Identifier: MIT */
/*
 * `assay-worker --doctor`: what keeps this worker from working, or the labels from being hidden.
 */
#pragma once

#include "common/checkup.h"
#include "scorer/worker/worker_settings.h"

/* Looks at everything; the worker may run or not. */
void worker_doctor(struct checkup *checkup, const struct worker_settings *settings);
