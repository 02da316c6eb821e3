/* SPDX-License-Identifier: MIT */
/*
 * `assay-gateway --doctor`: what keeps this gateway from taking uploads.
 */
#pragma once

#include "broker/gateway/settings.h"
#include "common/checkup.h"

/* Looks at everything; the gateway may run or not. */
void gateway_doctor(struct checkup *checkup, const struct settings *settings);
