/* SPDX-License-Identifier: MIT */
/*
 * `assay-broker --doctor`: what keeps this broker from working, or from being trusted.
 */
#pragma once

#include "broker/queue/config.h"
#include "common/checkup.h"

/* Looks at everything; the broker may run or not. */
void broker_doctor(struct checkup *checkup, const struct broker_config *config);
